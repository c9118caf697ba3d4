// DAGs that stand for one asset each: a task of the asset's name that makes it. One reads what became of the other; a third waits for either.
import { asset, dag, when } from '@dagbook/sdk';

const first = asset('s3://bucket/asset1_producer', { name: 'asset1_producer' });
const second = asset('s3://bucket/object', { name: 'asset2_producer' });

const makesFirst = dag('asset1_producer');
makesFirst.task('asset1_producer', async () => {}, { outlets: [first] })();

const makesSecond = dag('asset2_producer');
makesSecond.task('asset2_producer', async (_, { inletEvents, log }) => {
  const events = await inletEvents(first);
  log.info(`asset1_producer was updated ${events.length} times`);
}, { inlets: [first], outlets: [second] })();

const consumes = dag('consumes_asset_decorator', { schedule: when.any(first, second), startDate: '2021-01-01', catchup: false, tags: ['example', 'consumes', 'asset-scheduled'] });
consumes.task('process_nothing', async () => {}, { outlets: [asset('process_nothing')] })();

export default [makesFirst, makesSecond, consumes];
