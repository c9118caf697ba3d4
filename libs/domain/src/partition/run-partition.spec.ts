import { expect, it } from 'vitest';
import type { DagDefinition } from '../dag/definition.ts';
import type { PartitionMapper } from './definition.ts';
import { decideRunPartition } from './run-partition.ts';

const asset = (uri: string) => ({ kind: 'asset', uri }) as const;
const days: PartitionMapper = { kind: 'startOf', unit: 'day', timezone: 'Asia/Seoul' };
const dag = (schedule: DagDefinition['schedule'], more: Partial<DagDefinition> = {}) => ({ dagId: 'd', schedule, ...more });
const cron = { kind: 'cronTrigger', cron: '0 6 * * *', timezone: 'Asia/Seoul' } as const;
const byDay = dag({ kind: 'assets', condition: { kind: 'all', of: [asset('a'), asset('b')] }, partition: { mapper: days, mappers: { b: { kind: 'identity' } } } });
const seoul = Date.UTC(2026, 2, 9, 15);

it.each([
  ['a DAG of no partitions', dag(cron), undefined, {}],
  ['one that takes them at run time', dag({ kind: 'none' }, { partitionedAtRuntime: true }), 'us', { partitionKey: 'us' }],
  ['a cron', dag({ ...cron, partition: { keyFormat: '%Y-%m-%d' } }), '2026-03-10', { partitionKey: '2026-03-10', partitionDateMs: seoul }],
  ['assets that say a time', byDay, '2026-03-10', { partitionKey: '2026-03-10', partitionDateMs: seoul }],
  ['assets that disagree', dag({ kind: 'assets', condition: { kind: 'all', of: [asset('a'), asset('b')] }, partition: { mapper: days, mappers: { b: { kind: 'startOf', unit: 'day' } } } }), '2026-03-10', { partitionKey: '2026-03-10' }],
  ['assets that say none', dag({ kind: 'assets', condition: asset('a'), partition: {} }), 'us', { partitionKey: 'us' }],
])('%s gives a run that somebody starts its partition', (_, definition, key, partition) => {
  expect(decideRunPartition(definition, key)).toEqual(partition);
});

it.each([
  [dag(cron), 'k', 'dag_not_partitioned'],
  [dag({ kind: 'assets', condition: asset('a') }), 'k', 'dag_not_partitioned'],
  [dag({ kind: 'none' }, { partitionedAtRuntime: true }), ' ', 'invalid_partition_key'],
  [dag({ kind: 'none' }, { partitionedAtRuntime: true }), 'k'.repeat(251), 'invalid_partition_key'],
  [dag({ ...cron, partition: {} }), '2026-03-10', 'invalid_partition_key'],
  [byDay, '2026-03', 'invalid_partition_key'],
])('%j with %s is refused', (definition, key, code) => {
  expect(decideRunPartition(definition, key)).toMatchObject({ code });
});
