import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { appendFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { delimiter, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { PartFault } from '../part-fault.ts';

export interface DockerEngineOptions {
  /** Made when missing. Holds images, containers, the socket and the engine's log; a path short enough for a socket. */
  readonly dir: string;
}

export interface DockerEngine {
  /** `unix://<dir>/sock` */
  readonly address: string;
  /** Restarts the engine; its containers run on meanwhile. */
  restart(): Promise<void>;
  /** Ends the engine and all of its containers, and unmounts what it mounted. Safe twice. */
  stop(): Promise<void>;
}

const START_PATIENCE_MS = 30_000;
const STOP_PATIENCE_MS = 15_000;

/** What of the system's packages is missing for an engine; Debian's names. */
export const missingForDocker = (): readonly 'docker.io'[] => ((process.env['PATH'] ?? '').split(delimiter).concat('/usr/sbin').some((folder) => existsSync(join(folder, 'dockerd'))) ? [] : ['docker.io']);

/**
 * Starts a real Docker engine of its own: own socket, images and containers, no network and no firewall rules, so that it
 * disturbs none that runs on this machine. Needs root. Fails with `docker.missing` or `docker.start_failed`.
 */
export async function startDockerEngine({ dir }: DockerEngineOptions): Promise<DockerEngine> {
  if (missingForDocker().length > 0) throw new PartFault('docker.missing', 'There is no Docker engine (`dockerd`) on this machine.', 'Install it: apt-get install --no-install-recommends docker.io');
  mkdirSync(dir, { recursive: true });
  let child = await launched(dir);
  return {
    address: `unix://${join(dir, 'sock')}`,
    restart: async () => {
      await ended(child);
      child = await launched(dir);
    },
    stop: async () => {
      await ended(child);
      await endShims(dir);
      unmount(dir);
    },
  };
}

async function launched(dir: string): Promise<ChildProcess> {
  // What a killed engine left: a new one would take it for a living one.
  for (const file of ['pid', 'sock', 'exec/containerd/containerd.pid']) rmSync(join(dir, file), { force: true });
  const log = join(dir, 'engine.log');
  const child = spawn('dockerd', [
    '-H', `unix://${join(dir, 'sock')}`, '--data-root', join(dir, 'data'), '--exec-root', join(dir, 'exec'), '--pidfile', join(dir, 'pid'), '--bridge', 'none', '--iptables=false', '--live-restore',
  ], { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, PATH: `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin` } });
  child.on('error', (error) => appendFileSync(log, String(error)));
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk: Buffer) => appendFileSync(log, chunk));
  for (const deadlineMs = performance.now() + START_PATIENCE_MS; performance.now() < deadlineMs && child.exitCode === null; ) {
    if (await answers(join(dir, 'sock'))) return child;
    await delay(20);
  }
  await ended(child);
  const said = existsSync(log) ? readFileSync(log, 'utf8').trim().split('\n').slice(-3).join('\n') : '';
  throw new PartFault('docker.start_failed', `The Docker engine did not start in ${dir}: ${said}`, 'An engine needs root, and a machine that allows mounts and control groups.');
}

/** The socket is there before anything is served on it. */
const answers = (path: string): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(path, () => socket.write('GET /_ping HTTP/1.0\r\n\r\n'));
    socket.once('data', (chunk: Buffer) => {
      socket.destroy();
      resolve(chunk.includes('200 OK'));
    });
    socket.once('error', () => resolve(false));
    socket.once('close', () => resolve(false));
  });

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  child.kill('SIGTERM');
  const patience = setTimeout(() => child.kill('SIGKILL'), STOP_PATIENCE_MS);
  await exited;
  clearTimeout(patience);
}

/** Containers outlive their engine; each is held by a process of its own, which ends it by ending its child. */
async function endShims(dir: string): Promise<void> {
  for (let waitedMs = 0; waitedMs < STOP_PATIENCE_MS; waitedMs += 20) {
    const left = processesOf(dir);
    if (left.length === 0) return;
    for (const pid of left) {
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        // Gone already.
      }
    }
    await delay(20);
  }
}

/** The shims of this engine, and what they hold: a shim names the engine's folder among its arguments. */
function processesOf(dir: string): number[] {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  const shims = new Set(pids.filter((pid) => read(`/proc/${pid}/cmdline`).startsWith('/usr/bin/containerd-shim') && read(`/proc/${pid}/cmdline`).includes(join(dir, 'exec'))));
  const held = pids.filter((pid) => shims.has(/^PPid:\s+(\d+)$/m.exec(read(`/proc/${pid}/status`))?.[1] ?? ''));
  return [...held, ...shims].map(Number);
}

const read = (path: string): string => {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
};

function unmount(dir: string): void {
  const mounted = read('/proc/self/mounts').split('\n').map((line) => line.split(' ')[1] ?? '').filter((path) => path.startsWith(`${dir}/`));
  for (const path of mounted.reverse()) spawnSync('umount', ['-l', path]);
}
