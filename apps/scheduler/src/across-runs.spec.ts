import { compilePlan, createRunState, evolveRun, type DagDefinition, type DagRun, type RunCreated } from '@dagbook/domain';
import { dagStream, runStream } from '@dagbook/contracts';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SchedulerHouse } from '../test/scheduler-house.ts';
import { askAcross } from './across-runs.ts';
import { PlanLibrary } from './plan-library.ts';
import type { Ask, RunEngine } from './run-engine.ts';

const DAG: DagDefinition = {
  dagId: 'd', timezone: 'UTC', schedule: { kind: 'none' },
  tasks: [{ taskId: 'a', operator: 'empty', kind: 'empty', upstream: [] }, { taskId: 'b', operator: 'empty', kind: 'empty', upstream: ['a'] }],
};
const ALL = ['r1', 'r2', 'r3', 'none'] as const;

let house: SchedulerHouse;
beforeEach(async () => {
  house = new SchedulerHouse('2026-02-01T00:00Z', [DAG]);
  await house.start();
  for (const [index, runId] of ALL.entries()) {
    const logicalDateMs = runId === 'none' ? null : Date.parse(`2026-01-0${index + 1}T00:00Z`);
    await house.command('d', { type: 'TriggerRun', runId, logicalDateMs, conf: {}, triggeredBy: 'test', user: 'ann' });
  }
  await house.until(async () => (await house.open()).length === 0);
});
afterEach(() => house.close());

/** How often each run has been cleared of something or marked. */
const touched = async (): Promise<string[]> =>
  (await Promise.all(ALL.map(async (runId) => ({ runId, types: await house.types(runStream('d', runId)) })))).flatMap(({ runId, types }) => {
    const events = types.filter((type) => type === 'TaskCleared' || type === 'TaskMarked').length;
    return events === 0 ? [] : [`${runId} ${events}`];
  });
const A = [{ taskId: 'a' }];

describe('a clear across runs', () => {
  it.each([
    [{ runId: 'r2', past: true }, ['r1 2', 'r2 2']],
    [{ runId: 'r2', future: true }, ['r2 2', 'r3 2']],
    [{ runId: 'r2', past: true, future: true }, ['r1 2', 'r2 2', 'r3 2']],
    [{ runId: 'none', past: true, future: true }, ['none 2']],
    [{ fromMs: Date.parse('2026-01-02T00:00Z') }, ['r2 2', 'r3 2']],
    [{ toMs: Date.parse('2026-01-02T00:00Z') }, ['r1 2', 'r2 2']],
  ])('%j', async (span, expected) => {
    expect(await house.command('d', { type: 'ClearTasksAcross', span, tasks: A, downstream: true, onlyFailed: false, user: 'ann' })).toMatchObject({ kind: 'done' });
    await house.until(async () => (await house.open()).length === 0);
    expect(await touched()).toEqual(expected);
    expect((await house.types(runStream('d', expected[0]?.split(' ')[0] ?? ''))).slice(-6)).toEqual(['TaskCleared', 'RunRequeued', 'RunStarted', 'TaskSucceeded', 'TaskSucceeded', 'RunSucceeded']);
  });

  it('is refused for what the run it names does not have', async () => {
    expect(await house.command('d', { type: 'ClearTasksAcross', span: { runId: 'r9', past: true }, user: 'ann' })).toMatchObject({ code: 'run_not_found' });
    expect(await house.command('d', { type: 'ClearTasksAcross', span: { runId: 'r2', past: true }, tasks: [{ taskId: 'z' }], user: 'ann' })).toMatchObject({ code: 'unknown_task' });
    expect(await touched()).toEqual([]);
  });
});

it('marks the same task in the runs before and after', async () => {
  expect(await house.command('d', { type: 'MarkTasksAcross', span: { runId: 'r2', future: true }, tasks: A, state: 'failed', user: 'ann' })).toMatchObject({ kind: 'done' });
  expect(await touched()).toEqual(['r2 1', 'r3 1']);
});

describe('versions', () => {
  const NEWER: DagDefinition = { ...DAG, tasks: [...DAG.tasks, { taskId: 'c', operator: 'empty', kind: 'empty', upstream: ['b'] }] };
  const tasksOf = async (runId: string): Promise<string[]> =>
    (await house.stores.events.read(runStream('d', runId))).filter(({ type }) => type === 'TaskSucceeded').map(({ data }) => (data as { taskId: string }).taskId);

  it('a cleared run stays with its version, or goes over to the newest when asked', async () => {
    await house.edit([NEWER]);
    await house.command('d', { type: 'ClearTasks', runId: 'r1', onlyFailed: false, user: 'ann' });
    await house.command('d', { type: 'ClearTasks', runId: 'r2', onlyFailed: false, runOnLatestVersion: true, user: 'ann' });
    await house.until(async () => (await house.open()).length === 0);
    expect([await tasksOf('r1'), await tasksOf('r2')]).toEqual([['a', 'b', 'a', 'b'], ['a', 'b', 'a', 'b', 'c']]);
  });

  it('the DAG says which, when the request does not', async () => {
    await house.edit([{ ...NEWER, rerunWithLatestVersion: true }]);
    await house.command('d', { type: 'ClearTasks', runId: 'r1', onlyFailed: false, user: 'ann' });
    await house.command('d', { type: 'ClearTasks', runId: 'r2', onlyFailed: false, runOnLatestVersion: false, user: 'ann' });
    await house.until(async () => (await house.open()).length === 0);
    expect([await tasksOf('r1'), await tasksOf('r2')]).toEqual([['a', 'b', 'a', 'b', 'c'], ['a', 'b', 'a', 'b']]);
  });

  it('a thousand parses of the same content add none', async () => {
    for (let parse = 0; parse < 1_000; parse += 1) await house.edit([DAG]);
    await house.command('d', { type: 'SetPaused', paused: true, user: 'ann' });
    expect(await house.types(dagStream('d'))).toEqual(['DagVersionRegistered', 'DagPaused']);
  });
});

it('changes nothing when something to be cleared is running and that is not wanted', async () => {
  const state = createRunState(compilePlan(DAG));
  state.created = { runId: 'r2', logicalDateMs: Date.parse('2026-01-02T00:00Z') } as RunCreated;
  begin(state, 'a');
  const asked: string[] = [];
  const engine = { hotRuns: new Map([[runStream('d', 'r2'), { runId: 'r2', created: state.created, state }]]), ask: ({ runId }: Ask) => asked.push(runId) } as unknown as RunEngine;
  const ports = { store: house.stores.events, plans: new PlanLibrary(house.stores.events), engine: () => engine };
  const clear = (preventRunning: boolean) => (runId: string): Ask[] => [{ dagId: 'd', runId, command: { type: 'ClearTasks', preventRunning, nowMs: 0 } }];
  expect(await askAcross(ports, 'd', { runId: 'r2', past: true }, clear(true))).toMatchObject({ code: 'task_running', message: expect.stringContaining('a of run r2 is running') });
  expect(asked).toEqual([]);
  void askAcross(ports, 'd', { runId: 'r2', past: true }, clear(false));
  await house.until(async () => asked.length > 0);
});

/** As a report of a worker would. */
function begin(run: DagRun, taskId: string): void {
  evolveRun(run, { type: 'TaskScheduled', taskId, mapIndex: -1, tryNumber: 1, atMs: 0 });
  evolveRun(run, { type: 'TaskStarted', taskId, mapIndex: -1, tryNumber: 1, epoch: 1, worker: 'w', atMs: 0 });
}
