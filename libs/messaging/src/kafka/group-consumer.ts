import { setTimeout as delay } from 'node:timers/promises';
import type { Consumer, EachBatchPayload, Kafka } from 'kafkajs';
import { BusFault } from '../port.ts';
import type { PartitionQueue } from './partition-queue.ts';

export interface GroupConsumerOptions {
  readonly kafka: Kafka;
  readonly groupId: string;
  readonly topics: readonly string[];
  /**
   * `committed`: go on where the group stood, from the oldest record when it is new. `given`: from these offsets
   * (`<topic>/<partition>`), and after a crash from where this process stood; nothing is committed.
   */
  readonly start: { readonly from: 'committed' } | { readonly from: 'given'; readonly offsets: ReadonlyMap<string, string> };
  readonly concurrency: number;
  /** Before each start: the broker may have come back empty. */
  readonly prepare: () => Promise<void>;
  readonly makeQueue: (topic: string, partition: number, onDone: (nextOffset: string) => void) => PartitionQueue;
  readonly log: { info(message: string, attributes?: object): void; warn(message: string, attributes?: object): void };
  readonly onFatal: (error: unknown) => void;
  readonly limits: ConsumerLimits;
}

export interface ConsumerLimits {
  /** Without a word from the broker for so long, a consumer that thinks it runs is made anew. */
  readonly stalledAfterMs: number;
  /** A consumer that could not be mended for so long is fatal. */
  readonly fatalAfterMs: number;
  /** The same for errors that kafkajs calls not retriable. */
  readonly fatalAfterHardErrorMs: number;
}

export const DEFAULT_LIMITS: ConsumerLimits = { stalledAfterMs: 60_000, fatalAfterMs: 600_000, fatalAfterHardErrorMs: 15_000 };

const HEARTBEAT_MS = 1_000;

/**
 * One kafkajs consumer and its successors. kafkajs fetches, `PartitionQueue`s deliver, and offsets are committed here:
 * one commit in flight, always of the newest offsets done, so that no batch waits for the commit of the one before.
 *
 * States: starting → consuming → (crashed or stalled → starting again after a pause) → closed, or fatal when it has not
 * consumed for `fatalAfterMs`. kafkajs's own restart is off: it restarts for ever without a sign.
 */
export class GroupConsumer {
  readonly #options: GroupConsumerOptions;
  readonly #queues = new Map<string, PartitionQueue>();
  /** Next offset to fetch, by `<topic>/<partition>`; only for `given` starts. */
  readonly #positions: Map<string, string>;
  readonly #done = new Map<string, { topic: string; partition: number; offset: string }>();
  #assigned: ReadonlySet<string> = new Set();
  #consumer: Consumer | undefined;
  #heardMs = performance.now();
  #committing: Promise<void> | undefined;
  #mending: Promise<void> | undefined;
  /** kafkajs tells of a crash while `run` is under way by the event alone: `run` then resolves as if all were well. */
  #crashedWhileMending: { readonly consumer: Consumer | undefined; readonly error: unknown } | undefined;
  #watch: NodeJS.Timeout | undefined;
  #generation = 0;
  #closed = false;

  constructor(options: GroupConsumerOptions) {
    this.#options = options;
    this.#positions = new Map(options.start.from === 'given' ? options.start.offsets : []);
  }

  /** The first start: fails when the broker is away, unlike later ones. */
  async start(): Promise<void> {
    try {
      await this.#consume();
    } catch (error) {
      await this.#abandon();
      throw error;
    }
    const { stalledAfterMs } = this.#options.limits;
    this.#watch = setInterval(() => {
      if (performance.now() - this.#heardMs > stalledAfterMs) this.#mend(new BusFault('bus.unavailable', `no word from Kafka for ${stalledAfterMs} ms`, { retryable: true }));
    }, stalledAfterMs / 4);
    this.#watch.unref();
  }

  progressAgeMs(): number {
    const nowMs = performance.now();
    let ageMs = nowMs - this.#heardMs;
    for (const queue of this.#queues.values()) ageMs = Math.max(ageMs, queue.inHandMs(nowMs));
    return ageMs;
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    clearInterval(this.#watch);
    await Promise.all([...this.#queues.values()].map((queue) => queue.stop()));
    await this.#mending;
    await this.#committing;
    await this.#commit();
    await this.#consumer?.disconnect().catch(() => undefined);
  }

  async #consume(): Promise<void> {
    const { kafka, groupId, topics, start, concurrency, prepare } = this.#options;
    await prepare();
    const consumer = kafka.consumer({
      // Nothing is committed under a `given` start, so each successor takes a group of its own: in the old one it would
      // wait until its predecessor's session has run out.
      groupId: start.from === 'committed' ? groupId : `${groupId}.${++this.#generation}`,
      // The broker answers a waiting fetch as soon as there is a record; this only bounds how long a stop waits.
      maxWaitTimeInMs: 250,
      heartbeatInterval: HEARTBEAT_MS,
      sessionTimeout: 6_000,
      rebalanceTimeout: 6_000,
      allowAutoTopicCreation: false,
      retry: { retries: 3, initialRetryTime: 100, maxRetryTime: 1_000, restartOnFailure: async () => false },
    });
    consumer.on('consumer.crash', ({ payload }) => {
      if (consumer === this.#consumer) this.#mend(payload.error);
    });
    consumer.on('consumer.fetch', () => this.#heard(consumer));
    consumer.on('consumer.heartbeat', () => this.#heard(consumer));
    consumer.on('consumer.group_join', ({ payload }) => {
      if (consumer === this.#consumer) this.#joined(consumer, payload.memberAssignment);
    });
    this.#consumer = consumer;
    await consumer.connect();
    await consumer.subscribe({ topics: [...topics], fromBeginning: start.from === 'committed' });
    await consumer.run({
      autoCommit: false,
      eachBatchAutoResolve: false,
      partitionsConsumedConcurrently: concurrency,
      eachBatch: (payload) => this.#accept(payload),
    });
    this.#heard(consumer);
  }

  #joined(consumer: Consumer, assignment: Readonly<Record<string, number[]>>): void {
    for (const queue of this.#queues.values()) if (this.#options.start.from === 'committed') queue.forgetWaiting();
    this.#assigned = new Set(Object.entries(assignment).flatMap(([topic, partitions]) => partitions.map((partition) => `${topic}/${partition}`)));
    for (const key of this.#done.keys()) if (!this.#assigned.has(key)) this.#done.delete(key);
    for (const [topic, partitions] of Object.entries(assignment)) {
      for (const partition of partitions) {
        const offset = this.#positions.get(`${topic}/${partition}`);
        if (offset !== undefined) consumer.seek({ topic, partition, offset });
      }
    }
  }

  async #accept({ batch, resolveOffset, heartbeat, isRunning, isStale }: EachBatchPayload): Promise<void> {
    if (!isRunning() || isStale() || this.#closed) return;
    const { topic, partition, messages } = batch;
    const last = messages.at(-1);
    if (last === undefined) return;
    const queue = this.#queueOf(topic, partition);
    const room = queue.push(messages);
    if (this.#options.start.from === 'given') this.#positions.set(`${topic}/${partition}`, String(BigInt(last.offset) + 1n));
    resolveOffset(last.offset);
    if (!room) await beating(queue.room(), heartbeat);
  }

  #queueOf(topic: string, partition: number): PartitionQueue {
    const key = `${topic}/${partition}`;
    let queue = this.#queues.get(key);
    if (queue === undefined) {
      queue = this.#options.makeQueue(topic, partition, (offset) => {
        // A batch that outlived a rebalance: a commit now would set back whoever has the partition.
        if (this.#options.start.from === 'given' || !this.#assigned.has(key)) return;
        this.#done.set(key, { topic, partition, offset });
        this.#committing ??= this.#commitUntilDone();
      });
      this.#queues.set(key, queue);
    }
    return queue;
  }

  async #commitUntilDone(): Promise<void> {
    while (this.#done.size > 0 && !this.#closed) await this.#commit();
    this.#committing = undefined;
  }

  /** What cannot be committed is done again by whoever fetches it next; a newer commit carries it along. */
  async #commit(): Promise<void> {
    if (this.#done.size === 0) return;
    const offsets = [...this.#done.values()];
    this.#done.clear();
    try {
      await this.#consumer!.commitOffsets(offsets);
    } catch (error) {
      this.#options.log.warn('offsets were not committed; their messages may come again', { group: this.#options.groupId, error: String(error) });
    }
  }

  #heard(consumer: Consumer): void {
    if (consumer === this.#consumer) this.#heardMs = performance.now();
  }

  #mend(error: unknown): void {
    if (this.#closed) return;
    if (this.#mending !== undefined) {
      this.#crashedWhileMending = { consumer: this.#consumer, error };
      return;
    }
    this.#mending = this.#startAgain(error).finally(() => {
      this.#mending = undefined;
      const crash = this.#crashedWhileMending;
      this.#crashedWhileMending = undefined;
      if (crash !== undefined && crash.consumer === this.#consumer) this.#mend(crash.error);
    });
  }

  async #startAgain(cause: unknown): Promise<void> {
    const { limits, log, groupId, onFatal } = this.#options;
    let error = cause;
    for (let pauseMs = 100; !this.#closed; pauseMs = Math.min(pauseMs * 2, 2_000)) {
      const deafMs = performance.now() - this.#heardMs;
      if (deafMs > (isRetriable(error) ? limits.fatalAfterMs : limits.fatalAfterHardErrorMs)) {
        onFatal(error);
        return;
      }
      log.warn('the consumer stopped and is made anew', { group: groupId, deafMs: Math.round(deafMs), error: String(error) });
      await this.#abandon();
      await delay(pauseMs, undefined, { ref: false });
      if (this.#closed) return;
      try {
        return await this.#consume();
      } catch (again) {
        error = again;
      }
    }
  }

  async #abandon(): Promise<void> {
    const consumer = this.#consumer;
    this.#consumer = undefined;
    // A consumer that hangs may hang in its disconnect too; it has no say any more either way.
    await Promise.race([consumer?.disconnect().catch(() => undefined), delay(2_000, undefined, { ref: false })]);
  }
}

/** Waits while telling the group coordinator that this member lives. */
async function beating(wait: Promise<void>, heartbeat: () => Promise<void>): Promise<void> {
  const done = Symbol('done');
  for (;;) {
    const timer = new AbortController();
    const beat = delay(HEARTBEAT_MS, undefined, { signal: timer.signal }).catch(() => undefined);
    const first = await Promise.race([wait.then(() => done), beat]);
    timer.abort();
    if (first === done) return;
    await heartbeat();
  }
}

/** In kafkajs's words or in ours. */
export const isRetriable = (error: unknown): boolean =>
  typeof error === 'object' && error !== null &&
  ('retriable' in error && error.retriable === true || 'retryable' in error && error.retryable === true || 'name' in error && error.name === 'KafkaJSNumberOfRetriesExceeded');
