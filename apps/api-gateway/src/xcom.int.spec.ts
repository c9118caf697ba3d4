import { readFileSync } from 'node:fs';
import { runStream } from '@dagbook/contracts';
import { compilePlan, createRunState, decideRun, evolveRun, isRejected, type RunEvent, type TaskResult } from '@dagbook/domain';
import { formatPosition, toFact } from '@dagbook/event-store';
import { Journal, PIPELINE, withPostgres } from '@dagbook/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { House } from '../test/house.ts';

const postgres = withPostgres();
let house: House;
let journal: Journal;

const returns = (runId: string, taskId: string, mapIndex: number, result?: TaskResult, tryNumber = 1) =>
  journal.append(runStream('pipeline', runId), [{ type: 'TaskSucceeded', taskId, mapIndex, tryNumber, epoch: 1, ...(result === undefined ? {} : { result }), atMs: journal.tick() }]);

beforeAll(async () => {
  house = await House.open(postgres);
  journal = new Journal(postgres.stores.events);
  await journal.dag(PIPELINE);
  for (const [runId, day] of [['first', 20], ['second', 21]] as const) {
    await journal.run(PIPELINE, runId, { logicalDateMs: Date.UTC(2026, 10, day), runAfterMs: Date.UTC(2026, 10, day + 1) });
    await journal.start('pipeline', runId, 'extract');
    await returns(runId, 'extract', -1, { kind: 'inline', value: { rows: [1, 2], api_token: 'hunter2hunter2', login: { password: 'x', user: '김' } } });
  }
  await postgres.stores.events.putContent('xcom', 'pipeline/first/load/0/1/1', new TextEncoder().encode('"large"'));
  await journal.append(runStream('pipeline', 'first'), [{ type: 'TaskExpanded', taskId: 'load', length: 3, atMs: journal.tick() }]);
  await returns('first', 'load', 0, { kind: 'stored', key: 'pipeline/first/load/0/1/1', bytes: 7 });
  await returns('first', 'load', 1, { kind: 'inline', value: 0 });
  await returns('first', 'load', 2);
  for (const [taskId, key, bytes] of [['big', 'pipeline/second/big/-1/1/1', 2_000_002], ['foreign', 'pipeline/first/load/0/1/1', 7], ['nul', '', 0]] as const) {
    await returns('second', taskId, -1, key === '' ? { kind: 'inline', value: 'a\u0000b' } : { kind: 'stored', key, bytes });
  }
  await postgres.stores.events.putContent('xcom', 'pipeline/second/big/-1/1/1', new TextEncoder().encode(JSON.stringify('x'.repeat(2_000_000))));
  await journal.start('pipeline', 'first', 'report');
  await returns('first', 'report', -1, { kind: 'inline', value: 'gone' });
  await journal.append(runStream('pipeline', 'first'), [{ type: 'TaskCleared', taskId: 'report', mapIndex: -1, atMs: journal.tick() }]);
  await house.caughtUp();
});
afterAll(() => house.close());

const entries = (dag: string, run: string, task: string, query = '') => house.get(`/api/v2/dags/${dag}/dagRuns/${run}/taskInstances/${task}/xcomEntries${query}`);
const named = async (...of: Parameters<typeof entries>): Promise<string[]> =>
  ((await entries(...of)).body.xcom_entries as { run_id: string; task_id: string; map_index: number }[]).map((entry) => `${entry.run_id}/${entry.task_id}/${entry.map_index}`);

it('lists what was returned and stands, without values, in Airflow\'s shape', async () => {
  expect(await named('pipeline', 'first', '~')).toEqual(['first/extract/-1', 'first/load/0', 'first/load/1']);
  expect((await entries('pipeline', 'first', 'extract')).body).toEqual({
    total_entries: 1,
    xcom_entries: [{
      key: 'return_value', timestamp: expect.stringMatching(/Z$/), logical_date: '2026-11-20T00:00:00.000Z', map_index: -1, task_id: 'extract', dag_id: 'pipeline', run_id: 'first',
      dag_display_name: 'pipeline', task_display_name: 'extract', run_after: '2026-11-21T00:00:00.000Z', bytes: 81,
    }],
  });
});

it.each([
  ['?limit=1', ['second/big/-1']],
  ['?limit=2&offset=1', ['second/extract/-1', 'first/extract/-1']],
  ['?run_id_pattern=fir%25', ['first/extract/-1', 'first/load/0', 'first/load/1']],
  ['?task_id_pattern=loa%25%20|%20nothing', ['first/load/0', 'first/load/1']],
  ['?map_index=1', ['first/load/1']],
  ['?map_index_filter=0', ['first/load/0']],
  ['?xcom_key=return_value&logical_date_gt=2026-11-20T00:00:00Z&task_id_pattern=extract', ['second/extract/-1']],
  ['?run_after_lte=2026-11-21T00:00:00Z&xcom_key_pattern=return%25&map_index=-1', ['first/extract/-1']],
  ['?xcom_key=other', []],
  ['?xcom_key_pattern=other', []],
  ['?dag_display_name_pattern=nothing', []],
])('over all DAGs, runs and tasks %s', async (query, expected) => {
  expect(await named('~', '~', '~', query)).toEqual(expected);
});

it('a value as JSON, as text, kept apart, or none; under sensitive names hidden', async () => {
  const hidden = { rows: [1, 2], api_token: '***', login: { password: '***', user: '김' } };
  expect((await house.get('/api/v2/dags/pipeline/dagRuns/first/taskInstances/extract/xcomEntries/return_value')).body).toMatchObject({ value: hidden, task_id: 'extract' });
  const one = (task: string, query: string) => house.get(`/api/v2/dags/pipeline/dagRuns/first/taskInstances/${task}/xcomEntries/return_value?${query}`);
  expect((await one('extract', 'stringify=true')).body.value).toBe(JSON.stringify(hidden));
  expect((await one('load', 'map_index=0&deserialize=true')).body.value).toBe('large');
  expect((await one('load', 'map_index=1')).body.value).toBe(0);
  expect(await one('load', 'map_index=2')).toMatchObject({ status: 404, body: { detail: 'XCom entry with key: `return_value` not found' } });
  expect((await one('report', '')).status).toBe(404);
  expect((await one('load', 'map_index=x')).status).toBe(422);
});

it('of what is not there: 404, and a viewer may read', async () => {
  expect((await entries('pipeline', 'none', 'extract')).status).toBe(404);
  expect((await house.ask('GET', '/api/v2/dags/~/dagRuns/~/taskInstances/~/xcomEntries', { token: await house.signIn('guest', 'only looking') })).body.total_entries).toBe(7);
  expect((await house.ask('GET', '/api/v2/dags/~/dagRuns/~/taskInstances/~/xcomEntries', { token: null })).status).toBe(401);
});

it('a large value is answered to who asks for its size, and not to viewers; one of another run never', async () => {
  const big = '/api/v2/dags/pipeline/dagRuns/second/taskInstances/big/xcomEntries/return_value';
  expect(await house.get(big)).toMatchObject({ status: 413, body: { detail: 'The result is 2000002 bytes: ask for it with max_bytes=2000002, or read it in a task' } });
  expect((await house.get(`${big}?max_bytes=2000002`)).body.value.length).toBe(2_000_000);
  expect((await house.ask('GET', `${big}?max_bytes=2000002`, { token: await house.signIn('guest', 'only looking') })).status).toBe(403);
  expect((await house.get('/api/v2/dags/pipeline/dagRuns/second/taskInstances/foreign/xcomEntries/return_value')).status).toBe(404);
  expect((await house.get('/api/v2/dags/pipeline/dagRuns/second/taskInstances/extract/xcomEntries/%00')).status).toBe(404);
  expect((await entries('pipeline', 'second', 'extract', '?xcom_key=%00')).status).toBe(422);
});

describe('set by people', () => {
  const at = (task: string, key = '') => `/api/v2/dags/pipeline/dagRuns/third/taskInstances/${task}/xcomEntries${key}`;
  const listed = async () => ((await house.get(at('~'))).body.xcom_entries as { task_id: string; key: string }[]).map((entry) => `${entry.task_id} ${entry.key}`);

  beforeAll(async () => {
    await journal.run(PIPELINE, 'third', { logicalDateMs: Date.UTC(2026, 10, 22), runAfterMs: Date.UTC(2026, 10, 23) });
    await journal.start('pipeline', 'third', 'extract');
    await returns('third', 'extract', -1, { kind: 'inline', value: 1 });
    await house.caughtUp();
    // Answers as the scheduler would: the domain's own decision over the run's events.
    await house.answerCommands(async (dagId, body) => {
      if (body.type !== 'SetXCom' && body.type !== 'DeleteXCom') return { kind: 'refused', code: 'not_here', message: 'Specs of their own have these.' };
      const { runId, user, ...command } = body;
      const stored = await postgres.stores.events.read(runStream(dagId, runId));
      const run = stored.map((event) => toFact<RunEvent>(event)).reduce(evolveRun, createRunState(compilePlan(PIPELINE)));
      const decided = decideRun({ ...command, by: user, nowMs: journal.tick() }, run);
      if (isRejected(decided)) return { kind: 'refused', code: decided.code, message: decided.message };
      await journal.append(runStream(dagId, runId), decided);
      const last = (await postgres.stores.events.feed({ xid: '0', pos: '0' }, 100_000)).at(-1);
      return { kind: 'done', position: last === undefined ? null : formatPosition(last.position) };
    });
  });

  it('are made once, changed and taken away, in Airflow\'s shapes', async () => {
    const made = await house.ask('POST', at('report'), { body: { key: '행/1', value: { rows: 3, password: 'hunter2hunter2' } } });
    expect(made).toMatchObject({ status: 201, body: { key: '행/1', value: { rows: 3, password: '***' }, task_id: 'report', map_index: -1, dag_id: 'pipeline', run_id: 'third' } });
    const key = `/${encodeURIComponent('행/1')}`;
    expect(await house.ask('POST', at('report'), { body: { key: '행/1', value: 1 } })).toMatchObject({ status: 409, body: { detail: 'The XCom with key: `행/1` with mentioned task instance already exists.' } });
    expect(await house.ask('PATCH', at('report', key), { body: { value: [1] } })).toMatchObject({ status: 200, body: { value: [1] } });
    expect((await house.get(at('report', key))).body.value).toEqual([1]);
    expect(await house.ask('PATCH', at('extract', '/return_value'), { body: { value: ['new'], map_index: -1 } })).toMatchObject({ status: 200, body: { value: ['new'] } });
    expect(await listed()).toEqual(['extract return_value', 'report 행/1']);
    expect((await house.ask('DELETE', at('report', key))).status).toBe(204);
    expect(await house.ask('DELETE', at('report', key))).toMatchObject({ status: 404, body: { detail: 'The XCom with key: `행/1` with mentioned task instance doesn\'t exist.' } });
    expect(await listed()).toEqual(['extract return_value']);
  });

  it('of over 2 KB are kept beside the journal, and go with a clear', async () => {
    const value = ['x'.repeat(200_000)];
    expect((await house.ask('POST', at('report'), { body: { key: 'large', value } })).body.value).toEqual(value);
    expect((await house.get(at('report', '/large'))).body).toMatchObject({ value, bytes: 200_004 });
    await journal.append(runStream('pipeline', 'third'), [{ type: 'TaskCleared', taskId: 'report', mapIndex: -1, atMs: journal.tick() }]);
    await house.caughtUp();
    expect((await house.get(at('report', '/large'))).status).toBe(404);
  });

  it.each([
    ['POST', 'nothing', '', { key: 'a', value: 1 }, 404, 'Task with ID: `nothing` not found in dag: `pipeline`'],
    ['POST', 'report', '', { key: 'a', value: 1, map_index: 4 }, 404, 'This run has no task instance report[4]: list its task instances for the ones it has.'],
    ['POST', 'load', '', { key: 'a', value: 1 }, 409, 'load is mapped and has not expanded yet: set the XCom of one of its instances once it has.'],
    ['POST', 'report', '', { value: 1 }, 422, undefined],
    ['POST', 'report', '', { key: 'a' }, 422, undefined],
    ['POST', 'report', '', { key: '', value: 1 }, 422, undefined],
    ['POST', 'report', '', { key: 'a', value: 1, dag_id: 'x' }, 422, undefined],
    ['POST', 'extract', '', { key: 'return_value', value: [] }, 409, undefined],
    ['PATCH', 'extract', '/return_value', { value: null }, 422, 'The result of extract is null, but another task is mapped over it: return a list or an object.'],
    ['PATCH', 'report', '/none', { value: 1 }, 404, 'The XCom with key: `none` with mentioned task instance doesn\'t exist.'],
    ['PATCH', 'report', '/%00', { value: 1 }, 404, undefined],
  ])('are refused: %s of %s%s with %j is %i', async (method, task, key, body, status, detail) => {
    const answered = await house.ask(method, at(task, key), { body });
    expect([answered.status, detail === undefined ? undefined : answered.body.detail]).toEqual([status, detail]);
  });

  it('are no deeper than a stack takes, and what a task returned so deep is not shown', async () => {
    const nested = (levels: number): unknown => JSON.parse(`${'['.repeat(levels)}${']'.repeat(levels)}`);
    expect(await house.ask('POST', at('report'), { body: { key: 'deep', value: nested(3_000) } })).toMatchObject({ status: 422, body: { detail: [{ msg: 'Input should be JSON of at most 500 levels', loc: ['body'] }] } });
    expect((await house.ask('POST', at('report'), { body: { key: 'deep', value: nested(400) } })).status).toBe(201);
    await postgres.stores.events.putContent('xcom', 'pipeline/third/verify/-1/1/1', new TextEncoder().encode(JSON.stringify(nested(2_000))));
    await returns('third', 'verify', -1, { kind: 'stored', key: 'pipeline/third/verify/-1/1/1', bytes: 4_000 });
    await house.caughtUp();
    expect(await house.get(at('verify', '/return_value'))).toMatchObject({ status: 413, body: { detail: 'The result is nested more than 1000 levels deep: read it in a task' } });
  });

  it('are not for viewers to change', async () => {
    const token = await house.signIn('guest', 'only looking');
    expect((await house.ask('POST', at('report'), { body: { key: 'a', value: 1 }, token })).status).toBe(403);
  });
});

it('what was folded before there was a table for it is filled in by the migration, but for what Postgres cannot read', async () => {
  const { pool } = postgres.stores;
  const rows = async () => (await pool.query('SELECT task_id, map_index, result::text, at_ms FROM rm.xcom_entries ORDER BY run_key, task_id, map_index')).rows as { task_id: string }[];
  const folded = await rows();
  await pool.query('DELETE FROM rm.xcom_entries');
  const migration = readFileSync(new URL('../../../deploy/migrations/0075_xcom_entries.sql', import.meta.url), 'utf8');
  await pool.query(migration.slice(migration.indexOf('DO $$')));
  expect(await rows()).toEqual(folded.filter((row) => row.task_id !== 'nul'));
});
