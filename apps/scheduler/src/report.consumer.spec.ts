import { type AttemptFinished, largeResultKey, type MessageOf } from '@dagbook/contracts';
import { attemptToken, silentLog } from '@dagbook/platform';
import { expect, it } from 'vitest';
import { Overheard } from './overheard.ts';
import type { Ownership } from './ownership.loop.ts';
import { ReportConsumer } from './report.consumer.ts';
import { ReportGate } from './report-gate.ts';
import type { Ask, RunEngine } from './run-engine.ts';
import type { WatcherDesk } from './watcher-desk.ts';

const SECRET = 'attempt-token-secret-of-the-tests';
const ATTEMPT = 'd/r/t/-1/2';

async function commandOf(key: string): Promise<unknown> {
  const asks: Ask[] = [];
  const engine = { askAll: (asked: readonly Ask[]) => void asks.push(...asked) } as unknown as RunEngine;
  const consumer = new ReportConsumer(engine, { owns: () => true } as unknown as Ownership, new Overheard({ nowMs: () => 0 }), new ReportGate(SECRET, { publish: async () => undefined }, silentLog), {} as WatcherDesk);
  const data: AttemptFinished = {
    attemptId: ATTEMPT, epoch: 3, token: attemptToken(SECRET, ATTEMPT, 3), worker: 'w-1', pid: 1, startedAtMs: 1, finishedAtMs: 2, log: { bytes: 0, lines: 0 },
    outcome: { kind: 'succeeded', result: { kind: 'stored', key, bytes: 5_000 } },
  };
  await consumer.reports([{ type: 'AttemptFinished', data } as MessageOf<'AttemptFinished'>]);
  return asks.at(-1)?.command;
}

it.each(['d/r/t/-1/2/3', largeResultKey(ATTEMPT, 3, 'a'.repeat(64))])('a result under %s is its own', async (key) => {
  expect(await commandOf(key)).toMatchObject({ type: 'RecordTaskSucceeded', result: { kind: 'stored', key } });
});

it.each(['d/r/t/-1/2/4', 'd/r/t/-1/1/3', 'd/other/t/-1/2/3', 'results/d/r/t/-1/2/3', largeResultKey('d/other/t/-1/2', 3, 'a'.repeat(64)), `${largeResultKey(ATTEMPT, 3, '')}../../x`, 'objects/'])('one under %s is not, and fails the task for good', async (key) => {
  expect(await commandOf(key)).toMatchObject({ type: 'RecordTaskFailed', failure: { code: 'bad_output', message: 'the task reported a result that is not its own' }, retry: { action: 'fail' } });
});
