import { randomUUID } from 'node:crypto';
import { connect as connectTcp, isIP } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { connect as connectTls, type ConnectionOptions } from 'node:tls';
import { assignmentTopic, deadLetterTopic, type Service, type Topic, TOPICS } from '@dagbook/contracts';
import { type Admin, Kafka, type KafkaMessage, logLevel, type PartitionerArgs, type Producer, type SASLOptions } from 'kafkajs';
import { DEFAULT_POLICY, Delivery, type DeliveryPolicy, MemoryMessageAttempts } from '../delivery.ts';
import type { BusFaults, DeadLetter, Listener, ListenRequest, MessageAttempts, MessageBroker, MessagePublisher, Subscription } from '../port.ts';
import { BusFault } from '../port.ts';
import { hashOf } from '../key-hash.ts';
import { CloudEventEncoder, deadRecord } from './cloud-event.ts';
import { type ConsumerLimits, DEFAULT_LIMITS, GroupConsumer, isRetriable } from './group-consumer.ts';
import { KafkaPublisher } from './kafka-publisher.ts';
import { PartitionQueue } from './partition-queue.ts';
import { connectFault, isForbidden } from './refusal.ts';
import { giveWorkerRights } from './worker-right.ts';

export interface KafkaBrokerOptions {
  /** `host:port` of one or more brokers to begin with. */
  readonly brokers: readonly string[];
  /** Who publishes: `ce_source` of what is sent, client id towards Kafka. */
  readonly service: Service;
  readonly nowMs: () => number;
  readonly log: BusLog;
  readonly ssl?: ConnectionOptions;
  readonly sasl?: SASLOptions;
  /** As the broker names it (`User:CN=dagbook-worker`): given a worker's rights, by a service that may give them. */
  readonly workerPrincipal?: string;
  /** Hosts whose workers each have a principal of their own, `<workerPrincipal>-<host>`. Absent or empty: they share the one. */
  readonly workerHosts?: readonly string[];
  /** Of topics made here; what exists is left as it is. */
  readonly replicationFactor?: number;
  /** Postgres where the service has a database; memory otherwise. */
  readonly attempts?: MessageAttempts;
  readonly policy?: DeliveryPolicy;
  readonly limits?: ConsumerLimits;
  readonly faults?: BusFaults;
  onDeadLetter?(letter: DeadLetter): void;
}

export interface BusLog {
  debug(message: string, attributes?: object): void;
  info(message: string, attributes?: object): void;
  warn(message: string, attributes?: object): void;
  error(message: string, attributes?: object): void;
}

/** Above the largest body with its headers, which also the dead letter's must fit in. */
const MAX_MESSAGE_BYTES = 2_100_000;
const DAY_MS = 86_400_000;
const ASSIGNMENT_PREFIX = assignmentTopic('').name;

/**
 * The bus of a cluster, over kafkajs. One producer for the whole process; for each `listen` at most two consumers (one
 * for its shared, one for its broadcast subscriptions).
 */
export class KafkaBroker implements MessageBroker {
  readonly #options: KafkaBrokerOptions;
  readonly #kafka: Kafka;
  readonly #admin: Admin;
  readonly #producer: Producer;
  readonly #publisher: KafkaPublisher;
  readonly #listeners = new Set<KafkaListener>();
  readonly #attempts: MessageAttempts;
  #closing: Promise<void> | undefined;

  /** Connects and makes the topics of the table that are missing. Rejects with a retryable `BusFault` when Kafka is away. */
  static async connect(options: KafkaBrokerOptions): Promise<KafkaBroker> {
    const broker = new KafkaBroker(options);
    try {
      await broker.#admin.connect();
      if (options.workerPrincipal !== undefined) await giveWorkerRights(broker.#admin, options.workerPrincipal, options.workerHosts);
      await broker.#ensureTopics(Object.values(TOPICS));
      await broker.#producer.connect();
    } catch (error) {
      await broker.close().catch(() => undefined);
      throw connectFault(options.brokers, error);
    }
    return broker;
  }

  private constructor(options: KafkaBrokerOptions) {
    this.#options = options;
    this.#attempts = options.attempts ?? new MemoryMessageAttempts();
    this.#kafka = new Kafka({
      clientId: `dagbook-${options.service}`,
      brokers: [...options.brokers],
      connectionTimeout: 3_000,
      requestTimeout: 5_000,
      retry: { retries: 5, initialRetryTime: 100, maxRetryTime: 2_000 },
      socketFactory: ({ host, port, ssl, onConnect }) => {
        // Not undefined but null or false without TLS, whatever the type says. An address is no server's name (RFC 6066); it is compared with the certificate all the same.
        const socket = ssl ? connectTls({ host, port, ...(isIP(host) === 0 ? { servername: host } : {}), ...ssl }, onConnect) : connectTcp({ host, port }, onConnect);
        socket.setKeepAlive(true, 60_000);
        // A batch is complete when it is written: waiting for more to fill a segment only adds to the hop.
        socket.setNoDelay(true);
        return socket;
      },
      logLevel: logLevel.WARN,
      logCreator: () => ({ level, log }) => {
        const { message, timestamp: _, ...attributes } = log;
        // kafkajs calls errors what it then retries; what it gives up reaches callers as faults.
        if (level <= logLevel.WARN) options.log.debug(`kafkajs: ${message}`, attributes);
      },
      ...(options.ssl === undefined ? {} : { ssl: options.ssl }),
      ...(options.sasl === undefined ? {} : { sasl: options.sasl }),
    });
    this.#admin = this.#kafka.admin();
    this.#producer = this.#kafka.producer({ createPartitioner: () => partitionOf, allowAutoTopicCreation: false, retry: { retries: 5, initialRetryTime: 100, maxRetryTime: 2_000 } });
    const encoder = new CloudEventEncoder(options.service, options.nowMs);
    this.#publisher = new KafkaPublisher(this.#producer, (message) => encoder.encode(message));
  }

  publisher(): MessagePublisher {
    return this.#publisher;
  }

  async listen(request: ListenRequest): Promise<Listener> {
    const topics = request.subscriptions.map(({ topic }) => topicNamed(topic));
    const listener = new KafkaListener((closed) => this.#listeners.delete(closed));
    this.#listeners.add(listener);
    try {
      await this.#ensureTopics(topics);
      for (const mode of ['shared', 'broadcast'] as const) {
        const ofMode = topics.filter((_, index) => request.subscriptions[index]!.mode === mode);
        if (ofMode.length > 0) await listener.add(await this.#consumer(request, mode, ofMode));
      }
    } catch (error) {
      await listener.close();
      throw unavailable(`${request.service} cannot listen to ${topics.map(({ name }) => name).join(', ')}`, error);
    }
    return listener;
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    await Promise.all([...this.#listeners].map((listener) => listener.close()));
    await this.#publisher.close();
    await Promise.all([this.#producer.disconnect(), this.#admin.disconnect()]);
  }

  async #consumer(request: ListenRequest, mode: Subscription['mode'], topics: readonly Topic[]): Promise<GroupConsumer> {
    const groupId = mode === 'shared' ? `dagbook.${request.service}` : `dagbook.${request.service}.${request.instance}.${randomUUID()}`;
    // Failures are counted for the service, not for the instance: its group name changes with each start.
    const group = `dagbook.${request.service}`;
    return new GroupConsumer({
      kafka: this.#kafka,
      groupId,
      topics: topics.map(({ name }) => name),
      start: mode === 'shared' ? { from: 'committed' } : { from: 'given', offsets: await this.#firstOffsets(topics, request.subscriptions) },
      concurrency: Math.min(8, topics.reduce((sum, { partitions }) => sum + partitions, 0)),
      prepare: () => this.#ensureTopics(topics),
      makeQueue: (topic, partition, onDone) => {
        const setAside = async (letter: DeadLetter, record: KafkaMessage): Promise<void> => {
          await this.#publisher.publishRecord(deadLetterTopic(topic), deadRecord(record, partition, letter)).catch((error: unknown) => {
            // A worker has no right to; what it says of the message in its log is all that is kept.
            if (!(error instanceof BusFault && error.code === 'bus.refused')) throw error;
          });
          this.#options.onDeadLetter?.(letter);
          this.#options.log.error('a message was set aside', { ...letter, partition, offset: record.offset });
        };
        const makeDelivery: ConstructorParameters<typeof PartitionQueue>[0]['makeDelivery'] = (deadLetter) =>
          new Delivery({
            group,
            handlerOf: (type) => request.handlerOf(type),
            attempts: this.#attempts,
            policy: this.#options.policy ?? DEFAULT_POLICY,
            deadLetter,
            faults: this.#options.faults,
          });
        return new PartitionQueue({ topic, group, makeDelivery, setAside, onDone });
      },
      log: this.#options.log,
      onFatal: (error) => {
        this.#options.log.error('the consumer cannot be mended', { group: groupId, error: String(error) });
        request.onFatal?.(error);
      },
      limits: this.#options.limits ?? DEFAULT_LIMITS,
    });
  }

  /** Of each partition: its end, or where what is to be replayed begins. */
  async #firstOffsets(topics: readonly Topic[], subscriptions: readonly Subscription[]): Promise<ReadonlyMap<string, string>> {
    const offsets = new Map<string, string>();
    for (const { name } of topics) {
      const replayMs = subscriptions.find(({ topic }) => topic === name)?.replayMs;
      const found = await patiently(async () =>
        replayMs === undefined
          ? (await this.#admin.fetchTopicOffsets(name)).map(({ partition, high }) => ({ partition, offset: high }))
          : this.#admin.fetchTopicOffsetsByTimestamp(name, this.#options.nowMs() - replayMs),
      );
      for (const { partition, offset } of found) offsets.set(`${name}/${partition}`, offset);
    }
    return offsets;
  }

  /** Makes what is missing, each with its dead letter topic. Two processes may do it at once. */
  async #ensureTopics(topics: readonly Topic[]): Promise<void> {
    const present = new Set(await this.#admin.listTopics());
    const wanted = topics.flatMap((topic) => [topic, { ...topic, name: deadLetterTopic(topic.name), partitions: 1, retentionMs: 14 * DAY_MS }]);
    const missing = wanted.filter(({ name }) => !present.has(name));
    if (missing.length === 0) return;
    // One of its own: kafkajs asks first for every topic that an admin ever named, and gives up where one of them is gone,
    // as all are when the broker has come back empty.
    const admin = this.#kafka.admin();
    await admin.connect();
    try {
      await this.#makeTopics(admin, missing);
    } finally {
      await admin.disconnect().catch(() => undefined);
    }
  }

  async #makeTopics(admin: Admin, missing: readonly Topic[]): Promise<void> {
    await admin.createTopics({
      waitForLeaders: false,
      topics: missing.map(({ name, partitions, retentionMs }) => ({
        topic: name,
        numPartitions: partitions,
        replicationFactor: this.#options.replicationFactor ?? 1,
        configEntries: [
          { name: 'retention.ms', value: String(retentionMs) },
          { name: 'max.message.bytes', value: String(MAX_MESSAGE_BYTES) },
        ],
      })),
    });
    const topics = missing.map(({ name }) => name);
    await patiently(async () => {
      const found = await admin.fetchTopicMetadata({ topics });
      const hasLeaders = found.topics.every(({ partitions }) => partitions.length > 0 && partitions.every(({ leader }) => leader >= 0));
      if (!hasLeaders) throw new BusFault('bus.unavailable', `${topics.join(', ')} have no leader yet`, { retryable: true });
    });
  }
}

class KafkaListener implements Listener {
  readonly #consumers: GroupConsumer[] = [];
  readonly #onClose: (listener: KafkaListener) => void;
  #closing: Promise<void> | undefined;

  constructor(onClose: (listener: KafkaListener) => void) {
    this.#onClose = onClose;
  }

  async add(consumer: GroupConsumer): Promise<void> {
    this.#consumers.push(consumer);
    await patiently(() => consumer.start());
  }

  progressAgeMs(): number {
    return Math.max(0, ...this.#consumers.map((consumer) => consumer.progressAgeMs()));
  }

  close(): Promise<void> {
    this.#closing ??= Promise.all(this.#consumers.map((consumer) => consumer.close())).then(() => this.#onClose(this));
    return this.#closing;
  }
}

/**
 * A broker that has just made a topic, or started, refuses for a moment what it will soon do (no leader, coordinator
 * loading), and kafkajs does not wait for all of it.
 */
async function patiently<T>(work: () => Promise<T>): Promise<T> {
  for (let tries = 40; ; tries--) {
    try {
      return await work();
    } catch (error) {
      if (tries === 0 || !isRetriable(error)) throw error;
    }
    await delay(100);
  }
}

/**
 * Where a key goes. Not Kafka's own murmur2, which kafkajs computes with objects for 64-bit numbers: nobody but our own
 * producers needs to find the same partition.
 */
function partitionOf({ partitionMetadata, message }: PartitionerArgs): number {
  const partitions = partitionMetadata.length;
  if (partitions === 1) return partitionMetadata[0]!.partitionId;
  return hashOf(message.key?.toString() ?? '') % partitions;
}

function topicNamed(name: string): Topic {
  const known = Object.values(TOPICS).find((topic) => topic.name === name);
  if (known !== undefined) return known;
  if (name.startsWith(ASSIGNMENT_PREFIX)) return assignmentTopic(name.slice(ASSIGNMENT_PREFIX.length));
  throw new BusFault('bus.unknown_topic', `${name} stands in no table of topics; add it to TOPICS`, { retryable: false });
}

function unavailable(what: string, error: unknown): BusFault {
  if (error instanceof BusFault) return error;
  if (isForbidden(error)) return new BusFault('bus.refused', `${what}: its principal has no right to; the dispatcher gives them to those of DAGBOOK_KAFKA_WORKER_HOSTS`, { retryable: false, cause: error });
  return new BusFault('bus.unavailable', `${what}: ${error instanceof Error ? error.message : String(error)}`, { retryable: true, cause: error });
}
