import { setTimeout as pause } from 'node:timers/promises';

const LOOK_EVERY_MS = 25;

/** Looks again until it is there, and answers it. The caller's limit (a test's, or that of `Patience`) is the only clock. */
export async function until<T>(look: () => T | undefined | Promise<T | undefined>): Promise<T> {
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    await pause(LOOK_EVERY_MS);
  }
}

export const holds = (condition: () => boolean | Promise<boolean>): Promise<true> => until(async () => ((await condition()) ? true : undefined));
