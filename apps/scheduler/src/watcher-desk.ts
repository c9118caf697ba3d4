import { createHash } from 'node:crypto';
import { areSeen, DEFAULT_POOL, evolveWatcher, initialWatcher, seenUpdates, WATCHER_FINGERPRINT, watchersWanted, watchesAgainAtMs, type Failure, type Json, type SeenUpdate, type WatcherEvent, type WatcherFold } from '@dagbook/domain';
import { assetEventsStream, assignmentTopic, parseAttemptId, TOPICS, watcherAttemptId, watcherStream, type AttemptFinished, type AttemptLost, type AttemptReady } from '@dagbook/contracts';
import type { AppendResult, EventStore, NewEvent, Position } from '@dagbook/event-store';
import type { MessagePublisher } from '@dagbook/messaging';
import { errorAttributes, uuidv7, watcherKey, type Clock, type Log } from '@dagbook/platform';
import type { Report } from './overheard.ts';
import type { OwnedDag } from './owned-dag.ts';

/**
 * Lets the assets that our DAGs wait for be watched, and takes in what was seen.
 *
 * A watcher of an asset is one attempt in the whole installation, whichever DAGs wait for the asset: its id is made of the asset
 * and the watcher's name, so a second grant of it cannot be while one lives. Each owner of a DAG that wants it says so again and
 * again (`sayAll`), which changes nothing while it is hosted; what it wants follows from the DAG alone, so a new owner wants the same.
 * An attempt ends with each report. Its end is an event of the stream `watcher-<key>`, written by who owns reports of watchers.
 */
export class WatcherDesk {
  readonly #ports: WatcherDeskPorts;
  /** By DAG and attempt. */
  readonly #wanted = new Map<string, Wanted>();

  constructor(ports: WatcherDeskPorts) {
    this.#ports = ports;
  }

  /** After whatever may have changed what the DAG waits for, or whether it does. Never rejects: what could not be said is said in a moment. */
  async sync(dag: OwnedDag): Promise<void> {
    const definition = dag.plan?.definition;
    const known = [...this.#wanted.values()].filter(({ dagId }) => dagId === dag.dagId);
    if (definition?.watchers === undefined && known.length === 0) return;
    const all = (definition?.watchers ?? []).map(({ uri, name }): Wanted => wantedOf(dag, uri, name));
    const wanted = definition === undefined ? [] : watchersWanted(definition, dag.fold).map(({ uri, name }): Wanted => wantedOf(dag, uri, name));
    const same = (one: Wanted, other: Wanted): boolean => one.attemptId === other.attemptId && one.bundleHash === other.bundleHash;
    // One that a former owner of the DAG let watch is among them: it may have died before it took that back.
    const ended = [...known, ...all].filter((one) => !wanted.some((other) => same(one, other)));
    for (const { attemptId, dagId } of known) this.#wanted.delete(`${dagId} ${attemptId}`);
    for (const one of wanted) this.#wanted.set(`${one.dagId} ${one.attemptId}`, known.find((other) => same(one, other)) ?? one);
    try {
      for (const one of ended) await this.#takeBack(one);
      for (const one of wanted) await this.#say(one);
    } catch (error) {
      this.#ports.log.warn('what watches for a DAG could not be said; it is in a moment', { dagId: dag.dagId, ...errorAttributes(error) });
    }
  }

  drop(dagId: string): void {
    for (const [key, wanted] of this.#wanted) if (wanted.dagId === dagId) this.#wanted.delete(key);
  }

  /** In case a hint was lost, or a pause after failures is over. */
  async sayAll(): Promise<void> {
    for (const wanted of this.#wanted.values()) await this.#say(wanted);
  }

  /** An attempt of it has ended. */
  async ended(attemptId: string): Promise<void> {
    for (const wanted of this.#wanted.values()) if (wanted.attemptId === attemptId) await this.#say(wanted);
  }

  async reports(reports: readonly Report[]): Promise<void> {
    for (const { type, data } of reports) {
      if (type === 'AttemptFinished') await this.#finished(data);
      else if (type === 'AttemptLost') await this.#lost(data);
    }
  }

  async #say(wanted: Wanted): Promise<void> {
    await this.#refresh(wanted);
    const { fold, attemptId, queue, bundleHash, uri, name, dagId } = wanted;
    if (watchesAgainAtMs(fold) > this.#ports.clock.nowMs()) return;
    const data: AttemptReady = {
      attemptId, queue, pool: DEFAULT_POOL, poolSlots: 0, priority: 1, readyAtMs: 0, lastEpoch: fold.epoch, caps: { maxActiveTasks: 1 }, lostAfterMs: LOST_AFTER_MS,
      work: {
        kind: 'watcher', watcher: { dagId, uri, name, ...(fold.last === null ? {} : { last: fold.last }) }, bundleHash, maxTries: 1, results: {},
        run: { runType: 'asset_triggered', logicalDateMs: null, dataInterval: null, runAfterMs: this.#ports.clock.nowMs(), conf: {}, params: {} },
      },
    };
    await this.#ports.publisher.publish([{ topic: TOPICS.attempts.name, key: attemptId, type: 'AttemptReady', data }]);
  }

  /** Who else wants it says so again. */
  async #takeBack({ attemptId, key }: Wanted): Promise<void> {
    const { store, publisher } = this.#ports;
    await store.append([{ streamId: watcherStream(key), expectedVersion: (await this.#fold(key, initialWatcher)).version, events: [], revoke: [attemptId] }]);
    await publisher.publish([{ topic: TOPICS.attempts.name, key: attemptId, type: 'AttemptRevoked', data: { attemptId, epoch: 0, reason: 'nobody waits for the asset with this code any more' } }]);
  }

  async #finished(report: AttemptFinished): Promise<void> {
    const { outcome, epoch } = report;
    const nowMs = this.#ports.clock.nowMs();
    const { uri, name, ...seen } = (outcome.kind === 'fired' ? outcome.event : {}) as { readonly uri?: string; readonly name?: string };
    const of = { uri: uri ?? '', watcher: name ?? '' };
    const updates = outcome.kind === 'fired' ? seenUpdates(seen as Json, { uri: of.uri, name: of.watcher, nowMs }) : failureOf(outcome);
    const isNew = !areSeen(updates) || (await this.#record(report, updates));
    const event: WatcherEvent = areSeen(updates)
      ? { type: 'WatcherFired', epoch, ...of, updates: updates.length, last: updates.at(-1)?.id ?? '', atMs: nowMs }
      : { type: 'WatcherFailed', epoch, ...of, failure: updates, atMs: nowMs };
    const accepted = isNew && (await this.#end(report, event));
    await this.#ports.publisher.publish([{ topic: assignmentTopic(report.worker).name, key: report.attemptId, type: 'ReportAcknowledged', data: { attemptId: report.attemptId, epoch, accepted } }]);
  }

  async #lost(report: AttemptLost): Promise<void> {
    const { epoch, worker, cause } = report;
    await this.#end(report, { type: 'WatcherLost', epoch, worker, cause, atMs: this.#ports.clock.nowMs() });
  }

  /** Each in a stream of its own, which its id names: seen twice it is there already. False: the attempt is not the newest. */
  async #record({ attemptId, epoch }: AttemptFinished, updates: readonly SeenUpdate[]): Promise<boolean> {
    const { store, announce } = this.#ports;
    const { runId: key } = parseAttemptId(attemptId);
    const results = await store.append(updates.map(({ id, update }) => {
      const eventId = uuidOf(`${key}\n${id}`);
      return { streamId: assetEventsStream(eventId), expectedVersion: 0, events: [{ ...toNewEvent(update), eventId }], fences: [{ attemptId, epoch, release: false }] };
    }));
    for (const result of results) if (result.kind === 'appended' && result.position !== null) announce(result.position);
    return results.every(({ kind }) => kind !== 'fenced');
  }

  /** Records the end of an attempt with its lease; false: it was not the newest, and what is left of its lease is dropped. */
  async #end({ attemptId, epoch }: { readonly attemptId: string; readonly epoch: number }, event: WatcherEvent): Promise<boolean> {
    const { store, publisher } = this.#ports;
    const { runId: key } = parseAttemptId(attemptId);
    let result: AppendResult | undefined;
    for (let tries = 0; tries < MOST_CONFLICTS && (result === undefined || result.kind === 'conflict'); tries += 1) {
      const { version } = await this.#fold(key, initialWatcher);
      [result] = await store.append([{ streamId: watcherStream(key), expectedVersion: version, events: [toNewEvent(event)], fences: [{ attemptId, epoch, release: true }] }]);
    }
    await publisher.publish([
      { topic: TOPICS.attempts.name, key: attemptId, type: 'AttemptClosed', data: { attemptId, epoch } },
      { topic: TOPICS.reports.name, key: attemptId, type: 'WatcherEnded', data: { attemptId } },
    ]);
    return result?.kind === 'appended';
  }

  async #refresh(wanted: Wanted): Promise<void> {
    wanted.fold = await this.#fold(wanted.key, wanted.fold);
  }

  async #fold(key: string, from: WatcherFold): Promise<WatcherFold> {
    const { store } = this.#ports;
    const streamId = watcherStream(key);
    const snapshot = from.version === 0 ? await store.loadSnapshot(streamId, WATCHER_FINGERPRINT) : null;
    const known = snapshot === null ? from : (snapshot.state as unknown as WatcherFold);
    const fold = (await store.read(streamId, known.version + 1)).reduce((before, { type, data }) => evolveWatcher(before, { type, ...(data as object) } as WatcherEvent), known);
    if (fold.version - known.version >= SNAPSHOT_EVERY) await store.saveSnapshot(streamId, { version: fold.version, fingerprint: WATCHER_FINGERPRINT, state: fold as unknown as Json });
    return fold;
  }
}

const SNAPSHOT_EVERY = 100;
const MOST_CONFLICTS = 5;
/** It only looks: another may look sooner than one would repeat a task. */
const LOST_AFTER_MS = 30_000;

interface Wanted {
  readonly dagId: string;
  readonly attemptId: string;
  readonly key: string;
  readonly uri: string;
  readonly name: string;
  readonly queue: string;
  readonly bundleHash: string;
  fold: WatcherFold;
}

export interface WatcherDeskPorts {
  readonly store: EventStore;
  readonly publisher: MessagePublisher;
  /** Tells who waits for assets that something stands in their feed. */
  readonly announce: (position: Position) => void;
  readonly clock: Clock;
  readonly log: Log;
}

function wantedOf({ dagId, fold, plan }: OwnedDag, uri: string, name: string): Wanted {
  const key = watcherKey(uri, name);
  const queues = plan?.definition.tasks.map(({ queue }) => queue ?? 'default') ?? [];
  return { dagId, attemptId: watcherAttemptId(key), key, uri, name, queue: queues.includes('default') ? 'default' : (queues[0] ?? 'default'), bundleHash: fold.bundleHash ?? '', fold: initialWatcher };
}

const failureOf = (outcome: AttemptFinished['outcome']): Failure =>
  (outcome.kind === 'failed' ? outcome.failure : { code: 'bad_output', message: `A watcher cannot end as ${outcome.kind}.` });

function toNewEvent({ type, ...data }: { readonly type: string }): NewEvent {
  return { eventId: uuidv7(), type, schemaVersion: 1, data: data as unknown as Json };
}

/** The same for the same text, in the form of a UUID, which the journal asks for. */
function uuidOf(text: string): string {
  const hex = createHash('sha256').update(text).digest('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}
