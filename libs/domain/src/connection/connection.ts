import type { Rejected } from '../decider.ts';
import { isRejected, reject } from '../decider.ts';
import type { Json } from '../json.ts';
import { quote, quotePlus, unquote, unquotePlus } from './percent.ts';
import { pythonJson, pythonNumber } from './python-json.ts';
import { portOf, splitUri } from './split-uri.ts';

/** The fields of a connection, as Airflow has them. Null is unset, which `''` is not. */
export interface Connection {
  readonly connType: string | null;
  readonly description: string | null;
  readonly host: string | null;
  readonly login: string | null;
  readonly password: string | null;
  readonly port: number | null;
  readonly schema: string | null;
  /** The text of a JSON object. */
  readonly extra: string | null;
}

/** The query that carries an extra that a plain query cannot. */
const EXTRA_KEY = '__extra__';
const TEXT_FIELDS = ['conn_type', 'host', 'login', 'password', 'schema'] as const;
const JSON_FIELDS: ReadonlySet<string> = new Set([...TEXT_FIELDS, 'description', 'port', 'extra', 'uri', 'team_name']);
const EMPTY: Connection = { connType: null, description: null, host: null, login: null, password: null, port: null, schema: null, extra: null };

/**
 * Reads a connection as Airflow writes one in an environment variable: a JSON object or a URI. Refusals never repeat the
 * value, which has secrets. Codes: `connection_empty`, `connection_invalid_json`, `connection_unknown_field`,
 * `connection_invalid_field`, `connection_invalid_port`, `connection_invalid_extra`, `connection_mixed`,
 * `connection_invalid_uri` and `connection_invalid_scheme`.
 */
export function readConnection(value: string): Connection | Rejected {
  const text = value.trim();
  if (text === '') return reject('connection_empty', 'The connection is empty; give a URI such as postgres://user:password@host:5432/db, or JSON.');
  const connection = text.startsWith('{') ? fromJson(text) : fromUri(text);
  return isRejected(connection) ? connection : checkedExtra(connection);
}

/** The parsed extra; empty when there is none. */
export function connectionExtra({ extra }: Connection): { readonly [key: string]: Json } {
  return extra === null || extra === '' ? {} : (JSON.parse(extra) as { readonly [key: string]: Json });
}

/** The canonical URI, which reads as the same connection but for its description. It has the connection's secrets in it. */
export function connectionUri(connection: Connection): string {
  const { connType, host, login, password, port, schema, extra } = connection;
  const scheme = connType === null || connType === '' ? '//' : `${connType.toLowerCase().replaceAll('_', '-')}://`;
  const [protocol, name] = hostParts(host ?? '', connType);
  const user = (login === null ? '' : quote(login)) + (password === null ? '' : `:${quote(password)}`);
  const authority = user === '' ? '' : `${user}@`;
  // A port with neither host nor user would read as a password.
  const address = quote(name) + (port === null || port === 0 ? '' : name === '' && authority === '' ? `@:${port}` : `:${port}`);
  const path = schema === null || schema === '' ? '' : `/${quote(schema)}`;
  const query = extra === null || extra === '' ? '' : `${path === '' ? '/?' : '?'}${queryOf(extra, connectionExtra(connection))}`;
  return scheme + protocol + authority + address + path + query;
}

/** The protocol before the host, unless it is the connection's own type; then it is part of the name. */
function hostParts(host: string, connType: string | null): readonly [protocol: string, name: string] {
  const at = host.indexOf('://');
  return at < 0 || host.slice(0, at) === connType ? ['', host] : [host.slice(0, at + 3), host.slice(at + 3)];
}

/** Texts alone stand in the query one by one; anything else goes as one JSON text, so that numbers stay numbers. */
function queryOf(extra: string, parsed: { readonly [key: string]: Json }): string {
  const entries = Object.entries(parsed);
  const flat = entries.every(([, value]) => typeof value === 'string');
  const query = flat ? entries.map(([key, value]) => `${quotePlus(key)}=${quotePlus(value as string)}`).join('&') : '';
  return query === '' ? `${EXTRA_KEY}=${quotePlus(extra)}` : query;
}

const normalType = (connType: string): string => (connType === 'postgresql' ? 'postgres' : connType.replaceAll('-', '_'));

function fromUri(uri: string): Connection | Rejected {
  const schemes = uri.split('://').length - 1;
  if (schemes > 2) return reject('connection_invalid_scheme', 'The URI has more than two ://; percent-encode those that belong to a value.');
  const whole = splitUri(uri);
  if (isRejected(whole)) return whole;
  const withProtocol = schemes === 2;
  const rest = uri.replaceAll(`${whole.scheme}://`, withProtocol ? '' : '//');
  if (withProtocol && /[@:]/.test(rest.split('://', 1)[0] ?? '')) {
    return reject('connection_invalid_scheme', 'Before the second :// of the URI stands more than a protocol; user and password belong behind it.');
  }
  const parts = splitUri(rest);
  if (isRejected(parts)) return parts;
  const port = portOf(parts.portText);
  if (isRejected(port)) return port;
  const host = hostOf(parts);
  return {
    ...EMPTY, connType: normalType(whole.scheme),
    host: withProtocol && host !== '' && parts.scheme !== '' ? `${parts.scheme}://${host}` : host,
    login: parts.login === null ? null : unquote(parts.login), password: passwordOf(parts.password === null ? null : unquote(parts.password)),
    port, schema: unquote(parts.path.slice(1)), extra: parts.query === '' ? null : extraOf(parts.query),
  };
}

/** An empty password is none, as Airflow keeps it. */
const passwordOf = (password: string | null): string | null => (password === '' ? null : password);

/** A host that hides a path keeps its capitals, as a file's name must. */
function hostOf({ host, authority }: { readonly host: string; readonly authority: string }): string {
  const decoded = unquote(host);
  return decoded.includes('/') ? unquote(authority.slice(authority.lastIndexOf('@') + 1).split(':', 1)[0] ?? '') : decoded;
}

function extraOf(query: string): string {
  const fields = new Map<string, string>();
  for (const pair of query.split('&')) {
    if (pair === '') continue;
    const at = pair.indexOf('=');
    fields.set(unquotePlus(at < 0 ? pair : pair.slice(0, at)), at < 0 ? '' : unquotePlus(pair.slice(at + 1)));
  }
  const whole = fields.get(EXTRA_KEY);
  if (whole !== undefined) return whole;
  return `{${[...fields].map(([key, value]) => `${pythonJson(key)}: ${valueJson(value)}`).join(', ')}}`;
}

/** The value of a query as JSON: what is JSON stays so, a number as Python writes it; anything else is a text. */
function valueJson(text: string): string {
  const parsed = parsedJson(text);
  if (parsed === undefined) return pythonJson(text);
  return typeof parsed === 'number' ? pythonNumber(text.trim(), parsed) : pythonJson(parsed);
}

/** The value of a text that is JSON; undefined when it is none. */
function parsedJson(text: string): Json | undefined {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return undefined;
  }
}

function fromJson(text: string): Connection | Rejected {
  const fields = parsedJson(text) as { readonly [field: string]: Json } | undefined;
  if (fields === undefined) return reject('connection_invalid_json', 'The connection begins with { and is no JSON.');
  const unknown = Object.keys(fields).find((field) => !JSON_FIELDS.has(field));
  if (unknown !== undefined) return reject('connection_unknown_field', `A connection has no field "${unknown.slice(0, 100)}"; it has ${[...JSON_FIELDS].join(', ')}.`);
  if (!isEmpty(fields['uri'] ?? null) && typeof fields['uri'] !== 'string') return reject('connection_invalid_field', 'The field uri of the connection is no text.');
  if (typeof fields['uri'] === 'string' && fields['uri'] !== '') return fromJsonUri(fields['uri'], fields);
  const port = jsonPort(fields['port'] ?? null);
  if (isRejected(port)) return port;
  const { description = null, extra = null } = fields;
  const extraText = isEmpty(extra) ? null : typeof extra === 'string' ? extra : pythonJson(extra);
  const passwordIsText = typeof (fields['password'] ?? '') === 'string';
  const checked = passwordIsText ? checkedExtra({ ...EMPTY, extra: extraText }) : EMPTY;
  if (isRejected(checked)) return checked;
  const wrong = TEXT_FIELDS.find((field) => typeof (fields[field] ?? '') !== 'string');
  if (wrong !== undefined) return reject('connection_invalid_field', `The field ${wrong} of the connection is no text.`);
  const own = (field: string): string | null => (fields[field] ?? null) as string | null;
  return {
    connType: own('conn_type') === null || own('conn_type') === '' ? null : normalType(own('conn_type') as string),
    description: typeof description === 'string' ? description : null,
    host: own('host'), login: own('login'), password: passwordOf(own('password')), schema: own('schema'), port,
    extra: extraText,
  };
}

function fromJsonUri(uri: string, fields: { readonly [field: string]: Json }): Connection | Rejected {
  const other = Object.keys(fields).find((field) => field !== 'uri' && field !== 'description' && field !== 'team_name' && !isEmpty(fields[field] ?? null));
  if (other !== undefined) return reject('connection_mixed', `The connection has both uri and ${other}; give the URI or single fields.`);
  const connection = fromUri(uri);
  const { description } = fields;
  return isRejected(connection) || typeof description !== 'string' ? connection : { ...connection, description };
}

const isEmpty = (value: Json): boolean => value === null || value === '' || value === 0 || value === false || (typeof value === 'object' && Object.keys(value).length === 0);

function jsonPort(value: Json): number | null | Rejected {
  if (isEmpty(value)) return null;
  if (typeof value === 'number') return Math.trunc(value);
  if (value === true) return 1;
  if (typeof value === 'string' && /^\s*[+-]?\d+(?:_\d+)*\s*$/.test(value) && value.length < 16) return Number(value.replaceAll('_', ''));
  return typeof value === 'string'
    ? reject('connection_invalid_port', 'The field port of the connection is no whole number.')
    : reject('connection_invalid_field', 'The field port of the connection is neither a number nor a text.');
}

function checkedExtra(connection: Connection): Connection | Rejected {
  const { extra } = connection;
  if (extra === null || extra === '') return connection;
  const parsed = parsedJson(extra);
  if (typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed)) return connection;
  return reject('connection_invalid_extra', 'The extra of the connection is no JSON object.');
}
