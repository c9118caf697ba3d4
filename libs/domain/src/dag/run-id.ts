import { isoInstant } from '../schedule/civil.ts';
import type { RunType } from '../run/state-names.ts';

/**
 * A run's id as Airflow makes it: `scheduled__2026-01-05T00:00:00+00:00`. The instant is the one after which it may run,
 * or the logical date of a manual run that has one; a suffix tells apart runs that share it.
 */
export const runIdOf = (runType: RunType, instantMs: number, suffix?: string): string =>
  `${runType}__${isoInstant(instantMs)}${suffix === undefined ? '' : `_${suffix}`}`;
