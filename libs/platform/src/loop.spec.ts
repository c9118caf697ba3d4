import { describe, expect, it } from 'vitest';
import { WakeableLoop } from './loop.ts';

function gate() {
  let open!: () => void;
  const opened = new Promise<void>((resolve) => (open = resolve));
  return { open, opened };
}

describe('WakeableLoop', () => {
  it('never runs two rounds at once, and a wake during a round causes exactly one more', async () => {
    const first = gate();
    const second = gate();
    let rounds = 0;
    let atOnce = 0;
    const loop = new WakeableLoop({
      intervalMs: 3_600_000,
      onError: (error) => expect.unreachable(String(error)),
      round: async () => {
        rounds++;
        atOnce++;
        expect(atOnce).toBe(1);
        if (rounds === 1) await first.opened;
        if (rounds === 2) second.open();
        atOnce--;
      },
    });
    loop.start();
    loop.start();
    loop.wake();
    loop.wake();
    first.open();
    await second.opened;
    await loop.stop();
    expect(rounds).toBe(2);
  });

  it('does not begin a second round when the first wakes it before it first waits', async () => {
    const done = gate();
    let rounds = 0;
    let atOnce = 0;
    const loop: WakeableLoop<void> = new WakeableLoop({
      intervalMs: 3_600_000,
      onError: (error) => expect.unreachable(String(error)),
      round: async () => {
        expect(++atOnce).toBe(1);
        if (++rounds === 1) loop.wake();
        await Promise.resolve();
        atOnce--;
        if (rounds === 2) done.open();
      },
    });
    loop.start();
    await done.opened;
    await loop.stop();
    expect(rounds).toBe(2);
  });

  it('may be stopped before a start, twice, and wakes no more', async () => {
    let rounds = 0;
    const loop = new WakeableLoop({ intervalMs: 1, onError: () => undefined, round: async () => void rounds++ });
    await loop.stop();
    loop.start();
    await loop.stop();
    await loop.stop();
    const before = rounds;
    loop.wake();
    await Promise.resolve();
    expect(rounds).toBe(before);
  });

  it('reports a round that throws and goes on', async () => {
    const reported = gate();
    const again = gate();
    let rounds = 0;
    const loop = new WakeableLoop({
      intervalMs: 1,
      onError: () => reported.open(),
      round: async () => {
        if (++rounds === 1) throw new Error('away');
        again.open();
      },
    });
    loop.start();
    await reported.opened;
    await again.opened;
    await loop.stop();
    expect(rounds).toBeGreaterThanOrEqual(2);
  });
});
