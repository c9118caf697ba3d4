import { Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { isAbsolute, normalize } from 'node:path';
import { TaskFailure, type OperatorContext, type OperatorExecutor } from '@dagbook/sdk';
import type Docker from 'dockerode';
import { readSkipCodes, requireStartable, requireSuccess } from './command.ts';
import { type Engine, engineFailure, engineOf, isAway, readCommand, statusOf } from './docker-engine.ts';
import { ensureImage, readPull } from './docker-image.ts';
import { containerLabels, removeLeftovers } from './docker-leftover.ts';
import { readFrames } from './docker-output.ts';
import { Fields } from './field.ts';
import { Output } from './output.ts';

/** An engine that restarts is waited for this long before its container counts as lost. */
const ENGINE_PATIENCE_MS = 5 * 60_000;
const STOP_AFTER_MS = 5_000;

interface Wanted {
  readonly create: Docker.ContainerCreateOptions;
  readonly memory: string | undefined;
  readonly stopAfterMs: number;
  readonly skipCodes: readonly number[];
}

/**
 * A container: created → followed → ended → removed. Its end is what the engine says on inspection, never that its output
 * ended; output that breaks off is followed again from the last entry seen, also by an engine that was restarted. An
 * aborted task stops it (TERM, then KILL), and an execution removes what older ones of the same try left behind.
 */
export const docker: OperatorExecutor = async (given, context) => {
  const fields = new Fields('docker', given);
  const wanted = readWanted(fields, context);
  const pull = readPull(fields);
  const engine = await engineOf(fields, context);
  await removeLeftovers(engine, context);
  await ensureImage(engine, wanted.create.Image as string, pull, context);
  context.io.signal.throwIfAborted();
  // Without a query of its own the client writes all of this into the URL too, secrets and all.
  const container = await engine.docker.createContainer({ _query: {}, _body: wanted.create } as unknown as Docker.ContainerCreateOptions).catch((cause: unknown) => {
    throw engineFailure(`creating a container of ${wanted.create.Image}`, engine, cause);
  });
  try {
    return await runToEnd(engine, container, wanted, context);
  } finally {
    // One that cannot be removed now is found by its labels later.
    await container.remove({ force: true, v: true }).catch(() => undefined);
  }
};

async function runToEnd(engine: Engine, container: Docker.Container, wanted: Wanted, context: OperatorContext): Promise<unknown> {
  const output = new Output(context);
  const { signal } = context.io;
  const stop = (): void => void container.stop({ t: Math.ceil(wanted.stopAfterMs / 1000) }).catch(() => undefined);
  try {
    await container.start();
  } catch (cause) {
    throw engineFailure(`starting a container of ${wanted.create.Image}`, engine, cause);
  }
  context.io.log('info', `container ${container.id.slice(0, 12)} of ${wanted.create.Image} has started`, { logger: 'task.docker' });
  signal.addEventListener('abort', stop, { once: true });
  if (signal.aborted) stop();
  try {
    const state = await follow(engine, container, output);
    output.end();
    if (signal.aborted) throw new TaskFailure('killed', 'the container was stopped: the try was cancelled or its time is over', { detail: output.tail });
    judge(state, wanted, output);
    return output.lastLine;
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

interface EndState {
  readonly code: number;
  readonly outOfMemory: boolean;
  /** The engine was away while the container ran. */
  readonly outage: boolean;
}

/** Until the container has ended, through whatever breaks between. */
async function follow(engine: Engine, container: Docker.Container, output: Output): Promise<EndState> {
  const position = new LogPosition();
  let outageSinceMs: number | undefined;
  let outage = false;
  for (let pauseMs = 10; ; pauseMs = Math.min(pauseMs * 2, 2_000)) {
    try {
      const stream = await container.logs({ follow: true, stdout: true, stderr: true, timestamps: true, ...position.resume() });
      await readFrames(stream, output, (payload) => position.unseen(payload));
      const { State } = await container.inspect();
      if (!State.Running && !State.Restarting) {
        // The engine sometimes ends a followed log of a quick container before its last entries: what it kept is whole.
        const kept = await container.logs({ follow: false, stdout: true, stderr: true, timestamps: true, ...position.resume() });
        await readFrames(Readable.from([kept]), output, (payload) => position.unseen(payload));
        return { code: State.ExitCode, outOfMemory: State.OOMKilled, outage };
      }
      outageSinceMs = undefined;
    } catch (cause) {
      // 409: it is being removed at this moment.
      if (statusOf(cause) === 404 || statusOf(cause) === 409) throw new TaskFailure('killed', `the container ${container.id.slice(0, 12)} was removed while it ran, by something other than this task`, { cause, detail: output.tail });
      if (!isAway(cause) && (statusOf(cause) ?? 0) < 500) throw engineFailure('following the container', engine, cause);
      outage = true;
      outageSinceMs ??= performance.now();
      if (performance.now() - outageSinceMs > ENGINE_PATIENCE_MS) throw engineFailure('following the container', engine, cause);
    }
    await delay(pauseMs);
  }
}

function judge({ code, outOfMemory, outage }: EndState, { memory, skipCodes }: Wanted, output: Output): void {
  const detail = output.tail;
  if (code === 0) return;
  if (outOfMemory) throw new TaskFailure('out_of_memory', `the container was killed for using more than ${memory === undefined ? 'the memory there is' : `its ${memory} of memory`}`, { detail });
  if (outage) throw new TaskFailure('killed', `the Docker engine was restarted while the container ran, and ended it with ${code}`, { detail });
  if (code === 137) throw new TaskFailure('killed', 'the container was killed by something other than this task (exit code 137)', { detail });
  requireSuccess({ code, output }, skipCodes, 'the container');
}

/**
 * Where in a container's log we are. Each entry begins with its time, to the nanosecond; the parts of a long line share
 * theirs, so entries of the last time are counted, and as many are passed over when the log is read again from there.
 */
class LogPosition {
  #time = '';
  #entriesAtTime = 0;
  #toPass = 0;

  /** Begins to read again; answers from where, as the engine takes it: seconds and nanoseconds. */
  resume(): { readonly since?: number } {
    if (this.#time === '') return {};
    this.#toPass = this.#entriesAtTime;
    const [seconds = '', fraction = ''] = this.#time.replace('Z', '').split('.');
    // A number has no room for nanoseconds; the client hands on what it is given.
    return { since: `${Date.parse(`${seconds}Z`) / 1000}.${fraction}` as unknown as number };
  }

  unseen(entry: Buffer): Buffer | null {
    const end = entry.indexOf(SPACE);
    const time = entry.toString('latin1', 0, end);
    if (time < this.#time) return null;
    if (time === this.#time && this.#toPass > 0) {
      this.#toPass -= 1;
      return null;
    }
    this.#entriesAtTime = time === this.#time ? this.#entriesAtTime + 1 : 1;
    this.#time = time;
    return entry.subarray(end + 1);
  }
}

const SPACE = 0x20;

function readWanted(fields: Fields, context: OperatorContext): Wanted {
  const image = readImage(fields);
  const memory = fields.optionalText('memory', "a size such as '512m' or '2g'");
  const size = memory === undefined ? undefined : /^(\d+(?:\.\d+)?)([mg])$/.exec(memory);
  if (size === null) fields.refuse('memory', memory, "a size such as '512m' or '2g'");
  const bytes = size === undefined ? undefined : Math.floor(Number(size[1]) * (size[2] === 'g' ? 2 ** 30 : 2 ** 20));
  // An engine reads 0 as no limit.
  if (bytes !== undefined && !(bytes >= MIN_MEMORY_BYTES && bytes <= Number.MAX_SAFE_INTEGER)) fields.refuse('memory', memory, "from '6m', which an engine needs for a container, to what the host has");
  const env = { ...context.environment, ...fields.environment('env') };
  const entrypoint = fields.texts('entrypoint');
  const command = readCommand(fields);
  requireStartable(fields, [...entrypoint, ...(command ?? [])], env);
  const optional = (name: string, key: string): object => (fields.has(name) ? { [key]: fields.text(name) } : {});
  return {
    memory,
    skipCodes: readSkipCodes(fields),
    stopAfterMs: fields.durationMs('stopAfter', STOP_AFTER_MS),
    create: {
      Image: image,
      ...(command === undefined ? {} : { Cmd: command }),
      ...(entrypoint.length === 0 ? {} : { Entrypoint: [...entrypoint] }),
      Env: Object.entries(env).map(([name, value]) => `${name}=${value}`),
      Labels: { ...fields.pairs('labels'), ...containerLabels(context) },
      ...optional('workingDir', 'WorkingDir'), ...optional('user', 'User'),
      HostConfig: {
        // Without an init the program is process 1, ignores TERM, and leaves zombies.
        Init: true, AutoRemove: false, SecurityOpt: ['no-new-privileges'], LogConfig: { Type: 'json-file', Config: {} },
        Mounts: readMounts(fields),
        ...(bytes === undefined ? {} : { Memory: bytes, MemorySwap: bytes }),
        ...(fields.has('cpus') ? { NanoCpus: Math.round(fields.number('cpus', 1, { min: 0.01, max: 1024 }) * 1e9) } : {}),
        ...optional('network', 'NetworkMode'),
      },
    },
  };
}

const MIN_MEMORY_BYTES = 6 * 2 ** 20;

/** A name goes into the path of what is asked of the engine. */
function readImage(fields: Fields): string {
  const rule = 'the name of an image';
  const image = fields.text('image', rule);
  return /^[A-Za-z0-9][A-Za-z0-9._:@/-]*$/.test(image) && !/\/(\.*\/|\.*$)/.test(image) ? image : fields.refuse('image', image, `${rule}, such as registry:5000/team/etl:1`);
}

/** A source that is a path is bound and must exist; a name is a volume's. */
function readMounts(fields: Fields): Docker.MountSettings[] {
  if (!fields.has('mounts')) return [];
  const mounts = fields.raw('mounts');
  if (!Array.isArray(mounts)) fields.refuse('mounts', mounts, 'a list of { source, target }');
  return (mounts as readonly unknown[]).map((mount, index) => {
    const { source, target, readOnly } = (typeof mount === 'object' && mount !== null ? mount : {}) as { readonly [name: string]: unknown };
    if (typeof source !== 'string' || source === '') fields.refuse(`mounts.${index}.source`, source, 'an absolute path, or the name of a volume');
    if (isAbsolute(source) ? normalize(source).replace(/(.)\/$/, '$1') !== source.replace(/(.)\/$/, '$1') : !/^[A-Za-z0-9][A-Za-z0-9_.-]*$/.test(source)) {
      fields.refuse(`mounts.${index}.source`, source, "an absolute path without '..', or the name of a volume");
    }
    if (typeof target !== 'string' || !isAbsolute(target)) fields.refuse(`mounts.${index}.target`, target, 'an absolute path');
    return { Type: isAbsolute(source) ? 'bind' : 'volume', Source: source, Target: target, ReadOnly: readOnly === true };
  });
}
