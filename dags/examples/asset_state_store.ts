// How far an asset was loaded is kept with the asset: the next run of the producer begins there, and its readers see what came.
import { asset, dag, when } from '@dagbook/sdk';

const ORDERS = asset('s3://warehouse/orders/daily');
const spec = { startDate: '2026-01-01', tags: ['example', 'asset-state-store'] };

const fetchRecords = async (_since: string): Promise<{ id: number }[]> => Array.from({ length: 100 + Math.floor(Math.random() * 4_900) }, (__, id) => ({ id }));

const producer = dag('example_asset_state_store_producer', spec);
producer.task('load', async (_, { assetState, log }) => {
  const state = assetState(ORDERS);
  const watermark = await state.get('watermark', '2026-01-01T00:00:00.000Z');
  const records = await fetchRecords(watermark);
  const now = new Date().toISOString();
  await state.set('watermark', now);
  await state.set('total_runs', (await state.get('total_runs', 0)) + 1);
  await state.set('last_run_summary', { rows_loaded: records.length, prev_watermark: watermark, completed_at: now });
  log.info(`Loaded ${records.length} records. Watermark advanced to ${now}.`);
  return records.length;
}, { inlets: [ORDERS], outlets: [ORDERS] })();

const consumer = dag('example_asset_state_store_consumer', { ...spec, schedule: when.all(ORDERS) });
consumer.task('consume', async (_, { assetState, log }) => {
  const state = assetState(ORDERS);
  const summary = await state.get<{ rows_loaded: number }>('last_run_summary');
  log.info(`Processing ${summary?.rows_loaded ?? '?'} rows up to watermark ${await state.get('watermark', '?')}. Total runs so far: ${await state.get('total_runs', 0)}.`);
}, { inlets: [ORDERS] })();

export default [producer, consumer];
