// Extract, transform, load: results are handed on by calling one task with what another answers.
import { dag } from '@dagbook/sdk';

const d = dag('tutorial_taskflow_api', { startDate: '2021-01-01', tags: ['example'] });

const extract = d.task('extract', async () => ({ '1001': 301.27, '1002': 433.21, '1003': 502.22 }));
const transform = d.task('transform', async ({ orders }: { orders: Record<string, number> }) => ({
  total: Object.values(orders).reduce((sum, value) => sum + value, 0),
}));
const load = d.task('load', async ({ total }: { total: number }, { log }) => log.info(`Total order value is: ${total.toFixed(2)}`));

load({ total: transform({ orders: extract() }).get('total') });
export default d;
