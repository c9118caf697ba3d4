// S3: wait for a file, copy it, read it as a result, write a report. Needs the connection `lake` and its bucket.
import { dag, s3Copy, s3Delete, s3Get, s3Key, s3List, s3Put } from '@dagbook/sdk';

const d = dag('operators_s3', { startDate: '2026-01-01', tags: ['example', 'operators'], defaults: { retries: 2, retryDelay: '30s' } });
const lake = { connection: 'lake', bucket: 'example-lake' } as const;

const put = d.task('put', s3Put({ ...lake, key: 'raw/orders.json', content: { orders: [301, 433, 502] } }))();
const arrived = d.sensor('arrived', s3Key({ ...lake, key: 'raw/*.json', wildcard: true }), { every: '30s', mode: 'reschedule', timeout: '2h' })().after(put);
const kept = d.task('keep', s3Copy({ ...lake, key: arrived.get('key'), toKey: 'bronze/orders.json' }))();
const read = d.task('read', s3Get<{ orders: number[] }>({ ...lake, key: kept.get('key'), as: 'json' }))();
const sum = d.task('sum', async ({ orders }: { orders: number[] }) => orders.reduce((total, amount) => total + amount, 0));
const reported = d.task('report', s3Put({ ...lake, key: 'gold/total.json', content: sum({ orders: read.get('orders') }) }))();
const listed = d.task('list', s3List({ ...lake, prefix: 'gold/' }))().after(reported);
d.task('tidy', s3Delete({ ...lake, prefix: 'raw/' }))().after(listed);
export default d;
