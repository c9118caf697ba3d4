import { unreachable } from '../decider.ts';
import type { DataInterval } from '../schedule/definition.ts';
import type { DagEvent } from './event.ts';
import type { Foresight } from './foresight.ts';
import { evolveRuns, NO_RUNS, type RunRecord } from './run-record.ts';

/**
 * What a DAG has come to: unknown until its first version is registered, then active or retired, and beside that paused
 * or not. A retired DAG keeps its version, pause and schedule, so that a file that comes back goes on where it was.
 */
export interface DagFold {
  /** 0: none registered. */
  readonly version: number;
  readonly planHash: string | null;
  readonly bundleHash: string | null;
  readonly file: string | null;
  readonly paused: boolean;
  readonly retired: boolean;
  /** Of the last run that the schedule made. */
  readonly lastInterval: DataInterval | null;
  readonly runs: RunRecord;
  /** Since when its present schedule has been waiting for its next run: what falls due after this is not missed, however late it is looked at. */
  readonly watchedSinceMs: number;
  /** Of a timetable that its author wrote; null: to be asked. */
  readonly foreseen: Foresight | null;
}

export const initialDag = (): DagFold => ({
  version: 0, planHash: null, bundleHash: null, file: null, paused: false, retired: false, lastInterval: null, runs: NO_RUNS, watchedSinceMs: 0, foreseen: null,
});

export function evolveDag(dag: DagFold, event: DagEvent): DagFold {
  switch (event.type) {
    case 'DagVersionRegistered':
      return { ...dag, version: event.version, planHash: event.planHash, bundleHash: event.bundleHash, file: event.file, watchedSinceMs: event.atMs, foreseen: null };
    case 'DagPaused':
      return { ...dag, paused: true };
    case 'DagUnpaused':
      return { ...dag, paused: false, watchedSinceMs: event.atMs, foreseen: null };
    case 'DagRetired':
      return { ...dag, retired: true };
    case 'DagRevived':
      return { ...dag, retired: false, watchedSinceMs: event.atMs };
    case 'RunScheduled':
      return { ...dag, lastInterval: event.interval, watchedSinceMs: event.atMs, foreseen: null };
    case 'RunsForeseen':
      return { ...dag, foreseen: { runs: event.runs, problem: event.problem ?? null } };
    case 'RunBegun':
    case 'RunEnded':
      return { ...dag, runs: evolveRuns(dag.runs, event) };
    default:
      return unreachable(event);
  }
}
