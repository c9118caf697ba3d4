import { expect, it } from 'vitest';
import { WakeTimes } from './wake-time.ts';

const key = (runId: string) => ({ dagId: 'd', runId, streamId: `run-d/${runId}` });

function manual() {
  let nowMs = 0;
  let alarm: { readonly atMs: number; readonly ring: () => void } | undefined;
  const clock = { nowMs: () => nowMs, alarm: (atMs: number, ring: () => void) => ((alarm = { atMs, ring }), () => (alarm = undefined)) };
  const pass = (untilMs: number): void => {
    nowMs = untilMs;
    while (alarm !== undefined && alarm.atMs <= nowMs) alarm.ring();
  };
  return { clock, pass };
}

it('wakes each run at the instant that was set last, once', () => {
  const { clock, pass } = manual();
  const woken: string[] = [];
  const wakes = new WakeTimes(clock as never, (due) => void woken.push(...due.map(({ runId }) => runId)));
  wakes.set(key('a'), 10);
  wakes.set(key('b'), 5);
  wakes.set(key('a'), 20);
  wakes.set(key('c'), 7);
  wakes.set(key('c'), null);
  pass(15);
  expect(woken).toEqual(['b']);
  pass(20);
  expect(woken).toEqual(['b', 'a']);
  wakes.set(key('a'), 30);
  pass(30);
  expect(woken).toEqual(['b', 'a', 'a']);
});

it('forgets runs that ended long before their instant', () => {
  const { clock, pass } = manual();
  const woken: string[] = [];
  const wakes = new WakeTimes(clock as never, (due) => void woken.push(...due.map(({ runId }) => runId)));
  wakes.set(key('stays'), 1_000);
  for (let run = 0; run < 10_000; run++) {
    wakes.set(key(`r${run}`), 500 + run);
    wakes.delete(key(`r${run}`));
  }
  expect(wakes.size).toBeLessThan(100);
  pass(2_000);
  expect(woken).toEqual(['stays']);
});
