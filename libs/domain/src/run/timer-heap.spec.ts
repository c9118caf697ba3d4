import fc from 'fast-check';
import { expect, test } from 'vitest';
import { TimerHeap, type Sleeper } from './timer-heap.ts';

test('knows the next instant and who is due, however sleepers come, go and change their minds', () => {
  const moves = fc.array(fc.record({ who: fc.nat(5), untilMs: fc.option(fc.nat(20)) }), { maxLength: 60 });
  fc.assert(fc.property(moves, fc.nat(25), (moved, nowMs) => {
    const heap = new TimerHeap<Sleeper>();
    const sleepers: Sleeper[] = Array.from({ length: 6 }, () => ({ wakeAtMs: null }));
    const asleep = new Map<number, number>();
    for (const { who, untilMs } of moved) {
      const sleeper = sleepers[who] as Sleeper;
      heap.wake(sleeper);
      asleep.delete(who);
      if (untilMs === null) continue;
      heap.sleep(sleeper, untilMs);
      asleep.set(who, untilMs);
    }
    expect(heap.nextAtMs).toBe(asleep.size === 0 ? null : Math.min(...asleep.values()));
    const due = heap.due(nowMs).map((sleeper) => sleepers.indexOf(sleeper)).sort();
    expect(due).toEqual([...asleep].filter(([, untilMs]) => untilMs <= nowMs).map(([who]) => who).sort());
  }), { numRuns: 2_000, seed: 7 });
});
