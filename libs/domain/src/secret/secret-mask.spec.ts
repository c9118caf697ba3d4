import { inspect } from 'node:util';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { secretForms } from './secret-form.ts';
import { SecretMask } from './secret-mask.ts';

const masking = (...secrets: string[]): SecretMask => {
  const mask = new SecretMask();
  for (const secret of secrets) mask.add(secret);
  return mask;
};

test('hides a secret in whatever way it is written', () => {
  const secret = 'p@ss "w/ö\\rd"';
  const mask = masking(secret);
  const written = {
    plain: `login as ${secret}!`,
    json: JSON.stringify({ password: secret }),
    jsonTwice: JSON.stringify(JSON.stringify({ password: secret })),
    inspected: JSON.stringify(inspect({ password: secret })),
    url: `postgres://u:${encodeURIComponent(secret)}@h`,
    form: new URLSearchParams({ password: secret }).toString(),
    hex: Buffer.from(secret).toString('hex'),
    ...Object.fromEntries(['', 'a', 'ab', 'abc'].map((before) => [`base64 after ${before.length}`, Buffer.from(`${before}${secret}:tail`).toString('base64')])),
    base64url: Buffer.from(`ab${secret}`).toString('base64url'),
  };
  for (const [way, text] of Object.entries(written)) {
    const masked = mask.mask(text);
    expect([way, masked.includes('***')]).toEqual([way, true]);
    for (const form of secretForms(secret)) expect(masked).not.toContain(form);
  }
  expect(mask.mask(written.plain)).toBe('login as ***!');
});

test('hides each line of a key', () => {
  const mask = masking('-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBg\nkqhkiG9w0BAQEF\n-----END PRIVATE KEY-----\n');
  expect(['-----BEGIN PRIVATE KEY-----', 'MIIEvQIBADANBg', 'x kqhkiG9w0BAQEF'].map((line) => mask.mask(line))).toEqual(['-----BEGIN PRIVATE KEY-----', '***', 'x ***']);
});

test('leaves short values visible, and says so', () => {
  const mask = new SecretMask();
  expect([mask.add('1234'), mask.add('12345')]).toEqual([false, true]);
  expect(mask.mask('1234 12345 123')).toBe('1234 *** 123');
});

test('hides the beginning of a secret at which a text was cut off', () => {
  const mask = masking('a-long-secret');
  expect(mask.maskCut('a-long-secreta-long-se')).toBe('***');
  expect(['see a-long-sec', 'see a-lo', 'see a-long-secret'].map((text) => mask.maskCut(text))).toEqual(['see ***', 'see a-lo', 'see ***']);
});

test('hides exactly what any of the secrets covers', () => {
  const letters = fc.string({ unit: fc.constantFrom('a', 'b', 'c'), minLength: 5, maxLength: 8 });
  fc.assert(
    fc.property(fc.array(letters, { minLength: 1, maxLength: 4 }), fc.string({ unit: fc.constantFrom('a', 'b', 'c', ' '), maxLength: 60 }), (secrets, text) => {
      expect(masking(...secrets).mask(text)).toBe(naively(secrets.flatMap(secretForms).filter((form) => form.length >= 5), text));
    }),
    { numRuns: 10_000 },
  );
});

/** Letter by letter, then each run of hidden ones, touching ones with it, as one. */
function naively(forms: readonly string[], text: string): string {
  const hidden = Array.from({ length: text.length }, () => false);
  for (let at = 0; at < text.length; at += 1) for (const form of forms) if (text.startsWith(form, at)) hidden.fill(true, at, at + form.length);
  let masked = '';
  for (let at = 0; at < text.length; at += 1) {
    if (hidden[at] !== true) masked += text[at];
    else if (hidden[at - 1] !== true) masked += '***';
  }
  return masked;
}
