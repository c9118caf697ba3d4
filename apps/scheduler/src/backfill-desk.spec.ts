import { canonicalJson, type DagDefinition, type Json, type RunEvent } from '@dagbook/domain';
import { backfillStream, dagStream, runStream, TOPICS, type CommandBody, type CommandOutcome } from '@dagbook/contracts';
import { createMemoryStores, type Stores } from '@dagbook/event-store';
import { MemoryBroker, type MessageBroker } from '@dagbook/messaging';
import { ManualClock, Metrics, noSpans, silentLog } from '@dagbook/platform';
import { createHash } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { startScheduler, type RunningScheduler } from './service.ts';

/** Whole schedulers over one journal and bus in memory; tasks are empty, or wait for a worker that never comes. */
const ENDS: DagDefinition = {
  dagId: 'ends', timezone: 'UTC', schedule: { kind: 'cronDataInterval', cron: '0 0 * * *', timezone: 'UTC' }, pausedUponCreation: false, endDate: '2020-01-01T00:00:00Z',
  tasks: [{ taskId: 'a', operator: 'empty', kind: 'empty', upstream: [] }],
};
const HANGS: DagDefinition = { ...ENDS, dagId: 'hangs', maxActiveRuns: 1, tasks: [{ taskId: 'a', operator: 'function', upstream: [] }] };
const BACKFILL = {
  type: 'CreateBackfill', fromMs: Date.parse('2026-01-01T00:00Z'), toMs: Date.parse('2026-01-05T00:00Z'), reprocessBehavior: 'none', runBackwards: false, maxActiveRuns: 2, conf: { why: 'again' },
  runOnLatestVersion: true, user: 'ann',
} as const satisfies CommandBody;

let stores: Stores;
let broker: MessageBroker;
const clock = new ManualClock(Date.parse('2026-02-01T00:00Z'));
const running: RunningScheduler[] = [];

const start = async (): Promise<RunningScheduler> => {
  const parsed = [ENDS, HANGS].map((definition) => {
    const planHash = createHash('sha256').update(canonicalJson(definition)).digest('hex');
    const file = `${definition.dagId}.ts`;
    return { file, source: '', definitions: [{ definition, planHash }], bundle: { hash: planHash, file, code: '' } };
  });
  const scheduler = await startScheduler({
    stores, broker, tokenSecret: 'secret', spans: noSpans, metrics: new Metrics('scheduler'), clock, log: silentLog,
    bundles: { start: async (onChange) => onChange({ parsed, failed: [], removed: [], complete: true }), stop: async () => undefined },
  });
  running.push(scheduler);
  await vi.waitUntil(async () => (await stores.events.listStreams('dag-')).length === 2);
  return scheduler;
};

let commands = 0;
async function command(dagId: string, body: CommandBody): Promise<CommandOutcome> {
  const commandId = `command-${(commands += 1)}`;
  await stores.events.storeCommand({ commandId, dagId, body: body as unknown as Json });
  await broker.publisher().publish([{ topic: TOPICS.commands.name, key: dagId, type: 'CommandStored', data: { commandId, dagId } }]);
  return (await vi.waitUntil(() => stores.events.commandOutcome(commandId))) as unknown as CommandOutcome;
}

const types = async (streamId: string): Promise<string[]> => (await stores.events.read(streamId)).map(({ type }) => type);
const handled = async (dagId: string, id = '1'): Promise<string[]> =>
  (await stores.events.read(backfillStream(dagId, id))).filter(({ type }) => type === 'BackfillDateHandled').map(({ data }) => `${(data as { action: string }).action} ${(data as { runId: string }).runId}`);
const completed = (dagId: string, id = '1') => vi.waitUntil(async () => (await types(backfillStream(dagId, id))).at(-1) === 'BackfillCompleted');
const open = async (): Promise<string[]> => (await stores.events.openRuns()).map(({ runId }) => runId);
const day = (date: number): string => `backfill__2026-01-0${date}T00:00:00+00:00`;

beforeEach(() => {
  stores = createMemoryStores({ nowMs: () => clock.nowMs() });
  broker = new MemoryBroker();
});
afterEach(async () => {
  for (const scheduler of running.splice(0)) await scheduler.stop();
  await broker.close();
});

describe('a backfill', () => {
  it('makes a run of each date, in order, and is completed by the end of the last', async () => {
    await start();
    expect(await command('ends', BACKFILL)).toMatchObject({ kind: 'done', result: { backfillId: '1' } });
    await completed('ends');
    expect(await handled('ends')).toEqual([2, 3, 4, 5, 6].map((date) => `created ${day(date)}`));
    const [created] = await stores.events.read(runStream('ends', day(2)));
    expect(created?.data).toMatchObject({ runType: 'backfill', triggeredBy: 'backfill', backfillId: '1', triggeringUser: 'ann', conf: { why: 'again' }, logicalDateMs: BACKFILL.fromMs });
    expect(await command('ends', { type: 'CancelBackfill', backfillId: '1', user: 'ann' })).toMatchObject({ code: 'backfill_ended' });
    expect(await command('ends', { type: 'CancelBackfill', backfillId: '7', user: 'ann' })).toMatchObject({ code: 'backfill_not_found' });
  });

  it('does again what has ended, and only that, when it is asked to', async () => {
    await start();
    await command('ends', BACKFILL);
    await completed('ends');
    await command('ends', { ...BACKFILL, toMs: Date.parse('2026-01-07T00:00Z') });
    await completed('ends', '2');
    expect((await handled('ends', '2')).map((line) => line.split(' ')[0])).toEqual(['skipped', 'skipped', 'skipped', 'skipped', 'skipped', 'created', 'created']);
    await command('ends', { ...BACKFILL, reprocessBehavior: 'completed', runBackwards: true });
    await completed('ends', '3');
    expect(await handled('ends', '3')).toEqual([6, 5, 4, 3, 2].map((date) => `reprocessed ${day(date)}`));
    expect(await types(runStream('ends', day(2)))).toEqual(['RunCreated', 'RunStarted', 'TaskSucceeded', 'RunSucceeded', 'TaskCleared', 'RunRequeued', 'RunStarted', 'TaskSucceeded', 'RunSucceeded']);
  });

  it('keeps its own cap and leaves the DAG its own', async () => {
    await start();
    await command('hangs', BACKFILL);
    await vi.waitUntil(async () => (await open()).length === 2);
    await command('hangs', { type: 'TriggerRun', runId: 'mine', logicalDateMs: null, conf: {}, triggeredBy: 'test', user: 'ann' });
    await vi.waitUntil(async () => (await types(runStream('hangs', 'mine'))).includes('RunStarted'));
    expect(await open()).toEqual([day(2), day(3), 'mine']);
    await command('hangs', { type: 'MarkRun', runId: day(2), state: 'success', user: 'ann' });
    await vi.waitUntil(async () => (await open()).includes(day(4)));
    expect(await open()).toEqual([day(3), day(4), 'mine']);
    expect(await command('hangs', BACKFILL)).toMatchObject({ code: 'backfill_running' });
  });

  it('stands still while it or its DAG is paused, and begins nothing more once it is cancelled', async () => {
    await start();
    await command('hangs', BACKFILL);
    await vi.waitUntil(async () => (await open()).length === 2);
    await command('hangs', { type: 'SetBackfillPaused', backfillId: '1', paused: true, user: 'ann' });
    await command('hangs', { type: 'MarkRun', runId: day(2), state: 'failed', user: 'ann' });
    await command('hangs', { type: 'MarkRun', runId: day(3), state: 'success', user: 'ann' });
    await command('hangs', { type: 'SetPaused', paused: true, user: 'ann' });
    await command('hangs', { type: 'SetBackfillPaused', backfillId: '1', paused: false, user: 'ann' });
    expect(await open()).toEqual([]);
    await command('hangs', { type: 'SetPaused', paused: false, user: 'ann' });
    await vi.waitUntil(async () => (await open()).length === 2);
    await command('hangs', { type: 'CancelBackfill', backfillId: '1', user: 'ann' });
    await command('hangs', { type: 'MarkRun', runId: day(4), state: 'success', user: 'ann' });
    expect(await open()).toEqual([day(5)]);
    expect((await types(backfillStream('hangs', '1'))).at(-1)).toBe('BackfillCancelled');
  });

  it('goes on under the next owner, which repeats nothing', async () => {
    const first = await start();
    await command('hangs', BACKFILL);
    await vi.waitUntil(async () => (await handled('hangs')).length === 2);
    await first.stop();
    await start();
    await command('hangs', { type: 'MarkRun', runId: day(3), state: 'success', user: 'ann' });
    await vi.waitUntil(async () => (await handled('hangs')).length === 3);
    for (const date of [2, 4, 5, 6]) {
      await vi.waitUntil(async () => (await open()).includes(day(date)));
      await command('hangs', { type: 'MarkRun', runId: day(date), state: 'success', user: 'ann' });
    }
    await completed('hangs');
    expect(await handled('hangs')).toEqual([2, 3, 4, 5, 6].map((date) => `created ${day(date)}`));
    const starts = (await Promise.all([2, 3, 4, 5, 6].map((date) => types(runStream('hangs', day(date)))))).map((all) => all.filter((type) => type === ('RunStarted' satisfies RunEvent['type'])).length);
    expect(starts).toEqual([1, 1, 1, 1, 1]);
    expect((await types(dagStream('hangs'))).filter((type) => type === 'DagVersionRegistered')).toHaveLength(1);
  });
});
