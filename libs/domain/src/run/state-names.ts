/** Airflow's words. `none` is a task instance that nothing has happened to yet. */
export type TaskState =
  | 'none'
  | 'scheduled'
  | 'queued'
  | 'running'
  | 'restarting'
  | 'up_for_retry'
  | 'up_for_reschedule'
  | 'deferred'
  | 'awaiting_input'
  | 'success'
  | 'failed'
  | 'skipped'
  | 'upstream_failed'
  | 'removed';

export type TerminalTaskState = 'success' | 'failed' | 'skipped' | 'upstream_failed' | 'removed';

export type RunState = 'queued' | 'running' | 'success' | 'failed';

export type RunType = 'scheduled' | 'manual' | 'backfill' | 'asset_triggered' | 'asset_materialization';

export type TriggeredBy = 'cli' | 'operator' | 'rest_api' | 'ui' | 'test' | 'timetable' | 'asset' | 'backfill';
