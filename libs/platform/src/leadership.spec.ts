import type { OwnershipSession } from '@dagbook/event-store';
import { expect, it } from 'vitest';
import { Leadership } from './leadership.ts';
import { silentLog } from './log.ts';

it('begins again to lead when it could not begin', async () => {
  const told: string[] = [];
  const failed = Promise.withResolvers<void>();
  const led = Promise.withResolvers<void>();
  const session: OwnershipSession = { tryAcquire: async () => true, release: async () => undefined, lost: new Promise(() => undefined), close: async () => undefined };
  const leadership: Leadership = new Leadership({
    ownership: { openSession: async () => session },
    lock: 'l',
    retryMs: 1,
    log: { ...silentLog, warn: () => failed.resolve() },
    onLead: async () => {
      told.push('lead');
      if (told.length === 1) throw new Error('the database is away');
      led.resolve();
    },
    onStepDown: async () => void told.push('step down'),
  });
  leadership.start();
  await failed.promise;
  expect(told).toEqual(['lead', 'step down']);
  await led.promise;
  expect(leadership.isLeading).toBe(true);
  await leadership.stop();
  expect(told).toEqual(['lead', 'step down', 'lead', 'step down']);
});
