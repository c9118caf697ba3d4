// Each instance of a mapped task has a state of its own.
import { dag } from '@dagbook/sdk';

const d = dag('example_task_state_store_mapped', { startDate: '2026-01-01', tags: ['example', 'task-state-store'] });
const tables = d.task('get_tables', async () => ['orders', 'customers', 'products'])();
d.task('process_table', async ({ table }: { table: string }, { taskState, mapIndex, log }) => {
  const result = { table, map_index: mapIndex, row_count: 100 + Math.floor(Math.random() * 9_900) };
  await taskState.set('status', 'complete');
  await taskState.set('result', result);
  log.info(`${mapIndex}: ${table}, ${result.row_count} rows`);
  return result;
}).expand({ table: tables });

export default d;
