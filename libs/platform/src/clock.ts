/** The only place that reads the wall clock; everything else is handed a `Clock`. */
export interface Clock {
  /** Epoch milliseconds UTC. */
  nowMs(): number;
}

export const systemClock: Clock = { nowMs: () => Date.now() };

/** A clock that tests move by hand, also backwards. */
export class ManualClock implements Clock {
  #nowMs: number;
  constructor(nowMs: number) {
    this.#nowMs = nowMs;
  }
  nowMs(): number {
    return this.#nowMs;
  }
  set(nowMs: number): void {
    this.#nowMs = nowMs;
  }
  advance(ms: number): void {
    this.#nowMs += ms;
  }
}
