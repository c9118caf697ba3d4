// Python beside TypeScript: a function is called with a task's result, and what it returns is handed on.
import { bash, dag, fileSensor, python } from '@dagbook/sdk';
import { z } from 'zod';
import orders from './operators_python_orders.py';

const d = dag('operators_python', { startDate: '2026-01-01', tags: ['example', 'operators'] });

const load = d.task('load', async () => [301, 433, 502]);
const summary = d.task('summarize', python({
  code: orders, callable: 'summarize', input: { orders: load(), currency: 'KRW' },
  output: z.object({ median: z.number(), currency: z.string() }),
}))();

// A script reads dagbook.input and answers by dagbook.result(…).
const doubled = d.task('double', python<number>({ code: 'import dagbook\ndagbook.result(dagbook.input * 2)', input: summary.get('median') }))();

const written = d.task('write', bash({ command: 'echo "$TOTAL" > "/tmp/dagbook-$DAGBOOK_DAG_ID" && echo "/tmp/dagbook-$DAGBOOK_DAG_ID"', env: { TOTAL: doubled } }))();
d.sensor('arrived', fileSensor({ path: written, minBytes: 1 }), { every: '5s', timeout: '1m' })();
export default d;
