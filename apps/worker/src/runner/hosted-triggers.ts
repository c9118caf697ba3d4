import type { AsyncLocalStorage } from 'node:async_hooks';
import type { Outcome } from '@dagbook/contracts';
import { FrameType } from '../frame.ts';
import type { HostedFrame, HostOrder, RunnerEnd, RunnerTask } from '../runner-protocol.ts';
import { readable } from './author-stack.ts';
import { Calls } from './calls.ts';
import { type Channel, reply } from './reply-channel.ts';
import { TaskLog } from './task-log.ts';
import { failed, messageOf, type Running, type TaskRunner } from './task-run.ts';

/**
 * The triggers that this process waits for, all in its one event loop. Each has its own log, calls and abort signal; what
 * one throws behind its own back ends that one. A wait is in `#waits` from its order until its end is said or it is cancelled.
 */
export class HostedTriggers {
  readonly #runner: TaskRunner;
  readonly #context: AsyncLocalStorage<Running>;
  readonly #waits = new Map<string, Running>();

  constructor(runner: TaskRunner, context: AsyncLocalStorage<Running>) {
    this.#runner = runner;
    this.#context = context;
  }

  obey(order: HostOrder): void {
    switch (order.kind) {
      case 'begin':
        return this.#begin(order.key, order.task);
      case 'answer':
        return this.#waits.get(order.key)?.calls.answer(order.answer);
      case 'cancel': {
        const wait = this.#waits.get(order.key);
        this.#waits.delete(order.key);
        return wait?.abort.abort(new Error('the trigger was cancelled'));
      }
    }
  }

  /** False: it is none of the triggers here. */
  fail(wait: Running, outcome: Outcome): boolean {
    for (const [key, known] of this.#waits) {
      if (known !== wait) continue;
      wait.abort.abort(new Error('the trigger has failed'));
      this.#end(key, wait, outcome);
      return true;
    }
    return false;
  }

  #begin(key: string, task: RunnerTask): void {
    const channel: Channel = (type, payload) => reply(FrameType.hosted, JSON.stringify({ key, type, payload } satisfies HostedFrame));
    const wait: Running = {
      task, channel, calls: new Calls(channel), log: new TaskLog(() => wait.secrets, channel), abort: new AbortController(),
      startedAtMs: performance.now(), startedProcesses: false, secrets: undefined,
    };
    this.#waits.set(key, wait);
    void this.#context.run(wait, async () => this.#end(key, wait, await this.#runner.run(wait)));
  }

  #end(key: string, wait: Running, outcome: Outcome): void {
    if (this.#waits.get(key) !== wait) return;
    this.#waits.delete(key);
    wait.log.close();
    const ranMs = performance.now() - wait.startedAtMs;
    let text: string;
    try {
      text = JSON.stringify({ outcome: readable(outcome), ranMs } satisfies RunnerEnd);
    } catch (error) {
      text = JSON.stringify({ outcome: failed('bad_output', `what the trigger brought cannot be JSON: ${messageOf(error)}`), ranMs } satisfies RunnerEnd);
    }
    wait.channel(FrameType.end, text);
  }
}
