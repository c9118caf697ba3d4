import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import type { ExecutionApi, PackedFiles } from '@dagbook/contracts';
import type { Clock } from '@dagbook/platform';

const UNUSED_DAYS = 30;

/**
 * Files that go along with code, unpacked on this host by their hash: fetched once, whole or not at all, and read-only.
 * What no incarnation has used for 30 days is deleted at start.
 */
export class FileCache {
  readonly #folder: string;
  readonly #api: Pick<ExecutionApi, 'bundleFiles'>;
  readonly #clock: Clock;
  readonly #fetching = new Map<string, Promise<string | null>>();

  constructor(stateDir: string, api: Pick<ExecutionApi, 'bundleFiles'>, clock: Clock) {
    this.#folder = join(stateDir, 'files');
    this.#api = api;
    this.#clock = clock;
    mkdirSync(this.#folder, { recursive: true });
  }

  /** The folder, null when the gateway does not know the hash. Rejects while the gateway is away. */
  async find(hash: string): Promise<string | null> {
    const folder = join(this.#folder, hash);
    if (existsSync(folder)) {
      utimesSync(folder, this.#clock.nowMs() / 1_000, this.#clock.nowMs() / 1_000);
      return folder;
    }
    let fetching = this.#fetching.get(hash);
    if (fetching === undefined) {
      fetching = this.#fetch(hash, folder).finally(() => this.#fetching.delete(hash));
      this.#fetching.set(hash, fetching);
    }
    return fetching;
  }

  prune(): void {
    for (const name of readdirSync(this.#folder)) {
      const path = join(this.#folder, name);
      if (this.#clock.nowMs() - statSync(path).mtimeMs >= UNUSED_DAYS * 86_400_000) rmSync(path, { recursive: true, force: true });
    }
  }

  async #fetch(hash: string, folder: string): Promise<string | null> {
    const packed = await this.#api.bundleFiles(hash);
    if (packed === null) return null;
    const unfinished = `${folder}.${process.pid}.tmp`;
    rmSync(unfinished, { recursive: true, force: true });
    unpack(packed, unfinished);
    renameSync(unfinished, folder);
    return folder;
  }
}

function unpack({ files }: PackedFiles, folder: string): void {
  mkdirSync(folder, { recursive: true });
  for (const { path, base64 } of files) {
    if (path.startsWith('/') || normalize(path).split('/')[0] === '..') throw new Error(`the bundle holds a file ${JSON.stringify(path)}, which would lie outside its folder`);
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), Buffer.from(base64, 'base64'), { mode: 0o555 });
  }
}
