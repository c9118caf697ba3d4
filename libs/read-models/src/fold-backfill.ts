import type { BackfillEvent, Json, ReprocessBehavior } from '@dagbook/domain';

/** A row of `backfills`. Instants are epoch milliseconds. */
export interface BackfillRow {
  /** Feed position of its first event. */
  readonly backfillKey: number;
  readonly dagId: string;
  /** Its number among those of the DAG. */
  readonly backfillId: string;
  version: number;
  state: 'running' | 'completed' | 'cancelled';
  isPaused: boolean;
  readonly fromMs: number;
  readonly toMs: number;
  readonly reprocessBehavior: ReprocessBehavior;
  readonly runBackwards: boolean;
  readonly maxActiveRuns: number;
  readonly runOnLatestVersion: boolean;
  readonly conf: { readonly [name: string]: Json };
  readonly createdBy: string;
  readonly dates: number;
  createdRuns: number;
  reprocessedRuns: number;
  skippedDates: number;
  readonly createdAtMs: number;
  completedAtMs: number | null;
  updatedAtMs: number;
}

export const BACKFILL_COLUMNS = [
  'backfill_key', 'dag_id', 'backfill_id', 'version', 'state', 'is_paused', 'from_ms', 'to_ms', 'reprocess_behavior', 'run_backwards', 'max_active_runs', 'run_on_latest_version', 'conf',
  'created_by', 'dates', 'created_runs', 'reprocessed_runs', 'skipped_dates', 'created_at_ms', 'completed_at_ms', 'updated_at_ms',
] as const;

export function backfillCreated(event: Extract<BackfillEvent, { type: 'BackfillCreated' }>, position: number): BackfillRow {
  const { dagId, backfillId, fromMs, toMs, reprocessBehavior, runBackwards, maxActiveRuns, runOnLatestVersion, conf, by, dates, atMs } = event;
  return {
    backfillKey: position, dagId, backfillId, version: 1, state: 'running', isPaused: false, fromMs, toMs, reprocessBehavior, runBackwards, maxActiveRuns, runOnLatestVersion, conf,
    createdBy: by, dates, createdRuns: 0, reprocessedRuns: 0, skippedDates: 0, createdAtMs: atMs, completedAtMs: null, updatedAtMs: atMs,
  };
}

const COUNTER = { created: 'createdRuns', reprocessed: 'reprocessedRuns', skipped: 'skippedDates' } as const;

export function foldBackfill(row: BackfillRow, event: Exclude<BackfillEvent, { type: 'BackfillCreated' }>): void {
  row.updatedAtMs = event.atMs;
  switch (event.type) {
    case 'BackfillPaused':
      row.isPaused = true;
      return;
    case 'BackfillUnpaused':
      row.isPaused = false;
      return;
    case 'BackfillDateHandled':
      row[COUNTER[event.action]] += 1;
      return;
    case 'BackfillCancelled':
    case 'BackfillCompleted':
      row.state = event.type === 'BackfillCancelled' ? 'cancelled' : 'completed';
      row.completedAtMs = event.atMs;
      return;
  }
}
