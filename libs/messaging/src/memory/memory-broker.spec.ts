import { describeMessageBroker, Inbox } from '@dagbook/testkit';
import { expect, test } from 'vitest';
import { MemoryBroker } from './memory-broker.ts';

describeMessageBroker('MemoryBroker', async () => {
  let broker: MemoryBroker;
  let arrived = Promise.withResolvers<void>();
  return {
    bus: {
      connect: async (options) => (broker = new MemoryBroker({ ...options, onDeadLetter: () => {
        arrived.resolve();
        arrived = Promise.withResolvers();
      } })),
      deadLetters: async (topic, count) => {
        const letters = () => broker.deadLetters().filter((letter) => letter.topic === topic);
        while (letters().length < count) await arrived.promise;
        return letters().map(({ id, code, reason }) => ({ ...(id === undefined ? {} : { id }), code, reason }));
      },
    },
    close: async () => undefined,
  };
});

const drain = (id: string) => ({ topic: 'dagbook.assignments.w', key: 'k', type: 'DrainWorker', id, data: { by: 'x' } }) as const;

test('what nobody takes is bounded: the oldest goes first', async () => {
  const broker = new MemoryBroker({ maxUnclaimed: 20, maxQueued: 10 });
  const publish = async (from: number, to: number) => {
    for (let at = from; at < to; at++) await broker.publisher().publish([drain(`${at}`)]);
  };
  const subscriptions = [{ topic: 'dagbook.assignments.w', mode: 'shared' }] as const;
  const [first, second] = [new Inbox(), new Inbox()];
  await publish(0, 100);
  const listener = await broker.listen({ service: 'worker', instance: '1', subscriptions, handlerOf: () => first.handler });
  await first.until((ids) => ids.includes('99'));
  expect(first.ids).toEqual(Array.from({ length: 10 }, (_, at) => `${90 + at}`));
  await listener.close();
  await publish(100, 200);
  await broker.listen({ service: 'worker', instance: '2', subscriptions, handlerOf: () => second.handler });
  await second.until((ids) => ids.includes('199'));
  expect(second.ids).toEqual(Array.from({ length: 10 }, (_, at) => `${190 + at}`));
  await broker.close();
});

test('messages are passed by reference', async () => {
  const broker = new MemoryBroker();
  const inbox = new Inbox();
  await broker.listen({ service: 'worker', instance: '1', subscriptions: [{ topic: 'dagbook.assignments.w', mode: 'shared' }], handlerOf: () => inbox.handler });
  const message = drain('1');
  await broker.publisher().publish([message]);
  await inbox.until((ids) => ids.length === 1);
  expect(inbox.messages[0]).toBe(message);
  await broker.close();
});

test('a simulated bus drops, doubles, reorders and delays what is published', async () => {
  const held: Parameters<MemoryBroker['deliver']>[0][number][] = [];
  const broker = new MemoryBroker({
    faults: {
      onPublish: (messages) => {
        const [dropped, doubled, delayed, ...rest] = messages;
        held.push(delayed!);
        return [...rest.reverse(), doubled!, doubled!].filter((message) => message !== dropped);
      },
    },
  });
  const inbox = new Inbox();
  await broker.listen({ service: 'worker', instance: '1', subscriptions: [{ topic: 'dagbook.assignments.w', mode: 'shared' }], handlerOf: () => inbox.handler });
  await broker.publisher().publish(['drop', 'double', 'delay', 'a', 'b'].map(drain));
  await inbox.until((ids) => ids.length === 4);
  broker.deliver(held);
  await inbox.until((ids) => ids.length === 5);
  expect(inbox.ids).toEqual(['b', 'a', 'double', 'double', 'delay']);
  await broker.close();
});
