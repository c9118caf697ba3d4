import type { DagDefinition } from '@dagbook/domain';
import { dagStream, runStream } from '@dagbook/contracts';
import { afterEach, describe, expect, it } from 'vitest';
import { SchedulerHouse } from '../test/scheduler-house.ts';

const DAG: DagDefinition = { dagId: 'd', timezone: 'UTC', schedule: { kind: 'none' }, tasks: [{ taskId: 'a', operator: 'function', upstream: [] }] };

let house: SchedulerHouse;
afterEach(() => house.close());

const opened = async (definition: Partial<DagDefinition>): Promise<void> => {
  house = new SchedulerHouse('2026-02-01T00:00Z', [{ ...DAG, ...definition }]);
  await house.start();
};
const triggered = async (runId: string, logicalDateMs: number | null = null): Promise<void> => {
  await house.command('d', { type: 'TriggerRun', runId, logicalDateMs, conf: {}, triggeredBy: 'test', user: 'ann' });
  await house.until(async () => (await house.types(runStream('d', runId))).includes('RunStarted'));
};
const ended = (runId: string, state: 'success' | 'failed') => house.command('d', { type: 'MarkRun', runId, state, user: 'ann' });
const inDag = (type: string) => house.until(async () => (await house.types(dagStream('d'))).includes(type));

describe('where new DAGs are paused', () => {
  const registered = async (definition: Partial<DagDefinition>): Promise<readonly string[]> => {
    house = new SchedulerHouse('2026-02-01T00:00Z', [{ ...DAG, ...definition }]);
    await house.start({ pausedAtCreation: true });
    return house.types(dagStream('d'));
  };
  it('one that says nothing of it is, and once alone', async () => {
    expect(await registered({})).toEqual(['DagVersionRegistered', 'DagPaused']);
    await house.command('d', { type: 'SetPaused', paused: false, user: 'ann' });
    await house.edit([{ ...DAG, tags: ['new'] }]);
    await house.until(async () => (await house.types(dagStream('d'))).length === 4);
    expect(await house.types(dagStream('d'))).toEqual(['DagVersionRegistered', 'DagPaused', 'DagUnpaused', 'DagVersionRegistered']);
  });
  it('one that says that it is not is not', async () => {
    expect(await registered({ pausedUponCreation: false })).toEqual(['DagVersionRegistered']);
  });
});

describe('a run whose time is to come', () => {
  const DUE_MS = Date.parse('2026-02-01T06:00:00Z');
  const asked = (runId: string) => house.command('d', { type: 'TriggerRun', runId, logicalDateMs: null, runAfterMs: DUE_MS, conf: {}, triggeredBy: 'test', user: 'ann' });
  it('waits for it, over owners, and keeps no other from starting', async () => {
    await opened({});
    await asked('later');
    await triggered('now');
    expect(await house.types(runStream('d', 'later'))).toEqual(['RunCreated']);
    await house.stop();
    await house.start();
    house.clock.advance(DUE_MS - house.clock.nowMs() - 1);
    await triggered('then');
    expect(await house.types(runStream('d', 'later'))).toEqual(['RunCreated']);
    house.clock.advance(1);
    await house.until(async () => (await house.types(runStream('d', 'later'))).includes('RunStarted'));
  });
});

describe('failures in a row', () => {
  it('are counted over owners, and pause the DAG', async () => {
    await opened({ maxConsecutiveFailedRuns: 2 });
    await triggered('r1');
    await ended('r1', 'failed');
    await inDag('RunEnded');
    await house.stop();
    await house.start();
    await triggered('r2');
    await ended('r2', 'failed');
    await inDag('DagPaused');
    expect(await house.types(dagStream('d'))).toEqual(['DagVersionRegistered', 'RunBegun', 'RunEnded', 'RunBegun', 'RunEnded', 'DagPaused']);
    expect(await house.data(dagStream('d'), 'DagPaused')).toMatchObject([{ by: 'maxConsecutiveFailedRuns=2' }]);
  });

  it('count also when their owner died before it recorded them', async () => {
    await opened({ maxConsecutiveFailedRuns: 1 });
    await triggered('r1');
    await house.stop();
    // As the owner would have written it, and nothing else.
    const { version = 0 } = (await house.stores.events.read(runStream('d', 'r1'))).at(-1) ?? {};
    await house.stores.events.append([{
      streamId: runStream('d', 'r1'), expectedVersion: version, events: [{ eventId: '01900000-0000-7000-8000-000000000001', type: 'RunFailed', schemaVersion: 1, data: { reason: 'marked', atMs: house.clock.nowMs() } }],
      openRun: { dagId: 'd', runId: 'r1', open: false },
    }]);
    await house.start();
    await inDag('DagPaused');
    expect(await house.data(dagStream('d'), 'RunEnded')).toMatchObject([{ runId: 'r1', state: 'failed' }]);
  });

  it('cost a DAG that does not ask for it nothing', async () => {
    await opened({});
    await triggered('r1');
    await ended('r1', 'failed');
    await house.command('d', { type: 'SetPaused', paused: true, user: 'ann' });
    expect(await house.types(dagStream('d'))).toEqual(['DagVersionRegistered', 'DagPaused']);
  });
});

describe('time', () => {
  it('runs out for a run under the next owner too: deadlines first, then the run itself', async () => {
    await opened({ dagrunTimeoutMs: 60_000, deadlines: [{ reference: 'queuedAt', intervalMs: 30_000 }, { reference: 'logicalDate', intervalMs: 9_000 }] });
    await triggered('r1', house.clock.nowMs());
    await house.stop();
    await house.start();
    const happened = (count: number) => house.until(async () => (await house.types(runStream('d', 'r1'))).length >= count);
    house.clock.advance(9_000);
    await happened(4);
    house.clock.advance(21_000);
    await happened(5);
    expect(await house.data(runStream('d', 'r1'), 'DeadlineMissed')).toMatchObject([{ deadline: 1 }, { deadline: 0 }]);
    house.clock.advance(30_000);
    await happened(7);
    expect(await house.types(runStream('d', 'r1'))).toEqual(['RunCreated', 'RunStarted', 'TaskScheduled', 'DeadlineMissed', 'DeadlineMissed', 'TaskSkipped', 'RunFailed']);
    expect(await house.data(runStream('d', 'r1'), 'RunFailed')).toMatchObject([{ reason: 'timed_out' }]);
  });

  it('that runs take on average is told to the next', async () => {
    await opened({ deadlines: [{ reference: 'averageRuntime', intervalMs: 500, averageOf: { limit: 10, minRuns: 2 } }] });
    for (const [index, ms] of [1_000, 3_000, 0].entries()) {
      await triggered(`r${index}`);
      house.clock.advance(ms);
      await ended(`r${index}`, 'success');
      await house.until(async () => (await house.data(dagStream('d'), 'RunEnded')).length === index + 1);
    }
    await triggered('r3');
    expect((await Promise.all(['r0', 'r1', 'r2', 'r3'].map((runId) => house.data(runStream('d', runId), 'RunCreated')))).map(([created]) => created?.['averageRuntimesMs'])).toEqual([[null], [null], [2_000], [1_333]]);
  });
});
