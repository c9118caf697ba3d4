import type { RunState, RunType } from '@dagbook/domain';
import { Conditions, orderBy, type Listed, type Order, type Page } from './condition.ts';
import type { DagRow, ImportErrorRow, StoredDagVersion } from './row.ts';
import { DAG_COLUMNS, IMPORT_ERROR_COLUMNS, selectList, selectRows, type Queryable } from './sql.ts';

export interface DagFilter {
  readonly dagIds?: readonly string[] | undefined;
  readonly dagIdPattern?: string | undefined;
  readonly displayNamePattern?: string | undefined;
  readonly tags?: readonly string[] | undefined;
  readonly tagsMatch?: 'any' | 'all' | undefined;
  readonly owners?: readonly string[] | undefined;
  readonly paused?: boolean | undefined;
  readonly excludeStale?: boolean | undefined;
  readonly lastRunState?: RunState | undefined;
  readonly hasImportErrors?: boolean | undefined;
}

export type DagOrder = 'dagId' | 'displayName' | 'lastRunStart' | 'lastRunState' | 'nextRun';

/** A DAG with whether its file is broken now, and the bundle that it came from where bundles have versions. */
export type ListedDag = DagRow & { readonly hasImportErrors: boolean; readonly bundleName: string | null; readonly bundleVersion: string | null };

export interface StripRun {
  readonly dagId: string;
  readonly runId: string;
  readonly state: RunState;
  readonly runType: RunType;
  readonly runAfterMs: number;
  readonly startedAtMs: number | null;
  readonly endedAtMs: number | null;
}

const HAS_IMPORT_ERRORS = 'EXISTS (SELECT FROM rm.import_errors e WHERE e.file = d.file AND e.error_key IS NOT NULL)';
/** By the hash of the packed code, of which a bundle with versions leaves a note. */
const ORIGIN_OF = (row: string): string => `LEFT JOIN public.contents o ON o.kind = 'origin' AND o.key = ${row}.bundle_hash`;
const ORIGIN = `convert_from(o.content, 'UTF8')::json ->> 'name' AS "bundleName", convert_from(o.content, 'UTF8')::json ->> 'version' AS "bundleVersion"`;
const LAST_RUN = (column: string): string => `(SELECT r.${column} FROM rm.dag_runs r WHERE r.dag_id = d.dag_id ORDER BY r.run_after_ms DESC, r.run_key DESC LIMIT 1)`;

const ORDER_COLUMN = {
  dagId: 'd.dag_id',
  displayName: 'd.display_name',
  lastRunStart: LAST_RUN('started_at_ms'),
  lastRunState: LAST_RUN('state'),
  nextRun: 'd.last_scheduled_run_after_ms',
} as const satisfies Record<DagOrder, string>;

export async function listDags(db: Queryable, filter: DagFilter, order: readonly Order<DagOrder>[], page: Page): Promise<Listed<ListedDag>> {
  const conditions = new Conditions()
    .addIf('d.dag_id = ANY (?::text[])', filter.dagIds)
    .pattern('d.dag_id', filter.dagIdPattern)
    .pattern('d.display_name', filter.displayNamePattern)
    .addIf(filter.tagsMatch === 'all' ? 'd.tags @> ?::text[]' : 'd.tags && ?::text[]', filter.tags)
    .addIf('d.owner = ANY (?::text[])', filter.owners)
    .addIf('d.is_paused = ?', filter.paused)
    .addIf(`${LAST_RUN('state')} = ?`, filter.lastRunState)
    .addIf(`${HAS_IMPORT_ERRORS} = ?`, filter.hasImportErrors);
  if (filter.excludeStale === true) conditions.add('d.is_stale = ?', false);
  const [counted] = await selectRows<{ total: number }>(db, `SELECT count(*) AS total FROM rm.dags d ${conditions.where}`, conditions.values);
  const sql = `SELECT ${selectList('d', DAG_COLUMNS)}, ${HAS_IMPORT_ERRORS} AS "hasImportErrors", ${ORIGIN} FROM rm.dags d ${ORIGIN_OF('d')} ${conditions.where}
    ${orderBy(order, ORDER_COLUMN, 'd.dag_id')} LIMIT ${conditions.bind(page.limit)} OFFSET ${conditions.bind(page.offset)}`;
  return { rows: await selectRows<ListedDag>(db, sql, conditions.values), total: counted?.total ?? 0 };
}

export async function getDag(db: Queryable, dagId: string): Promise<ListedDag | null> {
  const [row] = await selectRows<ListedDag>(db, `SELECT ${selectList('d', DAG_COLUMNS)}, ${HAS_IMPORT_ERRORS} AS "hasImportErrors", ${ORIGIN} FROM rm.dags d ${ORIGIN_OF('d')} WHERE d.dag_id = $1`, [dagId]);
  return row ?? null;
}

/** The newest `count` runs of each of these DAGs, oldest first. */
export async function lastRuns(db: Queryable, dagIds: readonly string[], count: number): Promise<ReadonlyMap<string, readonly StripRun[]>> {
  const rows = await selectRows<StripRun>(
    db,
    `SELECT r.* FROM unnest($1::text[]) d (dag_id) CROSS JOIN LATERAL (
       SELECT ${selectList('r', ['dag_id', 'run_id', 'state', 'run_type', 'run_after_ms', 'started_at_ms', 'ended_at_ms'])}
       FROM rm.dag_runs r WHERE r.dag_id = d.dag_id ORDER BY r.run_after_ms DESC, r.run_key DESC LIMIT $2) r`,
    [dagIds, count],
  );
  const strips = new Map<string, StripRun[]>();
  for (const row of rows) {
    const strip = strips.get(row.dagId);
    if (strip === undefined) strips.set(row.dagId, [row]);
    else strip.unshift(row);
  }
  return strips;
}

const VERSION_COLUMNS = ['dag_id', 'dag_version', 'plan_hash', 'bundle_hash', 'file', 'created_at_ms'] as const;

/** A DAG that is there, with the plan of its newest version. */
export interface LiveDag {
  readonly dagId: string;
  readonly displayName: string;
  readonly planHash: string;
  readonly parsedAtMs: number;
}

/** Every DAG whose file is there, in order of id. */
export async function liveDags(db: Queryable): Promise<readonly LiveDag[]> {
  return selectRows(db, 'SELECT dag_id AS "dagId", display_name AS "displayName", plan_hash AS "planHash", parsed_at_ms AS "parsedAtMs" FROM rm.dags WHERE NOT is_stale ORDER BY dag_id');
}

/** `dagId` undefined: of every DAG. */
export async function listDagVersions(
  db: Queryable,
  filter: { readonly dagId?: string | undefined; readonly dagVersion?: number | undefined },
  descending: boolean,
  page: Page,
): Promise<Listed<StoredDagVersion>> {
  const conditions = new Conditions().addIf('v.dag_id = ?', filter.dagId).addIf('v.dag_version = ?', filter.dagVersion);
  const [counted] = await selectRows<{ total: number }>(db, `SELECT count(*) AS total FROM rm.dag_versions v ${conditions.where}`, conditions.values);
  const sql = `SELECT ${selectList('v', VERSION_COLUMNS)}, ${ORIGIN} FROM rm.dag_versions v ${ORIGIN_OF('v')} ${conditions.where}
    ORDER BY v.dag_id, v.dag_version ${descending ? 'DESC' : 'ASC'} LIMIT ${conditions.bind(page.limit)} OFFSET ${conditions.bind(page.offset)}`;
  return { rows: await selectRows<StoredDagVersion>(db, sql, conditions.values), total: counted?.total ?? 0 };
}

/** Versions by `(dag id, number)`, for rows that name them. */
export async function dagVersions(db: Queryable, keys: readonly { readonly dagId: string; readonly dagVersion: number }[]): Promise<readonly StoredDagVersion[]> {
  if (keys.length === 0) return [];
  return selectRows<StoredDagVersion>(
    db,
    `SELECT ${selectList('v', VERSION_COLUMNS)}, ${ORIGIN} FROM (SELECT DISTINCT * FROM unnest($1::text[], $2::int[]) k (dag_id, dag_version)) k JOIN rm.dag_versions v USING (dag_id, dag_version) ${ORIGIN_OF('v')}`,
    [keys.map((key) => key.dagId), keys.map((key) => key.dagVersion)],
  );
}

export type ImportErrorOrder = 'id' | 'timestamp' | 'filename';
const IMPORT_ERROR_ORDER = { id: 'f.error_key', timestamp: 'f.at_ms', filename: 'f.file' } as const satisfies Record<ImportErrorOrder, string>;

export async function listImportErrors(
  db: Queryable,
  filter: { readonly errorKey?: number | undefined; readonly filePattern?: string | undefined },
  order: readonly Order<ImportErrorOrder>[],
  page: Page,
): Promise<Listed<ImportErrorRow>> {
  const conditions = new Conditions().pattern('f.file', filter.filePattern).addIf('f.error_key = ?', filter.errorKey);
  const where = conditions.isEmpty ? 'WHERE f.error_key IS NOT NULL' : `${conditions.where} AND f.error_key IS NOT NULL`;
  const [counted] = await selectRows<{ total: number }>(db, `SELECT count(*) AS total FROM rm.import_errors f ${where}`, conditions.values);
  const sql = `SELECT ${selectList('f', IMPORT_ERROR_COLUMNS)} FROM rm.import_errors f ${where}
    ${orderBy(order, IMPORT_ERROR_ORDER, 'f.file')} LIMIT ${conditions.bind(page.limit)} OFFSET ${conditions.bind(page.offset)}`;
  return { rows: await selectRows<ImportErrorRow>(db, sql, conditions.values), total: counted?.total ?? 0 };
}
