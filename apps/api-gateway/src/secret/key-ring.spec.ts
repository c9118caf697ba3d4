import { randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import { keyIdOf, readKeyRing } from './key-ring.ts';

const [first, second] = [randomBytes(32).toString('hex'), randomBytes(32).toString('base64url')];

test('the first key seals, every key opens', () => {
  const old = readKeyRing(second);
  const ring = readKeyRing(`${first},\n${second}`);
  const sealed = old.seal('connection-lake', 'p%@ss 한글');
  expect(sealed).toMatch(/^v1\.[\da-f]{8}\.[\w-]+$/);
  expect(ring.open('connection-lake', sealed)).toBe('p%@ss 한글');
  expect(keyIdOf(ring.seal('x', 'y'))).toBe(ring.newestKeyId);
  expect(keyIdOf(sealed)).not.toBe(ring.newestKeyId);
  expect(ring.seal('x', 'y')).not.toBe(ring.seal('x', 'y'));
});

test('what is not its own is not opened, and never shown', () => {
  const ring = readKeyRing(first);
  const sealed = ring.seal('connection-lake', 'secret');
  const damaged = `${sealed.slice(0, -2)}${sealed.endsWith('AA') ? 'BB' : 'AA'}`;
  expect(() => ring.open('connection-other', sealed)).toThrow(expect.objectContaining({ code: 'secrets.damaged' }) as Error);
  expect(() => ring.open('connection-lake', damaged)).toThrow(expect.objectContaining({ code: 'secrets.damaged' }) as Error);
  expect(() => ring.open('connection-lake', 'v1.')).toThrow(expect.objectContaining({ code: 'secrets.no_key' }) as Error);
  expect(() => readKeyRing(second).open('connection-lake', sealed)).toThrow(expect.objectContaining({ code: 'secrets.no_key' }) as Error);
});

test.each(['', ' , ', 'short', '0'.repeat(64), Buffer.alloc(31, 'x').toString('base64')])('%j is no ring of keys', (text) => {
  expect(() => readKeyRing(text)).toThrow('openssl rand -hex 32');
});
