import { closeSync, existsSync, mkdirSync, openSync, readdirSync, readFileSync, readSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { AttemptId } from '@dagbook/contracts';

export interface SpoolHeader {
  readonly attemptId: AttemptId;
  readonly epoch: number;
  /** Where in the attempt's log the first byte of the file stands, and how many lines are before it. */
  readonly offset: number;
  readonly lines: number;
}

/**
 * Log text of one attempt that the bus has not taken yet: a header line, then the text as it will be sent. What a full
 * disk does not take waits in memory until it does.
 */
export class SpoolFile {
  readonly header: SpoolHeader;
  readonly #path: string;
  readonly #file: number;
  readonly #textStart: number;
  #written: number;
  #unwritten: Buffer = Buffer.alloc(0);
  #read: number;
  #readFromMemory = 0;

  private constructor(path: string, file: number, header: SpoolHeader, textStart: number, written: number) {
    this.#path = path;
    this.#file = file;
    this.header = header;
    this.#textStart = textStart;
    this.#written = written;
    this.#read = 0;
  }

  static create(path: string, header: SpoolHeader): SpoolFile {
    const file = openSync(path, 'w+', 0o600);
    const textStart = writeSync(file, `${JSON.stringify(header)}\n`);
    return new SpoolFile(path, file, header, textStart, 0);
  }

  /** What a predecessor left; undefined when its death left not even a whole header. */
  static open(path: string): SpoolFile | undefined {
    const content = readFileSync(path);
    const headerEnd = content.indexOf('\n');
    if (headerEnd === -1) return undefined;
    const header = JSON.parse(content.toString('utf8', 0, headerEnd)) as SpoolHeader;
    return new SpoolFile(path, openSync(path, 'r+'), header, headerEnd + 1, content.length - headerEnd - 1);
  }

  get unreadBytes(): number {
    return this.#written + this.#unwritten.length - this.#read;
  }

  append(text: string): void {
    this.#unwritten = this.#unwritten.length === 0 ? Buffer.from(text) : Buffer.concat([this.#unwritten, Buffer.from(text)]);
    this.#write();
  }

  /** The next piece, at most `maxBytes`, never ending inside a character. It is passed over by `advance`. */
  peek(maxBytes: number): { readonly offset: number; readonly text: string; readonly bytes: number } {
    this.#write();
    const buffer = Buffer.allocUnsafe(Math.min(maxBytes, this.unreadBytes));
    const fromFile = readSync(this.#file, buffer, 0, Math.min(buffer.length, this.#written - this.#read), this.#textStart + this.#read);
    let bytes = fromFile + this.#unwritten.copy(buffer, fromFile);
    if (bytes < this.unreadBytes) {
      const start = lastCharacterStart(buffer, bytes);
      if (start > 0) bytes = start;
    }
    return { offset: this.header.offset + this.#read + this.#readFromMemory, text: buffer.toString('utf8', 0, bytes), bytes };
  }

  readAll(): string {
    return this.peek(this.unreadBytes).text;
  }

  countLines(): number {
    let lines = 0;
    for (const byte of Buffer.from(this.readAll())) if (byte === NEWLINE) lines += 1;
    return lines;
  }

  advance(bytes: number): void {
    this.#read += bytes;
    const fromMemory = this.#read - this.#written;
    if (fromMemory <= 0) return;
    this.#unwritten = this.#unwritten.subarray(fromMemory);
    this.#read = this.#written;
    this.#readFromMemory += fromMemory;
  }

  remove(): void {
    closeSync(this.#file);
    rmSync(this.#path, { force: true });
  }

  #write(): void {
    if (this.#unwritten.length === 0) return;
    try {
      const bytes = writeSync(this.#file, this.#unwritten, 0, this.#unwritten.length, this.#textStart + this.#written);
      this.#written += bytes;
      this.#unwritten = this.#unwritten.subarray(bytes);
    } catch {
      // The disk is full or broken: the next append or read tries again.
    }
  }
}

/** The folder of spool files; names are counted, since ids may be longer than a file name. */
export class LogSpool {
  readonly #folder: string;
  #lastNumber = 0;

  constructor(stateDir: string) {
    this.#folder = join(stateDir, 'spool');
    mkdirSync(this.#folder, { recursive: true, mode: 0o700 });
  }

  create(header: SpoolHeader): SpoolFile {
    do this.#lastNumber += 1;
    while (existsSync(this.#path()));
    return SpoolFile.create(this.#path(), header);
  }

  left(): readonly SpoolFile[] {
    return readdirSync(this.#folder).flatMap((name) => {
      const path = join(this.#folder, name);
      const file = SpoolFile.open(path);
      if (file === undefined) rmSync(path);
      return file === undefined ? [] : [file];
    });
  }

  #path(): string {
    return join(this.#folder, `${this.#lastNumber}.log`);
  }
}

const NEWLINE = 10;

/** Where the last character begins: bytes of the form 10xxxxxx continue one. */
function lastCharacterStart(buffer: Buffer, end: number): number {
  let at = end - 1;
  while (at > 0 && ((buffer[at] as number) & 0xc0) === 0x80) at -= 1;
  return at;
}
