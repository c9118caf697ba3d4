import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { attemptId, type AttemptKey, type LogSlice, TOPICS } from '@dagbook/contracts';
import { HttpLogReader, readerToken } from '@dagbook/logs';
import { MemoryBroker } from '@dagbook/messaging';
import { ManualClock, silentLog } from '@dagbook/platform';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type RunningLogServer, startLogServer } from './service.ts';

const secret = 'a secret of more than sixteen characters';
const attempt: AttemptKey = { dagId: 'etl', runId: 'manual__2026-01-02T00:00:00+09:00~x', taskId: 'load', mapIndex: 3, tryNumber: 2 };
let folder: string;
let broker: MemoryBroker;
let server: RunningLogServer;
let reader: HttpLogReader;

const start = (port = 0) => startLogServer({ broker, folder, clock: new ManualClock(0), log: silentLog, http: { host: '127.0.0.1', port, secret } });

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'dagbook-log-server-'));
  broker = new MemoryBroker();
  server = await start();
  reader = new HttpLogReader({ url: server.url!, secret });
});
afterEach(async () => {
  await server.stop();
  await broker.close();
  rmSync(folder, { recursive: true, force: true });
});

const publish = (offset: number, text: string, end?: { bytes: number; lines: number }) =>
  broker.publisher().publish([
    { topic: TOPICS.logs.name, key: attemptId(attempt), type: 'LogChunk', data: { attemptId: attemptId(attempt), epoch: 0, offset, text, ...(end === undefined ? {} : { end }) } },
  ]);

test('a line that a worker publishes reaches followers in process and over HTTP, and the end ends them', async () => {
  const followed: LogSlice[][] = [[], []];
  const followers = [server.reader, reader].map(async (from, at) => {
    for await (const slice of from.follow({ attempt, fromByte: 0 }, new AbortController().signal)) followed[at]!.push(slice);
  });
  await publish(0, '{"event":"one"}\n');
  await publish(16, '{"event":"둘"}\n', { bytes: 32, lines: 2 });
  await Promise.all(followers);
  for (const slices of followed) {
    expect(slices.map(({ text }) => text).join('')).toBe('{"event":"one"}\n{"event":"둘"}\n');
    expect(slices.at(-1)).toMatchObject({ nextByte: 32, ended: true });
  }
  expect(await reader.read({ attempt, tailBytes: 20, maxBytes: 1_000 })).toEqual({ fromByte: 16, nextByte: 32, text: '{"event":"둘"}\n', ended: true });
  expect(await reader.read({ attempt: { ...attempt, tryNumber: 1 }, maxBytes: 1_000 })).toBe(null);
});

test('a follower over HTTP goes on when log-server comes back', async () => {
  await publish(0, 'one\n');
  const slices = reader.follow({ attempt, fromByte: 0 }, new AbortController().signal)[Symbol.asyncIterator]();
  expect((await slices.next()).value.text).toBe('one\n');
  const next = slices.next();
  await server.stop();
  server = await start(Number(new URL(server.url!).port));
  await publish(4, 'two\n', { bytes: 8, lines: 2 });
  expect((await next).value).toEqual({ fromByte: 4, nextByte: 8, text: 'two\n', ended: true });
});

test('whoever is no reader is refused, and what is no attempt is 400 with the field', async () => {
  const get = async (path: string, authorization?: string) => {
    const response = await fetch(`${server.url}/logs/${path}`, { headers: authorization === undefined ? {} : { authorization } });
    return [response.status, ((await response.json()) as { code: string }).code];
  };
  const path = 'etl/r1/load/-1/1';
  const known = `Bearer ${readerToken(secret)}`;
  for (const authorization of [undefined, 'Bearer', `Bearer ${secret}`, `Bearer ${readerToken('another secret')}`, `Basic ${readerToken(secret)}`]) {
    expect(await get(path, authorization)).toEqual([401, 'log.unauthorized']);
    expect(await get(`${path}/follow`, authorization)).toEqual([401, 'log.unauthorized']);
  }
  expect(await get(path, known)).toEqual([404, 'log.not_found']);
  expect(await get('etl/r1/load/x/1', known)).toEqual([400, 'log.invalid_request']);
  expect(await get(`${path}?fromByte=-1`, known)).toEqual([400, 'log.invalid_request']);
  expect(await get('etl/..%2f..%2fetc/load/-1/1', known)).toEqual([400, 'log.invalid_attempt']);
  expect(await get('etl/..%2f..%2fetc/load/-1/1/follow', known)).toEqual([400, 'log.invalid_attempt']);
});

test('stopping ends open streams, and is safe twice', async () => {
  const controller = new AbortController();
  const slices = reader.follow({ attempt, fromByte: 0 }, controller.signal)[Symbol.asyncIterator]();
  const next = slices.next();
  await server.stop();
  await server.stop();
  controller.abort();
  expect((await next).done).toBe(true);
});
