import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';
import groupMessages from './kafkajs-2.2.4-group-messages.mjs';
import recordHeaders from './kafkajs-2.2.4-record-headers.mjs';
import requestQueue from './kafkajs-2.2.4-request-queue.mjs';

const apply = fileURLToPath(new URL('apply.mjs', import.meta.url));
const installed = fileURLToPath(new URL('../../node_modules/kafkajs', import.meta.url));
const patches = [requestQueue, groupMessages, recordHeaders];
let root: string;
const fileOf = (patch: { file: string }) => join(root, 'node_modules/kafkajs', patch.file);
const textOf = (patch: { file: string }) => readFileSync(fileOf(patch), 'utf8');

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'dagbook-patches-'));
  for (const patch of patches) {
    mkdirSync(dirname(fileOf(patch)), { recursive: true });
    writeFileSync(fileOf(patch), readFileSync(join(installed, patch.file), 'utf8').replace(patch.after, () => patch.before));
  }
  cpSync(join(installed, 'package.json'), join(root, 'node_modules/kafkajs/package.json'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const run = () => spawnSync(process.execPath, [apply, root], { encoding: 'utf8' });

test('patches are applied once, and a second run changes nothing', () => {
  for (const patch of patches) expect(textOf(patch)).toContain(patch.before);
  expect(run()).toMatchObject({ status: 0, stderr: '' });
  const patched = patches.map(textOf);
  for (const [at, { before, after }] of patches.entries()) {
    expect(patched[at]).toContain(after);
    expect(patched[at]).not.toContain(before);
  }
  expect(run()).toMatchObject({ status: 0, stderr: '' });
  expect(patches.map(textOf)).toEqual(patched);
});

test('a package that is not what a patch was made for stops the installation', () => {
  writeFileSync(fileOf(requestQueue), 'module.exports = class RequestQueue {}\n');
  expect(run()).toMatchObject({ status: 1, stderr: 'kafkajs 2.2.4: the patch for 2.2.4 in src/network/requestQueue/index.js does not apply. Look whether it is still needed; see tools/patches.\n' });
  expect(textOf(requestQueue)).toBe('module.exports = class RequestQueue {}\n');
});
