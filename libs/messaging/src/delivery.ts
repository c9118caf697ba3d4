import type { Message } from '@dagbook/contracts';
import type { BatchHandler, BusFaults, DeadLetter, ListenRequest, MessageAttempts } from './port.ts';

export interface DeliveryPolicy {
  /** Failures after which a message is set aside. */
  readonly maxTries: number;
  /** Pause before try number `tryNumber` (from 2 on), in milliseconds. */
  readonly backoffMs: (tryNumber: number) => number;
}

export const DEFAULT_POLICY: DeliveryPolicy = {
  maxTries: 5,
  backoffMs: (tryNumber) => Math.min(50 * 2 ** (tryNumber - 2), 2_000),
};

/** The listener was closed while a message waited for its next try: nothing is committed, the message comes again. */
export class DeliveryStopped extends Error {
  readonly code = 'bus.delivery_stopped';
}

/**
 * Takes a batch of one partition to its handlers and returns when every message has had its effect or lies in the dead
 * letter; it throws only `DeliveryStopped`, a fault of the dead letter itself, or an injected crash.
 *
 * States of a message: in a run (handed over with its neighbours of the same handler) → done; or, when the run failed,
 * alone in the end (runs are halved until the culprit stands by itself, its neighbours are done) → tried again, each
 * failure counted → done or set aside. A fault that calls itself `retryable` is nobody's guilt: the run waits and is
 * tried again whole, uncounted.
 */
export class Delivery {
  readonly #group: string;
  readonly #handlerOf: ListenRequest['handlerOf'];
  readonly #attempts: MessageAttempts;
  readonly #policy: DeliveryPolicy;
  readonly #deadLetter: (letter: DeadLetter, message: Message) => Promise<void>;
  readonly #beforeCommit: BusFaults['beforeCommit'];
  readonly #stop = new AbortController();

  constructor(options: {
    group: string;
    handlerOf: ListenRequest['handlerOf'];
    attempts: MessageAttempts;
    policy: DeliveryPolicy;
    deadLetter: (letter: DeadLetter, message: Message) => Promise<void>;
    faults: BusFaults | undefined;
  }) {
    this.#group = options.group;
    this.#handlerOf = options.handlerOf;
    this.#attempts = options.attempts;
    this.#policy = options.policy;
    this.#deadLetter = options.deadLetter;
    this.#beforeCommit = options.faults?.beforeCommit?.bind(options.faults);
  }

  /** Messages that wait for another try give up, so that a close does not wait for them. */
  stop(): void {
    this.#stop.abort();
  }

  async deliver(messages: readonly Message[]): Promise<void> {
    let start = 0;
    while (start < messages.length) {
      const first = messages[start]!;
      const handler = this.#handlerOf(first.type);
      if (handler === undefined) {
        await this.#setAside(first, 'no_handler', `no handler in ${this.#group} for messages of type ${first.type}`);
        start++;
        continue;
      }
      let end = start + 1;
      while (end < messages.length && this.#handlerOf(messages[end]!.type) === handler) end++;
      await this.#deliverRun(handler, start === 0 && end === messages.length ? messages : messages.slice(start, end));
      start = end;
    }
    if (this.#beforeCommit !== undefined) await this.#beforeCommit(messages);
  }

  async #deliverRun(handler: BatchHandler, run: readonly Message[]): Promise<void> {
    for (let faults = 0; ; ) {
      try {
        return await handler(run);
      } catch (error) {
        if (isRetryable(error)) {
          faults++;
          await this.#pause(faults + 1);
        } else if (run.length > 1) {
          const half = run.length >> 1;
          await this.#deliverRun(handler, run.slice(0, half));
          return this.#deliverRun(handler, run.slice(half));
        } else if (await this.#exhausted(run[0]!, error)) {
          return;
        }
      }
    }
  }

  async #exhausted(message: Message, error: unknown): Promise<boolean> {
    const reason = describe(error);
    const failed = { group: this.#group, topic: message.topic, messageId: message.id, reason };
    const failures = await this.#attempts.recordFailure(failed);
    if (failures < this.#policy.maxTries) {
      await this.#pause(failures + 1);
      return false;
    }
    await this.#setAside(message, 'failed', `failed ${failures} times, last with: ${reason}`);
    await this.#attempts.forget(failed);
    return true;
  }

  async #setAside(message: Message, code: DeadLetter['code'], reason: string): Promise<void> {
    const { topic, key, type, id } = message;
    await this.#deadLetter({ topic, key, type, id, group: this.#group, code, reason }, message);
  }

  async #pause(tryNumber: number): Promise<void> {
    const signal = this.#stop.signal;
    if (!signal.aborted) {
      await new Promise<void>((resolve) => {
        const done = (): void => {
          clearTimeout(timer);
          signal.removeEventListener('abort', done);
          resolve();
        };
        const timer = setTimeout(done, this.#policy.backoffMs(tryNumber));
        signal.addEventListener('abort', done);
      });
    }
    if (signal.aborted) throw new DeliveryStopped('the listener was closed');
  }
}

/** The default `MessageAttempts`: for services without a database, and for memory. */
export class MemoryMessageAttempts implements MessageAttempts {
  readonly #failures = new Map<string, number>();

  async recordFailure(failed: { group: string; topic: string; messageId: string }): Promise<number> {
    const key = `${failed.group} ${failed.topic} ${failed.messageId}`;
    const failures = (this.#failures.get(key) ?? 0) + 1;
    this.#failures.set(key, failures);
    return failures;
  }

  async forget(failed: { group: string; topic: string; messageId: string }): Promise<void> {
    this.#failures.delete(`${failed.group} ${failed.topic} ${failed.messageId}`);
  }
}

const isRetryable = (error: unknown): boolean =>
  typeof error === 'object' && error !== null && 'retryable' in error && error.retryable === true;

const describe = (error: unknown): string => (error instanceof Error ? `${error.name}: ${error.message}` : JSON.stringify(error) ?? String(error));
