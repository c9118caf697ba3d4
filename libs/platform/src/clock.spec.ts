import { expect, test } from 'vitest';
import { ManualClock } from './clock.ts';

/** What rang, in order; `turn` lets the event loop go round once. */
function rung(clock: ManualClock) {
  const rang: string[] = [];
  const set = (name: string, atMs: number) => clock.alarm(atMs, () => rang.push(name));
  return { rang, set, turn: () => new Promise((resolve) => setImmediate(resolve)) };
}

test('an alarm rings when the clock reaches it, the earlier one first, and once', () => {
  const clock = new ManualClock(0);
  const { rang, set } = rung(clock);
  set('b', 20);
  set('a', 10);
  clock.set(9);
  expect(rang).toEqual([]);
  clock.set(30);
  clock.set(5);
  clock.set(30);
  expect(rang).toEqual(['a', 'b']);
});

test('an alarm that is due when it is set rings soon, and not inside the call', async () => {
  const clock = new ManualClock(100);
  const { rang, set, turn } = rung(clock);
  set('past', 40);
  set('now', 100);
  expect(rang).toEqual([]);
  await turn();
  expect(rang).toEqual(['past', 'now']);
  clock.advance(1);
  expect(rang).toEqual(['past', 'now']);
});

test('an alarm that was called off does not ring', async () => {
  const clock = new ManualClock(100);
  const { rang, set, turn } = rung(clock);
  set('later', 110)();
  set('past', 40)();
  await turn();
  clock.set(200);
  expect(rang).toEqual([]);
});
