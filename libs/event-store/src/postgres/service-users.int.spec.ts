import { withPostgres } from '@dagbook/testkit';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createPool } from './connection.ts';
import { giveServiceRights, type JournalService } from './service-users.ts';
import { StateStore } from './state-store.ts';
import { openPostgresStores, type PostgresStores } from './stores.ts';

const fixture = withPostgres();
const SERVICES = ['scheduler', 'dispatcher', 'api-gateway'] as const;
const userOf = (service: JournalService, password = `of ${service}, with ' and "`) => ({ service, user: `Dagbook ${service}`, password });
const urlOf = (service: JournalService): string => {
  const { user, password } = userOf(service);
  return Object.assign(new URL(fixture.url), { username: encodeURIComponent(user), password: encodeURIComponent(password) }).href;
};
const stores = new Map<JournalService, PostgresStores>();

beforeAll(async () => {
  await giveServiceRights(fixture.stores.pool, SERVICES.map((service) => userOf(service)));
  // Once more changes nothing.
  await giveServiceRights(fixture.stores.pool, SERVICES.map((service) => userOf(service)));
  for (const service of SERVICES) stores.set(service, await openPostgresStores({ url: urlOf(service), maxConnections: 2, applicationName: service }));
});
afterAll(async () => {
  for (const one of stores.values()) await one.close();
});

const as = (service: JournalService): PostgresStores => stores.get(service) as PostgresStores;
const append = (service: JournalService, streamId: string): Promise<unknown> =>
  as(service).events.append([{ streamId, expectedVersion: 0, events: [{ eventId: crypto.randomUUID(), type: 'Noted', schemaVersion: 1, data: { by: service }, meta: {} }] }]);
/** `ok`, or what the server calls its refusal. */
const outcome = (service: JournalService, sql: string): Promise<string> => as(service).pool.query(sql).then(() => 'ok', (error: { code: string }) => error.code);

test('the journal is appended to by whom a stream belongs to, and read by all', async () => {
  await append('scheduler', 'run-d/r');
  await append('dispatcher', 'attempt-d/r/t');
  await append('api-gateway', 'connection-warehouse');
  for (const stream of ['run-d/other', 'attempt-d/r/u', 'dag-d']) await expect(append('api-gateway', stream)).rejects.toThrow(/row-level security/);
  for (const service of SERVICES) {
    expect((await as(service).pool.query('SELECT stream_id FROM events ORDER BY 1')).rows.map(({ stream_id: id }) => id)).toEqual(['attempt-d/r/t', 'connection-warehouse', 'run-d/r']);
  }
});

test.each([
  ['UPDATE events SET version = version WHERE false', ['42501', '42501', '42501']],
  ['DELETE FROM events WHERE false', ['42501', '42501', 'ok']],
  ['DELETE FROM attempt_leases WHERE false', ['ok', 'ok', '42501']],
  ['UPDATE dispatcher_term SET term = term WHERE false', ['42501', 'ok', '42501']],
  ['DELETE FROM schema_migrations WHERE false', ['42501', '42501', '42501']],
  ['UPDATE commands SET outcome = outcome WHERE false', ['ok', 'ok', 'ok']],
  ['SELECT FROM rm.dag_runs LIMIT 1', ['42501', '42501', 'ok']],
  ['SELECT FROM gateway.revoked_tokens LIMIT 1', ['42501', '42501', 'ok']],
  ['ALTER TABLE rm.dag_runs SET (fillfactor = 90)', ['42501', '42501', 'ok']],
  ['DROP POLICY "read by all" ON events', ['42501', '42501', '42501']],
  [`COPY events TO PROGRAM 'true'`, ['42501', '42501', '42501']],
  ['CREATE ROLE another', ['42501', '42501', '42501']],
])('%s: %j', async (sql, expected) => {
  expect(await Promise.all(SERVICES.map((service) => outcome(service, sql)))).toEqual(expected);
});

test('the gateway writes what a task keeps under its lease, which it may not change', async () => {
  const grant = { attemptId: 'd/r/t/-1/1', epoch: 1, worker: 'w', incarnation: 'i', dagId: 'd', runId: 'r', taskId: 't', queue: 'default', pool: 'default_pool', poolSlots: 1, lostAfterMs: 60_000 };
  await as('dispatcher').events.append([{ streamId: '', expectedVersion: 0, events: [], grants: [grant] }]);
  const states = new StateStore(as('api-gateway').pool);
  const scope = { dagId: 'd', runId: 'r', taskId: 't', mapIndex: -1 };
  const keep = (epoch: number) => states.setTask(scope, { key: 'k', text: String(epoch), lifetimeMs: null, clearsWithTry: 1 }, { attemptId: grant.attemptId, epoch });
  expect([await keep(1), await keep(2), (await states.taskEntry(scope, 'k'))?.value]).toEqual([true, false, 1]);
  expect([await states.setAsset('s3://x', { key: 'k', text: '1', writtenBy: { kind: 'api' } }, grant), await states.deleteTask(scope, null, grant), await states.deleteExpired()]).toEqual([true, true, 0]);
  expect(await outcome('api-gateway', 'SELECT FROM attempt_leases FOR KEY SHARE')).toBe('42501');
});

test('read models are made anew by the gateway, which owns them', async () => {
  const statements = 'BEGIN; CREATE SCHEMA rm_next; CREATE TABLE rm_next.dags (LIKE rm.dags INCLUDING ALL); ALTER SCHEMA rm RENAME TO rm_old; ALTER SCHEMA rm_next RENAME TO rm; DROP SCHEMA rm_old CASCADE; ROLLBACK';
  expect(await outcome('api-gateway', statements)).toBe('ok');
});

test('an owner who may not make users says so', async () => {
  const pool = createPool({ url: urlOf('scheduler'), maxConnections: 1 });
  await expect(giveServiceRights(pool, [{ service: 'scheduler', user: 'nobody', password: 'x'.repeat(20) }])).rejects.toMatchObject({ code: 'store.refused', retryable: false });
  await pool.end();
});
