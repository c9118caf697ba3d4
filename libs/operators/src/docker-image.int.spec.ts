import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type EngineRig, startEngineRig } from '@dagbook/testkit';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Registry, startRegistry } from '../test/registry.ts';
import { failureOf, rigOf } from '../test/rig.ts';
import { docker } from './docker.ts';

const USER = 'AWS';
const folder = mkdtempSync(join(tmpdir(), 'dagbook-registry-'));
const path = process.env['PATH'];
let rig: EngineRig;
let registry: Registry;

beforeAll(async () => {
  rig = await startEngineRig();
  registry = await startRegistry({ rootFileSystemTar: join(dirname(rig.engine.address.slice('unix://'.length)), 'root.tar'), username: USER });
});
afterAll(async () => {
  process.env['PATH'] = path;
  await registry.close();
  await rig.close();
  rmSync(folder, { recursive: true, force: true });
});

const pull = (image: string, connection?: { readonly [field: string]: string }): Promise<unknown> =>
  docker({ connection: 'engine', image, command: 'echo ran', network: 'none', pull: 'always', ...(connection === undefined ? {} : { registry: 'registry' }) }, rigOf({ connections: { engine: { host: rig.engine.address }, registry: connection ?? {} } }).context);

test('an image is pulled with a connection\'s login', async () => {
  registry.passwords.add('right');
  expect(await pull(registry.image, { login: USER, password: 'right' })).toBe('ran');
});

test('a login that is refused, none at all, an image that is not there, and one for other machines are final', async () => {
  for (const connection of [{ login: USER, password: 'wrong' }, undefined]) {
    expect(await failureOf(pull(registry.image, connection))).toMatchObject({ code: 'bad_input', retry: false, message: expect.stringContaining(`the image ${registry.image} could not be pulled: `) });
  }
  expect(await failureOf(pull(`${registry.host}/team/etl:foreign`, { login: USER, password: 'right' }))).toMatchObject({ code: 'bad_input', retry: false, message: expect.stringContaining('no matching manifest for linux/') });
  expect(await failureOf(pull(`${registry.host}/team/other:1`, { login: USER, password: 'right' }))).toMatchObject({ code: 'bad_input', retry: false });
});

test('ECR is asked for a token by each pull, with the connection\'s credentials', async () => {
  // Stands in for the AWS CLI: each call answers another password, which is good once.
  const calls = join(folder, 'calls');
  const cli = join(folder, 'aws');
  writeFileSync(cli, `#!/bin/sh\necho "$AWS_ACCESS_KEY_ID $*" >> ${calls}\ntoken="$(printf 'AWS:token-%s' "$(wc -l < ${calls})" | base64)"\nprintf '{"authorizationData":[{"authorizationToken":"%s"}]}' "$token"\n`);
  chmodSync(cli, 0o755);
  process.env['PATH'] = `${folder}:${path}`;
  const connection = { conn_type: 'aws', login: 'AKIATEST', password: 'secret' };
  for (const n of [1, 2]) {
    registry.passwords.clear();
    registry.passwords.add(`token-${n}`);
    expect(await pull(registry.image, connection)).toBe('ran');
  }
  expect(registry.logins.slice(-2)).toEqual(['token-1', 'token-2']);
  expect(readFileSync(calls, 'utf8')).toBe('AKIATEST ecr get-authorization-token --output json\n'.repeat(2));
});
