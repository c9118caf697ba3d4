import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { attemptId, type AttemptKey, dagStream, largeResultKey, MAX_RESULT_BYTES, runStream } from '@dagbook/contracts';
import { attemptToken } from '@dagbook/platform';
import { Journal, PIPELINE, withPostgres } from '@dagbook/testkit';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { House, TOKEN_SECRET, WORKER_SECRET } from '../../test/house.ts';

const postgres = withPostgres();
let house: House;
let objects: string;
let journal: Journal;

const OWN: AttemptKey = { dagId: 'pipeline', runId: 'today', taskId: 'load', mapIndex: 0, tryNumber: 1 };

beforeAll(async () => {
  objects = mkdtempSync(join(tmpdir(), 'dagbook-objects-'));
  house = await House.open(postgres, { xcomStore: `file://${objects}` });
  journal = new Journal(postgres.stores.events);
  await journal.dag(PIPELINE);
  const at = (day: number) => ({ runAfterMs: Date.UTC(2026, 10, day), dataInterval: { startMs: Date.UTC(2026, 10, day - 1), endMs: Date.UTC(2026, 10, day) } });
  for (const [runId, day, end] of [['good', 20, 'RunSucceeded'], ['bad', 21, 'RunFailed'], ['later', 23, 'RunSucceeded']] as const) {
    await journal.run(PIPELINE, runId, at(day));
    await journal.append(runStream('pipeline', runId), [end === 'RunFailed' ? { type: end, reason: 'task_failed', atMs: journal.tick() } : { type: end, atMs: journal.tick() }]);
  }
  await journal.run(PIPELINE, 'today', at(22));
  const returned = (taskId: string, mapIndex: number, result: object) =>
    journal.append(runStream('pipeline', 'today'), [{ type: 'TaskSucceeded', taskId, mapIndex, tryNumber: 1, epoch: 1, result: result as never, atMs: journal.tick() }]);
  await postgres.stores.events.putContent('xcom', 'pipeline/today/extract/-1/1/1', new TextEncoder().encode('[1,2,3]'));
  await returned('extract', -1, { kind: 'stored', key: 'pipeline/today/extract/-1/1/1', bytes: 7 });
  await journal.append(runStream('pipeline', 'today'), [{ type: 'XComSet', taskId: 'extract', mapIndex: -1, key: 'rows', value: { kind: 'inline', value: 3 }, by: 'ann', atMs: journal.tick() }]);
  await journal.append(runStream('pipeline', 'today'), [{ type: 'TaskExpanded', taskId: 'load', length: 3, atMs: journal.tick() }]);
  for (const mapIndex of [1, 2]) await returned('load', mapIndex, { kind: 'inline', value: mapIndex * 10 });
  await journal.start('pipeline', 'today', 'load', { mapIndex: 0 });
  await postgres.stores.events.append([{ streamId: '', expectedVersion: 0, events: [], grants: [{ attemptId: attemptId(OWN), epoch: 1, worker: 'w', incarnation: 'i', dagId: 'pipeline', runId: 'today', taskId: 'load', queue: 'default', pool: 'default_pool', poolSlots: 1, lostAfterMs: 60_000 }] }]);
  await house.caughtUp();
});
afterAll(async () => {
  await house.close();
  rmSync(objects, { recursive: true, force: true });
});

const ask = (method: string, path: string, body?: unknown) =>
  house.ask(method, `/execution/${path}`, {
    token: null, ...(body === undefined ? {} : { body }),
    headers: { authorization: `Bearer ${attemptToken(TOKEN_SECRET, attemptId(OWN), 1)}`, 'dagbook-attempt': attemptId(OWN), 'dagbook-epoch': '1' },
  });

test('a worker learns which files go along with the DAGs there are, and nobody else', async () => {
  const files = async (token: string) => house.ask('GET', '/execution/files-in-use', { token: null, headers: { authorization: `Bearer ${token}` } });
  expect(await files(WORKER_SECRET)).toMatchObject({ status: 200, body: { hashes: [] } });
  const planHash = (await postgres.stores.events.read(dagStream('pipeline'))).map(({ data }) => (data as { planHash?: string }).planHash).find((hash) => hash !== undefined) ?? '';
  await postgres.stores.events.putContent('bundle', 'bundle-with-files', new TextEncoder().encode(JSON.stringify({ hash: 'bundle-with-files', file: 'etl.ts', code: '', filesHash: 'f'.repeat(64) })));
  await journal.append(dagStream('etl'), [{ type: 'DagVersionRegistered', dagId: 'etl', version: 1, planHash, bundleHash: 'bundle-with-files', file: 'etl.ts', atMs: journal.tick() }]);
  await house.caughtUp();
  expect((await files(WORKER_SECRET)).body).toEqual({ hashes: ['f'.repeat(64)] });
  expect((await files('guess')).status).toBe(401);
});

test.each([
  [{ taskId: 'extract' }, { found: true, value: [1, 2, 3] }],
  [{ taskId: 'load' }, { found: true, value: [10, 20] }],
  [{ taskId: 'load', mapIndexes: 2 }, { found: true, value: 20 }],
  [{ taskId: 'load', mapIndexes: [2, 0, 1] }, { found: true, value: [20, 10] }],
  [{ taskId: 'load', mapIndexes: 7 }, { found: false }],
  [{ taskId: 'nowhere' }, { found: false }],
  [{ taskId: 'extract', key: 'rows' }, { found: true, value: 3 }],
  [{ taskId: 'extract', key: 'none' }, { found: false }],
])('ti.xcom_pull of %j', async (question, expected) => {
  expect((await ask('POST', 'xcom', question)).body).toEqual(expected);
});

test('the run before that succeeded, not the one that failed and none that is later', async () => {
  expect((await ask('GET', 'previous-success')).body).toMatchObject({ dataInterval: { startMs: Date.UTC(2026, 10, 19), endMs: Date.UTC(2026, 10, 20) } });
});

test('rendered fields are the task instance\'s own, the first of its try', async () => {
  expect((await ask('POST', 'rendered-fields', { fields: { command: 'load ***', env: { DAY: '2026-11-22' } } })).status).toBe(200);
  await ask('POST', 'rendered-fields', { fields: { command: 'again' } });
  const { body } = await house.get('/api/v2/dags/pipeline/dagRuns/today/taskInstances/load/0');
  expect(body.rendered_fields).toEqual({ command: 'load ***', env: { DAY: '2026-11-22' } });
  const { body: listed } = await house.get('/api/v2/dags/pipeline/dagRuns/today/taskInstances');
  expect(listed.task_instances.map((row: { map_index: number; rendered_fields: object }) => [row.map_index, row.rendered_fields])).toContainEqual([0, body.rendered_fields]);
  expect((await ask('POST', 'rendered-fields', { fields: { big: 'x'.repeat(300_000) } })).status).toBe(413);
  expect((await ask('POST', 'rendered-fields', { fields: [] })).status).toBe(422);
});

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
const send = (text: string, headers: Record<string, string> = {}) =>
  fetch(`${house.gateway.url}/execution/results`, {
    method: 'PUT', body: text,
    headers: {
      authorization: `Bearer ${attemptToken(TOKEN_SECRET, attemptId(OWN), 1)}`, 'dagbook-attempt': attemptId(OWN), 'dagbook-epoch': '1',
      'content-type': 'application/x-dagbook-result', 'dagbook-bytes': String(Buffer.byteLength(text)), 'dagbook-sha256': sha256(text), ...headers,
    },
  }).then(async (response) => ({ status: response.status, body: (await response.json()) as unknown }));

test('a large result goes to the place of objects as it came, and back', async () => {
  const text = JSON.stringify(Array.from({ length: 60_000 }, (_, n) => ({ n, 이름: 'row' })));
  const key = largeResultKey(attemptId(OWN), 1, sha256(text));
  expect(await send(text)).toEqual({ status: 200, body: { key, bytes: Buffer.byteLength(text) } });
  expect(await send(text)).toMatchObject({ status: 200, body: { key } });
  expect(readdirSync(join(objects, attemptId(OWN), '1'))).toEqual([sha256(text)]);
  expect((await ask('GET', `result-objects/${encodeURIComponent(key)}`)).body).toEqual(JSON.parse(text));
  expect((await ask('GET', `results/${encodeURIComponent(key)}`)).body).toEqual({ value: JSON.parse(text) });
  writeFileSync(join(objects, attemptId(OWN), '1', sha256(text)), text.replace('row', 'raw'));
  expect(await ask('GET', `results/${encodeURIComponent(key)}`)).toMatchObject({ status: 502, body: { detail: expect.stringContaining('is damaged') } });
  expect((await ask('GET', `result-objects/${encodeURIComponent(key.replace('today', 'good'))}`)).status).toBe(403);
  expect((await ask('GET', `result-objects/${encodeURIComponent(largeResultKey(attemptId(OWN), 1, sha256('other')))}`)).status).toBe(404);
});

test('what is not what it says, too large, or without its lease is refused and leaves nothing', async () => {
  const before = readdirSync(objects, { recursive: true }).length;
  const text = 'x'.repeat(400_000);
  expect(await send(text, { 'dagbook-sha256': sha256('y') })).toMatchObject({ status: 503, body: { detail: 'The result did not arrive as it was sent' } });
  expect(await send(text, { 'dagbook-bytes': '399999' })).toMatchObject({ status: 503 });
  expect(await send(text, { 'dagbook-bytes': String(MAX_RESULT_BYTES + 1) })).toMatchObject({ status: 413, body: { detail: `The result is ${MAX_RESULT_BYTES + 1} bytes, but at most ${MAX_RESULT_BYTES} are kept: write it to storage and return where it lies` } });
  expect(await send(text, { 'dagbook-bytes': '-1' })).toMatchObject({ status: 422 });
  expect(await send(text, { 'dagbook-epoch': '2' })).toMatchObject({ status: 401 });
  expect(await send(text, { 'dagbook-sha256': '../../x' })).toMatchObject({ status: 422 });
  expect(await send(text, { 'content-type': 'application/json' })).toMatchObject({ status: 422 });
  expect(readdirSync(objects, { recursive: true }).length).toBe(before);
});

test('ti.xcom_pull names large results, which the worker reads itself', async () => {
  const text = JSON.stringify('z'.repeat(300_000));
  const key = largeResultKey(attemptId({ ...OWN, mapIndex: 0 }), 1, sha256(text));
  await send(text);
  await journal.append(runStream('pipeline', 'today'), [{ type: 'TaskSucceeded', taskId: 'load', mapIndex: 0, tryNumber: 1, epoch: 1, result: { kind: 'stored', key, bytes: text.length }, atMs: journal.tick() }]);
  expect((await ask('POST', 'xcom', { taskId: 'load' })).body).toEqual({ found: true, value: [null, 10, 20], large: [{ at: 0, key }] });
  expect((await ask('POST', 'xcom', { taskId: 'load', mapIndexes: 0 })).body).toEqual({ found: true, value: null, large: [{ key }] });
});
