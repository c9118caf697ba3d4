import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { failureOf, rigOf } from '../test/rig.ts';
import { writeWheel } from '../test/wheel.ts';
import { bash } from './bash.ts';
import { python } from './python.ts';

let root: string;
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'dagbook-bundle-'));
  process.env['XDG_CACHE_HOME'] = join(root, 'cache');
});
afterAll(() => {
  delete process.env['XDG_CACHE_HOME'];
  rmSync(root, { recursive: true, force: true });
});

/** A bundle as a worker has it; its hash is its name, as every version is another one. */
function bundleOf(hash: string, files: { readonly [path: string]: string }) {
  const folder = join(root, hash);
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
  return { folder, dagFolder: join(folder, 'etl'), hash };
}

const logged = (lines: readonly string[], logger: string) => lines.filter((line) => line.startsWith(`task.${logger} `));

test('python finds modules and files of the bundle, nearest to the DAG first', async () => {
  const bundle = bundleOf('modules', {
    'op_script/orders.py': 'from op_script import city\ndef total(rows): return [sum(rows), city.NAME]\n',
    'op_script/city.py': 'NAME = "서울"\n',
    'etl/near.py': 'import dagbook\ndagbook.result("near")\n',
    'near.py': 'import dagbook\ndagbook.result("far")\n',
  });
  const { context } = rigOf({ bundle });
  expect(await python({ module: 'op_script.orders', callable: 'total', input: { rows: [1, 2] } }, context)).toEqual([3, '서울']);
  expect(await python({ file: 'near.py' }, context)).toBe('near');
  expect(await python({ file: 'op_script/city.py' }, context)).toBeNull();
});

test('requirements.txt is installed once, by python and bash alike; a wheel beside it needs no index', async () => {
  const bundle = bundleOf('wheels', { 'requirements.txt': '# ours\n--no-index\n./wheels/greeting-1.0-py3-none-any.whl\n' });
  mkdirSync(join(bundle.folder, 'wheels'));
  writeWheel(join(bundle.folder, 'wheels'), 'greeting', '1.0', "WORD = 'annyeong'");
  const rigs = [rigOf({ bundle }), rigOf({ bundle }), rigOf({ bundle })];
  const [a, b, c] = rigs.map(({ context }) => context);
  if (a === undefined || b === undefined || c === undefined) throw new Error('three rigs');
  expect(await Promise.all([
    python({ code: 'import greeting\ndef f(): return greeting.WORD', callable: 'f' }, a),
    python({ code: 'import greeting\ndef f(): return greeting.WORD', callable: 'f' }, b),
    bash({ command: 'python -c "import greeting; print(greeting.WORD)"' }, c),
  ])).toEqual(['annyeong', 'annyeong', 'annyeong']);
  const said = rigs.flatMap(({ lines }) => logged(lines, 'python')).map((line) => line.slice('task.python info: '.length).split(' with')[0]);
  expect(said.sort()).toEqual(['making a virtual environment', 'the virtual environment', 'the virtual environment']);
  expect(readdirSync(join(root, 'cache', 'dagbook', 'python')).length).toBe(2);
});

test('another wheel by the same name is another environment', async () => {
  const bundle = bundleOf('other-wheels', { 'requirements.txt': '# ours\n--no-index\n./wheels/greeting-1.0-py3-none-any.whl\n' });
  mkdirSync(join(bundle.folder, 'wheels'));
  writeWheel(join(bundle.folder, 'wheels'), 'greeting', '1.0', "WORD = 'hallo'");
  expect(await python({ code: 'import greeting\ndef f(): return greeting.WORD', callable: 'f' }, rigOf({ bundle }).context)).toBe('hallo');
});

test('requirements that do not resolve fail the task with what pip says', async () => {
  const bundle = bundleOf('unresolved', { 'requirements.txt': '--no-index\nno-such-package==9\n' });
  const rigs = Array.from({ length: 20 }, () => rigOf({ bundle }));
  const failures = await Promise.all(rigs.map(({ context }) => failureOf(bash({ command: 'true' }, context))));
  expect(new Set(failures.map(({ code, message }) => `${code}: ${message}`))).toEqual(new Set(['error: pip could not install the requirements.txt beside the DAG: No matching distribution found for no-such-package==9']));
  // Nineteen waited for the one, and did not try what had just failed.
  expect(rigs.flatMap(({ lines }) => lines.filter((line) => line.startsWith('task.python info: making'))).length).toBe(1);
});

test('package.json is installed from a tarball beside it, for commands', async () => {
  const bundle = bundleOf('npm', { 'package.json': JSON.stringify({ dependencies: { shout: 'file:./vendor/shout-1.0.0.tgz' } }) });
  mkdirSync(join(bundle.folder, 'vendor'));
  const source = mkdtempSync(join(root, 'package-'));
  mkdirSync(join(source, 'package'));
  writeFileSync(join(source, 'package', 'package.json'), JSON.stringify({ name: 'shout', version: '1.0.0', main: 'index.js', bin: { shout: 'bin.js' } }));
  writeFileSync(join(source, 'package', 'index.js'), 'module.exports = (text) => text.toUpperCase();');
  writeFileSync(join(source, 'package', 'bin.js'), '#!/usr/bin/env node\nconsole.log(require("./index.js")(process.argv[2]));');
  execFileSync('tar', ['-czf', join(bundle.folder, 'vendor', 'shout-1.0.0.tgz'), '-C', source, 'package']);
  expect(await bash({ command: 'shout hello' }, rigOf({ bundle }).context)).toBe('HELLO');
  const again = rigOf({ bundle });
  expect(await bash({ command: 'node -e \'console.log(require("shout")("again"))\'' }, again.context)).toBe('AGAIN');
  expect(logged(again.lines, 'npm')).toEqual([]);
});

test('a package.json that does not resolve fails the task with what npm says', async () => {
  const bundle = bundleOf('npm-unresolved', { 'package.json': JSON.stringify({ dependencies: { gone: 'file:./vendor/gone-1.0.0.tgz' } }) });
  const failure = await failureOf(bash({ command: 'true' }, rigOf({ bundle }).context));
  expect(failure.code).toBe('error');
  expect(failure.message).toMatch(/^npm could not install the package\.json beside the DAG: .*gone-1\.0\.0\.tgz/);
});
