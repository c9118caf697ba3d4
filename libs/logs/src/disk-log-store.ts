import { existsSync } from 'node:fs';
import { mkdir, readdir, realpath, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type AttemptKey, type LogChunk, type LogEraser, type LogReader, type LogReadRequest, type LogSlice, parseAttemptId } from '@dagbook/contracts';
import type { ObjectStore } from '@dagbook/object-store';
import { EndedLogs } from './ended-logs.ts';
import { EpochLog, StoredEpochLog, writeNew } from './epoch-log.ts';
import { epochsAmong, fileOf, folderOf, LogFolders, resolveBelow, runFolderOf } from './log-path.ts';
import { cutAtLines } from './line-cut.ts';
import { Tails } from './tails.ts';

export interface DiskLogStoreOptions {
  /** Made when missing. One process writes below it. */
  readonly dir: string;
  readonly nowMs: () => number;
  /** False: `append` resolves when the system has the bytes. Enough where a crash of the machine loses the bus as well. */
  readonly flush?: boolean;
  /** How long bytes that are missing in the middle are waited for. */
  readonly gapPatienceMs?: number;
  /** Files kept open for logs that still grow. */
  readonly maxOpen?: number;
  /** Where logs go when they have ended. Absent: they stay here. */
  readonly objects?: ObjectStore;
  /** How long an ended log stays on the disk before it goes there. */
  readonly restMs?: number;
  /** How long a log that never ended may lie there without a byte before it goes too. */
  readonly leftMs?: number;
  /** A gap could not be filled in the file, or a log could not be moved: the disk is full or gone, S3 is away. */
  onError?(error: unknown): void;
}

/** What one read of `follow` carries at most. */
const FOLLOW_BYTES = 256 * 1024;
/** Flushes at once: more only queue in Node's four file threads. */
const FLUSH_WIDTH = 16;

/** Of a disk that is full or gone, not of one log. */
const MAY_PASS: ReadonlySet<string> = new Set(['ENOSPC', 'EDQUOT', 'EIO', 'EROFS', 'EMFILE', 'ENFILE', 'ENODEV', 'ENXIO']);

/** It may take the logs another time. */
class LogDiskFault extends Error {
  readonly code = 'logs.disk';
  readonly retryable = true;
  constructor(folder: string, cause: NodeJS.ErrnoException) {
    super(`logs cannot be written below ${folder} (${cause.code}): they wait on the bus until they can`, { cause });
    this.name = 'LogDiskFault';
  }
}

/**
 * Task logs on disk, one file for each epoch of an attempt: `<dag>/<run>/<task>/<map index>/<try>-<epoch>.jsonl`.
 *
 * A log is: absent → growing (its file is open here, followers are woken as bytes are written, which is before they are
 * flushed) → ended (closed; read from disk) → moved, where there is a place for objects (`EndedLogs`). When a newer epoch of a try begins, the older is sealed: what a lost
 * worker still sends would shift every position after it, and is dropped.
 */
export class DiskLogStore implements LogReader, LogEraser {
  readonly #options: CompleteOptions;
  readonly #root: string;
  readonly #folders: LogFolders;
  readonly #open = new Map<string, GrowingLog>();
  readonly #tails = new Tails();
  readonly #moved: EndedLogs | undefined;
  #gapTimer: NodeJS.Timeout | undefined;
  #fault: LogDiskFault | undefined;
  #closed = false;

  static async open(options: DiskLogStoreOptions): Promise<DiskLogStore> {
    await mkdir(options.dir, { recursive: true });
    const store = new DiskLogStore({ flush: true, gapPatienceMs: 2_000, maxOpen: 1_000, restMs: 60_000, leftMs: 7 * 86_400_000, ...options }, await realpath(options.dir));
    void store.#moved?.takeUp().catch((error: unknown) => options.onError?.(error));
    return store;
  }

  private constructor(options: CompleteOptions, root: string) {
    this.#options = options;
    this.#root = root;
    this.#folders = new LogFolders(root);
    const { objects, ...settings } = options;
    if (objects !== undefined) this.#moved = new EndedLogs({ ...settings, root, objects, release: (path) => this.#release(path) });
  }

  /**
   * Resolves when the chunks are on disk, flushed unless told otherwise. Repeated ones are dropped. Rejects with
   * `InvalidAttemptKey`, and with a retryable `LogDiskFault` while the disk takes nothing: the same chunks again lose none.
   */
  async append(chunks: readonly LogChunk[]): Promise<void> {
    try {
      await this.#append(chunks);
      this.#fault = undefined;
    } catch (error) {
      if (!MAY_PASS.has((error as NodeJS.ErrnoException).code ?? '')) throw error;
      if (this.#fault === undefined) this.#options.onError?.(error);
      throw (this.#fault = new LogDiskFault(this.#root, error as NodeJS.ErrnoException));
    }
  }

  /** What keeps logs from being written; undefined: nothing does. */
  get fault(): string | undefined {
    return this.#fault?.message;
  }

  async #append(chunks: readonly LogChunk[]): Promise<void> {
    const logs = chunks.map((chunk) => this.#growing(chunk));
    const touched = new Set(logs);
    for (const log of touched) log.users++;
    try {
      const files = await Promise.all(logs.map(({ opening }) => opening));
      for (const [index, file] of files.entries()) file?.accept(chunks[index]!);
      await inParallel([...touched], FLUSH_WIDTH, (log) => this.#flush(log));
      if (files.some((file) => file?.hasGap === true)) this.#watchGaps();
    } finally {
      for (const log of touched) log.users--;
      await this.#closeUnused(touched);
    }
  }

  async eraseRun({ dagId, runId }: { readonly dagId: string; readonly runId: string }): Promise<void> {
    const folder = await resolveBelow(this.#root, runFolderOf(dagId, runId));
    if (folder !== null) await rm(folder, { recursive: true, force: true });
    await this.#moved?.eraseRun(dagId, runId);
  }

  async read(request: LogReadRequest): Promise<LogSlice | null> {
    const segments = await this.#segments(request.attempt);
    try {
      if (segments.length === 0) return null;
      const bytes = segments.reduce((sum, { extent }) => sum + extent.bytes, 0);
      const extent = { bytes, ended: segments.at(-1)!.extent.ended };
      return await cutAtLines(request, extent, (from, to) => readAcross(segments, from, to));
    } finally {
      for (const { close } of segments) await close();
    }
  }

  async *follow(request: { readonly attempt: AttemptKey; readonly fromByte: number }, signal: AbortSignal): AsyncIterable<LogSlice> {
    const tail = this.#tails.watch(tryKey(request.attempt), signal);
    try {
      for (let fromByte = request.fromByte; !signal.aborted && !this.#closed; ) {
        tail.seen();
        const slice = await this.read({ attempt: request.attempt, fromByte, maxBytes: FOLLOW_BYTES });
        if (slice !== null && (slice.text !== '' || slice.ended)) {
          yield slice;
          if (slice.ended) return;
          fromByte = slice.nextByte;
        } else {
          await tail.changed();
        }
      }
    } finally {
      tail.close();
    }
  }

  /** Puts a note where bytes are missing that were waited for long enough. */
  async fillGaps(): Promise<void> {
    clearTimeout(this.#gapTimer);
    this.#gapTimer = undefined;
    for (const log of [...this.#open.values()]) {
      const file = await log.opening;
      if (file?.hasGap !== true) continue;
      file.fillGap();
      await this.#flush(log);
    }
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.fillGaps();
    for (const { opening } of this.#open.values()) await (await opening)?.close();
    this.#open.clear();
    this.#tails.closeAll();
    await this.#moved?.close();
  }

  #growing(chunk: LogChunk): GrowingLog {
    const key = `${chunk.attemptId}/${chunk.epoch}`;
    let log = this.#open.get(key);
    if (log === undefined) {
      const attempt = parseAttemptId(chunk.attemptId);
      log = { key, attempt, epoch: chunk.epoch, tail: tryKey(attempt), opening: this.#openFile(attempt, chunk), users: 0 };
      this.#open.set(key, log);
      log.opening.catch(() => this.#open.delete(key));
    }
    return log;
  }

  async #openFile(attempt: AttemptKey, chunk: LogChunk): Promise<EpochLog | undefined> {
    const { epoch, offset } = chunk;
    if (this.#moved !== undefined && !existsSync(join(this.#root, folderOf(attempt), fileOf(attempt.tryNumber, epoch)))) {
      // Only a log that began before can go on in its middle, and only a later epoch can have one before it.
      if (offset === 0 && epoch <= 1) this.#moved.begun(attempt);
      if (await this.#moved.isPast(attempt, epoch)) {
        const before = await this.#moved.goesOn(attempt, chunk);
        if (before === null) return undefined;
        const file = join((await this.#folders.make(folderOf(attempt))).path, fileOf(attempt.tryNumber, epoch));
        await writeNew(`${file}.back`, before);
        await rename(`${file}.back`, file);
      }
    }
    const { path, isNew } = await this.#folders.make(folderOf(attempt));
    if (!isNew && epochsAmong(await readdir(path), attempt.tryNumber).some((other) => other > epoch)) return undefined;
    return opened(() => this.#folders.make(folderOf(attempt)), fileOf(attempt.tryNumber, epoch), { isNew, nowMs: this.#options.nowMs });
  }

  async #flush(log: GrowingLog): Promise<void> {
    const file = await log.opening;
    if (file === undefined) return;
    await file.write();
    this.#tails.wake(log.tail);
    if (this.#options.flush) await file.sync();
  }

  #watchGaps(): void {
    this.#gapTimer ??= setTimeout(() => void this.fillGaps().catch((error: unknown) => this.#options.onError?.(error)), this.#options.gapPatienceMs);
    this.#gapTimer.unref();
  }

  /** Those of `touched` that have ended; and since logs of workers that died never end, the ones open for longest. */
  async #closeUnused(touched: ReadonlySet<GrowingLog>): Promise<void> {
    for (const log of touched) await this.#closeIf(log, (file) => file === undefined || file.extent.ended);
    for (const log of this.#open.values()) {
      if (this.#open.size <= this.#options.maxOpen) return;
      await this.#closeIf(log, (file) => file?.hasGap !== true);
    }
  }

  async #closeIf(log: GrowingLog, mayClose: (file: EpochLog | undefined) => boolean): Promise<void> {
    const file = await log.opening.catch(() => undefined);
    if (log.users > 0 || this.#open.get(log.key) !== log || !mayClose(file)) return;
    this.#open.delete(log.key);
    await file?.close();
    if (file?.extent.ended === true) this.#moved?.ended(log.attempt, log.epoch);
  }

  /** Whether nobody writes this file now; who did, and has nothing in hand, does so no more. */
  async #release(path: string): Promise<boolean> {
    const log = [...this.#open.values()].find(({ attempt, epoch }) => `${folderOf(attempt)}/${fileOf(attempt.tryNumber, epoch)}` === path);
    if (log === undefined) return true;
    await this.#closeIf(log, (file) => file?.hasGap !== true);
    return !this.#open.has(log.key);
  }

  /** The parts of a try's log, oldest first. A file that is moved while it is being looked up is found the second time. */
  async #segments(attempt: AttemptKey): Promise<readonly Segment[]> {
    for (let left = 3; ; left -= 1) {
      const onDisk: (Segment & { readonly epoch: number })[] = [];
      try {
        const folder = await resolveBelow(this.#root, folderOf(attempt));
        for (const epoch of folder === null ? [] : epochsAmong(await readdir(folder), attempt.tryNumber)) onDisk.push(await this.#segment(attempt, folder as string, epoch));
        if (this.#moved === undefined) return onDisk;
        const here = new Set(onDisk.map(({ epoch }) => epoch));
        // While the objects are away a log whose beginning is here is read from here.
        const among = await this.#moved.segments(attempt).catch((error: unknown) => {
          if (onDisk.some(({ epoch }) => epoch <= 1)) return [];
          throw error;
        });
        const moved = among.filter(({ epoch }) => !here.has(epoch)).map((segment) => ({ ...segment, close: async () => undefined }));
        return [...moved, ...onDisk].sort((a, b) => a.epoch - b.epoch);
      } catch (error) {
        for (const { close } of onDisk) await close();
        if (this.#moved === undefined || (error as NodeJS.ErrnoException).code !== 'ENOENT' || left === 0) throw error;
      }
    }
  }

  async #segment(attempt: AttemptKey, folder: string, epoch: number): Promise<Segment & { readonly epoch: number }> {
    const growing = await this.#open.get(`${tryKey(attempt)}/${epoch}`)?.opening;
    // The file of a growing log may hold more than readers may see; only its writer knows.
    const stored = await StoredEpochLog.open(join(folder, fileOf(attempt.tryNumber, epoch)));
    return { epoch, extent: growing?.extent ?? stored.extent, read: (from, to) => stored.read(from, to), close: () => stored.close() };
  }
}

/** The move of another log may take away the folder that was just made, when it was empty. */
async function opened(make: () => Promise<{ readonly path: string }>, file: string, options: { isNew: boolean; nowMs: () => number }): Promise<EpochLog> {
  for (let left = 3; ; left -= 1) {
    try {
      return await EpochLog.open(join((await make()).path, file), options);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || left === 0) throw error;
    }
  }
}

type CompleteOptions = Required<Omit<DiskLogStoreOptions, 'onError' | 'objects'>> & Pick<DiskLogStoreOptions, 'onError' | 'objects'>;

interface GrowingLog {
  readonly key: string;
  readonly attempt: AttemptKey;
  readonly epoch: number;
  readonly tail: string;
  /** undefined: sealed by a newer epoch. */
  readonly opening: Promise<EpochLog | undefined>;
  /** Appends that have it in hand. */
  users: number;
}

interface Segment {
  readonly extent: { readonly bytes: number; readonly ended: boolean };
  readonly read: (from: number, to: number) => Promise<Buffer>;
  readonly close: () => Promise<void>;
}

async function readAcross(segments: readonly Segment[], from: number, to: number): Promise<Buffer> {
  const parts: Buffer[] = [];
  let start = 0;
  for (const { extent, read } of segments) {
    const end = start + extent.bytes;
    if (end > from && start < to) parts.push(await read(Math.max(from, start) - start, Math.min(to, end) - start));
    start = end;
  }
  return parts.length === 1 ? parts[0]! : Buffer.concat(parts);
}

async function inParallel<T>(items: readonly T[], width: number, work: (item: T) => Promise<void>): Promise<void> {
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < items.length) await work(items[next++]!);
  };
  await Promise.all(Array.from({ length: Math.min(width, items.length) }, lane));
}

const tryKey = ({ dagId, runId, taskId, mapIndex, tryNumber }: AttemptKey): string => `${dagId}/${runId}/${taskId}/${mapIndex}/${tryNumber}`;
