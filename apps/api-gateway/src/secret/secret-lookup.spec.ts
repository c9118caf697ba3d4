import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Json } from '@dagbook/domain';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { checkedEnvironment, SecretLookup } from './secret-lookup.ts';

let folder: string;
let stored: { readonly [name: string]: Json };
let env: Record<string, string>;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'dagbook-secrets-'));
  stored = {};
  env = {};
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const lookup = (): SecretLookup => new SecretLookup({ env, folder }, { get: async (kind, id) => stored[`${kind} ${id}`] ?? null });
const hostOf = async (id: string): Promise<unknown> => (await lookup().connection(id))?.['host'];
const write = (name: string, text: string): void => {
  mkdirSync(join(folder, name, '..'), { recursive: true });
  writeFileSync(join(folder, name), text);
};

test('the first place that has it gives it', async () => {
  expect(await lookup().connection('lake')).toBe(null);
  const without = { conn_type: 'http', description: null, login: null, password: null, port: null, schema: null, extra: null };
  stored = { 'Connection lake': { ...without, host: 'store' }, 'Variable region': { value: 'store' } };
  expect([await hostOf('lake'), await lookup().variable('region')]).toEqual(['store', 'store']);
  write('env-file', 'http://env-file\n');
  env = { DAGBOOK_CONN_LAKE_FILE: join(folder, 'env-file'), DAGBOOK_VAR_REGION_FILE: join(folder, 'env-file') };
  expect([await hostOf('lake'), await lookup().variable('region')]).toEqual(['env-file', 'http://env-file']);
  env = { ...env, DAGBOOK_CONN_LAKE: 'http://env', DAGBOOK_VAR_REGION: 'env' };
  expect([await hostOf('lake'), await lookup().variable('region')]).toEqual(['env', 'env']);
  write('connections.env', 'other=http://no\nlake=http://env-list?a=b\n');
  expect(await hostOf('lake')).toBe('env-list');
  write('connections.json', JSON.stringify({ lake: { conn_type: 'http', host: 'json' } }));
  write('variables.json', JSON.stringify({ region: { deep: 1 } }));
  expect([await hostOf('lake'), await lookup().variable('region')]).toEqual(['json', '{"deep":1}']);
  write('connections/lake', 'http://file');
  write('variables/region', 'file\n');
  expect([await hostOf('lake'), await lookup().variable('region')]).toEqual(['file', 'file']);
});

test('a password keeps its percent signs and ats, on whichever way it comes', async () => {
  env = { DAGBOOK_CONN_DB: 'postgres://u:p%40ss%25w%3Ard@db:5432/sales', DAGBOOK_CONN_MY_DB: JSON.stringify({ conn_type: 'postgres', password: 'p@ss%w:rd' }) };
  expect(await lookup().connection('db')).toMatchObject({ password: 'p@ss%w:rd', uri: 'postgres://u:p%40ss%25w%3Ard@db:5432/sales' });
  expect(await lookup().connection('my-db')).toMatchObject({ password: 'p@ss%w:rd' });
});

test('a place that has it and cannot give it is not passed over', async () => {
  stored = { 'Connection lake': { host: 'store' } };
  mkdirSync(join(folder, 'connections', 'lake'), { recursive: true });
  await expect(lookup().connection('lake')).rejects.toThrow('lake is there and cannot be read (EISDIR)');
  rmSync(join(folder, 'connections'), { recursive: true });
  write('connections.json', '{');
  await expect(lookup().connection('lake')).rejects.toThrow('connections.json is no JSON');
  write('connections.json', '{"lake":"postgres://secret-word:port"}');
  await expect(lookup().connection('lake')).rejects.toThrow(/^The connection 'lake' in .*connections\.json cannot be read: The port of the URI/);
  await expect(lookup().connection('lake')).rejects.not.toThrow('secret-word');
  rmSync(join(folder, 'connections.json'));
  env = { DAGBOOK_CONN_LAKE_FILE: join(folder, 'gone') };
  await expect(lookup().connection('lake')).rejects.toThrow('DAGBOOK_CONN_LAKE_FILE names');
});

test('no id leads out of the folder', async () => {
  write('outside', 'http://outside');
  mkdirSync(join(folder, 'inside', 'connections'), { recursive: true });
  const inside = new SecretLookup({ env: {}, folder: join(folder, 'inside') }, { get: async () => null });
  for (const id of ['../../outside', '..', '.', 'a/../../outside']) expect(await inside.connection(id)).toBe(null);
});

test('the environment is read at the start', () => {
  expect(() => checkedEnvironment({ DAGBOOK_CONN_A: 'http://h', DAGBOOK_CONN_A_FILE: '/x', OTHER: '{' })).not.toThrow();
  expect(() => checkedEnvironment({ DAGBOOK_CONN_A: '{"secret-word"' })).toThrow('DAGBOOK_CONN_A cannot be read: The connection begins with { and is no JSON.');
});
