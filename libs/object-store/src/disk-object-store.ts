import { randomUUID } from 'node:crypto';
import { constants, type Dirent, mkdirSync } from 'node:fs';
import { type FileHandle, mkdir, open, opendir, rename, rm, stat } from 'node:fs/promises';
import { dirname, join, relative, sep } from 'node:path';
import { Readable } from 'node:stream';
import { pathToFileURL } from 'node:url';
import { keyOf, namesOf, type ObjectEntry, type ObjectStore, ObjectStoreFault, type StoredObject } from './port.ts';

/** Of a write that a crash broke off; never listed, removed with its folder. */
const UNFINISHED = '.part';

/** Objects as files below a folder: written beside their place, flushed, then named. Several processes may share the folder. */
export class DiskObjectStore implements ObjectStore {
  readonly place: string;
  readonly #root: string;

  constructor(root: string) {
    this.#root = root;
    this.place = pathToFileURL(root).href;
    mkdirSync(root, { recursive: true });
  }

  async put(key: string, body: AsyncIterable<Uint8Array>): Promise<void> {
    const path = this.#path(key);
    const unfinished = `${path}.${randomUUID().slice(0, 8)}${UNFINISHED}`;
    try {
      const file = await this.#create(unfinished);
      try {
        for await (const chunk of body) await file.writeFile(chunk);
        await file.datasync();
      } finally {
        await file.close();
      }
      await rename(unfinished, path);
      await flushFolder(dirname(path));
    } catch (error) {
      await rm(unfinished, { force: true });
      throw this.#fault(error, `${key} could not be written`);
    }
  }

  async get(key: string, range?: { readonly from: number; readonly to: number }): Promise<StoredObject | null> {
    const file = await this.#open(key);
    if (file === null) return null;
    const { from, to } = range ?? { from: 0, to: (await file.stat()).size };
    if (to <= from) {
      await file.close();
      return { bytes: 0, body: Readable.from([]) };
    }
    return { bytes: to - from, body: file.createReadStream({ start: from, end: to - 1 }) };
  }

  async size(key: string): Promise<number | null> {
    try {
      return (await stat(this.#path(key))).size;
    } catch (error) {
      if (isMissing(error)) return null;
      throw this.#fault(error, `${key} could not be looked up`);
    }
  }

  async *list(prefix: string): AsyncIterable<ObjectEntry> {
    const folder = prefix === '' ? this.#root : this.#path(prefix);
    for await (const path of filesBelow(folder)) {
      if (path.endsWith(UNFINISHED)) continue;
      const found = await stat(path).catch(() => null);
      if (found !== null) yield { key: keyOf(relative(this.#root, path).split(sep)), bytes: found.size };
    }
  }

  async eraseBelow(prefix: string): Promise<void> {
    try {
      await rm(this.#path(prefix), { recursive: true, force: true });
    } catch (error) {
      throw this.#fault(error, `${prefix} could not be removed`);
    }
  }

  close(): void {
    return undefined;
  }

  /** Whoever removes a folder meanwhile, as an erasure does, makes us make it again. */
  async #create(path: string): Promise<FileHandle> {
    for (let left = 3; ; left -= 1) {
      await mkdir(dirname(path), { recursive: true });
      try {
        return await open(path, 'wx', 0o640);
      } catch (error) {
        if (!isMissing(error) || left === 0) throw error;
      }
    }
  }

  async #open(key: string): Promise<FileHandle | null> {
    try {
      return await open(this.#path(key), constants.O_RDONLY | constants.O_NOFOLLOW);
    } catch (error) {
      if (isMissing(error)) return null;
      throw this.#fault(error, `${key} could not be read`);
    }
  }

  #path(key: string): string {
    return join(this.#root, ...namesOf(key));
  }

  #fault(cause: unknown, what: string): unknown {
    const { code, syscall } = cause as NodeJS.ErrnoException;
    // What the body threw is its own.
    return syscall === undefined ? cause : new ObjectStoreFault('object_store.unavailable', `${this.place}: ${what}: ${code}`, cause);
  }
}

async function* filesBelow(folder: string): AsyncIterable<string> {
  let entries: AsyncIterable<Dirent>;
  try {
    entries = await opendir(folder, { recursive: true });
  } catch (error) {
    if (isMissing(error)) return;
    throw error;
  }
  for await (const entry of entries) if (entry.isFile()) yield join(entry.parentPath, entry.name);
}

async function flushFolder(folder: string): Promise<void> {
  const handle = await open(folder, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

const isMissing = (error: unknown): boolean => ['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '');
