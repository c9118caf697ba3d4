import { createHash } from 'node:crypto';
import { cpSync, existsSync, readFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { TaskFailure, type OperatorContext } from '@dagbook/sdk';
import { runCommand } from './command.ts';
import { madeOnce } from './made-once.ts';
import { cacheFolder, environmentWith, requirementsIn } from './python-environment.ts';

/** The virtual environment of the `requirements.txt` beside the DAG; undefined: there is no such list, or it names nothing. */
export async function bundlePython(python: string, context: OperatorContext): Promise<string | undefined> {
  const { bundle } = context.io;
  if (bundle === undefined) return undefined;
  const list = join(bundle.folder, 'requirements.txt');
  if (!existsSync(list)) return undefined;
  const requirements = requirementsIn(readFileSync(list, 'utf8'));
  if (requirements.length === 0) return undefined;
  return environmentWith({ python, requirements, called: 'the requirements.txt beside the DAG', beside: { folder: bundle.folder, hash: bundle.hash } }, context);
}

/**
 * What a command is given so that it finds what is installed for its bundle: programs and packages of `requirements.txt` and
 * `package.json`. Empty for a DAG that has neither.
 */
export async function bundleEnvironment(context: OperatorContext): Promise<{ readonly [name: string]: string }> {
  if (context.io.bundle === undefined) return {};
  const python = await bundlePython('python3', context);
  const node = await bundleNodeModules(context);
  const programs = [...(python === undefined ? [] : [join(python, 'bin')]), ...(node === undefined ? [] : [join(node, '.bin')])];
  return {
    ...(programs.length === 0 ? {} : { PATH: [...programs, process.env['PATH'] ?? ''].join(delimiter) }),
    ...(python === undefined ? {} : { VIRTUAL_ENV: python }),
    ...(node === undefined ? {} : { NODE_PATH: node }),
  };
}

async function bundleNodeModules(context: OperatorContext): Promise<string | undefined> {
  const { bundle } = context.io;
  if (bundle === undefined || !existsSync(join(bundle.folder, 'package.json'))) return undefined;
  const named = ['package.json', 'package-lock.json'].map((name) => join(bundle.folder, name)).filter((path) => existsSync(path));
  const texts = named.map((path) => readFileSync(path, 'utf8'));
  const dependencies = (JSON.parse(texts[0] as string) as { dependencies?: object }).dependencies ?? {};
  if (Object.keys(dependencies).length === 0) return undefined;
  const say = (line: string): void => context.io.log('info', line, { logger: 'task.npm' });
  const beside = texts.some((text) => text.includes('file:')) ? [bundle.hash] : [];
  const made = await madeOnce({
    folder: cacheFolder('npm'),
    hash: createHash('sha256').update(JSON.stringify([process.versions.modules, texts, ...beside])).digest('hex').slice(0, 32),
    signal: context.io.signal,
    onWait: () => say('the package.json beside the DAG is being installed on this host; waiting for it'),
    make: async (path) => {
      say(`installing ${Object.keys(dependencies).join(', ')} of the package.json beside the DAG`);
      cpSync(bundle.folder, path, { recursive: true });
      const npm = await runCommand({ argv: ['npm', named.length === 2 ? 'ci' : 'install', '--omit=dev', '--no-audit', '--no-fund', '--no-color', '--loglevel=error'], cwd: path, called: 'npm' }, context);
      if (npm.code !== 0) throw new TaskFailure('error', `npm could not install the package.json beside the DAG: ${errorLine(npm.output.tail)}`, { detail: npm.output.tail });
    },
  });
  return join(made, 'node_modules');
}

/** npm says codes first, then what it is about. */
const errorLine = (tail: string): string =>
  tail.split('\n').map((line) => /^npm error (?!code |errno |syscall |path |A complete log)(.+)/.exec(line)?.[1]?.trim()).find((line) => line !== undefined && line !== '') ?? tail.trimEnd().split('\n').at(-1) ?? '';
