import type { AssetCondition, AssetPartitioning, PartitionMapper, TimetableDefinition } from '@dagbook/domain';
import { isAsset, leafOf } from './asset.ts';
import { definitionError } from './error.ts';
import type { Mark } from './site.ts';
import { callSite, siteOf } from './site.ts';
import type { Asset, AssetAlias, Duration, Schedule } from './types.ts';

const UNIT_MS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** Milliseconds of `45m`; author mistakes are told with the field they stand in. */
export function durationMs(field: string, text: unknown, declared?: Mark): number {
  const match = typeof text === 'string' ? /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(text) : null;
  const ms = match === null ? Number.NaN : Number(match[1]) * UNIT_MS[match[2] as keyof typeof UNIT_MS];
  if (!Number.isSafeInteger(ms)) {
    throw definitionError({
      field, value: text, rule: 'a duration is a number with the unit ms, s, m, h or d, in whole milliseconds', remedy: "Write it like '30s', '5m' or '2h'",
    }, declared === undefined ? callSite() : siteOf(declared));
  }
  return ms;
}

/** A schedule as authors hold it: plain data behind the opaque type. */
type ScheduleSpec =
  | { readonly kind: 'time'; readonly timetable: TimetableDefinition; readonly timezone?: string; readonly code?: object }
  | { readonly kind: 'assets'; readonly condition: AssetCondition; readonly assets: readonly Asset[]; readonly timetable?: TimetableDefinition; readonly timezone?: string; readonly partition?: AssetPartitioning };

class ScheduleValue implements Schedule {
  readonly __schedule = true;
  readonly spec: ScheduleSpec;
  /** Which partitions a run makes is known while it runs. */
  readonly atRuntime: boolean;
  constructor(spec: ScheduleSpec, atRuntime = false) {
    this.spec = spec;
    this.atRuntime = atRuntime;
  }
}

/**
 * A cron of five fields, or several, on the wall clock of a time zone. `interval: 'data'` makes runs for the time
 * between two ticks, at its end; the default makes a run at each tick.
 */
export function cron(expr: string | readonly string[], o: { timezone: string; interval?: 'data' | 'trigger' }): Schedule {
  const timezone = (o as { timezone?: unknown } | undefined)?.timezone;
  if (typeof timezone !== 'string') throw definitionError({ field: 'schedule', value: timezone, rule: 'a cron follows the wall clock of a time zone', remedy: "Write cron('0 6 * * *', { timezone: 'Asia/Seoul' }), or give the text alone to schedule, with the DAG's timezone" }, callSite());
  if (typeof expr === 'string') {
    return new ScheduleValue({ kind: 'time', timezone, timetable: { kind: o.interval === 'data' ? 'cronDataInterval' : 'cronTrigger', cron: expr, timezone } });
  }
  if (o.interval === 'data') {
    throw definitionError({ field: 'schedule', value: expr, rule: 'several crons have no common data interval', remedy: "Leave out interval: 'data', or give one cron" }, callSite());
  }
  return new ScheduleValue({ kind: 'time', timezone, timetable: { kind: 'multipleCronTrigger', crons: expr, timezone } });
}

/** A run each time so much has passed: an exact duration, or months of the calendar. */
export function every(period: Duration | { months: number }, o: { timezone?: string; interval?: 'data' | 'trigger' } = {}): Schedule {
  const length = typeof period === 'string' ? { seconds: durationMs('schedule', period) / 1000 } : { months: period.months };
  return new ScheduleValue({
    kind: 'time',
    timetable: { kind: o.interval === 'data' ? 'deltaDataInterval' : 'deltaTrigger', ...length, ...(o.timezone === undefined ? {} : { timezone: o.timezone }) },
    ...(o.timezone === undefined ? {} : { timezone: o.timezone }),
  });
}

/** Runs at exactly these instants (ISO-8601 with a zone). `onlyThese` lets manual runs take no other date. */
export function at(instants: readonly string[], o: { onlyThese?: boolean; description?: string } = {}): Schedule {
  return new ScheduleValue({
    kind: 'time',
    timetable: {
      kind: 'events', instants,
      ...(o.onlyThese === undefined ? {} : { restrictToEvents: o.onlyThese }),
      ...(o.description === undefined ? {} : { description: o.description }),
    },
  });
}

/** One that is code: what the definition says of it, and what answers. */
export const timetableSchedule = (timetable: Extract<TimetableDefinition, { kind: 'custom' }>, code: object): Schedule => new ScheduleValue({ kind: 'time', timetable, code });

export const timetableSpecOf = (schedule: unknown): object | undefined => (schedule instanceof ScheduleValue && schedule.spec.kind === 'time' ? schedule.spec.code : undefined);

/** Schedules made of assets, and of assets or a time. An alias stands for the assets that were updated through it. */
export const when = {
  /** All of them were updated since the last run; what `any` answers may be one of them. */
  all: (...parts: (Asset | AssetAlias | Schedule)[]): Schedule => new ScheduleValue({ kind: 'assets', condition: { kind: 'all', of: parts.map((part) => assetsOnly(part)) }, assets: parts.flatMap(assetsIn) }),
  /** Any of them was updated, or a schedule among them is due. */
  any: (...parts: (Asset | AssetAlias | Schedule)[]): Schedule => {
    const times = parts.flatMap((part) => (part instanceof ScheduleValue && part.spec.kind === 'time' ? [part.spec] : []));
    const conditions = parts.filter((part) => !(part instanceof ScheduleValue && part.spec.kind === 'time')).map((part) => assetsOnly(part));
    const [time, ...more] = times;
    if (parts.some((part) => part instanceof ScheduleValue && part.atRuntime)) throw mixed('a schedule of partitions stands inside another one', 'Put partitions.atRuntime around the whole');
    if (time !== undefined && isPartitioned(time)) throw mixed('a cron of partitions stands beside assets, whose runs would have no key', 'Use cron() beside the assets');
    if (more.length > 0) throw mixed('only one time schedule may stand beside assets', 'Give several crons as one: cron([...], …)');
    if (conditions.length === 0) throw mixed('there is no asset in it', time === undefined ? 'Name the assets that it waits for' : 'Use the time schedule by itself');
    const [only, ...others] = conditions;
    const condition: AssetCondition = only !== undefined && others.length === 0 ? only : { kind: 'any', of: conditions };
    return new ScheduleValue({
      kind: 'assets', condition, assets: parts.flatMap(assetsIn),
      ...(time === undefined ? {} : { timetable: time.timetable }),
      ...(time?.timezone === undefined ? {} : { timezone: time.timezone }),
    });
  },
};

export function cronPartitionSchedule(cronText: string, { timezone, ...partition }: { readonly timezone: string; readonly keyFormat?: string; readonly offset?: number }): Schedule {
  return new ScheduleValue({ kind: 'time', timezone, timetable: { kind: 'cronTrigger', cron: cronText, timezone, partition } });
}

export function partitionedSchedule(assets: Asset | AssetAlias | Schedule, { mapper, mappers = [], ...others }: { readonly mapper?: PartitionMapper; readonly mappers?: readonly (readonly [Asset, PartitionMapper])[] }): Schedule {
  if (!Array.isArray(mappers) || !mappers.every((pair: unknown) => Array.isArray(pair) && pair.length === 2 && isAsset(pair[0]))) {
    throw definitionError({ field: 'partitions.of', value: mappers, rule: 'mappers are pairs of an asset and its mapper', remedy: "Write mappers: [[orders, startOf('day')]]" }, callSite());
  }
  const partition: AssetPartitioning = {
    ...others,
    ...(mapper === undefined ? {} : { mapper }),
    ...(mappers.length === 0 ? {} : { mappers: Object.fromEntries(mappers.map(([asset, own]) => [asset.uri, own])) }),
  };
  return new ScheduleValue({ kind: 'assets', condition: assetsOnly(assets), assets: assetsIn(assets), partition });
}

export function runtimePartitionSchedule(schedule: Schedule | undefined): Schedule {
  if (schedule === undefined) return new ScheduleValue({ kind: 'time', timetable: { kind: 'none' } }, true);
  if (!(schedule instanceof ScheduleValue)) throw definitionError({ field: 'partitions.atRuntime', value: schedule, rule: 'it takes a schedule', remedy: "Leave it out, or give one made by cron(), every(), at() or when" }, callSite());
  if (isPartitioned(schedule.spec)) throw definitionError({ field: 'partitions.atRuntime', value: 'a schedule of partitions', rule: 'its runs have their keys before they run', remedy: 'Use that schedule by itself' }, callSite());
  return new ScheduleValue(schedule.spec, true);
}

const isPartitioned = (spec: ScheduleSpec): boolean => (spec.kind === 'assets' ? spec.partition !== undefined : spec.timetable.kind === 'cronTrigger' && spec.timetable.partition !== undefined);

export const mappersOf = (schedule: unknown): readonly PartitionMapper[] => {
  const { mapper, mappers = {} } = schedule instanceof ScheduleValue && schedule.spec.kind === 'assets' ? (schedule.spec.partition ?? {}) : {};
  return [...(mapper === undefined ? [] : [mapper]), ...Object.values(mappers)];
};

/** Whether the DAG's runs take a partition key of whoever starts them. */
export const isPartitionedAtRuntime = (schedule: unknown): boolean => schedule instanceof ScheduleValue && schedule.atRuntime;

function assetsOnly(part: unknown): AssetCondition {
  const leaf = leafOf(part);
  if (leaf !== undefined) return leaf;
  if (!(part instanceof ScheduleValue)) throw definitionError({ field: 'schedule', value: part, rule: 'when takes assets, aliases and schedules', remedy: "Name the asset: asset('s3://lake/orders')" }, callSite());
  if (part.spec.kind === 'time') throw definitionError({ field: 'schedule', value: 'when.all', rule: 'a time cannot stand in when.all, which would wait for both', remedy: 'Put it beside the assets in when.any, or leave it out' }, callSite());
  if (part.spec.partition !== undefined || part.atRuntime) throw mixed('a partitioned schedule stands inside another one', 'Put partitions.of around the whole');
  if (part.spec.timetable !== undefined) throw mixed('a schedule with a time stands inside another one', 'Put all its parts into one when.any');
  return part.spec.condition;
}

const assetsIn = (part: unknown): readonly Asset[] => (part instanceof ScheduleValue ? watchedAssets(part) : isAsset(part) ? [part] : []);

/** The assets that a schedule waits for, each as often as it is named in another way. */
export const watchedAssets = (schedule: unknown): readonly Asset[] =>
  (schedule instanceof ScheduleValue && schedule.spec.kind === 'assets' ? [...new Set(schedule.spec.assets)] : []);

const mixed = (rule: string, remedy: string) => definitionError({ field: 'schedule', value: 'when.any', rule, remedy }, callSite());

const PRESETS: { readonly [preset: string]: string } = {
  '@hourly': '0 * * * *', '@daily': '0 0 * * *', '@weekly': '0 0 * * 0', '@monthly': '0 0 1 * *', '@quarterly': '0 0 1 */3 *', '@yearly': '0 0 1 1 *', '@annually': '0 0 1 1 *',
};

/** The zone that a schedule brings along, for a DAG that names none. */
export const scheduleTimezone = (schedule: unknown): string | undefined => (schedule instanceof ScheduleValue ? schedule.spec.timezone : undefined);

export function timetableOf(schedule: unknown, timezone: string): TimetableDefinition | undefined {
  if (schedule === undefined || schedule === null) return { kind: 'none' };
  if (schedule instanceof ScheduleValue) {
    const { spec } = schedule;
    if (spec.kind === 'time') return spec.timetable;
    return spec.timetable === undefined
      ? { kind: 'assets', condition: spec.condition, ...(spec.partition === undefined ? {} : { partition: spec.partition }) }
      : { kind: 'assetsOrTime', condition: spec.condition, timetable: spec.timetable };
  }
  if (schedule === '@once') return { kind: 'once' };
  if (schedule === '@continuous') return { kind: 'continuous' };
  if (typeof schedule === 'string') return { kind: 'cronTrigger', cron: PRESETS[schedule] ?? schedule, timezone };
  return undefined;
}

/** An author's date as ISO-8601 UTC; without a zone it is the wall clock of `timezone`. undefined: not a date. */
export function instantOf(text: string, timezone: string): string | undefined {
  const match = /^(\d{4})-(\d{2})-(\d{2})(?:[T ](\d{2}):(\d{2})(?::(\d{2})(?:\.(\d{1,3})\d*)?)?(Z|[+-]\d{2}:?\d{2})?)?$/.exec(text);
  if (match === null) return undefined;
  const [year, month, day, hour, minute, second] = match.slice(1, 7).map((part) => Number(part ?? 0)) as [number, number, number, number, number, number];
  const wallMs = Date.UTC(year, month - 1, day, hour, minute, second, Number((match[7] ?? '0').padEnd(3, '0')));
  const wall = new Date(wallMs);
  if (wall.getUTCMonth() !== month - 1 || wall.getUTCDate() !== day || hour > 23 || minute > 59 || second > 59) return undefined;
  const zone = match[8];
  if (zone !== undefined) return new Date(wallMs - zoneOffsetMs(zone)).toISOString();
  // Two rounds: the offset at the guess may differ from that at the answer when a change of clocks lies between.
  const first = wallMs - offsetMs(wallMs, timezone);
  return new Date(wallMs - offsetMs(first, timezone)).toISOString();
}

function zoneOffsetMs(zone: string): number {
  if (zone === 'Z') return 0;
  const sign = zone.startsWith('-') ? -1 : 1;
  return sign * (Number(zone.slice(1, 3)) * 60 + Number(zone.slice(-2))) * 60_000;
}

function offsetMs(instantMs: number, timezone: string): number {
  if (timezone === 'UTC') return 0;
  const name = new Intl.DateTimeFormat('en', { timeZone: timezone, timeZoneName: 'longOffset' }).formatToParts(instantMs).find((part) => part.type === 'timeZoneName')?.value ?? 'GMT';
  const match = /^GMT([+-])(\d{2}):(\d{2})(?::(\d{2}))?$/.exec(name);
  if (match === null) return 0;
  return (match[1] === '-' ? -1 : 1) * (Number(match[2]) * 3600 + Number(match[3]) * 60 + Number(match[4] ?? 0)) * 1000;
}

export function isTimezone(name: string): boolean {
  try {
    return name !== '' && new Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions().timeZone !== '';
  } catch {
    return false;
  }
}
