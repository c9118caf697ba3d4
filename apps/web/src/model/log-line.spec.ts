import { describe, expect, it } from 'vitest';
import { filterRows, parseLogLines, plainText } from './log-line.ts';

const line = (level: string, event: string, more: object = {}): string =>
  JSON.stringify({ timestamp: '2026-11-24T15:04:05.678Z', level, event, logger: 'task', ...more });
const atMs = Date.parse('2026-11-24T15:04:05.678Z');

describe('parseLogLines', () => {
  it('reads structured lines, their attributes behind the text', () => {
    expect(parseLogLines(`${line('warning', 'slow', { rows: 3, file: 'a.csv' })}\n`, 11)).toEqual([
      { number: 11, atMs, level: 'warning', logger: 'task', text: 'slow  rows=3  file=a.csv' },
    ]);
  });

  it('puts an attribute of several lines below the line', () => {
    expect(parseLogLines(line('error', 'The task failed', { detail: 'Error: x\n  at y', code: 'error' }), 1).map((row) => row.text)).toEqual([
      'The task failed  code=error', 'Error: x', '  at y',
    ]);
  });

  it('gives every line of a stack a row and counts on', () => {
    expect(parseLogLines(`${line('error', 'boom\r\n  at x')}\n${line('info', 'next')}`, 1).map((row) => [row.number, row.level, row.text])).toEqual([
      [1, 'error', 'boom'], [2, 'error', '  at x'], [3, 'info', 'next'],
    ]);
  });

  it.each(['not json', '42', '{"other":1}'])('keeps %s as it is', (text) => {
    expect(parseLogLines(text, 1)).toEqual([{ number: 1, atMs: null, level: 'info', logger: '', text }]);
  });

  it('reads a level and an instant it does not know as info without an instant', () => {
    expect(parseLogLines('{"event":"x","level":"loud","timestamp":"soon"}', 1)).toEqual([{ number: 1, atMs: null, level: 'info', logger: '', text: 'x' }]);
  });
});

describe('filterRows', () => {
  const rows = parseLogLines([line('debug', 'a'), line('info', '\u001b[31mFailed\u001b[0m to b'), line('error', 'c')].join('\n'), 1);

  it('keeps the least level and what is above', () => {
    expect(filterRows(rows, { minLevel: 'info', text: '' }).map((row) => row.number)).toEqual([2, 3]);
  });

  it('finds text through colours, in any case', () => {
    expect(filterRows(rows, { minLevel: 'debug', text: 'failed TO' }).map((row) => row.number)).toEqual([2]);
  });

  it('hands back the same list when nothing is asked', () => {
    expect(filterRows(rows, { minLevel: 'debug', text: '' })).toBe(rows);
  });
});

describe('plainText', () => {
  it('takes the colours off', () => {
    expect(plainText('\u001b[1;32mok\u001b[0m done')).toBe('ok done');
  });
});
