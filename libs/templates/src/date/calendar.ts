/** The proleptic Gregorian calendar, by numbers alone. Months and ISO weekdays count from 1, days from 1970-01-01 = 0. */

export function dayNumber(year: number, month: number, day: number): number {
  const monthIndex = year * 12 + month - 3;
  // The year is counted from March, so that the leap day is its last.
  const marchYear = Math.floor(monthIndex / 12);
  const marchMonth = monthIndex - marchYear * 12;
  const leapDays = Math.floor(marchYear / 4) - Math.floor(marchYear / 100) + Math.floor(marchYear / 400);
  return marchYear * 365 + leapDays + Math.floor((153 * marchMonth + 2) / 5) + day - 719_469;
}

export interface CivilDate {
  readonly year: number;
  readonly month: number;
  readonly day: number;
}

export function civilDate(days: number): CivilDate {
  const shifted = days + 719_468;
  const era = Math.floor(shifted / 146_097);
  const dayOfEra = shifted - era * 146_097;
  const yearOfEra = Math.floor((dayOfEra - Math.floor(dayOfEra / 1460) + Math.floor(dayOfEra / 36_524) - Math.floor(dayOfEra / 146_096)) / 365);
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const marchMonth = Math.floor((5 * dayOfYear + 2) / 153);
  const month = marchMonth < 10 ? marchMonth + 3 : marchMonth - 9;
  return { year: yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, day: dayOfYear - Math.floor((153 * marchMonth + 2) / 5) + 1 };
}

export const daysInMonth = (year: number, month: number): number => dayNumber(year, month + 1, 1) - dayNumber(year, month, 1);
export const isLeap = (year: number): boolean => daysInMonth(year, 2) === 29;
export const dayOfYear = ({ year, month, day }: CivilDate): number => dayNumber(year, month, day) - dayNumber(year, 1, 1) + 1;

/** 0 is Monday. */
export const weekday = ({ year, month, day }: CivilDate): number => (((dayNumber(year, month, day) + 3) % 7) + 7) % 7;

/** The ISO year and week. */
export function isoWeek(date: CivilDate): { readonly year: number; readonly week: number } {
  const thursday = civilDate(dayNumber(date.year, date.month, date.day) - weekday(date) + 3);
  return { year: thursday.year, week: Math.floor((dayOfYear(thursday) - 1) / 7) + 1 };
}

/** Calendar months on; a day that the month lacks becomes its last. */
export function addMonths({ year, month, day }: CivilDate, months: number): CivilDate {
  const index = year * 12 + month - 1 + months;
  const target = { year: Math.floor(index / 12), month: (((index % 12) + 12) % 12) + 1 };
  return { ...target, day: Math.min(day, daysInMonth(target.year, target.month)) };
}

export const MONTHS = ['January', 'February', 'March', 'April', 'May', 'June', 'July', 'August', 'September', 'October', 'November', 'December'];
export const WEEKDAYS = ['Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday', 'Sunday'];
