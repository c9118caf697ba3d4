import { connectionStream } from '@dagbook/contracts';
import { type TestPostgres, withPostgres } from '@dagbook/testkit';
import { attemptToken } from '@dagbook/platform';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { House, SECRETS_KEY, TOKEN_SECRET } from '../../test/house.ts';

const PASSWORD = 'c4nary%@ p"w-한글';
const NEW_KEY = 'ff00ee11dd22cc33bb44aa5599668877ff00ee11dd22cc33bb44aa5599668876';
const LAKE = { connection_id: 'lake_db', conn_type: 'postgres', host: 'db', login: 'etl', password: PASSWORD, port: 5432, schema: 'sales', extra: '{"sslmode":"require","api_token":"tok-8271"}' };

const postgres: TestPostgres = withPostgres();
let house: House;

beforeAll(async () => {
  house = await House.open(postgres);
});
afterAll(() => house.close());

const attempt = 'd/r/t/-1/1';

/** As a worker asks, with the token and the lease of an attempt. */
async function asAttempt(from: House, path: string): ReturnType<House['ask']> {
  const token = attemptToken(TOKEN_SECRET, attempt, 1);
  return from.ask('GET', `/execution/${path}`, { token: null, headers: { authorization: `Bearer ${token}`, 'dagbook-attempt': attempt, 'dagbook-epoch': '1' } });
}

test('a connection is stored, told without its secrets, changed, and given to the attempt that holds its lease', async () => {
  const shown = { ...LAKE, description: null, password: '***', extra: '{"sslmode":"require","api_token":"***"}', team_name: null };
  expect(await house.ask('POST', '/api/v2/connections', { body: LAKE })).toMatchObject({ status: 201, body: shown });
  expect((await house.ask('POST', '/api/v2/connections', { body: LAKE })).status).toBe(409);
  expect((await house.get('/api/v2/connections/lake_db')).body).toEqual(shown);
  expect((await house.get('/api/v2/connections?connection_id_pattern=lake%25')).body).toEqual({ connections: [shown], total_entries: 1 });

  // What a form sends back unchanged stays as it was.
  expect((await house.ask('PATCH', '/api/v2/connections/lake_db', { body: { ...shown, password: null } })).body.password).toBe('***');
  const changed = await house.ask('PATCH', '/api/v2/connections/lake_db', { body: { ...shown, host: 'db2', extra: '{"sslmode":"off","api_token":"***"}' } });
  expect(changed).toMatchObject({ status: 200, body: { host: 'db2', password: '***', extra: '{"sslmode":"off","api_token":"***"}' } });
  const masked = await house.ask('PATCH', '/api/v2/connections/lake_db?update_mask=port', { body: { ...LAKE, port: 5433, host: 'ignored', password: 'ignored' } });
  expect(masked.body).toMatchObject({ host: 'db2', port: 5433 });

  expect((await asAttempt(house, 'connections/lake_db')).status).toBe(403);
  await postgres.stores.events.append([{
    streamId: `attempt-${attempt}`, expectedVersion: 0, events: [{ eventId: '019a0000-0000-7000-8000-000000000001', type: 'AttemptGranted', schemaVersion: 1, data: {} }],
    grants: [{ attemptId: attempt, epoch: 1, worker: 'w', incarnation: 'i', dagId: 'd', runId: 'r', taskId: 't', queue: 'default', pool: 'default_pool', poolSlots: 1, lostAfterMs: 60_000 }],
  }]);
  const { body } = await asAttempt(house, 'connections/lake_db');
  expect(body).toMatchObject({ host: 'db2', port: 5433, password: PASSWORD, extra: '{"sslmode":"off","api_token":"tok-8271"}' });
  expect(body.uri).toBe('postgres://etl:c4nary%25%40%20p%22w-%ED%95%9C%EA%B8%80@db2:5433/sales?sslmode=off&api_token=tok-8271');
  expect((await asAttempt(house, 'connections/nowhere')).status).toBe(404);
});

test('variables likewise; what their keys name a secret is not shown', async () => {
  const set = (body: object) => house.ask('POST', '/api/v2/variables', { body });
  expect((await set({ key: 'region', value: 'seoul', description: 'where' })).body).toEqual({ key: 'region', value: 'seoul', description: 'where', is_encrypted: true, team_name: null });
  expect((await set({ key: 'api_token', value: PASSWORD })).body.value).toBe('***');
  expect((await set({ key: '도시/list', value: { a: 1, password: PASSWORD } })).body.value).toBe('{"a":1,"password":"***"}');
  expect((await house.ask('PATCH', '/api/v2/variables/api_token', { body: { key: 'api_token', value: '***', description: 'kept' } })).body).toMatchObject({ value: '***', description: 'kept' });
  expect((await asAttempt(house, 'variables/api_token')).body).toEqual({ value: PASSWORD });
  expect((await asAttempt(house, `variables/${encodeURIComponent('도시/list')}`)).body.value).toBe(JSON.stringify({ a: 1, password: PASSWORD }));
  // The environment goes before the store.
  expect((await asAttempt(house, 'variables/region')).body).toEqual({ value: 'ap-northeast-2' });
  expect((await house.get('/api/v2/variables')).body.variables.map((variable: { key: string }) => variable.key)).toEqual(['api_token', 'region', '도시/list']);
});

test('in bulk each entity stands for itself', async () => {
  const { body } = await house.ask('PATCH', '/api/v2/connections', {
    body: {
      actions: [
        { action: 'create', action_on_existence: 'skip', entities: [{ connection_id: 'lake_db', conn_type: 'x' }, { connection_id: 'one', conn_type: 'http', host: 'h' }] },
        { action: 'create', entities: [{ connection_id: 'one', conn_type: 'http' }] },
        { action: 'create', action_on_existence: 'overwrite', entities: [{ connection_id: 'one', conn_type: 'http', host: 'h2', password: '***' }] },
        { action: 'update', entities: [{ connection_id: 'none', conn_type: 'http' }], action_on_non_existence: 'skip' },
        { action: 'delete', entities: ['one', 'none'] },
      ],
    },
  });
  expect(body).toEqual({
    create: { success: ['one', 'one'], errors: [{ error: "The connection 'one' exists already; change it instead.", status_code: 409 }] },
    update: { success: [], errors: [] },
    delete: { success: ['one'], errors: [{ error: "There is no connection 'none'.", status_code: 404 }] },
  });
  const refused = await house.ask('PATCH', '/api/v2/variables', { body: { actions: [{ action: 'create', entities: [{ key: 'new', value: 1 }] }, { action: 'drop', entities: [] }] } });
  expect(refused.status).toBe(422);
  expect((await house.get('/api/v2/variables/new')).status).toBe(404);
});

test.each([
  ['POST', '/api/v2/connections', { ...LAKE, connection_id: 'no/id' }, 422],
  ['POST', '/api/v2/connections', { ...LAKE, connection_id: 'x', extra: '[1]' }, 422],
  ['POST', '/api/v2/connections', { ...LAKE, connection_id: 'x', port: 70_000 }, 422],
  ['POST', '/api/v2/connections', { ...LAKE, connection_id: 'x', unknown: 1 }, 422],
  ['PATCH', '/api/v2/connections/none', { ...LAKE, connection_id: 'none' }, 404],
  ['PATCH', '/api/v2/connections/lake_db', { ...LAKE, connection_id: 'other' }, 400],
  ['DELETE', '/api/v2/connections/none', undefined, 404],
  ['POST', '/api/v2/connections/test', LAKE, 403],
  ['POST', '/api/v2/variables', { key: 'a\u001fb', value: 1 }, 422],
  ['POST', '/api/v2/variables', { key: 'no value' }, 422],
])('%s %s refuses what it cannot take, without repeating it', async (method, path, body, status) => {
  const answer = await house.ask(method, path, body === undefined ? {} : { body });
  expect(answer.status, JSON.stringify(answer.body)).toBe(status);
  expect(JSON.stringify(answer.body)).not.toContain('c4nary');
});

test('viewers see none of it', async () => {
  const token = await house.signIn('guest', 'only looking');
  for (const path of ['/api/v2/connections', '/api/v2/connections/lake_db', '/api/v2/variables', '/api/v2/variables/region']) expect((await house.ask('GET', path, { token })).status).toBe(403);
  expect((await house.ask('POST', '/api/v2/secrets/rotate', { token })).status).toBe(403);
});

test('keys rotate; an old one opens what it sealed until then, and no more is needed after', async () => {
  const both = await House.open(postgres, { secretsKeys: `${NEW_KEY},${SECRETS_KEY}` });
  const { body: rotated } = await both.ask('POST', '/api/v2/secrets/rotate');
  expect(rotated).toMatchObject({ resealed: 4, total: 4 });
  expect((await both.ask('POST', '/api/v2/secrets/rotate')).body).toEqual({ ...rotated, resealed: 0 });
  await both.close();
  const alone = await House.open(postgres, { secretsKeys: NEW_KEY });
  expect((await asAttempt(alone, 'connections/lake_db')).body.password).toBe(PASSWORD);
  await alone.close();
  // Without the key nothing is passed over in silence.
  expect((await asAttempt(house, 'connections/lake_db')).body.detail).toContain('was sealed with the key');
  expect((await house.get('/api/v2/connections')).body.connections[0].description).toContain('is not among DAGBOOK_SECRETS_KEYS');
  const anew = { actions: [{ action: 'create', action_on_existence: 'overwrite', entities: [{ ...LAKE, connection_id: 'lake_db', password: 'canary-anew' }] }] };
  expect((await house.ask('PATCH', '/api/v2/connections', { body: anew })).body.create.success).toEqual(['lake_db']);
  expect((await asAttempt(house, 'connections/lake_db')).body.password).toBe('canary-anew');
});

test('the journal holds no secret', async () => {
  const events = await postgres.stores.events.feed({ xid: '0', pos: '0' }, 10_000);
  expect(events.filter(({ streamId }) => streamId === connectionStream('lake_db')).map(({ type }) => type)).toEqual(['ConnectionSet', 'ConnectionSet', 'ConnectionSet', 'ConnectionSet', 'ConnectionResealed', 'ConnectionSet']);
  const text = JSON.stringify(events);
  for (const secret of ['c4nary', 'canary-anew', 'tok-8271', 'seoul', Buffer.from(PASSWORD).toString('base64').slice(0, -4)]) expect(text).not.toContain(secret);
});
