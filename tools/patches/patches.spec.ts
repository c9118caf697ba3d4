import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';
import patch from './kafkajs-2.2.4-request-queue.mjs';

const apply = fileURLToPath(new URL('apply.mjs', import.meta.url));
const installed = fileURLToPath(new URL(`../../node_modules/${patch.package}`, import.meta.url));
let root: string;
let file: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'dagbook-patches-'));
  const folder = join(root, 'node_modules', patch.package);
  file = join(folder, patch.file);
  mkdirSync(dirname(file), { recursive: true });
  cpSync(join(installed, 'package.json'), join(folder, 'package.json'));
  const original = readFileSync(join(installed, patch.file), 'utf8').replace(patch.after, () => patch.before);
  writeFileSync(file, original);
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const run = () => spawnSync(process.execPath, [apply, root], { encoding: 'utf8' });

test('a patch is applied once, and a second run changes nothing', () => {
  expect(readFileSync(file, 'utf8')).toContain(patch.before);
  expect(run()).toMatchObject({ status: 0, stderr: '' });
  const patched = readFileSync(file, 'utf8');
  expect(patched).toContain(patch.after);
  expect(patched).not.toContain(patch.before);
  expect(run()).toMatchObject({ status: 0, stderr: '' });
  expect(readFileSync(file, 'utf8')).toBe(patched);
});

test('a package that is not what the patch was made for stops the installation', () => {
  writeFileSync(file, 'module.exports = class RequestQueue {}\n');
  expect(run()).toMatchObject({ status: 1, stderr: expect.stringContaining('kafkajs 2.2.4: the patch for 2.2.4 in src/network/requestQueue/index.js does not apply.') });
  expect(readFileSync(file, 'utf8')).toBe('module.exports = class RequestQueue {}\n');
});
