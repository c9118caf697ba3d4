import { ApiProperty, type ApiPropertyOptions } from '@nestjs/swagger';
import { RUN_ID_PATTERN } from '@dagbook/contracts';
import type { Json } from '@dagbook/domain';
import type { Range } from '@dagbook/read-models';
import { Instant, JsonObject, Matching, Text, TextList, Truth, Whole } from './field.ts';
import { PageQuery } from './request.ts';

/** Assets and their events, in Airflow's shapes. */
const Str = (): PropertyDecorator => ApiProperty({ type: String });
const NullStr = (): PropertyDecorator => ApiProperty({ type: String, nullable: true });
const Int = (): PropertyDecorator => ApiProperty({ type: 'integer' });
const At = (): PropertyDecorator => ApiProperty({ type: String, format: 'date-time' });
const NullAt = (): PropertyDecorator => ApiProperty({ type: String, format: 'date-time', nullable: true });
const Obj = (): PropertyDecorator => ApiProperty({ type: 'object', additionalProperties: true });
const ListOf = (later: () => new () => object): PropertyDecorator => ApiProperty({ type: () => later(), isArray: true } as ApiPropertyOptions);

export class AssetListQuery extends PageQuery {
  @Text() name_pattern?: string;
  @Text() uri_pattern?: string;
  @TextList() dag_ids?: string[];
  @Truth({ default: true }) only_active?: boolean;
}

export class AssetAliasListQuery extends PageQuery {
  @Text() name_pattern?: string;
}

export class AssetEventListQuery extends PageQuery {
  @Whole({ min: 0 }) asset_id?: number;
  @Text() source_dag_id?: string;
  @Text() source_task_id?: string;
  @Text() source_run_id?: string;
  @Whole({ min: -1 }) source_map_index?: number;
  @Text() name_pattern?: string;
  @Instant() timestamp_gte?: number;
  @Instant() timestamp_gt?: number;
  @Instant() timestamp_lte?: number;
  @Instant() timestamp_lt?: number;
}

export const timestampRanges = ({ timestamp_gte, timestamp_gt, timestamp_lte, timestamp_lt }: AssetEventListQuery): readonly Range<'timestamp'>[] =>
  ([['>=', timestamp_gte], ['>', timestamp_gt], ['<=', timestamp_lte], ['<', timestamp_lt]] as const).flatMap(([comparison, value]) => (value === undefined ? [] : [{ field: 'timestamp' as const, comparison, value }]));

export class QueuedEventQuery {
  /** Only what came before. */
  @Instant() before?: number;
}

export class AssetEventBody {
  @Whole({ min: 0 }) asset_id?: number;
  /** Ours: in place of `asset_id`, for one that no DAG has named yet too. */
  @Text() uri?: string;
  @JsonObject() extra?: { readonly [name: string]: Json };
  @Text({ nullable: true }) partition_key?: string | null;
}

export class MaterializeAssetBody {
  @Matching(RUN_ID_PATTERN, { nullable: true }) dag_run_id?: string | null;
  @Instant({ nullable: true }) logical_date?: number | null;
  @Instant({ nullable: true }) data_interval_start?: number | null;
  @Instant({ nullable: true }) data_interval_end?: number | null;
  @Instant({ nullable: true }) run_after?: number | null;
  @JsonObject({ nullable: true }) conf?: Record<string, unknown> | null;
  @Text({ nullable: true }) note?: string | null;
  @Text({ nullable: true }) partition_key?: string | null;
}

export class AssetAliasResponse {
  @Int() id!: number;
  @Str() name!: string;
  @Str() group!: string;
}

export class AssetAliasCollectionResponse {
  @ListOf(() => AssetAliasResponse) asset_aliases!: AssetAliasResponse[];
  @Int() total_entries!: number;
}

export class DagScheduleAssetReference {
  @Str() dag_id!: string;
  @At() created_at!: string;
  @At() updated_at!: string;
}

export class TaskAssetReference {
  @Str() dag_id!: string;
  @Str() task_id!: string;
  @At() created_at!: string;
  @At() updated_at!: string;
}

export class AssetWatcherResponse {
  @Str() name!: string;
  @Int() trigger_id!: number;
  @At() created_date!: string;
}

export class LastAssetEventResponse {
  @ApiProperty({ type: 'integer', nullable: true }) id!: number | null;
  @NullAt() timestamp!: string | null;
}

export class AssetResponse {
  @Int() id!: number;
  @Str() name!: string;
  @Str() uri!: string;
  @Str() group!: string;
  @Obj() extra!: { readonly [name: string]: Json };
  @At() created_at!: string;
  @At() updated_at!: string;
  @ListOf(() => DagScheduleAssetReference) scheduled_dags!: DagScheduleAssetReference[];
  @ListOf(() => TaskAssetReference) producing_tasks!: TaskAssetReference[];
  @ListOf(() => TaskAssetReference) consuming_tasks!: TaskAssetReference[];
  @ListOf(() => AssetAliasResponse) aliases!: AssetAliasResponse[];
  @ListOf(() => AssetWatcherResponse) watchers!: AssetWatcherResponse[];
  @ApiProperty({ type: () => LastAssetEventResponse, nullable: true } as ApiPropertyOptions) last_asset_event!: LastAssetEventResponse | null;
}

export class AssetCollectionResponse {
  @ListOf(() => AssetResponse) assets!: AssetResponse[];
  @Int() total_entries!: number;
}

export class DagRunAssetReference {
  @Str() run_id!: string;
  @Str() dag_id!: string;
  @NullAt() logical_date!: string | null;
  @At() start_date!: string;
  @NullAt() end_date!: string | null;
  @Str() state!: string;
  @NullAt() data_interval_start!: string | null;
  @NullAt() data_interval_end!: string | null;
  @NullStr() partition_key!: string | null;
}

export class AssetEventResponse {
  @Int() id!: number;
  @Int() asset_id!: number;
  @NullStr() uri!: string | null;
  @NullStr() name!: string | null;
  @NullStr() group!: string | null;
  @ApiProperty({ type: 'object', additionalProperties: true, nullable: true }) extra!: { readonly [name: string]: Json } | null;
  @NullStr() source_task_id!: string | null;
  @NullStr() source_dag_id!: string | null;
  @NullStr() source_run_id!: string | null;
  @Int() source_map_index!: number;
  @ListOf(() => DagRunAssetReference) created_dagruns!: DagRunAssetReference[];
  @At() timestamp!: string;
  @NullStr() partition_key!: string | null;
}

export class AssetEventCollectionResponse {
  @ListOf(() => AssetEventResponse) asset_events!: AssetEventResponse[];
  @Int() total_entries!: number;
}

export class UpstreamAssetEventCollectionResponse extends AssetEventCollectionResponse {
  /** Ours: updates that the run took and its tasks are not told of, the oldest of more than 4 MB. They are not listed. */
  @Int() omitted_entries!: number;
}

export class QueuedEventResponse {
  @Str() dag_id!: string;
  @Int() asset_id!: number;
  /** Of the first that waits. */
  @At() created_at!: string;
  @Str() dag_display_name!: string;
}

export class QueuedEventCollectionResponse {
  @ListOf(() => QueuedEventResponse) queued_events!: QueuedEventResponse[];
  @Int() total_entries!: number;
}
