import { TaskFailure, type OperatorContext } from '@dagbook/sdk';
import type { S3Client } from '@aws-sdk/client-s3';
import { awsCredentials } from './aws-credential.ts';
import { connectionOf } from './connection.ts';
import type { Fields } from './field.ts';

const MAX_KEY_BYTES = 1024;

/** The client of a connection, or of what the worker's environment gives; to be destroyed after use. */
async function s3ClientOf(fields: Fields, context: OperatorContext): Promise<S3Client> {
  const id = fields.optionalText('connection', 'the id of a connection');
  const { S3Client: Client } = await import('@aws-sdk/client-s3');
  if (id === undefined) return new Client({});
  const { accessKeyId, secretAccessKey, sessionToken, region, endpoint } = awsCredentials(await connectionOf(id, context, 'aws'));
  return new Client({
    ...(region === undefined ? (endpoint === undefined ? {} : { region: 'us-east-1' }) : { region }),
    // Servers that are not AWS' rarely have a name for each bucket.
    ...(endpoint === undefined ? {} : { endpoint, forcePathStyle: true }),
    ...(accessKeyId === undefined || secretAccessKey === undefined ? {} : { credentials: { accessKeyId, secretAccessKey, ...(sessionToken === undefined ? {} : { sessionToken }) } }),
  });
}

/** Runs `use` with a client; whatever S3 says becomes a failure that names what was asked for. */
export async function withS3<T>(fields: Fields, context: OperatorContext, what: string, use: (client: S3Client) => Promise<T>): Promise<T> {
  const client = await s3ClientOf(fields, context);
  try {
    context.io.signal.throwIfAborted();
    return await use(client);
  } catch (cause) {
    throw s3Failure(what, cause, context);
  } finally {
    client.destroy();
  }
}

interface S3Error {
  readonly name: string;
  readonly message: string;
  readonly code?: string;
  readonly $metadata?: { readonly httpStatusCode?: number };
}

export const statusOf = (error: unknown): number | undefined => (error as S3Error).$metadata?.httpStatusCode;

/** Of the answers 400 to 499 these may be another the next time: an object that is still to come, a conflict, a limit. */
const MAY_PASS = [404, 408, 409, 425, 429];

function s3Failure(what: string, cause: unknown, context: OperatorContext): TaskFailure {
  if (cause instanceof TaskFailure) return cause;
  if (context.io.signal.aborted) return new TaskFailure('cancelled', `${what} was broken off: the try was cancelled or its time is over`, { cause });
  const { name, message, code } = cause as S3Error;
  const status = statusOf(cause);
  if (status === undefined) return new TaskFailure('error', `${what} failed: ${code === undefined || message.startsWith(code) ? '' : `${code}: `}${message}`, { cause });
  if (name === 'NoSuchBucket') return new TaskFailure('bad_input', `${what} failed: there is no such bucket`, { cause });
  if (status === 404) return new TaskFailure('bad_input', `${what} failed: there is no such object`, { cause });
  // An answer without a body, as to HEAD, has no name for what was wrong.
  const said = [name, message].filter((part, at, parts) => part !== '' && part !== String(status) && !/^Unknown(Error)?$/.test(part) && parts.indexOf(part) === at).join(': ');
  return new TaskFailure('error', `${what} failed: S3 answered ${status}${said === '' ? '' : ` ${said}`}`, { cause, retry: status >= 500 || MAY_PASS.includes(status) });
}

export function readBucket(fields: Fields, name = 'bucket'): string {
  const bucket = fields.text(name, 'the name of a bucket');
  if (!/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(bucket)) fields.refuse(name, bucket, 'the name of a bucket: 3 to 63 small letters, digits, . and -');
  return bucket;
}

/** A key is bytes to S3: two ways to write one character (NFC, NFD) are two keys, and each is kept as it came. */
export function checkedKey(fields: Fields, name: string, key: string): string {
  const bytes = Buffer.byteLength(key);
  if (bytes > MAX_KEY_BYTES) fields.refuse(name, key, `a key of at most ${MAX_KEY_BYTES} bytes, and has ${bytes}`);
  if (!key.isWellFormed()) fields.refuse(name, key, 'a key in whole characters');
  return key;
}

export const readKey = (fields: Fields, name = 'key'): string => checkedKey(fields, name, fields.text(name, 'a key'));
