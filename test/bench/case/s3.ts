import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CreateBucketCommand, GetObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { startS3, type S3Server } from '@dagbook/parts';
import { check, percentile, type Benchmark } from '../figure.ts';
import { checkTasks } from '../journal-check.ts';
import { startProduct, type Product } from '../../harness/product.ts';
import { warmUp } from '../warm-up.ts';

const ROOT = process.env['DAGBOOK_ROOT'] ?? process.cwd();
const BYTES = 20 * 1024 * 1024;
const BUCKET = 'bench';
/** Of each, in turns with the SDK alone. */
const ROUNDS = 10;

const transfersDag = (folder: string): string => `
import { dag, s3Get, s3Put } from '@dagbook/sdk';
const d = dag('transfers', { schedule: null });
const put = d.task('put', s3Put({ connection: 'lake', bucket: '${BUCKET}', key: 'by-task', file: '${join(folder, 'source')}' }))();
d.task('get', s3Get({ connection: 'lake', bucket: '${BUCKET}', key: 'by-task', file: '${join(folder, 'got-by-task')}' }))().after(put);
export default d;
`;

export const s3Transfer: Benchmark = {
  name: 's3-20mb',
  says: `20 MB put from a file and got into one by tasks, start to success, against the AWS SDK alone, ${ROUNDS} of each in turns`,
  async run(shape) {
    const folder = mkdtempSync(join(tmpdir(), 'dagbook-bench-s3-'));
    const server = await startS3({ cacheDir: join(ROOT, '.dagbook', 'versitygw'), dataDir: join(folder, 'server') });
    try {
      writeFileSync(join(folder, 'source'), randomBytes(BYTES));
      const { endpoint, accessKeyId, secretAccessKey } = server;
      const lake = JSON.stringify({ conn_type: 'aws', login: accessKeyId, password: secretAccessKey, extra: { endpoint_url: endpoint } });
      await withClient(server, (client) => client.send(new CreateBucketCommand({ Bucket: BUCKET })));
      const product = await startProduct({ shape, slots: 1, env: { DAGBOOK_CONN_LAKE: lake } });
      try {
        await warmUp(product);
        await product.writeDag('transfers', transfersDag(folder));
        // The first of each loads code, here as there; with one slot there is one child to load it.
        const alone = { put: [], get: [] } as { put: number[]; get: number[] };
        for (let round = 0; round <= ROUNDS; round++) {
          const [put, get] = [await timed(() => putAlone(server, folder)), await timed(() => getAlone(server, folder))];
          if (round > 0) {
            alone.put.push(put);
            alone.get.push(get);
          }
          await product.api('POST', '/api/v2/dags/transfers/dagRuns', { dag_run_id: `r${round}`, logical_date: null });
          await product.runsEnded('transfers', round + 1);
        }
        await checkTasks(product.db, 'transfers', 2 * (ROUNDS + 1));
        const source = readFileSync(join(folder, 'source'));
        for (const got of ['got-by-task', 'got-alone']) check(readFileSync(join(folder, got)).equals(source), `${got} is not what was put`);
        const [put, get] = [await spansOf(product, 'put'), await spansOf(product, 'get')];
        check(put.length === ROUNDS && get.length === ROUNDS, `${put.length} puts, ${get.length} gets`);
        const figures = { putMs: percentile(put, 0.5), getMs: percentile(get, 0.5), putAloneMs: percentile(alone.put, 0.5), getAloneMs: percentile(alone.get, 0.5) };
        return { ...figures, putRatio: figures.putMs / figures.putAloneMs, getRatio: figures.getMs / figures.getAloneMs };
      } finally {
        await product.stop();
      }
    } finally {
      await server.stop();
      rmSync(folder, { recursive: true, force: true });
    }
  },
};

async function timed(work: () => Promise<unknown>): Promise<number> {
  const from = performance.now();
  await work();
  return performance.now() - from;
}

/** A client for each transfer, as a task has one. */
async function withClient<T>({ endpoint, accessKeyId, secretAccessKey }: S3Server, use: (client: S3Client) => Promise<T>): Promise<T> {
  const client = new S3Client({ endpoint, region: 'us-east-1', forcePathStyle: true, credentials: { accessKeyId, secretAccessKey } });
  try {
    return await use(client);
  } finally {
    client.destroy();
  }
}

const putAlone = (server: S3Server, folder: string): Promise<unknown> =>
  withClient(server, async (client) => client.send(new PutObjectCommand({ Bucket: BUCKET, Key: 'alone', Body: await readFile(join(folder, 'source')) })));

const getAlone = (server: S3Server, folder: string): Promise<unknown> =>
  withClient(server, async (client) => {
    const { Body } = await client.send(new GetObjectCommand({ Bucket: BUCKET, Key: 'alone' }));
    await writeFile(join(folder, 'got-alone'), (await Body?.transformToByteArray()) ?? '');
  });

/** From start to success, but of the first run. */
async function spansOf(product: Product, taskId: string): Promise<number[]> {
  const { rows } = await product.db.query<{ span: string }>(
    `SELECT max((data->>'atMs')::bigint) - min((data->>'atMs')::bigint) AS span FROM events
     WHERE stream_id LIKE 'run-transfers/r%' AND stream_id <> 'run-transfers/r0' AND type IN ('TaskStarted', 'TaskSucceeded') AND data->>'taskId' = $1 GROUP BY stream_id`,
    [taskId],
  );
  return rows.map(({ span }) => Number(span));
}
