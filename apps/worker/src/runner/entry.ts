import { AsyncLocalStorage } from 'node:async_hooks';
import { writeSync } from 'node:fs';
import { Socket } from 'node:net';
import { installSdkResolver } from '@dagbook/bundles';
import type { Outcome } from '@dagbook/contracts';
import { FrameReader, FrameType } from '../frame.ts';
import { type CallAnswer, type HostOrder, REQUEST_FD, type RunnerEnd, type RunnerTask, STDIO_MARKER } from '../runner-protocol.ts';
import { readable } from './author-stack.ts';
import { BundleLoader } from './bundle-loader.ts';
import { Calls } from './calls.ts';
import { HostedTriggers } from './hosted-triggers.ts';
import { Results } from './large-result.ts';
import { reply } from './reply-channel.ts';
import { watchSpawns } from './spawn-watch.ts';
import { captureStdio } from './stdio-capture.ts';
import { TaskLog } from './task-log.ts';
import { failed, messageOf, type Running, TaskRunner } from './task-run.ts';

/**
 * The runner child: it runs one task at a time and is told of each over its request channel. Or it hosts triggers, any
 * number at a time, and runs no task.
 *
 * States: idle → running one task → idle; `ending` after TERM (the task's signal is aborted, the process exits when
 * the task settles); `tainted` when code of an earlier task failed behind its back, after which it runs nothing more
 * than the task it has. It dies with its worker: the request channel closes, or the guardian kills the group.
 */
const context = new AsyncLocalStorage<Running>();
const calls = new Calls(reply);
const tasks = new TaskRunner(new BundleLoader(), new Results(process.argv[3] as string), context);
const triggers = new HostedTriggers(tasks, context);
const home = process.cwd();
let running: Running | undefined;
let ending = false;
let tainted = false;

installSdkResolver(process.argv[2] as string);
captureStdio(context);
watchSpawns(() => {
  if (running !== undefined) running.startedProcesses = true;
});

const frames = new FrameReader((type, payload) => {
  const message: unknown = JSON.parse(payload.toString('utf8'));
  if (type === FrameType.host) triggers.obey(message as HostOrder);
  else if (type === FrameType.answer) calls.answer(message as CallAnswer);
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
process.on('uncaughtException', (error) => failUnlessEarlier('an exception was thrown outside the task\'s promise', error));
process.on('unhandledRejection', (reason) => failUnlessEarlier('a promise was rejected and nobody handled it', reason));
process.on('exit', (code) => {
  if (!ending) failAndExit(failed('error', `the task's code called process.exit(${code}); return or throw to end a task`));
});
reply(FrameType.ready, '');

function start(task: RunnerTask): void {
  const begun: Running = { task, channel: reply, calls, log: new TaskLog(() => begun.secrets), abort: new AbortController(), startedAtMs: performance.now(), startedProcesses: false, secrets: undefined };
  running = begun;
  void context.run(begun, async () => {
    const outcome = await tasks.run(begun);
    if (running === begun) end(begun, outcome);
  });
}

function end(begun: Running, outcome: Outcome): void {
  const flushStdio = begun.startedProcesses;
  if (flushStdio) for (const fd of [1, 2]) writeSync(fd, `${STDIO_MARKER}\n`);
  if (!backHome()) tainted = true;
  say(begun, { outcome, ...(flushStdio ? { flushStdio } : {}), ...(ending || tainted ? { recycle: true } : {}) });
  if (ending) process.exit(0);
}

/** What code of a task that has ended still throws is not the fault of the one that runs now. */
function failUnlessEarlier(what: string, error: unknown): void {
  const origin = context.getStore();
  if (origin !== undefined && triggers.fail(origin, failed('error', `${what}: ${messageOf(error)}`, error))) return;
  if (origin !== undefined && origin !== running) tainted = true;
  else failAndExit(failed('error', `${what}: ${messageOf(error)}`, error));
}

/** The task is over and the process with it: what threw may have left anything half done. */
function failAndExit(outcome: Outcome): void {
  if (running !== undefined) say(running, { outcome, recycle: true });
  if (ending) return;
  ending = true;
  process.exit(1);
}

/** The last word of a task; nothing of it is heard after that. */
function say(begun: Running, end: Omit<RunnerEnd, 'ranMs'>): void {
  const ranMs = performance.now() - begun.startedAtMs;
  begun.log.close();
  running = undefined;
  let text: string;
  try {
    text = JSON.stringify({ ...end, outcome: readable(end.outcome), ranMs } satisfies RunnerEnd);
  } catch (error) {
    text = JSON.stringify({ outcome: failed('bad_output', `the result cannot be JSON: ${messageOf(error)}`), ranMs } satisfies RunnerEnd);
  }
  reply(FrameType.end, text);
}

/** False: neither the folder where the task left the process nor the one where it began can be entered. */
function backHome(): boolean {
  try {
    if (process.cwd() === home) return true;
  } catch {
    // The task removed the folder it stood in.
  }
  try {
    process.chdir(home);
    return true;
  } catch {
    return false;
  }
}
