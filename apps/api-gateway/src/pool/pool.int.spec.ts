import { attemptId, attemptStream, DISPATCHER, poolStream, runStream, TOPICS, workerStream, type CommandOutcome, type DispatcherCommand, type WorkerRenewed } from '@dagbook/contracts';
import { isRejected, poolDecider, workerDecider, type Json } from '@dagbook/domain';
import { execute } from '@dagbook/event-store';
import type { Listener } from '@dagbook/messaging';
import { uuidv7 } from '@dagbook/platform';
import { Journal, PIPELINE, withPostgres } from '@dagbook/testkit';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { House } from '../../test/house.ts';

const postgres = withPostgres();
let house: House;
let journal: Journal;
let dispatcher: Listener;

/** Decides as the dispatcher does, with its deciders. */
async function decide({ commandId, body }: { readonly commandId: string; readonly body: Json }): Promise<void> {
  const store = postgres.stores.events;
  const command = body as unknown as DispatcherCommand;
  const given = { by: command.user, atMs: 1 };
  const options = { newEventId: uuidv7, alongside: () => ({ outcomes: [{ commandId, outcome: { kind: 'done', position: null } }] }) };
  const executed = command.type === 'SetWorkerDrained'
    ? await execute(store, workerDecider, workerStream(command.worker), { ...command, ...given, isPresent: command.worker === 'a-1' }, options)
    : await execute(store, poolDecider(command.pool), poolStream(command.pool), { ...command, ...given }, options);
  if (executed.kind === 'decided' && executed.events.length > 0) return;
  const outcome: CommandOutcome = executed.kind === 'rejected' && isRejected(executed.rejection) ? { kind: 'refused', code: executed.rejection.code, message: executed.rejection.message } : { kind: 'done', position: null };
  await store.append([{ streamId: '', expectedVersion: 0, events: [], outcomes: [{ commandId, outcome: outcome as unknown as Json }] }]);
}

const NARROW = {
  ...PIPELINE, dagId: 'narrow',
  tasks: [
    { taskId: 'runs', operator: 'bash', upstream: [], pool: { name: 'db', slots: 2 } },
    { taskId: 'granted', operator: 'bash', upstream: [], pool: { name: 'db', slots: 1 } },
    { taskId: 'ready', operator: 'bash', upstream: [], pool: { name: 'db', slots: 3 }, queue: 's21' },
    { taskId: 'waits', operator: 'sensor', upstream: [], pool: { name: 'db', slots: 1 } },
  ],
};

beforeAll(async () => {
  house = await House.open(postgres);
  dispatcher = await house.broker.listen({
    service: 'dispatcher', instance: 'test', subscriptions: [{ topic: TOPICS.commands.name, mode: 'broadcast' }],
    handlerOf: () => async () => {
      for (const command of await postgres.stores.events.pendingCommands({ partitions: [-1] })) await decide(command);
    },
  });
  journal = new Journal(postgres.stores.events);
  await journal.dag(NARROW);
  await journal.run(NARROW, 'r');
  await journal.start('narrow', 'r', 'runs');
  const of = (taskId: string) => ({ taskId, mapIndex: -1, tryNumber: 1 });
  for (const taskId of ['granted', 'ready']) await journal.append(runStream('narrow', 'r'), [{ type: 'TaskScheduled', ...of(taskId), atMs: journal.tick() }]);
  await journal.append(attemptStream(attemptId({ dagId: 'narrow', runId: 'r', ...of('granted') })), [
    { type: 'AttemptGranted', dagId: 'narrow', runId: 'r', ...of('granted'), worker: 'a-1', queue: 'default', pool: 'db', poolSlots: 1, atMs: journal.tick() },
  ]);
  await journal.start('narrow', 'r', 'waits');
  await journal.append(runStream('narrow', 'r'), [{ type: 'TaskDeferred', ...of('waits'), epoch: 1, trigger: {}, atMs: journal.tick() }]);
  await house.caughtUp();
});
afterAll(async () => {
  await dispatcher.close();
  await house.close();
});

const post = (body: unknown) => house.ask('POST', '/api/v2/pools', { body });
const EMPTY = { description: null, include_deferred: false, team_name: null, occupied_slots: 0, running_slots: 0, queued_slots: 0, scheduled_slots: 0, deferred_slots: 0 };

describe('pools', () => {
  it('are declared, and a DAG that names one is warned of until then', async () => {
    const warning = {
      dag_id: 'narrow', warning_type: 'non-existent pool', dag_display_name: 'narrow', timestamp: expect.any(String) as string,
      message: 'DAG "narrow" names the pool "db", which does not exist: its tasks wait. To let them run, create it, or change the tasks.',
    };
    expect((await house.get('/api/v2/dagWarnings?warning_type=non-existent%20pool')).body).toEqual({ dag_warnings: [warning], total_entries: 1 });
    expect(await post({ name: 'db', slots: 8, description: 'the warehouse' })).toMatchObject({
      status: 201,
      body: { name: 'db', slots: 8, description: 'the warehouse', include_deferred: false, running_slots: 2, queued_slots: 1, scheduled_slots: 3, deferred_slots: 1, occupied_slots: 3, open_slots: 5 },
    });
    expect((await house.get('/api/v2/dagWarnings?dag_id=narrow&warning_type=non-existent%20pool')).body).toEqual({ dag_warnings: [], total_entries: 0 });
    expect(await post({ name: 'db', slots: 1 })).toMatchObject({ status: 409, body: { detail: "The pool 'db' exists already; change it instead." } });
  });

  it('are changed in part; deferred tasks count when they are included, and more than there is leaves nothing open', async () => {
    expect((await house.ask('PATCH', '/api/v2/pools/db', { body: { include_deferred: true } })).body).toMatchObject({ slots: 8, description: 'the warehouse', include_deferred: true, occupied_slots: 4, open_slots: 4 });
    expect((await house.ask('PATCH', '/api/v2/pools/db?update_mask=slots', { body: { slots: 2, description: 'not this' } })).body).toMatchObject({ slots: 2, description: 'the warehouse', open_slots: 0 });
    expect((await house.ask('PATCH', '/api/v2/pools/db', { body: { slots: -1 } })).body).toMatchObject({ slots: -1, open_slots: -1 });
    expect((await house.ask('PATCH', '/api/v2/pools/db', { body: { pool: 'other' } })).status).toBe(400);
    expect((await house.ask('PATCH', '/api/v2/pools/none', { body: { slots: 1 } })).status).toBe(404);
    expect((await house.ask('PATCH', '/api/v2/pools/db', { body: { slots: -2 } })).status).toBe(422);
  });

  it('are listed in order, with the one that is always there', async () => {
    await post({ name: 'a b/c', slots: 0 });
    expect((await house.get('/api/v2/pools/a%20b%2Fc')).body).toEqual({ name: 'a b/c', slots: 0, open_slots: 0, ...EMPTY });
    expect((await house.get('/api/v2/pools?order_by=-name')).body.pools.map((pool: { name: string }) => pool.name)).toEqual(['default_pool', 'db', 'a b/c']);
    expect((await house.get('/api/v2/pools?pool_name_pattern=d%25&limit=1')).body).toMatchObject({ pools: [{ name: 'db' }], total_entries: 2 });
    expect((await house.get('/api/v2/pools/default_pool')).body).toEqual({ name: 'default_pool', slots: 128, open_slots: 128, ...EMPTY, description: 'Default pool' });
  });

  it('are made, changed and deleted by the dozen', async () => {
    const answer = await house.ask('PATCH', '/api/v2/pools', {
      body: {
        actions: [
          { action: 'create', action_on_existence: 'overwrite', entities: [{ name: 'x', slots: 1 }, { name: 'db', slots: 5 }] },
          { action: 'create', entities: [{ name: 'x', slots: 1 }] },
          { action: 'update', entities: [{ name: 'x', slots: 7 }] },
          { action: 'delete', entities: ['a b/c', { name: 'default_pool' }, 'none'] },
        ],
      },
    });
    expect(answer.body).toMatchObject({
      create: { success: ['x', 'db'], errors: [{ status_code: 409 }] }, update: { success: ['x'], errors: [] },
      delete: { success: ['a b/c'], errors: [{ status_code: 400 }, { status_code: 404 }] },
    });
    expect((await house.get('/api/v2/pools')).body.pools.map(({ name, slots }: { name: string; slots: number }) => [name, slots])).toEqual([['db', 5], ['default_pool', 128], ['x', 7]]);
  });

  it('are deleted, but for the one that is always there', async () => {
    expect((await house.ask('DELETE', '/api/v2/pools/x')).status).toBe(204);
    expect((await house.get('/api/v2/pools/x')).status).toBe(404);
    expect(await house.ask('DELETE', '/api/v2/pools/default_pool')).toMatchObject({ status: 400, body: { detail: 'default_pool cannot be deleted: tasks that name no pool take its slots. Change its slots instead.' } });
    const viewer = await house.signIn('guest', 'only looking');
    expect((await house.ask('DELETE', '/api/v2/pools/db', { token: viewer })).status).toBe(403);
    expect((await house.ask('GET', '/api/v2/pools/db', { token: viewer })).status).toBe(200);
  });
});

describe('workers and queues', () => {
  const renewed = (over: Partial<WorkerRenewed> = {}) => house.broker.publisher().publish([{
    topic: TOPICS.workers.name, key: 'a-1', type: 'WorkerRenewed',
    data: { worker: 'a-1', incarnation: 'i', queues: ['default', 'spare'], slots: 8, draining: false, attempts: [], sequence: 1, hostname: 'a', version: '1', ...over },
  }]);
  const workers = async () => (await house.get('/api/v2/workers')).body.workers;

  it('show who serves what, and what waits for a worker', async () => {
    await renewed();
    await vi.waitUntil(async () => (await workers()).length === 1, { interval: 2, timeout: 5_000 });
    expect(await workers()).toEqual([
      { worker_name: 'a-1', state: 'active', drained_by: null, hostname: 'a', version: '1', queues: ['default', 'spare'], slots: 8, running: 0, callbacks: 0, deferred: 0, last_heard: expect.any(String) as string },
    ]);
    expect((await house.get('/api/v2/queues')).body.queues).toEqual([
      { queue: 'default', workers: ['a-1'], slots: 8, running: 0, waiting: 0, dags: 1 },
      { queue: 's21', workers: [], slots: 0, running: 0, waiting: 1, dags: 1 },
      { queue: 'spare', workers: ['a-1'], slots: 8, running: 0, waiting: 0, dags: 0 },
    ]);
  });

  it('a worker is drained and taken back', async () => {
    expect(await house.ask('POST', '/api/v2/workers/a-1/drain')).toMatchObject({ status: 200, body: { worker_name: 'a-1', state: 'draining', drained_by: 'admin' } });
    expect((await house.get('/api/v2/queues')).body.queues[0]).toMatchObject({ queue: 'default', workers: ['a-1'], slots: 0 });
    expect(await house.ask('POST', '/api/v2/workers/a-1/undrain')).toMatchObject({ status: 200, body: { state: 'active', drained_by: null } });
    expect(await house.ask('POST', '/api/v2/workers/b-1/drain')).toMatchObject({ status: 404 });
  });

  it('no DAG could be called what commands to the dispatcher are kept under', async () => {
    expect(DISPATCHER).toContain('/');
    expect((await house.ask('PATCH', `/api/v2/dags/${encodeURIComponent(DISPATCHER)}`, { body: { is_paused: true } })).status).toBe(422);
  });
});
