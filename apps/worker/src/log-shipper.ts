import { type AttemptId, type LogLine, TOPICS } from '@dagbook/contracts';
import type { MessagePublisher, OutgoingMessage } from '@dagbook/messaging';
import type { Clock, Log } from '@dagbook/platform';
import { LogSpool, type SpoolFile } from './log-spool.ts';

const CHUNK_CHARACTERS = 128 * 1024;
const SPOOL_READ_BYTES = 128 * 1024;
/** More than this waiting in memory for one attempt goes to disk, though the bus may only be slow. */
const MEMORY_CHARACTERS = 1024 * 1024;
const RETRY_MS = 500;

export interface LogShipperOptions {
  readonly stateDir: string;
  readonly publisher: MessagePublisher;
  readonly clock: Clock;
  readonly log: Log;
  /** Hides secrets in whole stored lines before they are counted, kept or sent. Absent: nothing is hidden. */
  readonly mask?: (attemptId: AttemptId, lines: string) => string;
}

/**
 * Sends logs over the bus while they are written: what gathered while the previous publish ran goes with the next.
 *
 * Each attempt's log is `in memory` as a rule, `spooled` on disk from a refused publish (or a megabyte waiting) until
 * the bus has taken all of it, and `ended` by the chunk that carries its length. What a killed worker had spooled is
 * sent by its successor. A log without a line costs nothing.
 */
export class LogShipper {
  readonly #options: LogShipperOptions;
  readonly #spool: LogSpool;
  readonly #dirty = new Set<AttemptLog>();
  #shipping: Promise<void> | undefined;
  #planned = false;
  #retryTimer: NodeJS.Timeout | undefined;
  #stopped = false;

  constructor(options: LogShipperOptions) {
    this.#options = options;
    this.#spool = new LogSpool(options.stateDir);
  }

  /** Sends what a predecessor left. Its attempts are dead, so their logs end where the file does. */
  start(): void {
    for (const file of this.#spool.left()) {
      const log = AttemptLog.left(this, file);
      log.end();
    }
  }

  open(attemptId: AttemptId, epoch: number): AttemptLog {
    return new AttemptLog(this, attemptId, epoch);
  }

  get waitingLogs(): number {
    return this.#dirty.size;
  }

  nowMs(): number {
    return this.#options.clock.nowMs();
  }

  masked(attemptId: AttemptId, lines: string): string {
    return this.#options.mask?.(attemptId, lines) ?? lines;
  }

  wake(log: AttemptLog): void {
    this.#dirty.add(log);
    if (this.#planned || this.#shipping !== undefined || this.#retryTimer !== undefined || this.#stopped) return;
    this.#planned = true;
    setImmediate(() => {
      this.#planned = false;
      this.#ship();
    });
  }

  spoolFor(header: { attemptId: AttemptId; epoch: number; offset: number; lines: number }): SpoolFile | undefined {
    try {
      return this.#spool.create(header);
    } catch (error) {
      this.#options.log.error('the spool cannot be written, logs wait in memory', { error: String(error) });
      return undefined;
    }
  }

  /** Waits at most `deadlineMs` for the bus to take what there is; the rest stays in the spool for the next incarnation. */
  async stop(deadlineMs: number): Promise<void> {
    const deadline = performance.now() + deadlineMs;
    while (this.#dirty.size > 0 && performance.now() < deadline) {
      clearTimeout(this.#retryTimer);
      this.#retryTimer = undefined;
      this.#ship();
      let timer: NodeJS.Timeout | undefined;
      await Promise.race([
        this.#shipping,
        new Promise<void>((resolve) => {
          timer = setTimeout(resolve, deadline - performance.now());
        }),
      ]);
      clearTimeout(timer);
      if (this.#retryTimer !== undefined) break;
    }
    this.#stopped = true;
    clearTimeout(this.#retryTimer);
    for (const log of this.#dirty) log.spool();
  }

  #ship(): void {
    this.#shipping ??= this.#round().finally(() => {
      this.#shipping = undefined;
      const [next] = this.#dirty;
      if (next !== undefined) this.wake(next);
    });
  }

  async #round(): Promise<void> {
    const taken = [...this.#dirty].map((log) => ({ log, chunks: log.take() }));
    this.#dirty.clear();
    try {
      const chunks = taken.flatMap((one) => one.chunks);
      if (chunks.length > 0) await this.#options.publisher.publish(chunks);
      for (const { log } of taken) log.confirm();
    } catch (error) {
      this.#options.log.warn('logs could not be sent, they are kept on disk and sent again', { logs: taken.length, error: String(error) });
      for (const { log } of taken) log.refuse();
      if (this.#stopped) return;
      this.#retryTimer = setTimeout(() => {
        this.#retryTimer = undefined;
        this.#ship();
      }, RETRY_MS);
    }
  }
}

/** The log of one attempt. Offsets are contiguous, whatever way the text takes. */
export class AttemptLog {
  readonly #shipper: LogShipper;
  readonly attemptId: AttemptId;
  readonly epoch: number;
  #bytes = 0;
  #lines = 0;
  #ended = false;
  #endSent = false;
  /** In memory: not sent yet, and sent but not confirmed. */
  #waiting: string[] = [];
  #waitingCharacters = 0;
  #inFlight: { readonly text: string; readonly offset: number; readonly lines: number; readonly spoolBytes: number } | undefined;
  /** Of the first waiting byte. */
  #offset = 0;
  #offsetLines = 0;
  #spool: SpoolFile | undefined;

  constructor(shipper: LogShipper, attemptId: AttemptId, epoch: number) {
    this.#shipper = shipper;
    this.attemptId = attemptId;
    this.epoch = epoch;
  }

  static left(shipper: LogShipper, file: SpoolFile): AttemptLog {
    const log = new AttemptLog(shipper, file.header.attemptId, file.header.epoch);
    log.#spool = file;
    log.#bytes = file.header.offset + file.unreadBytes;
    log.#lines = file.header.lines + file.countLines();
    return log;
  }

  /** Whole lines, as they are stored. */
  append(lines: string, bytes: number): void {
    if (this.#ended) return;
    const text = this.#shipper.masked(this.attemptId, lines);
    this.#bytes += text === lines ? bytes : Buffer.byteLength(text);
    this.#lines += countLines(text);
    if (this.#spool !== undefined) {
      this.#spool.append(text);
    } else {
      this.#waiting.push(text);
      this.#waitingCharacters += text.length;
      if (this.#waitingCharacters > MEMORY_CHARACTERS) this.spool();
    }
    this.#shipper.wake(this);
  }

  line(level: LogLine['level'], event: string, logger: string, attributes: object = {}): void {
    const timestamp = new Date(this.#shipper.nowMs()).toISOString();
    const text = `${JSON.stringify({ ...attributes, timestamp, level, event, logger })}\n`;
    this.append(text, Buffer.byteLength(text));
  }

  /** Nothing comes after it. Answers the trailer. Safe twice. */
  end(): { readonly bytes: number; readonly lines: number } {
    if (!this.#ended && this.#bytes > 0) this.#shipper.wake(this);
    this.#ended = true;
    return { bytes: this.#bytes, lines: this.#lines };
  }

  /** From here on the disk keeps what the bus has not taken. What is in flight stays so, until it is confirmed or refused. */
  spool(): void {
    if (this.#spool !== undefined || this.#waiting.length === 0) return;
    const spool = this.#shipper.spoolFor({ attemptId: this.attemptId, epoch: this.epoch, offset: this.#offset, lines: this.#offsetLines });
    if (spool === undefined) return;
    this.#spool = spool;
    spool.append(this.#waiting.join(''));
    this.#waiting = [];
    this.#waitingCharacters = 0;
  }

  /** The next chunks to publish: all that waits in memory, or a piece of the spool. */
  take(): OutgoingMessage[] {
    if (this.#spool === undefined) return this.#takeMemory();
    const piece = this.#spool.peek(SPOOL_READ_BYTES);
    this.#inFlight = { text: '', offset: piece.offset, lines: 0, spoolBytes: piece.bytes };
    return [this.#chunk(piece.offset, piece.text, piece.offset + piece.bytes === this.#bytes)];
  }

  confirm(): void {
    const spoolBytes = this.#inFlight?.spoolBytes ?? 0;
    this.#inFlight = undefined;
    if (this.#spool === undefined) return this.#again();
    this.#spool.advance(spoolBytes);
    if (this.#spool.unreadBytes > 0) return this.#shipper.wake(this);
    this.#spool.remove();
    this.#spool = undefined;
    this.#offset = this.#bytes;
    this.#offsetLines = this.#lines;
    this.#again();
  }

  refuse(): void {
    const { text, offset, lines } = this.#inFlight ?? { text: '', offset: 0, lines: 0 };
    this.#inFlight = undefined;
    this.#endSent = false;
    if (text !== '') this.#putBack(text, offset, lines);
    this.spool();
    this.#shipper.wake(this);
  }

  #takeMemory(): OutgoingMessage[] {
    const text = this.#waiting.join('');
    if (text === '' && !this.#endWanted) return [];
    this.#inFlight = { text, offset: this.#offset, lines: this.#offsetLines, spoolBytes: 0 };
    this.#waiting = [];
    this.#waitingCharacters = 0;
    const chunks: OutgoingMessage[] = [];
    let offset = this.#offset;
    let from = 0;
    do {
      const to = cutEnd(text, from + CHUNK_CHARACTERS);
      const piece = text.slice(from, to);
      chunks.push(this.#chunk(offset, piece, to === text.length));
      offset += Buffer.byteLength(piece);
      from = to;
    } while (from < text.length);
    this.#offset = this.#bytes;
    this.#offsetLines = this.#lines;
    return chunks;
  }

  #chunk(offset: number, text: string, last: boolean): OutgoingMessage {
    const end = last && this.#ended ? { end: { bytes: this.#bytes, lines: this.#lines } } : {};
    if ('end' in end) this.#endSent = true;
    return { topic: TOPICS.logs.name, key: this.attemptId, type: 'LogChunk', data: { attemptId: this.attemptId, epoch: this.epoch, offset, text, ...end } };
  }

  /** What was refused comes before what has gathered since, in whichever place that is. */
  #putBack(text: string, offset: number, lines: number): void {
    const later = this.#spool === undefined ? this.#waiting : [this.#spool.readAll()];
    this.#spool?.remove();
    this.#spool = undefined;
    this.#waiting = [text, ...later];
    this.#waitingCharacters = this.#waiting.reduce((sum, piece) => sum + piece.length, 0);
    this.#offset = offset;
    this.#offsetLines = lines;
  }

  #again(): void {
    if (this.#waiting.length > 0 || this.#endWanted) this.#shipper.wake(this);
  }

  get #endWanted(): boolean {
    return this.#ended && !this.#endSent && this.#bytes > 0;
  }
}

function countLines(text: string): number {
  let lines = 0;
  for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) lines += 1;
  return lines;
}

/** Never between the halves of a surrogate pair. */
function cutEnd(text: string, wanted: number): number {
  if (wanted >= text.length) return text.length;
  const code = text.charCodeAt(wanted - 1);
  return code >= 0xd800 && code <= 0xdbff ? wanted - 1 : wanted;
}
