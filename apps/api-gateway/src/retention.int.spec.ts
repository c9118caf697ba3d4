import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { attemptStream, dagStream, runStream } from '@dagbook/contracts';
import { formatPosition, StateStore } from '@dagbook/event-store';
import { Journal, PIPELINE, withPostgres } from '@dagbook/testkit';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { House, TextLog } from '../test/house.ts';

const postgres = withPostgres();
const logs = new TextLog('{"event":"hello"}\n');
const objects = mkdtempSync(join(tmpdir(), 'dagbook-objects-'));
const LARGE = '["large"]';
const HASH = createHash('sha256').update(LARGE).digest('hex');
let house: House;
let journal: Journal;

beforeAll(async () => {
  house = await House.open(postgres, { logs, xcomStore: `file://${objects}` });
  journal = new Journal(postgres.stores.events);
  await journal.dag(PIPELINE);
  for (const runId of ['r1', 'r1-and-more', 'r2']) {
    await journal.run(PIPELINE, runId);
    await journal.start('pipeline', runId, 'extract');
    await journal.append(runStream('pipeline', runId), [{ type: 'TaskSucceeded', taskId: 'extract', mapIndex: -1, tryNumber: 1, epoch: 1, result: { kind: 'stored', key: `objects/pipeline/${runId}/extract/-1/1/1/${HASH}`, bytes: 9 }, atMs: journal.tick() }]);
    await journal.append(runStream('pipeline', runId), [{ type: 'RunSucceeded', atMs: journal.tick() }]);
    await postgres.stores.events.putContent('rendered', `pipeline/${runId}/extract/-1/1`, new TextEncoder().encode('{"command":"echo"}'));
    await postgres.stores.events.putContent('xcom', `pipeline/${runId}/extract/-1/1`, new TextEncoder().encode('[1]'));
    await new StateStore(postgres.stores.pool).setTask({ dagId: 'pipeline', runId, taskId: 'extract', mapIndex: -1 }, { key: 'page', text: '3', lifetimeMs: null, clearsWithTry: 1 });
    const folder = join(objects, `pipeline/${runId}/extract/-1/1/1`);
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, HASH), LARGE);
  }
  const created = (await postgres.stores.events.read(runStream('pipeline', 'r1')))[0]?.data as { logicalDateMs: number };
  await postgres.stores.events.append([{ streamId: `claim-pipeline/${created.logicalDateMs}`, expectedVersion: 0, events: [{ eventId: '01900000-0000-7000-8000-00000000000a', type: 'LogicalDateClaimed', schemaVersion: 1, data: { runId: 'r1' } }] }]);
  // As the scheduler answers: a run that has not ended is refused.
  await house.answerCommands(async (dagId, body) => {
    if (body.type !== 'EraseRun') return { kind: 'refused', code: 'not_here', message: 'Only erasures here.' };
    if (body.runId === 'r2') return { kind: 'refused', code: 'run_not_ended', message: 'Run r2 is running: only a run that has ended can be erased. Mark it failed first.' };
    await journal.append(runStream(dagId, body.runId), [{ type: 'RunErased', by: body.user, atMs: journal.tick() }]);
    const last = (await postgres.stores.events.feed({ xid: '0', pos: '0' }, 100_000)).at(-1);
    return { kind: 'done', position: last === undefined ? '0-0' : formatPosition(last.position) };
  });
  await house.caughtUp();
});
afterAll(async () => {
  await house.close();
  rmSync(objects, { recursive: true, force: true });
});

const RUNS = '/api/v2/dags/pipeline/dagRuns';

it('archives all that is kept of a run', async () => {
  const { body, headers } = await house.get(`${RUNS}/r1/archive`);
  const lines = (body as string).trimEnd().split('\n').map((line) => JSON.parse(line) as { kind: string; type?: string; streamId?: string });
  expect(headers.get('content-type')).toBe('application/x-ndjson');
  expect(lines.map(({ kind, type }) => type ?? kind)).toEqual(['RunCreated', 'RunStarted', 'TaskScheduled', 'TaskStarted', 'TaskSucceeded', 'RunSucceeded', 'xcom', 'state', 'AttemptGranted', 'rendered', 'log', 'end']);
  expect(lines.find(({ kind }) => kind === 'xcom')).toEqual({ kind: 'xcom', key: `objects/pipeline/r1/extract/-1/1/1/${HASH}`, value: ['large'] });
  expect(lines.find(({ kind }) => kind === 'state')).toEqual({ kind: 'state', task_id: 'extract', map_index: -1, key: 'page', value: 3 });
  expect(lines.slice(-3)).toEqual([
    { kind: 'rendered', attempt: 'pipeline/r1/extract/-1/1', fields: { command: 'echo' } },
    { kind: 'log', attempt: 'pipeline/r1/extract/-1/1', from_byte: 0, text: '{"event":"hello"}\n' },
    { kind: 'end', dag_id: 'pipeline', dag_run_id: 'r1', lines: 11 },
  ]);
  expect((await house.get(`${RUNS}/none/archive`)).status).toBe(404);
});

it('refuses a run that has not ended, and a viewer', async () => {
  expect(await house.ask('DELETE', `${RUNS}/r2`)).toMatchObject({ status: 409, body: { detail: 'Run r2 is running: only a run that has ended can be erased. Mark it failed first.' } });
  expect((await house.ask('DELETE', `${RUNS}/r2`, { token: await house.signIn('guest', 'only looking') })).status).toBe(403);
});

it('erases a run from every view at once, then from the journal, and nothing of any other', async () => {
  const stats = async () => ((await house.get('/api/v2/dagStats?dag_ids=pipeline')).body as { dags: { stats: { state: string; count: number }[] }[] }).dags[0]?.stats.find(({ state }) => state === 'success')?.count;
  expect(await stats()).toBe(3);
  expect((await house.ask('DELETE', `${RUNS}/r1`)).status).toBe(204);
  expect((await house.get(`${RUNS}/r1`)).status).toBe(404);
  expect(await stats()).toBe(2);
  const { events } = postgres.stores;
  await vi.waitFor(async () => expect(await events.listStreams('run-pipeline/')).toEqual([runStream('pipeline', 'r1-and-more'), runStream('pipeline', 'r2')]), { timeout: 20_000 });
  expect(await events.listStreams('claim-')).toEqual([]);
  expect(await events.listStreams(attemptStream('pipeline/'))).toEqual(['r1-and-more', 'r2'].map((runId) => attemptStream(`pipeline/${runId}/extract/-1/1`)));
  expect([await events.getContent('xcom', 'pipeline/r1/extract/-1/1'), await events.getContent('rendered', 'pipeline/r1/extract/-1/1')]).toEqual([null, null]);
  expect([await events.getContent('xcom', 'pipeline/r1-and-more/extract/-1/1'), await events.getContent('rendered', 'pipeline/r1-and-more/extract/-1/1')].map((content) => content !== null)).toEqual([true, true]);
  expect((await postgres.stores.pool.query('SELECT run_id FROM task_states ORDER BY run_id')).rows).toEqual([{ run_id: 'r1-and-more' }, { run_id: 'r2' }]);
  expect(logs.erased).toEqual(['pipeline/r1']);
  expect(readdirSync(join(objects, 'pipeline')).sort()).toEqual(['r1-and-more', 'r2']);
  expect((await events.read(dagStream('pipeline'))).length).toBe(1);
});

it('an id may be used again after its run was erased', async () => {
  const again = new Journal(postgres.stores.events);
  await again.run(PIPELINE, 'r1');
  await house.caughtUp();
  expect((await house.get(`${RUNS}/r1`)).body).toMatchObject({ dag_run_id: 'r1', state: 'running' });
});
