import { ApiProperty } from '@nestjs/swagger';
import { Matching, Text, TextList, Truth, Whole } from './field.ts';
import { PageQuery } from './request.ts';

/** Pools, in Airflow's shapes. A name is one line of text. */
export const POOL_NAME = /^[^\u0000-\u001f\u007f\p{Surrogate}]{1,256}$/u;
const Int = (): PropertyDecorator => ApiProperty({ type: 'integer' });
const Str = (): PropertyDecorator => ApiProperty({ type: String });
const NullStr = (): PropertyDecorator => ApiProperty({ type: String, nullable: true });

const MAX_SLOTS = 1_000_000_000;
const MAX_DESCRIPTION = 5_000;

export class PoolListQuery extends PageQuery {
  @Text() pool_name_pattern?: string;
}

export class PoolBody {
  @Matching(POOL_NAME, { required: true }) name!: string;
  /** -1: without limit. */
  @Whole({ required: true, min: -1, max: MAX_SLOTS }) slots!: number;
  @Text({ nullable: true, maxLength: MAX_DESCRIPTION }) description?: string | null;
  @Truth() include_deferred?: boolean;
  @Text({ nullable: true, maxLength: 50 }) team_name?: string | null;
}

export class PoolPatchQuery {
  @TextList() update_mask?: string[];
}

export class PoolPatchBody {
  /** The pool's own name, or absent: a pool keeps its name. */
  @Matching(POOL_NAME, { nullable: true }) pool?: string | null;
  @Whole({ nullable: true, min: -1, max: MAX_SLOTS }) slots?: number | null;
  @Text({ nullable: true, maxLength: MAX_DESCRIPTION }) description?: string | null;
  @Truth({ nullable: true }) include_deferred?: boolean | null;
  @Text({ nullable: true, maxLength: 50 }) team_name?: string | null;
}

export class PoolResponse {
  @Str() name!: string;
  @Int() slots!: number;
  @NullStr() description!: string | null;
  @ApiProperty({ type: Boolean }) include_deferred!: boolean;
  @NullStr() team_name!: string | null;
  /** Running and queued; deferred too where the pool includes them. */
  @Int() occupied_slots!: number;
  @Int() running_slots!: number;
  /** Granted to a worker that has not begun. */
  @Int() queued_slots!: number;
  /** Wanted by what is ready. */
  @Int() scheduled_slots!: number;
  /** -1: without limit. */
  @Int() open_slots!: number;
  @Int() deferred_slots!: number;
}

export class PoolCollectionResponse {
  @ApiProperty({ type: () => PoolResponse, isArray: true }) pools!: PoolResponse[];
  @Int() total_entries!: number;
}
