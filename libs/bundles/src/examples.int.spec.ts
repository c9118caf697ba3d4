import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ParsedFile } from './index.ts';
import { buildSdk, BundleScanner } from './index.ts';

const EXAMPLES = new URL('../../../dags/examples', import.meta.url).pathname;

/** Ends of Airflow's example DAGs; a task that is not named ends in success. */
const ENDS: { readonly [dagId: string]: { readonly run?: 'failed'; readonly tasks?: { readonly [taskId: string]: string } } } = {
  example_simplest_dag: {},
  example_bash_operator: { tasks: { this_will_skip: 'skipped', run_this_last: 'skipped' } },
  tutorial_taskflow_api: {},
  example_branch_operator: {
    tasks: { branch_a: 'skipped', branch_c: 'skipped', branch_d: 'skipped', follow_a: 'skipped', follow_c: 'skipped', follow_d: 'skipped' },
  },
  example_short_circuit_operator: { tasks: { false_1: 'skipped', false_2: 'skipped', task_2: 'skipped', task_3: 'skipped', task_4: 'skipped', task_5: 'skipped' } },
  example_skip_dag: { tasks: { skip_operator_1: 'skipped', 1: 'skipped', final_1: 'skipped', skip_operator_2: 'skipped' } },
  latest_only_with_trigger: {},
  example_setup_teardown: { run: 'failed', tasks: { 'section_1.normal': 'failed' } },
  example_dynamic_task_mapping: {},
  example_task_group: {},
  example_complex: {},
  example_custom_weight: {},
  example_latest_only: {},
  example_nested_branch_dag: {
    tasks: { false_1: 'skipped', branch_2: 'skipped', true_2: 'skipped', false_2: 'skipped', join_2: 'skipped', false_3: 'skipped' },
  },
  example_params_trigger_ui: {},
  example_params_ui_tutorial: {},
  example_sensors: { tasks: { wait_in_vain: 'skipped', all_came: 'skipped' } },
  example_trigger_rules: {
    run: 'failed',
    tasks: {
      fails: 'failed', skips: 'skipped', all_success: 'upstream_failed', all_failed: 'skipped', all_done_min_one_success: 'skipped', all_skipped: 'skipped',
      none_failed: 'upstream_failed', none_failed_min_one_success: 'upstream_failed', none_skipped: 'skipped',
    },
  },
  example_hitl_operator: { tasks: { task_2: 'skipped', task_3: 'skipped' } },
  example_xcom: {},
  operators_python: {},
  example_display_name: {},
  example_markdown_doc: {},
  example_python_operator: {},
  tutorial: {},
  tutorial_dag: {},
  tutorial_taskflow_templates: {},
  example_branch_datetime_operator: { tasks: { date_in_range_1: 'skipped', date_outside_range_2: 'skipped' } },
  example_branch_dop_operator_v3: { tasks: { empty_task_2: 'skipped' } },
  example_dynamic_task_mapping_with_no_taskflow_operators: {},
  stakeholder_report_finance: {},
  stakeholder_report_marketing: {},
  example_multi_type_params: {},
  example_task_state_store: {},
  example_task_state_store_async: {},
  example_task_state_store_mapped: {},
  example_asset_state_store_producer: {},
  example_asset_state_store_consumer: {},
  example_retry_policy: { tasks: { ask_with_a_wrong_password: 'failed' } },
  example_asset_with_watchers: {},
  example_deadline_alert: {},
  example_deadline_callback: {},
  example_xcom_args: {},
  example_passing_params_via_test_command: {},
  example_trigger_controller_dag: {},
  example_trigger_target_dag: {},
  example_external_task_marker_parent: {},
  example_external_task_marker_child: {},
  example_workday_timetable: {},
  example_time_delta_sensor_async: {},
  asset_produces_1: {},
  asset_produces_2: {},
  asset_consumes_1: {},
  asset_consumes_1_and_2: {},
  asset_consumes_1_or_2: {},
  example_task_loops: { tasks: Object.fromEntries([4, 5, 6, 7].flatMap((n) => [[`improve.${n}.step`, 'skipped'], [`improve.again_${n}`, 'skipped']])) },
  example_failed_dag: { run: 'failed', tasks: { fail_task: 'failed', never_reached: 'upstream_failed' } },
};

/** Run by the operators' own tests, on the real thing. */
const NEED_A_SERVER = ['operators_docker', 'operators_notify', 'operators_s3', 'operators_sql'];

describe('the example DAGs', () => {
  let folder: string;
  let files: readonly ParsedFile[];

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
      const module = await import('./' + process.argv[2] + '.mjs');
      const example = [module.default].flat().find(({ id }) => id === process.argv[3]);
      const result = await example.test({
        logicalDate: '2026-01-05', log: () => {}, otherDags: { example_trigger_target_dag: 'success', example_external_task_marker_parent: 'success' },
      });
      const states = process.argv.slice(4).map((id) => [id, result.stateOf({ id })]);
      console.log(JSON.stringify([result.state, Object.fromEntries(states)]));
    `);
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  it('are these, and those of the operators that need a server of their own', () => {
    const dagIds = files.flatMap(({ definitions }) => definitions.map(({ definition }) => definition.dagId));
    expect(dagIds.filter((dagId) => !NEED_A_SERVER.includes(dagId)).sort()).toEqual(Object.keys(ENDS).sort());
    expect(dagIds).toEqual(expect.arrayContaining(NEED_A_SERVER));
  });

  it.each(Object.keys(ENDS))('%s ends as in Airflow', async (dagId) => {
    const file = files.find(({ definitions }) => definitions.some(({ definition }) => definition.dagId === dagId));
    const ids = file?.definitions.find(({ definition }) => definition.dagId === dagId)?.definition.tasks.map(({ taskId }) => taskId) ?? [];
    const { stdout } = await promisify(execFile)(process.execPath, [join(folder, 'run.mjs'), file?.file ?? '', dagId, ...ids], { env: { PATH: process.env['PATH'] ?? '' } });
    const { run = 'success', tasks = {} } = ENDS[dagId] ?? {};
    expect(JSON.parse(stdout.trim().split('\n').at(-1) ?? '')).toEqual([run, { ...Object.fromEntries(ids.map((id) => [id, 'success'])), ...tasks }]);
  });
});
