/**
 * The one contract of everything that runs by itself: `start` is idempotent, `stop` is safe twice and before a start,
 * drains until its deadline, and `runOnce` does one round and says what it did, so that tests need no time to pass.
 */
export interface Loop<Result = void> {
  start(): void;
  stop(deadlineMs?: number): Promise<void>;
  runOnce(): Promise<Result>;
}

/**
 * A loop that runs a round when woken or when `intervalMs` has passed, never two at once. A wake during a round
 * causes exactly one more round. A round that throws is reported to `onError` and tried again after the interval.
 */
export class WakeableLoop<Result = void> implements Loop<Result> {
  readonly #round: () => Promise<Result>;
  readonly #intervalMs: number;
  readonly #onError: (error: unknown) => void;
  #running: Promise<Result> | undefined;
  /** From the first round until none is wanted; also while a round's synchronous beginning runs, which may wake the loop itself. */
  #spinning = false;
  #wanted = false;
  #stopped = true;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: { round: () => Promise<Result>; intervalMs: number; onError: (error: unknown) => void }) {
    this.#round = options.round;
    this.#intervalMs = options.intervalMs;
    this.#onError = options.onError;
  }

  start(): void {
    if (!this.#stopped) return;
    this.#stopped = false;
    this.wake();
  }

  /** Asks for a round as soon as possible. */
  wake(): void {
    if (this.#stopped) return;
    this.#wanted = true;
    if (!this.#spinning) void this.#spin();
  }

  async runOnce(): Promise<Result> {
    return this.#round();
  }

  async stop(deadlineMs = 10_000): Promise<void> {
    this.#stopped = true;
    this.#wanted = false;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#running === undefined) return;
    let deadline: NodeJS.Timeout | undefined;
    const timeout = new Promise<void>((resolve) => {
      deadline = setTimeout(resolve, deadlineMs);
    });
    await Promise.race([this.#running.then(() => undefined, () => undefined), timeout]);
    clearTimeout(deadline);
  }

  async #spin(): Promise<void> {
    this.#spinning = true;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    while (this.#wanted && !this.#stopped) {
      this.#wanted = false;
      this.#running = this.#round();
      try {
        await this.#running;
      } catch (error) {
        this.#onError(error);
        break;
      } finally {
        this.#running = undefined;
      }
    }
    this.#spinning = false;
    if (!this.#stopped && this.#timer === undefined) {
      this.#timer = setTimeout(() => this.wake(), this.#intervalMs);
    }
  }
}
