import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ExecutionApi } from '@dagbook/contracts';
import type { Clock } from '@dagbook/platform';
import { BUNDLE_SOURCE_ROOT } from './runner/author-stack.ts';

const HASH_PATTERN = /^[A-Za-z0-9_-]{8,128}$/;
const UNUSED_DAYS = 30;

/**
 * Packed code on this host, by hash: fetched once, written whole, never changed. Files that no incarnation has used
 * for 30 days are deleted at start.
 */
export class BundleCache {
  readonly #folder: string;
  readonly #api: Pick<ExecutionApi, 'bundle'>;
  readonly #paths = new Map<string, string>();
  readonly #fetching = new Map<string, Promise<string | null>>();

  readonly #clock: Clock;

  constructor(stateDir: string, api: Pick<ExecutionApi, 'bundle'>, clock: Clock) {
    this.#folder = join(stateDir, 'bundles');
    this.#api = api;
    this.#clock = clock;
    mkdirSync(this.#folder, { recursive: true });
  }

  /** The path of the code, null when the gateway does not know it; at once when it is here. Rejects while the gateway is away. */
  find(hash: string): string | Promise<string | null> {
    const path = this.#paths.get(hash);
    if (path !== undefined) return path;
    if (!HASH_PATTERN.test(hash)) return Promise.resolve(null);
    const stored = join(this.#folder, `${hash}.mjs`);
    if (existsSync(stored)) {
      utimesSync(stored, this.#clock.nowMs() / 1_000, this.#clock.nowMs() / 1_000);
      this.#paths.set(hash, stored);
      return stored;
    }
    let fetching = this.#fetching.get(hash);
    if (fetching === undefined) {
      fetching = this.#fetch(hash, stored).finally(() => this.#fetching.delete(hash));
      this.#fetching.set(hash, fetching);
    }
    return fetching;
  }

  prune(): void {
    for (const name of readdirSync(this.#folder)) {
      const path = join(this.#folder, name);
      if (!name.endsWith('.mjs') || this.#clock.nowMs() - statSync(path).mtimeMs < UNUSED_DAYS * 86_400_000) continue;
      rmSync(path, { force: true });
      rmSync(`${path}.map`, { force: true });
    }
  }

  async #fetch(hash: string, path: string): Promise<string | null> {
    const bundle = await this.#api.bundle(hash);
    if (bundle === null) return null;
    if (bundle.sourceMap !== undefined) this.#store(`${path}.map`, withAuthorPaths(bundle.sourceMap, bundle.file));
    this.#store(path, bundle.sourceMap === undefined ? bundle.code : `${bundle.code}\n//# sourceMappingURL=${hash}.mjs.map\n`);
    this.#paths.set(hash, path);
    return path;
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
