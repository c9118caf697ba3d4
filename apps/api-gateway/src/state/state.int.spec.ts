import { attemptId, type AttemptKey, assetEventsStream, runStream, watcherAttemptId } from '@dagbook/contracts';
import { RunEraser, StateStore } from '@dagbook/event-store';
import { attemptToken, silentLog } from '@dagbook/platform';
import { Journal, PIPELINE, withPostgres } from '@dagbook/testkit';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { House, TOKEN_SECRET } from '../../test/house.ts';
import { StateSweeper } from './state-sweeper.ts';

const postgres = withPostgres();
let house: House;
let journal: Journal;

const FIRST: AttemptKey = { dagId: 'pipeline', runId: 'today', taskId: 'extract', mapIndex: -1, tryNumber: 1 };
const SECOND: AttemptKey = { ...FIRST, tryNumber: 2 };
const MAPPED: AttemptKey = { ...FIRST, taskId: 'load', mapIndex: 1 };
const ORDERS = 's3://lake/orders';

const grant = (id: string, epoch: number) =>
  postgres.stores.events.append([{ streamId: '', expectedVersion: 0, events: [], grants: [{ attemptId: id, epoch, worker: 'w', incarnation: 'i', dagId: 'pipeline', runId: 'today', taskId: 'extract', queue: 'default', pool: 'default_pool', poolSlots: 1, lostAfterMs: 60_000 }] }]);
const revoke = (id: string) => postgres.stores.events.append([{ streamId: '', expectedVersion: 0, events: [], revoke: [id] }]);

beforeAll(async () => {
  house = await House.open(postgres);
  journal = new Journal(postgres.stores.events);
  await journal.dag(PIPELINE);
  await journal.run(PIPELINE, 'today');
  await journal.start('pipeline', 'today', 'extract');
  await journal.append(assetEventsStream('1'), [{ type: 'AssetUpdated', uri: ORDERS, extra: {}, atMs: journal.tick(), aliases: ['todays'] }]);
  await house.caughtUp();
});
afterAll(() => house.close());
beforeEach(async () => {
  await postgres.stores.pool.query('DELETE FROM task_states');
  await postgres.stores.pool.query('DELETE FROM asset_states');
  await postgres.stores.pool.query('DELETE FROM attempt_leases');
});

const as = (id: string, epoch: number) => (question: object) =>
  house.ask('POST', '/execution/state', { token: null, body: question, headers: { authorization: `Bearer ${attemptToken(TOKEN_SECRET, id, epoch)}`, 'dagbook-attempt': id, 'dagbook-epoch': String(epoch) } });
const TASK = { of: { kind: 'task' } };

test('the next try reads what the one before kept', async () => {
  await grant(attemptId(FIRST), 1);
  const first = as(attemptId(FIRST), 1);
  expect(await first({ ...TASK, op: 'get', key: 'job_id' })).toMatchObject({ status: 200, body: {} });
  expect(await first({ ...TASK, op: 'set', key: 'job_id', value: { id: 'j-1', 이름: '\u0000' } })).toMatchObject({ status: 200, body: {} });
  await revoke(attemptId(FIRST));
  await grant(attemptId(SECOND), 2);
  expect((await as(attemptId(SECOND), 2)({ ...TASK, op: 'get', key: 'job_id' })).body).toEqual({ value: { id: 'j-1', 이름: '\u0000' } });
  await grant(attemptId(MAPPED), 3);
  expect((await as(attemptId(MAPPED), 3)({ ...TASK, op: 'get', key: 'job_id' })).body).toEqual({});
});

test('an execution that lost its lease changes nothing, whichever way', async () => {
  const states = new StateStore(postgres.stores.pool);
  await grant(attemptId(FIRST), 1);
  await as(attemptId(FIRST), 1)({ ...TASK, op: 'set', key: 'k', value: 'kept' });
  await revoke(attemptId(FIRST));
  await grant(attemptId(FIRST), 2);
  for (const question of [{ op: 'set', key: 'k', value: 'stale' }, { op: 'delete', key: 'k' }, { op: 'clear' }]) {
    expect(await as(attemptId(FIRST), 1)({ ...TASK, ...question })).toMatchObject({ status: 403, body: { detail: 'The attempt does not hold its lease any more' } });
  }
  // Behind the door too: a lease that goes between the question and the write.
  const stale = { attemptId: attemptId(FIRST), epoch: 1 };
  expect([
    await states.setTask(FIRST, { key: 'k', text: '"stale"', lifetimeMs: null, clearsWithTry: 1 }, stale), await states.deleteTask(FIRST, null, stale),
    await states.setAsset(ORDERS, { key: 'k', text: '1', writtenBy: { kind: 'api' } }, stale), await states.deleteAsset(ORDERS, null, stale),
  ]).toEqual([false, false, false, false]);
  expect((await as(attemptId(FIRST), 2)({ ...TASK, op: 'get', key: 'k' })).body).toEqual({ value: 'kept' });
  expect(await states.assetEntry(ORDERS, 'k')).toBeNull();
});

test('a write waits for an append that takes the lease away, and is then refused', async () => {
  const states = new StateStore(postgres.stores.pool);
  await grant(attemptId(FIRST), 1);
  const client = await postgres.stores.pool.connect();
  await client.query('BEGIN');
  await client.query('DELETE FROM attempt_leases WHERE attempt_id = $1', [attemptId(FIRST)]);
  const written = states.setTask(FIRST, { key: 'k', text: '1', lifetimeMs: null, clearsWithTry: 1 }, { attemptId: attemptId(FIRST), epoch: 1 });
  for (;;) {
    const { rows } = await postgres.stores.pool.query(`SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%task_states%'`);
    if (rows.length > 0) break;
  }
  await client.query('COMMIT');
  client.release();
  expect([await written, await states.taskEntry(FIRST, 'k')]).toEqual([false, null]);
});

test('what is wrong is refused with a sentence, what is too large for the site is kept with a warning', async () => {
  await grant(attemptId(FIRST), 1);
  const ask = as(attemptId(FIRST), 1);
  expect((await ask({ ...TASK, op: 'set', key: 'k', value: 'x'.repeat(65_533) })).body).toEqual({});
  expect((await ask({ ...TASK, op: 'set', key: 'k', value: 'x'.repeat(65_534) })).body).toEqual({ warning: expect.stringContaining('65536 bytes, which exceeds the 65535 of DAGBOOK_STATE_STORE_MAX_VALUE_BYTES') });
  expect((await ask({ ...TASK, op: 'set', key: 'k', value: 'x'.repeat(1_000_000) })).status).toBe(413);
  expect(await ask({ ...TASK, op: 'set', key: 'k', value: null })).toMatchObject({ status: 400, body: { detail: expect.stringContaining('says nothing') } });
  for (const key of ['', 'x'.repeat(513), 'a\u0000', '\ud800']) expect((await ask({ ...TASK, op: 'get', key })).status).toBe(400);
  expect((await ask({ ...TASK, op: 'steal' })).status).toBe(422);
  for (const retentionMs of [0.5, -1, '1d', 1e15]) expect((await ask({ ...TASK, op: 'set', key: 'k', value: 1, retentionMs })).status).toBe(400);
  for (const op of ['get', 'set', 'delete']) expect(await ask({ ...TASK, op, value: 1 })).toMatchObject({ status: 400, body: { detail: expect.stringContaining('is no text of 1 to 512 characters') } });
  expect((await ask({ ...TASK, op: 'set', key: 'k' })).status).toBe(400);
  expect((await ask({ ...TASK, op: 'get', key: 'k' })).body.value).toHaveLength(65_534);
  expect((await ask({ op: 'get', key: 'k' })).status).toBe(422);
  expect((await ask({ of: { kind: 'asset', uri: ORDERS, aliases: 'todays' }, op: 'get', key: 'k' })).status).toBe(422);
});

test('of an asset: whoever wrote last, over runs; a watcher too, and through an alias only what was updated through it', async () => {
  const watcher = watcherAttemptId('a'.repeat(32));
  await grant(attemptId(FIRST), 1);
  await grant(watcher, 2);
  const of = { kind: 'asset', uri: ORDERS };
  const id = (await house.get('/api/v2/assets?only_active=false')).body.assets.find(({ uri }: { uri: string }) => uri === ORDERS).id as number;
  const entries = async () => (await house.get(`/api/v2/assets/${id}/state-store`)).body;
  await as(attemptId(FIRST), 1)({ of, op: 'set', key: 'watermark', value: '2026-11-25' });
  expect(await entries()).toEqual({
    asset_state_store: [{ key: 'watermark', value: '2026-11-25', updated_at: expect.stringMatching(/Z$/), last_updated_by: { kind: 'task', dag_id: 'pipeline', run_id: 'today', task_id: 'extract', map_index: -1 } }],
    total_entries: 1,
  });
  await as(watcher, 2)({ of, op: 'set', key: 'watermark', value: 7 });
  expect((await entries()).asset_state_store[0]).toMatchObject({ value: 7, last_updated_by: { kind: 'watcher', dag_id: null } });
  expect((await as(watcher, 2)({ ...TASK, op: 'get', key: 'k' })).status).toBe(403);
  expect((await as(attemptId(FIRST), 1)({ of: { ...of, aliases: ['todays'] }, op: 'get', key: 'watermark' })).body).toEqual({ value: 7 });
  expect((await as(attemptId(FIRST), 1)({ of: { ...of, aliases: ['others'] }, op: 'get', key: 'watermark' })).status).toBe(403);
  const one = `/api/v2/assets/${id}/state-store/a/b c`;
  expect((await house.ask('PUT', one, { body: { value: [1] } })).status).toBe(204);
  expect((await house.get(one)).body).toMatchObject({ key: 'a/b c', value: [1], last_updated_by: { kind: 'api' } });
  expect((await house.ask('DELETE', one)).status).toBe(204);
  expect((await house.get(one)).body).toEqual({ detail: "Asset state store key 'a/b c' not found" });
  expect((await house.ask('DELETE', `/api/v2/assets/${id}/state-store`)).status).toBe(204);
  expect((await entries()).total_entries).toBe(0);
  expect((await house.get('/api/v2/assets/999/state-store')).status).toBe(404);
  expect((await house.get('/api/v2/assets/999/state-store/k')).status).toBe(404);
});

const STORE = '/api/v2/dags/pipeline/dagRuns/today/taskInstances/extract/state-store';

test('a person looks at it, mends it and takes it away, as in Airflow', async () => {
  expect((await house.get(STORE)).body).toEqual({ task_state_store: [], total_entries: 0 });
  expect((await house.ask('PUT', `${STORE}/b`, { body: { value: { n: 1, api_token: 'hunter2' } } })).status).toBe(204);
  expect((await house.ask('PUT', `${STORE}/a/key`, { body: { value: 'x', expires_at: null } })).status).toBe(204);
  expect((await house.ask('PUT', `${STORE}/c`, { body: { value: 1, expires_at: '2099-01-01T00:00:00Z' } })).status).toBe(204);
  const { body: listed } = await house.get(STORE);
  expect(listed).toEqual({
    total_entries: 3,
    task_state_store: [
      { key: 'a/key', value: 'x', updated_at: expect.stringMatching(/Z$/), expires_at: null },
      { key: 'b', value: { n: 1, api_token: '***' }, updated_at: expect.stringMatching(/Z$/), expires_at: expect.stringMatching(/Z$/) },
      { key: 'c', value: 1, updated_at: expect.stringMatching(/Z$/), expires_at: expect.stringMatching(/^2099-01-01T00:00:0/) },
    ],
  });
  expect((Date.parse(listed.task_state_store[1].expires_at) - Date.parse(listed.task_state_store[1].updated_at)) / 86_400_000).toBe(30);
  expect((await house.get(`${STORE}?limit=1&offset=2`)).body).toMatchObject({ task_state_store: [{ key: 'c' }], total_entries: 3 });
  expect((await house.get(`${STORE}?offset=3`)).body).toEqual({ task_state_store: [], total_entries: 3 });
  expect(await house.ask('PATCH', `${STORE}/a/key`, { body: { value: 'y' } })).toMatchObject({ status: 200, body: null });
  expect((await house.get(`${STORE}/a%2Fkey`)).body).toMatchObject({ value: 'y', expires_at: null });
  expect((await house.ask('PATCH', `${STORE}/none`, { body: { value: 'y' } })).body).toEqual({ detail: "Task state store key 'none' not found" });
  expect((await house.ask('DELETE', `${STORE}/a/key`)).status).toBe(204);
  expect((await house.get(`${STORE}/a/key`)).status).toBe(404);
  expect((await house.ask('DELETE', `${STORE}/a/key`)).status).toBe(204);
  expect((await house.ask('DELETE', STORE)).status).toBe(204);
  expect((await house.get(STORE)).body.total_entries).toBe(0);
});

test.each([
  [{ value: null }, 'value'], [{}, 'value'], [{ value: 'x'.repeat(65_534) }, 'value'], [{ value: 1, expires_at: 'tomorrow' }, 'expires_at'], [{ value: 1, more: 2 }, 'more'],
])('a body that breaks a rule is named', async (body, field) => {
  const { status, body: answer } = await house.ask('PUT', `${STORE}/k`, { body });
  expect([status, answer.detail[0].loc]).toEqual([422, ['body', field]]);
});

test('of instances that are not there 404, of every map index at once, and a viewer only looks', async () => {
  const key = 'x'.repeat(512);
  expect((await house.ask('PUT', `${STORE}/k?map_index=3`, { body: { value: 1 } })).body).toEqual({ detail: "Task instance not found for dag_id='pipeline', run_id='today', task_id='extract', map_index=3" });
  expect((await house.ask('DELETE', '/api/v2/dags/pipeline/dagRuns/today/taskInstances/none/state-store?all_map_indices=true')).status).toBe(404);
  await house.ask('PUT', `${STORE}/${'키'.repeat(512)}`, { body: { value: 1 } });
  expect((await house.ask('PUT', `${STORE}/${key}x`, { body: { value: 1 } })).status).toBe(422);
  const guest = await house.signIn('guest', 'only looking');
  expect((await house.ask('GET', STORE, { token: guest })).body.total_entries).toBe(1);
  expect((await house.ask('DELETE', `${STORE}/k`, { token: guest })).status).toBe(403);
  await grant(attemptId(MAPPED), 1);
  await as(attemptId(MAPPED), 1)({ ...TASK, op: 'set', key: 'k', value: 1 });
  expect((await house.ask('DELETE', `${STORE}?all_map_indices=true`)).status).toBe(204);
  expect((await postgres.stores.pool.query('SELECT task_id FROM task_states')).rows).toEqual([{ task_id: 'load' }]);
});

test('what has expired is read by nobody, and is swept; what was written anew is not', async () => {
  await grant(attemptId(FIRST), 1);
  const ask = as(attemptId(FIRST), 1);
  for (const key of ['old', 'renewed']) await ask({ ...TASK, op: 'set', key, value: 1, retentionMs: 0 });
  await ask({ ...TASK, op: 'set', key: 'renewed', value: 2, retentionMs: null });
  expect((await ask({ ...TASK, op: 'get', key: 'old' })).body).toEqual({});
  expect((await house.get(STORE)).body).toMatchObject({ total_entries: 1, task_state_store: [{ key: 'renewed', expires_at: null }] });
  expect((await house.ask('PATCH', `${STORE}/old`, { body: { value: 1 } })).status).toBe(404);
  expect((await house.get('/api/v2/stateStore/expired')).body).toEqual({ expired: [{ dag_id: 'pipeline', run_id: 'today', task_id: 'extract', map_index: -1, key: 'old' }], total_entries: 1 });
  expect((await house.ask('DELETE', '/api/v2/stateStore/expired')).body).toEqual({ deleted: 1 });
  expect((await house.ask('DELETE', '/api/v2/stateStore/expired')).body).toEqual({ deleted: 0 });
  expect((await postgres.stores.pool.query('SELECT key FROM task_states')).rows).toEqual([{ key: 'renewed' }]);
});

test('where the site clears on success, a recorded success takes away what its tries kept, and nothing else', async () => {
  const { pool } = postgres.stores;
  const states = new StateStore(pool);
  const keep = (taskId: string, key: string, clearsWithTry: number) => states.setTask({ ...FIRST, taskId }, { key, text: '1', lifetimeMs: null, clearsWithTry });
  await keep('extract', 'mine', 1);
  await keep('load', 'other', 1);
  const sweep = () => new StateSweeper({ states, db: pool, policy: { defaultRetentionDays: 30, maxValueBytes: 0, clearOnSuccess: true }, log: silentLog }).runOnce();
  const kept = async () => (await pool.query('SELECT key FROM task_states ORDER BY key')).rows.map(({ key }) => key as string);
  await sweep();
  expect(await kept()).toEqual(['mine', 'other']);
  await journal.append(runStream('pipeline', 'today'), [{ type: 'TaskSucceeded', taskId: 'extract', mapIndex: -1, tryNumber: 1, epoch: 1, atMs: journal.tick() }]);
  await house.caughtUp();
  expect((await house.ask('PUT', `${STORE}/for_the_next`, { body: { value: 1 } })).status).toBe(204);
  await sweep();
  expect(await kept()).toEqual(['for_the_next', 'other']);
});

test('an erased run takes its states along', async () => {
  const { pool } = postgres.stores;
  const states = new StateStore(pool);
  for (const runId of ['gone', 'gone-not']) await states.setTask({ ...FIRST, runId }, { key: 'k', text: '1', lifetimeMs: null, clearsWithTry: 1 });
  await new RunEraser(pool).erase({ dagId: 'pipeline', runId: 'gone' });
  expect((await pool.query('SELECT run_id FROM task_states')).rows).toEqual([{ run_id: 'gone-not' }]);
});
