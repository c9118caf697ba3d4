import type { DagDefinition } from '@dagbook/domain';
import type { Work } from '@dagbook/contracts';

/**
 * Whether no later interval of the schedule has begun to count: the interval after the run's own is not over. Manual
 * runs always are.
 */
export function isLatest(definition: DagDefinition, run: Work['run'], nowMs: number): boolean {
  if (run.runType === 'manual' || run.dataInterval === null) return true;
  const { startMs, endMs } = run.dataInterval;
  return definition.schedule.kind === 'none' || nowMs < endMs + (endMs - startMs);
}
