import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { constants, setPriority } from 'node:os';
import type { ParseAnswer, ParsedModule, ParseFailure, ParseRequest } from './parse-protocol.ts';

export interface ParsePoolOptions {
  /** Path of `parse-child`, source or built. */
  readonly childPath: string;
  readonly sdkPath: string;
  /** How many files are evaluated at once. Default 2. */
  readonly size?: number;
  /** A file that takes longer is killed. Default 10,000. */
  readonly timeLimitMs?: number;
  /** A file that takes longer gives its place to others and goes on beside them. Default 500. */
  readonly slowAfterMs?: number;
  /** Modules are never unloaded, so a child is replaced after so many. Default 200. */
  readonly parsesPerChild?: number;
  /** One warm child is kept for so long after the last parse. Default 60,000. */
  readonly idleMs?: number;
}

export type Parsed = ParsedModule | ParseFailure;

interface Waiting {
  readonly request: Omit<ParseRequest, 'id'>;
  readonly onSlow: () => void;
  readonly resolve: (parsed: Parsed) => void;
}

/**
 * Parse children, kept warm. Places: at most `size` files are evaluated at a time, apart from slow ones, which lose
 * their place (so that files that hang delay nobody) until the time limit kills them.
 *
 * A child: starting → idle ⇄ busy → ended. Every child is a process group that is killed as one and waited for.
 */
export class ParsePool {
  readonly #options: Required<ParsePoolOptions>;
  readonly #waiting: Waiting[] = [];
  readonly #children = new Set<ParseChild>();
  #places: number;
  #stopped = false;
  #idleTimer: NodeJS.Timeout | undefined;

  constructor(options: ParsePoolOptions) {
    this.#options = { size: 2, timeLimitMs: 10_000, slowAfterMs: 500, parsesPerChild: 200, idleMs: 60_000, ...options };
    this.#places = this.#options.size;
  }

  /** `onSlow` is called once when the file has lost its place to others. */
  parse(request: Omit<ParseRequest, 'id'>, onSlow: () => void): Promise<Parsed> {
    return new Promise((resolve) => {
      this.#waiting.push({ request, onSlow, resolve });
      this.#assign();
    });
  }

  /** Starts a child, if none is there, so that it is warm when the file is bundled. */
  warm(): void {
    if (!this.#stopped && this.#children.size === 0) this.#start();
  }

  /** Pids of the children that live. */
  pids(): number[] {
    return [...this.#children].map((child) => child.pid);
  }

  /** Kills and reaps every child. Safe twice. */
  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#idleTimer);
    for (const { resolve } of this.#waiting.splice(0)) resolve(STOPPED);
    await Promise.all([...this.#children].map((child) => child.end()));
  }

  #assign(): void {
    clearTimeout(this.#idleTimer);
    while (this.#waiting.length > 0 && this.#places > 0) {
      const next = this.#waiting.shift();
      if (next === undefined) return;
      if (this.#stopped) {
        next.resolve(STOPPED);
        continue;
      }
      this.#places -= 1;
      const child = [...this.#children].find((candidate) => candidate.isFree) ?? this.#start();
      void this.#evaluate(child, next);
    }
    if (this.#waiting.length === 0 && this.#places === this.#options.size && !this.#stopped) this.#rest();
  }

  async #evaluate(child: ParseChild, { request, onSlow, resolve }: Waiting): Promise<void> {
    let hasPlace = true;
    const leavePlace = () => {
      if (!hasPlace) return;
      hasPlace = false;
      this.#places += 1;
      this.#assign();
    };
    const limits = {
      ...this.#options,
      onSlow: () => {
        leavePlace();
        onSlow();
      },
    };
    let parsed = await child.parse(request, limits);
    if (child.parses > 1 && mayBeAnothers(parsed) && !this.#stopped) {
      void child.end();
      const fresh = this.#start();
      parsed = await fresh.parse(request, limits);
    }
    if (child.parses >= this.#options.parsesPerChild || (parsed.kind === 'failed' && parsed.code === 'exited')) void child.end();
    resolve(parsed);
    leavePlace();
  }

  #start(): ParseChild {
    const child = new ParseChild(this.#options.childPath, this.#options.sdkPath, () => this.#children.delete(child));
    this.#children.add(child);
    return child;
  }

  /** Nothing to do: one child stays warm for a while, the others go at once. */
  #rest(): void {
    const [, ...surplus] = [...this.#children].filter((child) => child.isFree);
    for (const child of surplus) void child.end();
    this.#idleTimer = setTimeout(() => {
      for (const child of this.#children) void child.end();
    }, this.#options.idleMs);
    this.#idleTimer.unref();
  }
}

/** What an earlier file of the same child may have left behind (a timer that exits or throws) is not this file's fault until a fresh child says so. */
const mayBeAnothers = (parsed: Parsed): boolean => parsed.kind === 'failed' && (parsed.code === 'exited' || parsed.code === 'threw');

const STOPPED: ParseFailure = { kind: 'failed', code: 'exited', message: 'The scanner was stopped before the file was read.' };

/** The kernel ends a child, also one that loops, when its parent dies; where there is no setpriv, after so many seconds of CPU. */
const CPU_LIMIT_SECONDS = 120;
const START_SCRIPT = `ulimit -t ${CPU_LIMIT_SECONDS}; command -v setpriv >/dev/null && exec setpriv --pdeathsig KILL "$0" "$@"; exec "$0" "$@"`;
const HEAP_MB = 512;

class ParseChild {
  readonly pid: number;
  parses = 0;
  readonly #process: ChildProcess;
  readonly #exited: Promise<void>;
  readonly #ready: Promise<void>;
  #ended = false;
  /** It has said its last word and is on its way out. */
  #leaving = false;
  #busy: { readonly id: number; readonly settle: (parsed: Parsed) => void } | undefined;
  #stderr = '';

  constructor(childPath: string, sdkPath: string, onExit: () => void) {
    const node = [`--max-old-space-size=${HEAP_MB}`, '--disable-warning=ExperimentalWarning', childPath, sdkPath];
    this.#process = spawn('/bin/sh', ['-c', START_SCRIPT, process.execPath, ...node], {
      env: {}, stdio: ['ignore', 'ignore', 'pipe', 'ipc'], detached: true,
    });
    this.pid = this.#process.pid ?? 0;
    this.#exited = new Promise((resolve) => {
      const over = (how: string) => {
        this.#ended = true;
        onExit();
        this.#killGroup();
        this.#settle({ kind: 'failed', code: 'exited', message: `The process that reads the file ended (${how}) before it was done.${this.#lastWords()} Whatever ends a process must not be called while a DAG file is read.` });
        resolve();
      };
      this.#process.once('exit', (code, signal) => {
        const how = signal ?? `exit code ${code ?? 'unknown'}`;
        // Its last words may still be in the channel.
        if (this.#process.connected) this.#process.once('disconnect', () => over(how));
        else over(how);
      });
      this.#process.once('error', (error) => over(error.message));
    });
    this.#ready = new Promise((resolve) => {
      this.#process.on('message', (message: ParseAnswer | { readonly ready: true }) => {
        if ('ready' in message) resolve();
        else if (message.id === this.#busy?.id) {
          if (message.final === true) this.#leaving = true;
          this.#settle(message);
        }
      });
    });
    this.#process.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr = (this.#stderr + text).slice(-2000);
    });
    // An idle child must not keep the scanner's process alive.
    this.#process.unref();
    this.#process.channel?.unref();
    (this.#process.stderr as (NodeJS.ReadableStream & { unref?: () => void }) | null)?.unref?.();
  }

  get isFree(): boolean {
    return this.#busy === undefined && !this.#ended && !this.#leaving;
  }

  /** Resolves always; after the time limit with the child killed and reaped. Limits count from when the child has started. */
  async parse(request: Omit<ParseRequest, 'id'>, limits: { timeLimitMs: number; slowAfterMs: number; onSlow: () => void }): Promise<Parsed> {
    this.parses += 1;
    const id = this.parses;
    const answered = new Promise<Parsed>((settle) => {
      this.#busy = { id, settle };
    });
    await Promise.race([this.#ready, answered]);
    const slow = setTimeout(() => {
      this.#yieldProcessor();
      limits.onSlow();
    }, limits.slowAfterMs);
    const tooLong = setTimeout(() => {
      this.#settle({
        kind: 'failed', code: 'timed_out',
        message: `The file was not read within ${limits.timeLimitMs / 1000} s, which is the limit: it loops or waits while it is imported. Move the work into a task.`,
      });
      void this.end();
    }, limits.timeLimitMs);
    this.#process.send({ ...request, id } satisfies ParseRequest, () => {
      // A child that died before it could be asked says so by its exit.
    });
    const parsed = await answered;
    clearTimeout(slow);
    clearTimeout(tooLong);
    if (this.#ended) await this.#exited;
    return parsed;
  }

  /** Files that loop share what is left of the processor. */
  #yieldProcessor(): void {
    try {
      setPriority(this.pid, constants.priority.PRIORITY_LOW);
    } catch {
      // It ended just now.
    }
  }

  /** Kills the group and waits until the child is reaped. */
  async end(): Promise<void> {
    // Nobody may leave before the child is reaped.
    this.#process.ref();
    if (!this.#ended) {
      this.#ended = true;
      this.#killGroup();
      this.#process.kill('SIGKILL');
    }
    await this.#exited;
  }

  /** What author code may have started goes with the child. */
  #killGroup(): void {
    if (this.pid === 0) return;
    try {
      process.kill(-this.pid, 'SIGKILL');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
  }

  #settle(parsed: Parsed): void {
    const busy = this.#busy;
    this.#busy = undefined;
    busy?.settle(parsed);
  }

  #lastWords(): string {
    const line = this.#stderr.trim().split('\n').findLast((candidate) => /error|fatal/i.test(candidate));
    return line === undefined ? '' : ` It said: ${line.trim()}.`;
  }
}
