import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { startEmbeddedPostgres, startS3 } from '@dagbook/parts';
import { mock, provideOperators, type TaskRef } from '@dagbook/sdk';
import { startEngineRig } from '@dagbook/testkit';
import { afterAll, beforeAll, expect, test } from 'vitest';
import dockerExample from '../../../dags/examples/operators_docker.ts';
import dockerExecExample from '../../../dags/examples/operators_docker_exec.ts';
import notifyExample from '../../../dags/examples/operators_notify.ts';
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
    const said: string[] = [];
    expect((await s3Example.test({ connections, log: ({ task, event }) => said.push(`${task}: ${event}`) })).state, said.join('\n')).toBe('success');
    expect(readFileSync('/tmp/dagbook-example-gold/total.json', 'utf8')).toBe('1236');
  } finally {
    client.destroy();
    rmSync('/tmp/dagbook-example-gold', { recursive: true, force: true });
    await server.stop();
  }
}, 400_000);

test('operators_notify', async () => {
  const got: string[] = [];
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => {
      got.push(`${request.url ?? ''} ${body}`);
      if (request.url?.startsWith('/rates') === true) response.setHeader('content-type', 'application/json').end('{"krw":1400}');
      else response.end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  try {
    const host = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const connections = { api: { host }, slack_default: { host, password: 'T0/B0/x' }, alerts: { host, schema: 'hook' } };
    const mail = { id: 'mail' } as TaskRef<unknown>;
    expect((await notifyExample.test({ connections, logicalDate: '2026-01-05', mock: [mock(mail, null)], log })).state).toBe('success');
    expect(got.sort()).toEqual(['/T0/B0/x {"text":"2026-01-05: 1400 KRW"}', '/hook {"dag":"operators_notify","krw":1400}', '/rates?base=USD ']);
  } finally {
    server.close();
  }
});

test('operators_docker and operators_docker_exec', async () => {
  const rig = await startEngineRig();
  process.env['DOCKER_HOST'] = rig.engine.address;
  try {
    const lines: string[] = [];
    const result = await dockerExample.test({ logicalDate: '2026-01-05', params: { image: rig.image }, log: ({ task, event }) => lines.push(`${task}: ${event}`) });
    expect([result.state, lines.filter((line) => line.includes('line'))]).toEqual(['success', ['count: line 1', 'count: line 2', 'count: line 3', 'count: {"lines":3}', 'show: 3 lines']]);

    const running = await rig.docker.createContainer({ Image: rig.image, name: 'etl', Cmd: ['sleep', '1000'] });
    await running.start();
    const inside: string[] = [];
    const { state } = await dockerExecExample.test({ logicalDate: '2026-01-05', log: ({ task, event }) => inside.push(`${task}: ${event}`) });
    expect([state, inside.at(-1)]).toEqual(['success', 'tell: inside for manual__2026-01-05T00:00:00+00:00']);
    await running.remove({ force: true });
  } finally {
    delete process.env['DOCKER_HOST'];
    await rig.close();
  }
});
