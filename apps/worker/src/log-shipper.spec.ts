import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { LogChunk } from '@dagbook/contracts';
import { ManualClock, silentLog } from '@dagbook/platform';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { FakePublisher, turn } from '../test/fake-publisher.ts';
import { type AttemptLog, LogShipper } from './log-shipper.ts';

let stateDir: string;
let bus: FakePublisher;
let shipper: LogShipper;

const open = (mask?: (attemptId: string, lines: string) => string): LogShipper => {
  shipper = new LogShipper({ stateDir, publisher: bus, clock: new ManualClock(0), log: silentLog, ...(mask === undefined ? {} : { mask }) });
  shipper.start();
  return shipper;
};
const chunks = (attemptId = 'a'): LogChunk[] => bus.batches.flat().map((message) => message.data as LogChunk).filter((chunk) => chunk.attemptId === attemptId);
const spooled = (): string[] => readdirSync(join(stateDir, 'spool'));
const say = (log: AttemptLog, text: string): void => log.append(text, Buffer.byteLength(text));

/** What log-server makes of chunks: repeats dropped, gaps refused. */
function stored(attemptId = 'a'): { text: string; end: LogChunk['end'] } {
  let bytes = Buffer.alloc(0);
  let end: LogChunk['end'];
  for (const chunk of chunks(attemptId)) {
    if (chunk.offset > bytes.length) throw new Error(`gap at ${bytes.length}: ${chunk.offset}`);
    bytes = Buffer.concat([bytes.subarray(0, chunk.offset), Buffer.from(chunk.text)]);
    end = chunk.end ?? end;
  }
  return { text: bytes.toString('utf8'), end };
}

/** Waits until the end of a log has been sent. */
async function ended(attemptId = 'a'): Promise<ReturnType<typeof stored>> {
  while (stored(attemptId).end === undefined) await bus.batch(bus.batches.length + 1);
  return stored(attemptId);
}

beforeEach(() => {
  stateDir = mkdtempSync(join(tmpdir(), 'dagbook-logs-'));
  bus = new FakePublisher();
});
afterEach(async () => {
  bus.held = false;
  for (const publish of bus.open.splice(0)) publish.refuse();
  await shipper.stop(0);
  rmSync(stateDir, { recursive: true });
});

test('a log without a line sends nothing', async () => {
  const log = open().open('a', 1);
  expect(log.end()).toEqual({ bytes: 0, lines: 0 });
  await turn();
  expect(bus.batches).toEqual([]);
});

test('lines leave in chunks with contiguous offsets, many logs in a batch, and the last says the length', async () => {
  open();
  bus.held = true;
  const [a, b] = [shipper.open('a', 3), shipper.open('b', 1)];
  say(a, '안녕\n');
  say(b, 'x\n');
  await bus.batch(1);
  say(a, 'two\n');
  say(a, 'three\n');
  expect(a.end()).toEqual({ bytes: 17, lines: 3 });
  bus.open[0]?.accept();
  await bus.batch(2);
  expect(chunks('a')).toEqual([
    { attemptId: 'a', epoch: 3, offset: 0, text: '안녕\n' },
    { attemptId: 'a', epoch: 3, offset: 7, text: 'two\nthree\n', end: { bytes: 17, lines: 3 } },
  ]);
  expect(bus.batches.map((batch) => batch.length)).toEqual([2, 1]);
});

test('an end that comes after the last line was sent is a chunk of its own', async () => {
  const log = open().open('a', 1);
  say(log, 'x\n');
  await bus.batch(1);
  log.end();
  await bus.batch(2);
  expect(chunks()[1]).toEqual({ attemptId: 'a', epoch: 1, offset: 2, text: '', end: { bytes: 2, lines: 1 } });
});

test('a large text is cut into chunks, never inside a character', async () => {
  const log = open().open('a', 1);
  const text = `${'🌦'.repeat(100_001)}x${'🌦'.repeat(100_000)}\n`;
  say(log, text);
  log.end();
  expect(await ended()).toEqual({ text, end: { bytes: Buffer.byteLength(text), lines: 1 } });
  expect(chunks().length).toBeGreaterThan(2);
});

test('what the bus refuses is kept on disk with what comes after it, and sent in order', async () => {
  open();
  bus.held = true;
  const log = shipper.open('a', 1);
  say(log, 'one\n');
  await bus.batch(1);
  say(log, 'two\n');
  bus.held = false;
  bus.open.shift()?.refuse();
  await turn();
  say(log, 'three\n');
  expect(spooled()).toHaveLength(1);
  log.end();
  expect(await ended()).toEqual({ text: 'one\ntwo\nthree\n', end: { bytes: 14, lines: 3 } });
  await turn();
  expect(spooled()).toEqual([]);
});

test('a log that outgrows memory while a publish hangs goes to disk, and what was in flight is not lost when it is refused', async () => {
  open();
  bus.held = true;
  const log = shipper.open('a', 1);
  say(log, 'first\n');
  await bus.batch(1);
  const line = `${'y'.repeat(99_999)}\n`;
  for (let count = 0; count < 15; count += 1) say(log, line);
  expect(spooled()).toHaveLength(1);
  log.end();
  bus.held = false;
  bus.open.shift()?.refuse();
  expect(await ended()).toEqual({ text: `first\n${line.repeat(15)}`, end: { bytes: 1_500_006, lines: 16 } });
});

test('what a killed worker had on disk is sent by its successor, which ends the log there', async () => {
  open();
  bus.down = true;
  const log = shipper.open('a', 4);
  say(log, '하나\n');
  await turn();
  say(log, 'two\n');
  await shipper.stop(0);
  bus.down = false;
  open();
  expect(await ended()).toEqual({ text: '하나\ntwo\n', end: { bytes: 11, lines: 2 } });
  expect(chunks()[0]).toMatchObject({ epoch: 4, offset: 0 });
  await turn();
  expect(spooled()).toEqual([]);
});

test('a stop waits for the bus to take what there is', async () => {
  open();
  const log = shipper.open('a', 1);
  say(log, 'one\n');
  log.end();
  await shipper.stop(5_000);
  expect(stored()).toEqual({ text: 'one\n', end: { bytes: 4, lines: 1 } });
});

test('secrets are hidden before anything is counted or sent', async () => {
  const log = open((_attempt, lines) => lines.replaceAll('hunter2', '***')).open('a', 1);
  say(log, 'password hunter2\n');
  expect(log.end()).toEqual({ bytes: 13, lines: 1 });
  expect((await ended()).text).toBe('password ***\n');
});
