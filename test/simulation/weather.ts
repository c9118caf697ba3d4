import type { Chance } from './chance.ts';

/** What goes wrong in one simulation, and how often; after `calmFromMs` nothing does any more. */
export interface Weather {
  readonly calmFromMs: number;
  /** Probabilities for a message. */
  readonly loss: number;
  readonly repetition: number;
  readonly delay: number;
  readonly longestDelayMs: number;
  /** Probability for a call of a store or the bus that the process dies just before or just after it. */
  readonly crash: number;
  /** Probabilities for a call of a store: refused; carried out and then said to have failed. */
  readonly refusal: number;
  readonly ambiguity: number;
  /** Mean milliseconds between losses of a database session; 0: none. */
  readonly sessionLossEveryMs: number;
  /** Mean milliseconds between cuts of a worker from the bus; 0: none. */
  readonly cutEveryMs: number;
}

/** Each seed has some kinds of weather and not others: all at once would hide what one alone does. */
export function weatherOf(chance: Chance, startMs: number): Weather {
  const some = (most: number): number => (chance.happens(0.6) ? chance.next() * most : 0);
  return {
    calmFromMs: startMs + chance.between(20_000, 50_000),
    loss: some(0.25),
    repetition: some(0.3),
    delay: some(0.3),
    longestDelayMs: chance.pick([50, 1_000, 15_000]),
    crash: some(0.004),
    refusal: some(0.02),
    ambiguity: some(0.02),
    sessionLossEveryMs: chance.happens(0.4) ? chance.between(4_000, 20_000) : 0,
    cutEveryMs: chance.happens(0.4) ? chance.between(5_000, 25_000) : 0,
  };
}
