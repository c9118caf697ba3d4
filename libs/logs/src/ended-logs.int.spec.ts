import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, truncateSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { attemptId, type AttemptKey, type LogChunk } from '@dagbook/contracts';
import { type ObjectStore, objectStoreAt } from '@dagbook/object-store';
import { type S3Server, startS3 } from '@dagbook/parts';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { DiskLogStore } from './disk-log-store.ts';

let server: S3Server;
let client: S3Client;
let dir: string;
let objects: ObjectStore;
let store: DiskLogStore;
let prefixes = 0;
const kept = { ...process.env };
const errors: unknown[] = [];

beforeAll(async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'dagbook-s3-'));
  server = await startS3({ cacheDir: fileURLToPath(new URL('../../../.dagbook/versitygw', import.meta.url)), dataDir });
  const { endpoint, accessKeyId, secretAccessKey } = server;
  Object.assign(process.env, { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey });
  client = new S3Client({ endpoint, region: 'us-east-1', forcePathStyle: true });
  await client.send(new CreateBucketCommand({ Bucket: 'logs' }));
}, 400_000);
afterAll(async () => {
  process.env = kept;
  client.destroy();
  await server.stop();
});

const open = async (settings: { restMs?: number; leftMs?: number; objects?: ObjectStore } = {}): Promise<void> => {
  store = await DiskLogStore.open({ dir, nowMs: Date.now, restMs: 0, objects, onError: (error) => errors.push(error), ...settings });
};
beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'dagbook-logs-'));
  errors.length = 0;
  objects = objectStoreAt(`s3://logs/${(prefixes += 1)}?endpoint=${server.endpoint}`);
  await open();
});
afterEach(async () => {
  await store.close();
  rmSync(dir, { recursive: true, force: true });
});

const attempt: AttemptKey = { dagId: 'etl', runId: 'scheduled__2026-01-02T00:00:00+09:00', taskId: 'load', mapIndex: -1, tryNumber: 1 };
const chunk = (offset: number, text: string, end?: number, epoch = 1, key = attempt): LogChunk =>
  ({ attemptId: attemptId(key), epoch, offset, text, ...(end === undefined ? {} : { end: { bytes: end, lines: 1 } }) });
const all = { attempt, maxBytes: 1_000_000 };
const moved = async (): Promise<string[]> => {
  const keys: string[] = [];
  for await (const { key } of objects.list('')) keys.push(key);
  return keys.sort();
};
const isMoved = (count = 1) => expect.poll(async () => [readdirSync(dir, { recursive: true }).length, (await moved()).length], { timeout: 20_000 }).toEqual([0, count]);

test('a log that has ended goes to S3, its file and folders go, and it is read as before: whole, from a byte, its end', async () => {
  const whole = { fromByte: 0, nextByte: 27, text: '{"event":"하나"}\n{"e":2}\n', ended: true };
  await store.append([chunk(0, '{"event":"하나"}\n')]);
  await store.append([chunk(19, '{"e":2}\n', 27)]);
  expect(await store.read(all)).toEqual(whole);
  await isMoved();
  expect(await moved()).toEqual(['etl/scheduled__2026-01-02T00:00:00+09:00/load/-1/1-1.jsonl']);
  expect(await store.read(all)).toEqual(whole);
  expect(await store.read({ attempt, fromByte: 19, maxBytes: 100 })).toEqual({ ...whole, fromByte: 19, text: '{"e":2}\n' });
  expect(await store.read({ attempt, tailBytes: 10, maxBytes: 100 })).toEqual({ ...whole, fromByte: 19, text: '{"e":2}\n' });
  const slices = [];
  for await (const slice of store.follow({ attempt, fromByte: 0 }, new AbortController().signal)) slices.push(slice);
  expect(slices).toEqual([whole]);
  await store.close();
  await open();
  expect(await store.read(all)).toEqual(whole);
});

test('a growing log stays on the disk, and an ended one for as long as it rests', async () => {
  await store.close();
  await open({ restMs: 3_600_000 });
  await store.append([chunk(0, 'one\n'), chunk(0, 'x\n', 2, 1, { ...attempt, tryNumber: 2 })]);
  expect(readdirSync(join(dir, 'etl', attempt.runId, 'load', '-1')).sort()).toEqual(['1-1.jsonl', '2-1.jsonl']);
  expect(await moved()).toEqual([]);
});

test('what comes again of a log that was moved changes nothing, also in the next life', async () => {
  await store.append([chunk(0, 'one\n'), chunk(4, 'two\n', 8)]);
  await isMoved();
  await store.append([chunk(4, 'two\n', 8)]);
  await store.close();
  await open();
  await store.append([chunk(4, 'two\n', 8)]);
  expect(await store.read(all)).toEqual({ fromByte: 0, nextByte: 8, text: 'one\ntwo\n', ended: true });
  await isMoved();
});

test('epochs of a try are one sequence wherever they lie, and an older one that comes late is dropped', async () => {
  await store.append([chunk(0, '1a\n', 3, 2)]);
  await isMoved();
  await store.append([chunk(0, '2a\n', undefined, 5)]);
  expect(await store.read(all)).toEqual({ fromByte: 0, nextByte: 6, text: '1a\n2a\n', ended: false });
  await store.append([chunk(3, '2b\n', 6, 5)]);
  await isMoved(2);
  await store.append([chunk(3, 'late\n', 8, 3)]);
  expect(await store.read({ attempt, fromByte: 2, maxBytes: 100 })).toEqual({ fromByte: 2, nextByte: 9, text: '\n2a\n2b\n', ended: true });
});

test('a life that ended between the object and the deletion, or in the middle of the object, loses nothing', async () => {
  await store.close();
  await open({ restMs: 3_600_000 });
  const keys = ['done', 'half', 'untouched'].map((taskId) => ({ ...attempt, taskId }));
  for (const key of keys) await store.append([chunk(0, `${key.taskId}\n`, key.taskId.length + 1, 1, key)]);
  await store.close();
  const put = (taskId: string, text: string) => objects.put(`etl/${attempt.runId}/${taskId}/-1/1-1.jsonl`, (async function* () { yield Buffer.from(text); })(), 'text/plain');
  objects = objectStoreAt(`s3://logs/${prefixes}?endpoint=${server.endpoint}`);
  await put('done', 'done\n');
  await put('half', 'ha');
  await open();
  await isMoved(3);
  for (const key of keys) expect((await store.read({ attempt: key, maxBytes: 100 }))?.text).toBe(`${key.taskId}\n`);
});

test('while S3 is away logs stay readable on the disk, and go when it is back', async () => {
  const real = objects;
  let isAway = true;
  const flaky: ObjectStore = { ...real, place: real.place, put: (...of) => (isAway ? Promise.reject(new Error('away')) : real.put(...of)), get: (...of) => real.get(...of), size: (key) => real.size(key), list: (prefix) => real.list(prefix), eraseBelow: (prefix) => real.eraseBelow(prefix), close: () => undefined };
  await store.close();
  objects = objectStoreAt(`s3://logs/${prefixes}?endpoint=${server.endpoint}`);
  let nowMs = Date.now();
  store = await DiskLogStore.open({ dir, nowMs: () => nowMs, restMs: 0, objects: flaky, onError: (error) => errors.push(error) });
  await store.append([chunk(0, 'one\n', 4)]);
  await expect.poll(() => errors.length).toBe(1);
  expect((await store.read(all))?.text).toBe('one\n');
  isAway = false;
  nowMs += 20_000;
  await store.append([chunk(0, 'x\n', 2, 1, { ...attempt, taskId: 'other' })]);
  await isMoved(2);
  expect((await store.read(all))?.text).toBe('one\n');
});

test('an erased run is gone from disk and S3, another one not', async () => {
  const other = { ...attempt, runId: `${attempt.runId}-more` };
  await store.append([chunk(0, 'one\n', 4), chunk(0, 'two\n', 4, 1, other)]);
  await isMoved(2);
  await store.append([chunk(0, 'grows\n', undefined, 1, { ...attempt, taskId: 'grows' })]);
  await store.eraseRun(attempt);
  await store.eraseRun(attempt);
  expect([await store.read(all), existsSync(join(dir, 'etl', attempt.runId)), (await store.read({ attempt: other, maxBytes: 10 }))?.text]).toEqual([null, false, 'two\n']);
});

test('the end of a log of many parts is read by reading the end', async () => {
  const line = `${'x'.repeat(1023)}\n`;
  const path = join(dir, 'etl', attempt.runId, 'load', '-1', '1-1.jsonl');
  await store.close();
  mkdirSync(dirname(path), { recursive: true });
  const bytes = 24 * 1024 * 1024;
  writeFileSync(path, `${line.repeat(bytes / 1024 - 1)}${'y'.repeat(1023)}\n{"dagbook_log_end":{"bytes":${bytes},"lines":${bytes / 1024}}}\n`);
  await open();
  await isMoved();
  expect(await store.read({ attempt, tailBytes: 2_000, maxBytes: 4_000 })).toEqual({ fromByte: bytes - 1024, nextByte: bytes, text: `${'y'.repeat(1023)}\n`, ended: true });
});

test('a torn file of an earlier life is no ended log', async () => {
  await store.close();
  await open({ restMs: 3_600_000 });
  await store.append([chunk(0, 'a\nb\n', 4)]);
  await store.close();
  truncateSync(join(dir, 'etl', attempt.runId, 'load', '-1', '1-1.jsonl'), 20);
  objects = objectStoreAt(`s3://logs/${prefixes}?endpoint=${server.endpoint}`);
  await open();
  expect(await moved()).toEqual([]);
  await store.append([chunk(0, 'a\nb\n', 4)]);
  await isMoved();
  expect((await store.read(all))?.text).toBe('a\nb\n');
});

test('a log that never ended goes to S3 when nothing has come for long, and comes back when its task goes on after all', async () => {
  await store.close();
  await open({ leftMs: 60_000 });
  await store.append([chunk(0, '{"e":1}\n')]);
  const path = 'etl/scheduled__2026-01-02T00:00:00+09:00/load/-1/1-1.jsonl';
  const anHourAgo = new Date(Date.now() - 3_600_000);
  await store.close();
  utimesSync(join(dir, path), anHourAgo, anHourAgo);
  await open({ leftMs: 60_000 });
  await isMoved();
  expect(await store.read(all)).toEqual({ fromByte: 0, nextByte: 8, text: '{"e":1}\n', ended: true });
  // What came before comes again, as from a spool, and is dropped; what is new goes on where it stopped.
  await store.append([chunk(0, '{"e":1}\n')]);
  expect(readdirSync(dir)).toEqual([]);
  await store.append([chunk(8, '{"e":2}\n', 16)]);
  await isMoved();
  expect(await store.read(all)).toEqual({ fromByte: 0, nextByte: 16, text: '{"e":1}\n{"e":2}\n', ended: true });
});

test('a log whose beginning is on the disk is read while S3 is away', async () => {
  await store.close();
  await open({ restMs: 3_600_000 });
  await store.append([chunk(0, '{"e":1}\n')]);
  await store.close();
  await open({ objects: objectStoreAt('s3://logs/away?endpoint=http://127.0.0.1:1') });
  expect((await store.read(all))?.text).toBe('{"e":1}\n');
});
