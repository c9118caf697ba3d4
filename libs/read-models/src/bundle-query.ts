import { selectRows, type Queryable } from './sql.ts';

/** Packed code of the newest version of every DAG that is in a file. */
export async function bundlesInUse(db: Queryable): Promise<readonly string[]> {
  const rows = await selectRows<{ hash: string }>(db, 'SELECT DISTINCT bundle_hash AS hash FROM rm.dags WHERE NOT is_stale ORDER BY 1', []);
  return rows.map(({ hash }) => hash);
}
