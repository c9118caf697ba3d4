// S3: wait for a file, copy it, read it as a result, write a report, fetch all of it. Needs the connection `lake` and its bucket, and the AWS CLI.
import { aws, dag, s3Copy, s3Delete, s3Get, s3Key, s3List, s3Prefix, s3Put, s3Sync } from '@dagbook/sdk';

const d = dag('operators_s3', { startDate: '2026-01-01', tags: ['example', 'operators'], defaults: { retries: 2, retryDelay: '30s' } });
const lake = { connection: 'lake', bucket: 'example-lake' } as const;

const put = d.task('put', s3Put({ ...lake, key: 'raw/orders.json', content: { orders: [301, 433, 502] } }))();
const arrived = d.sensor('arrived', s3Key({ ...lake, key: 'raw/*.json', wildcard: true }), { every: '30s', mode: 'reschedule', timeout: '2h' })().after(put);
const kept = d.task('keep', s3Copy({ ...lake, key: arrived.get('key'), toKey: 'bronze/orders.json' }))();
const read = d.task('read', s3Get<{ orders: number[] }>({ ...lake, key: kept.get('key'), as: 'json' }))();
const sum = d.task('sum', async ({ orders }: { orders: number[] }) => orders.reduce((total, amount) => total + amount, 0));
const reported = d.task('report', s3Put({ ...lake, key: 'gold/total.json', content: sum({ orders: read.get('orders') }) }))();
const listed = d.task('list', s3List({ ...lake, prefix: 'gold/' }))().after(reported);
const any = d.sensor('any_report', s3Prefix({ ...lake, prefix: 'gold/', atLeast: 1 }), { every: '30s', mode: 'reschedule', timeout: '2h' })().after(reported);
d.task('fetch_all', s3Sync({ ...lake, prefix: 'gold', folder: '/tmp/dagbook-example-gold', direction: 'down' }))().after(any);
// Whatever else the AWS CLI can: no shell reads the arguments, and the credentials are in its environment.
d.task('head', aws<{ ContentLength: number }>({ connection: 'lake', args: ['s3api', 'head-object', '--bucket', 'example-lake', '--key', 'gold/total.json'] }))().after(any);
d.task('tidy', s3Delete({ ...lake, prefix: 'raw/' }))().after(listed);
export default d;
