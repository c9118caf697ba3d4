export type { Clock } from './clock.ts';
export { ManualClock, systemClock } from './clock.ts';
export type { Loop } from './loop.ts';
export { WakeableLoop } from './loop.ts';
export type { RunningService } from './service.ts';
