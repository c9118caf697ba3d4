import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream, type WriteStream } from 'node:fs';
import { join } from 'node:path';
import type { Log } from '@dagbook/platform';

export interface ProcessSpec {
  /** Unique: `scheduler-2`. */
  readonly name: string;
  /** Below dist/: `scheduler/main.js`. */
  readonly entry: string;
  readonly env: Readonly<Record<string, string>>;
}

/**
 * Keeps processes running: what exits is started again, at once when it had run for a while, after a growing pause when
 * it dies young. Output goes to a file of its own for each name.
 *
 * A process: starting → running → (exit) → waiting → starting …; after `stop`: running → draining → gone.
 */
export class Supervisor {
  readonly #root: string;
  readonly #logFolder: string;
  readonly #log: Log;
  readonly #children = new Map<string, { readonly process: ChildProcess; readonly startedAtMs: number }>();
  readonly #outputs = new Map<string, WriteStream>();
  readonly #young = new Map<string, number>();
  readonly #timers = new Set<NodeJS.Timeout>();
  #stopping = false;

  constructor(root: string, logFolder: string, log: Log) {
    this.#root = root;
    this.#logFolder = logFolder;
    this.#log = log;
  }

  pidOf(name: string): number | undefined {
    return this.#children.get(name)?.process.pid;
  }

  get pids(): Readonly<Record<string, number>> {
    return Object.fromEntries([...this.#children].flatMap(([name, { process }]) => (process.pid === undefined ? [] : [[name, process.pid]])));
  }

  start(spec: ProcessSpec): void {
    if (this.#stopping) return;
    const child = spawn(process.execPath, ['--enable-source-maps', join(this.#root, 'dist', spec.entry)], { cwd: this.#root, env: { ...process.env, ...spec.env }, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
    this.#children.set(spec.name, { process: child, startedAtMs: performance.now() });
    const output = this.#output(spec.name);
    child.stdout?.pipe(output, { end: false });
    child.stderr?.pipe(output, { end: false });
    child.on('exit', (code, signal) => this.#exited(spec, code, signal));
  }

  /** Asks all to drain, in this order of names' first parts, and waits; what outlives the deadline is killed. */
  async stop(order: readonly string[], deadlineMs: number): Promise<void> {
    this.#stopping = true;
    for (const timer of this.#timers) clearTimeout(timer);
    for (const first of order) {
      const group = [...this.#children].filter(([name]) => name === first || name.startsWith(`${first}-`));
      await Promise.all(group.map(([, { process }]) => this.#end(process, deadlineMs)));
    }
    for (const output of this.#outputs.values()) output.end();
  }

  async #end(child: ChildProcess, deadlineMs: number): Promise<void> {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, 'exit');
    child.kill('SIGTERM');
    const deadline = setTimeout(() => child.kill('SIGKILL'), deadlineMs);
    await exited;
    clearTimeout(deadline);
  }

  #exited(spec: ProcessSpec, code: number | null, signal: string | null): void {
    const ran = performance.now() - (this.#children.get(spec.name)?.startedAtMs ?? 0);
    this.#children.delete(spec.name);
    if (this.#stopping) return;
    const young = ran < YOUNG_MS ? (this.#young.get(spec.name) ?? 0) + 1 : 0;
    this.#young.set(spec.name, young);
    const pauseMs = young === 0 ? 0 : Math.min(5_000, 100 * 2 ** young);
    this.#log.warn('a process exited and is started again', { name: spec.name, code, signal, ranMs: Math.round(ran), pauseMs });
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      this.start(spec);
    }, pauseMs);
    this.#timers.add(timer);
  }

  #output(name: string): WriteStream {
    const known = this.#outputs.get(name) ?? createWriteStream(join(this.#logFolder, `${name}.jsonl`), { flags: 'a' });
    this.#outputs.set(name, known);
    return known;
  }
}

const YOUNG_MS = 5_000;
