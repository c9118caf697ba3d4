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

it('says which line is not JSON', async () => {
  await expect(judge(squares, '{"n":2,"square":4}\n{"n":')).rejects.toThrow('line 2 is not JSON');
});
