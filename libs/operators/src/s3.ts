import { statSync } from 'node:fs';
import type { S3Client, _Object } from '@aws-sdk/client-s3';
import { type OperatorContext, type OperatorExecutor, poke, TaskFailure } from '@dagbook/sdk';
import { Fields } from './field.ts';
import { checkedKey, readBucket, readKey, statusOf, withS3 } from './s3-client.ts';
import { download, unquoted, upload } from './s3-transfer.ts';

const MAX_LISTED = 10_000;
const MAX_RESULT_BYTES = 64 * 1024 * 1024;
/** As many as S3 takes in one request. */
const DELETED_AT_ONCE = 1_000;

export const s3Put: OperatorExecutor = async (given, context) => {
  const fields = new Fields('s3Put', given);
  const [Bucket, Key] = [readBucket(fields), readKey(fields)];
  const from = readContent(fields);
  const ifAbsent = fields.flag('ifAbsent', false);
  const contentType = fields.optionalText('contentType');
  const what = `writing s3://${Bucket}/${Key}`;
  return withS3(fields, context, what, async (client) => {
    try {
      const to = { Bucket, Key, ...(contentType === undefined ? {} : { ContentType: contentType }), ...(ifAbsent ? { IfNoneMatch: '*' } : {}) };
      const { bytes, etag } = await upload(client, from, to, context);
      say(context, `wrote ${bytes} bytes to s3://${Bucket}/${Key}`);
      return { bucket: Bucket, key: Key, size: bytes, etag };
    } catch (cause) {
      if (statusOf(cause) === 412) throw new TaskFailure('bad_input', `${what} was not done: the object exists, and ifAbsent is set`, { cause, retry: false });
      throw cause;
    }
  });
};

export const s3Get: OperatorExecutor = async (given, context) => {
  const fields = new Fields('s3Get', given);
  const [Bucket, Key] = [readBucket(fields), readKey(fields)];
  const file = fields.optionalText('file', 'a path');
  const as = fields.oneOf('as', ['file', 'text', 'json'], 'file');
  if ((file === undefined) === (as === 'file')) throw new TaskFailure('bad_input', "s3Get: give either file, or as: 'text' or 'json'", { retry: false });
  return withS3(fields, context, `reading s3://${Bucket}/${Key}`, async (client) => {
    if (file === undefined) return value(client, { Bucket, Key }, as, context);
    const { bytes, etag } = await download(client, { Bucket, Key }, file, context);
    say(context, `read ${bytes} bytes of s3://${Bucket}/${Key} into ${file}`);
    return { bucket: Bucket, key: Key, size: bytes, etag, file };
  });
};

async function value(client: S3Client, from: { readonly Bucket: string; readonly Key: string }, as: string, context: OperatorContext): Promise<unknown> {
  const { GetObjectCommand } = await import('@aws-sdk/client-s3');
  const { Body, ContentLength = 0 } = await client.send(new GetObjectCommand(from), { abortSignal: context.io.signal });
  if (ContentLength > MAX_RESULT_BYTES) throw new TaskFailure('bad_output', `s3://${from.Bucket}/${from.Key} has ${ContentLength} bytes, too many for a result: read it into a file`, { retry: false });
  const text = (await Body?.transformToString()) ?? '';
  if (as === 'text') return text;
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new TaskFailure('bad_output', `s3://${from.Bucket}/${from.Key} is not JSON: ${text.slice(0, 200)}`, { cause });
  }
}

/** On the server; of objects up to 5 GB, which is what S3 copies in one request. */
export const s3Copy: OperatorExecutor = async (given, context) => {
  const fields = new Fields('s3Copy', given);
  const [bucket, key] = [readBucket(fields), readKey(fields)];
  const Bucket = fields.has('toBucket') ? readBucket(fields, 'toBucket') : bucket;
  const Key = readKey(fields, 'toKey');
  return withS3(fields, context, `copying s3://${bucket}/${key} to s3://${Bucket}/${Key}`, async (client) => {
    const { CopyObjectCommand, HeadObjectCommand } = await import('@aws-sdk/client-s3');
    const source = `${bucket}/${key}`.split('/').map(encodeURIComponent).join('/');
    await client.send(new CopyObjectCommand({ Bucket, Key, CopySource: source }), { abortSignal: context.io.signal });
    const { ContentLength = 0, ETag } = await client.send(new HeadObjectCommand({ Bucket, Key }), { abortSignal: context.io.signal });
    say(context, `copied s3://${bucket}/${key} to s3://${Bucket}/${Key}, ${ContentLength} bytes`);
    return { bucket: Bucket, key: Key, size: ContentLength, etag: unquoted(ETag) };
  });
};

export const s3Delete: OperatorExecutor = async (given, context) => {
  const fields = new Fields('s3Delete', given);
  const bucket = readBucket(fields);
  if (fields.has('keys') === fields.has('prefix')) throw new TaskFailure('bad_input', 's3Delete: give either keys or prefix; a prefix that is empty would be the whole bucket', { retry: false });
  const keys = fields.texts('keys').map((key) => checkedKey(fields, 'keys', key));
  const prefix = fields.has('prefix') ? readKey(fields, 'prefix') : undefined;
  return withS3(fields, context, `deleting in s3://${bucket}`, async (client) => {
    const found = prefix === undefined ? keys : (await objectsBelow(client, { bucket, prefix, max: Infinity }, context)).map(({ Key = '' }) => Key);
    await deleteObjects(client, bucket, found, context);
    say(context, `deleted ${found.length} objects in s3://${bucket}`);
    return { deleted: found.length };
  });
};

export async function deleteObjects(client: S3Client, bucket: string, keys: readonly string[], context: OperatorContext): Promise<void> {
  const { DeleteObjectsCommand } = await import('@aws-sdk/client-s3');
  for (let from = 0; from < keys.length; from += DELETED_AT_ONCE) {
    const Objects = keys.slice(from, from + DELETED_AT_ONCE).map((Key) => ({ Key }));
    const { Errors = [] } = await client.send(new DeleteObjectsCommand({ Bucket: bucket, Delete: { Objects, Quiet: true } }), { abortSignal: context.io.signal });
    const [first] = Errors;
    if (first !== undefined) throw new TaskFailure('error', `${Errors.length} objects of s3://${bucket} were not deleted, the first s3://${bucket}/${first.Key}: ${first.Message ?? first.Code}`);
  }
}

export const s3List: OperatorExecutor = async (given, context) => {
  const fields = new Fields('s3List', given);
  const bucket = readBucket(fields);
  const prefix = fields.has('prefix') ? checkedKey(fields, 'prefix', fields.text('prefix')) : '';
  const max = fields.number('max', MAX_LISTED, { min: 1, max: 1_000_000 });
  const found = await withS3(fields, context, `listing s3://${bucket}/${prefix}`, (client) => objectsBelow(client, { bucket, prefix, max: max + 1 }, context));
  if (found.length > max) throw new TaskFailure('bad_output', `there are more than ${max} objects below s3://${bucket}/${prefix}: narrow the prefix, or raise max`, { retry: false });
  return found.map(({ Key = '', Size = 0, LastModified }) => ({ key: Key, size: Size, modified: LastModified?.toISOString() ?? '' }));
};

/** In order of key, at most `max` or a page more. */
export async function objectsBelow(client: S3Client, { bucket, prefix, max }: { bucket: string; prefix: string; max: number }, context: OperatorContext): Promise<_Object[]> {
  const { paginateListObjectsV2 } = await import('@aws-sdk/client-s3');
  const found: _Object[] = [];
  for await (const page of paginateListObjectsV2({ client }, { Bucket: bucket, Prefix: prefix }, { abortSignal: context.io.signal })) {
    found.push(...(page.Contents ?? []));
    if (found.length >= max) break;
  }
  return found;
}

export const s3Key: OperatorExecutor = async (given, context) => {
  const fields = new Fields('s3Key', given);
  const [bucket, key] = [readBucket(fields), readKey(fields)];
  const wildcard = fields.flag('wildcard', false);
  return withS3(fields, context, `looking for s3://${bucket}/${key}`, async (client) => {
    const found = wildcard ? await firstMatch(client, bucket, key, context) : await head(client, bucket, key, context);
    return found === undefined ? poke.again() : poke.done(found);
  });
};

async function head(client: S3Client, Bucket: string, Key: string, context: OperatorContext): Promise<{ key: string; size: number } | undefined> {
  const { HeadObjectCommand } = await import('@aws-sdk/client-s3');
  try {
    const { ContentLength = 0 } = await client.send(new HeadObjectCommand({ Bucket, Key }), { abortSignal: context.io.signal });
    return { key: Key, size: ContentLength };
  } catch (cause) {
    if (statusOf(cause) === 404) return undefined;
    throw cause;
  }
}

async function firstMatch(client: S3Client, bucket: string, pattern: string, context: OperatorContext): Promise<{ key: string; size: number } | undefined> {
  const prefix = /^[^*?]*/.exec(pattern)?.[0] ?? '';
  const matches = new RegExp(`^${pattern.replaceAll(/[.+^${}()|[\]\\]/g, '\\$&').replaceAll(/\*+/g, '.*').replaceAll('?', '.')}$`, 'su');
  const found = (await objectsBelow(client, { bucket, prefix, max: Infinity }, context)).find(({ Key = '' }) => matches.test(Key));
  return found === undefined ? undefined : { key: found.Key ?? '', size: found.Size ?? 0 };
}

export const s3Prefix: OperatorExecutor = async (given, context) => {
  const fields = new Fields('s3Prefix', given);
  const [bucket, prefix] = [readBucket(fields), readKey(fields, 'prefix')];
  const atLeast = fields.number('atLeast', 1, { min: 1, max: MAX_LISTED });
  return withS3(fields, context, `looking below s3://${bucket}/${prefix}`, async (client) => {
    const found = await objectsBelow(client, { bucket, prefix, max: atLeast }, context);
    return found.length < atLeast ? poke.again() : poke.done({ keys: found.map(({ Key = '' }) => Key) });
  });
};

function readContent(fields: Fields): { readonly file: string } | { readonly body: Buffer } {
  if (fields.has('file') === (fields.raw('content') !== undefined)) throw new TaskFailure('bad_input', 's3Put: give either file or content', { retry: false });
  const content = fields.raw('content');
  if (content !== undefined) return { body: Buffer.from(typeof content === 'string' ? content : JSON.stringify(content)) };
  const file = fields.text('file', 'a path');
  if (statSync(file, { throwIfNoEntry: false })?.isFile() !== true) fields.refuse('file', file, 'a file on this worker');
  return { file };
}

export const say = (context: OperatorContext, line: string): void => context.io.log('info', line, { logger: 'task.s3' });
