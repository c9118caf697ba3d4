import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { foldRow, seeded, type DagRunRow } from '../oracles/dagrun-row.ts';

const rowsOf = (file: string): { readonly file: string; readonly line: number; readonly row: DagRunRow }[] =>
  readFileSync(new URL(`../oracles/${file}`, import.meta.url), 'utf8').trimEnd().split('\n').map((text, index) => ({ file, line: index + 1, row: JSON.parse(text) as DagRunRow }));
const recorded = rowsOf('dagruns.jsonl');
const fresh = rowsOf('dagruns-fresh.jsonl');
const ORDERS_EACH = 5;

test('there are 288 recorded runs, and 60 fresh ones', () => {
  expect([recorded.length, fresh.length]).toEqual([288, 60]);
});

test.each([...recorded, ...fresh])('run of $file, line $line ends as in Airflow, in any order of execution', ({ row }) => {
  const { run, taskInstances } = row;
  const inOrder = foldRow(row, () => 0);
  const backwards = foldRow(row, (ready) => ready - 1);
  const shuffled = Array.from({ length: ORDERS_EACH }, (_, seed) => foldRow(row, seeded(seed)));
  for (const end of [inOrder, backwards, ...shuffled]) expect(end).toEqual({ run, taskInstances });
});
