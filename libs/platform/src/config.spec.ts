import { describe, expect, it } from 'vitest';
import { ConfigError, hosts, integer, readSettings, secret, text } from './config.ts';

const SPEC = {
  slots: { env: 'DAGBOOK_WORKER_SLOTS', says: 'how many tasks at once', parse: integer(1, 1000), fallback: 16 },
  url: { env: 'DAGBOOK_DATABASE_URL', says: 'postgres://…', parse: text },
  key: { env: 'DAGBOOK_SECURITY_KEY', says: 'signs tokens', parse: secret, secret: true },
} as const;

describe('readSettings', () => {
  it('reads values, falls back, and takes a secret from a file', () => {
    const env = { DAGBOOK_DATABASE_URL: 'postgres://x', DAGBOOK_SECURITY_KEY: 'k'.repeat(32) };
    expect(readSettings(SPEC, env)).toEqual({ slots: 16, url: 'postgres://x', key: 'k'.repeat(32) });
  });

  it('says everything that is wrong at once, with the name, the value and the rule', () => {
    const read = () => readSettings(SPEC, { DAGBOOK_WORKER_SLOTS: '0', DAGBOOK_SECURITY_KEY: 'changeme-changeme' });
    expect(read).toThrow(ConfigError);
    expect(read).toThrow(/DAGBOOK_WORKER_SLOTS is "0", but must be a whole number from 1 to 1000/);
    expect(read).toThrow(/DAGBOOK_DATABASE_URL is not set: postgres:\/\/…/);
    expect(read).toThrow(/DAGBOOK_SECURITY_KEY still has its example value/);
  });
});

it('hosts are names, none of which another begins a slot with', () => {
  expect(hosts('s22, s21,s2')).toEqual(['s22', 's21', 's2']);
  expect(() => hosts('s22,s 21')).toThrow('holds "s 21", but each must be a host\'s name, for example s21');
  expect(() => hosts('s2-1,s2')).toThrow('holds "s2" and "s2-1", but workers of s2 could take slots of the other: give one another DAGBOOK_WORKER_HOST');
});
