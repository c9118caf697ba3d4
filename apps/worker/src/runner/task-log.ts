import type { LogLine } from '@dagbook/contracts';
import type { SecretMask } from '@dagbook/domain';
import { FrameType } from '../frame.ts';
import { type Channel, reply } from './reply-channel.ts';

/** A longer line is cut, with a notice in its place. */
const MAX_LINE_CHARACTERS = 1024 * 1024;
const FLUSH_CHARACTERS = 16 * 1024;
/** So many lines of a second leave one by one; a flood beyond them leaves in chunks once a turn of the event loop. */
const SINGLE_LINES_PER_SECOND = 2_000;

/**
 * The log of one try, on its way to the worker. A line leaves at once, so that it is not lost or late when the code
 * after it blocks or dies. States: open → closed, after which lines are dropped: the log of a task that has ended is
 * complete, and its child runs another.
 */
export class TaskLog {
  readonly #partial = { stdout: '', stderr: '' };
  readonly #mask: () => SecretMask | undefined;
  readonly #channel: Channel;
  #pending = '';
  #flushPlanned = false;
  #windowStartMs = 0;
  #linesInWindow = 0;
  #closed = false;

  constructor(mask: () => SecretMask | undefined = () => undefined, channel: Channel = reply) {
    this.#mask = mask;
    this.#channel = channel;
  }

  line(level: LogLine['level'], event: string, logger: string, attributes?: object): void {
    if (this.#closed) return;
    const nowMs = Date.now();
    this.#pending += formatLine(nowMs, level, cut(event, this.#mask()), logger, attributes);
    if (nowMs - this.#windowStartMs >= 1_000) {
      this.#windowStartMs = nowMs;
      this.#linesInWindow = 0;
    }
    this.#linesInWindow += 1;
    if (this.#linesInWindow <= SINGLE_LINES_PER_SECOND || this.#pending.length >= FLUSH_CHARACTERS) this.flush();
    else this.#flushLater();
  }

  /** What the task wrote to `process.stdout` or `process.stderr`; an unfinished line waits for its end. */
  write(stream: 'stdout' | 'stderr', text: string): void {
    const lines = (this.#partial[stream] + text).split('\n');
    this.#partial[stream] = lines.pop() as string;
    for (const line of lines) this.#streamLine(stream, line);
    if (this.#partial[stream].length > MAX_LINE_CHARACTERS) this.#partial[stream] = this.#cutPartial(stream, this.#partial[stream]);
  }

  flush(): void {
    if (this.#pending === '') return;
    const pending = this.#pending;
    this.#pending = '';
    this.#channel(FrameType.log, pending);
  }

  close(): void {
    for (const stream of ['stdout', 'stderr'] as const) {
      if (this.#partial[stream] !== '') this.#streamLine(stream, this.#partial[stream]);
      this.#partial[stream] = '';
    }
    this.flush();
    this.#closed = true;
  }

  #streamLine(stream: 'stdout' | 'stderr', line: string): void {
    this.line(stream === 'stdout' ? 'info' : 'error', line.endsWith('\r') ? line.slice(0, -1) : line, `task.${stream}`);
  }

  /** A line without an end leaves in pieces; what may be the beginning of a secret waits for the rest. */
  #cutPartial(stream: 'stdout' | 'stderr', text: string): string {
    const mask = this.#mask();
    const masked = mask?.mask(text) ?? text;
    const end = Math.max(0, masked.length - (mask?.longest ?? 0));
    if (end > 0) this.#streamLine(stream, masked.slice(0, end));
    return masked.slice(end);
  }

  #flushLater(): void {
    if (this.#flushPlanned) return;
    this.#flushPlanned = true;
    setImmediate(() => {
      this.#flushPlanned = false;
      this.flush();
    });
  }
}

const cut = (event: string, mask: SecretMask | undefined): string =>
  event.length <= MAX_LINE_CHARACTERS
    ? event
    : `${(mask?.mask(event) ?? event).slice(0, MAX_LINE_CHARACTERS)}… (the line had ${event.length} characters; Dagbook keeps ${MAX_LINE_CHARACTERS} of a line)`;

/** One stored line. Attributes that cannot be JSON (cycles, bigint) are replaced by a note, never by a failure. */
export function formatLine(nowMs: number, level: LogLine['level'], event: string, logger: string, attributes?: object): string {
  const timestamp = new Date(nowMs).toISOString();
  if (attributes === undefined) {
    return `{"timestamp":"${timestamp}","level":"${level}","event":${JSON.stringify(event)},"logger":${JSON.stringify(logger)}}\n`;
  }
  const head = { timestamp, level, event, logger };
  try {
    return `${JSON.stringify({ ...attributes, ...head })}\n`;
  } catch (error) {
    return `${JSON.stringify({ ...head, attributes_lost: error instanceof Error ? error.message : String(error) })}\n`;
  }
}
