import { FEED_START, type Position } from './port.ts';

/** What can run a statement: a pool, or the connection of a transaction. */
interface Queryable {
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
