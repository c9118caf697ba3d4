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

/** Their templates, or the other DAG, want a logical date. */
const DATED = ['example_bash_decorator', 'example_external_task', 'templates_in_operators'];

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
    for (const [dagId] of ENDS) await product.api('POST', `/api/v2/dags/${dagId}/dagRuns`, { dag_run_id: 'asked', logical_date: DATED.includes(dagId) ? '2026-01-05T00:00:00Z' : null });
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
    /** Who took what the run `made` of this DAG has updated; the DAG may have had runs by its schedule before. */
    const takers = async (dagId: string): Promise<readonly string[]> => {
      const { asset_events: events } = await product.api<{ asset_events: readonly { created_dagruns: readonly { dag_id: string }[] }[] }>('GET', `/api/v2/assets/events?source_dag_id=${dagId}&source_run_id=made`);
      return events.flatMap(({ created_dagruns: taken }) => taken.map(({ dag_id: taker }) => taker)).sort();
    };
    await expect.poll(async () => (await product.db.query(`SELECT 1 FROM events WHERE type = 'AssetScheduleSet' AND data->'schedule'->>'condition' LIKE '%s3://dag1/%'`)).rowCount, PATIENCE).toBe(7);
    await product.api('POST', runs('asset_produces_1'), { dag_run_id: 'made', logical_date: null });
    const atOnce = ['asset_consumes_1', 'consume_1_or_2_with_asset_expressions', 'consume_1_or_both_2_and_3_with_asset_expressions'];
    await expect.poll(() => takers('asset_produces_1'), PATIENCE).toEqual(atOnce);
    await product.api('POST', runs('asset_produces_2'), { dag_run_id: 'made', logical_date: null });
    const both = ['asset_consumes_1_and_2', 'conditional_asset_and_time_based_timetable', 'consume_1_and_2_with_asset_expressions'];
    await expect.poll(() => takers('asset_produces_2'), PATIENCE).toEqual([...both, 'consume_1_or_2_with_asset_expressions']);
    expect(await takers('asset_produces_1')).toEqual([...both, ...atOnce].sort());
    const found = async () => (await product.db.query<{ value: readonly { uri: string }[] }>(`SELECT data->'result'->'value' AS value FROM events WHERE type = 'TaskSucceeded' AND data->>'taskId' = 'consuming_2'`)).rows.map(({ value }) => [...new Set(value.map(({ uri }) => uri))].sort());
    await expect.poll(found, PATIENCE).toEqual([['s3://dag1/output_1.txt', 's3://dag2/output_1.txt']]);
  });

  it('finds an asset through its alias when the task runs, and tells a task what its inlets were told', async () => {
    const run = (dagId: string) => product.api('POST', `/api/v2/dags/${dagId}/dagRuns`, { dag_run_id: 'extra', logical_date: null });
    const result = async (taskId: string) => (await product.db.query<{ value: unknown }>(`SELECT data->'result'->'value' AS value FROM events WHERE type = 'TaskSucceeded' AND data->>'taskId' = $1 ORDER BY pos DESC LIMIT 1`, [taskId])).rows[0]?.value;
    await run('asset_alias_example_alias_producer');
    await expect.poll(() => result('consume_asset_event_from_asset_alias'), PATIENCE).toEqual(['s3://bucket/my-task']);
    await expect.poll(() => result('consume_asset_event'), PATIENCE).toBe(1);
    await run('asset_with_extra_by_context');
    await expect.poll(async () => (await product.api<{ total_entries: number }>('GET', '/api/v2/assets/events?source_dag_id=asset_with_extra_by_context&source_run_id=extra')).total_entries, PATIENCE).toBe(1);
    await run('read_asset_event');
    await expect.poll(async () => new Set((await result('read_asset_event')) as string[] | undefined), PATIENCE).toEqual(new Set(['bye']));
    const { assets } = await product.api<{ assets: readonly { id: number; name: string; uri: string }[] }>('GET', '/api/v2/assets?name_pattern=test-asset');
    expect(assets).toMatchObject([{ name: 'test-asset', uri: 's3://output/1.txt', group: 'asset' }]);
    expect(await product.api('GET', '/api/v2/assets/1')).toMatchObject({ id: 1 });
  });

  it('runs who waits for partitions once for each key that its mapper makes, code of its own among them', async () => {
    const runs = (dagId: string) => `/api/v2/dags/${dagId}/dagRuns`;
    const keysOf = async (dagId: string): Promise<(string | null)[]> =>
      (await product.api<{ dag_runs: readonly { partition_key: string | null; state: string }[] }>('GET', `${runs(dagId)}?order_by=id`)).dag_runs.map(({ partition_key: key, state }) => (state === 'success' ? key : null));
    const waits = ['segment_region_stats_rollup', 'summarize_live_region_stats', 'scatter_live_region_to_segments', 'regional_stats_breakdown', 'example_asset_partition_custom_mapper'];
    await expect.poll(async () => (await product.db.query(`SELECT 1 FROM events WHERE type = 'AssetScheduleSet' AND stream_id = ANY ($1)`, [waits.map((dagId) => `asset-queue-${dagId}`)])).rowCount, PATIENCE).toBe(waits.length);
    for (const dagId of ['multi_region_player_stats', 'live_region_player_stats']) await product.api('POST', runs(dagId), { logical_date: null });
    for (const key of ['us', 'mars']) expect(await product.api('POST', runs('ingest_region_stats'), { logical_date: null, partition_key: key })).toMatchObject({ partition_key: key });
    for (const key of ['eu::daily-sales', 'us::daily-sales']) await product.api('POST', '/api/v2/assets/events', { uri: 's3://sales/by-region', partition_key: key });
    await expect.poll(() => keysOf('segment_region_stats_rollup'), PATIENCE).toEqual(['all_regions']);
    await expect.poll(() => keysOf('summarize_live_region_stats'), PATIENCE).toEqual(['us']);
    await expect.poll(() => keysOf('scatter_live_region_to_segments'), PATIENCE).toEqual(['us', 'eu', 'apac']);
    await expect.poll(() => keysOf('regional_stats_breakdown'), PATIENCE).toEqual(['us']);
    const { rows } = await product.db.query<{ told: string[] }>("SELECT jsonb_path_query_array(data::jsonb, '$.assetEvents[*].partitionKey') AS told FROM events WHERE type = 'RunCreated' AND stream_id LIKE 'run-segment_region_stats_rollup/%'");
    expect(rows).toEqual([{ told: ['us', 'eu', 'apac'] }]);
    // Two updates of one key make one run or two, as the second comes before the first is taken or after; each is taken once.
    const told = async () => (await product.db.query<{ told: string[] }>("SELECT jsonb_path_query_array(data::jsonb, '$.assetEvents[*].partitionKey') AS told FROM events WHERE type = 'RunCreated' AND data->>'partitionKey' = 'daily-sales' AND stream_id LIKE 'run-example_asset_partition_custom_mapper/%' ORDER BY pos")).rows.flatMap((row) => row.told);
    await expect.poll(told, PATIENCE).toEqual(['eu::daily-sales', 'us::daily-sales']);
    await expect(product.api('POST', runs('example_simplest_dag'), { logical_date: null, partition_key: 'us' })).rejects.toThrow(/makes no partitions/);
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
