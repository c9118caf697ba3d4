import { describe, expect, it } from 'vitest';
import { instantMs } from './field.ts';

describe('instantMs', () => {
  it.each([
    ['2026-11-25T00:00:00Z', '2026-11-25T00:00:00.000Z'],
    ['2026-11-25T00:00:00.123456Z', '2026-11-25T00:00:00.123Z'],
    ['2026-11-25T09:00:00+09:00', '2026-11-25T00:00:00.000Z'],
    ['2026-11-25T09:00:00+0900', '2026-11-25T00:00:00.000Z'],
    // A `+` that a client left unescaped in a query arrives as a space.
    ['2026-11-25T09:00:00 09:00', '2026-11-25T00:00:00.000Z'],
    ['2026-11-25 10:30', '2026-11-25T10:30:00.000Z'],
    ['2026-11-25', '2026-11-25T00:00:00.000Z'],
    ['2024-02-29', '2024-02-29T00:00:00.000Z'],
  ])('%s is %s, whatever the zone of the process', (text, instant) => {
    expect(new Date(instantMs(text) ?? Number.NaN).toISOString()).toBe(instant);
  });

  it.each(['', 'today', '2026-02-29', '2026-02-30T00:00:00Z', '2026-13-01', '2026-11-25T25:00:00Z', '2026-11-25T00:00:00+99:00', '1764028800', '2026-11-25T00:00:00Z; DROP'])('%j is none', (text) => {
    expect(instantMs(text)).toBeNull();
  });
});
