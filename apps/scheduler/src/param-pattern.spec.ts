import { describe, expect, it } from 'vitest';
import { matchesPattern } from './param-pattern.ts';

describe('a pattern of a param', () => {
  it.each([
    ['^[a-z]{2}-\\d+$', 'ap-12', true],
    ['^[a-z]{2}-\\d+$', 'AP-12', false],
    ['b', 'abc', true],
    ['^\\p{L}+$', '서울', true],
    ['^(?!x).*$', 'x', true],
    ['\\cK(', 'anything', true],
  ])('%s and %s: %s', (pattern, text, holds) => {
    expect(matchesPattern(pattern, text)).toBe(holds);
    expect(matchesPattern(pattern, text)).toBe(holds);
  });

  it('that makes other engines count for ever is judged at once', () => {
    expect(matchesPattern('^(a+)+$', `${'a'.repeat(20_000)}b`)).toBe(false);
  });
});
