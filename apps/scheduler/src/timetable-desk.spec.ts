import type { DagDefinition, ScheduledRun, CodeAnswer, CodeQuestion } from '@dagbook/domain';
import { backfillStream, dagStream, runStream } from '@dagbook/contracts';
import { afterEach, expect, it } from 'vitest';
import { SchedulerHouse } from '../test/scheduler-house.ts';

const NOW = '2026-02-01T00:00Z';
const HOUR_MS = 3_600_000;
const DAG: DagDefinition = {
  dagId: 'd', timezone: 'UTC', schedule: { kind: 'custom', name: 'mine' }, catchup: true, startDate: '2026-01-31T21:00:00Z', tasks: [{ taskId: 'a', operator: 'function', upstream: [] }],
};

let house: SchedulerHouse;
let asked: CodeQuestion[];
afterEach(() => house.close());

/** Every hour, from the last run or the start date on; or what is said instead. */
const hourly = (question: CodeQuestion): CodeAnswer => {
  if (question.kind === 'partitions') return { kind: 'partitions', mapped: [] };
  if (question.kind === 'manual') return { kind: 'manual', interval: { startMs: question.runAfterMs - 5, endMs: question.runAfterMs } };
  if (question.kind === 'range') return { kind: 'range', runs: [0, 1, 2].map((hour) => hourAfter(question.fromMs + hour * HOUR_MS)).filter(({ interval }) => interval.startMs <= question.toMs) };
  const { lastInterval, startMs } = question.question;
  return { kind: 'next', runs: [hourAfter(lastInterval?.endMs ?? startMs ?? 0)] };
};
const hourAfter = (startMs: number): ScheduledRun => ({ runAfterMs: startMs + HOUR_MS, interval: { startMs, endMs: startMs + HOUR_MS } });

const opened = async (definition: Partial<DagDefinition>, answer = hourly): Promise<void> => {
  house = new SchedulerHouse(NOW, [{ ...DAG, ...definition }]);
  asked = [];
  house.timetable = (question) => {
    asked.push(question);
    return answer(question);
  };
  await house.start();
};
const made = async (count: number): Promise<unknown[]> => {
  await house.until(async () => (await house.data(dagStream('d'), 'RunScheduled')).length === count);
  return (await house.data(dagStream('d'), 'RunScheduled')).map(({ runId }) => runId);
};
const foreseen = (count: number) => house.until(async () => (await house.types(dagStream('d'))).filter((type) => type === 'RunsForeseen').length === count);

it('makes every run that the timetable answers as due, and asks for the one after each', async () => {
  await opened({});
  expect(await made(3)).toEqual(['scheduled__2026-01-31T22:00:00+00:00', 'scheduled__2026-01-31T23:00:00+00:00', 'scheduled__2026-02-01T00:00:00+00:00']);
  await foreseen(4);
  house.clock.advance(HOUR_MS);
  expect((await made(4)).at(-1)).toBe('scheduled__2026-02-01T01:00:00+00:00');
});

it('keeps what was answered for the next owner: a run that came due meanwhile is made, whatever the code says now', async () => {
  await opened({ catchup: false, startDate: NOW });
  await foreseen(1);
  await house.stop();
  house.clock.advance(5 * HOUR_MS);
  // Counted from the present, as a timetable without catch-up may.
  house.timetable = () => ({ kind: 'next', runs: [hourAfter(Date.parse(NOW) + 5 * HOUR_MS)] });
  await house.start();
  expect(await made(1)).toEqual(['scheduled__2026-02-01T01:00:00+00:00']);
});

it('says of a timetable that failed why, once, and asks it again in a minute or when its code has changed', async () => {
  let fails = true;
  const answer = (question: CodeQuestion): CodeAnswer => (fails ? { kind: 'next', runs: [], problem: 'no calendar' } : hourly(question));
  await opened({ startDate: NOW }, answer);
  await foreseen(1);
  expect(await house.data(dagStream('d'), 'RunsForeseen')).toMatchObject([{ runs: [], problem: 'no calendar' }]);
  house.clock.advance(60_000);
  await house.until(async () => asked.length === 2);
  fails = false;
  await house.edit([{ ...DAG, startDate: NOW, doc: 'mended' }]);
  await foreseen(2);
  house.clock.advance(HOUR_MS);
  expect(await made(1)).toEqual(['scheduled__2026-02-01T01:00:00+00:00']);
});

it('asks it for the data interval of a run by hand, unless the request gives one', async () => {
  await opened({ startDate: '2027-01-01T00:00:00Z' });
  const atMs = Date.parse(NOW);
  await house.command('d', { type: 'TriggerRun', runId: 'r1', logicalDateMs: atMs, conf: {}, triggeredBy: 'test', user: 'ann' });
  await house.command('d', { type: 'TriggerRun', runId: 'r2', logicalDateMs: atMs + 1, dataInterval: { startMs: 1, endMs: 2 }, conf: {}, triggeredBy: 'test', user: 'ann' });
  expect(await house.data(runStream('d', 'r1'), 'RunCreated')).toMatchObject([{ dataInterval: { startMs: atMs - 5, endMs: atMs } }]);
  expect(await house.data(runStream('d', 'r2'), 'RunCreated')).toMatchObject([{ dataInterval: { startMs: 1, endMs: 2 } }]);
  house.timetable = () => ({ kind: 'manual', interval: null, problem: 'no calendar' });
  expect(await house.command('d', { type: 'TriggerRun', runId: 'r3', logicalDateMs: atMs + 2, conf: {}, triggeredBy: 'test', user: 'ann' })).toMatchObject({ kind: 'refused', code: 'invalid_data_interval', message: expect.stringContaining('no calendar') });
});

it('asks it once for the dates of a backfill, which keeps them whatever the code says afterwards', async () => {
  await opened({ catchup: false, startDate: '2027-01-01T00:00:00Z', tasks: [{ taskId: 'a', operator: 'empty', kind: 'empty', upstream: [] }] });
  const fromMs = Date.parse('2026-01-01T00:00Z');
  const range = { fromMs, toMs: fromMs + HOUR_MS };
  expect(await house.command('d', { type: 'ForeseeRuns', ...range, user: 'ann' })).toEqual({
    kind: 'done', position: null, result: { runs: [[fromMs + HOUR_MS, fromMs, fromMs + HOUR_MS], [fromMs + 2 * HOUR_MS, fromMs + HOUR_MS, fromMs + 2 * HOUR_MS]] },
  });
  const backfill = { type: 'CreateBackfill', ...range, reprocessBehavior: 'none', runBackwards: true, maxActiveRuns: 1, conf: {}, runOnLatestVersion: true, user: 'ann' } as const;
  expect(await house.command('d', backfill)).toMatchObject({ kind: 'done', result: { backfillId: '1' } });
  house.timetable = () => ({ kind: 'range', runs: [], problem: 'no calendar' });
  await house.until(async () => (await house.types(backfillStream('d', '1'))).at(-1) === 'BackfillCompleted');
  expect((await house.data(backfillStream('d', '1'), 'BackfillDateHandled')).map(({ runId }) => runId)).toEqual(['backfill__2026-01-01T02:00:00+00:00', 'backfill__2026-01-01T01:00:00+00:00']);
  expect(await house.data(runStream('d', 'backfill__2026-01-01T02:00:00+00:00'), 'RunCreated')).toMatchObject([{ dataInterval: { startMs: fromMs + HOUR_MS, endMs: fromMs + 2 * HOUR_MS } }]);
  expect(await house.command('d', backfill)).toEqual({
    kind: 'refused', code: 'invalid_backfill_date', message: 'The timetable of d could not say its dates from 2026-01-01T00:00:00+00:00 to 2026-01-01T01:00:00+00:00: no calendar',
  });
});
