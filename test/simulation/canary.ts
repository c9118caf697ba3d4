import { attemptId, parseAttemptId, type Message } from '@dagbook/contracts';
import type { DagDefinition, Json, TriggerRule } from '@dagbook/domain';
import { attemptToken } from '@dagbook/platform';
import type { AppendEntry, AppendResult, EventStore, LeaseStore, NewEvent, OwnershipStore, Stores } from '@dagbook/event-store';
import type { Chance } from './chance.ts';
import { delegate } from './simulated-store.ts';
import { TOKEN_SECRET, type Breakage } from './simulation.ts';

/** A defect made on purpose, and the rules of the witness that find it. */
export interface Canary {
  readonly breakage: Breakage;
  readonly foundBy: readonly string[];
}

/**
 * Defects that this design is to be safe from, each made in what the services' ports answer. A simulation that did not
 * find them would find nothing.
 */
export const canaries = (): { readonly [name: string]: Canary } => ({
  'the epoch of a report is not checked': {
    breakage: { stores: appending('scheduler', (entry) => ({ ...withoutFences(entry), drop: [...(entry.drop ?? []), ...releasedBy(entry)] })), hears: presentedAs(nextEpoch) },
    foundBy: ['only who holds the lease reports', 'what counts was done'],
  },
  'every grant has the same epoch': {
    breakage: { stores: appending('dispatcher', (entry) => ({ ...entry, grants: (entry.grants ?? []).map((grant) => ({ ...grant, epoch: 1 })) })) },
    foundBy: ['epoch is the version of the grant'],
  },
  'a report of an old try is taken for one of the newest': { breakage: { hears: presentedAs(nextTry) }, foundBy: ['what counts was done'] },
  'two dispatchers lead': { breakage: { stores: owning('dispatcher') }, foundBy: ['caps at every instant', 'everything ends'] },
  // It also grants again and again, without a pause, what it is refused because the row stands.
  'slots are counted without the leases': { breakage: { stores: leasing(() => ({ list: () => Promise.resolve([]) })) }, foundBy: ['caps at every instant', 'time passes'] },
  'two schedulers own a DAG, and versions are not checked': {
    breakage: { stores: (stores, role, chance) => owning('scheduler')(atAnyVersion(stores, role), role, chance) },
    foundBy: ['legal transitions', 'tries without a gap'],
  },
  'a trigger rule does not wait for what failed': {
    breakage: { definition: (definition) => withRules(definition, { all_success: 'all_done', none_failed: 'all_done' }) },
    foundBy: ['ends that the rules allow'],
  },
  'a trigger rule judges too early': {
    breakage: { definition: (definition) => withRules(definition, { all_done: 'one_done', all_success: 'one_success' }) },
    foundBy: ['no task before its upstream'],
  },
  'nobody is woken when a retry is due': {
    breakage: { clock: (clock, role) => (role === 'scheduler' ? { nowMs: () => clock.nowMs(), alarm: () => () => undefined } : clock) },
    foundBy: ['everything ends'],
  },
  'lost hints are not looked for': { breakage: { reconcileEveryMs: 1e9 }, foundBy: ['everything ends'] },
  'a report is sent once': { breakage: { worker: { resends: false } }, foundBy: ['everything ends'] },
  'a report is acknowledged before it is recorded': { breakage: { stores: forgetting }, foundBy: ['acknowledged means recorded'] },
  'what follows a clear is not recorded': { breakage: { stores: appending('scheduler', upToTheClear) }, foundBy: ['no grant before readiness'] },
  'a lease never expires': { breakage: { stores: leasing((stores) => ({ list: () => undyingLeases(stores) })) }, foundBy: ['everything ends'] },
  'a renewal renews nothing': { breakage: { stores: leasing(() => ({ renew: () => Promise.resolve([]) })) }, foundBy: ['no try runs twice at once'] },
  'a worker runs on without its lease': { breakage: { worker: { fencesItself: false }, weather: { cutEveryMs: 5_000, loss: 0, crash: 0 } }, foundBy: ['no try runs twice at once'] },
  'a worker begins what it is told twice': { breakage: { worker: { knowsRepetitions: false } }, foundBy: ['no try runs twice at once'] },
  'a run does not say whose backfill it is': {
    breakage: { stores: appending('scheduler', (entry) => ({ ...entry, events: entry.events.map(withoutBackfill) })) },
    foundBy: ['a backfill goes by its dates', 'maxActiveRuns'],
  },
  'a backfill makes all its runs at once': { breakage: { stores: readingCommands((body) => (body['type'] === 'CreateBackfill' ? { ...body, maxActiveRuns: 100 } : body)) }, foundBy: ['a backfill keeps its cap'] },
  'an end is told to nobody': { breakage: { stores: appending('scheduler', (entry) => ({ ...entry, events: entry.events.filter(({ type }) => type !== 'CallbackRequested') })) }, foundBy: ['every end is told'] },
  'an end is told twice': { breakage: { stores: appending('scheduler', (entry) => ({ ...entry, events: twice(entry.events, 'CallbackRequested') })) }, foundBy: ['callbacks are numbered without a gap', 'every end is told once'] },
  'a run is closed with things to tell': { breakage: { stores: appending('scheduler', closedAtItsEnd), weather: { crash: 0.02 } }, foundBy: ['everything ends'] },
  'what is late is not recorded': { breakage: { stores: appending('scheduler', (entry) => ({ ...entry, events: entry.events.filter(({ type }) => type !== 'DeadlineMissed') })) }, foundBy: ['who is late is recorded as late', 'every end is told once', 'everything ends'] },
  'a trigger that lost its host has none for ever': { breakage: { hears: (message) => (message.type === 'AttemptReady' && message.data.work.kind === 'trigger' && message.data.lastEpoch > 1 ? [] : [message]) }, foundBy: ['everything ends'] },
  'what was said of a deferred task is granted after its trigger has fired': { breakage: { hears: asSaidBefore() }, foundBy: ['everything ends'] },
  'a watcher that lost its host watches no more': { breakage: { hears: (message) => (message.type === 'AttemptReady' && message.data.work.kind === 'watcher' && message.data.lastEpoch > 0 ? [] : [message]) }, foundBy: ['everything ends'] },
  'what a watcher has seen is another update each time that it is seen': { breakage: { stores: appending('scheduler', seenAnew) }, foundBy: ['an update is recorded once'] },
  'what a trigger brought counts twice': { breakage: { stores: appending('scheduler', (entry) => ({ ...entry, events: twice(entry.events, 'TriggerFired') })) }, foundBy: ['legal transitions'] },
  'a person is heard twice': { breakage: { stores: appending('scheduler', (entry) => ({ ...entry, events: twice(entry.events, 'TaskInputReceived') })) }, foundBy: ['legal transitions'] },
  'nobody hears that an attempt is lost': { breakage: { hears: (message) => (message.type === 'AttemptLost' ? [] : [message]) }, foundBy: ['everything ends'] },
});

type BreakStores = NonNullable<Breakage['stores']>;

const withEvents = (stores: Stores, events: Partial<EventStore>): Stores => ({ ...stores, events: delegate(stores.events, events) });

/** What this role appends, told otherwise. */
function appending(whose: 'scheduler' | 'dispatcher', otherwise: (entry: AppendEntry) => AppendEntry): BreakStores {
  return (stores, role) => (role === whose ? withEvents(stores, { append: (entries) => stores.events.append(entries.map(otherwise)) }) : stores);
}

/** Rows of commands that say something else than was asked. */
function readingCommands(otherwise: (body: { readonly [member: string]: Json }) => Json): BreakStores {
  return (stores) => withEvents(stores, {
    pendingCommands: async (filter) => (await stores.events.pendingCommands(filter)).map((command) => ({ ...command, body: otherwise(command.body as { readonly [member: string]: Json }) })),
  });
}

function withoutBackfill(event: NewEvent): NewEvent {
  const { backfillId: _, ...data } = event.data as { readonly [member: string]: Json };
  return event.type === 'RunCreated' || event.type === 'RunRequeued' ? { ...event, data } : event;
}

function leasing(otherwise: (stores: Stores) => Partial<LeaseStore>): BreakStores {
  return (stores, role) => (role === 'dispatcher' ? { ...stores, leases: delegate(stores.leases, otherwise(stores)) } : stores);
}

async function undyingLeases(stores: Stores): ReturnType<LeaseStore['list']> {
  return (await stores.leases.list()).map((lease) => ({ ...lease, remainingMs: Math.max(lease.remainingMs, 1) }));
}

/** Locks are granted to whoever asks. */
function owning(whose: 'scheduler' | 'dispatcher'): BreakStores {
  return (stores, role) => {
    if (role !== whose) return stores;
    const openSession: OwnershipStore['openSession'] = async () => delegate(await stores.ownership.openSession(), { tryAcquire: () => Promise.resolve(true) });
    return { ...stores, ownership: { ...stores.ownership, openSession } };
  };
}

function atAnyVersion(stores: Stores, role: string): Stores {
  if (role !== 'scheduler') return stores;
  return withEvents(stores, {
    append: async (entries) => {
      const results: AppendResult[] = [];
      for (const entry of entries) {
        const { length } = await stores.events.read(entry.streamId);
        results.push(...(await stores.events.append([{ ...entry, expectedVersion: length }])));
      }
      return results;
    },
  });
}

/** Some commits are said to have been made. */
function forgetting(stores: Stores, role: string, chance: Chance): Stores {
  if (role !== 'scheduler') return stores;
  return withEvents(stores, {
    append: (entries) => {
      if (!entries.some(({ fences = [] }) => fences.length > 0) || !chance.happens(0.2)) return stores.events.append(entries);
      return Promise.resolve(entries.map(({ expectedVersion, events }): AppendResult => ({ kind: 'appended', lastVersion: expectedVersion + events.length, position: null })));
    },
  });
}

function withoutFences({ fences: _, ...entry }: AppendEntry): AppendEntry {
  return entry;
}

const releasedBy = (entry: AppendEntry): readonly { readonly attemptId: string; readonly epoch: number }[] => (entry.fences ?? []).filter(({ release }) => release);

const twice = (events: readonly NewEvent[], type: string): readonly NewEvent[] => events.flatMap((event, index) => (event.type === type ? [event, { ...event, eventId: `${event.eventId.slice(0, -4)}${String(index).padStart(4, '0')}` }] : [event]));

/** As if the stream of an update were not named by what was seen; and the watcher does not remember how far it is. */
function seenAnew(entry: AppendEntry): AppendEntry {
  if (entry.streamId.startsWith('watcher-')) return { ...entry, events: entry.events.map((event) => ({ ...event, data: { ...(event.data as { readonly [member: string]: Json }), ...(event.type === 'WatcherFired' ? { last: '' } : {}) } })) };
  if (!entry.streamId.startsWith('asset-events-')) return entry;
  const epoch = entry.fences?.[0]?.epoch ?? 0;
  const anew = (id: string): string => `${id.slice(0, -4)}${epoch.toString(16).padStart(4, '0')}`;
  return { ...entry, streamId: anew(entry.streamId), events: entry.events.map((event) => ({ ...event, eventId: anew(event.eventId) })) };
}

function closedAtItsEnd(entry: AppendEntry): AppendEntry {
  const ends = entry.events.some(({ type }) => type === 'RunFailed' || type === 'RunSucceeded');
  return ends && entry.openRun !== undefined ? { ...entry, openRun: { ...entry.openRun, open: false } } : entry;
}

function upToTheClear(entry: AppendEntry): AppendEntry {
  const last = entry.events.findLastIndex(({ type }) => type === 'TaskCleared');
  return last === -1 ? entry : { ...entry, events: entry.events.slice(0, last + 1) };
}

interface Reported { readonly attemptId: string; readonly epoch: number }
const nextTry = ({ attemptId: id, epoch }: Reported): Reported => {
  const key = parseAttemptId(id);
  return { attemptId: attemptId({ ...key, tryNumber: key.tryNumber + 1 }), epoch };
};
const nextEpoch = ({ attemptId: id, epoch }: Reported): Reported => ({ attemptId: id, epoch: epoch + 1 });

/** A report is heard as it is, and once more as one of another attempt. */
function presentedAs(other: (reported: Reported) => Reported): NonNullable<Breakage['hears']> {
  return (message: Message, role) => {
    if (role !== 'scheduler' || message.type !== 'AttemptFinished') return [message];
    const forged = other(message.data);
    return [message, { ...message, data: { ...message.data, ...forged, token: attemptToken(TOKEN_SECRET, forged.attemptId, forged.epoch) } }];
  };
}

/** Of a task whose trigger has fired the dispatcher hears that it is ready to wait, as it was. */
function asSaidBefore(): NonNullable<Breakage['hears']> {
  const saidIn = new WeakMap<Stores, Map<string, Extract<Message, { type: 'AttemptReady' }>>>();
  return (message, role, _, stores) => {
    if (role !== 'dispatcher' || message.type !== 'AttemptReady') return [message];
    const said = saidIn.get(stores) ?? new Map();
    saidIn.set(stores, said);
    const { attemptId: id, lastEpoch, work } = message.data;
    if (work.kind === 'trigger') said.set(id, message);
    const before = work.kind === undefined ? said.get(id) : undefined;
    return [before === undefined ? message : { ...before, data: { ...before.data, lastEpoch } }];
  };
}

const withRules = (definition: DagDefinition, rules: { readonly [rule in TriggerRule]?: TriggerRule }): DagDefinition => ({
  ...definition,
  tasks: definition.tasks.map((task) => ({ ...task, triggerRule: rules[task.triggerRule ?? 'all_success'] ?? task.triggerRule ?? 'all_success' })),
});
