import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { TaskFailure, type OperatorContext, type OperatorExecutor } from '@dagbook/sdk';
import type Docker from 'dockerode';
import { readSkipCodes, requireStartable, requireSuccess } from './command.ts';
import { type Engine, engineFailure, engineOf, readCommand, statusOf } from './docker-engine.ts';
import { readFrames } from './docker-output.ts';
import { Fields } from './field.ts';
import { Output } from './output.ts';

/** Tells the processes of one execution from all others in the container; children inherit it. */
const MARK = 'DAGBOOK_EXEC_MARK';
const STOP_SECONDS = 5;
/** By SIGKILL, as the container's main process or by its end. */
const KILLED = 137;

/**
 * A command inside a container that runs already. Docker cannot end such a command, so an aborted task looks for its
 * processes by a variable in their environment and signals them from inside, which needs a shell in the container.
 */
export const dockerExec: OperatorExecutor = async (given, context) => {
  const fields = new Fields('dockerExec', given);
  const command = readCommand(fields) ?? fields.refuse('command', undefined, 'a text, or a list of texts');
  const mark = randomUUID();
  const env = { ...context.environment, ...fields.environment('env'), [MARK]: mark };
  const skipCodes = readSkipCodes(fields);
  requireStartable(fields, command, env);
  const optional = (name: string, key: string): object => (fields.has(name) ? { [key]: fields.text(name) } : {});
  const engine = await engineOf(fields, context);
  const container = await containerOf(fields, engine);
  const output = new Output(context);
  const stop = (): void => void endMarked(container, mark, context);
  try {
    const execution = await container.exec({
      Cmd: command, Env: Object.entries(env).map(([name, value]) => `${name}=${value}`), AttachStdout: true, AttachStderr: true, ...optional('workingDir', 'WorkingDir'), ...optional('user', 'User'),
    });
    const stream = await execution.start({ hijack: false, stdin: false });
    context.io.signal.addEventListener('abort', stop, { once: true });
    if (context.io.signal.aborted) stop();
    await readFrames(stream, output);
    output.end();
    const { ExitCode, Running } = await execution.inspect();
    if (context.io.signal.aborted) throw new TaskFailure('killed', 'the command was stopped: the try was cancelled or its time is over', { detail: output.tail });
    if (Running || ExitCode === null) throw new TaskFailure('error', 'the Docker engine broke off while the command ran; how it ended is not known', { detail: output.tail });
    if (ExitCode === KILLED) await requireRunning(container, output);
    requireSuccess({ code: ExitCode, output }, skipCodes, 'the command');
    return output.lastLine;
  } catch (cause) {
    if ((cause as Error).name === 'SkipTask') throw cause;
    // 409: it was stopped since we found it.
    throw engineFailure('running a command in the container', engine, cause, [404, 409]);
  } finally {
    context.io.signal.removeEventListener('abort', stop);
  }
};

async function containerOf(fields: Fields, engine: Engine): Promise<Docker.Container> {
  const name = fields.optionalText('container', 'the name of a container');
  const label = fields.optionalText('label', 'a label');
  if ((name === undefined) === (label === undefined)) throw new TaskFailure('bad_input', 'dockerExec: give either container or label', { retry: false });
  const filters: { [filter: string]: string[] } = name === undefined ? { label: [label as string] } : { name: [`^/${escaped(name)}$`] };
  const found = await listed(engine, { filters });
  const wanted = name === undefined ? `with the label ${label}` : `called ${name}`;
  const [only] = found;
  // It may be started before the next try.
  if (only === undefined) {
    const stopped = (await listed(engine, { filters, all: true })).map(({ Names, State }) => `${Names[0]?.slice(1)} is ${State}`).sort();
    throw new TaskFailure('bad_input', `no container ${wanted} is running on the engine at ${engine.address}${stopped.length === 0 ? '' : `: ${stopped.join(', ')}`}`);
  }
  if (found.length > 1) throw new TaskFailure('bad_input', `${found.length} containers ${wanted} are running: ${found.map(({ Names }) => Names[0]?.slice(1)).sort().join(', ')}; name one of them`, { retry: false });
  return engine.docker.getContainer(only.Id);
}

const listed = (engine: Engine, query: Docker.ContainerListOptions): Promise<Docker.ContainerInfo[]> =>
  engine.docker.listContainers(query).catch((cause: unknown) => {
    throw engineFailure('looking for the container', engine, cause);
  });

/** A command that its container took along ends with a code of its own, which tells nothing. */
async function requireRunning(container: Docker.Container, output: Output): Promise<void> {
  const isRunning = (): Promise<boolean> => container.inspect().then(({ State }) => State.Running, (cause: unknown) => statusOf(cause) !== 404);
  // An engine learns of its commands' ends before it learns of the container's.
  let running = await isRunning();
  for (const pauseMs of [50, 100, 200, 400]) if (running) running = await delay(pauseMs).then(isRunning);
  if (!running) throw new TaskFailure('killed', 'the container ended while the command ran in it', { detail: output.tail });
}

const escaped = (name: string): string => name.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&');

async function endMarked(container: Docker.Container, mark: string, context: OperatorContext): Promise<void> {
  const signal = (name: string): string => `for p in /proc/[0-9]*; do tr '\\0' '\\n' < $p/environ 2>/dev/null | grep -qx '${MARK}=${mark}' && kill -${name} \${p#/proc/}; done 2>/dev/null`;
  try {
    const ending = await container.exec({ Cmd: ['/bin/sh', '-c', `${signal('TERM')}; sleep ${STOP_SECONDS}; ${signal('KILL')}`], User: '0' });
    await ending.start({ Detach: true });
  } catch (cause) {
    context.io.log('warning', `the command could not be stopped inside the container: ${(cause as Error).message}`, { logger: 'task.docker' });
  }
}
