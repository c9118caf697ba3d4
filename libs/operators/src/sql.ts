import { TaskFailure, type OperatorContext, type OperatorExecutor, poke } from '@dagbook/sdk';
import type { Client, ClientConfig, QueryResult } from 'pg';
import { connectionOf, extraText } from './connection.ts';
import { Fields } from './field.ts';

type Row = { readonly [column: string]: unknown };

interface Answer {
  readonly rows: readonly Row[];
  readonly rowCount: number;
}

const MAX_ROWS = 10_000;

/**
 * Statements on Postgres in one transaction, values as `$1`, never as text in the statement. Answers the rows of the last
 * statement, its first row, or how many rows it touched. A cancelled task cancels its statement on the server.
 */
export const sql: OperatorExecutor = async (given, context) => {
  const fields = new Fields('sql', given);
  const fetch = fields.oneOf('fetch', ['rows', 'first', 'none'], 'none');
  const maxRows = fetch === 'rows' ? fields.number('maxRows', MAX_ROWS, { min: 1, max: 10_000_000 }) : Infinity;
  const { rows, rowCount } = await execute(fields, maxRows, context);
  context.io.log('info', `the statement ${fetch === 'none' ? 'touched' : 'answered'} ${rowCount} ${rowCount === 1 ? 'row' : 'rows'}`, { logger: 'task.sql' });
  return fetch === 'rows' ? rows : fetch === 'first' ? (rows[0] ?? null) : { rowCount };
};

/** Airflow's check: the query must answer a row, and every value in it must hold. */
export const sqlCheck: OperatorExecutor = async (given, context) => {
  const { rows } = await execute(new Fields('sqlCheck', given), Infinity, context);
  const row = rows[0];
  if (row === undefined) throw new TaskFailure('error', 'the check did not hold: the query answered no row');
  const failed = Object.entries(row).filter(([, value]) => !holds(value));
  if (failed.length > 0) throw new TaskFailure('error', `the check did not hold: ${failed.map(([column, value]) => `${column} is ${JSON.stringify(value)}`).join(', ')}`);
  return row;
};

export const sqlSensor: OperatorExecutor = async (given, context) => {
  const { rows } = await execute(new Fields('sqlSensor', given), Infinity, context);
  const row = rows[0];
  return row !== undefined && holds(Object.values(row)[0]) ? poke.done(row) : poke.again();
};

/** As Python sees it, since a check written for Airflow must judge the same: '0' of a numeric column is 0. */
const holds = (value: unknown): boolean => Boolean(value) && !(typeof value === 'string' && Number(value) === 0);

/**
 * What becomes of a value in JSON, by type: `int8` is a number while it is exact; `date` and `timestamp` have no zone and
 * must not get the worker's; `bytea` stays in Postgres' own hexadecimal.
 */
const PARSERS: { readonly [oid: number]: (text: string) => unknown } = {
  20: (digits) => (Number.isSafeInteger(Number(digits)) ? Number(digits) : digits),
  1082: (text) => text,
  1114: (text) => text.replace(' ', 'T'),
  17: (text) => text,
};

async function execute(fields: Fields, maxRows: number, context: OperatorContext): Promise<Answer> {
  const text = fields.text('sql', 'a statement that is not empty');
  const values = readValues(fields);
  const autocommit = fields.flag('autocommit', false);
  const id = fields.optionalText('connection', 'the id of a connection') ?? 'postgres_default';
  const config = await configOf(id, context);
  const { default: pg } = await import('pg');
  const client = new pg.Client({ ...config, types: { getTypeParser: (oid: number, format?: 'text' | 'binary') => PARSERS[oid] ?? (pg.types.getTypeParser(oid, format as 'text') as (text: string) => unknown) } as ClientConfig['types'] });
  // A connection that breaks rejects the statement too; without a listener the event would end the process.
  client.on('error', () => undefined);
  client.on('notice', (notice) => context.io.log('info', `${notice.severity ?? 'NOTICE'}: ${notice.message ?? ''}`, { logger: 'task.sql' }));
  try {
    await client.connect();
  } catch (cause) {
    throw new TaskFailure('error', `Postgres of connection '${id}' cannot be reached: ${said(cause)}`, { cause });
  }
  const cancel = (): void => void cancelStatement(pg.Client, config, client);
  context.io.signal.addEventListener('abort', cancel, { once: true });
  try {
    context.io.signal.throwIfAborted();
    if (!autocommit) await client.query('BEGIN');
    const answer = await stream(client, text, values, maxRows);
    if (!autocommit) await client.query('COMMIT');
    return answer;
  } catch (cause) {
    throw failureOf(cause, text, context);
  } finally {
    context.io.signal.removeEventListener('abort', cancel);
    await client.end().catch(() => undefined);
  }
}

/** Row by row, so that an answer that is too long is not gathered before it is refused. */
async function stream(client: Client, text: string, values: readonly unknown[], maxRows: number): Promise<Answer> {
  const { default: pg } = await import('pg');
  const query = new pg.Query({ text, values: [...values] });
  return new Promise<Answer>((resolve, reject) => {
    let rows: Row[] = [];
    let last: QueryResult | undefined;
    query.on('row', (row: Row, result?: QueryResult) => {
      if (result !== last) rows = [];
      last = result;
      if (rows.length < maxRows) return void rows.push(row);
      reject(new TaskFailure('bad_output', `the query answered more than ${maxRows} rows: add a LIMIT, or raise maxRows`, { retry: false }));
      (client as unknown as { connection: { stream: { destroy(): void } } }).connection.stream.destroy();
    });
    query.on('end', (result: QueryResult | readonly QueryResult[]) => {
      const final = Array.isArray(result) ? (result as readonly QueryResult[]).at(-1) : (result as QueryResult);
      resolve({ rows: final !== undefined && final.fields.length > 0 ? rows : [], rowCount: final?.rowCount ?? 0 });
    });
    query.on('error', reject);
    client.query(query);
  });
}

async function cancelStatement(Other: typeof Client, config: ClientConfig, client: Client): Promise<void> {
  const pid = (client as unknown as { processID: number | null }).processID;
  const other = new Other(config);
  other.on('error', () => undefined);
  try {
    await other.connect();
    await other.query('SELECT pg_cancel_backend($1)', [pid]);
  } catch {
    // A server that is away has ended the statement already.
  } finally {
    await other.end().catch(() => undefined);
  }
}

interface ServerError {
  readonly code?: string;
  readonly position?: string;
  readonly detail?: string;
  readonly hint?: string;
}

/**
 * Of Postgres' error codes these may be gone the next time: connections, serialization, resources, an operator's hand;
 * what other writers have to mend: constraints, tables that are still to come, and what a function raised.
 */
const MAY_PASS = ['08', '40', '53', '55', '57', '58', '23', '42P01', 'P0'];

function failureOf(cause: unknown, text: string, context: OperatorContext): TaskFailure {
  if (cause instanceof TaskFailure) return cause;
  if (context.io.signal.aborted) return new TaskFailure('cancelled', 'the statement was cancelled: the try was cancelled or its time is over', { cause });
  const { code, position, detail, hint } = cause as ServerError;
  if (code === undefined || !/^[0-9A-Z]{5}$/.test(code)) return new TaskFailure('error', `the connection to Postgres broke: ${said(cause)}`, { cause });
  const line = position === undefined ? undefined : text.slice(0, Number(position) - 1).split('\n').length;
  return new TaskFailure('error', `Postgres refused the statement: ${said(cause)} (${code})${line === undefined ? '' : `, at line ${line}`}`, {
    cause, retry: MAY_PASS.some((prefix) => code.startsWith(prefix)),
    detail: [detail, hint, text].filter((part) => part !== undefined).join('\n'),
  });
}

/** A host with several addresses fails with an error for each and no text of its own. */
function said(error: unknown): string {
  const { message, errors, code } = error as { message: string; errors?: readonly Error[]; code?: string };
  return message !== '' ? message : (errors?.map((each) => each.message).join('; ') ?? code ?? 'without a reason');
}

async function configOf(id: string, context: OperatorContext): Promise<ClientConfig> {
  const connection = await connectionOf(id, context, 'sql');
  const sslMode = extraText(connection, 'sslmode') ?? 'prefer';
  return {
    host: connection.host ?? 'localhost', port: connection.port ?? 5432,
    ...(connection.login === undefined ? {} : { user: connection.login }),
    ...(connection.password === undefined ? {} : { password: connection.password }),
    ...(connection.schema === undefined ? {} : { database: connection.schema }),
    ...(['require', 'verify-ca', 'verify-full'].includes(sslMode) ? { ssl: { rejectUnauthorized: sslMode !== 'require' } } : {}),
    application_name: `dagbook ${context.request.attempt.dagId}/${context.request.attempt.taskId}`.slice(0, 63),
    connectionTimeoutMillis: 30_000,
  };
}

function readValues(fields: Fields): readonly unknown[] {
  if (!fields.has('values')) return [];
  const values = fields.raw('values');
  if (!Array.isArray(values)) fields.refuse('values', values, 'a list');
  // Lists and objects are JSON to Postgres: jsonb takes them, and so does unnest of a cast.
  return (values as readonly unknown[]).map((value) => (typeof value === 'object' && value !== null ? JSON.stringify(value) : value));
}
