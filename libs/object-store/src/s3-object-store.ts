import { Readable } from 'node:stream';
import type { S3Client } from '@aws-sdk/client-s3';
import { keyOf, namesOf, type ObjectEntry, type ObjectStore, ObjectStoreFault, type StoredObject } from './port.ts';

export interface S3Place {
  readonly bucket: string;
  /** Without slashes at its ends; may be empty. */
  readonly prefix: string;
  readonly region?: string;
  /** Of a server that is not AWS'. */
  readonly endpoint?: string;
}

const PART_BYTES = 8 * 1024 * 1024;
const PARTS_AT_ONCE = 3;
/** A server that stays silent for so long is away. */
const TIMEOUTS = { connectionTimeout: 5_000, requestTimeout: 60_000 };

/**
 * Objects below a prefix of a bucket. Large ones go up in parts, of which no more than three are in memory; credentials are
 * found as the AWS SDK finds them: environment, profile, role.
 */
export class S3ObjectStore implements ObjectStore {
  readonly place: string;
  readonly #at: S3Place;
  #client: Promise<S3Client> | undefined;

  constructor(at: S3Place) {
    this.#at = at;
    this.place = `s3://${at.bucket}${at.prefix === '' ? '' : `/${at.prefix}`}`;
  }

  async put(key: string, body: AsyncIterable<Uint8Array>, contentType: string): Promise<void> {
    const { Upload } = await import('@aws-sdk/lib-storage');
    const client = await this.#connected();
    let refused: { readonly cause: unknown } | undefined;
    const watched = async function* (): AsyncIterable<Uint8Array> {
      try {
        yield* body;
      } catch (cause) {
        refused = { cause };
        throw cause;
      }
    };
    const params = { Bucket: this.#at.bucket, Key: this.#key(key), Body: Readable.from(watched(), { objectMode: false }), ContentType: contentType };
    const upload = new Upload({ client, params, partSize: PART_BYTES, queueSize: PARTS_AT_ONCE, leavePartsOnError: false });
    try {
      await this.#asked(`writing ${key}`, () => upload.done());
    } catch (error) {
      throw refused === undefined ? error : refused.cause;
    }
  }

  async get(key: string, range?: { readonly from: number; readonly to: number }): Promise<StoredObject | null> {
    if (range !== undefined && range.to <= range.from) return { bytes: 0, body: Readable.from([]) };
    const { GetObjectCommand } = await import('@aws-sdk/client-s3');
    const client = await this.#connected();
    const command = new GetObjectCommand({ Bucket: this.#at.bucket, Key: this.#key(key), ...(range === undefined ? {} : { Range: `bytes=${range.from}-${range.to - 1}` }) });
    const found = await this.#asked(`reading ${key}`, () => client.send(command));
    if (found === null) return null;
    return { bytes: found.ContentLength ?? 0, body: found.Body as Readable };
  }

  async size(key: string): Promise<number | null> {
    const { HeadObjectCommand } = await import('@aws-sdk/client-s3');
    const client = await this.#connected();
    const found = await this.#asked(`looking up ${key}`, () => client.send(new HeadObjectCommand({ Bucket: this.#at.bucket, Key: this.#key(key) })));
    return found === null ? null : (found.ContentLength ?? 0);
  }

  async *list(prefix: string): AsyncIterable<ObjectEntry> {
    const { ListObjectsV2Command } = await import('@aws-sdk/client-s3');
    const client = await this.#connected();
    const root = this.#at.prefix === '' ? '' : `${this.#at.prefix}/`;
    let token: string | undefined;
    do {
      const command = new ListObjectsV2Command({ Bucket: this.#at.bucket, Prefix: prefix === '' ? root : `${this.#key(prefix)}/`, ...(token === undefined ? {} : { ContinuationToken: token }) });
      const page = await this.#asked(`listing ${prefix}`, () => client.send(command));
      for (const { Key = '', Size = 0 } of page?.Contents ?? []) yield { key: keyOf(Key.slice(root.length).split('/')), bytes: Size };
      token = page?.IsTruncated === true ? page.NextContinuationToken : undefined;
    } while (token !== undefined);
  }

  /** One object a request: not every server that speaks S3 deletes many at once. */
  async eraseBelow(prefix: string): Promise<void> {
    const { DeleteObjectCommand } = await import('@aws-sdk/client-s3');
    const client = await this.#connected();
    for await (const { key } of this.list(prefix)) {
      await this.#asked(`removing ${key}`, () => client.send(new DeleteObjectCommand({ Bucket: this.#at.bucket, Key: this.#key(key) })));
    }
  }

  close(): void {
    void this.#client?.then((client) => client.destroy());
  }

  #connected(): Promise<S3Client> {
    return (this.#client ??= connect(this.#at));
  }

  #key(key: string): string {
    const names = namesOf(key).join('/');
    return this.#at.prefix === '' ? names : `${this.#at.prefix}/${names}`;
  }

  /** null: S3 has no such object. */
  async #asked<T>(what: string, ask: () => Promise<T>): Promise<T | null> {
    try {
      return await ask();
    } catch (cause) {
      const { name, message, $metadata } = cause as Error & { readonly $metadata?: { readonly httpStatusCode?: number } };
      const status = $metadata?.httpStatusCode;
      if (status === 404 && name !== 'NoSuchBucket') return null;
      const where = `${this.place}${this.#at.endpoint === undefined ? '' : ` at ${this.#at.endpoint}`}`;
      if (status === 404) throw new ObjectStoreFault('object_store.refused', `${where}: there is no bucket "${this.#at.bucket}"; make it, or correct the setting`, cause);
      if (status !== undefined && status < 500 && status !== 429) throw new ObjectStoreFault('object_store.refused', `${where}: ${what} was refused: ${name}${message === '' ? '' : `: ${message}`}`, cause);
      throw new ObjectStoreFault('object_store.unavailable', `${where}: ${what} failed: ${name}${message === '' ? '' : `: ${message}`}`, cause);
    }
  }
}

async function connect({ region, endpoint }: S3Place): Promise<S3Client> {
  const { S3Client: Client } = await import('@aws-sdk/client-s3');
  const other = endpoint ?? process.env['AWS_ENDPOINT_URL_S3'] ?? process.env['AWS_ENDPOINT_URL'];
  return new Client({
    requestHandler: TIMEOUTS,
    ...(region === undefined ? (other === undefined ? {} : { region: process.env['AWS_REGION'] ?? 'us-east-1' }) : { region }),
    // Servers that are not AWS' rarely have a name for each bucket.
    ...(other === undefined ? {} : { endpoint: other, forcePathStyle: true }),
  });
}
