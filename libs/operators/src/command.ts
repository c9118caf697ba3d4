import { type ChildProcess, spawn } from 'node:child_process';
import { constants } from 'node:os';
import type { Readable, Writable } from 'node:stream';
import { SkipTask, TaskFailure, type OperatorContext } from '@dagbook/sdk';
import type { Fields } from './field.ts';
import { Output } from './output.ts';

/** Airflow's: a command that ends with it has nothing to do, and its task is skipped. */
const SKIP_EXIT_CODE = 99;

export interface Command {
  /** Program and arguments; no shell reads them. */
  readonly argv: readonly [string, ...string[]];
  readonly cwd?: string | undefined;
  /** Over the runner's own environment and what the task may know of its run. */
  readonly env?: { readonly [name: string]: string };
  /** Handed over on descriptor 3, which a value may fill beyond what arguments and environment hold. */
  readonly input?: string;
  /** Gathers what the command writes to descriptor 4. */
  readonly readsAnswer?: boolean;
  /** For a program whose whole output is its result. */
  readonly keepsOutput?: boolean;
  /** What the program is called in a failure's sentence. Default `the command`. */
  readonly called?: string;
}

export interface CommandEnd {
  readonly code: number;
  readonly output: Output;
  readonly answer: string;
}

/**
 * Runs a program and hands its output to the log line by line. It stays in the runner's own process group, so that what
 * kills the runner kills it and all that it started; an aborted task sends it SIGTERM. Fails with `killed` when a signal
 * ended it and with `error` when it could not start; an exit code is for the caller to judge.
 */
export async function runCommand(command: Command, context: OperatorContext): Promise<CommandEnd> {
  refuseNul({ ...context.environment, ...command.env }, command);
  const output = new Output(context, { keepsAll: command.keepsOutput === true });
  const ended = await finished(command, context, output);
  if (ended.signal !== null) {
    throw new TaskFailure('killed', `${command.called ?? 'the command'} was ended by ${ended.signal}`, { detail: output.tail });
  }
  return { code: ended.code, output, answer: ended.answer };
}

type Ended = { readonly answer: string } & ({ readonly code: number; readonly signal: null } | { readonly code: null; readonly signal: NodeJS.Signals });

function finished(command: Command, context: OperatorContext, output: Output): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const child = start(command, { ...process.env, ...context.environment, ...command.env });
    const [, stdout, stderr, input, answers] = child.stdio as [null, Readable, Readable, Writable | undefined, Readable | undefined];
    const answer: Buffer[] = [];
    const onAbort = (): void => void child.kill('SIGTERM');
    const forget = (): void => context.io.signal.removeEventListener('abort', onAbort);
    if (context.io.signal.aborted) onAbort();
    context.io.signal.addEventListener('abort', onAbort, { once: true });
    stdout.on('data', (chunk: Buffer) => output.stdout.push(chunk));
    stderr.on('data', (chunk: Buffer) => output.stderr.push(chunk));
    answers?.on('data', (chunk: Buffer) => answer.push(chunk));
    // A command may end without having read its input.
    input?.on('error', () => undefined);
    input?.end(command.input);
    child.on('error', (cause) => {
      forget();
      reject(startFailure(cause, command));
    });
    child.on('close', (code, signal) => {
      forget();
      output.end();
      const text = Buffer.concat(answer).toString('utf8');
      resolve(signal === null ? { code: code ?? 0, signal: null, answer: text } : { code: null, signal, answer: text });
    });
  });
}

/** A value of a template or of a param may hold anything; a program's environment cannot. */
function refuseNul(environment: { readonly [name: string]: string }, { called = 'the command' }: Command): void {
  const name = Object.keys(environment).find((key) => environment[key]?.includes('\0'));
  if (name !== undefined) throw new TaskFailure('bad_input', `${called} could not start: the value of ${name} holds a NUL character, which no environment can carry`, { retry: false });
}

/** Node reports some causes by an event and some by a throw. */
function start(command: Command, env: NodeJS.ProcessEnv): ChildProcess {
  const [program, ...args] = command.argv;
  const stdio = ['ignore', 'pipe', 'pipe', ...(command.input === undefined ? [] : ['pipe']), ...(command.readsAnswer === true ? ['pipe'] : [])] as ('ignore' | 'pipe')[];
  try {
    return spawn(program, args, { stdio, env, ...(command.cwd === undefined ? {} : { cwd: command.cwd }) });
  } catch (cause) {
    throw startFailure(cause, command);
  }
}

function startFailure(cause: unknown, { argv, cwd, called = 'the command' }: Command): TaskFailure {
  const { code, message } = cause as NodeJS.ErrnoException;
  if (code === 'E2BIG') {
    return new TaskFailure('bad_input', `${called} could not start: a value of its environment, or all together, is larger than the system allows (128 KB one, about 2 MB all): hand large values over by file, or as the input of python`, { cause, retry: false });
  }
  const reason = code === 'ENOENT' ? `${cwd === undefined ? '' : `the folder ${cwd} (cwd) or `}${argv[0]} does not exist on this worker` : (code ?? message);
  return new TaskFailure('error', `${called} could not start: ${reason}`, { cause });
}

/** Throws for an exit code that is not 0: `SkipTask` when the author's `skipOnExitCode` names it, else `exit_code`. */
export function requireSuccess({ code, output }: Pick<CommandEnd, 'code' | 'output'>, skipCodes: readonly number[], called = 'the command'): void {
  if (code === 0) return;
  if (skipCodes.includes(code)) throw new SkipTask(`${called} ended with exit code ${code}, which skips the task`);
  const { complaint } = output;
  const meaning = meaningOf(code);
  const why = complaint === null ? (meaning === undefined ? '' : ` (${meaning})`) : `: ${complaint}`;
  throw new TaskFailure('exit_code', `${called} ended with exit code ${code}${why}`, { detail: output.tail });
}

/** What shells and engines mean by it, where they mean something. */
function meaningOf(code: number): string | undefined {
  if (code === 126) return 'it could not be executed';
  if (code === 127) return 'a command was not found';
  return Object.entries(constants.signals).find(([, number]) => number === code - 128)?.[0];
}

/** An argument or a variable of more bytes is refused by the kernel, wherever the program runs. */
const MAX_ARGUMENT_BYTES = 128 * 1024 - 1;

/** Refuses what no program can be started with. */
export function requireStartable(fields: Fields, argv: readonly string[], env: { readonly [name: string]: string }): void {
  const tooLong = (text: string): boolean => Buffer.byteLength(text) > MAX_ARGUMENT_BYTES;
  const rule = `of at most ${MAX_ARGUMENT_BYTES} bytes, which is what the kernel takes: pass it by a file`;
  const argument = argv.find(tooLong);
  if (argument !== undefined) fields.refuse('command', argument, rule);
  const variable = Object.entries(env).find(([name, value]) => tooLong(`${name}=${value}`));
  if (variable !== undefined) fields.refuse(`env.${variable[0]}`, variable[1], rule);
}

/** The author's `skipOnExitCode`: 99 when absent, none when null. */
export function readSkipCodes(fields: Fields): readonly number[] {
  const value = fields.raw('skipOnExitCode');
  if (value === undefined) return [SKIP_EXIT_CODE];
  if (value === null) return [];
  const codes: readonly unknown[] = Array.isArray(value) ? value : [value];
  for (const code of codes) {
    if (!Number.isInteger(code) || Number(code) < 1 || Number(code) > 255) fields.refuse('skipOnExitCode', value, 'whole numbers from 1 to 255, or null');
  }
  return codes as readonly number[];
}
