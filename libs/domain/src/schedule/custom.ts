import type { PartitionAnswer, PartitionQuestion } from '../partition/custom.ts';
import { problem, problemText } from '../problem.ts';
import { isoInstant } from './civil.ts';
import type { DataInterval, ScheduledRun } from './definition.ts';
import type { ScheduleQuestion } from './timetable.ts';

/** What a timetable that an author wrote is asked; its code answers in a parse child. */
export type TimetableQuestion =
  | { readonly kind: 'next'; readonly question: ScheduleQuestion }
  /** All runs whose interval begins between two instants, both included, and that are due. */
  | { readonly kind: 'range'; readonly fromMs: number; readonly toMs: number; readonly nowMs: number }
  /** The data interval of a run that a person starts. */
  | { readonly kind: 'manual'; readonly runAfterMs: number };

/** `problem`: the code threw or answered nonsense; then there are no runs, or those before it. */
export type TimetableAnswer =
  | { readonly kind: 'next' | 'range'; readonly runs: readonly ScheduledRun[]; readonly problem?: string }
  | { readonly kind: 'manual'; readonly interval: DataInterval | null; readonly problem?: string };

/** What is asked of the code of a DAG's schedule: its timetable, or the mappers of its partitions. */
export type CodeQuestion = TimetableQuestion | PartitionQuestion;
export type CodeAnswer = TimetableAnswer | PartitionAnswer;

/** The author's code, on plain numbers. Whatever it answers is looked at as if it could be anything. */
export interface TimetableCode {
  next(question: ScheduleQuestion): unknown;
  manual?(runAfterMs: number): unknown;
}

/** How far ahead a custom timetable is asked: a page of the preview. */
export const FORESEEN_RUNS = 10;
/** How many runs a range may have: one more is answered, which tells that there are too many. */
export const MOST_RANGED_RUNS = 1_000;

/**
 * Asks an author's timetable, and refuses what no schedule can say: no instants, an interval that ends before it begins,
 * a run that does not come after the one before it, or one outside the DAG's dates (which ends the list instead).
 */
export function askTimetable(code: TimetableCode, asked: TimetableQuestion): TimetableAnswer {
  if (asked.kind === 'manual') return manualAnswer(code, asked.runAfterMs);
  if (asked.kind === 'next') return { kind: 'next', ...runsAfter(code, asked.question, FORESEEN_RUNS) };
  const { fromMs, toMs, nowMs } = asked;
  return { kind: 'range', ...runsAfter(code, { lastInterval: null, startMs: fromMs, endMs: toMs, catchup: true, nowMs }, MOST_RANGED_RUNS + 1, nowMs) };
}

function runsAfter(code: TimetableCode, first: ScheduleQuestion, most: number, dueByMs = Infinity): { readonly runs: readonly ScheduledRun[]; readonly problem?: string } {
  const runs: ScheduledRun[] = [];
  let question = first;
  while (runs.length < most) {
    const answered = told(() => code.next(question));
    if ('problem' in answered) return { runs, problem: answered.problem };
    if (answered.value === null || answered.value === undefined) break;
    const run = runOf(answered.value, question);
    if (typeof run === 'string') return { runs, problem: run };
    if (run.runAfterMs > dueByMs || (question.endMs !== null && run.interval.startMs > question.endMs)) break;
    runs.push(run);
    // Those behind the first are what would come, had the one before it been made: nothing is behind them to be left out.
    question = { ...question, lastInterval: run.interval, catchup: true };
  }
  return { runs };
}

function manualAnswer(code: TimetableCode, runAfterMs: number): TimetableAnswer {
  const point = { startMs: runAfterMs, endMs: runAfterMs };
  if (code.manual === undefined) return { kind: 'manual', interval: point };
  const answered = told(() => code.manual?.(runAfterMs));
  if ('problem' in answered) return { kind: 'manual', interval: null, problem: answered.problem };
  const interval = intervalOf(answered.value, 'manual()');
  return typeof interval === 'string' ? { kind: 'manual', interval: null, problem: interval } : { kind: 'manual', interval };
}

function told(ask: () => unknown): { readonly value: unknown } | { readonly problem: string } {
  try {
    const value = ask();
    return value instanceof Promise ? { problem: problemText(problem('next()', 'a promise', 'is answered later', 'compute the run without await: a timetable has nothing to wait for')) } : { value };
  } catch (error) {
    return { problem: `The timetable threw: ${error instanceof Error ? error.message : String(error)}` };
  }
}

function runOf(value: unknown, { lastInterval, startMs }: ScheduleQuestion): ScheduledRun | string {
  const { runAfterMs, interval: given } = (typeof value === 'object' ? value : {}) as { runAfterMs?: unknown; interval?: unknown };
  if (!isInstant(runAfterMs)) return problemText(problem('next().runAfter', runAfterMs, 'is no date', 'answer { runAfter, interval: { start, end } } of dates, or null when there is no next run'));
  const interval = intervalOf(given, 'next()');
  if (typeof interval === 'string') return interval;
  const at = isoInstant(interval.startMs);
  if (lastInterval !== null && (interval.startMs < lastInterval.startMs || (interval.startMs === lastInterval.startMs && interval.endMs <= lastInterval.endMs))) {
    return problemText(problem('next().interval.start', at, `does not come after that of the run before, ${isoInstant(lastInterval.startMs)}`, 'count from last.end'));
  }
  if (startMs !== null && interval.startMs < startMs) return problemText(problem('next().interval.start', at, `lies before the DAG's start date ${isoInstant(startMs)}`, 'begin at earliest'));
  return { runAfterMs, interval };
}

function intervalOf(value: unknown, where: string): DataInterval | string {
  const { startMs, endMs } = (typeof value === 'object' && value !== null ? value : {}) as { startMs?: unknown; endMs?: unknown };
  if (!isInstant(startMs) || !isInstant(endMs)) return problemText(problem(`${where}.interval`, { startMs, endMs }, 'is no pair of dates', 'answer interval: { start, end }'));
  if (endMs < startMs) return problemText(problem(`${where}.interval`, { start: isoInstant(startMs), end: isoInstant(endMs) }, 'ends before it begins', 'swap start and end'));
  return { startMs, endMs };
}

/** Within the years that can be written. */
const MOST_MS = 253_402_300_799_999;
const isInstant = (value: unknown): value is number => typeof value === 'number' && Number.isInteger(value) && Math.abs(value) <= MOST_MS;
