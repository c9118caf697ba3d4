import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { failureOf, rigOf } from '../test/rig.ts';
import { fileSensor, timeSensor } from './sensor.ts';

const folder = mkdtempSync(join(tmpdir(), 'dagbook-sensor-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test('waits for a file, by name or by pattern, of a size', async () => {
  const look = (path: string, minBytes?: number) => fileSensor({ path: join(folder, path), minBytes }, rigOf().context);
  expect(await look('*.csv')).toEqual({ done: false });
  writeFileSync(join(folder, 'b[1].csv'), 'abc');
  writeFileSync(join(folder, 'a.csv'), '');
  expect(await look('*.csv')).toEqual({ done: true, value: { path: join(folder, 'a.csv'), size: 0 } });
  expect(await look('*.csv', 1)).toEqual({ done: true, value: { path: join(folder, 'b[1].csv'), size: 3 } });
  expect(await look('b[1].csv')).toEqual({ done: true, value: { path: join(folder, 'b[1].csv'), size: 3 } });
});

test.each([
  [{ at: '2026-01-01T06:30' }, '2025-12-31T21:30:00.000Z'],
  [{ at: '2026-01-01T06:30:00Z' }, '2026-01-01T06:30:00.000Z'],
  [{ after: '90m' }, '2026-01-01T01:30:00.000Z'],
])('waits until the moment of %j', async (fields, at) => {
  const look = (nowMs: number) => timeSensor(fields, rigOf({ nowMs, environment: { DAGBOOK_DATA_INTERVAL_END: '2026-01-01T00:00:00+00:00' } }).context);
  expect(await look(Date.parse(at) - 1)).toEqual({ done: false });
  expect(await look(Date.parse(at))).toEqual({ done: true, value: { at } });
});

test('refuses a moment that is none', async () => {
  expect(await failureOf(timeSensor({ at: 'tomorrow' }, rigOf().context))).toMatchObject({ code: 'bad_input', retry: false });
  expect(await failureOf(timeSensor({ at: '2026-13-01T00:00' }, rigOf().context))).toMatchObject({ code: 'bad_input', retry: false });
});
