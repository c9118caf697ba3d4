import { withPostgres } from '@dagbook/testkit';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type pg from 'pg';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createPool } from './connection.ts';
import { migrate } from './migrate.ts';

const postgres = withPostgres();

describe('migrate', () => {
  let folder: string;
  let pool: pg.Pool;
  const file = (name: string, sql: string) => writeFile(join(folder, name), sql);

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'dagbook-migrations-'));
    pool = createPool({ url: await postgres.freshDatabase() });
    await pool.query('DROP TABLE schema_migrations');
    await file('0001_one.sql', 'CREATE TABLE one (n int); INSERT INTO one VALUES (1);');
    await file('0100_two.sql', 'INSERT INTO one VALUES (2);');
    await file('notes.txt', 'no migration');
  });
  afterEach(async () => {
    await pool.end();
    await rm(folder, { recursive: true });
  });
  const rows = async () => (await pool.query<{ n: number }>('SELECT n FROM one ORDER BY n')).rows.map((row) => row.n);

  it('applies each file once, in order, also when many start together', async () => {
    const applied = await Promise.all([migrate(pool, folder), migrate(pool, folder), migrate(pool, folder)]);
    expect(applied.flat()).toEqual(['0001_one.sql', '0100_two.sql']);
    expect(await rows()).toEqual([1, 2]);
    await file('0002_late.sql', 'INSERT INTO one VALUES (3);');
    expect(await migrate(pool, folder)).toEqual(['0002_late.sql']);
    expect(await rows()).toEqual([1, 2, 3]);
  });

  it('leaves nothing of a file that fails, and keeps those before it', async () => {
    await file('0101_bad.sql', 'INSERT INTO one VALUES (4); INSERT INTO nowhere VALUES (1);');
    await expect(migrate(pool, folder)).rejects.toMatchObject({ code: 'store.corrupt', retryable: false });
    expect(await rows()).toEqual([1, 2]);
    await file('0101_bad.sql', 'INSERT INTO one VALUES (5);');
    expect(await migrate(pool, folder)).toEqual(['0101_bad.sql']);
  });

  it('refuses a file that was changed after it was applied, one that is gone, and a number used twice', async () => {
    await migrate(pool, folder);
    await file('0100_two.sql', 'INSERT INTO one VALUES (20);');
    await expect(migrate(pool, folder)).rejects.toMatchObject({ code: 'store.corrupt', message: expect.stringContaining('0100_two.sql has changed') as string });
    await rm(join(folder, '0100_two.sql'));
    await expect(migrate(pool, folder)).rejects.toMatchObject({ message: expect.stringContaining('belongs to a newer Dagbook') as string });
    await file('0001_again.sql', '');
    await expect(migrate(pool, folder)).rejects.toMatchObject({ message: expect.stringContaining('0001_one.sql') as string });
  });
});
