import { createPool, migrate, openPostgresStores, type PostgresStores } from '@dagbook/event-store';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '@dagbook/parts';
import { execFile } from 'node:child_process';
import { createHash, randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import pg from 'pg';
import { afterAll, beforeAll } from 'vitest';

/** A migrated database of the spec file's own, on a server of its own. All members are there once `beforeAll` has run. */
export interface TestPostgres {
  readonly url: string;
  readonly server: EmbeddedPostgres;
  /** Over the database; closed at the end. */
  readonly stores: PostgresStores;
  /** One more connection string to a fresh migrated database on the same server. */
  freshDatabase(): Promise<string>;
  /** Restarts the server as after a crash (`pg_ctl stop -m immediate`), on the same port. */
  crash(): Promise<void>;
}

const MIGRATIONS = fileURLToPath(new URL('../../../deploy/migrations', import.meta.url));
const CACHE = fileURLToPath(new URL('../../../node_modules/.cache/dagbook', import.meta.url));
const PRISTINE = 'pristine';

/**
 * A stopped, migrated data folder to copy: initialising one costs a second of CPU, copying it a tenth. Kept until a
 * migration or the account changes; made beside and renamed, so that spec files may race for it.
 */
async function templateFolder(settings: Readonly<Record<string, string>>): Promise<string> {
  const hash = createHash('sha256').update(String(process.getuid?.()));
  for (const name of (await readdir(MIGRATIONS)).sort()) hash.update(name).update(await readFile(join(MIGRATIONS, name)));
  const folder = join(CACHE, `postgres-${hash.digest('hex').slice(0, 16)}`);
  if (existsSync(folder)) return folder;
  await mkdir(CACHE, { recursive: true });
  const making = await mkdtemp(join(CACHE, 'making-'));
  const server = await startEmbeddedPostgres({ dataDir: making, settings });
  const pool = createPool({ url: server.url, maxConnections: 1 });
  await migrate(pool, MIGRATIONS);
  await pool.end();
  const admin = new URL(server.url);
  admin.pathname = 'postgres';
  const client = new pg.Client({ connectionString: admin.href });
  await client.connect();
  await client.query(`CREATE DATABASE ${PRISTINE} TEMPLATE dagbook`);
  await client.end();
  await server.stop();
  await rename(making, folder).catch(() => rm(making, { recursive: true }));
  for (const name of await readdir(CACHE)) {
    if (name.startsWith('postgres-') && name !== basename(folder)) await rm(join(CACHE, name), { recursive: true, force: true });
  }
  return folder;
}

/**
 * Call at the top of a spec file or `describe`: starts a real Postgres before its tests and removes it after them.
 * `fixture.url` and the rest throw before that.
 */
export function withPostgres(options: { readonly settings?: Readonly<Record<string, string>> } = {}): TestPostgres {
  let running: { dataDir: string; server: EmbeddedPostgres; url: string; stores: PostgresStores } | undefined;
  const get = () => {
    if (!running) throw new Error('withPostgres: the server starts in beforeAll');
    return running;
  };
  const settings = { shared_buffers: '32MB', ...options.settings };

  beforeAll(async () => {
    const template = await templateFolder(settings);
    const dataDir = await mkdtemp(join(tmpdir(), 'dagbook-postgres-'));
    await promisify(execFile)('cp', ['-a', `${template}/.`, dataDir]);
    const server = await startEmbeddedPostgres({ dataDir, settings });
    running = { dataDir, server, url: server.url, stores: await openPostgresStores({ url: server.url }) };
  });
  afterAll(async () => {
    if (!running) return;
    await running.stores.close();
    await running.server.stop();
    await rm(running.dataDir, { recursive: true, force: true });
  });

  return {
    get url() {
      return get().url;
    },
    get server() {
      return get().server;
    },
    get stores() {
      return get().stores;
    },
    freshDatabase: async () => {
      const name = `test_${randomUUID().replaceAll('-', '')}`;
      const client = new pg.Client({ connectionString: get().url });
      await client.connect();
      try {
        await client.query(`CREATE DATABASE ${name} TEMPLATE ${PRISTINE}`);
      } finally {
        await client.end();
      }
      const url = new URL(get().url);
      url.pathname = name;
      return url.href;
    },
    crash: async () => {
      const { server, dataDir } = get();
      process.kill(server.pid, 'SIGQUIT');
      await server.exited;
      await server.stop();
      get().server = await startEmbeddedPostgres({ dataDir, port: server.port, settings });
    },
  };
}
