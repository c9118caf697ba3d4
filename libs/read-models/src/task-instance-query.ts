import type { TaskState } from '@dagbook/domain';
import { Conditions, orderBy, type Listed, type Order, type Page, type Range } from './condition.ts';
import type { RunInstant } from './run-query.ts';
import type { TaskInstanceRow, TaskTryRow } from './row.ts';
import { selectList, selectRows, TASK_INSTANCE_COLUMNS, TRY_COLUMNS, type Queryable } from './sql.ts';
import { stateChar, stateOfChar } from './state-code.ts';

export interface TaskInstanceFilter {
  /** Absent: of every DAG or run. */
  readonly dagId?: string | undefined;
  readonly runId?: string | undefined;
  readonly dagIdPattern?: string | undefined;
  readonly runIdPattern?: string | undefined;
  readonly taskIds?: readonly string[] | undefined;
  readonly taskIdPattern?: string | undefined;
  readonly mapIndexes?: readonly number[] | undefined;
  readonly states?: readonly TaskState[] | undefined;
  readonly tryNumbers?: readonly number[] | undefined;
  readonly dagVersions?: readonly number[] | undefined;
  readonly ranges?: readonly Range<RunInstant>[] | undefined;
}

export type TaskInstanceOrder =
  | 'mapIndex' | 'taskId' | 'runId' | 'dagId' | 'state' | 'tryNumber' | 'startDate' | 'endDate' | 'duration' | 'runAfter' | 'logicalDate'
  | 'queuedAt' | 'scheduledAt' | 'renderedMapIndex' | 'dataIntervalStart' | 'dataIntervalEnd' | 'pid' | 'hostname';

/** A task instance with what of its run every answer shows. */
export type ListedTaskInstance = TaskInstanceRow & {
  readonly runKey: number;
  readonly dagId: string;
  readonly runId: string;
  readonly logicalDateMs: number | null;
  readonly runAfterMs: number;
  readonly planHash: string;
  readonly dagVersion: number;
};

const INSTANT_COLUMN = {
  runAfter: 'r.run_after_ms',
  logicalDate: 'r.logical_date_ms',
  startDate: 't.started_at_ms',
  endDate: 't.ended_at_ms',
  duration: '((t.ended_at_ms - t.started_at_ms) / 1000.0)',
  updatedAt: 'GREATEST(t.ended_at_ms, t.started_at_ms, t.queued_at_ms, t.scheduled_at_ms)',
} as const satisfies Record<RunInstant, string>;

const ORDER_COLUMN = {
  runAfter: INSTANT_COLUMN.runAfter,
  logicalDate: INSTANT_COLUMN.logicalDate,
  startDate: INSTANT_COLUMN.startDate,
  endDate: INSTANT_COLUMN.endDate,
  duration: INSTANT_COLUMN.duration,
  mapIndex: 't.map_index',
  taskId: 't.task_id',
  runId: 'r.run_id',
  dagId: 'r.dag_id',
  state: 't.state',
  tryNumber: 't.try_number',
  queuedAt: 't.queued_at_ms',
  scheduledAt: 't.scheduled_at_ms',
  renderedMapIndex: 't.rendered_map_index',
  dataIntervalStart: 'r.interval_start_ms',
  dataIntervalEnd: 'r.interval_end_ms',
  pid: 't.pid',
  hostname: 't.worker',
} as const satisfies Record<TaskInstanceOrder, string>;

const COLUMNS = `${selectList('t', TASK_INSTANCE_COLUMNS)}, ${selectList('r', ['run_key', 'dag_id', 'run_id', 'logical_date_ms', 'run_after_ms', 'plan_hash', 'dag_version'])}`;
const FROM = 'FROM rm.dag_runs r JOIN rm.task_instances t USING (run_key)';

const ON_ITS_WAY: ReadonlySet<TaskState> = new Set<TaskState>([
  'scheduled', 'queued', 'running', 'restarting', 'up_for_retry', 'up_for_reschedule', 'deferred', 'awaiting_input',
]);

type Raw = Omit<ListedTaskInstance, 'state'> & { readonly state: string };
const shown = (row: Raw): ListedTaskInstance => ({ ...row, state: stateOfChar(row.state) });

export async function listTaskInstances(
  db: Queryable,
  filter: TaskInstanceFilter,
  order: readonly Order<TaskInstanceOrder>[],
  page: Page,
): Promise<Listed<ListedTaskInstance>> {
  const conditions = new Conditions()
    .addIf('r.dag_id = ?', filter.dagId)
    .addIf('r.run_id = ?', filter.runId)
    .pattern('r.dag_id', filter.dagIdPattern)
    .pattern('r.run_id', filter.runIdPattern)
    .addIf('t.task_id = ANY (?::text[])', filter.taskIds)
    .pattern('t.task_id', filter.taskIdPattern)
    .addIf('t.map_index = ANY (?::int[])', filter.mapIndexes)
    .addIf('t.state = ANY (?::text[])', filter.states?.map(stateChar))
    .addIf('t.try_number = ANY (?::int[])', filter.tryNumbers)
    .addIf('r.dag_version = ANY (?::int[])', filter.dagVersions)
    .ranges(filter.ranges, INSTANT_COLUMN);
  // What is on its way stands in runs that are: over all runs, that index spares a walk through every task instance.
  if (filter.states !== undefined && filter.states.length > 0 && filter.states.every((state) => ON_ITS_WAY.has(state))) conditions.add('r.state = ANY (?::text[])', ['queued', 'running']);
  const [counted] = await selectRows<{ total: number }>(db, `SELECT count(*) AS total ${FROM} ${conditions.where}`, conditions.values);
  const sql = `SELECT ${COLUMNS} ${FROM} ${conditions.where} ${orderBy(order, ORDER_COLUMN, 'r.run_key, t.task_id, t.map_index')}
    LIMIT ${conditions.bind(page.limit)} OFFSET ${conditions.bind(page.offset)}`;
  return { rows: (await selectRows<Raw>(db, sql, conditions.values)).map(shown), total: counted?.total ?? 0 };
}

export async function getTaskInstance(db: Queryable, dagId: string, runId: string, taskId: string, mapIndex: number): Promise<ListedTaskInstance | null> {
  const [row] = await selectRows<Raw>(db, `SELECT ${COLUMNS} ${FROM} WHERE r.dag_id = $1 AND r.run_id = $2 AND t.task_id = $3 AND t.map_index = $4`, [dagId, runId, taskId, mapIndex]);
  return row === undefined ? null : shown(row);
}

/** All instances of these tasks in a run, however many: what a clear or a mark would touch. */
export async function taskInstancesOf(db: Queryable, dagId: string, runId: string, taskIds: readonly string[]): Promise<readonly ListedTaskInstance[]> {
  const rows = await selectRows<Raw>(
    db,
    `SELECT ${COLUMNS} ${FROM} WHERE r.dag_id = $1 AND r.run_id = $2 AND t.task_id = ANY ($3::text[]) ORDER BY t.task_id, t.map_index`,
    [dagId, runId, taskIds],
  );
  return rows.map(shown);
}

/** Every try of a task instance, the current one last: earlier ones from history, the newest from the instance itself. */
export async function listTries(db: Queryable, instance: ListedTaskInstance): Promise<readonly TaskTryRow[]> {
  const rows = await selectRows<Omit<TaskTryRow, 'state'> & { state: string }>(
    db,
    `SELECT ${selectList('h', TRY_COLUMNS)} FROM rm.task_tries h WHERE h.run_key = $1 AND h.task_id = $2 AND h.map_index = $3 ORDER BY h.try_number`,
    [instance.runKey, instance.taskId, instance.mapIndex],
  );
  const earlier = rows.map((row) => ({ ...row, state: stateOfChar(row.state) }));
  // An instance that was cleared and not tried again has its last try in history already.
  return instance.tryNumber === 0 || instance.scheduledAtMs === null ? earlier : [...earlier, instance];
}
