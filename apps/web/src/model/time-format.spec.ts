import { describe, expect, it } from 'vitest';
import { clockInstant, dayOf, duration, fullInstant, instantOfWallClock, relativeInstant, shortInstant, zoneOffset } from './time-format.ts';

const at = Date.parse('2026-11-24T15:04:05.678Z');

describe('instants', () => {
  it('are written in the zone that is asked for', () => {
    expect(shortInstant(at, 'UTC')).toBe('11-24 15:04');
    expect(shortInstant(at, 'Asia/Seoul')).toBe('11-25 00:04');
    expect(clockInstant(at, 'Asia/Seoul')).toBe('00:04:05.678');
    expect(dayOf(at, 'Asia/Seoul')).toBe('2026-11-25');
    expect(fullInstant(at, 'Asia/Kolkata')).toBe('2026-11-24 20:34:05.678 Asia/Kolkata (+05:30)');
  });

  it('show the offset of that very instant across a change of clocks', () => {
    expect(zoneOffset(Date.parse('2026-11-01T05:59:59Z'), 'America/New_York')).toBe('-04:00');
    expect(zoneOffset(Date.parse('2026-11-01T06:00:00Z'), 'America/New_York')).toBe('-05:00');
  });

  it('fall back to UTC when the browser does not know the zone', () => {
    expect(shortInstant(at, 'Mars/Olympus')).toBe('11-24 15:04');
  });

  it('keep midnight at hour 00', () => {
    expect(shortInstant(Date.parse('2026-01-01T00:00:00Z'), 'UTC')).toBe('01-01 00:00');
  });
});

describe('instantOfWallClock', () => {
  it.each([
    ['2026-11-25T00:04', 'Asia/Seoul', '2026-11-24T15:04:00.000Z'],
    ['2026-07-01T12:00', 'America/New_York', '2026-07-01T16:00:00.000Z'],
    ['2026-11-25T00:04', 'UTC', '2026-11-25T00:04:00.000Z'],
    ['2026-03-08T03:00', 'America/New_York', '2026-03-08T07:00:00.000Z'],
  ])('%s in %s is %s', (local, zone, instant) => {
    expect(new Date(instantOfWallClock(local, zone)).toISOString()).toBe(instant);
  });
});

describe('duration', () => {
  it.each([
    [0, '0ms'], [999, '999ms'], [1_000, '1.0s'], [9_999, '9.9s'], [10_000, '10s'], [59_999, '59s'], [64_000, '1m 04s'],
    [7_380_000, '2h 03m'], [273_600_000, '3d 04h'], [-5, '0ms'],
  ])('of %d ms is %s', (ms, text) => {
    expect(duration(ms)).toBe(text);
  });
});

describe('relativeInstant', () => {
  it('names the largest whole unit, in the language of the page', () => {
    expect(relativeInstant(at - 185_000, at, 'en')).toBe('3 min. ago');
    expect(relativeInstant(at + 7_300_000, at, 'en')).toBe('in 2 hr.');
    expect(relativeInstant(at - 185_000, at, 'ko')).toBe('3분 전');
  });
});
