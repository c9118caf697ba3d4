import { Controller, Get, Inject, Query } from '@nestjs/common';
import { ApiBearerAuth, ApiTags } from '@nestjs/swagger';
import { passedOverUpdates } from '@dagbook/read-models';
import { DagWarningCollectionResponse, DagWarningListQuery, type DagWarningResponse } from '../dto/worker.ts';
import { orderOf, pageOf } from '../dto/request.ts';
import { query } from '../error/request.pipe.ts';
import { Operation } from '../operation.ts';
import { PoolDirectory } from '../pool/pool-directory.ts';
import { Reader } from '../reader.ts';
import { instant } from '../view/instant.ts';
import { WorkerWatch } from '../worker/worker-watch.ts';
import { type DagNeeds, NeedsOfDags } from './dag-needs.ts';

const ORDERS = { dag_id: 'dag_id', warning_type: 'warning_type', message: 'message', timestamp: 'timestamp' } as const;

/** What DAGs name that is not there, and updates that count for none of their runs. It is worked out when it is asked, so a warning goes when the pool or a worker has come, or the DAG has another schedule. */
@ApiTags('DagWarning')
@ApiBearerAuth()
@Controller('api/v2/dagWarnings')
export class DagWarningController {
  constructor(
    @Inject(NeedsOfDags) private readonly needs: NeedsOfDags,
    @Inject(PoolDirectory) private readonly pools: PoolDirectory,
    @Inject(WorkerWatch) private readonly workers: WorkerWatch,
    @Inject(Reader) private readonly reader: Reader,
  ) {}

  @Get()
  @Operation({ id: 'list_dag_warnings', summary: 'Pools and queues that DAGs name and that are not there; updates of assets whose partition key leads to no run', answers: DagWarningCollectionResponse, query: DagWarningListQuery })
  async list(@Query(query(DagWarningListQuery)) request: DagWarningListQuery): Promise<DagWarningCollectionResponse> {
    const [dags, pools, workers, passedOver] = await Promise.all([this.needs.all(), this.pools.all(), this.workers.all(), passedOverUpdates(this.reader.db)]);
    const served = new Set(workers.flatMap(({ state, said }) => (state === 'unreachable' ? [] : (said?.queues ?? []))));
    // Of a gateway that has just begun, no queue is missing yet.
    const isServed = (queue: string): boolean => served.has(queue) || !this.workers.isSettled;
    const missing = dags.flatMap((dag) => [...warning(dag, 'pool', dag.pools.filter((pool) => !pools.has(pool))), ...warning(dag, 'queue', dag.queues.filter((queue) => !isServed(queue)))]);
    const found = [...missing, ...passedOver.map(partitionWarning)]
      .filter(({ dag_id: dagId }) => request.dag_id === undefined || dagId === request.dag_id)
      .filter(({ warning_type: type }) => request.warning_type === undefined || type === request.warning_type);
    const orders = orderOf(request, ORDERS, [{ field: 'dag_id', descending: false }]);
    found.sort((a, b) => {
      const order = orders.find(({ field }) => a[field] !== b[field]);
      return order === undefined ? 0 : (a[order.field] < b[order.field] ? -1 : 1) * (order.descending ? -1 : 1);
    });
    const { limit, offset } = pageOf(request);
    return { dag_warnings: found.slice(offset, offset + limit), total_entries: found.length };
  }
}

function partitionWarning({ dagId, dagDisplayName, passedOver: { updates, uri, partitionKey, problem, atMs } }: Awaited<ReturnType<typeof passedOverUpdates>>[number]): DagWarningResponse {
  const last = partitionKey === undefined ? 'with no partition key' : `with the partition key ${JSON.stringify(partitionKey)}`;
  const why = problem ?? (partitionKey === undefined ? 'A DAG of partitions runs for updates of partitions alone: give the update a key.' : 'Its mapper makes no run of that key: correct the key, or the mapper.');
  return {
    dag_id: dagId, warning_type: 'partition key', timestamp: instant(atMs), dag_display_name: dagDisplayName,
    message: `${updates} update${updates === 1 ? '' : 's'} that the DAG "${dagId}" waits for counted for no run of it, the last of ${uri}, ${last}. ${why}`,
  };
}

function warning({ dagId, displayName, parsedAtMs }: DagNeeds, kind: 'pool' | 'queue', missing: readonly string[]): DagWarningResponse[] {
  if (missing.length === 0) return [];
  const names = missing.map((name) => `"${name}"`).join(', ');
  const [what, remedy] = kind === 'pool' ? [`the pool${missing.length === 1 ? '' : 's'} ${names}, which ${missing.length === 1 ? 'does' : 'do'} not exist`, 'create it, or change the tasks'] : [`the queue${missing.length === 1 ? '' : 's'} ${names}, which no worker serves`, 'start a worker that lists it, or change the tasks'];
  return [{ dag_id: dagId, warning_type: `non-existent ${kind}`, message: `DAG "${dagId}" names ${what}: its tasks wait. To let them run, ${remedy}.`, timestamp: instant(parsedAtMs), dag_display_name: displayName }];
}
