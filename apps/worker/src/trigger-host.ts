import { FrameType } from './frame.ts';
import { RunnerProcess, type RunnerListener, type RunnerOptions } from './runner-process.ts';
import type { Call, HostedFrame, RunnerEnd, RunnerTask } from './runner-protocol.ts';

export interface TriggerHostOptions extends RunnerOptions {
  /** A host that has loaded this many bundles ends when nothing waits in it: modules cannot be unloaded. */
  readonly maxBundles: number;
  onSpawn(runner: RunnerProcess): void;
  onGone(runner: RunnerProcess): void;
}

type WaitListener = Pick<RunnerListener, 'onLog' | 'onCall' | 'onSecrets' | 'onEnd' | 'onDeath'>;

interface Wait {
  readonly task: RunnerTask;
  readonly listener: WaitListener;
}

/**
 * One child process whose event loop hosts every trigger of this worker: thousands of waits cost one process.
 *
 * States: no process (nothing waits) → starting (waits gather) → hosting. Each wait is in `#waits` from `begin` until its
 * end, its cancellation or the death of the process, of which every wait is told; the next `begin` starts another process.
 */
export class TriggerHost {
  readonly #options: TriggerHostOptions;
  readonly #waits = new Map<string, Wait>();
  readonly #loaded = new Set<string>();
  #runner: RunnerProcess | undefined;
  #spawned = 0;

  constructor(options: TriggerHostOptions) {
    this.#options = options;
  }

  /** Of the process; 0: there is none. */
  get pid(): number {
    return this.#runner?.pid ?? 0;
  }

  get size(): number {
    return this.#waits.size;
  }

  begin(task: RunnerTask, listener: WaitListener): void {
    const key = keyOf(task);
    this.#waits.set(key, { task, listener });
    this.#loaded.add(task.work.bundleHash);
    const runner = (this.#runner ??= this.#spawn());
    if (runner.state === 'idle') runner.order({ kind: 'begin', key, task });
  }

  /** Nothing more is heard of it. */
  cancel(task: Pick<RunnerTask, 'attemptId' | 'epoch'>): void {
    const key = keyOf(task);
    if (!this.#waits.delete(key)) return;
    if (this.#runner?.state === 'idle') this.#runner.order({ kind: 'cancel', key });
    this.#replaceWhenOld();
  }

  async close(): Promise<void> {
    await this.#runner?.terminate(0);
  }

  #spawn(): RunnerProcess {
    const mark = `${this.#options.mark}triggers${(this.#spawned += 1)}`;
    const runner = new RunnerProcess({ ...this.#options, mark }, (idle) => this.#beginAll(idle), (frame) => this.#onHosted(frame));
    this.#options.onSpawn(runner);
    void runner.gone.then(() => {
      this.#options.onGone(runner);
      if (this.#runner === runner) this.#onGone();
    });
    return runner;
  }

  #beginAll(runner: RunnerProcess): void {
    for (const [key, { task }] of this.#waits) runner.order({ kind: 'begin', key, task });
  }

  #onGone(): void {
    this.#runner = undefined;
    this.#loaded.clear();
    const waits = [...this.#waits.values()];
    this.#waits.clear();
    for (const { listener } of waits) listener.onDeath({ code: null, signal: null, stderrTail: '' });
  }

  #onHosted({ key, type, payload }: HostedFrame): void {
    const wait = this.#waits.get(key);
    if (wait === undefined) return;
    const { listener } = wait;
    switch (type) {
      case FrameType.log:
        return listener.onLog(payload, Buffer.byteLength(payload));
      case FrameType.secrets:
        return listener.onSecrets(JSON.parse(payload) as string[]);
      case FrameType.call:
        return void this.#answer(key, wait, JSON.parse(payload) as Call);
      case FrameType.end:
        this.#waits.delete(key);
        listener.onEnd(JSON.parse(payload) as RunnerEnd);
        return this.#replaceWhenOld();
      default:
        // That a task is a sensor means nothing here: what waits is not timed by the worker.
    }
  }

  async #answer(key: string, wait: Wait, call: Call): Promise<void> {
    const answer = await wait.listener.onCall(call);
    if (this.#waits.get(key) === wait && this.#runner?.state === 'idle') this.#runner.order({ kind: 'answer', key, answer });
  }

  #replaceWhenOld(): void {
    if (this.#waits.size === 0 && this.#loaded.size > this.#options.maxBundles) void this.#runner?.terminate(0);
  }
}

const keyOf = ({ attemptId, epoch }: Pick<RunnerTask, 'attemptId' | 'epoch'>): string => `${attemptId}@${epoch}`;
