import type { CommandBody } from '@dagbook/contracts';
import { Journal, PIPELINE, withPostgres } from '@dagbook/testkit';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { House } from '../test/house.ts';

const RUNS = ['r1', 'r2', 'r3', 'undated'] as const;
const CLEAR = '/api/v2/dags/pipeline/clearTaskInstances';
const EXTRACT = '/api/v2/dags/pipeline/dagRuns/r2/taskInstances/extract';

const postgres = withPostgres();
let house: House;
let commands: CommandBody[] = [];

beforeAll(async () => {
  house = await House.open(postgres);
  const journal = new Journal(postgres.stores.events);
  await journal.dag(PIPELINE);
  for (const [index, runId] of RUNS.entries()) {
    await journal.run(PIPELINE, runId, { logicalDateMs: runId === 'undated' ? null : Date.parse(`2026-01-0${index + 1}T00:00:00Z`) });
    await journal.succeed('pipeline', runId, 'extract');
  }
  await house.answerCommands(async (_, body) => {
    commands.push(body);
    return { kind: 'done', position: null };
  });
  await house.caughtUp();
});
beforeEach(() => {
  commands = [];
});
afterAll(() => house.close());

const touched = (body: { task_instances: { dag_run_id: string; task_id: string }[] }): string[] => body.task_instances.map((instance) => `${instance.dag_run_id} ${instance.task_id}`);

describe('a clear', () => {
  it.each([
    [{ dag_run_id: 'r2' }, ['r2 extract']],
    [{ dag_run_id: 'r2', include_past: true }, ['r2 extract', 'r1 extract']],
    [{ dag_run_id: 'r2', include_future: true }, ['r2 extract', 'r3 extract']],
    [{ dag_run_id: 'r2', include_past: true, include_future: true }, ['r2 extract', 'r1 extract', 'r3 extract']],
    [{ dag_run_id: 'undated', include_past: true, include_future: true }, ['undated extract']],
    [{ start_date: '2026-01-02T00:00:00Z' }, ['r2 extract', 'r3 extract']],
    [{ start_date: '2026-01-02T00:00:00Z', end_date: '2026-01-02T12:00:00Z' }, ['r2 extract']],
    [{ dag_run_id: 'r2', include_past: true, only_failed: true }, []],
  ])('of %j shows what it would change in which run', async (span, expected) => {
    const { status, body } = await house.ask('POST', CLEAR, { body: { only_failed: false, ...span } });
    expect([status, touched(body), body.total_entries]).toEqual([200, expected, expected.length]);
    expect(commands).toEqual([]);
  });

  it('of several runs goes to the DAG’s owner as one command', async () => {
    const { body } = await house.ask('POST', CLEAR, { body: { dag_run_id: 'r2', include_past: true, task_ids: ['extract'], only_failed: false, prevent_running_task: true, run_on_latest_version: true, dry_run: false } });
    expect(touched(body)).toEqual(['r2 extract', 'r1 extract']);
    expect(commands).toEqual([{
      type: 'ClearTasksAcross', span: { runId: 'r2', past: true, future: false }, tasks: [{ taskId: 'extract' }], upstream: false, downstream: false, onlyFailed: false, onlyRunning: false, preventRunning: true,
      resetRun: true, runOnLatestVersion: true, user: 'admin',
    }]);
  });

  it.each([
    [{ include_past: true }, 422, 'dag_run_id'],
    [{}, 422, 'dag_run_id'],
    [{ dag_run_id: 'r2', task_ids: ['nope'], include_past: true }, 404, 'nope'],
    [{ start_date: 'soon' }, 422, 'start_date'],
  ])('of %j is %i', async (span, status, tells) => {
    const answer = await house.ask('POST', CLEAR, { body: span });
    expect([answer.status, JSON.stringify(answer.body)]).toEqual([status, expect.stringContaining(tells)]);
  });
});

describe('a mark', () => {
  it('shows what it would change, in this run and those before and after', async () => {
    const dryRun = await house.ask('PATCH', `${EXTRACT}/dry_run`, { body: { new_state: 'failed', include_future: true } });
    expect([dryRun.status, touched(dryRun.body)]).toEqual([200, ['r2 extract', 'r3 extract']]);
    expect(touched((await house.ask('PATCH', `${EXTRACT}/-1/dry_run`, { body: { new_state: 'failed', include_downstream: true } })).body)).toEqual(['r2 extract', 'r2 load', 'r2 report']);
    expect((await house.ask('PATCH', `${EXTRACT}/dry_run`, { body: { note: 'x' } })).status).toBe(400);
    expect(commands).toEqual([]);
  });

  it('goes to the DAG’s owner as one command', async () => {
    await house.ask('PATCH', EXTRACT, { body: { new_state: 'failed', include_past: true } });
    await house.ask('PATCH', `${EXTRACT}/-1`, { body: { new_state: 'skipped' } });
    expect(commands).toEqual([
      { type: 'MarkTasksAcross', span: { runId: 'r2', past: true, future: false }, tasks: [{ taskId: 'extract' }], upstream: false, downstream: false, state: 'failed', user: 'admin' },
      { type: 'MarkTasks', runId: 'r2', tasks: [{ taskId: 'extract', mapIndex: -1 }], upstream: false, downstream: false, state: 'skipped', user: 'admin' },
    ]);
    expect((await house.ask('PATCH', `${EXTRACT}/7`, { body: { new_state: 'skipped' } })).status).toBe(404);
  });
});

it('of many task instances each stands for itself', async () => {
  const bulk = (path: string, entities: readonly object[], more: object = {}) => house.ask('PATCH', `/api/v2/dags/${path}/taskInstances`, { body: { actions: [{ action: 'update', entities, ...more }] } });
  const { status, body } = await bulk('pipeline/dagRuns/r2', [{ task_id: 'extract', new_state: 'failed' }, { task_id: 'nope', new_state: 'failed' }, { task_id: 'report', note: 'seen' }]);
  expect([status, body.update.success, body.update.errors.map((error: { status_code: number }) => error.status_code)]).toEqual([200, ['pipeline.r2.extract[-1]', 'pipeline.r2.report[-1]'], [404]]);
  expect(commands.map((command) => command.type)).toEqual(['MarkTasks', 'SetTaskNote']);
  const spread = await bulk('~/dagRuns/~', [{ dag_id: 'pipeline', dag_run_id: 'r1', task_id: 'extract', new_state: 'skipped' }, { dag_id: 'pipeline', dag_run_id: 'r9', task_id: 'extract', new_state: 'skipped' }], { action_on_non_existence: 'skip' });
  expect(spread.body).toEqual({ update: { success: ['pipeline.r1.extract[-1]'], errors: [] } });
  expect((await bulk('pipeline/dagRuns/r2', [{ task_id: 'extract', new_state: 'running' }])).status).toBe(422);
  expect((await house.ask('PATCH', '/api/v2/dags/pipeline/dagRuns/r2/taskInstances', { body: { actions: [{ action: 'delete', entities: ['x'] }] } })).body.delete.errors).toMatchObject([{ status_code: 400 }]);
});
