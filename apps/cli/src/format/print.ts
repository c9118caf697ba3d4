import { coloured, oneLine, type Terminal } from '../terminal.ts';
import { table } from './table.ts';
import { yaml } from './yaml.ts';

export const FORMATS = ['table', 'json', 'jsonl', 'yaml', 'id'] as const;
export type Format = (typeof FORMATS)[number];

/** How rows of one kind are shown: columns for people, and the id that `-o id` gives on. */
export interface Shape<Row> {
  readonly id: (row: Row) => string;
  readonly columns: Readonly<Record<string, (row: Row) => unknown>>;
}

/** Many of a kind: a table, an array, a line each. */
export function printRows<Row extends object>(terminal: Terminal, format: Format, rows: readonly Row[], shape: Shape<Row>): void {
  if (format === 'table') terminal.out(tableOf(terminal, rows, shape));
  else if (format === 'json') terminal.out(`${JSON.stringify(rows, null, 2)}\n`);
  else if (format === 'yaml') terminal.out(yaml(rows));
  else for (const row of rows) printLine(terminal, format, row, shape);
}

/** One of many that come over time: the formats that have no end-of-array give a line each. */
export function printLine<Row extends object>(terminal: Terminal, format: 'jsonl' | 'id', row: Row, shape: Shape<Row>): void {
  terminal.out(`${format === 'jsonl' ? JSON.stringify(row) : shape.id(row)}\n`);
}

/** One thing: for people its fields line by line, and below them the rows that belong to it. */
export function printOne<One extends object>(terminal: Terminal, format: Format, one: One, shape: Shape<One>, below = ''): void {
  if (format === 'id') terminal.out(`${shape.id(one)}\n`);
  else if (format === 'json') terminal.out(`${JSON.stringify(one, null, 2)}\n`);
  else if (format === 'jsonl') terminal.out(`${JSON.stringify(one)}\n`);
  else if (format === 'yaml') terminal.out(yaml(one));
  else {
    const fields = Object.entries(shape.columns).map(([name, of]) => [name, cellOf(of(one))] as const).filter(([, text]) => text !== '');
    const width = Math.max(...fields.map(([name]) => name.length));
    terminal.out(fields.map(([name, text]) => `${name.padEnd(width)}  ${coloured(terminal, text)}\n`).join(''));
    if (below !== '') terminal.out(`\n${below}`);
  }
}

export function tableOf<Row extends object>(terminal: Terminal, rows: readonly Row[], { columns }: Shape<Row>): string {
  const cells = rows.map((row) => Object.values(columns).map((of) => cellOf(of(row))));
  return table(Object.keys(columns).map((name) => name.toUpperCase()), cells, (cell) => coloured(terminal, cell));
}

function cellOf(value: unknown): string {
  if (value === null || value === undefined) return '';
  if (Array.isArray(value)) return value.map(cellOf).join(', ');
  return oneLine(typeof value === 'string' ? value : typeof value === 'boolean' ? (value ? 'yes' : 'no') : JSON.stringify(value));
}
