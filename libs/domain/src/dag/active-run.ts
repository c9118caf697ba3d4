import type { DagDefinition } from './definition.ts';

export const DEFAULT_MAX_ACTIVE_RUNS = 16;

/** Which queued runs of a DAG may start now: oldest `runAfterMs` first, while `maxActiveRuns` leaves room; none of a paused DAG. */
export function runsToStart(dag: {
  readonly definition: Pick<DagDefinition, 'maxActiveRuns'>;
  readonly paused: boolean;
  readonly running: number;
  /** Runs that wait, with the instant after which each may run. */
  readonly queued: ReadonlyMap<string, number>;
  /** Queued runs that have been asked to start: they hold a place already. */
  readonly starting: ReadonlySet<string>;
}): readonly string[] {
  const room = (dag.definition.maxActiveRuns ?? DEFAULT_MAX_ACTIVE_RUNS) - dag.running - dag.starting.size;
  if (dag.paused || room <= 0) return [];
  return [...dag.queued]
    .filter(([runId]) => !dag.starting.has(runId))
    .sort((a, b) => a[1] - b[1])
    .slice(0, room)
    .map(([runId]) => runId);
}
