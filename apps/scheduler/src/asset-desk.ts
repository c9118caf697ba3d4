import { createHash } from 'node:crypto';
import {
  ASSET_QUEUE_FINGERPRINT, canonicalJson, decideAssetEvent, decideAssetRun, emptyAssetQueue, evolveAssetQueue, isAssetRunDue, isRejected, restoreAssetQueue, snapshotAssetQueue, unmappedUpdates, waitingCount,
  type AssetFact, type AssetQueue, type AssetQueueEvent, type AssetSchedule, type DagDefinition, type DagEvent, type DueAssetRun, type Json, type PartitionAnswer, type PartitionQuestion,
} from '@dagbook/domain';
import { ASSET_QUEUES, assetEventsStream, assetQueueStream, type CommandBody, type CommandOutcome } from '@dagbook/contracts';
import { formatPosition, isAfter, type AppendEntry, type EventStore, type NewEvent, type Position, type StoredEvent } from '@dagbook/event-store';
import { errorAttributes, uuidv7, type Clock, type Log } from '@dagbook/platform';
import { triggeringEvents } from './asset-event.ts';
import type { AssetLoop } from './asset.loop.ts';
import type { NewRun, OwnedDag } from './owned-dag.ts';
import type { Plan } from './plan-library.ts';
import type { Ask, AskOutcome } from './run-engine.ts';

/**
 * What waits for the next runs of the DAGs that assets schedule, of those that this scheduler owns.
 *
 * A queue here: loaded when its DAG is taken → folded along the feed of assets (`fold`), from where each stands → dropped with its
 * DAG. `head` is how many events its own stream has; until the fold has come to all of them nothing is decided, so that every
 * decision knows the last. A run is decided in the transaction that creates it: there is no moment between the two, and two
 * schedulers that both believe to own the DAG cannot both write it. Whoever is refused reads the journal again (`isInDoubt`).
 * One that holds what this version cannot fold is parked: it decides nothing, and still writes down all that is asked of its DAG.
 */
export class AssetDesk {
  readonly #ports: AssetDeskPorts;
  readonly #queues = new Map<string, OwnedQueue>();

  constructor(ports: AssetDeskPorts) {
    this.#ports = ports;
  }

  async take(dagIds: readonly string[]): Promise<void> {
    const taken = new Set(dagIds);
    const known = (await this.#ports.store.listStreams(ASSET_QUEUES)).map((streamId) => streamId.slice(ASSET_QUEUES.length)).filter((dagId) => taken.has(dagId));
    await Promise.all(known.map(async (dagId) => this.#queues.set(dagId, await this.#load(dagId))));
    if (known.length > 0) this.#ports.feed().wake();
  }

  drop(dagId: string): void {
    this.#queues.delete(dagId);
  }

  /** Says in the DAG's queue what it waits for, where that is new; null: it is retired. Within the DAG's turn. */
  async declare(dag: OwnedDag, definition: DagDefinition | null): Promise<void> {
    const schedule = definition === null ? null : scheduleOf(definition);
    const owned = await this.#current(dag.dagId);
    const declared = canonicalJson(schedule as unknown as Json);
    if (owned === undefined ? schedule === null : owned.declared === declared) return;
    const event: AssetQueueEvent = { type: 'AssetScheduleSet', schedule, paused: dag.fold.paused, atMs: this.#ports.clock.nowMs() };
    const expectedVersion = owned?.head ?? 0;
    const [result] = await this.#ports.store.append([{ streamId: assetQueueStream(dag.dagId), expectedVersion, events: [toNewEvent(event)] }]);
    if (result?.kind !== 'appended' || result.position === null) {
      this.#queues.set(dag.dagId, await this.#load(dag.dagId));
      throw new Error(`the queue of ${dag.dagId} was written by another scheduler`);
    }
    if (owned === undefined) this.#queues.set(dag.dagId, { dagId: dag.dagId, queue: emptyAssetQueue(), head: 1, declared, position: before(result.position), unsaved: 0, saved: 0, isInDoubt: false, isParked: false });
    else Object.assign(owned, { declared, head: Math.max(owned.head, expectedVersion + 1) });
    this.#ports.feed().wake(result.position);
  }

  /** What is written with the DAG's own events when they pause or unpause it. Within the DAG's turn. */
  async alsoOf(dagId: string, events: readonly DagEvent[]): Promise<AppendEntry['also']> {
    const pauses = events.flatMap((event): AssetQueueEvent[] =>
      event.type === 'DagPaused' ? [{ type: 'AssetQueuePaused', atMs: event.atMs }] : event.type === 'DagUnpaused' ? [{ type: 'AssetQueueUnpaused', atMs: event.atMs }] : []);
    if (pauses.length === 0) return undefined;
    const owned = await this.#current(dagId);
    if (owned === undefined) return undefined;
    // Until the answer is known, so is where the stream stands.
    owned.isInDoubt = true;
    return [{ streamId: assetQueueStream(dagId), expectedVersion: owned.head, events: pauses.map(toNewEvent) }];
  }

  /** They were written. */
  written(also: AppendEntry['also'], position: Position | null): void {
    for (const { streamId, expectedVersion, events } of also ?? []) {
      const owned = this.#queues.get(streamId.slice(ASSET_QUEUES.length));
      if (owned !== undefined) Object.assign(owned, { head: Math.max(owned.head, expectedVersion + events.length), isInDoubt: false });
    }
    if (also !== undefined && position !== null) this.#ports.feed().wake(position);
  }

  /** Strikes out what waits for the DAG, of these assets or of all. Within the DAG's turn. */
  async clear(dagId: string, commandId: string, { uris, beforeMs, user }: Extract<CommandBody, { type: 'ClearAssetQueue' }>): Promise<void> {
    const owned = await this.#current(dagId);
    const event: AssetQueueEvent = { type: 'AssetQueueCleared', ...(uris === undefined ? {} : { uris }), ...(beforeMs === undefined ? {} : { beforeMs }), by: user, atMs: this.#ports.clock.nowMs() };
    const outcome: CommandOutcome = { kind: 'done', position: null };
    const entry = { streamId: assetQueueStream(dagId), expectedVersion: owned?.head ?? 0, events: owned === undefined ? [] : [toNewEvent(event)] };
    if (owned !== undefined) owned.isInDoubt = true;
    const [result] = await this.#ports.store.append([{ ...entry, outcomes: [{ commandId, outcome: outcome as unknown as Json }] }]);
    if (result?.kind !== 'appended') throw new Error(`the queue of ${dagId} was written by another scheduler`);
    this.written([entry], result.position);
  }

  /** Carries out a command that is about an asset and no DAG; its id is the event's, so that it is recorded once. */
  async record(commandId: string, { type: _, ...body }: Extract<CommandBody, { type: 'RecordAssetEvent' }>): Promise<void> {
    const decision = decideAssetEvent({ ...body, nowMs: this.#ports.clock.nowMs() });
    const id = idOf(commandId);
    const streamId = assetEventsStream(id);
    if (isRejected(decision)) {
      const outcome: CommandOutcome = { kind: 'refused', code: decision.code, message: decision.message };
      await this.#ports.store.append([{ streamId, expectedVersion: 0, events: [], outcomes: [{ commandId, outcome: outcome as unknown as Json }] }]);
      return;
    }
    const [result] = await this.#ports.store.append([{ streamId, expectedVersion: 0, events: [{ ...toNewEvent(decision), eventId: id }], outcomes: [{ commandId, outcome: { kind: 'done', position: null } }] }]);
    if (result?.kind === 'appended' && result.position !== null) this.#ports.feed().announce(result.position);
  }

  /** Whether `createDue` has a run to make, or `mapKeys` somebody to ask. */
  isDue(dag: OwnedDag, plan: Plan, activeRuns: number): boolean {
    const owned = this.#queues.get(dag.dagId);
    if (owned === undefined || !mayDecide(owned)) return false;
    return this.#isToMap(owned) || decideAssetRun(owned.queue, { definition: plan.definition, isRetired: dag.fold.retired, activeRuns, nowMs: 0 }) !== null;
  }

  /** Makes the run that is due. Within the DAG's turn. */
  async createDue(dag: OwnedDag, plan: Plan, activeRuns: number): Promise<void> {
    const owned = await this.#current(dag.dagId);
    if (owned === undefined || !mayDecide(owned)) return;
    const due = decideAssetRun(owned.queue, { definition: plan.definition, isRetired: dag.fold.retired, activeRuns, nowMs: this.#ports.clock.nowMs() });
    if (due === null) return;
    const also = [{ streamId: assetQueueStream(dag.dagId), expectedVersion: owned.head, events: [toNewEvent(due.decided)] }];
    owned.isInDoubt = true;
    const outcome = await this.#ports.create(dag, plan, await this.#runOf(dag, plan, due), { also });
    // Another has written the queue, or this very run is there, in a commit that was reported as failed: the journal is read, and asked anew.
    if (outcome.kind === 'refused' && outcome.code === 'conflict') return;
    if (outcome.kind === 'refused') throw new Error(outcome.message);
    this.written(also, null);
    this.#ports.feed().wake();
  }

  /** Asks the author's mappers about updates that wait for that, and writes down what they say. Within the DAG's turn. */
  async mapKeys(dag: OwnedDag): Promise<void> {
    const { clock, store, log } = this.#ports;
    const owned = this.#queues.get(dag.dagId);
    if (owned === undefined || !this.#isToMap(owned)) return;
    await this.#current(dag.dagId);
    if (!mayDecide(owned)) return;
    const question = unmappedUpdates(owned.queue, MAPPED_AT_ONCE);
    if (question === null) return;
    const { mapped, problem } = await this.#ports.askMappers(dag, question);
    if (problem !== undefined || mapped.length === 0) {
      owned.mapsAgainAtMs = clock.nowMs() + MAPS_AGAIN_AFTER_MS;
      log.warn('the mappers of a DAG could not be asked for which runs updates count; they are asked again in a minute', { dagId: dag.dagId, problem });
      return;
    }
    owned.mapsAgainAtMs = undefined;
    for (const { position, problem: wrong } of mapped) if (wrong !== undefined) log.warn('a mapper failed: the update counts for no run', { dagId: dag.dagId, position, problem: wrong });
    const events = mapped.map((update) => toNewEvent({ type: 'AssetKeysMapped', ...update, atMs: clock.nowMs() }));
    const entry = { streamId: assetQueueStream(dag.dagId), expectedVersion: owned.head, events };
    owned.isInDoubt = true;
    const [result] = await store.append([entry]);
    // Another has written the queue: the journal is read, and asked anew.
    if (result?.kind !== 'appended') return;
    this.written([entry], result.position);
  }

  #isToMap({ queue, mapsAgainAtMs = 0 }: OwnedQueue): boolean {
    return queue.unmapped.size > 0 && mapsAgainAtMs <= this.#ports.clock.nowMs();
  }

  /** When mappers that could not be asked are asked again; undefined: nothing of the kind. */
  mapsAtMs(dagId: string): number | undefined {
    return this.#queues.get(dagId)?.mapsAgainAtMs;
  }

  /** Where the feed is to be read from; undefined: nobody here waits for an asset. */
  get position(): Position | undefined {
    let first: Position | undefined;
    for (const { position, isParked } of this.#queues.values()) if (!isParked && (first === undefined || isAfter(first, position))) first = position;
    return first;
  }

  /** Takes in what follows `from` in the feed; a queue that stands before it gets there in a later round. */
  fold(from: Position, events: readonly StoredEvent[]): void {
    const last = events.at(-1);
    if (last === undefined) return;
    for (const owned of this.#queues.values()) {
      if (owned.isParked || isAfter(from, owned.position)) continue;
      const isLevel = !isAfter(owned.position, from);
      try {
        for (const event of events) if (isLevel || isAfter(event.position, owned.position)) follow(owned, event);
      } catch (error) {
        this.#park(owned, error);
        continue;
      }
      if (isLevel || isAfter(last.position, owned.position)) owned.position = last.position;
      owned.unsaved += events.length;
      this.#keepSnapshot(owned);
      if (mayDecide(owned) && (isAssetRunDue(owned.queue) || owned.queue.unmapped.size > 0)) this.#ports.onDue(owned.dagId);
    }
  }

  /** An event that this version cannot fold, written by a newer one: its DAG waits for an owner that can, and keeps no other from its updates. */
  #park(owned: OwnedQueue, error: unknown): void {
    // How many events its stream has is read before it is written to: the fold stopped on the way.
    Object.assign(owned, { isParked: true, isInDoubt: true });
    this.#ports.log.error('what waits for a DAG cannot be folded: no asset starts it until a scheduler that can owns it', { dagId: owned.dagId, ...errorAttributes(error) });
  }

  async #runOf(dag: OwnedDag, plan: Plan, { decided, updates }: DueAssetRun): Promise<NewRun> {
    const { runId, partitionKey, partitionDateMs, atMs } = decided;
    return {
      runId, runType: 'asset_triggered', triggeredBy: 'asset', logicalDateMs: null, dataInterval: null, runAfterMs: atMs, conf: {}, params: plan.definition.params?.defaults ?? {},
      ...(partitionKey === undefined ? {} : { partitionKey }), ...(partitionDateMs === undefined ? {} : { partitionDateMs }),
      ...(await triggeringEvents(this.#ports.store, dag.dagId, runId, updates)),
    };
  }

  /** The queue, read again if it may have been written elsewhere. */
  async #current(dagId: string): Promise<OwnedQueue | undefined> {
    const owned = this.#queues.get(dagId);
    if (owned?.isInDoubt === true) {
      Object.assign(owned, await this.#load(dagId), { isParked: owned.isParked });
      this.#ports.feed().wake();
    }
    return owned;
  }

  async #load(dagId: string): Promise<OwnedQueue> {
    const streamId = assetQueueStream(dagId);
    const snapshot = await this.#ports.store.loadSnapshot(streamId, ASSET_QUEUE_FINGERPRINT);
    const { queue, position } = snapshot === null ? { queue: undefined, position: undefined } : (snapshot.state as unknown as { queue: Json; position: Position });
    const restored = queue === undefined ? emptyAssetQueue() : restoreAssetQueue(queue);
    const tail = await this.#ports.store.read(streamId, restored.version + 1);
    const set = tail.findLast(({ type }) => type === 'AssetScheduleSet')?.data as { readonly schedule: AssetSchedule | null } | undefined;
    const start = position ?? before((tail[0] as StoredEvent).position);
    const declared = canonicalJson((set === undefined ? restored.schedule : set.schedule) as unknown as Json);
    return { dagId, queue: restored, head: restored.version + tail.length, declared, position: start, unsaved: 0, saved: waitingCount(restored), isInDoubt: false, isParked: false };
  }

  /** A cache for the next owner, the rarer the more it holds: then each update costs the same, however many wait. */
  #keepSnapshot(owned: OwnedQueue): void {
    const { queue, position, dagId } = owned;
    // Against what the last one held, not what waits now: where everything waits, that grows as fast as `unsaved`.
    if (owned.unsaved < Math.max(SNAPSHOT_EVERY, owned.saved)) return;
    Object.assign(owned, { unsaved: 0, saved: waitingCount(queue) });
    this.#ports.store.saveSnapshot(assetQueueStream(dagId), { version: queue.version, fingerprint: ASSET_QUEUE_FINGERPRINT, state: { queue: snapshotAssetQueue(queue), position: { ...position } } })
      .catch((error: unknown) => this.#ports.log.warn('a snapshot could not be kept; the journal is whole without it', { dagId, ...errorAttributes(error) }));
  }
}

export interface AssetDeskPorts {
  readonly store: EventStore;
  readonly clock: Clock;
  readonly log: Log;
  readonly create: (dag: OwnedDag, plan: Plan, run: NewRun, more: Pick<Ask, 'also'>) => Promise<AskOutcome>;
  /** Runs the code of the DAG's own mappers, apart from everything. */
  readonly askMappers: (dag: OwnedDag, question: PartitionQuestion) => Promise<PartitionAnswer>;
  /** Something is due for the DAG, as far as assets go. */
  readonly onDue: (dagId: string) => void;
  readonly feed: () => Pick<AssetLoop, 'wake' | 'announce'>;
}

interface OwnedQueue {
  readonly dagId: string;
  queue: AssetQueue;
  /** How many events its own stream has, as far as known; at least what `queue` has folded. */
  head: number;
  /** The schedule that the stream says last. */
  declared: string;
  /** How far in the feed `queue` has come. */
  position: Position;
  /** Events of the feed since the newest snapshot. */
  unsaved: number;
  /** Updates that the newest snapshot holds. */
  saved: number;
  isInDoubt: boolean;
  isParked: boolean;
  /** When mappers that could not be asked are asked again. */
  mapsAgainAtMs?: number | undefined;
}

const SNAPSHOT_EVERY = 1_000;
const MAPPED_AT_ONCE = 100;
const MAPS_AGAIN_AFTER_MS = 60_000;

const mayDecide = ({ queue, head, isParked }: OwnedQueue): boolean => !isParked && queue.version === head;

function follow(owned: OwnedQueue, { streamId, version, type, data, position }: StoredEvent): void {
  if (type !== 'AssetUpdated') {
    if (streamId !== assetQueueStream(owned.dagId)) return;
    owned.head = Math.max(owned.head, version);
  }
  evolveAssetQueue(owned.queue, { type, ...(data as object) } as AssetFact, formatPosition(position));
}

function scheduleOf({ schedule }: DagDefinition): AssetSchedule | null {
  if (schedule.kind === 'assets') return { condition: schedule.condition, ...(schedule.partition === undefined ? {} : { partition: schedule.partition }) };
  return schedule.kind === 'assetsOrTime' ? { condition: schedule.condition } : null;
}

const before = ({ xid, pos }: Position): Position => ({ xid, pos: String(BigInt(pos) - 1n) });

function toNewEvent({ type, ...data }: AssetFact): NewEvent {
  return { eventId: uuidv7(), type, schemaVersion: 1, data: data as unknown as Json };
}

/** The same for the same command, in the form of a UUID, which the journal asks for. */
function idOf(commandId: string): string {
  const hex = createHash('sha256').update(commandId).digest('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}
