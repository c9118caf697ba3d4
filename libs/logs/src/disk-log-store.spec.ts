import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, truncateSync, utimesSync, writeFileSync, writeSync } from 'node:fs';
import { type FileHandle, open as openFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { attemptId, type AttemptKey, type LogChunk, type LogSlice } from '@dagbook/contracts';
import { objectStoreAt } from '@dagbook/object-store';
import fc from 'fast-check';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { DiskLogStore } from './disk-log-store.ts';

let dir: string;
let store: DiskLogStore;
const nowMs = () => Date.UTC(2026, 0, 2, 3, 4, 5, 678);
const reopen = async () => {
  await store?.close();
  store = await DiskLogStore.open({ dir, nowMs });
};

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'dagbook-logs-'));
  store = await DiskLogStore.open({ dir, nowMs });
});
afterEach(async () => {
  await store.close();
  rmSync(dir, { recursive: true, force: true });
});

const attempt: AttemptKey = { dagId: 'etl', runId: 'scheduled__2026-01-02T00:00:00+09:00', taskId: 'load', mapIndex: -1, tryNumber: 1 };
const file = (epoch = 0, key = attempt) => join(dir, key.dagId, key.runId, key.taskId, String(key.mapIndex), `${key.tryNumber}-${epoch}.jsonl`);

/** The chunks of one text, cut at these byte positions. */
function chunksOf(text: string, cuts: readonly number[], epoch = 0, key = attempt): LogChunk[] {
  const bytes = Buffer.from(text);
  const bounds = [0, ...[...cuts].sort((a, b) => a - b), bytes.length];
  return bounds.slice(1).map((to, at) => ({
    attemptId: attemptId(key),
    epoch,
    offset: bounds[at]!,
    text: bytes.toString('utf8', bounds[at]!, to),
    ...(at === bounds.length - 2 ? { end: { bytes: bytes.length, lines: text.split('\n').length - 1 } } : {}),
  }));
}
const all = { attempt, maxBytes: 1_000_000 };

test('a log is read as it was written, and says that it has ended', async () => {
  const [first, last] = chunksOf('{"event":"하나"}\n{"event":"two"}\n', [19]) as [LogChunk, LogChunk];
  expect(await store.read(all)).toBe(null);
  await store.append([first]);
  expect(await store.read(all)).toEqual({ fromByte: 0, nextByte: 19, text: '{"event":"하나"}\n', ended: false });
  await store.append([last]);
  const whole: LogSlice = { fromByte: 0, nextByte: 35, text: '{"event":"하나"}\n{"event":"two"}\n', ended: true };
  expect(await store.read(all)).toEqual(whole);
  await reopen();
  expect(await store.read(all)).toEqual(whole);
});

test('one file holds a log and its end', async () => {
  await store.append(chunksOf('a\nb\n', []));
  expect(readdirSync(join(dir, 'etl', attempt.runId, 'load', '-1'))).toEqual(['1-0.jsonl']);
  expect(readFileSync(file(), 'utf8')).toBe('a\nb\n{"dagbook_log_end":{"bytes":4,"lines":2}}\n');
});

test('chunks in any order, repeated, over any restarts, make the log that was written', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.stringMatching(/^[a-z가]{0,9}$/), { minLength: 1, maxLength: 12 }),
      fc.array(fc.tuple(fc.nat(), fc.boolean()), { minLength: 12, maxLength: 40 }),
      fc.nat(50),
      async (lines, order, tryNumber) => {
        const key = { ...attempt, tryNumber };
        const text = lines.map((line) => `${line}\n`).join('');
        const cuts: number[] = [];
        for (let at = 0, sum = 0; at < lines.length - 1; at++) cuts.push((sum += Buffer.byteLength(`${lines[at]}\n`)));
        const chunks = chunksOf(text, cuts, 0, key);
        rmSync(join(dir, 'etl'), { recursive: true, force: true });
        await reopen();
        for (const [at, restart] of order) {
          await store.append([chunks[at % chunks.length]!]);
          // A restart forgets what waited behind a gap; in-order delivery afterwards mends it.
          if (restart) await store.append(chunks.slice(0, at % chunks.length));
        }
        await store.append(chunks);
        expect(await store.read({ attempt: key, maxBytes: 1_000_000 })).toEqual({ fromByte: 0, nextByte: Buffer.byteLength(text), text, ended: true });
      },
    ),
    { numRuns: 60 },
  );
});

test('what was lost on the way becomes a note of its length, so that positions hold', async () => {
  const lost = 'x'.repeat(199) + '\n';
  const chunks = chunksOf(`first\n${lost}last\n`, [6, 206]);
  await store.append([chunks[0]!, chunks[2]!]);
  expect((await store.read(all))!.text).toBe('first\n');
  await store.fillGaps();
  const slice = (await store.read(all))!;
  const [first, note, last] = slice.text.split('\n');
  expect([first, last, slice.nextByte, slice.ended]).toEqual(['first', 'last', 211, true]);
  expect(JSON.parse(note!)).toEqual({ timestamp: '2026-01-02T03:04:05.678Z', level: 'warning', event: '200 bytes of this log were lost on the way', logger: 'dagbook' });
});

test('a lost end is noted too, and short losses are blank', async () => {
  const chunks = chunksOf('first\nlost\n', [6]);
  await store.append([chunks[0]!, { ...chunks[1]!, offset: 11, text: '' }]);
  await store.fillGaps();
  expect(await store.read(all)).toEqual({ fromByte: 0, nextByte: 11, text: 'first\n    \n', ended: true });
});

test('a trailer torn by a crash is replaced when the end comes again', async () => {
  const chunks = chunksOf('a\nb\n', []);
  await store.append(chunks);
  await store.close();
  truncateSync(file(), 20);
  await reopen();
  await store.append(chunks);
  expect(await store.read(all)).toEqual({ fromByte: 0, nextByte: 4, text: 'a\nb\n', ended: true });
  expect(readFileSync(file(), 'utf8')).toBe('a\nb\n{"dagbook_log_end":{"bytes":4,"lines":2}}\n');
});

test('epochs of a try are one sequence; the older is sealed when a newer begins', async () => {
  const [early, late] = chunksOf('1a\n1b\n', [3], 3) as [LogChunk, LogChunk];
  await store.append([early]);
  await store.append(chunksOf('2a\n2b\n', [], 10));
  await reopen();
  await store.append([late]);
  expect(await store.read(all)).toEqual({ fromByte: 0, nextByte: 9, text: '1a\n2a\n2b\n', ended: true });
  expect(await store.read({ attempt, fromByte: 3, maxBytes: 4 })).toEqual({ fromByte: 3, nextByte: 6, text: '2a\n', ended: false });
});

test('a tail begins at a line, a slice ends at one, and a line longer than a slice is cut between characters', async () => {
  await store.append(chunksOf('aaa\nbbb\nccc\n', []));
  expect(await store.read({ attempt, tailBytes: 5, maxBytes: 100 })).toEqual({ fromByte: 8, nextByte: 12, text: 'ccc\n', ended: true });
  expect(await store.read({ attempt, tailBytes: 8, maxBytes: 100 })).toEqual({ fromByte: 4, nextByte: 12, text: 'bbb\nccc\n', ended: true });
  expect(await store.read({ attempt, tailBytes: 100, maxBytes: 7 })).toEqual({ fromByte: 0, nextByte: 4, text: 'aaa\n', ended: false });
  const long = { ...attempt, taskId: 'long' };
  await store.append(chunksOf('가나다\n', [], 0, long));
  const cut: string[] = [];
  for (let fromByte = 0, ended = false; !ended; ) {
    const slice = (await store.read({ attempt: long, fromByte, maxBytes: 4 }))!;
    cut.push(slice.text);
    ({ nextByte: fromByte, ended } = slice);
  }
  expect(cut).toEqual(['가', '나', '다\n']);
});

test('a follower gets what is there, then what comes, then the end', async () => {
  const [first, second, third] = chunksOf('one\ntwo\nthree\n', [4, 8]) as [LogChunk, LogChunk, LogChunk];
  const follower = store.follow({ attempt, fromByte: 0 }, new AbortController().signal)[Symbol.asyncIterator]();
  const next = follower.next();
  await store.append([first]);
  expect((await next).value).toEqual({ fromByte: 0, nextByte: 4, text: 'one\n', ended: false });
  await store.append([second]);
  expect((await follower.next()).value).toEqual({ fromByte: 4, nextByte: 8, text: 'two\n', ended: false });
  const last = follower.next();
  await store.append([third]);
  expect((await last).value).toEqual({ fromByte: 8, nextByte: 14, text: 'three\n', ended: true });
  expect((await follower.next()).done).toBe(true);
});

test('a follower that aborts, and one of a store that closes, come to an end', async () => {
  const abort = new AbortController();
  const aborted = store.follow({ attempt, fromByte: 0 }, abort.signal)[Symbol.asyncIterator]().next();
  const closed = store.follow({ attempt, fromByte: 0 }, new AbortController().signal)[Symbol.asyncIterator]().next();
  abort.abort();
  expect((await aborted).done).toBe(true);
  await store.close();
  expect((await closed).done).toBe(true);
});

test('ids that are names of folders, or no ids, lead nowhere', async () => {
  const dots = { ...attempt, dagId: '..', taskId: '.' };
  await store.append(chunksOf('a\n', [], 0, dots));
  expect(readdirSync(dir)).toEqual(['%2E%2E']);
  expect((await store.read({ attempt: dots, maxBytes: 10 }))!.text).toBe('a\n');
  for (const bad of [{ dagId: 'a/b' }, { dagId: '' }, { runId: 'a%2fb' }, { taskId: 'a\0' }, { mapIndex: -2 }, { mapIndex: 1.5 }, { tryNumber: Number.NaN }]) {
    await expect(store.read({ attempt: { ...attempt, ...bad }, maxBytes: 10 })).rejects.toMatchObject({ code: 'log.invalid_attempt' });
  }
  await expect(store.append([{ attemptId: 'a/b/c/d', epoch: 0, offset: 0, text: 'x' }])).rejects.toThrow('not an attempt id: a/b/c/d');
});

test('links that lead out of the folder are neither read nor written', async () => {
  const outside = mkdtempSync(join(tmpdir(), 'dagbook-outside-'));
  mkdirSync(join(outside, attempt.runId, 'load', '-1'), { recursive: true });
  writeFileSync(join(outside, attempt.runId, 'load', '-1', '1-0.jsonl'), 'secret\n');
  symlinkSync(outside, join(dir, 'etl'));
  await expect(store.read(all)).rejects.toMatchObject({ code: 'log.invalid_attempt' });
  await expect(store.append(chunksOf('a\n', []))).rejects.toMatchObject({ code: 'log.invalid_attempt' });
  const linked = { ...attempt, dagId: 'linked' };
  mkdirSync(join(dir, 'linked', attempt.runId, 'load', '-1'), { recursive: true });
  symlinkSync(join(outside, attempt.runId, 'load', '-1', '1-0.jsonl'), file(0, linked));
  await expect(store.read({ attempt: linked, maxBytes: 10 })).rejects.toMatchObject({ code: 'ELOOP' });
  await expect(store.append(chunksOf('a\n', [], 0, linked))).rejects.toMatchObject({ code: 'ELOOP' });
  rmSync(outside, { recursive: true, force: true });
});

test('more growing logs than files may be open', async () => {
  await store.close();
  store = await DiskLogStore.open({ dir, nowMs, maxOpen: 3 });
  const keys = Array.from({ length: 20 }, (_, mapIndex) => ({ ...attempt, mapIndex }));
  const parts = keys.map((key) => chunksOf('one\ntwo\n', [4], 0, key));
  for (const half of [0, 1]) for (const chunks of parts) await store.append([chunks[half]!]);
  for (const key of keys) expect(await store.read({ attempt: key, maxBytes: 100 })).toEqual({ fromByte: 0, nextByte: 8, text: 'one\ntwo\n', ended: true });
});

test('an end before what is there cuts the log to what the worker says it was', async () => {
  const id = attemptId(attempt);
  await store.append([{ attemptId: id, epoch: 0, offset: 0, text: `a\n${'x'.repeat(300)}\n` }]);
  await store.append([{ attemptId: id, epoch: 0, offset: 2, text: '', end: { bytes: 2, lines: 1 } }]);
  const whole: LogSlice = { fromByte: 0, nextByte: 2, text: 'a\n', ended: true };
  expect(await store.read(all)).toEqual(whole);
  await reopen();
  expect(await store.read(all)).toEqual(whole);
});

test('what a full disk does not take is kept by the bus and written when it does, without a byte lost or doubled', async () => {
  const errors: unknown[] = [];
  await store.close();
  store = await DiskLogStore.open({ dir, nowMs, onError: (error) => errors.push(error) });
  const text = Array.from({ length: 400 }, (_, at) => `{"event":"${String(at).padStart(90, '.')}"}\n`).join('');
  const [first, second, third] = chunksOf(text, [8_000, 30_000]) as [LogChunk, LogChunk, LogChunk];
  await store.append([first]);
  // A disk with room for some bytes more, and then for none.
  const handle = await openFile(join(dir, 'any'), 'w');
  const write = vi.spyOn(Object.getPrototypeOf(handle) as FileHandle, 'write');
  await handle.close();
  rmSync(join(dir, 'any'));
  let room = 12_000;
  write.mockImplementation(async function (this: FileHandle, ...args: unknown[]) {
    const [bytes, from, length, at] = args as [Buffer, number, number, number];
    if (room === 0) throw Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC', syscall: 'write' });
    const taken = Math.min(room, length);
    room -= taken;
    writeSync(this.fd, bytes, from, taken, at);
    return { bytesWritten: taken, buffer: bytes };
  } as never);
  try {
    for (let tries = 0; tries < 3; tries += 1) await expect(store.append([second])).rejects.toMatchObject({ code: 'logs.disk', retryable: true, message: `logs cannot be written below ${dir} (ENOSPC): they wait on the bus until they can` });
    expect([store.fault?.includes('ENOSPC'), errors.length]).toEqual([true, 1]);
    expect((await store.read(all))?.nextByte).toBeLessThanOrEqual(20_000);
  } finally {
    write.mockRestore();
  }
  await store.append([second]);
  await store.append([third]);
  expect([await store.read(all), store.fault]).toEqual([{ fromByte: 0, nextByte: text.length, text, ended: true }, undefined]);
});

test('a walk that breaks off, since a folder goes while it looks, is made again', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  const objects = mkdtempSync(join(tmpdir(), 'dagbook-objects-'));
  const errors: unknown[] = [];
  try {
    await store.close();
    store = await DiskLogStore.open({ dir, nowMs: Date.now, objects: objectStoreAt(`file://${objects}`), onError: (error) => errors.push(error) });
    await expect.poll(() => vi.getTimerCount()).toBe(1);
    rmSync(dir, { recursive: true });
    vi.advanceTimersByTime(3_600_000);
    await expect.poll(() => [errors.length, vi.getTimerCount()]).toEqual([1, 1]);
    mkdirSync(dirname(file()), { recursive: true });
    writeFileSync(file(), '{"event":"left"}\n');
    utimesSync(file(), new Date(0), new Date(0));
    vi.advanceTimersByTime(10_000);
    await expect.poll(() => [existsSync(file()), existsSync(file().replace(dir, objects))]).toEqual([false, true]);
  } finally {
    vi.useRealTimers();
    rmSync(objects, { recursive: true });
  }
});
