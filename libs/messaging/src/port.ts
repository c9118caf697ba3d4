import type { Message, Service } from '@dagbook/contracts';

/** A message before the bus gives it an id. */
export type OutgoingMessage = DistributiveOmit<Message, 'id'> & { readonly id?: string };
type DistributiveOmit<T, K extends keyof never> = T extends unknown ? Omit<T, K> : never;

/**
 * The bus as a service sees it: Kafka in a cluster, memory in standalone. One broker serves every service of a process;
 * `close` ends its publishers and listeners, after what they have in hand.
 */
export interface MessageBroker {
  publisher(): MessagePublisher;
  /** Resolves when a `broadcast` subscription will see whatever is published from now on. */
  listen(request: ListenRequest): Promise<Listener>;
  close(): Promise<void>;
}

/**
 * The sending half. Resolves when the broker has the messages (acks=all); rejects with `BusFault` when it cannot, and
 * then some of them may have been sent all the same. Messages are immutable from here on.
 */
export interface MessagePublisher {
  publish(messages: readonly OutgoingMessage[]): Promise<void>;
}

/** What a service listens to; `DagbookTransport` makes one of these from Nest's `@EventPattern` methods. */
export interface ListenRequest {
  readonly service: Service;
  /** Tells instances of one service apart: host and number, or the worker slot. */
  readonly instance: string;
  readonly subscriptions: readonly Subscription[];
  /**
   * Who handles a message type. Consecutive messages whose types answer the same function arrive in one call.
   * `undefined`: nobody does; such a message goes to the dead letter with that reason, it is not dropped.
   */
  handlerOf(type: string): BatchHandler | undefined;
  /** The listener is beyond mending by itself: the process must exit rather than stay up deaf. */
  onFatal?(error: unknown): void;
}

/**
 * Gets messages of one partition in order. Batches of different topics or partitions may be handled at the same time,
 * those of one never. Resolves when the effect is durable; only then are offsets committed. A rejection with
 * `retryable: true` (Postgres is away) is tried again for as long as it takes; any other is counted, and the message
 * that caused it ends in the dead letter. Any message may come twice.
 */
export type BatchHandler = (messages: readonly Message[]) => Promise<void>;

export interface Subscription {
  readonly topic: string;
  /**
   * `shared`: instances of the service part the partitions among them and go on from the committed offset.
   * `broadcast`: every instance sees every message from its start on; what it missed before, Postgres tells it.
   */
  readonly mode: 'shared' | 'broadcast';
  /**
   * With `broadcast`: begin with what was published so long ago, for what is said over and over (that a worker lives) and
   * would else be unknown until it is said again. A broker that keeps nothing has nothing to begin with.
   */
  readonly replayMs?: number;
}

export interface Listener {
  /** Milliseconds since the listener last heard from its broker or finished a batch: what readiness is judged by. */
  progressAgeMs(): number;
  /** Takes nothing more, lets the batches in hand finish, commits. Safe twice. */
  close(): Promise<void>;
}

/** How often a message has failed, by consumer group: it must outlive the process that a message may kill. */
export interface MessageAttempts {
  /** Counts one more failure and answers how many there are now. */
  recordFailure(failed: FailedDelivery): Promise<number>;
  forget(failed: FailedDelivery): Promise<void>;
}

export interface FailedDelivery {
  readonly group: string;
  readonly topic: string;
  readonly messageId: string;
  readonly reason: string;
}

/** A message that was set aside: unparseable, without a handler, or failing again and again. */
export interface DeadLetter {
  readonly topic: string;
  readonly key: string;
  /** Absent when not even the type could be read. */
  readonly type?: string;
  readonly id?: string;
  readonly group: string;
  readonly code: DeadLetterCode;
  readonly reason: string;
}

export type DeadLetterCode = 'unparseable' | 'no_handler' | 'failed';

/**
 * For simulation and conformance tests only, injected: what a hostile bus does. Absent in production, and then costs
 * nothing.
 */
export interface BusFaults {
  /** Memory only. What is delivered of a publish: leave out to drop, repeat to duplicate, permute to reorder. */
  onPublish?(messages: readonly Message[]): readonly Message[];
  /** Runs between a handler's effect and the commit; a rejection is a crash at that point: the batch comes again. */
  beforeCommit?(messages: readonly Message[]): Promise<void>;
}

export class BusFault extends Error {
  readonly code: 'bus.unavailable' | 'bus.refused' | 'bus.too_large' | 'bus.closed' | 'bus.unknown_topic';
  readonly retryable: boolean;
  constructor(code: BusFault['code'], message: string, options: { retryable: boolean; cause?: unknown }) {
    super(message, { cause: options.cause });
    this.name = 'BusFault';
    this.code = code;
    this.retryable = options.retryable;
  }
}
