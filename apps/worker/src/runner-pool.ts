import { availableParallelism } from 'node:os';
import { RunnerProcess, type RunnerOptions } from './runner-process.ts';

export interface RunnerPoolOptions extends Omit<RunnerOptions, 'mark'> {
  /** Tells this worker's runners from others' on the host; a number is added for each. */
  readonly mark: string;
  /** Runners kept warm while nothing runs. */
  readonly warm: number;
  /** Most runners at a time: the worker's slots. */
  readonly max: number;
  /** A task that has waited this long for a runner makes the pool grow, if tasks are long enough to gain by it. */
  readonly growAfterMs: number;
  /** A runner above `warm` that idled this long is ended. */
  readonly idleMs: number;
  /** A runner that has loaded this many bundles is replaced: modules cannot be unloaded. */
  readonly maxBundles: number;
  /** For the reaper's file: what a later incarnation must find and kill. */
  onSpawn(runner: RunnerProcess): void;
  onGone(runner: RunnerProcess): void;
}

/** A place in the queue for a runner. */
export interface RunnerTicket {
  readonly bundleHash: string;
  readonly give: (runner: RunnerProcess) => void;
  readonly sinceMs: number;
}

/**
 * Warm runners, given out one task each. It grows only when a task has waited `growAfterMs` and most tasks took more
 * than `SHORT_TASK_MS` of late, or none ended for a while: short tasks are served faster by a few warm runners in turn
 * than by processes that cost 40 ms of CPU to start, least of all on a machine that has no CPU to spare; long ones soon
 * have one each.
 *
 * States: closed pool gives nothing; every runner is in `#all` from spawn to gone, and in `#idle` only while idle.
 */
export class RunnerPool {
  readonly #options: RunnerPoolOptions;
  readonly #all = new Set<RunnerProcess>();
  /** Most recently used last: its caches are hot and the others may grow old. */
  readonly #idle: RunnerProcess[] = [];
  readonly #waiting = new Set<RunnerTicket>();
  readonly #starting = new Set<RunnerProcess>();
  #growTimer: NodeJS.Timeout | undefined;
  #shrinkTimer: NodeJS.Timeout | undefined;
  #closed = false;
  #spawned = 0;
  /** Share of the tasks of late that were long: a moving average, which a few stalls of a busy machine do not move. */
  #longShare = 0;
  #lastEndedAtMs = 0;
  /** Runners that died before they were ready, since one last was: doubles the pause before the next spawn. */
  #failedStarts = 0;

  constructor(options: RunnerPoolOptions) {
    this.#options = options;
  }

  start(): void {
    for (let count = this.#all.size; count < this.#options.warm; count += 1) this.#spawn();
    this.#shrinkTimer = setInterval(() => this.#shrink(), Math.max(100, this.#options.idleMs / 2));
    this.#shrinkTimer.unref();
  }

  /** Hands over an idle runner: at once when there is one, else as soon as there is. */
  acquire(bundleHash: string, give: (runner: RunnerProcess) => void): RunnerTicket {
    const ticket: RunnerTicket = { bundleHash, give, sinceMs: performance.now() };
    const runner = this.#takeIdle(bundleHash);
    if (runner !== undefined) {
      give(runner);
    } else {
      this.#waiting.add(ticket);
      this.#growLater();
    }
    return ticket;
  }

  cancel(ticket: RunnerTicket): void {
    this.#waiting.delete(ticket);
  }

  stats(): { readonly runners: number; readonly idle: number; readonly waiting: number; readonly failedStarts: number } {
    return { runners: this.#all.size, idle: this.#idle.length, waiting: this.#waiting.size, failedStarts: this.#failedStarts };
  }

  /** Ends every runner and waits until nothing of their groups runs. */
  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#growTimer);
    clearInterval(this.#shrinkTimer);
    this.#waiting.clear();
    await Promise.all([...this.#all].map((runner) => runner.terminate(0)));
  }

  #takeIdle(bundleHash: string): RunnerProcess | undefined {
    for (let index = this.#idle.length - 1; index >= 0; index -= 1) {
      const runner = this.#idle[index] as RunnerProcess;
      if (runner.state !== 'idle') this.#idle.splice(index, 1);
      else if (runner.loaded.has(bundleHash)) return this.#idle.splice(index, 1)[0];
    }
    return this.#idle.pop();
  }

  #onIdle(runner: RunnerProcess): void {
    if (this.#starting.delete(runner)) this.#failedStarts = 0;
    else this.#noteEnd(runner.lastRanMs);
    if (this.#closed || runner.loaded.size > this.#options.maxBundles) {
      void runner.terminate(0);
      return;
    }
    for (const ticket of this.#waiting) {
      this.#waiting.delete(ticket);
      return ticket.give(runner);
    }
    runner.idleSinceMs = performance.now();
    this.#idle.push(runner);
  }

  #growLater(): void {
    if (this.#growTimer !== undefined || this.#closed) return;
    const pauseMs = this.#options.growAfterMs * 2 ** Math.min(this.#failedStarts, 8);
    this.#growTimer = setTimeout(() => {
      this.#growTimer = undefined;
      this.#grow();
    }, pauseMs);
  }

  #grow(): void {
    const [oldest] = this.#waiting;
    if (oldest === undefined) return;
    // While the first are still starting, waiting says nothing yet about how long the tasks take.
    const firstAreStarting = this.#starting.size > 0 && this.#starting.size === this.#all.size;
    const waitedMs = performance.now() - oldest.sinceMs;
    const gainsByIt = this.#longShare > 0.5 || performance.now() - this.#lastEndedAtMs > 4 * this.#options.growAfterMs;
    if (waitedMs >= this.#options.growAfterMs && gainsByIt && !firstAreStarting) {
      const wanted = Math.min(this.#waiting.size, MAX_STARTING);
      for (let count = this.#starting.size; count < wanted && this.#all.size < this.#options.max; count += 1) this.#spawn();
    }
    this.#growLater();
  }

  #noteEnd(ranMs: number): void {
    this.#longShare += ((ranMs > SHORT_TASK_MS ? 1 : 0) - this.#longShare) / 16;
    this.#lastEndedAtMs = performance.now();
  }

  #spawn(): void {
    let runner: RunnerProcess;
    try {
      runner = new RunnerProcess({ ...this.#options, mark: `${this.#options.mark}${(this.#spawned += 1)}` }, (idle) => this.#onIdle(idle));
    } catch {
      // The host is out of processes or file descriptors; those who wait are served when it is not, see `#growLater`.
      this.#failedStarts += 1;
      return;
    }
    this.#all.add(runner);
    this.#starting.add(runner);
    this.#options.onSpawn(runner);
    void runner.gone.then(() => {
      this.#all.delete(runner);
      if (this.#starting.delete(runner)) this.#failedStarts += 1;
      const index = this.#idle.indexOf(runner);
      if (index !== -1) this.#idle.splice(index, 1);
      this.#options.onGone(runner);
      if (this.#closed) return;
      if (this.#waiting.size > 0) this.#growLater();
      else if (this.#all.size < this.#options.warm && this.#failedStarts === 0) this.#spawn();
    });
  }

  #shrink(): void {
    const oldestFirst = [...this.#idle].sort((a, b) => a.idleSinceMs - b.idleSinceMs);
    for (const runner of oldestFirst) {
      if (this.#all.size <= this.#options.warm || performance.now() - runner.idleSinceMs < this.#options.idleMs) return;
      this.#idle.splice(this.#idle.indexOf(runner), 1);
      void runner.terminate(0);
    }
  }
}

const SHORT_TASK_MS = 5;

/** Starting processes compete for the same cores. */
const MAX_STARTING = Math.max(2, availableParallelism());
