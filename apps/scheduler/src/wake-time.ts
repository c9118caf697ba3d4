import type { AlarmClock } from '@dagbook/platform';

interface Key {
  readonly dagId: string;
  readonly runId: string;
  readonly streamId: string;
}

interface Entry {
  readonly atMs: number;
  readonly key: Key;
}

/**
 * When each run next needs a look (a retry, a poke, a timeout is due). One alarm stands at the earliest; entries that
 * were moved stay in the heap and are passed over when they come up, or dropped once they are more than the others: a run that
 * has ended a day before its deadline must not be remembered until then.
 */
export class WakeTimes {
  readonly #clock: AlarmClock;
  readonly #due: (keys: readonly Key[]) => void;
  readonly #entries = new Map<string, Entry>();
  #heap: Entry[] = [];
  #callOff: (() => void) | undefined;
  #alarmAtMs = Number.POSITIVE_INFINITY;

  constructor(clock: AlarmClock, due: (keys: readonly Key[]) => void) {
    this.#clock = clock;
    this.#due = due;
  }

  set(key: Key, atMs: number | null): void {
    if (atMs === null) return this.delete(key);
    if (this.#entries.get(key.streamId)?.atMs === atMs) return;
    // The names alone: who comes as a key holds a whole run.
    const entry = { atMs, key: { dagId: key.dagId, runId: key.runId, streamId: key.streamId } };
    this.#entries.set(key.streamId, entry);
    this.#push(entry);
    this.#tidy();
    this.#arm();
  }

  delete(key: Key): void {
    if (this.#entries.delete(key.streamId)) this.#tidy();
  }

  /** How many entries are kept, void ones included. */
  get size(): number {
    return this.#heap.length;
  }

  clear(): void {
    this.#entries.clear();
    this.#heap = [];
    this.#disarm();
  }

  #ring(): void {
    this.#disarm();
    const nowMs = this.#clock.nowMs();
    const due: Key[] = [];
    for (let top = this.#heap[0]; top !== undefined && top.atMs <= nowMs; top = this.#heap[0]) {
      this.#pop();
      if (this.#entries.get(top.key.streamId) !== top) continue;
      this.#entries.delete(top.key.streamId);
      due.push(top.key);
    }
    if (due.length > 0) this.#due(due);
    this.#arm();
  }

  /** A list in order is a heap. */
  #tidy(): void {
    if (this.#heap.length > 2 * this.#entries.size + FEW) this.#heap = [...this.#entries.values()].sort((a, b) => a.atMs - b.atMs);
  }

  #arm(): void {
    const top = this.#heap[0];
    if (top === undefined || top.atMs >= this.#alarmAtMs) return;
    this.#disarm();
    this.#alarmAtMs = top.atMs;
    this.#callOff = this.#clock.alarm(top.atMs, () => this.#ring());
  }

  #disarm(): void {
    this.#callOff?.();
    this.#callOff = undefined;
    this.#alarmAtMs = Number.POSITIVE_INFINITY;
  }

  #push(item: Entry): void {
    const heap = this.#heap;
    let index = heap.push(item) - 1;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if ((heap[parent] as typeof item).atMs <= item.atMs) break;
      heap[index] = heap[parent] as typeof item;
      index = parent;
    }
    heap[index] = item;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    let index = 0;
    for (;;) {
      let child = 2 * index + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && (heap[child + 1] as typeof last).atMs < (heap[child] as typeof last).atMs) child++;
      if ((heap[child] as typeof last).atMs >= last.atMs) break;
      heap[index] = heap[child] as typeof last;
      index = child;
    }
    heap[index] = last;
  }
}

/** Void entries that are not worth looking for. */
const FEW = 64;
