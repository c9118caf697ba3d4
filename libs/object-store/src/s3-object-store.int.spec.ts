import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { type S3Server, startS3 } from '@dagbook/parts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { describeObjectStore } from './object-store.harness.ts';
import { objectStoreAt } from './place.ts';

let server: S3Server;
let folder: string;
let prefixes = 0;
const kept = { ...process.env };

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'dagbook-objects-'));
  server = await startS3({ cacheDir: fileURLToPath(new URL('../../../.dagbook/versitygw', import.meta.url)), dataDir: join(folder, 'server') });
  const { endpoint, accessKeyId, secretAccessKey } = server;
  Object.assign(process.env, { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey });
  const client = new S3Client({ endpoint, region: 'us-east-1', forcePathStyle: true });
  await client.send(new CreateBucketCommand({ Bucket: 'results' }));
  client.destroy();
}, 400_000);
afterAll(async () => {
  process.env = kept;
  await server.stop();
  rmSync(folder, { recursive: true, force: true });
});

describe('objects on S3', () => {
  describeObjectStore(async () => objectStoreAt(`s3://results/${(prefixes += 1)}/x?endpoint=${server.endpoint}`));

  test('a bucket that is not there, credentials that are wrong and a server that is away each have a sentence', async () => {
    const put = (setting: string): Promise<void> => objectStoreAt(setting).put('a', (async function* () { yield Buffer.from('x'); })(), 'text/plain');
    await expect(put(`s3://no-such-bucket?endpoint=${server.endpoint}`)).rejects.toMatchObject({ code: 'object_store.refused', retryable: false, message: expect.stringContaining('there is no bucket "no-such-bucket"') });
    await expect(put('s3://results?endpoint=http://127.0.0.1:1')).rejects.toMatchObject({ code: 'object_store.unavailable', retryable: true });
    const secret = process.env['AWS_SECRET_ACCESS_KEY'];
    process.env['AWS_SECRET_ACCESS_KEY'] = 'wrong';
    await expect(put(`s3://results?endpoint=${server.endpoint}`)).rejects.toMatchObject({ code: 'object_store.refused', message: expect.stringContaining('writing a was refused: SignatureDoesNotMatch') });
    process.env['AWS_SECRET_ACCESS_KEY'] = secret;
  });
});
