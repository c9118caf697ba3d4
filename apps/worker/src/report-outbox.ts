import { closeSync, fstatSync, ftruncateSync, mkdirSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { type AttemptFinished, type AttemptId, type AttemptLost, type AttemptStarted, parseAttemptId, TOPICS } from '@dagbook/contracts';
import type { MessagePublisher, OutgoingMessage } from '@dagbook/messaging';
import type { Log } from '@dagbook/platform';

export type FinalReport =
  | { readonly type: 'AttemptFinished'; readonly data: AttemptFinished }
  | { readonly type: 'AttemptLost'; readonly data: AttemptLost };

interface Kept {
  readonly report: FinalReport;
  /** Monotonic; -1: not sent yet. */
  sentAtMs: number;
  written: boolean;
}

export interface ReportOutboxOptions {
  readonly stateDir: string;
  readonly publisher: MessagePublisher;
  readonly log: Log;
  readonly resendEveryMs: number;
  readonly startedHoldMs: number;
}

const COMPACT_IDLE_BYTES = 256 * 1024;
const COMPACT_BUSY_BYTES = 8 * 1024 * 1024;

/**
 * The worker's reports to the scheduler.
 *
 * A final report is `kept` (in the file, before it is sent) → `sent` (again every `resendEveryMs`) → acknowledged by
 * attempt and epoch, and forgotten. `AttemptLost` is forgotten as soon as the bus has it: should it be lost there, the
 * lease, which nobody renews any more, says the same later. Acknowledgements are not written: what a restart sends
 * once too often is refused by its epoch. The file survives the process, not the host's power: a report lost with the
 * host is a lost attempt.
 * `AttemptStarted` is only held back for a moment; when its task ends meanwhile the final report says it too.
 */
export class ReportOutbox {
  readonly #options: ReportOutboxOptions;
  readonly #path: string;
  #file: number;
  #fileBytes = 0;
  readonly #kept = new Map<string, Kept>();
  #started = new Map<string, AttemptStarted>();
  #unsent: Kept[] = [];
  #startedDue: AttemptStarted[] = [];
  #holdTimer: NodeJS.Timeout | undefined;
  #resendTimer: NodeJS.Timeout | undefined;
  #flushing: Promise<void> | undefined;
  #flushPlanned = false;
  #closed = false;

  /** Reads what an earlier incarnation could not deliver; it is sent by the first `flush`. */
  constructor(options: ReportOutboxOptions) {
    this.#options = options;
    const folder = join(options.stateDir, 'reports');
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    this.#path = join(folder, 'final.jsonl');
    this.#file = openSync(this.#path, 'a+', 0o600);
    this.#fileBytes = fstatSync(this.#file).size;
    for (const report of readReports(readFileSync(this.#path, 'utf8'))) this.#keep(report, true);
    // A line cut in half by the predecessor's death must not swallow the first one written now.
    if (this.#fileBytes > 0) this.#fileBytes += writeSync(this.#file, '\n');
  }

  start(): void {
    this.#resendTimer = setInterval(() => this.#resend(), Math.max(50, this.#options.resendEveryMs / 2));
    this.#flushSoon();
  }

  /** Attempts that have ended and wait for an acknowledgement: their leases must not run out meanwhile. */
  unacknowledged(): readonly { readonly attemptId: AttemptId; readonly epoch: number }[] {
    return [...this.#kept.values()].flatMap(({ report }) => (report.type === 'AttemptFinished' ? [report.data] : []));
  }

  get size(): number {
    return this.#kept.size;
  }

  started(report: AttemptStarted): void {
    this.#started.set(keyOf(report.attemptId, report.epoch), report);
    this.#holdTimer ??= setTimeout(() => {
      this.#holdTimer = undefined;
      this.#startedDue.push(...this.#started.values());
      this.#started = new Map();
      this.#flushSoon();
    }, this.#options.startedHoldMs);
  }

  final(report: FinalReport): void {
    this.#started.delete(keyOf(report.data.attemptId, report.data.epoch));
    this.#keep(report, false);
    this.#flushSoon();
  }

  /** Sends the final report again; false when there is none. */
  repeat(attemptId: AttemptId, epoch: number): boolean {
    const kept = this.#kept.get(keyOf(attemptId, epoch));
    if (kept === undefined) return false;
    if (kept.sentAtMs >= 0) {
      kept.sentAtMs = -1;
      this.#unsent.push(kept);
      this.#flushSoon();
    }
    return true;
  }

  /** Answers whether there was such a report. */
  acknowledge(attemptId: AttemptId, epoch: number): boolean {
    const known = this.#kept.delete(keyOf(attemptId, epoch));
    if (known && this.#fileBytes > (this.#kept.size === 0 ? COMPACT_IDLE_BYTES : COMPACT_BUSY_BYTES)) this.#compact();
    return known;
  }

  /** Resolves when everything that was reported has been sent once, or could not be. */
  async flush(): Promise<void> {
    clearTimeout(this.#holdTimer);
    this.#holdTimer = undefined;
    this.#startedDue.push(...this.#started.values());
    this.#started = new Map();
    await this.#flushing;
    await this.#flush();
  }

  async close(): Promise<void> {
    clearInterval(this.#resendTimer);
    await this.flush();
    this.#closed = true;
    this.#compact();
    closeSync(this.#file);
  }

  #keep(report: FinalReport, written: boolean): void {
    const kept: Kept = { report, sentAtMs: -1, written };
    this.#kept.set(keyOf(report.data.attemptId, report.data.epoch), kept);
    this.#unsent.push(kept);
  }

  /** One turn of the event loop gathers what all runners said in it. */
  #flushSoon(): void {
    if (this.#flushPlanned || this.#flushing !== undefined || this.#closed) return;
    this.#flushPlanned = true;
    setImmediate(() => {
      this.#flushPlanned = false;
      this.#flushing ??= this.#flush().finally(() => {
        this.#flushing = undefined;
        if (this.#unsent.length > 0 || this.#startedDue.length > 0) this.#flushSoon();
      });
    });
  }

  async #flush(): Promise<void> {
    if (this.#unsent.length === 0 && this.#startedDue.length === 0) return;
    const finals = this.#unsent;
    const started = this.#startedDue;
    this.#unsent = [];
    this.#startedDue = [];
    try {
      this.#write(finals);
    } catch (error) {
      this.#options.log.error('reports could not be kept on disk; they are sent, and lost if this process dies before they are acknowledged', { error: String(error) });
    }
    const nowMs = performance.now();
    for (const kept of finals) kept.sentAtMs = nowMs;
    try {
      await this.#options.publisher.publish([
        ...started.map((data): OutgoingMessage => ({ topic: TOPICS.reports.name, key: parseAttemptId(data.attemptId).dagId, type: 'AttemptStarted', data })),
        ...finals.map(({ report }) => message(report)),
      ]);
      for (const { report } of finals) {
        if (report.type === 'AttemptLost') this.acknowledge(report.data.attemptId, report.data.epoch);
      }
    } catch (error) {
      // Finals are sent again by the timer; a start that nobody heard of is said by the final, or when it is asked for.
      this.#options.log.warn('reports could not be sent, they are kept and sent again', { reports: finals.length, error: String(error) });
    }
  }

  #resend(): void {
    const nowMs = performance.now();
    for (const kept of this.#kept.values()) {
      if (kept.sentAtMs < 0 || nowMs - kept.sentAtMs < this.#options.resendEveryMs) continue;
      kept.sentAtMs = -1;
      this.#unsent.push(kept);
    }
    if (this.#kept.size === 0 && this.#fileBytes > 0) this.#compact();
    if (this.#unsent.length > 0) this.#flushSoon();
  }

  #write(kept: readonly Kept[]): void {
    let text = '';
    for (const one of kept) {
      if (!one.written) text += `${JSON.stringify(one.report)}\n`;
    }
    if (text !== '') this.#fileBytes += writeSync(this.#file, text);
    for (const one of kept) one.written = true;
  }

  /** The old file stands until the new one is whole: the process may be killed at any point of this. */
  #compact(): void {
    if (this.#kept.size === 0) {
      ftruncateSync(this.#file, 0);
      this.#fileBytes = 0;
      return;
    }
    const next = openSync(`${this.#path}.next`, 'w', 0o600);
    let text = '';
    for (const { report } of this.#kept.values()) text += `${JSON.stringify(report)}\n`;
    this.#fileBytes = writeSync(next, text);
    renameSync(`${this.#path}.next`, this.#path);
    closeSync(this.#file);
    this.#file = next;
  }
}

const keyOf = (attemptId: AttemptId, epoch: number): string => `${attemptId}@${epoch}`;

const message = (report: FinalReport): OutgoingMessage => {
  const routed = { topic: TOPICS.reports.name, key: parseAttemptId(report.data.attemptId).dagId };
  return report.type === 'AttemptFinished' ? { ...routed, type: report.type, data: report.data } : { ...routed, type: report.type, data: report.data };
};

/** A line that the death of a process cut in half was never sent and is left out. */
function readReports(text: string): readonly FinalReport[] {
  return text.split('\n').flatMap((line) => {
    if (line === '') return [];
    try {
      return [JSON.parse(line) as FinalReport];
    } catch {
      return [];
    }
  });
}
