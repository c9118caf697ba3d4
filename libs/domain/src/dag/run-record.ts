import type { DagDefinition } from './definition.ts';
import type { DagEvent } from './event.ts';
import type { DagFold } from './fold.ts';

/**
 * What a DAG remembers of its runs, where its definition asks for it: how many have failed in a row, and how long the latest
 * took. A run that begins is recorded before it starts and its end after it, so that an owner who finds one that has ended
 * unrecorded knows what to add.
 */
export interface RunRecord {
  /** Runs that have begun and whose end is not recorded yet. */
  readonly begun: readonly string[];
  readonly failedInARow: number;
  /** Newest last, failed runs too. */
  readonly runtimesMs: readonly number[];
}

export const NO_RUNS: RunRecord = { begun: [], failedInARow: 0, runtimesMs: [] };

/** The longest history that an average may be taken of, see `dagProblems`. */
export const MAX_AVERAGED_RUNS = 100;

export const remembersRuns = ({ maxConsecutiveFailedRuns = 0, deadlines = [] }: Pick<DagDefinition, 'maxConsecutiveFailedRuns' | 'deadlines'>): boolean =>
  maxConsecutiveFailedRuns > 0 || deadlines.some(({ reference }) => reference === 'averageRuntime');

export function evolveRuns(runs: RunRecord, event: Extract<DagEvent, { type: 'RunBegun' | 'RunEnded' }>): RunRecord {
  if (event.type === 'RunBegun') return { ...runs, begun: [...runs.begun, event.runId] };
  return {
    begun: runs.begun.filter((runId) => runId !== event.runId),
    failedInARow: event.state === 'failed' ? runs.failedInARow + 1 : 0,
    runtimesMs: [...runs.runtimesMs, event.runtimeMs].slice(-MAX_AVERAGED_RUNS),
  };
}

export type RunRecordCommand =
  | { readonly type: 'BeginRuns'; readonly runIds: readonly string[]; readonly nowMs: number }
  | { readonly type: 'RecordRunEnd'; readonly definition: Pick<DagDefinition, 'maxConsecutiveFailedRuns'>; readonly runId: string; readonly state: 'success' | 'failed'; readonly runtimeMs: number; readonly nowMs: number };

/** An end counts once; the one that is a failure too many pauses the DAG. */
export function decideRuns(command: RunRecordCommand, { runs, paused }: DagFold): DagEvent[] {
  const { nowMs } = command;
  if (command.type === 'BeginRuns') return command.runIds.filter((runId) => !runs.begun.includes(runId)).map((runId) => ({ type: 'RunBegun', runId, atMs: nowMs }));
  const { definition, runId, state, runtimeMs } = command;
  if (!runs.begun.includes(runId)) return [];
  const ended: DagEvent = { type: 'RunEnded', runId, state, runtimeMs, atMs: nowMs };
  const limit = definition.maxConsecutiveFailedRuns ?? 0;
  const pauses = limit > 0 && !paused && state === 'failed' && runs.failedInARow + 1 >= limit;
  return pauses ? [ended, { type: 'DagPaused', by: `maxConsecutiveFailedRuns=${limit}`, atMs: nowMs }] : [ended];
}

/** For `RunCreated`: what each deadline of the DAG that counts from an average is told; undefined: none does. */
export function averageRuntimesMs({ deadlines = [] }: Pick<DagDefinition, 'deadlines'>, { runs }: DagFold): readonly (number | null)[] | undefined {
  if (!deadlines.some(({ reference }) => reference === 'averageRuntime')) return undefined;
  return deadlines.map(({ reference, averageOf }) => {
    if (reference !== 'averageRuntime' || averageOf === undefined) return null;
    const taken = runs.runtimesMs.slice(-averageOf.limit);
    return taken.length < averageOf.minRuns ? null : Math.round(taken.reduce((sum, ms) => sum + ms, 0) / taken.length);
  });
}
