import type { Json, StateEntry, StateWriter } from '@dagbook/domain';
import type pg from 'pg';
import { retrying } from './connection.ts';

/** Whose entries: of one task instance of one run, whichever of its tries. */
export interface TaskStateScope {
  readonly dagId: string;
  readonly runId: string;
  readonly taskId: string;
  readonly mapIndex: number;
}

/** An execution of an attempt, which may write while it holds its lease. */
export interface LeaseHolder {
  readonly attemptId: string;
  readonly epoch: number;
}

export interface TaskStateEntry extends StateEntry {
  /** null: until it is deleted. */
  readonly expiresAtMs: number | null;
}

export interface AssetStateEntry extends StateEntry {
  readonly writtenBy: StateWriter;
}

/** An entry whose time is over, still to be deleted. */
export interface ExpiredState extends TaskStateScope {
  readonly key: string;
}

export interface StatePage<Entry> {
  readonly entries: readonly Entry[];
  readonly total: number;
}

interface Range {
  readonly limit: number;
  readonly offset: number;
}

/** Rows of one statement: while it runs, readers of the feed wait. */
const BATCH_ROWS = 1_000;
/** Of up to 1 MB each. */
const ROWS_READ = 50;

/**
 * The state stores of tasks and assets. A write is on the disk when it is answered. One in the name of an attempt locks the row of
 * its lease and is carried out only while the epochs are equal, so an execution that was revoked or lost changes nothing any more;
 * such a write answers whether the lease was held. An entry whose time is over is not there, whether it is deleted yet or not.
 */
export class StateStore {
  readonly #pool: pg.Pool;
  constructor(pool: pg.Pool) {
    this.#pool = pool;
  }

  async taskEntry(scope: TaskStateScope, key: string): Promise<TaskStateEntry | null> {
    const { rows: [row] } = await this.#query<TaskRow>('read a state', `SELECT ${TASK_COLUMNS} FROM task_states s WHERE ${OF_TASK} AND key = $5 AND ${IS_KEPT}`, [...ofTask(scope), key]);
    return row === undefined ? null : taskEntry(row);
  }

  /** In order of their keys. */
  async taskEntries(scope: TaskStateScope, { limit, offset }: Range): Promise<StatePage<TaskStateEntry>> {
    const { rows } = await this.#query<TaskRow & Counted>('list states', `SELECT ${TASK_COLUMNS}, total FROM ${counted(`task_states s WHERE ${OF_TASK} AND ${IS_KEPT}`, 5)}`, [...ofTask(scope), limit, offset]);
    return pageOf(rows, taskEntry);
  }

  /** Of every task, also what has expired and still lies here. */
  async *ofRun(dagId: string, runId: string): AsyncGenerator<ExpiredState & { readonly value: Json }> {
    const text = `SELECT task_id, map_index, key, value FROM task_states WHERE dag_id = $1 AND run_id = $2 AND (task_id, map_index, key) > ($3, $4::int, $5) ORDER BY task_id, map_index, key LIMIT $6`;
    for (let last: readonly [string, number, string] = ['', -1, '']; ; ) {
      const { rows } = await this.#query<{ task_id: string; map_index: number; key: string; value: Json }>('read the states of a run', text, [dagId, runId, ...last, ROWS_READ]);
      for (const { task_id: taskId, map_index: mapIndex, key, value } of rows) {
        yield { dagId, runId, taskId, mapIndex, key, value };
        last = [taskId, mapIndex, key];
      }
      if (rows.length < ROWS_READ) return;
    }
  }

  /** False: it does not hold its lease, and nothing was written. */
  async setTask(scope: TaskStateScope, entry: { readonly key: string; readonly text: string; readonly lifetimeMs: number | null; readonly clearsWithTry: number }, by?: LeaseHolder): Promise<boolean> {
    const text = `INSERT INTO task_states
      SELECT $3, $4, $5, $6::int, $7, $8::json, clock_ms(), clock_ms() + $9::bigint, $10::int FROM held
      ON CONFLICT (dag_id, run_id, task_id, map_index, key) DO UPDATE
      SET value = excluded.value, updated_at_ms = excluded.updated_at_ms, expires_at_ms = excluded.expires_at_ms, clears_with_try = excluded.clears_with_try`;
    return this.#write('keep a state', text, by, [...ofTask(scope), entry.key, entry.text, entry.lifetimeMs, entry.clearsWithTry]);
  }

  /** Only the value: what was said of its time stays. False: there is none. */
  async changeTask(scope: TaskStateScope, key: string, text: string): Promise<boolean> {
    const { rowCount } = await this.#query('change a state', `UPDATE task_states s SET value = $6::json, updated_at_ms = clock_ms() WHERE ${OF_TASK} AND key = $5 AND ${IS_KEPT}`, [...ofTask(scope), key, text]);
    return rowCount === 1;
  }

  /** One key, or all. */
  async deleteTask(scope: TaskStateScope, key: string | null, by?: LeaseHolder): Promise<boolean> {
    const text = 'DELETE FROM task_states USING held WHERE dag_id = $3 AND run_id = $4 AND task_id = $5 AND map_index = $6 AND ($7::text IS NULL OR key = $7)';
    return this.#write('delete states', text, by, [...ofTask(scope), key]);
  }

  /** All of a task, of each of its instances. */
  async clearTask({ dagId, runId, taskId }: Omit<TaskStateScope, 'mapIndex'>): Promise<void> {
    await this.#query('delete states', 'DELETE FROM task_states WHERE dag_id = $1 AND run_id = $2 AND task_id = $3', [dagId, runId, taskId]);
  }

  async assetEntry(uri: string, key: string): Promise<AssetStateEntry | null> {
    const { rows: [row] } = await this.#query<AssetRow>('read a state', `SELECT ${ASSET_COLUMNS} FROM asset_states s WHERE uri_sha256 = ${hashOf(1)} AND key = $2`, [uri, key]);
    return row === undefined ? null : assetEntry(row);
  }

  async assetEntries(uri: string, { limit, offset }: Range): Promise<StatePage<AssetStateEntry>> {
    const { rows } = await this.#query<AssetRow & Counted>('list states', `SELECT ${ASSET_COLUMNS}, total FROM ${counted(`asset_states s WHERE uri_sha256 = ${hashOf(1)}`, 2)}`, [uri, limit, offset]);
    return pageOf(rows, assetEntry);
  }

  async setAsset(uri: string, { key, text, writtenBy }: { readonly key: string; readonly text: string; readonly writtenBy: StateWriter }, by?: LeaseHolder): Promise<boolean> {
    const statement = `INSERT INTO asset_states
      SELECT ${hashOf(3)}, $4, $3, $5::json, clock_ms(), $6::json FROM held
      ON CONFLICT (uri_sha256, key) DO UPDATE SET value = excluded.value, updated_at_ms = excluded.updated_at_ms, written_by = excluded.written_by`;
    return this.#write('keep a state', statement, by, [uri, key, text, JSON.stringify(writtenBy)]);
  }

  async deleteAsset(uri: string, key: string | null, by?: LeaseHolder): Promise<boolean> {
    return this.#write('delete states', `DELETE FROM asset_states USING held WHERE uri_sha256 = ${hashOf(3)} AND ($4::text IS NULL OR key = $4)`, by, [uri, key]);
  }

  async expired({ limit, offset }: Range): Promise<StatePage<ExpiredState>> {
    const text = `SELECT s.dag_id, s.run_id, s.task_id, s.map_index, s.key, total FROM ${counted(`task_states s WHERE ${IS_OVER}`, 1, 'dag_id, run_id, task_id, map_index, key')}`;
    const { rows } = await this.#query<{ dag_id: string; run_id: string; task_id: string; map_index: number } & Counted>('list expired states', text, [limit, offset]);
    return pageOf(rows, ({ dag_id: dagId, run_id: runId, task_id: taskId, map_index: mapIndex, key }) => ({ dagId, runId, taskId, mapIndex, key }));
  }

  /** How many were deleted. */
  async deleteExpired(): Promise<number> {
    // Asked of the row again: one that was written anew since it was found is kept.
    const text = `DELETE FROM task_states WHERE ${IS_OVER} AND (dag_id, run_id, task_id, map_index, key) IN
      (SELECT dag_id, run_id, task_id, map_index, key FROM task_states WHERE ${IS_OVER} ORDER BY expires_at_ms LIMIT $1)`;
    for (let deleted = 0; ; ) {
      const { rowCount } = await this.#query('delete expired states', text, [BATCH_ROWS]);
      deleted += rowCount ?? 0;
      if ((rowCount ?? 0) < BATCH_ROWS) return deleted;
    }
  }

  /** `text` reads `held`, which is one row while the write is allowed. $1 and $2 are the attempt and its epoch; null: a person's. */
  async #write(doing: string, text: string, by: LeaseHolder | undefined, values: readonly unknown[]): Promise<boolean> {
    const held = by === undefined ? 'SELECT 1 WHERE $1::text IS NULL AND $2::bigint IS NULL' : 'SELECT 1 WHERE holds_attempt_lease($1, $2)';
    const { rowCount } = await this.#query(doing, `WITH held AS MATERIALIZED (${held}), done AS (${text}) SELECT FROM held`, [by?.attemptId ?? null, by?.epoch ?? null, ...values]);
    return rowCount === 1;
  }

  #query<R extends pg.QueryResultRow>(doing: string, text: string, values: readonly unknown[]): Promise<pg.QueryResult<R>> {
    return retrying(doing, () => this.#pool.query<R>(text, [...values]));
  }
}

const OF_TASK = 'dag_id = $1 AND run_id = $2 AND task_id = $3 AND map_index = $4';
const IS_KEPT = '(expires_at_ms IS NULL OR expires_at_ms > clock_ms())';
/** The clock is read once, so that an index can answer. */
const IS_OVER = 'expires_at_ms <= (SELECT clock_ms())';
const TASK_COLUMNS = 's.key, s.value, s.updated_at_ms, s.expires_at_ms';
const ASSET_COLUMNS = 's.key, s.value, s.updated_at_ms, s.written_by';
const hashOf = (parameter: number): string => `encode(sha256(convert_to($${parameter}, 'UTF8')), 'hex')`;

/** Beside the rows of a page how many there are, also where the page is behind the last of them. */
const counted = (from: string, limitParameter: number, order = 'key'): string =>
  `(SELECT count(*) AS total FROM ${from}) c LEFT JOIN LATERAL (SELECT * FROM ${from} ORDER BY ${order} LIMIT $${limitParameter} OFFSET $${limitParameter + 1}) s ON true ORDER BY ${order}`;

const ofTask = ({ dagId, runId, taskId, mapIndex }: TaskStateScope): readonly unknown[] => [dagId, runId, taskId, mapIndex];

interface Counted {
  readonly total: string;
  /** null: the page is empty. */
  readonly key: string | null;
}

interface TaskRow {
  readonly key: string;
  readonly value: Json;
  readonly updated_at_ms: string;
  readonly expires_at_ms: string | null;
}

interface AssetRow {
  readonly key: string;
  readonly value: Json;
  readonly updated_at_ms: string;
  readonly written_by: StateWriter;
}

const taskEntry = ({ key, value, updated_at_ms: at, expires_at_ms: expires }: TaskRow): TaskStateEntry => ({ key, value, updatedAtMs: Number(at), expiresAtMs: expires === null ? null : Number(expires) });
const assetEntry = ({ key, value, updated_at_ms: at, written_by: writtenBy }: AssetRow): AssetStateEntry => ({ key, value, updatedAtMs: Number(at), writtenBy });

function pageOf<Row extends Counted, Entry>(rows: readonly Row[], entryOf: (row: Row & { readonly key: string }) => Entry): StatePage<Entry> {
  return { entries: rows.filter((row): row is Row & { readonly key: string } => row.key !== null).map(entryOf), total: Number(rows[0]?.total ?? 0) };
}
