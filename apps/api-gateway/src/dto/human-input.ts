import { ApiProperty, type ApiPropertyOptions } from '@nestjs/swagger';
import type { Json, TaskState } from '@dagbook/domain';
import { ChoiceList, Instant, JsonObject, Text, TextList, Truth, Whole } from './field.ts';
import { PageQuery, TASK_STATES } from './request.ts';
import { TaskInstanceHistoryResponse, TaskInstanceResponse } from './response.ts';

/** What tasks ask of people ("human in the loop"), in Airflow's shapes. */
const Str = (): PropertyDecorator => ApiProperty({ type: String });
const NullStr = (): PropertyDecorator => ApiProperty({ type: String, nullable: true });
const At = (): PropertyDecorator => ApiProperty({ type: String, format: 'date-time' });
const NullAt = (): PropertyDecorator => ApiProperty({ type: String, format: 'date-time', nullable: true });
const Bool = (): PropertyDecorator => ApiProperty({ type: Boolean });
const StrList = (): PropertyDecorator => ApiProperty({ type: String, isArray: true });
const NullStrList = (): PropertyDecorator => ApiProperty({ type: String, isArray: true, nullable: true });
const Obj = (): PropertyDecorator => ApiProperty({ type: 'object', additionalProperties: true });

export class HumanInputListQuery extends PageQuery {
  @Text() dag_id_pattern?: string;
  @Text() task_id?: string;
  @Text() task_id_pattern?: string;
  @Whole({ min: -1 }) map_index?: number;
  @ChoiceList(TASK_STATES) state?: TaskState[];
  @Truth() response_received?: boolean;
  @TextList() responded_by_user_id?: string[];
  @TextList() responded_by_user_name?: string[];
  @Text() subject_search?: string;
  @Text() body_search?: string;
  @Instant() created_at_gte?: number;
  @Instant() created_at_gt?: number;
  @Instant() created_at_lte?: number;
  @Instant() created_at_lt?: number;
}

export class HumanAnswerBody {
  @TextList({ required: true }) chosen_options!: string[];
  @JsonObject() params_input?: { readonly [name: string]: Json };
}

export class HITLUser {
  @Str() id!: string;
  @Str() name!: string;
}

export class HITLParam {
  @ApiProperty({ type: Object, nullable: true } as ApiPropertyOptions) value!: Json;
  @NullStr() description!: string | null;
  @Obj() schema!: Json;
}

class HumanInputFields {
  @Str() subject!: string;
  @NullStr() body!: string | null;
  @StrList() options!: string[];
  @NullStrList() defaults!: string[] | null;
  @Bool() multiple!: boolean;
  /** By name: value, description and JSON Schema. */
  @ApiProperty({ type: 'object', additionalProperties: true }) params!: { readonly [name: string]: HITLParam };
  @ApiProperty({ type: () => HITLUser, isArray: true }) assigned_users!: HITLUser[];
  @At() created_at!: string;
  @Bool() response_received!: boolean;
  @NullAt() responded_at!: string | null;
  @NullStrList() chosen_options!: string[] | null;
  @Obj() params_input!: { readonly [name: string]: Json };
  /** null: nobody yet, or the defaults were taken. */
  @ApiProperty({ type: () => HITLUser, nullable: true } as ApiPropertyOptions) responded_by_user!: HITLUser | null;
}

export class HITLDetail extends HumanInputFields {
  @ApiProperty({ type: () => TaskInstanceResponse }) task_instance!: TaskInstanceResponse;
}

export class HITLDetailHistory extends HumanInputFields {
  @ApiProperty({ type: () => TaskInstanceHistoryResponse }) task_instance!: TaskInstanceHistoryResponse;
}

export class HITLDetailCollection {
  @ApiProperty({ type: () => HITLDetail, isArray: true }) hitl_details!: HITLDetail[];
  @ApiProperty({ type: 'integer' }) total_entries!: number;
}

export class HITLDetailResponse {
  @ApiProperty({ type: () => HITLUser }) responded_by!: HITLUser;
  @At() responded_at!: string;
  @StrList() chosen_options!: string[];
  @Obj() params_input!: { readonly [name: string]: Json };
}

export type HumanInputView = HumanInputFields;
