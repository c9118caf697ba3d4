import { type ChildProcessByStdio, spawn } from 'node:child_process';
import type { Readable } from 'node:stream';
import { SkipTask, TaskFailure, type OperatorContext, type OperatorExecutor } from '@dagbook/sdk';
import { LineReader } from './line-reader.ts';

/** Airflow's: a command that ends with it has nothing to do, and its task is skipped. */
const SKIP_EXIT_CODE = 99;
const TAIL_LINES = 20;

interface BashFields {
  readonly command: string;
  readonly env: { readonly [name: string]: string };
  readonly cwd: string | undefined;
  readonly skipOnExitCode: readonly number[];
}

/**
 * Runs `command` with `/bin/bash -c`. Values reach it through the environment, never as code: `env`, and what
 * `OperatorContext.environment` says of the run. stdout and stderr go to the log line by line; the result is stdout's
 * last line (null when there was none). Exit code 99 (`skipOnExitCode`: a number, a list, or null for none) skips the
 * task, any other than 0 fails it with `exit_code` and the last lines of output. The command runs in the runner's own
 * process group, so that what kills the runner kills it and all that it started.
 */
export const bash: OperatorExecutor = async (fields, context) => {
  const { command, env, cwd, skipOnExitCode } = readFields(fields);
  const tail: string[] = [];
  let lastLine: string | null = null;
  const logged = (logger: string, level: 'info' | 'error') =>
    new LineReader((line) => {
      context.io.log(level, line, { logger });
      if (tail.push(line) > TAIL_LINES) tail.shift();
      if (logger === 'task.stdout') lastLine = line;
    });

  const ended = await run(command, { env, cwd, context, stdout: logged('task.stdout', 'info'), stderr: logged('task.stderr', 'error') });
  if (ended.signal !== null) {
    throw new TaskFailure('killed', `the command was ended by ${ended.signal}`, { detail: tail.join('\n') });
  }
  if (ended.code === 0) return lastLine;
  if (skipOnExitCode.includes(ended.code)) throw new SkipTask(`the command ended with exit code ${ended.code}, which skips the task`);
  throw new TaskFailure('exit_code', `the command ended with exit code ${ended.code}`, { detail: tail.join('\n') });
};

type Ended = { readonly code: number; readonly signal: null } | { readonly code: null; readonly signal: NodeJS.Signals };

function run(
  command: string,
  options: { env: { readonly [name: string]: string }; cwd: string | undefined; context: OperatorContext; stdout: LineReader; stderr: LineReader },
): Promise<Ended> {
  const { context, stdout, stderr } = options;
  return new Promise((resolve, reject) => {
    const child = start(command, { ...process.env, ...context.environment, ...options.env }, options.cwd);
    const onAbort = (): void => void child.kill('SIGTERM');
    if (context.io.signal.aborted) onAbort();
    context.io.signal.addEventListener('abort', onAbort, { once: true });
    child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => stderr.push(chunk));
    child.on('error', (cause) => {
      context.io.signal.removeEventListener('abort', onAbort);
      reject(startFailure(cause, options.cwd));
    });
    child.on('close', (code, signal) => {
      context.io.signal.removeEventListener('abort', onAbort);
      stdout.end();
      stderr.end();
      resolve(signal === null ? { code: code ?? 0, signal: null } : { code: null, signal });
    });
  });
}

/** Node reports some causes by an event and some by a throw. */
function start(command: string, env: NodeJS.ProcessEnv, cwd: string | undefined): ChildProcessByStdio<null, Readable, Readable> {
  try {
    return spawn('/bin/bash', ['-c', command], { stdio: ['ignore', 'pipe', 'pipe'], env, ...(cwd === undefined ? {} : { cwd }) });
  } catch (cause) {
    throw startFailure(cause, cwd);
  }
}

function startFailure(cause: unknown, cwd: string | undefined): TaskFailure {
  const { code, message } = cause as NodeJS.ErrnoException;
  const reason =
    code === 'ENOENT' && cwd !== undefined
      ? `the folder ${cwd} (cwd) or /bin/bash does not exist on this worker`
      : code === 'E2BIG'
        ? 'command and environment are larger than the system allows; pass large values by file'
        : (code ?? message);
  return new TaskFailure('error', `the command could not start: ${reason}`, { cause });
}

function readFields(fields: { readonly [name: string]: unknown }): BashFields {
  const { command, env, cwd, skipOnExitCode } = fields;
  if (typeof command !== 'string' || command === '') throw badField('command', command, 'a text that is not empty');
  if (command.includes('\0')) throw badField('command', command, 'a text without NUL characters');
  if (cwd !== undefined && typeof cwd !== 'string') throw badField('cwd', cwd, 'a path');
  return { command, env: readEnvironment(env), cwd, skipOnExitCode: readSkipCodes(skipOnExitCode) };
}

/** Objects and lists are passed as JSON; null and undefined leave the variable unset. */
function readEnvironment(env: unknown): { readonly [name: string]: string } {
  if (env === undefined || env === null) return {};
  if (typeof env !== 'object' || Array.isArray(env)) throw badField('env', env, 'an object of names and values');
  const read: Record<string, string> = {};
  for (const [name, value] of Object.entries(env)) {
    if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) throw badField(`env.${name}`, name, 'named by letters, digits and _, not beginning with a digit');
    if (value === undefined || value === null) continue;
    const text = typeof value === 'object' ? JSON.stringify(value) : String(value);
    if (text.includes('\0')) throw badField(`env.${name}`, text, 'a text without NUL characters');
    read[name] = text;
  }
  return read;
}

function readSkipCodes(value: unknown): readonly number[] {
  if (value === undefined) return [SKIP_EXIT_CODE];
  if (value === null) return [];
  const codes: readonly unknown[] = Array.isArray(value) ? value : [value];
  for (const code of codes) {
    if (!Number.isInteger(code) || Number(code) < 1 || Number(code) > 255) throw badField('skipOnExitCode', value, 'whole numbers from 1 to 255, or null');
  }
  return codes as readonly number[];
}

function badField(field: string, value: unknown, rule: string): TaskFailure {
  const shown = JSON.stringify(value)?.slice(0, 100) ?? String(value);
  return new TaskFailure('bad_input', `bash: ${field} is ${shown}, but must be ${rule}`, { retry: false });
}
