import type { AttemptReady } from '@dagbook/contracts';
import { createMemoryStores, type AppendEntry, type AppendResult, type Stores } from '@dagbook/event-store';
import type { OutgoingMessage } from '@dagbook/messaging';
import { ManualClock, silentLog } from '@dagbook/platform';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AdmissionDesk } from './admission-desk.ts';
import { DeclarationDesk } from './declaration-desk.ts';
import { WorkerRoster } from './worker-roster.ts';

const ATTEMPT = 'd/r/a/-1/1';
const ready = (lastEpoch = 0): AttemptReady => ({
  attemptId: ATTEMPT, queue: 'default', pool: 'default_pool', poolSlots: 1, priority: 1, readyAtMs: 0, lastEpoch, caps: { maxActiveTasks: 16 }, lostAfterMs: 60_000,
  work: { bundleHash: 'b', maxTries: 1, run: { runType: 'manual', logicalDateMs: null, dataInterval: null, runAfterMs: 0, conf: {}, params: {} }, results: {} },
});

let stores: Stores;
let clock: ManualClock;
let roster: WorkerRoster;
let desk: AdmissionDesk;
let said: OutgoingMessage[];
let publishes: number;
let onPublish: () => void;
/** Holds an append back after it was done, as a slow commit does. */
let commit: Promise<void>;
let committing: () => void;
/** An attempt whose lease the database cannot hold. */
let unwritable: string | undefined;

const published = (count: number): Promise<void> =>
  new Promise((resolve) => {
    onPublish = () => (publishes >= count ? resolve() : undefined);
    onPublish();
  });
const told = () => said.filter(({ topic }) => topic.startsWith('dagbook.assignments.')).map(({ type, data }) => [type, (data as { epoch: number }).epoch]);
const renewed = (incarnation: string) => roster.renewed({ worker: 'w', incarnation, queues: ['default'], slots: 4, draining: false, attempts: [], sequence: 1, hostname: 'h', version: '0' });

beforeEach(async () => {
  clock = new ManualClock(1_000_000);
  stores = createMemoryStores({ nowMs: () => clock.nowMs() });
  roster = new WorkerRoster(clock);
  said = [];
  publishes = 0;
  onPublish = () => undefined;
  commit = Promise.resolve();
  committing = () => undefined;
  unwritable = undefined;
  const append = async (entries: readonly AppendEntry[]): Promise<readonly AppendResult[]> => {
    const isWritable = ({ grants }: AppendEntry): boolean => grants?.[0]?.attemptId !== unwritable || unwritable === undefined;
    const written = await stores.events.append(entries.filter(isWritable));
    let at = 0;
    const results = entries.map((entry): AppendResult => (isWritable(entry) ? (written[at++] as AppendResult) : { kind: 'unwritable', message: 'too large' }));
    committing();
    await commit;
    return results;
  };
  const declarations = new DeclarationDesk({ store: stores.events, roster, seeds: [], clock, log: silentLog });
  desk = new AdmissionDesk({
    instance: 'one', store: { ...stores.events, append, read: (id) => stores.events.read(id), storeCommand: (command) => stores.events.storeCommand(command) }, leases: stores.leases, roster, declarations, tokenSecret: 'secret', clock, log: silentLog,
    publisher: {
      publish: async (messages) => {
        said.push(...messages);
        publishes += 1;
        onPublish();
      },
    },
  });
  renewed('first');
  await desk.open();
});
afterEach(() => desk.shut());

describe('the admission desk', () => {
  it('assigns what it has granted', async () => {
    desk.ready([ready()]);
    await published(2);
    expect(told()).toEqual([['AttemptAssigned', 1]]);
    expect(desk.counts).toEqual({ ready: 0, live: 1 });
  });

  it('asks what is ready now of a try that was granted since it was said to be', async () => {
    desk.ready([ready()]);
    await published(2);
    await stores.events.append([{ streamId: `attempt-${ATTEMPT}`, expectedVersion: 1, events: [], fences: [{ attemptId: ATTEMPT, epoch: 1, release: true }] }]);
    desk.closed(ATTEMPT, 1);
    desk.ready([ready()]);
    await published(3);
    expect(said.at(-1)).toEqual({ topic: 'dagbook.reports', key: 'dispatcher', type: 'AttemptsWanted', data: { by: 'one', of: [{ attemptId: ATTEMPT, epoch: 1 }] } });
    expect(desk.counts).toEqual({ ready: 0, live: 0 });
    desk.ready([ready(1)]);
    await published(4);
    expect(told()).toEqual([['AttemptAssigned', 1], ['AttemptAssigned', 2]]);
  });

  it('grants a callback that was granted before at once, for it does the same each time', async () => {
    const callback: AttemptReady = { ...ready(), work: { ...ready().work, kind: 'callback' } };
    desk.ready([callback]);
    await published(2);
    await stores.events.append([{ streamId: `attempt-${ATTEMPT}`, expectedVersion: 1, events: [], fences: [{ attemptId: ATTEMPT, epoch: 1, release: true }] }]);
    desk.closed(ATTEMPT, 1);
    desk.ready([callback]);
    await published(3);
    expect(told()).toEqual([['AttemptAssigned', 1], ['AttemptAssigned', 2]]);
  });

  it('withdraws a grant that was revoked while it committed', async () => {
    let release = (): void => undefined;
    commit = new Promise((resolve) => (release = resolve));
    const underWay = new Promise<void>((resolve) => (committing = resolve));
    desk.ready([ready()]);
    await underWay;
    desk.closed(ATTEMPT, 0);
    release();
    await published(2);
    expect(told()).toEqual([['AttemptRevoked', 1]]);
    expect(said.find(({ type }) => type === 'AttemptLost')).toMatchObject({ topic: 'dagbook.reports', data: { attemptId: ATTEMPT, epoch: 1, worker: 'w' } });
    expect(desk.counts).toEqual({ ready: 0, live: 0 });
  });

  it('tells a worker again of what it does not know to hold, also after a takeover', async () => {
    desk.ready([ready()]);
    await published(2);
    await desk.shut();
    await desk.open();
    desk.ready([ready()]);
    clock.advance(60_000);
    await desk.remind(clock.nowMs(), new Set());
    expect(told()).toEqual([['AttemptAssigned', 1], ['AttemptAssigned', 1]]);
  });

  it('tells no other process on the slot, which would run it twice under one epoch', async () => {
    desk.ready([ready()]);
    await published(2);
    desk.fact(renewed('second'));
    clock.advance(60_000);
    await desk.remind(clock.nowMs(), new Set());
    expect(told()).toEqual([['AttemptAssigned', 1]]);
  });

  it('gives a slot back that was never heard to be free only when two looks have missed its row', async () => {
    desk.ready([ready()]);
    await published(2);
    clock.advance(10_000);
    await desk.reconcile([]);
    expect(desk.counts.live).toBe(1);
    await desk.reconcile([]);
    expect(desk.counts.live).toBe(0);
  });

  it('has a task marked failed that no lease can ever be written for, and goes on with the others', async () => {
    unwritable = ATTEMPT;
    desk.ready([ready(), { ...ready(), attemptId: 'd/r/b/-1/1' }]);
    await published(2);
    expect(told()).toEqual([['AttemptAssigned', 1]]);
    expect(desk.counts).toEqual({ ready: 0, live: 1 });
    expect(await stores.events.pendingCommands({})).toMatchObject([{ commandId: `ungrantable/${ATTEMPT}`, dagId: 'd', body: { type: 'MarkTasks', runId: 'r', tasks: [{ taskId: 'a', mapIndex: -1 }], state: 'failed', user: 'dispatcher' } }]);
    expect(said).toContainEqual({ topic: 'dagbook.commands', key: 'd', type: 'CommandStored', data: { commandId: `ungrantable/${ATTEMPT}`, dagId: 'd' } });
  });

  it('counts anew in a term of its own when another has begun one', async () => {
    await stores.leases.raiseTerm();
    desk.ready([ready()]);
    await published(2);
    expect(told()).toEqual([['AttemptAssigned', 1]]);
    expect((await stores.leases.list()).length).toBe(1);
  });

  it('tells nobody of what has expired, which another is about to be given', async () => {
    desk.ready([ready()]);
    await published(2);
    clock.advance(60_000);
    await desk.remind(clock.nowMs(), new Set([ATTEMPT]));
    expect(told()).toEqual([['AttemptAssigned', 1]]);
  });
});
