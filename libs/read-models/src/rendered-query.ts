import { attemptId, type AttemptKey } from '@dagbook/contracts';
import type { Json } from '@dagbook/domain';
import { selectRows, type Queryable } from './sql.ts';

/** The templated fields of these tries as they were rendered, by attempt id; tries without any are left out. */
export async function renderedFields(db: Queryable, tries: readonly AttemptKey[]): Promise<ReadonlyMap<string, { readonly [field: string]: Json }>> {
  if (tries.length === 0) return new Map();
  const rows = await selectRows<{ key: string; fields: string }>(
    db,
    "SELECT key, convert_from(content, 'UTF8') AS fields FROM contents WHERE kind = 'rendered' AND key = ANY ($1::text[])",
    [tries.map(attemptId)],
  );
  return new Map(rows.map(({ key, fields }) => [key, JSON.parse(fields) as { readonly [field: string]: Json }]));
}
