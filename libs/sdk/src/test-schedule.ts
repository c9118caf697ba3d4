import { decideAssetRun, emptyAssetQueue, evolveAssetQueue, isoInstant, nextRun, parseInstant, scheduledPartition, unmappedUpdates, type AssetQueue, type AssetSchedule, type DagDefinition, type Json, type ScheduledRun, type ScheduleQuestion } from '@dagbook/domain';
import type { DagModel } from './model.ts';
import { answerMappers } from './partition.ts';
import { instantOf } from './schedule.ts';
import type { CompiledDag } from './serialize.ts';
import { TestRun, type ScheduledTest } from './test-run.ts';
import { TestStates } from './test-state.ts';
import { answerTimetable } from './timetable.ts';
import type { ScheduleTestOptions, ScheduleTestResult } from './types.ts';

/** Over this the range was mistyped. */
const MAX_RUNS = 100_000;

/** As a scheduler that was there all the time would have made them. Each run begins after the one before has ended. */
export async function testSchedule(model: DagModel, compiled: CompiledDag, options: ScheduleTestOptions<object>): Promise<ScheduleTestResult> {
  const { definition } = compiled;
  const runs: ScheduleTestResult['runs'][number][] = [];
  const limit = definition.maxConsecutiveFailedRuns ?? 0;
  const states = new TestStates(options.assetState);
  let previous: TestRun | undefined;
  let failedInARow = 0;
  for (const due of dueRuns(model, definition, options)) {
    if (limit > 0 && failedInARow >= limit) break;
    const test: TestRun = new TestRun(model, compiled, options, { ...due, previous: previous?.folded ?? null, states });
    await test.run();
    failedInARow = test.state === 'failed' ? failedInARow + 1 : 0;
    const { interval, runAfterMs } = due.run;
    runs.push(Object.assign(test, {
      triggeredBy: due.updates === undefined ? 'timetable' as const : 'asset' as const,
      logicalDate: isoInstant(interval.startMs), runAfter: isoInstant(runAfterMs), dataInterval: { start: isoInstant(interval.startMs), end: isoInstant(interval.endMs) },
    }));
    // What looks at the past looks at the last run with a date.
    if (due.updates === undefined) previous = test;
  }
  return { runs, paused: limit > 0 && failedInARow >= limit };
}

type DueRun = Omit<ScheduledTest, 'previous' | 'states'>;

/** By time and by assets, as they come. */
function* dueRuns(model: DagModel, definition: DagDefinition, { from, to, updates = [] }: ScheduleTestOptions<object>): Generator<DueRun> {
  const [fromMs, toMs] = [instantIn(definition, 'from', from), instantIn(definition, 'to', to)];
  const { schedule } = definition;
  const byAssets = schedule.kind === 'assets' || schedule.kind === 'assetsOrTime' ? [...assetRuns(model, definition, { condition: schedule.condition, ...(schedule.kind === 'assets' && schedule.partition !== undefined ? { partition: schedule.partition } : {}) }, updates)] : [];
  if (updates.length > 0 && schedule.kind !== 'assets' && schedule.kind !== 'assetsOrTime') throw new Error(`updates are given, and the schedule of '${definition.dagId}' names no asset; leave them out`);
  const inTime = byAssets.filter(({ run }) => run.runAfterMs >= fromMs && run.runAfterMs <= toMs);
  if (schedule.kind !== 'assets') {
    for (const run of scheduledRuns(model, definition, fromMs, toMs)) {
      while (inTime[0] !== undefined && inTime[0].run.runAfterMs < run.runAfterMs) yield inTime.shift() as DueRun;
      const partition = scheduledPartition(schedule, run.runAfterMs);
      yield { run, ...(partition === undefined ? {} : { partition }) };
    }
  }
  yield* inTime;
}

/** By the scheduler's own rules; here each update is looked at as it comes. */
function* assetRuns(model: DagModel, definition: DagDefinition, schedule: AssetSchedule, given: NonNullable<ScheduleTestOptions<object>['updates']>): Generator<DueRun> {
  const queue = emptyAssetQueue();
  evolveAssetQueue(queue, { type: 'AssetScheduleSet', schedule, paused: false, atMs: 0 }, '');
  const updates = given.map(({ at, ...update }, index) => ({ ...update, atMs: instantIn(definition, `updates.${index}.at`, at) })).sort((a, b) => a.atMs - b.atMs).map((update, index) => ({ ...update, position: String(index + 1) }));
  for (const { asset, extra = {}, alias, partitionKey, atMs, position } of updates) {
    const aliases = alias === undefined ? {} : { aliases: [alias.name] };
    evolveAssetQueue(queue, { type: 'AssetUpdated', uri: asset.uri, extra: extra as Json, atMs, ...aliases, ...(partitionKey === undefined ? {} : { partitionKey }) }, position);
    mapByCode(model, definition, queue, atMs);
    for (let due = decideAssetRun(queue, { definition, activeRuns: 0, nowMs: atMs }); due !== null; due = decideAssetRun(queue, { definition, activeRuns: 0, nowMs: atMs })) {
      evolveAssetQueue(queue, due.decided, '');
      const { partitionKey: key, partitionDateMs } = due.decided;
      yield { run: { runAfterMs: atMs, interval: { startMs: atMs, endMs: atMs } }, updates: due.updates, ...(key === undefined ? {} : { partition: { partitionKey: key, ...(partitionDateMs === undefined ? {} : { partitionDateMs }) } }) };
    }
  }
}

/** As the DAG's owner has it done before anything else waits. */
function mapByCode({ dagId, spec }: DagModel, { schedule }: DagDefinition, queue: AssetQueue, atMs: number): void {
  const question = unmappedUpdates(queue, Infinity);
  const answer = question === null ? undefined : answerMappers(spec.schedule, schedule, question);
  for (const mapped of answer?.mapped ?? []) {
    if (mapped.problem !== undefined) throw new Error(`a mapper of '${dagId}' could not say for which runs an update counts: ${mapped.problem}`);
    evolveAssetQueue(queue, { type: 'AssetKeysMapped', ...mapped, atMs }, '');
  }
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
