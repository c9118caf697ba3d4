import { execFile } from 'node:child_process';
import { createHash, randomUUID } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const TIME_LIMIT_MS = 300_000;
const FIRST_RETRY_MS = 60_000;
const RETRY_CAP_MS = 1_800_000;

export interface BundlePackagesOptions {
  /** What is installed is kept below it, by content hash; several processes may share it. */
  readonly folder: string;
  readonly say: (line: string) => void;
}

/**
 * What the `package.json` beside DAG files names, for their TypeScript to import: installed once for each content, without
 * running any script of any package, since author code runs in parse children and workers alone. A `node_modules` that lies
 * beside the DAGs is its author's, and then nothing is installed.
 *
 * State: nothing wanted → installed, or failed until the next retry or the next change.
 */
export class BundlePackages {
  readonly #options: BundlePackagesOptions;
  readonly #stopping = new AbortController();
  #wanted: string | undefined;
  #nodeModules: string | undefined;
  #problem: string | undefined;
  #failures = 0;
  #retryAtMs = Number.POSITIVE_INFINITY;

  constructor(options: BundlePackagesOptions) {
    this.#options = options;
  }

  /** The folder of what is installed; undefined: nothing is, or it failed. */
  get nodeModules(): string | undefined {
    return this.#nodeModules;
  }

  /** npm's reason, a sentence. */
  get problem(): string | undefined {
    return this.#problem;
  }

  /** It failed, and it is time to try again. */
  get isDue(): boolean {
    return performance.now() >= this.#retryAtMs;
  }

  /** Looks at the list beside the DAGs; answers whether what is installed, or why it is not, differs from before. */
  async look(bundle: string): Promise<boolean> {
    const wanted = wantedIn(bundle);
    if (wanted?.hash === this.#wanted && !this.isDue) return false;
    const before = [this.#nodeModules, this.#problem];
    if (wanted?.hash !== this.#wanted) this.#failures = 0;
    this.#wanted = wanted?.hash;
    this.#retryAtMs = Number.POSITIVE_INFINITY;
    this.#problem = undefined;
    this.#nodeModules = wanted === undefined ? undefined : await this.#installed(bundle, wanted);
    return before[0] !== this.#nodeModules || before[1] !== this.#problem;
  }

  stop(): void {
    this.#stopping.abort();
  }

  async #installed(bundle: string, { hash, files, names }: Wanted): Promise<string | undefined> {
    const { folder, say } = this.#options;
    const made = join(folder, hash);
    if (existsSync(made)) return join(made, 'node_modules');
    const making = `${made}.${randomUUID().slice(0, 8)}`;
    say(`installing ${names.join(', ')} of the package.json beside the DAGs`);
    try {
      mkdirSync(making, { recursive: true });
      for (const file of files) cpSync(join(bundle, file), join(making, file), { recursive: true });
      await this.#npm(making, files.includes('package-lock.json'));
      take(making, made);
      return join(made, 'node_modules');
    } catch (error) {
      rmSync(making, { recursive: true, force: true });
      this.#stopping.signal.throwIfAborted();
      this.#problem = `npm could not install the package.json beside the DAGs: ${reasonOf(error)}`;
      this.#retryAtMs = performance.now() + Math.min(FIRST_RETRY_MS * 2 ** this.#failures, RETRY_CAP_MS);
      this.#failures += 1;
      say(this.#problem);
      return undefined;
    }
  }

  async #npm(cwd: string, locked: boolean): Promise<void> {
    // A registry's address and login may come from the environment; what is Dagbook's own stays with it.
    const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('DAGBOOK_')));
    const args = [locked ? 'ci' : 'install', '--omit=dev', '--ignore-scripts', '--no-audit', '--no-fund', '--no-color', '--loglevel=error'];
    await run('npm', args, { cwd, env, signal: this.#stopping.signal, timeout: TIME_LIMIT_MS, maxBuffer: 16 << 20 });
    // A list of nothing but what is there already makes no folder.
    mkdirSync(join(cwd, 'node_modules'), { recursive: true });
  }
}

interface Wanted {
  readonly hash: string;
  /** Of the bundle, to be copied: the lists, and packages that lie beside them. */
  readonly files: readonly string[];
  readonly names: readonly string[];
}

function wantedIn(bundle: string): Wanted | undefined {
  const lists = ['package.json', 'package-lock.json'].filter((name) => existsSync(join(bundle, name)));
  if (lists[0] !== 'package.json' || existsSync(join(bundle, 'node_modules'))) return undefined;
  const texts = lists.map((name) => readFileSync(join(bundle, name), 'utf8'));
  const hash = createHash('sha256').update(JSON.stringify([process.versions.modules, texts]));
  let dependencies: Readonly<Record<string, unknown>>;
  try {
    ({ dependencies = {} } = JSON.parse(texts[0] as string) as { dependencies?: Readonly<Record<string, unknown>> });
  } catch {
    // The bundler says so, of every file.
    return undefined;
  }
  const names = Object.keys(dependencies);
  if (names.length === 0) return undefined;
  const beside = Object.values(dependencies).map((wanted) => /^file:(?:\.\/)?([^/].*)$/.exec(String(wanted))?.[1]).filter((path): path is string => path !== undefined && !path.split('/').includes('..') && existsSync(join(bundle, path)));
  for (const path of beside) hash.update(path).update(path.endsWith('gz') ? readFileSync(join(bundle, path)) : '');
  return { hash: hash.digest('hex').slice(0, 32), files: [...lists, ...beside], names };
}

/** Another process may have been quicker. */
function take(making: string, made: string): void {
  try {
    renameSync(making, made);
  } catch (error) {
    if (!existsSync(made)) throw error;
    rmSync(making, { recursive: true, force: true });
  }
}

/** npm says codes first, then what it is about. */
function reasonOf(error: unknown): string {
  const { code, killed, stderr = '', message } = error as { readonly code?: string | number; readonly killed?: boolean; readonly stderr?: string; readonly message: string };
  if (code === 'ENOENT') return 'there is no npm here';
  if (killed === true) return `it had not ended after ${TIME_LIMIT_MS / 60_000} minutes`;
  const lines = stderr.split('\n').map((line) => /^npm error (?!code |errno |syscall |path |A complete log)(.+)/.exec(line)?.[1]?.trim());
  return lines.find((line) => line !== undefined && line !== '') ?? stderr.trim().split('\n').at(-1) ?? message;
}
