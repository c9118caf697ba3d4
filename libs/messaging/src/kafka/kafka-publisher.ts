import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { Message } from '@dagbook/contracts';
import type { Message as KafkaRecord, Producer, TopicMessages } from 'kafkajs';
import type { MessagePublisher, OutgoingMessage } from '../port.ts';
import { BusFault } from '../port.ts';
import { protocolTypeOf } from './refusal.ts';

/** The largest body; topics made by `KafkaBroker` take it (`max.message.bytes`). */
const MAX_BODY_BYTES = 2_000_000;
/** While the broker is away callers pile up behind the batch in flight; past this they are told at once. */
const MAX_WAITING = 100_000;
/**
 * Kafka's limit, 1 MiB unless a topic says otherwise, is for all records of a request that go to one partition, not for
 * each. Whoever sends more by one message flies alone.
 */
const MAX_BATCH_BYTES = 1_000_000;
/** Key, headers and framing of a record, generously. */
const RECORD_OVERHEAD_BYTES = 500;

/** A batch of a pipeline or two is smaller. */
const MANY = 8;
const GATHER_MS = 2;

interface Parcel {
  readonly topic: string;
  readonly records: KafkaRecord[];
}

interface Waiting {
  readonly parcels: readonly Parcel[];
  readonly bytes: number;
  readonly resolve: () => void;
  readonly reject: (fault: BusFault) => void;
}

/**
 * Sends with acks=all, one batch in flight: whatever is published while it flies is the next batch, so load makes
 * batches larger and idleness costs no wait. A request costs the broker and its readers some 100 µs of CPU whatever it
 * carries, so after a batch of many the next one gathers for `GATHER_MS`. kafkajs retries within the bounds it was made with; after that every
 * caller of the batch gets a retryable `BusFault`.
 */
export class KafkaPublisher implements MessagePublisher {
  readonly #producer: Producer;
  readonly #encode: (message: Message) => KafkaRecord;
  #waiting: Waiting[] = [];
  #flight: Promise<void> | undefined;
  #closed = false;

  constructor(producer: Producer, encode: (message: Message) => KafkaRecord) {
    this.#producer = producer;
    this.#encode = encode;
  }

  async publish(messages: readonly OutgoingMessage[]): Promise<void> {
    if (messages.length === 0) return;
    const byTopic = new Map<string, Parcel>();
    let bytes = 0;
    for (const message of messages) {
      const record = this.#encode({ ...message, id: message.id ?? randomUUID() } as Message);
      const bodyBytes = Buffer.byteLength(record.value as string);
      if (bodyBytes > MAX_BODY_BYTES) {
        const what = `${message.type} for ${message.topic} with key ${message.key}`;
        throw new BusFault('bus.too_large', `${what} has ${bodyBytes} bytes; a message may have ${MAX_BODY_BYTES}`, { retryable: false });
      }
      bytes += bodyBytes + RECORD_OVERHEAD_BYTES;
      addRecord(byTopic, message.topic, record);
    }
    return this.#enqueue([...byTopic.values()], bytes);
  }

  /** A record as it is, for dead letters. */
  async publishRecord(topic: string, record: KafkaRecord): Promise<void> {
    return this.#enqueue([{ topic, records: [record] }], record.value?.length ?? 0);
  }

  /** Sends what waits, takes nothing more. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#flight;
  }

  #enqueue(parcels: readonly Parcel[], bytes: number): Promise<void> {
    if (this.#closed) return Promise.reject(new BusFault('bus.closed', 'the broker was closed by this process', { retryable: false }));
    if (this.#waiting.length >= MAX_WAITING) {
      return Promise.reject(new BusFault('bus.unavailable', `${MAX_WAITING} publishes wait for Kafka already`, { retryable: true }));
    }
    return new Promise((resolve, reject) => {
      this.#waiting.push({ parcels, bytes, resolve, reject });
      // A microtask, so that publishes of one tick fly together.
      this.#flight ??= Promise.resolve().then(() => this.#fly());
    });
  }

  async #fly(): Promise<void> {
    while (this.#waiting.length > 0) {
      const batch = this.#takeBatch();
      const records = batch.reduce((sum, { parcels }) => sum + parcels.reduce((count, parcel) => count + parcel.records.length, 0), 0);
      try {
        await this.#producer.sendBatch({ acks: -1, topicMessages: merge(batch) });
        for (const { resolve } of batch) resolve();
      } catch (error) {
        const fault = faultOf(batch.length, error);
        for (const { reject } of batch) reject(fault);
      }
      if (records >= MANY && !this.#closed) await delay(GATHER_MS);
    }
    this.#flight = undefined;
  }

  #takeBatch(): Waiting[] {
    let bytes = 0;
    let count = 0;
    while (count < this.#waiting.length && (count === 0 || bytes + this.#waiting[count]!.bytes <= MAX_BATCH_BYTES)) {
      bytes += this.#waiting[count]!.bytes;
      count++;
    }
    if (count === this.#waiting.length) {
      const all = this.#waiting;
      this.#waiting = [];
      return all;
    }
    return this.#waiting.splice(0, count);
  }
}

function faultOf(publishes: number, error: unknown): BusFault {
  const said = `Kafka did not take ${publishes} publishes: ${error instanceof Error ? error.message : String(error)}`;
  const type = protocolTypeOf(error);
  // MESSAGE_TOO_LARGE: a topic of the site's own making, with a lower limit than ours.
  const code = type === 'MESSAGE_TOO_LARGE' ? 'bus.too_large' : type === 'TOPIC_AUTHORIZATION_FAILED' ? 'bus.refused' : 'bus.unavailable';
  return new BusFault(code, said, { retryable: code === 'bus.unavailable', cause: error });
}

function merge(batch: readonly Waiting[]): TopicMessages[] {
  const byTopic = new Map<string, Parcel>();
  for (const { parcels } of batch) {
    for (const { topic, records } of parcels) for (const record of records) addRecord(byTopic, topic, record);
  }
  return [...byTopic.values()].map(({ topic, records }) => ({ topic, messages: records }));
}

function addRecord(byTopic: Map<string, Parcel>, topic: string, record: KafkaRecord): void {
  const parcel = byTopic.get(topic);
  if (parcel === undefined) byTopic.set(topic, { topic, records: [record] });
  else parcel.records.push(record);
}
