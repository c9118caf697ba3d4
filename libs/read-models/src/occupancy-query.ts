import type { TaskState } from '@dagbook/domain';
import { selectRows, type Queryable } from './sql.ts';
import { stateChar, stateOfChar } from './state-code.ts';

/** Task instances of one task and version that hold a slot, or wait for one, or would hold it if deferred ones counted. */
export interface Occupancy {
  readonly dagId: string;
  readonly planHash: string;
  readonly taskId: string;
  readonly state: TaskState;
  readonly instances: number;
}

const WITH_SLOTS: readonly TaskState[] = ['scheduled', 'queued', 'running', 'restarting', 'deferred'];

/**
 * Of all runs that are under way. It is the state of one position of the feed, in which a slot is given back before it is
 * granted again: so no pool is ever counted above what it had. Reads runs of which something is so, by their kept counts.
 */
export async function occupancy(db: Queryable): Promise<readonly Occupancy[]> {
  const rows = await selectRows<Omit<Occupancy, 'state'> & { readonly state: string }>(
    db,
    `SELECT r.dag_id AS "dagId", r.plan_hash AS "planHash", t.task_id AS "taskId", t.state, count(*) AS instances
     FROM rm.dag_runs r JOIN rm.task_instances t USING (run_key)
     WHERE r.state = 'running' AND r.counts ?| $1::text[] AND t.state = ANY ($2::text[])
     GROUP BY 1, 2, 3, 4`,
    [WITH_SLOTS, WITH_SLOTS.map(stateChar)],
  );
  return rows.map((row) => ({ ...row, state: stateOfChar(row.state) }));
}
