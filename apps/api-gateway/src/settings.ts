import { CLUSTER_SETTINGS, integer, KAFKA_SETTINGS, keyAndCertificate, oneOf, password, secret, type Setting, text } from '@dagbook/platform';
import { type KeyRing, readKeyRing } from './secret/key-ring.ts';
import { STATE_STORE_SETTINGS } from './state/state-settings.ts';

const { databaseUrl, databaseConnections, tokenSecret, healthPort } = CLUSTER_SETTINGS;

/** Settings of an api-gateway in a process of its own. */
export const API_GATEWAY_SETTINGS = {
  ...KAFKA_SETTINGS, ...STATE_STORE_SETTINGS, databaseUrl, databaseConnections, tokenSecret, healthPort,
  port: { env: 'DAGBOOK_API_PORT', says: 'port of REST and the page', parse: integer(0, 65_535), fallback: 8080 },
  host: { env: 'DAGBOOK_API_HOST', says: 'address it listens on', parse: text, fallback: '0.0.0.0' },
  tlsPort: { env: 'DAGBOOK_API_TLS_PORT', says: 'port of the same over TLS, which DAGBOOK_API_TLS_CERT opens', parse: integer(0, 65_535), fallback: 8443 },
  tlsPem: { env: 'DAGBOOK_API_TLS_CERT', says: 'PEM of the certificate of the gateway, with its key', parse: keyAndCertificate, fallback: undefined, secret: true } as Setting<string | undefined>,
  webFolder: { env: 'DAGBOOK_API_WEB_FOLDER', says: 'folder of the built page', parse: text, fallback: 'dist/web' },
  jwtSecret: { env: 'DAGBOOK_SECURITY_JWT_SECRET', says: 'signs the tokens of people', parse: secret, secret: true },
  workerSecret: { env: 'DAGBOOK_SECURITY_WORKER_SECRET', says: 'what workers show to fetch code', parse: secret, secret: true },
  secretsKeys: { env: 'DAGBOOK_SECRETS_KEYS', says: 'seal stored connections and variables: keys made with `openssl rand -hex 32`, newest first', parse: readKeyRing, fallback: undefined, secret: true } as Setting<KeyRing | undefined>,
  xcomStore: { env: 'DAGBOOK_XCOM_STORE', says: 'where results of over 256 KB go, file:///folder or s3://bucket/prefix; default: Postgres, up to 16 MB', parse: text, fallback: undefined } as Setting<string | undefined>,
  secretsFolder: { env: 'DAGBOOK_SECRETS_FOLDER', says: 'folder of connections and variables that are mounted as files', parse: text, fallback: undefined } as Setting<string | undefined>,
  testsConnections: { env: 'DAGBOOK_CONNECTIONS_TEST', says: 'Enabled: operators may have a worker test a connection', parse: (value: string) => oneOf('enabled', 'disabled')(value.toLowerCase()) === 'enabled', fallback: false },
  adminUsername: { env: 'DAGBOOK_API_ADMIN_USERNAME', says: 'name of the administrator', parse: text, fallback: 'admin' },
  adminPassword: { env: 'DAGBOOK_API_ADMIN_PASSWORD', says: 'password of the administrator', parse: password, secret: true },
  logServerUrl: { env: 'DAGBOOK_LOGS_URL', says: 'http://host:port of log-server', parse: text },
  logSecret: { env: 'DAGBOOK_SECURITY_LOG_SECRET', says: 'shared with log-server', parse: secret, secret: true },
  version: { env: 'DAGBOOK_VERSION', says: 'shown as the version that runs', parse: text, fallback: '0.1.0' },
  secureCookie: { env: 'DAGBOOK_API_SECURE_COOKIE', says: 'true when the page is served over HTTPS', parse: (value: string) => oneOf('true', 'false')(value) === 'true', fallback: false },
} as const;
