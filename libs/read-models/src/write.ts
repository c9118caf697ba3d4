import { BACKFILL_COLUMNS, type BackfillRow } from './fold-backfill.ts';
import type { RunChanges } from './fold-run.ts';
import type { DagRow, DagVersionRow, ImportErrorRow, Reason, RunRow } from './row.ts';
import { arrayLiteral, DAG_COLUMNS, HUMAN_INPUT_COLUMNS, IMPORT_ERROR_COLUMNS, recordset, storable, storableJson, TRY_COLUMNS, type Queryable } from './sql.ts';
import { stateChar } from './state-code.ts';

/** All rows that one batch changed; each is written once, in one statement a table. */
export interface BatchChanges {
  readonly dags: readonly DagRow[];
  readonly versions: readonly DagVersionRow[];
  readonly runs: readonly RunChanges[];
  /** Keys of runs of which nothing is to be left. */
  readonly erased: readonly number[];
  readonly files: readonly ImportErrorRow[];
  readonly backfills: readonly BackfillRow[];
  readonly stopped: readonly { readonly streamId: string; readonly expected: number; readonly found: number; readonly atMs: number }[];
}

type Run = (text: string, values: unknown[]) => void;
type Upsert = (table: string, key: readonly string[], columns: readonly string[], rows: readonly object[]) => void;

/** `schema` is `rm`, or the one that a rebuild fills. */
export async function writeChanges(db: Queryable, schema: string, changes: BatchChanges): Promise<void> {
  const statements: { readonly text: string; readonly values: unknown[] }[] = [];
  const run: Run = (text, values) => void statements.push({ text, values });
  const upsert: Upsert = (table, key, columns, rows) => {
    if (rows.length === 0) return;
    const updates = columns.filter((column) => !key.includes(column)).map((column) => `"${column}" = EXCLUDED."${column}"`);
    run(
      `INSERT INTO ${schema}.${table} SELECT * FROM json_populate_recordset(NULL::${schema}.${table}, $1::json)
       ON CONFLICT (${key.join(', ')}) DO UPDATE SET ${updates.join(', ')}`,
      [recordset(rows)],
    );
  };

  upsert('dags', ['dag_id'], DAG_COLUMNS, changes.dags);
  upsert('dag_versions', ['dag_id', 'dag_version'], ['plan_hash', 'bundle_hash', 'file', 'created_at_ms'], changes.versions);
  upsert('import_errors', ['file'], IMPORT_ERROR_COLUMNS, changes.files);
  upsert('backfills', ['backfill_key'], BACKFILL_COLUMNS, changes.backfills);
  upsert('stopped_streams', ['stream_id'], ['expected', 'found', 'at_ms'], changes.stopped);

  const fresh = changes.runs.filter((change) => change.isNew).map((change) => change.run);
  if (fresh.length > 0) {
    run(`INSERT INTO ${schema}.dag_runs SELECT * FROM json_populate_recordset(NULL::${schema}.dag_runs, $1::json)`, [recordset(fresh)]);
  }
  const known = changes.runs.filter((change) => !change.isNew).map((change) => changingPart(change.run));
  if (known.length > 0) run(UPDATE_RUNS(schema), [recordset(known)]);

  writeInstances(run, schema, changes.runs);
  upsert(
    'task_tries',
    ['run_key', 'task_id', 'map_index', 'try_number'],
    TRY_COLUMNS,
    changes.runs.flatMap((change) => change.tries.map((row) => ({ runKey: change.run.runKey, ...row, state: stateChar(row.state) }))),
  );
  writeHumanInputs(run, upsert, schema, changes.runs);
  writeXComs(run, upsert, schema, changes.runs);
  if (changes.erased.length > 0) for (const table of ['xcom_entries', 'set_xcoms', 'human_inputs', 'task_tries', 'task_instances', 'dag_runs']) run(`DELETE FROM ${schema}.${table} WHERE run_key = ANY ($1::bigint[])`, [[...changes.erased]]);
  for (const statement of statements) await db.query(statement);
}

/** What of a run changes after its first event: the rest, a large `conf` among it, is not written again. */
const changingPart = (run: RunRow): Partial<RunRow> => ({
  runKey: run.runKey, version: run.version, state: run.state, queuedAtMs: run.queuedAtMs, startedAtMs: run.startedAtMs, endedAtMs: run.endedAtMs,
  failureReason: run.failureReason, note: run.note, planHash: run.planHash, dagVersion: run.dagVersion, bundleHash: run.bundleHash,
  states: run.states, mapped: run.mapped, counts: run.counts, updatedAtMs: run.updatedAtMs,
});

const UPDATE_RUNS = (schema: string): string => `
  UPDATE ${schema}.dag_runs t
  SET version = s.version, state = s.state, queued_at_ms = s.queued_at_ms, started_at_ms = s.started_at_ms, ended_at_ms = s.ended_at_ms,
      failure_reason = s.failure_reason, note = s.note, plan_hash = s.plan_hash, dag_version = s.dag_version, bundle_hash = s.bundle_hash,
      states = s.states, mapped = s.mapped, counts = s.counts, updated_at_ms = s.updated_at_ms
  FROM json_populate_recordset(NULL::${schema}.dag_runs, $1::json) s
  WHERE t.run_key = s.run_key`;

function writeInstances(run: Run, schema: string, runs: readonly RunChanges[]): void {
  const dropped = runs.flatMap((change) => change.dropped.map((ref) => ({ runKey: change.run.runKey, ...ref })));
  if (dropped.length > 0) {
    run(
      `DELETE FROM ${schema}.task_instances t USING json_populate_recordset(NULL::${schema}.task_instances, $1::json) s
       WHERE t.run_key = s.run_key AND t.task_id = s.task_id AND t.map_index = s.map_index`,
      [recordset(dropped)],
    );
  }
  const columns: (string | number | null)[][] = INSTANCE_TYPES.map(() => []);
  for (const change of runs) {
    for (const row of change.instances) {
      const values = [
        change.run.runKey, row.taskId, row.mapIndex, stateChar(row.state), row.tryNumber, row.maxTries, row.epoch, row.scheduledAtMs, row.queuedAtMs,
        row.startedAtMs, row.endedAtMs, row.nextAtMs, row.worker, row.pid, reasonText(row.reason),
        row.note === null ? null : storable(row.note), row.renderedMapIndex === null ? null : storable(row.renderedMapIndex),
      ];
      for (let at = 0; at < values.length; at += 1) (columns[at] as (string | number | null)[]).push(values[at] as string | number | null);
    }
  }
  if (columns[0]?.length === 0) return;
  run(UPSERT_INSTANCES(schema), columns.map(arrayLiteral));
}

/** Of one try the newest request stands, should one batch hold several. */
function writeHumanInputs(run: Run, upsert: Upsert, schema: string, runs: readonly RunChanges[]): void {
  const key = ['run_key', 'task_id', 'map_index', 'try_number'] as const;
  const asked = runs.flatMap((change) => change.asked.map((row) => ({ runKey: change.run.runKey, ...row })));
  upsert('human_inputs', key, HUMAN_INPUT_COLUMNS, [...new Map(asked.map((row) => [`${row.runKey}/${row.taskId}/${row.mapIndex}/${row.tryNumber}`, row])).values()]);
  const answered = runs.flatMap((change) =>
    change.answered.map(({ by, atMs, ...row }) => ({ runKey: change.run.runKey, ...row, respondedBy: by, respondedAtMs: atMs })));
  if (answered.length === 0) return;
  run(
    `UPDATE ${schema}.human_inputs t
     SET responded_at_ms = s.responded_at_ms, chosen_options = s.chosen_options, params_input = s.params_input, responded_by = s.responded_by
     FROM json_populate_recordset(NULL::${schema}.human_inputs, $1::json) s
     WHERE ${key.map((column) => `t.${column} = s.${column}`).join(' AND ')}`,
    [recordset(answered)],
  );
}

function writeXComs(run: Run, upsert: Upsert, schema: string, runs: readonly RunChanges[]): void {
  const of = <Row extends object>(rows: (change: RunChanges) => readonly Row[]) => runs.flatMap((change) => rows(change).map((row) => ({ runKey: change.run.runKey, ...row })));
  const cleared = of((change) => change.cleared);
  for (const table of cleared.length === 0 ? [] : ['xcom_entries', 'set_xcoms']) forget(run, schema, table, ['run_key', 'task_id', 'map_index'], cleared);
  for (const [table, key, rows] of [
    ['xcom_entries', ['run_key', 'task_id', 'map_index'], of((change) => change.xcoms.map(({ key: _, ...row }) => row))],
    ['set_xcoms', ['run_key', 'task_id', 'map_index', 'key'], of((change) => change.setXComs)],
  ] as const) {
    const gone = rows.filter(({ result }) => result === null);
    if (gone.length > 0) forget(run, schema, table, key, gone.map(({ result: _, atMs: __, ...ref }) => ref));
    upsert(table, key, ['result', 'at_ms'], rows.filter(({ result }) => result !== null));
  }
}

function forget(run: Run, schema: string, table: string, key: readonly string[], rows: readonly object[]): void {
  const same = key.map((column) => `t.${column} = s.${column}`).join(' AND ');
  run(`DELETE FROM ${schema}.${table} t USING json_populate_recordset(NULL::${schema}.${table}, $1::json) s WHERE ${same}`, [recordset(rows)]);
}

const reasonText = (reason: Reason | null): string | null => (reason === null ? null : JSON.stringify(storableJson(reason)));

const INSTANCE_TYPES = [
  'bigint', 'text', 'int', 'text', 'int', 'int', 'bigint', 'bigint', 'bigint', 'bigint', 'bigint', 'bigint', 'text', 'int', 'jsonb', 'text', 'text',
] as const;

const UPSERT_INSTANCES = (schema: string): string => `
  INSERT INTO ${schema}.task_instances
  SELECT * FROM unnest(${INSTANCE_TYPES.map((type, at) => `$${at + 1}::${type}[]`).join(', ')})
  ON CONFLICT (run_key, task_id, map_index) DO UPDATE SET
    state = EXCLUDED.state, try_number = EXCLUDED.try_number, max_tries = EXCLUDED.max_tries, epoch = EXCLUDED.epoch,
    scheduled_at_ms = EXCLUDED.scheduled_at_ms, queued_at_ms = EXCLUDED.queued_at_ms, started_at_ms = EXCLUDED.started_at_ms,
    ended_at_ms = EXCLUDED.ended_at_ms, next_at_ms = EXCLUDED.next_at_ms, worker = EXCLUDED.worker, pid = EXCLUDED.pid,
    reason = EXCLUDED.reason, note = EXCLUDED.note, rendered_map_index = EXCLUDED.rendered_map_index`;
