import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { StoreFault } from '../port.ts';

export interface PoolOptions {
  readonly url: string;
  readonly maxConnections?: number;
  /** Shown in pg_stat_activity. */
  readonly applicationName?: string;
  /** Server settings of every connection of the pool. */
  readonly settings?: Readonly<Record<string, string>>;
}

/** A pool for hand-written SQL. A connection that dies idle is replaced; statements that fail say so themselves. */
export function createPool(options: PoolOptions): pg.Pool {
  // A transaction that its process has forgotten would stall every reader of the feed.
  const settings = { statement_timeout: '30s', idle_in_transaction_session_timeout: '10s', ...options.settings };
  const pool = new pg.Pool({
    connectionString: options.url,
    max: options.maxConnections ?? 8,
    application_name: options.applicationName ?? 'dagbook',
    options: Object.entries(settings).map(([name, value]) => `-c ${name}=${value}`).join(' '),
    connectionTimeoutMillis: 5_000,
    idleTimeoutMillis: 0,
    keepAlive: true,
  });
  // Without a listener the death of a connection would end the process: of an idle one through the pool, of one in hand
  // between two statements by itself.
  pool.on('error', () => undefined);
  pool.on('connect', (client) => void client.on('error', () => undefined));
  return pool;
}

/** SQLSTATEs after which the same statement may succeed: connection, resources, time-outs, shutdown and start of the server. */
const TRANSIENT = /^(08|53|57P0[123]|57014|40001|40P01|25P03|55P03)/;

export const sqlState = (error: unknown): string | null => {
  const code = (error as { code?: unknown } | null)?.code;
  return error instanceof pg.DatabaseError && typeof code === 'string' ? code : null;
};

/**
 * What the server did not refuse itself is a broken connection, and those are transient: the driver gives most of them
 * neither class nor code. Left are our own faults and plain bugs.
 */
export const isTransient = (error: unknown): boolean => {
  if (error instanceof StoreFault) return error.retryable;
  const state = sqlState(error);
  if (state !== null) return TRANSIENT.test(state);
  return error instanceof Error && !BUGS.some((bug) => error instanceof bug);
};
const BUGS = [TypeError, RangeError, ReferenceError, SyntaxError];

/** True when the statement certainly did nothing: the server refused it, or it was never sent. */
export const isCertain = (error: unknown): boolean => {
  const state = sqlState(error);
  if (state !== null) return !state.startsWith('08') && !state.startsWith('57P');
  return (error as NodeJS.ErrnoException).code === 'ECONNREFUSED';
};

export function toFault(error: unknown, doing: string, ambiguous = false): StoreFault {
  if (error instanceof StoreFault) return error;
  const text = error instanceof Error ? error.message : String(error);
  if (!isTransient(error)) return new StoreFault('store.corrupt', `the database refused to ${doing}: ${text}`, { retryable: false, cause: error });
  return ambiguous
    ? new StoreFault('store.ambiguous', `the connection ended while the database was to ${doing}; it may have been done: ${text}`, { retryable: true, cause: error })
    : new StoreFault('store.unavailable', `the database cannot ${doing} now: ${text}`, { retryable: true, cause: error });
}

/** Together about 1.5 s: a crashed Postgres of ordinary size is back by then, and longer is the caller's to decide. */
export const RETRY_DELAYS_MS = [0, 50, 100, 200, 400, 800];

/** Runs what may be run twice until it succeeds, fails for good, or has been tried enough. Throws `StoreFault`. */
export async function retrying<T>(doing: string, action: () => Promise<T>): Promise<T> {
  for (let tries = 0; ; tries++) {
    try {
      return await action();
    } catch (error) {
      const delayMs = RETRY_DELAYS_MS[tries];
      if (delayMs === undefined || !isTransient(error)) throw toFault(error, doing);
      if (delayMs > 0) await delay(delayMs);
    }
  }
}
