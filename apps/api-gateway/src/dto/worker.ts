import { ApiProperty } from '@nestjs/swagger';
import { ID_PATTERN } from '@dagbook/contracts';
import { Choice, Matching } from './field.ts';
import { PageQuery } from './request.ts';

/** Dagbook's own: workers, queues, and what DAGs name that is not there. */
const Int = (): PropertyDecorator => ApiProperty({ type: 'integer' });
const Str = (): PropertyDecorator => ApiProperty({ type: String });
const NullStr = (): PropertyDecorator => ApiProperty({ type: String, nullable: true });

export class WorkerResponse {
  @Str() worker_name!: string;
  @ApiProperty({ enum: ['active', 'draining', 'unreachable', 'offline'] }) state!: string;
  /** Who drains it. */
  @NullStr() drained_by!: string | null;
  @NullStr() hostname!: string | null;
  @NullStr() version!: string | null;
  @ApiProperty({ type: String, isArray: true }) queues!: readonly string[];
  @Int() slots!: number;
  /** Task instances that hold a slot of it. */
  @Int() running!: number;
  /** Callbacks that it runs, and deferred tasks whose triggers it hosts: they hold no slot. */
  @Int() callbacks!: number;
  @Int() deferred!: number;
  @ApiProperty({ type: String, format: 'date-time', nullable: true }) last_heard!: string | null;
}

export class WorkerCollectionResponse {
  @ApiProperty({ type: () => WorkerResponse, isArray: true }) workers!: WorkerResponse[];
  @Int() total_entries!: number;
}

export class QueueResponse {
  @Str() queue!: string;
  /** Names of those that serve it, draining ones too. */
  @ApiProperty({ type: String, isArray: true }) workers!: readonly string[];
  /** Of workers that take attempts now. */
  @Int() slots!: number;
  @Int() running!: number;
  /** Ready and given to nobody yet. */
  @Int() waiting!: number;
  /** How many DAGs name it. */
  @Int() dags!: number;
}

export class QueueCollectionResponse {
  @ApiProperty({ type: () => QueueResponse, isArray: true }) queues!: QueueResponse[];
  @Int() total_entries!: number;
}

/** The last is Dagbook's own. */
const WARNING_TYPES = ['asset conflict', 'non-existent pool', 'runtime varying value', 'non-existent queue', 'partition key'] as const;

export class DagWarningListQuery extends PageQuery {
  @Matching(ID_PATTERN) dag_id?: string;
  @Choice(WARNING_TYPES) warning_type?: string;
}

export class DagWarningResponse {
  @Str() dag_id!: string;
  @ApiProperty({ enum: [...WARNING_TYPES] }) warning_type!: string;
  @Str() message!: string;
  @ApiProperty({ type: String, format: 'date-time' }) timestamp!: string;
  @Str() dag_display_name!: string;
}

export class DagWarningCollectionResponse {
  @ApiProperty({ type: () => DagWarningResponse, isArray: true }) dag_warnings!: DagWarningResponse[];
  @Int() total_entries!: number;
}
