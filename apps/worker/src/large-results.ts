import { createHash, randomUUID } from 'node:crypto';
import { createReadStream, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type AttemptAuth, type ExecutionApi, largeResultHash, parseAttemptId } from '@dagbook/contracts';

const MOST_FILES = 64;
const MOST_BYTES = 1024 * 1024 * 1024;
const FILE_PATTERN = /^\d+\.[0-9a-f-]{36}$/;

/** A result in a file of the folder that worker and runners share. */
export interface ResultFile {
  readonly file: string;
  readonly bytes: number;
}

/** What came differs from what was stored. */
class DamagedResult extends Error {
  readonly code = 'execution.damaged';
  readonly retryable = true;
}

/**
 * Large results on their way between runners and the gateway, as files: the worker itself never holds one. A result is fetched
 * once for all who read it (it never changes under its key) and kept while it is among the last 64, and the last GB, that were
 * asked for. A reader that finds its file gone asks again. Nothing of it outlives the worker.
 */
export class LargeResults {
  /** Runners write here what they hand over, and read what they asked for. */
  readonly folder: string;
  readonly #api: Pick<ExecutionApi, 'putLargeResult' | 'getLargeResult'>;
  readonly #fetched = new Map<string, Promise<ResultFile>>();

  constructor(stateDir: string, api: Pick<ExecutionApi, 'putLargeResult' | 'getLargeResult'>) {
    this.folder = join(stateDir, 'results');
    this.#api = api;
    rmSync(this.folder, { recursive: true, force: true });
    mkdirSync(this.folder, { recursive: true });
  }

  /** Hands over what a runner wrote, and removes the file once the gateway has it. */
  async put(auth: AttemptAuth, { file, bytes, sha256 }: ResultFile & { readonly sha256: string }): Promise<{ readonly key: string; readonly bytes: number }> {
    if (!FILE_PATTERN.test(file)) throw new Error(`${JSON.stringify(file)} is no file of a result`);
    const path = join(this.folder, file);
    const stored = await this.#api.putLargeResult(auth, { bytes, sha256, open: () => createReadStream(path) });
    await rm(path, { force: true });
    return stored;
  }

  /** A runner is gone: what it wrote and did not hand over goes. */
  forget(pid: number): void {
    for (const name of readdirSync(this.folder)) if (name.startsWith(`${pid}.`)) rmSync(join(this.folder, name), { force: true });
  }

  async get(auth: AttemptAuth, key: string): Promise<ResultFile> {
    const { dagId, runId } = parseAttemptId(auth.attemptId);
    // What another run asks for is the gateway's to refuse.
    const known = key.startsWith(`objects/${dagId}/${runId}/`) ? this.#fetched.get(key) : undefined;
    if (known !== undefined) {
      this.#fetched.delete(key);
      this.#fetched.set(key, known);
      const found = await known;
      if (await isThere(join(this.folder, found.file))) return found;
    }
    const fetching = this.#fetch(auth, key);
    this.#fetched.set(key, fetching);
    fetching.then(() => this.#evict(), () => this.#fetched.delete(key));
    return fetching;
  }

  async #fetch(auth: AttemptAuth, key: string): Promise<ResultFile> {
    const file = randomUUID();
    const path = join(this.folder, file);
    const hash = createHash('sha256');
    let bytes = 0;
    const handle = await open(path, 'wx', 0o600);
    try {
      for await (const chunk of this.#api.getLargeResult(auth, key)) {
        hash.update(chunk);
        bytes += chunk.byteLength;
        await handle.writeFile(chunk);
      }
      if (hash.digest('hex') !== largeResultHash(key)) throw new DamagedResult(`the result ${key} came damaged`);
      return { file, bytes };
    } catch (error) {
      await rm(path, { force: true });
      throw error;
    } finally {
      await handle.close();
    }
  }

  async #evict(): Promise<void> {
    const found = await Promise.all([...this.#fetched].map(async ([key, fetching]) => ({ key, ...(await fetching.catch(() => ({ file: '', bytes: 0 }))) })));
    let bytes = found.reduce((sum, one) => sum + one.bytes, 0);
    let files = found.length;
    for (const one of found.slice(0, -1)) {
      if (bytes <= MOST_BYTES && files <= MOST_FILES) return;
      bytes -= one.bytes;
      files -= 1;
      this.#fetched.delete(one.key);
      if (one.file !== '') await rm(join(this.folder, one.file), { force: true });
    }
  }
}

const isThere = (path: string): Promise<boolean> => open(path, 'r').then((handle) => handle.close().then(() => true), () => false);
