import { reject, type Rejected } from '../decider.ts';
import { leavesOf } from '../asset/condition.ts';
import type { DagDefinition } from '../dag/definition.ts';
import { problem, problemText } from '../problem.ts';
import { cronPartitionDateMs, type RunPartition } from './cron-partition.ts';
import { mapperOf, partitionDateMs } from './mapper.ts';
import { partitionKeyRule } from './validate.ts';

type Asked = Pick<DagDefinition, 'dagId' | 'schedule' | 'partitionedAtRuntime'>;

/** Whether a schedule gives its runs their partition. */
export const isPartitionedSchedule = (schedule: DagDefinition['schedule']): boolean => (schedule.kind === 'cronTrigger' || schedule.kind === 'assets') && schedule.partition !== undefined;

/** The partition of a run that a person starts; `{}`: it has none. Only DAGs of partitions take a key, as in Airflow. */
export function decideRunPartition(definition: Asked, partitionKey: string | undefined): Partial<RunPartition> | Rejected {
  if (partitionKey === undefined) return {};
  const { dagId, schedule, partitionedAtRuntime } = definition;
  if (partitionedAtRuntime !== true && !isPartitionedSchedule(schedule)) return reject('dag_not_partitioned', `The DAG ${dagId} makes no partitions, so no run of it takes a partition_key. Leave it out, or give the DAG a schedule of partitions.`);
  const wrong = partitionKeyRule(partitionKey);
  if (wrong !== undefined) return reject('invalid_partition_key', problemText(problem('partition_key', partitionKey, wrong.rule, wrong.remedy)));
  const dateMs = partitionedAtRuntime === true ? null : dateOf(schedule, partitionKey);
  if (dateMs === undefined) return reject('invalid_partition_key', `partition_key is ${JSON.stringify(partitionKey)}, which is not written as the keys of the DAG ${dagId} are. Write it as its schedule does.`);
  return { partitionKey, ...(dateMs === null ? {} : { partitionDateMs: dateMs }) };
}

/** undefined: no key of these can be so. */
function dateOf(schedule: DagDefinition['schedule'], key: string): number | null | undefined {
  if (schedule.kind === 'cronTrigger') return cronPartitionDateMs({ timezone: schedule.timezone, partition: schedule.partition ?? {} }, key);
  if (schedule.kind !== 'assets') return null;
  const dates = leavesOf(schedule.condition).filter(({ kind }) => kind === 'asset').map((leaf) => partitionDateMs(mapperOf(schedule.partition ?? {}, leaf), key));
  if (dates.includes(undefined)) return undefined;
  const [agreed = null, ...others] = new Set(dates.filter((date) => date !== null));
  return others.length === 0 ? agreed : null;
}
