import { nextWall, previousWall } from './cron.ts';
import type { Cron } from './cron.ts';
import { instantOf } from './time-zone.ts';
import type { TimeZone } from './time-zone.ts';

/**
 * The instants at which a cron fires in a zone, by Airflow's rule: the wall clock decides, a time that comes twice fires
 * the second time, a time that a gap leaves out fires as much later as the gap is long. A cron of every hour follows
 * elapsed time instead, so that it fires through a repeated hour too. `undefined`: none within fifty years.
 *
 * Around a change of offset the wall clock runs ahead of, or behind, the instants: a tick found on it counts only if it
 * lies on the asked side of the instant, else the one beyond it is meant.
 */
export function nextTick(cron: Cron, zone: TimeZone, afterMs: number): number | undefined {
  const wall = afterMs + zone.offsetAt(afterMs);
  let scheduled = nextWall(cron, wall);
  if (cron.everyHour) return scheduled === undefined ? undefined : afterMs + (scheduled - wall);
  while (scheduled !== undefined) {
    const { instantMs } = instantOf(zone, scheduled);
    if (instantMs > afterMs) return instantMs;
    scheduled = nextWall(cron, scheduled);
  }
  return undefined;
}

export function previousTick(cron: Cron, zone: TimeZone, beforeMs: number): number | undefined {
  const wall = beforeMs + zone.offsetAt(beforeMs);
  let scheduled = previousWall(cron, wall);
  if (cron.everyHour) return scheduled === undefined ? undefined : beforeMs - (wall - scheduled);
  while (scheduled !== undefined) {
    const { instantMs } = instantOf(zone, scheduled);
    if (instantMs < beforeMs) return instantMs;
    scheduled = previousWall(cron, scheduled);
  }
  return undefined;
}
