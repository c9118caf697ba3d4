import { connectionExtra, connectionUri, isRejected, readConnection } from '@dagbook/domain';
import type { Json } from '@dagbook/domain';
import { oneByOne } from './form.ts';
import type { OracleForm } from './form.ts';

interface Row {
  readonly value: string;
  readonly error?: string;
  readonly [field: string]: Json | undefined;
}

/** What Airflow raises where Dagbook refuses with a code. */
const EXCEPTIONS: { readonly [code: string]: string } = {
  connection_empty: 'IndexError', connection_invalid_json: 'JSONDecodeError', connection_unknown_field: 'TypeError', connection_invalid_field: 'TypeError',
  connection_invalid_port: 'ValueError', connection_invalid_extra: 'ValueError', connection_mixed: 'AirflowException',
  connection_invalid_uri: 'ValueError', connection_invalid_scheme: 'AirflowException',
};

/** Connections: the fields that a URI or JSON reads as, and the canonical URI of those. */
export const connections: OracleForm<Row> = {
  ask: ({ value }) => ({ value }),
  expected: ({ value: _value, ...fields }) => fields,
  answers: oneByOne(({ value }) => {
    const connection = readConnection(value);
    if (isRejected(connection)) return { error: EXCEPTIONS[connection.code] };
    const { connType, host, login, password, port, schema } = connection;
    return { connType, host, login, password, port, schema, extra: connectionExtra(connection), uri: connectionUri(connection) };
  }),
};
