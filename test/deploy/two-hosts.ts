import { copyFileSync, cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { ensureKafkaInstalled } from '@dagbook/parts';
import { command, Host } from './host.ts';

const ROOT = process.env['DAGBOOK_ROOT'] ?? process.cwd();
const CACHE = join(ROOT, '.dagbook', 'two-hosts');
const BASE = 'dagbook-base:node24';
/** The host user of the test: nobody's on this machine, and in no image. */
export const HOST_USER = 1234;

const A = { name: 'dagbook-a', bridge: '10.81.0.1/24', pool: '10.91.0.0/16' };
const B = { name: 'dagbook-b', bridge: '10.82.0.1/24', pool: '10.92.0.0/16' };
const CABLE = { a: '10.77.0.1', b: '10.77.0.2' };
/** Between this test and host A: where a person sits. */
const DESK = { here: '10.77.1.1', a: '10.77.1.2' };

/**
 * Two machines on one: engines in two network namespaces with a cable between, and the site's files for each as the
 * runbook makes them. images built → network laid → engines up → `compose` at will → `close`.
 */
export class TwoHosts {
  readonly a: Host;
  readonly b: Host;
  readonly folder: string;
  /** Of the gateway, from where this test runs. */
  readonly url = `http://${DESK.a}:8080`;

  private constructor(a: Host, b: Host, folder: string) {
    this.a = a;
    this.b = b;
    this.folder = folder;
  }

  static async start(): Promise<TwoHosts> {
    const folder = mkdtempSync('/tmp/dagbook-hosts-');
    const runDir = (name: string): string => join(folder, 'run', name);
    const builder = await Host.start({ name: 'builder', runDir: runDir('builder'), dataDir: join(CACHE, 'a') });
    await buildImages(builder);
    await builder.stop();
    await layNetwork();
    const a = await Host.start({ name: 'a', netns: A, runDir: runDir('a'), dataDir: join(CACHE, 'a') });
    const b = await Host.start({ name: 'b', netns: B, runDir: runDir('b'), dataDir: join(CACHE, 'b') });
    await handOver(a, b, 'dagbook:test');
    const hosts = new TwoHosts(a, b, folder);
    hosts.#prepare('a', { WORKER_HOST: 's22', WORKER_QUEUES: 's22,default' });
    hosts.#prepare('b', { WORKER_HOST: 's21', WORKER_QUEUES: 's21' });
    await command('sh', [join(ROOT, 'deploy/compose/make-secrets.sh'), join(hosts.site('a'), 'secrets')]);
    // All that host B is given of host A's secrets.
    mkdirSync(join(hosts.site('b'), 'secrets'));
    copyFileSync(join(hosts.site('a'), 'secrets', 'worker-secret'), join(hosts.site('b'), 'secrets', 'worker-secret'));
    await command('chown', ['-R', `${HOST_USER}:${HOST_USER}`, hosts.site('a'), hosts.site('b')]);
    return hosts;
  }

  /** The folder of a host: .env, secrets, state, dags, data. */
  site(name: 'a' | 'b'): string {
    return join(this.folder, name);
  }

  get adminPassword(): string {
    return readFileSync(join(this.site('a'), 'secrets', 'admin-password'), 'utf8');
  }

  compose(name: 'a' | 'b', ...args: readonly string[]): Promise<string> {
    const env = { DOCKER_HOST: `unix://${this[name].socket}`, COMPOSE_HTTP_TIMEOUT: '180' };
    return command('docker-compose', ['--env-file', join(this.site(name), '.env'), '-f', join(ROOT, 'deploy', 'compose', `host-${name}.yml`), ...args], { env });
  }

  /** Pulls the cable between the hosts out; answers when it has been out for so long. */
  async pullCable(outageMs: number): Promise<void> {
    await command('ip', ['-n', A.name, 'link', 'set', 'pv1', 'down']);
    await pause(outageMs);
  }

  async putCableBack(): Promise<void> {
    await command('ip', ['-n', A.name, 'link', 'set', 'pv1', 'up']);
  }

  async close(): Promise<void> {
    for (const name of ['b', 'a'] as const) await this.compose(name, 'down', '--volumes', '--timeout', '5').catch(() => undefined);
    await this.b.stop();
    await this.a.stop();
    await removeNetwork();
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** As the runbook says: a copy of .env.example, corrected, the folders, and on host A the secrets. */
  #prepare(name: 'a' | 'b', own: Readonly<Record<string, string>>): void {
    const site = this.site(name);
    for (const dir of ['state/postgres', 'state/logs', 'state/xcom', 'state/worker', 'dags', 'data']) mkdirSync(join(site, dir), { recursive: true });
    const settings = {
      ...own, DAGBOOK_IMAGE: 'dagbook:test', HOST_A_ADDRESS: CABLE.a, TIMEZONE: 'Asia/Seoul', STATE_DIR: join(site, 'state'), DAGS_DIR: join(site, 'dags'), DATA_DIR: join(site, 'data'),
      SECRETS_DIR: join(site, 'secrets'), DOCKER_SOCKET: this[name].socket, DOCKER_GID: String(statSync(this[name].socket).gid), DOCKER_POLICY: join(site, 'docker-policy.json'),
      POSTGRES_IMAGE: 'dagbook-postgres:stand-in', KAFKA_IMAGE: 'dagbook-kafka:stand-in', HOST_UID: String(HOST_USER), HOST_GID: String(HOST_USER),
    };
    const example = readFileSync(join(ROOT, 'deploy/compose/.env.example'), 'utf8');
    const corrected = Object.entries(settings).reduce((text, [key, value]) => text.replace(new RegExp(`^${key}=.*$`, 'm'), `${key}=${value}`), example);
    writeFileSync(join(site, '.env'), corrected);
    writeFileSync(join(site, 'docker-policy.json'), JSON.stringify({ binds: [join(site, 'data')] }));
  }

}

/** Layers are kept below .dagbook: what has not changed is not made again. */
async function buildImages(host: Host): Promise<void> {
  if ((await host.docker('images', '-q', BASE)) === '') await importBase(host);
  const ids = ['--build-arg', `BASE_IMAGE=${BASE}`, '--build-arg', `USER_ID=${HOST_USER}`];
  // The builder has no bridge.
  const build = (...args: readonly string[]): Promise<string> => host.docker('build', '--quiet', '--network', 'host', ...ids, ...args);
  await build('--build-arg', `GROUP_ID=${HOST_USER}`, '--build-arg', 'VERSION=test', '--tag', 'dagbook:test', '--file', join(ROOT, 'deploy/docker/Dockerfile'), ROOT);
  await build('--tag', 'dagbook-postgres:stand-in', join(ROOT, 'test/deploy/stand-in/postgres'));
  const kafka = join(CACHE, 'kafka');
  cpSync(join(ROOT, 'test/deploy/stand-in/kafka'), kafka, { recursive: true });
  await ensureKafkaInstalled({ cacheDir: join(ROOT, '.dagbook/kafka'), pom: join(ROOT, 'deploy/kafka/pom.xml') });
  cpSync(join(ROOT, '.dagbook/kafka/jars'), join(kafka, 'jars'), { recursive: true, preserveTimestamps: true });
  await build('--tag', 'dagbook-kafka:stand-in', kafka);
}

/** What the official image of Node has, made of this machine's Debian mirror, our own Node, and the npm that runs here. */
async function importBase(host: Host): Promise<void> {
  const root = join(CACHE, 'base');
  rmSync(root, { recursive: true, force: true });
  await command('debootstrap', ['--variant=minbase', 'bookworm', root]);
  copyFileSync(join(ROOT, 'node_modules/node/bin/node'), join(root, 'usr/local/bin/node'));
  const npm = (await command('npm', ['root', '--global'])).trim();
  cpSync(join(npm, 'npm'), join(root, 'usr/local/lib/node_modules/npm'), { recursive: true });
  symlinkSync('../lib/node_modules/npm/bin/npm-cli.js', join(root, 'usr/local/bin/npm'));
  const tar = `${root}.tar`;
  await command('tar', ['-C', root, '-cf', tar, '.']);
  await host.docker('import', tar, BASE);
  for (const path of [root, tar]) rmSync(path, { recursive: true, force: true });
}

async function handOver(from: Host, to: Host, image: string): Promise<void> {
  const idOn = (host: Host): Promise<string> => host.docker('images', '-q', '--no-trunc', image);
  if ((await idOn(from)) === (await idOn(to))) return;
  const file = join(CACHE, 'image.tar');
  await from.docker('save', '--output', file, image);
  await to.docker('load', '--input', file);
  rmSync(file);
}

async function layNetwork(): Promise<void> {
  await removeNetwork();
  const ip = (...args: readonly string[]): Promise<string> => command('ip', args);
  for (const { name } of [A, B]) await ip('netns', 'add', name);
  await ip('link', 'add', 'pv1', 'netns', A.name, 'type', 'veth', 'peer', 'name', 'pv2', 'netns', B.name);
  await ip('link', 'add', 'dagbook-desk', 'type', 'veth', 'peer', 'name', 'pv0', 'netns', A.name);
  await ip('-n', A.name, 'addr', 'add', `${CABLE.a}/24`, 'dev', 'pv1');
  await ip('-n', B.name, 'addr', 'add', `${CABLE.b}/24`, 'dev', 'pv2');
  await ip('-n', A.name, 'addr', 'add', `${DESK.a}/24`, 'dev', 'pv0');
  await ip('addr', 'add', `${DESK.here}/24`, 'dev', 'dagbook-desk');
  for (const [name, link] of [[A.name, 'lo'], [B.name, 'lo'], [A.name, 'pv1'], [B.name, 'pv2'], [A.name, 'pv0']] as const) await ip('-n', name, 'link', 'set', link, 'up');
  await ip('link', 'set', 'dagbook-desk', 'up');
}

async function removeNetwork(): Promise<void> {
  await command('ip', ['link', 'del', 'dagbook-desk']).catch(() => undefined);
  for (const { name } of [A, B]) if (existsSync(`/run/netns/${name}`)) await command('ip', ['netns', 'del', name]);
}
