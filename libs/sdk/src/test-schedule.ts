import { isoInstant, nextRun, parseInstant, type DagDefinition, type ScheduledRun, type ScheduleQuestion } from '@dagbook/domain';
import type { DagModel } from './model.ts';
import { instantOf } from './schedule.ts';
import type { CompiledDag } from './serialize.ts';
import { TestRun } from './test-run.ts';
import { answerTimetable } from './timetable.ts';
import type { ScheduleTestResult, TestOptions } from './types.ts';

type ScheduleTestOptions = Omit<TestOptions<object>, 'logicalDate'> & { readonly from: string; readonly to: string };

/** Over this the range was mistyped. */
const MAX_RUNS = 100_000;

/** As a scheduler that was there all the time would have made them. Each run begins after the one before has ended. */
export async function testSchedule(model: DagModel, compiled: CompiledDag, { from, to, ...options }: ScheduleTestOptions): Promise<ScheduleTestResult> {
  const { definition } = compiled;
  const runs: ScheduleTestResult['runs'][number][] = [];
  const limit = definition.maxConsecutiveFailedRuns ?? 0;
  let previous: TestRun | undefined;
  let failedInARow = 0;
  for (const run of scheduledRuns(model, definition, instantIn(definition, 'from', from), instantIn(definition, 'to', to))) {
    if (limit > 0 && failedInARow >= limit) break;
    const test = new TestRun(model, compiled, options, { run, previous: previous?.folded ?? null });
    await test.run();
    failedInARow = test.state === 'failed' ? failedInARow + 1 : 0;
    runs.push(Object.assign(test, {
      logicalDate: isoInstant(run.interval.startMs), runAfter: isoInstant(run.runAfterMs), dataInterval: { start: isoInstant(run.interval.startMs), end: isoInstant(run.interval.endMs) },
    }));
    previous = test;
  }
  return { runs, paused: limit > 0 && failedInARow >= limit };
}

function* scheduledRuns(model: DagModel, definition: DagDefinition, fromMs: number, toMs: number): Generator<ScheduledRun> {
  const { dagId, schedule, startDate, endDate } = definition;
  if (schedule.kind === 'none' || schedule.kind === 'assets' || schedule.kind === 'continuous') {
    throw new Error(`the schedule of '${dagId}' is of kind "${schedule.kind}", which makes no runs by itself at known times; test one run with test()`);
  }
  const startMs = Math.max(fromMs, parseInstant(startDate ?? '') ?? -Infinity);
  const endMs = Math.min(toMs, parseInstant(endDate ?? '') ?? Infinity);
  let lastInterval: ScheduledRun['interval'] | null = null;
  for (let count = 0; ; count += 1) {
    const question: ScheduleQuestion = { lastInterval, startMs, endMs, catchup: true, nowMs: toMs };
    const run: ScheduledRun | null = schedule.kind === 'custom' ? ownRun(model, question) : nextRun(schedule, question);
    if (run === null || run.interval.startMs > toMs) return;
    if (count === MAX_RUNS) throw new Error(`the schedule of '${dagId}' makes more than ${MAX_RUNS} runs from "${isoInstant(fromMs)}" to "${isoInstant(toMs)}"; give a shorter time`);
    yield run;
    lastInterval = run.interval;
  }
}

function ownRun({ dagId, spec }: DagModel, question: ScheduleQuestion): ScheduledRun | null {
  const answer = answerTimetable(spec.schedule, { kind: 'next', question });
  const run = answer?.kind === 'next' ? answer.runs[0] : undefined;
  if (run === undefined && answer?.problem !== undefined) throw new Error(`the timetable of '${dagId}' could not say the next run: ${answer.problem}`);
  return run ?? null;
}

function instantIn({ timezone }: DagDefinition, name: string, text: string): number {
  const ms = parseInstant(instantOf(text, timezone) ?? '');
  if (ms === undefined) throw new Error(`${name} is "${text}"; it must be ISO-8601, like "2027-01-05".`);
  return ms;
}
