import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { TaskFailure, type OperatorContext } from '@dagbook/sdk';
import { runCommand } from './command.ts';
import { madeOnce } from './made-once.ts';

const run = promisify(execFile);

export interface WantedPython {
  readonly python: string;
  readonly requirements: readonly string[];
  /** What the list calls them in a failure's sentence. Default: its entries. */
  readonly called?: string;
  /** Where paths in the list begin, and the hash of what stands there. */
  readonly beside?: { readonly folder: string; readonly hash: string };
}

/** Of this host and user, shared by its workers. */
export const cacheFolder = (name: string): string => join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'dagbook', name);

/** Lines of a list of requirements that say something. */
export const requirementsIn = (text: string): string[] => text.split('\n').map((line) => line.trim()).filter((line) => line !== '' && !line.startsWith('#'));

/** Names a file rather than a package, so what is installed depends on more than the list. */
const NAMES_A_PATH = /^(-r|-c|-e|--requirement|--constraint|--editable|--find-links)\b|(^|[\s@])(\.{0,2}\/|file:)|\.(whl|tgz|tar\.gz|zip)\b/;

/** The folder of a virtual environment with these requirements, made once per host, interpreter and list. */
export async function environmentWith(wanted: WantedPython, context: OperatorContext): Promise<string> {
  const version = await versionOf(wanted.python);
  const paths = wanted.beside !== undefined && wanted.requirements.some((line) => NAMES_A_PATH.test(line)) ? [wanted.beside.hash] : [];
  const say = (line: string): void => context.io.log('info', line, { logger: 'task.python' });
  return madeOnce({
    folder: cacheFolder('python'),
    hash: createHash('sha256').update(JSON.stringify([version, wanted.requirements, ...paths])).digest('hex').slice(0, 32),
    signal: context.io.signal,
    make: (path) => make(wanted, path, say, context),
    onWait: () => say('the virtual environment with these requirements is being made on this host; waiting for it'),
  });
}

export const interpreterIn = (environment: string): string => join(environment, 'bin', 'python');

async function make(wanted: WantedPython, path: string, say: (line: string) => void, context: OperatorContext): Promise<void> {
  const { python, requirements, called = `the requirements ${requirements.join(', ')}`, beside } = wanted;
  say(`making a virtual environment with ${requirements.join(', ')}`);
  const made = await runCommand({ argv: [python, '-m', 'venv', path], called: 'making the virtual environment' }, context);
  if (made.code !== 0) throw new TaskFailure('error', `the virtual environment could not be made: ${lastLine(made.output.tail)}`, { detail: made.output.tail });
  // A list in a file is read by pip alone: no requirement can be taken for one of pip's options in argv.
  const list = join(path, 'requirements.txt');
  writeFileSync(list, `${requirements.join('\n')}\n`);
  const pip = await runCommand({ argv: [interpreterIn(path), '-m', 'pip', 'install', '--no-input', '--no-color', '--disable-pip-version-check', '-r', list], cwd: beside?.folder, called: 'pip' }, context);
  if (pip.code !== 0) throw new TaskFailure('error', `pip could not install ${called}: ${errorLine(pip.output.tail)}`, { detail: pip.output.tail });
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
