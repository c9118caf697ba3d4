import { invariant } from '../decider.ts';
import { problem, type Problem } from '../problem.ts';
import { isCronProblem, parseCron } from '../schedule/cron.ts';
import type { TimetableDefinition } from '../schedule/definition.ts';
import { nextTick, previousTick } from '../schedule/tick.ts';
import type { RunType } from '../run/state-names.ts';
import { instantOf, timeZone, type TimeZone } from '../schedule/time-zone.ts';
import type { CronPartition } from './definition.ts';
import { DEFAULT_KEY_FORMAT, formatKey, parseKey } from './key-format.ts';
import { cronPartitionShape } from './shape.ts';
import { formatProblems } from './validate.ts';

const MAX_OFFSET = 10_000;

/** The partition of a run: its key, and where that says a time, the instant at which it starts. */
export interface RunPartition {
  readonly partitionKey: string;
  readonly partitionDateMs?: number;
}

/** The partition of the run that a schedule makes at this instant; undefined: its runs have none. */
export function scheduledPartition(schedule: TimetableDefinition, runAfterMs: number): RunPartition | undefined {
  if (schedule.kind !== 'cronTrigger' || schedule.partition === undefined) return undefined;
  const cron = parseCron(schedule.cron);
  invariant(!isCronProblem(cron), `cron "${schedule.cron}" was refused and yet asked`);
  const zone = zoneOf(schedule.timezone);
  const { offset = 0, keyFormat = DEFAULT_KEY_FORMAT } = schedule.partition;
  let atMs = runAfterMs;
  for (let tick = 0; tick < Math.abs(offset); tick++) atMs = (offset > 0 ? nextTick(cron, zone, atMs) : previousTick(cron, zone, atMs)) as number;
  return { partitionKey: formatKey(keyFormat, atMs + zone.offsetAt(atMs), zone), partitionDateMs: atMs };
}

/** The partition of a run when it is created: only those that are made along the schedule have one by it. */
export function partitionOfRun(schedule: TimetableDefinition, { runType, runAfterMs }: { readonly runType: RunType; readonly runAfterMs: number }): RunPartition | undefined {
  return runType === 'scheduled' || runType === 'backfill' ? scheduledPartition(schedule, runAfterMs) : undefined;
}

/** The instant that a key of such a cron says; undefined: it is not of the cron's format. */
export function cronPartitionDateMs({ timezone, partition: { keyFormat = DEFAULT_KEY_FORMAT } }: { readonly timezone: string; readonly partition: CronPartition }, key: string): number | undefined {
  const zone = zoneOf(timezone);
  const wallMs = parseKey(keyFormat, key, zone);
  return wallMs === undefined ? undefined : instantOf(zone, wallMs).instantMs;
}

export function cronPartitionProblems(partition: CronPartition, field: string): readonly Problem[] {
  const misshapen = cronPartitionShape(partition, field);
  if (misshapen.length > 0) return misshapen;
  const { keyFormat, offset = 0 } = partition;
  return [
    ...formatProblems(keyFormat, `${field}.keyFormat`),
    ...(Number.isInteger(offset) && Math.abs(offset) <= MAX_OFFSET ? [] : [problem(`${field}.offset`, offset, `is no whole number of ticks from -${MAX_OFFSET} to ${MAX_OFFSET}`, 'leave it out for the tick of the run itself')]),
  ];
}

function zoneOf(timezone: string): TimeZone {
  const zone = timeZone(timezone);
  invariant(zone !== undefined, `the zone "${timezone}" was refused and yet asked`);
  return zone;
}
