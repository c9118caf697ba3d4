import { askTimetable, nextRun, problemText, timetableProblems, type ScheduleQuestion, type TimetableAnswer, type TimetableQuestion } from '@dagbook/domain';
import { DagDefinitionError, definitionError } from './error.ts';
import { timetableSchedule, timetableSpecOf } from './schedule.ts';
import { callSite } from './site.ts';
import type { Schedule } from './types.ts';

/** Half-open: `end` is the first instant that is not in it. */
export interface Interval {
  readonly start: Date;
  readonly end: Date;
}

export interface TimetableSpec {
  /** Shown where a cron would be; 1 to 250 letters, digits, `_`, `-` and `.`. */
  name: string;
  description?: string;
  /**
   * The run after `last`, or null when there is none. Called in a process of its own, with neither connections nor
   * environment; it must answer at once, and the same for the same question.
   */
  next(question: {
    /** Of the last run that this schedule made; null before the first. */
    last: Interval | null;
    /** The DAG's start and end date. */
    earliest: Date | null;
    latest: Date | null;
    /** False: what lies in the past is left out but for the latest. */
    catchup: boolean;
    now: Date;
  }): { runAfter: Date; interval: Interval } | null;
  /** The data interval of a run that a person starts. Default: the instant itself. */
  manual?(runAfter: Date): Interval;
}

/** A schedule of your own, for a DAG's `schedule`. Its code is asked for the next run after each one. */
export function timetable(spec: TimetableSpec): Schedule {
  const { name, description } = spec;
  if (typeof name !== 'string' || !/^[A-Za-z0-9_.-]{1,250}$/.test(name)) {
    throw definitionError({ field: 'timetable.name', value: name, rule: 'a name has 1 to 250 letters, digits, _, - and .', remedy: "Name it like 'after_workday'" }, callSite());
  }
  if (typeof spec.next !== 'function') throw definitionError({ field: 'timetable.next', value: typeof spec.next, rule: 'a timetable is a function that answers the next run', remedy: 'Write next({ last, now }) { … }' }, callSite());
  return timetableSchedule({ kind: 'custom', name, ...(description === undefined ? {} : { description }) }, spec);
}

/**
 * The first instant after `after` at which a cron fires on the wall clock of a zone, by the rules that `cron()` follows
 * through changes of the clock: a time left out fires when the gap is over, a time that comes twice the second time.
 */
export const tickAfter = (cron: string, timezone: string, after: Date): Date => {
  const definition = { kind: 'cronTrigger', cron, timezone } as const;
  const [wrong] = timetableProblems(definition, 'tickAfter');
  if (wrong !== undefined) throw new DagDefinitionError(wrong, problemText(wrong), callSite());
  const atMs = after.getTime();
  return new Date(nextRun(definition, { lastInterval: { startMs: atMs, endMs: atMs }, startMs: null, endMs: null, catchup: true, nowMs: atMs })?.runAfterMs ?? Number.NaN);
};

/** What the timetable of a DAG answers; undefined: its schedule is no code. */
export function answerTimetable(schedule: unknown, asked: TimetableQuestion): TimetableAnswer | undefined {
  const spec = timetableSpecOf(schedule) as TimetableSpec | undefined;
  if (spec === undefined) return undefined;
  return askTimetable(
    {
      next: (question) => runMs(spec.next(datesOf(question))),
      ...(spec.manual === undefined ? {} : { manual: (runAfterMs) => intervalMs(spec.manual?.(new Date(runAfterMs))) }),
    },
    asked,
  );
}

const dateOf = (ms: number | null): Date | null => (ms === null ? null : new Date(ms));

const datesOf = ({ lastInterval, startMs, endMs, catchup, nowMs }: ScheduleQuestion): Parameters<TimetableSpec['next']>[0] => ({
  last: lastInterval === null ? null : { start: new Date(lastInterval.startMs), end: new Date(lastInterval.endMs) },
  earliest: dateOf(startMs), latest: dateOf(endMs), catchup, now: new Date(nowMs),
});

/** What is no date becomes NaN, which the domain refuses with the field's name. */
const instantMs = (value: unknown): number => (value instanceof Date ? value.getTime() : Number.NaN);

const intervalMs = (value: unknown): object => {
  const { start, end } = (value ?? {}) as Partial<Interval>;
  return { startMs: instantMs(start), endMs: instantMs(end) };
};

function runMs(value: unknown): unknown {
  if (value === null || value === undefined || typeof value !== 'object' || value instanceof Promise) return value;
  const { runAfter, interval } = value as { runAfter?: unknown; interval?: unknown };
  return { runAfterMs: instantMs(runAfter), interval: intervalMs(interval) };
}
