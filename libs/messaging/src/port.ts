import type { Message } from '@dagbook/contracts';

/** A message before the bus gives it an id. */
export type OutgoingMessage = DistributiveOmit<Message, 'id'> & { readonly id?: string };
type DistributiveOmit<T, K extends keyof never> = T extends unknown ? Omit<T, K> : never;

/** The sending half. Resolves when the broker has the messages (acks=all); rejects with `BusFault` when it cannot. */
export interface MessagePublisher {
  publish(messages: readonly OutgoingMessage[]): Promise<void>;
}

/**
 * What a service listens to. The transport strategy (`DagbookTransport`, on Nest's extension point) is made with a
 * list of these; handlers are Nest `@EventPattern(<message type>)` methods that get a whole batch: `Message[]` of that
 * type, in order for each key. A handler that resolves has had its effect: only then are offsets committed.
 */
export interface Subscription {
  readonly topic: string;
  /**
   * `shared`: instances of the service part the partitions among them and go on from the committed offset.
   * `broadcast`: every instance sees every message from its start on; what it missed before, Postgres tells it.
   */
  readonly mode: 'shared' | 'broadcast';
}

export class BusFault extends Error {
  readonly code: 'bus.unavailable' | 'bus.too_large';
  readonly retryable: boolean;
  constructor(code: BusFault['code'], message: string, options: { retryable: boolean; cause?: unknown }) {
    super(message, { cause: options.cause });
    this.name = 'BusFault';
    this.code = code;
    this.retryable = options.retryable;
  }
}
