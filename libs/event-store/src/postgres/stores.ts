import type pg from 'pg';
import type { Stores } from '../port.ts';
import { PostgresBundleStore } from './bundle-store.ts';
import { PostgresCheckpointStore } from './checkpoint-store.ts';
import { createPool, retrying } from './connection.ts';
import { assertClusterMatchesHistory, PostgresEventStore } from './event-store.ts';
import { PostgresLeaseStore } from './lease-store.ts';
import { PostgresOwnershipStore } from './ownership-store.ts';

export interface PostgresStores extends Stores {
  /** The pool of the stores. Read models have one of their own, whose planner may scan tables. */
  readonly pool: pg.Pool;
}

/**
 * Opens the stores over a migrated database. Fails with `store.unavailable` when it does not answer, `store.corrupt`
 * when its history belongs to another cluster.
 */
export async function openPostgresStores(options: { readonly url: string; readonly maxConnections?: number; readonly applicationName?: string }): Promise<PostgresStores> {
  const pool = createPool({
    ...options,
    // Every statement of this room goes by an index. A plan cached while a table was still small must not scan it when
    // it has grown; cost it out.
    settings: { enable_seqscan: 'off', enable_bitmapscan: 'off', plan_cache_mode: 'force_generic_plan' },
  });
  try {
    await retrying('be checked', () => assertClusterMatchesHistory(pool));
  } catch (error) {
    await pool.end();
    throw error;
  }
  const events = new PostgresEventStore(pool);
  const ownership = new PostgresOwnershipStore(options.url);
  return {
    events,
    leases: new PostgresLeaseStore(pool),
    ownership,
    checkpoints: new PostgresCheckpointStore(pool),
    bundles: new PostgresBundleStore(pool),
    pool,
    close: async () => {
      await ownership.close();
      await events.close();
    },
  };
}
