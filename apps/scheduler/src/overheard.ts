import type { MessageOf } from '@dagbook/contracts';
import type { Clock } from '@dagbook/platform';

export type Report = MessageOf<'AttemptStarted' | 'AttemptFinished' | 'AttemptLost'>;

/**
 * Reports of DAGs that another scheduler decides for, kept for a moment. Should that one die, what it had not appended
 * is here, and the tasks after it need not wait until their workers send it again. Nothing depends on it: a report that is
 * not here any more comes again, and one that was appended already is refused as any repetition is.
 */
export class Overheard {
  readonly #clock: Clock;
  #kept: { readonly heardAtMs: number; readonly report: Report }[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  keep(report: Report): void {
    this.#kept.push({ heardAtMs: this.#clock.nowMs(), report });
    if (this.#kept.length >= MOST * 2) this.#kept = this.#kept.slice(-MOST);
  }

  /** Hands over what was heard lately and is wanted, and forgets it with all that is old. */
  take(isWanted: (report: Report) => boolean): Report[] {
    const recent = this.#kept.filter(({ heardAtMs }) => heardAtMs >= this.#clock.nowMs() - KEEP_MS);
    const { wanted = [], left = [] } = Object.groupBy(recent, ({ report }) => (isWanted(report) ? 'wanted' : 'left'));
    this.#kept = left;
    return wanted.map(({ report }) => report);
  }
}

/** Longer than a worker waits before it sends a report again. */
const KEEP_MS = 5_000;
const MOST = 10_000;
