import { XCOM_KEY, type TaskResult } from '@dagbook/domain';
import { Conditions, type Listed, type Page, type Range } from './condition.ts';
import { selectRows, type Queryable } from './sql.ts';

export interface XComFilter {
  /** Absent, as the two that follow: of every one. */
  readonly dagId?: string | undefined;
  readonly runId?: string | undefined;
  readonly taskId?: string | undefined;
  readonly runIdPattern?: string | undefined;
  readonly taskIdPattern?: string | undefined;
  readonly dagDisplayNamePattern?: string | undefined;
  readonly key?: string | undefined;
  readonly keyPattern?: string | undefined;
  readonly mapIndex?: number | undefined;
  readonly ranges?: readonly Range<XComInstant>[] | undefined;
}

export type XComInstant = 'runAfter' | 'logicalDate';

export interface ListedXCom {
  readonly dagId: string;
  readonly runId: string;
  readonly taskId: string;
  readonly mapIndex: number;
  readonly key: string;
  readonly planHash: string;
  readonly logicalDateMs: number | null;
  readonly runAfterMs: number;
  readonly result: TaskResult;
  readonly atMs: number;
}

const INSTANT_COLUMN = { runAfter: 'r.run_after_ms', logicalDate: 'r.logical_date_ms' } as const satisfies Record<XComInstant, string>;
const COLUMNS = `r.dag_id AS "dagId", r.run_id AS "runId", x.task_id AS "taskId", x.map_index AS "mapIndex", x.key, r.plan_hash AS "planHash",
  r.logical_date_ms AS "logicalDateMs", r.run_after_ms AS "runAfterMs", x.result, x.at_ms AS "atMs"`;

const ENTRIES = `(SELECT run_key, task_id, map_index, '${XCOM_KEY}' AS key, result, at_ms FROM rm.xcom_entries
  UNION ALL SELECT run_key, task_id, map_index, key, result, at_ms FROM rm.set_xcoms)`;

/** What task instances returned and people set, by run (newest first), task, map index and key, as Airflow lists it. */
export async function listXComs(db: Queryable, filter: XComFilter, page: Page): Promise<Listed<ListedXCom>> {
  const conditions = new Conditions()
    .addIf('r.dag_id = ?', filter.dagId)
    .addIf('r.run_id = ?', filter.runId)
    .addIf('x.task_id = ?', filter.taskId)
    .pattern('r.run_id', filter.runIdPattern)
    .pattern('x.task_id', filter.taskIdPattern)
    .pattern('(SELECT d.display_name FROM rm.dags d WHERE d.dag_id = r.dag_id)', filter.dagDisplayNamePattern)
    .addIf('x.key = ?', filter.key)
    .pattern('x.key', filter.keyPattern)
    .addIf('x.map_index = ?', filter.mapIndex)
    .ranges(filter.ranges, INSTANT_COLUMN);
  const from = `FROM rm.dag_runs r JOIN ${ENTRIES} x USING (run_key) ${conditions.where}`;
  const [counted] = await selectRows<{ total: number }>(db, `SELECT count(*) AS total ${from}`, conditions.values);
  const sql = `SELECT ${COLUMNS} ${from} ORDER BY r.dag_id, x.task_id, r.run_key DESC, x.map_index, x.key LIMIT ${conditions.bind(page.limit)} OFFSET ${conditions.bind(page.offset)}`;
  return { rows: await selectRows<ListedXCom>(db, sql, conditions.values), total: counted?.total ?? 0 };
}
