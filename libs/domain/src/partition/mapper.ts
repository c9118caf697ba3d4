import type { AssetLeaf } from '../asset/condition.ts';
import { invariant, unreachable } from '../decider.ts';
import { instantOf, timeZone, type TimeZone } from '../schedule/time-zone.ts';
import type { AssetPartitioning, PartitionMapper, PartitionUnit, StartOfMapper } from './definition.ts';
import { DEFAULT_KEY_FORMAT, formatKey, parseKey } from './key-format.ts';
import { membersOf, startOfUnit } from './window.ts';

/** Airflow's. */
const OUTPUT_FORMAT: { readonly [unit in PartitionUnit]: string } = { hour: '%Y-%m-%dT%H', day: '%Y-%m-%d', week: '%Y-%m-%d (W%V)', month: '%Y-%m', quarter: '%Y-Q{quarter}', year: '%Y' };
/** Of the members of a window: what they start, and how their keys are written. */
const MEMBERS: { readonly [unit in PartitionUnit]: { readonly unit: PartitionUnit | 'minute'; readonly format: string } } = {
  hour: { unit: 'minute', format: '%Y-%m-%dT%H:%M' }, day: { unit: 'hour', format: OUTPUT_FORMAT.hour }, week: { unit: 'day', format: OUTPUT_FORMAT.day },
  month: { unit: 'day', format: OUTPUT_FORMAT.day }, quarter: { unit: 'month', format: OUTPUT_FORMAT.month }, year: { unit: 'month', format: OUTPUT_FORMAT.month },
};

type RollupMapper = Extract<PartitionMapper, { kind: 'rollup' }>;
type FanOutMapper = Extract<PartitionMapper, { kind: 'fanOut' }>;

const IDENTITY: PartitionMapper = { kind: 'identity' };

/** By what the updates of an asset, or those through an alias, are mapped. */
export const mapperOf = ({ mapper = IDENTITY, mappers = {} }: AssetPartitioning, leaf: AssetLeaf): PartitionMapper =>
  (leaf.kind === 'asset' && Object.hasOwn(mappers, leaf.uri) ? (mappers[leaf.uri] as PartitionMapper) : mapper);

/** What an author's mapper of this name makes of a key. */
export type MapperCode = (name: string, key: string) => readonly string[];

const NO_CODE: MapperCode = (name) => {
  throw new Error(`the mapper ${name} is code, and was asked where none runs`);
};

/** Whether a mapper needs code of the author's to answer. */
export function hasCode(mapper: PartitionMapper): boolean {
  switch (mapper.kind) {
    case 'custom':
      return true;
    case 'product':
    case 'chain':
      return mapper.mappers.some(hasCode);
    case 'rollup':
    case 'fanOut':
      return hasCode(mapper.upstream);
    case 'identity':
    case 'startOf':
    case 'fixedKey':
    case 'allowedKeys':
      return false;
    default:
      return unreachable(mapper);
  }
}

/** Which runs an update counts for; none: its key cannot be mapped. */
export function downstreamKeys(mapper: PartitionMapper, key: string, code: MapperCode = NO_CODE): readonly string[] {
  switch (mapper.kind) {
    case 'identity':
      return [key];
    case 'fixedKey':
      return [mapper.key];
    case 'allowedKeys':
      return mapper.keys.includes(key) ? [key] : [];
    case 'startOf': {
      const startMs = startOf(mapper, key);
      return startMs === undefined ? [] : [formatKey(outputFormat(mapper), startMs, zoneOf(mapper))];
    }
    case 'product':
      return productKeys(mapper, key, code);
    case 'chain':
      return chainKeys(mapper.mappers, key, code);
    case 'rollup':
      return downstreamKeys(mapper.upstream, key, code);
    case 'custom':
      return code(mapper.name, key);
    case 'fanOut':
      return fanOutKeys(mapper, key, code);
    default:
      return unreachable(mapper);
  }
}

/** Whether what has come of an asset is enough for the run of this key. `arrived` are upstream keys; one at least. `expects`: what a mapper of the author's waits for. */
export function isComplete(mapper: PartitionMapper, downstreamKey: string, arrived: ReadonlySet<string>, expects?: readonly string[]): boolean {
  if (mapper.kind !== 'rollup' && !(mapper.kind === 'custom' && mapper.isRollup === true)) return true;
  const expected = mapper.kind === 'custom' ? expects : expectedKeys(mapper, downstreamKey);
  return expected !== undefined && expected.filter((key) => arrived.has(key)).length >= neededOf(mapper, expected.length);
}

/** How many of a window's keys a run waits for. */
export function neededOf({ minimumCount }: Pick<RollupMapper, 'minimumCount'>, expected: number): number {
  if (minimumCount === undefined) return expected;
  return minimumCount > 0 ? minimumCount : Math.max(0, expected + minimumCount);
}

/** The upstream keys that a run of this key waits for; undefined: its key says no window. */
export function expectedKeys({ upstream, window }: RollupMapper, downstreamKey: string): readonly string[] | undefined {
  if (window.kind === 'segments') return window.segments;
  if (upstream.kind !== 'startOf') return undefined;
  const zone = zoneOf(upstream);
  const startMs = parseKey(outputFormat(upstream), downstreamKey, zone);
  const { inputFormat = DEFAULT_KEY_FORMAT } = upstream;
  // A member that the clock leaves out is the one after it.
  const existing = (wallMs: number): number => {
    const { instantMs } = instantOf(zone, wallMs);
    return instantMs + zone.offsetAt(instantMs);
  };
  return startMs === undefined ? undefined : [...new Set(membersOf(window.kind, window.direction, startMs).map((memberMs) => formatKey(inputFormat, existing(memberMs), zone)))];
}

/** The instant at which the period of a downstream key starts; null: its key says no time; undefined: it should, and does not. */
export function partitionDateMs(mapper: PartitionMapper, downstreamKey: string): number | null | undefined {
  switch (mapper.kind) {
    case 'identity':
    case 'fixedKey':
    case 'allowedKeys':
    case 'custom':
      return null;
    case 'startOf': {
      const zone = zoneOf(mapper);
      const wallMs = parseKey(outputFormat(mapper), downstreamKey, zone);
      return wallMs === undefined ? undefined : instantOf(zone, startOfUnit(mapper.unit, wallMs)).instantMs;
    }
    case 'product': {
      const parts = downstreamKey.split(mapper.delimiter ?? '|');
      if (parts.length !== mapper.mappers.length) return null;
      const dates = mapper.mappers.map((part, index) => partitionDateMs(part, parts[index] as string)).filter((date) => date !== null);
      return dates.length === 1 ? dates[0] : null;
    }
    case 'chain':
      return partitionDateMs(mapper.mappers.at(-1) as PartitionMapper, downstreamKey);
    case 'rollup':
      return partitionDateMs(mapper.upstream, downstreamKey);
    case 'fanOut':
      return fanOutDateMs(mapper, downstreamKey);
    default:
      return unreachable(mapper);
  }
}

const outputFormat = (mapper: StartOfMapper): string => mapper.outputFormat ?? OUTPUT_FORMAT[mapper.unit];

function zoneOf({ timezone = 'UTC' }: Pick<StartOfMapper, 'timezone'>): TimeZone {
  const zone = timeZone(timezone);
  invariant(zone !== undefined, `the zone "${timezone}" of a mapper was refused and yet asked`);
  return zone;
}

function startOf(mapper: StartOfMapper, key: string): number | undefined {
  const wallMs = parseKey(mapper.inputFormat ?? DEFAULT_KEY_FORMAT, key, zoneOf(mapper));
  return wallMs === undefined ? undefined : startOfUnit(mapper.unit, wallMs);
}

function fanOutKeys({ upstream, window, outputFormat: format }: FanOutMapper, key: string, code: MapperCode): readonly string[] {
  if (window.kind === 'segments') return downstreamKeys(upstream, key, code).length === 0 ? [] : window.segments;
  if (upstream.kind !== 'startOf') return [];
  const startMs = startOf(upstream, key);
  return startMs === undefined ? [] : membersOf(window.kind, window.direction, startMs).map((memberMs) => formatKey(format ?? MEMBERS[window.kind].format, memberMs, zoneOf(upstream)));
}

function fanOutDateMs({ upstream, window, outputFormat: format }: FanOutMapper, downstreamKey: string): number | null | undefined {
  if (window.kind === 'segments' || upstream.kind !== 'startOf') return null;
  const { unit, format: usual } = MEMBERS[window.kind];
  const zone = zoneOf(upstream);
  const wallMs = parseKey(format ?? usual, downstreamKey, zone);
  return wallMs === undefined ? undefined : instantOf(zone, unit === 'minute' ? wallMs : startOfUnit(unit, wallMs)).instantMs;
}

function productKeys({ mappers, delimiter = '|' }: Extract<PartitionMapper, { kind: 'product' }>, key: string, code: MapperCode): readonly string[] {
  const parts = key.split(delimiter);
  if (parts.length !== mappers.length) return [];
  const mapped = mappers.map((mapper, index) => downstreamKeys(mapper, parts[index] as string, code));
  return mapped.every(({ length }) => length === 1) ? [mapped.join(delimiter)] : [];
}

/** As in Airflow a key that one of them cannot map counts for nothing, also where others of the same update could be. */
function chainKeys(mappers: readonly PartitionMapper[], key: string, code: MapperCode): readonly string[] {
  let keys: readonly string[] = [key];
  for (const mapper of mappers) {
    const mapped = keys.map((one) => downstreamKeys(mapper, one, code));
    if (mapped.some(({ length }) => length === 0)) return [];
    keys = mapped.flat();
  }
  return keys;
}
