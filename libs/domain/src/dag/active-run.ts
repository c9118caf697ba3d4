import type { DagDefinition } from './definition.ts';

export const DEFAULT_MAX_ACTIVE_RUNS = 16;

/** Which queued runs of a DAG may start now: oldest `runAfterMs` first and none before it, while `maxActiveRuns` leaves room; none of a paused DAG. */
export function runsToStart(dag: {
  readonly definition: Pick<DagDefinition, 'maxActiveRuns'>;
  readonly paused: boolean;
  readonly running: number;
  /** Runs that wait, with the instant after which each may run. */
  readonly queued: ReadonlyMap<string, number>;
  /** Queued runs that have been asked to start: they hold a place already. */
  readonly starting: ReadonlySet<string>;
  readonly nowMs: number;
}): readonly string[] {
  const room = (dag.definition.maxActiveRuns ?? DEFAULT_MAX_ACTIVE_RUNS) - dag.running - dag.starting.size;
  if (dag.paused || room <= 0) return [];
  return [...dag.queued]
    .filter(([runId, runAfterMs]) => runAfterMs <= dag.nowMs && !dag.starting.has(runId))
    .sort((a, b) => a[1] - b[1])
    .slice(0, room)
    .map(([runId]) => runId);
}

/** When the next of these runs comes to its time; null: none waits for that. */
export function nextStartAtMs(queued: ReadonlyMap<string, number>, nowMs: number): number | null {
  let earliest = Number.POSITIVE_INFINITY;
  for (const runAfterMs of queued.values()) if (runAfterMs > nowMs && runAfterMs < earliest) earliest = runAfterMs;
  return earliest === Number.POSITIVE_INFINITY ? null : earliest;
}
