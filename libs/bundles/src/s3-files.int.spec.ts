import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CreateBucketCommand, DeleteObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { startS3, type S3Server } from '@dagbook/parts';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { S3Files } from './s3-files.ts';

let root: string;
let server: S3Server;
let client: S3Client;
beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'dagbook-s3-'));
  server = await startS3({ cacheDir: fileURLToPath(new URL('../../../.dagbook/versitygw', import.meta.url)), dataDir: join(root, 'data') });
  const { endpoint, accessKeyId, secretAccessKey } = server;
  client = new S3Client({ endpoint, forcePathStyle: true, region: 'us-east-1', credentials: { accessKeyId, secretAccessKey } });
  vi.stubEnv('AWS_ACCESS_KEY_ID', accessKeyId);
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', secretAccessKey);
  await client.send(new CreateBucketCommand({ Bucket: 'dags' }));
}, 400_000);
afterAll(async () => {
  vi.unstubAllEnvs();
  client?.destroy();
  await server?.stop();
  rmSync(root, { recursive: true, force: true });
});

const put = (key: string, body: string | Buffer) => client.send(new PutObjectCommand({ Bucket: 'dags', Key: key, Body: body }));
const remove = (key: string) => client.send(new DeleteObjectCommand({ Bucket: 'dags', Key: key }));
const filesOf = (prefix: string, more: object = {}) => new S3Files({ name: 'shared', kind: 's3', bucket: 'dags', prefix, endpoint: server.endpoint, pollMs: 1_000, ...more }, mkdtempSync(join(tmpdir(), 'dagbook-s3-cache-')));
const listing = (folder: string) => readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1)).sort();
const { signal } = new AbortController();

test('follows what is put, changed and deleted; the version is of the content', async () => {
  await put('one/a.ts', '1');
  await put('one/op_script/x.py', 'x');
  await put('other/b.ts', 'b');
  const files = filesOf('one/');
  const first = await files.sync(signal);
  expect([first.changed, listing(files.folder)]).toEqual([true, ['a.ts', 'op_script/x.py']]);
  expect(await files.sync(signal)).toEqual({ changed: false, version: first.version, problems: [] });
  await put('one/a.ts', '2');
  await remove('one/op_script/x.py');
  const second = await files.sync(signal);
  expect([second.changed, second.version === first.version, listing(files.folder), readFileSync(join(files.folder, 'a.ts'), 'utf8')]).toEqual([true, false, ['a.ts'], '2']);
  await put('one/a.ts', '1');
  await put('one/op_script/x.py', 'x');
  expect((await files.sync(signal)).version).toBe(first.version);
});

test('Korean names in NFC and NFD are two files', async () => {
  const name = '한국어.ts';
  await put(`korean/${name.normalize('NFC')}`, 'nfc');
  await put(`korean/${name.normalize('NFD')}`, 'nfd');
  const files = filesOf('korean/');
  expect((await files.sync(signal)).problems).toEqual([]);
  expect(['NFC', 'NFD'].map((form) => readFileSync(join(files.folder, name.normalize(form)), 'utf8'))).toEqual(['nfc', 'nfd']);
});

test('a bucket that is not there and a server that is away say so, and what was fetched stays', async () => {
  await expect(filesOf('', { bucket: 'nowhere' }).sync(signal)).rejects.toMatchObject({ code: 'bundle.no_folder', message: `There is no bucket "nowhere" at ${server.endpoint}. Make it, or correct the bundle "shared".` });
  await expect(filesOf('one/', { endpoint: 'http://127.0.0.1:9' }).sync(signal)).rejects.toMatchObject({ code: 'bundle.unreachable', message: expect.stringMatching(/^s3:\/\/dags\/one\/ at http:\/\/127\.0\.0\.1:9 of the bundle "shared" cannot be read: .*\.$/) as string });
});
