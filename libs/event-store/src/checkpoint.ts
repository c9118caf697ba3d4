import type pg from 'pg';
import { retrying } from './postgres/connection.ts';
import { FEED_START, type Position } from './port.ts';

/** How far each reader of the feed has come. */
export interface CheckpointStore {
  /** `FEED_START` for a name that is not known. */
  load(name: string): Promise<Position>;
  /** Moves from exactly `from` to `to`; false when it stands elsewhere, because another reader has moved it. */
  advance(name: string, from: Position, to: Position): Promise<boolean>;
}

/** What can run a statement: a pool, or the connection of a transaction. */
export interface Queryable {
  query(text: string, values?: unknown[]): Promise<{ rows: unknown[]; rowCount: number | null }>;
}

export async function loadCheckpoint(db: Queryable, name: string): Promise<Position> {
  const { rows } = await db.query('SELECT xid::text, pos::text FROM projection_checkpoints WHERE name = $1', [name]);
  return (rows[0] as Position | undefined) ?? FEED_START;
}

/** Within the caller's transaction, or on its own. */
export async function advanceCheckpoint(db: Queryable, name: string, from: Position, to: Position): Promise<boolean> {
  const { rowCount } = await db.query(
    `INSERT INTO projection_checkpoints AS c (name, xid, pos, updated_at_ms) VALUES ($1, $4::xid8, $5::bigint, clock_ms())
     ON CONFLICT (name) DO UPDATE SET xid = excluded.xid, pos = excluded.pos, updated_at_ms = excluded.updated_at_ms
     WHERE c.xid = $2::xid8 AND c.pos = $3::bigint`,
    [name, from.xid, from.pos, to.xid, to.pos],
  );
  return rowCount === 1;
}

export class PostgresCheckpointStore implements CheckpointStore {
  readonly #pool: pg.Pool;
  constructor(pool: pg.Pool) {
    this.#pool = pool;
  }
  load(name: string): Promise<Position> {
    return retrying('load a checkpoint', () => loadCheckpoint(this.#pool, name));
  }
  advance(name: string, from: Position, to: Position): Promise<boolean> {
    return retrying('move a checkpoint', () => advanceCheckpoint(this.#pool, name, from, to));
  }
}

export class MemoryCheckpointStore implements CheckpointStore {
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
