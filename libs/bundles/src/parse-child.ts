import { createHash } from 'node:crypto';
import fs from 'node:fs';
import { registerHooks, syncBuiltinESMExports } from 'node:module';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { ParseAnswer, ParsedModule, ParseFailure, ParseRequest } from './parse-protocol.ts';
import { installSdkResolver } from './sdk-resolver.ts';

/**
 * The process in which DAG files are evaluated: empty environment, no credentials, one file at a time. It is started
 * with the paths of the built SDK, and speaks over its IPC channel. Anything that author code can do to it (loop, exit,
 * crash) is the parent's to notice. This file imports nothing of ours but types, so that it also runs from source.
 *
 * State: idle → `current` is being evaluated → idle. What a file throws after its answer ends the process, and the
 * parent starts another.
 */
let current: { readonly request: ParseRequest; readonly url: string; readonly filesRead: Set<string> } | undefined;

const sources = new Map<string, string>();
const [, , sdkPath] = process.argv;
if (sdkPath === undefined || process.send === undefined) throw new Error('a parse child is started by its pool');
const channel = process.send.bind(process);
// Author code must not speak in our name.
delete (process as { send?: unknown }).send;

installSdkResolver(sdkPath);
registerHooks({
  // Found without a look at the disk, where the file may be gone or another by now.
  resolve: (specifier, context, next) => (sources.has(specifier) ? { url: specifier, format: 'module', shortCircuit: true } : next(specifier, context)),
  load: (url, context, next) => {
    const source = sources.get(url);
    return source === undefined ? next(url, context) : { format: 'module', source, shortCircuit: true };
  },
});

// By path, so that it stays the one copy that the files import, also when this file is itself bundled.
const sdk = (await import(pathToFileURL(sdkPath).href)) as typeof import('@dagbook/sdk');
const canonicalHash = (definition: unknown): string => createHash('sha256').update(sdk.canonicalJson(definition)).digest('hex');

watchReads();
process.on('disconnect', () => process.exit(0));
process.on('message', (request: ParseRequest) => void evaluate(request));
process.on('uncaughtException', asynchronousFailure);
process.on('unhandledRejection', asynchronousFailure);
const exit = process.exit.bind(process);
process.exit = ((code?: number) => {
  const stack = new Error(`process.exit(${code ?? 0})`).stack ?? '';
  if (current === undefined) exit(code);
  answer({ kind: 'failed', code: 'exited', message: `The file calls process.exit(${code ?? 0}) while it is read, so nothing after it can be. Remove the call.`, ...siteIn(stack) }, () => exit(code));
  // Nothing of the author's may run after an exit; the callback above ends the process.
  throw new Error('process.exit');
}) as typeof process.exit;
channel({ ready: true });

async function evaluate(request: ParseRequest): Promise<void> {
  const url = `${pathToFileURL(request.path).href}?parse=${request.id}`;
  sources.set(url, request.code);
  current = { request, url, filesRead: new Set() };
  const created = sdk.watchCreation();
  try {
    const module: object = await import(url);
    if (current?.request !== request) return;
    const runnables = sdk.runnablesOf(module);
    const definitions = runnables.map((runnable) => runnable.definition(request.timezone === undefined ? {} : { timezone: request.timezone }));
    const asked = request.timetable;
    const timetable = asked === undefined ? undefined : runnables[definitions.findIndex(({ dagId }) => dagId === asked.dagId)]?.askTimetable(asked.question);
    const exported = new Set(definitions.map(({ dagId }) => dagId));
    answer({
      kind: 'parsed',
      definitions: definitions.map((definition) => ({ definition, planHash: canonicalHash(definition) })),
      unexported: created().filter((dagId) => !exported.has(dagId)),
      filesRead: [...current.filesRead],
      ...(timetable === undefined ? {} : { timetable }),
    });
  } catch (error) {
    answer(failureOf(error));
  } finally {
    sources.delete(url);
  }
}

/** With `leave` it is the child's last word. */
function answer(outcome: ParsedModule | ParseFailure, leave?: () => void): void {
  if (current === undefined) return;
  const message: ParseAnswer = { id: current.request.id, ...(leave === undefined ? {} : { final: true }), ...outcome };
  current = undefined;
  channel(message, undefined, undefined, leave);
}

function asynchronousFailure(error: unknown): void {
  if (current === undefined) exit(1);
  answer(failureOf(error), () => exit(1));
}

function failureOf(error: unknown): ParseFailure {
  if (!(error instanceof Error)) return { kind: 'failed', code: 'threw', message: `The file throws ${JSON.stringify(error) ?? String(error)} while it is read.` };
  const stack = String(error.stack ?? '');
  if (error.name === 'DagDefinitionError') {
    const { site } = error as unknown as { site?: { url: string; line: number; column: number } };
    return { kind: 'failed', code: 'invalid_dag', message: error.message, ...(site !== undefined && site.url === current?.url ? { site: { line: site.line, column: site.column } } : siteIn(stack)) };
  }
  return { kind: 'failed', code: 'threw', message: `The file throws while it is read: ${error.name}: ${error.message}`, stack, ...siteIn(stack) };
}

/** The innermost frame in the file's own code. */
function siteIn(stack: string): { site?: { line: number; column: number } } {
  if (current === undefined) return {};
  const at = stack.indexOf(`${current.url}:`);
  if (at === -1) return {};
  const found = /^(\d+):(\d+)/.exec(stack.slice(at + current.url.length + 1));
  return found === null ? {} : { site: { line: Number(found[1]), column: Number(found[2]) } };
}

/** Remembers which files the code reads, since a change of them is a change of the DAG. */
function watchReads(): void {
  const noted = <Args extends unknown[], Result>(read: (path: never, ...rest: Args) => Result) =>
    function (this: unknown, path: unknown, ...rest: Args): Result {
      if (current !== undefined) {
        if (typeof path === 'string') current.filesRead.add(path);
        else if (path instanceof URL && path.protocol === 'file:') current.filesRead.add(fileURLToPath(path));
      }
      return read.call(this, path as never, ...rest);
    };
  const watched = fs as unknown as { [name: string]: (path: never, ...rest: unknown[]) => unknown };
  for (const name of ['readFileSync', 'readFile', 'openSync', 'open', 'createReadStream', 'readdirSync', 'readdir'] as const) {
    const original = watched[name];
    if (original !== undefined) watched[name] = noted(original);
  }
  const promises = fs.promises as unknown as { [name: string]: (path: never, ...rest: unknown[]) => unknown };
  for (const name of ['readFile', 'open', 'readdir'] as const) {
    const original = promises[name];
    if (original !== undefined) promises[name] = noted(original);
  }
  syncBuiltinESMExports();
}
