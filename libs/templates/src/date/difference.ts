import { daysInMonth, isLeap } from './calendar.ts';
import type { PyDate } from './datetime.ts';
import { MIDNIGHT, PyDateTime } from './datetime.ts';
import type { Wall } from './wall.ts';
import { DAY, wallMicros } from './wall.ts';

/** Microseconds since 1970; a date counts from its midnight. */
export const instantOf = (date: PyDate): bigint => (date instanceof PyDateTime ? date.instant : BigInt(date.days) * DAY);

/** What lies between two times by the calendar; each part has the sign of the whole. */
export interface Difference {
  readonly years: bigint;
  readonly months: bigint;
  readonly days: bigint;
  readonly hours: bigint;
  readonly minutes: bigint;
  readonly totalDays: bigint;
}

/** A wall clock brought to UTC, whose day may be the one before the first of its month or the one behind its last. */
type Loose = [year: number, month: number, day: number, hour: number, minute: number, second: number, microsecond: number];

/**
 * Years, months, days and clock between two times as pendulum's own extension counts them. Of two in different zones it
 * brings the clocks to UTC without carrying the day over into another month, and orders them by what comes of that; so
 * hours may have another sign than days there.
 */
export function preciseDifference(start: PyDate, end: PyDate): Difference {
  const sameZone = zoneName(start) !== undefined && zoneName(start) === zoneName(end);
  const walked = end.days - start.days;
  const [left, right] = sameZone && walked !== 0 ? [loose(start, 0), loose(end, 0)] : [loose(start, offsetOf(start)), loose(end, offsetOf(end))];
  const backwards = isAfter(left, right);
  const [from, to] = backwards ? [right, left] : [left, right];
  let [years, months, days, hours, minutes, seconds, micros] = to.map((value, at) => value - (from[at] as number)) as Loose;
  if (micros < 0) [micros, seconds] = [micros + 1_000_000, seconds - 1];
  if (seconds < 0) [seconds, minutes] = [seconds + 60, minutes - 1];
  if (minutes < 0) [minutes, hours] = [minutes + 60, hours - 1];
  if (hours < 0) [hours, days] = [hours + 24, days - 1];
  if (days < 0) {
    const [lastMonth, thisMonth] = [to[1] === 1 ? 31 : monthLength(to[0], to[1] - 1), monthLength(to[0], to[1])];
    if (days < thisMonth - lastMonth) days += Math.max(lastMonth, from[2]);
    else if (days === thisMonth - lastMonth) [days, months] = [0, months + 1];
    else days += lastMonth;
    months -= 1;
  }
  if (months < 0) [months, years] = [months + 12, years - 1];
  const signed = (value: number): bigint => BigInt(backwards ? -value : value);
  return { years: signed(years), months: signed(months), days: signed(days), hours: signed(hours), minutes: signed(minutes), totalDays: BigInt(walked) };
}

const monthLength = (year: number, month: number): number => (month === 2 ? (isLeap(year) ? 29 : 28) : daysInMonth(year, month));
const zoneName = (date: PyDate): string | undefined => (date instanceof PyDateTime ? date.zone?.name : undefined);
const offsetOf = (date: PyDate): number => (date instanceof PyDateTime ? (date.offsetSeconds ?? 0) : 0);

function loose(date: PyDate, offsetSeconds: number): Loose {
  const wall: Wall = date instanceof PyDateTime ? date.wall : { ...date.date, ...MIDNIGHT };
  let { day, hour, minute, second } = wall;
  hour -= Math.trunc(offsetSeconds / 3600);
  minute -= Math.trunc(offsetSeconds / 60) % 60;
  second -= offsetSeconds % 60;
  if (second < 0) [second, minute] = [second + 60, minute - 1];
  else if (second >= 60) [second, minute] = [second - 60, minute + 1];
  if (minute < 0) [minute, hour] = [minute + 60, hour - 1];
  else if (minute >= 60) [minute, hour] = [minute - 60, hour + 1];
  if (hour < 0) [hour, day] = [hour + 24, day - 1];
  else if (hour > 24) [hour, day] = [hour - 24, day + 1];
  return [wall.year, wall.month, day, hour, minute, second, wall.microsecond];
}

function isAfter(left: Loose, right: Loose): boolean {
  const at = left.findIndex((value, index) => value !== right[index]);
  return at >= 0 && (left[at] as number) > (right[at] as number);
}

/** Whether two times without a zone, or of the same one, lie in this order on the wall; those of two zones by instant. */
export function liesAfter(left: PyDate, right: PyDate): boolean {
  if (left instanceof PyDateTime && right instanceof PyDateTime && left.zone === right.zone) return wallMicros(left.wall) > wallMicros(right.wall);
  return instantOf(left) > instantOf(right);
}
