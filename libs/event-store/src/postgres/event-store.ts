import type { Json } from '@dagbook/domain';
import { partitionOf } from '@dagbook/contracts';
import { setTimeout as delay } from 'node:timers/promises';
import type pg from 'pg';
import { GroupCommit } from '../group-commit.ts';
import {
  type AppendEntry, type AppendResult, type ContentKind, type EventMeta, type EventStore, type NewCommand, type PendingCommand, type Position,
  type Snapshot, type StoredEvent, StoreFault,
} from '../port.ts';
import { batchArguments, type EncodedEntry, encodeEntry, eventsOf, splitAtClashes } from './batch.ts';
import { isCertain, isTransient, RETRY_DELAYS_MS, retrying, sqlState, toFault } from './connection.ts';

/** Keeps a write transaction near 20 ms, since every reader of the feed waits for it. */
const MAX_BATCH_EVENTS = 2_000;
const MAX_BATCH_BYTES = 8_000_000;

const APPEND = `SELECT appended_xid, appended_pos FROM append_events(${Array.from({ length: 20 }, (_, i) => `$${i + 1}`).join(', ')})`;
const COLUMNS = 'stream_id, version, xid, pos, event_id, stored_at_ms, schema_version, type, data, meta';
/** Refusals of `append_events` and of the primary key: some entry of the batch cannot be written. */
const REFUSED = new Set(['DB001', 'DB002', 'DB003', '23505']);
/** What no column can hold: a text with U+0000, a number that is too large. Trying again changes nothing. */
const UNWRITABLE = /^22/;

/** Every column as the text that came over the wire: this room parses only what it needs. */
const RAW = { getTypeParser: () => (value: string) => value };
type Row = readonly (string | null)[];

/**
 * The journal in Postgres. Holds no state of its own but the batches being written: any number of processes may
 * append, and the primary key decides between them.
 */
export class PostgresEventStore implements EventStore {
  readonly #pool: pg.Pool;
  readonly #writer: GroupCommit<EncodedEntry, AppendResult>;

  /** Over a pool that this store closes; see `openPostgresStores`. */
  constructor(pool: pg.Pool) {
    this.#pool = pool;
    this.#writer = new GroupCommit({
      write: (batch) => this.#write(batch),
      weigh: ({ datas, bytes }) => Math.max(1, datas.length, (bytes * MAX_BATCH_EVENTS) / MAX_BATCH_BYTES),
      maxWeight: MAX_BATCH_EVENTS,
      // Two: while one waits for the disk, the next is being executed.
      maxInFlight: 2,
    });
  }

  async append(entries: readonly AppendEntry[]): Promise<readonly AppendResult[]> {
    const results = await this.#writer.add(entries.map(encodeEntry));
    for (const [index, result] of results.entries()) {
      if (result.kind === 'unwritable' && entries[index]?.grants === undefined) throw new StoreFault('store.corrupt', `the database refused to append: ${result.message}`, { retryable: false });
    }
    return results;
  }

  async read(streamId: string, fromVersion = 1): Promise<readonly StoredEvent[]> {
    const text = `SELECT ${COLUMNS} FROM events WHERE stream_id = $1 AND version >= $2 ORDER BY version`;
    return (await this.#rows('read a stream', 'events_read', text, [streamId, fromVersion])).map(toEvent);
  }

  async readMany(streamIds: readonly string[]): Promise<ReadonlyMap<string, readonly StoredEvent[]>> {
    const text = `SELECT ${COLUMNS} FROM events WHERE stream_id = ANY ($1) ORDER BY stream_id, version`;
    const streams = new Map<string, StoredEvent[]>(streamIds.map((streamId) => [streamId, []]));
    for (const row of await this.#rows('read streams', 'events_read_many', text, [streamIds])) {
      const event = toEvent(row);
      streams.get(event.streamId)?.push(event);
    }
    return streams;
  }

  async feed(after: Position, limit: number): Promise<readonly StoredEvent[]> {
    const text = `SELECT ${COLUMNS} FROM events
      WHERE (xid, pos) > ($1::xid8, $2::bigint) AND xid < pg_snapshot_xmin(pg_current_snapshot()) ORDER BY xid, pos LIMIT $3`;
    return (await this.#rows('read the feed', 'events_feed', text, [after.xid, after.pos, limit])).map(toEvent);
  }

  async assetFeed(after: Position, limit: number): Promise<readonly StoredEvent[]> {
    const text = `SELECT ${COLUMNS} FROM events WHERE stream_id >= 'asset-' AND stream_id < 'asset.'
      AND (xid, pos) > ($1::xid8, $2::bigint) AND xid < pg_snapshot_xmin(pg_current_snapshot()) ORDER BY xid, pos LIMIT $3`;
    return (await this.#rows('read the feed of assets', 'events_asset_feed', text, [after.xid, after.pos, limit])).map(toEvent);
  }

  async feedLagSeconds(): Promise<number> {
    const text = `SELECT clock_ms() - stored_at_ms FROM events WHERE xid >= pg_snapshot_xmin(pg_current_snapshot()) ORDER BY xid, pos LIMIT 1`;
    const [row] = await this.#rows('measure the lag of the feed', 'events_feed_lag', text, []);
    return row ? Math.max(0, Number(row[0]) / 1000) : 0;
  }

  async listStreams(prefix: string): Promise<readonly string[]> {
    const text = 'SELECT stream_id FROM events WHERE stream_id >= $1 AND stream_id < $2 AND version = 1 ORDER BY stream_id';
    return (await this.#rows('list streams', 'events_streams', text, [prefix, `${prefix}\u{10ffff}`])).map(([streamId]) => streamId as string);
  }

  async openRuns(): Promise<readonly { readonly dagId: string; readonly runId: string }[]> {
    const rows = await this.#rows('list open runs', 'open_runs', 'SELECT dag_id, run_id FROM open_runs ORDER BY dag_id, run_id', []);
    return rows.map(([dagId, runId]) => ({ dagId: dagId as string, runId: runId as string }));
  }

  async loadSnapshot(streamId: string, fingerprint: string): Promise<Snapshot | null> {
    const text = 'SELECT version, state FROM snapshots WHERE stream_id = $1 AND fingerprint = $2';
    const [row] = await this.#rows('load a snapshot', 'snapshots_load', text, [streamId, fingerprint]);
    return row ? { version: Number(row[0]), fingerprint, state: JSON.parse(row[1] as string) as Json } : null;
  }

  async saveSnapshot(streamId: string, snapshot: Snapshot): Promise<void> {
    const text = `INSERT INTO snapshots VALUES ($1, $2, $3, $4) ON CONFLICT (stream_id) DO UPDATE
      SET version = excluded.version, fingerprint = excluded.fingerprint, state = excluded.state
      WHERE snapshots.version <= excluded.version OR snapshots.fingerprint <> excluded.fingerprint`;
    await this.#rows('save a snapshot', 'snapshots_save', text, [streamId, snapshot.version, snapshot.fingerprint, JSON.stringify(snapshot.state)]);
  }

  async putContent(kind: ContentKind, key: string, content: Uint8Array): Promise<void> {
    const text = 'INSERT INTO contents VALUES ($1, $2, $3) ON CONFLICT DO NOTHING';
    await this.#rows('store content', 'contents_put', text, [kind, key, Buffer.from(content.buffer, content.byteOffset, content.byteLength)]);
  }

  async getContent(kind: ContentKind, key: string): Promise<Uint8Array | null> {
    const [row] = await this.#rows('load content', 'contents_get', 'SELECT content FROM contents WHERE kind = $1 AND key = $2', [kind, key]);
    return row ? Buffer.from((row[0] as string).slice(2), 'hex') : null;
  }

  async storeCommand(command: NewCommand): Promise<boolean> {
    const text = `INSERT INTO commands (command_id, dag_id, partition, body, stored_at_ms) VALUES ($1, $2, $3, $4, clock_ms())
      ON CONFLICT (command_id) DO NOTHING RETURNING command_id`;
    const values = [command.commandId, command.dagId, partitionOf(command.dagId), JSON.stringify(command.body)];
    return (await this.#rows('store a command', 'commands_store', text, values)).length === 1;
  }

  async pendingCommands(filter: { readonly ids?: readonly string[]; readonly partitions?: readonly number[] }): Promise<readonly PendingCommand[]> {
    const text = `SELECT command_id, dag_id, body, stored_at_ms FROM commands
      WHERE outcome IS NULL AND ($1::text[] IS NULL OR command_id = ANY ($1)) AND ($2::int[] IS NULL OR partition = ANY ($2)) ORDER BY seq`;
    const rows = await this.#rows('list commands', 'commands_pending', text, [filter.ids ?? null, filter.partitions ?? null]);
    return rows.map(([commandId, dagId, body, storedAtMs]) => ({
      commandId: commandId as string, dagId: dagId as string, body: JSON.parse(body as string) as Json, storedAtMs: Number(storedAtMs),
    }));
  }

  async commandOutcome(commandId: string): Promise<Json | null | undefined> {
    const [row] = await this.#rows('read an outcome', 'commands_outcome', 'SELECT outcome FROM commands WHERE command_id = $1', [commandId]);
    if (!row) return undefined;
    return row[0] === null ? null : (JSON.parse(row[0] as string) as Json);
  }

  async commandOutcomes(commandIds: readonly string[]): Promise<ReadonlyMap<string, Json>> {
    const text = 'SELECT command_id, outcome FROM commands WHERE command_id = ANY ($1) AND outcome IS NOT NULL';
    const rows = await this.#rows('read outcomes', 'commands_outcomes', text, [commandIds]);
    return new Map(rows.map(([commandId, outcome]) => [commandId as string, JSON.parse(outcome as string) as Json]));
  }

  async close(): Promise<void> {
    await this.#writer.drained();
    if (!this.#pool.ending) await this.#pool.end();
  }

  async #write(batch: readonly EncodedEntry[]): Promise<readonly AppendResult[]> {
    const results: AppendResult[] = [];
    for (const part of splitAtClashes(batch)) results.push(...(await this.#writePart(part)));
    return results;
  }

  /** One statement for all; when an entry of it is refused, halves, until the refused ones stand alone. */
  async #writePart(part: readonly EncodedEntry[]): Promise<readonly AppendResult[]> {
    let ambiguous = false;
    for (let tries = 0; ; tries++) {
      try {
        return await this.#send(part);
      } catch (error) {
        const state = sqlState(error);
        const isUnwritable = state !== null && UNWRITABLE.test(state);
        const isRefused = isUnwritable || (state !== null && REFUSED.has(state));
        if (isRefused && part.length > 1) {
          const middle = part.length >> 1;
          return [...(await this.#writePart(part.slice(0, middle))), ...(await this.#writePart(part.slice(middle)))];
        }
        if (isUnwritable) return [{ kind: 'unwritable', message: (error as Error).message }];
        if (isRefused) {
          const verdict = await this.#judge((part[0] as EncodedEntry).entry, state);
          if (verdict) return [verdict];
        }
        ambiguous ||= !isRefused && !isCertain(error);
        const delayMs = RETRY_DELAYS_MS[tries];
        if (delayMs === undefined || !(isRefused || isTransient(error))) throw toFault(error, 'append', ambiguous);
        // What an ambiguous commit has written is found by its event ids when the same statement is refused.
        if (delayMs > 0) await delay(delayMs);
      }
    }
  }

  async #send(part: readonly EncodedEntry[]): Promise<readonly AppendResult[]> {
    const rows = await this.#query('append_events', APPEND, batchArguments(part));
    const [xid, positions] = rows[0] as readonly [string | null, string | null];
    const pos = positions === null ? [] : positions.slice(1, -1).split(',');
    let last = -1;
    return part.map(({ entry }) => {
      const count = entry.events.length;
      last += eventsOf(entry);
      return { kind: 'appended', lastVersion: entry.expectedVersion + count, position: count === 0 ? null : { xid: xid as string, pos: pos[last] as string } };
    });
  }

  /** Why one entry was refused; null when it no longer would be. The retry of an ambiguous commit was no refusal. */
  async #judge(entry: AppendEntry, state: string): Promise<AppendResult | null> {
    const text = 'SELECT event_id, xid, pos FROM events WHERE stream_id = $1 AND version > $2 AND version <= $3 ORDER BY version';
    const found = await this.#rows('read back an append', 'events_read_back', text, [entry.streamId, entry.expectedVersion, entry.expectedVersion + entry.events.length]);
    if (entry.events.length > 0 && entry.events.length === found.length && entry.events.every((event, i) => found[i]?.[0] === event.eventId.toLowerCase())) {
      const [, xid, pos] = (entry.also === undefined ? found.at(-1) : await this.#lastOf(entry.also)) as Row;
      return { kind: 'appended', lastVersion: entry.expectedVersion + entry.events.length, position: { xid: xid as string, pos: pos as string } };
    }
    if (state === 'DB003') return { kind: 'fenced', attemptIds: (entry.grants ?? []).map(({ attemptId }) => attemptId) };
    if (state !== 'DB001') return { kind: 'conflict' };
    const fences = entry.fences ?? [];
    const leases = await this.#rows('read leases', 'leases_fenced', 'SELECT attempt_id, epoch FROM attempt_leases WHERE attempt_id = ANY ($1)', [fences.map((fence) => fence.attemptId)]);
    const epochs = new Map(leases.map(([attemptId, epoch]) => [attemptId, Number(epoch)]));
    const attemptIds = fences.filter((fence) => epochs.get(fence.attemptId) !== fence.epoch).map((fence) => fence.attemptId);
    return attemptIds.length > 0 ? { kind: 'fenced', attemptIds } : null;
  }

  async #lastOf(also: NonNullable<AppendEntry['also']>): Promise<Row> {
    const { streamId, expectedVersion, events } = also.at(-1) as AppendEntry;
    const text = 'SELECT event_id, xid, pos FROM events WHERE stream_id = $1 AND version > $2 AND version <= $3 ORDER BY version DESC LIMIT 1';
    return (await this.#rows('read back an append', 'events_read_back_last', text, [streamId, expectedVersion, expectedVersion + events.length]))[0] as Row;
  }

  async #rows(doing: string, name: string, text: string, values: unknown[]): Promise<Row[]> {
    return retrying(doing, () => this.#query(name, text, values));
  }

  async #query(name: string, text: string, values: unknown[]): Promise<Row[]> {
    if (this.#pool.ending) throw new StoreFault('store.unavailable', 'the journal was closed by its own process', { retryable: false });
    return (await this.#pool.query<(string | null)[]>({ name, text, values, rowMode: 'array', types: RAW })).rows;
  }
}

function toEvent(row: Row): StoredEvent {
  const [streamId, version, xid, pos, eventId, storedAtMs, schemaVersion, type, data, meta] = row as readonly string[];
  return {
    streamId: streamId as string,
    version: Number(version),
    position: { xid: xid as string, pos: pos as string },
    eventId: eventId as string,
    storedAtMs: Number(storedAtMs),
    schemaVersion: Number(schemaVersion),
    type: type as string,
    data: JSON.parse(data as string) as Json,
    ...(meta ? { meta: JSON.parse(meta) as EventMeta } : {}),
  };
}

/**
 * Refuses a database whose history its own transaction counter has not reached yet, as after a logical restore: the
 * feed's fence would hide those events until the counter gets there. Fails with `store.corrupt`; with
 * `store.unavailable`, to be tried again, while the database has not been migrated.
 */
export async function assertClusterMatchesHistory(pool: pg.Pool): Promise<void> {
  const { rows: tables } = await pool.query<{ events: string | null }>(`SELECT to_regclass('events') AS events`);
  if (tables[0]?.events == null) {
    throw new StoreFault('store.unavailable', 'the database holds no journal yet: apply the migrations of deploy/migrations to it first', { retryable: true });
  }
  const { rows } = await pool.query<{ newest: string; next: string }>(
    `SELECT xid AS newest, pg_snapshot_xmax(pg_current_snapshot()) AS next FROM events
     WHERE xid >= pg_snapshot_xmax(pg_current_snapshot()) ORDER BY xid DESC, pos DESC LIMIT 1`,
  );
  const [row] = rows;
  if (!row) return;
  throw new StoreFault(
    'store.corrupt',
    `The events in this database were written by another cluster: the newest carries transaction ${row.newest}, this cluster is at ${row.next}, ` +
      'so readers of the feed would not see them. This happens after a logical restore (pg_dump). Restore a physical backup instead, or stop all ' +
      'services and run deploy/postgres/after-logical-restore.sql on this database; docs/retention.md says what it does.',
    { retryable: false },
  );
}
