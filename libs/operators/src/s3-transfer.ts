import { randomUUID } from 'node:crypto';
import { createReadStream, createWriteStream, mkdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { PutObjectCommandInput, S3Client } from '@aws-sdk/client-s3';
import type { OperatorContext } from '@dagbook/sdk';

/** Up to here one request, held in memory, is faster than parts and streams. */
const WHOLE_BYTES = 32 * 1024 * 1024;
const PART_BYTES = 16 * 1024 * 1024;
const PARTS_AT_ONCE = 4;
/** At most so many lines of progress a transfer, and none for a small one. */
const PROGRESS_LINES = 10;
const QUIET_BYTES = 32 * 1024 * 1024;

export interface Transferred {
  readonly bytes: number;
  readonly etag: string;
}

/** Writes a file or a text; in parts, several at once, when it is large. Parts of one that fails are taken back. */
export async function upload(client: S3Client, from: { readonly file: string } | { readonly body: Buffer }, to: PutObjectCommandInput, context: OperatorContext): Promise<Transferred> {
  const bytes = 'file' in from ? statSync(from.file).size : from.body.length;
  if (bytes <= WHOLE_BYTES) {
    const { PutObjectCommand } = await import('@aws-sdk/client-s3');
    const body = 'file' in from ? await readFile(from.file) : from.body;
    const { ETag } = await client.send(new PutObjectCommand({ ...to, Body: body }), { abortSignal: context.io.signal });
    return { bytes: body.length, etag: unquoted(ETag) };
  }
  const { Upload } = await import('@aws-sdk/lib-storage');
  const say = progress(context, `${to.Key}`, bytes);
  const upload = new Upload({
    client, partSize: Math.max(PART_BYTES, Math.ceil(bytes / 9_000)), queueSize: PARTS_AT_ONCE, leavePartsOnError: false,
    params: { ...to, Body: 'file' in from ? createReadStream(from.file, { highWaterMark: 1024 * 1024 }) : from.body },
  });
  upload.on('httpUploadProgress', ({ loaded }) => say(loaded ?? 0));
  const abort = (): void => void upload.abort();
  context.io.signal.addEventListener('abort', abort, { once: true });
  try {
    const { ETag } = await upload.done();
    return { bytes, etag: unquoted(ETag) };
  } finally {
    context.io.signal.removeEventListener('abort', abort);
  }
}

/** Fetches into a file that is complete when it has its name, whatever happens on the way. */
export async function download(client: S3Client, from: { readonly Bucket: string; readonly Key: string }, file: string, context: OperatorContext): Promise<Transferred> {
  const { GetObjectCommand } = await import('@aws-sdk/client-s3');
  const { Body, ContentLength = 0, ETag } = await client.send(new GetObjectCommand(from), { abortSignal: context.io.signal });
  const unfinished = `${file}.${randomUUID().slice(0, 8)}.part`;
  const say = progress(context, from.Key, ContentLength);
  mkdirSync(dirname(file), { recursive: true });
  let loaded = 0;
  try {
    if (Body !== undefined && ContentLength <= WHOLE_BYTES) {
      const content = await Body.transformToByteArray();
      loaded = content.length;
      await writeFile(unfinished, content);
    } else {
      const body = Body as Readable;
      body.on('data', (chunk: Buffer) => say((loaded += chunk.length)));
      await pipeline(body, createWriteStream(unfinished, { highWaterMark: 1024 * 1024 }), { signal: context.io.signal });
    }
    renameSync(unfinished, file);
  } catch (error) {
    rmSync(unfinished, { force: true });
    throw error;
  }
  return { bytes: loaded, etag: unquoted(ETag) };
}

export const unquoted = (etag: string | undefined): string => (etag ?? '').replaceAll('"', '');

function progress(context: OperatorContext, key: string, total: number): (loaded: number) => void {
  let said = 0;
  return (loaded) => {
    const tenth = Math.floor((loaded / total) * PROGRESS_LINES);
    if (total < QUIET_BYTES || tenth <= said) return;
    said = tenth;
    context.io.log('info', `${key}: ${Math.round(loaded / 1024 / 1024)} of ${Math.round(total / 1024 / 1024)} MB`, { logger: 'task.s3' });
  };
}
