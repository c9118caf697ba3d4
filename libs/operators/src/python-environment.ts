import { execFile } from 'node:child_process';
import { createHash, randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, readlinkSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { TaskFailure, type OperatorContext } from '@dagbook/sdk';
import { runCommand } from './command.ts';

const run = promisify(execFile);

interface Wanted {
  readonly python: string;
  readonly requirements: readonly string[];
}

/**
 * The interpreter of a virtual environment with these requirements, by the hash of the list and of the interpreter.
 * States of one: absent → being made under a name of its own → complete, when a link by the hash points at it. Tasks that
 * make the same one at once each make theirs; the first link stands and the others are removed, so none ever sees one
 * half made and none waits for a maker that died.
 */
export async function environmentWith(wanted: Wanted, context: OperatorContext): Promise<string> {
  const version = await versionOf(wanted.python);
  const hash = createHash('sha256').update(JSON.stringify([version, wanted.requirements])).digest('hex').slice(0, 32);
  const folder = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'dagbook', 'python');
  const link = join(folder, hash);
  if (!existsSync(link)) {
    // A link whose environment somebody removed.
    rmSync(link, { force: true });
    await make(wanted, { folder, hash, link }, context);
  }
  return join(resolve(folder, readlinkSync(link)), 'bin', 'python');
}

async function make(wanted: Wanted, place: { readonly folder: string; readonly hash: string; readonly link: string }, context: OperatorContext): Promise<void> {
  const own = `${place.hash}-${randomUUID().slice(0, 8)}`;
  const path = join(place.folder, own);
  const say = (line: string): void => context.io.log('info', line, { logger: 'task.python' });
  mkdirSync(place.folder, { recursive: true });
  try {
    say(`making a virtual environment with ${wanted.requirements.join(', ')}`);
    const made = await runCommand({ argv: [wanted.python, '-m', 'venv', path], called: 'making the virtual environment' }, context);
    if (made.code !== 0) throw new TaskFailure('error', `the virtual environment could not be made: ${lastLine(made.output.tail)}`, { detail: made.output.tail });
    // A list in a file is read by pip alone: no requirement can be taken for one of pip's options in argv.
    const list = join(path, 'requirements.txt');
    writeFileSync(list, `${wanted.requirements.join('\n')}\n`);
    const pip = await runCommand({ argv: [join(path, 'bin', 'python'), '-m', 'pip', 'install', '--no-input', '--no-color', '--disable-pip-version-check', '-r', list], called: 'pip' }, context);
    if (pip.code !== 0) throw new TaskFailure('error', `pip could not install the requirements ${wanted.requirements.join(', ')}: ${errorLine(pip.output.tail)}`, { detail: pip.output.tail });
    publish(own, path, place.link);
  } catch (error) {
    rmSync(path, { recursive: true, force: true });
    throw error;
  }
}

/** The name by the hash is taken in one step, so of several makers one wins. */
function publish(own: string, path: string, link: string): void {
  try {
    symlinkSync(own, link);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    rmSync(path, { recursive: true, force: true });
  }
}

async function versionOf(python: string): Promise<string> {
  try {
    return (await run(python, ['-c', 'import sys; print(sys.version, sys.prefix)'])).stdout.trim();
  } catch (cause) {
    throw new TaskFailure('error', `there is no Python interpreter '${python}' on this worker`, { cause });
  }
}

const lastLine = (tail: string): string => tail.trimEnd().split('\n').at(-1) ?? '';
const errorLine = (tail: string): string => tail.split('\n').findLast((line) => line.startsWith('ERROR:'))?.slice('ERROR:'.length).trim() ?? lastLine(tail);
