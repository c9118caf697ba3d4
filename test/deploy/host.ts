import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { until } from '../fault/until.ts';

const run = promisify(execFile);
const MAX_OUTPUT_BYTES = 64 * 2 ** 20;

/** A command to its end; its output, or an error with what it said. */
export async function command(program: string, args: readonly string[], options: { readonly cwd?: string; readonly env?: Readonly<Record<string, string>> } = {}): Promise<string> {
  try {
    const running = run(program, [...args], { ...options, env: { ...process.env, ...options.env }, maxBuffer: MAX_OUTPUT_BYTES });
    // A shell that is entered finds that nobody types.
    running.child.stdin?.end();
    return (await running).stdout;
  } catch (error) {
    const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string };
    throw new Error(`${program} ${args.join(' ')} failed:\n${stdout.slice(-3_000)}\n${stderr.slice(-3_000)}`, { cause: error });
  }
}

export interface HostOptions {
  readonly name: string;
  /** Network namespace; absent: this machine's own, without a bridge, which is enough to build. */
  readonly netns?: { readonly name: string; readonly bridge: string; readonly pool: string };
  /** Socket and pids: a short path. */
  readonly runDir: string;
  /** Images and layers, kept from run to run. */
  readonly dataDir: string;
  /** Who may use the socket. */
  readonly group: number;
}

/** A machine with a Docker engine: its own images, containers and network. */
export class Host {
  readonly name: string;
  readonly #options: HostOptions;
  readonly #engine: ChildProcess;

  private constructor(options: HostOptions, engine: ChildProcess) {
    this.name = options.name;
    this.#options = options;
    this.#engine = engine;
  }

  get socket(): string {
    return join(this.#options.runDir, 'sock');
  }

  static async start(options: HostOptions): Promise<Host> {
    const { runDir, dataDir, netns, group } = options;
    mkdirSync(runDir, { recursive: true });
    mkdirSync(dataDir, { recursive: true });
    for (const file of ['pid', 'sock', 'exec/containerd/containerd.pid']) rmSync(join(runDir, file), { force: true });
    const network = netns === undefined ? ['--bridge', 'none', '--iptables=false'] : ['--bip', netns.bridge, '--default-address-pool', `base=${netns.pool},size=24`];
    const args = ['-H', `unix://${join(runDir, 'sock')}`, '--data-root', dataDir, '--exec-root', join(runDir, 'exec'), '--pidfile', join(runDir, 'pid'), '--group', String(group), ...network];
    // `ip netns exec` would mount /sys anew, and hide the control groups.
    const engine = netns === undefined ? spawn('dockerd', args) : spawn('nsenter', [`--net=/run/netns/${netns.name}`, 'dockerd', ...args]);
    for (const stream of [engine.stdout, engine.stderr]) stream.on('data', (chunk: Buffer) => appendFileSync(join(runDir, 'engine.log'), chunk));
    const host = new Host(options, engine);
    await until(async () => {
      if (engine.exitCode !== null) throw new Error(`the engine of host ${options.name} did not start:\n${readFileSync(join(runDir, 'engine.log'), 'utf8').slice(-2_000)}`);
      return host.docker('version').then(() => true, () => undefined);
    });
    return host;
  }

  docker(...args: readonly string[]): Promise<string> {
    return command('docker', args, { env: { DOCKER_HOST: `unix://${this.socket}`, DOCKER_BUILDKIT: '0' } });
  }

  /** Images are kept from run to run; what a run that was broken off left beside them is not. */
  async clear(): Promise<void> {
    const left = (await this.docker('ps', '--all', '--quiet')).split('\n').filter(Boolean);
    if (left.length > 0) await this.docker('rm', '--force', '--volumes', ...left);
    await this.docker('volume', 'prune', '--force');
    await this.docker('network', 'prune', '--force');
  }

  /** What the containers say that are not well. */
  async complaints(): Promise<string> {
    const lines = (await this.docker('ps', '--all', '--format', '{{.Names}} {{.Status}}')).split('\n').filter((line) => line !== '' && !/\(healthy\)|Exited \(0\)/.test(line));
    const said = await Promise.all(lines.map((line) => command('sh', ['-c', `docker logs --tail 15 ${line.split(' ')[0]} 2>&1`], { env: { DOCKER_HOST: `unix://${this.socket}` } })));
    return lines.map((line, at) => `${this.name}: ${line}\n${said[at]}`).join('\n');
  }

  /** Ends the engine and all of its containers. */
  async stop(): Promise<void> {
    const pid = Number(readFileSync(join(this.#options.runDir, 'pid'), 'utf8'));
    const exited = once(this.#engine, 'exit');
    process.kill(pid, 'SIGTERM');
    await exited;
    for (const shim of shimsOf(this.#options.runDir)) process.kill(shim, 'SIGKILL');
    const mounted = readFileSync('/proc/self/mounts', 'utf8').split('\n').map((line) => line.split(' ')[1] ?? '').filter((path) => [this.#options.runDir, this.#options.dataDir].some((dir) => path.startsWith(`${dir}/`)));
    for (const path of mounted.reverse()) await command('umount', ['-l', path]);
  }
}

const shimsOf = (runDir: string): readonly number[] =>
  readdirSync('/proc').filter((name) => /^\d+$/.test(name) && existsSync(`/proc/${name}/cmdline`)).filter((pid) => {
    try {
      const line = readFileSync(`/proc/${pid}/cmdline`, 'utf8');
      return line.includes('containerd-shim') && line.includes(join(runDir, 'exec'));
    } catch {
      return false;
    }
  }).map(Number);
