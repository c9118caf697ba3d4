/** Who follows which log. A log without followers costs one look-up a write. */
export class Tails {
  readonly #watches = new Map<string, Set<Tail>>();

  watch(key: string, signal: AbortSignal): Tail {
    const watches = this.#watches.get(key) ?? new Set();
    this.#watches.set(key, watches);
    const tail = new Tail(signal, () => {
      watches.delete(tail);
      if (watches.size === 0 && this.#watches.get(key) === watches) this.#watches.delete(key);
    });
    watches.add(tail);
    return tail;
  }

  wake(key: string): void {
    const watches = this.#watches.get(key);
    if (watches === undefined) return;
    for (const tail of watches) tail.wake();
  }

  closeAll(): void {
    for (const watches of this.#watches.values()) for (const tail of watches) tail.wake();
  }
}

/** One follower: `seen` before it reads, `changed` when it found nothing; a wake between the two is not missed. */
export class Tail {
  readonly #signal: AbortSignal;
  readonly #onClose: () => void;
  #dirty = false;
  #resolve: (() => void) | undefined;
  readonly #onAbort = (): void => this.wake();

  constructor(signal: AbortSignal, onClose: () => void) {
    this.#signal = signal;
    this.#onClose = onClose;
    signal.addEventListener('abort', this.#onAbort);
  }

  seen(): void {
    this.#dirty = false;
  }

  wake(): void {
    this.#dirty = true;
    this.#resolve?.();
    this.#resolve = undefined;
  }

  async changed(): Promise<void> {
    if (this.#dirty || this.#signal.aborted) return;
    await new Promise<void>((resolve) => {
      this.#resolve = resolve;
    });
  }

  close(): void {
    this.#signal.removeEventListener('abort', this.#onAbort);
    this.#onClose();
  }
}
