import fc from 'fast-check';
import { expect, it } from 'vitest';
import { isRejected } from '../decider.ts';
import type { Connection } from './connection.ts';
import { connectionExtra, connectionUri, readConnection } from './connection.ts';

function read(value: string): Connection {
  const connection = readConnection(value);
  if (isRejected(connection)) throw new Error(connection.message);
  return connection;
}

const text = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 12 }).filter((value) => value.isWellFormed());
const extra = fc.option(fc.dictionary(fc.stringMatching(/^[a-z][a-z_]{0,8}$/), fc.oneof(text, fc.integer(), fc.boolean(), fc.array(fc.integer(), { maxLength: 2 })), { minKeys: 1, maxKeys: 3 }), { nil: undefined });

it('reads from its canonical URI the connection that was written', () => {
  const fields = fc.record({ host: fc.domain(), login: text, password: text, schema: text, port: fc.integer({ min: 1, max: 65_535 }), extra });
  fc.assert(fc.property(fields, (given) => {
    const connection = read(JSON.stringify({ conn_type: 'postgres', ...given }));
    const again = read(connectionUri(connection));
    expect({ ...again, extra: connectionExtra(again) }).toEqual({ ...connection, host: given.host.toLowerCase(), extra: connectionExtra(connection) });
  }));
});

it('reads a password of any characters', () => {
  expect(read('postgres://u:p%25%40%2F%3A%3F%23%5B@h/db')).toMatchObject({ login: 'u', password: 'p%@/:?#[', host: 'h', schema: 'db' });
  expect(read('postgres://u:p@ss@h')).toMatchObject({ login: 'u', password: 'p@ss', host: 'h' });
  expect(read('postgres://u:100%@h')).toMatchObject({ password: '100%' });
});

it.each([
  ['', 'connection_empty'],
  ['{"conn_type": ', 'connection_invalid_json'],
  ['{"conn_type": "x", "pasword": "hunter2"}', 'connection_unknown_field'],
  ['{"conn_type": "x", "host": 5, "password": "hunter2"}', 'connection_invalid_field'],
  ['{"conn_type": "x", "port": "abc", "password": "hunter2"}', 'connection_invalid_port'],
  ['{"conn_type": "x", "extra": "hunter2"}', 'connection_invalid_extra'],
  ['{"uri": "x://h", "password": "hunter2"}', 'connection_mixed'],
  ['x://u:hunter2@h:99999', 'connection_invalid_uri'],
  ['x://u:hunter2@h:port', 'connection_invalid_uri'],
  ['x://u:hunter2@[::1', 'connection_invalid_uri'],
  ['x://u:hunter2@[nope]', 'connection_invalid_uri'],
  ['x://u:hunter2@a://b://c', 'connection_invalid_scheme'],
  ['x://u:hunter2@https://host', 'connection_invalid_scheme'],
])('refuses %s with its own code and repeats no secret', (value, code) => {
  const refused = readConnection(value);
  expect(refused).toMatchObject({ rejected: true, code });
  expect(JSON.stringify(refused)).not.toContain('hunter2');
});

it('reads or refuses any text', () => {
  fc.assert(fc.property(fc.oneof(fc.string({ unit: 'binary' }), fc.webUrl(), fc.json()), (value) => {
    const connection = readConnection(value);
    return isRejected(connection) || typeof connectionUri(connection) === 'string';
  }), { numRuns: 1000 });
});
