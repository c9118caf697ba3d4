import { hostname } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { DEFAULT_BUNDLE } from '@dagbook/bundles';
import { createPool, migrate, openPostgresStores, type PostgresStores } from '@dagbook/event-store';
import { MemoryBroker } from '@dagbook/messaging';
import { startEmbeddedPostgres, type EmbeddedPostgres } from '@dagbook/parts';
import { errorAttributes, HealthServer, measureJournal, Metrics, noSpans, otlpSpans, readSettings, systemClock, type Log, type RunningService } from '@dagbook/platform';
import { hashPassword } from '../../api-gateway/src/auth/password.ts';
import { readKeyRing } from '../../api-gateway/src/secret/key-ring.ts';
import { startApiGateway, type RunningApiGateway } from '../../api-gateway/src/service.ts';
import { STATE_STORE_SETTINGS, stateStorePolicy } from '../../api-gateway/src/state/state-settings.ts';
import { startDispatcher } from '../../dispatcher/src/service.ts';
import { startLogServer } from '../../log-server/src/service.ts';
import { bundleSources } from '../../scheduler/src/bundle-sources.ts';
import { startScheduler } from '../../scheduler/src/service.ts';
import { childEnvironment } from '../../worker/src/child-environment.ts';
import { measureWorker } from '../../worker/src/measure.ts';
import { startWorker } from '../../worker/src/service.ts';
import type { LocalSecrets } from './secret-file.ts';
import type { StartOptions } from './start-options.ts';
import { wakingStore } from './waking-store.ts';

export interface Standalone {
  readonly gateway: RunningApiGateway;
  readonly stores: PostgresStores;
  readonly databaseUrl: string;
  /** `/livez`, `/readyz` and `/metrics` of the process. */
  readonly healthUrl: string;
  /** Drains the services in the order in which nothing is lost, then stops Postgres. Safe twice. */
  stop(): Promise<void>;
}

/** Where the built programs lie: beside this one in dist/. */
export interface Built {
  readonly root: string;
  readonly version: string;
}

/**
 * The five services in one process on an embedded Postgres and an in-memory bus: the same modules as in a cluster, each
 * an application of its own, wired to the same ports.
 */
export async function startStandalone(options: StartOptions, secrets: LocalSecrets, built: Built, log: Log): Promise<Standalone> {
  const postgres = await startEmbeddedPostgres({ dataDir: join(options.dataDir, 'postgres'), log: (line) => log.debug('postgres', { line }) });
  const stopping: (() => Promise<void>)[] = [() => postgres.stop()];
  try {
    return await startServices(postgres, options, secrets, built, log, stopping);
  } catch (error) {
    await stopAll(stopping, log);
    throw error;
  }
}

async function startServices(postgres: EmbeddedPostgres, options: StartOptions, secrets: LocalSecrets, built: Built, log: Log, stopping: (() => Promise<void>)[]): Promise<Standalone> {
  const { dataDir, timezone } = options;
  await migrateAll(postgres.url, built.root);
  const stores = await openPostgresStores({ url: postgres.socketUrl, applicationName: 'dagbook' });
  stopping.push(() => stores.close());
  const broker = new MemoryBroker();
  stopping.push(() => broker.close());

  const of = (service: RunningService['name']): Log => log.child({ service });
  const { tokenSecret } = secrets;
  let wakeReadModels = (): void => undefined;
  const events = wakingStore(stores.events, () => wakeReadModels());
  const common = { stores: { ...stores, events }, broker, tokenSecret, clock: systemClock };
  const sdkPath = join(built.root, 'dist/sdk/index.js');
  const metrics = new Metrics('standalone');
  metrics.collectProcess();
  const endpoint = process.env['DAGBOOK_OTLP_TRACES_ENDPOINT'];

  const logStore = process.env['DAGBOOK_LOG_STORE'];
  const logs = await startLogServer({ broker, folder: join(dataDir, 'logs'), ...(logStore === undefined ? {} : { logStore }), log: of('log-server'), clock: systemClock });
  stopping.push(() => logs.stop());
  const gateway = await startApiGateway({
    stores: { ...stores, events },
    broker,
    databaseUrl: postgres.socketUrl,
    logReader: logs.reader,
    clock: systemClock,
    log: of('api-gateway'),
    config: {
      host: options.host, port: options.port, version: built.version, webFolder: join(built.root, 'dist/web'),
      users: [{ username: 'admin', role: 'admin', passwordHash: await hashPassword(secrets.adminPassword) }],
      xcomStore: process.env['DAGBOOK_XCOM_STORE'] ?? pathToFileURL(join(dataDir, 'xcom')).href,
      stateStore: stateStorePolicy(readSettings(STATE_STORE_SETTINGS, process.env)),
      jwtSecret: secrets.jwtSecret, tokenSecret, workerSecret: secrets.workerSecret,
      secretSources: { env: process.env, folder: process.env['DAGBOOK_SECRETS_FOLDER'] ?? join(options.dagsDir, '.secrets') }, secretKeys: readKeyRing(process.env['DAGBOOK_SECRETS_KEYS'] ?? secrets.secretsKeys),
      testsConnections: process.env['DAGBOOK_CONNECTIONS_TEST']?.toLowerCase() === 'enabled',
    },
  });
  wakeReadModels = gateway.wakeReadModels;
  stopping.push(() => gateway.stop());
  const dispatcher = await startDispatcher({ ...common, metrics, pools: options.pools, log: of('dispatcher') });
  stopping.push(() => dispatcher.stop());
  const scheduler = await startScheduler({
    ...common,
    metrics,
    bundles: bundleSources({
      bundles: options.bundles.length > 0 ? options.bundles : [{ name: DEFAULT_BUNDLE, kind: 'folder', path: options.dagsDir }],
      stateDir: join(dataDir, 'scheduler'),
      scanning: { ignore: options.examples ? [] : ['examples'], timezone, sdkPath, childPath: join(built.root, 'dist/bundles/parse-child.js') },
      states: stores.bundles,
      clock: systemClock,
      log: of('scheduler'),
    }),
    spans: endpoint === undefined ? noSpans : otlpSpans({ endpoint, service: 'standalone' }),
    log: of('scheduler'),
  });
  stopping.push(() => scheduler.stop());
  const worker = await startWorker({
    broker,
    executionApi: gateway.executionApi,
    clock: systemClock,
    log: of('worker'),
    options: {
      slotName: 'standalone-1', queues: ['default'], slots: options.slots, stateDir: join(dataDir, 'worker'),
      childEntry: join(built.root, 'dist/worker/runner.js'), sdkPath, hostname: hostname(), version: built.version,
      childEnv: childEnvironment({ DAGBOOK_OUTPUT: join(dataDir, 'output'), ...process.env, DAGBOOK_DEFAULT_TIMEZONE: timezone }, ['DAGBOOK_OUTPUT', 'DAGBOOK_DEFAULT_TIMEZONE']),
    },
  });
  stopping.push(() => worker.stop(DRAIN_MS));
  measureWorker(metrics, worker);
  measureJournal(metrics, stores.events);
  const health = new HealthServer({ metrics, checks: { readModels: gateway.readModelsFailure, partitions: () => (scheduler.ownedPartitions() > 0 ? undefined : 'the scheduler owns none yet') } });
  const healthPort = await health.listen(0, '127.0.0.1');
  stopping.push(() => health.close());

  let stopped: Promise<void> | undefined;
  return { gateway, stores, databaseUrl: postgres.url, healthUrl: `http://127.0.0.1:${healthPort}`, stop: () => (stopped ??= stopAll(stopping, log)) };
}

const DRAIN_MS = 10_000;

async function migrateAll(url: string, root: string): Promise<void> {
  const pool = createPool({ url, maxConnections: 1 });
  try {
    await migrate(pool, join(root, 'deploy/migrations'));
  } finally {
    await pool.end();
  }
}

/** Newest first; one that fails does not keep the others from stopping. */
async function stopAll(stopping: readonly (() => Promise<void>)[], log: Log): Promise<void> {
  for (const stop of [...stopping].reverse()) {
    await stop().catch((error: unknown) => log.error('a part did not stop well', errorAttributes(error)));
  }
}
