import { readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runStream } from '@dagbook/contracts';
import type { DagDefinition } from '@dagbook/domain';
import { Journal, PIPELINE, planHashOf, withPostgres } from '@dagbook/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { House, TextLog } from '../test/house.ts';
import { schemaProblems } from '../test/schema-check.ts';

const LOG = ['{"timestamp":"2026-11-25T00:00:00.000Z","level":"info","event":"hello","logger":"task"}', '{"timestamp":"2026-11-25T00:00:01.000Z","level":"info","event":"bye","logger":"task"}', ''].join('\n');
const R1 = '/api/v2/dags/pipeline/dagRuns/r1';

const postgres = withPostgres();
let house: House;
let journal: Journal;
let webFolder: string;

beforeAll(async () => {
  webFolder = await mkdtemp(join(tmpdir(), 'dagbook-web-'));
  await mkdir(join(webFolder, 'assets'));
  await writeFile(join(webFolder, 'index.html'), '<!doctype html><title>Dagbook</title>');
  await writeFile(join(webFolder, 'assets', 'index-abc.js'), 'export {}');
  house = await House.open(postgres, { logs: new TextLog(LOG), webFolder });
  journal = new Journal(postgres.stores.events);
  await journal.dag(PIPELINE);
  await journal.dag({ ...PIPELINE, dagId: 'other', tags: [], schedule: { kind: 'none' }, pausedUponCreation: true });
  await journal.run(PIPELINE, 'r1', { conf: { day: '2026-11-24', odd: '\u0000' } });
  await journal.succeed('pipeline', 'r1', 'extract');
  await journal.append(runStream('pipeline', 'r1'), [{ type: 'TaskExpanded', taskId: 'load', length: 3, atMs: journal.tick() }]);
  await journal.succeed('pipeline', 'r1', 'load', { mapIndex: 0 });
  await journal.start('pipeline', 'r1', 'load', { mapIndex: 1 });
  await journal.run(PIPELINE, 'scheduled__2026-11-25T00:00:00+00:00', { runType: 'scheduled', triggeredBy: 'timetable' });
  await journal.append(runStream('pipeline', 'scheduled__2026-11-25T00:00:00+00:00'), [{ type: 'RunFailed', reason: 'task_failed', atMs: journal.tick() }]);
  await journal.file({ type: 'ImportFailed', file: 'broken.ts', error: { code: 'syntax', message: 'Unexpected }', line: 3, column: 7 }, atMs: journal.tick() });
  await house.caughtUp();
});
afterAll(async () => {
  await house.close();
  await rm(webFolder, { recursive: true });
});

describe('the shapes of Airflow', () => {
  const contract = JSON.parse(readFileSync(new URL('../../../test/api-contract/airflow-3.2.1.json', import.meta.url), 'utf8')) as {
    operations: Record<string, { method: string; path: string; response: object | null }>;
    schemas: Record<string, object>;
  };
  const requests: Record<string, string> = {
    get_dags: '/api/v2/dags',
    get_dag: '/api/v2/dags/pipeline',
    get_dag_details: '/api/v2/dags/pipeline/details',
    get_dag_source: '/api/v2/dagSources/pipeline',
    get_dag_stats: '/api/v2/dagStats?dag_ids=pipeline',
    get_tasks: '/api/v2/dags/pipeline/tasks',
    get_task: '/api/v2/dags/pipeline/tasks/load',
    get_dag_versions: '/api/v2/dags/pipeline/dagVersions',
    get_dag_version: '/api/v2/dags/pipeline/dagVersions/1',
    get_import_errors: '/api/v2/importErrors',
    get_dag_runs: '/api/v2/dags/~/dagRuns',
    get_dag_run: R1,
    get_task_instances: `${R1}/taskInstances`,
    get_task_instance: `${R1}/taskInstances/extract`,
    get_mapped_task_instances: `${R1}/taskInstances/load/listMapped`,
    get_mapped_task_instance: `${R1}/taskInstances/load/1`,
    get_task_instance_tries: `${R1}/taskInstances/extract/tries`,
    get_task_instance_try_details: `${R1}/taskInstances/load/tries/1?map_index=1`,
    get_log: `${R1}/taskInstances/extract/logs/1`,
    get_pools: '/api/v2/pools',
    get_pool: '/api/v2/pools/default_pool',
    list_dag_warnings: '/api/v2/dagWarnings',
    get_connections: '/api/v2/connections',
    get_variables: '/api/v2/variables',
    get_version: '/api/v2/version',
    get_health: '/api/v2/monitor/health',
  };

  it.each(Object.entries(requests))('%s', async (id, path) => {
    const { status, body } = await house.get(path);
    expect(status, JSON.stringify(body)).toBe(200);
    const operation = contract.operations[id];
    expect(operation, `${id} is in Airflow's contract`).toBeDefined();
    expect(schemaProblems(body, operation?.response ?? {}, contract.schemas)).toEqual([]);
  });

  it('serves every path under the name that Airflow gives it', async () => {
    const { body } = await house.get('/openapi.json');
    const paths = Object.entries(contract.operations).map(([id, { method, path }]) => [id, body.paths[path]?.[method]?.operationId]);
    expect(paths).toEqual(Object.keys(contract.operations).map((id) => [id, id]));
  });
});

describe('lists', () => {
  it.each([
    ['/api/v2/dags?tags=etl', ['pipeline']],
    ['/api/v2/dags?paused=true', ['other']],
    ['/api/v2/dags?order_by=-dag_id', ['pipeline', 'other']],
    ['/api/v2/dags?dag_id_pattern=pipe%25 | oth%25', ['other', 'pipeline']],
    ['/api/v2/dags?last_dag_run_state=failed', ['pipeline']],
    ['/api/v2/dags?limit=1&offset=1', ['pipeline']],
    ['/api/v2/dags?limit=0', []],
    // Clamped to 100, not refused.
    ['/api/v2/dags?limit=100000', ['other', 'pipeline']],
  ])('%s', async (path, dagIds) => {
    const { body } = await house.get(path);
    expect(body.dags.map((dag: { dag_id: string }) => dag.dag_id)).toEqual(dagIds);
  });

  it.each([
    ['/api/v2/dags/pipeline/dagRuns?state=failed', 1],
    ['/api/v2/dags/~/dagRuns?state=running&state=failed', 2],
    ['/api/v2/dags/pipeline/dagRuns?run_type=scheduled', 1],
    ['/api/v2/dags/pipeline/dagRuns?conf_contains=2026-11-24', 1],
    ['/api/v2/dags/pipeline/dagRuns?run_after_lt=2026-11-25', 0],
    ['/api/v2/dags/pipeline/dagRuns?run_after_gte=2026-11-25T00:00:00Z&order_by=-run_after', 2],
    ['/api/v2/dags/pipeline/dagRuns?duration_gte=0.5', 1],
    [`${R1}/taskInstances?state=none`, 2],
    [`${R1}/taskInstances?operator=bash`, 3],
    [`${R1}/taskInstances?task_id=load&map_index=1`, 1],
    ['/api/v2/dags/~/dagRuns/~/taskInstances?state=running', 1],
  ])('%s', async (path, total) => {
    const { status, body } = await house.get(path);
    expect(status, JSON.stringify(body)).toBe(200);
    expect(body.total_entries).toBe(total);
    expect((body.dag_runs ?? body.task_instances).length).toBe(total);
  });

  it('reads a run id with a plus and colons', async () => {
    const { body } = await house.get(`/api/v2/dags/pipeline/dagRuns/${encodeURIComponent('scheduled__2026-11-25T00:00:00+00:00')}`);
    expect(body).toMatchObject({ state: 'failed', failure_reason: 'task_failed', run_type: 'scheduled' });
  });

  it('says when the DAG runs next', async () => {
    const { body } = await house.get('/api/v2/dags/pipeline');
    expect(new Date(body.next_dagrun_run_after).getUTCHours()).toBe(18);
    expect((await house.get('/api/v2/dags/other')).body.next_dagrun_run_after).toBeNull();
  });
});

describe('what the page asks', () => {
  it('packs the states of a run in the order of its structure', async () => {
    const { body } = await house.get('/ui/grid/pipeline');
    expect(body.structure).toBe(planHashOf(PIPELINE));
    expect(body.runs.map((run: { dag_run_id: string; states: string; mapped: object }) => [run.dag_run_id, run.states, run.mapped])).toEqual([
      ['scheduled__2026-11-25T00:00:00+00:00', '---', {}],
      ['r1', 'Sr-', { load: { success: 1, running: 1, none: 1 } }],
    ]);
    const structure = await house.get(`/ui/grid/pipeline/structures/${body.structure}`);
    expect(structure.body.tasks.map((task: { task_id: string }) => task.task_id)).toEqual(['extract', 'load', 'report']);
    expect(structure.headers.get('cache-control')).toContain('immutable');
    expect((await house.get(`/ui/grid/pipeline?before=${body.runs[0].run_after}`)).body.runs.length).toBe(1);
  });

  it('lists DAGs with their last runs, oldest first', async () => {
    const { body } = await house.get('/ui/dags?runs=5');
    expect(body.dags.map((dag: { dag_id: string; latest_runs: { state: string }[] }) => [dag.dag_id, dag.latest_runs.map((run) => run.state)])).toEqual([
      ['other', []], ['pipeline', ['running', 'failed']],
    ]);
  });

  it('previews the next runs of a schedule in its own zone', async () => {
    const { body } = await house.get('/ui/dags/pipeline/next?n=3');
    const at = body.runs.map((run: { run_after: string }) => Date.parse(run.run_after));
    expect(body).toMatchObject({ dag_id: 'pipeline', timezone: 'Asia/Seoul' });
    expect(at.map((ms: number) => (ms - at[0]) / 86_400_000)).toEqual([0, 1, 2]);
    expect(body.runs[0].run_after).toBe((await house.get('/api/v2/dags/pipeline')).body.next_dagrun_run_after);
    expect((await house.get('/ui/dags/other/next')).body.runs).toEqual([]);
    expect((await house.get('/ui/dags/pipeline/next?n=0')).status).toBe(422);
    expect((await house.get('/ui/dags/nope/next')).status).toBe(404);
  });

  it('pages through the raw events of a run', async () => {
    const types: string[] = [];
    let after = '';
    for (;;) {
      const { body } = await house.get(`${R1}/events?limit=4${after}`);
      types.push(...body.events.map((event: { type: string }) => event.type));
      if (body.next_after === null) break;
      after = `&after=${body.next_after}`;
    }
    expect(types).toEqual([
      'RunCreated', 'RunStarted', 'TaskScheduled', 'AttemptGranted', 'TaskStarted', 'TaskSucceeded', 'TaskExpanded',
      'TaskScheduled', 'AttemptGranted', 'TaskStarted', 'TaskSucceeded', 'TaskScheduled', 'AttemptGranted', 'TaskStarted',
    ]);
  });

  it('gives the log as lines, as NDJSON, and on from a token', async () => {
    const path = `${R1}/taskInstances/extract/logs/1`;
    expect((await house.get(path)).body).toMatchObject({ content: [{ event: 'hello' }, { event: 'bye' }], continuation_token: null });
    const text = await house.ask('GET', path, { headers: { accept: 'application/x-ndjson' } });
    expect(text.body).toBe(LOG);
    expect((await house.get(`${path}?tail_bytes=${LOG.length - 5}`)).body).toMatchObject({ content: [{ event: 'bye' }], continuation_token: null });
    const token = Buffer.from(`byte:${LOG.indexOf('\n') + 1}`).toString('base64url');
    expect((await house.get(`${path}?token=${token}`)).body.content).toMatchObject([{ event: 'bye' }]);
  });

  it('streams the log from its start, or from near its end and says where that is', async () => {
    const path = `${R1}/taskInstances/extract/logs/1/stream`;
    const bye = LOG.indexOf('\n') + 1;
    const all = `id: ${LOG.length}\n${LOG.trimEnd().split('\n').map((line) => `data: ${line}\n`).join('')}\n`;
    const late = `event: start\ndata: {"from_byte":${bye}}\n\nid: ${LOG.length}\ndata: ${LOG.slice(bye).trimEnd()}\n\n`;
    const stream = async (query: string): Promise<string> => (await house.ask('GET', `${path}${query}`)).body as unknown as string;
    expect(await stream('')).toBe(`retry: 1000\n\n${all}event: end\ndata: {}\n\n`);
    expect(await stream(`?tail_bytes=${LOG.length - 5}`)).toBe(`retry: 1000\n\n${late}event: end\ndata: {}\n\n`);
  });

  it('gives the source as JSON or as text', async () => {
    expect((await house.get('/api/v2/dagSources/pipeline')).body).toMatchObject({ content: 'export default dag()\n', version_number: 1 });
    expect((await house.ask('GET', '/api/v2/dagSources/pipeline', { headers: { accept: 'text/plain' } })).body).toBe('export default dag()\n');
  });
});

describe('the page', () => {
  it.each([
    ['/', 200, 'text/html', 'no-cache'],
    ['/dags/pipeline/grid?run=r1', 200, 'text/html', 'no-cache'],
    ['/assets/index-abc.js', 200, 'application/javascript', 'public, max-age=31536000, immutable'],
    ['/assets/index-old.js', 404, 'application/json', 'no-store'],
    ['/api/v2/none', 404, 'application/json', 'no-store'],
    ['/..%2f..%2fetc%2fpasswd', 200, 'text/html', 'no-cache'],
  ])('%s → %i %s', async (path, status, type, cache) => {
    const answer = await house.ask('GET', path, { token: null });
    expect([answer.status, answer.headers.get('content-type')?.split(';')[0], answer.headers.get('cache-control')]).toEqual([status, type, cache]);
  });

  it('explains what a task instance waits for', async () => {
    expect((await house.get('/ui/why/pipeline/r1/report/-1')).body).toMatchObject({
      code: 'upstream_unfinished', state: 'none', waits_for: [{ task_id: 'load', map_index: 1, state: 'running' }, { task_id: 'load', map_index: 2, state: 'none' }],
    });
    expect((await house.get('/ui/why/pipeline/r1/extract/-1')).body).toMatchObject({ code: 'finished', state: 'success', waits_for: [] });
  });

  it('ends the log of a failed try with why, where its worker could not say', async () => {
    const message = 'The result of extract has 1025 items, but at most 1024 can be mapped over: return fewer, or chunks of them.';
    await journal.run(PIPELINE, 'too_long');
    await journal.start('pipeline', 'too_long', 'extract');
    await journal.append(runStream('pipeline', 'too_long'), [{ type: 'TaskFailed', taskId: 'extract', mapIndex: -1, tryNumber: 1, epoch: 1, failure: { code: 'map_too_long', message }, atMs: journal.tick() }]);
    await house.caughtUp();
    const path = '/api/v2/dags/pipeline/dagRuns/too_long/taskInstances/extract/logs/1';
    const ending = { timestamp: null, event: message, level: 'error', logger: 'dagbook' };
    expect((await house.get(path)).body.content.map(({ event }: { event: string }) => event)).toEqual(['hello', 'bye', message]);
    const lines = async (of: House): Promise<string> => (await of.ask('GET', path, { headers: { accept: 'application/x-ndjson' } })).body as unknown as string;
    const streamed = async (of: House): Promise<string> => (await of.ask('GET', `${path}/stream`)).body as unknown as string;
    expect(await lines(house)).toBe(`${LOG}${JSON.stringify(ending)}\n`);
    expect((await streamed(house)).endsWith(`data: ${JSON.stringify(ending)}\n\nevent: end\ndata: {}\n\n`)).toBe(true);
    for (const [logs, content] of [
      [Object.assign(new TextLog(''), { read: () => Promise.resolve(null) }), [ending]],
      [new TextLog(`${JSON.stringify({ event: message })}\n`), [{ event: message }]],
    ] as const) {
      const other = await House.open(postgres, { logs });
      expect((await other.get(path)).body.content).toEqual(content);
      expect(await lines(other)).toBe(content.map((line) => `${JSON.stringify(line)}\n`).join(''));
      await other.close();
    }
  });

  it('names the past run that one waits for', async () => {
    const careful: DagDefinition = { ...PIPELINE, dagId: 'careful', tasks: [{ taskId: 'extract', operator: 'function', upstream: [], dependsOnPast: true }] };
    await journal.dag(careful);
    const dated = (hour: number) => ({ logicalDateMs: Date.UTC(2026, 10, 1, hour) });
    await journal.run(careful, 'first', dated(1));
    await journal.start('careful', 'first', 'extract');
    await journal.run(careful, 'second', dated(2));
    await house.caughtUp();
    expect((await house.get('/ui/why/careful/second/extract/-1')).body).toMatchObject({ code: 'waits_for_past_run', message: "extract depends on the DAG's previous run: its extract must end in success or skipped. In run first it is running yet." });
    expect((await house.get('/ui/why/careful/first/extract/-1')).body).toMatchObject({ code: 'running' });
  });

  it('explains why a ready one has no slot, also where its log will be', async () => {
    await journal.run({ ...PIPELINE, dagId: 'other' }, 'ready');
    await journal.append(runStream('other', 'ready'), [{ type: 'TaskScheduled', taskId: 'extract', mapIndex: -1, tryNumber: 1, atMs: journal.tick() }]);
    await house.caughtUp();
    const message = 'No worker serves queue "default"; start one that lists it, or change the task\'s queue.';
    expect((await house.get('/ui/why/other/ready/extract/-1')).body).toMatchObject({ code: 'no_worker_serves_queue', state: 'scheduled', message });
    const empty = await House.open(postgres, { logs: Object.assign(new TextLog(''), { read: () => Promise.resolve(null) }) });
    expect((await empty.get('/api/v2/dags/other/dagRuns/ready/taskInstances/extract/logs/1')).body).toEqual({ content: [{ timestamp: null, event: message, level: 'info', logger: 'dagbook' }], continuation_token: null });
    await empty.close();
  });
});

describe('bad input', () => {
  const LONG = 'x'.repeat(300);
  const refused: [method: string, path: string, body: unknown, status: number, tells: string][] = [
    ['GET', '/api/v2/dags/nope', undefined, 404, 'nope'],
    ['GET', '/api/v2/dags/a%2Fb', undefined, 422, 'dag_id'],
    ['GET', '/api/v2/dags/%00', undefined, 422, 'dag_id'],
    ['GET', `/api/v2/dags/${LONG}`, undefined, 422, 'dag_id'],
    ['GET', '/api/v2/dags/%E0%A4%A', undefined, 400, ''],
    ['GET', '/api/v2/dags?limit=-1', undefined, 422, 'limit'],
    ['GET', '/api/v2/dags?limit=ten', undefined, 422, 'limit'],
    ['GET', '/api/v2/dags?limit=1e9', undefined, 422, 'limit'],
    ['GET', '/api/v2/dags?offset=99999999999999999999', undefined, 422, 'offset'],
    ['GET', '/api/v2/dags?order_by=password', undefined, 400, 'password'],
    ['GET', '/api/v2/dags?order_by=constructor', undefined, 400, 'constructor'],
    ['GET', '/api/v2/dags?colour=red', undefined, 422, 'colour'],
    ['GET', '/api/v2/dags?__proto__=red', undefined, 200, ''],
    ['GET', '/api/v2/dags?dag_id_pattern=%00', undefined, 422, 'dag_id_pattern'],
    ['GET', '/api/v2/dags/pipeline/dagRuns?state=happy', undefined, 422, 'state'],
    ['GET', '/api/v2/dags/pipeline/dagRuns?start_date_gte=yesterday', undefined, 422, 'start_date_gte'],
    ['GET', '/api/v2/dags/pipeline/dagRuns?start_date_gte=2026-02-30', undefined, 422, 'start_date_gte'],
    ['GET', '/api/v2/dags/pipeline/dagRuns?duration_gte=long', undefined, 422, 'duration_gte'],
    ['GET', '/api/v2/dags/pipeline/dagRuns/none', undefined, 404, 'none'],
    ['GET', '/api/v2/dags/nope/dagRuns', undefined, 404, 'nope'],
    ['GET', `${R1}/taskInstances/nope`, undefined, 404, 'nope'],
    ['GET', `${R1}/taskInstances/load`, undefined, 404, 'map_index'],
    ['GET', `${R1}/taskInstances/load/99`, undefined, 404, '99'],
    ['GET', `${R1}/taskInstances/load/x`, undefined, 422, 'map_index'],
    ['GET', `${R1}/taskInstances/extract/logs/0`, undefined, 422, 'try_number'],
    ['GET', `${R1}/taskInstances/extract/logs/9`, undefined, 404, '9'],
    ['GET', `${R1}/taskInstances/extract/logs/1?token=abc`, undefined, 422, 'token'],
    ['GET', '/api/v2/dags/~/dagRuns/~/taskInstances?pool=big', undefined, 400, 'pool'],
    ['GET', '/api/v2/stream?topics=everything', undefined, 422, 'topics'],
    ['GET', '/api/v2/stream', undefined, 422, 'topics'],
    ['GET', '/ui/grid/pipeline?limit=1000', undefined, 422, 'limit'],
    ['GET', '/ui/grid/pipeline/structures/nope', undefined, 404, 'nope'],
    ['GET', '/api/v2/dagSources/pipeline?version_number=7', undefined, 404, '7'],
    ['GET', '/api/v2/importErrors/7777777', undefined, 404, '7777777'],
    ['GET', '/api/v2/nothing', undefined, 404, ''],
    ['DELETE', '/api/v2/dags/pipeline', undefined, 404, ''],
    ['PATCH', '/api/v2/dags/pipeline', undefined, 422, 'is_paused'],
    ['PATCH', '/api/v2/dags/pipeline', 'not json', 422, 'JSON'],
    ['PATCH', '/api/v2/dags/pipeline', '"text"', 422, 'object'],
    ['PATCH', '/api/v2/dags/pipeline', [], 422, 'object'],
    ['PATCH', '/api/v2/dags/pipeline', {}, 422, 'is_paused'],
    ['PATCH', '/api/v2/dags/pipeline', { is_paused: null }, 422, 'is_paused'],
    ['PATCH', '/api/v2/dags/pipeline', { is_paused: 'maybe' }, 422, 'is_paused'],
    ['PATCH', '/api/v2/dags/pipeline', { is_paused: true, owner: 'me' }, 422, 'owner'],
    ['PATCH', '/api/v2/dags/pipeline?update_mask=owner', { is_paused: true }, 400, 'is_paused'],
    ['PATCH', '/api/v2/dags/nope', { is_paused: true }, 404, 'nope'],
    ['POST', '/api/v2/dags/pipeline/dagRuns', { logical_date: 'today' }, 422, 'logical_date'],
    ['POST', '/api/v2/dags/pipeline/dagRuns', { dag_run_id: 'a/b' }, 422, 'dag_run_id'],
    ['POST', '/api/v2/dags/pipeline/dagRuns', { conf: [1] }, 422, 'conf'],
    ['POST', '/api/v2/dags/pipeline/dagRuns', { data_interval_start: '2026-11-25T00:00:00Z' }, 422, 'data_interval_end'],
    ['POST', '/api/v2/dags/pipeline/dagRuns', { surprise: 1 }, 422, 'surprise'],
    ['POST', '/api/v2/dags/pipeline/dagRuns', { note: 'x'.repeat(1_100_000) }, 413, ''],
    ['PATCH', R1, { state: 'paused' }, 422, 'state'],
    ['PATCH', R1, {}, 400, 'state'],
    ['PATCH', `${R1}?update_mask=conf`, { note: 'x' }, 400, 'conf'],
    ['PATCH', `${R1}/taskInstances/extract`, { new_state: 'running' }, 422, 'new_state'],
    ['POST', '/api/v2/dags/pipeline/clearTaskInstances', { dry_run: true }, 422, 'dag_run_id'],
    ['POST', '/api/v2/dags/pipeline/clearTaskInstances', { dag_run_id: 'r1', task_ids: ['nope'] }, 404, 'nope'],
    ['POST', '/api/v2/dags/pipeline/clearTaskInstances', { dag_run_id: 'r1', task_ids: [['load', 'x']] }, 422, 'task_ids'],
  ];

  it.each(refused)('%s %s %j → %i', async (method, path, body, status, tells) => {
    const answer = await house.ask(method, path, { body });
    expect(answer.status, JSON.stringify(answer.body)).toBe(status);
    if (status >= 400) expect(answer.body).toHaveProperty('detail');
    expect(JSON.stringify(answer.body)).toContain(tells);
  });

  it('names the place, the rule and the value of what is wrong, as FastAPI does', async () => {
    const { body } = await house.get('/api/v2/dags?limit=ten');
    expect(body).toEqual({ detail: [{ loc: ['query', 'limit'], msg: 'Input should be a whole number from 0 to 2147483647', type: 'int_parsing', input: 'ten' }] });
  });
});
