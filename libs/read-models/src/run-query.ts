import type { RunState, RunType } from '@dagbook/domain';
import { Conditions, orderBy, type Listed, type Order, type Page, type Range } from './condition.ts';
import type { RunRow } from './row.ts';
import { RUN_COLUMNS, selectList, selectRows, type Queryable } from './sql.ts';

export type RunInstant = 'runAfter' | 'logicalDate' | 'startDate' | 'endDate' | 'duration' | 'updatedAt';

export interface RunFilter {
  /** Absent: of every DAG. */
  readonly dagId?: string | undefined;
  readonly dagIdPattern?: string | undefined;
  readonly runIdPattern?: string | undefined;
  readonly triggeringUserPattern?: string | undefined;
  readonly partitionKeyPattern?: string | undefined;
  readonly states?: readonly RunState[] | undefined;
  readonly runTypes?: readonly RunType[] | undefined;
  readonly dagVersions?: readonly number[] | undefined;
  readonly bundleVersion?: string | undefined;
  /** Text that the conf holds. */
  readonly confContains?: string | undefined;
  readonly ranges?: readonly Range<RunInstant>[] | undefined;
}

export type RunOrder =
  | 'id' | 'state' | 'dagId' | 'runId' | 'logicalDate' | 'runAfter' | 'startDate' | 'endDate' | 'duration' | 'updatedAt' | 'runType' | 'conf'
  | 'dataIntervalStart' | 'dataIntervalEnd' | 'triggeringUser';

const INSTANT_COLUMN = {
  runAfter: 'r.run_after_ms',
  logicalDate: 'r.logical_date_ms',
  startDate: 'r.started_at_ms',
  endDate: 'r.ended_at_ms',
  duration: '((r.ended_at_ms - r.started_at_ms) / 1000.0)',
  updatedAt: 'r.updated_at_ms',
} as const satisfies Record<RunInstant, string>;

const ORDER_COLUMN = {
  ...INSTANT_COLUMN,
  id: 'r.run_key',
  state: 'r.state',
  dagId: 'r.dag_id',
  runId: 'r.run_id',
  runType: 'r.run_type',
  conf: 'r.conf::text',
  dataIntervalStart: 'r.interval_start_ms',
  dataIntervalEnd: 'r.interval_end_ms',
  triggeringUser: 'r.triggering_user',
} as const satisfies Record<RunOrder, string>;

export async function listRuns(db: Queryable, filter: RunFilter, order: readonly Order<RunOrder>[], page: Page): Promise<Listed<RunRow>> {
  const conditions = conditionsOf(filter);
  const total = (await keptTotal(db, filter)) ?? (await counted(db, conditions));
  const sql = `SELECT ${selectList('r', RUN_COLUMNS)} FROM rm.dag_runs r ${conditions.where}
    ${orderBy(order, ORDER_COLUMN, `r.run_key ${order[0]?.descending === true ? 'DESC' : 'ASC'}`)} LIMIT ${conditions.bind(page.limit)} OFFSET ${conditions.bind(page.offset)}`;
  return { rows: await selectRows<RunRow>(db, sql, conditions.values), total };
}

/** The run of the next earlier logical date; null: there is none, or the run has no date. */
export async function runBefore(db: Queryable, dagId: string, logicalDateMs: number | null): Promise<{ readonly runId: string } | null> {
  if (logicalDateMs === null) return null;
  const rows = await selectRows<{ runId: string }>(db, 'SELECT run_id AS "runId" FROM rm.dag_runs WHERE dag_id = $1 AND logical_date_ms < $2 ORDER BY logical_date_ms DESC LIMIT 1', [dagId, logicalDateMs]);
  return rows[0] ?? null;
}

export async function getRun(db: Queryable, dagId: string, runId: string): Promise<RunRow | null> {
  const [row] = await selectRows<RunRow>(db, `SELECT ${selectList('r', RUN_COLUMNS)} FROM rm.dag_runs r WHERE r.dag_id = $1 AND r.run_id = $2`, [dagId, runId]);
  return row ?? null;
}

/** The last run of the DAG that succeeded and is due before this one; null: none did. */
export async function successBefore(db: Queryable, dagId: string, runId: string): Promise<RunRow | null> {
  const [row] = await selectRows<RunRow>(
    db,
    `SELECT ${selectList('r', RUN_COLUMNS)} FROM rm.dag_runs r, rm.dag_runs own
     WHERE own.dag_id = $1 AND own.run_id = $2 AND r.dag_id = $1 AND r.state = 'success' AND r.run_after_ms < own.run_after_ms
     ORDER BY r.run_after_ms DESC, r.run_key DESC LIMIT 1`,
    [dagId, runId],
  );
  return row ?? null;
}

/** The run of a logical date, of which a DAG has at most one. */
export async function getRunAt(db: Queryable, dagId: string, logicalDateMs: number): Promise<RunRow | null> {
  const [row] = await selectRows<RunRow>(db, `SELECT ${selectList('r', RUN_COLUMNS)} FROM rm.dag_runs r WHERE r.dag_id = $1 AND r.logical_date_ms = $2 LIMIT 1`, [dagId, logicalDateMs]);
  return row ?? null;
}

const GRID_COLUMNS = RUN_COLUMNS.filter((column) => column !== 'conf');
export type GridRun = Omit<RunRow, 'conf'>;

/** The newest runs of a DAG with their strips, newest first: one index scan, one row a run. */
export async function gridRuns(db: Queryable, dagId: string, limit: number, beforeMs?: number): Promise<readonly GridRun[]> {
  return selectRows<GridRun>(
    db,
    `SELECT ${selectList('r', GRID_COLUMNS)} FROM rm.dag_runs r
     WHERE r.dag_id = $1 AND r.run_after_ms < $2 ORDER BY r.run_after_ms DESC, r.run_key DESC LIMIT $3`,
    [dagId, beforeMs ?? Number.MAX_SAFE_INTEGER, limit],
  );
}

function conditionsOf(filter: RunFilter): Conditions {
  return new Conditions()
    .addIf('r.dag_id = ?', filter.dagId)
    .pattern('r.dag_id', filter.dagIdPattern)
    .pattern('r.run_id', filter.runIdPattern)
    .pattern('r.triggering_user', filter.triggeringUserPattern)
    .pattern('r.partition_key', filter.partitionKeyPattern)
    .addIf('r.state = ANY (?::text[])', filter.states)
    .addIf('r.run_type = ANY (?::text[])', filter.runTypes)
    .addIf('r.dag_version = ANY (?::int[])', filter.dagVersions)
    .addIf('r.bundle_hash = ?', filter.bundleVersion)
    .addIf('strpos(r.conf::text, ?) > 0', filter.confContains)
    .ranges(filter.ranges, INSTANT_COLUMN);
}

/** Of all runs, or of those in some states, the DAGs' own counters know the number; null when they do not. */
async function keptTotal(db: Queryable, filter: RunFilter): Promise<number | null> {
  const { dagId, states, ...rest } = filter;
  if (Object.values(rest).some((value) => value !== undefined && !(Array.isArray(value) && value.length === 0))) return null;
  const counters = (states ?? ['queued', 'running', 'success', 'failed']).map((state) => `${state}_runs`).join(' + ');
  const [row] = await selectRows<{ total: number | null }>(
    db,
    `SELECT sum(${counters})::bigint AS total FROM rm.dags WHERE $1::text IS NULL OR dag_id = $1`,
    [dagId ?? null],
  );
  return row?.total ?? 0;
}

async function counted(db: Queryable, conditions: Conditions): Promise<number> {
  const [row] = await selectRows<{ total: number }>(db, `SELECT count(*) AS total FROM rm.dag_runs r ${conditions.where}`, conditions.values);
  return row?.total ?? 0;
}
