import { askMappers, type CustomMapper, type PartitionAnswer, type PartitionMapper, type PartitionQuestion, type PartitionUnit, type PartitionWindow, type TimetableDefinition } from '@dagbook/domain';
import { definitionError } from './error.ts';
import { cronPartitionSchedule, mappersOf, partitionedSchedule, runtimePartitionSchedule } from './schedule.ts';
import { callSite } from './site.ts';
import type { Asset, AssetAlias, Schedule } from './types.ts';

export interface PartitionMapperSpec {
  /** 1 to 250 letters, digits, `_`, `-` and `.`. */
  name: string;
  /**
   * The keys of the runs that an update of this key counts for; none: for no run. Called in a process of its own, with neither
   * connections nor environment; it must answer at once, and the same for the same key.
   */
  toDownstream(key: string): string | readonly string[];
  /** Of a mapper that gathers: the keys of updates that the run of this key waits for. */
  toUpstream?(runKey: string): readonly string[];
  /** Of one that gathers: how many of them are enough; below 0, how many may lack. Default: all. */
  minimumCount?: number;
}

const MOST_DEEP = 32;
const codes = new WeakMap<PartitionMapper, CustomMapper>();

/** Whatever it is: its shape is judged with the definition. */
function codesIn(mapper: PartitionMapper | undefined, found: Map<string, CustomMapper>, depth = 0): void {
  if (typeof mapper !== 'object' || mapper === null || depth > MOST_DEEP) return;
  const code = codes.get(mapper);
  if (mapper.kind === 'custom' && code !== undefined) {
    if ((found.get(mapper.name) ?? code) !== code) throw definitionError({ field: 'partitions.mapper', value: mapper.name, rule: 'two mappers of one schedule have this name', remedy: 'Name them apart' }, callSite());
    found.set(mapper.name, code);
  }
  if ('mappers' in mapper && Array.isArray(mapper.mappers)) for (const part of mapper.mappers as readonly PartitionMapper[]) codesIn(part, found, depth + 1);
  if ('upstream' in mapper) codesIn(mapper.upstream, found, depth + 1);
}

function customMapper({ name, toDownstream, toUpstream, minimumCount }: PartitionMapperSpec): PartitionMapper {
  if (typeof name !== 'string' || !/^[A-Za-z0-9_.-]{1,250}$/.test(name)) throw definitionError({ field: 'partitions.mapper.name', value: name, rule: 'a name has 1 to 250 letters, digits, _, - and .', remedy: "Name it like 'without_prefix'" }, callSite());
  if (typeof toDownstream !== 'function') throw definitionError({ field: 'partitions.mapper.toDownstream', value: typeof toDownstream, rule: 'a mapper is a function from a key to the keys of runs', remedy: 'Write toDownstream(key) { … }' }, callSite());
  const mapper: PartitionMapper = { kind: 'custom', name, ...(toUpstream === undefined ? {} : { isRollup: true }), ...(minimumCount === undefined ? {} : { minimumCount }) };
  codes.set(mapper, { toDownstream, ...(toUpstream === undefined ? {} : { toUpstream }) });
  return mapper;
}

/** What the mappers of a schedule say that are its author's code; undefined: none is. */
export function answerMappers(schedule: unknown, timetable: TimetableDefinition, asked: PartitionQuestion): PartitionAnswer | undefined {
  const found = codesOf(schedule);
  return found.size === 0 ? undefined : askMappers(timetable, (name) => found.get(name), asked);
}

/** Mappers of a schedule that are code, by their names; a name that two of them have is refused. */
export function codesOf(schedule: unknown): ReadonlyMap<string, CustomMapper> {
  const found = new Map<string, CustomMapper>();
  for (const mapper of mappersOf(schedule)) codesIn(mapper, found);
  return found;
}

/**
 * Data in partitions: runs that have a key, and DAGs that run for each key. Formats of keys are strftime's `%Y %m %d %H %M %S %V %z`,
 * and `{quarter}`.
 */
export const partitions = {
  /** A cron whose runs have a key: the time of the tick, or of one `offset` ticks away, in the zone. Default format `%Y-%m-%dT%H:%M:%S`. */
  cron: (expr: string, o: { timezone: string; keyFormat?: string; offset?: number }): Schedule => cronPartitionSchedule(expr, o),
  /** Runs for each key under which all, or any, of the assets were updated; `mapper` (default: the key as it is) says for which key an update counts. */
  of: (assets: Asset | AssetAlias | Schedule, o: { mapper?: PartitionMapper; mappers?: readonly (readonly [Asset, PartitionMapper])[] } = {}): Schedule => partitionedSchedule(assets, o),
  /**
   * A task says while it runs which partitions it made: `emit(asset, {}, { partitionKey })`. The DAG runs when it is started, with a
   * key or without, or by the schedule given here.
   */
  atRuntime: (schedule?: Schedule): Schedule => runtimePartitionSchedule(schedule),
  identity: (): PartitionMapper => ({ kind: 'identity' }),
  /** The start of the hour, day … in which the key lies: `2026-03-10T09:30:00` becomes `2026-03-10T09`, `2026-03-10`, `2026-03-09 (W11)`, `2026-03`, `2026-Q1`, `2026`. `timezone` (default UTC): on whose clock. */
  startOf: (unit: PartitionUnit, o: { timezone?: string; inputFormat?: string; outputFormat?: string } = {}): PartitionMapper => ({ kind: 'startOf', unit, ...o }),
  /** Every key counts for this one. */
  fixedKey: (key: string): PartitionMapper => ({ kind: 'fixedKey', key }),
  /** Other keys count for nothing. */
  allowedKeys: (keys: readonly string[]): PartitionMapper => ({ kind: 'allowedKeys', keys }),
  /** Of keys in parts (`us|2026-03-10T09:00:00`): a mapper for each. Default `delimiter`: `|`. */
  product: (mappers: readonly PartitionMapper[], o: { delimiter?: string } = {}): PartitionMapper => ({ kind: 'product', mappers, ...o }),
  /** One after the other, each on what the one before made. */
  chain: (...mappers: readonly PartitionMapper[]): PartitionMapper => ({ kind: 'chain', mappers }),
  /** One run for many keys: once all of the window have come, or `minimumCount` of them (-2: all but two). */
  rollup: (upstream: PartitionMapper, window: PartitionWindow, o: { minimumCount?: number } = {}): PartitionMapper => ({ kind: 'rollup', upstream, window, ...o }),
  /** Many runs for one key: one for each key of the window. `maxKeys` (default 1,000) bounds them. */
  fanOut: (upstream: PartitionMapper, window: PartitionWindow, o: { outputFormat?: string; maxKeys?: number } = {}): PartitionMapper => ({ kind: 'fanOut', upstream, window, ...o }),
  /** Code of your own; it is asked about each update, and what it answers is kept. */
  mapper: (spec: PartitionMapperSpec): PartitionMapper => customMapper(spec),
  /** The minutes of an hour, hours of a day, days of a week or month, months of a quarter or year; `backward`: as many that end with its start. */
  window: (unit: PartitionUnit, o: { direction?: 'backward' } = {}): PartitionWindow => ({ kind: unit, ...o }),
  /** These keys and no other. */
  segments: (...segments: readonly string[]): PartitionWindow => ({ kind: 'segments', segments }),
};
