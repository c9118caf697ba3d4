import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, truncateSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { type S3Server, startS3 } from '@dagbook/parts';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { failureOf, type RigOptions, rigOf } from '../test/rig.ts';
import { aws } from './aws.ts';
import { s3Copy, s3Delete, s3Get, s3Key, s3List, s3Prefix, s3Put } from './s3.ts';
import { requireInside, s3Sync } from './s3-sync.ts';

let server: S3Server;
let folder: string;
let client: S3Client;
let connections: NonNullable<RigOptions['connections']>;
let buckets = 0;
let bucket: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'dagbook-s3-'));
  server = await startS3({ cacheDir: fileURLToPath(new URL('../../../.dagbook/versitygw', import.meta.url)), dataDir: join(folder, 'server') });
  const { endpoint, accessKeyId, secretAccessKey } = server;
  connections = { lake: { conn_type: 'aws', login: accessKeyId, password: secretAccessKey, extra: { endpoint_url: endpoint, region_name: 'us-east-1' } } };
  client = new S3Client({ endpoint, region: 'us-east-1', forcePathStyle: true, credentials: { accessKeyId, secretAccessKey } });
}, 400_000);
afterAll(async () => {
  client.destroy();
  await server.stop();
  rmSync(folder, { recursive: true, force: true });
});
beforeEach(async () => {
  bucket = `bucket-${(buckets += 1)}`;
  await client.send(new CreateBucketCommand({ Bucket: bucket }));
});

const context = (options: RigOptions = {}) => rigOf({ connections, ...options }).context;
const put = (key: string, content: unknown, more: object = {}) => s3Put({ connection: 'lake', bucket, key, content, ...more }, context());
const keys = async (prefix?: string) => ((await s3List({ connection: 'lake', bucket, prefix }, context())) as { key: string }[]).map(({ key }) => key);
const text = (key: string) => s3Get({ connection: 'lake', bucket, key, as: 'text' }, context());

test('a value is put and read again', async () => {
  expect(await put('a/b.json', { rows: [1, '서울'] })).toEqual({ bucket, key: 'a/b.json', size: Buffer.byteLength('{"rows":[1,"서울"]}'), etag: expect.stringMatching(/^[0-9a-f]{32}$/) });
  expect(await s3Get({ connection: 'lake', bucket, key: 'a/b.json', as: 'json' }, context())).toEqual({ rows: [1, '서울'] });
  expect(await text('a/b.json')).toBe('{"rows":[1,"서울"]}');
  expect(await failureOf(put('a/b.json', 'x', { ifAbsent: true }))).toMatchObject({ code: 'bad_input', retry: false, message: `writing s3://${bucket}/a/b.json was not done: the object exists, and ifAbsent is set` });
});

test('a large file goes in parts with progress, and comes back as it was', async () => {
  const file = join(folder, 'large');
  const content = Buffer.alloc(40 * 1024 * 1024, Buffer.from('0123456789abcdef-').toString());
  writeFileSync(file, content);
  const { context: putting, lines } = rigOf({ connections });
  expect(await s3Put({ connection: 'lake', bucket, key: 'large', file }, putting)).toMatchObject({ size: content.length, etag: expect.stringMatching(/-3$/) });
  expect(lines.at(-2)).toBe('task.s3 info: large: 40 of 40 MB');
  const copy = join(folder, 'deep', 'copy');
  expect(await s3Get({ connection: 'lake', bucket, key: 'large', file: copy }, context())).toMatchObject({ size: content.length, file: copy });
  expect(readFileSync(copy).equals(content)).toBe(true);
  expect(readdirSync(join(folder, 'deep'))).toEqual(['copy']);
});

test('a key is its bytes: composed and decomposed Korean are two, blanks and signs are kept', async () => {
  const names = ['한글.csv'.normalize('NFC'), '한글.csv'.normalize('NFD'), 'a b+c&d=%25?#.csv', `"quote'$(id)`];
  for (const name of names) await put(`in/${name}`, name);
  expect((await keys('in/')).sort()).toEqual(names.map((name) => `in/${name}`).sort());
  for (const name of names) expect(await text(`in/${name}`)).toBe(name);
  await s3Copy({ connection: 'lake', bucket, key: `in/${names[1]}`, toKey: `out/${names[2]}` }, context());
  expect(await text(`out/${names[2]}`)).toBe(names[1]);
});

test.each(['/lead', 'a//b', ' trail  ', 'tab\there', 'back\\slash', 'a/./b', '%2e%2e/x', '😀'])('the key %j is found again under just that name', async (key) => {
  await put(key, key);
  expect(await text(key)).toBe(key);
  expect(await s3Key({ connection: 'lake', bucket, key }, context())).toEqual({ done: true, value: { key, size: Buffer.byteLength(key) } });
  expect(await s3Copy({ connection: 'lake', bucket, key, toKey: 'copy' }, context())).toMatchObject({ size: Buffer.byteLength(key) });
  expect(await s3Delete({ connection: 'lake', bucket, keys: [key] }, context())).toEqual({ deleted: 1 });
  expect(await s3Key({ connection: 'lake', bucket, key }, context())).toEqual({ done: false });
});

test('a key that the server does not take has its answer', async () => {
  expect(await failureOf(s3Key({ connection: 'lake', bucket, key: '..' }, context()))).toMatchObject({ code: 'error', retry: false, message: `looking for s3://${bucket}/.. failed: S3 answered 400` });
  expect(await failureOf(put('..', ''))).toMatchObject({ retry: false, message: `writing s3://${bucket}/.. failed: S3 answered 400 Bad Request` });
});

test('a key of 1,024 bytes is kept, a longer one is refused', async () => {
  const key = Array.from({ length: 8 }, () => 'k'.repeat(127)).join('/').padEnd(1024, 'z');
  await put(key, 'long');
  expect(await text(key)).toBe('long');
  expect(await failureOf(put(`${key}x`, ''))).toMatchObject({ code: 'bad_input', retry: false, message: expect.stringContaining('a key of at most 1024 bytes, and has 1025') });
  expect((await failureOf(put('\ud800', ''))).message).toContain('a key in whole characters');
});

test("a key with '..' fails with a sentence or stays inside its bucket", async () => {
  writeFileSync(join(folder, 'server', 'outside'), 'secret');
  const failure = await failureOf(s3Get({ connection: 'lake', bucket, key: '../outside', as: 'text' }, context()));
  expect(failure.message).toMatch(new RegExp(`^reading s3://${bucket}/\\.\\./outside failed: `));
});

test('deletes keys, one that is not there included, and all below a prefix, but never a whole bucket', async () => {
  for (const key of ['a/1', 'a/2', 'b/1']) await put(key, key);
  expect(await s3Delete({ connection: 'lake', bucket, keys: ['b/1', 'b/none'] }, context())).toEqual({ deleted: 2 });
  expect(await s3Delete({ connection: 'lake', bucket, prefix: 'a/' }, context())).toEqual({ deleted: 2 });
  expect(await keys()).toEqual([]);
  expect((await failureOf(s3Delete({ connection: 'lake', bucket, prefix: '' }, context()))).message).toBe('s3Delete: prefix is "", but must be a key');
});

test('a list that is too long is refused', async () => {
  for (const key of ['1', '2', '3']) await put(key, key);
  expect(await failureOf(s3List({ connection: 'lake', bucket, max: 2 }, context()))).toMatchObject({ code: 'bad_output', retry: false, message: `there are more than 2 objects below s3://${bucket}/: narrow the prefix, or raise max` });
});

test('sensors look again until the object is there', async () => {
  const key = (name: string, wildcard = false) => s3Key({ connection: 'lake', bucket, key: name, wildcard }, context());
  const prefix = (atLeast: number) => s3Prefix({ connection: 'lake', bucket, prefix: 'raw/', atLeast }, context());
  expect(await key('raw/1.csv')).toEqual({ done: false });
  expect(await key('raw/*.csv', true)).toEqual({ done: false });
  expect(await prefix(1)).toEqual({ done: false });
  await put('raw/1.csv', 'abc');
  expect(await key('raw/1.csv')).toEqual({ done: true, value: { key: 'raw/1.csv', size: 3 } });
  expect(await key('raw/?.c*v', true)).toEqual({ done: true, value: { key: 'raw/1.csv', size: 3 } });
  expect(await key('raw/(1|2).csv', true)).toEqual({ done: false });
  expect(await prefix(1)).toEqual({ done: true, value: { keys: ['raw/1.csv'] } });
  expect(await prefix(2)).toEqual({ done: false });
});

test('a folder goes up and comes down, and what has not changed is left alone', async () => {
  const [from, to] = [join(folder, 'from'), join(folder, 'to')];
  mkdirSync(join(from, '하위'), { recursive: true });
  writeFileSync(join(from, 'a.txt'), 'a');
  writeFileSync(join(from, '하위', 'b.txt'), 'bb');
  const earlierS = statSync(join(from, 'a.txt')).mtimeMs / 1000 - 100;
  for (const name of ['a.txt', '하위/b.txt']) utimesSync(join(from, name), earlierS, earlierS);
  const sync = (fields: object) => s3Sync({ connection: 'lake', bucket, prefix: 'p', ...fields }, context());
  expect(await sync({ folder: from, direction: 'up' })).toEqual({ copied: 2, deleted: 0, unchanged: 0, bytes: 3 });
  expect(await sync({ folder: from, direction: 'up' })).toEqual({ copied: 0, deleted: 0, unchanged: 2, bytes: 0 });
  expect(await sync({ folder: to, direction: 'down' })).toEqual({ copied: 2, deleted: 0, unchanged: 0, bytes: 3 });
  expect(readFileSync(join(to, '하위', 'b.txt'), 'utf8')).toBe('bb');
  expect(await sync({ folder: to, direction: 'down' })).toEqual({ copied: 0, deleted: 0, unchanged: 2, bytes: 0 });
  // The same size, and newer than the object by more than the second that a server may keep.
  const laterS = statSync(join(from, 'a.txt')).mtimeMs / 1000 + 100;
  writeFileSync(join(from, 'a.txt'), 'A');
  utimesSync(join(from, 'a.txt'), laterS, laterS);
  rmSync(join(from, '하위'), { recursive: true });
  expect(await sync({ folder: from, direction: 'up', delete: true })).toEqual({ copied: 1, deleted: 1, unchanged: 0, bytes: 1 });
  expect(await keys('p/')).toEqual(['p/a.txt']);
  truncateSync(join(to, 'a.txt'), 0);
  expect(await sync({ folder: to, direction: 'down', delete: true })).toEqual({ copied: 1, deleted: 1, unchanged: 0, bytes: 1 });
  expect(readFileSync(join(to, 'a.txt'), 'utf8')).toBe('A');
});

test.each(['../x', 'a/../../x', '/etc/passwd', 'a//b', 'a/./b', 'a\0b'])('the key %j is never written below a folder', (name) => {
  expect(() => requireInside('/srv/data', name, name)).toThrow('cannot be a file below /srv/data');
});

test('what S3 refuses has a sentence, and says whether a retry can mend it', async () => {
  expect(await failureOf(text('none'))).toMatchObject({ code: 'bad_input', retry: true, message: `reading s3://${bucket}/none failed: there is no such object` });
  expect(await failureOf(s3Put({ connection: 'lake', bucket: 'no-such-bucket', key: 'k', content: '' }, context()))).toMatchObject({ code: 'bad_input', message: 'writing s3://no-such-bucket/k failed: there is no such bucket' });
  const wrong = { lake: { ...connections['lake'], password: 'wrong-secret' } };
  const refused = await failureOf(s3List({ connection: 'lake', bucket }, context({ connections: wrong })));
  expect(refused).toMatchObject({ code: 'error', retry: false, message: expect.stringContaining('S3 answered 403 SignatureDoesNotMatch') });
  expect(`${refused.message}${refused.detail ?? ''}`).not.toContain('wrong-secret');
  const away = { lake: { ...connections['lake'], extra: { endpoint_url: 'http://127.0.0.1:1' } } };
  expect(await failureOf(s3List({ connection: 'lake', bucket }, context({ connections: away })))).toMatchObject({ code: 'error', retry: true, message: expect.stringContaining('ECONNREFUSED') });
});

test('a cancelled transfer leaves no part of a file', async () => {
  const abort = new AbortController();
  abort.abort();
  const file = join(folder, 'cancelled', 'file');
  expect(await failureOf(s3Get({ connection: 'lake', bucket, key: 'k', file }, context({ abort })))).toMatchObject({ code: 'cancelled' });
  expect(readdirSync(folder)).not.toContain('cancelled');
});

test('the AWS CLI gets the credentials of a connection through its environment', async () => {
  await put('cli/한글.txt', 'abc');
  expect(await aws({ connection: 'lake', args: ['s3api', 'list-objects-v2', '--bucket', bucket, '--query', 'Contents[].Key', '--output', 'json'] }, context())).toEqual(['cli/한글.txt']);
  expect(await failureOf(aws({ connection: 'lake', args: ['s3', 'ls', 's3://no-such-bucket/; id'] }, context()))).toMatchObject({ code: 'exit_code', detail: expect.stringContaining('NoSuchBucket') });
});
