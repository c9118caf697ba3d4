import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { type EmbeddedPostgres, type S3Server, startEmbeddedPostgres, startS3 } from '@dagbook/parts';
import { type EngineRig, startEngineRig } from '@dagbook/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startProduct, type Product } from '../harness/product.ts';

const ROOT = process.env['DAGBOOK_ROOT'] ?? process.cwd();
const PATIENCE = { interval: 20, timeout: 60_000 };

/** Postgres, S3 and Docker of their own, reached by connections that the gateway has from its environment. */
describe('the operators, in the whole product', () => {
  let folder: string;
  let postgres: EmbeddedPostgres;
  let s3: S3Server;
  let engine: EngineRig;
  let product: Product;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'dagbook-operators-'));
    [postgres, s3, engine] = await Promise.all([
      startEmbeddedPostgres({ dataDir: join(folder, 'postgres') }), startS3({ cacheDir: join(ROOT, '.dagbook', 'versitygw'), dataDir: join(folder, 's3') }), startEngineRig(),
    ]);
    const { endpoint, accessKeyId, secretAccessKey } = s3;
    const client = new S3Client({ endpoint, region: 'us-east-1', forcePathStyle: true, credentials: { accessKeyId, secretAccessKey } });
    await client.send(new CreateBucketCommand({ Bucket: 'example-lake' }));
    client.destroy();
    product = await startProduct({
      shape: 'standalone', dagsDir: join(ROOT, 'dags'), args: ['--examples'],
      env: {
        DAGBOOK_CONN_POSTGRES_DEFAULT: postgres.url, DOCKER_HOST: engine.engine.address,
        DAGBOOK_CONN_LAKE: JSON.stringify({ conn_type: 'aws', login: accessKeyId, password: secretAccessKey, extra: { endpoint_url: endpoint } }),
      },
    });
  }, 400_000);
  afterAll(async () => {
    await product?.stop();
    await Promise.all([postgres?.stop(), s3?.stop(), engine?.close()]);
    rmSync(folder, { recursive: true, force: true });
  });

  it.each([
    ['operators_sql', {}],
    ['operators_s3', {}],
    ['operators_docker', { image: 'busybox:test' }],
  ])('%s succeeds', async (dagId, conf) => {
    await expect.poll(() => product.api('GET', `/api/v2/dags/${dagId}`).then(() => true, () => false), PATIENCE).toBe(true);
    await product.api('POST', `/api/v2/dags/${dagId}/dagRuns`, { dag_run_id: 'asked', logical_date: null, conf });
    const stateOf = async (): Promise<string> => (await product.api<{ state: string }>('GET', `/api/v2/dags/${dagId}/dagRuns/asked`)).state;
    await expect.poll(stateOf, PATIENCE).toMatch(/success|failed/);
    expect(await stateOf()).toBe('success');
  });

  it('shows no secret of a connection in any event', async () => {
    const { rows } = await product.db.query<{ n: number }>('SELECT count(*)::int AS n FROM events WHERE data::text LIKE $1', [`%${s3.secretAccessKey}%`]);
    expect(rows).toEqual([{ n: 0 }]);
  });
});
