import { readFileSync } from 'node:fs';
import { openPostgresStores } from '@dagbook/event-store';
import { Journal, PIPELINE, withPostgres } from '@dagbook/testkit';
import { expect, it } from 'vitest';
import { House } from '../test/house.ts';

const postgres = withPostgres();
const MEND = readFileSync(new URL('../../../deploy/postgres/after-logical-restore.sql', import.meta.url), 'utf8');

it('a logical restore is refused with the way out, and after that every event is seen again, in order', async () => {
  const { stores } = postgres;
  const journal = new Journal(stores.events);
  await journal.dag(PIPELINE);
  await journal.run(PIPELINE, 'r1');
  await journal.succeed('pipeline', 'r1', 'extract');
  const before = await House.open(postgres);
  await before.caughtUp();
  await before.close();
  const decided = async () => (await stores.events.read('asset-queue-pipeline')).map(({ position, data }) => [position.xid, position.pos, (data as { upTo?: string }).upTo]);
  await journal.append('asset-queue-pipeline', [{ type: 'AssetRunDecided', runId: 'r2', upTo: '4711-2', updates: 1, atMs: 1 }] as never);
  await stores.events.saveSnapshot('asset-queue-pipeline', { version: 1, fingerprint: 'f', state: { position: { xid: '4711', pos: '2' } } });
  const order = (await stores.events.feed({ xid: '0', pos: '0' }, 1_000)).map(({ streamId, version }) => [streamId, version]);

  // What a dump brings to another cluster: transactions that are still to come there.
  await stores.pool.query(`UPDATE events SET xid = (xid::text::bigint + 1000000000)::text::xid8`);
  await expect(openPostgresStores({ url: postgres.url })).rejects.toMatchObject({ code: 'store.corrupt', message: expect.stringContaining('run deploy/postgres/after-logical-restore.sql on this database') as string });
  await stores.pool.query(MEND);

  const again = await openPostgresStores({ url: postgres.url });
  expect((await again.events.feed({ xid: '0', pos: '0' }, 1_000)).map(({ streamId, version }) => [streamId, version])).toEqual(order);
  expect(await decided()).toEqual([['3', expect.any(String), '3-2']]);
  expect(await again.events.loadSnapshot('asset-queue-pipeline', 'f')).toBeNull();
  await again.close();
  const after = await House.open(postgres);
  await after.caughtUp();
  expect((await after.get('/api/v2/dags/pipeline/dagRuns')).body).toMatchObject({ total_entries: 1, dag_runs: [{ dag_run_id: 'r1', state: 'running' }] });
  await after.close();
});
