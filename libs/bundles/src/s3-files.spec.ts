import { expect, it } from 'vitest';
import { refusalOf } from './s3-files.ts';

it.each([
  ['a/b.ts', 1, undefined],
  [`${'a'.repeat(255)}/${'가'.repeat(85)}`, 1, undefined],
  ['../b.ts', 1, 'its key holds "..", "." or "//", which would lead elsewhere'],
  ['a/./b.ts', 1, 'its key holds "..", "." or "//", which would lead elsewhere'],
  ['a//b.ts', 1, 'its key holds "..", "." or "//", which would lead elsewhere'],
  ['/etc/passwd', 1, 'its key holds "..", "." or "//", which would lead elsewhere'],
  ['a\0b', 1, 'its key holds a NUL byte'],
  [`${'k'.repeat(1021)}.ts`, 1, 'a part of its key has 1024 bytes, and the name of a file at most 255'],
  ['big.csv', 60_000_000, 'it has 60000000 bytes; at most 52428800 are taken. Read large data inside a task'],
])('says why %j of %i bytes cannot be a file', (path, bytes, sentence) => {
  expect(refusalOf(path, bytes)).toBe(sentence);
});
