import type { MessagePublisher, OutgoingMessage } from '@dagbook/messaging';

/** A bus whose publishes end when and how the test says. */
export class FakePublisher implements MessagePublisher {
  readonly batches: (readonly OutgoingMessage[])[] = [];
  /** Publishes that have not ended; empty while `held` is false. */
  readonly open: { accept(): void; refuse(): void }[] = [];
  held = false;
  down = false;
  #onPublish: (() => void) | undefined;

  async publish(messages: readonly OutgoingMessage[]): Promise<void> {
    if (this.down) throw new Error('the bus is away');
    this.batches.push(messages);
    this.#onPublish?.();
    if (!this.held) return;
    await new Promise<void>((resolve, reject) => this.open.push({ accept: resolve, refuse: () => reject(new Error('the bus refused')) }));
  }

  /** Resolves when there are so many batches. */
  async batch(count: number): Promise<void> {
    while (this.batches.length < count) await new Promise<void>((resolve) => (this.#onPublish = resolve));
  }

  get types(): string[][] {
    return this.batches.map((batch) => batch.map((message) => message.type));
  }
}

/** Lets everything that is due in this turn of the event loop happen. */
export const turn = (): Promise<void> => new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
