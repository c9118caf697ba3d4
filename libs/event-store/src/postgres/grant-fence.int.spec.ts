import { randomUUID } from 'node:crypto';
import { aGrant, anEvent, withPostgres } from '@dagbook/testkit';
import pg from 'pg';
import { expect, it } from 'vitest';
import { batchArguments, encodeEntry } from './batch.ts';

const postgres = withPostgres();
const granted = (attemptId: string, over: object = {}) => ({ streamId: `attempt-${attemptId}`, expectedVersion: 0, events: [anEvent('AttemptGranted')], grants: [{ ...aGrant(attemptId), ...over }] });
const held = async (): Promise<string[]> => (await postgres.stores.leases.list()).map(({ attemptId }) => attemptId);

it('a new term waits for grants under way, which are then among the rows', async () => {
  const { leases } = postgres.stores;
  const term = await leases.raiseTerm();
  const attemptId = randomUUID();
  const client = new pg.Client({ connectionString: postgres.url });
  await client.connect();
  try {
    await client.query('BEGIN');
    const values = batchArguments([encodeEntry(granted(attemptId, { term }))]);
    await client.query(`SELECT append_events(${values.map((_, index) => `$${index + 1}`).join(', ')})`, values);
    let seen: string[] | undefined;
    const raised = leases.raiseTerm().then(async (next) => {
      seen = await held();
      return next;
    });
    const isWaiting = async (): Promise<boolean> => (await client.query(`SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted`)).rowCount === 1;
    while (!(await isWaiting())) expect(seen).toBeUndefined();
    await client.query('COMMIT');
    expect(await raised).toBe(term + 1);
    expect(seen).toContain(attemptId);
  } finally {
    await client.end();
  }
});

it('one that no row can hold is told by itself, and the others of its batch are made', async () => {
  const [fits, tooLarge, fitsToo] = [randomUUID(), randomUUID(), randomUUID()];
  const results = await postgres.stores.events.append([granted(fits), granted(tooLarge, { poolSlots: 3_000_000_000 }), granted(fitsToo)]);
  expect(results.map(({ kind }) => kind)).toEqual(['appended', 'unwritable', 'appended']);
  expect((await held()).filter((attemptId) => [fits, tooLarge, fitsToo].some((id) => id === attemptId)).sort()).toEqual([fits, fitsToo].sort());
});

it('an event that no row can hold is the fault of whoever appends it, and of nobody whose batch it shares', async () => {
  const [bad, good] = await Promise.allSettled([
    postgres.stores.events.append([{ streamId: `run-${randomUUID()}\u0000`, expectedVersion: 0, events: [anEvent('A')] }]),
    postgres.stores.events.append([{ streamId: `run-${randomUUID()}`, expectedVersion: 0, events: [anEvent('A')] }]),
  ]);
  expect(bad).toMatchObject({ status: 'rejected', reason: { code: 'store.corrupt', retryable: false } });
  expect(good).toMatchObject({ status: 'fulfilled', value: [{ kind: 'appended' }] });
});
