import { SeededRandom } from './random.ts';

/** What can be killed; each is started again by the cluster's supervisor. */
export const VICTIMS = ['scheduler', 'dispatcher', 'worker', 'log-server', 'api-gateway', 'kafka', 'postgres'] as const;
export type Victim = (typeof VICTIMS)[number];

export interface PlannedKill {
  readonly victim: Victim;
  /** Which of several (two schedulers, two workers), as a fraction of their number. */
  readonly which: number;
  /** Pause before it, from the one before. */
  readonly afterMs: number;
  /** Whether the victim before must be there again first, and tasks succeed; without it faults overlap. */
  readonly alone: boolean;
}

/** The same kills for the same seed. Victims are dealt from a shuffled deck, so that each has its turn. */
export function killPlan(seed: number, kills: number): PlannedKill[] {
  const random = new SeededRandom(seed);
  const plan: PlannedKill[] = [];
  while (plan.length < kills) {
    for (const victim of random.shuffled(VICTIMS)) {
      plan.push({ victim, which: random.next(), afterMs: Math.round(random.between(100, 2_500)), alone: random.next() < 0.7 });
    }
  }
  return plan.slice(0, kills);
}
