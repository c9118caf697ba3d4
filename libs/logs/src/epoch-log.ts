import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import type { LogChunk, LogLine } from '@dagbook/contracts';
import { READ_FLAGS, WRITE_FLAGS } from './log-path.ts';

/** Bytes that may wait in memory behind a gap before it is filled. */
const MAX_HELD_BYTES = 4_000_000;
const TRAILER = /(?:^|\n)\{"dagbook_log_end":\{"bytes":(\d+),"lines":\d+\}\}\n$/;
const TRAILER_MAX_BYTES = 128;

/** How far a file's log goes: without the trailer line, which is ours. */
export interface LogExtent {
  readonly bytes: number;
  readonly ended: boolean;
}

/**
 * The log of one attempt at one epoch, in one file: the bytes as the task wrote them and, when it has ended, a trailer
 * line that says so, so that a log costs one file and none when there is no output.
 *
 * States: growing (`bytes` are contiguous; chunks behind a gap wait in memory) → ended (trailer written; whatever comes
 * now is a repetition). A gap that is not filled in time becomes a note of exactly its length, so that every position
 * stays what the worker said it was.
 */
export class EpochLog {
  readonly #file: FileHandle;
  readonly #nowMs: () => number;
  readonly #held = new Map<number, Buffer>();
  #heldBytes = 0;
  #queued: Buffer[] = [];
  #queuedTo: number;
  #end: { readonly bytes: number; readonly lines: number } | undefined;
  #endQueued = false;
  /** Something stands beyond the end that the worker names: a trailer that an earlier life of this process tore. */
  #overhang = false;
  #written: LogExtent;
  #writing: Promise<void> = Promise.resolve();

  static async open(path: string, options: { isNew: boolean; nowMs: () => number }): Promise<EpochLog> {
    const file = await open(path, WRITE_FLAGS, 0o640);
    return new EpochLog(file, options.isNew ? { bytes: 0, ended: false } : await extentOf(file), options.nowMs);
  }

  private constructor(file: FileHandle, extent: LogExtent, nowMs: () => number) {
    this.#file = file;
    this.#nowMs = nowMs;
    this.#written = extent;
    this.#queuedTo = extent.bytes;
    this.#endQueued = extent.ended;
  }

  /** What a reader may see. */
  get extent(): LogExtent {
    return this.#written;
  }

  get hasGap(): boolean {
    return !this.#endQueued && (this.#held.size > 0 || (this.#end !== undefined && this.#end.bytes > this.#queuedTo));
  }

  /** Takes a chunk in memory; `write` brings it to the file. */
  accept(chunk: LogChunk): void {
    if (this.#endQueued) return;
    if (chunk.end !== undefined) this.#end = chunk.end;
    const bytes = Buffer.from(chunk.text, 'utf8');
    if (chunk.offset > this.#queuedTo) this.#hold(chunk.offset, bytes);
    else this.#append(chunk.offset, bytes);
    this.#release();
    if (this.#heldBytes > MAX_HELD_BYTES) this.fillGap();
  }

  /** Gives up on what is missing before the next thing held. */
  fillGap(): void {
    while (this.hasGap) {
      const next = this.#held.size > 0 ? Math.min(...this.#held.keys()) : this.#end!.bytes;
      this.#append(this.#queuedTo, noteOf(next - this.#queuedTo, this.#nowMs()));
      this.#release();
    }
  }

  /** Writes what was accepted; resolves when readers can see it. What a disk does not take is written by the next call. */
  write(): Promise<void> {
    const written = this.#writing.then(() => this.#writeQueued());
    this.#writing = written.catch(() => undefined);
    return written;
  }

  async #writeQueued(): Promise<void> {
    const from = this.#written;
    if (from.ended) return;
    const parts = this.#queued;
    this.#queued = [];
    const to: LogExtent = { bytes: this.#queuedTo, ended: this.#endQueued };
    const trailer = to.ended ? [Buffer.from(`{"dagbook_log_end":${JSON.stringify({ bytes: to.bytes, lines: this.#end!.lines })}}\n`)] : [];
    const all = [...parts, ...trailer];
    try {
      if (this.#overhang) await this.#file.truncate(to.bytes);
      if (all.length > 0) await writeAll(this.#file, all.length === 1 ? all[0]! : Buffer.concat(all), Math.min(from.bytes, to.bytes));
      this.#written = to;
    } catch (error) {
      this.#queued.unshift(...parts);
      throw error;
    }
  }

  /** Resolves when what was written survives a power cut. */
  async sync(): Promise<void> {
    await this.#file.datasync();
  }

  async close(): Promise<void> {
    await this.#writing;
    await this.#file.close();
  }

  #append(offset: number, bytes: Buffer): void {
    const fresh = bytes.subarray(Math.min(this.#queuedTo - offset, bytes.length));
    if (fresh.length === 0) return;
    this.#queued.push(fresh);
    this.#queuedTo += fresh.length;
  }

  #hold(offset: number, bytes: Buffer): void {
    const before = this.#held.get(offset);
    if (before !== undefined && before.length >= bytes.length) return;
    this.#heldBytes += bytes.length - (before?.length ?? 0);
    this.#held.set(offset, bytes);
  }

  #release(): void {
    for (let found = this.#held.size > 0; found; ) {
      found = false;
      for (const [offset, bytes] of this.#held) {
        if (offset > this.#queuedTo) continue;
        this.#held.delete(offset);
        this.#heldBytes -= bytes.length;
        this.#append(offset, bytes);
        found = true;
      }
    }
    if (this.#end === undefined || this.#queuedTo < this.#end.bytes) return;
    this.#overhang = this.#queuedTo > this.#end.bytes;
    this.#queuedTo = this.#end.bytes;
    this.#endQueued = true;
  }
}

/** A log that nobody writes at the moment. */
export class StoredEpochLog {
  readonly #file: FileHandle;
  readonly extent: LogExtent;
  readonly changedAtMs: number;

  static async open(path: string): Promise<StoredEpochLog> {
    const file = await open(path, READ_FLAGS);
    const extent = await extentOf(file);
    return new StoredEpochLog(file, extent, (await file.stat()).mtimeMs);
  }

  private constructor(file: FileHandle, extent: LogExtent, changedAtMs: number) {
    this.#file = file;
    this.extent = extent;
    this.changedAtMs = changedAtMs;
  }

  read(from: number, to: number): Promise<Buffer> {
    return readRange(this.#file, from, to);
  }

  close(): Promise<void> {
    return this.#file.close();
  }
}

/** A file of its own, in place of one that was torn. */
export async function writeNew(path: string, body: AsyncIterable<Uint8Array>): Promise<void> {
  const file = await open(path, WRITE_FLAGS | constants.O_TRUNC, 0o640);
  await pipeline(body, file.createWriteStream());
}

async function extentOf(file: FileHandle): Promise<LogExtent> {
  const { size } = await file.stat();
  const tail = await readRange(file, Math.max(0, size - TRAILER_MAX_BYTES), size);
  const trailer = TRAILER.exec(tail.toString('latin1'));
  return trailer === null ? { bytes: size, ended: false } : { bytes: Number(trailer[1]), ended: true };
}

async function readRange(file: FileHandle, from: number, to: number): Promise<Buffer> {
  const buffer = Buffer.allocUnsafe(Math.max(0, to - from));
  let filled = 0;
  while (filled < buffer.length) {
    const { bytesRead } = await file.read(buffer, filled, buffer.length - filled, from + filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return buffer.subarray(0, filled);
}

async function writeAll(file: FileHandle, bytes: Buffer, at: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const { bytesWritten } = await file.write(bytes, done, bytes.length - done, at + done);
    done += bytesWritten;
  }
}

/** A line for the reader in place of lost bytes, as long as they were; blanks where it does not fit. */
function noteOf(lostBytes: number, nowMs: number): Buffer {
  const line: LogLine = { timestamp: new Date(nowMs).toISOString(), level: 'warning', event: `${lostBytes} bytes of this log were lost on the way`, logger: 'dagbook' };
  const text = JSON.stringify(line);
  return Buffer.from(`${(text.length < lostBytes ? text : '').padEnd(lostBytes - 1)}\n`);
}
