import { type AttemptId, type AttemptStarted, parseAttemptId, TOPICS } from '@dagbook/contracts';
import type { MessagePublisher, OutgoingMessage } from '@dagbook/messaging';
import type { Log } from '@dagbook/platform';
import { type FinalReport, ReportFile } from './report-file.ts';

interface Kept {
  readonly report: FinalReport;
  /** Monotonic; -1: not sent yet. */
  sentAtMs: number;
}

export interface ReportOutboxOptions {
  readonly stateDir: string;
  readonly publisher: MessagePublisher;
  readonly log: Log;
  readonly resendEveryMs: number;
  readonly startedHoldMs: number;
}

/**
 * The worker's reports to the scheduler.
 *
 * A final report is `kept` (given to the file and to the bus at once: a worker that dies before either has it died
 * before it reported) → `sent` (again every `resendEveryMs`) → acknowledged by attempt and epoch, and forgotten.
 * `AttemptLost` is forgotten as soon as the bus has it: should it be lost there, the lease, which nobody renews any
 * more, says the same later. Acknowledgements are not written: what a restart sends once too often is refused by its
 * epoch.
 * `AttemptStarted` is only held back for a moment; when its task ends meanwhile the final report says it too.
 */
export class ReportOutbox {
  readonly #options: ReportOutboxOptions;
  readonly #file: ReportFile;
  readonly #kept = new Map<string, Kept>();
  #started = new Map<string, AttemptStarted>();
  #unsent: Kept[] = [];
  #startedDue: AttemptStarted[] = [];
  #holdTimer: NodeJS.Timeout | undefined;
  #resendTimer: NodeJS.Timeout | undefined;
  #flushing: Promise<void> | undefined;
  #flushPlanned = false;
  #lastFlushed = 0;
  #closed = false;
  #onEmpty: (() => void) | undefined;

  /** Reads what an earlier incarnation could not deliver; it is sent by the first `flush`. */
  constructor(options: ReportOutboxOptions) {
    this.#options = options;
    this.#file = new ReportFile(options.stateDir, (error) => {
      options.log.error('reports could not be kept on disk; they are sent, and lost if this process dies before they are acknowledged', { error: String(error) });
    });
    for (const report of this.#file.recover()) this.#keep(report);
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
    this.#keep(report);
    this.#file.keep(report);
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
    const key = keyOf(attemptId, epoch);
    const kept = this.#kept.get(key);
    if (kept === undefined) return false;
    this.#kept.delete(key);
    this.#file.drop(kept.report);
    if (this.#kept.size === 0) this.#onEmpty?.();
    return true;
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

  /** Resolves when every report is acknowledged, or `deadlineMs` has passed. */
  async acknowledged(deadlineMs: number): Promise<void> {
    if (this.#kept.size === 0 || deadlineMs <= 0) return;
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve) => {
      this.#onEmpty = resolve;
      timer = setTimeout(resolve, deadlineMs);
    });
    clearTimeout(timer);
    this.#onEmpty = undefined;
  }

  async close(): Promise<void> {
    clearInterval(this.#resendTimer);
    await this.flush();
    this.#closed = true;
    await this.#file.close();
  }

  #keep(report: FinalReport): void {
    const kept: Kept = { report, sentAtMs: -1 };
    this.#kept.set(keyOf(report.data.attemptId, report.data.epoch), kept);
    this.#unsent.push(kept);
  }

  /** A lone report leaves with the microtasks; when there were several of late, a turn of the event loop gathers what all runners say in it. */
  #flushSoon(): void {
    if (this.#flushPlanned || this.#flushing !== undefined || this.#closed) return;
    this.#flushPlanned = true;
    const flush = (): void => {
      this.#flushPlanned = false;
      this.#flushing ??= this.#flush().finally(() => {
        this.#flushing = undefined;
        if (this.#unsent.length > 0 || this.#startedDue.length > 0) this.#flushSoon();
      });
    };
    if (this.#lastFlushed < 2) queueMicrotask(flush);
    else setImmediate(flush);
  }

  async #flush(): Promise<void> {
    if (this.#unsent.length === 0 && this.#startedDue.length === 0) return;
    const finals = this.#unsent;
    const started = this.#startedDue;
    this.#unsent = [];
    this.#startedDue = [];
    this.#lastFlushed = finals.length + started.length;
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
    this.#file.tidy();
    if (this.#unsent.length > 0) this.#flushSoon();
  }
}

const keyOf = (attemptId: AttemptId, epoch: number): string => `${attemptId}@${epoch}`;

const message = (report: FinalReport): OutgoingMessage => {
  const routed = { topic: TOPICS.reports.name, key: parseAttemptId(report.data.attemptId).dagId };
  return report.type === 'AttemptFinished' ? { ...routed, type: report.type, data: report.data } : { ...routed, type: report.type, data: report.data };
};
