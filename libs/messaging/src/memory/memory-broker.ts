import { randomUUID } from 'node:crypto';
import type { Message } from '@dagbook/contracts';
import { DEFAULT_POLICY, Delivery, type DeliveryPolicy, DeliveryStopped, MemoryMessageAttempts } from '../delivery.ts';
import { hashOf } from '../key-hash.ts';
import type {
  BusFaults, DeadLetter, Listener, ListenRequest, MessageAttempts, MessageBroker, MessagePublisher, OutgoingMessage,
} from '../port.ts';
import { BusFault } from '../port.ts';

export interface MemoryBrokerOptions {
  readonly attempts?: MessageAttempts;
  readonly policy?: DeliveryPolicy;
  readonly faults?: BusFaults;
  onDeadLetter?(letter: DeadLetter): void;
  /** Messages kept for a listener that does not keep up; the oldest go first. */
  readonly maxQueued?: number;
  /** The same for a topic that nobody has listened to yet, and perhaps never will. */
  readonly maxUnclaimed?: number;
}

/**
 * The bus of one process. Messages are passed by reference, never encoded.
 *
 * A topic is: unclaimed (nobody has ever listened: messages wait for the first `shared` group, the newest `maxUnclaimed`)
 * → claimed (each group has its own queues; nothing is kept that every group has taken).
 * A queue is: idle → woken → delivering (what arrives meanwhile is the next batch) → idle. Between the first two lie the
 * current microtasks, so that a lone pipeline waits for nothing; or, when the last batch held many, the turn of the event
 * loop, so that what one turn publishes is one batch. A shared group whose members are gone keeps one queue for the next.
 */
export class MemoryBroker implements MessageBroker {
  readonly #topics = new Map<string, Topic>();
  readonly #listeners = new Set<MemoryListener>();
  readonly #attempts: MessageAttempts;
  readonly #policy: DeliveryPolicy;
  readonly #faults: BusFaults | undefined;
  readonly #onDeadLetter: ((letter: DeadLetter) => void) | undefined;
  readonly #maxQueued: number;
  readonly #maxUnclaimed: number;
  readonly #deadLetters: DeadLetter[] = [];
  #closed = false;

  constructor(options: MemoryBrokerOptions = {}) {
    this.#attempts = options.attempts ?? new MemoryMessageAttempts();
    this.#policy = options.policy ?? DEFAULT_POLICY;
    this.#faults = options.faults;
    this.#onDeadLetter = options.onDeadLetter?.bind(options);
    this.#maxQueued = options.maxQueued ?? 100_000;
    this.#maxUnclaimed = options.maxUnclaimed ?? 1_000;
  }

  publisher(): MessagePublisher {
    return { publish: async (messages) => this.#publish(messages) };
  }

  /** Puts messages on their topics past the injected faults: how a simulation delivers what it held back. */
  deliver(messages: readonly Message[]): void {
    for (const message of messages) this.#topic(message.topic).push(message);
  }

  /** The newest thousand. */
  deadLetters(): readonly DeadLetter[] {
    return this.#deadLetters;
  }

  async listen(request: ListenRequest): Promise<Listener> {
    if (this.#closed) throw closedFault();
    const delivery = new Delivery({
      group: `dagbook.${request.service}`,
      handlerOf: (type) => request.handlerOf(type),
      attempts: this.#attempts,
      policy: this.#policy,
      deadLetter: async (letter) => this.#setAside(letter),
      faults: this.#faults,
    });
    const listener = new MemoryListener(delivery, () => this.#listeners.delete(listener));
    this.#listeners.add(listener);
    for (const { topic, mode } of request.subscriptions) {
      const queue = new Queue(delivery, this.#maxQueued);
      const on = this.#topic(topic);
      const leave = mode === 'shared' ? on.join(request.service, queue) : on.broadcastTo(queue);
      listener.add(queue, leave);
    }
    return listener;
  }

  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all([...this.#listeners].map((listener) => listener.close()));
    this.#topics.clear();
  }

  #publish(messages: readonly OutgoingMessage[]): void {
    if (this.#closed) throw closedFault();
    const identified = messages.map(withId);
    this.deliver(this.#faults?.onPublish?.(identified) ?? identified);
  }

  #topic(name: string): Topic {
    let topic = this.#topics.get(name);
    if (topic === undefined) {
      topic = new Topic({ maxQueued: this.#maxQueued, maxUnclaimed: this.#maxUnclaimed });
      this.#topics.set(name, topic);
    }
    return topic;
  }

  #setAside(letter: DeadLetter): void {
    this.#deadLetters.push(letter);
    if (this.#deadLetters.length > 1_000) this.#deadLetters.shift();
    this.#onDeadLetter?.(letter);
  }
}

class Topic {
  readonly #limits: { readonly maxQueued: number; readonly maxUnclaimed: number };
  readonly #broadcasts = new Set<Queue>();
  readonly #groups = new Map<string, Group>();
  #unclaimed: Message[] | undefined = [];

  constructor(limits: { maxQueued: number; maxUnclaimed: number }) {
    this.#limits = limits;
  }

  push(message: Message): void {
    if (this.#unclaimed !== undefined) {
      pushBounded(this.#unclaimed, message, this.#limits.maxUnclaimed);
      return;
    }
    for (const queue of this.#broadcasts) queue.push(message);
    for (const group of this.#groups.values()) group.push(message);
  }

  broadcastTo(queue: Queue): () => void {
    this.#unclaimed = undefined;
    this.#broadcasts.add(queue);
    return () => this.#broadcasts.delete(queue);
  }

  join(name: string, queue: Queue): () => void {
    let group = this.#groups.get(name);
    if (group === undefined) {
      group = new Group(this.#unclaimed ?? [], this.#limits.maxQueued);
      this.#groups.set(name, group);
    }
    this.#unclaimed = undefined;
    const joined = group;
    joined.add(queue);
    return () => joined.remove(queue);
  }
}

/** The instances of one service on one topic: a key always goes to the same member while the members stay the same. */
class Group {
  readonly #members: Queue[] = [];
  readonly #maxQueued: number;
  #orphans: Message[];

  constructor(orphans: Message[], maxQueued: number) {
    this.#orphans = orphans;
    this.#maxQueued = maxQueued;
  }

  push(message: Message): void {
    const members = this.#members;
    if (members.length === 1) members[0]!.push(message);
    else if (members.length === 0) pushBounded(this.#orphans, message, this.#maxQueued);
    else members[hashOf(message.key) % members.length]!.push(message);
  }

  add(queue: Queue): void {
    this.#rebalance(() => this.#members.push(queue));
  }

  remove(queue: Queue): void {
    this.#rebalance(() => this.#members.splice(this.#members.indexOf(queue), 1));
  }

  #rebalance(change: () => void): void {
    const waiting = [...this.#orphans, ...this.#members.flatMap((member) => member.takeWaiting())];
    this.#orphans = [];
    change();
    for (const message of waiting) this.push(message);
  }
}

/** A batch of a pipeline or two is smaller: its ends, and what became ready by them. */
const MANY = 3;

class Queue {
  readonly #delivery: Delivery;
  readonly #maxQueued: number;
  #waiting: Message[] = [];
  #delivering: Promise<void> | undefined;
  #woken = false;
  #closed = false;
  #lastBatch = 0;

  constructor(delivery: Delivery, maxQueued: number) {
    this.#delivery = delivery;
    this.#maxQueued = maxQueued;
  }

  push(message: Message): void {
    pushBounded(this.#waiting, message, this.#maxQueued);
    this.#wake();
  }

  takeWaiting(): Message[] {
    const waiting = this.#waiting;
    this.#waiting = [];
    return waiting;
  }

  /** Messages that are left go back to the group: call before leaving it. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#delivering;
  }

  #wake(): void {
    if (this.#woken || this.#closed || this.#delivering !== undefined) return;
    this.#woken = true;
    const deliver = (): void => {
      this.#woken = false;
      if (this.#closed || this.#waiting.length === 0) return;
      this.#lastBatch = this.#waiting.length;
      this.#delivering = this.#deliver(this.takeWaiting()).finally(() => {
        this.#delivering = undefined;
        if (this.#waiting.length > 0) this.#wake();
      });
    };
    if (this.#lastBatch < MANY) queueMicrotask(deliver);
    else setImmediate(deliver);
  }

  async #deliver(batch: readonly Message[]): Promise<void> {
    try {
      await this.#delivery.deliver(batch);
    } catch (error) {
      // Not committed: in front of the queue again, as after a crash.
      this.#waiting = [...batch, ...this.#waiting];
      if (error instanceof DeliveryStopped) this.#closed = true;
    }
  }
}

class MemoryListener implements Listener {
  readonly #delivery: Delivery;
  readonly #onClose: () => void;
  readonly #queues: { queue: Queue; leave: () => void }[] = [];
  #closing: Promise<void> | undefined;

  constructor(delivery: Delivery, onClose: () => void) {
    this.#delivery = delivery;
    this.#onClose = onClose;
  }

  add(queue: Queue, leave: () => void): void {
    this.#queues.push({ queue, leave });
  }

  progressAgeMs(): number {
    return 0;
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#delivery.stop();
    await Promise.all(this.#queues.map(({ queue }) => queue.close()));
    for (const { leave } of this.#queues) leave();
    this.#onClose();
  }
}

const withId = (message: OutgoingMessage): Message =>
  message.id === undefined ? { ...message, id: randomUUID() } : (message as Message);

function pushBounded(queue: Message[], message: Message, max: number): void {
  queue.push(message);
  // A tenth at once, so that an overflowing queue does not pay a shift for every message.
  if (queue.length > max) queue.splice(0, Math.ceil(max / 10));
}

const closedFault = (): BusFault => new BusFault('bus.closed', 'the broker was closed by this process', { retryable: false });
