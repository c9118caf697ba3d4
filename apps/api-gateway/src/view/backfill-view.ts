import type { BackfillRow } from '@dagbook/read-models';
import type { BackfillResponse } from '../dto/response.ts';
import { instant, instantOrNull } from './instant.ts';

export const backfillView = (row: BackfillRow, displayName: string): BackfillResponse => ({
  id: row.backfillKey,
  dag_id: row.dagId,
  dag_display_name: displayName,
  from_date: instant(row.fromMs),
  to_date: instant(row.toMs),
  dag_run_conf: row.conf,
  is_paused: row.isPaused,
  reprocess_behavior: row.reprocessBehavior,
  max_active_runs: row.maxActiveRuns,
  created_at: instant(row.createdAtMs),
  completed_at: instantOrNull(row.completedAtMs),
  updated_at: instant(row.updatedAtMs),
  state: row.state,
  run_backwards: row.runBackwards,
  triggering_user_name: row.createdBy,
  dates: row.dates,
  created_runs: row.createdRuns,
  reprocessed_runs: row.reprocessedRuns,
  skipped_dates: row.skippedDates,
});
