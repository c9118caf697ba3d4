import pg from 'pg';
import type { OwnershipSession, OwnershipStore } from '../port.ts';
import { toFault } from './connection.ts';

const HEARTBEAT_MS = 2_000;
const HEARTBEAT_TIMEOUT_MS = 5_000;

/** Sessions that hold Postgres advisory locks, each on a connection of its own. */
export class PostgresOwnershipStore implements OwnershipStore {
  readonly #url: string;
  readonly #sessions = new Set<PostgresOwnershipSession>();
  constructor(url: string) {
    this.#url = url;
  }

  async openSession(): Promise<OwnershipSession> {
    const client = new pg.Client({
      connectionString: this.#url,
      application_name: 'dagbook-ownership',
      keepAlive: true,
      connectionTimeoutMillis: 5_000,
      query_timeout: HEARTBEAT_TIMEOUT_MS,
      // The server drops the locks of a holder that vanished without a word within some ten seconds.
      options: '-c tcp_keepalives_idle=5 -c tcp_keepalives_interval=2 -c tcp_keepalives_count=3',
    });
    const session = new PostgresOwnershipSession(client);
    try {
      await client.connect();
    } catch (error) {
      throw toFault(error, 'open an ownership session');
    }
    session.watch();
    this.#sessions.add(session);
    void session.lost.then(() => this.#sessions.delete(session));
    return session;
  }

  /** Ends every session: their locks are free at once. */
  async close(): Promise<void> {
    await Promise.all([...this.#sessions].map((session) => session.close()));
  }
}

/**
 * State: open until the connection ends, then lost for ever. A connection that is only half open (a cut network) says
 * nothing, so a heartbeat that is not answered ends it: an owner must not believe in its locks longer than the server.
 */
class PostgresOwnershipSession implements OwnershipSession {
  readonly lost: Promise<void>;
  readonly #client: pg.Client;
  #heartbeat: NodeJS.Timeout | undefined;
  #end: () => void = () => undefined;
  #isLost = false;

  constructor(client: pg.Client) {
    this.#client = client;
    this.lost = new Promise((resolve) => {
      this.#end = () => {
        clearInterval(this.#heartbeat);
        this.#isLost = true;
        resolve();
      };
    });
    client.on('error', this.#end);
    client.on('end', this.#end);
  }

  watch(): void {
    this.#heartbeat = setInterval(() => {
      this.#client.query('SELECT').catch(() => this.#abandon());
    }, HEARTBEAT_MS);
    this.#heartbeat.unref();
  }

  async tryAcquire(name: string): Promise<boolean> {
    // Advisory locks stack within a session: taken twice they would have to be released twice.
    const { rows } = await this.#query<{ acquired: boolean }>(
      `SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid() AND objsubid = 1 AND granted
          AND ((classid::bigint << 32) | objid::bigint) = hashtextextended($1, 0)) OR pg_try_advisory_lock(hashtextextended($1, 0)) AS acquired`,
      name,
    );
    return rows[0]?.acquired ?? false;
  }

  async release(name: string): Promise<void> {
    await this.#query('SELECT pg_advisory_unlock(hashtextextended($1, 0))', name);
  }

  async close(): Promise<void> {
    if (this.#isLost) return;
    await this.#client.end().catch(() => undefined);
    this.#end();
  }

  async #query<R extends pg.QueryResultRow>(text: string, name: string): Promise<pg.QueryResult<R>> {
    try {
      return await this.#client.query<R>(text, [name]);
    } catch (error) {
      this.#abandon();
      throw toFault(error, 'take or release ownership');
    }
  }

  #abandon(): void {
    this.#end();
    void this.#client.end().catch(() => undefined);
  }
}
