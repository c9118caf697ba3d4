import type { TaskState } from '@dagbook/domain';
import { Conditions, orderBy, type Listed, type Order, type Page } from './condition.ts';
import type { HumanInputRow } from './row.ts';
import { HUMAN_INPUT_COLUMNS, selectList, selectRows, type Queryable } from './sql.ts';
import { stateChar } from './state-code.ts';

export type HumanInputOrder = 'dagId' | 'runId' | 'taskId' | 'mapIndex' | 'subject' | 'createdAt' | 'respondedAt' | 'runAfter';

const ORDER_COLUMN = {
  dagId: 'r.dag_id', runId: 'r.run_id', taskId: 'h.task_id', mapIndex: 'h.map_index', subject: `h.request->>'subject'`, createdAt: 'h.created_at_ms',
  respondedAt: 'h.responded_at_ms', runAfter: 'r.run_after_ms',
} as const satisfies Record<HumanInputOrder, string>;

interface HumanInputFilter {
  /** Absent: of every DAG or run. */
  readonly dagId?: string | undefined;
  readonly runId?: string | undefined;
  readonly dagIdPattern?: string | undefined;
  readonly taskId?: string | undefined;
  readonly taskIdPattern?: string | undefined;
  readonly mapIndex?: number | undefined;
  readonly states?: readonly TaskState[] | undefined;
  readonly isAnswered?: boolean | undefined;
  readonly respondedByIds?: readonly string[] | undefined;
  readonly respondedByNames?: readonly string[] | undefined;
  /** Part of the text, in any case. */
  readonly subject?: string | undefined;
  readonly body?: string | undefined;
  readonly createdFromMs?: number | undefined;
  readonly createdAfterMs?: number | undefined;
  readonly createdToMs?: number | undefined;
  readonly createdBeforeMs?: number | undefined;
}

export type ListedHumanInput = HumanInputRow & { readonly dagId: string; readonly runId: string };

const COLUMNS = `${selectList('h', HUMAN_INPUT_COLUMNS)}, r.dag_id AS "dagId", r.run_id AS "runId"`;

/** Of each task instance what its newest try asks, or has asked. */
export async function listHumanInputs(db: Queryable, filter: HumanInputFilter, order: readonly Order<HumanInputOrder>[], page: Page): Promise<Listed<ListedHumanInput>> {
  const conditions = new Conditions()
    .addIf('r.dag_id = ?', filter.dagId)
    .addIf('r.run_id = ?', filter.runId)
    .pattern('r.dag_id', filter.dagIdPattern)
    .addIf('h.task_id = ?', filter.taskId)
    .pattern('h.task_id', filter.taskIdPattern)
    .addIf('h.map_index = ?', filter.mapIndex)
    .addIf('h.created_at_ms >= ?', filter.createdFromMs)
    .addIf('h.created_at_ms > ?', filter.createdAfterMs)
    .addIf('h.created_at_ms <= ?', filter.createdToMs)
    .addIf('h.created_at_ms < ?', filter.createdBeforeMs)
    .addIf('t.state = ANY (?::text[])', filter.states?.map(stateChar))
    .addIf('(h.responded_at_ms IS NOT NULL) = ?', filter.isAnswered)
    .addIf(`h.responded_by->>'id' = ANY (?::text[])`, filter.respondedByIds)
    .addIf(`h.responded_by->>'name' = ANY (?::text[])`, filter.respondedByNames)
    .addIf(`position(lower(?) IN lower(h.request->>'subject')) > 0`, filter.subject)
    .addIf(`position(lower(?) IN lower(coalesce(h.request->>'body', ''))) > 0`, filter.body);
  const from = `FROM rm.human_inputs h
    JOIN rm.task_instances t ON (t.run_key, t.task_id, t.map_index, t.try_number) = (h.run_key, h.task_id, h.map_index, h.try_number)
    JOIN rm.dag_runs r ON r.run_key = h.run_key ${conditions.where}`;
  const [counted] = await selectRows<{ total: number }>(db, `SELECT count(*) AS total ${from}`, conditions.values);
  const sql = `SELECT ${COLUMNS} ${from} ${orderBy(order, ORDER_COLUMN, 'h.run_key, h.task_id, h.map_index')} LIMIT ${conditions.bind(page.limit)} OFFSET ${conditions.bind(page.offset)}`;
  return { rows: await selectRows<ListedHumanInput>(db, sql, conditions.values), total: counted?.total ?? 0 };
}

/** What one try asked; null: nothing. */
export async function getHumanInput(db: Queryable, of: { readonly dagId: string; readonly runId: string; readonly taskId: string; readonly mapIndex: number; readonly tryNumber: number }): Promise<ListedHumanInput | null> {
  const [row] = await selectRows<ListedHumanInput>(
    db,
    `SELECT ${COLUMNS} FROM rm.human_inputs h JOIN rm.dag_runs r ON r.run_key = h.run_key
     WHERE r.dag_id = $1 AND r.run_id = $2 AND h.task_id = $3 AND h.map_index = $4 AND h.try_number = $5`,
    [of.dagId, of.runId, of.taskId, of.mapIndex, of.tryNumber],
  );
  return row ?? null;
}
