import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { ExecutionApi, PackedBundle } from '@dagbook/contracts';
import type { Clock } from '@dagbook/platform';
import type { BundleFolder } from '@dagbook/sdk';
import { FileCache } from './file-cache.ts';
import { BUNDLE_SOURCE_ROOT } from './runner/author-stack.ts';

const HASH_PATTERN = /^[A-Za-z0-9_-]{8,128}$/;
const UNUSED_DAYS = 30;

/** Code on this host, and what goes along with it. */
export interface FoundBundle {
  readonly path: string;
  readonly files?: BundleFolder;
}

type Beside = Pick<PackedBundle, 'file' | 'filesHash'>;

/**
 * Packed code on this host, by hash: fetched once, written whole, never changed. Files that no incarnation has used
 * for 30 days are deleted at start.
 */
export class BundleCache {
  readonly #folder: string;
  readonly #api: Pick<ExecutionApi, 'bundle' | 'bundleFiles'>;
  readonly files: FileCache;
  readonly #found = new Map<string, FoundBundle>();
  readonly #fetching = new Map<string, Promise<FoundBundle | null>>();

  readonly #clock: Clock;

  constructor(stateDir: string, api: Pick<ExecutionApi, 'bundle' | 'bundleFiles'>, clock: Clock) {
    this.#folder = join(stateDir, 'bundles');
    this.#api = api;
    this.#clock = clock;
    this.files = new FileCache(stateDir, api, clock);
    mkdirSync(this.#folder, { recursive: true });
  }

  /** The code, null when the gateway does not know it; at once when it is here. Rejects while the gateway is away. */
  find(hash: string): FoundBundle | Promise<FoundBundle | null> {
    const found = this.#found.get(hash);
    if (found !== undefined) return found;
    if (!HASH_PATTERN.test(hash)) return Promise.resolve(null);
    let fetching = this.#fetching.get(hash);
    if (fetching === undefined) {
      fetching = this.#load(hash, join(this.#folder, `${hash}.mjs`)).finally(() => this.#fetching.delete(hash));
      this.#fetching.set(hash, fetching);
    }
    return fetching;
  }

  prune(): void {
    this.files.prune();
    for (const name of readdirSync(this.#folder)) {
      const path = join(this.#folder, name);
      if (!name.endsWith('.mjs') || this.#clock.nowMs() - statSync(path).mtimeMs < UNUSED_DAYS * 86_400_000) continue;
      rmSync(path, { force: true });
      for (const beside of ['map', 'files']) rmSync(`${path}.${beside}`, { force: true });
    }
  }

  async #load(hash: string, path: string): Promise<FoundBundle | null> {
    const isHere = existsSync(path);
    const beside = isHere ? this.#besideOf(path) : await this.#fetch(hash, path);
    if (beside === null) return null;
    if (isHere) utimesSync(path, this.#clock.nowMs() / 1_000, this.#clock.nowMs() / 1_000);
    const found = await this.#withFiles(path, beside);
    if (found !== null) this.#found.set(hash, found);
    return found;
  }

  async #withFiles(path: string, { file, filesHash }: Beside): Promise<FoundBundle | null> {
    if (filesHash === undefined) return { path };
    const folder = await this.files.find(filesHash);
    return folder === null ? null : { path, files: { folder, dagFolder: join(folder, dirname(file)), hash: filesHash } };
  }

  /** The code is written last: where it is, all that it needs was known. */
  async #fetch(hash: string, path: string): Promise<Beside | null> {
    const bundle = await this.#api.bundle(hash);
    if (bundle === null) return null;
    const { file, filesHash } = bundle;
    if (filesHash !== undefined) this.#store(`${path}.files`, JSON.stringify({ file, filesHash } satisfies Beside));
    if (bundle.sourceMap !== undefined) this.#store(`${path}.map`, withAuthorPaths(bundle.sourceMap, file));
    this.#store(path, bundle.sourceMap === undefined ? bundle.code : `${bundle.code}\n//# sourceMappingURL=${hash}.mjs.map\n`);
    return bundle;
  }

  #besideOf(path: string): Beside {
    const beside = `${path}.files`;
    return existsSync(beside) ? (JSON.parse(readFileSync(beside, 'utf8')) as Beside) : { file: '' };
  }

  #store(path: string, content: string): void {
    const unfinished = `${path}.${process.pid}.tmp`;
    writeFileSync(unfinished, content);
    renameSync(unfinished, path);
  }
}

/** The map's sources are relative to where the bundle was made; here they are to the bundle's folder, whichever host reads them. */
function withAuthorPaths(sourceMap: string, file: string): string {
  const map = JSON.parse(sourceMap) as { sources: string[] };
  const entry = map.sources.find((source) => source === file || source.endsWith(`/${file}`)) ?? file;
  const folder = entry.slice(0, entry.length - file.length);
  const sources = map.sources.map((source) => (source.startsWith(folder) ? source.slice(folder.length) : source));
  return JSON.stringify({ ...map, sourceRoot: BUNDLE_SOURCE_ROOT, sources });
}
