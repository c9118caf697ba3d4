// A DAG that writes what others wait for, and DAGs that run when one, either or both of the files are new; one of them at a time too.
// Unpause all, then trigger asset_produces_1 and asset_produces_2. Two never run: nobody updates what they wait for.
import { asset, bash, cron, dag, type Asset, type Schedule, when } from '@dagbook/sdk';

const first = asset('s3://dag1/output_1.txt', { extra: { hi: 'bye' } });
const second = asset('s3://dag2/output_1.txt', { extra: { hi: 'bye' } });
const third = asset('s3://dag3/output_3.txt', { extra: { hi: 'bye' } });
const spec = { startDate: '2021-01-01', catchup: false } as const;

const makesFirst = dag('asset_produces_1', { ...spec, schedule: '@daily', tags: ['example', 'produces', 'asset-scheduled'] });
makesFirst.task('producing_task_1', async (_, { emit }) => emit(first, { rows: 42 }), { outlets: [first] })();

const makesSecond = dag('asset_produces_2', { ...spec, tags: ['example', 'produces', 'asset-scheduled'] });
makesSecond.task('producing_task_2', bash({ command: 'sleep 0.1' }), { outlets: [second] })();

/** A DAG with one task, which answers what it was run for. */
const consumer = (dagId: string, taskId: string, schedule: Schedule, outlet: Asset, tags: readonly string[]) => {
  const d = dag(dagId, { ...spec, schedule, tags });
  d.task(taskId, async (_, { triggeringAssetEvents, log }) => {
    for (const { uri, extra } of triggeringAssetEvents) log.info(`${uri} is new`, extra);
    return triggeringAssetEvents.map(({ uri, extra }) => ({ uri, rows: extra['rows'] ?? null }));
  }, { outlets: [outlet] })();
  return d;
};
const CONSUMES = ['example', 'consumes', 'asset-scheduled'];
const unknown = asset('s3://consuming_2_task/asset_other_unknown.txt');
const expression = (dagId: string, schedule: Schedule) => consumer(dagId, dagId, schedule, unknown, ['example']);

export default [
  makesFirst,
  makesSecond,
  consumer('asset_consumes_1', 'consuming_1', when.all(first), asset('s3://consuming_1_task/asset_other.txt'), CONSUMES),
  consumer('asset_consumes_1_and_2', 'consuming_2', when.all(first, second), unknown, CONSUMES),
  consumer('asset_consumes_1_never_scheduled', 'consuming_3', when.all(first, asset('s3://unrelated/this-asset-doesnt-get-triggered')), unknown, CONSUMES),
  consumer(
    'asset_consumes_unknown_never_scheduled', 'unrelated_task', when.all(asset('s3://unrelated/asset3.txt'), asset('s3://unrelated/asset_other_unknown.txt')),
    asset('s3://unrelated_task/asset_other_unknown.txt'), ['example', 'asset-scheduled'],
  ),
  expression('consume_1_and_2_with_asset_expressions', when.all(first, second)),
  expression('consume_1_or_2_with_asset_expressions', when.any(first, second)),
  expression('consume_1_or_both_2_and_3_with_asset_expressions', when.any(first, when.all(second, third))),
  consumer(
    'conditional_asset_and_time_based_timetable', 'conditional_asset_and_time_based_timetable', when.any(cron('0 1 * * 3', { timezone: 'UTC' }), when.all(first, second)),
    asset('s3://asset_time_based/asset_other_unknown.txt'), ['example', 'asset-time-based-timetable'],
  ),
];
