import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type pg from 'pg';
import { StoreFault } from '../port.ts';
import { retrying } from './connection.ts';

interface Migration {
  readonly number: number;
  readonly name: string;
  readonly sql: string;
  readonly checksum: string;
}

/**
 * Brings the schema forward by the numbered files of a folder (`0001_name.sql`), each in a transaction of its own, under a lock
 * that makes concurrent starts wait. Answers the names it applied. Fails with `store.corrupt` when a file that was
 * applied has changed or is gone: history is amended by a new file, never by an edit.
 */
export async function migrate(pool: pg.Pool, folder: string): Promise<readonly string[]> {
  const migrations = await readMigrations(folder);
  return retrying('migrate', async () => {
    const client = await pool.connect();
    try {
      // Neither the wait for another process that migrates nor a long migration may run into the pool's limit.
      await client.query('SET statement_timeout = 0');
      await client.query(`SELECT pg_advisory_lock(hashtextextended('dagbook migrations', 0))`);
      await client.query(`CREATE TABLE IF NOT EXISTS schema_migrations (
        number int PRIMARY KEY, name text NOT NULL, checksum text NOT NULL, applied_at timestamptz NOT NULL DEFAULT clock_timestamp())`);
      const { rows } = await client.query<{ number: number; name: string; checksum: string }>('SELECT number, name, checksum FROM schema_migrations');
      refuseChanged(rows, migrations, folder);
      const done = new Set(rows.map((row) => row.number));
      const pending = migrations.filter((migration) => !done.has(migration.number));
      for (const migration of pending) await apply(client, migration);
      return pending.map((migration) => migration.name);
    } finally {
      await client.query(`SELECT pg_advisory_unlock(hashtextextended('dagbook migrations', 0)); RESET statement_timeout`).then(
        () => client.release(),
        (error: Error) => client.release(error),
      );
    }
  });
}

async function apply(client: pg.PoolClient, migration: Migration): Promise<void> {
  try {
    await client.query('BEGIN');
    await client.query(migration.sql);
    await client.query('INSERT INTO schema_migrations (number, name, checksum) VALUES ($1, $2, $3)', [migration.number, migration.name, migration.checksum]);
    await client.query('COMMIT');
  } catch (error) {
    await client.query('ROLLBACK').catch(() => undefined);
    throw error;
  }
}

async function readMigrations(folder: string): Promise<Migration[]> {
  const names = (await readdir(folder)).filter((name) => /^\d{4}_[a-z0-9_]+\.sql$/.test(name)).sort();
  const migrations = await Promise.all(
    names.map(async (name) => {
      const sql = await readFile(join(folder, name), 'utf8');
      return { number: Number(name.slice(0, 4)), name, sql, checksum: createHash('sha256').update(sql).digest('hex') };
    }),
  );
  const twice = migrations.find((migration, i) => migrations[i - 1]?.number === migration.number);
  if (twice) throw new StoreFault('store.corrupt', `Two migrations in ${folder} carry the number of ${twice.name}. Renumber the newer one.`, { retryable: false });
  return migrations;
}

function refuseChanged(applied: readonly { number: number; name: string; checksum: string }[], migrations: readonly Migration[], folder: string): void {
  for (const row of applied) {
    const file = migrations.find((migration) => migration.number === row.number);
    if (file?.checksum === row.checksum) continue;
    throw new StoreFault(
      'store.corrupt',
      file
        ? `The migration ${file.name} has changed since it was applied to this database. Restore the file as it was, and put the change into a new migration.`
        : `This database has had the migration ${row.name}, which ${folder} does not hold: it belongs to a newer Dagbook. Run that one, or restore a backup.`,
      { retryable: false },
    );
  }
}
