import type pg from 'pg';
import { check } from './figure.ts';

/** Exactly this many task successes in the journal of a DAG, each once, each with one grant and one start. */
export async function checkTasks(db: pg.Client, dagId: string, tasks: number): Promise<void> {
  const { rows } = await db.query<{ type: string; n: string; once: string }>(
    `SELECT type, count(*) AS n, count(DISTINCT (stream_id, data->>'taskId', data->>'mapIndex')) AS once
     FROM events WHERE stream_id >= $1 AND stream_id < $2 AND type IN ('TaskScheduled', 'TaskStarted', 'TaskSucceeded', 'TaskFailed') GROUP BY type`,
    [`run-${dagId}/`, `run-${dagId}0`],
  );
  const of = (type: string) => rows.find((row) => row.type === type);
  for (const type of ['TaskScheduled', 'TaskStarted', 'TaskSucceeded']) {
    check(Number(of(type)?.n ?? 0) === tasks, `${dagId}: ${of(type)?.n ?? 0} ${type}, expected ${tasks}`);
    check(Number(of(type)?.once ?? 0) === tasks, `${dagId}: a task has more than one ${type}`);
  }
  check(of('TaskFailed') === undefined, `${dagId}: a task failed`);
  const granted = await db.query<{ n: string }>(`SELECT count(*) AS n FROM events WHERE stream_id >= $1 AND stream_id < $2 AND type = 'AttemptGranted'`, [`attempt-${dagId}/`, `attempt-${dagId}0`]);
  check(Number(granted.rows[0]?.n) === tasks, `${dagId}: ${granted.rows[0]?.n} grants for ${tasks} tasks`);
  const leases = await db.query<{ n: string }>('SELECT count(*) AS n FROM attempt_leases WHERE dag_id = $1', [dagId]);
  check(Number(leases.rows[0]?.n) === 0, `${dagId}: ${leases.rows[0]?.n} leases outlive the run`);
}

/** The read model shows what the journal says; asked until it has caught up, since it follows the feed. */
export async function checkReadModel(db: pg.Client, dagId: string, tasks: number): Promise<void> {
  for (let tries = 0; ; tries++) {
    const { rows } = await db.query<{ n: string }>(`SELECT count(*) AS n FROM rm.task_instances t JOIN rm.dag_runs r USING (run_key) WHERE r.dag_id = $1 AND t.state = 'S'`, [dagId]);
    if (Number(rows[0]?.n) === tasks) return;
    check(tries < 1_000, `${dagId}: the read model shows ${rows[0]?.n} successes of ${tasks}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
