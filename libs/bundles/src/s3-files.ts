import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { S3Client } from '@aws-sdk/client-s3';
import type { S3BundleConfig } from './bundle-config.ts';
import { BundleFault, type SyncedFiles, type SyncOutcome } from './bundle-source.ts';

const LIMIT_BYTES = 50 * 1024 * 1024;
/** Of one name on any file system that we know of. */
const NAME_BYTES = 255;
const AT_A_TIME = 8;

/** What lies in the folder, by path: the objects' etags. */
type Index = { readonly [path: string]: string };

interface Found {
  readonly key: string;
  readonly path: string;
  readonly etag: string;
}

/**
 * The objects below a prefix as files; the version is the hash of their names and etags. What differs is fetched beside the
 * folder first and moved into it when all of it is there, so that an outage half way leaves the last version whole.
 */
export class S3Files implements SyncedFiles {
  readonly folder: string;
  readonly #config: S3BundleConfig;
  readonly #indexFile: string;
  readonly #incoming: string;

  /** `cacheFolder` is this bundle's and this process's own. */
  constructor(config: S3BundleConfig, cacheFolder: string) {
    this.#config = config;
    this.folder = join(cacheFolder, 'objects');
    this.#indexFile = join(cacheFolder, 'index.json');
    this.#incoming = join(cacheFolder, 'incoming');
  }

  get version(): string | undefined {
    return existsSync(this.#indexFile) ? versionOf(this.#index()) : undefined;
  }

  async sync(signal: AbortSignal): Promise<SyncOutcome> {
    const { S3Client: Client } = await import('@aws-sdk/client-s3');
    const { region, endpoint } = this.#config;
    const client = new Client({ ...(region === undefined && endpoint === undefined ? {} : { region: region ?? 'us-east-1' }), ...(endpoint === undefined ? {} : { endpoint, forcePathStyle: true }) });
    try {
      const { objects, problems } = await this.#list(client, signal);
      const known = existsSync(this.#indexFile) ? this.#index() : undefined;
      const wanted: Index = Object.fromEntries(objects.map(({ path, etag }) => [path, etag]));
      const version = versionOf(wanted);
      const changed = known === undefined || versionOf(known) !== version;
      if (changed) {
        await this.#fetch(client, objects.filter(({ path, etag }) => known?.[path] !== etag), signal);
        this.#takeIn(wanted);
      }
      return { changed, version, problems };
    } catch (cause) {
      signal.throwIfAborted();
      throw this.#fault(cause);
    } finally {
      client.destroy();
    }
  }

  async #list(client: S3Client, signal: AbortSignal): Promise<{ readonly objects: readonly Found[]; readonly problems: readonly string[] }> {
    const { paginateListObjectsV2 } = await import('@aws-sdk/client-s3');
    const { bucket, prefix } = this.#config;
    const objects: Found[] = [];
    const problems: string[] = [];
    for await (const page of paginateListObjectsV2({ client }, { Bucket: bucket, Prefix: prefix }, { abortSignal: signal })) {
      for (const { Key: key = '', ETag: etag = '', Size: bytes = 0 } of page.Contents ?? []) {
        const path = key.slice(prefix.length);
        // What consoles make for an empty folder.
        if (path === '' || path.endsWith('/')) continue;
        const refusal = refusalOf(path, bytes);
        if (refusal === undefined) objects.push({ key, path, etag: `${etag}:${bytes}` });
        else problems.push(`The object ${JSON.stringify(key)} is left out: ${refusal}.`);
      }
    }
    const folders = new Set(objects.flatMap(({ path }) => parentsOf(path)));
    const clashing = objects.filter(({ path }) => folders.has(path));
    problems.push(...clashing.map(({ key }) => `The object ${JSON.stringify(key)} is left out: others lie below it, and a file cannot be a folder too.`));
    return { objects: objects.filter((object) => !clashing.includes(object)), problems };
  }

  async #fetch(client: S3Client, objects: readonly Found[], signal: AbortSignal): Promise<void> {
    const { GetObjectCommand } = await import('@aws-sdk/client-s3');
    rmSync(this.#incoming, { recursive: true, force: true });
    mkdirSync(this.#incoming, { recursive: true });
    const left = [...objects];
    const fetchOne = async (): Promise<void> => {
      for (let next = left.pop(); next !== undefined; next = left.pop()) {
        const { Body } = await client.send(new GetObjectCommand({ Bucket: this.#config.bucket, Key: next.key }), { abortSignal: signal });
        const path = join(this.#incoming, next.path);
        mkdirSync(dirname(path), { recursive: true });
        await writeFile(path, (await Body?.transformToByteArray()) ?? new Uint8Array());
      }
    };
    await Promise.all(Array.from({ length: AT_A_TIME }, fetchOne));
  }

  /** The index goes first and comes last: a move that was broken off is done again from nothing. */
  #takeIn(wanted: Index): void {
    rmSync(this.#indexFile, { force: true });
    mkdirSync(this.folder, { recursive: true });
    for (const path of filesBelow(this.folder)) if (wanted[path] === undefined) rmSync(join(this.folder, path), { force: true });
    for (const path of filesBelow(this.#incoming)) {
      const to = join(this.folder, path);
      // What was a folder of objects may be an object now, and the other way round.
      if (statSync(to, { throwIfNoEntry: false })?.isDirectory()) rmSync(to, { recursive: true });
      for (const parent of parentsOf(path)) if (statSync(join(this.folder, parent), { throwIfNoEntry: false })?.isFile()) rmSync(join(this.folder, parent));
      mkdirSync(dirname(to), { recursive: true });
      renameSync(join(this.#incoming, path), to);
    }
    writeFileSync(this.#indexFile, JSON.stringify(wanted));
  }

  #index(): Index {
    return JSON.parse(readFileSync(this.#indexFile, 'utf8')) as Index;
  }

  #fault(cause: unknown): BundleFault {
    const { name, bucket, prefix, endpoint } = this.#config;
    const { name: code, message } = cause as Error;
    const place = `s3://${bucket}/${prefix}${endpoint === undefined ? '' : ` at ${endpoint}`}`;
    if (code === 'NoSuchBucket') return new BundleFault('bundle.no_folder', `There is no bucket "${bucket}"${endpoint === undefined ? '' : ` at ${endpoint}`}. Make it, or correct the bundle "${name}".`, { cause });
    return new BundleFault('bundle.unreachable', `${place} of the bundle "${name}" cannot be read: ${message === '' || message === undefined ? code : message}.`, { cause });
  }
}

/** Why an object cannot be a file here. NFC and NFD are two names to S3 as to the disk, and both are kept. */
export function refusalOf(path: string, bytes: number): string | undefined {
  const names = path.split('/');
  if (names.some((name) => name === '' || name === '.' || name === '..')) return 'its key holds "..", "." or "//", which would lead elsewhere';
  if (path.includes('\0')) return 'its key holds a NUL byte';
  const long = names.find((name) => Buffer.byteLength(name) > NAME_BYTES);
  if (long !== undefined) return `a part of its key has ${Buffer.byteLength(long)} bytes, and the name of a file at most ${NAME_BYTES}`;
  return bytes > LIMIT_BYTES ? `it has ${bytes} bytes; at most ${LIMIT_BYTES} are taken. Read large data inside a task` : undefined;
}

const parentsOf = (path: string): string[] => path.split('/').slice(0, -1).map((_, at, names) => names.slice(0, at + 1).join('/'));

function versionOf(index: Index): string {
  const hash = createHash('sha256');
  for (const path of Object.keys(index).sort()) hash.update(path).update('\0').update(index[path] as string).update('\0');
  return hash.digest('hex').slice(0, 40);
}

const filesBelow = (folder: string): string[] =>
  existsSync(folder)
    ? readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    : [];
