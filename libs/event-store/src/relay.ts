import type { CheckpointStore, EventStore, Position, StoredEvent } from './port.ts';

/**
 * Hands every stored event to `publish`, in feed order, at least once.
 *
 * State: the position up to which everything is published, kept in the checkpoint and cached here. A round reads what
 * follows, publishes it, and moves the checkpoint from where it stood; when another relay has moved it meanwhile, this
 * one goes on from there, and some events have been published twice. A crash between publishing and moving publishes again.
 */
export class Relay {
  readonly #events: EventStore;
  readonly #checkpoints: CheckpointStore;
  readonly #publish: (events: readonly StoredEvent[]) => Promise<void>;
  readonly #name: string;
  readonly #batchSize: number;
  #position: Position | undefined;

  constructor(options: {
    events: EventStore;
    checkpoints: CheckpointStore;
    publish: (events: readonly StoredEvent[]) => Promise<void>;
    name?: string;
    batchSize?: number;
  }) {
    this.#events = options.events;
    this.#checkpoints = options.checkpoints;
    this.#publish = options.publish;
    this.#name = options.name ?? 'relay';
    this.#batchSize = options.batchSize ?? 1_000;
  }

  /** Publishes one batch; answers how many events it held. As many as the batch size means that more may wait. */
  async runOnce(): Promise<number> {
    const from = (this.#position ??= await this.#checkpoints.load(this.#name));
    const events = await this.#events.feed(from, this.#batchSize);
    const last = events.at(-1);
    if (!last) return 0;
    await this.#publish(events);
    this.#position = (await this.#checkpoints.advance(this.#name, from, last.position)) ? last.position : undefined;
    return events.length;
  }

  /** Publishes until the feed is empty; answers how many events there were. */
  async drain(): Promise<number> {
    let total = 0;
    for (;;) {
      const count = await this.runOnce();
      total += count;
      if (count === 0) return total;
    }
  }
}
