import { type ChildProcess, spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { closeSync, existsSync, fstatSync, mkdirSync, openSync, readFileSync, readSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { PartFault } from '../part-fault.ts';
import { isAlive } from '../postgres/leftover.ts';
import { answersMetadata } from './metadata-probe.ts';
import { ensureKafkaInstalled, type KafkaInstallation, type KafkaInstallOptions } from './install.ts';

export interface KafkaServerOptions extends KafkaInstallOptions {
  /** Made when missing. Holds the broker's log segments, its settings and its own log. */
  readonly dir: string;
  /** 0 or absent: a free one at the first start; the same again on the same folder, so that clients find it. */
  readonly port?: number;
  /** Further listeners, each with a name of its own, by the settings of Kafka: `sasl.enabled.mechanisms`, `ssl.keystore.location`, … */
  readonly secured?: readonly SecuredListener[];
  /** Users of SCRAM-SHA-512, made with the folder. */
  readonly scramUsers?: Readonly<Record<string, string>>;
  /** Of the broker as a whole. */
  readonly settings?: Readonly<Record<string, string>>;
}

export interface SecuredListener {
  /** Upper case. */
  readonly name: string;
  readonly protocol: 'SSL' | 'SASL_SSL' | 'SASL_PLAINTEXT';
  readonly settings: Readonly<Record<string, string>>;
}

export interface KafkaServer {
  /** `127.0.0.1:<port>`, as clients take it. */
  readonly brokers: readonly string[];
  readonly port: number;
  /** `127.0.0.1:<port>` of each further listener, by its name. */
  readonly secured: Readonly<Record<string, string>>;
  readonly pid: number;
  /** Resolves when the broker is gone, by `stop` or by itself. */
  readonly exited: Promise<void>;
  /** Orderly shutdown; resolves when the broker is gone. Safe twice. */
  stop(): Promise<void>;
}

/** A broker that does not answer after so long will not. */
const START_PATIENCE_MS = 60_000;

/**
 * Starts a real Kafka of one node (KRaft, broker and controller in one) on a folder, formatting it when empty; what was
 * published before is there again. Fails with `PartFault`s: those of `ensureKafkaInstalled`, `kafka.port_in_use`,
 * `kafka.start_failed`, `kafka.leftover`.
 */
export async function startKafka(options: KafkaServerOptions): Promise<KafkaServer> {
  const log = options.log ?? (() => undefined);
  const dir = resolve(options.dir);
  const installation = await ensureKafkaInstalled(options);
  mkdirSync(dir, { recursive: true });
  const found = await stopLeftover(dir);
  if (found !== null) log(found);
  const { port, controllerPort } = await choosePorts(dir, options.port ?? 0);
  const secured = await Promise.all((options.secured ?? []).map(async (listener) => ({ ...listener, port: await freePort(0, false) })));
  const settings = join(dir, 'server.properties');
  writeFileSync(settings, properties(dir, port, controllerPort, secured, options.settings));
  await format(installation, dir, settings, options.scramUsers);
  const child = launch(installation, dir, settings);
  const exited = new Promise<void>((done) => child.once('exit', () => done()).once('error', () => done()));
  writeFileSync(join(dir, 'broker.pid'), `${child.pid}\n`);
  const stop = async (): Promise<void> => {
    await shutDown(child, exited);
    keepArchive(installation, dir);
    rmSync(join(dir, 'broker.pid'), { force: true });
  };
  if (!(await becomesReady(child, port))) {
    await stop();
    throw new PartFault('kafka.start_failed', `Kafka did not start on ${dir}: ${lastLines(join(dir, 'broker.log'))}`, `Its own log is ${join(dir, 'broker.log')}; mend what it names, or remove the folder to begin with an empty one.`);
  }
  return { brokers: [`127.0.0.1:${port}`], port, secured: Object.fromEntries(secured.map((listener) => [listener.name, `127.0.0.1:${listener.port}`])), pid: child.pid as number, exited, stop };
}

const properties = (dir: string, port: number, controllerPort: number, secured: readonly (SecuredListener & { readonly port: number })[], own: Readonly<Record<string, string>> = {}): string =>
  Object.entries({
    'process.roles': 'broker,controller',
    'node.id': 1,
    'controller.quorum.voters': `1@127.0.0.1:${controllerPort}`,
    listeners: [`PLAINTEXT://127.0.0.1:${port}`, `CONTROLLER://127.0.0.1:${controllerPort}`, ...secured.map((listener) => `${listener.name}://127.0.0.1:${listener.port}`)].join(),
    'advertised.listeners': [`PLAINTEXT://127.0.0.1:${port}`, ...secured.map((listener) => `${listener.name}://127.0.0.1:${listener.port}`)].join(),
    'controller.listener.names': 'CONTROLLER',
    'listener.security.protocol.map': ['PLAINTEXT:PLAINTEXT', 'CONTROLLER:PLAINTEXT', ...secured.map(({ name, protocol }) => `${name}:${protocol}`)].join(),
    'log.dirs': join(dir, 'data'),
    'auto.create.topics.enable': false,
    'offsets.topic.num.partitions': 4,
    'offsets.topic.replication.factor': 1,
    'transaction.state.log.num.partitions': 1,
    'transaction.state.log.replication.factor': 1,
    'transaction.state.log.min.isr': 1,
    'share.coordinator.state.topic.num.partitions': 1,
    'share.coordinator.state.topic.replication.factor': 1,
    'share.coordinator.state.topic.min.isr': 1,
    'default.replication.factor': 1,
    'min.insync.replicas': 1,
    // The first member of a group need not wait for company.
    'group.initial.rebalance.delay.ms': 0,
    'group.min.session.timeout.ms': 1_000,
    'num.network.threads': 2,
    'num.io.threads': 4,
    'log.cleaner.dedupe.buffer.size': 2_097_152,
    'log.segment.bytes': 67_108_864,
    // A killed broker's successor is let in when the dead one's session has run out.
    'broker.session.timeout.ms': 3_000,
    'broker.heartbeat.interval.ms': 500,
    ...Object.fromEntries(secured.flatMap(({ name, settings }) => Object.entries(settings).map(([setting, value]) => [`listener.name.${name.toLowerCase()}.${setting}`, value]))),
    ...own,
  })
    .map(([name, value]) => `${name}=${value}\n`)
    .join('');

async function format(installation: KafkaInstallation, dir: string, settings: string, scramUsers: Readonly<Record<string, string>> = {}): Promise<void> {
  if (existsSync(join(dir, 'data', 'meta.properties'))) return;
  const clusterId = randomBytes(16).toString('base64url');
  const args = [...JVM, '-cp', installation.classPath, 'kafka.tools.StorageTool', 'format', `--cluster-id=${clusterId}`, '-c', settings, ...Object.entries(scramUsers).flatMap(([name, password]) => ['--add-scram', `SCRAM-SHA-512=[name=${name},password=${password}]`])];
  const child = spawn(installation.java, args, { cwd: dir, stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (said += chunk.toString()));
  const code = await new Promise<number | null>((done, fail) => child.once('close', done).once('error', fail));
  if (code !== 0) throw new PartFault('kafka.start_failed', `Kafka could not format ${dir}: ${said.trim().split('\n').at(-1) ?? ''}`, 'Check the free space and the permissions of that folder, or remove it.');
}

/**
 * The first compiler only. On two cores the second takes more of them than the broker itself for the first 30,000 tasks:
 * a hop of a chain then took 8.7 ms at the median instead of 4.3. A broker of one's own, on cores of its own, has it on.
 */
const JVM = ['-Xms64m', '-Xmx512m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-Xshare:auto'];

function launch(installation: KafkaInstallation, dir: string, settings: string): ChildProcess {
  const { java, classPath, archive } = installation;
  // Java 17 writes the archive at the first orderly exit; at later starts it checks it against class path and version.
  const sharing = existsSync(archive) ? [`-XX:SharedArchiveFile=${archive}`] : [`-XX:ArchiveClassesAtExit=${newArchive(installation, dir)}`];
  const own = openSync(join(dir, 'broker.log'), 'a');
  try {
    return spawn(
      java,
      [
        ...JVM, ...sharing, '-Xlog:disable', '-Xlog:all=error:stderr',
        '-Dorg.slf4j.simpleLogger.defaultLogLevel=warn', '-Dorg.slf4j.simpleLogger.showDateTime=true', '-cp', classPath, 'kafka.Kafka', settings,
      ],
      // Detached: Ctrl-C in a terminal reaches the whole process group, and the broker must outlive those that drain.
      { cwd: dir, detached: true, stdio: ['ignore', own, own] },
    );
  } finally {
    closeSync(own);
  }
}

/** Written beside and moved when whole: several brokers may end their first run at once. */
const newArchive = (installation: KafkaInstallation, dir: string): string => `${installation.archive}.${createHash('sha256').update(dir).digest('hex').slice(0, 12)}`;

function keepArchive(installation: KafkaInstallation, dir: string): void {
  if (existsSync(newArchive(installation, dir))) renameSync(newArchive(installation, dir), installation.archive);
}

async function becomesReady(child: ChildProcess, port: number): Promise<boolean> {
  const deadline = performance.now() + START_PATIENCE_MS;
  let gone = false;
  child.once('exit', () => (gone = true)).once('error', () => (gone = true));
  while (!gone && performance.now() < deadline) {
    if (await answersMetadata(port)) return true;
    await delay(20);
  }
  return false;
}

async function choosePorts(dir: string, wanted: number): Promise<{ port: number; controllerPort: number }> {
  const settings = join(dir, 'server.properties');
  const before = existsSync(settings) ? /127\.0\.0\.1:(\d+),CONTROLLER:\/\/127\.0\.0\.1:(\d+)/.exec(readFileSync(settings, 'utf8')) : null;
  const port = wanted !== 0 ? await freePort(wanted, true) : await freePort(Number(before?.[1] ?? 0), false);
  return { port, controllerPort: await freePort(Number(before?.[2] ?? 0), false) };
}

async function freePort(wanted: number, mustBe: boolean): Promise<number> {
  const probe = createServer();
  try {
    await new Promise<void>((done, fail) => probe.once('error', fail).listen(wanted, '127.0.0.1', done));
    return (probe.address() as { port: number }).port;
  } catch (cause) {
    if (!mustBe && wanted !== 0) return await freePort(0, false);
    throw new PartFault('kafka.port_in_use', `Port ${wanted}, meant for Kafka, is in use (${(cause as NodeJS.ErrnoException).code ?? 'unknown'}).`, 'Stop what listens there, or choose another port (0 takes a free one).', { cause });
  } finally {
    await new Promise<void>((done) => probe.close(() => done()));
  }
}

/** Stops a broker that a killed process left behind on this folder. */
async function stopLeftover(dir: string): Promise<string | null> {
  const file = join(dir, 'broker.pid');
  if (!existsSync(file)) return null;
  const pid = Number(readFileSync(file, 'utf8'));
  if (!Number.isInteger(pid) || pid <= 0 || !isAlive(pid) || !servesFolder(pid, dir)) return null;
  for (const [signal, patienceMs] of [['SIGTERM', 15_000], ['SIGKILL', 5_000]] as const) {
    process.kill(pid, signal);
    for (let waitedMs = 0; waitedMs < patienceMs && isAlive(pid); waitedMs += 10) await delay(10);
    if (!isAlive(pid)) return `Stopped a Kafka (process ${pid}) that a killed process had left behind on this folder.`;
  }
  throw new PartFault('kafka.leftover', `A Kafka left behind on ${dir} (process ${pid}) does not stop.`, `Stop it by hand (kill -9 ${pid}) and start again.`);
}

/** The command line names the folder's settings: this tells the broker from a stranger that got its process id. */
function servesFolder(pid: number, dir: string): boolean {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(join(dir, 'server.properties'));
  } catch {
    return false;
  }
}

async function shutDown(child: ChildProcess, exited: Promise<void>): Promise<void> {
  const pid = child.pid;
  if (pid === undefined) return;
  for (const [signal, patienceMs] of [['SIGTERM', 20_000], ['SIGKILL', 5_000]] as const) {
    if (child.exitCode !== null || child.signalCode !== null || !isAlive(pid)) break;
    process.kill(pid, signal);
    const patience = new AbortController();
    await Promise.race([exited, delay(patienceMs, undefined, { signal: patience.signal }).catch(() => undefined)]);
    patience.abort();
  }
  await exited;
}

function lastLines(file: string): string {
  const fd = openSync(file, 'r');
  try {
    const tail = Buffer.alloc(Math.min(2_000, fstatSync(fd).size));
    readSync(fd, tail, 0, tail.length, fstatSync(fd).size - tail.length);
    return tail.toString('utf8').trim().split('\n').slice(-3).join(' | ') || 'it said nothing';
  } finally {
    closeSync(fd);
  }
}
