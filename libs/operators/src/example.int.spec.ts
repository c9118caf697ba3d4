import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { startEmbeddedPostgres, startS3 } from '@dagbook/parts';
import { provideOperators } from '@dagbook/sdk';
import { startEngineRig } from '@dagbook/testkit';
import { afterAll, beforeAll, expect, test } from 'vitest';
import dockerExample from '../../../dags/examples/operators_docker.ts';
import s3Example from '../../../dags/examples/operators_s3.ts';
import sqlExample from '../../../dags/examples/operators_sql.ts';
import { operators } from './registry.ts';

/** The examples that need something beside Dagbook, each run whole on the real thing. */
let folder: string;
const log = (): void => undefined;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'dagbook-example-'));
  provideOperators(operators);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test('operators_sql', async () => {
  const server = await startEmbeddedPostgres({ dataDir: join(folder, 'postgres') });
  try {
    const { hostname, username, password, pathname } = new URL(server.url);
    const connections = { postgres_default: { host: hostname, port: server.port, login: username, password: decodeURIComponent(password), schema: pathname.slice(1) } };
    const lines: string[] = [];
    const { state } = await sqlExample.test({ connections, log: ({ task, event }) => lines.push(`${task}: ${event}`) });
    expect([state, lines.at(-1)]).toEqual(['success', 'report: 2026-01-01: 600']);
  } finally {
    await server.stop();
  }
});

test('operators_s3', async () => {
  const server = await startS3({ cacheDir: fileURLToPath(new URL('../../../.dagbook/versitygw', import.meta.url)), dataDir: join(folder, 's3') });
  const { endpoint, accessKeyId, secretAccessKey } = server;
  const client = new S3Client({ endpoint, region: 'us-east-1', forcePathStyle: true, credentials: { accessKeyId, secretAccessKey } });
  try {
    await client.send(new CreateBucketCommand({ Bucket: 'example-lake' }));
    const connections = { lake: { login: accessKeyId, password: secretAccessKey, extra: JSON.stringify({ endpoint_url: endpoint }) } };
    expect((await s3Example.test({ connections, log })).state).toBe('success');
  } finally {
    client.destroy();
    await server.stop();
  }
}, 400_000);

test('operators_docker', async () => {
  const rig = await startEngineRig();
  process.env['DOCKER_HOST'] = rig.engine.address;
  try {
    const lines: string[] = [];
    const result = await dockerExample.test({ params: { image: rig.image }, log: ({ task, event }) => lines.push(`${task}: ${event}`) });
    expect([result.state, lines.filter((line) => line.includes('line'))]).toEqual(['success', ['count: line 1', 'count: line 2', 'count: line 3', 'count: {"lines":3}', 'show: 3 lines']]);
  } finally {
    delete process.env['DOCKER_HOST'];
    await rig.close();
  }
});
