import 'reflect-metadata';
import type { Message } from '@dagbook/contracts';
import { Controller, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { EventPattern, MessagePattern } from '@nestjs/microservices';
import { afterEach, expect, test } from 'vitest';
import { MemoryBroker } from '../memory/memory-broker.ts';
import { DagbookTransport, OnMessages } from './dagbook-transport.ts';

const closed = (id: string, epoch = 1) =>
  ({ topic: 'dagbook.attempts', key: 'k', type: 'AttemptClosed', id, data: { attemptId: id, epoch } }) as const;
const revoked = (id: string) =>
  ({ topic: 'dagbook.attempts', key: 'k', type: 'AttemptRevoked', id, data: { attemptId: id, epoch: 1, reason: 'cleared' } }) as const;
const wanted = (id: string) => ({ topic: 'dagbook.attempts', key: 'k', type: 'AttemptsWanted', id, data: { by: 'x' } }) as const;

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

async function serve(controller: new () => object, broker = new MemoryBroker()) {
  @Module({ controllers: [controller] })
  class ServiceModule {}
  const strategy = new DagbookTransport({ broker, service: 'dispatcher', instance: '1', subscriptions: [{ topic: 'dagbook.attempts', mode: 'shared' }] });
  const app = await NestFactory.createMicroservice(ServiceModule, { strategy, logger: false });
  closing.push(() => app.close(), () => broker.close());
  await app.listen();
  return { app, broker, strategy };
}

test('a method gets consecutive messages of all its types in one call, and each other method its run in order', async () => {
  const calls: string[][] = [];
  const done = Promise.withResolvers<void>();
  @Controller()
  class AttemptConsumer {
    @OnMessages('AttemptClosed', 'AttemptRevoked')
    async gone(messages: readonly Message[]) {
      calls.push(['gone', ...messages.map((message) => message.id)]);
      if (messages.at(-1)!.id === '5') done.resolve();
    }
    @EventPattern('AttemptsWanted')
    async wanted(messages: readonly Message[]) {
      calls.push(['wanted', ...messages.map((message) => message.id)]);
    }
  }
  const { broker } = await serve(AttemptConsumer);
  await broker.publisher().publish([closed('1'), revoked('2'), wanted('3'), wanted('4'), closed('5')]);
  await done.promise;
  expect(calls).toEqual([['gone', '1', '2'], ['wanted', '3', '4'], ['gone', '5']]);
});

test('an error of @OnMessages reaches the bus as it is: its message is in the dead letter', async () => {
  const broker = new MemoryBroker({
    policy: { maxTries: 2, backoffMs: () => 0 },
    onDeadLetter: () => dead.resolve(),
  });
  const dead = Promise.withResolvers<void>();
  @Controller()
  class AttemptConsumer {
    @OnMessages('AttemptClosed')
    async closed() {
      throw new RangeError('epoch 7 was never granted');
    }
  }
  await serve(AttemptConsumer, broker);
  await broker.publisher().publish([closed('1', 7)]);
  await dead.promise;
  expect(broker.deadLetters()).toEqual([
    { topic: 'dagbook.attempts', key: 'k', type: 'AttemptClosed', id: '1', group: 'dagbook.dispatcher', code: 'failed', reason: 'failed 2 times, last with: RangeError: epoch 7 was never granted' },
  ]);
});

test('a message without a handler is set aside with its reason, and those behind it are handled', async () => {
  const done = Promise.withResolvers<string[]>();
  @Controller()
  class AttemptConsumer {
    @OnMessages('AttemptClosed')
    async closed(messages: readonly Message[]) {
      done.resolve(messages.map((message) => message.id));
    }
  }
  const { broker } = await serve(AttemptConsumer);
  await broker.publisher().publish([wanted('1'), closed('2')]);
  expect(await done.promise).toEqual(['2']);
  expect(broker.deadLetters()).toEqual([
    { topic: 'dagbook.attempts', key: 'k', type: 'AttemptsWanted', id: '1', group: 'dagbook.dispatcher', code: 'no_handler', reason: 'no handler in dagbook.dispatcher for messages of type AttemptsWanted' },
  ]);
});

test('two methods of one type, and request and reply, are refused when the service is made', async () => {
  @Controller()
  class Twice {
    @OnMessages('AttemptClosed') async one() {}
    @OnMessages('AttemptClosed') async two() {}
  }
  @Controller()
  class Asks {
    @MessagePattern('AttemptClosed') async ask() {}
  }
  await expect(serve(Twice)).rejects.toThrow('two methods handle messages of type AttemptClosed');
  await expect(serve(Asks)).rejects.toThrow('there is no request and reply over the bus');
});

test('a hybrid application serves HTTP and the bus, and closing it closes the listener', async () => {
  const got: string[] = [];
  @Controller()
  class AttemptConsumer {
    @OnMessages('AttemptClosed')
    async closed(messages: readonly Message[]) {
      got.push(...messages.map((message) => message.id));
      waiting.shift()?.();
    }
  }
  const waiting: (() => void)[] = [];
  @Module({ controllers: [AttemptConsumer] })
  class ServiceModule {}
  const broker = new MemoryBroker();
  const { FastifyAdapter } = await import('@nestjs/platform-fastify');
  const app = await NestFactory.create(ServiceModule, new FastifyAdapter(), { logger: false });
  app.connectMicroservice({
    strategy: new DagbookTransport({ broker, service: 'api-gateway', instance: '1', subscriptions: [{ topic: 'dagbook.attempts', mode: 'broadcast' }] }),
  });
  closing.push(() => broker.close());
  await app.startAllMicroservices();
  const first = new Promise<void>((resolve) => waiting.push(resolve));
  await broker.publisher().publish([closed('1')]);
  await first;
  await app.close();
  await broker.publisher().publish([closed('2')]);
  await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
  expect(got).toEqual(['1']);
});
