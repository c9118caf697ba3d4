import { createReadStream } from 'node:fs';
import { opendir, rm, rmdir } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import type { AttemptKey, LogChunk } from '@dagbook/contracts';
import type { ObjectStore } from '@dagbook/object-store';
import { type LogExtent, StoredEpochLog } from './epoch-log.ts';
import { epochsAmong, fileOf, folderOf, runFolderOf } from './log-path.ts';

export interface EndedLogsOptions {
  /** Where `DiskLogStore` writes. */
  readonly root: string;
  readonly objects: ObjectStore;
  /** From a log's end to its move: what comes twice comes within this. */
  readonly restMs: number;
  /** Without a byte for so long a log that never ended has: its worker was lost. */
  readonly leftMs: number;
  readonly nowMs: () => number;
  /** Whether nobody writes this file any more. */
  readonly release: (path: string) => Promise<boolean>;
  onError?(error: unknown): void;
}

/** A part of a try's log that lies among the objects. */
export interface MovedSegment {
  readonly epoch: number;
  readonly extent: LogExtent;
  read(from: number, to: number): Promise<Buffer>;
}

/** Bytes by epoch. */
type Sizes = ReadonlyMap<number, number>;

const MOVES_AT_ONCE = 4;
const RETRY_MS = 10_000;
const WALK_EVERY_MS = 3_600_000;
const MOST_KNOWN_TRIES = 10_000;

/**
 * Logs that have ended, moved from the disk to an object store: one object a log, under the path that its file had, without
 * our trailer line.
 *
 * A log is: on disk, waiting until it is due → being moved → among the objects, its file deleted. The object is whole before the
 * file goes, so a crash leaves both; the file counts then, and the next life finds it by walking the disk. What is among
 * the objects is asked once for a try and remembered: nobody but this process moves and erases.
 */
export class EndedLogs {
  readonly #options: EndedLogsOptions;
  /** When each is due, by path below the root. */
  readonly #waiting = new Map<string, number>();
  readonly #moving = new Map<string, Promise<void>>();
  readonly #known = new Map<string, Promise<Sizes>>();
  #timer: NodeJS.Timeout | undefined;
  #walkTimer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(options: EndedLogsOptions) {
    this.#options = options;
  }

  /** Finds on the disk what an earlier life left, and since then and once an hour what lost workers left, and moves it. */
  async takeUp(): Promise<void> {
    let againInMs = RETRY_MS;
    try {
      await this.#walk();
      againInMs = WALK_EVERY_MS;
    } finally {
      this.#moveNext();
      clearTimeout(this.#walkTimer);
      if (!this.#closed) this.#walkTimer = setTimeout(() => void this.takeUp().catch((error: unknown) => this.#options.onError?.(error)), againInMs).unref();
    }
  }

  /** Rejects when a folder is erased while it is walked through; what was found until then counts. */
  async #walk(): Promise<void> {
    const { root, nowMs } = this.#options;
    for await (const entry of await opendir(root, { recursive: true })) {
      if (this.#closed) return;
      const path = relative(root, join(entry.parentPath, entry.name));
      if (entry.isFile() && epochOf(path) !== undefined && !this.#moving.has(path) && !this.#waiting.has(path) && (await this.#isOver(path))) this.#waiting.set(path, nowMs());
    }
  }

  async #isOver(path: string): Promise<boolean> {
    const stored = await this.#storedAt(path);
    return stored !== null && (stored.extent.ended || (this.#options.nowMs() - stored.changedAtMs > this.#options.leftMs && (await this.#options.release(path))));
  }

  /** The log has ended, and nobody writes its file any more. */
  ended(attempt: AttemptKey, epoch: number): void {
    this.#waiting.set(pathOf(attempt, epoch), this.#options.nowMs() + this.#options.restMs);
    this.#moveNext();
  }

  /** The first log of a try begins: nothing of the try is among the objects, and nobody need ask. */
  begun(attempt: AttemptKey): void {
    if (!this.#known.has(tryOf(attempt))) this.#know(tryOf(attempt), Promise.resolve(new Map()));
  }

  /** Of a try, oldest first. */
  async segments(attempt: AttemptKey): Promise<readonly MovedSegment[]> {
    return [...(await this.#sizes(attempt))].sort(([a], [b]) => a - b).map(([epoch, bytes]) => ({
      epoch,
      extent: { bytes, ended: true },
      read: async (from, to) => {
        const object = await this.#options.objects.get(pathOf(attempt, epoch), { from, to });
        return object === null ? Buffer.alloc(0) : buffer(object.body);
      },
    }));
  }

  /** Whether this log, or one of a newer epoch, is among the objects: what comes of it now is a repetition, or too late. */
  async isPast(attempt: AttemptKey, epoch: number): Promise<boolean> {
    return [...(await this.#sizes(attempt)).keys()].some((moved) => moved >= epoch);
  }

  /** What was moved of a log that was taken for a lost worker's, and is none, since this chunk goes on with it; else null. */
  async goesOn(attempt: AttemptKey, { epoch, offset, text }: LogChunk): Promise<AsyncIterable<Uint8Array> | null> {
    const sizes = await this.#sizes(attempt);
    const bytes = sizes.get(epoch);
    if (bytes === undefined || Math.max(...sizes.keys()) > epoch || offset + Buffer.byteLength(text) <= bytes) return null;
    return (await this.#options.objects.get(pathOf(attempt, epoch)))?.body ?? null;
  }

  async eraseRun(dagId: string, runId: string): Promise<void> {
    const folder = runFolderOf(dagId, runId);
    const isOfRun = (path: string): boolean => path.startsWith(`${folder}/`);
    for (const path of [...this.#waiting.keys()].filter(isOfRun)) this.#waiting.delete(path);
    await Promise.all([...this.#moving].filter(([path]) => isOfRun(path)).map(([, moved]) => moved));
    await this.#options.objects.eraseBelow(folder);
    for (const key of [...this.#known.keys()].filter(isOfRun)) this.#known.delete(key);
  }

  /** Moves under way are finished; what waits stays on the disk for the next life. */
  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    clearTimeout(this.#walkTimer);
    await Promise.all(this.#moving.values());
    this.#options.objects.close();
  }

  /** Begins what is due and has a lane; is called again by each end and by the timer of what is not due yet. */
  #moveNext(): void {
    clearTimeout(this.#timer);
    if (this.#closed) return;
    const nowMs = this.#options.nowMs();
    let nextMs = Number.POSITIVE_INFINITY;
    for (const [path, dueAtMs] of this.#waiting) {
      if (this.#moving.size >= MOVES_AT_ONCE) return;
      if (dueAtMs > nowMs) nextMs = Math.min(nextMs, dueAtMs);
      else this.#begin(path);
    }
    if (nextMs !== Number.POSITIVE_INFINITY) this.#timer = setTimeout(() => this.#moveNext(), nextMs - nowMs).unref();
  }

  #begin(path: string): void {
    this.#waiting.delete(path);
    const moved = this.#move(path).catch((error: unknown) => {
      this.#waiting.set(path, this.#options.nowMs() + RETRY_MS);
      this.#options.onError?.(error);
    });
    this.#moving.set(path, moved);
    void moved.then(() => {
      this.#moving.delete(path);
      this.#moveNext();
    });
  }

  async #move(path: string): Promise<void> {
    const { root, objects } = this.#options;
    if (!(await this.#isOver(path))) return;
    const bytes = (await this.#storedAt(path))?.extent.bytes ?? 0;
    // Of a life that ended between the two steps.
    if ((await objects.size(path)) !== bytes) {
      await objects.put(path, bytes === 0 ? Readable.from([]) : createReadStream(join(root, path), { end: bytes - 1, highWaterMark: 1024 * 1024 }), 'application/x-ndjson');
      const arrived = await objects.size(path);
      if (arrived !== bytes) throw new Error(`${objects.place}: ${path} has ${arrived} bytes and not ${bytes}`);
    }
    const key = path.slice(0, path.lastIndexOf('-'));
    const known = this.#known.get(key);
    if (known !== undefined) this.#know(key, known.then((sizes) => new Map(sizes).set(epochOf(path) as number, bytes)));
    await rm(join(root, path), { force: true });
    // Map index, task, run, DAG: the first that holds something else stays.
    for (let folder = dirname(path); folder !== '.'; folder = dirname(folder)) if (!(await isRemoved(join(root, folder)))) return;
  }

  async #storedAt(path: string): Promise<{ readonly extent: LogExtent; readonly changedAtMs: number } | null> {
    let stored: StoredEpochLog;
    try {
      stored = await StoredEpochLog.open(join(this.#options.root, path));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
      throw error;
    }
    await stored.close();
    return stored;
  }

  #sizes(attempt: AttemptKey): Promise<Sizes> {
    const key = tryOf(attempt);
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const asked = this.#ask(attempt);
    this.#know(key, asked);
    asked.catch(() => this.#known.delete(key));
    return asked;
  }

  async #ask(attempt: AttemptKey): Promise<Sizes> {
    const sizes = new Map<number, number>();
    for await (const { key, bytes } of this.#options.objects.list(folderOf(attempt))) {
      for (const epoch of epochsAmong([key.slice(key.lastIndexOf('/') + 1)], attempt.tryNumber)) sizes.set(epoch, bytes);
    }
    return sizes;
  }

  #know(key: string, sizes: Promise<Sizes>): void {
    this.#known.delete(key);
    this.#known.set(key, sizes);
    if (this.#known.size > MOST_KNOWN_TRIES) this.#known.delete(this.#known.keys().next().value as string);
  }
}

const pathOf = (attempt: AttemptKey, epoch: number): string => `${folderOf(attempt)}/${fileOf(attempt.tryNumber, epoch)}`;
const tryOf = (attempt: AttemptKey): string => `${folderOf(attempt)}/${attempt.tryNumber}`;
const epochOf = (path: string): number | undefined => {
  const epoch = /\/\d+-(\d+)\.jsonl$/.exec(path)?.[1];
  return epoch === undefined ? undefined : Number(epoch);
};

const isRemoved = (folder: string): Promise<boolean> => rmdir(folder).then(() => true, () => false);
