import { Journal, PIPELINE, withPostgres } from '@dagbook/testkit';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { House } from '../test/house.ts';

const postgres = withPostgres();
let house: House;
let journal: Journal;

beforeAll(async () => {
  house = await House.open(postgres);
  journal = new Journal(postgres.stores.events);
  await journal.dag(PIPELINE);
  await journal.run(PIPELINE, 'before');
  await house.caughtUp();
});
afterAll(() => house.close());

/** Asks until the answer is there; nothing but 200 and 503 may come meanwhile. */
async function askThrough(path: string): Promise<{ readonly statuses: ReadonlySet<number>; readonly body: { readonly dag_run_id?: string } }> {
  const statuses = new Set<number>();
  for (;;) {
    const { status, body } = await house.get(path);
    statuses.add(status);
    if (status === 200) return { statuses, body };
    expect([status, body.detail]).toEqual([503, expect.stringContaining('Try again in a moment')]);
  }
}

it('answers 503 with a sentence while Postgres is away, then goes on with nothing lost', async () => {
  const crash = postgres.crash();
  const during = await Promise.all(Array.from({ length: 5 }, () => askThrough('/api/v2/dags/pipeline/dagRuns/before')));
  await crash;
  for (const { statuses } of during) expect([...statuses].filter((status) => status !== 200 && status !== 503)).toEqual([]);
  await journal.run(PIPELINE, 'after');
  await house.caughtUp();
  expect((await askThrough('/api/v2/dags/pipeline/dagRuns/after')).body.dag_run_id).toBe('after');
  expect(house.gateway.readModelsFailure()).toBeUndefined();
});
