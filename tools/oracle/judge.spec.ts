import { expect, it } from 'vitest';
import { oneByOne } from './form.ts';
import type { OracleForm } from './form.ts';
import { judge } from './judge.ts';

interface Row {
  readonly n: number;
  readonly square: number;
}

const squares: OracleForm<Row> = {
  ask: ({ n }) => n,
  expected: ({ square }) => square,
  answers: oneByOne(({ n }) => {
    if (n < 0) throw new RangeError('negative');
    return n * n;
  }),
};

it('lists each row that differs, or that cannot be answered, with its line', async () => {
  expect(await judge(squares, '{"n":2,"square":4}\n\n{"n":3,"square":8}\n{"n":-1,"square":1}\n')).toEqual({
    rows: 3,
    differences: [
      { line: 3, asked: 3, expected: 8, got: 9 },
      { line: 4, asked: -1, expected: 1, got: 'RangeError: negative' },
    ],
  });
});

it('counts a line that is no row as one that differs, and asks the others', async () => {
  expect(await judge(squares, '{"n":2,"square":4}\r\n{"n":\nnull\n[1]\n7\n   \r\n{"n":3,"square":9}\r\n')).toEqual({
    rows: 6,
    differences: [
      { line: 2, asked: '{"n":', expected: 'a row of this form', got: 'the line is not JSON' },
      { line: 3, asked: 'null', expected: 'a row of this form', got: 'the line is no JSON object' },
      { line: 4, asked: '[1]', expected: 'a row of this form', got: 'the line is no JSON object' },
      { line: 5, asked: '7', expected: 'a row of this form', got: 'the line is no JSON object' },
    ],
  });
});

it('tells a row apart that lacks what its form asks', async () => {
  const nested: OracleForm<{ readonly asked: { readonly n: number } }> = { ...squares, ask: ({ asked }) => asked.n, expected: () => 0, answers: oneByOne(() => 0) };
  expect(await judge(nested as OracleForm<unknown>, '{}\n{"asked":{"n":1}}')).toEqual({
    rows: 2, differences: [{ line: 1, asked: '{}', expected: 'a row of this form', got: 'the line has not the fields of such a row' }],
  });
});

it('reads a file that begins with a byte order mark', async () => {
  expect(await judge(squares, '\ufeff{"n":2,"square":4}')).toEqual({ rows: 1, differences: [] });
});
