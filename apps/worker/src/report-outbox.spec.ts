import { appendFileSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLog } from '@dagbook/platform';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { FakePublisher, turn } from '../test/fake-publisher.ts';
import type { FinalReport } from './report-file.ts';
import { ReportOutbox } from './report-outbox.ts';

let stateDir: string;
let bus: FakePublisher;
let outbox: ReportOutbox;

const open = (settings: { startedHoldMs?: number; resendEveryMs?: number } = {}): ReportOutbox => {
  outbox = new ReportOutbox({ stateDir, publisher: bus, log: silentLog, resendEveryMs: 60_000, startedHoldMs: 0, ...settings });
  outbox.start();
  return outbox;
};
const reportsFile = (): string => readFileSync(join(stateDir, 'reports/final.jsonl'), 'utf8');

const finished = (task: string): FinalReport => ({
  type: 'AttemptFinished',
  data: { attemptId: `dag/run/${task}/-1/1`, epoch: 1, token: 't', worker: 'w', outcome: { kind: 'succeeded' }, pid: 1, startedAtMs: 1, finishedAtMs: 2, log: { bytes: 0, lines: 0 } },
});
const started = (task: string) => ({ attemptId: `dag/run/${task}/-1/1`, epoch: 1, token: 't', worker: 'w', pid: 1, startedAtMs: 1 });
const lost = (task: string): FinalReport => ({ type: 'AttemptLost', data: { attemptId: `dag/run/${task}/-1/1`, epoch: 1, token: 't', worker: 'w', cause: 'worker_drained' } });

beforeEach(() => {
  stateDir = mkdtempSync(join(tmpdir(), 'dagbook-outbox-'));
  bus = new FakePublisher();
});
afterEach(async () => {
  bus.down = true;
  for (const publish of bus.open.splice(0)) publish.refuse();
  await outbox.close();
  rmSync(stateDir, { recursive: true });
});

test('what one turn reports is one batch, and what gathers meanwhile is the next', async () => {
  open();
  bus.held = true;
  outbox.final(finished('a'));
  outbox.final(finished('b'));
  await bus.batch(1);
  outbox.final(finished('c'));
  outbox.final(finished('d'));
  await turn();
  expect(bus.batches).toHaveLength(1);
  bus.open[0]?.accept();
  await bus.batch(2);
  expect(bus.batches.map((batch) => batch.map((message) => message.key))).toEqual([['dag', 'dag'], ['dag', 'dag']]);
});

test('a report that the bus does not take lies on disk', async () => {
  open();
  bus.held = true;
  outbox.final(finished('a'));
  outbox.final(finished('b'));
  await bus.batch(1);
  await expect.poll(reportsFile).toBe(`${JSON.stringify(finished('a'))}\n${JSON.stringify(finished('b'))}\n`);
});

test('a report that is acknowledged at once never reaches the disk', async () => {
  open();
  outbox.final(finished('a'));
  await bus.batch(1);
  outbox.acknowledge('dag/run/a/-1/1', 1);
  outbox.final(finished('b'));
  await expect.poll(reportsFile).toBe(`${JSON.stringify(finished('b'))}\n`);
});

test('a start is not said when the end comes first', async () => {
  open({ startedHoldMs: 60_000 });
  outbox.started(started('a'));
  outbox.started(started('b'));
  outbox.final(finished('a'));
  await outbox.flush();
  expect(bus.types.flat().sort()).toEqual(['AttemptFinished', 'AttemptStarted']);
});

test('what a predecessor could not deliver is sent, though its last line was cut in half', async () => {
  bus.down = true;
  open();
  outbox.final(finished('a'));
  await outbox.close();
  appendFileSync(join(stateDir, 'reports/final.jsonl'), '{"type":"AttemptFini');
  bus.down = false;
  open();
  await bus.batch(1);
  expect(bus.batches[0]?.map((message) => message.data)).toEqual([finished('a').data]);
  outbox.final(finished('b'));
  await bus.batch(2);
  await outbox.close();
  open();
  await bus.batch(3);
  expect(bus.batches[2]?.map((message) => message.data)).toEqual([finished('a').data, finished('b').data]);
});

test('an acknowledged report is forgotten, also by the next incarnation after a clean stop', async () => {
  open();
  outbox.final(finished('a'));
  outbox.final(finished('b'));
  await bus.batch(1);
  expect(outbox.acknowledge('dag/run/a/-1/1', 1)).toBe(true);
  expect(outbox.acknowledge('dag/run/a/-1/1', 1)).toBe(false);
  expect(outbox.acknowledge('dag/run/b/-1/1', 2)).toBe(false);
  await outbox.close();
  open();
  expect(outbox.unacknowledged().map(({ attemptId }) => attemptId)).toEqual(['dag/run/b/-1/1']);
});

test('a stop can wait until everything is acknowledged', async () => {
  open();
  outbox.final(finished('a'));
  await bus.batch(1);
  const all = outbox.acknowledged(60_000);
  outbox.acknowledge('dag/run/a/-1/1', 1);
  await all;
  await outbox.acknowledged(60_000);
  expect(outbox.unacknowledged()).toEqual([]);
});

test('an unacknowledged report is sent again after its time, and no other', async () => {
  open({ resendEveryMs: 100 });
  outbox.final(finished('a'));
  outbox.final(finished('b'));
  await bus.batch(1);
  outbox.acknowledge('dag/run/a/-1/1', 1);
  await bus.batch(2);
  expect(bus.batches[1]?.map((message) => message.data)).toEqual([finished('b').data]);
});

test('what the bus refused is sent again', async () => {
  open({ resendEveryMs: 100 });
  bus.down = true;
  outbox.final(finished('a'));
  await turn();
  bus.down = false;
  await bus.batch(1);
  expect(bus.types).toEqual([['AttemptFinished']]);
});

test('a lost attempt is told until the bus has it, and its lease is not renewed', async () => {
  open({ resendEveryMs: 100 });
  bus.down = true;
  outbox.final(lost('a'));
  await turn();
  expect(outbox.size).toBe(1);
  expect(outbox.unacknowledged()).toEqual([]);
  bus.down = false;
  await bus.batch(1);
  await turn();
  expect(outbox.size).toBe(0);
});

test('the file does not grow with acknowledged reports', async () => {
  open();
  for (let round = 0; round < 40; round += 1) {
    const tasks = Array.from({ length: 100 }, (_, task) => `task_${round}_${task}`);
    for (const task of tasks) outbox.final(finished(task));
    await bus.batch(round + 1);
    for (const task of tasks) outbox.acknowledge(`dag/run/${task}/-1/1`, 1);
  }
  await outbox.close();
  expect(statSync(join(stateDir, 'reports/final.jsonl')).size).toBe(0);
  open();
});
