import { randomUUID } from 'node:crypto';
import { assignmentTopic, type Message, TOPICS } from '@dagbook/contracts';
import type { BatchHandler, BusFaults, DeadLetterCode, DeliveryPolicy, MessageAttempts, MessageBroker, OutgoingMessage } from '@dagbook/messaging';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

/** One bus under test. Brokers made from it are processes on the same bus. */
export interface BusUnderTest {
  connect(options: { policy: DeliveryPolicy; faults?: BusFaults; attempts?: MessageAttempts }): Promise<MessageBroker>;
  /** What lies in the dead letter of a topic, waiting until there are `count`. */
  deadLetters(topic: string, count: number): Promise<readonly DeadMessage[]>;
}

export interface DeadMessage {
  readonly id?: string;
  readonly code: DeadLetterCode;
  readonly reason: string;
}

/**
 * What every `MessageBroker` promises, whatever carries it. Call it inside a spec file; `makeBus` runs before each
 * test, its second half after it.
 */
export function describeMessageBroker(name: string, makeBus: () => Promise<{ bus: BusUnderTest; close: () => Promise<void> }>): void {
  describe(name, () => {
    let bus: BusUnderTest;
    let closeBus: () => Promise<void>;
    let brokers: MessageBroker[];
    let topic: string;

    beforeEach(async () => {
      ({ bus, close: closeBus } = await makeBus());
      brokers = [];
      topic = assignmentTopic(`slot-${randomUUID().slice(0, 8)}`).name;
    });
    afterEach(async () => {
      for (const broker of brokers) await broker.close();
      await closeBus();
    });

    async function connect(options: { faults?: BusFaults; attempts?: MessageAttempts; maxTries?: number } = {}): Promise<MessageBroker> {
      const { maxTries = 3, ...rest } = options;
      const broker = await bus.connect({ policy: { maxTries, backoffMs: () => 1 }, ...rest });
      brokers.push(broker);
      return broker;
    }

    const listen = (broker: MessageBroker, instance: string, mode: 'shared' | 'broadcast', handler: BatchHandler, on = topic) =>
      broker.listen({ service: 'worker', instance, subscriptions: [{ topic: on, mode }], handlerOf: () => handler });

    const closed = (id: string, key = 'k', on = topic): OutgoingMessage => ({ topic: on, key, type: 'AttemptRevoked', id, data: { attemptId: id, epoch: 1, reason: 'test' } });
    const drain = (id: string, key = 'k', on = topic): OutgoingMessage => ({ topic: on, key, type: 'DrainWorker', id, data: { by: id } });

    test('a message arrives whole', async () => {
      const broker = await connect();
      const inbox = new Inbox();
      await listen(broker, '1', 'shared', inbox.handler);
      const sent: OutgoingMessage = { ...closed('a', '열쇠'), traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01' };
      await broker.publisher().publish([sent]);
      await inbox.until((ids) => ids.length === 1);
      expect(inbox.messages).toEqual([sent]);
    });

    test('a message without an id gets one', async () => {
      const broker = await connect();
      const inbox = new Inbox();
      await listen(broker, '1', 'shared', inbox.handler);
      await broker.publisher().publish([{ topic, key: 'k', type: 'DrainWorker', data: { by: 'x' } }]);
      await inbox.until((ids) => ids.length === 1);
      expect(inbox.ids[0]).toMatch(/^[0-9a-f-]{36}$/);
    });

    test('broadcast: every instance sees everything from its own start, and nothing from before', async () => {
      const broker = await connect();
      const [first, second] = [new Inbox(), new Inbox()];
      await listen(broker, '1', 'broadcast', first.handler);
      await broker.publisher().publish([closed('before'), closed('before-too')]);
      await listen(broker, '2', 'broadcast', second.handler);
      await broker.publisher().publish([closed('after')]);
      await first.until((ids) => ids.includes('after'));
      await second.until((ids) => ids.includes('after'));
      expect(first.ids).toEqual(['before', 'before-too', 'after']);
      expect(second.ids).toEqual(['after']);
    });

    test('shared: what comes while nobody listens waits for the next instance, and what was committed does not come again', async () => {
      const broker = await connect();
      const first = new Inbox();
      await broker.publisher().publish([closed('1')]).catch(ignoreUnknownTopic);
      const listener = await listen(broker, '1', 'shared', first.handler);
      await broker.publisher().publish([closed('2')]);
      await first.until((ids) => ids.includes('2'));
      await listener.close();
      await broker.publisher().publish([closed('3')]);
      const second = new Inbox();
      await listen(broker, '2', 'shared', second.handler);
      await second.until((ids) => ids.includes('3'));
      expect(second.ids).toEqual(['3']);
    });

    test('order holds for each key, across types, and what gathered is handed over together', async () => {
      const logs = TOPICS.logs.name;
      const broker = await connect();
      const inbox = new Inbox();
      await listen(broker, '1', 'broadcast', inbox.handler, logs);
      const keys = ['a', 'b', 'c', 'd', 'e', 'f'];
      const sent = Array.from({ length: 300 }, (_, at) => (at % 3 === 0 ? drain : closed)(`${at}`, keys[at % keys.length], logs));
      for (let at = 0; at < sent.length; at += 30) await broker.publisher().publish(sent.slice(at, at + 30));
      await inbox.until((ids) => ids.length === sent.length);
      for (const key of keys) {
        expect(inbox.messages.filter((message) => message.key === key).map(({ id }) => id)).toEqual(sent.filter((message) => message.key === key).map(({ id }) => id));
      }
      expect(inbox.calls).toBeLessThan(sent.length);
    });

    test('a batch is parted by handler, in order', async () => {
      const broker = await connect();
      const calls: string[] = [];
      const inbox = new Inbox();
      const handlerNamed = (name: string): BatchHandler => async (messages) => {
        calls.push(...messages.map(({ id }) => `${name}:${id}`));
        await inbox.handler(messages);
      };
      const [revokes, drains] = [handlerNamed('revoked'), handlerNamed('drain')];
      await broker.listen({ service: 'worker', instance: '1', subscriptions: [{ topic, mode: 'shared' }], handlerOf: (type) => (type === 'DrainWorker' ? drains : revokes) });
      await broker.publisher().publish([closed('1'), drain('2'), drain('3'), closed('4')]);
      await inbox.until((ids) => ids.length === 4);
      expect(calls).toEqual(['revoked:1', 'drain:2', 'drain:3', 'revoked:4']);
    });

    test('a duplicate arrives as what it is: the same id again', async () => {
      const broker = await connect();
      const inbox = new Inbox();
      await listen(broker, '1', 'shared', inbox.handler);
      await broker.publisher().publish([closed('twin'), closed('other')]);
      await broker.publisher().publish([closed('twin')]);
      await inbox.until((ids) => ids.length === 3);
      expect(inbox.ids).toEqual(['twin', 'other', 'twin']);
    });

    test('a crash between effect and commit: the batch comes again', async () => {
      let crashes = 1;
      const broker = await connect({
        faults: {
          beforeCommit: async () => {
            if (crashes-- > 0) throw new Error('crashed before the commit');
          },
        },
      });
      const inbox = new Inbox();
      await listen(broker, '1', 'shared', inbox.handler);
      await broker.publisher().publish([closed('1')]);
      await inbox.until((ids) => ids.length === 2);
      expect(inbox.ids).toEqual(['1', '1']);
    });

    test('a listener that closes while a message waits for its next try leaves it to the next listener', async () => {
      const broker = await bus.connect({ policy: { maxTries: 100, backoffMs: () => 60_000 } });
      brokers.push(broker);
      const failed = new Inbox();
      const listener = await listen(broker, '1', 'shared', async (messages) => {
        await failed.handler(messages);
        throw new Error('not now');
      });
      await broker.publisher().publish([closed('1')]);
      await failed.until((ids) => ids.length === 1);
      await listener.close();
      await listener.close();
      const inbox = new Inbox();
      await listen(broker, '2', 'shared', inbox.handler);
      await inbox.until((ids) => ids.length === 1);
      expect(inbox.ids).toEqual(['1']);
    });

    test('a poison message ends in the dead letter after its tries, and holds up none of its neighbours', async () => {
      const broker = await connect({ maxTries: 3 });
      const inbox = new Inbox();
      let triesAlone = 0;
      await listen(broker, '1', 'shared', async (messages) => {
        if (messages.some(({ id }) => id === '5')) {
          if (messages.length === 1) triesAlone++;
          throw new RangeError('five is too much');
        }
        await inbox.handler(messages);
      });
      await broker.publisher().publish(Array.from({ length: 10 }, (_, at) => closed(`${at}`)));
      await inbox.until((ids) => ids.includes('9'));
      expect(await bus.deadLetters(topic, 1)).toEqual([{ id: '5', code: 'failed', reason: 'failed 3 times, last with: RangeError: five is too much' }]);
      expect(inbox.ids).toEqual(['0', '1', '2', '3', '4', '6', '7', '8', '9']);
      expect(triesAlone).toBe(3);
    });

    test('failures are counted where the process cannot forget them', async () => {
      const counted: string[] = [];
      const attempts: MessageAttempts = {
        recordFailure: async ({ group, messageId }) => counted.push(`${group} ${messageId}`) + 1,
        forget: async () => undefined,
      };
      const broker = await connect({ maxTries: 3, attempts });
      await listen(broker, '1', 'shared', async () => {
        throw new Error('always');
      });
      await broker.publisher().publish([closed('1')]);
      const dead = await bus.deadLetters(topic, 1);
      // One failure came from an earlier life of the process.
      expect(dead.map(({ reason }) => reason)).toEqual(['failed 3 times, last with: Error: always']);
      expect(counted).toEqual(['dagbook.worker 1', 'dagbook.worker 1']);
    });

    test('a retryable fault is nobody’s guilt: tried again beyond the limit, never set aside', async () => {
      const broker = await connect({ maxTries: 2 });
      const inbox = new Inbox();
      let faults = 7;
      await listen(broker, '1', 'shared', async (messages) => {
        if (faults-- > 0) throw Object.assign(new Error('the database is away'), { code: 'store.unavailable', retryable: true });
        await inbox.handler(messages);
      });
      await broker.publisher().publish([closed('1'), closed('2')]);
      await inbox.until((ids) => ids.length === 2);
      expect(inbox.ids).toEqual(['1', '2']);
      expect(faults).toBe(-1);
    });

    test('a message without a handler is set aside with the reason, not acknowledged in silence', async () => {
      const broker = await connect();
      const inbox = new Inbox();
      await broker.listen({ service: 'worker', instance: '1', subscriptions: [{ topic, mode: 'shared' }], handlerOf: (type) => (type === 'DrainWorker' ? inbox.handler : undefined) });
      await broker.publisher().publish([closed('1'), drain('2')]);
      await inbox.until((ids) => ids.length === 1);
      expect(await bus.deadLetters(topic, 1)).toEqual([{ id: '1', code: 'no_handler', reason: 'no handler in dagbook.worker for messages of type AttemptRevoked' }]);
      expect(inbox.ids).toEqual(['2']);
    });

    test('two shared instances part the keys; one that leaves is replaced by the other and nothing is lost', async () => {
      const reports = TOPICS.reports.name;
      const broker = await connect();
      const [first, second] = [new Inbox(), new Inbox()];
      const seen = new Inbox();
      const both = (own: Inbox): BatchHandler => async (messages) => {
        await own.handler(messages);
        await seen.handler(messages);
      };
      const keys = Array.from({ length: 40 }, (_, at) => `dag-${at}`);
      const round = (name: string) => keys.map((key) => closed(`${name}:${key}`, key, reports));
      const all = (name: string) => (ids: readonly string[]) => keys.every((key) => ids.includes(`${name}:${key}`));
      const listener = await listen(broker, '1', 'shared', both(first), reports);
      await broker.publisher().publish(round('alone'));
      await seen.until(all('alone'));
      await listen(broker, '2', 'shared', both(second), reports);
      // Rounds until the group has settled: the newcomer has a share of one.
      let rounds = 0;
      for (; second.ids.length === 0; rounds++) {
        await broker.publisher().publish(round(`both-${rounds}`));
        await seen.until(all(`both-${rounds}`));
      }
      await broker.publisher().publish(round('parted'));
      await seen.until(all('parted'));
      const share = (inbox: Inbox) => new Set(inbox.messages.filter(({ id }) => id.startsWith('parted:')).map(({ key }) => key));
      expect(share(first).size).toBeGreaterThan(0);
      expect(share(second).size).toBeGreaterThan(0);
      expect([...share(first)].filter((key) => share(second).has(key))).toEqual([]);
      const leaving = broker.publisher().publish(round('leaving'));
      await listener.close();
      await leaving;
      await seen.until(all('leaving'));
      await broker.publisher().publish(round('left'));
      await second.until(all('left'));
    });

    test('a closed broker takes no more, and says so', async () => {
      const broker = await connect();
      const inbox = new Inbox();
      await listen(broker, '1', 'shared', inbox.handler);
      await broker.publisher().publish([closed('1')]);
      await inbox.until((ids) => ids.length === 1);
      await broker.close();
      await broker.close();
      await expect(broker.publisher().publish([closed('2')])).rejects.toMatchObject({ code: 'bus.closed', retryable: false });
    });
  });
}

/** Collects messages and lets a test wait for them without a clock. */
export class Inbox {
  readonly messages: Message[] = [];
  calls = 0;
  #waiting: { met: (ids: readonly string[]) => boolean; resolve: () => void }[] = [];

  readonly handler: BatchHandler = async (messages) => {
    this.calls++;
    this.messages.push(...messages);
    const ids = this.ids;
    this.#waiting = this.#waiting.filter(({ met, resolve }) => {
      if (!met(ids)) return true;
      resolve();
      return false;
    });
  };

  get ids(): readonly string[] {
    return this.messages.map(({ id }) => id);
  }

  async until(met: (ids: readonly string[]) => boolean): Promise<void> {
    if (met(this.ids)) return;
    await new Promise<void>((resolve) => this.#waiting.push({ met, resolve }));
  }
}

/** Kafka makes a slot's topic when somebody first listens to it; memory needs no making. */
const ignoreUnknownTopic = (error: unknown): void => {
  if ((error as { code?: string }).code !== 'bus.unavailable') throw error;
};
