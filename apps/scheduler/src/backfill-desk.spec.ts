import type { DagDefinition } from '@dagbook/domain';
import { backfillStream, dagStream, runStream, type CommandBody } from '@dagbook/contracts';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SchedulerHouse } from '../test/scheduler-house.ts';

/** Ends by itself, and waits for a worker that never comes. */
const ENDS: DagDefinition = {
  dagId: 'ends', timezone: 'UTC', schedule: { kind: 'cronDataInterval', cron: '0 0 * * *', timezone: 'UTC' }, pausedUponCreation: false, endDate: '2020-01-01T00:00:00Z',
  tasks: [{ taskId: 'a', operator: 'empty', kind: 'empty', upstream: [] }],
};
const HANGS: DagDefinition = { ...ENDS, dagId: 'hangs', maxActiveRuns: 1, tasks: [{ taskId: 'a', operator: 'function', upstream: [] }] };
const BACKFILL = {
  type: 'CreateBackfill', fromMs: Date.parse('2026-01-01T00:00Z'), toMs: Date.parse('2026-01-05T00:00Z'), reprocessBehavior: 'none', runBackwards: false, maxActiveRuns: 2, conf: { why: 'again' },
  runOnLatestVersion: true, user: 'ann',
} as const satisfies CommandBody;

let house: SchedulerHouse;
beforeEach(() => {
  house = new SchedulerHouse('2026-02-01T00:00Z', [ENDS, HANGS]);
});
afterEach(() => house.close());

const handled = async (dagId: string, id = '1'): Promise<string[]> =>
  (await house.stores.events.read(backfillStream(dagId, id))).filter(({ type }) => type === 'BackfillDateHandled').map(({ data }) => `${(data as { action: string }).action} ${(data as { runId: string }).runId}`);
const completed = (dagId: string, id = '1') => house.until(async () => (await house.types(backfillStream(dagId, id))).at(-1) === 'BackfillCompleted');
const day = (date: number): string => `backfill__2026-01-0${date}T00:00:00+00:00`;

describe('a backfill', () => {
  it('makes a run of each date, in order, and is completed by the end of the last', async () => {
    await house.start();
    expect(await house.command('ends', BACKFILL)).toMatchObject({ kind: 'done', result: { backfillId: '1' } });
    await completed('ends');
    expect(await handled('ends')).toEqual([2, 3, 4, 5, 6].map((date) => `created ${day(date)}`));
    const [created] = await house.stores.events.read(runStream('ends', day(2)));
    expect(created?.data).toMatchObject({ runType: 'backfill', triggeredBy: 'backfill', backfillId: '1', triggeringUser: 'ann', conf: { why: 'again' }, logicalDateMs: BACKFILL.fromMs });
    expect(await house.command('ends', { type: 'CancelBackfill', backfillId: '1', user: 'ann' })).toMatchObject({ code: 'backfill_ended' });
    expect(await house.command('ends', { type: 'CancelBackfill', backfillId: '7', user: 'ann' })).toMatchObject({ code: 'backfill_not_found' });
  });

  it('does again what has ended, and only that, when it is asked to', async () => {
    await house.start();
    await house.command('ends', BACKFILL);
    await completed('ends');
    await house.command('ends', { ...BACKFILL, toMs: Date.parse('2026-01-07T00:00Z') });
    await completed('ends', '2');
    expect((await handled('ends', '2')).map((line) => line.split(' ')[0])).toEqual(['skipped', 'skipped', 'skipped', 'skipped', 'skipped', 'created', 'created']);
    await house.command('ends', { ...BACKFILL, reprocessBehavior: 'completed', runBackwards: true });
    await completed('ends', '3');
    expect(await handled('ends', '3')).toEqual([6, 5, 4, 3, 2].map((date) => `reprocessed ${day(date)}`));
    expect(await house.types(runStream('ends', day(2)))).toEqual(['RunCreated', 'RunStarted', 'TaskSucceeded', 'RunSucceeded', 'TaskCleared', 'RunRequeued', 'RunStarted', 'TaskSucceeded', 'RunSucceeded']);
  });

  it('keeps its own cap and leaves the DAG its own', async () => {
    await house.start();
    await house.command('hangs', BACKFILL);
    await house.until(async () => (await house.open()).length === 2);
    await house.command('hangs', { type: 'TriggerRun', runId: 'mine', logicalDateMs: null, conf: {}, triggeredBy: 'test', user: 'ann' });
    await house.until(async () => (await house.types(runStream('hangs', 'mine'))).includes('RunStarted'));
    expect(await house.open()).toEqual([day(2), day(3), 'mine']);
    await house.command('hangs', { type: 'MarkRun', runId: day(2), state: 'success', user: 'ann' });
    await house.until(async () => (await house.open()).includes(day(4)));
    expect(await house.open()).toEqual([day(3), day(4), 'mine']);
    expect(await house.command('hangs', BACKFILL)).toMatchObject({ code: 'backfill_running' });
  });

  it('stands still while it or its DAG is paused, and begins nothing more once it is cancelled', async () => {
    await house.start();
    await house.command('hangs', BACKFILL);
    await house.until(async () => (await house.open()).length === 2);
    await house.command('hangs', { type: 'SetBackfillPaused', backfillId: '1', paused: true, user: 'ann' });
    await house.command('hangs', { type: 'MarkRun', runId: day(2), state: 'failed', user: 'ann' });
    await house.command('hangs', { type: 'MarkRun', runId: day(3), state: 'success', user: 'ann' });
    await house.command('hangs', { type: 'SetPaused', paused: true, user: 'ann' });
    await house.command('hangs', { type: 'SetBackfillPaused', backfillId: '1', paused: false, user: 'ann' });
    expect(await house.open()).toEqual([]);
    await house.command('hangs', { type: 'SetPaused', paused: false, user: 'ann' });
    await house.until(async () => (await house.open()).length === 2);
    await house.command('hangs', { type: 'CancelBackfill', backfillId: '1', user: 'ann' });
    await house.command('hangs', { type: 'MarkRun', runId: day(4), state: 'success', user: 'ann' });
    expect(await house.open()).toEqual([day(5)]);
    expect((await house.types(backfillStream('hangs', '1'))).at(-1)).toBe('BackfillCancelled');
  });

  it('goes on under the next owner, which repeats nothing', async () => {
    const first = await house.start();
    await house.command('hangs', BACKFILL);
    await house.until(async () => (await handled('hangs')).length === 2);
    await first.stop();
    await house.start();
    await house.command('hangs', { type: 'MarkRun', runId: day(3), state: 'success', user: 'ann' });
    await house.until(async () => (await handled('hangs')).length === 3);
    for (const date of [2, 4, 5, 6]) {
      await house.until(async () => (await house.open()).includes(day(date)));
      await house.command('hangs', { type: 'MarkRun', runId: day(date), state: 'success', user: 'ann' });
    }
    await completed('hangs');
    expect(await handled('hangs')).toEqual([2, 3, 4, 5, 6].map((date) => `created ${day(date)}`));
    const starts = (await Promise.all([2, 3, 4, 5, 6].map((date) => house.types(runStream('hangs', day(date)))))).map((all) => all.filter((type) => type === 'RunStarted').length);
    expect(starts).toEqual([1, 1, 1, 1, 1]);
    expect((await house.types(dagStream('hangs'))).filter((type) => type === 'DagVersionRegistered')).toHaveLength(1);
  });
});
