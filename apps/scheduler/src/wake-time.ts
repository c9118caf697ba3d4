import type { AlarmClock } from '@dagbook/platform';

interface Key {
  readonly dagId: string;
  readonly runId: string;
  readonly streamId: string;
}

/**
 * When each run next needs a look (a retry, a poke, a timeout is due). One alarm stands at the earliest; entries that
 * were moved stay in the heap and are passed over when they come up.
 */
export class WakeTimes {
  readonly #clock: AlarmClock;
  readonly #due: (keys: readonly Key[]) => void;
  readonly #atMs = new Map<string, number>();
  readonly #heap: { readonly atMs: number; readonly key: Key }[] = [];
  #callOff: (() => void) | undefined;
  #alarmAtMs = Number.POSITIVE_INFINITY;

  constructor(clock: AlarmClock, due: (keys: readonly Key[]) => void) {
    this.#clock = clock;
    this.#due = due;
  }

  set(key: Key, atMs: number | null): void {
    if (atMs === null) return void this.#atMs.delete(key.streamId);
    if (this.#atMs.get(key.streamId) === atMs) return;
    this.#atMs.set(key.streamId, atMs);
    this.#push({ atMs, key });
    this.#arm();
  }

  delete(key: Key): void {
    this.#atMs.delete(key.streamId);
  }

  clear(): void {
    this.#atMs.clear();
    this.#heap.length = 0;
    this.#disarm();
  }

  #ring(): void {
    this.#disarm();
    const nowMs = this.#clock.nowMs();
    const due: Key[] = [];
    for (let top = this.#heap[0]; top !== undefined && top.atMs <= nowMs; top = this.#heap[0]) {
      this.#pop();
      if (this.#atMs.get(top.key.streamId) !== top.atMs) continue;
      this.#atMs.delete(top.key.streamId);
      due.push(top.key);
    }
    if (due.length > 0) this.#due(due);
    this.#arm();
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

  #push(item: { readonly atMs: number; readonly key: Key }): void {
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
