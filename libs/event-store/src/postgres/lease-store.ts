import type pg from 'pg';
import type { Lease, LeaseStore } from '../port.ts';
import { retrying } from './connection.ts';

/** A row of a trigger has the slots of its deferred task below zero, since the trigger itself holds none. */
const slotsOf = (rowSlots: number): Pick<Lease, 'poolSlots' | 'deferredSlots'> => (rowSlots < 0 ? { poolSlots: 0, deferredSlots: -rowSlots } : { poolSlots: rowSlots });

/** The rows of `attempt_leases`, judged by the database's clock. They are made and deleted by `append` alone. */
export class PostgresLeaseStore implements LeaseStore {
  readonly #pool: pg.Pool;
  constructor(pool: pg.Pool) {
    this.#pool = pool;
  }

  async list(): Promise<readonly Lease[]> {
    return retrying('list leases', async () => {
      const { rows } = await this.#pool.query<Omit<Lease, 'epoch' | 'lostAfterMs' | 'remainingMs'> & { epoch: string; lostAfterMs: string; remainingMs: string }>(
        `SELECT attempt_id AS "attemptId", epoch, worker, incarnation, dag_id AS "dagId", run_id AS "runId", task_id AS "taskId", queue, pool,
           pool_slots AS "poolSlots", lost_after_ms AS "lostAfterMs",
           (extract(epoch FROM lease_until - clock_timestamp()) * 1000)::bigint AS "remainingMs"
         FROM attempt_leases ORDER BY attempt_id`,
      );
      return rows.map(({ poolSlots, ...row }) => ({ ...row, ...slotsOf(poolSlots), epoch: Number(row.epoch), lostAfterMs: Number(row.lostAfterMs), remainingMs: Number(row.remainingMs) }));
    });
  }

  async raiseTerm(): Promise<number> {
    return retrying('begin a term', async () => {
      const { rows } = await this.#pool.query<{ term: string }>('SELECT raise_dispatcher_term() AS term');
      return Number(rows[0]?.term);
    });
  }

  async renew(worker: string, incarnation: string, attempts: readonly { readonly attemptId: string; readonly epoch: number }[]): Promise<readonly string[]> {
    if (attempts.length === 0) return [];
    return retrying('renew leases', async () => {
      // Locked in the order of their ids, as appends do, so that no two transactions wait for each other.
      const { rows } = await this.#pool.query<{ attempt_id: string }>({
        name: 'leases_renew',
        text: `WITH held AS (
            SELECT l.attempt_id FROM unnest($3::text[], $4::bigint[]) AS a(attempt_id, epoch)
            JOIN attempt_leases l ON l.attempt_id = a.attempt_id AND l.epoch = a.epoch AND l.worker = $1 AND l.incarnation = $2
            ORDER BY l.attempt_id FOR UPDATE OF l
          )
          UPDATE attempt_leases l SET lease_until = clock_timestamp() + l.lost_after_ms * interval '1 millisecond'
          FROM held WHERE l.attempt_id = held.attempt_id RETURNING l.attempt_id`,
        values: [worker, incarnation, attempts.map(({ attemptId }) => attemptId), attempts.map(({ epoch }) => epoch)],
      });
      const renewed = new Set(rows.map((row) => row.attempt_id));
      return attempts.map(({ attemptId }) => attemptId).filter((attemptId) => !renewed.has(attemptId));
    });
  }
}
