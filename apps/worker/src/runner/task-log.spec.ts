import { expect, test } from 'vitest';
import { formatLine } from './task-log.ts';

const at = Date.UTC(2026, 0, 2, 3, 4, 5, 6);
const head = { timestamp: '2026-01-02T03:04:05.006Z', level: 'info', event: 'a "quoted"\nline \u001b[31m안녕', logger: 'task' };

test('a line is one line of JSON, whatever was said', () => {
  const line = formatLine(at, 'info', 'a "quoted"\nline \u001b[31m안녕', 'task');
  expect(line.indexOf('\n')).toBe(line.length - 1);
  expect(JSON.parse(line)).toEqual(head);
});

test('attributes stand beside, and cannot pretend to be another line', () => {
  const line = formatLine(at, 'info', head.event, 'task', { rows: 3, logger: 'dagbook', timestamp: 'x', level: 'debug', event: 'forged' });
  expect(JSON.parse(line)).toEqual({ ...head, rows: 3 });
});

test('attributes that cannot be JSON cost only themselves', () => {
  const cycle: { self?: object } = {};
  cycle.self = cycle;
  expect(JSON.parse(formatLine(at, 'info', head.event, 'task', { big: 1n }))).toMatchObject({ ...head, attributes_lost: expect.stringContaining('BigInt') as string });
  expect(JSON.parse(formatLine(at, 'info', head.event, 'task', cycle))).toMatchObject({ ...head, attributes_lost: expect.stringContaining('circular') as string });
});
