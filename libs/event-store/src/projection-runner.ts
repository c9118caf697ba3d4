import type pg from 'pg';
import { advanceCheckpoint, loadCheckpoint } from './checkpoint.ts';
import { isTransient, toFault } from './postgres/connection.ts';
import type { EventStore, Position, StoredEvent } from './port.ts';

/** A fold of the feed into tables. */
export interface Projection<Change = unknown> {
  readonly name: string;
  /**
   * Writes what these events change, within the transaction of `db`. Reads and folds first, writes last: from its
   * first write on, the transaction holds back every reader of the feed.
   */
  apply(events: readonly StoredEvent[], db: pg.PoolClient): Promise<Change>;
  /** The last batch stands. */
  committed?(): void;
  /** The last batch does not stand, or another process has written: forget what is cached. */
  reset?(): void;
}

export interface ProjectionRound<Change> {
  readonly events: number;
  /** Where the projection stands now. */
  readonly position: Position;
  readonly change: Change | null;
}

/**
 * Folds the feed into a projection, its checkpoint moving in the transaction of the rows, so that each event counts
 * exactly once.
 *
 * State: the position of the last committed batch (undefined: unknown, it is read before the next round). A round that
 * fails, or finds that another runner has moved the checkpoint, rolls back, resets the projection and forgets the
 * position. Rounds must not overlap; a `WakeableLoop` around `runOnce` sees to that. Commits do not wait for the disk:
 * after a crash of the database rows and checkpoint are old together, and are folded again.
 */
export class ProjectionRunner<Change> {
  readonly #pool: pg.Pool;
  readonly #events: EventStore;
  readonly #projection: Projection<Change>;
  readonly #batchSize: number;
  readonly #checkpoint: string;
  #position: Position | undefined;

  constructor(options: { pool: pg.Pool; events: EventStore; projection: Projection<Change>; batchSize?: number; checkpoint?: string }) {
    this.#pool = options.pool;
    this.#events = options.events;
    this.#projection = options.projection;
    this.#batchSize = options.batchSize ?? 5_000;
    this.#checkpoint = options.checkpoint ?? options.projection.name;
  }

  /**
   * Folds one batch. A full batch means that more may wait. Throws what the projection throws, and `StoreFault`; after
   * either the round can be run again.
   */
  async runOnce(): Promise<ProjectionRound<Change>> {
    const from = (this.#position ??= await loadCheckpoint(this.#pool, this.#checkpoint));
    const events = await this.#events.feed(from, this.#batchSize);
    const last = events.at(-1);
    if (!last) return { events: 0, position: from, change: null };
    const change = await this.#commit(events, from, last.position);
    if (!change) return { events: 0, position: from, change: null };
    return { events: events.length, position: last.position, change: change.value };
  }

  /** Folds until a round finds nothing. */
  async catchUp(): Promise<Position> {
    for (;;) {
      const round = await this.runOnce();
      if (round.events === 0 && this.#position) return round.position;
    }
  }

  /** Null when another runner was first. */
  async #commit(events: readonly StoredEvent[], from: Position, to: Position): Promise<{ readonly value: Change } | null> {
    let client: pg.PoolClient | undefined;
    try {
      client = await this.#pool.connect();
      await client.query('BEGIN; SET LOCAL synchronous_commit = off');
      const value = await this.#projection.apply(events, client);
      const isOurs = await advanceCheckpoint(client, this.#checkpoint, from, to);
      await client.query(isOurs ? 'COMMIT' : 'ROLLBACK');
      client.release();
      if (isOurs) {
        this.#position = to;
        this.#projection.committed?.();
        return { value };
      }
      this.#forget();
      return null;
    } catch (error) {
      // A connection in an unknown state is not used again.
      client?.release(true);
      this.#forget();
      throw error instanceof Error && isTransient(error) ? toFault(error, `fold ${this.#projection.name}`) : error;
    }
  }

  #forget(): void {
    this.#position = undefined;
    this.#projection.reset?.();
  }
}

/**
 * Folds a projection anew beside the live one and puts it in its place in one transaction. The tables of the schema are
 * copied empty into `<schema>_next`, filled there under a checkpoint of their own, and renamed. Live runners go on
 * meanwhile; the batch that one has open at the switch fails its compare-and-set and is folded again into the new tables.
 * The schema must hold nothing but this projection, and its tables no defaults that draw from a sequence.
 */
export async function rebuildProjection(options: {
  readonly pool: pg.Pool;
  readonly events: EventStore;
  readonly schema: string;
  /** The projection over a schema of that name. */
  readonly make: (schema: string) => Projection;
  readonly batchSize?: number;
}): Promise<{ readonly position: Position }> {
  const { pool, events, schema, make } = options;
  const [next, old] = [`${schema}_next`, `${schema}_old`];
  const projection = make(next);
  const checkpoint = `${projection.name}@${next}`;
  await copyTablesEmpty(pool, schema, next, checkpoint);
  const batchSize = options.batchSize ? { batchSize: options.batchSize } : {};
  const runner = new ProjectionRunner({ pool, events, projection, checkpoint, ...batchSize });
  const position = await runner.catchUp();
  await inTransaction(pool, async (client) => {
    // The live runner's open batch either commits before this, or waits for it and finds its checkpoint moved.
    await client.query('SELECT FROM projection_checkpoints WHERE name = $1 FOR UPDATE', [projection.name]);
    await client.query(`DROP SCHEMA IF EXISTS ${identifier(old)} CASCADE`);
    await client.query(`ALTER SCHEMA ${identifier(schema)} RENAME TO ${identifier(old)}`);
    await client.query(`ALTER SCHEMA ${identifier(next)} RENAME TO ${identifier(schema)}`);
    await client.query('DELETE FROM projection_checkpoints WHERE name = $1', [checkpoint]);
    await client.query(
      `INSERT INTO projection_checkpoints VALUES ($1, $2::xid8, $3::bigint, clock_ms())
       ON CONFLICT (name) DO UPDATE SET xid = excluded.xid, pos = excluded.pos, updated_at_ms = excluded.updated_at_ms`,
      [projection.name, position.xid, position.pos],
    );
  });
  return { position };
}

async function copyTablesEmpty(pool: pg.Pool, from: string, to: string, checkpoint: string): Promise<void> {
  await inTransaction(pool, async (client) => {
    await client.query(`DROP SCHEMA IF EXISTS ${identifier(to)} CASCADE`);
    // Whoever rebuilds it, it goes on belonging to the service that reads and writes it.
    const owner = identifier((await client.query<{ owner: string }>('SELECT pg_get_userbyid(nspowner) AS owner FROM pg_namespace WHERE nspname = $1', [from])).rows[0]!.owner);
    await client.query(`CREATE SCHEMA ${identifier(to)} AUTHORIZATION ${owner}`);
    await client.query('DELETE FROM projection_checkpoints WHERE name = $1', [checkpoint]);
    const { rows } = await client.query<{ name: string }>('SELECT tablename AS name FROM pg_tables WHERE schemaname = $1 ORDER BY 1', [from]);
    for (const { name } of rows) {
      await client.query(`CREATE TABLE ${identifier(to)}.${identifier(name)} (LIKE ${identifier(from)}.${identifier(name)} INCLUDING ALL)`);
      await client.query(`ALTER TABLE ${identifier(to)}.${identifier(name)} OWNER TO ${owner}`);
    }
  });
}

async function inTransaction(pool: pg.Pool, work: (client: pg.PoolClient) => Promise<void>): Promise<void> {
  const client = await pool.connect();
  try {
    await client.query('BEGIN');
    await work(client);
    await client.query('COMMIT');
    client.release();
  } catch (error) {
    client.release(true);
    throw error;
  }
}

const identifier = (name: string): string => `"${name.replaceAll('"', '""')}"`;
