import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { assignmentTopic, deadLetterTopic, TOPICS } from '@dagbook/contracts';
import { type KafkaServer, startKafka } from '@dagbook/parts';
import { describeMessageBroker, Inbox } from '@dagbook/testkit';
import { Kafka, type KafkaMessage, logLevel } from 'kafkajs';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { KafkaBroker, type KafkaBrokerOptions } from './kafka-broker.ts';

const root = fileURLToPath(new URL('../../../../', import.meta.url));
const quiet = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };
let dir: string;
let server: KafkaServer;

const start = () => startKafka({ dir, cacheDir: join(root, '.dagbook/kafka'), pom: join(root, 'deploy/kafka/pom.xml') });

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'dagbook-bus-'));
  server = await start();
});
afterAll(async () => {
  await server?.stop();
  rmSync(dir, { recursive: true, force: true });
});

const open: { close(): Promise<unknown> }[] = [];
afterEach(async () => {
  for (const one of open.splice(0)) await one.close();
});

async function connect(options: Partial<KafkaBrokerOptions> = {}): Promise<KafkaBroker> {
  const broker = await KafkaBroker.connect({ brokers: server.brokers, service: 'worker', nowMs: () => Date.UTC(2026, 0, 2, 3, 4, 5, 678), log: quiet, ...options });
  open.push(broker);
  return broker;
}

/** Reads a topic from its beginning with a plain client. */
async function records(topic: string, count: number): Promise<readonly KafkaMessage[]> {
  const kafka = new Kafka({ brokers: [...server.brokers], logLevel: logLevel.NOTHING });
  const consumer = kafka.consumer({ groupId: `test-${Math.random()}`, maxWaitTimeInMs: 50 });
  const found: KafkaMessage[] = [];
  await consumer.connect();
  await consumer.subscribe({ topics: [topic], fromBeginning: true });
  await new Promise<void>((resolve, reject) => {
    consumer
      .run({
        eachMessage: async ({ message }) => {
          found.push(message);
          if (found.length >= count) resolve();
        },
      })
      .catch(reject);
  });
  await consumer.disconnect();
  return found;
}

const header = (record: KafkaMessage, name: string) => record.headers?.[name]?.toString();

describeMessageBroker('KafkaBroker', async () => ({
  bus: {
    connect: (options) => KafkaBroker.connect({ brokers: server.brokers, service: 'worker', nowMs: () => Date.now(), log: quiet, ...options }),
    deadLetters: async (topic, count) =>
      (await records(deadLetterTopic(topic), count)).map((record) => ({
        id: header(record, 'ce_id') ?? '',
        code: header(record, 'dagbook_dead_code') as 'failed',
        reason: header(record, 'dagbook_dead_reason') ?? '',
      })),
  },
  close: async () => undefined,
}));

const drain = (topic: string, id: string) => ({ topic, key: 'k', type: 'DrainWorker', id, data: { by: id } }) as const;
const listen = (broker: KafkaBroker, topic: string, inbox: Inbox, mode: 'shared' | 'broadcast' = 'shared', onFatal?: (error: unknown) => void) =>
  broker.listen({ service: 'worker', instance: '1', subscriptions: [{ topic, mode }], handlerOf: () => inbox.handler, ...(onFatal === undefined ? {} : { onFatal }) });

test('a message is a CloudEvent in binary mode', async () => {
  const broker = await connect();
  const topic = assignmentTopic('binary').name;
  const inbox = new Inbox();
  await listen(broker, topic, inbox);
  await broker.publisher().publish([
    { topic, key: 'etl/r1/load/-1/1', type: 'AttemptRevoked', id: '7b0c', data: { attemptId: 'etl/r1/load/-1/1', epoch: 3, reason: '취소' }, traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01' },
  ]);
  const [record] = await records(topic, 1);
  expect(record!.key!.toString()).toBe('etl/r1/load/-1/1');
  expect(record!.value!.toString()).toBe('{"attemptId":"etl/r1/load/-1/1","epoch":3,"reason":"취소"}');
  expect(Object.fromEntries(Object.entries(record!.headers!).map(([name, value]) => [name, value?.toString()]))).toEqual({
    ce_specversion: '1.0',
    ce_id: '7b0c',
    ce_type: 'dev.dagbook.AttemptRevoked.v1',
    ce_source: '/dagbook/worker',
    ce_subject: 'etl/r1/load/-1/1',
    ce_time: '2026-01-02T03:04:05.678Z',
    'content-type': 'application/json',
    traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
  });
});

test('a topic that is gone, as all are when the broker comes back empty, is made again by who listens to it', async () => {
  const broker = await connect();
  const topic = assignmentTopic('forgotten').name;
  const inbox = new Inbox();
  await listen(broker, topic, inbox, 'broadcast');
  await broker.publisher().publish([drain(topic, 'before')]);
  await inbox.until((ids) => ids.includes('before'));
  const admin = new Kafka({ brokers: [...server.brokers], logLevel: logLevel.NOTHING }).admin();
  await admin.connect();
  open.push({ close: () => admin.disconnect() });
  await admin.deleteTopics({ topics: [topic, deadLetterTopic(topic)] });
  await expect.poll(() => admin.listTopics(), { timeout: 20_000 }).toContain(topic);
  const other = await connect();
  await expect.poll(async () => {
    await other.publisher().publish([drain(topic, 'after')]).catch(() => undefined);
    return inbox.ids.includes('after');
  }, { timeout: 20_000 }).toBe(true);
});

test('an update of an asset that a system outside writes with the headers that the docs name arrives', async () => {
  const broker = await connect({ service: 'scheduler' });
  const topic = TOPICS.assetEvents.name;
  const inbox = new Inbox();
  await listen(broker, topic, inbox);
  const producer = new Kafka({ brokers: [...server.brokers], logLevel: logLevel.NOTHING }).producer();
  await producer.connect();
  open.push({ close: () => producer.disconnect() });
  const headers = { ce_specversion: '1.0', ce_type: 'dev.dagbook.SubmitAssetEvent.v1', ce_id: 'delivery-7', ce_source: '/partner/files' };
  await producer.send({ topic, messages: [{ key: 's3://lake/orders', value: '{"uri":"s3://lake/orders","extra":{"rows":3}}', headers }] });
  await inbox.until((ids) => ids.length === 1);
  expect(inbox.messages).toMatchObject([{ id: 'delivery-7', type: 'SubmitAssetEvent', key: 's3://lake/orders', data: { uri: 's3://lake/orders', extra: { rows: 3 } } }]);
});

test('what cannot be parsed lies in the dead letter at once, as it came, and what is behind it is handled', async () => {
  const broker = await connect();
  const topic = assignmentTopic('garbage').name;
  const inbox = new Inbox();
  await listen(broker, topic, inbox);
  const producer = new Kafka({ brokers: [...server.brokers], logLevel: logLevel.NOTHING }).producer();
  await producer.connect();
  open.push({ close: () => producer.disconnect() });
  const ce = { ce_id: '1', ce_type: 'dev.dagbook.DrainWorker.v1' };
  await producer.send({
    topic,
    messages: [
      { key: 'a', value: Buffer.from([0xff, 0x00, 0x7b]), headers: { ce_id: '1', ce_type: 'dev.dagbook.DrainWorker.v1', own: 'kept' } },
      { key: 'b', value: '{}', headers: {} },
      { key: 'c', value: '[]', headers: ce },
      { key: 'd', value: null, headers: ce },
      { key: 'e', value: '{}', headers: { ce_type: 'dev.dagbook.DrainWorker.v1' } },
      { key: 'f', value: '{"by":"me"}', headers: { ...ce, ce_id: 'good' } },
    ],
  });
  await inbox.until((ids) => ids.length === 1);
  expect(inbox.ids).toEqual(['good']);
  const dead = await records(deadLetterTopic(topic), 5);
  expect(dead.map((record) => [record.key?.toString(), header(record, 'dagbook_dead_code')])).toEqual(['a', 'b', 'c', 'd', 'e'].map((key) => [key, 'unparseable']));
  expect(dead[0]!.value).toEqual(Buffer.from([0xff, 0x00, 0x7b]));
  expect(header(dead[0]!, 'own')).toBe('kept');
  expect(dead.slice(1).map((record) => header(record, 'dagbook_dead_reason'))).toEqual([
    'header ce_type is missing; it must be dev.dagbook.<Type>.v1',
    'the body must be a JSON object',
    'the record has no value; the body must be a JSON object',
    'header ce_id is missing; every message needs an id',
  ]);
});

test('a listener that asks for it begins with what was published before it came', async () => {
  const broker = await connect({ nowMs: Date.now });
  const topic = assignmentTopic('replayed').name;
  const revoked = (id: string) => ({ topic, key: 'a', type: 'AttemptRevoked' as const, id, data: { attemptId: 'etl/r1/load/-1/1' as const, epoch: 1, reason: 'late' } });
  const [plain, replaying] = [new Inbox(), new Inbox()];
  await listen(broker, topic, new Inbox(), 'broadcast');
  await broker.publisher().publish([revoked('before')]);
  await listen(broker, topic, plain, 'broadcast');
  await broker.listen({ service: 'worker', instance: 'replaying', subscriptions: [{ topic, mode: 'broadcast', replayMs: 60_000 }], handlerOf: () => replaying.handler });
  await broker.publisher().publish([revoked('after')]);
  await Promise.all([plain, replaying].map((inbox) => inbox.until((ids) => ids.includes('after'))));
  expect(plain.ids).toEqual(['after']);
  expect(replaying.ids).toEqual(['before', 'after']);
});

test('a message over the limit is refused alone, with its size', async () => {
  const broker = await connect();
  const topic = assignmentTopic('large').name;
  const inbox = new Inbox();
  await listen(broker, topic, inbox);
  const huge = broker.publisher().publish([{ ...drain(topic, 'huge'), data: { by: 'x'.repeat(2_000_000) } }]);
  const large = broker.publisher().publish([{ ...drain(topic, 'large'), data: { by: 'x'.repeat(1_999_000) } }]);
  const small = broker.publisher().publish([drain(topic, 'small')]);
  await expect(huge).rejects.toMatchObject({ code: 'bus.too_large', retryable: false });
  await Promise.all([large, small]);
  await inbox.until((ids) => ids.length === 2);
  expect(inbox.ids).toEqual(['large', 'small']);
});

test('a topic that no table names is refused', async () => {
  const broker = await connect();
  await expect(listen(broker, 'dagbook.typo', new Inbox())).rejects.toMatchObject({ code: 'bus.unknown_topic', retryable: false });
});

test('a broker that is killed and comes back loses no publish that was accepted; listeners go on by themselves', async () => {
  const broker = await connect();
  const topic = assignmentTopic('restart').name;
  const [shared, broadcast] = [new Inbox(), new Inbox()];
  const fatal: unknown[] = [];
  await listen(broker, topic, shared, 'shared', (error) => fatal.push(error));
  await listen(broker, topic, broadcast, 'broadcast', (error) => fatal.push(error));
  const accepted: string[] = [];
  let refused = 0;
  const publish = async (id: string): Promise<void> => {
    for (;;) {
      try {
        await broker.publisher().publish([drain(topic, id)]);
        accepted.push(id);
        return;
      } catch (error) {
        expect(error).toMatchObject({ code: 'bus.unavailable', retryable: true });
        refused++;
      }
    }
  };
  for (let at = 0; at < 50; at++) await publish(`before-${at}`);
  process.kill(server.pid, 'SIGKILL');
  await server.exited;
  const during = Promise.all(Array.from({ length: 50 }, (_, at) => publish(`during-${at}`)));
  // Away until a publish has been refused, which is after all of kafkajs's own retries.
  while (refused === 0) await new Promise((resolve) => setImmediate(resolve));
  server = await start();
  await during;
  for (let at = 0; at < 50; at++) await publish(`after-${at}`);
  const everything = (ids: readonly string[]) => accepted.every((id) => ids.includes(id));
  await shared.until(everything);
  await broadcast.until(everything);
  expect(accepted.length).toBe(150);
  expect(fatal).toEqual([]);
});

test('a consumer that cannot be mended says so', async () => {
  const broker = await connect({ limits: { stalledAfterMs: 200, fatalAfterMs: 500, fatalAfterHardErrorMs: 500 } });
  const topic = assignmentTopic('deaf').name;
  const fatal = new Inbox();
  await listen(broker, topic, new Inbox(), 'broadcast', () => void fatal.handler([drain(topic, 'fatal') as never]));
  process.kill(server.pid, 'SIGKILL');
  await server.exited;
  await fatal.until((ids) => ids.length === 1);
  server = await start();
});
