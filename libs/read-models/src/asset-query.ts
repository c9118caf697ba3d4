import type { PassedOver, Json, RunState } from '@dagbook/domain';
import { Conditions, orderBy, type Listed, type Order, type Page, type Range } from './condition.ts';
import { selectRows, type Queryable } from './sql.ts';

export interface ListedAsset {
  readonly assetId: number;
  readonly uri: string;
  /** As its author names it, else its URI. */
  readonly name: string;
  readonly group: string | null;
  readonly extra: { readonly [name: string]: Json } | null;
  readonly createdAtMs: number;
  readonly updatedAtMs: number;
  readonly lastEventKey: number | null;
  readonly lastEventAtMs: number | null;
  readonly aliases: readonly ListedAlias[];
  /** Of DAGs that are not stale. */
  readonly references: readonly AssetReference[];
}

interface AssetReference {
  readonly kind: 'schedule' | 'inlet' | 'outlet' | 'watcher';
  readonly dagId: string;
  /** Of a watcher: its name. */
  readonly taskId: string;
  readonly createdAtMs: number;
  readonly updatedAtMs: number;
}

export interface ListedAlias {
  readonly aliasId: number;
  readonly name: string;
}

export interface ListedAssetEvent {
  /** Its place in the feed. */
  readonly eventKey: number;
  readonly assetId: number;
  readonly uri: string;
  readonly name: string;
  readonly group: string | null;
  readonly extra: { readonly [name: string]: Json };
  readonly partitionKey: string | null;
  readonly sourceDagId: string | null;
  readonly sourceRunId: string | null;
  readonly sourceTaskId: string | null;
  readonly sourceMapIndex: number;
  readonly atMs: number;
  /** Runs that took it. */
  readonly runs: readonly AssetEventRun[];
}

export interface AssetEventRun {
  readonly dagId: string;
  readonly runId: string;
  readonly state: RunState;
  readonly runAfterMs: number;
  readonly startedAtMs: number | null;
  readonly endedAtMs: number | null;
  readonly partitionKey: string | null;
}

export interface QueuedAssetEvent {
  readonly dagId: string;
  readonly dagDisplayName: string;
  readonly assetId: number;
  readonly atMs: number;
}

export type AssetOrder = 'id' | 'name' | 'uri' | 'createdAt' | 'updatedAt';
const NAME = 'coalesce(a.name, a.uri)';
const ASSET_ORDER = { id: 'a.asset_id', name: NAME, uri: 'a.uri', createdAt: 'a.created_at_ms', updatedAt: 'a.updated_at_ms' } as const satisfies Record<AssetOrder, string>;

const REFERENCES = `SELECT r.* FROM rm.asset_references r JOIN rm.dags d ON d.dag_id = r.dag_id AND NOT d.is_stale WHERE r.asset_id = a.asset_id`;
const ASSET = `SELECT a.asset_id AS "assetId", a.uri, ${NAME} AS name, a.asset_group AS "group", a.extra, a.created_at_ms AS "createdAtMs", a.updated_at_ms AS "updatedAtMs", a.last_event_key AS "lastEventKey", a.last_event_at_ms AS "lastEventAtMs",
  (SELECT coalesce(json_agg(json_build_object('aliasId', l.alias_id, 'name', l.name) ORDER BY l.alias_id), '[]') FROM rm.asset_alias_assets la JOIN rm.asset_aliases l USING (alias_id) WHERE la.asset_id = a.asset_id) AS aliases,
  (SELECT coalesce(json_agg(json_build_object('kind', r.kind, 'dagId', r.dag_id, 'taskId', r.task_id, 'createdAtMs', r.created_at_ms, 'updatedAtMs', r.updated_at_ms) ORDER BY r.dag_id, r.task_id, r.kind), '[]')
   FROM (${REFERENCES}) r) AS references
  FROM rm.assets a`;

/** `onlyActive`: those that a DAG names which is not stale. */
export async function listAssets(
  db: Queryable,
  filter: { readonly namePattern?: string | undefined; readonly uriPattern?: string | undefined; readonly dagIds?: readonly string[] | undefined; readonly onlyActive: boolean },
  order: readonly Order<AssetOrder>[],
  page: Page,
): Promise<Listed<ListedAsset>> {
  const conditions = new Conditions().pattern(NAME, filter.namePattern).pattern('a.uri', filter.uriPattern);
  if (filter.dagIds !== undefined && filter.dagIds.length > 0) conditions.add('EXISTS (SELECT FROM rm.asset_references r WHERE r.asset_id = a.asset_id AND r.dag_id = ANY (?::text[]))', [...filter.dagIds]);
  if (filter.onlyActive) conditions.add(`EXISTS (${REFERENCES}) = ?`, true);
  const total = await counted(db, `rm.assets a ${conditions.where}`, conditions.values);
  const sql = `${ASSET} ${conditions.where} ${orderBy(order, ASSET_ORDER, 'a.asset_id')} LIMIT ${conditions.bind(page.limit)} OFFSET ${conditions.bind(page.offset)}`;
  return { rows: await selectRows<ListedAsset>(db, sql, conditions.values), total };
}

export async function getAsset(db: Queryable, assetId: number): Promise<ListedAsset | null> {
  const [row] = await selectRows<ListedAsset>(db, `${ASSET} WHERE a.asset_id = $1`, [assetId]);
  return row ?? null;
}

export async function listAliases(db: Queryable, pattern: string | undefined, order: readonly Order<'id' | 'name'>[], page: Page): Promise<Listed<ListedAlias>> {
  const conditions = new Conditions().pattern('l.name', pattern);
  const total = await counted(db, `rm.asset_aliases l ${conditions.where}`, conditions.values);
  const sql = `SELECT l.alias_id AS "aliasId", l.name FROM rm.asset_aliases l ${conditions.where} ${orderBy(order, { id: 'l.alias_id', name: 'l.name' }, 'l.alias_id')} LIMIT ${conditions.bind(page.limit)} OFFSET ${conditions.bind(page.offset)}`;
  return { rows: await selectRows<ListedAlias>(db, sql, conditions.values), total };
}

export async function getAlias(db: Queryable, aliasId: number): Promise<ListedAlias | null> {
  const [row] = await selectRows<ListedAlias>(db, 'SELECT l.alias_id AS "aliasId", l.name FROM rm.asset_aliases l WHERE l.alias_id = $1', [aliasId]);
  return row ?? null;
}

export interface AssetEventFilter {
  readonly eventKey?: number | undefined;
  readonly assetId?: number | undefined;
  readonly uri?: string | undefined;
  readonly alias?: string | undefined;
  readonly namePattern?: string | undefined;
  readonly sourceDagId?: string | undefined;
  readonly sourceTaskId?: string | undefined;
  readonly sourceRunId?: string | undefined;
  readonly sourceMapIndex?: number | undefined;
  readonly ranges?: readonly Range<'timestamp'>[] | undefined;
  /** Those that this run took. */
  readonly takenBy?: { readonly dagId: string; readonly runId: string } | undefined;
}

export type AssetEventOrder = 'id' | 'timestamp' | 'sourceDagId' | 'sourceTaskId' | 'sourceRunId' | 'sourceMapIndex';
const EVENT_ORDER = {
  id: 'e.event_key', timestamp: 'e.at_ms', sourceDagId: 'e.source_dag_id', sourceTaskId: 'e.source_task_id', sourceRunId: 'e.source_run_id', sourceMapIndex: 'e.source_map_index',
} as const satisfies Record<AssetEventOrder, string>;

export async function listAssetEvents(db: Queryable, filter: AssetEventFilter, order: readonly Order<AssetEventOrder>[], page: Page): Promise<Listed<ListedAssetEvent>> {
  const conditions = new Conditions()
    .addIf('e.event_key = ?', filter.eventKey)
    .addIf('e.asset_id = ?', filter.assetId)
    .addIf('a.uri = ?', filter.uri)
    .addIf('EXISTS (SELECT FROM rm.asset_alias_assets la JOIN rm.asset_aliases l USING (alias_id) WHERE la.asset_id = e.asset_id AND l.name = ?)', filter.alias)
    .pattern(NAME, filter.namePattern)
    .addIf('e.source_dag_id = ?', filter.sourceDagId)
    .addIf('e.source_task_id = ?', filter.sourceTaskId)
    .addIf('e.source_run_id = ?', filter.sourceRunId)
    .addIf('e.source_map_index = ?', filter.sourceMapIndex)
    .ranges(filter.ranges, { timestamp: 'e.at_ms' });
  const { takenBy } = filter;
  if (takenBy !== undefined) conditions.add('EXISTS (SELECT FROM rm.asset_event_runs t WHERE t.event_key = e.event_key AND t.dag_id = (?::text[])[1] AND t.run_id = (?::text[])[2])', [takenBy.dagId, takenBy.runId]);
  const from = `rm.asset_events e JOIN rm.assets a USING (asset_id) ${conditions.where}`;
  const total = await counted(db, from, conditions.values);
  const sql = `SELECT e.event_key AS "eventKey", e.asset_id AS "assetId", a.uri, ${NAME} AS name, a.asset_group AS "group", e.extra, e.partition_key AS "partitionKey", e.source_dag_id AS "sourceDagId", e.source_run_id AS "sourceRunId", e.source_task_id AS "sourceTaskId",
      e.source_map_index AS "sourceMapIndex", e.at_ms AS "atMs",
      (SELECT coalesce(json_agg(json_build_object('dagId', r.dag_id, 'runId', r.run_id, 'state', r.state, 'runAfterMs', r.run_after_ms, 'startedAtMs', r.started_at_ms, 'endedAtMs', r.ended_at_ms, 'partitionKey', r.partition_key) ORDER BY r.run_key), '[]')
       FROM rm.asset_event_runs t JOIN rm.dag_runs r USING (dag_id, run_id) WHERE t.event_key = e.event_key) AS runs
    FROM ${from} ${orderBy(order, EVENT_ORDER, `e.event_key ${order[0]?.descending === true ? 'DESC' : 'ASC'}`)} LIMIT ${conditions.bind(page.limit)} OFFSET ${conditions.bind(page.offset)}`;
  return { rows: await selectRows<ListedAssetEvent>(db, sql, conditions.values), total };
}

/** What waits for DAGs, one row for each DAG and asset with the instant of its first update, oldest first. `beforeMs`: only what came before. */
export async function queuedAssetEvents(db: Queryable, filter: { readonly dagId?: string | undefined; readonly assetId?: number | undefined; readonly beforeMs?: number | undefined }): Promise<readonly QueuedAssetEvent[]> {
  const conditions = new Conditions().addIf('q.dag_id = ?', filter.dagId).addIf('q.asset_id = ?', filter.assetId).addIf('q.at_ms < ?', filter.beforeMs);
  return selectRows(
    db,
    `SELECT q.dag_id AS "dagId", d.display_name AS "dagDisplayName", q.asset_id AS "assetId", min(q.at_ms) AS "atMs" FROM rm.asset_queued_events q JOIN rm.dags d USING (dag_id) ${conditions.where}
     GROUP BY q.dag_id, d.display_name, q.asset_id ORDER BY min(q.event_key), q.dag_id`,
    conditions.values,
  );
}

/** Of DAGs of partitions that are in some file, the updates that counted for no run since their schedule was set. */
export async function passedOverUpdates(db: Queryable): Promise<readonly { readonly dagId: string; readonly dagDisplayName: string; readonly passedOver: PassedOver }[]> {
  return selectRows(
    db,
    `SELECT q.dag_id AS "dagId", d.display_name AS "dagDisplayName", q.state->'passedOver' AS "passedOver" FROM rm.asset_queues q JOIN rm.dags d USING (dag_id) WHERE q.state->'passedOver' IS NOT NULL AND NOT d.is_stale`,
    [],
  );
}

async function counted(db: Queryable, from: string, values: readonly unknown[]): Promise<number> {
  const [row] = await selectRows<{ total: number }>(db, `SELECT count(*) AS total FROM ${from}`, values);
  return row?.total ?? 0;
}

/** Whether an asset was ever updated through one of these aliases. */
export async function isUpdatedThrough(db: Queryable, uri: string, aliases: readonly string[]): Promise<boolean> {
  const text = 'SELECT FROM rm.assets a JOIN rm.asset_alias_assets la USING (asset_id) JOIN rm.asset_aliases l USING (alias_id) WHERE a.uri = $1 AND l.name = ANY ($2::text[]) LIMIT 1';
  return (await selectRows(db, text, [uri, aliases])).length > 0;
}
