import type { ScheduledRun } from '../schedule/definition.ts';
import type { DagDefinition } from './definition.ts';
import type { DagEvent } from './event.ts';
import type { DagFold } from './fold.ts';

/**
 * What the DAG's own timetable answered when it was last asked. The first run counts and is kept until it is made, so that
 * one that came due while nobody was there is not lost to code that counts from the present; those behind it are a preview.
 * A new version, an unpausing and each run made ask anew.
 */
export interface Foresight {
  readonly runs: readonly ScheduledRun[];
  readonly problem: string | null;
}

export interface ForesightCommand {
  readonly type: 'RecordForesight';
  readonly runs: readonly ScheduledRun[];
  /** Absent: it could say. */
  readonly problem?: string;
  /** Of the version whose code answered. */
  readonly planHash: string;
  readonly nowMs: number;
}

/** Whether the author's code has to be asked before anything can be said of the next run. One that failed is asked again by whoever tries again. */
export const needsForesight = ({ schedule }: Pick<DagDefinition, 'schedule'>, { foreseen, version, retired }: DagFold): boolean =>
  schedule.kind === 'custom' && version > 0 && !retired && (foreseen === null || (foreseen.problem !== null && foreseen.runs.length === 0));

/** An answer of code that is not the DAG's any more says nothing of it; one that repeats the last adds nothing. */
export function decideForesight({ runs, problem, planHash, nowMs }: ForesightCommand, { foreseen, planHash: current }: DagFold): DagEvent[] {
  if (planHash !== current) return [];
  if (foreseen !== null && foreseen.problem === (problem ?? null) && foreseen.runs.length === runs.length && foreseen.runs.every((run, at) => isSame(run, runs[at]))) return [];
  return [{ type: 'RunsForeseen', runs, ...(problem === undefined ? {} : { problem }), atMs: nowMs }];
}

const isSame = (one: ScheduledRun, other: ScheduledRun | undefined): boolean =>
  one.runAfterMs === other?.runAfterMs && one.interval.startMs === other.interval.startMs && one.interval.endMs === other.interval.endMs;
