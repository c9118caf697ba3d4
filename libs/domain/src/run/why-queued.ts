import { DEFAULT_MAX_ACTIVE_RUNS } from '../dag/active-run.ts';
import { isoInstant } from '../schedule/civil.ts';
import type { RunType } from './state-names.ts';

/** For `Outside.runWaits`: why a queued run of a DAG that is not paused has not started. */
export function whyQueued({ runType, runAfterMs, maxActiveRuns = DEFAULT_MAX_ACTIVE_RUNS, running, nowMs }: { readonly runType: RunType; readonly runAfterMs: number; readonly maxActiveRuns: number | undefined; readonly running: number; readonly nowMs: number }): string {
  if (runType === 'backfill') return 'its backfill starts its runs in order, no more at a time than its own max_active_runs, and none while it is paused';
  if (runAfterMs > nowMs) return `it is scheduled for ${isoInstant(Math.ceil(runAfterMs / 1_000) * 1_000)} (run_after)`;
  if (running >= maxActiveRuns) return `maxActiveRuns is ${maxActiveRuns} and ${running} ${running === 1 ? 'run is' : 'runs are'} running; it starts when one of them has ended`;
  return 'the scheduler starts it next';
}
