/** The only place that reads the wall clock; everything else is handed a `Clock`. */
export interface Clock {
  /** Epoch milliseconds UTC. */
  nowMs(): number;
}

/** A clock that can also wake: alarms are the only timers that services know, so that simulation owns all time. */
export interface AlarmClock extends Clock {
  /** Calls `wake` once, at `atMs` or soon after; answers how to call it off. */
  alarm(atMs: number, wake: () => void): () => void;
}

/** setTimeout holds at most 2^31-1 ms; a longer wait is made of several. */
const LONGEST_TIMER_MS = 2_147_483_647;

export const systemClock: AlarmClock = {
  nowMs: () => Date.now(),
  alarm(atMs, wake) {
    let timer: NodeJS.Timeout;
    const set = (): void => {
      const waitMs = Math.max(0, atMs - Date.now());
      timer = waitMs > LONGEST_TIMER_MS ? setTimeout(set, LONGEST_TIMER_MS) : setTimeout(wake, waitMs);
    };
    set();
    return () => clearTimeout(timer);
  },
};

/** A clock that tests move by hand, also backwards. */
export class ManualClock implements AlarmClock {
  #nowMs: number;
  readonly #alarms = new Set<{ readonly atMs: number; readonly wake: () => void }>();
  constructor(nowMs: number) {
    this.#nowMs = nowMs;
  }
  nowMs(): number {
    return this.#nowMs;
  }
  alarm(atMs: number, wake: () => void): () => void {
    const alarm = { atMs, wake };
    this.#alarms.add(alarm);
    // As with the real clock, what is due already rings soon, and never inside the call.
    if (atMs <= this.#nowMs) setImmediate(() => this.#alarms.delete(alarm) && alarm.wake());
    return () => void this.#alarms.delete(alarm);
  }
  /** Moves the clock and rings what is due, in order of time. */
  set(nowMs: number): void {
    this.#nowMs = nowMs;
    const due = [...this.#alarms].filter((alarm) => alarm.atMs <= nowMs).sort((a, b) => a.atMs - b.atMs);
    for (const alarm of due) {
      if (this.#alarms.delete(alarm)) alarm.wake();
    }
  }
  advance(ms: number): void {
    this.set(this.#nowMs + ms);
  }
}
