import { raise } from '../error.ts';
import type { CivilDate } from './calendar.ts';
import { civilDate, dayNumber, daysInMonth } from './calendar.ts';

/** A date and a time of day, without a zone. */
export interface Wall extends CivilDate {
  readonly hour: number;
  readonly minute: number;
  readonly second: number;
  readonly microsecond: number;
}

export const SECOND = 1_000_000n;
export const MINUTE = 60n * SECOND;
export const HOUR = 60n * MINUTE;
export const DAY = 24n * HOUR;

/** Microseconds since 1970-01-01T00:00:00, as if the wall clock were in UTC. */
export function wallMicros({ year, month, day, hour, minute, second, microsecond }: Wall): bigint {
  return BigInt(dayNumber(year, month, day)) * DAY + BigInt((hour * 60 + minute) * 60 + second) * SECOND + BigInt(microsecond);
}

/** OverflowError beyond the years 1 to 9999. */
export function wallOf(micros: bigint): Wall {
  const days = micros >= 0n ? micros / DAY : -((DAY - 1n - micros) / DAY);
  const date = civilDate(Number(days));
  if (date.year < 1 || date.year > 9999) raise('OverflowError', 'date value out of range');
  const rest = Number(micros - days * DAY);
  const seconds = Math.floor(rest / 1_000_000);
  return { ...date, hour: Math.floor(seconds / 3600), minute: Math.floor(seconds / 60) % 60, second: seconds % 60, microsecond: rest % 1_000_000 };
}

/** Refuses what is no date or no time, in Python's words. */
export function checkedWall(wall: Wall): Wall {
  const within = (name: string, value: number, low: number, high: number): void => {
    if (value < low || value > high) raise('ValueError', name === 'year' ? `year ${value} is out of range` : `${name} must be in ${low}..${high}`);
  };
  within('year', wall.year, 1, 9999);
  within('month', wall.month, 1, 12);
  if (wall.day < 1 || wall.day > daysInMonth(wall.year, wall.month)) raise('ValueError', 'day is out of range for month');
  within('hour', wall.hour, 0, 23);
  within('minute', wall.minute, 0, 59);
  within('second', wall.second, 0, 59);
  within('microsecond', wall.microsecond, 0, 999_999);
  return wall;
}

export const pad = (value: number, width = 2): string => String(value).padStart(width, '0');

export const dateText = ({ year, month, day }: CivilDate): string => `${pad(year, 4)}-${pad(month)}-${pad(day)}`;

type TimeSpec = 'auto' | 'hours' | 'minutes' | 'seconds' | 'milliseconds' | 'microseconds';

export function timeText({ hour, minute, second, microsecond }: Omit<Wall, keyof CivilDate>, spec: TimeSpec = 'auto'): string {
  switch (spec) {
    case 'hours':
      return pad(hour);
    case 'minutes':
      return `${pad(hour)}:${pad(minute)}`;
    case 'seconds':
      return `${pad(hour)}:${pad(minute)}:${pad(second)}`;
    case 'milliseconds':
      return `${pad(hour)}:${pad(minute)}:${pad(second)}.${pad(Math.floor(microsecond / 1000), 3)}`;
    case 'microseconds':
      return `${pad(hour)}:${pad(minute)}:${pad(second)}.${pad(microsecond, 6)}`;
    case 'auto':
      return `${pad(hour)}:${pad(minute)}:${pad(second)}${microsecond === 0 ? '' : `.${pad(microsecond, 6)}`}`;
  }
}

export function timeSpec(text: string): TimeSpec {
  if (text === 'auto' || text === 'hours' || text === 'minutes' || text === 'seconds' || text === 'milliseconds' || text === 'microseconds') return text;
  return raise('ValueError', `invalid timespec: '${text}'`);
}

/** `+09:00`; seconds only where there are any. */
export function offsetText(offsetSeconds: number, separator = ':'): string {
  const size = Math.abs(offsetSeconds);
  const seconds = size % 60 === 0 ? '' : `${separator}${pad(size % 60)}`;
  return `${offsetSeconds < 0 ? '-' : '+'}${pad(Math.floor(size / 3600))}${separator}${pad(Math.floor(size / 60) % 60)}${seconds}`;
}
