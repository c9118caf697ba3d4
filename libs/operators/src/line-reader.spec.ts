import fc from 'fast-check';
import { expect, test } from 'vitest';
import { LineReader } from './line-reader.ts';

function linesOf(chunks: readonly Buffer[], maxLength?: number, mask?: { mask(text: string): string; readonly longest: number }): string[] {
  const lines: string[] = [];
  const reader = new LineReader((line) => void lines.push(line), { ...(maxLength === undefined ? {} : { maxLength }), mask: () => mask });
  for (const chunk of chunks) reader.push(chunk);
  reader.end();
  return lines;
}

test('however the bytes are cut, the lines are the same', () => {
  const text = fc.array(fc.string({ unit: fc.constantFrom('a', '한', '🌦', '\n', '\r\n', ' ') }), { maxLength: 20 }).map((parts) => parts.join(''));
  fc.assert(
    fc.property(text, fc.array(fc.nat(7), { minLength: 1 }), (whole, cuts) => {
      const bytes = Buffer.from(whole);
      const chunks: Buffer[] = [];
      for (let at = 0, cut = 0; at < bytes.length; cut += 1) {
        const end = at + 1 + (cuts[cut % cuts.length] as number);
        chunks.push(bytes.subarray(at, end));
        at = end;
      }
      const expected = whole.replaceAll('\r\n', '\n').split('\n');
      if (expected.at(-1) === '') expected.pop();
      expect(linesOf(chunks)).toEqual(expected);
    }),
  );
});

test('a line without end is handed on in pieces', () => {
  expect(linesOf([Buffer.from('abcdefg'), Buffer.from('h\nxy\n')], 3)).toEqual(['abc', 'def', 'gh', 'xy']);
  expect(linesOf([Buffer.from('abcdefgh\n')], 3)).toEqual(['abc', 'def', 'gh']);
});

test('no piece ends within a secret', () => {
  const mask = { longest: 4, mask: (text: string) => text.replaceAll('KEY1', '***') };
  expect(linesOf([Buffer.from('abcKE'), Buffer.from('Y1def\n')], 4, mask)).toEqual(['abc*', '**de', 'f']);
  expect(linesOf([Buffer.from('abcKE'), Buffer.from('Yxyz'), Buffer.from('KEY1\n')], 4, mask)).toEqual(['abcK', 'EYxy', 'z***']);
  expect(linesOf([Buffer.from('abKEY1cd\n')], 4, mask)).toEqual(['ab**', '*cd']);
});
