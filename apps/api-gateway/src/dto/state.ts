import { ApiProperty, type ApiPropertyOptions } from '@nestjs/swagger';
import type { Json } from '@dagbook/domain';
import { InstantOr, JsonValue, Truth, Whole } from './field.ts';

/** State stores in Airflow's shapes. */
const Str = (): PropertyDecorator => ApiProperty({ type: String });
const StrOrNull = (): PropertyDecorator => ApiProperty({ type: String, nullable: true });
const At = (): PropertyDecorator => ApiProperty({ type: String, format: 'date-time' });
const Total = (): PropertyDecorator => ApiProperty({ type: Number });
const Value = (): PropertyDecorator => ApiProperty({ type: Object } as ApiPropertyOptions);

export class StateMapIndexQuery {
  @Whole({ min: -1, default: -1 }) map_index?: number;
}

export class StatePageQuery {
  @Whole({ min: 0, default: 50 }) limit?: number;
  @Whole({ min: 0, default: 0 }) offset?: number;
}

export class TaskStateListQuery extends StatePageQuery {
  @Whole({ min: -1, default: -1 }) map_index?: number;
}

export class TaskStateClearQuery extends StateMapIndexQuery {
  /** Of every instance of a mapped task; `map_index` counts for nothing then. */
  @Truth({ default: false }) all_map_indices?: boolean;
}

export class StateBody {
  @JsonValue({ required: true }) value!: Json;
}

export class TaskStateBody extends StateBody {
  /** `default`: as the site says; null: never. */
  @InstantOr('default', { nullable: true }) expires_at?: number | 'default' | null;
}

export class TaskStateResponse {
  @Str() key!: string;
  /** Under sensitive names hidden. */
  @Value() value!: Json;
  @At() updated_at!: string;
  @ApiProperty({ type: String, format: 'date-time', nullable: true }) expires_at!: string | null;
}

export class TaskStateCollectionResponse {
  @ApiProperty({ type: () => TaskStateResponse, isArray: true }) task_state_store!: TaskStateResponse[];
  @Total() total_entries!: number;
}

export class StateWriterResponse {
  @ApiProperty({ type: String, enum: ['task', 'watcher', 'api'] }) kind!: 'task' | 'watcher' | 'api';
  @StrOrNull() dag_id!: string | null;
  @StrOrNull() run_id!: string | null;
  @StrOrNull() task_id!: string | null;
  @ApiProperty({ type: Number, nullable: true }) map_index!: number | null;
}

export class AssetStateResponse {
  @Str() key!: string;
  /** Under sensitive names hidden. */
  @Value() value!: Json;
  @At() updated_at!: string;
  @ApiProperty({ type: () => StateWriterResponse }) last_updated_by!: StateWriterResponse;
}

export class AssetStateCollectionResponse {
  @ApiProperty({ type: () => AssetStateResponse, isArray: true }) asset_state_store!: AssetStateResponse[];
  @Total() total_entries!: number;
}

export class ExpiredStateResponse {
  @Str() dag_id!: string;
  @Str() run_id!: string;
  @Str() task_id!: string;
  @ApiProperty({ type: Number }) map_index!: number;
  @Str() key!: string;
}

export class ExpiredStateCollectionResponse {
  @ApiProperty({ type: () => ExpiredStateResponse, isArray: true }) expired!: ExpiredStateResponse[];
  @Total() total_entries!: number;
}

export class DeletedStatesResponse {
  @ApiProperty({ type: Number }) deleted!: number;
}
