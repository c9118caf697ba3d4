import type { DagDefinition } from '@dagbook/domain';
import { nextRun } from '@dagbook/domain';
import type { Work } from '@dagbook/contracts';

/**
 * Whether the run is of the schedule's latest interval: the one after it has not been completed yet. Runs that a
 * person started always are, as in Airflow.
 */
export function isLatest(definition: DagDefinition, run: Work['run'], nowMs: number): boolean {
  if (run.runType === 'manual' || run.dataInterval === null) return true;
  const following = nextRun(definition.schedule, { lastInterval: run.dataInterval, startMs: null, endMs: null, catchup: true, nowMs });
  return following === null || nowMs <= following.runAfterMs;
}
