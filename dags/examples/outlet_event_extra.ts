// What an update says beside itself, its `extra`: told by `emit`, which counts when the task succeeds. Airflow has three ways to say it,
// hence three DAGs here. `inlet_event_extra.ts` reads them.
import { asset, dag } from '@dagbook/sdk';

const output = asset('s3://output/1.txt', { name: 'test-asset' });

export default ['asset_with_extra_by_yield', 'asset_with_extra_by_context', 'asset_with_extra_from_classic_operator'].map((dagId) => {
  const d = dag(dagId, { schedule: '@daily', startDate: '1970-01-01', catchup: false, tags: ['example', 'produces'] });
  d.task(dagId, async (_, { emit }) => emit(output, { hi: 'bye' }), { outlets: [output] })();
  return d;
});
