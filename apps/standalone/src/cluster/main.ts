import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { createPool, giveServiceRights, type JournalService, migrate, openPostgresStores, type ServiceUser } from '@dagbook/event-store';
import { PartFault, startEmbeddedPostgres, startKafka } from '@dagbook/parts';
import { createLog } from '@dagbook/platform';
import { showDemo } from '../demo.ts';
import { leaveIfImpatient } from '../impatience.ts';
import { localSecrets, writePrivately } from '../secret-file.ts';
import { readClusterOptions } from './options.ts';
import { PartKeeper } from './part-keeper.ts';
import { clusterProcesses } from './process-spec.ts';
import { Supervisor } from './supervisor.ts';

const root = process.env['DAGBOOK_ROOT'] ?? process.cwd();
const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
const options = readClusterOptions(process.argv.slice(2), root);
const { dataDir } = options;
const logFolder = join(dataDir, 'log');
mkdirSync(logFolder, { recursive: true });
const log = createLog({ service: 'cluster', destination: join(logFolder, 'cluster.jsonl') });
const say = (line: string): void => void process.stdout.write(`${line}\n`);

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function answers(url: string, withinMs: number): Promise<void> {
  const deadline = performance.now() + withinMs;
  for (;;) {
    const ok = await fetch(url).then((response) => response.ok, () => false);
    if (ok) return;
    if (performance.now() > deadline) throw new Error(`${url} does not answer; the logs in ${logFolder} say why`);
    await pause(50);
  }
}

const secrets = localSecrets(dataDir);
let databaseUrl = '';
let brokers: readonly string[] = [];
const postgresPort = await freePort();
const kafkaPort = await freePort();
const postgres = new PartKeeper('postgres', async () => {
  const part = await startEmbeddedPostgres({ dataDir: join(dataDir, 'postgres'), port: postgresPort, settings: { max_connections: '200' } });
  databaseUrl = part.url;
  return part;
}, log);
const kafka = new PartKeeper('kafka', async () => {
  const part = await startKafka({ dir: join(dataDir, 'kafka'), cacheDir: join(root, '.dagbook', 'kafka'), pom: join(root, 'deploy/kafka/pom.xml'), port: kafkaPort, log: (line) => log.info('kafka', { line }) });
  brokers = part.brokers;
  return part;
}, log);
const supervisor = new Supervisor(root, logFolder, log);
const runtimeFile = join(dataDir, 'runtime.json');

const stopping = new AbortController();
let stoppingSinceMs: number | undefined;
async function stop(code: number): Promise<void> {
  if (stoppingSinceMs !== undefined) return leaveIfImpatient(stoppingSinceMs);
  stoppingSinceMs = performance.now();
  stopping.abort();
  say('\ndraining …');
  rmSync(runtimeFile, { force: true });
  await supervisor.stop(['worker', 'scheduler', 'dispatcher', 'log-server', 'api-gateway'], 15_000);
  await kafka.stop();
  await postgres.stop();
  process.exit(code);
}
process.on('SIGINT', () => void stop(0));
process.on('SIGTERM', () => void stop(0));
process.on('SIGHUP', () => void stop(0));

try {
  say('starting Postgres and Kafka …');
  await Promise.all([postgres.start(), kafka.start()]);
  const pool = createPool({ url: databaseUrl, maxConnections: 1 });
  await migrate(pool, join(root, 'deploy/migrations'));
  const users = serviceUsers();
  await giveServiceRights(pool, users);
  await pool.end();

  const port = options.port === 0 ? await freePort() : options.port;
  const logPort = await freePort();
  say('starting the services …');
  for (const spec of clusterProcesses({ ...options, root, version, secrets, databaseUrlOf: (service) => urlOf(users, service), brokers, port, logPort })) supervisor.start(spec);
  const url = `http://127.0.0.1:${port}`;
  await answers(`${url}/api/v2/version`, 60_000);
  writeRuntime(url);
  say(`Dagbook ${version} is up as a cluster: ${url}`);
  say(`  as admin, password in ${join(dataDir, 'admin-password')}`);
  say(`  ${options.schedulers} scheduler(s), ${options.workers} worker(s); logs in ${logFolder}`);
  if (options.demo) await demo(url);
  if (!stopping.signal.aborted) say('Serving until Ctrl-C.');
} catch (error) {
  log.error('could not start', { error: String(error), stack: (error as Error).stack });
  process.stderr.write(`\n${error instanceof PartFault || error instanceof Error ? error.message : String(error)}\n`);
  await stop(1);
}

/** As on hosts, so that what a service may not do is noticed here; new passwords with each start. */
function serviceUsers(): readonly ServiceUser[] {
  return (['scheduler', 'dispatcher', 'api-gateway'] as const).map((service) => ({ service, user: `dagbook_${service.replace(/^.*-/, '')}`, password: randomBytes(24).toString('hex') }));
}

function urlOf(users: readonly ServiceUser[], service: JournalService): string {
  const { user, password } = users.find((one) => one.service === service) as ServiceUser;
  return Object.assign(new URL(databaseUrl), { username: user, password }).href;
}

/** The demo pipeline, as a newcomer sees it: read from the journal by a connection of our own. */
async function demo(url: string): Promise<void> {
  const stores = await openPostgresStores({ url: databaseUrl, maxConnections: 1, applicationName: 'dagbook-cluster' });
  await showDemo({ url, adminPassword: secrets.adminPassword, events: stores.events, say, log }, stopping.signal);
  await stores.close();
}

/** For tools and tests on this machine: where to ask, and which process is which (they change as they are started again). */
function writeRuntime(url: string): void {
  const write = (): void => writePrivately(runtimeFile, JSON.stringify({ pid: process.pid, url, databaseUrl, brokers, processes: supervisor.pids, postgresPid: postgres.pid, kafkaPid: kafka.pid }));
  write();
  setInterval(write, 500).unref();
}
