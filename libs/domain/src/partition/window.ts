import { unreachable } from '../decider.ts';
import { addMonths, civilDate, DAY_MS, dayNumber, dayOfWeek, daysInMonth, HOUR_MS, MINUTE_MS } from '../schedule/civil.ts';
import type { PartitionUnit } from './definition.ts';

/** How many members a window of time has at most. */
export const LONGEST: { readonly [unit in PartitionUnit]: number } = { hour: 60, day: 24, week: 7, month: 31, quarter: 3, year: 12 };

/** The start of the hour, day … in which this lies, on the same wall clock. */
export function startOfUnit(unit: PartitionUnit, wallMs: number): number {
  const days = Math.floor(wallMs / DAY_MS);
  const { year, month } = civilDate(days);
  switch (unit) {
    case 'hour':
      return Math.floor(wallMs / HOUR_MS) * HOUR_MS;
    case 'day':
      return days * DAY_MS;
    case 'week':
      return (days - ((dayOfWeek(days) + 6) % 7)) * DAY_MS;
    case 'month':
      return dayNumber(year, month, 1) * DAY_MS;
    case 'quarter':
      return dayNumber(year, month - ((month - 1) % 3), 1) * DAY_MS;
    case 'year':
      return dayNumber(year, 1, 1) * DAY_MS;
    default:
      return unreachable(unit);
  }
}

/** Members of a window of time whose period starts at `startMs`. */
export function membersOf(unit: PartitionUnit, direction: 'backward' | undefined, startMs: number): readonly number[] {
  const isBackward = direction === 'backward';
  const count = unit === 'month' ? monthLength(isBackward ? addMonths(startMs, -1) : startMs) : LONGEST[unit];
  const first = isBackward ? 1 - count : 0;
  const isMonths = unit === 'quarter' || unit === 'year';
  const stepMs = unit === 'hour' ? MINUTE_MS : unit === 'day' ? HOUR_MS : DAY_MS;
  return Array.from({ length: count }, (_, index) => (isMonths ? addMonths(startMs, first + index) : startMs + (first + index) * stepMs));
}

function monthLength(wallMs: number): number {
  const { year, month } = civilDate(Math.floor(wallMs / DAY_MS));
  return daysInMonth(year, month);
}
