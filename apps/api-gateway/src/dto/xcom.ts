import { ApiProperty, type ApiPropertyOptions } from '@nestjs/swagger';
import { MAX_RESULT_BYTES } from '@dagbook/contracts';
import type { Json } from '@dagbook/domain';
import { Instant, JsonValue, Text, Truth, Whole } from './field.ts';

/** Results of tasks and what people set, in the shapes of Airflow's XComs. */
const Str = (): PropertyDecorator => ApiProperty({ type: String });
const At = (): PropertyDecorator => ApiProperty({ type: String, format: 'date-time' });

export class XComListQuery {
  @Text() xcom_key?: string;
  @Whole({ min: -1 }) map_index?: number;
  @Whole({ min: 0, default: 50 }) limit?: number;
  @Whole({ min: 0, default: 0 }) offset?: number;
  @Text() xcom_key_pattern?: string;
  @Text() dag_display_name_pattern?: string;
  @Text() run_id_pattern?: string;
  @Text() task_id_pattern?: string;
  @Whole() map_index_filter?: number;
  @Instant() logical_date_gte?: number;
  @Instant() logical_date_gt?: number;
  @Instant() logical_date_lte?: number;
  @Instant() logical_date_lt?: number;
  @Instant() run_after_gte?: number;
  @Instant() run_after_gt?: number;
  @Instant() run_after_lte?: number;
  @Instant() run_after_lt?: number;
}

export class XComQuery {
  @Whole({ min: -1, default: -1 }) map_index?: number;
  /** Airflow's: values here are JSON already, so it changes nothing. */
  @Truth({ default: false }) deserialize?: boolean;
  @Truth({ default: false }) stringify?: boolean;
  /** Ours: a larger value is refused with 413. */
  @Whole({ min: 1, max: MAX_RESULT_BYTES, default: 1_048_576 }) max_bytes?: number;
}

export class XComResponse {
  @Str() key!: string;
  @At() timestamp!: string;
  @ApiProperty({ type: String, format: 'date-time', nullable: true }) logical_date!: string | null;
  @ApiProperty({ type: Number }) map_index!: number;
  @Str() task_id!: string;
  @Str() dag_id!: string;
  @Str() run_id!: string;
  @Str() dag_display_name!: string;
  @Str() task_display_name!: string;
  @At() run_after!: string;
  /** Ours: of the value as JSON. */
  @ApiProperty({ type: Number }) bytes!: number;
}

export class XComCollectionResponse {
  @ApiProperty({ type: () => XComResponse, isArray: true }) xcom_entries!: XComResponse[];
  @ApiProperty({ type: Number }) total_entries!: number;
}

/** With the value: JSON, or its text when that was asked for. */
export class XComResponseNative extends XComResponse {
  @ApiProperty({ type: Object, nullable: true } as ApiPropertyOptions) value!: Json;
}

export class XComUpdateBody {
  @JsonValue({ required: true }) value!: Json;
  @Whole({ min: -1, default: -1 }) map_index?: number;
}

export class XComCreateBody extends XComUpdateBody {
  @Text({ required: true, maxLength: 512 }) key!: string;
}

export class XComDeleteQuery {
  @Whole({ min: -1, default: -1 }) map_index?: number;
}
