import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { AssetCondition } from '../schedule/definition.ts';
import { isMet, leafName, leavesOf } from './condition.ts';
import type { AssetUpdated } from './event.ts';
import { decideAssetRun, emptyAssetQueue, evolveAssetQueue, isAssetRunDue, restoreAssetQueue, snapshotAssetQueue, waitingUpdates, type AssetFact, type AssetQueue } from './queue.ts';

const NOW = Date.UTC(2026, 0, 5);
const asset = (uri: string): AssetCondition => ({ kind: 'asset', uri });
const both: AssetCondition = { kind: 'all', of: [asset('a'), asset('b')] };
const updated = (uri: string, more: Partial<AssetUpdated> = {}): AssetFact => ({ type: 'AssetUpdated', uri, extra: {}, atMs: NOW, ...more });
const waitsFor = (condition: AssetCondition | null, paused = false): AssetFact => ({ type: 'AssetScheduleSet', schedule: condition === null ? null : { condition }, paused, atMs: NOW });
const PAUSED: AssetFact = { type: 'AssetQueuePaused', atMs: NOW };
const UNPAUSED: AssetFact = { type: 'AssetQueueUnpaused', atMs: NOW };

/** Positions are the numbers of the facts, from 1. */
function fold(...facts: readonly AssetFact[]): AssetQueue {
  const queue = emptyAssetQueue();
  for (const [index, fact] of facts.entries()) evolveAssetQueue(queue, fact, String(index + 1));
  return queue;
}
const decide = (queue: AssetQueue, over: { activeRuns?: number; maxActiveRuns?: number } = {}) => {
  const { activeRuns = 0, ...definition } = over;
  return decideAssetRun(queue, { definition, activeRuns, nowMs: NOW });
};
const waiting = (queue: AssetQueue): string[] => [...waitingUpdates(queue).keys()];

describe('a condition of assets', () => {
  const nested: AssetCondition = { kind: 'any', of: [both, { kind: 'all', of: [asset('c'), { kind: 'alias', name: 'c' }] }] };

  it.each([[['asset a'], false], [['asset a', 'asset b'], true], [['asset c', 'asset b'], false], [['asset c', 'alias c'], true], [[], false]])('with %j updated: %s', (names, met) => {
    expect(isMet(nested, (leaf) => names.includes(leafName(leaf)))).toBe(met);
  });

  it('speaks of each of its leaves once', () => {
    expect(leavesOf({ kind: 'all', of: [nested, asset('a')] }).map(leafName).sort()).toEqual(['alias c', 'asset a', 'asset b', 'asset c']);
  });
});

describe('the queue of a DAG', () => {
  it('makes one run of all that came once each asset was updated, in order', () => {
    expect(decide(fold(waitsFor(both), updated('a'), updated('a')))).toBe(null);
    const facts = [waitsFor(both), updated('a', { extra: { n: 1 } }), updated('c'), updated('a', { source: { dagId: 'up', runId: 'r', taskId: 't', mapIndex: -1 } }), updated('b')];
    const due = decide(fold(...facts));
    expect(due).toEqual({
      decided: { type: 'AssetRunDecided', runId: 'asset_triggered__2026-01-05T00:00:00+00:00_2', upTo: '5', updates: 3, atMs: NOW },
      updates: [
        { uri: 'a', extra: { n: 1 }, atMs: NOW, position: '2' },
        { uri: 'a', extra: {}, source: { dagId: 'up', runId: 'r', taskId: 't', mapIndex: -1 }, atMs: NOW, position: '4' },
        { uri: 'b', extra: {}, atMs: NOW, position: '5' },
      ],
    });
    const after = fold(...facts, due?.decided as AssetFact);
    expect(waiting(after)).toEqual([]);
    expect(decide(after)).toBe(null);
  });

  it('leaves to the next run what came between the decision and its place in the feed', () => {
    const due = decide(fold(waitsFor(asset('a')), updated('a'), updated('a')));
    const after = fold(waitsFor(asset('a')), updated('a'), updated('a'), updated('a'), due?.decided as AssetFact);
    expect(waiting(after)).toEqual(['4']);
    expect(decide(after)?.decided.runId).toBe('asset_triggered__2026-01-05T00:00:00+00:00_3');
  });

  it('keeps everything for the next run while the DAG has as many as it may', () => {
    const queue = fold(waitsFor(asset('a')), updated('a'), updated('a'));
    expect(decide(queue, { maxActiveRuns: 1, activeRuns: 1 })).toBe(null);
    expect(isAssetRunDue(queue)).toBe(true);
    expect(decide(queue, { maxActiveRuns: 1 })?.updates).toHaveLength(2);
    expect(decide(queue, { activeRuns: 16 })).toBe(null);
  });

  it('knows nothing of what is updated while the DAG is paused, and keeps what came before', () => {
    const queue = fold(waitsFor(both), updated('a'), PAUSED, updated('b'), updated('a'));
    expect(waiting(queue)).toEqual(['2']);
    expect(isAssetRunDue(fold(waitsFor(asset('a')), updated('a'), PAUSED))).toBe(false);
    const later = fold(waitsFor(both), updated('a'), PAUSED, updated('b'), UNPAUSED, updated('b'));
    expect(decide(later)?.updates.map(({ position }) => position)).toEqual(['2', '6']);
    expect(waiting(fold(waitsFor(both, true), updated('a')))).toEqual([]);
  });

  it('counts an update against the schedule as it stood there', () => {
    expect(waiting(fold(updated('a'), waitsFor(asset('a'))))).toEqual([]);
    expect(waiting(fold(waitsFor(asset('b')), updated('a'), updated('b'), waitsFor(both)))).toEqual(['3']);
    expect(waiting(fold(waitsFor(both), updated('a'), updated('b'), waitsFor(asset('b'))))).toEqual(['3']);
    expect(waiting(fold(waitsFor(both), updated('a'), waitsFor(null), updated('b')))).toEqual([]);
  });

  it('is struck out in part or whole', () => {
    const cleared = (uris?: readonly string[]): AssetFact => ({ type: 'AssetQueueCleared', ...(uris === undefined ? {} : { uris }), by: 'ann', atMs: NOW });
    expect(waiting(fold(waitsFor(both), updated('a'), updated('b'), cleared(['a'])))).toEqual(['3']);
    const queue = fold(waitsFor(both), updated('a'), updated('b'), cleared());
    expect(waiting(queue)).toEqual([]);
    expect(isAssetRunDue(fold(waitsFor(both), updated('a'), updated('b'), cleared(['a']), updated('b')))).toBe(false);
  });

  it('counts an asset for an alias from the first time that it was updated through it', () => {
    const alias: AssetCondition = { kind: 'alias', name: 'today' };
    expect(waiting(fold(waitsFor(alias), updated('x'), updated('today')))).toEqual([]);
    expect(waiting(fold(waitsFor(alias), updated('x', { aliases: ['other', 'today'] }), updated('x'), updated('y')))).toEqual(['2', '3']);
    expect(waiting(fold(waitsFor(alias, true), updated('x', { aliases: ['today'] }), UNPAUSED, updated('x')))).toEqual(['4']);
  });

  const SCHEDULES = [asset('a'), both, { kind: 'any', of: [asset('a'), asset('c')] }, { kind: 'alias', name: 'z' }, null] as const;
  const step = fc.oneof(
    { weight: 6, arbitrary: fc.constantFrom('a', 'b', 'c').map((uri) => updated(uri)) },
    { weight: 2, arbitrary: fc.constantFrom('a', 'd').map((uri) => updated(uri, { aliases: ['z'] })) },
    { weight: 4, arbitrary: fc.constant('look' as const) },
    { weight: 1, arbitrary: fc.constantFrom('restart' as const, 'late' as const) },
    { weight: 1, arbitrary: fc.constantFrom(...SCHEDULES).map((condition) => waitsFor(condition)) },
    { weight: 1, arbitrary: fc.constantFrom(PAUSED, UNPAUSED) },
  );

  it('gives every update that it takes in to exactly one run, in whatever pieces it is looked at', () => {
    fc.assert(
      fc.property(fc.constantFrom(...SCHEDULES), fc.array(step, { maxLength: 60 }), (first, steps) => {
        let queue = fold(waitsFor(first));
        let position = 1;
        let takesPart = new Set<string>();
        const taken: string[] = [];
        const runIds: string[] = [];
        const take = (fact: AssetFact): void => {
          position += 1;
          evolveAssetQueue(queue, fact, String(position));
          if (fact.type === 'AssetUpdated' && waiting(queue).includes(String(position))) takesPart.add(String(position));
          // Struck out by a schedule that does not name them.
          if (fact.type === 'AssetScheduleSet') takesPart = new Set([...takesPart].filter((one) => taken.includes(one) || waiting(queue).includes(one)));
        };
        for (const one of steps) {
          if (one === 'restart') queue = restoreAssetQueue(JSON.parse(JSON.stringify(snapshotAssetQueue(queue))));
          else if (one !== 'look' && one !== 'late') take(one);
          const due = one === 'look' || one === 'late' ? decide(queue) : null;
          if (due === null) continue;
          expect(due.updates).not.toEqual([]);
          runIds.push(due.decided.runId);
          taken.push(...due.updates.map((update) => update.position));
          // More comes before the decision has its place in the feed.
          if (one === 'late') take(updated('a'));
          take(due.decided);
        }
        expect(new Set(runIds).size).toBe(runIds.length);
        expect(new Set(taken).size).toBe(taken.length);
        expect([...taken, ...waiting(queue)].sort()).toEqual([...takesPart].sort());
      }),
      { numRuns: 10_000, seed: 20_261_125 },
    );
  });
});
