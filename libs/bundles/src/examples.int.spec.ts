import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { DagDefinition } from '@dagbook/domain';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ParsedFile } from './index.ts';
import { buildSdk, BundleScanner } from './index.ts';

const EXAMPLES = new URL('../../../dags/examples', import.meta.url).pathname;

interface End {
  readonly run?: 'failed';
  /** A task that is not named ends in success. */
  readonly tasks?: { readonly [taskId: string]: string };
  /** What tasks answer that would need the network. */
  readonly mocks?: { readonly [taskId: string]: unknown };
  readonly answers?: { readonly [taskId: string]: object };
  readonly params?: object;
}

const skipped = (...taskIds: readonly string[]) => Object.fromEntries(taskIds.map((taskId) => [taskId, 'skipped']));
const ways = (...prefixes: readonly string[]) => prefixes.flatMap((prefix) => ['a', 'c', 'd'].map((way) => `${prefix}_${way}`));

/** Ends of Airflow's example DAGs and of those that are only ours. */
const ENDS: { readonly [dagId: string]: End } = {
  example_simplest_dag: {},
  example_bash_operator: { tasks: { this_will_skip: 'skipped', run_this_last: 'skipped' } },
  example_bash_decorator: { tasks: { this_will_skip: 'skipped', sleep_in: 'skipped' } },
  tutorial_taskflow_api: {},
  tutorial_taskflow_api_virtualenv: { mocks: { extract: { 1001: 301.27 } } },
  tutorial_objectstorage: { mocks: { get_air_quality_data: {}, store: { key: 'air_quality.json' }, read: { hourly: { time: ['2026-01-05T00:00'], pm10: [7] } } } },
  example_branch_labels: {},
  // The fifth of a month: `b`.
  example_branch_operator: { mocks: { branching_venv: 'b', venv_b: null }, tasks: skipped(...ways('branch', 'follow', 'ext_py', 'venv')) },
  example_branch_python_operator_decorator: { mocks: { branching_virtualenv: 'b', venv_b: null }, tasks: skipped(...ways('branch', 'follow', 'ext_py', 'venv')) },
  // A Monday.
  example_weekday_branch_operator: { tasks: skipped('branch_false', 'make_weekend_choice', 'branch_weekend', 'branch_mid_week') },
  example_short_circuit_operator: { tasks: skipped('false_1', 'false_2', 'task_4', 'task_6') },
  example_short_circuit_decorator: { tasks: skipped('false_1', 'false_2', 'task_4', 'task_6') },
  example_skip_dag: { tasks: skipped('skip_operator_1', 'all_success', 'final_1', 'skip_operator_2') },
  latest_only_with_trigger: {},
  example_setup_teardown: {},
  setup_teardown_of_what_failed: { run: 'failed', tasks: { 'section_1.normal': 'failed' } },
  example_setup_teardown_taskflow: {},
  example_dynamic_task_mapping: {},
  example_task_mapping_second_order: {},
  example_task_group_mapping: {},
  example_task_group: {},
  example_task_group_decorator: {},
  example_complex: {},
  example_custom_weight: {},
  example_dag_decorator: { mocks: { get_ip: { origin: '192.0.2.1' } } },
  latest_only: {},
  example_measurement_correction_decorator: {},
  example_measurement_correction_operator: {},
  example_nested_branch_dag: { tasks: skipped('false_1', 'branch_2', 'true_2', 'false_2', 'join_2', 'false_3') },
  example_params_trigger_ui: {},
  example_params_ui_tutorial: { params: { required_field: 'ten letters' } },
  example_sensor_decorator: {},
  example_sensors: {
    tasks: skipped('timeout_after_second_date_in_the_future', 'timeout_after_second_date_in_the_future_async', 'Sensor_fails_after_3_seconds', 'failure_timeout_sensor_python'),
  },
  example_trigger_rules: {
    run: 'failed',
    tasks: {
      fails: 'failed', skips: 'skipped', all_success: 'upstream_failed', all_failed: 'skipped', all_done_min_one_success: 'skipped', all_skipped: 'skipped',
      none_failed: 'upstream_failed', none_failed_min_one_success: 'upstream_failed', none_skipped: 'skipped',
    },
  },
  example_hitl_operator: {
    answers: {
      wait_for_input: { chosen: 'OK', params: { information: 'all' } }, wait_for_option: { chosen: 'option 2' }, wait_for_multiple_options: { chosen: ['option 4', 'option 6'] },
      valid_input_and_options: { chosen: 'Approve' }, choose_a_branch_to_run: { chosen: 'task_1' },
    },
    tasks: skipped('task_2', 'task_3'),
  },
  example_xcom: {},
  xcom_large: {},
  operators_python: {},
  example_display_name: {},
  example_markdown_doc: {},
  example_python_operator: { mocks: { virtualenv_python: null } },
  example_python_decorator: { mocks: { virtualenv_python: null } },
  tutorial: {},
  tutorial_dag: {},
  tutorial_taskflow_templates: {},
  templates_in_operators: {},
  example_branch_datetime_operator: { tasks: skipped('date_in_range') },
  example_branch_datetime_operator_2: { tasks: skipped('date_in_range') },
  example_branch_datetime_operator_3: { tasks: skipped('date_in_range') },
  example_branch_dop_operator_v3: { tasks: skipped('empty_task_2') },
  example_dynamic_task_mapping_with_no_taskflow_operators: {},
  stakeholder_report_finance: {},
  stakeholder_report_marketing: {},
  example_multi_type_params: {},
  example_task_state_store: {},
  example_task_state_store_async: {},
  example_task_state_store_mapped: {},
  example_asset_state_store_producer: {},
  example_asset_state_store_consumer: {},
  example_retry_policy: {},
  retry_policy_denied: { tasks: { call_external_api: 'failed' } },
  example_asset_with_watchers: {},
  example_deadline_alert: {},
  example_deadline_callback: {},
  example_xcom_args: {},
  example_xcom_args_with_operators: {},
  example_passing_params_via_test_command: {},
  example_trigger_controller_dag: {},
  example_trigger_target_dag: {},
  example_external_task_marker_parent: {},
  example_external_task_marker_child: {},
  child_dag: {},
  example_external_task: {},
  example_workday_timetable: {},
  example_time_delta_sensor_async: {},
  deferred_tasks: {},
  asset_produces_1: {},
  asset_produces_2: {},
  asset_consumes_1: {},
  asset_consumes_1_and_2: {},
  asset_consumes_1_never_scheduled: {},
  asset_consumes_unknown_never_scheduled: {},
  consume_1_and_2_with_asset_expressions: {},
  consume_1_or_2_with_asset_expressions: {},
  consume_1_or_both_2_and_3_with_asset_expressions: {},
  conditional_asset_and_time_based_timetable: {},
  asset_s3_bucket_producer: {},
  asset_alias_example_alias_producer: {},
  asset_s3_bucket_consumer: {},
  asset_alias_example_alias_consumer: {},
  asset_s3_bucket_producer_with_no_taskflow: {},
  asset_alias_example_alias_producer_with_no_taskflow: {},
  asset_s3_bucket_consumer_with_no_taskflow: {},
  asset_alias_example_alias_consumer_with_no_taskflow: {},
  asset1_producer: {},
  asset2_producer: {},
  consumes_asset_decorator: {},
  asset_with_extra_by_yield: {},
  asset_with_extra_by_context: {},
  asset_with_extra_from_classic_operator: {},
  read_asset_event: {},
  read_asset_event_from_classic: {},
  ingest_team_a_player_stats: {},
  team_b_player_stats: {},
  team_c_player_stats: {},
  clean_and_combine_player_stats: {},
  compute_player_odds: {},
  player_odds_quality_check_wont_ever_to_trigger: {},
  ingest_regional_sales: {},
  aggregate_regional_sales: {},
  ingest_region_stats: {},
  regional_stats_breakdown: {},
  live_region_player_stats: {},
  multi_region_player_stats: {},
  train_weekly_model: {},
  daily_team_a_rollup: {},
  monthly_team_a_rollup: {},
  segment_region_stats_rollup: {},
  segment_region_stats_early_rollup: {},
  daily_inference: {},
  trailing_week_inference: {},
  summarize_live_region_stats: {},
  scatter_live_region_to_segments: {},
  example_asset_partition_custom_mapper: {},
  example_asset_partition_business_month: {},
  example_asset_partition_scheduled_at_runtime: {},
  example_task_loops: { tasks: Object.fromEntries([4, 5, 6, 7].flatMap((n) => [[`improve.${n}.step`, 'skipped'], [`improve.again_${n}`, 'skipped']])) },
  example_failed_dag: { run: 'failed', tasks: { fail_task: 'failed' } },
};

/** Run by the operators' own tests, on the real thing. */
const NEED_A_SERVER = ['operators_docker', 'operators_docker_exec', 'operators_notify', 'operators_s3', 'operators_sql'];

interface Shape {
  readonly tags: readonly string[];
  readonly displayName?: string;
  readonly params?: readonly string[];
  readonly tasks: { readonly [taskId: string]: object };
}

/** What Airflow 3.3.2 makes of its own files. */
const AIRFLOW = JSON.parse(readFileSync(new URL('../../../test/airflow/example-dags.json', import.meta.url), 'utf8')) as { readonly [dagId: string]: Shape };

/** Dagbook has no teams. */
const SET_ASIDE: { readonly [dagId: string]: string } = { team_analytics_producer: 'teams', team_ml_consumer: 'teams' };
/** Here params are the DAG's, there the task's, or what is triggered is given any. */
const OWN_PARAMS: { readonly [dagId: string]: string } = { example_passing_params_via_test_command: 'of the DAG', example_dag_decorator: 'with a name' };
/** Writing to S3 and reading from it are tasks of their own here. */
const OWN_TASKS: { readonly [dagId: string]: string } = { tutorial_objectstorage: 'store, read' };

function shapeOf(definition: DagDefinition | undefined): Shape | undefined {
  if (definition === undefined) return undefined;
  const tasks = definition.tasks.map(({ taskId, upstream, triggerRule, teardown, retries, displayName, edgeLabels }) => {
    const rule = triggerRule ?? (teardown === undefined ? undefined : 'all_done_setup_success');
    return [taskId, { ...(upstream.length === 0 ? {} : { upstream: [...upstream].sort() }), ...(rule === undefined ? {} : { rule }), ...(retries === undefined ? {} : { retries }), ...(displayName === undefined ? {} : { displayName }), ...(edgeLabels === undefined ? {} : { labels: edgeLabels }) }] as const;
  });
  const params = Object.keys((definition.params?.schema as { properties?: object } | undefined)?.properties ?? {}).sort();
  return {
    tags: [...(definition.tags ?? [])].sort(), ...(definition.displayName === undefined ? {} : { displayName: definition.displayName }), ...(params.length === 0 ? {} : { params }), tasks: Object.fromEntries(tasks),
  };
}

describe('the example DAGs', () => {
  let folder: string;
  let files: readonly ParsedFile[];
  /** All run in one process, at once. */
  let ended: { readonly [dagId: string]: { readonly state: string; readonly tasks: { readonly [taskId: string]: string }; readonly errors: readonly string[] } };
  const definitionOf = (dagId: string) => files.flatMap(({ definitions }) => definitions).find(({ definition }) => definition.dagId === dagId)?.definition;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'dagbook-examples-'));
    const sdkPath = join(folder, 'sdk.js');
    await buildSdk(sdkPath);
    const scanner = new BundleScanner({ folder: EXAMPLES, sdkPath });
    const { changed, failed } = await scanner.scan();
    await scanner.stop();
    expect(failed).toEqual([]);
    files = changed;
    for (const { file, bundle } of files) writeFileSync(join(folder, `${file}.mjs`), bundle.code);
    writeFileSync(join(folder, 'run.mjs'), `
      import { installSdkResolver } from ${JSON.stringify(new URL('./sdk-resolver.ts', import.meta.url).href)};
      installSdkResolver(${JSON.stringify(sdkPath)});
      const { answer, mock } = await import('@dagbook/sdk');
      const end = async ([file, dagId, ids, { mocks = {}, answers = {}, params }]) => {
        const module = await import('./' + file + '.mjs');
        const example = [module.default].flat().find(({ id }) => id === dagId);
        const errors = [];
        const result = await example.test({
          logicalDate: '2026-01-05', log: ({ task, level, event }) => { if (level === 'error') errors.push(task + ': ' + event); }, folder: ${JSON.stringify(EXAMPLES)}, params,
          otherDags: { example_trigger_target_dag: 'success', example_external_task_marker_parent: 'success', child_dag: 'success' },
          mock: Object.entries(mocks).map(([id, value]) => mock({ id }, value)),
          answers: Object.entries(answers).map(([id, given]) => answer({ id }, given)),
        });
        return [dagId, { state: result.state, tasks: Object.fromEntries(ids.map((id) => [id, result.stateOf({ id })])), errors }];
      };
      console.log(JSON.stringify(Object.fromEntries(await Promise.all(JSON.parse(process.argv[2]).map(end)))));
    `);
    const asked = Object.entries(ENDS).map(([dagId, { mocks, answers, params }]) => {
      const file = files.find(({ definitions }) => definitions.some(({ definition }) => definition.dagId === dagId));
      return [file?.file, dagId, definitionOf(dagId)?.tasks.map(({ taskId }) => taskId) ?? [], { mocks, answers, params }];
    });
    const { stdout } = await promisify(execFile)(process.execPath, [join(folder, 'run.mjs'), JSON.stringify(asked)], { env: { PATH: process.env['PATH'] ?? '' }, maxBuffer: 10_000_000 });
    ended = JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as typeof ended;
  }, 120_000);
  afterAll(() => rmSync(folder, { recursive: true }));

  it('are these, and those of the operators that need a server of their own', () => {
    const dagIds = files.flatMap(({ definitions }) => definitions.map(({ definition }) => definition.dagId));
    expect(dagIds.filter((dagId) => !NEED_A_SERVER.includes(dagId)).sort()).toEqual(Object.keys(ENDS).sort());
    expect(dagIds).toEqual(expect.arrayContaining(NEED_A_SERVER));
  });

  it.each(Object.keys(AIRFLOW).filter((dagId) => !(dagId in SET_ASIDE)))('%s has the tasks, edges, rules and labels of Airflow’s', (dagId) => {
    const shape = shapeOf(definitionOf(dagId));
    expect({ ...shape, params: dagId in OWN_PARAMS ? undefined : shape?.params, tasks: dagId in OWN_TASKS ? undefined : shape?.tasks })
      .toEqual({ tags: AIRFLOW[dagId]?.tags, displayName: AIRFLOW[dagId]?.displayName, params: dagId in OWN_PARAMS ? undefined : AIRFLOW[dagId]?.params, tasks: dagId in OWN_TASKS ? undefined : AIRFLOW[dagId]?.tasks });
  });

  it.each(Object.entries(ENDS))('%s ends as in Airflow', (dagId, { run = 'success', tasks = {} }) => {
    const { state, tasks: states, errors } = ended[dagId] ?? { tasks: {} };
    const ids = definitionOf(dagId)?.tasks.map(({ taskId }) => taskId) ?? [];
    expect({ state, states, errors }).toEqual({ state: run, states: { ...Object.fromEntries(ids.map((id) => [id, 'success'])), ...tasks }, errors });
  });
});
