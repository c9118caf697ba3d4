// What a bare machine needs before anything of Dagbook can run: its npm packages, Node 24 among them.
// Plain JavaScript of Node 20, without a dependency: it runs before there are any.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
export const NODE = join(ROOT, 'node_modules', 'node', 'bin', process.platform === 'win32' ? 'node.exe' : 'node');
const STAMP = join(ROOT, 'node_modules', '.dagbook-installed');

export const say = (line) => process.stderr.write(`${line}\n`);

/** A sentence and a remedy, then the end; never a stack trace. */
export function giveUp(sentence, remedy) {
  say(`\n${sentence}\n  → ${remedy}`);
  process.exit(1);
}

/** Installs the packages of package-lock.json when they are not there yet, and mends those that need it. */
export function installPackages() {
  const major = Number(process.versions.node.split('.')[0]);
  if (major < 20) giveUp(`This is Node ${process.versions.node}, and Dagbook's set-up needs Node 20 or newer.`, 'Install a newer Node from nodejs.org or your system\'s packages; Dagbook itself brings its own Node 24.');
  const wanted = createHash('sha256').update(readFileSync(join(ROOT, 'package-lock.json'))).digest('hex');
  if (existsSync(STAMP) && existsSync(NODE) && readFileSync(STAMP, 'utf8') === wanted) return;
  // What was installed for an older package-lock.json is brought up to date in place: what runs from it keeps its files.
  const isThere = existsSync(STAMP) && existsSync(NODE);
  say(isThere ? 'bringing packages up to date …' : 'installing packages (once, a minute or two) …');
  const npm = process.env.npm_execpath;
  const command = npm ? [process.execPath, npm] : ['npm'];
  const result = spawnSync(command[0], [...command.slice(1), ...(isThere ? ['install', '--no-save'] : ['ci']), '--no-audit', '--no-fund', '--loglevel=error'], { cwd: ROOT, stdio: ['ignore', 'inherit', 'inherit'] });
  if (result.status !== 0) {
    giveUp('The packages could not be installed (npm says why above).', 'Check that this machine reaches an npm registry (`npm ping`) and that this folder can be written to, then run the same command again.');
  }
  if (!existsSync(NODE)) giveUp('The package `node` brought no Node 24 for this machine.', 'Its install script was blocked: allow it with `npm config set ignore-scripts false`, remove node_modules, and try again.');
  const patches = join(ROOT, 'tools', 'patches', 'apply.mjs');
  if (existsSync(patches)) {
    const patched = spawnSync(NODE, [patches], { cwd: ROOT, stdio: ['ignore', 'inherit', 'inherit'] });
    if (patched.status !== 0) giveUp('A package could not be patched (see above).', 'Remove node_modules and run the same command again.');
  }
  writeFileSync(STAMP, wanted);
}

/** Builds what has changed, with our own Node. */
export function buildAll(args = []) {
  const result = spawnSync(NODE, [join(ROOT, 'tools', 'build', 'build.mjs'), ...args], { cwd: ROOT, stdio: ['ignore', 'inherit', 'inherit'] });
  if (result.status !== 0) giveUp('The build failed (see above).', 'If you changed the code, mend the error; else remove dist/ and try again.');
}
