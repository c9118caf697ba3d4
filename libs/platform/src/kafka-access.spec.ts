import { expect, test } from 'vitest';
import { readSettings } from './config.ts';
import { KAFKA_SETTINGS, kafkaAccess } from './kafka-access.ts';

const PEM = '-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----';
const BOTH = `-----BEGIN PRIVATE KEY-----\nAA==\n-----END PRIVATE KEY-----\n${PEM}`;
const accessWith = (env: Readonly<Record<string, string>>) => kafkaAccess(readSettings(KAFKA_SETTINGS, { DAGBOOK_KAFKA_BROKERS: 'a:9092,b:9092', ...env }));

test.each([
  [{}, {}],
  [{ DAGBOOK_KAFKA_TLS: 'true' }, { ssl: {} }],
  [{ DAGBOOK_KAFKA_TLS_CA: PEM }, { ssl: { ca: PEM } }],
  [{ DAGBOOK_KAFKA_TLS_CERT: PEM, DAGBOOK_KAFKA_TLS_KEY: PEM }, { ssl: { cert: PEM, key: PEM } }],
  [{ DAGBOOK_KAFKA_TLS_CERT: BOTH }, { ssl: { cert: BOTH, key: BOTH } }],
  [{ DAGBOOK_KAFKA_SASL_USERNAME: 'w', DAGBOOK_KAFKA_SASL_PASSWORD: 'p' }, { sasl: { mechanism: 'scram-sha-512', username: 'w', password: 'p' } }],
  [{ DAGBOOK_KAFKA_TLS: 'true', DAGBOOK_KAFKA_SASL_MECHANISM: 'plain', DAGBOOK_KAFKA_SASL_USERNAME: 'w', DAGBOOK_KAFKA_SASL_PASSWORD: 'p' }, { ssl: {}, sasl: { mechanism: 'plain', username: 'w', password: 'p' } }],
])('%j', (env, access) => {
  expect(accessWith(env as Record<string, string>)).toEqual({ brokers: ['a:9092', 'b:9092'], ...access });
});

test.each([
  [{ DAGBOOK_KAFKA_TLS_CERT: PEM }, 'DAGBOOK_KAFKA_TLS_CERT and its key belong together: add the key to that PEM, or set DAGBOOK_KAFKA_TLS_KEY'],
  [{ DAGBOOK_KAFKA_TLS_CA: 'ca.pem' }, 'DAGBOOK_KAFKA_TLS_CA holds no PEM: it must be a text that begins with -----BEGIN'],
  [{ DAGBOOK_KAFKA_SASL_USERNAME: 'w' }, 'DAGBOOK_KAFKA_SASL_USERNAME and DAGBOOK_KAFKA_SASL_PASSWORD belong together: set both, or none'],
  [{ DAGBOOK_KAFKA_SASL_MECHANISM: 'plain', DAGBOOK_KAFKA_SASL_USERNAME: 'w', DAGBOOK_KAFKA_SASL_PASSWORD: 'p' }, 'DAGBOOK_KAFKA_SASL_MECHANISM is "plain", which sends the password as it is: set DAGBOOK_KAFKA_TLS=true too, or use scram-sha-512'],
])('%j is refused', (env, sentence) => {
  expect(() => accessWith(env as Record<string, string>)).toThrow(`the configuration does not hold:\n  - ${sentence}`);
});
