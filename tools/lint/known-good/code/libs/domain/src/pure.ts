/** A moment that the command brought is a value like any other. */
export const yearOf = (nowMs: number): number => new Date(nowMs).getUTCFullYear();
export const wait = (untilMs: number, nowMs: number): number => Math.max(0, untilMs - nowMs);
