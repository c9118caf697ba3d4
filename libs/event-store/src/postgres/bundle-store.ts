import type pg from 'pg';
import type { BundleState, BundleStore } from '../port.ts';
import { retrying } from './connection.ts';

export class PostgresBundleStore implements BundleStore {
  readonly #pool: pg.Pool;
  constructor(pool: pg.Pool) {
    this.#pool = pool;
  }

  async list(): Promise<readonly BundleState[]> {
    const { rows } = await this.#query<Row>('list bundles', 'SELECT name, kind, location, ref, version, synced_at_ms, checked_at_ms, problem FROM bundles ORDER BY name', []);
    return rows.map(({ synced_at_ms: synced, checked_at_ms: checked, ...row }) => ({ ...row, syncedAtMs: atMs(synced), checkedAtMs: atMs(checked) }));
  }

  async save({ name, kind, location, ref, version, syncedAtMs, checkedAtMs, problem }: BundleState): Promise<void> {
    const text = `INSERT INTO bundles (name, kind, location, ref, version, synced_at_ms, checked_at_ms, problem) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
      ON CONFLICT (name) DO UPDATE SET kind = excluded.kind, location = excluded.location, ref = excluded.ref, version = excluded.version,
        synced_at_ms = coalesce(excluded.synced_at_ms, bundles.synced_at_ms),
        checked_at_ms = coalesce(excluded.checked_at_ms, bundles.checked_at_ms), problem = excluded.problem`;
    await this.#query('save a bundle', text, [name, kind, location, ref, version, syncedAtMs, checkedAtMs, problem]);
  }

  async keepOnly(names: readonly string[]): Promise<void> {
    await this.#query('forget bundles', 'DELETE FROM bundles WHERE name <> ALL ($1::text[])', [names]);
  }

  async askSync(name: string): Promise<boolean> {
    return (await this.#query('ask for a sync', 'UPDATE bundles SET syncs_asked = syncs_asked + 1 WHERE name = $1 RETURNING name', [name])).rows.length === 1;
  }

  async asked(name: string): Promise<number> {
    const [row] = (await this.#query<{ syncs_asked: number }>('read a bundle', 'SELECT syncs_asked FROM bundles WHERE name = $1', [name])).rows;
    return row?.syncs_asked ?? 0;
  }

  #query<R extends pg.QueryResultRow>(what: string, text: string, values: unknown[]): Promise<pg.QueryResult<R>> {
    return retrying(what, () => this.#pool.query<R>(text, values));
  }
}

const atMs = (text: string | null): number | null => (text === null ? null : Number(text));

interface Row extends Omit<BundleState, 'syncedAtMs' | 'checkedAtMs'> {
  readonly synced_at_ms: string | null;
  readonly checked_at_ms: string | null;
}
