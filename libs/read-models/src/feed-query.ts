import type { Json } from '@dagbook/domain';
import { attemptStream, runStream } from '@dagbook/contracts';
import type { Position } from '@dagbook/event-store';
import { selectRows, type Queryable } from './sql.ts';

/** An event as it was stored, for people who want to see what happened. */
export interface RawEvent {
  readonly position: Position;
  readonly streamId: string;
  readonly version: number;
  readonly type: string;
  readonly data: Json;
  readonly storedAtMs: number;
}

/**
 * The events of a run and of its attempts, in feed order, after a position. Read from the journal itself, by the primary
 * key's prefix: `/` parts ids, and `0` is the character after `/`.
 */
export async function runEvents(db: Queryable, dagId: string, runId: string, after: Position, limit: number): Promise<readonly RawEvent[]> {
  const attempts = attemptStream(`${dagId}/${runId}`);
  const rows = await selectRows<{ xid: string; pos: string; streamId: string; version: number; type: string; data: Json; storedAtMs: number }>(
    db,
    `SELECT xid::text AS xid, pos::text AS pos, stream_id AS "streamId", version, type, data, stored_at_ms AS "storedAtMs"
     FROM (SELECT * FROM events WHERE stream_id = $1 AND (xid, pos) > ($2::xid8, $3::bigint)
           UNION ALL
           SELECT * FROM events WHERE stream_id >= $4 AND stream_id < $5 AND (xid, pos) > ($2::xid8, $3::bigint)) e
     ORDER BY e.xid, e.pos LIMIT $6`,
    [runStream(dagId, runId), after.xid, after.pos, `${attempts}/`, `${attempts}0`, limit],
  );
  return rows.map(({ xid, pos, ...row }) => ({ ...row, position: { xid, pos } }));
}

