import fc from 'fast-check';
import { expect, test } from 'vitest';
import { LineReader } from './line-reader.ts';

function linesOf(chunks: readonly Buffer[], maxLength?: number): string[] {
  const lines: string[] = [];
  const reader = new LineReader((line) => lines.push(line), maxLength);
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
