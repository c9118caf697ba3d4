/** Something that waits for an instant; `wakeAtMs` of null or another instant makes an older entry void. */
export interface Sleeper {
  wakeAtMs: number | null;
}

/**
 * Who waits until when: a binary heap whose void entries are dropped when they reach the top, so that setting,
 * cancelling and asking for the next instant are cheap and a fold never searches.
 */
export class TimerHeap<S extends Sleeper> {
  readonly #entries: { readonly atMs: number; readonly sleeper: S }[] = [];

  sleep(sleeper: S, atMs: number): void {
    sleeper.wakeAtMs = atMs;
    this.#entries.push({ atMs, sleeper });
    this.#up(this.#entries.length - 1);
    this.#dropVoid();
  }

  wake(sleeper: S): void {
    if (sleeper.wakeAtMs === null) return;
    sleeper.wakeAtMs = null;
    this.#dropVoid();
  }

  get nextAtMs(): number | null {
    return this.#entries[0]?.atMs ?? null;
  }

  /** Everyone due by then, each once, in no order; changes nothing. */
  due(nowMs: number): S[] {
    const found = new Set<S>();
    const pending = [0];
    for (let at = pending.pop(); at !== undefined; at = pending.pop()) {
      const entry = this.#entries[at];
      if (entry === undefined || entry.atMs > nowMs) continue;
      if (entry.sleeper.wakeAtMs === entry.atMs) found.add(entry.sleeper);
      pending.push(2 * at + 1, 2 * at + 2);
    }
    return [...found];
  }

  #dropVoid(): void {
    for (let top = this.#entries[0]; top !== undefined && top.sleeper.wakeAtMs !== top.atMs; top = this.#entries[0]) {
      const last = this.#entries.pop();
      if (last === undefined || this.#entries.length === 0) return;
      this.#entries[0] = last;
      this.#down();
    }
  }

  #up(from: number): void {
    for (let at = from; at > 0;) {
      const parent = (at - 1) >> 1;
      if (this.#at(parent) <= this.#at(at)) return;
      this.#swap(at, parent);
      at = parent;
    }
  }

  #down(): void {
    for (let at = 0; ;) {
      const left = 2 * at + 1;
      const least = this.#at(left + 1) < this.#at(left) ? left + 1 : left;
      if (this.#at(at) <= this.#at(least)) return;
      this.#swap(at, least);
      at = least;
    }
  }

  #at(index: number): number {
    return this.#entries[index]?.atMs ?? Infinity;
  }

  #swap(a: number, b: number): void {
    const [left, right] = [this.#entries[a], this.#entries[b]];
    if (left === undefined || right === undefined) return;
    this.#entries[a] = right;
    this.#entries[b] = left;
  }
}
