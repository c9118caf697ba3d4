import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { type GitBundleConfig, withoutSecret } from './bundle-config.ts';
import { BundleFault, type SyncedFiles, type SyncOutcome } from './bundle-source.ts';

const run = promisify(execFile);
const TIMEOUT_MS = 60_000;
const CONNECT_SECONDS = 10;

/**
 * A checkout of one branch or tag; the version is its commit. State: absent → at a commit. A checkout that was broken off
 * is known by the note of its version, which is removed before and written after, and is done again.
 */
export class GitFiles implements SyncedFiles {
  readonly folder: string;
  readonly #config: GitBundleConfig;
  readonly #checkout: string;
  readonly #note: string;

  /** `cacheFolder` is this bundle's and this process's own. */
  constructor(config: GitBundleConfig, cacheFolder: string) {
    this.#config = config;
    this.#checkout = join(cacheFolder, 'checkout');
    this.#note = join(cacheFolder, 'version');
    this.folder = config.subfolder === undefined ? this.#checkout : join(this.#checkout, config.subfolder);
  }

  get version(): string | undefined {
    return existsSync(this.#note) ? readFileSync(this.#note, 'utf8') : undefined;
  }

  async sync(signal: AbortSignal): Promise<SyncOutcome> {
    const { ref } = this.#config;
    // Git runs in the checkout, from where a relative path would lead elsewhere.
    const url = this.#config.url.startsWith('.') ? resolve(this.#config.url) : this.#config.url;
    if (!existsSync(join(this.#checkout, '.git'))) {
      mkdirSync(this.#checkout, { recursive: true });
      await this.#git(signal, 'init', '--quiet');
    }
    await this.#git(signal, 'fetch', '--quiet', '--depth=1', '--no-tags', '--', url, ref);
    const version = (await this.#git(signal, 'rev-parse', '--verify', 'FETCH_HEAD^{commit}')).trim();
    const changed = version !== this.version;
    if (changed) {
      await this.#assertFolder(version, signal);
      await this.#checkOut(version, signal);
    }
    return { changed, version, problems: [] };
  }

  async #assertFolder(version: string, signal: AbortSignal): Promise<void> {
    const { subfolder, name } = this.#config;
    if (subfolder === undefined || (await this.#git(signal, 'ls-tree', '-d', version, '--', subfolder)) !== '') return;
    throw new BundleFault('bundle.no_folder', `The commit ${version.slice(0, 12)} of ${this.#shown} has no folder ${subfolder}. Correct the subfolder of the bundle "${name}".`);
  }

  async #checkOut(version: string, signal: AbortSignal): Promise<void> {
    rmSync(this.#note, { force: true });
    await this.#git(signal, 'checkout', '--quiet', '--force', '--detach', version);
    await this.#git(signal, 'clean', '-ffdxq');
    writeFileSync(this.#note, version);
  }

  get #shown(): string {
    return withoutSecret(this.#config.url);
  }

  async #git(signal: AbortSignal, ...args: readonly string[]): Promise<string> {
    const ssh = sshCommand(this.#config);
    // Nobody is there to answer a question, and no hook of a repository may run here.
    const env = { ...process.env, GIT_TERMINAL_PROMPT: '0', GIT_SSH_COMMAND: ssh, GIT_ALLOW_PROTOCOL: 'https:http:ssh:file', LC_ALL: 'C' };
    try {
      return (await run('git', ['-c', 'core.hooksPath=/dev/null', '-c', 'advice.detachedHead=false', ...args], { cwd: this.#checkout, env, signal, timeout: TIMEOUT_MS, maxBuffer: 16 << 20 })).stdout;
    } catch (cause) {
      signal.throwIfAborted();
      throw this.#fault(cause);
    }
  }

  #fault(cause: unknown): BundleFault {
    const { name, ref } = this.#config;
    const { code, killed, stderr = '' } = cause as { readonly code?: string | number; readonly killed?: boolean; readonly stderr?: string };
    if (code === 'ENOENT') return new BundleFault('bundle.no_program', `The bundle "${name}" is a git repository, and there is no git here. Install it: apt-get install git`, { cause });
    if (/couldn't find remote ref|Remote branch .* not found/i.test(stderr)) {
      return new BundleFault('bundle.no_such_ref', `The git repository ${this.#shown} has no branch or tag "${ref}". Push it, or correct the ref of the bundle "${name}".`, { cause });
    }
    const said = killed === true ? `it did not answer within ${TIMEOUT_MS / 1_000} s` : reasonIn(stderr);
    return new BundleFault('bundle.unreachable', `The git repository ${this.#shown} of the bundle "${name}" cannot be read: ${said.replaceAll(this.#config.url, this.#shown)}.`, { cause });
  }
}

/** Nobody is there to answer a question; a host that is not who it was is refused in any case. */
function sshCommand({ sshKey, knownHosts }: GitBundleConfig): string {
  const quoted = (path: string): string => `'${path.replaceAll("'", `'\\''`)}'`;
  const hosts = knownHosts === undefined ? ['-o StrictHostKeyChecking=accept-new'] : ['-o StrictHostKeyChecking=yes', `-o UserKnownHostsFile=${quoted(knownHosts)}`];
  const key = sshKey === undefined ? [] : ['-o IdentitiesOnly=yes', `-i ${quoted(sshKey)}`];
  return ['ssh -o BatchMode=yes', `-o ConnectTimeout=${CONNECT_SECONDS}`, ...hosts, ...key].join(' ');
}

/** The first line that says why: what follows is advice, or that it could not be read. */
function reasonIn(stderr: string): string {
  // ssh ends its lines as terminals want them.
  const lines = stderr.split('\n').map((line) => line.trim());
  return (lines.find((line) => /^(fatal|error|ssh:|Permissions \d|.*Permission denied|Host key)/i.test(line)) ?? lines.findLast((line) => line !== '') ?? '').replace(/^(fatal|error): /, '').replace(/\.$/, '');
}
