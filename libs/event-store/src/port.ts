import type { Json } from '@dagbook/domain';

/**
 * The journal: append-only streams of events, and the few rows that must change in the same transaction
 * (leases, command outcomes). Two implementations stand behind this port, Postgres and memory, held equal by one
 * conformance suite.
 */
export interface EventStore {
  /**
   * Appends to many streams at once, each entry whole or not at all, and answers for each in order. All go in one
   * statement; when that fails each entry is tried alone. Never throws for a conflict or a fence, only for faults
   * (`StoreFault`). After an ambiguous commit the caller retries with the same event ids and gets `appended`.
   */
  append(entries: readonly AppendEntry[]): Promise<readonly AppendResult[]>;
  /** Events of one stream in order, from `fromVersion` (default 1). */
  read(streamId: string, fromVersion?: number): Promise<readonly StoredEvent[]>;
  /** Events of many streams, grouped, in one round trip: how an owner folds its unfinished runs. */
  readMany(streamIds: readonly string[]): Promise<ReadonlyMap<string, readonly StoredEvent[]>>;
  /**
   * All streams' events after `after` in causal order, below the fence of running transactions, so that none is ever
   * skipped.
   */
  feed(after: Position, limit: number): Promise<readonly StoredEvent[]>;
  /** The same of the streams of assets (`asset-…`) alone, over an index of their own: what other streams hold costs nothing. */
  assetFeed(after: Position, limit: number): Promise<readonly StoredEvent[]>;
  /** Seconds since the oldest event that the fence still hides; 0 when none is. */
  feedLagSeconds(): Promise<number>;

  /** Ids of all streams that begin with `prefix`, in order: which DAGs and files the journal knows. */
  listStreams(prefix: string): Promise<readonly string[]>;
  /** Every unfinished run, see `AppendEntry.openRun`. */
  openRuns(): Promise<readonly { readonly dagId: string; readonly runId: string }[]>;

  loadSnapshot(streamId: string, fingerprint: string): Promise<Snapshot | null>;
  saveSnapshot(streamId: string, snapshot: Snapshot): Promise<void>;

  /** Content-addressed, written once: DAG definitions by plan hash, packed code by bundle hash, large results by key. */
  putContent(kind: ContentKind, key: string, content: Uint8Array): Promise<void>;
  getContent(kind: ContentKind, key: string): Promise<Uint8Array | null>;

  /** Stores the command, once for its id: a second insert of the same id changes nothing and answers false. */
  storeCommand(command: NewCommand): Promise<boolean>;
  /** Commands without an outcome, oldest first, of DAGs in these partitions (all when absent), or by id. */
  pendingCommands(filter: { readonly ids?: readonly string[]; readonly partitions?: readonly number[] }): Promise<readonly PendingCommand[]>;
  /** The outcome of a command, null while there is none, undefined when there is no such command. */
  commandOutcome(commandId: string): Promise<Json | null | undefined>;
  /** Outcomes of those of these commands that have one, by id. */
  commandOutcomes(commandIds: readonly string[]): Promise<ReadonlyMap<string, Json>>;

  close(): Promise<void>;
}

export type ContentKind = 'plan' | 'bundle' | 'files' | 'origin' | 'source' | 'xcom' | 'rendered';

/** Where the feed stands: transaction id and sequence number. Compares as a pair. `${xid}-${pos}` on the wire. */
export interface Position {
  readonly xid: string;
  readonly pos: string;
}

export const FEED_START: Position = { xid: '0', pos: '0' };
export const formatPosition = (position: Position): string => `${position.xid}-${position.pos}`;
export function parsePosition(text: string): Position {
  const match = /^(\d+)-(\d+)$/.exec(text);
  if (!match) throw new Error(`not a feed position: ${text}`);
  return { xid: match[1] as string, pos: match[2] as string };
}

/** Whether `a` comes later in the feed than `b`. */
export const isAfter = (a: Position, b: Position): boolean => (a.xid === b.xid ? BigInt(a.pos) > BigInt(b.pos) : BigInt(a.xid) > BigInt(b.xid));

export interface NewEvent {
  /** UUIDv7, made by the caller, so that an append can be retried. */
  readonly eventId: string;
  readonly type: string;
  readonly schemaVersion: number;
  readonly data: Json;
  readonly meta?: EventMeta;
}

/** Who and why: nothing that a fold reads. */
export interface EventMeta {
  readonly causationId?: string;
  readonly correlationId?: string;
  readonly traceparent?: string;
}

export interface StoredEvent extends NewEvent {
  readonly streamId: string;
  /** From 1, without a gap. */
  readonly version: number;
  readonly position: Position;
  /** Commit-side clock of the database, epoch milliseconds. */
  readonly storedAtMs: number;
}

export interface AppendEntry {
  readonly streamId: string;
  /** Version of the stream before these events; 0: it does not exist. */
  readonly expectedVersion: number;
  readonly events: readonly NewEvent[];
  /** Events of other streams, at least one each, that are true only together with these: written with them or not at all, after them in the feed. */
  readonly also?: readonly Pick<AppendEntry, 'streamId' | 'expectedVersion' | 'events'>[];
  /**
   * Attempts whose lease must stand at exactly this epoch, or the entry is refused. `release` deletes the row: the
   * attempt has ended.
   */
  readonly fences?: readonly Fence[];
  /** Lease rows to delete whatever their epoch (a clear, a mark, a cancel): later reports of them are refused. */
  readonly revoke?: readonly string[];
  /** Lease rows to delete if they stand at exactly this epoch (a report that came too late to count); never a refusal. */
  readonly drop?: readonly { readonly attemptId: string; readonly epoch: number }[];
  /** Lease rows to insert: the dispatcher's grants. */
  readonly grants?: readonly LeaseGrant[];
  /**
   * Keeps the list of unfinished runs (`open_runs`) in step with their events: set when the run is created or
   * requeued, cleared when it ends. A new owner of a partition folds exactly these.
   */
  readonly openRun?: { readonly dagId: string; readonly runId: string; readonly open: boolean };
  /**
   * Outcomes of commands. An entry may have outcomes and no events (a refusal); in one that has events each outcome, an
   * object, gets `position`: a reader of the feed that has passed it has seen the effect.
   */
  readonly outcomes?: readonly { readonly commandId: string; readonly outcome: Json }[];
}

export interface Fence {
  readonly attemptId: string;
  readonly epoch: number;
  readonly release: boolean;
}

export interface LeaseGrant {
  readonly attemptId: string;
  readonly epoch: number;
  readonly worker: string;
  readonly incarnation: string;
  readonly dagId: string;
  readonly runId: string;
  readonly taskId: string;
  readonly queue: string;
  readonly pool: string;
  readonly poolSlots: number;
  /** Of a trigger, which holds no slot: what its deferred task counts for in a pool that includes deferred ones. Absent: nothing. */
  readonly deferredSlots?: number;
  readonly lostAfterMs: number;
  /** Of the dispatcher that grants, see `LeaseStore.raiseTerm`: after a newer one has begun it is fenced. */
  readonly term?: number;
}

export type AppendResult =
  /** `position` is that of the entry's last event, those of `also` included. */
  | { readonly kind: 'appended'; readonly lastVersion: number; readonly position: Position | null }
  | { readonly kind: 'conflict' }
  /** These attempts' leases are gone or at another epoch, or are granted by a dispatcher that leads no more; nothing of the entry was written. */
  | { readonly kind: 'fenced'; readonly attemptIds: readonly string[] }
  /** Only of an entry with grants: the database can never hold what it says. Of any other that is a `StoreFault`. */
  | { readonly kind: 'unwritable'; readonly message: string };

export interface Snapshot {
  readonly version: number;
  /** Changes with the code that folds: a mismatch means replay. */
  readonly fingerprint: string;
  readonly state: Json;
}

export interface NewCommand {
  /** Idempotency key. */
  readonly commandId: string;
  readonly dagId: string;
  readonly body: Json;
}

export interface PendingCommand extends NewCommand {
  readonly storedAtMs: number;
}

/** A fault of the infrastructure, never of the request. `code` is stable; nothing branches on the message. */
export class StoreFault extends Error {
  readonly code: 'store.unavailable' | 'store.ambiguous' | 'store.corrupt' | 'store.refused';
  readonly retryable: boolean;
  constructor(code: StoreFault['code'], message: string, options: { retryable: boolean; cause?: unknown }) {
    super(message, { cause: options.cause });
    this.name = 'StoreFault';
    this.code = code;
    this.retryable = options.retryable;
  }
}

/**
 * Who runs what. Only the database clock judges expiry. The dispatcher alone writes grants (through `append`) and
 * renewals; the scheduler releases and revokes (through `append`).
 */
export interface LeaseStore {
  /** All live rows, with the milliseconds left by the database clock (negative: expired). */
  list(): Promise<readonly Lease[]>;
  /** Extends the leases that stand at these epochs under this worker; answers those that do not. */
  renew(worker: string, incarnation: string, attempts: readonly { readonly attemptId: string; readonly epoch: number }[]): Promise<readonly string[]>;
  /**
   * Begins the term of a dispatcher. When it answers, every grant of an earlier term has been appended, and is among the
   * rows, or never will be.
   */
  raiseTerm(): Promise<number>;
}

export interface Lease extends Omit<LeaseGrant, 'term'> {
  readonly remainingMs: number;
}

/** Postgres session advisory locks: released at once when the holder dies. */
export interface OwnershipStore {
  /**
   * A session of its own for locks. `lost` resolves when the session ends for any reason: the holder must drop what
   * it owned before anything else.
   */
  openSession(): Promise<OwnershipSession>;
}

export interface OwnershipSession {
  tryAcquire(name: string): Promise<boolean>;
  release(name: string): Promise<void>;
  readonly lost: Promise<void>;
  close(): Promise<void>;
}

/** How far each reader of the feed has come. */
export interface CheckpointStore {
  /** `FEED_START` for a name that is not known. */
  load(name: string): Promise<Position>;
  /** Moves from exactly `from` to `to`; false when it stands elsewhere, because another reader has moved it. */
  advance(name: string, from: Position, to: Position): Promise<boolean>;
}

/** How a bundle of DAG files stands: configuration and the last look at its source, not history. */
export interface BundleState {
  readonly name: string;
  readonly kind: string;
  /** Without secrets. */
  readonly location: string;
  readonly ref: string | null;
  /** The commit, or the hash of what lies there; null: nothing was fetched yet, or a folder, which has no versions. */
  readonly version: string | null;
  /** When it last succeeded, and when it was last tried. */
  readonly syncedAtMs: number | null;
  readonly checkedAtMs: number | null;
  /** A sentence; null: all is well. */
  readonly problem: string | null;
}

/** One row a bundle, written by every scheduler that reads it: the last one to look stands. */
export interface BundleStore {
  list(): Promise<readonly BundleState[]>;
  save(state: BundleState): Promise<void>;
  /** Forgets bundles that are not named any more. */
  keepOnly(names: readonly string[]): Promise<void>;
  /** Asks for a look at its source at once; false: there is no such bundle. */
  askSync(name: string): Promise<boolean>;
  /** How often that was asked: a scheduler looks when the number differs from the one it saw. */
  asked(name: string): Promise<number>;
}

/** What a service needs of the journal. Closing it closes its connections and releases its ownerships. */
export interface Stores {
  readonly events: EventStore;
  readonly leases: LeaseStore;
  readonly ownership: OwnershipStore;
  readonly checkpoints: CheckpointStore;
  readonly bundles: BundleStore;
  close(): Promise<void>;
}
