import { migrate, createPool, openPostgresStores, type PostgresStores } from '@dagbook/event-store';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '@dagbook/parts';
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
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
  const start = (dataDir: string, port: number) => startEmbeddedPostgres({ dataDir, port, settings: { shared_buffers: '32MB', ...options.settings } });

  const freshDatabase = async (server: EmbeddedPostgres): Promise<string> => {
    const name = `test_${randomUUID().replaceAll('-', '')}`;
    const client = new pg.Client({ connectionString: server.url });
    await client.connect();
    try {
      await client.query(`CREATE DATABASE ${name} TEMPLATE dagbook STRATEGY file_copy`);
    } finally {
      await client.end();
    }
    const url = new URL(server.url);
    url.pathname = name;
    return url.href;
  };

  beforeAll(async () => {
    const dataDir = await mkdtemp(join(tmpdir(), 'dagbook-postgres-'));
    const server = await start(dataDir, 0);
    const pool = createPool({ url: server.url, maxConnections: 1 });
    await migrate(pool, MIGRATIONS);
    await pool.end();
    const url = await freshDatabase(server);
    running = { dataDir, server, url, stores: await openPostgresStores({ url }) };
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
    freshDatabase: () => freshDatabase(get().server),
    crash: async () => {
      const { server, dataDir } = get();
      process.kill(server.pid, 'SIGQUIT');
      await server.exited;
      await server.stop();
      get().server = await start(dataDir, server.port);
    },
  };
}
