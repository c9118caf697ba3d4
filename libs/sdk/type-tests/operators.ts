// What the operators' types let an author write, and what they do not.
import { dag, docker, dockerExec, http, poke, python, s3Get, s3Key, s3Put, sql } from '@dagbook/sdk';
import { z } from 'zod';

const d = dag('operators', {});

const rows = d.task('rows', sql<{ day: string; total: number }>({ sql: 'SELECT 1', fetch: 'rows' }))();
const report = d.task('report', async ({ rows }: { rows: readonly { day: string; total: number }[] }) => rows.length);
report({ rows });
const first = d.task('first', sql<{ n: number }>({ sql: 'SELECT 1 AS n', fetch: 'first' }))();
const counted = d.task('counted', sql({ sql: 'DELETE FROM t WHERE n = $1', values: [rows.get('length'), { a: [counts()] }] }))();
function counts() { return d.task('counts', async () => 1)(); }
const n = d.task('n', async ({ n }: { n: number }) => n);
n({ n: counted.get('rowCount') });

const arrived = d.sensor('arrived', s3Key({ bucket: 'b', key: 'k' }), { mode: 'reschedule' })();
d.task('kept', s3Put({ bucket: 'b', key: arrived.get('key'), content: { rows, at: [arrived.get('size')] } }))();
const json = d.task('json', s3Get<{ orders: number[] }>({ bucket: 'b', key: 'k', as: 'json' }))();
d.task('py', python({ code: '', callable: 'f', input: { orders: json.get('orders') }, output: z.object({ median: z.number() }) }))().get('median');
d.task('api', http<{ krw: number }>({ url: 'https://example.com' }))().get('krw');
d.task('own', docker({ image: 'i', command: ['echo', arrived.get('key')], env: { SIZE: arrived.get('size') } }))();

// @ts-expect-error the first row may be missing
n({ n: first.get('n') });
// @ts-expect-error a sensor's operator must be one that waits
d.sensor('no', docker({ image: 'i' }), { every: '1m' });
// @ts-expect-error either by name or by label
dockerExec({ command: 'true' });
// @ts-expect-error a file and no value
s3Get({ bucket: 'b', key: 'k' });
// @ts-expect-error a function is no content
s3Put({ bucket: 'b', key: 'k', content: () => 1 });
// @ts-expect-error one of file, module and code
python({ callable: 'f' });
d.sensor('fn', async () => poke.done(1), { every: '1s' });
// @ts-expect-error a function that waits says how often it looks
d.sensor('fn2', async () => poke.done(1));
export default d;
