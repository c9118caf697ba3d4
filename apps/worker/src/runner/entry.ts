import { AsyncLocalStorage } from 'node:async_hooks';
import { writeSync } from 'node:fs';
import { Socket } from 'node:net';
import { installSdkResolver } from '@dagbook/bundles';
import { parseAttemptId, type Outcome } from '@dagbook/contracts';
import type { FailureCode, Json } from '@dagbook/domain';
import { operators } from '@dagbook/operators';
import type { OperatorExecutor, TaskIo } from '@dagbook/sdk';
import { FrameReader, FrameType } from '../frame.ts';
import { type CallAnswer, REQUEST_FD, type RunnerEnd, type RunnerTask, STDIO_MARKER } from '../runner-protocol.ts';
import { BundleLoader } from './bundle-loader.ts';
import { Calls } from './calls.ts';
import { reply } from './reply-channel.ts';
import { captureStdio } from './stdio-capture.ts';
import { watchSpawns } from './spawn-watch.ts';
import { TaskLog } from './task-log.ts';

/**
 * The runner child. It runs one task at a time and is told of each over its request channel.
 *
 * States: idle → running one task → idle; `ending` after TERM (the task's signal is aborted, the process exits when
 * the task settles). It dies with its worker: the request channel closes, or the guardian kills the group.
 */
interface Running {
  readonly task: RunnerTask;
  readonly log: TaskLog;
  readonly abort: AbortController;
  readonly startedAtMs: number;
  startedProcesses: boolean;
}

const bundles = new BundleLoader();
const calls = new Calls();
const context = new AsyncLocalStorage<Running>();
const home = process.cwd();
/** A command knows whose it is, so that what it writes elsewhere can carry the epoch and a stale one be told apart. */
const executors: { readonly [kind: string]: OperatorExecutor } = Object.fromEntries(
  Object.entries(operators).map(([kind, execute]): [string, OperatorExecutor] => [
    kind,
    (fields, operatorContext) => {
      const task = context.getStore()?.task;
      const identity = task === undefined ? {} : { DAGBOOK_ATTEMPT_ID: task.attemptId, DAGBOOK_EPOCH: String(task.epoch) };
      return execute(fields, { ...operatorContext, environment: { ...operatorContext.environment, ...identity } });
    },
  ]),
);
let running: Running | undefined;
let ending = false;
/** Code of an earlier task failed behind its back: this process runs nothing more after the task it has. */
let tainted = false;

installSdkResolver(process.argv[2] as string);
captureStdio(context);
watchSpawns(() => {
  if (running !== undefined) running.startedProcesses = true;
});

const frames = new FrameReader((type, payload) => {
  const message: unknown = JSON.parse(payload.toString('utf8'));
  if (type === FrameType.answer) calls.answer(message as CallAnswer);
  else start(message as RunnerTask);
});
const requests = new Socket({ fd: REQUEST_FD, readable: true, writable: false });
requests.on('data', (chunk: Buffer) => frames.push(chunk));
requests.on('close', () => process.kill(process.pid, 'SIGKILL'));
requests.on('error', () => process.kill(process.pid, 'SIGKILL'));

process.on('SIGTERM', () => {
  ending = true;
  if (running === undefined) process.exit(0);
  running.abort.abort(new Error('the try was cancelled or its time is over'));
});
process.on('uncaughtException', (error) => failUnlessEarlier(thrownOutsideTask('an exception was thrown outside the task\'s promise', error)));
process.on('unhandledRejection', (reason) => failUnlessEarlier(thrownOutsideTask('a promise was rejected and nobody handled it', reason)));
process.on('exit', (code) => {
  if (ending) return;
  fail({ code: 'error', message: `the task's code called process.exit(${code}); return or throw to end a task` });
});
reply(FrameType.ready, '');

function start(task: RunnerTask): void {
  const begun: Running = { task, log: new TaskLog(), abort: new AbortController(), startedAtMs: performance.now(), startedProcesses: false };
  running = begun;
  void context.run(begun, async () => end(begun, await outcomeOf(begun)));
}

async function outcomeOf(begun: Running): Promise<Outcome> {
  const { task } = begun;
  const attempt = parseAttemptId(task.attemptId);
  let dag: ReturnType<BundleLoader['load']>;
  try {
    dag = bundles.load(task.bundlePath, attempt.dagId);
    if (dag instanceof Promise) dag = await dag;
  } catch (error) {
    return failed('code_missing', `the DAG's code could not be loaded: ${messageOf(error)}`, error);
  }
  if (dag === undefined) return failed('code_missing', `the run's code holds no DAG ${attempt.dagId}`);
  if (dag.sensors.has(attempt.taskId)) reply(FrameType.sensor, '');
  try {
    return await dag.runnable.run({ attempt, work: task.work }, taskIo(begun));
  } catch (error) {
    return failed('error', messageOf(error), error);
  }
}

function end(begun: Running, outcome: Outcome): void {
  if (running !== begun) return;
  const flushStdio = begun.startedProcesses;
  if (flushStdio) for (const fd of [1, 2]) writeSync(fd, `${STDIO_MARKER}\n`);
  finish(begun, { outcome, ...(flushStdio ? { flushStdio } : {}), ...(ending || tainted ? { recycle: true } : {}) });
  if (ending) process.exit(0);
}

/** What code of a task that has ended still throws is not the fault of the one that runs now. */
function failUnlessEarlier(failure: { code: FailureCode; message: string; detail?: string }): void {
  const origin = context.getStore();
  if (origin === undefined || origin === running) return fail(failure);
  tainted = true;
}

/** The task is over and the process with it: what threw may have left anything half done. */
function fail(failure: { code: FailureCode; message: string; detail?: string }): void {
  if (running !== undefined) finish(running, { outcome: { kind: 'failed', failure }, recycle: true });
  if (ending) return;
  ending = true;
  process.exit(1);
}

function finish(begun: Running, ended: Omit<RunnerEnd, 'ranMs'>): void {
  const ranMs = performance.now() - begun.startedAtMs;
  begun.log.close();
  running = undefined;
  if (process.cwd() !== home) process.chdir(home);
  let text: string;
  try {
    text = JSON.stringify({ ...ended, ranMs } satisfies RunnerEnd);
  } catch (error) {
    text = JSON.stringify({ outcome: failed('bad_output', `the result cannot be JSON: ${messageOf(error)}`), ranMs } satisfies RunnerEnd);
  }
  reply(FrameType.end, text);
}

function taskIo(begun: Running): TaskIo {
  return {
    signal: begun.abort.signal,
    nowMs: () => Date.now(),
    log: (level, event, attributes) => {
      const { logger, ...rest } = (attributes ?? {}) as { logger?: unknown };
      begun.log.line(level, event, typeof logger === 'string' ? logger : 'task', attributes === undefined ? undefined : rest);
    },
    getResult: (key) => calls.ask({ method: 'getResult', key }),
    putResult: async (value) => (await calls.ask({ method: 'putResult', value })) as { key: string; bytes: number },
    connection: async (key) => (await calls.ask({ method: 'connection', key })) as { readonly [field: string]: Json } | null,
    variable: async (key) => (await calls.ask({ method: 'variable', key })) as string | null,
    operators: executors,
  };
}

const DETAIL_CHARACTERS = 4_000;

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

const failed = (code: FailureCode, message: string, error?: unknown): Outcome => ({ kind: 'failed', failure: { code, message, ...detailOf(error) } });

const detailOf = (error: unknown): { detail?: string } =>
  error instanceof Error && error.stack !== undefined ? { detail: error.stack.slice(0, DETAIL_CHARACTERS) } : {};

const thrownOutsideTask = (what: string, error: unknown): { code: FailureCode; message: string; detail?: string } => ({
  code: 'error',
  message: `${what}: ${messageOf(error)}`,
  ...detailOf(error),
});
