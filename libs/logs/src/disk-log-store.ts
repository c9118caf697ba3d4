import { mkdir, readdir, realpath, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type AttemptKey, type LogChunk, type LogEraser, type LogReader, type LogReadRequest, type LogSlice, parseAttemptId } from '@dagbook/contracts';
import { EpochLog, StoredEpochLog } from './epoch-log.ts';
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
  /** A gap could not be filled in the file: the disk is full or gone. */
  onError?(error: unknown): void;
}

/** What one read of `follow` carries at most. */
const FOLLOW_BYTES = 256 * 1024;
/** Flushes at once: more only queue in Node's four file threads. */
const FLUSH_WIDTH = 16;

/**
 * Task logs on disk, one file for each epoch of an attempt: `<dag>/<run>/<task>/<map index>/<try>-<epoch>.jsonl`.
 *
 * A log is: absent → growing (its file is open here, followers are woken as bytes are written, which is before they are
 * flushed) → ended (closed; read from disk). When a newer epoch of a try begins, the older is sealed: what a lost
 * worker still sends would shift every position after it, and is dropped.
 */
export class DiskLogStore implements LogReader, LogEraser {
  readonly #options: CompleteOptions;
  readonly #root: string;
  readonly #folders: LogFolders;
  readonly #open = new Map<string, GrowingLog>();
  readonly #tails = new Tails();
  #gapTimer: NodeJS.Timeout | undefined;
  #closed = false;

  static async open(options: DiskLogStoreOptions): Promise<DiskLogStore> {
    await mkdir(options.dir, { recursive: true });
    return new DiskLogStore({ flush: true, gapPatienceMs: 2_000, maxOpen: 1_000, ...options }, await realpath(options.dir));
  }

  private constructor(options: CompleteOptions, root: string) {
    this.#options = options;
    this.#root = root;
    this.#folders = new LogFolders(root);
  }

  /** Resolves when the chunks are on disk, flushed unless told otherwise. Repeated ones are dropped. Rejects with `InvalidAttemptKey`. */
  async append(chunks: readonly LogChunk[]): Promise<void> {
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
  }

  #growing(chunk: LogChunk): GrowingLog {
    const key = `${chunk.attemptId}/${chunk.epoch}`;
    let log = this.#open.get(key);
    if (log === undefined) {
      const attempt = parseAttemptId(chunk.attemptId);
      log = { key, tail: tryKey(attempt), opening: this.#openFile(attempt, chunk.epoch), users: 0 };
      this.#open.set(key, log);
      log.opening.catch(() => this.#open.delete(key));
    }
    return log;
  }

  async #openFile(attempt: AttemptKey, epoch: number): Promise<EpochLog | undefined> {
    const { path, isNew } = await this.#folders.make(folderOf(attempt));
    if (!isNew && epochsAmong(await readdir(path), attempt.tryNumber).some((other) => other > epoch)) return undefined;
    return EpochLog.open(join(path, fileOf(attempt.tryNumber, epoch)), { isNew, nowMs: this.#options.nowMs });
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
  }

  async #segments(attempt: AttemptKey): Promise<readonly Segment[]> {
    const folder = await resolveBelow(this.#root, folderOf(attempt));
    if (folder === null) return [];
    const segments: Segment[] = [];
    for (const epoch of epochsAmong(await readdir(folder), attempt.tryNumber)) {
      const growing = await this.#open.get(`${tryKey(attempt)}/${epoch}`)?.opening;
      // The file of a growing log may hold more than readers may see; only its writer knows.
      const stored = await StoredEpochLog.open(join(folder, fileOf(attempt.tryNumber, epoch)));
      segments.push({ extent: growing?.extent ?? stored.extent, read: (from, to) => stored.read(from, to), close: () => stored.close() });
    }
    return segments;
  }
}

type CompleteOptions = Required<Omit<DiskLogStoreOptions, 'onError'>> & Pick<DiskLogStoreOptions, 'onError'>;

interface GrowingLog {
  readonly key: string;
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
