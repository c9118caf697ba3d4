import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { JournalService } from '@dagbook/event-store';
import type { LocalSecrets } from '../secret-file.ts';
import type { ClusterOptions } from './options.ts';
import type { ProcessSpec } from './supervisor.ts';

interface ClusterSettings extends ClusterOptions {
  readonly root: string;
  readonly version: string;
  readonly secrets: LocalSecrets;
  readonly databaseUrlOf: (service: JournalService) => string;
  readonly brokers: readonly string[];
  readonly port: number;
  readonly logPort: number;
}

/** The processes of a cluster on one machine, each with the settings that a compose file would give it. */
export function clusterProcesses(settings: ClusterSettings): readonly ProcessSpec[] {
  const { dataDir, secrets, brokers, databaseUrlOf, timezone } = settings;
  const common = { DAGBOOK_KAFKA_BROKERS: brokers.join(','), DAGBOOK_HEALTH_PORT: '0', DAGBOOK_DEFAULT_TIMEZONE: timezone, DAGBOOK_VERSION: settings.version };
  const journal = (service: JournalService): Readonly<Record<string, string>> => ({ ...common, DAGBOOK_DATABASE_URL: databaseUrlOf(service), DAGBOOK_SECURITY_TOKEN_SECRET: secrets.tokenSecret });
  const gateway: ProcessSpec = {
    name: 'api-gateway',
    entry: 'api-gateway/main.js',
    env: {
      ...journal('api-gateway'),
      DAGBOOK_API_PORT: String(settings.port),
      DAGBOOK_API_HOST: '127.0.0.1',
      DAGBOOK_API_WEB_FOLDER: join(settings.root, 'dist/web'),
      DAGBOOK_LOGS_URL: `http://127.0.0.1:${settings.logPort}`,
      DAGBOOK_XCOM_STORE: process.env['DAGBOOK_XCOM_STORE'] ?? pathToFileURL(join(dataDir, 'xcom')).href,
      DAGBOOK_SECURITY_JWT_SECRET: secrets.jwtSecret,
      DAGBOOK_API_ADMIN_PASSWORD: secrets.adminPassword,
      DAGBOOK_SECURITY_LOG_SECRET: secrets.logSecret,
      DAGBOOK_SECURITY_WORKER_SECRET: secrets.workerSecret,
      DAGBOOK_SECRETS_KEYS: process.env['DAGBOOK_SECRETS_KEYS'] ?? secrets.secretsKeys,
      DAGBOOK_SECRETS_FOLDER: join(settings.dagsDir, '.secrets'),
    },
  };
  const logServer: ProcessSpec = {
    name: 'log-server',
    entry: 'log-server/main.js',
    env: { ...common, ...(process.env['DAGBOOK_LOG_STORE'] === undefined ? {} : { DAGBOOK_LOG_STORE: process.env['DAGBOOK_LOG_STORE'] }), DAGBOOK_LOG_HOST: '127.0.0.1', DAGBOOK_LOG_PORT: String(settings.logPort), DAGBOOK_LOG_FOLDER: join(dataDir, 'logs'), DAGBOOK_SECURITY_LOG_SECRET: secrets.logSecret },
  };
  const dispatcher: ProcessSpec = { name: 'dispatcher', entry: 'dispatcher/main.js', env: journal('dispatcher') };
  const schedulers = numbered('scheduler', settings.schedulers, () => ({ ...journal('scheduler'), DAGBOOK_BUNDLE_FOLDER: settings.dagsDir }));
  const workers = numbered('worker', settings.workers, (name) => ({
    ...common,
    DAGBOOK_WORKER_SLOT: `local-${name}`,
    DAGBOOK_WORKER_SLOTS: String(settings.slots),
    DAGBOOK_WORKER_STATE_DIR: join(dataDir, name),
    DAGBOOK_WORKER_GATEWAY_URL: `http://127.0.0.1:${settings.port}`,
    DAGBOOK_SECURITY_WORKER_SECRET: secrets.workerSecret,
    DAGBOOK_WORKER_RUNNER_ENTRY: join(settings.root, 'dist/worker/runner.js'),
    DAGBOOK_WORKER_SDK: join(settings.root, 'dist/sdk/index.js'),
    DAGBOOK_OUTPUT: join(dataDir, 'output'),
  }));
  return [gateway, logServer, dispatcher, ...schedulers, ...workers];
}

const numbered = (service: 'scheduler' | 'worker', count: number, env: (name: string) => Readonly<Record<string, string>>): ProcessSpec[] =>
  Array.from({ length: count }, (_, index) => ({ name: `${service}-${index + 1}`, entry: `${service}/main.js`, env: env(`${service}-${index + 1}`) }));
