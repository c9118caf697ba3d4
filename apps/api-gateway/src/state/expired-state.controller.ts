import { Controller, Delete, Get, Inject, Query } from '@nestjs/common';
import { ApiBearerAuth, ApiTags } from '@nestjs/swagger';
import { StateStore } from '@dagbook/event-store';
import { pageOf } from '../dto/request.ts';
import { DeletedStatesResponse, ExpiredStateCollectionResponse, StatePageQuery } from '../dto/state.ts';
import { query } from '../error/request.pipe.ts';
import { Operation } from '../operation.ts';

/** Dagbook's own, for `dagbook state-store clean`: entries of tasks whose time is over. Nobody reads them any more; a sweep deletes them in time. */
@ApiTags('Task State Store')
@ApiBearerAuth()
@Controller('api/v2/stateStore/expired')
export class ExpiredStateController {
  readonly #states: StateStore;
  constructor(@Inject(StateStore) states: StateStore) {
    this.#states = states;
  }

  @Get()
  @Operation({ id: 'get_expired_states', summary: 'The first entries that have expired and are still to be deleted', answers: ExpiredStateCollectionResponse, query: StatePageQuery })
  async list(@Query(query(StatePageQuery)) request: StatePageQuery): Promise<ExpiredStateCollectionResponse> {
    const { entries, total } = await this.#states.expired(pageOf(request));
    return { expired: entries.map(({ dagId, runId, taskId, mapIndex, key }) => ({ dag_id: dagId, run_id: runId, task_id: taskId, map_index: mapIndex, key })), total_entries: total };
  }

  @Delete()
  @Operation({ id: 'delete_expired_states', summary: 'Delete the entries that have expired, now', answers: DeletedStatesResponse })
  async clean(): Promise<DeletedStatesResponse> {
    return { deleted: await this.#states.deleteExpired() };
  }
}
