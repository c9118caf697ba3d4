import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { foldRow, seeded, type DagRunRow } from '../oracles/dagrun-row.ts';

const rows = readFileSync(new URL('../oracles/dagruns.jsonl', import.meta.url), 'utf8')
  .trimEnd().split('\n').map((line) => JSON.parse(line) as DagRunRow);
const ORDERS_EACH = 5;

test('there are 288 recorded runs', () => {
  expect(rows).toHaveLength(288);
});

test.each(rows.map((row, line) => ({ line: line + 1, row })))('run of line $line ends as in Airflow, in any order of execution', ({ row }) => {
  const { run, taskInstances } = row;
  const inOrder = foldRow(row, () => 0);
  const backwards = foldRow(row, (ready) => ready - 1);
  const shuffled = Array.from({ length: ORDERS_EACH }, (_, seed) => foldRow(row, seeded(seed)));
  for (const end of [inOrder, backwards, ...shuffled]) expect(end).toEqual({ run, taskInstances });
});
