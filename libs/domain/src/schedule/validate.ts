import { unreachable } from '../decider.ts';
import { problem } from '../problem.ts';
import type { Problem } from '../problem.ts';
import { parseInstant } from './civil.ts';
import { isCronProblem, parseCron } from './cron.ts';
import { assetAliasRule, assetUriRule } from '../asset/uri.ts';
import { cronPartitionProblems } from '../partition/cron-partition.ts';
import { partitioningProblems } from '../partition/validate.ts';
import { leavesOf } from '../asset/condition.ts';
import type { AssetCondition, TimetableDefinition } from './definition.ts';
import { timeZone } from './time-zone.ts';

const MAX_CRONS = 100;
const MAX_EVENTS = 10_000;
/** A hundred years: what is longer is a mistake, and would leave the years that can be written. */
const MAX_SECONDS = 100 * 366 * 86_400;
const MAX_MONTHS = 1200;

/** Everything in a timetable that could never work, each with its remedy; none when it can be asked for runs. */
export function timetableProblems(timetable: TimetableDefinition, field = 'schedule'): readonly Problem[] {
  switch (timetable.kind) {
    case 'none':
    case 'once':
    case 'continuous':
      return [];
    case 'cronTrigger':
    case 'cronDataInterval':
      return [
        ...cronProblems(timetable.cron, `${field}.cron`), ...zoneProblems(timetable.timezone, `${field}.timezone`), ...lookBackProblems(timetable, field),
        ...('partition' in timetable && timetable.partition !== undefined ? cronPartitionProblems(timetable.partition, `${field}.partition`) : []),
      ];
    case 'multipleCronTrigger':
      return [
        ...countProblems(timetable.crons, MAX_CRONS, 'cron', `${field}.crons`),
        ...timetable.crons.slice(0, MAX_CRONS).flatMap((cron, index) => cronProblems(cron, `${field}.crons[${index}]`)),
        ...zoneProblems(timetable.timezone, `${field}.timezone`),
        ...lookBackProblems(timetable, field),
      ];
    case 'deltaTrigger':
    case 'deltaDataInterval':
      return [...deltaProblems(timetable, field), ...zoneProblems(timetable.timezone ?? 'UTC', `${field}.timezone`), ...lookBackProblems(timetable, field)];
    case 'events':
      return [
        ...countProblems(timetable.instants, MAX_EVENTS, 'instant', `${field}.instants`),
        ...timetable.instants.slice(0, MAX_EVENTS).flatMap((instant, index) => instantProblems(instant, `${field}.instants[${index}]`)),
      ];
    case 'assets':
      return [...assetProblems(timetable.condition, `${field}.condition`), ...(timetable.partition === undefined ? [] : partitioningProblems(timetable.partition, leavesOf(timetable.condition).flatMap((leaf) => (leaf.kind === 'asset' ? [leaf.uri] : [])), `${field}.partition`))];
    case 'assetsOrTime':
      return [...assetProblems(timetable.condition, `${field}.condition`), ...innerProblems(timetable.timetable, `${field}.timetable`)];
    case 'custom':
      return timetable.name === '' ? [problem(`${field}.name`, timetable.name, 'is empty', 'name the timetable as it is exported beside the DAG')] : [];
    default:
      return unreachable(timetable);
  }
}

export function zoneProblems(timezone: string, field: string): Problem[] {
  if (typeof timezone === 'string' && timeZone(timezone) !== undefined) return [];
  return [problem(field, timezone, 'is no zone of the IANA time zone database', 'use a name such as "UTC", "Asia/Seoul" or "Europe/Zurich"')];
}

export function instantProblems(instant: unknown, field: string): Problem[] {
  if (typeof instant === 'string' && parseInstant(instant) !== undefined) return [];
  return [problem(field, instant, 'is no ISO-8601 date that exists', 'write it as in "2026-01-05" or "2026-01-05T06:00:00Z"')];
}

function cronProblems(expression: unknown, field: string): Problem[] {
  if (typeof expression !== 'string') return [problem(field, expression, 'is no text', 'write a cron expression such as "0 6 * * *"')];
  const cron = parseCron(expression);
  return isCronProblem(cron) ? [problem(field, expression, cron.rule, cron.remedy)] : [];
}

function lookBackProblems(timetable: object, field: string): Problem[] {
  const seconds: unknown = 'intervalSeconds' in timetable ? timetable.intervalSeconds : 0;
  if (typeof seconds === 'number' && seconds >= 0 && seconds <= MAX_SECONDS) return [];
  return [problem(`${field}.intervalSeconds`, seconds, `is not between 0 and ${MAX_SECONDS} seconds`, 'give the length that a run looks back, or leave it out')];
}

function deltaProblems({ seconds = 0, months = 0 }: { readonly seconds?: number; readonly months?: number }, field: string): Problem[] {
  const problems: Problem[] = [];
  if (!(seconds >= 0 && seconds <= MAX_SECONDS && Number.isInteger(seconds * 1000))) {
    problems.push(problem(`${field}.seconds`, seconds, `is not between 0 and ${MAX_SECONDS}, in whole milliseconds`, 'use a positive duration'));
  }
  if (!(Number.isInteger(months) && months >= 0 && months <= MAX_MONTHS)) {
    problems.push(problem(`${field}.months`, months, `is no whole number between 0 and ${MAX_MONTHS}`, 'use a positive number of months'));
  }
  if (problems.length === 0 && seconds === 0 && months === 0) problems.push(problem(field, { seconds, months }, 'never moves on', 'use a duration longer than 0'));
  return problems;
}

function countProblems(list: readonly unknown[], max: number, what: string, field: string): Problem[] {
  if (list.length === 0) return [problem(field, list, `has no ${what}`, `give at least one ${what}, or schedule: null`)];
  if (list.length > max) return [problem(field, list.length, `are more than ${max} ${what}s`, 'use fewer')];
  return [];
}

function innerProblems(timetable: TimetableDefinition, field: string): readonly Problem[] {
  switch (timetable.kind) {
    case 'none':
    case 'assets':
    case 'assetsOrTime':
    case 'once':
    case 'continuous':
      return [problem(field, timetable.kind, 'is no time to be due at', 'put a cron, a delta or events beside the assets')];
    case 'custom':
      return [problem(field, timetable.name, 'is a timetable of its own, which nobody asks beside assets', 'put a cron, a delta or events beside the assets')];
    default:
      if ('partition' in timetable) return [problem(`${field}.partition`, timetable.kind, 'gives its runs keys, which those that the assets beside it make have not', 'use a cron without partitions, or leave the assets out')];
      return timetableProblems(timetable, field);
  }
}

/** Of all and any inside one another: who asks whether a condition is met goes as deep as it does. */
const MAX_CONDITION_DEPTH = 32;

function assetProblems(condition: AssetCondition, field: string): Problem[] {
  const problems: Problem[] = [];
  const open: { readonly part: AssetCondition; readonly depth: number }[] = [{ part: condition, depth: 0 }];
  for (let found = open.pop(); found !== undefined; found = open.pop()) {
    const { part: next, depth } = found;
    if (next.kind === 'asset' || next.kind === 'alias') {
      const [name, wrong] = next.kind === 'asset' ? [next.uri, assetUriRule(next.uri)] : [next.name, assetAliasRule(next.name)];
      if (wrong !== undefined) problems.push(problem(field, name, wrong.rule, wrong.remedy));
    } else if (next.of.length === 0) {
      problems.push(problem(field, next, `is "${next.kind}" of nothing`, 'name at least one asset'));
    } else if (depth === MAX_CONDITION_DEPTH) {
      problems.push(problem(field, next.kind, `is inside ${MAX_CONDITION_DEPTH} others, and no more is allowed`, 'write it with fewer levels: all of all and any of any are one'));
    } else {
      for (const part of next.of) open.push({ part, depth: depth + 1 });
    }
  }
  return problems;
}
