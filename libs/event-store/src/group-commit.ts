/**
 * Gathers what is added while earlier batches are being written, and writes it as one.
 *
 * State: a queue of groups (the items of one `add`), and how many batches are in flight. Idle: a group leaves with the
 * current microtasks, so that a lone pipeline waits for nothing; when batches have been large of late, it leaves at the
 * end of the turn of the event loop instead, with whatever that turn still adds (half as many commits under load). Busy:
 * groups queue until a batch returns. No timer takes part, so an idle store answers at the speed of one commit and a busy
 * one at the speed of the disk. A group is never parted; groups leave in the order they came.
 */
export class GroupCommit<Item, Result> {
  readonly #write: (items: readonly Item[]) => Promise<readonly Result[]>;
  readonly #weigh: (item: Item) => number;
  readonly #maxWeight: number;
  readonly #maxInFlight: number;
  #queue: Group<Item, Result>[] = [];
  #inFlight = 0;
  #isScheduled = false;
  /** Moving average of what batches weighed. */
  #usualWeight = 0;
  #idle: (() => void)[] = [];

  /**
   * `write` answers one result an item, in order; when it throws, every group of its batch is rejected with that
   * error. A batch takes groups until their weights reach `maxWeight`.
   */
  constructor(options: {
    write: (items: readonly Item[]) => Promise<readonly Result[]>;
    weigh: (item: Item) => number;
    maxWeight: number;
    maxInFlight: number;
  }) {
    this.#write = options.write;
    this.#weigh = options.weigh;
    this.#maxWeight = options.maxWeight;
    this.#maxInFlight = options.maxInFlight;
  }

  add(items: readonly Item[]): Promise<readonly Result[]> {
    if (items.length === 0) return Promise.resolve([]);
    return new Promise((resolve, reject) => {
      this.#queue.push({ items, resolve, reject });
      this.#schedule();
    });
  }

  /** Resolves when nothing is queued or in flight. */
  drained(): Promise<void> {
    if (this.#queue.length === 0 && this.#inFlight === 0) return Promise.resolve();
    return new Promise((resolve) => this.#idle.push(resolve));
  }

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    const pump = (): void => {
      this.#isScheduled = false;
      this.#pump();
    };
    // Under load the loop first handles everything that has arrived: each of those messages may add its part.
    if (this.#usualWeight < LOAD_WEIGHT) queueMicrotask(pump);
    else setImmediate(pump);
  }

  #pump(): void {
    while (this.#inFlight < this.#maxInFlight && this.#queue.length > 0) {
      this.#inFlight++;
      void this.#flush(this.#take()).finally(() => {
        this.#inFlight--;
        this.#schedule();
      });
    }
    if (this.#queue.length > 0 || this.#inFlight > 0) return;
    for (const resolve of this.#idle.splice(0)) resolve();
  }

  #take(): Group<Item, Result>[] {
    let count = 0;
    let weight = 0;
    for (const group of this.#queue) {
      for (const item of group.items) weight += this.#weigh(item);
      if (count > 0 && weight > this.#maxWeight) break;
      count++;
    }
    this.#usualWeight += (weight - this.#usualWeight) / MEMORY;
    return this.#queue.splice(0, count);
  }

  async #flush(groups: readonly Group<Item, Result>[]): Promise<void> {
    try {
      const results = await this.#write(groups.flatMap((group) => group.items));
      let from = 0;
      for (const group of groups) {
        group.resolve(results.slice(from, from + group.items.length));
        from += group.items.length;
      }
    } catch (error) {
      for (const group of groups) group.reject(error);
    }
  }
}

/** Batches that weigh less are a pipeline or two at work. */
const LOAD_WEIGHT = 5;
/** Batches that the average remembers. */
const MEMORY = 5;

interface Group<Item, Result> {
  readonly items: readonly Item[];
  readonly resolve: (results: readonly Result[]) => void;
  readonly reject: (error: unknown) => void;
}
