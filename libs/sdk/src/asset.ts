import { assetAliasRule, assetUriRule, type AssetCondition, type AssetDefinition } from '@dagbook/domain';
import { definitionError } from './error.ts';
import { callSite } from './site.ts';
import type { Asset, AssetAlias, AssetWatcher, Json } from './types.ts';

interface AssetSpec {
  /** What people call it. Default: its URI. */
  name?: string;
  /** Default `asset`. */
  group?: string;
  /** What is worth knowing of the asset itself, shown with it; an update brings an extra of its own. */
  extra?: Record<string, Json>;
  watchers?: readonly AssetWatcher[];
}

class AssetValue implements Asset {
  readonly __asset = true;
  readonly uri: string;
  readonly name: string | undefined;
  readonly group: string | undefined;
  readonly extra: { readonly [key: string]: Json } | undefined;
  readonly watchers: readonly AssetWatcher[];
  constructor(uri: string, o: AssetSpec) {
    this.uri = uri;
    this.name = o.name;
    this.group = o.group;
    this.extra = o.extra;
    this.watchers = o.watchers ?? [];
  }
}

class AssetAliasValue implements AssetAlias {
  readonly __assetAlias = true;
  readonly name: string;
  constructor(name: string) {
    this.name = name;
  }
}

/** Data that tasks make and other DAGs wait for, by its URI. `watchers` look for updates that happen outside, while a DAG waits for it. */
export function asset(uri: string, o: AssetSpec = {}): Asset {
  refuse('asset', uri, assetUriRule(uri));
  return new AssetValue(uri, o);
}

/** A name for assets that are only known when a task runs: `emit(asset, extra, { alias })`. */
export function assetAlias(name: string): AssetAlias {
  refuse('assetAlias', name, assetAliasRule(name));
  return new AssetAliasValue(name);
}

function refuse(field: string, value: unknown, wrong: ReturnType<typeof assetUriRule>): void {
  if (wrong === undefined) return;
  throw definitionError({ field, value, rule: `it ${wrong.rule}`, remedy: wrong.remedy.charAt(0).toUpperCase() + wrong.remedy.slice(1) }, callSite());
}

export const isAsset = (value: unknown): value is Asset => value instanceof AssetValue;

export const watchersOf = (one: Asset): readonly AssetWatcher[] => (one instanceof AssetValue ? one.watchers : []);

/** What there is to say of it beside its URI; undefined: nothing, or it is an alias. */
export function describedAsset(value: unknown): AssetDefinition | undefined {
  if (!(value instanceof AssetValue)) return undefined;
  const { uri, name, group, extra } = value;
  if (name === undefined && group === undefined && extra === undefined) return undefined;
  return { uri, ...(name === undefined ? {} : { name }), ...(group === undefined ? {} : { group }), ...(extra === undefined ? {} : { extra: extra as AssetDefinition['extra'] & {} }) };
}

/** As a schedule names it; undefined: it is neither an asset nor an alias. */
export function leafOf(value: unknown): AssetCondition | undefined {
  if (value instanceof AssetValue) return { kind: 'asset', uri: value.uri };
  return value instanceof AssetAliasValue ? { kind: 'alias', name: value.name } : undefined;
}

/** Of a task's inlets or outlets: what of it are assets, what aliases. */
export const urisIn = (list: readonly (Asset | AssetAlias)[] | undefined): readonly string[] => (list ?? []).flatMap((one) => ('uri' in one ? [one.uri] : []));
export const aliasesIn = (list: readonly (Asset | AssetAlias)[] | undefined): readonly string[] => (list ?? []).flatMap((one) => ('uri' in one ? [] : [one.name]));
