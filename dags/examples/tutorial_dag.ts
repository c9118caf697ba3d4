// Extract, transform, load, with the parts handed on as JSON.
import { dag } from '@dagbook/sdk';

const d = dag('tutorial_dag', { startDate: '2021-01-01', catchup: false, tags: ['example'], doc: 'ETL in three tasks', defaults: { retries: 2 } });

const extract = d.task('extract', async () => '{"1001": 301.27, "1002": 433.21, "1003": 502.22}')();
const transform = d.task('transform', async ({ text }: { text: string }) => {
  const orders = JSON.parse(text) as Record<string, number>;
  return { total_order_value: Object.values(orders).reduce((sum, value) => sum + value, 0) };
})({ text: extract });
d.task('load', async ({ total }: { total: number }, { log }) => log.info(`Total order value is: ${total.toFixed(2)}`))({ total: transform.get('total_order_value') });
export default d;
