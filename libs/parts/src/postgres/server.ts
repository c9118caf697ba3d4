import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { accessSync, constants, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { PartFault } from '../part-fault.ts';
import { type Account, accountFor, give, untraversable } from './account.ts';
import { findPostgresBinaries, type PostgresBinaries } from './binaries.ts';
import { claimFolder, isAlive, stopLeftover } from './leftover.ts';

export interface EmbeddedPostgresOptions {
  /** Made when missing. Holds the cluster (`cluster/`), the superuser's password and the owner's process id. */
  readonly dataDir: string;
  /** 0 or absent: a free one. */
  readonly port?: number;
  /** Gets the server's own lines and what was done to a server left behind. */
  readonly log?: (line: string) => void;
  /** Settings over ours, for tests. */
  readonly settings?: Readonly<Record<string, string>>;
}

export interface EmbeddedPostgres {
  /** `postgres://dagbook:<password>@127.0.0.1:<port>/dagbook` */
  readonly url: string;
  /** The same server over a Unix socket, which costs both sides a third less than TCP; `url` where none can be had. */
  readonly socketUrl: string;
  readonly port: number;
  /** The postmaster. */
  readonly pid: number;
  /** Resolves when the postmaster is gone, by `stop` or by itself; the next start recovers. */
  readonly exited: Promise<void>;
  /** Fast shutdown; resolves when the server is gone. Safe twice. */
  stop(): Promise<void>;
}

/**
 * Durable commits (`synchronous_commit`, `fsync`) are not for tuning: a command that was acknowledged must survive a
 * power cut. The rest fits some 20,000 small events a second on a small machine beside our own processes.
 */
const SETTINGS: Readonly<Record<string, string>> = {
  listen_addresses: '127.0.0.1',
  max_connections: '100',
  shared_buffers: '128MB',
  synchronous_commit: 'on',
  wal_level: 'replica',
  max_wal_senders: '0',
  min_wal_size: '256MB',
  max_wal_size: '2GB',
  wal_buffers: '16MB',
  checkpoint_timeout: '15min',
  // Statements are few, short and prepared: a plan is never worth compiling.
  jit: 'off',
  // A forgotten transaction stalls every reader of the feed.
  idle_in_transaction_session_timeout: '10s',
  // Leases live for seconds: their table must be vacuumed as fast as it turns over.
  autovacuum_naptime: '10s',
  timezone: 'UTC',
  log_timezone: 'UTC',
  log_checkpoints: 'off',
};

const run = promisify(execFile);

/**
 * Starts a Postgres of our own on a data folder, initialising it when empty. Fails with `PartFault`s:
 * `postgres.port_in_use`, `.folder_read_only`, `.folder_untraversable`, `.in_use`, `.other_version`, `.not_a_cluster`,
 * `.leftover`, `.init_failed`, `.start_failed`, `.no_account`, `.not_installed`.
 */
export async function startEmbeddedPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const log = options.log ?? (() => undefined);
  const dataDir = resolve(options.dataDir);
  const pgdata = join(dataDir, 'cluster');
  const binaries = findPostgresBinaries();
  const account = accountFor(dataDir);
  prepareFolder(dataDir, account);
  const as = commandFor(account, [dataDir, binaries.postgres]);
  const releaseFolder = claimFolder(dataDir);
  try {
    const found = await stopLeftover(pgdata);
    if (found) log(found);
    // A wanted port that is taken is refused before a second is spent on initialising.
    if (options.port) await choosePort(options.port);
    const password = await ensureCluster({ dataDir, pgdata, binaries, account, as });
    const socketFolder = makeSocketFolder(dataDir, account);
    const startOn = async (port: number) => {
      const settings = { ...SETTINGS, unix_socket_directories: socketFolder ?? '', ...options.settings, port: String(port) };
      return { port, child: await startPostmaster({ pgdata, binaries, as, settings, log, mayLinger: found !== null }) };
    };
    const anyPort = async () => startOn(await choosePort(0));
    // A free port may be taken by another process before Postgres has it.
    const { port, child } = await (options.port ? startOn(options.port) : anyPort().catch(anyPort));
    const exited = new Promise<void>((done) => {
      if (child.exitCode !== null || child.signalCode !== null) done();
      else child.once('exit', () => done());
    });
    return {
      url: `postgres://dagbook:${password}@127.0.0.1:${port}/dagbook`,
      socketUrl: socketFolder === null ? `postgres://dagbook:${password}@127.0.0.1:${port}/dagbook` : `postgres://dagbook:${password}@localhost:${port}/dagbook?host=${socketFolder}`,
      port,
      pid: child.pid as number,
      exited,
      stop: async () => {
        await shutDown(child, exited);
        if (socketFolder !== null) rmSync(socketFolder, { recursive: true, force: true });
        releaseFolder();
      },
    };
  } catch (error) {
    releaseFolder();
    throw error;
  }
}

type Command = (file: string, args: readonly string[]) => { readonly file: string; readonly args: readonly string[]; readonly account: Account | null };

/**
 * How to run a program as the account. When a folder on the way is closed to it (a clone under /root, say), `setpriv`
 * lends the program the one capability that opens folders, so that root needs no other place for its files.
 */
function commandFor(account: Account | null, paths: readonly string[]): Command {
  const closed = paths.map((path) => untraversable(path, account)).find((folder) => folder !== null);
  if (!account || closed === undefined) return (file, args) => ({ file, args, account });
  const setpriv = ['/usr/bin/setpriv', '/bin/setpriv'].find((path) => existsSync(path));
  if (!setpriv) {
    throw new PartFault(
      'postgres.folder_untraversable',
      `Postgres runs as "${account.name}", since it refuses to be root, and that account may not pass through ${closed}.`,
      `Open the folder (chmod o+x ${closed}), use a data folder and a checkout elsewhere, or start Dagbook as an ordinary user.`,
    );
  }
  const lend = [`--reuid=${account.uid}`, `--regid=${account.gid}`, '--clear-groups', '--inh-caps=+dac_override', '--ambient-caps=+dac_override', '--'];
  return (file, args) => ({ file: setpriv, args: [...lend, file, ...args], account: null });
}

function prepareFolder(dataDir: string, account: Account | null): void {
  try {
    const isNew = !existsSync(dataDir);
    mkdirSync(dataDir, { recursive: true, mode: 0o755 });
    accessSync(dataDir, constants.R_OK | constants.W_OK | constants.X_OK);
    // Root passes every permission check, so only a write shows a read-only file system.
    const probe = join(dataDir, '.probe');
    writeFileSync(probe, '');
    rmSync(probe);
    if (isNew || readdirSync(dataDir).length === 0) give(dataDir, account);
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code ?? 'unknown';
    throw new PartFault(
      'postgres.folder_read_only',
      `The data folder ${dataDir} cannot be written (${code}).`,
      'Make it writable for this user (chown or chmod), or choose another data folder.',
      { cause },
    );
  }
}

/**
 * A folder for the server's socket, the same for the same data: a socket's path may have some 100 characters, and a data
 * folder's is as long as its owner likes. Null when even this one would be too long.
 */
function makeSocketFolder(dataDir: string, account: Account | null): string | null {
  const folder = join(tmpdir(), `dagbook-${createHash('sha256').update(dataDir).digest('hex').slice(0, 16)}`);
  if (folder.length > 80 || untraversable(folder, account) !== null) return null;
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  give(folder, account);
  return folder;
}

/** Initialises beside and renames when complete: an interrupted initdb leaves nothing that looks like a cluster. */
async function ensureCluster(place: { dataDir: string; pgdata: string; binaries: PostgresBinaries; account: Account | null; as: Command }): Promise<string> {
  const { dataDir, pgdata, binaries, account, as } = place;
  const passwordFile = join(dataDir, 'password');
  const initialising = join(dataDir, 'cluster.initialising');
  rmSync(initialising, { recursive: true, force: true });
  if (existsSync(pgdata)) {
    checkVersion(pgdata, binaries.majorVersion);
    return readFileSync(passwordFile, 'utf8').trim();
  }
  const password = randomBytes(18).toString('base64url');
  writeFileSync(passwordFile, `${password}\n`, { mode: 0o600 });
  give(passwordFile, account);
  mkdirSync(initialising, { mode: 0o700 });
  give(initialising, account);
  const command = as(binaries.initdb, [
    '--pgdata', initialising, '--username=dagbook', `--pwfile=${passwordFile}`, '--auth=scram-sha-256', '--encoding=UTF8',
    '--locale-provider=builtin', '--builtin-locale=C.UTF-8', '--locale=C', '--no-instructions', '--no-sync',
  ]);
  try {
    await run(command.file, command.args, { cwd: '/', ...identity(command.account) });
    // Without --no-sync initdb flushes a thousand files one by one; the server syncs them at its first checkpoint, and
    // a power cut before the rename leaves a folder that is thrown away.
    await createDatabase(initialising, binaries, as);
  } catch (cause) {
    rmSync(initialising, { recursive: true, force: true });
    const stderr = (cause as { stderr?: string }).stderr ?? '';
    throw new PartFault(
      'postgres.init_failed',
      `Postgres could not initialise ${dataDir}: ${lastLine(stderr) || String(cause)}`,
      'Check the free space and the permissions of that folder, or choose another data folder.',
      { cause },
    );
  }
  renameSync(initialising, pgdata);
  return password;
}

/** In single-user mode, so that a client library is not needed. */
async function createDatabase(pgdata: string, binaries: PostgresBinaries, as: Command): Promise<void> {
  const command = as(binaries.postgres, ['--single', '-D', pgdata, 'postgres']);
  const child = spawn(command.file, command.args, { cwd: '/', stdio: ['pipe', 'ignore', 'pipe'], ...identity(command.account) });
  let stderr = '';
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  // A server that dies at once closes the pipe; its exit says so.
  child.stdin.on('error', () => undefined);
  child.stdin.end('CREATE DATABASE dagbook\n');
  const code = await new Promise<number | null>((done, fail) => child.once('close', done).once('error', fail));
  if (code !== 0 || /\bERROR:/.test(stderr)) throw Object.assign(new Error('CREATE DATABASE failed'), { stderr });
}

function checkVersion(pgdata: string, majorVersion: number): void {
  const file = join(pgdata, 'PG_VERSION');
  if (!existsSync(file)) {
    throw new PartFault(
      'postgres.not_a_cluster',
      `${pgdata} exists but is no Postgres cluster (it has no PG_VERSION).`,
      'Move that folder away, or choose another data folder.',
    );
  }
  const found = Number.parseInt(readFileSync(file, 'utf8'), 10);
  if (found === majorVersion) return;
  throw new PartFault(
    'postgres.other_version',
    `${pgdata} was written by Postgres ${found}; this Dagbook carries Postgres ${majorVersion}.`,
    `Dump it with the Dagbook that wrote it and restore it here, run that Dagbook, or choose another data folder.`,
  );
}

async function choosePort(wanted: number): Promise<number> {
  const probe = createServer();
  try {
    await new Promise<void>((done, fail) => probe.once('error', fail).listen(wanted, '127.0.0.1', done));
    return (probe.address() as { port: number }).port;
  } catch (cause) {
    throw new PartFault(
      'postgres.port_in_use',
      `Port ${wanted}, meant for Postgres, is in use (${(cause as NodeJS.ErrnoException).code ?? 'unknown'}).`,
      'Stop what listens there, or choose another port (0 takes a free one).',
      { cause },
    );
  } finally {
    if (probe.listening) await new Promise<void>((done) => probe.close(() => done()));
  }
}

async function startPostmaster(start: {
  pgdata: string;
  binaries: PostgresBinaries;
  as: Command;
  settings: Readonly<Record<string, string>>;
  log: (line: string) => void;
  /** Backends of a killed postmaster may hold its shared memory for a moment. */
  mayLinger: boolean;
}): Promise<ChildProcess> {
  const { pgdata, binaries, as, settings, log } = start;
  const args = ['-D', pgdata, ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])];
  for (let tries = start.mayLinger ? 50 : 1; ; tries--) {
    const command = as(binaries.postgres, args);
    // Detached: Ctrl-C in a terminal reaches the whole process group, and Postgres must outlive those that drain.
    const child = spawn(command.file, command.args, {
      cwd: dirname(pgdata), detached: true, stdio: ['ignore', 'ignore', 'pipe'], ...identity(command.account),
      env: { PATH: process.env['PATH'], TZ: 'UTC', LC_ALL: 'C' },
    });
    let last = '';
    let heard: string[] | null = [];
    createInterface({ input: child.stderr }).on('line', (line) => {
      if (/\b(FATAL|PANIC|ERROR):/.test(line)) last = line;
      if (heard) heard.push(line);
      else log(line);
    });
    const ready = await becomesReady(child, pgdata);
    // What a try says that is tried again would only frighten.
    if (ready || tries === 1) for (const line of heard) log(line);
    heard = null;
    if (ready) return child;
    if (tries > 1) {
      await delay(100);
      continue;
    }
    throw new PartFault(
      'postgres.start_failed',
      `Postgres did not start on ${pgdata}: ${last || 'it said nothing'}`,
      'The lines above are its own; mend what they name, or move the data folder away to begin with an empty one.',
    );
  }
}

/** Watches the status line of postmaster.pid, as pg_ctl does. False when the server exits before it is ready. */
async function becomesReady(child: ChildProcess, pgdata: string): Promise<boolean> {
  const file = join(pgdata, 'postmaster.pid');
  let gone = false;
  child.once('exit', () => (gone = true)).once('error', () => (gone = true));
  while (!gone) {
    if (existsSync(file)) {
      const lines = readFileSync(file, 'utf8').split('\n');
      if (Number(lines[0]) === child.pid && lines[7]?.trim() === 'ready') return true;
    }
    await delay(3);
  }
  return false;
}

async function shutDown(child: ChildProcess, exited: Promise<void>): Promise<void> {
  const pid = child.pid as number;
  for (const [signal, patienceMs] of [['SIGINT', 15_000], ['SIGQUIT', 5_000], ['SIGKILL', 5_000]] as const) {
    if (child.exitCode !== null || child.signalCode !== null || !isAlive(pid)) break;
    process.kill(pid, signal);
    const patience = new AbortController();
    await Promise.race([exited, delay(patienceMs, undefined, { signal: patience.signal }).catch(() => undefined)]);
    patience.abort();
  }
  await exited;
}

const identity = (account: Account | null) => (account ? { uid: account.uid, gid: account.gid } : {});
const lastLine = (text: string): string => text.trim().split('\n').at(-1) ?? '';
