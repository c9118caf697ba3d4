import { ID_PATTERN, RUN_ID_PATTERN } from '@dagbook/contracts';
import type { ReprocessBehavior, RunState, RunType, TaskState } from '@dagbook/domain';
import type { Order, Page, Range, RunInstant } from '@dagbook/read-models';
import { badRequest } from '../error/api-error.ts';
import { Amount, Choice, ChoiceList, Instant, JsonObject, Matching, TaskRefs, Text, TextList, Truth, Whole, WholeList } from './field.ts';

export const RUN_STATES = ['queued', 'running', 'success', 'failed'] as const satisfies readonly RunState[];
export const RUN_TYPES = ['scheduled', 'manual', 'backfill', 'asset_triggered', 'asset_materialization'] as const satisfies readonly RunType[];
export const TASK_STATES = [
  'none', 'scheduled', 'queued', 'running', 'restarting', 'up_for_retry', 'up_for_reschedule', 'deferred', 'awaiting_input',
  'success', 'failed', 'skipped', 'upstream_failed', 'removed',
] as const satisfies readonly TaskState[];

const MAX_PAGE = 100;

export class PageQuery {
  @Whole({ min: 0, default: 50 }) limit?: number;
  @Whole({ min: 0, default: 0 }) offset?: number;
  @TextList() order_by?: string[];
}

/** Airflow clamps a page to its limit, it does not refuse. */
export const pageOf = (query: { readonly limit?: number; readonly offset?: number }): Page => ({ limit: Math.min(query.limit ?? 50, MAX_PAGE), offset: query.offset ?? 0 });

/** Several keys, `-` for descending, each from the operation's own list. */
export function orderOf<Field extends string>(query: { readonly order_by?: readonly string[] }, allowed: Readonly<Record<string, Field>>, fallback: readonly Order<Field>[]): readonly Order<Field>[] {
  if (query.order_by === undefined) return fallback;
  return query.order_by.map((key) => {
    const descending = key.startsWith('-');
    const field = Object.hasOwn(allowed, key.slice(descending ? 1 : 0)) ? allowed[key.slice(descending ? 1 : 0)] : undefined;
    if (field === undefined) throw badRequest(`Ordering with '${key}' is disallowed or the attribute does not exist; order_by takes ${Object.keys(allowed).join(', ')}`);
    return { field, descending };
  });
}

const COMPARISONS = { gte: '>=', gt: '>', lte: '<=', lt: '<' } as const;
const INSTANTS = { run_after: 'runAfter', logical_date: 'logicalDate', start_date: 'startDate', end_date: 'endDate', updated_at: 'updatedAt' } as const satisfies Record<string, RunInstant>;

type RangeQuery = { readonly [K in `${keyof typeof INSTANTS | 'duration'}_${keyof typeof COMPARISONS}`]?: number };

/** `<field>_gte`, `_gt`, `_lte` and `_lt` of every instant, and of the duration in seconds. */
function addRangeFields(type: new () => object): void {
  for (const suffix of Object.keys(COMPARISONS)) {
    for (const name of Object.keys(INSTANTS)) Instant()(type.prototype as object, `${name}_${suffix}`);
    Amount()(type.prototype as object, `duration_${suffix}`);
  }
}

export function rangesOf(query: RangeQuery): readonly Range<RunInstant>[] {
  return Object.entries(COMPARISONS).flatMap(([suffix, comparison]) =>
    [...Object.entries(INSTANTS), ['duration', 'duration'] as const].flatMap(([name, field]) => {
      const value = query[`${name}_${suffix}` as keyof RangeQuery];
      return value === undefined ? [] : [{ field: field as RunInstant, comparison, value }];
    }),
  );
}

export class DagListQuery extends PageQuery {
  @TextList() tags?: string[];
  @Choice(['any', 'all']) tags_match_mode?: 'any' | 'all';
  @TextList() owners?: string[];
  @Text() dag_id_pattern?: string;
  @Text() dag_display_name_pattern?: string;
  @Truth({ default: true }) exclude_stale?: boolean;
  @Truth() paused?: boolean;
  @Truth() has_import_errors?: boolean;
  @Choice(RUN_STATES) last_dag_run_state?: RunState;
}

export class UiDagListQuery extends DagListQuery {
  @Whole({ min: 0, max: 100, default: 14 }) runs?: number;
}

export class NextRunsQuery {
  @Whole({ min: 1, max: 100, default: 5 }) n?: number;
}

export class DagPatchQuery {
  @TextList() update_mask?: string[];
}

export class DagPatchBody {
  @Truth({ required: true }) is_paused!: boolean;
}

export class RunListQuery extends PageQuery {
  @Text() conf_contains?: string;
  @ChoiceList(RUN_TYPES) run_type?: RunType[];
  @ChoiceList(RUN_STATES) state?: RunState[];
  @WholeList() dag_version?: number[];
  @Text() bundle_version?: string;
  @Text() run_id_pattern?: string;
  @Text() triggering_user_name_pattern?: string;
  @Text() dag_id_pattern?: string;
  @Text() partition_key_pattern?: string;
}
export interface RunListQuery extends RangeQuery {}
addRangeFields(RunListQuery);

export class TriggerRunBody {
  @Matching(RUN_ID_PATTERN, { nullable: true }) dag_run_id?: string | null;
  /** Required in Airflow's contract; null is a run without a logical date, absence means the same. */
  @Instant({ nullable: true }) logical_date?: number | null;
  @Instant({ nullable: true }) data_interval_start?: number | null;
  @Instant({ nullable: true }) data_interval_end?: number | null;
  @Instant({ nullable: true }) run_after?: number | null;
  @JsonObject({ nullable: true }) conf?: Record<string, unknown> | null;
  @Text({ nullable: true }) note?: string | null;
  /** Of a DAG of partitions. */
  @Text({ nullable: true }) partition_key?: string | null;
}

export class PatchQuery {
  @TextList() update_mask?: string[];
}

export class RunPatchBody {
  @Choice(['queued', 'success', 'failed'], { nullable: true }) state?: 'queued' | 'success' | 'failed' | null;
  @Text({ nullable: true }) note?: string | null;
}

export class RunClearBody {
  @Truth({ default: true }) dry_run?: boolean;
  @Truth({ default: false }) only_failed?: boolean;
  @Truth() run_on_latest_version?: boolean;
}

export class TaskInstanceListQuery extends PageQuery {
  @TextList() task_id?: string[];
  @Text() task_display_name_pattern?: string;
  @Text() task_group_id?: string;
  @Text() dag_id_pattern?: string;
  @Text() run_id_pattern?: string;
  @ChoiceList(TASK_STATES) state?: TaskState[];
  @TextList() pool?: string[];
  @TextList() queue?: string[];
  @TextList() operator?: string[];
  @WholeList() version_number?: number[];
  @WholeList() try_number?: number[];
  @WholeList() map_index?: number[];
}
export interface TaskInstanceListQuery extends RangeQuery {}
addRangeFields(TaskInstanceListQuery);

export class MapIndexQuery {
  @Whole({ min: -1, default: -1 }) map_index?: number;
}

export class TaskInstancePatchQuery extends PatchQuery {
  @Whole({ min: -1 }) map_index?: number;
}

export class TaskInstancePatchBody {
  @Choice(['success', 'failed', 'skipped'], { nullable: true }) new_state?: 'success' | 'failed' | 'skipped' | null;
  @Text({ nullable: true }) note?: string | null;
  @Truth({ default: false }) include_upstream?: boolean;
  @Truth({ default: false }) include_downstream?: boolean;
  @Truth({ default: false }) include_past?: boolean;
  @Truth({ default: false }) include_future?: boolean;
}

/** One of a bulk request. `dag_id` and `dag_run_id` are asked for where the path says `~`. */
export class BulkTaskInstanceBody extends TaskInstancePatchBody {
  @Matching(ID_PATTERN, { required: true }) task_id!: string;
  @Whole({ min: -1, nullable: true }) map_index?: number | null;
  @Matching(ID_PATTERN, { nullable: true }) dag_id?: string | null;
  @Matching(RUN_ID_PATTERN, { nullable: true }) dag_run_id?: string | null;
}

export class ClearTaskInstancesBody {
  @Truth({ default: true }) dry_run?: boolean;
  @Matching(RUN_ID_PATTERN, { nullable: true }) dag_run_id?: string | null;
  @TaskRefs() task_ids?: (string | [string, number])[];
  @Truth({ default: true }) only_failed?: boolean;
  @Truth({ default: false }) only_running?: boolean;
  @Truth({ default: true }) reset_dag_runs?: boolean;
  @Truth({ default: false }) include_upstream?: boolean;
  @Truth({ default: false }) include_downstream?: boolean;
  /** With dag_run_id: the same tasks in the runs of earlier, or of later logical dates too. */
  @Truth({ default: false }) include_past?: boolean;
  @Truth({ default: false }) include_future?: boolean;
  /** Without dag_run_id: the runs whose logical date lies between, both ends included. */
  @Instant({ nullable: true }) start_date?: number | null;
  @Instant({ nullable: true }) end_date?: number | null;
  @Truth({ default: false }) prevent_running_task?: boolean;
  /** Absent: as the DAG says by rerunWithLatestVersion. */
  @Truth() run_on_latest_version?: boolean;
}

export class BackfillListQuery extends PageQuery {
  /** Required in Airflow's contract; absence means every DAG. */
  @Matching(ID_PATTERN) dag_id?: string;
  @Truth() active?: boolean;
}

export class BackfillBody {
  @Matching(ID_PATTERN, { required: true }) dag_id!: string;
  @Instant({ required: true }) from_date!: number;
  @Instant({ required: true }) to_date!: number;
  @Truth({ default: false }) run_backwards?: boolean;
  @JsonObject() dag_run_conf?: Record<string, unknown>;
  @Choice(['none', 'failed', 'completed']) reprocess_behavior?: ReprocessBehavior;
  @Whole({ min: 1, max: 1_000, default: 10 }) max_active_runs?: number;
  @Truth({ default: true }) run_on_latest_version?: boolean;
}

export class LogStreamQuery extends MapIndexQuery {
  /** Ours: begin with whole lines out of the log's last bytes, however long it is. */
  @Whole({ min: 1, max: 16_777_216 }) tail_bytes?: number;
}

export class LogQuery extends LogStreamQuery {
  @Truth({ default: false }) full_content?: boolean;
  @Text({ maxLength: 200 }) token?: string;
}

export class CallbackLogQuery {
  /** Default: the newest. */
  @Whole({ min: 1 }) try_number?: number;
}

export class ImportErrorListQuery extends PageQuery {
  @Text() filename_pattern?: string;
}

export class DagVersionListQuery extends PageQuery {
  @Whole({ min: 1 }) version_number?: number;
}

export class DagStatsQuery {
  @TextList() dag_ids?: string[];
}

export class SourceQuery {
  @Whole({ min: 1 }) version_number?: number;
}

export class TaskListQuery {
  @Text() order_by?: string;
}

export class RunEventsQuery {
  @Matching(/^\d{1,20}-\d{1,19}$/) after?: string;
  @Whole({ min: 1, max: 1_000, default: 500 }) limit?: number;
}

export class GridQuery {
  @Whole({ min: 1, max: 100, default: 25 }) limit?: number;
  @Instant() before?: number;
}

export class StreamQuery {
  @Text({ required: true, maxLength: 10_000 }) topics!: string;
}

export class LoginBody {
  @Text({ required: true, maxLength: 200 }) username!: string;
  @Text({ required: true, maxLength: 1_000 }) password!: string;
}

export class LoginOnceQuery {
  @Text({ required: true, maxLength: 200 }) code!: string;
}
