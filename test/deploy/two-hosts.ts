import { chmodSync, chownSync, copyFileSync, cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { ensureKafkaInstalled } from '@dagbook/parts';
import { command, Host } from './host.ts';
import { Runbook } from './runbook.ts';

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
 * runbook makes them. images built → network laid → engines up → set up and run by what the runbook prints → `close`.
 */
export class TwoHosts {
  readonly a: Host;
  readonly b: Host;
  readonly folder: string;
  readonly runbook: Runbook;
  /** Of the gateway, from where this test runs. */
  readonly url = `http://${DESK.a}:8080`;

  private constructor(a: Host, b: Host, folder: string, runbook: Runbook) {
    this.a = a;
    this.b = b;
    this.folder = folder;
    this.runbook = runbook;
  }

  static async start(): Promise<TwoHosts> {
    const runbook = new Runbook();
    const folder = mkdtempSync('/tmp/dagbook-hosts-');
    chmodSync(folder, 0o755);
    const runDir = (name: string): string => join(folder, 'run', name);
    const builder = await Host.start({ name: 'builder', runDir: runDir('builder'), dataDir: join(CACHE, 'a'), group: HOST_USER });
    try {
      await buildParts(builder, runbook.command('-t dagbook:0.1.0 '));
    } finally {
      await builder.stop();
    }
    await layNetwork();
    const a = await Host.start({ name: 'a', netns: A, runDir: runDir('a'), dataDir: join(CACHE, 'a'), group: HOST_USER });
    const b = await Host.start({ name: 'b', netns: B, runDir: runDir('b'), dataDir: join(CACHE, 'b'), group: HOST_USER });
    for (const host of [a, b]) await host.clear();
    await handOver(a, b, 'dagbook:0.1.0', runbook.command('| ssh hostb'));
    await refuseFromOutside(B);
    const hosts = new TwoHosts(a, b, folder, runbook);
    for (const name of ['a', 'b'] as const) {
      cpSync(join(ROOT, 'deploy/compose'), hosts.site(name), { recursive: true });
      mkdirSync(join(hosts.site(name), 'home'));
      await command('chown', ['-R', `${HOST_USER}:${HOST_USER}`, hosts.site(name)]);
    }
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
    return this.#asHostUser(name, `docker-compose -f host-${name}.yml ${args.map((arg) => `'${arg}'`).join(' ')}`);
  }

  /** Runs a command that the runbook prints, in the site's folder as its user; `put` takes the place of what is in angle brackets. */
  printed(name: 'a' | 'b', words: string, put: Readonly<Record<string, string>> = {}): Promise<string> {
    const printed = this.runbook.command(words);
    const chosen = Object.entries(put).reduce((text, [slot, value]) => text.replace(`<${slot}>`, value), printed);
    // What this machine has is docker-compose 1.29, without a terminal; on host B its own file is meant.
    const command = chosen.replaceAll('docker compose', 'docker-compose').replaceAll('host-a.yml', `host-${name}.yml`).replace(/\bexec (?!-T)/, 'exec -T ').replace('logs -f', 'logs');
    return this.#asHostUser(name, command);
  }

  #asHostUser(name: 'a' | 'b', line: string): Promise<string> {
    const env = { DOCKER_HOST: `unix://${this[name].socket}`, COMPOSE_HTTP_TIMEOUT: '180', HOME: join(this.site(name), 'home') };
    return command('setpriv', [`--reuid=${HOST_USER}`, `--regid=${HOST_USER}`, '--clear-groups', 'bash', '--norc', '-ec', line], { cwd: this.site(name), env }).catch(async (error: Error) => {
      throw new Error(`${error.message}\n${await this[name].complaints()}`, { cause: error });
    });
  }

  /** What the runbook tells to correct in `.env` and `docker-policy.json`. */
  correct(name: 'a' | 'b', own: Readonly<Record<string, string>>): void {
    const site = this.site(name);
    const settings = {
      ...own, HOST_A_ADDRESS: CABLE.a, TIMEZONE: 'Asia/Seoul', STATE_DIR: join(site, 'state'), DAGS_DIR: join(site, 'dags'), DATA_DIR: join(site, 'data'),
      DOCKER_SOCKET: this[name].socket, DOCKER_GID: String(statSync(this[name].socket).gid),
      POSTGRES_IMAGE: 'dagbook-postgres:stand-in', KAFKA_IMAGE: 'dagbook-kafka:stand-in', HOST_UID: String(HOST_USER), HOST_GID: String(HOST_USER),
    };
    const file = join(site, '.env');
    writeFileSync(file, Object.entries(settings).reduce((text, [key, value]) => text.replace(new RegExp(`^${key}=.*$`, 'm'), `${key}=${value}`), readFileSync(file, 'utf8')));
    writeFileSync(join(site, 'docker-policy.json'), JSON.stringify({ binds: [join(site, 'data')] }));
  }

  /** Sets what the runbook prints as lines of `.env`; `put` says what stands in their place here. */
  set(name: 'a' | 'b', put: Readonly<Record<string, string>>): void {
    const file = join(this.site(name), '.env');
    const said = Object.entries(put).reduce((text, [key, value]) => (this.runbook.command(`${key}=`), text.replace(new RegExp(`^${key}=.*$`, 'm'), `${key}=${value}`)), readFileSync(file, 'utf8'));
    writeFileSync(file, said);
  }

  /** Where this test sits, as host A reaches it. */
  get desk(): string {
    return DESK.here;
  }

  /** Builds the image by the printed command; no base image can be fetched here, so ours is named. */
  build(version: string): Promise<string> {
    return buildImage(this.a, this.runbook.command(`-t dagbook:${version} `));
  }

  /** Takes an image to host B. */
  bring(image: string): Promise<void> {
    return handOver(this.a, this.b, image, this.runbook.command('| ssh hostb'));
  }

  /** What host B is given of host A's secrets. */
  shareSecrets(): void {
    const [, from = ''] = this.runbook.command('scp secrets/').split(' ');
    const given = join(this.site('a'), dirname(from));
    const secrets = join(this.site('b'), 'secrets');
    mkdirSync(secrets, { recursive: true });
    for (const file of readdirSync(given)) {
      copyFileSync(join(given, file), join(secrets, file));
      chownSync(join(secrets, file), HOST_USER, HOST_USER);
    }
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
}

/** Layers are kept below .dagbook: what has not changed is not made again. */
async function buildParts(host: Host, printed: string): Promise<void> {
  if ((await host.docker('images', '-q', BASE)) === '') await importBase(host);
  trustWhatThisMachineTrusts();
  await buildImage(host, printed);
  const build = (...args: readonly string[]): Promise<string> => host.docker('build', '--quiet', ...BUILDING, '--build-arg', `USER_ID=${HOST_USER}`, ...args);
  await build('--tag', 'dagbook-postgres:stand-in', join(ROOT, 'test/deploy/stand-in/postgres'));
  const kafka = join(CACHE, 'kafka');
  cpSync(join(ROOT, 'test/deploy/stand-in/kafka'), kafka, { recursive: true });
  await ensureKafkaInstalled({ cacheDir: join(ROOT, '.dagbook/kafka'), pom: join(ROOT, 'deploy/kafka/pom.xml') });
  cpSync(join(ROOT, '.dagbook/kafka/jars'), join(kafka, 'jars'), { recursive: true, preserveTimestamps: true });
  await build('--tag', 'dagbook-kafka:stand-in', kafka);
}

/** As the runbook says of a network that answers with certificates of its own. */
function trustWhatThisMachineTrusts(): void {
  const own = '/usr/local/share/ca-certificates';
  for (const file of existsSync(own) ? readdirSync(own).filter((name) => name.endsWith('.crt')) : []) copyFileSync(join(own, file), join(ROOT, 'deploy/docker/ca', file));
}

/** The engine that builds has no bridge. */
const BUILDING = ['--network', 'host', '--build-arg', `BASE_IMAGE=${BASE}`];

/** By the command that the runbook prints, for the host user of the test. */
function buildImage(host: Host, printed: string): Promise<string> {
  const line = printed.replace('docker build', `docker build --quiet ${BUILDING.join(' ')}`).replace('$(id -u)', String(HOST_USER)).replace('$(id -g)', String(HOST_USER));
  return command('bash', ['-euc', line], { cwd: join(ROOT, 'deploy/compose'), env: { DOCKER_HOST: `unix://${host.socket}`, DOCKER_BUILDKIT: '0' } });
}

/** Nobody opens a connection to this host over the cable. */
async function refuseFromOutside({ name }: { readonly name: string }): Promise<void> {
  for (const chain of ['INPUT', 'FORWARD']) {
    await command('nsenter', [`--net=/run/netns/${name}`, 'iptables', '-I', chain, '-i', 'pv2', '-m', 'conntrack', '--ctstate', 'NEW', '-j', 'DROP']);
  }
}

/** What the official image of Node has, made of this machine's Debian mirror, our own Node, and the npm that runs here. */
async function importBase(host: Host): Promise<void> {
  const root = join(CACHE, 'base');
  rmSync(root, { recursive: true, force: true });
  await command('debootstrap', ['--variant=minbase', 'bookworm', root]);
  copyFileSync(join(ROOT, 'node_modules/node/bin/node'), join(root, 'usr/local/bin/node'));
  cpSync(await npmFolder(), join(root, 'usr/local/lib/node_modules/npm'), { recursive: true });
  symlinkSync('../lib/node_modules/npm/bin/npm-cli.js', join(root, 'usr/local/bin/npm'));
  const tar = `${root}.tar`;
  await command('tar', ['-C', root, '-cf', tar, '.']);
  await host.docker('import', tar, BASE);
  for (const path of [root, tar]) rmSync(path, { recursive: true, force: true });
}

/** Of the npm that this was run by, else of the one on the path. */
async function npmFolder(): Promise<string> {
  const program = process.env['npm_execpath'] ?? realpathSync((await command('sh', ['-c', 'command -v npm'])).trim());
  return dirname(dirname(program));
}

/** By the command that the runbook prints; the other host's shell is here. */
async function handOver(from: Host, to: Host, image: string, printed: string): Promise<void> {
  const idOn = (host: Host): Promise<string> => host.docker('images', '-q', '--no-trunc', image);
  if ((await idOn(from)) === (await idOn(to))) return;
  const line = printed.replace('dagbook:0.1.0', image).replace('ssh hostb', `env DOCKER_HOST=unix://${to.socket}`);
  await command('bash', ['-o', 'pipefail', '-ec', line], { env: { DOCKER_HOST: `unix://${from.socket}` } });
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
