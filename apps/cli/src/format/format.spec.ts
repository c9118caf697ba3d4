import { describe, expect, it } from 'vitest';
import { coloured, oneLine } from '../terminal.ts';
import { printOne, printRows, type Format } from './print.ts';
import { displayWidth, table } from './table.ts';
import { yaml } from './yaml.ts';

describe('yaml', () => {
  it.each<[unknown, string]>([
    [{ a: 1, b: [], c: {}, d: null }, 'a: 1\nb: []\nc: {}\nd: null\n'],
    [[{ id: 'x', tags: ['a', 'b'] }, 'z'], '- id: x\n  tags:\n    - a\n    - b\n- z\n'],
    [[[1, 2], [3]], '- - 1\n  - 2\n- - 3\n'],
    [{ outer: { inner: { deep: true } } }, 'outer:\n  inner:\n    deep: true\n'],
    [{ absent: undefined, here: 'a b' }, 'here: a b\n'],
    [[], '[]\n'],
    ['no', '"no"\n'],
  ])('%j', (value, text) => expect(yaml(value)).toBe(text));

  it.each(['true', 'NULL', 'on', '12', '1e3', '0x1F', '2027-01-05', '', ' a', 'a ', 'a: b', 'a #b', '- a', '*a', '!a', 'a\nb', '가게', '"', '~', '.inf', '%'])('quotes %j, which would read as something else', (text) => {
    expect(yaml({ a: text })).toBe(`a: ${JSON.stringify(text)}\n`);
  });

  it('quotes a member name that is no word', () => expect(yaml({ 'a: b': 1, 3: 2 })).toBe('"3": 2\n"a: b": 1\n'));
});

describe('table', () => {
  it('aligns by what a terminal shows, not by characters', () => {
    expect(table(['NAME', 'N'], [['가게', '1'], ['shop', '2'], ['é', '3']])).toBe('NAME  N\n가게  1\nshop  2\né     3\n');
    expect(displayWidth('e\u0301')).toBe(1);
    expect(displayWidth('🚀')).toBe(2);
  });

  it('cuts no cell, and leaves no space at the end of a line', () => {
    const long = 'x'.repeat(500);
    expect(table(['A', 'B'], [[long, ''], ['a', 'b']])).toBe(`${'A'.padEnd(500)}  B\n${long}\n${'a'.padEnd(500)}  b\n`);
  });
});

describe('what others wrote', () => {
  it.each([
    ['a\u001B[31mred\u001B[0m', 'ared'],
    ['a\u001B]0;title\u0007b', 'a\\x1b]0;title\\x07b'],
    ['two\n  lines', 'two lines'],
    ['back\rspace\b', 'back\\x0dspace\\x08'],
  ])('%j is one line without power over the terminal', (text, shown) => expect(oneLine(text)).toBe(shown));
});

describe('colours', () => {
  it.each([
    [{ isTty: true, env: {} }, '\u001B[32msuccess\u001B[39m'],
    [{ isTty: false, env: {} }, 'success'],
    [{ isTty: true, env: { NO_COLOR: '1' } }, 'success'],
    [{ isTty: true, env: { TERM: 'dumb' } }, 'success'],
  ])('on %j', (terminal, text) => expect(coloured(terminal, 'success')).toBe(text));

  it('leaves what is no state alone', () => expect(coloured({ isTty: true, env: {} }, 'shop')).toBe('shop'));
});

describe('formats', () => {
  const rows = [{ id: 'a', n: 1, tags: ['x', 'y'], on: true }, { id: 'b', n: null, tags: [], on: false }];
  const shape = { id: (row: (typeof rows)[number]) => row.id, columns: { id: (row: (typeof rows)[number]) => row.id, tags: (row: (typeof rows)[number]) => row.tags, on: (row: (typeof rows)[number]) => row.on } };
  const printed = (print: (terminal: Parameters<typeof printRows>[0], format: Format) => void, format: Format): string => {
    let text = '';
    print({ isTty: false, env: {}, out: (data: string) => void (text += data) } as Parameters<typeof printRows>[0], format);
    return text;
  };

  it.each<[Format, string]>([
    ['table', 'ID  TAGS  ON\na   x, y  yes\nb         no\n'],
    ['json', `${JSON.stringify(rows, null, 2)}\n`],
    ['jsonl', `${JSON.stringify(rows[0])}\n${JSON.stringify(rows[1])}\n`],
    ['yaml', yaml(rows)],
    ['id', 'a\nb\n'],
  ])('rows as %s', (format, text) => expect(printed((terminal, chosen) => printRows(terminal, chosen, rows, shape), format)).toBe(text));

  it.each<[Format, string]>([
    ['table', 'id    a\ntags  x, y\non    yes\n\nBELOW\n'],
    ['json', `${JSON.stringify(rows[0], null, 2)}\n`],
    ['jsonl', `${JSON.stringify(rows[0])}\n`],
    ['yaml', yaml(rows[0])],
    ['id', 'a\n'],
  ])('one as %s', (format, text) => expect(printed((terminal, chosen) => printOne(terminal, chosen, rows[0] as (typeof rows)[number], shape, 'BELOW\n'), format)).toBe(text));

  it.each<[Format, string]>([['json', '[]\n'], ['jsonl', ''], ['id', ''], ['yaml', '[]\n'], ['table', 'ID  TAGS  ON\n']])('nothing as %s is still of that format', (format, text) => {
    expect(printed((terminal, chosen) => printRows(terminal, chosen, [], shape), format)).toBe(text);
  });
});
