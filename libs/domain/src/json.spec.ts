import { describe, expect, it } from 'vitest';
import { canonicalJson } from './json.ts';

describe('canonicalJson', () => {
  it('gives equal text to equal content, whatever the order of keys', () => {
    expect(canonicalJson({ b: [1, { y: 2, x: undefined }], a: '한' })).toBe(canonicalJson({ a: '한', b: [1, { y: 2 }] }));
  });
});
