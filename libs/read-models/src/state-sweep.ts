import { stateChar } from './state-code.ts';
import { selectRows, type Queryable } from './sql.ts';

/** Rows of one statement: while it runs, readers of the feed wait. */
const BATCH_ROWS = 1_000;

/** Deletes what task instances keep that have succeeded; not what is for a later try. */
export async function deleteStatesOfSuccesses(db: Queryable): Promise<void> {
  // Asked of the row again: one that was written anew since it was found is kept.
  const text = `DELETE FROM task_states s USING (
      SELECT k.dag_id, k.run_id, k.task_id, k.map_index, k.key, t.try_number
      FROM task_states k JOIN rm.dag_runs r USING (dag_id, run_id) JOIN rm.task_instances t ON t.run_key = r.run_key AND t.task_id = k.task_id AND t.map_index = k.map_index
      WHERE t.state = $1 AND k.clears_with_try <= t.try_number LIMIT $2
    ) d
    WHERE s.dag_id = d.dag_id AND s.run_id = d.run_id AND s.task_id = d.task_id AND s.map_index = d.map_index AND s.key = d.key AND s.clears_with_try <= d.try_number
    RETURNING 1`;
  while ((await selectRows(db, text, [stateChar('success'), BATCH_ROWS])).length === BATCH_ROWS);
}
