import { randomUUID } from 'node:crypto';
import { runStream } from '@dagbook/contracts';
import { compilePlan, createRunState, evolveRun, isRejected, settle, type DagDefinition, type RunCommand, type RunEvent } from '@dagbook/domain';
import { ProjectionRunner, rebuildProjection } from '@dagbook/event-store';
import { Journal, PIPELINE, planHashOf, withPostgres } from '@dagbook/testkit';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  getDag, getRun, getTaskInstance, gridRuns, listImportErrors, listRuns, listTaskInstances, listTries, PlanCache, ReadModelProjection, runEvents,
} from './index.ts';
import type { StoppedStream } from './projection.ts';

const postgres = withPostgres();
const TABLES = ['dags', 'dag_versions', 'dag_runs', 'task_instances', 'task_tries', 'import_errors', 'stopped_streams', 'backfills'];

const stopped: StoppedStream[] = [];
// A bound of 40 lets runs go between batches, so that they are loaded again in the middle of their life.
const projection = (schema = 'rm'): ReadModelProjection =>
  new ReadModelProjection({ schema, maxHeld: 40, plans: new PlanCache((hash) => postgres.stores.events.getContent('plan', hash)), onStopped: (stream) => void stopped.push(stream) });
const runner = (batchSize = 5_000): ProjectionRunner<unknown> =>
  new ProjectionRunner({ pool: postgres.stores.pool, events: postgres.stores.events, projection: projection(), batchSize });

/** One hash a table over all of its rows, in an order of their own. */
async function rowHashes(schema: string): Promise<Record<string, string | null>> {
  const hashes: Record<string, string | null> = {};
  for (const table of TABLES) {
    const { rows } = await postgres.stores.pool.query<{ hash: string | null }>(`SELECT md5(string_agg(t::text, E'\\n' ORDER BY t::text COLLATE "C")) AS hash FROM ${schema}.${table} t`);
    hashes[table] = rows[0]?.hash ?? null;
  }
  return hashes;
}

let journal: Journal;
beforeAll(() => {
  journal = new Journal(postgres.stores.events);
});

describe('folding', () => {
  it('makes a row for every task of the plan when a run is created', async () => {
    await journal.dag(PIPELINE);
    await journal.run(PIPELINE, 'r1');
    await runner().catchUp();
    const { rows, total } = await listTaskInstances(postgres.stores.pool, { dagId: 'pipeline', runId: 'r1' }, [{ field: 'taskId', descending: false }], { limit: 10, offset: 0 });
    expect(rows.map(({ taskId, mapIndex, state, tryNumber, maxTries }) => ({ taskId, mapIndex, state, tryNumber, maxTries }))).toEqual([
      { taskId: 'extract', mapIndex: -1, state: 'none', tryNumber: 0, maxTries: 2 },
      { taskId: 'load', mapIndex: -1, state: 'none', tryNumber: 0, maxTries: 0 },
      { taskId: 'report', mapIndex: -1, state: 'none', tryNumber: 0, maxTries: 1 },
    ]);
    expect(total).toBe(3);
    expect(await getRun(postgres.stores.pool, 'pipeline', 'r1')).toMatchObject({ state: 'running', states: '---', counts: { none: 3 } });
    expect(await getDag(postgres.stores.pool, 'pipeline')).toMatchObject({ runningRuns: 1, queuedRuns: 0, isPaused: false, schedule: '0 3 * * *' });
  });

  it('follows a try from ready to success, across batches and restarts of the projector', async () => {
    await journal.start('pipeline', 'r1', 'extract');
    // A batch of one event each, by a projector that remembers nothing.
    for (let at = 0; at < 3; at += 1) await runner(1).runOnce();
    expect(await getTaskInstance(postgres.stores.pool, 'pipeline', 'r1', 'extract', -1)).toMatchObject({ state: 'running', tryNumber: 1, epoch: 1, worker: 'host-1', pid: 42 });
    await journal.append(runStream('pipeline', 'r1'), [{ type: 'TaskSucceeded', taskId: 'extract', mapIndex: -1, tryNumber: 1, epoch: 1, atMs: journal.tick() }]);
    await runner().catchUp();
    const done = await getTaskInstance(postgres.stores.pool, 'pipeline', 'r1', 'extract', -1);
    expect([done?.scheduledAtMs, done?.queuedAtMs, done?.startedAtMs, done?.endedAtMs].map((atMs) => (atMs ?? 0) - (done?.scheduledAtMs ?? 0))).toEqual([0, 1_000, 2_000, 3_000]);
    expect(await getRun(postgres.stores.pool, 'pipeline', 'r1')).toMatchObject({ states: 'S--', counts: { success: 1, none: 2 } });
  });

  it('shows a mapped task by its worst instance and counts the rest', async () => {
    await journal.append(runStream('pipeline', 'r1'), [{ type: 'TaskExpanded', taskId: 'load', length: 3, atMs: journal.tick() }]);
    await journal.succeed('pipeline', 'r1', 'load', { mapIndex: 0 });
    await journal.start('pipeline', 'r1', 'load', { mapIndex: 1 });
    await runner().catchUp();
    expect(await getRun(postgres.stores.pool, 'pipeline', 'r1')).toMatchObject({
      states: 'Sr-', mapped: { load: { success: 1, running: 1, none: 1 } }, counts: { success: 2, running: 1, none: 2 },
    });
    expect(await getTaskInstance(postgres.stores.pool, 'pipeline', 'r1', 'load', -1)).toBeNull();
  });

  it('keeps every try of a task that failed, was retried, cleared and ran again', async () => {
    const stream = runStream('pipeline', 'r1');
    const ref = { taskId: 'report', mapIndex: -1 };
    await journal.start('pipeline', 'r1', 'report');
    await journal.append(stream, [
      { type: 'TaskRetryScheduled', ...ref, tryNumber: 1, epoch: 1, failure: { code: 'error', message: 'no \u0000 such table \ud800' }, retryAtMs: 9_000, atMs: journal.tick() },
    ]);
    await runner().catchUp();
    expect(await getTaskInstance(postgres.stores.pool, 'pipeline', 'r1', 'report', -1)).toMatchObject({
      state: 'up_for_retry', nextAtMs: 9_000, reason: { code: 'error', message: 'no \ufffd such table \ufffd' },
    });
    await journal.succeed('pipeline', 'r1', 'report', { tryNumber: 2 });
    await journal.append(stream, [{ type: 'TaskCleared', ...ref, atMs: journal.tick() }]);
    await runner().catchUp();
    const cleared = await getTaskInstance(postgres.stores.pool, 'pipeline', 'r1', 'report', -1);
    expect(cleared).toMatchObject({ state: 'none', tryNumber: 2, maxTries: 3, startedAtMs: null });
    const statesOf = async (): Promise<(number | string)[][]> => {
      const instance = await getTaskInstance(postgres.stores.pool, 'pipeline', 'r1', 'report', -1);
      if (instance === null) throw new Error('gone');
      return (await listTries(postgres.stores.pool, instance)).map((row) => [row.tryNumber, row.state]);
    };
    expect(await statesOf()).toEqual([[1, 'failed'], [2, 'success']]);
    await journal.start('pipeline', 'r1', 'report', { tryNumber: 3 });
    await runner().catchUp();
    expect(await statesOf()).toEqual([[1, 'failed'], [2, 'success'], [3, 'running']]);
  });

  it('drops a duplicate grant, shows a second one, and ignores one of an earlier try', async () => {
    const grant = (tryNumber: number) => ({ type: 'AttemptGranted', dagId: 'pipeline', runId: 'r1', taskId: 'report', mapIndex: -1, tryNumber, worker: 'host-2', queue: 'default', pool: 'default_pool', poolSlots: 1, atMs: journal.tick() }) as const;
    await journal.append('attempt-pipeline/r1/report/-1/3', [grant(3)]);
    await journal.append('attempt-pipeline/r1/report/-1/1', [grant(1)]);
    await runner().catchUp();
    expect(await getTaskInstance(postgres.stores.pool, 'pipeline', 'r1', 'report', -1)).toMatchObject({ tryNumber: 3, epoch: 2, worker: 'host-2', state: 'running' });
  });

  it('keeps results whose texts and names Postgres cannot hold, with a mark where they were', async () => {
    await journal.append(runStream('pipeline', 'r1'), [{
      type: 'TaskSucceeded', taskId: 'report', mapIndex: -1, tryNumber: 3, epoch: 2, atMs: journal.tick(), result: { kind: 'inline', value: { 'a\u0000b': ['\ud800', 1] } },
    }]);
    await runner().catchUp();
    const { rows } = await postgres.stores.pool.query<{ result: unknown }>(`SELECT result FROM rm.xcom_entries WHERE task_id = 'report'`);
    expect(rows).toEqual([{ result: { kind: 'inline', value: { 'a\ufffdb': ['\ufffd', 1] } } }]);
  });

  it('keeps an import error until its file recovers', async () => {
    await journal.file({ type: 'ImportFailed', file: 'broken.ts', error: { code: 'syntax', message: 'Unexpected }', line: 3 }, atMs: journal.tick() });
    await runner().catchUp();
    const open = async () => (await listImportErrors(postgres.stores.pool, {}, [], { limit: 10, offset: 0 })).rows.map(({ file, line, message }) => ({ file, line, message }));
    expect(await open()).toEqual([{ file: 'broken.ts', line: 3, message: 'Unexpected }' }]);
    await journal.file({ type: 'ImportRecovered', file: 'broken.ts', atMs: journal.tick() });
    await runner().catchUp();
    expect(await open()).toEqual([]);
  });

  it('reads the raw events of a run with those of its attempts, page by page', async () => {
    const all = await runEvents(postgres.stores.pool, 'pipeline', 'r1', { xid: '0', pos: '0' }, 1_000);
    const first = await runEvents(postgres.stores.pool, 'pipeline', 'r1', { xid: '0', pos: '0' }, 4);
    const rest = await runEvents(postgres.stores.pool, 'pipeline', 'r1', first.at(-1)?.position ?? { xid: '0', pos: '0' }, 1_000);
    expect([...first, ...rest]).toEqual(all);
    expect(all.slice(0, 5).map((event) => event.type)).toEqual(['RunCreated', 'RunStarted', 'TaskScheduled', 'AttemptGranted', 'TaskStarted']);
  });
});

describe('a stream with a gap', () => {
  it('is shown as it stood, told once, and does not stop the others', async () => {
    await journal.run(PIPELINE, 'gap');
    await runner().catchUp();
    // Straight into the table: an append would refuse it.
    await postgres.stores.pool.query(
      `INSERT INTO events (stream_id, version, event_id, stored_at_ms, schema_version, type, data) VALUES ('run-pipeline/gap', 7, $1, 0, 1, 'RunSucceeded', '{"atMs": 1}'), ('run-pipeline/gap', 8, $2, 0, 1, 'RunSucceeded', '{"atMs": 1}')`,
      [randomUUID(), randomUUID()],
    );
    await journal.run(PIPELINE, 'after-gap');
    await runner().catchUp();
    expect(stopped.map(({ streamId, expected, found }) => ({ streamId, expected, found }))).toEqual([{ streamId: 'run-pipeline/gap', expected: 3, found: 7 }]);
    expect(await getRun(postgres.stores.pool, 'pipeline', 'gap')).toMatchObject({ state: 'running', version: 2 });
    expect(await getRun(postgres.stores.pool, 'pipeline', 'after-gap')).toMatchObject({ state: 'running' });
    await postgres.stores.pool.query(`DELETE FROM events WHERE stream_id = 'run-pipeline/gap' AND version > 2`);
    await postgres.stores.pool.query('DELETE FROM rm.stopped_streams');
  });
});

describe('whole histories', () => {
  const WIDE: DagDefinition = {
    dagId: 'wide', timezone: 'UTC', schedule: { kind: 'none' },
    tasks: [
      { taskId: 'root', operator: 'function', upstream: [] },
      ...Array.from({ length: 8 }, (_, at) => ({ taskId: `mid_${at}`, operator: 'function', upstream: ['root'], retries: at % 3, retryDelayMs: 1_000 })),
      { taskId: 'many', operator: 'function', upstream: ['root'], reads: ['root'], mapping: { kind: 'expand', over: [['x', { kind: 'result', taskId: 'root' }]] } },
      { taskId: 'fork', operator: 'function', kind: 'branch', upstream: ['root'], branchTargets: ['left', 'right'] },
      { taskId: 'left', operator: 'function', upstream: ['fork'] },
      { taskId: 'right', operator: 'function', upstream: ['fork'] },
      { taskId: 'last', operator: 'function', upstream: [...Array.from({ length: 8 }, (_, at) => `mid_${at}`), 'many'], triggerRule: 'all_done' },
    ],
  };

  /** What the domain decides when tasks end at random, with clears and marks in between. */
  function decided(seed: number, runId: string): RunEvent[] {
    let state = seed;
    const random = (below: number): number => {
      state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
      return Math.floor((state / 2 ** 32) * below);
    };
    let nowMs = 1_000_000 + seed;
    const run = createRunState(compilePlan(WIDE));
    const history: RunEvent[] = [];
    const take = (command: RunCommand): void => {
      const settled = settle(run, command);
      if (!isRejected(settled)) history.push(...settled.events);
    };
    take({
      type: 'CreateRun', dagId: 'wide', runId, runType: 'manual', triggeredBy: 'test', logicalDateMs: null, dataInterval: null, runAfterMs: nowMs, conf: { seed }, params: {},
      planHash: planHashOf(WIDE), dagVersion: 1, bundleHash: 'bundle-1', nowMs,
    });
    take({ type: 'StartRun', nowMs: ++nowMs });
    for (let at = 0; at < 120; at += 1) {
      const slots = run.slots.flatMap((slot) => slot.instances);
      const instance = slots[random(slots.length)];
      if (instance === undefined) continue;
      const ref = { taskId: instance.slot.plan.taskId, mapIndex: instance.mapIndex, tryNumber: instance.tryNumber, epoch: 1 };
      const dice = random(20);
      if (instance.state === 'scheduled') take({ type: 'RecordTaskStarted', ...ref, worker: 'w', nowMs: ++nowMs });
      else if (instance.state === 'running' && dice < 12) take({ type: 'RecordTaskSucceeded', ...ref, resultLength: random(4), chosen: [random(2) === 0 ? 'left' : 'right'], nowMs: ++nowMs });
      else if (instance.state === 'running') take({ type: 'RecordTaskFailed', ...ref, failure: { code: 'error', message: 'dice' }, nowMs: ++nowMs });
      else if (instance.state === 'up_for_retry') take({ type: 'RecordTimePassed', nowMs: (nowMs += 2_000) });
      else if (dice === 0) take({ type: 'ClearTasks', tasks: [{ taskId: ref.taskId }], downstream: true, nowMs: ++nowMs });
      else if (dice === 1) take({ type: 'MarkTasks', tasks: [{ taskId: ref.taskId, mapIndex: ref.mapIndex }], state: 'success', by: 'test', nowMs: ++nowMs });
    }
    return history;
  }

  it('agree with the domain’s own fold, task instance by task instance', async () => {
    await journal.dag(WIDE);
    for (let seed = 1; seed <= 40; seed += 1) {
      const history = decided(seed, `seed-${seed}`);
      await journal.append(runStream('wide', `seed-${seed}`), history);
    }
    await runner(97).catchUp();
    for (let seed = 1; seed <= 40; seed += 1) {
      let run = createRunState(compilePlan(WIDE));
      for (const event of decided(seed, `seed-${seed}`)) run = evolveRun(run, event);
      const { rows } = await listTaskInstances(postgres.stores.pool, { dagId: 'wide', runId: `seed-${seed}` }, [], { limit: 1_000, offset: 0 });
      const told = rows.map((row) => [row.taskId, row.mapIndex, row.state, row.tryNumber, row.maxTries]);
      const folded = run.slots.flatMap((slot) => slot.instances.map((instance) => [slot.plan.taskId, instance.mapIndex, instance.state, instance.tryNumber, instance.maxTries]));
      expect(told.sort(), `seed ${seed}`).toEqual(folded.sort());
      expect(await getRun(postgres.stores.pool, 'wide', `seed-${seed}`), `seed ${seed}`).toMatchObject({
        state: run.state,
        counts: Object.fromEntries(Object.entries(run.counts).filter(([, count]) => count > 0)),
      });
    }
  });

  it('count runs of each state as a count over the rows does', async () => {
    for (const dagId of ['pipeline', 'wide']) {
      const dag = await getDag(postgres.stores.pool, dagId);
      for (const [state, counted] of [['queued', dag?.queuedRuns], ['running', dag?.runningRuns], ['success', dag?.successRuns], ['failed', dag?.failedRuns]] as const) {
        const { rows } = await listRuns(postgres.stores.pool, { dagId, states: [state] }, [], { limit: 100, offset: 0 });
        expect(counted, `${dagId} ${state}`).toBe(rows.length);
      }
    }
  });

  it('fold anew to the same rows, and the rebuilt tables take the place of the live ones', async () => {
    const live = await rowHashes('rm');
    expect(Object.values(live).filter((hash) => hash !== null).length).toBeGreaterThanOrEqual(6);
    await rebuildProjection({ pool: postgres.stores.pool, events: postgres.stores.events, schema: 'rm', make: projection, batchSize: 211 });
    expect(await rowHashes('rm')).toEqual(live);
    await journal.run(PIPELINE, 'after-rebuild');
    await runner().catchUp();
    expect((await gridRuns(postgres.stores.pool, 'pipeline', 1)).map((run) => run.runId)).toEqual(['after-rebuild']);
  });
});
