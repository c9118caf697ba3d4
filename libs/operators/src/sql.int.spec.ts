import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '@dagbook/parts';
import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { failureOf, rigOf } from '../test/rig.ts';
import { sql, sqlCheck, sqlSensor } from './sql.ts';

let server: EmbeddedPostgres;
let dataDir: string;
let connections: { postgres_default: { host: string; port: number; login: string; password: string; schema: string } };

beforeAll(async () => {
  dataDir = mkdtempSync(join(tmpdir(), 'dagbook-sql-'));
  server = await startEmbeddedPostgres({ dataDir });
  const url = new URL(server.url);
  connections = { postgres_default: { host: url.hostname, port: server.port, login: url.username, password: decodeURIComponent(url.password), schema: url.pathname.slice(1) } };
});
afterAll(async () => {
  await server.stop();
  rmSync(dataDir, { recursive: true, force: true });
});

const run = (fields: object) => sql({ ...fields }, rigOf({ connections }).context);

test('rows are objects, with values that JSON keeps exact', async () => {
  const text = `SELECT 1::int8 AS small, 9007199254740993::int8 AS large, date '2026-01-01' AS day, timestamp '2026-01-01 06:30' AS local,
    timestamptz '2026-01-01 00:00+09' AS instant, 0.1::numeric AS exact, '{"a":[1]}'::jsonb AS json, ARRAY[1,2] AS list, null AS nothing`;
  const rows = await run({ sql: text, fetch: 'rows' });
  expect(JSON.parse(JSON.stringify(rows))).toEqual([
    { small: 1, large: '9007199254740993', day: '2026-01-01', local: '2026-01-01T06:30:00', instant: '2025-12-31T15:00:00.000Z', exact: '0.1', json: { a: [1] }, list: [1, 2], nothing: null },
  ]);
});

test('values are never part of the statement', async () => {
  await run({ sql: 'CREATE TABLE names (name text, tags jsonb)' });
  const hostile = `'); DROP TABLE names; --`;
  expect(await run({ sql: 'INSERT INTO names VALUES ($1, $2)', values: [hostile, { 도시: ['서울'] }] })).toEqual({ rowCount: 1 });
  expect(await run({ sql: 'SELECT * FROM names', fetch: 'first' })).toEqual({ name: hostile, tags: { 도시: ['서울'] } });
});

test('several statements are one transaction, and the last one answers', async () => {
  expect(await run({ sql: 'SELECT 1 AS a; SELECT 2 AS b UNION SELECT 3 ORDER BY b', fetch: 'rows' })).toEqual([{ b: 2 }, { b: 3 }]);
  const failure = await failureOf(run({ sql: "CREATE TABLE half (a int);\nINSERT INTO half VALUES ('x')" }));
  expect(failure).toMatchObject({ code: 'error', message: 'Postgres refused the statement: invalid input syntax for type integer: "x" (22P02), at line 2', retry: false });
  expect(await run({ sql: "SELECT to_regclass('half') AS found", fetch: 'first' })).toEqual({ found: null });
});

test('more rows than maxRows are refused while they come', async () => {
  const failure = await failureOf(run({ sql: 'SELECT * FROM generate_series(1, 5000000)', fetch: 'rows', maxRows: 10 }));
  expect(failure).toMatchObject({ code: 'bad_output', message: 'the query answered more than 10 rows: add a LIMIT, or raise maxRows', retry: false });
});

test('a check names the values that do not hold', async () => {
  const check = (text: string) => sqlCheck({ sql: text }, rigOf({ connections }).context);
  expect(await check('SELECT 3 AS rows, true AS fresh')).toEqual({ rows: 3, fresh: true });
  expect((await failureOf(check('SELECT 0 AS rows, 1 AS more, null::text AS newest'))).message).toBe('the check did not hold: rows is 0, newest is null');
  expect((await failureOf(check('SELECT 1 WHERE false'))).message).toBe('the check did not hold: the query answered no row');
});

test('a sensor looks again until the first value holds', async () => {
  const look = () => sqlSensor({ sql: 'SELECT count(*) AS n FROM arrivals' }, rigOf({ connections }).context);
  await run({ sql: 'CREATE TABLE arrivals (day date)' });
  expect(await look()).toEqual({ done: false });
  await run({ sql: "INSERT INTO arrivals VALUES ('2026-01-01')" });
  expect(await look()).toEqual({ done: true, value: { n: 1 } });
});

test('a cancelled task cancels its statement on the server', async () => {
  const abort = new AbortController();
  const { context, waitFor } = rigOf({ abort, connections });
  const running = failureOf(sql({ sql: "DO $$ BEGIN RAISE NOTICE 'up'; PERFORM pg_sleep(1000); END $$" }, context));
  await waitFor((line) => line === 'task.sql info: NOTICE: up');
  abort.abort();
  expect(await running).toMatchObject({ code: 'cancelled', message: 'the statement was cancelled: the try was cancelled or its time is over' });
  const watcher = new pg.Client(server.url);
  await watcher.connect();
  expect((await watcher.query("SELECT count(*)::int AS n FROM pg_stat_activity WHERE query LIKE 'DO %' AND state = 'active'")).rows).toEqual([{ n: 0 }]);
  await watcher.end();
});

test('a connection that is missing, away or wrong says so without its password', async () => {
  expect((await failureOf(sql({ sql: 'SELECT 1' }, rigOf().context))).message).toBe(
    "there is no connection 'postgres_default': it was looked for in the secrets files beside the DAGs, in DAGBOOK_CONN_POSTGRES_DEFAULT, and among the stored ones (dagbook connections set postgres_default)",
  );
  const away = await failureOf(sql({ sql: 'SELECT 1' }, rigOf({ connections: { postgres_default: { ...connections.postgres_default, port: 1 } } }).context));
  expect(away).toMatchObject({ code: 'error', retry: true, message: "Postgres of connection 'postgres_default' cannot be reached: connect ECONNREFUSED 127.0.0.1:1" });
  const wrong = await failureOf(sql({ sql: 'SELECT 1' }, rigOf({ connections: { postgres_default: { ...connections.postgres_default, password: 'p%40ss@w/ord' } } }).context));
  expect(`${wrong.message}${wrong.detail ?? ''}`).not.toContain('p%40ss');
  expect(wrong.message).toContain('password authentication failed');
});
