import type { Consumer, Kafka } from 'kafkajs';
import { describe, expect, it } from 'vitest';
import { DEFAULT_LIMITS, GroupConsumer } from './group-consumer.ts';

type Listener = (event: { payload: { error: Error } }) => void;

/** A kafkajs whose consumers crash in the given way: `later`, or while `run` is under way, which then resolves all the same. */
function kafkaOf(crashes: readonly ('never' | 'later' | 'while it starts')[]) {
  const made: { crash(): void }[] = [];
  const started: (() => void)[] = [];
  const consumer = (): Consumer => {
    const how = crashes[made.length] ?? 'never';
    const listeners: Listener[] = [];
    const crash = (): void => listeners.forEach((listener) => listener({ payload: { error: new Error('connect ECONNREFUSED') } }));
    made.push({ crash });
    return {
      on: (event: string, listener: Listener) => void (event === 'consumer.crash' && listeners.push(listener)),
      connect: async () => undefined,
      subscribe: async () => undefined,
      disconnect: async () => undefined,
      run: async () => {
        if (how === 'while it starts') crash();
        else started.shift()?.();
      },
    } as unknown as Consumer;
  };
  return { kafka: { consumer } as unknown as Kafka, made, running: () => new Promise<void>((resolve) => started.push(resolve)) };
}

const consumerOf = (kafka: Kafka): GroupConsumer =>
  new GroupConsumer({
    kafka, groupId: 'g', topics: ['t'], start: { from: 'committed' }, concurrency: 1, prepare: async () => undefined,
    makeQueue: () => { throw new Error('nothing is consumed here'); },
    log: { info: () => undefined, warn: () => undefined }, onFatal: () => undefined, limits: DEFAULT_LIMITS,
  });

describe('a consumer', () => {
  it.each([['that crashes', ['later', 'never'], 2], ['whose successor crashes while it starts', ['later', 'while it starts', 'never'], 3]] as const)('%s has another in its place', async (_, crashes, consumers) => {
    const { kafka, made, running } = kafkaOf(crashes);
    const first = running();
    const consumer = consumerOf(kafka);
    await consumer.start();
    await first;
    const again = running();
    made[0]?.crash();
    await again;
    expect(made.length).toBe(consumers);
    await consumer.close();
  });
});
