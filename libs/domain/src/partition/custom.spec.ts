import { describe, expect, it } from 'vitest';
import type { AssetUpdated } from '../asset/event.ts';
import { decideAssetRun, emptyAssetQueue, evolveAssetQueue, restoreAssetQueue, snapshotAssetQueue, unmappedUpdates, waitingCount, waitingUpdates, type AssetFact, type AssetQueue } from '../asset/queue.ts';
import type { AssetCondition, TimetableDefinition } from '../schedule/definition.ts';
import { askMappers, type CustomMapper, type PartitionQuestion } from './custom.ts';
import type { AssetPartitioning, PartitionMapper } from './definition.ts';
import { mapperProblems } from './validate.ts';

const asset = (uri: string): AssetCondition => ({ kind: 'asset', uri });
const both: AssetCondition = { kind: 'all', of: [asset('a'), asset('b')] };
const custom = (name: string, more: object = {}): PartitionMapper => ({ kind: 'custom', name, ...more });
const CODE: { readonly [name: string]: CustomMapper } = {
  strip: { toDownstream: (key) => key.slice(key.indexOf(':') + 1) },
  both: { toDownstream: (key) => [`${key}1`, `${key}2`] },
  month: { toDownstream: (key) => key.slice(0, 7), toUpstream: (month) => [`${month}-01`, `${month}-02`] },
  throws: { toDownstream: () => { throw new Error('no calendar'); } },
  nonsense: { toDownstream: () => 7 },
  later: { toDownstream: () => Promise.resolve('k') },
  empty: { toDownstream: () => '' },
  many: { toDownstream: () => Array.from({ length: 1_001 }, String) },
  long: { toDownstream: () => Array.from({ length: 200 }, (_, index) => `${index}`.padStart(200, 'x')) },
  none: { toDownstream: () => [] },
};
const scheduleOf = (partition: AssetPartitioning, condition = asset('a')): Extract<TimetableDefinition, { kind: 'assets' }> => ({ kind: 'assets', condition, partition });
const ask = (partition: AssetPartitioning, question: PartitionQuestion, condition = asset('a')) => askMappers(scheduleOf(partition, condition), (name) => CODE[name], question);
const one = (mapper: PartitionMapper, key: string) => ask({ mapper }, { kind: 'partitions', updates: [{ position: '1', key, leaves: ['asset a'] }] }).mapped[0];

describe('an author\'s mapper', () => {
  it.each<[PartitionMapper, string, object[]]>([
    [custom('strip'), 'eu:k', [{ key: 'k' }]],
    [custom('both'), 'k', [{ key: 'k1' }, { key: 'k2' }]],
    [custom('none'), 'k', []],
    [custom('month', { isRollup: true }), '2026-03-02', [{ key: '2026-03', expects: ['2026-03-01', '2026-03-02'] }]],
    [{ kind: 'chain', mappers: [custom('strip'), { kind: 'startOf', unit: 'day' }] }, 'eu:2026-03-02T05:00:00', [{ key: '2026-03-02' }]],
    [{ kind: 'product', mappers: [custom('strip'), { kind: 'identity' }] }, 'eu:k|x', [{ key: 'k|x' }]],
    [{ kind: 'product', mappers: [custom('both'), { kind: 'identity' }] }, 'k|x', []],
    [{ kind: 'rollup', upstream: custom('strip'), window: { kind: 'segments', segments: ['a', 'b'] } }, 'eu:k', [{ key: 'k' }]],
    [{ kind: 'fanOut', upstream: custom('strip'), window: { kind: 'segments', segments: ['a', 'b'] } }, 'eu:k', [{ key: 'a' }, { key: 'b' }]],
  ])('%j of %s', (mapper, key, keys) => {
    expect(one(mapper, key)).toEqual({ position: '1', places: [{ leaf: 'asset a', keys }] });
  });

  it.each([
    ['throws', /threw for the key "k": no calendar/], ['nonsense', /neither a key nor a list/], ['later', /neither a key nor a list/], ['empty', /no text of 1 to 250/], ['many', /more than the 1000 keys/], ['long', /of 32768 allowed/], ['unknown', /neither a key nor a list/],
  ])('that answers nonsense counts for nothing and says why: %s', (name, problem) => {
    expect(one(custom(name), 'k')).toEqual({ position: '1', places: [], problem: expect.stringMatching(problem) as string });
  });

  it('is asked only of a schedule of partitions', () => {
    expect(askMappers({ kind: 'none' }, () => undefined, { kind: 'partitions', updates: [] })).toMatchObject({ mapped: [], problem: expect.any(String) as string });
  });

  it.each<[PartitionMapper, string]>([
    [custom('strip', { minimumCount: 1 }), 'm.minimumCount'], [custom('month', { isRollup: true, minimumCount: 0 }), 'm.minimumCount'],
    [{ kind: 'chain', mappers: [{ kind: 'identity' }, custom('month', { isRollup: true })] }, 'm.mappers[1]'],
    [{ kind: 'rollup', upstream: custom('strip'), window: { kind: 'day' } }, 'm.upstream'],
  ])('%j is refused', (mapper, field) => {
    expect(mapperProblems(mapper, 'm').map((problem) => problem.field)).toEqual([field]);
  });
});

const NOW = Date.UTC(2026, 0, 5);
const waitsFor = (partition: AssetPartitioning, condition = asset('a')): AssetFact => ({ type: 'AssetScheduleSet', schedule: { condition, partition }, paused: false, atMs: NOW });
const updated = (uri: string, partitionKey?: string, more: Partial<AssetUpdated> = {}): AssetFact => ({ type: 'AssetUpdated', uri, extra: {}, ...(partitionKey === undefined ? {} : { partitionKey }), ...more, atMs: NOW });
function fold(...facts: readonly AssetFact[]): AssetQueue {
  const queue = emptyAssetQueue();
  facts.forEach((fact, index) => evolveAssetQueue(queue, fact, String(index + 1)));
  return queue;
}
function mapAll(queue: AssetQueue): AssetQueue {
  const question = unmappedUpdates(queue, Infinity);
  const { condition, partition } = queue.schedule ?? {};
  if (question !== null) for (const mapped of ask(partition ?? {}, question, condition).mapped) evolveAssetQueue(queue, { type: 'AssetKeysMapped', ...mapped, atMs: NOW }, 'x');
  return queue;
}
function runsOf(queue: AssetQueue): string[][] {
  const runs: string[][] = [];
  for (let due = decideAssetRun(queue, { definition: {}, activeRuns: 0, nowMs: NOW }); due !== null; due = decideAssetRun(queue, { definition: {}, activeRuns: 0, nowMs: NOW })) {
    runs.push([due.decided.partitionKey ?? '', ...due.updates.map(({ position }) => position)]);
    evolveAssetQueue(queue, due.decided, 'x');
  }
  return runs;
}

describe('a queue whose mapper is code', () => {
  it('lets an update wait until it is mapped, and never asks of one without a key', () => {
    const queue = fold(waitsFor({ mapper: custom('both') }), updated('a', 'k'), updated('a'), updated('b', 'k'));
    expect([waitingCount(queue), [...waitingUpdates(queue).keys()], runsOf(queue)]).toEqual([1, ['2'], []]);
    expect(unmappedUpdates(queue, 10)).toEqual({ kind: 'partitions', updates: [{ position: '2', key: 'k', leaves: ['asset a'] }] });
    expect(runsOf(mapAll(queue))).toEqual([['k1', '2'], ['k2', '2']]);
    expect([waitingCount(queue), unmappedUpdates(queue, 10)]).toEqual([0, null]);
  });

  it('tells of a mapper that failed, and takes all that waits however late it was mapped', () => {
    const failed = mapAll(fold(waitsFor({ mapper: custom('throws') }), updated('a', 'k')));
    expect(failed.passedOver).toEqual({ updates: 1, uri: 'a', partitionKey: 'k', problem: expect.stringMatching(/no calendar/) as string, atMs: NOW });
    const queue = fold(waitsFor({ mapper: { kind: 'identity' }, mappers: { a: custom('strip') } }, { kind: 'all', of: [asset('a'), asset('b')] }), updated('a', 'eu:k'), updated('b', 'k'));
    expect(runsOf(mapAll(queue))).toEqual([['k', '3', '2']]);
    expect(waitingCount(queue)).toBe(0);
  });

  it('takes no answer twice, nor one about what does not wait', () => {
    const queue = mapAll(fold(waitsFor({ mapper: custom('strip') }), updated('a', 'eu:k')));
    const again: AssetFact = { type: 'AssetKeysMapped', position: '2', places: [{ leaf: 'asset a', keys: [{ key: 'k' }] }], atMs: NOW };
    evolveAssetQueue(queue, again, 'x');
    expect(runsOf(queue)).toEqual([['k', '2']]);
    evolveAssetQueue(queue, again, 'x');
    expect(runsOf(queue)).toEqual([]);
  });

  it('waits for what a rollup of the author\'s says, and for the other assets', () => {
    const partition = { mapper: custom('month', { isRollup: true }), mappers: { b: { kind: 'startOf', unit: 'month', inputFormat: '%Y-%m-%d' } } } as const;
    const queue = mapAll(fold(waitsFor(partition, both), updated('a', '2026-03-02'), updated('b', '2026-03-09')));
    expect(runsOf(queue)).toEqual([]);
    evolveAssetQueue(queue, updated('a', '2026-03-01'), '9');
    expect(runsOf(mapAll(queue))).toEqual([['2026-03', '3', '2', '9']]);
    const some = mapAll(fold(waitsFor({ mapper: custom('month', { isRollup: true, minimumCount: -1 }) }), updated('a', '2026-03-02')));
    expect(runsOf(some)).toEqual([['2026-03', '2']]);
  });

  it('is the same after a snapshot, mapped or not', () => {
    const facts = [waitsFor({ mapper: custom('month', { isRollup: true }) }), updated('a', '2026-03-02'), updated('a', '2026-04-01')];
    const restored = (queue: AssetQueue) => restoreAssetQueue(JSON.parse(JSON.stringify(snapshotAssetQueue(queue))));
    for (const queue of [mapAll(restored(fold(...facts))), restored(mapAll(fold(...facts)))]) {
      expect(waitingCount(queue)).toBe(2);
      evolveAssetQueue(queue, updated('a', '2026-03-01'), '9');
      expect(runsOf(mapAll(queue))).toEqual([['2026-03', '2', '9']]);
    }
  });

  it('keeps what was mapped, and asks of what was not, while the mapper is the author\'s; else drops it', () => {
    const facts = [waitsFor({ mapper: custom('strip') }, both), updated('a', 'eu:k')];
    const kept = mapAll(fold(...facts));
    evolveAssetQueue(kept, waitsFor({ mapper: custom('both'), mappers: { b: { kind: 'identity' } } }, both), '8');
    expect([...kept.groups.keys()]).toEqual(['k']);
    expect([...mapAll(fold(...facts, waitsFor({ mapper: custom('both') }, both))).groups.keys()]).toEqual(['eu:k1', 'eu:k2']);
    expect([...fold(...facts, waitsFor({}, both)).groups.keys()]).toEqual(['eu:k']);
    expect(waitingCount(fold(...facts, { type: 'AssetQueueCleared', by: 'ann', atMs: NOW }))).toBe(0);
    const pure = fold(waitsFor({}, both), updated('a', 'k'), waitsFor({ mapper: custom('strip') }, both));
    expect(waitingCount(pure)).toBe(0);
  });
});
