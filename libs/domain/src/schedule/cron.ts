import { civilDate, DAY_MS, dayNumber, dayOfWeek, daysInMonth, HOUR_MS, MINUTE_MS } from './civil.ts';

/**
 * A cron expression of five fields as croniter reads it, which is what Airflow users know: names, lists, ranges that may
 * wrap (`fri-mon`), steps, `L` for the last day of the month, `15W` for the working day nearest to the 15th, `L5` for the
 * last Friday, `5#3` for the third, `?` for `*` in the two day fields, and presets. A day matches when day of month or day
 * of week does, if both are restricted.
 */
export interface Cron {
  readonly minutes: readonly number[];
  readonly hours: readonly number[];
  /** Whether it runs in each hour of the day: then it follows elapsed time, not the wall clock, over a change of offset. */
  readonly everyHour: boolean;
  readonly months: ReadonlySet<number>;
  readonly days: DayOfMonthRule | null;
  readonly weekdays: WeekdayRule | null;
}

interface DayOfMonthRule {
  readonly days: ReadonlySet<number>;
  readonly last: boolean;
  /** The day to whose nearest working day of the month it runs; then this rules alone. */
  readonly nearest: number | undefined;
}

interface WeekdayRule {
  readonly weekdays: ReadonlySet<number>;
  /** `weekday * 10 + n`, n from 1 to 5; 0 means the last of the month. */
  readonly nth: ReadonlySet<number>;
}

/** What is wrong with an expression, and what to write instead. */
export interface CronProblem {
  readonly rule: string;
  readonly remedy: string;
}

interface Field {
  readonly name: string;
  readonly min: number;
  readonly max: number;
  readonly names: readonly string[];
  /** How many different values make it unrestricted. */
  readonly all: number;
}

const MONTHS = ['', 'jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];
const WEEKDAYS = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'];
const MINUTE: Field = { name: 'minute', min: 0, max: 59, names: [], all: 60 };
const HOUR: Field = { name: 'hour', min: 0, max: 23, names: [], all: 24 };
const DAY: Field = { name: 'day of month', min: 1, max: 31, names: [], all: 31 };
const MONTH: Field = { name: 'month', min: 1, max: 12, names: MONTHS, all: 12 };
const WEEKDAY: Field = { name: 'day of week', min: 0, max: 6, names: WEEKDAYS, all: 7 };
const FIELDS = [MINUTE, HOUR, DAY, MONTH, WEEKDAY];

const PRESETS: { readonly [name: string]: string } = {
  '@hourly': '0 * * * *',
  '@daily': '0 0 * * *',
  '@midnight': '0 0 * * *',
  '@weekly': '0 0 * * 0',
  '@monthly': '0 0 1 * *',
  '@quarterly': '0 0 1 */3 *',
  '@yearly': '0 0 1 1 *',
  '@annually': '0 0 1 1 *',
};

const MAX_LENGTH = 1000;
const KEPT_EXPRESSIONS = 10_000;
/** croniter gives up after as long; the rarest date there is, a fifth Monday in February, comes within 40 years. */
const SEARCHED_DAYS = 50 * 366;

const parsed = new Map<string, Cron | CronProblem>();

export const isCronProblem = (cron: Cron | CronProblem): cron is CronProblem => 'rule' in cron;

/** Reads an expression; what it refuses it explains. It never loops, whatever the text. */
export function parseCron(expression: string): Cron | CronProblem {
  const known = parsed.get(expression);
  if (known !== undefined) return known;
  if (parsed.size >= KEPT_EXPRESSIONS) parsed.clear();
  if (expression.length > MAX_LENGTH) return problem(`is ${expression.length} characters long; the limit is ${MAX_LENGTH}`, 'shorten it');
  const cron = readExpression(expression);
  parsed.set(expression, cron);
  return cron;
}

function readExpression(expression: string): Cron | CronProblem {
  const lower = expression.toLowerCase();
  const fields = (PRESETS[lower] ?? lower).split(/[ \t\n\r\f\v]+/).filter((field) => field !== '');
  if (fields.length === 1 && lower.startsWith('@')) return problem('is no known preset', `use one of ${Object.keys(PRESETS).join(', ')}`);
  if (fields.length !== 5) {
    return problem(`has ${fields.length} fields; a cron expression has five`, 'write minute, hour, day of month, month and day of week, for example "0 6 * * *"');
  }
  const read: (FieldValues | CronProblem)[] = fields.map((text, index) => readField(text, FIELDS[index] as Field));
  const wrong = read.find((field): field is CronProblem => 'rule' in field);
  if (wrong !== undefined) return wrong;
  const [minute, hour, day, month, weekday] = read as [FieldValues, FieldValues, FieldValues, FieldValues, FieldValues];
  if (day.nearest !== undefined && weekday.nth.size > 0) return problem('mixes a nearest working day with counted days of the week', 'write one of them');

  const counted = new Set([...weekday.nth].map((nth) => Math.floor(nth / 10)));
  const plain = [...weekday.values].filter((value) => !counted.has(value));
  if (counted.size > 0 && plain.length > 0 && plain.length + counted.size < WEEKDAY.all) {
    return problem('mixes plain and counted days of the week', 'write either "1,3" or "1#2,3#2", not both');
  }
  // A day field that lists every value is unrestricted when the other has a star. Counted weekdays rule alone.
  const allDays = day.any || weekday.nth.size > 0 || (day.values.size === DAY.all && (fields[4] as string).includes('*'));
  const allWeekdays = day.nearest !== undefined || (weekday.nth.size === 0 && (weekday.any || (weekday.values.size === WEEKDAY.all && (fields[2] as string).includes('*'))));
  const cron: Cron = {
    minutes: sorted(minute.any ? whole(MINUTE) : minute.values),
    hours: sorted(hour.any ? whole(HOUR) : hour.values),
    everyHour: hour.any || hour.values.size === HOUR.all,
    months: month.any ? whole(MONTH) : month.values,
    days: allDays ? null : { days: day.values, last: day.last, nearest: day.nearest },
    weekdays: allWeekdays ? null : { weekdays: weekday.nth.size > 0 ? new Set() : weekday.values, nth: weekday.nth },
  };
  if (nextWall(cron, 0) === undefined) return problem('names a date that does not exist', 'choose a day that its months have');
  return cron;
}

interface FieldValues {
  readonly any: boolean;
  readonly values: Set<number>;
  readonly last: boolean;
  readonly nearest: number | undefined;
  readonly nth: Set<number>;
}

function readField(text: string, field: Field): FieldValues | CronProblem {
  if (text.includes('?') && (text !== '?' || (field !== DAY && field !== WEEKDAY))) {
    return problem(`has "${text}" as ${field.name}; "?" stands alone, and only for a day`, 'write "*"');
  }
  const nearest = field === DAY ? /^(?:([0-9]+)w|w([0-9]+))$/.exec(text) : null;
  if (nearest !== null) return readNearest(text, Number(nearest[1] ?? nearest[2]));
  const result = { any: false, values: new Set<number>(), last: false, nearest: undefined, nth: new Set<number>() };
  for (const item of text.split(',')) {
    if (item === '*' || item === '?') result.any = true;
    else if (field === DAY && item === 'l') result.last = true;
    else {
      const wrong = readItem(item, field, result);
      if (wrong !== undefined) return wrong;
    }
  }
  return result;
}

function readNearest(text: string, day: number): FieldValues | CronProblem {
  if (day < DAY.min || day > DAY.max) return problem(`has "${text}" as ${DAY.name}, which is out of range`, `use values from ${DAY.min} to ${DAY.max}`);
  return { any: false, values: new Set(), last: false, nearest: day, nth: new Set() };
}

/** One of a comma list: a value, a range or a step, or on a weekday `L5` and `5#3`. */
function readItem(item: string, field: Field, into: { readonly values: Set<number>; readonly nth: Set<number> }): CronProblem | undefined {
  const lastWeekday = field === WEEKDAY ? /^l([0-7])$/.exec(item) : null;
  if (lastWeekday !== null) {
    into.nth.add((Number(lastWeekday[1]) % 7) * 10);
    return undefined;
  }
  const counted = field === WEEKDAY ? /^([a-z0-9]+(?:-[a-z0-9]+)?)#([0-9]+)$/.exec(item) : null;
  if (counted !== null) {
    const n = Number(counted[2]);
    if (n < 1 || n > 5) return problem(`has "${item}" as ${field.name}; a month has at most five of a weekday`, 'count from #1 to #5');
    const weekdays = readRange(counted[1] as string, field);
    if (!(weekdays instanceof Set)) return weekdays;
    for (const weekday of weekdays) into.nth.add(weekday * 10 + n);
    return undefined;
  }
  const values = readRange(item, field);
  if (!(values instanceof Set)) return values;
  for (const value of values) into.values.add(value);
  return undefined;
}

function readRange(item: string, field: Field): Set<number> | CronProblem {
  const match = /^([a-z0-9]+|\*)(?:-([a-z0-9]+))?(?:\/([0-9]+))?$/.exec(item);
  if (match === null) return problem(`has "${item}" as ${field.name}, which is no value, range or step`, `write numbers from ${field.min} to ${field.max}`);
  const [, first, second, stepText] = match as unknown as [string, string, string | undefined, string | undefined];
  const step = Number(stepText ?? 1);
  if (step === 0) return problem(`has a step of 0 as ${field.name}`, 'use a step of at least 1');
  if (first === '*') return second === undefined ? steps(field.min, field.max, step) : problem(`has "${item}" as ${field.name}`, 'write "*" or a range');

  const low = readValue(first, field);
  const high = second === undefined ? (stepText === undefined ? low : aliased(field.max, field)) : readValue(field === DAY && second === 'l' ? '31' : second, field);
  for (const value of [low, high]) {
    if (value === undefined || value < field.min || value > field.max) {
      return problem(`has "${item}" as ${field.name}, which is out of range`, `use values from ${field.min} to ${field.max}`);
    }
  }
  return rangeOf(low as number, high as number, step, field, second !== undefined);
}

function rangeOf(low: number, high: number, step: number, field: Field, written: boolean): Set<number> {
  if (low < high) return steps(low, high, step);
  if (low === high) return written ? steps(field.min, field.max, step) : new Set([low]);
  // A range that wraps. How croniter carries a step over the end is kept, also where it counts one too many.
  const values = steps(low, field.max, step);
  const left = field.max - Math.max(...values);
  for (const value of steps(field.min + (step > left + 1 ? step - left : 0), high, step)) values.add(value);
  return values;
}

function steps(low: number, high: number, step: number): Set<number> {
  const values = new Set<number>();
  for (let value = low; value <= high; value += step) values.add(value);
  return values;
}

function readValue(text: string, field: Field): number | undefined {
  if (/^[0-9]+$/.test(text)) return aliased(Number(text), field);
  const index = text === '' ? -1 : field.names.indexOf(text);
  return index < 0 ? undefined : index;
}

/** 7 is Sunday too. */
const aliased = (value: number, field: Field): number => (field === WEEKDAY && value === 7 ? 0 : value);

const whole = (field: Field): Set<number> => steps(field.min, field.max, 1);
const sorted = (values: ReadonlySet<number>): number[] => [...values].sort((a, b) => a - b);
const problem = (rule: string, remedy: string): CronProblem => ({ rule, remedy });

/** The first wall-clock time after this one that matches; undefined when there is none for fifty years. */
export function nextWall(cron: Cron, wallMs: number): number | undefined {
  const today = Math.floor(wallMs / DAY_MS);
  const time = matchesDay(cron, today) ? nextTime(cron, wallMs - today * DAY_MS) : undefined;
  if (time !== undefined) return today * DAY_MS + time;
  for (let days = today + 1; days <= today + SEARCHED_DAYS; days += 1) {
    const { year, month, day } = civilDate(days);
    if (!cron.months.has(month)) days = dayNumber(year, month + 1, 1) - 1;
    else if (matchesDate(cron, year, month, day, days)) return days * DAY_MS + timeOf(cron.hours[0] as number, cron.minutes[0] as number);
  }
  return undefined;
}

/** The last wall-clock time before this one that matches. */
export function previousWall(cron: Cron, wallMs: number): number | undefined {
  const today = Math.floor(wallMs / DAY_MS);
  const time = matchesDay(cron, today) ? previousTime(cron, wallMs - today * DAY_MS) : undefined;
  if (time !== undefined) return today * DAY_MS + time;
  for (let days = today - 1; days >= today - SEARCHED_DAYS; days -= 1) {
    const { year, month, day } = civilDate(days);
    if (!cron.months.has(month)) days = dayNumber(year, month, 1);
    else if (matchesDate(cron, year, month, day, days)) return days * DAY_MS + timeOf(cron.hours.at(-1) as number, cron.minutes.at(-1) as number);
  }
  return undefined;
}

const timeOf = (hour: number, minute: number): number => hour * HOUR_MS + minute * MINUTE_MS;

function nextTime(cron: Cron, afterMs: number): number | undefined {
  for (const hour of cron.hours) {
    if (timeOf(hour, 59) <= afterMs) continue;
    for (const minute of cron.minutes) if (timeOf(hour, minute) > afterMs) return timeOf(hour, minute);
  }
  return undefined;
}

function previousTime(cron: Cron, beforeMs: number): number | undefined {
  for (const hour of cron.hours.toReversed()) {
    if (timeOf(hour, 0) >= beforeMs) continue;
    for (const minute of cron.minutes.toReversed()) if (timeOf(hour, minute) < beforeMs) return timeOf(hour, minute);
  }
  return undefined;
}

function matchesDay(cron: Cron, days: number): boolean {
  const { year, month, day } = civilDate(days);
  return cron.months.has(month) && matchesDate(cron, year, month, day, days);
}

function matchesDate(cron: Cron, year: number, month: number, day: number, days: number): boolean {
  if (cron.days === null && cron.weekdays === null) return true;
  const length = daysInMonth(year, month);
  if (cron.days?.nearest !== undefined) return day === nearestWorkingDay(days - day + 1, Math.min(cron.days.nearest, length), length);
  if (cron.days !== null && (cron.days.days.has(day) || (cron.days.last && day === length))) return true;
  if (cron.weekdays === null) return false;
  const weekday = dayOfWeek(days);
  return (
    cron.weekdays.weekdays.has(weekday) ||
    cron.weekdays.nth.has(weekday * 10 + Math.ceil(day / 7)) ||
    (day + 7 > length && cron.weekdays.nth.has(weekday * 10))
  );
}

/** From a Saturday the Friday before it, from a Sunday the Monday behind it, but never out of the month. */
function nearestWorkingDay(firstOfMonth: number, day: number, length: number): number {
  const weekday = dayOfWeek(firstOfMonth + day - 1);
  if (weekday === 6) return day > 1 ? day - 1 : day + 2;
  if (weekday === 0) return day < length ? day + 1 : day - 2;
  return day;
}
