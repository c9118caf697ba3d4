import type { RunState } from '@dagbook/domain';
import { Conditions, orderBy, type Listed, type Order, type Page } from './condition.ts';
import { BACKFILL_COLUMNS, type BackfillRow } from './fold-backfill.ts';
import { selectList, selectRows, type Queryable } from './sql.ts';

export type BackfillOrder = 'id' | 'fromDate' | 'toDate' | 'createdAt' | 'completedAt' | 'updatedAt';

const ORDER_COLUMN = {
  id: 'b.backfill_key', fromDate: 'b.from_ms', toDate: 'b.to_ms', createdAt: 'b.created_at_ms', completedAt: 'b.completed_at_ms', updatedAt: 'b.updated_at_ms',
} as const satisfies Record<BackfillOrder, string>;

/** `dagId` undefined: of every DAG; `active` undefined: ended ones too. */
export async function listBackfills(
  db: Queryable,
  filter: { readonly dagId?: string | undefined; readonly active?: boolean | undefined },
  order: readonly Order<BackfillOrder>[],
  page: Page,
): Promise<Listed<BackfillRow>> {
  const conditions = new Conditions().addIf('b.dag_id = ?', filter.dagId).addIf(`(b.state = 'running') = ?`, filter.active);
  const [counted] = await selectRows<{ total: number }>(db, `SELECT count(*) AS total FROM rm.backfills b ${conditions.where}`, conditions.values);
  const sql = `SELECT ${selectList('b', BACKFILL_COLUMNS)} FROM rm.backfills b ${conditions.where}
    ${orderBy(order, ORDER_COLUMN, 'b.backfill_key')} LIMIT ${conditions.bind(page.limit)} OFFSET ${conditions.bind(page.offset)}`;
  return { rows: await selectRows<BackfillRow>(db, sql, conditions.values), total: counted?.total ?? 0 };
}

/** By the id that clients know, or by the DAG's own number for it. */
export async function getBackfill(db: Queryable, key: { readonly backfillKey: number } | { readonly dagId: string; readonly backfillId: string }): Promise<BackfillRow | null> {
  const [where, values] = 'backfillKey' in key ? ['b.backfill_key = $1', [key.backfillKey]] : ['b.dag_id = $1 AND b.backfill_id = $2', [key.dagId, key.backfillId]];
  const [row] = await selectRows<BackfillRow>(db, `SELECT ${selectList('b', BACKFILL_COLUMNS)} FROM rm.backfills b WHERE ${where as string}`, values as unknown[]);
  return row ?? null;
}

/** Runs of a DAG by their logical date, of those dates that have one between two instants. */
export async function runsByLogicalDate(db: Queryable, dagId: string, fromMs: number, toMs: number): Promise<readonly { readonly runId: string; readonly state: RunState; readonly logicalDateMs: number }[]> {
  return selectRows(
    db,
    `SELECT r.run_id AS "runId", r.state, r.logical_date_ms AS "logicalDateMs" FROM rm.dag_runs r WHERE r.dag_id = $1 AND r.logical_date_ms BETWEEN $2 AND $3 ORDER BY r.logical_date_ms, r.run_key`,
    [dagId, fromMs, toMs],
  );
}
