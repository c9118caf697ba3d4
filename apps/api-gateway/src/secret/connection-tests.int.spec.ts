import type { ConnectionTestAnswer, ConnectionTestAsk } from '@dagbook/contracts';
import { withPostgres } from '@dagbook/testkit';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { House, WORKER_SECRET } from '../../test/house.ts';

const postgres = withPostgres();
let house: House;
let off: House;
const LAKE = { connection_id: 'lake_db', conn_type: 'postgres', host: 'db', port: 5432, login: 'etl', password: 'c4nary-password', extra: '{"api_key":"c4nary-extra"}' };

beforeAll(async () => {
  house = await House.open(postgres, { testsConnections: true });
  off = await House.open(postgres);
  await house.ask('POST', '/api/v2/connections', { body: LAKE });
});
afterAll(async () => {
  await house.close();
  await off.close();
});

const asWorker = async (ask: ConnectionTestAsk, of = house): Promise<ConnectionTestAnswer> =>
  (await of.ask('POST', '/execution/connection-tests', { token: null, headers: { authorization: `Bearer ${WORKER_SECRET}` }, body: ask })).body as ConnectionTestAnswer;

/** As a worker does: asks until it is given something, and tells how it went. */
async function worker(queues: readonly string[], outcome: { readonly status: boolean; readonly message: string }): Promise<ConnectionTestAnswer['test']> {
  for (;;) {
    const { test: given } = await asWorker({ worker: 'w-1', queues });
    if (given === undefined) continue;
    await asWorker({ worker: 'w-1', queues, done: { testId: given.testId, ...outcome } });
    return given;
  }
}

test('a worker of the queue is given the connection whole, and its outcome is the answer', async () => {
  const [answer, given] = await Promise.all([
    house.ask('POST', '/api/v2/connections/test?queue=s21', { body: { ...LAKE, password: '***', extra: '{"api_key":"***"}' } }),
    worker(['default', 's21'], { status: true, message: 'Connection successfully tested' }),
  ]);
  expect([answer.status, answer.body]).toEqual([200, { status: true, message: 'Connection successfully tested' }]);
  expect(given?.connection).toMatchObject({ conn_type: 'postgres', host: 'db', password: 'c4nary-password', extra: '{"api_key":"c4nary-extra"}' });
  expect((await postgres.stores.pool.query('SELECT * FROM connection_tests')).rows).toEqual([]);
});

test('what is stored goes nowhere but where it leads', async () => {
  const [answer, given] = await Promise.all([
    house.ask('POST', '/api/v2/connections/test', { body: { ...LAKE, host: 'elsewhere', password: '***', extra: '{"api_key":"***"}' } }),
    worker(['default'], { status: false, message: 'no' }),
  ]);
  expect(answer.body).toEqual({ status: false, message: 'no' });
  expect(JSON.stringify(given)).not.toContain('c4nary');
});

test('a row of it holds no secret, and one of another queue is not taken', async () => {
  const asked = house.ask('POST', '/api/v2/connections/test?queue=rare', { body: LAKE });
  let rows: object[] = [];
  while (rows.length === 0) ({ rows } = await postgres.stores.pool.query('SELECT * FROM connection_tests'));
  expect(JSON.stringify(rows)).not.toContain('c4nary');
  expect(await asWorker({ worker: 'w-1', queues: ['default'] })).toEqual({ enabled: true });
  await worker(['rare'], { status: true, message: 'yes' });
  expect((await asked).body).toEqual({ status: true, message: 'yes' });
});

test('off, as in Airflow, unless a site says otherwise; never for viewers, and not without the worker secret', async () => {
  expect(await off.ask('POST', '/api/v2/connections/test', { body: LAKE })).toMatchObject({ status: 403, body: { detail: expect.stringMatching(/^Testing connections is disabled in Dagbook configuration\. Contact your deployment admin to enable it/) } });
  expect(await asWorker({ worker: 'w-1', queues: [] }, off)).toEqual({ enabled: false });
  expect((await house.ask('POST', '/api/v2/connections/test', { body: LAKE, token: await house.signIn('guest', 'only looking') })).status).toBe(403);
  expect((await house.ask('POST', '/execution/connection-tests', { token: null, headers: { authorization: 'Bearer guess' }, body: { worker: 'w', queues: [] } })).status).toBe(401);
  expect((await house.ask('POST', '/api/v2/connections/test', { body: { ...LAKE, extra: '[1]' } })).status).toBe(422);
});
