import { type ChildProcess, spawn } from 'node:child_process';
import type { Duplex, Readable, Writable } from 'node:stream';
import { LineReader } from '@dagbook/operators';
import { encodeFrame, FrameReader, FrameType } from './frame.ts';
import { killGroup, processFacts, RUNNER_MARK, signalGroup } from './process-group.ts';
import { type Call, type CallAnswer, type HostedFrame, type HostOrder, REPLY_FD, REQUEST_FD, type RunnerEnd, type RunnerTask, STDIO_MARKER } from './runner-protocol.ts';

/** Who is told what of the task in a runner. Exactly one of `onEnd` and `onDeath` is called, and nothing after it. */
export interface RunnerListener {
  onLog(text: string, bytes: number): void;
  onStdio(stream: 'stdout' | 'stderr', line: string): void;
  onCall(call: Call): Promise<CallAnswer>;
  onSensor(): void;
  /** These are hidden from now on. */
  onSecrets(secrets: readonly string[]): void;
  /** What its lines hide; a line too long to wait for its end must not be cut within a secret. */
  mask(): { mask(text: string): string; readonly longest: number } | undefined;
  onEnd(end: RunnerEnd): void;
  onDeath(death: RunnerDeath): void;
}

export interface RunnerDeath {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** The last of what the process itself wrote on stderr: V8 says there that memory ran out. */
  readonly stderrTail: string;
}

export interface RunnerOptions {
  readonly childEntry: string;
  readonly sdkPath: string;
  /** Of large results, shared with the worker. */
  readonly resultsFolder: string;
  readonly nodeArguments: readonly string[];
  readonly env: { readonly [name: string]: string };
  /** Value of `RUNNER_MARK` in the environment of the runner and all that it starts. */
  readonly mark: string;
}

/**
 * The first process of the group becomes the runner; beside it stands a guardian that waits for fd 3 to close, which
 * happens when the worker dies in whatever way, and then kills what carries the runner's mark, though it left the
 * group, until a search finds none (what it kills may just have forked), and the group, itself included. It ignores
 * the signals that the worker sends the group to end a task, and holds none of the runner's channels open.
 */
const GROUP_SCRIPT = `
(
  trap '' TERM INT HUP
  exec 0<&3 3<&- ${REQUEST_FD}<&- ${REPLY_FD}>&- >/dev/null 2>&1
  read _
  read guardian _ </proc/self/stat
  for round in 1 2 3 4 5 6 7 8 9 10; do
    killed=
    for found in $(grep -lzsxF "${RUNNER_MARK}=$${RUNNER_MARK}" /proc/[0-9]*/environ); do
      pid=\${found#/proc/}
      pid=\${pid%/environ}
      [ "$pid" = "$guardian" ] || { kill -KILL "$pid" && killed=1; }
    done
    [ -n "$killed" ] || break
  done
  kill -KILL 0
) & exec "$@" 3<&-`;

/**
 * One warm child process that runs one task at a time, in a process group of its own.
 *
 * States: `starting` (its code loads) → `idle` ⇄ `running` → `ending` (told to end, or its channel broke) → `gone`
 * (reaped, nothing of its group runs). `gone` can follow any state and is final.
 */
export class RunnerProcess {
  readonly pid: number;
  /** Of the leader; with the pid it names the group across restarts of the worker. */
  readonly startTicks: string;
  /** What everything that it starts is known by, see `RUNNER_MARK`. */
  readonly mark: string;
  /** Resolves when nothing of the group runs any more. */
  readonly gone: Promise<void>;
  /** Bundles it has loaded; another task of the same code starts without loading. */
  readonly loaded = new Set<string>();
  idleSinceMs = 0;
  /** How long the last task ran. */
  lastRanMs = 0;

  readonly #process: ChildProcess;
  readonly #requests: Writable;
  readonly #guardian: Duplex;
  readonly #onIdle: (runner: RunnerProcess) => void;
  readonly #onHosted: ((frame: HostedFrame) => void) | undefined;
  #state: 'starting' | 'idle' | 'running' | 'ending' | 'gone' = 'starting';
  #listener: RunnerListener | undefined;
  #stderrTail = '';
  /** An end that waits until stdout and stderr have been read up to their markers, in whatever order they come. */
  #unflushedEnd: RunnerEnd | undefined;
  #markersSeen = 0;
  /** Whoever called `terminate` waits for the end and needs no other word of it. */
  #endIsAwaited = false;

  /** With `onHosted` it hosts triggers instead: it is `idle` for as long as it lives, and takes no task. */
  constructor(options: RunnerOptions, onIdle: (runner: RunnerProcess) => void, onHosted?: (frame: HostedFrame) => void) {
    this.#onIdle = onIdle;
    this.#onHosted = onHosted;
    this.mark = options.mark;
    const command = ['-c', GROUP_SCRIPT, 'runner', process.execPath, ...options.nodeArguments, options.childEntry, options.sdkPath, options.resultsFolder];
    this.#process = spawn('/bin/sh', command, {
      detached: true,
      env: { ...options.env, [RUNNER_MARK]: options.mark },
      stdio: ['ignore', 'pipe', 'pipe', 'pipe', 'pipe', 'pipe'],
    });
    // A process that could not start has no pid and says why by an `error` event, which ends in `gone`.
    this.pid = this.#process.pid ?? 0;
    this.startTicks = processFacts(this.pid)?.startTicks ?? '';
    const [, , , guardian, requests, replies] = this.#process.stdio as unknown as [null, Readable, Readable, Duplex, Writable, Readable];
    this.#guardian = guardian;
    this.#requests = requests;
    for (const stream of [guardian, requests, replies]) stream.on('error', () => this.#break());
    const frames = new FrameReader((type, payload) => this.#onFrame(type, payload));
    replies.on('data', (chunk: Buffer) => frames.push(chunk));
    this.#readStdio('stdout', this.#process.stdout as Readable);
    this.#readStdio('stderr', this.#process.stderr as Readable);
    this.gone = this.#watchEnd();
  }

  get state(): 'starting' | 'idle' | 'running' | 'ending' | 'gone' {
    return this.#state;
  }

  /** Only when idle. */
  run(task: RunnerTask, listener: RunnerListener): void {
    if (this.#state !== 'idle') throw new Error(`runner ${this.pid} is ${this.#state}, it cannot take a task`);
    this.#state = 'running';
    this.#listener = listener;
    this.loaded.add(task.work.bundleHash);
    this.#requests.write(encodeFrame(FrameType.run, JSON.stringify(task)));
  }

  /** Of a host that is `idle`. */
  order(order: HostOrder): void {
    this.#requests.write(encodeFrame(FrameType.host, JSON.stringify(order)));
  }

  /**
   * Ends the group: TERM (the runner aborts its task's signal), then KILL after `graceMs`; resolves when nothing of it
   * runs. The task's listener still gets what it logs, and is not told of its end. Safe twice: the shorter grace wins.
   */
  async terminate(graceMs: number): Promise<void> {
    if (this.#state === 'gone') return;
    this.#endIsAwaited = true;
    const wasIdle = this.#state === 'idle' || this.#state === 'starting';
    this.#state = 'ending';
    if (graceMs > 0 && !wasIdle) {
      signalGroup(this.pid, 'SIGTERM');
      let timer: NodeJS.Timeout | undefined;
      const grace = new Promise<void>((resolve) => {
        timer = setTimeout(resolve, graceMs);
      });
      await Promise.race([this.gone, grace]);
      clearTimeout(timer);
    }
    this.#break();
    await this.gone;
  }

  #onFrame(type: number, payload: Buffer): void {
    switch (type) {
      case FrameType.ready:
        if (this.#state === 'starting') this.#becomeIdle();
        return;
      case FrameType.log:
        this.#listener?.onLog(payload.toString('utf8'), payload.length);
        return;
      case FrameType.sensor:
        this.#listener?.onSensor();
        return;
      case FrameType.secrets:
        this.#listener?.onSecrets(JSON.parse(payload.toString('utf8')) as string[]);
        return;
      case FrameType.call:
        void this.#answer(JSON.parse(payload.toString('utf8')) as Call);
        return;
      case FrameType.hosted:
        this.#onHosted?.(JSON.parse(payload.toString('utf8')) as HostedFrame);
        return;
      case FrameType.end: {
        const end = JSON.parse(payload.toString('utf8')) as RunnerEnd;
        if (end.flushStdio !== true) return this.#end(end);
        this.#unflushedEnd = end;
        return this.#endWhenFlushed();
      }
      default:
        throw new Error(`a frame of unknown type ${type} from runner ${this.pid}`);
    }
  }

  async #answer(call: Call): Promise<void> {
    const listener = this.#listener;
    if (listener === undefined) return;
    const answer = await listener.onCall(call);
    if (this.#listener === listener) this.#requests.write(encodeFrame(FrameType.answer, JSON.stringify(answer)));
  }

  #endWhenFlushed(): void {
    if (this.#unflushedEnd === undefined || this.#markersSeen < 2) return;
    const end = this.#unflushedEnd;
    this.#unflushedEnd = undefined;
    this.#markersSeen = 0;
    this.#end(end);
  }

  #end(end: RunnerEnd): void {
    const listener = this.#listener;
    if (listener === undefined || this.#state !== 'running') return;
    this.#listener = undefined;
    this.lastRanMs = end.ranMs;
    if (end.recycle === true) this.#state = 'ending';
    listener.onEnd(end);
    if (end.recycle === true) void this.terminate(0);
    else this.#becomeIdle();
  }

  #becomeIdle(): void {
    this.#state = 'idle';
    this.#onIdle(this);
  }

  /** What reaches the real stdout and stderr: processes that inherited them, native code, V8 itself. */
  #readStdio(stream: 'stdout' | 'stderr', readable: Readable): void {
    const lines = new LineReader((text) => {
      const flushed = text.endsWith(STDIO_MARKER);
      const line = flushed ? text.slice(0, -STDIO_MARKER.length) : text;
      if (flushed) {
        this.#markersSeen += 1;
        if (line !== '') this.#listener?.onStdio(stream, line);
        return this.#endWhenFlushed();
      }
      // Masked before it is cut: half a secret would be none to the mask.
      if (stream === 'stderr') this.#stderrTail = (this.#listener?.mask()?.mask(`${this.#stderrTail}${line}\n`) ?? `${this.#stderrTail}${line}\n`).slice(-4_096);
      this.#listener?.onStdio(stream, line);
    }, { mask: () => this.#listener?.mask() });
    readable.on('data', (chunk: Buffer) => lines.push(chunk));
    readable.on('end', () => lines.end());
    readable.on('error', () => lines.end());
  }

  /** The leader is not reaped before `gone`, so the group's number is still its own. */
  #break(): void {
    if (this.#state === 'gone') return;
    if (this.pid !== 0) signalGroup(this.pid, 'SIGKILL');
    this.#guardian.destroy();
  }

  async #watchEnd(): Promise<void> {
    const death = await new Promise<{ code: number | null; signal: NodeJS.Signals | null; problem?: string }>((resolve) => {
      this.#process.once('exit', (code, signal) => resolve({ code, signal }));
      this.#process.once('error', (error) => resolve({ code: null, signal: null, problem: error.message }));
    });
    // The guardian outlives the leader and so keeps the group's number from being used anew: what the task left
    // running is found and killed before the guardian goes too.
    if (this.pid !== 0) {
      await killGroup(this.pid, this.mark);
      await this.#stdioRead();
    }
    this.#guardian.destroy();
    const listener = this.#listener;
    this.#listener = undefined;
    this.#state = 'gone';
    if (!this.#endIsAwaited) listener?.onDeath({ code: death.code, signal: death.signal, stderrTail: death.problem ?? this.#stderrTail });
  }

  /** The pipes end with the last process that holds them; one that escaped its group must not hold up the end. */
  async #stdioRead(): Promise<void> {
    const ended = new Promise<void>((resolve) => {
      if (this.#process.stdout?.closed === true && this.#process.stderr?.closed === true) resolve();
      else this.#process.once('close', () => resolve());
    });
    let timer: NodeJS.Timeout | undefined;
    const limit = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, 500);
    });
    await Promise.race([ended, limit]);
    clearTimeout(timer);
  }
}
