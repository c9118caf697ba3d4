import type { Json } from '../json.ts';

/**
 * The stream `backfill-<dag id>/<backfill id>`. Which dates it covers follows from `BackfillCreated` and the plan that it
 * names, so they are not listed; each is handled once, in order.
 */
export type BackfillEvent =
  | BackfillCreated
  | { readonly type: 'BackfillPaused'; readonly by: string; readonly atMs: number }
  | { readonly type: 'BackfillUnpaused'; readonly by: string; readonly atMs: number }
  /** What it has not begun is never begun; what runs goes on. */
  | { readonly type: 'BackfillCancelled'; readonly by: string; readonly atMs: number }
  /** `created` and `reprocessed`: the run is the backfill's own from here; `skipped`: it was left as it is. */
  | {
      readonly type: 'BackfillDateHandled';
      readonly logicalDateMs: number;
      readonly runId: string;
      readonly action: 'created' | 'reprocessed' | 'skipped';
      readonly atMs: number;
    }
  /** All dates are handled and all its runs have ended. */
  | { readonly type: 'BackfillCompleted'; readonly atMs: number };

/** What becomes of a date that has a run already: nothing, a failed one again, or any that has ended again. */
export type ReprocessBehavior = 'none' | 'failed' | 'completed';

export interface BackfillRequest {
  readonly fromMs: number;
  /** Inclusive. */
  readonly toMs: number;
  readonly reprocessBehavior: ReprocessBehavior;
  /** Newest date first. */
  readonly runBackwards: boolean;
  /** Of this backfill alone: its runs do not count in the DAG's `maxActiveRuns`. */
  readonly maxActiveRuns: number;
  readonly conf: { readonly [name: string]: Json };
  /** Whether a run that is done again goes over to the DAG's newest version. */
  readonly runOnLatestVersion: boolean;
}

/** Instant after which it runs, begin and end of its interval: a thousand of them fit into an event. */
export type ForeseenRun = readonly [runAfterMs: number, startMs: number, endMs: number];

export interface BackfillCreated extends BackfillRequest {
  readonly type: 'BackfillCreated';
  readonly dagId: string;
  /** From 1 for each DAG. */
  readonly backfillId: string;
  /** Of the version whose timetable says the dates. */
  readonly planHash: string;
  /** How many dates it covers. */
  readonly dates: number;
  /** Of a timetable of the author's, which is not asked again: what it answered, oldest first. */
  readonly runs?: readonly ForeseenRun[];
  readonly by: string;
  readonly atMs: number;
}
