import { ApiProperty, type ApiPropertyOptions } from '@nestjs/swagger';
import type { DeadlineState, Json, ReprocessBehavior, RunState, RunType, TaskState, TriggeredBy } from '@dagbook/domain';
import { RUN_STATES, RUN_TYPES, TASK_STATES } from './request.ts';

/**
 * Answers, in Airflow's shapes and names. Members that Airflow has and Dagbook has no meaning for are null. A member
 * that Airflow does not have is marked as ours.
 */
const Str = (): PropertyDecorator => ApiProperty({ type: String });
const NullStr = (): PropertyDecorator => ApiProperty({ type: String, nullable: true });
const Int = (): PropertyDecorator => ApiProperty({ type: 'integer' });
const NullInt = (): PropertyDecorator => ApiProperty({ type: 'integer', nullable: true });
const NullNum = (): PropertyDecorator => ApiProperty({ type: Number, nullable: true });
const Bool = (): PropertyDecorator => ApiProperty({ type: Boolean });
const At = (): PropertyDecorator => ApiProperty({ type: String, format: 'date-time' });
const NullAt = (): PropertyDecorator => ApiProperty({ type: String, format: 'date-time', nullable: true });
const Uuid = (): PropertyDecorator => ApiProperty({ type: String, format: 'uuid' });
const StrList = (): PropertyDecorator => ApiProperty({ type: String, isArray: true });
const NullBool = (): PropertyDecorator => ApiProperty({ type: Boolean, nullable: true });
const Obj = (): PropertyDecorator => ApiProperty({ type: 'object', additionalProperties: true });
const NullObj = (): PropertyDecorator => ApiProperty({ type: 'object', additionalProperties: true, nullable: true });
const Word = (words: readonly string[]): PropertyDecorator => ApiProperty({ type: String, enum: [...words] });
const NullWord = (words: readonly string[]): PropertyDecorator => ApiProperty({ type: String, enum: [...words], nullable: true });
// Nest knows a class that is named later by its function's own name: it must be called `type`.
const Of = (later: () => new () => object): PropertyDecorator => ApiProperty({ type: () => later() });
const NullOf = (later: () => new () => object): PropertyDecorator => ApiProperty({ type: () => later(), nullable: true } as ApiPropertyOptions);
const ListOf = (later: () => new () => object): PropertyDecorator => ApiProperty({ type: () => later(), isArray: true } as ApiPropertyOptions);

const TRIGGERED_BY = ['cli', 'operator', 'rest_api', 'ui', 'test', 'timetable', 'asset', 'backfill'] as const satisfies readonly TriggeredBy[];

export class DagTagResponse {
  @Str() name!: string;
  @Str() dag_id!: string;
  @Str() dag_display_name!: string;
}

export class DagVersionResponse {
  @Uuid() id!: string;
  @Int() version_number!: number;
  @Str() dag_id!: string;
  @NullStr() bundle_name!: string | null;
  @NullStr() bundle_version!: string | null;
  @NullStr() bundle_url!: string | null;
  @At() created_at!: string;
  @Str() dag_display_name!: string;
}

export class DagVersionCollectionResponse {
  @ListOf(() => DagVersionResponse) dag_versions!: DagVersionResponse[];
  @Int() total_entries!: number;
}

export class DagResponse {
  @Str() dag_id!: string;
  @Str() dag_display_name!: string;
  @Bool() is_paused!: boolean;
  @Bool() is_stale!: boolean;
  @NullAt() last_parsed_time!: string | null;
  @NullNum() last_parse_duration!: number | null;
  @NullAt() last_expired!: string | null;
  @NullStr() bundle_name!: string | null;
  @NullStr() bundle_version!: string | null;
  @NullStr() relative_fileloc!: string | null;
  @Str() fileloc!: string;
  @NullStr() description!: string | null;
  @NullStr() timetable_summary!: string | null;
  @NullStr() timetable_description!: string | null;
  @Bool() timetable_partitioned!: boolean;
  @ListOf(() => DagTagResponse) tags!: DagTagResponse[];
  @Int() max_active_tasks!: number;
  @NullInt() max_active_runs!: number | null;
  @Int() max_consecutive_failed_dag_runs!: number;
  @Bool() has_task_concurrency_limits!: boolean;
  @Bool() has_import_errors!: boolean;
  @NullAt() next_dagrun_logical_date!: string | null;
  @NullAt() next_dagrun_data_interval_start!: string | null;
  @NullAt() next_dagrun_data_interval_end!: string | null;
  @NullAt() next_dagrun_run_after!: string | null;
  @StrList() owners!: string[];
  @Str() file_token!: string;
  /** Ours: the zone that the schedule follows. */
  @Str() timezone!: string;
}

export class DagCollectionResponse {
  @ListOf(() => DagResponse) dags!: DagResponse[];
  @Int() total_entries!: number;
}

export class StripRunResponse {
  @Str() dag_run_id!: string;
  @Word(RUN_STATES) state!: RunState;
  @Word(RUN_TYPES) run_type!: RunType;
  @At() run_after!: string;
  @NullAt() start_date!: string | null;
  @NullAt() end_date!: string | null;
}

export class UiDagResponse extends DagResponse {
  /** Oldest first. */
  @ListOf(() => StripRunResponse) latest_runs!: StripRunResponse[];
}

export class UiDagCollectionResponse {
  @ListOf(() => UiDagResponse) dags!: UiDagResponse[];
  @Int() total_entries!: number;
}

export class DagDetailsResponse extends DagResponse {
  @Bool() catchup!: boolean;
  @NullStr() dag_run_timeout!: string | null;
  @NullObj() asset_expression!: object | null;
  @NullStr() doc_md!: string | null;
  @NullAt() start_date!: string | null;
  @NullAt() end_date!: string | null;
  @NullAt() last_parsed!: string | null;
  @NullBool() is_paused_upon_creation!: boolean | null;
  @Bool() render_template_as_native_obj!: boolean;
  @Obj() params!: { readonly [name: string]: Json };
  @NullObj() default_args!: object | null;
  @NullOf(() => DagVersionResponse) latest_dag_version!: DagVersionResponse | null;
  @Int() active_runs_count!: number;
  @Int() concurrency!: number;
}

export class NextRunResponse {
  @At() run_after!: string;
  @At() logical_date!: string;
  @At() data_interval_start!: string;
  @At() data_interval_end!: string;
  /** What a change of the zone's offset does to this run, in a sentence. */
  @NullStr() note!: string | null;
}

export class NextRunCollectionResponse {
  @Str() dag_id!: string;
  @Str() timezone!: string;
  /** Why a timetable that its author wrote could not say (more); null: it could. */
  @NullStr() problem!: string | null;
  /** Soonest first; none when time does not start this DAG's runs, or its schedule has ended. */
  @ListOf(() => NextRunResponse) runs!: NextRunResponse[];
}

export class DagRunResponse {
  @Str() dag_run_id!: string;
  @Str() dag_id!: string;
  @Str() dag_display_name!: string;
  @NullAt() logical_date!: string | null;
  @NullAt() queued_at!: string | null;
  @NullAt() start_date!: string | null;
  @NullAt() end_date!: string | null;
  @NullNum() duration!: number | null;
  @NullAt() data_interval_start!: string | null;
  @NullAt() data_interval_end!: string | null;
  @At() run_after!: string;
  @NullAt() last_scheduling_decision!: string | null;
  @Word(RUN_TYPES) run_type!: RunType;
  @Word(RUN_STATES) state!: RunState;
  @NullWord(TRIGGERED_BY) triggered_by!: TriggeredBy | null;
  @NullStr() triggering_user_name!: string | null;
  @NullObj() conf!: Json;
  @NullStr() note!: string | null;
  @ListOf(() => DagVersionResponse) dag_versions!: DagVersionResponse[];
  @NullStr() bundle_version!: string | null;
  @NullStr() partition_key!: string | null;
  /** Ours: why it failed (`task_failed`, `deadlocked`, `timed_out`, `marked`). */
  @NullStr() failure_reason!: string | null;
  /** Ours: how many task instances stand in each state. */
  @ApiProperty({ type: 'object', additionalProperties: { type: 'integer' } }) task_instance_counts!: { readonly [state: string]: number };
}

export class DagRunCollectionResponse {
  @ListOf(() => DagRunResponse) dag_runs!: DagRunResponse[];
  @Int() total_entries!: number;
}

export class TaskReasonResponse {
  @Str() code!: string;
  @Str() message!: string;
  @NullStr() detail!: string | null;
}

export class TaskInstanceHistoryResponse {
  @Str() task_id!: string;
  @Str() dag_id!: string;
  @Str() dag_run_id!: string;
  @Int() map_index!: number;
  @NullAt() start_date!: string | null;
  @NullAt() end_date!: string | null;
  @NullNum() duration!: number | null;
  @NullWord(TASK_STATES) state!: TaskState | null;
  @Int() try_number!: number;
  @Int() max_tries!: number;
  @Str() task_display_name!: string;
  @Str() dag_display_name!: string;
  @NullStr() hostname!: string | null;
  @NullStr() unixname!: string | null;
  @Str() pool!: string;
  @Int() pool_slots!: number;
  @NullStr() queue!: string | null;
  @NullInt() priority_weight!: number | null;
  @NullStr() operator!: string | null;
  @NullStr() operator_name!: string | null;
  @NullAt() queued_when!: string | null;
  @NullAt() scheduled_when!: string | null;
  @NullInt() pid!: number | null;
  @NullStr() executor!: string | null;
  @Str() executor_config!: string;
  @NullOf(() => DagVersionResponse) dag_version!: DagVersionResponse | null;
  /** Ours: why it is in its state. */
  @NullOf(() => TaskReasonResponse) reason!: TaskReasonResponse | null;
  /** Of Airflow's task instances; ours of tries. */
  @Obj() rendered_fields!: object;
}

export class TaskInstanceHistoryCollectionResponse {
  @ListOf(() => TaskInstanceHistoryResponse) task_instances!: TaskInstanceHistoryResponse[];
  @Int() total_entries!: number;
}

export class TaskInstanceResponse extends TaskInstanceHistoryResponse {
  @Uuid() id!: string;
  @NullAt() logical_date!: string | null;
  @At() run_after!: string;
  @NullStr() note!: string | null;
  @NullStr() rendered_map_index!: string | null;
  @NullObj() trigger!: object | null;
  @NullObj() triggerer_job!: object | null;
  /** Ours: when it is tried or poked again, or stops waiting. */
  @NullAt() next_at!: string | null;
}

export class TaskInstanceCollectionResponse {
  @ListOf(() => TaskInstanceResponse) task_instances!: TaskInstanceResponse[];
  @Int() total_entries!: number;
}

export class TimeDeltaResponse {
  @ApiProperty({ type: String, enum: ['TimeDelta'] }) __type!: 'TimeDelta';
  @Int() days!: number;
  @Int() seconds!: number;
  @Int() microseconds!: number;
}

export class TaskResponse {
  @NullStr() task_id!: string | null;
  @NullStr() task_display_name!: string | null;
  @NullStr() owner!: string | null;
  @NullAt() start_date!: string | null;
  @NullAt() end_date!: string | null;
  @NullStr() trigger_rule!: string | null;
  @Bool() depends_on_past!: boolean;
  @Bool() wait_for_downstream!: boolean;
  @NullInt() retries!: number | null;
  @NullStr() queue!: string | null;
  @NullStr() pool!: string | null;
  @NullInt() pool_slots!: number | null;
  @NullOf(() => TimeDeltaResponse) execution_timeout!: TimeDeltaResponse | null;
  @NullOf(() => TimeDeltaResponse) retry_delay!: TimeDeltaResponse | null;
  @ApiProperty({ type: Number }) retry_exponential_backoff!: number;
  @NullInt() priority_weight!: number | null;
  @NullStr() weight_rule!: string | null;
  @NullStr() ui_color!: string | null;
  @NullStr() ui_fgcolor!: string | null;
  @StrList() template_fields!: string[];
  @StrList() downstream_task_ids!: string[];
  @NullStr() doc_md!: string | null;
  @NullStr() operator_name!: string | null;
  @NullObj() params!: object | null;
  @NullObj() class_ref!: object | null;
  @Bool() is_mapped!: boolean;
  @StrList() extra_links!: string[];
}

export class TaskCollectionResponse {
  @ListOf(() => TaskResponse) tasks!: TaskResponse[];
  @Int() total_entries!: number;
}

export class StructuredLogMessage {
  @NullAt() timestamp?: string | null;
  @Str() event!: string;
  [attribute: string]: unknown;
}

export class TaskInstancesLogResponse {
  @ListOf(() => StructuredLogMessage) content!: StructuredLogMessage[];
  @NullStr() continuation_token!: string | null;
}

export class ImportErrorResponse {
  @Int() import_error_id!: number;
  @At() timestamp!: string;
  @Str() filename!: string;
  @NullStr() bundle_name!: string | null;
  @Str() stack_trace!: string;
  /** Ours: a stable word for what is wrong, and where. */
  @Str() code!: string;
  @NullInt() line!: number | null;
  @NullInt() column!: number | null;
}

export class ImportErrorCollectionResponse {
  @ListOf(() => ImportErrorResponse) import_errors!: ImportErrorResponse[];
  @Int() total_entries!: number;
}

export class DeadlineResponse {
  @NullStr() alert_name!: string | null;
  @Word(['queuedAt', 'logicalDate', 'fixed', 'averageRuntime']) reference!: string;
  @ApiProperty({ type: Number }) interval_seconds!: number;
  /** null: there is nothing to count from. */
  @NullAt() deadline_time!: string | null;
  @Word(['pending', 'missed', 'met', 'unknown']) state!: DeadlineState;
  @Bool() missed!: boolean;
}

export class DeadlineCollectionResponse {
  @ListOf(() => DeadlineResponse) deadlines!: DeadlineResponse[];
  @Int() total_entries!: number;
}

export class WatcherResponse {
  @Str() key!: string;
  @Str() uri!: string;
  @Str() name!: string;
  /** null: no worker hosts it now. */
  @NullStr() worker!: string | null;
  /** Id of the newest update that it saw. */
  @NullStr() last!: string | null;
  /** In a row. */
  @Int() failures!: number;
  @NullStr() failure!: string | null;
  /** When it is tried again after a failure. */
  @NullAt() next_at!: string | null;
}

export class WatcherCollectionResponse {
  @ListOf(() => WatcherResponse) watchers!: WatcherResponse[];
  @Int() total_entries!: number;
}

export class CallbackResponse {
  /** From 1, in the order in which the run asked for them. */
  @Int() callback!: number;
  @Word(['onSuccess', 'onFailure', 'onRetry', 'onSkipped', 'onMissed']) name!: string;
  /** `pending`: it waits for a worker, or runs. */
  @Word(['pending', 'up_for_retry', 'success', 'failed']) state!: string;
  @Int() try_number!: number;
  @At() requested_at!: string;
  @NullAt() ended_at!: string | null;
  /** null: it is the run's. */
  @NullStr() task_id!: string | null;
  @Int() map_index!: number;
  @NullInt() task_try_number!: number | null;
  @NullStr() reason!: string | null;
  /** Position in the DAG's list. */
  @NullInt() deadline!: number | null;
  /** Why its newest failed try failed. */
  @NullStr() failure!: string | null;
}

export class CallbackCollectionResponse {
  @ListOf(() => CallbackResponse) callbacks!: CallbackResponse[];
  @Int() total_entries!: number;
}

export class BackfillResponse {
  @Int() id!: number;
  @Str() dag_id!: string;
  @Str() dag_display_name!: string;
  @At() from_date!: string;
  @At() to_date!: string;
  @Obj() dag_run_conf!: { readonly [name: string]: Json };
  @Bool() is_paused!: boolean;
  @Word(['none', 'failed', 'completed']) reprocess_behavior!: ReprocessBehavior;
  @Int() max_active_runs!: number;
  @At() created_at!: string;
  @NullAt() completed_at!: string | null;
  @At() updated_at!: string;
  /** Ours, and all that follow. */
  @Word(['running', 'completed', 'cancelled']) state!: 'running' | 'completed' | 'cancelled';
  @Bool() run_backwards!: boolean;
  @NullStr() triggering_user_name!: string | null;
  @Int() dates!: number;
  @Int() created_runs!: number;
  @Int() reprocessed_runs!: number;
  @Int() skipped_dates!: number;
}

export class BackfillCollectionResponse {
  @ListOf(() => BackfillResponse) backfills!: BackfillResponse[];
  @Int() total_entries!: number;
}

export class BackfillDryRunResponse {
  @NullAt() logical_date!: string | null;
  @NullStr() partition_key!: string | null;
  @NullAt() partition_date!: string | null;
  /** Ours, and all that follow. */
  @Word(['create', 'reprocess', 'skip']) action!: 'create' | 'reprocess' | 'skip';
  /** Of the run that has the date now. */
  @NullStr() dag_run_id!: string | null;
  @NullWord(RUN_STATES) state!: RunState | null;
}

export class BackfillDryRunCollectionResponse {
  @ListOf(() => BackfillDryRunResponse) backfills!: BackfillDryRunResponse[];
  @Int() total_entries!: number;
  /** Ours: dates whose run would stay as it is. */
  @ListOf(() => BackfillDryRunResponse) skipped!: BackfillDryRunResponse[];
}

export class DagSourceResponse {
  @NullStr() content!: string | null;
  @Str() dag_id!: string;
  @NullInt() version_number!: number | null;
  @Str() dag_display_name!: string;
}

export class DagStatsStateResponse {
  @Word(RUN_STATES) state!: RunState;
  @Int() count!: number;
}

export class DagStatsResponse {
  @Str() dag_id!: string;
  @Str() dag_display_name!: string;
  @ListOf(() => DagStatsStateResponse) stats!: DagStatsStateResponse[];
}

export class DagStatsCollectionResponse {
  @ListOf(() => DagStatsResponse) dags!: DagStatsResponse[];
  @Int() total_entries!: number;
}

export class VersionInfo {
  @Str() version!: string;
  @NullStr() git_version!: string | null;
}

export class BaseInfoResponse {
  @NullStr() status!: string | null;
}

export class SchedulerInfoResponse extends BaseInfoResponse {
  @NullStr() latest_scheduler_heartbeat!: string | null;
}

export class TriggererInfoResponse extends BaseInfoResponse {
  @NullStr() latest_triggerer_heartbeat!: string | null;
}

export class DagProcessorInfoResponse extends BaseInfoResponse {
  @NullStr() latest_dag_processor_heartbeat!: string | null;
}

export class HealthInfoResponse {
  @Of(() => BaseInfoResponse) metadatabase!: BaseInfoResponse;
  @Of(() => SchedulerInfoResponse) scheduler!: SchedulerInfoResponse;
  @Of(() => TriggererInfoResponse) triggerer!: TriggererInfoResponse;
  @NullOf(() => DagProcessorInfoResponse) dag_processor!: DagProcessorInfoResponse | null;
}

export class RunEventResponse {
  @Str() position!: string;
  @Str() stream_id!: string;
  @Int() version!: number;
  @Str() type!: string;
  @At() at!: string;
  @NullStr() task_id!: string | null;
  @NullInt() map_index!: number | null;
  @NullInt() try_number!: number | null;
  @Obj() data!: Json;
}

export class RunEventCollectionResponse {
  @ListOf(() => RunEventResponse) events!: RunEventResponse[];
  /** Goes back as `after`; null at the end. */
  @NullStr() next_after!: string | null;
}

export class WaitedForResponse {
  @Str() task_id!: string;
  @Int() map_index!: number;
  @Word(TASK_STATES) state!: TaskState;
}

export class ExplanationResponse {
  @Str() code!: string;
  @Str() message!: string;
  @NullWord(TASK_STATES) state!: TaskState | null;
  /** Until when it waits at most. */
  @NullAt() until!: string | null;
  @ListOf(() => WaitedForResponse) waits_for!: WaitedForResponse[];
}

export class GridRunResponse {
  @Str() dag_run_id!: string;
  @Word(RUN_TYPES) run_type!: RunType;
  @Word(RUN_STATES) state!: RunState;
  @At() run_after!: string;
  @NullAt() logical_date!: string | null;
  @NullAt() queued_at!: string | null;
  @NullAt() start_date!: string | null;
  @NullAt() end_date!: string | null;
  @Int() dag_version!: number;
  @Str() structure!: string;
  @ApiProperty({ type: String, description: 'One character a task, in the order of the structure' }) states!: string;
  @ApiProperty({ type: 'object', additionalProperties: { type: 'object', additionalProperties: { type: 'integer' } } })
  mapped!: { readonly [taskId: string]: { readonly [state: string]: number } };
}

export class GridResponse {
  @Str() dag_id!: string;
  @Str() structure!: string;
  @ListOf(() => GridRunResponse) runs!: GridRunResponse[];
}

export class StructureTaskResponse {
  @Str() task_id!: string;
  @Str() task_display_name!: string;
  @NullStr() group_id!: string | null;
  @Str() operator!: string;
  @Bool() is_mapped!: boolean;
  @StrList() upstream!: string[];
  /** By upstream task: what the author calls the edge from it. Absent: nothing. */
  @ApiProperty({ type: 'object', additionalProperties: { type: 'string' }, selfRequired: false }) edge_labels?: { readonly [upstreamId: string]: string };
  @Str() trigger_rule!: string;
  @Int() retries!: number;
}

export class StructureGroupResponse {
  @Str() group_id!: string;
  @NullStr() parent_id!: string | null;
  @Str() label!: string;
  @Bool() is_mapped!: boolean;
}

export class StructureResponse {
  @Str() hash!: string;
  @ListOf(() => StructureTaskResponse) tasks!: StructureTaskResponse[];
  @ListOf(() => StructureGroupResponse) groups!: StructureGroupResponse[];
}

export class MeResponse {
  @Str() username!: string;
  @Str() role!: string;
}

export class TokenResponse {
  @Str() access_token!: string;
}

/** A command that was stored and has no outcome yet: it will be carried out. */
export class AcceptedResponse {
  @Str() command_id!: string;
  @Str() detail!: string;
}

export class HttpExceptionResponse {
  @Str() detail!: string;
}

export class ValidationProblem {
  @ApiProperty({ type: 'array', items: { oneOf: [{ type: 'string' }, { type: 'integer' }] } }) loc!: (string | number)[];
  @Str() msg!: string;
  @Str() type!: string;
}

export class HttpValidationError {
  @ListOf(() => ValidationProblem) detail!: ValidationProblem[];
}
