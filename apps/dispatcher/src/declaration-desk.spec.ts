import { attemptId, DISPATCHER, poolStream, workerStream, type AttemptReady, type CommandOutcome, type DispatcherCommand } from '@dagbook/contracts';
import { createMemoryStores, StoreFault, type AppendEntry, type EventStore, type Stores } from '@dagbook/event-store';
import type { Json } from '@dagbook/domain';
import { ManualClock, silentLog } from '@dagbook/platform';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { AdmissionDesk } from './admission-desk.ts';
import { DeclarationDesk } from './declaration-desk.ts';
import { WorkerRoster } from './worker-roster.ts';

const clock = new ManualClock(1_000_000);
let stores: Stores;
let desk: AdmissionDesk;
let declarations: DeclarationDesk;
let roster: WorkerRoster;
/** Every append, in order: which streams. */
let appended: string[];
let commands: number;
/** What the store does before an append. */
let beforeAppend: (entries: readonly AppendEntry[]) => Promise<void>;
let opened: AdmissionDesk[];
/** How often the streams could not be read, while they cannot be. */
let refusals: number | undefined;

function dispatcher(seeds: { pool: string; slots: number; includeDeferred: boolean }[] = []): AdmissionDesk {
  const events = stores.events;
  const bound = Object.fromEntries((['read', 'readMany', 'pendingCommands', 'storeCommand'] as const).map((name) => [name, (events[name] as (...given: unknown[]) => unknown).bind(events)]));
  const store = {
    ...bound,
    listStreams: (prefix: string) => {
      if (refusals === undefined) return events.listStreams(prefix);
      refusals += 1;
      return Promise.reject(new StoreFault('store.unavailable', 'away', { retryable: true }));
    },
    append: async (entries: readonly AppendEntry[]) => {
      await beforeAppend(entries);
      const results = await events.append(entries);
      appended.push(...entries.map(({ streamId }) => streamId));
      return results;
    },
  } as unknown as EventStore;
  roster = new WorkerRoster(clock);
  declarations = new DeclarationDesk({ store, roster, seeds, clock, log: silentLog });
  desk = new AdmissionDesk({
    instance: 'one', store, leases: stores.leases, roster, declarations, tokenSecret: 'secret', clock, log: silentLog,
    publisher: { publish: () => Promise.resolve() },
  });
  opened.push(desk);
  return desk;
}

beforeEach(() => {
  stores = createMemoryStores({ nowMs: () => clock.nowMs() });
  appended = [];
  opened = [];
  commands = 0;
  refusals = undefined;
  beforeAppend = () => Promise.resolve();
});
afterEach(async () => {
  for (const one of opened) await one.shut();
});

const heard = (worker = 'w', over: { readonly slots?: number; readonly queues?: readonly string[] } = {}) =>
  desk.fact(roster.renewed({ worker, incarnation: 'i', queues: ['default'], slots: 9, draining: false, attempts: [], sequence: 1, hostname: 'h', version: '0', ...over }));
const ready = (task: string, pool = 'default_pool', over: Partial<AttemptReady> = {}): AttemptReady => ({
  attemptId: idOf(task), queue: 'default', pool, poolSlots: 1, priority: 1, readyAtMs: 0, lastEpoch: 0, caps: { maxActiveTasks: 16 }, lostAfterMs: 60_000,
  work: { bundleHash: 'b', maxTries: 1, run: { runType: 'manual', logicalDateMs: null, dataInterval: null, runAfterMs: 0, conf: {}, params: {} }, results: {} },
  ...over,
});
const idOf = (taskId: string) => attemptId({ dagId: 'd', runId: 'r', taskId, mapIndex: -1, tryNumber: 1 });

async function stored(command: DispatcherCommand): Promise<string> {
  const commandId = `c${++commands}`;
  await stores.events.storeCommand({ commandId, dagId: DISPATCHER, body: command as unknown as Json });
  return commandId;
}
const until = <T>(condition: () => T | Promise<T>): Promise<T> => vi.waitUntil(condition, { interval: 1, timeout: 5_000 }) as Promise<T>;
async function done(command: DispatcherCommand): Promise<CommandOutcome> {
  const commandId = await stored(command);
  desk.commanded();
  return until(async () => (await stores.events.commandOutcome(commandId)) as unknown as CommandOutcome);
}
const set = (pool: string, slots: number, over: Partial<Extract<DispatcherCommand, { type: 'SetPool' }>> = {}): DispatcherCommand => ({ type: 'SetPool', pool, mode: 'set', slots, user: 'kim', ...over });
const waits = (task: string, code: string) => until(() => desk.whyWaiting(idOf(task))?.code === code);
const live = (count: number) => until(() => desk.counts.live === count);

describe('pools', () => {
  it('let go on what waited for one as soon as it is declared, and hold it again when it is deleted', async () => {
    await dispatcher().open();
    heard();
    desk.ready([ready('a', 'db'), ready('b', 'db')]);
    await waits('a', 'unknown_pool');
    expect(await done(set('db', 1))).toMatchObject({ kind: 'done' });
    await live(1);
    await waits('b', 'pool_full');
    expect(await done({ type: 'DeletePool', pool: 'db', user: 'kim' })).toMatchObject({ kind: 'done' });
    await waits('b', 'unknown_pool');
    expect(await done(set('db', -1))).toMatchObject({ kind: 'done' });
    await live(2);
  });

  it('are known to the next leader, seeds only where nobody has declared or deleted them', async () => {
    await dispatcher([{ pool: 'db', slots: 1, includeDeferred: false }, { pool: 'gone', slots: 1, includeDeferred: false }]).open();
    await done(set('db', 3));
    await done({ type: 'DeletePool', pool: 'gone', user: 'kim' });
    await desk.shut();
    await dispatcher([{ pool: 'db', slots: 1, includeDeferred: false }, { pool: 'gone', slots: 1, includeDeferred: false }]).open();
    heard();
    desk.ready([ready('a', 'db'), ready('b', 'db'), ready('c', 'db'), ready('d', 'db'), ready('e', 'gone')]);
    await live(3);
    await waits('d', 'pool_full');
    await waits('e', 'unknown_pool');
    expect((await stores.events.read(poolStream('db'))).map(({ data }) => (data as { by: string }).by)).toEqual(['DAGBOOK_POOLS', 'kim']);
  });

  it('shrink after the grants that were counted by their former size, and before any other', async () => {
    await dispatcher().open();
    heard();
    await done(set('db', 3));
    let isGranting = false;
    let release = (): void => undefined;
    const held = new Promise<void>((resolve) => (release = resolve));
    beforeAppend = async (entries) => {
      if (!entries.some(({ grants }) => grants !== undefined)) return;
      isGranting = true;
      await held;
    };
    appended = [];
    desk.ready([ready('a', 'db'), ready('b', 'db')]);
    await until(() => isGranting);
    const commandId = await stored(set('db', 1));
    desk.commanded();
    desk.ready([ready('c', 'db')]);
    release();
    await until(async () => (await stores.events.commandOutcome(commandId)) !== null);
    await waits('c', 'pool_full');
    expect(appended.slice(0, 3)).toEqual([`attempt-${idOf('a')}`, `attempt-${idOf('b')}`, poolStream('db')]);
    desk.closed(idOf('a'), 0);
    await waits('c', 'pool_full');
    desk.closed(idOf('b'), 0);
    await until(() => desk.leaseOf(idOf('c')) !== undefined);
  });

  it('count a deferred task for the next leader too', async () => {
    await dispatcher().open();
    heard();
    await done(set('db', 2, { includeDeferred: true }));
    desk.ready([ready('waits', 'db', { poolSlots: 0, deferredSlots: 2 })]);
    await live(1);
    await desk.shut();
    await dispatcher().open();
    heard();
    desk.ready([ready('a', 'db')]);
    await waits('a', 'pool_full');
    await done(set('db', 2, { includeDeferred: false }));
    await live(2);
    expect((await stores.leases.list()).map(({ poolSlots, deferredSlots = 0 }) => [poolSlots, deferredSlots])).toEqual([[1, 0], [0, 2]]);
  });

  it('give a slot that a task held to nobody when it is deferred', async () => {
    await dispatcher().open();
    heard();
    await done(set('db', 1, { includeDeferred: true }));
    desk.ready([ready('waits', 'db'), ready('next', 'db', { priority: 0 })]);
    await live(1);
    await stores.events.append([{ streamId: 'run-d/r', expectedVersion: 0, events: [], revoke: [idOf('waits')] }]);
    desk.closed(idOf('waits'), 1);
    desk.ready([ready('waits', 'db', { poolSlots: 0, deferredSlots: 1, lastEpoch: 1, readyAtMs: 5 })]);
    await until(() => desk.leaseOf(idOf('waits'))?.epoch === 2);
    await waits('next', 'pool_full');
    desk.closed(idOf('waits'), 2);
    await until(() => desk.leaseOf(idOf('next')) !== undefined);
    expect(desk.counts).toEqual({ ready: 0, live: 1 });
  });

  it('are refused with a code and a sentence', async () => {
    await dispatcher().open();
    expect(await done({ type: 'DeletePool', pool: 'default_pool', user: 'kim' })).toEqual({
      kind: 'refused', code: 'default_pool', message: 'default_pool cannot be deleted: tasks that name no pool take its slots. Change its slots instead.',
    });
    expect(await done(set('db', 1, { mode: 'change' }))).toEqual({ kind: 'refused', code: 'pool_not_found', message: "The pool 'db' was not found." });
    expect(await done({ type: 'Nonsense', pool: 'db' } as unknown as DispatcherCommand)).toMatchObject({ kind: 'refused', code: 'internal' });
  });

  it('that no store can hold hold nothing else up', async () => {
    await dispatcher().open();
    heard();
    for (const pool of ['a\u0000', '\ud800', '', 'x'.repeat(257)]) {
      expect(await done(set(pool, 1))).toEqual({ kind: 'refused', code: 'invalid_name', message: 'A name is one line of 1 to 256 characters.' });
    }
    // What the store refuses for good is answered too, though nothing here knew why.
    beforeAppend = (entries) => (entries.some(({ streamId, events }) => streamId === poolStream('odd') && events.length > 0) ? Promise.reject(new StoreFault('store.corrupt', 'no', { retryable: false })) : Promise.resolve());
    expect(await done(set('odd', 1))).toMatchObject({ kind: 'refused', code: 'internal' });
    expect(await done(set('db', 1))).toMatchObject({ kind: 'done' });
    desk.ready([ready('a', 'db')]);
    await live(1);
  });

  it('are never granted by a leader that another has followed, whatever it had under way', async () => {
    const former = dispatcher();
    await former.open();
    heard();
    await done(set('db', 2));
    let release = (): void => undefined;
    let isGranting = false;
    const held = new Promise<void>((resolve) => (release = resolve));
    beforeAppend = async (entries) => {
      if (isGranting || !entries.some(({ grants }) => grants !== undefined)) return;
      isGranting = true;
      await held;
    };
    former.ready([ready('late', 'db')]);
    await until(() => isGranting);
    await dispatcher().open();
    heard();
    await done(set('db', 1));
    desk.ready([ready('a', 'db')]);
    await live(1);
    release();
    await until(() => former.whyWaiting(idOf('late'))?.code === 'pool_full');
    desk.ready([ready('b', 'db')]);
    await waits('b', 'pool_full');
    expect((await stores.leases.list()).map(({ attemptId: id }) => id)).toEqual([idOf('a')]);
  });

  it('wait for the store when it is away, and no attempt is granted by what is not known', async () => {
    await dispatcher().open();
    heard();
    await done(set('db', 2));
    const commandId = await stored(set('db', 1));
    refusals = 0;
    desk.commanded();
    await until(() => refusals === 1);
    desk.ready([ready('a', 'db'), ready('b', 'db')]);
    await until(() => refusals === 2);
    expect(desk.counts).toEqual({ ready: 2, live: 0 });
    refusals = undefined;
    desk.commanded();
    await live(1);
    await waits('b', 'pool_full');
    expect(await stores.events.commandOutcome(commandId)).toMatchObject({ kind: 'done' });
  });

  it('are found without a hint', async () => {
    await dispatcher().open();
    const commandId = await stored(set('db', 1));
    await until(() => !declarations.hasWork);
    await declarations.look();
    expect(declarations.hasWork).toBe(true);
    desk.fact({ type: 'WorkerGone', worker: 'none' });
    await until(async () => (await stores.events.commandOutcome(commandId)) !== null);
    expect(declarations.hasWork).toBe(false);
  });
});

describe('workers that are drained', () => {
  const drain = (worker: string, drained: boolean): DispatcherCommand => ({ type: 'SetWorkerDrained', worker, drained, user: 'kim' });

  it('keep what they run and get nothing more, also from the next leader, until that is taken back', async () => {
    await dispatcher().open();
    heard();
    desk.ready([ready('a')]);
    await live(1);
    expect(await done(drain('w', true))).toMatchObject({ kind: 'done' });
    desk.ready([ready('b')]);
    await waits('b', 'no_worker_serves_queue');
    expect(desk.leaseOf(idOf('a'))).toBeDefined();
    await desk.shut();
    await dispatcher().open();
    heard();
    expect(roster.drainerOf('w')).toBe('kim');
    desk.ready([ready('b')]);
    await waits('b', 'no_worker_serves_queue');
    expect(await done(drain('w', false))).toMatchObject({ kind: 'done' });
    await live(2);
    expect((await stores.events.read(workerStream('w'))).map(({ type }) => type)).toEqual(['WorkerDrained', 'WorkerUndrained']);
  });

  it('must be there', async () => {
    await dispatcher().open();
    expect(await done(drain('x', true))).toMatchObject({ kind: 'refused', code: 'worker_not_found' });
  });
});
