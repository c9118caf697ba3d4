import type { AsyncLocalStorage } from 'node:async_hooks';
import { type OtherRun, type Outcome, parseAttemptId, type PreviousRun, type RunRequested, type StateAnswer, type Work } from '@dagbook/contracts';
import { type QueuedUpdate, type FailureCode, type Json, SecretMask, secretsInConnection, secretsInVariable } from '@dagbook/domain';
import { operators } from '@dagbook/operators';
import type { OperatorExecutor, TaskIo } from '@dagbook/sdk';
import { FrameType } from '../frame.ts';
import type { RunnerTask } from '../runner-protocol.ts';
import { type BundleLoader, SITE } from './bundle-loader.ts';
import type { Calls } from './calls.ts';
import type { Results } from './large-result.ts';
import type { Channel } from './reply-channel.ts';
import type { TaskLog } from './task-log.ts';
import { templateFile } from './template-file.ts';

/** The task that a child has in hand, or one of the triggers that it hosts. */
export interface Running {
  readonly task: RunnerTask;
  readonly channel: Channel;
  readonly calls: Calls;
  readonly log: TaskLog;
  readonly abort: AbortController;
  readonly startedAtMs: number;
  startedProcesses: boolean;
  /** Made with the first secret that the task is given. */
  secrets: SecretMask | undefined;
}

/** Runs tasks by their DAG's own code; what they ask goes to the worker. */
export class TaskRunner {
  readonly #bundles: BundleLoader;
  readonly #executors: { readonly [kind: string]: OperatorExecutor };
  readonly #results: Results;

  constructor(bundles: BundleLoader, results: Results, context: AsyncLocalStorage<Running>) {
    this.#bundles = bundles;
    this.#results = results;
    this.#executors = Object.fromEntries(Object.entries(operators).map(([kind, execute]) => [kind, identified(execute, context)]));
  }

  /** Never rejects: whatever the code does is an outcome. */
  async run(running: Running): Promise<Outcome> {
    const { task } = running;
    const named = parseAttemptId(task.attemptId);
    const attempt = task.work.watcher === undefined ? named : { ...named, dagId: task.work.watcher.dagId };
    let dag: ReturnType<BundleLoader['load']>;
    try {
      dag = this.#bundles.load(task.bundlePath, attempt.dagId);
      if (dag instanceof Promise) dag = await dag;
    } catch (error) {
      return failed('code_missing', `the DAG's code could not be loaded: ${messageOf(error)}`, error);
    }
    if (dag === undefined) return failed('code_missing', `the run's code holds no DAG ${attempt.dagId}`);
    if (dag.sensors.has(attempt.taskId)) running.channel(FrameType.sensor, '');
    try {
      return await dag.runnable.run({ attempt, epoch: task.epoch, work: await this.#whole(running) }, this.#io(running));
    } catch (error) {
      return failed('error', messageOf(error), error);
    }
  }

  /** Results too large for an assignment are kept apart. */
  async #whole({ task: { work }, calls }: Running): Promise<Work> {
    const { resultsKey, run } = work;
    if (resultsKey === undefined && run.assetEventsKey === undefined) return work;
    const kept = async (key: string | undefined): Promise<unknown> => (key === undefined ? undefined : calls.ask({ method: 'getResult', key }));
    const [results, assetEvents] = await Promise.all([kept(resultsKey), kept(run.assetEventsKey)]);
    return {
      ...work,
      ...(results === undefined ? {} : { results: results as Work['results'] }),
      ...(assetEvents === undefined ? {} : { run: { ...run, assetEvents: assetEvents as NonNullable<Work['run']['assetEvents']> } }),
    };
  }

  #io(running: Running): TaskIo {
    const { calls, task: { files } } = running;
    return {
      ...(files === undefined ? {} : { bundle: files, templateFile: (name: string) => templateFile(files, name) }),
      signal: running.abort.signal,
      site: SITE,
      nowMs: () => Date.now(),
      log: (level, event, attributes) => {
        const { logger, ...rest } = (attributes ?? {}) as { logger?: unknown };
        running.log.line(level, event, typeof logger === 'string' ? logger : 'task', attributes === undefined ? undefined : rest);
      },
      getResult: (key) => this.#results.get(calls, key),
      putResult: (value) => this.#results.put(calls, value),
      connection: async (key) => {
        const found = (await calls.ask({ method: 'connection', key })) as { readonly [field: string]: Json } | null;
        if (found !== null) hide(running, secretsInConnection(found));
        return found;
      },
      variable: async (key) => {
        const found = (await calls.ask({ method: 'variable', key })) as string | null;
        if (found !== null) hide(running, secretsInVariable(key, found));
        return found;
      },
      xcom: (question) => this.#results.pulled(calls, question),
      assetEvents: async (query) => (await calls.ask({ method: 'assetEvents', query })) as unknown as readonly QueuedUpdate[],
      previousSuccess: async () => (await calls.ask({ method: 'previousSuccess' })) as PreviousRun | null,
      putRenderedFields: async (fields) => void (await calls.ask({ method: 'putRenderedFields', fields })),
      maskSecret: (secret) => {
        hide(running, [secret]);
        running.channel(FrameType.secrets, JSON.stringify([secret]));
      },
      mask: () => running.secrets,
      requestRun: async (request) => (await calls.ask({ method: 'requestRun', request })) as unknown as RunRequested,
      findRun: async (query) => (await calls.ask({ method: 'findRun', query })) as unknown as OtherRun | null,
      state: async (question) => (await calls.ask({ method: 'state', question })) as unknown as StateAnswer,
      operators: this.#executors,
    };
  }
}

/** A command knows whose it is, so that what it writes elsewhere can carry the epoch and a stale one be told apart. */
function identified(execute: OperatorExecutor, context: AsyncLocalStorage<Running>): OperatorExecutor {
  return (fields, operatorContext) => {
    const task = context.getStore()?.task;
    if (task === undefined) return execute(fields, operatorContext);
    const environment = {
      ...operatorContext.environment,
      DAGBOOK_ATTEMPT_ID: task.attemptId,
      DAGBOOK_EPOCH: String(task.epoch),
      ...(task.work.traceparent === undefined ? {} : { TRACEPARENT: task.work.traceparent }),
    };
    return execute(fields, { ...operatorContext, environment });
  };
}

/** The worker has learnt what it answered itself; here it is hidden where text is cut before the worker sees it. */
function hide(running: Running, secrets: readonly string[]): void {
  for (const secret of secrets) (running.secrets ??= new SecretMask()).add(secret);
}

const DETAIL_CHARACTERS = 4_000;

export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

export const failed = (code: FailureCode, message: string, error?: unknown): Outcome & { kind: 'failed' } => ({
  kind: 'failed',
  failure: { code, message, ...(error instanceof Error && error.stack !== undefined ? { detail: error.stack.slice(0, DETAIL_CHARACTERS) } : {}) },
});
