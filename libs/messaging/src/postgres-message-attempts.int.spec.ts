import { withPostgres } from '@dagbook/testkit';
import { expect, test } from 'vitest';
import { PostgresMessageAttempts } from './postgres-message-attempts.ts';

const postgres = withPostgres();

test('failures are counted for each group, topic and message, over restarts, until forgotten', async () => {
  const failed = { group: 'dagbook.scheduler', topic: 'dagbook.commands', messageId: 'm1', reason: 'RangeError: no' };
  const attempts = new PostgresMessageAttempts(postgres.stores.pool);
  expect(await attempts.recordFailure(failed)).toBe(1);
  expect(await new PostgresMessageAttempts(postgres.stores.pool).recordFailure({ ...failed, reason: 'x'.repeat(10_000) })).toBe(2);
  for (const other of [{ group: 'dagbook.dispatcher' }, { topic: 'dagbook.reports' }, { messageId: 'm2' }]) {
    expect(await attempts.recordFailure({ ...failed, ...other })).toBe(1);
  }
  await attempts.forget(failed);
  expect(await attempts.recordFailure(failed)).toBe(1);
});

test('many at once count each', async () => {
  const failed = { group: 'g', topic: 't', messageId: 'racing', reason: 'x' };
  const attempts = new PostgresMessageAttempts(postgres.stores.pool);
  const counts = await Promise.all(Array.from({ length: 20 }, () => attempts.recordFailure(failed)));
  expect(counts.sort((a, b) => a - b)).toEqual(Array.from({ length: 20 }, (_, at) => at + 1));
});
