import { describe, expect, it } from 'vitest';
import type { DagDefinition, DeadlineDefinition } from '../dag/definition.ts';
import { compilePlan } from '../dag/plan.ts';
import { dagProblems } from '../dag/validate.ts';
import { isRejected } from '../decider.ts';
import { nextWakeAtMs } from './advance.ts';
import type { RunCommand } from './command.ts';
import { deadlinesOf } from './deadline.ts';
import type { RunCreated, RunEvent } from './event.ts';
import { settle } from './settle.ts';
import { restoreRun, snapshotRun } from './snapshot.ts';
import { createRunState, type DagRun } from './state.ts';

const MADE = 1_000_000;
const DAG: DagDefinition = { dagId: 'd', timezone: 'UTC', schedule: { kind: 'none' }, tasks: [{ taskId: 'a', operator: 'function', upstream: [] }] };
const REF = { taskId: 'a', mapIndex: -1, tryNumber: 1, epoch: 1 };

class Story {
  run: DagRun;
  readonly events: RunEvent[] = [];
  constructor(deadlines: readonly DeadlineDefinition[], created: Partial<RunCreated> = {}, more: Partial<DagDefinition> = {}) {
    this.run = createRunState(compilePlan({ ...DAG, ...more, deadlines }));
    this.do({
      type: 'CreateRun', dagId: 'd', runId: 'r', runType: 'manual', triggeredBy: 'test', logicalDateMs: null, dataInterval: null, runAfterMs: 0, conf: {}, params: {}, planHash: 'p', dagVersion: 1, bundleHash: 'b', ...created,
      nowMs: MADE,
    } as RunCommand);
  }
  do(command: RunCommand): string[] {
    const settled = settle(this.run, command);
    if (isRejected(settled)) throw new Error(settled.message);
    this.events.push(...settled.events);
    return settled.events.map((event) => (event.type === 'DeadlineMissed' ? `missed ${event.deadline} of ${event.dueAtMs}` : event.type));
  }
  at = (nowMs: number): string[] => this.do({ type: 'RecordTimePassed', nowMs });
  get states(): string[] {
    return deadlinesOf(this.run).map(({ state, dueAtMs }) => `${state} ${dueAtMs}`);
  }
}

describe('a deadline', () => {
  it.each<[string, DeadlineDefinition, Partial<RunCreated>, number | null]>([
    ['counts from when the run was made', { reference: 'queuedAt', intervalMs: 500 }, {}, MADE + 500],
    ['counts from the logical date', { reference: 'logicalDate', intervalMs: 500 }, { logicalDateMs: MADE + 9_000 }, MADE + 9_500],
    ['lies before its reference when the interval is negative', { reference: 'logicalDate', intervalMs: -500 }, { logicalDateMs: MADE + 9_000 }, MADE + 8_500],
    ['is a date of its own', { reference: 'fixed', fixed: '1970-01-01T01:00:00Z', intervalMs: 0 }, {}, 3_600_000],
    ['counts from what runs take', { reference: 'averageRuntime', intervalMs: 500, averageOf: { limit: 10, minRuns: 2 } }, { averageRuntimesMs: [3_000] }, MADE + 3_500],
    ['is none without a logical date', { reference: 'logicalDate', intervalMs: 500 }, {}, null],
    ['is none of too few runs', { reference: 'averageRuntime', intervalMs: 500, averageOf: { limit: 10, minRuns: 2 } }, { averageRuntimesMs: [null] }, null],
  ])('%s', (_, deadline, created, dueAtMs) => {
    const story = new Story([deadline], created);
    expect([nextWakeAtMs(story.run), story.states]).toEqual([dueAtMs, [`${dueAtMs === null ? 'unknown' : 'pending'} ${dueAtMs}`]]);
    if (dueAtMs === null) return;
    expect(story.at(dueAtMs - 1)).toEqual([]);
    expect(story.at(dueAtMs)).toEqual([`missed 0 of ${dueAtMs}`]);
    expect([story.at(dueAtMs + 1), nextWakeAtMs(story.run), story.states]).toEqual([[], null, [`missed ${dueAtMs}`]]);
  });

  it('is met by a run that has succeeded, and counts no more', () => {
    const story = new Story([{ reference: 'queuedAt', intervalMs: 500 }]);
    story.do({ type: 'StartRun', nowMs: MADE });
    expect(story.do({ type: 'RecordTaskSucceeded', ...REF, nowMs: MADE + 499 })).toEqual(['TaskSucceeded', 'RunSucceeded']);
    expect([nextWakeAtMs(story.run), story.states, story.at(MADE + 500)]).toEqual([null, [`met ${MADE + 500}`], []]);
  });

  it('is missed by a run that succeeds at the very instant', () => {
    const story = new Story([{ reference: 'queuedAt', intervalMs: 500 }]);
    story.do({ type: 'StartRun', nowMs: MADE });
    expect(story.do({ type: 'RecordTaskSucceeded', ...REF, nowMs: MADE + 500 })).toEqual(['TaskSucceeded', `missed 0 of ${MADE + 500}`, 'RunSucceeded']);
  });

  it('is held anew to a run that is queued anew, if it counts from there', () => {
    const story = new Story([{ reference: 'queuedAt', intervalMs: 500 }, { reference: 'fixed', fixed: '1970-01-01T00:16:41Z', intervalMs: 0 }]);
    expect(story.at(MADE + 1_000)).toEqual([`missed 0 of ${MADE + 500}`, `missed 1 of ${MADE + 1_000}`]);
    story.do({ type: 'MarkRun', state: 'failed', by: 'ann', nowMs: MADE + 2_000 });
    story.do({ type: 'MarkRun', state: 'queued', by: 'ann', nowMs: MADE + 3_000 });
    expect([story.states, nextWakeAtMs(story.run)]).toEqual([[`pending ${MADE + 3_500}`, `missed ${MADE + 1_000}`], MADE + 3_500]);
  });

  it('stands in a snapshot, so that a new owner neither forgets nor repeats it', () => {
    const story = new Story([{ reference: 'queuedAt', intervalMs: 500 }, { reference: 'queuedAt', intervalMs: 900 }]);
    story.at(MADE + 600);
    story.run = restoreRun(story.run.plan, structuredClone(snapshotRun(story.run)));
    expect([nextWakeAtMs(story.run), story.at(MADE + 1_000)]).toEqual([MADE + 900, [`missed 1 of ${MADE + 900}`]]);
  });

  it('is looked at beside the timeout of the run', () => {
    const story = new Story([{ reference: 'queuedAt', intervalMs: 900 }], {}, { dagrunTimeoutMs: 500 });
    story.do({ type: 'StartRun', nowMs: MADE });
    expect(nextWakeAtMs(story.run)).toBe(MADE + 500);
    expect(story.at(MADE + 1_000)).toEqual([`missed 0 of ${MADE + 900}`, 'TaskSkipped', 'RunFailed']);
  });
});

it.each<[DeadlineDefinition, string]>([
  [{ reference: 'fixed', intervalMs: 0 }, 'deadlines.0.fixed'],
  [{ reference: 'queuedAt', intervalMs: 1.5 }, 'deadlines.0.intervalMs'],
  [{ reference: 'averageRuntime', intervalMs: 0 }, 'deadlines.0.averageOf.limit'],
  [{ reference: 'averageRuntime', intervalMs: 0, averageOf: { limit: 5, minRuns: 6 } }, 'deadlines.0.averageOf.minRuns'],
])('%j is refused', (deadline, field) => {
  expect(dagProblems({ ...DAG, deadlines: [deadline] })[0]?.field).toBe(field);
});
