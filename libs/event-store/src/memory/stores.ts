import { partitionOf } from '@dagbook/contracts';
import type { Json } from '@dagbook/domain';
import {
  type AppendEntry, type AppendResult, type CheckpointStore, type ContentKind, type EventStore, FEED_START, formatPosition, type Lease, type LeaseGrant,
  type LeaseStore, type NewCommand, type OwnershipSession, type OwnershipStore, type PendingCommand, type Position, StoreFault, type Snapshot, type StoredEvent, type Stores,
} from '../port.ts';
import { MemoryBundleStore } from './bundle-store.ts';

/**
 * The twin of the Postgres stores, for tests and simulation: same answers, no durability. Data is kept as JSON text, so
 * that nobody shares an object with the journal. `nowMs` is the clock that judges leases.
 */
export function createMemoryStores(options: { readonly nowMs?: () => number } = {}): Stores & { readonly events: MemoryEventStore } {
  const nowMs = options.nowMs ?? (() => Date.now());
  const leases = new MemoryLeaseStore(nowMs);
  const events = new MemoryEventStore(leases, nowMs);
  const ownership = new MemoryOwnershipStore();
  return { events, leases, ownership, checkpoints: new MemoryCheckpointStore(), bundles: new MemoryBundleStore(), close: () => ownership.close() };
}

interface Row {
  readonly event: Omit<StoredEvent, 'data'>;
  readonly data: string;
}

interface CommandRow {
  readonly command: PendingCommand;
  outcome: Json | null;
}

export class MemoryEventStore implements EventStore {
  readonly #leases: MemoryLeaseStore;
  readonly #nowMs: () => number;
  readonly #streams = new Map<string, Row[]>();
  readonly #feed: Row[] = [];
  readonly #assetFeed: Row[] = [];
  readonly #openRuns = new Map<string, { dagId: string; runId: string }>();
  readonly #snapshots = new Map<string, string>();
  readonly #contents = new Map<string, Uint8Array>();
  readonly #commands = new Map<string, CommandRow>();
  #xid = 0;

  constructor(leases: MemoryLeaseStore, nowMs: () => number) {
    this.#leases = leases;
    this.#nowMs = nowMs;
  }

  append(entries: readonly AppendEntry[]): Promise<readonly AppendResult[]> {
    this.#xid++;
    return Promise.resolve(entries.map((entry) => this.#appendOne(entry)));
  }

  #appendOne(entry: AppendEntry): AppendResult {
    const { streamId, expectedVersion, events } = entry;
    const stream = this.#streams.get(streamId) ?? [];
    const lastVersion = expectedVersion + events.length;
    const written = stream.slice(expectedVersion, lastVersion);
    const also = entry.also ?? [];
    if (events.length > 0 && written.length === events.length && events.every((event, i) => written[i]?.event.eventId === event.eventId)) {
      const { xid, pos } = (written.at(-1) as Row).event.position;
      return { kind: 'appended', lastVersion, position: { xid, pos: String(also.reduce((sum, other) => sum + other.events.length, Number(pos))) } };
    }
    const fenced = (entry.fences ?? []).filter((fence) => this.#leases.epochOf(fence.attemptId) !== fence.epoch);
    if (fenced.length > 0) return { kind: 'fenced', attemptIds: fenced.map((fence) => fence.attemptId) };
    const outdated = (entry.grants ?? []).filter(({ term }) => term !== undefined && term !== this.#leases.term);
    if (outdated.length > 0) return { kind: 'fenced', attemptIds: outdated.map(({ attemptId }) => attemptId) };
    const gone = new Set([...(entry.revoke ?? []), ...(entry.fences ?? []).filter((fence) => fence.release).map((fence) => fence.attemptId)]);
    const isHeld = (entry.grants ?? []).some((grant) => this.#leases.epochOf(grant.attemptId) !== null && !gone.has(grant.attemptId));
    const isElsewhere = (of: Pick<AppendEntry, 'streamId' | 'expectedVersion' | 'events'>): boolean => of.events.length > 0 && (this.#streams.get(of.streamId)?.length ?? 0) !== of.expectedVersion;
    if (isHeld || isElsewhere(entry) || also.some(isElsewhere)) return { kind: 'conflict' };

    let position: Position | null = null;
    for (const part of [entry, ...also]) position = this.#write(part) ?? position;
    for (const attemptId of gone) this.#leases.delete(attemptId);
    for (const { attemptId, epoch } of entry.drop ?? []) if (this.#leases.epochOf(attemptId) === epoch) this.#leases.delete(attemptId);
    for (const grant of entry.grants ?? []) this.#leases.insert(grant);
    if (entry.openRun) {
      const { dagId, runId, open } = entry.openRun;
      if (open) this.#openRuns.set(`${dagId}/${runId}`, { dagId, runId });
      else this.#openRuns.delete(`${dagId}/${runId}`);
    }
    for (const { commandId, outcome } of entry.outcomes ?? []) {
      const row = this.#commands.get(commandId);
      if (!row || row.outcome !== null) continue;
      row.outcome = position === null ? structuredClone(outcome) : { ...(structuredClone(outcome) as object), position: formatPosition(position) };
    }
    return { kind: 'appended', lastVersion, position };
  }

  #write({ streamId, expectedVersion, events }: Pick<AppendEntry, 'streamId' | 'expectedVersion' | 'events'>): Position | null {
    const stream = this.#streams.get(streamId) ?? [];
    const storedAtMs = this.#nowMs();
    let position: Position | null = null;
    for (const [i, { data, ...event }] of events.entries()) {
      position = { xid: String(this.#xid), pos: String(this.#feed.length + 1) };
      const row = { event: { ...event, streamId, version: expectedVersion + 1 + i, position, storedAtMs }, data: JSON.stringify(data) };
      stream.push(row);
      this.#feed.push(row);
      if (streamId.startsWith('asset-')) this.#assetFeed.push(row);
    }
    if (events.length > 0) this.#streams.set(streamId, stream);
    return position;
  }

  read(streamId: string, fromVersion = 1): Promise<readonly StoredEvent[]> {
    return Promise.resolve((this.#streams.get(streamId) ?? []).slice(Math.max(0, fromVersion - 1)).map(toEvent));
  }

  readMany(streamIds: readonly string[]): Promise<ReadonlyMap<string, readonly StoredEvent[]>> {
    return Promise.resolve(new Map(streamIds.map((streamId) => [streamId, (this.#streams.get(streamId) ?? []).map(toEvent)])));
  }

  feed(after: Position, limit: number): Promise<readonly StoredEvent[]> {
    // Both halves of a position grow together here, so the number alone says where it stands.
    const from = Number(after.pos);
    return Promise.resolve(this.#feed.slice(from, from + limit).map(toEvent));
  }

  assetFeed(after: Position, limit: number): Promise<readonly StoredEvent[]> {
    const from = this.#assetFeed.findLastIndex(({ event }) => Number(event.position.pos) <= Number(after.pos)) + 1;
    return Promise.resolve(this.#assetFeed.slice(from, from + limit).map(toEvent));
  }

  feedLagSeconds(): Promise<number> {
    return Promise.resolve(0);
  }

  listStreams(prefix: string): Promise<readonly string[]> {
    return Promise.resolve([...this.#streams.keys()].filter((streamId) => streamId.startsWith(prefix)).sort(compare));
  }

  openRuns(): Promise<readonly { readonly dagId: string; readonly runId: string }[]> {
    return Promise.resolve([...this.#openRuns.values()].sort((a, b) => compare(a.dagId, b.dagId) || compare(a.runId, b.runId)));
  }

  loadSnapshot(streamId: string, fingerprint: string): Promise<Snapshot | null> {
    const text = this.#snapshots.get(streamId);
    const snapshot = text === undefined ? null : (JSON.parse(text) as Snapshot);
    return Promise.resolve(snapshot?.fingerprint === fingerprint ? snapshot : null);
  }

  saveSnapshot(streamId: string, snapshot: Snapshot): Promise<void> {
    const text = this.#snapshots.get(streamId);
    const kept = text === undefined ? null : (JSON.parse(text) as Snapshot);
    if (!kept || kept.version <= snapshot.version || kept.fingerprint !== snapshot.fingerprint) this.#snapshots.set(streamId, JSON.stringify(snapshot));
    return Promise.resolve();
  }

  putContent(kind: ContentKind, key: string, content: Uint8Array): Promise<void> {
    const name = `${kind}/${key}`;
    if (!this.#contents.has(name)) this.#contents.set(name, content.slice());
    return Promise.resolve();
  }

  getContent(kind: ContentKind, key: string): Promise<Uint8Array | null> {
    return Promise.resolve(this.#contents.get(`${kind}/${key}`)?.slice() ?? null);
  }

  storeCommand(command: NewCommand): Promise<boolean> {
    if (this.#commands.has(command.commandId)) return Promise.resolve(false);
    this.#commands.set(command.commandId, { command: { ...structuredClone(command), storedAtMs: this.#nowMs() }, outcome: null });
    return Promise.resolve(true);
  }

  pendingCommands(filter: { readonly ids?: readonly string[]; readonly partitions?: readonly number[] }): Promise<readonly PendingCommand[]> {
    const isWanted = (command: PendingCommand): boolean =>
      (filter.ids?.includes(command.commandId) ?? true) && (filter.partitions?.includes(partitionOf(command.dagId)) ?? true);
    const pending = [...this.#commands.values()].filter((row) => row.outcome === null && isWanted(row.command));
    return Promise.resolve(pending.map((row) => structuredClone(row.command)));
  }

  commandOutcome(commandId: string): Promise<Json | null | undefined> {
    return Promise.resolve(structuredClone(this.#commands.get(commandId)?.outcome));
  }

  async commandOutcomes(commandIds: readonly string[]): Promise<ReadonlyMap<string, Json>> {
    const decided = commandIds.flatMap((commandId) => {
      const outcome = this.#commands.get(commandId)?.outcome ?? null;
      return outcome === null ? [] : [[commandId, structuredClone(outcome)] as const];
    });
    return new Map(decided);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

class MemoryLeaseStore implements LeaseStore {
  readonly #nowMs: () => number;
  readonly #rows = new Map<string, { readonly grant: LeaseGrant; untilMs: number }>();
  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  term = 0;

  raiseTerm(): Promise<number> {
    return Promise.resolve((this.term += 1));
  }

  epochOf(attemptId: string): number | null {
    return this.#rows.get(attemptId)?.grant.epoch ?? null;
  }

  insert(grant: LeaseGrant): void {
    this.#rows.set(grant.attemptId, { grant: structuredClone(grant), untilMs: this.#nowMs() + grant.lostAfterMs });
  }

  delete(attemptId: string): void {
    this.#rows.delete(attemptId);
  }

  list(): Promise<readonly Lease[]> {
    const leases = [...this.#rows.values()].map(({ grant: { term: _, ...grant }, untilMs }) => ({ ...grant, remainingMs: untilMs - this.#nowMs() }));
    return Promise.resolve(leases.sort((a, b) => compare(a.attemptId, b.attemptId)));
  }

  renew(worker: string, incarnation: string, attempts: readonly { readonly attemptId: string; readonly epoch: number }[]): Promise<readonly string[]> {
    const refused: string[] = [];
    for (const { attemptId, epoch } of attempts) {
      const row = this.#rows.get(attemptId);
      if (row && row.grant.epoch === epoch && row.grant.worker === worker && row.grant.incarnation === incarnation) {
        row.untilMs = this.#nowMs() + row.grant.lostAfterMs;
      } else refused.push(attemptId);
    }
    return Promise.resolve(refused);
  }
}

class MemoryOwnershipStore implements OwnershipStore {
  readonly #holders = new Map<string, OwnershipSession>();
  readonly #sessions = new Set<OwnershipSession>();

  openSession(): Promise<OwnershipSession> {
    const holders = this.#holders;
    let end: () => void = () => undefined;
    const lost = new Promise<void>((resolve) => (end = resolve));
    const ended = (): Promise<never> => Promise.reject(new StoreFault('store.unavailable', 'the session has ended', { retryable: true }));
    const session: OwnershipSession = {
      lost,
      tryAcquire: (name) => {
        if (!this.#sessions.has(session)) return ended();
        if (!holders.has(name)) holders.set(name, session);
        return Promise.resolve(holders.get(name) === session);
      },
      release: (name) => {
        if (!this.#sessions.has(session)) return ended();
        if (holders.get(name) === session) holders.delete(name);
        return Promise.resolve();
      },
      close: () => {
        for (const [name, holder] of holders) if (holder === session) holders.delete(name);
        this.#sessions.delete(session);
        end();
        return Promise.resolve();
      },
    };
    this.#sessions.add(session);
    return Promise.resolve(session);
  }

  async close(): Promise<void> {
    for (const session of this.#sessions) await session.close();
  }
}

class MemoryCheckpointStore implements CheckpointStore {
  readonly #positions = new Map<string, Position>();

  load(name: string): Promise<Position> {
    return Promise.resolve(this.#positions.get(name) ?? FEED_START);
  }

  advance(name: string, from: Position, to: Position): Promise<boolean> {
    const at = this.#positions.get(name) ?? from;
    if (at.xid !== from.xid || at.pos !== from.pos) return Promise.resolve(false);
    this.#positions.set(name, to);
    return Promise.resolve(true);
  }
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

const toEvent = ({ event, data }: Row): StoredEvent => ({ ...event, data: JSON.parse(data) as Json });
