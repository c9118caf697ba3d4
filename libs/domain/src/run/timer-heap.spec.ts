import fc from 'fast-check';
import { expect, test } from 'vitest';
import { TimerHeap, type Sleeper } from './timer-heap.ts';

test('knows the next instant and who is due, however sleepers come, go and change their minds', () => {
  const moves = fc.array(fc.record({ who: fc.nat(5), untilMs: fc.option(fc.nat(20)) }), { maxLength: 60 });
  fc.assert(fc.property(moves, fc.nat(25), (moved, nowMs) => {
    const heap = new TimerHeap<Sleeper>();
    const sleepers: Sleeper[] = Array.from({ length: 6 }, () => ({ wakeAtMs: null }));
    for (const { who, untilMs } of moved) {
      const sleeper = sleepers[who] as Sleeper;
      heap.wake(sleeper);
      if (untilMs !== null) heap.sleep(sleeper, untilMs);
    }
    const asleep = sleepers.filter(({ wakeAtMs }) => wakeAtMs !== null);
    expect(heap.nextAtMs).toBe(asleep.length === 0 ? null : Math.min(...asleep.map(({ wakeAtMs }) => wakeAtMs ?? 0)));
    expect(new Set(heap.due(nowMs))).toEqual(new Set(asleep.filter(({ wakeAtMs }) => (wakeAtMs ?? 0) <= nowMs)));
    expect(heap.due(nowMs)).toHaveLength(asleep.filter(({ wakeAtMs }) => (wakeAtMs ?? 0) <= nowMs).length);
  }), { numRuns: 2_000, seed: 7 });
});
