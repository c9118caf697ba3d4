import { connectionExtra, connectionUri, type Connection, HIDDEN, isRejected, type Json, readConnection, type Rejected, withoutSecrets } from '@dagbook/domain';

/** A connection by Airflow's names, as it is stored, exported and given to tasks. `extra` is the text of a JSON object. */
export interface ConnectionFields {
  readonly [field: string]: Json;
  readonly conn_type: string | null;
  readonly description: string | null;
  readonly host: string | null;
  readonly login: string | null;
  readonly password: string | null;
  readonly port: number | null;
  readonly schema: string | null;
  readonly extra: string | null;
}

/** Reads a URI or a JSON object, as environment variables and files have them. */
export function readFields(text: string): ConnectionFields | Rejected {
  const connection = readConnection(text);
  if (isRejected(connection)) return connection;
  const { connType, description, host, login, password, port, schema, extra } = connection;
  return { conn_type: connType, description, host, login, password, port, schema, extra };
}

const connectionOf = (fields: ConnectionFields): Connection => {
  const { conn_type: connType, description, host, login, password, port, schema, extra } = fields;
  return { connType, description, host, login, password, port, schema, extra };
};

/** What a task gets: the fields, and the same as a URI. */
export const taskFields = (fields: ConnectionFields): { readonly [field: string]: Json } => ({ ...fields, uri: connectionUri(connectionOf(fields)) });

/** What people get: no password, and no secret of the extra. */
export function shownFields(fields: ConnectionFields): ConnectionFields {
  return { ...fields, password: fields.password === null || fields.password === '' ? null : HIDDEN, extra: shownExtra(fields) };
}

const shownExtra = (fields: ConnectionFields): string | null =>
  fields.extra === null || fields.extra === '' ? fields.extra : JSON.stringify(withoutSecrets(connectionExtra(connectionOf(fields)) as Json));

/**
 * A change by somebody who was shown `***`: what still says so is what it was. Refused is an extra that is no JSON object.
 */
export function changedFields(before: ConnectionFields | null, given: ConnectionFields): ConnectionFields | Rejected {
  const checked = readFields(JSON.stringify({ conn_type: given.conn_type, port: given.port, extra: given.extra }));
  if (isRejected(checked)) return checked;
  if (before === null) return given;
  const password = given.password === HIDDEN ? before.password : given.password;
  if (given.extra === null || given.extra === '' || before.extra === null || before.extra === '') return { ...given, password };
  return { ...given, password, extra: JSON.stringify(restored(connectionExtra(connectionOf(given)) as Json, connectionExtra(connectionOf(before)) as Json)) };
}

function restored(given: Json, before: Json | undefined): Json {
  if (given === HIDDEN && before !== undefined) return before;
  if (given === null || typeof given !== 'object' || before === null || typeof before !== 'object') return given;
  if (Array.isArray(given)) return Array.isArray(before) ? given.map((item, at) => restored(item, before[at])) : given;
  const members = before as { readonly [name: string]: Json };
  return Object.fromEntries(Object.entries(given).map(([name, member]) => [name, restored(member as Json, Object.hasOwn(members, name) ? members[name] : undefined)]));
}
