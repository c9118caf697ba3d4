import type { GridStructure, PackedRun } from '../model/grid-layout.ts';
import type { RunState, TaskState } from '../model/task-state.ts';

/** The members of the gateway's answers that the page reads: Airflow's shapes, and ours of `grid-contract.md`. */

export interface Dag {
  readonly dag_id: string;
  readonly dag_display_name: string;
  readonly is_paused: boolean;
  readonly is_stale: boolean;
  readonly has_import_errors: boolean;
  readonly fileloc: string;
  readonly relative_fileloc: string | null;
  readonly owners: readonly string[];
  readonly tags: readonly { readonly name: string }[];
  readonly timetable_summary: string | null;
  readonly timetable_description: string | null;
  readonly next_dagrun_logical_date: string | null;
  readonly next_dagrun_run_after: string | null;
  readonly last_parsed_time: string | null;
  readonly max_active_runs: number | null;
  readonly max_active_tasks: number;
  readonly max_consecutive_failed_dag_runs: number;
}

export interface DagDetails extends Dag {
  readonly timezone: string | null;
  readonly catchup: boolean;
  readonly start_date: string | null;
  readonly end_date: string | null;
  readonly doc_md: string | null;
  readonly dag_run_timeout: string | null;
  readonly params: Readonly<Record<string, unknown>> | null;
  readonly latest_dag_version: { readonly version_number: number } | null;
}

export interface ListedDag extends Dag {
  readonly timezone: string | null;
  /** Oldest first. */
  readonly latest_runs: readonly LatestRun[];
}

export interface LatestRun {
  readonly dag_run_id: string;
  readonly state: RunState;
  readonly run_type: string;
  readonly run_after: string;
  readonly start_date: string | null;
  readonly end_date: string | null;
}

export interface DagRun {
  readonly dag_id: string;
  readonly dag_run_id: string;
  readonly state: RunState;
  readonly run_type: string;
  readonly triggered_by: string | null;
  readonly triggering_user_name: string | null;
  readonly logical_date: string | null;
  readonly data_interval_start: string | null;
  readonly data_interval_end: string | null;
  readonly run_after: string;
  readonly queued_at: string | null;
  readonly start_date: string | null;
  readonly end_date: string | null;
  /** Seconds. */
  readonly duration: number | null;
  readonly conf: Readonly<Record<string, unknown>> | null;
  readonly note: string | null;
  readonly dag_versions: readonly { readonly version_number: number }[];
  readonly failure_reason: string | null;
  /** Task instances by state. */
  readonly task_instance_counts: Readonly<Partial<Record<TaskState, number>>>;
}

export interface TaskInstance {
  readonly task_id: string;
  readonly task_display_name: string;
  readonly dag_id: string;
  readonly dag_run_id: string;
  /** -1: not mapped. */
  readonly map_index: number;
  readonly rendered_map_index: string | null;
  readonly state: TaskState | null;
  readonly try_number: number;
  readonly max_tries: number;
  readonly scheduled_when: string | null;
  readonly queued_when: string | null;
  readonly start_date: string | null;
  readonly end_date: string | null;
  /** Seconds. */
  readonly duration: number | null;
  readonly hostname: string | null;
  readonly pid: number | null;
  readonly operator_name: string | null;
  readonly operator: string | null;
  readonly pool: string;
  readonly pool_slots: number;
  readonly queue: string | null;
  readonly priority_weight: number | null;
  readonly note: string | null;
  /** Why it failed, was skipped, or waits. */
  readonly reason: { readonly code: string; readonly message: string; readonly detail: string | null } | null;
  /** When it is tried or looked at again. */
  readonly next_at: string | null;
}

export interface GridRun extends PackedRun {
  readonly dag_run_id: string;
  readonly run_type: string;
  readonly state: RunState;
  readonly run_after: string;
  readonly logical_date: string | null;
  readonly queued_at: string | null;
  readonly start_date: string | null;
  readonly end_date: string | null;
  readonly mapped: Readonly<Record<string, Readonly<Partial<Record<TaskState, number>>>>>;
}

export interface Grid {
  readonly dag_id: string;
  readonly structure: string;
  /** Newest first. */
  readonly runs: readonly GridRun[];
}

export interface Structure extends GridStructure {}

export interface RunEvents {
  readonly events: readonly RecordedEvent[];
  readonly next_after: string | null;
}

export interface RecordedEvent {
  readonly position: string;
  readonly stream_id: string;
  readonly version: number;
  readonly type: string;
  readonly at: string;
  readonly task_id: string | null;
  readonly map_index: number | null;
  readonly try_number: number | null;
  readonly data: unknown;
}

export interface ImportFailure {
  readonly import_error_id: number;
  readonly filename: string;
  readonly stack_trace: string;
  readonly timestamp: string;
}

export interface Health {
  readonly [service: string]: { readonly status: string | null; readonly latest_scheduler_heartbeat?: string | null } | null;
}

export interface TriggerBody {
  readonly conf: Readonly<Record<string, unknown>>;
  readonly logical_date: string | null;
  readonly dag_run_id?: string;
  readonly note?: string;
}

export interface ClearChoice {
  readonly include_upstream: boolean;
  readonly include_downstream: boolean;
  readonly only_failed: boolean;
}
