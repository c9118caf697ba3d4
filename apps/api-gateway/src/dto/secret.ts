import { ApiProperty } from '@nestjs/swagger';
import type { Json } from '@dagbook/domain';
import { JsonValue, Matching, ObjectList, Text, TextList, Whole } from './field.ts';
import { PageQuery } from './request.ts';

/** Connections and variables, in Airflow's shapes. Passwords and what else is secret are `***` in every answer. */
export const CONNECTION_ID = /^[\w.-]{1,200}$/;
/** Any text of one line. */
export const VARIABLE_KEY = /^[^\u0000-\u001f\u007f]{1,250}$/;
const Str = (): PropertyDecorator => ApiProperty({ type: String });
const NullStr = (): PropertyDecorator => ApiProperty({ type: String, nullable: true });

export class ConnectionListQuery extends PageQuery {
  @Text() connection_id_pattern?: string;
}

export class VariableListQuery extends PageQuery {
  @Text() variable_key_pattern?: string;
}

export class SecretPatchQuery {
  @TextList() update_mask?: string[];
}

const MAX_TEXT = 65_536;

export class ConnectionBody {
  @Matching(CONNECTION_ID, { required: true }) connection_id!: string;
  @Text({ required: true, maxLength: 500 }) conn_type!: string;
  @Text({ nullable: true, maxLength: 5_000 }) description?: string | null;
  @Text({ nullable: true, maxLength: MAX_TEXT }) host?: string | null;
  @Text({ nullable: true, maxLength: MAX_TEXT }) login?: string | null;
  @Text({ nullable: true, maxLength: MAX_TEXT }) schema?: string | null;
  @Whole({ nullable: true, min: 0, max: 65_535 }) port?: number | null;
  @Text({ nullable: true, maxLength: MAX_TEXT }) password?: string | null;
  @Text({ nullable: true, maxLength: MAX_TEXT }) extra?: string | null;
  @Text({ nullable: true, maxLength: 50 }) team_name?: string | null;
}

export class VariableBody {
  @Matching(VARIABLE_KEY, { required: true }) key!: string;
  /** A text is kept as it is, anything else as JSON. */
  @JsonValue({ required: true }) value!: Json;
  @Text({ nullable: true, maxLength: 5_000 }) description?: string | null;
  @Text({ nullable: true, maxLength: 50 }) team_name?: string | null;
}

/** `{"action": "create" | "update" | "delete", "entities": […], "action_on_existence" | "action_on_non_existence": "fail" | "skip" | "overwrite"}`. */
export class BulkBody {
  @ObjectList({ required: true }) actions!: readonly Record<string, unknown>[];
}

export class ConnectionTestQuery {
  /** Ours: whose workers test it. */
  @Text({ maxLength: 250 }) queue?: string;
}

export class ConnectionTestResponse {
  @ApiProperty({ type: Boolean }) status!: boolean;
  @Str() message!: string;
}

export class ConnectionResponse {
  @Str() connection_id!: string;
  @Str() conn_type!: string;
  @NullStr() description!: string | null;
  @NullStr() host!: string | null;
  @NullStr() login!: string | null;
  @NullStr() schema!: string | null;
  @ApiProperty({ type: 'integer', nullable: true }) port!: number | null;
  /** `***` when there is one. */
  @NullStr() password!: string | null;
  @NullStr() extra!: string | null;
  @NullStr() team_name!: string | null;
}

export class ConnectionCollectionResponse {
  @ApiProperty({ type: () => ConnectionResponse, isArray: true }) connections!: ConnectionResponse[];
  @ApiProperty({ type: 'integer' }) total_entries!: number;
}

export class VariableResponse {
  @Str() key!: string;
  /** `***` when its key names a secret. */
  @Str() value!: string;
  @NullStr() description!: string | null;
  @ApiProperty({ type: Boolean }) is_encrypted!: boolean;
  @NullStr() team_name!: string | null;
}

export class VariableCollectionResponse {
  @ApiProperty({ type: () => VariableResponse, isArray: true }) variables!: VariableResponse[];
  @ApiProperty({ type: 'integer' }) total_entries!: number;
}

export class BulkActionResponse {
  @ApiProperty({ type: String, isArray: true }) success!: string[];
  @ApiProperty({ type: 'object', additionalProperties: true, isArray: true }) errors!: { readonly error: string; readonly status_code: number }[];
}

export class BulkResponse {
  @ApiProperty({ type: () => BulkActionResponse, required: false }) create?: BulkActionResponse;
  @ApiProperty({ type: () => BulkActionResponse, required: false }) update?: BulkActionResponse;
  @ApiProperty({ type: () => BulkActionResponse, required: false }) delete?: BulkActionResponse;
}

/** Dagbook's own: what `dagbook secrets rotate` did. */
export class RotateSecretsResponse {
  @ApiProperty({ type: 'integer' }) resealed!: number;
  @ApiProperty({ type: 'integer' }) total!: number;
  /** Of the key that all of them are sealed with now. */
  @Str() key_id!: string;
}
