import { connectionMissing, TaskFailure, type OperatorContext } from '@dagbook/sdk';

/** A connection as operators read it: Airflow's fields, whatever way it was written. */
export interface Connection {
  readonly id: string;
  readonly type: string | undefined;
  readonly host: string | undefined;
  readonly port: number | undefined;
  readonly login: string | undefined;
  readonly password: string | undefined;
  readonly schema: string | undefined;
  readonly extra: { readonly [name: string]: unknown };
}

/** What connections of these types are for is known, so that one of them in the place of another is a mistake; a type of a site's own may be anything. */
const TYPES = {
  sql: ['postgres', 'postgresql', 'redshift', 'cockroachdb', 'generic'],
  aws: ['aws', 's3', 'generic'],
  docker: ['docker', 'http', 'https', 'tcp', 'unix', 'generic'],
  registry: ['docker', 'aws', 'http', 'https', 'generic'],
  smtp: ['smtp', 'smtps', 'email', 'generic'],
  http: ['http', 'https', 'slack', 'slackwebhook', 'generic'],
} as const satisfies { readonly [purpose: string]: readonly string[] };
const KNOWN_TYPES: ReadonlySet<string> = new Set([...Object.values(TYPES).flat(), 'mysql', 'mssql', 'oracle', 'sqlite', 'snowflake', 'mongo', 'redis', 'ssh', 'sftp', 'ftp', 'kafka', 'google_cloud_platform', 'wasb', 'fs', 'samba']);

/** Fails with `bad_input` when there is none of that id, one that is for something else, or one that cannot be read; never repeats what it holds. */
export async function connectionOf(id: string, context: OperatorContext, purpose: keyof typeof TYPES): Promise<Connection> {
  const found = await context.io.connection(id);
  if (found === null) throw connectionMissing(id);
  const type = textOf(found['conn_type'])?.toLowerCase();
  const wanted: readonly string[] = TYPES[purpose];
  if (type !== undefined && KNOWN_TYPES.has(type) && !wanted.includes(type)) throw new TaskFailure('bad_input', `the connection '${id}' cannot be used: it is of type ${type}, and one of type ${wanted[0]} is needed here`, { retry: false });
  const text = (name: string): string | undefined => textOf(found[name]);
  const port = text('port') === undefined ? undefined : Number(text('port'));
  if (port !== undefined && !(Number.isInteger(port) && port > 0 && port < 65_536)) throw unreadable(id, 'port', 'a number from 1 to 65535');
  return {
    id, port, type: text('conn_type'), host: text('host'), login: text('login'), password: text('password'), schema: text('schema'), extra: extraOf(id, found['extra']),
  };
}

/** The text of an extra, undefined when it is not there. */
export function extraText(connection: Connection, name: string): string | undefined {
  return textOf(connection.extra[name]);
}

/** Nothing, null and an empty text are all no value; what is no scalar is written as JSON. */
function textOf(value: unknown): string | undefined {
  if (value === undefined || value === null || value === '') return undefined;
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** URIs and forms give texts where JSON gives booleans. */
export const extraFlag = (connection: Connection, name: string): boolean => /^(true|1|yes|on)$/i.test(extraText(connection, name) ?? '');

function extraOf(id: string, extra: unknown): { readonly [name: string]: unknown } {
  if (extra === undefined || extra === null || extra === '') return {};
  try {
    const value: unknown = typeof extra === 'string' ? JSON.parse(extra) : extra;
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as { readonly [name: string]: unknown };
  } catch {
    // Told below, without the text, which may hold a secret.
  }
  throw unreadable(id, 'extra', 'a JSON object');
}

export const unreadable = (id: string, field: string, rule: string): TaskFailure => new TaskFailure('bad_input', `the connection '${id}' cannot be used: its ${field} must be ${rule}`, { retry: false });
