import { rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startProduct, type Product } from '../harness/product.ts';

const ROOT = process.env['DAGBOOK_ROOT'] ?? process.cwd();
const DAGS = join(ROOT, 'dags');
/** Of `dags/examples/asset_with_watchers.ts`. */
const WATCHED_FILE = '/tmp/dagbook_example_asset';

/** What each task of a run came to, `task` or `task[2]`; all others must have ended in success. */
const ENDS: readonly (readonly [dagId: string, run: string, tasks: { readonly [task: string]: string }])[] = [
  ['example_simplest_dag', 'success', {}],
  ['example_bash_operator', 'success', { this_will_skip: 'skipped', run_this_last: 'skipped' }],
  ['example_bash_decorator', 'success', { this_will_skip: 'skipped', sleep_in: '*' }],
  ['example_branch_labels', 'success', {}],
  ['example_complex', 'success', {}],
  ['example_dynamic_task_mapping', 'success', {}],
  ['example_task_mapping_second_order', 'success', {}],
  ['example_task_group_mapping', 'success', {}],
  ['example_nested_branch_dag', 'success', { false_1: 'skipped', branch_2: 'skipped', true_2: 'skipped', false_2: 'skipped', join_2: 'skipped', false_3: 'skipped' }],
  ['example_short_circuit_operator', 'success', { false_1: 'skipped', false_2: 'skipped', task_4: 'skipped', task_6: 'skipped' }],
  ['example_setup_teardown', 'success', {}],
  ['example_setup_teardown_taskflow', 'success', {}],
  ['setup_teardown_of_what_failed', 'failed', { 'section_1.normal': 'failed' }],
  ['example_task_group_decorator', 'success', {}],
  ['example_params_trigger_ui', 'success', {}],
  ['example_sensors', 'success', {
    timeout_after_second_date_in_the_future: 'skipped', timeout_after_second_date_in_the_future_async: 'skipped', Sensor_fails_after_3_seconds: 'skipped', failure_timeout_sensor_python: 'skipped',
    week_day_sensor_failing_on_timeout: '*',
  }],
  ['example_xcom', 'success', {}],
  ['xcom_large', 'success', {}],
  ['operators_python', 'success', {}],
  ['tutorial_taskflow_templates', 'success', {}],
  ['templates_in_operators', 'success', {}],
  ['example_trigger_controller_dag', 'success', {}],
  ['example_external_task', 'success', {}],
  ['example_time_delta_sensor_async', 'success', {}],
  ['deferred_tasks', 'success', {}],
  ['example_deadline_alert', 'success', {}],
  ['example_deadline_callback', 'success', {}],
  ['example_failed_dag', 'failed', { fail_task: 'failed' }],
];

/** Of a task that the day decides. */
const isAny = (state: string | undefined): boolean => state === '*';

interface Dags { readonly dags: readonly { readonly dag_id: string }[] }
interface Callbacks { readonly callbacks: readonly { readonly callback: number; readonly name: string; readonly state: string }[] }
interface Log { readonly content: readonly { readonly event: string }[] }
interface Instances { readonly task_instances: readonly { readonly task_id: string; readonly map_index: number; readonly state: string }[] }

const dagIds = async (product: Product): Promise<string[]> => {
  const pages = await Promise.all([0, 100].map((offset) => product.api<Dags>('GET', `/api/v2/dags?limit=100&offset=${offset}`)));
  return pages.flatMap(({ dags }) => dags.map(({ dag_id }) => dag_id));
};

/** Asked again until it holds; the test's time limit is the only clock in it. */
const PATIENCE = { interval: 20, timeout: 60_000 };

describe('npm start -- --examples', () => {
  let product: Product;
  beforeAll(async () => {
    rmSync(WATCHED_FILE, { force: true });
    product = await startProduct({ shape: 'standalone', dagsDir: DAGS, args: ['--examples'] });
  });
  afterAll(async () => {
    rmSync(WATCHED_FILE, { force: true });
    await product.stop();
  });

  it('knows them, and begins a run of each', async () => {
    await expect.poll(() => dagIds(product), PATIENCE).toEqual(expect.arrayContaining(ENDS.map(([dagId]) => dagId)));
    const dated = { example_external_task: '2026-01-05T00:00:00Z' } as { readonly [dagId: string]: string };
    for (const [dagId] of ENDS) await product.api('POST', `/api/v2/dags/${dagId}/dagRuns`, { dag_run_id: 'asked', logical_date: dated[dagId] ?? null });
  });

  it.each(ENDS)('%s ends as in Airflow: %s', async (dagId, end, others) => {
    const stateOf = async (): Promise<string> => (await product.api<{ state: string }>('GET', `/api/v2/dags/${dagId}/dagRuns/asked`)).state;
    await expect.poll(stateOf, PATIENCE).toMatch(/success|failed/);
    const { task_instances: instances } = await product.api<Instances>('GET', `/api/v2/dags/${dagId}/dagRuns/asked/taskInstances?limit=100`);
    const states = Object.fromEntries(instances.map(({ task_id: id, map_index: index, state }) => [`${id}${index < 0 ? '' : `[${index}]`}`, isAny(others[id]) ? '*' : state]));
    expect({ state: await stateOf(), states }).toEqual({ state: end, states: { ...Object.fromEntries(Object.keys(states).map((task) => [task, 'success'])), ...others } });
  });

  it('hands a run of another DAG what it is told, once', async () => {
    const { rows } = await product.db.query<{ conf: object; by: string; user: string }>(
      `SELECT data->'conf' AS conf, data->>'triggeredBy' AS by, data->>'triggeringUser' AS user FROM events WHERE type = 'RunCreated' AND stream_id LIKE 'run-example_trigger_target_dag/%'
       AND data->>'conf' <> '{}'`,
    );
    // `@once` has its run of the controller too.
    expect(rows.length).toBeGreaterThan(0);
    expect(rows).toEqual(rows.map(() => ({ conf: { message: 'Hello World' }, by: 'operator', user: 'example_trigger_controller_dag.test_trigger_dagrun' })));
    const { rows: [controllers] } = await product.db.query<{ n: number }>(
      `SELECT count(*)::int AS n FROM events WHERE type = 'TaskSucceeded' AND data->>'taskId' = 'test_trigger_dagrun'`,
    );
    expect(rows).toHaveLength(controllers?.n ?? -1);
  });

  it.each<[dagId: string, callbacks: readonly (readonly [name: string, lines: readonly string[]])[]]>([
    ['example_deadline_alert', []],
    ['example_deadline_callback', [
      ['onMissed', ['example_deadline_callback asked was to be done at once']], ['onMissed', ['example_deadline_callback: at once was missed']], ['onSuccess', ['late, and a success all the same']],
    ]],
    ['example_failed_dag', [['onFailure', ['failed: fail_task']]]],
  ])('%s tells of it, each in a log of its own', async (dagId, expected) => {
    const path = `/ui/dags/${dagId}/dagRuns/asked/callbacks`;
    const list = async (): Promise<Callbacks['callbacks']> => (await product.api<Callbacks>('GET', path)).callbacks;
    await expect.poll(async () => (await list()).map(({ state }) => state), PATIENCE).toEqual(expected.map(() => 'success'));
    const linesOf = async (callback: number): Promise<string[]> => (await product.api<Log>('GET', `${path}/${callback}/log`)).content.map(({ event }) => event);
    await expect.poll(async () => Promise.all((await list()).map(async ({ callback, name }) => [name, await linesOf(callback)])), PATIENCE).toEqual(expected);
  });

  it('makes a run of each time that a watched file is written, once', async () => {
    const runs = async () => (await product.api<{ dag_runs: readonly { run_type: string; state: string }[] }>('GET', '/api/v2/dags/example_asset_with_watchers/dagRuns')).dag_runs.map(({ run_type: type, state }) => `${type} ${state}`);
    const watched = async () => (await product.api<{ watchers: readonly { worker: string | null; last: string | null; failures: number; key: string }[] }>('GET', '/ui/dags/example_asset_with_watchers/watchers')).watchers[0];
    await expect.poll(async () => (await watched())?.worker, PATIENCE).toMatch(/./);
    for (const [count, text] of [[1, 'one'], [2, 'two and more']] as const) {
      writeFileSync(WATCHED_FILE, text);
      await expect.poll(runs, PATIENCE).toEqual(Array.from({ length: count }, () => 'asset_triggered success'));
    }
    const { rows } = await product.db.query<{ bytes: number }>("SELECT data->'result'->'value'->0 AS bytes FROM events WHERE type = 'TaskSucceeded' AND stream_id LIKE 'run-example_asset_with_watchers/%' ORDER BY pos");
    expect(rows).toEqual([{ bytes: 3 }, { bytes: 12 }]);
    const { key, last, failures } = (await watched())!;
    expect([last, failures]).toEqual([statSync(WATCHED_FILE).mtime.toISOString(), 0]);
    const lines = async () => (await product.api<Log>('GET', `/ui/dags/example_asset_with_watchers/watchers/${key}/log`)).content.map(({ event }) => event);
    await expect.poll(lines, PATIENCE).toContain(`${WATCHED_FILE} was written`);
  });

  it('waits for the run of the same logical date', async () => {
    const runs = (dagId: string) => `/api/v2/dags/example_external_task_marker_${dagId}/dagRuns`;
    const asked = { dag_run_id: 'same', logical_date: '2026-01-05T00:00:00Z' };
    await product.api('POST', runs('child'), asked);
    const stateOf = async (): Promise<string | null> =>
      (await product.api<{ state: string | null }>('GET', `${runs('child')}/same/taskInstances/child_task1`)).state;
    await expect.poll(stateOf, PATIENCE).toBe('up_for_reschedule');
    await product.api('POST', runs('parent'), asked);
    await expect.poll(async () => (await product.api<{ state: string }>('GET', `${runs('child')}/same`)).state, PATIENCE).toBe('success');
  });

  it('runs who waits for an asset once for what was updated, and who waits for two when both were', async () => {
    const runs = (dagId: string) => `/api/v2/dags/${dagId}/dagRuns`;
    const runsOf = async (dagId: string): Promise<readonly { readonly run_type: string; readonly state: string }[]> =>
      (await product.api<{ dag_runs: readonly { run_type: string; state: string }[] }>('GET', runs(dagId))).dag_runs.map(({ run_type, state }) => ({ run_type, state }));
    const done = { run_type: 'asset_triggered', state: 'success' };
    await expect.poll(async () => (await product.db.query(`SELECT 1 FROM events WHERE type = 'AssetScheduleSet' AND stream_id LIKE 'asset-queue-%consume%\\_1%'`)).rowCount, PATIENCE).toBeGreaterThanOrEqual(4);
    await product.api('POST', runs('asset_produces_1'), { dag_run_id: 'made', logical_date: null });
    await expect.poll(() => runsOf('asset_consumes_1'), PATIENCE).toEqual([done]);
    await expect.poll(() => runsOf('consume_1_or_2_with_asset_expressions'), PATIENCE).toEqual([done]);
    expect(await runsOf('asset_consumes_1_and_2')).toEqual([]);
    await product.api('POST', runs('asset_produces_2'), { dag_run_id: 'made', logical_date: null });
    await expect.poll(() => runsOf('asset_consumes_1_and_2'), PATIENCE).toEqual([done]);
    await expect.poll(() => runsOf('consume_1_or_2_with_asset_expressions'), PATIENCE).toEqual([done, done]);
    expect(await runsOf('asset_consumes_1')).toEqual([done]);
    const { rows } = await product.db.query<{ task: string; value: unknown }>(
      `SELECT data->>'taskId' AS task, data->'result'->'value' AS value FROM events WHERE type = 'TaskSucceeded' AND stream_id LIKE 'run-asset_consumes_1%' AND data->>'taskId' IN ('consuming_1', 'consuming_2') ORDER BY 1`,
    );
    const made = [{ uri: 's3://dag1/output_1.txt', rows: 42 }, { uri: 's3://dag2/output_1.txt', rows: null }];
    expect(rows).toEqual([{ task: 'consuming_1', value: made.slice(0, 1) }, { task: 'consuming_2', value: made }]);
  });

  it('clears the child with the marker of its parent, as the dry run shows', async () => {
    const clear = (dryRun: boolean) => product.api<Instances>('POST', '/api/v2/dags/example_external_task_marker_parent/clearTaskInstances', { dag_run_id: 'same', task_ids: ['parent_task'], only_failed: false, dry_run: dryRun });
    expect((await clear(true)).task_instances.map(({ task_id: taskId }) => taskId)).toEqual(['parent_task', 'child_task1', 'child_task2', 'child_task3']);
    await clear(false);
    const runOf = (dagId: string) => `/api/v2/dags/example_external_task_marker_${dagId}/dagRuns/same`;
    for (const dagId of ['parent', 'child']) await expect.poll(async () => (await product.api<{ state: string }>('GET', runOf(dagId))).state, PATIENCE).toBe('success');
    expect((await product.api<{ try_number: number }>('GET', `${runOf('child')}/taskInstances/child_task1`)).try_number).toBe(2);
  });

  it('sums what was mapped to 9', async () => {
    const { rows } = await product.db.query<{ sum: number }>(
      `SELECT data->'result'->'value' AS sum FROM events WHERE stream_id = $1 AND type = 'TaskSucceeded' AND data->>'taskId' = 'sum_it'`,
      ['run-example_dynamic_task_mapping/asked'],
    );
    expect(rows).toEqual([{ sum: 9 }]);
  });
});

describe('npm start', () => {
  it('leaves the examples out', async () => {
    const product = await startProduct({ shape: 'standalone', dagsDir: DAGS });
    try {
      await expect.poll(() => dagIds(product), PATIENCE).toContain('seattle_weather');
      expect(await dagIds(product)).toEqual(['seattle_weather']);
    } finally {
      await product.stop();
    }
  });
});
