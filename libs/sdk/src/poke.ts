import type { Poke } from './types.ts';

/** What a sensor answers: what it waited for, or that it will look again. */
export const poke = {
  done: <T>(v: T): Poke<T> => ({ done: true, value: v }),
  again: (): Poke<never> => ({ done: false }),
};
