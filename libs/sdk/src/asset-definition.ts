import type { AssetDefinition, Json } from '@dagbook/domain';
import { describedAsset } from './asset.ts';
import { definitionError } from './error.ts';
import type { DagModel } from './model.ts';
import { watchedAssets } from './schedule.ts';
import { siteOf } from './site.ts';

/** What the author says of the assets that the schedule and the tasks name; undefined: of none is there anything to say. */
export function assetDefinitions(dag: DagModel): readonly AssetDefinition[] | undefined {
  const named = [...watchedAssets(dag.spec.schedule), ...[...dag.tasks.values()].flatMap(({ spec }) => [...(spec.inlets ?? []), ...(spec.outlets ?? [])])];
  const found = new Map<string, AssetDefinition>();
  for (const one of named) {
    const described = describedAsset(one);
    if (described === undefined) continue;
    const before = found.get(described.uri);
    if (before !== undefined && JSON.stringify(before) !== JSON.stringify(described)) {
      throw definitionError({
        field: `assets of '${dag.dagId}'`, value: described.uri, rule: 'an asset has one name, group and extra', remedy: 'Make it once by asset() and use that everywhere',
      }, siteOf(dag.mark));
    }
    found.set(described.uri, JSON.parse(JSON.stringify(described)) as AssetDefinition & Json);
  }
  return found.size === 0 ? undefined : [...found.values()];
}
