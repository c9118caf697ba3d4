import { describe, expect, it } from 'vitest';
import { cron, dag } from './index.ts';

const quiet = { log: () => undefined };
const YEAR = { from: '2027-01-01', to: '2027-12-31', ...quiet };

describe('testSchedule', () => {
  it('runs a year, each run at its time by the clock of the zone', async () => {
    const d = dag('year', { schedule: '30 2 * * *', timezone: 'Europe/Zurich', startDate: '2026-01-01' });
    const stamp = d.task('stamp', async (_, { dataInterval }) => dataInterval?.end)();
    const { runs, paused } = await d.testSchedule(YEAR);
    expect([runs.length, paused, runs.every(({ state }) => state === 'success')]).toEqual([364, false, true]);
    expect(runs.slice(0, 1).map((run) => [run.logicalDate, run.runAfter])).toEqual([['2027-01-01T01:30:00+00:00', '2027-01-01T01:30:00+00:00']]);
    // 02:30 does not exist on 28 March, and comes twice on 31 October.
    expect(runs.filter(({ logicalDate }) => /^2027-(03-2[789]|10-31|11-01)/.test(logicalDate)).map(({ logicalDate }) => logicalDate)).toEqual([
      '2027-03-27T01:30:00+00:00', '2027-03-28T01:30:00+00:00', '2027-03-29T00:30:00+00:00', '2027-10-31T01:30:00+00:00', '2027-11-01T01:30:00+00:00',
    ]);
    expect(new Date(runs[0]?.value(stamp) as unknown as string).toISOString()).toBe('2027-01-01T01:30:00.000Z');
  });

  it('gives each run the time between two ticks, within the DAG\'s own dates', async () => {
    const d = dag('intervals', { schedule: cron('0 0 * * *', { timezone: 'UTC', interval: 'data' }), startDate: '2027-02-01', endDate: '2027-02-03' });
    d.empty('a');
    const { runs } = await d.testSchedule(YEAR);
    expect(runs.map(({ dataInterval }) => `${dataInterval.start.slice(0, 10)} ${dataInterval.end.slice(0, 10)}`)).toEqual(['2027-02-01 2027-02-02', '2027-02-02 2027-02-03', '2027-02-03 2027-02-04']);
  });

  it('lets a task look at the run before, and pauses after failures', async () => {
    const days: string[] = [];
    const d = dag('past', { schedule: '@daily', timezone: 'UTC', startDate: '2027-01-01', maxConsecutiveFailedRuns: 2 });
    const flaky = d.task('flaky', async (_, { logicalDate }) => {
      days.push(logicalDate?.toISOString().slice(5, 10) ?? '');
      if (days.length > 2) throw new Error('from now on');
    })();
    d.task('after', async () => 1, { dependsOnPast: true })().after(flaky);
    const { runs, paused } = await d.testSchedule({ ...YEAR, to: '2027-01-10' });
    expect([days, paused, runs.map((run) => run.stateOf(flaky))]).toEqual([['01-01', '01-02', '01-03', '01-04'], true, ['success', 'success', 'failed', 'failed']]);
  });

  it('says when a run waits for one that failed, and what it cannot test', async () => {
    const waits = dag('waits', { schedule: '@daily', timezone: 'UTC' });
    waits.task('a', async () => { throw new Error('no'); }, { dependsOnPast: true })();
    await expect(waits.testSchedule({ ...YEAR, to: '2027-01-05' })).rejects.toThrow('the run of 2027-01-02T00:00:00+00:00 waits for ever for the run before it');
    const byHand = dag('by_hand');
    byHand.empty('a');
    await expect(byHand.testSchedule(YEAR)).rejects.toThrow('of kind "none"');
    await expect(waits.testSchedule({ ...YEAR, from: 'soon' })).rejects.toThrow('from is "soon"');
  });
});
