import { describe, expect, it } from 'vitest';
import { canaries } from './canary.ts';
import { simulate, type Breakage } from './simulation.ts';

/** Seeds that found something once. */
const FINDERS: readonly number[] = [1, 11, 21, 28, 40, 68, 195, 361, 504, 574, 1012, 1121, 1195, 1353, 1416, 2059, 2171, 2408, 2919, 3118, 3807, 4507, 6438, 106024, 106122, 109198];
const SEEDS = 200;
/** A defect that takes more than this to be found might be found by nobody. */
const SEEDS_A_CANARY = 300;

const remedy = (seed: number): string => `npm run simulate -- --seed ${seed}`;

describe('schedulers, dispatchers and workers in bad weather', () => {
  it(`keep their promises for ${SEEDS} seeds and those that found something once`, async () => {
    const seeds = new Set([...FINDERS, ...Array.from({ length: SEEDS }, (_, index) => 10_001 + index)]);
    const broken: string[] = [];
    let crashes = 0;
    let events = 0;
    for (const seed of seeds) {
      const result = await simulate(seed);
      crashes += result.crashes;
      events += result.events;
      if (result.violations.length > 0) broken.push(`${result.violations[0]}: ${remedy(seed)}`);
    }
    expect(broken).toEqual([]);
    // Weather in which nothing happens proves nothing.
    expect(crashes).toBeGreaterThan(20);
    expect(events).toBeGreaterThan(5_000);
  });

  it.each([3, 1416, 10_007])('do the same again for the same seed (%i)', async (seed) => {
    const first = await simulate(seed);
    const second = await simulate(seed, { traced: true });
    expect(second.fingerprint).toBe(first.fingerprint);
    expect(second.trace.length).toBeGreaterThan(20);
  });
});

describe('a simulation finds that', () => {
  it.each(Object.entries(canaries()))('%s', async (_, { breakage, foundBy }) => {
    const found = await firstViolation(breakage);
    expect(foundBy).toContain(found);
  });
});

/** The rule that is broken first; undefined: no seed finds anything. */
async function firstViolation(breakage: Breakage): Promise<string | undefined> {
  for (let seed = 1; seed <= SEEDS_A_CANARY; seed += 1) {
    const { violations: [violation] } = await simulate(seed, { breakage });
    if (violation !== undefined) return violation.slice(0, violation.indexOf(': '));
  }
  return undefined;
}
