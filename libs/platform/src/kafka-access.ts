import type { KafkaBrokerOptions } from '@dagbook/messaging';
import { ConfigError, list, oneOf, text, type Setting, type Settings } from './config.ts';

const optional = (value: Omit<Setting<string | undefined>, 'fallback'>): Setting<string | undefined> => ({ ...value, fallback: undefined });
const pem = (value: string): string => {
  if (!value.includes('-----BEGIN ')) throw new Error('holds no PEM: it must be a text that begins with -----BEGIN');
  return value;
};

/** How a service reaches the brokers and shows who it is; the same names in every service. */
export const KAFKA_SETTINGS = {
  kafkaBrokers: { env: 'DAGBOOK_KAFKA_BROKERS', says: 'host:port of one or more Kafka brokers, with commas between', parse: list },
  kafkaTls: { env: 'DAGBOOK_KAFKA_TLS', says: 'true: TLS, the brokers certified by whom this system trusts; a DAGBOOK_KAFKA_TLS_CA or _CERT says so too', parse: (value: string) => oneOf('true', 'false')(value) === 'true', fallback: false },
  kafkaCa: optional({ env: 'DAGBOOK_KAFKA_TLS_CA', says: 'PEM of who certifies the brokers', parse: pem, secret: true }),
  kafkaCert: optional({ env: 'DAGBOOK_KAFKA_TLS_CERT', says: 'PEM of the certificate that this service shows, which may hold its key too', parse: pem, secret: true }),
  kafkaKey: optional({ env: 'DAGBOOK_KAFKA_TLS_KEY', says: 'PEM of the key of that certificate, where it is a file of its own', parse: pem, secret: true }),
  kafkaUsername: optional({ env: 'DAGBOOK_KAFKA_SASL_USERNAME', says: 'who this service signs in as', parse: text }),
  kafkaPassword: optional({ env: 'DAGBOOK_KAFKA_SASL_PASSWORD', says: 'the password of that user', parse: text, secret: true }),
  kafkaMechanism: { env: 'DAGBOOK_KAFKA_SASL_MECHANISM', says: 'scram-sha-512, scram-sha-256, or plain (which needs TLS)', parse: oneOf('scram-sha-512', 'scram-sha-256', 'plain'), fallback: 'scram-sha-512' },
} as const satisfies Record<string, Setting<unknown>>;

export type KafkaSettings = Settings<typeof KAFKA_SETTINGS>;

/** What a client needs of the settings; throws `ConfigError` when they do not go together. */
export function kafkaAccess(settings: KafkaSettings): Pick<KafkaBrokerOptions, 'brokers' | 'ssl' | 'sasl'> {
  const { kafkaBrokers: brokers, kafkaCa: ca, kafkaCert: cert, kafkaUsername: username, kafkaPassword: password, kafkaMechanism: mechanism } = settings;
  const key = settings.kafkaKey ?? (cert?.includes('PRIVATE KEY-----') === true ? cert : undefined);
  const tls = settings.kafkaTls || ca !== undefined || cert !== undefined;
  const problems = [
    ...((cert === undefined) === (key === undefined) ? [] : ['DAGBOOK_KAFKA_TLS_CERT and its key belong together: add the key to that PEM, or set DAGBOOK_KAFKA_TLS_KEY']),
    ...((username === undefined) === (password === undefined) ? [] : ['DAGBOOK_KAFKA_SASL_USERNAME and DAGBOOK_KAFKA_SASL_PASSWORD belong together: set both, or none']),
    ...(username !== undefined && mechanism === 'plain' && !tls ? ['DAGBOOK_KAFKA_SASL_MECHANISM is "plain", which sends the password as it is: set DAGBOOK_KAFKA_TLS=true too, or use scram-sha-512'] : []),
  ];
  if (problems.length > 0) throw new ConfigError(problems);
  return {
    brokers,
    ...(tls ? { ssl: { ...(ca === undefined ? {} : { ca }), ...(cert === undefined ? {} : { cert, key }) } } : {}),
    ...(username === undefined || password === undefined ? {} : { sasl: { mechanism, username, password } as NonNullable<KafkaBrokerOptions['sasl']> }),
  };
}
