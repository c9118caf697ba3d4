import { TOPICS, workerStream, type WorkerRenewed } from '@dagbook/contracts';
import type { Pool, ReadyAttempt } from '@dagbook/domain';
import { createMemoryStores, type Lease, type Stores } from '@dagbook/event-store';
import { MemoryBroker } from '@dagbook/messaging';
import { ManualClock } from '@dagbook/platform';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { WorkerWatch } from '../worker/worker-watch.ts';
import { SlotWatch } from './slot-watch.ts';

const clock = new ManualClock(0);
const pools = new Map<string, Pool>([['default_pool', { slots: 128, description: null, includeDeferred: false }], ['db', { slots: 2, description: null, includeDeferred: true }]]);
let stores: Stores;
let broker: MemoryBroker;
let workers: WorkerWatch;
let leases: Lease[];
let watch: SlotWatch;

beforeEach(async () => {
  broker = new MemoryBroker();
  leases = [];
  stores = createMemoryStores({ nowMs: () => clock.nowMs() });
  workers = new WorkerWatch({ broker, store: stores.events, clock });
  watch = new SlotWatch({ workers, leases: { list: () => Promise.resolve(leases) }, pools: { all: () => Promise.resolve(pools) } });
  await workers.start();
});
afterEach(async () => {
  await workers.stop();
  await broker.close();
});

const attempt = (over: Partial<ReadyAttempt> = {}): ReadyAttempt => ({
  attemptId: 'd/r2/a/-1/1', queue: 'default', pool: 'default_pool', poolSlots: 1, priority: 1, readyAtMs: 0, caps: { maxActiveTasks: 16 }, ...over,
});
const lease = (attemptId: string, over: Partial<Lease> = {}): Lease => {
  const [dagId = '', runId = '', taskId = ''] = attemptId.split('/');
  return { attemptId, epoch: 1, worker: 'w1', incarnation: 'i', dagId, runId, taskId, queue: 'default', pool: 'default_pool', poolSlots: 1, lostAfterMs: 1, remainingMs: 1, ...over };
};
const renewed = (over: Partial<WorkerRenewed> = {}) => broker.publisher().publish([{
  topic: TOPICS.workers.name, key: 'w1', type: 'WorkerRenewed',
  data: { worker: 'w1', incarnation: 'i', queues: ['default'], slots: 8, draining: false, attempts: [], sequence: 1, hostname: 'h', version: 'v', ...over },
}]);
const becomes = (code: string, asked = attempt()) => vi.waitUntil(async () => (await watch.reason(asked))?.code === code, { interval: 2, timeout: 5_000 });

it('names the queue that no worker serves, that drains, falls silent, or stops', async () => {
  expect(await watch.reason(attempt())).toEqual({ code: 'no_worker_serves_queue', message: 'No worker serves queue "default"; start one that lists it, or change the task\'s queue.' });
  await renewed();
  await becomes('next_in_turn');
  expect(await watch.reason(attempt({ queue: 'gpu' }))).toMatchObject({ code: 'no_worker_serves_queue' });
  clock.advance(30_001);
  expect(await watch.reason(attempt())).toMatchObject({ message: 'Every worker that serves queue "default" is draining or unreachable.' });
  await renewed({ draining: true });
  await becomes('no_worker_serves_queue');
  await renewed();
  await becomes('next_in_turn');
  const declared = (type: 'WorkerDrained' | 'WorkerUndrained', version: number) =>
    stores.events.append([{ streamId: workerStream('w1'), expectedVersion: version, events: [{ eventId: type, type, schemaVersion: 1, data: { by: 'kim', atMs: 1 } }] }]);
  await declared('WorkerDrained', 0);
  expect(await watch.reason(attempt())).toMatchObject({ message: 'Every worker that serves queue "default" is draining or unreachable.' });
  expect(await workers.all()).toMatchObject([{ name: 'w1', state: 'draining', drainedBy: 'kim' }]);
  await declared('WorkerUndrained', 1);
  await becomes('next_in_turn');
  await broker.publisher().publish([{ topic: TOPICS.workers.name, key: 'w1', type: 'WorkerStopped', data: { worker: 'w1', incarnation: 'i' } }]);
  await becomes('no_worker_serves_queue');
});

it('names the slots, the pool and the cap that are taken', async () => {
  await renewed({ slots: 3 });
  await becomes('next_in_turn');
  leases = [lease('d/r1/a/-1/1', { pool: 'db', poolSlots: 2 })];
  expect(await watch.reason(attempt({ pool: 'db' }))).toMatchObject({ code: 'pool_full', message: '2 of 2 slots of pool "db" are taken and it wants 1; those before it in the pool come first.' });
  expect(await watch.reason(attempt({ pool: 'db', poolSlots: 3 }))).toMatchObject({ code: 'pool_too_small' });
  leases = [lease('d/r1/a/-1/1', { pool: 'db', poolSlots: 0, deferredSlots: 1 })];
  expect(await watch.reason(attempt({ pool: 'db', poolSlots: 2 }))).toMatchObject({ code: 'pool_full', message: '1 of 2 slots of pool "db" are taken and it wants 2; those before it in the pool come first.' });
  leases = [lease('d/r1/a/-1/1', { pool: 'db', poolSlots: 2 })];
  expect(await watch.reason(attempt({ pool: 'none' }))).toMatchObject({ code: 'unknown_pool' });
  expect(await watch.reason(attempt({ caps: { maxActiveTasks: 1 } }))).toMatchObject({ code: 'dag_at_cap' });
  expect(await watch.reason(attempt({ caps: { maxActiveTasks: 16, maxActive: 1 } }))).toMatchObject({ code: 'task_at_cap' });
  leases = [lease('d/r2/a/0/1')];
  expect(await watch.reason(attempt({ attemptId: 'd/r2/a/1/1', caps: { maxActiveTasks: 16, maxActivePerRun: 1 } }))).toMatchObject({ code: 'task_in_run_at_cap' });
  leases = ['0', '1', '2'].map((index) => lease(`other/r/t/${index}/1`));
  expect(await watch.reason(attempt())).toMatchObject({ code: 'no_free_worker_slot', message: 'All 3 slots of the workers that serve queue "default" are taken.' });
});
