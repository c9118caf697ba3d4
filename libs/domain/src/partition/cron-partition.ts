import { invariant } from '../decider.ts';
import { problem, type Problem } from '../problem.ts';
import { isCronProblem, parseCron } from '../schedule/cron.ts';
import type { TimetableDefinition } from '../schedule/definition.ts';
import { nextTick, previousTick } from '../schedule/tick.ts';
import { timeZone } from '../schedule/time-zone.ts';
import type { CronPartition } from './definition.ts';
import { DEFAULT_KEY_FORMAT, formatKey } from './key-format.ts';
import { formatProblems } from './mapper.ts';

const MAX_OFFSET = 10_000;

/** The partition key of the run that a schedule makes at this instant; undefined: its runs have none. */
export function scheduledPartitionKey(schedule: TimetableDefinition, runAfterMs: number): string | undefined {
  if (schedule.kind !== 'cronTrigger' || schedule.partition === undefined) return undefined;
  const cron = parseCron(schedule.cron);
  const zone = timeZone(schedule.timezone);
  invariant(!isCronProblem(cron) && zone !== undefined, `cron "${schedule.cron}" in zone "${schedule.timezone}" was refused and yet asked`);
  const { offset = 0, keyFormat = DEFAULT_KEY_FORMAT } = schedule.partition;
  let atMs = runAfterMs;
  for (let step = 0; step < Math.abs(offset); step++) atMs = (offset > 0 ? nextTick(cron, zone, atMs) : previousTick(cron, zone, atMs)) as number;
  return formatKey(keyFormat, atMs + zone.offsetAt(atMs));
}

export function cronPartitionProblems({ keyFormat, offset = 0 }: CronPartition, field: string): readonly Problem[] {
  return [
    ...formatProblems(keyFormat, `${field}.keyFormat`),
    ...(Number.isInteger(offset) && Math.abs(offset) <= MAX_OFFSET ? [] : [problem(`${field}.offset`, offset, `is no whole number of ticks from -${MAX_OFFSET} to ${MAX_OFFSET}`, 'leave it out for the tick of the run itself')]),
  ];
}
