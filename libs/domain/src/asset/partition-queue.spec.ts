import { describe, expect, it } from 'vitest';
import type { AssetPartitioning, PartitionMapper } from '../partition/definition.ts';
import type { AssetCondition } from '../schedule/definition.ts';
import type { AssetUpdated } from './event.ts';
import { isBehind } from './position.ts';
import { decideAssetRun, emptyAssetQueue, evolveAssetQueue, isAssetRunDue, restoreAssetQueue, snapshotAssetQueue, waitingCount, waitingUpdates, type AssetFact, type AssetQueue } from './queue.ts';

const NOW = Date.UTC(2026, 0, 5);
const asset = (uri: string): AssetCondition => ({ kind: 'asset', uri });
const both: AssetCondition = { kind: 'all', of: [asset('a'), asset('b')] };
const day: PartitionMapper = { kind: 'startOf', unit: 'day' };
const ofDays: PartitionMapper = { kind: 'startOf', unit: 'day', inputFormat: '%Y-%m-%d' };
const waitsFor = (condition: AssetCondition, partition: AssetPartitioning = {}): AssetFact => ({ type: 'AssetScheduleSet', schedule: { condition, partition }, paused: false, atMs: NOW });
const updated = (uri: string, partitionKey?: string, more: Partial<AssetUpdated> = {}): AssetFact => ({ type: 'AssetUpdated', uri, extra: {}, ...(partitionKey === undefined ? {} : { partitionKey }), ...more, atMs: NOW });
function fold(...facts: readonly AssetFact[]): AssetQueue {
  const queue = emptyAssetQueue();
  facts.forEach((fact, index) => evolveAssetQueue(queue, fact, String(index + 1)));
  return queue;
}
/** All runs that are due, taken one after the other: their keys, dates, and the places of the updates that they took. */
function runsOf(queue: AssetQueue): readonly (readonly [key: string | undefined, date: string | undefined, ...positions: string[]])[] {
  const runs: (readonly [string | undefined, string | undefined, ...string[]])[] = [];
  for (let due = next(queue); due !== null; due = next(queue)) {
    const { partitionKey, partitionDateMs } = due.decided;
    runs.push([partitionKey, partitionDateMs === undefined ? undefined : new Date(partitionDateMs).toISOString(), ...due.updates.map(({ position }) => position)]);
    evolveAssetQueue(queue, due.decided, 'x');
  }
  return runs;
}
const next = (queue: AssetQueue) => decideAssetRun(queue, { definition: {}, activeRuns: 0, nowMs: NOW });

describe('the queue of a DAG of partitions', () => {
  it('makes a run for each key under which all of its assets came, in the order in which they were complete', () => {
    const queue = fold(waitsFor(both, { mapper: day }), updated('a', '2026-03-01T05:00:00'), updated('a', '2026-03-02T05:00:00'), updated('b', '2026-03-02T09:00:00'), updated('b', '2026-03-01T00:00:00'), updated('a', '2026-03-01T06:00:00'), updated('b', '2026-03-03T00:00:00'));
    expect(runsOf(queue)).toEqual([['2026-03-02', '2026-03-02T00:00:00.000Z', '3', '4'], ['2026-03-01', '2026-03-01T00:00:00.000Z', '2', '5', '6']]);
    expect([...waitingUpdates(queue).keys()]).toEqual(['7']);
  });

  it('counts updates of partitions alone, as a DAG without partitions counts none of them', () => {
    const partitioned = fold(waitsFor(asset('a')), updated('a'), updated('a', 'k'), updated('b', 'k'));
    expect(runsOf(partitioned)).toEqual([['k', undefined, '3']]);
    const whole = fold({ type: 'AssetScheduleSet', schedule: { condition: asset('a') }, paused: false, atMs: NOW }, updated('a', 'k'), updated('a'));
    expect(runsOf(whole)).toEqual([[undefined, undefined, '3']]);
  });

  it('passes over a key that cannot be mapped', () => {
    expect(waitingCount(fold(waitsFor(asset('a'), { mapper: day }), updated('a', 'yesterday')))).toBe(0);
  });

  it('never meets a condition whose assets are mapped to keys that differ', () => {
    const queue = fold(waitsFor(both, { mapper: day, mappers: { b: { kind: 'startOf', unit: 'year' } } }), updated('a', '2026-01-01T00:00:00'), updated('b', '2026-01-01T00:00:00'));
    expect([isAssetRunDue(queue), [...queue.groups.keys()]]).toEqual([false, ['2026-01-01', '2026']]);
  });

  it('waits for the whole window of a rollup, counts each of its keys once, and begins anew after the run', () => {
    const mapper: PartitionMapper = { kind: 'rollup', upstream: { kind: 'fixedKey', key: 'all' }, window: { kind: 'segments', segments: ['us', 'eu'] } };
    const queue = fold(waitsFor(asset('a'), { mapper }), updated('a', 'us'), updated('a', 'us'), updated('a', 'mars'));
    expect(isAssetRunDue(queue)).toBe(false);
    evolveAssetQueue(queue, updated('a', 'eu'), '9');
    expect(runsOf(queue)).toEqual([['all', undefined, '2', '3', '4', '9']]);
    evolveAssetQueue(queue, updated('a', 'us'), '10');
    expect(runsOf(queue)).toEqual([]);
  });

  it('fans one update out to many runs, each of which takes it once', () => {
    const mapper: PartitionMapper = { kind: 'fanOut', upstream: { kind: 'startOf', unit: 'week' }, window: { kind: 'week' } };
    const queue = fold(waitsFor(asset('a'), { mapper }), updated('a', '2026-03-04T00:00:00'));
    expect([waitingUpdates(queue).size, waitingCount(queue)]).toEqual([1, 7]);
    const runs = runsOf(queue);
    expect(runs.map(([key]) => key)).toEqual(['2026-03-02', '2026-03-03', '2026-03-04', '2026-03-05', '2026-03-06', '2026-03-07', '2026-03-08']);
    expect(runs.every(([, , ...positions]) => positions.join() === '2')).toBe(true);
    expect(runsOf(queue)).toEqual([]);
  });

  it('dates a run as the mappers agree, else by what its updates of the same key say', () => {
    const dates = (partition: AssetPartitioning, ...facts: readonly AssetFact[]) => runsOf(fold(waitsFor(both, partition), ...facts)).map(([, date]) => date);
    const at = (iso: string) => ({ partitionDateMs: Date.parse(iso) });
    const seoul: PartitionMapper = { ...ofDays, timezone: 'Asia/Seoul' } as PartitionMapper;
    expect(dates({ mapper: ofDays }, updated('a', '2026-03-01', at('2020-01-01')), updated('b', '2026-03-01'))).toEqual(['2026-03-01T00:00:00.000Z']);
    expect(dates({ mapper: ofDays, mappers: { a: seoul } }, updated('a', '2026-03-01'), updated('b', '2026-03-01'))).toEqual([undefined]);
    expect(dates({}, updated('a', 'k', at('2020-01-01T00:00Z')), updated('b', 'k'))).toEqual(['2020-01-01T00:00:00.000Z']);
    expect(dates({}, updated('a', 'k', at('2020-01-01T00:00Z')), updated('b', 'k', at('2020-01-02T00:00Z')))).toEqual([undefined]);
    expect(dates({ mapper: { kind: 'fixedKey', key: 'k' } }, updated('a', 'k', at('2020-01-01T00:00Z')), updated('b', 'k'))).toEqual([undefined]);
  });

  it('keeps in place what a new schedule maps as before, and drops what it maps elsewhere', () => {
    const first = [waitsFor(both, { mapper: day }), updated('a', '2026-03-01T00:00:00'), updated('a', '2026-03-02T00:00:00')];
    expect([...fold(...first, waitsFor(both, { mapper: day, mappers: { b: ofDays } })).groups.keys()]).toEqual(['2026-03-01', '2026-03-02']);
    expect(fold(...first, waitsFor(both, { mapper: { kind: 'startOf', unit: 'month' } })).groups.size).toBe(0);
    expect(fold(...first, { type: 'AssetScheduleSet', schedule: { condition: both }, paused: false, atMs: NOW }).groups.size).toBe(0);
  });

  it('takes by the place in the feed what an older version decided, also where it counted what is passed over now', () => {
    const whole: AssetFact = { type: 'AssetScheduleSet', schedule: { condition: asset('a') }, paused: false, atMs: NOW };
    const queue = fold(whole, updated('a'), updated('a', 'k'), updated('a'));
    evolveAssetQueue(queue, { type: 'AssetRunDecided', runId: 'r', upTo: '3', updates: 2, atMs: NOW }, '5');
    expect([...waitingUpdates(queue).keys()]).toEqual(['4']);
    evolveAssetQueue(queue, { type: 'AssetRunDecided', runId: 'r2', upTo: '10', updates: 1, atMs: NOW }, '11');
    expect(waitingCount(queue)).toBe(0);
    expect([isBehind('9-100', '9-99'), isBehind('10-1', '9-99'), isBehind('9-99', '10-1'), isBehind('9-9', '9-9'), isBehind('9007199254740993-1', '9007199254740992-2')]).toEqual([true, true, false, false, true]);
  });

  it('counts what it passes over, until it has another schedule', () => {
    const queue = fold(waitsFor(asset('a'), { mapper: day }), updated('a', 'yesterday'), updated('a'), updated('b'), updated('a', '2026-03-01T00:00:00'));
    expect(queue.passedOver).toEqual({ updates: 2, uri: 'a', atMs: NOW });
    expect(restoreAssetQueue(JSON.parse(JSON.stringify(snapshotAssetQueue(queue)))).passedOver).toEqual(queue.passedOver);
    evolveAssetQueue(queue, updated('a', 'soon'), '7');
    expect(queue.passedOver).toEqual({ updates: 3, uri: 'a', partitionKey: 'soon', atMs: NOW });
    evolveAssetQueue(queue, waitsFor(asset('a')), '8');
    expect(queue.passedOver).toBe(null);
    expect(fold({ type: 'AssetScheduleSet', schedule: { condition: asset('a') }, paused: false, atMs: NOW }, updated('a', 'k')).passedOver).toBe(null);
  });

  it('is the same after a snapshot, wherever that is taken', () => {
    const mapper: PartitionMapper = { kind: 'fanOut', upstream: ofDays, window: { kind: 'week' } };
    const facts = [waitsFor(both, { mapper }), updated('a', '2026-03-04'), updated('b', '2026-03-06'), updated('a', '2026-03-07')];
    const whole = fold(...facts);
    const runs = runsOf(fold(...facts));
    expect(runs.map(([key]) => key)).toEqual(['2026-03-06', '2026-03-07', '2026-03-08', '2026-03-09', '2026-03-10', '2026-03-11', '2026-03-12']);
    facts.forEach((_, cut) => {
      const queue = restoreAssetQueue(JSON.parse(JSON.stringify(snapshotAssetQueue(fold(...facts.slice(0, cut + 1))))));
      facts.slice(cut + 1).forEach((fact, index) => evolveAssetQueue(queue, fact, String(cut + 2 + index)));
      expect(waitingCount(queue)).toBe(waitingCount(whole));
      expect(runsOf(queue).map(([key, , ...positions]) => [key, ...positions])).toEqual(runs.map(([key, , ...positions]) => [key, ...positions]));
    });
  });
});
