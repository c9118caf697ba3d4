// Extract in Python with libraries of its own, transform and load in TypeScript. The environment is made once on each worker and kept.
import { dag, python } from '@dagbook/sdk';

const d = dag('tutorial_taskflow_api_virtualenv', { startDate: '2021-01-01', catchup: false, tags: ['example'] });

const code = `
import json
import funcsigs

def extract():
    return json.loads('{"1001": 301.27, "1002": 433.21, "1003": 502.22}')
`;
const orders = d.task('extract', python<Record<string, number>>({ code, callable: 'extract', requirements: ['funcsigs'] }))();
const summary = d.task('transform', async ({ data }: { data: Record<string, number> }) => ({
  total_order_value: Object.values(data).reduce((sum, value) => sum + value, 0),
}))({ data: orders });
d.task('load', async ({ total }: { total: number }, { log }) => log.info(`Total order value is: ${total.toFixed(2)}`))({ total: summary.get('total_order_value') });
export default d;
