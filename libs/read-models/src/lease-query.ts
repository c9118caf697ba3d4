import { DAG_PARTITIONS } from '@dagbook/contracts';
import { selectRows, type Queryable } from './sql.ts';

/** How many partitions of DAGs a scheduler owns now, and whether a dispatcher leads: their session locks say so. */
export async function ownedParts(db: Queryable): Promise<{ readonly partitions: number; readonly dispatcherLeads: boolean }> {
  const names = [...Array.from({ length: DAG_PARTITIONS }, (_, partition) => `dagbook.partition.${partition}`), 'dagbook.dispatcher'];
  const rows = await selectRows<{ name: string }>(
    db,
    `SELECT n.name FROM unnest($1::text[]) n (name)
     WHERE EXISTS (SELECT FROM pg_locks l WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1
       AND ((l.classid::bigint << 32) | l.objid::bigint) = hashtextextended(n.name, 0))`,
    [names],
  );
  const held = new Set(rows.map((row) => row.name));
  return { partitions: names.slice(0, DAG_PARTITIONS).filter((name) => held.has(name)).length, dispatcherLeads: held.has('dagbook.dispatcher') };
}
