export const startedAt = (clock: { nowMs(): number }): string => new Date(clock.nowMs()).toISOString();
/** How long something took is no wall-clock time. */
export const sinceMs = (fromMs: number): number => performance.now() - fromMs;
