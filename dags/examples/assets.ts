// A DAG that writes what others wait for, and DAGs that run when one, either or both of the files are new.
import { asset, dag, when } from '@dagbook/sdk';

const orders = asset('s3://lake/example/orders.csv');
const rates = asset('s3://lake/example/rates.csv');
const spec = { startDate: '2021-01-01', catchup: false, tags: ['example', 'assets'] };

const first = dag('asset_produces_1', spec);
first.task('write_orders', async (_, { emit }) => emit(orders, { rows: 42 }), { outlets: [orders] })();

const second = dag('asset_produces_2', spec);
second.task('write_rates', async () => {}, { outlets: [rates] })();

const one = dag('asset_consumes_1', { ...spec, schedule: when.all(orders) });
one.task('read', async (_, { triggeringAssetEvents, log }) => {
  for (const { uri, extra } of triggeringAssetEvents) log.info(`${uri} is new`, extra);
  return triggeringAssetEvents.map(({ extra }) => extra['rows'] ?? null);
})();

const both = dag('asset_consumes_1_and_2', { ...spec, schedule: when.all(orders, rates) });
both.task('join', async (_, { triggeringAssetEvents }) => triggeringAssetEvents.map(({ uri }) => uri).sort())();

const either = dag('asset_consumes_1_or_2', { ...spec, schedule: when.any(orders, rates) });
either.empty('whichever_came');

export default [first, second, one, both, either];
