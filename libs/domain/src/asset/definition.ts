import type { AssetDefinition } from '../dag/definition.ts';
import { problem, type Problem } from '../problem.ts';
import { MAX_ASSET_EXTRA } from './record.ts';
import { assetAliasRule } from './uri.ts';

/** Names and groups are as those of aliases, extras as those of updates. */
export function assetDefinitionProblems(assets: readonly AssetDefinition[]): Problem[] {
  return assets.flatMap(({ uri, name, group, extra = {} }) => {
    const at = `assets.${uri}`;
    const named = ([['name', name], ['group', group]] as const).flatMap(([field, value]) => {
      const wrong = value === undefined ? undefined : assetAliasRule(value);
      return wrong === undefined ? [] : [problem(`${at}.${field}`, value, wrong.rule, `name the asset like 'orders'`)];
    });
    const { length } = JSON.stringify(extra);
    return length <= MAX_ASSET_EXTRA ? named : [...named, problem(`${at}.extra`, `${length} characters`, `has more than ${MAX_ASSET_EXTRA} characters as JSON`, 'store the data elsewhere and name its place')];
  });
}
