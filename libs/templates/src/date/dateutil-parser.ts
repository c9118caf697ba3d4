import { raise } from '../error.ts';
import type { CivilDate } from './calendar.ts';
import { daysInMonth, weekday as weekdayOf, WEEKDAYS } from './calendar.ts';
import type { Wall } from './wall.ts';
import { checkedWall } from './wall.ts';
import { MIDNIGHT } from './datetime.ts';

/** What a text says of a time; what it leaves out comes from a default. */
interface Reading {
  year?: number;
  month?: number;
  day?: number;
  weekday?: number;
  hour?: number;
  minute?: number;
  second?: number;
  microsecond?: number;
  zoneName?: string;
  offsetSeconds?: number;
}

export interface ParserOptions {
  readonly dayFirst: boolean;
  readonly yearFirst: boolean;
  readonly fuzzy: boolean;
  /** What the text leaves out; today's midnight without it. */
  readonly otherwise: Wall | undefined;
  /** Asked only for what the text leaves out, and for the century of a year of two digits. */
  today(): CivilDate;
}

const table = (...names: readonly (readonly string[])[]): ReadonlyMap<string, number> => new Map(names.flatMap((group, index) => group.map((name) => [name, index] as const)));

const JUMPS: ReadonlySet<string> = new Set([' ', '.', ',', ';', '-', '/', "'", 'at', 'on', 'and', 'ad', 'm', 't', 'of', 'st', 'nd', 'rd', 'th']);
const DAYS = table(...WEEKDAYS.map((name) => [name.slice(0, 3).toLowerCase(), name.toLowerCase()]));
const MONTHS = table(
  ['jan', 'january'], ['feb', 'february'], ['mar', 'march'], ['apr', 'april'], ['may'], ['jun', 'june'], ['jul', 'july'], ['aug', 'august'],
  ['sep', 'sept', 'september'], ['oct', 'october'], ['nov', 'november'], ['dec', 'december'],
);
const UNITS = table(['h', 'hour', 'hours'], ['m', 'minute', 'minutes'], ['s', 'second', 'seconds']);
const HALVES = table(['am', 'a'], ['pm', 'p']);
const UTC_NAMES: ReadonlySet<string> = new Set(['utc', 'gmt', 'z']);

const monthOf = (token: string | undefined): number | undefined => {
  const index = MONTHS.get(token?.toLowerCase() ?? '');
  return index === undefined ? undefined : index + 1;
};
const unitOf = (token: string | undefined): number | undefined => UNITS.get(token?.toLowerCase() ?? '');
const halfOf = (token: string | undefined): number | undefined => HALVES.get(token?.toLowerCase() ?? '');
const isJump = (token: string | undefined): boolean => JUMPS.has(token?.toLowerCase() ?? '');
const isDigits = (token: string | undefined): token is string => token !== undefined && /^\d+$/.test(token);

/** A text is cut where letters, digits and everything else meet; a point belongs to a number with nothing but digits beside it. */
function tokensOf(text: string): string[] {
  const tokens: string[] = [];
  for (const [run] of text.replaceAll('\0', '').matchAll(/\p{L}[\p{L}.]*(?:(?<=\.)\d[\d.\p{L}]*)?|\d[\d.]*(?:,(?<=\d\d,)[\d.]*)?(?:(?<=[.])\p{L}[\p{L}.]*)?|\s|[^]/gu)) {
    const mixed = run.length > 1 && /[.,]/.test(run) && (/\p{L}/u.test(run) || (run.match(/\./g)?.length ?? 0) > 1 || /[.,]$/.test(run));
    if (mixed) tokens.push(...run.split(/([.,])/).filter((part) => part !== ''));
    else tokens.push(/^\s$/.test(run) ? ' ' : /^\d+,\d*$/.test(run) ? run.replace(',', '.') : run);
  }
  return tokens;
}

/** The numbers of a date in the order in which they stand, and which of them is known to be what. */
class DateParts {
  readonly values: number[] = [];
  private readonly known = new Map<'year' | 'month' | 'day', number>();
  centurySpecified = false;

  add(value: string | number, as?: 'year' | 'month'): void {
    const spelled = typeof value === 'string';
    const long = spelled ? isDigits(value) && value.length > 2 : value > 100;
    if (long) this.centurySpecified = true;
    if (spelled && !isDigits(value)) wrong();
    this.values.push(Math.trunc(Number(value)));
    const label = long ? 'year' : as;
    if (label === undefined) return;
    if (this.known.has(label)) wrong();
    this.known.set(label, this.values.length - 1);
  }

  couldBeDay(value: number): boolean {
    const at = (name: 'year' | 'month'): number | undefined => this.values[this.known.get(name) ?? -1];
    const month = at('month');
    return value >= 1 && value <= (month === undefined ? 31 : daysInMonth(at('year') ?? 2000, month));
  }

  /** Which is the year, the month and the day: by what is known, then by size, then by custom. */
  resolved({ yearFirst, dayFirst }: ParserOptions): Partial<CivilDate> {
    const { values, known } = this;
    if (values.length > 3) wrong();
    if ((values.length === known.size && known.size > 0) || (values.length === 3 && known.size === 2)) return this.byName();
    const [first = 0, second = 0, third = 0] = values;
    const monthAt = known.get('month');
    if (values.length === 1 || (monthAt !== undefined && values.length === 2)) {
      const month = monthAt === undefined ? {} : { month: values[monthAt] as number };
      if (values.length === 1 && monthAt !== undefined) return month;
      const other = monthAt === undefined ? first : (values[1 - monthAt] as number);
      return other > 31 ? { ...month, year: other } : { ...month, day: other };
    }
    if (values.length === 2) {
      if (first > 31) return { year: first, month: second };
      if (second > 31) return { month: first, year: second };
      return dayFirst && second <= 12 ? { day: first, month: second } : { month: first, day: second };
    }
    if (values.length !== 3) return {};
    if (monthAt === 0) return second > 31 ? { month: first, year: second, day: third } : { month: first, day: second, year: third };
    if (monthAt === 1) return first > 31 || (yearFirst && third <= 31) ? { year: first, month: second, day: third } : { day: first, month: second, year: third };
    if (monthAt === 2) return second > 31 ? { day: first, year: second, month: third } : { year: first, day: second, month: third };
    if (first > 31 || known.get('year') === 0 || (yearFirst && second <= 12 && third <= 31)) {
      return dayFirst && third <= 12 ? { year: first, day: second, month: third } : { year: first, month: second, day: third };
    }
    return first > 12 || (dayFirst && second <= 12) ? { day: first, month: second, year: third } : { month: first, day: second, year: third };
  }

  private byName(): Partial<CivilDate> {
    const places = new Map(this.known);
    if (this.values.length === 3 && places.size === 2) {
      const taken = [...places.values()];
      places.set((['year', 'month', 'day'] as const).find((name) => !places.has(name)) as 'year', [0, 1, 2].find((at) => !taken.includes(at)) as number);
    }
    return Object.fromEntries([...places].map(([name, at]) => [name, this.values[at] as number]));
  }
}

/** What is raised while a text is read, which then is of an unknown format. */
class Unreadable extends Error {}

function wrong(): never {
  throw new Unreadable();
}

/** `dateutil.parser.parse`: the text's own parts over those of a default; its zone by name or offset. ParserError for what is no time. */
export function parseTime(text: string, options: ParserOptions): { readonly wall: Wall; readonly offsetSeconds: number | undefined; readonly zoneName: string | undefined } {
  const reading = readTime(text, options);
  if (reading === undefined) return raise('ParserError', `Unknown string format: ${text}`);
  if (Object.keys(reading).length === 0) return raise('ParserError', `String does not contain a date: ${text}`);
  const { weekday, zoneName, offsetSeconds, ...parts } = reading;
  const isWhole = parts.year !== undefined && parts.month !== undefined && parts.day !== undefined;
  const merged = { ...(options.otherwise ?? { ...(isWhole ? NO_DATE : options.today()), ...MIDNIGHT }), ...parts };
  if (parts.day === undefined && merged.month >= 1 && merged.month <= 12) merged.day = Math.min(merged.day, daysInMonth(merged.year, merged.month));
  let wall: Wall;
  try {
    wall = checkedWall(merged);
  } catch (error) {
    return raise('ParserError', `${error instanceof Error ? error.message : ''}: ${text}`);
  }
  if (weekday !== undefined && !parts.day) wall = nextWeekday(wall, weekday);
  return { wall, offsetSeconds, zoneName };
}

const NO_DATE: CivilDate = { year: 1, month: 1, day: 1 };

function nextWeekday(wall: Wall, wanted: number): Wall {
  const day = wall.day + ((wanted - weekdayOf(wall) + 7) % 7);
  const length = daysInMonth(wall.year, wall.month);
  if (day <= length) return { ...wall, day };
  return { ...wall, year: wall.month === 12 ? wall.year + 1 : wall.year, month: (wall.month % 12) + 1, day: day - length };
}

function readTime(text: string, options: ParserOptions): Reading | undefined {
  try {
    return new TimeReader(tokensOf(text), options).read();
  } catch (error) {
    if (error instanceof Unreadable) return undefined;
    throw error;
  }
}

/** One text being read, token by token: `at` is the token whose turn it is. */
class TimeReader {
  private readonly tokens: string[];
  private readonly options: ParserOptions;
  private readonly parts = new DateParts();
  private readonly reading: Reading = {};
  private half: number | undefined;
  private at = 0;

  constructor(tokens: string[], options: ParserOptions) {
    this.tokens = tokens;
    this.options = options;
  }

  read(): Reading {
    for (; this.at < this.tokens.length; this.at += 1) this.token(this.tokens[this.at] as string);
    const { year, month, day } = this.parts.resolved(this.options);
    const { reading } = this;
    if (year !== undefined) reading.year = this.fullYear(year);
    if (month !== undefined) reading.month = month;
    if (day !== undefined) reading.day = day;
    const named = reading.zoneName?.toLowerCase();
    if ((reading.offsetSeconds === 0 && named === undefined) || named === 'z') [reading.zoneName, reading.offsetSeconds] = ['UTC', 0];
    else if (reading.offsetSeconds !== 0 && named !== undefined && UTC_NAMES.has(named)) reading.offsetSeconds = 0;
    return reading;
  }

  private fullYear(year: number): number {
    if (year >= 100 || this.parts.centurySpecified) return year;
    const thisYear = this.options.today().year;
    const full = year + thisYear - (thisYear % 100);
    if (full >= thisYear + 50) return full - 100;
    return full < thisYear - 50 ? full + 100 : full;
  }

  private peek(ahead: number): string | undefined {
    return this.tokens[this.at + ahead];
  }

  private token(token: string): void {
    const { reading } = this;
    const weekday = DAYS.get(token.toLowerCase());
    const month = monthOf(token);
    const half = halfOf(token);
    if (/^\d+\.?\d*$/.test(token)) this.number(token);
    else if (/^(?:inf|infinity|nan)$/i.test(token)) wrong();
    else if (weekday !== undefined) reading.weekday = weekday;
    else if (month !== undefined) this.month(month);
    else if (half !== undefined) this.setHalf(half);
    else if (this.couldBeZone(token)) this.zone(token);
    else if (reading.hour !== undefined && (token === '+' || token === '-')) this.offset(token === '+' ? 1 : -1);
    else if (!isJump(token) && !this.options.fuzzy) wrong();
  }

  private month(month: number): void {
    const { parts } = this;
    parts.add(month, 'month');
    const separator = this.peek(1);
    if (separator === '-' || separator === '/') {
      parts.add(this.peek(2) ?? wrong());
      if (this.peek(3) === separator) {
        parts.add(this.peek(4) ?? wrong());
        this.at += 2;
      }
      this.at += 2;
    } else if (separator === ' ' && this.peek(2)?.toLowerCase() === 'of' && this.peek(3) === ' ' && this.peek(4) !== undefined) {
      const year = this.peek(4);
      if (isDigits(year)) parts.add(String(this.fullYear(Number(year))), 'year');
      this.at += 4;
    }
  }

  private setHalf(half: number): void {
    const { reading } = this;
    const fits = reading.hour !== undefined && reading.hour <= 12 && !(this.options.fuzzy && this.half !== undefined);
    if (!fits) return this.options.fuzzy ? undefined : wrong();
    reading.hour = hourOf(reading.hour as number, half);
    this.half = half;
  }

  private couldBeZone(token: string): boolean {
    const { hour, zoneName, offsetSeconds } = this.reading;
    return hour !== undefined && zoneName === undefined && offsetSeconds === undefined && (/^[A-Z]{1,5}$/.test(token) || token === 'z');
  }

  /** `GMT+3` says that the time three hours on is that of Greenwich, so its sign is turned round. */
  private zone(token: string): void {
    const { reading } = this;
    reading.zoneName = token;
    if (UTC_NAMES.has(token.toLowerCase())) reading.offsetSeconds = 0;
    const sign = this.peek(1);
    if (sign !== '+' && sign !== '-') return;
    this.tokens[this.at + 1] = sign === '+' ? '-' : '+';
    delete reading.offsetSeconds;
    if (UTC_NAMES.has(token.toLowerCase())) delete reading.zoneName;
  }

  private offset(sign: 1 | -1): void {
    const digits = this.peek(1) ?? wrong();
    if (!isDigits(digits)) wrong();
    let [hours, minutes] = [Number(digits.slice(0, 2)), 0];
    if (digits.length === 4) minutes = Number(digits.slice(2));
    else if (this.peek(2) === ':') {
      const behind = this.peek(3);
      if (!isDigits(behind)) return wrong();
      [hours, minutes] = [Number(digits), Number(behind)];
      this.at += 2;
    } else if (digits.length > 2) wrong();
    this.reading.offsetSeconds = sign * (hours * 3600 + minutes * 60);
    const name = this.peek(4);
    if (isJump(this.peek(2)) && this.peek(3) === '(' && this.peek(5) === ')' && name !== undefined && /^[A-Z]{3,5}$/.test(name)) {
      this.reading.zoneName = name;
      this.at += 4;
    }
    this.at += 1;
  }

  private number(token: string): void {
    const { reading, parts } = this;
    const [next, value] = [this.peek(1), Number(token)];
    if (parts.values.length === 3 && (token.length === 2 || token.length === 4) && reading.hour === undefined && (next === undefined || (next !== ':' && unitOf(next) === undefined))) {
      reading.hour = Number(token.slice(0, 2));
      if (token.length === 4) reading.minute = Number(token.slice(2));
    } else if (token.length === 6 || (token.length > 6 && token.indexOf('.') === 6)) this.sixDigits(token);
    else if (token.length === 8 || token.length === 12 || token.length === 14) this.wholeDate(token);
    else if (this.withUnit(token)) return;
    else if (next === ':' && this.peek(2) !== undefined) this.clock(value);
    else if (next === '-' || next === '/' || next === '.') this.dashed(token, next);
    else if (next === undefined || isJump(next)) this.alone(value);
    else if (halfOf(next) !== undefined && value < 24) {
      reading.hour = hourOf(Math.trunc(value), halfOf(next) as number);
      this.at += 1;
    } else if (parts.couldBeDay(value)) parts.add(value);
    else if (!this.options.fuzzy) wrong();
  }

  private sixDigits(token: string): void {
    const { reading, parts } = this;
    const pair = (from: number): string => token.slice(from, from + 2);
    if (parts.values.length === 0 && !token.includes('.')) [pair(0), pair(2), pair(4)].forEach((part) => parts.add(part));
    else {
      [reading.hour, reading.minute] = [Number(pair(0)), Number(pair(2))];
      this.seconds(token.slice(4));
    }
  }

  private wholeDate(token: string): void {
    const { reading, parts } = this;
    if (!isDigits(token)) wrong();
    parts.add(token.slice(0, 4), 'year');
    parts.add(token.slice(4, 6));
    parts.add(token.slice(6, 8));
    if (token.length > 8) [reading.hour, reading.minute] = [Number(token.slice(8, 10)), Number(token.slice(10, 12))];
    if (token.length > 12) reading.second = Number(token.slice(12));
  }

  private seconds(text: string): void {
    const [whole = '', fraction] = text.split('.');
    if (!isDigits(whole)) wrong();
    [this.reading.second, this.reading.microsecond] = [Number(whole), fraction === undefined ? 0 : Number(fraction.padEnd(6, '0').slice(0, 6))];
  }

  private minutes(value: number): void {
    this.reading.minute = Math.trunc(value);
    if (value % 1 === 0) delete this.reading.second;
    else this.reading.second = Math.trunc(60 * (value % 1));
  }

  /** `10h`, `10 h 30`: by the unit behind the number, or the one after that before it. */
  private withUnit(token: string): boolean {
    const spaced = this.peek(1) === ' ' && unitOf(this.peek(2)) !== undefined;
    const behind = unitOf(this.peek(1)) ?? (spaced ? unitOf(this.peek(2)) : undefined);
    const last = this.at === this.tokens.length - 1 && this.at > 1 && this.peek(-1) === ' ';
    const before = unitOf(this.peek(-1)) ?? (last ? unitOf(this.peek(-2)) : undefined);
    const unit = behind ?? (before === undefined ? undefined : before + 1);
    if (unit === undefined) return false;
    if (behind !== undefined) this.at += unitOf(this.peek(1)) === undefined ? 2 : 1;
    const value = Number(token);
    if (unit === 0) {
      this.reading.hour = Math.trunc(value);
      if (value % 1 !== 0) this.reading.minute = Math.trunc(60 * (value % 1));
    } else if (unit === 1) this.minutes(value);
    else if (unit === 2) this.seconds(token);
    return true;
  }

  private clock(hour: number): void {
    const minute = this.peek(2) as string;
    if (!/^\d+\.?\d*$/.test(minute)) wrong();
    this.reading.hour = Math.trunc(hour);
    this.minutes(Number(minute));
    if (this.peek(3) === ':' && this.peek(4) !== undefined) {
      this.seconds(this.peek(4) as string);
      this.at += 2;
    }
    this.at += 2;
  }

  private dashed(token: string, separator: string): void {
    const { parts } = this;
    parts.add(token);
    const second = this.peek(2);
    if (second !== undefined && !isJump(second)) {
      this.dayOrMonth(second);
      if (this.peek(3) === separator) {
        const third = this.peek(4) ?? wrong();
        this.dayOrMonth(third);
        this.at += 2;
      }
      this.at += 1;
    }
    this.at += 1;
  }

  private dayOrMonth(token: string): void {
    const month = monthOf(token);
    if (month === undefined) this.parts.add(token);
    else this.parts.add(month, 'month');
  }

  private alone(value: number): void {
    const half = halfOf(this.peek(2));
    if (half !== undefined) {
      this.reading.hour = hourOf(Math.trunc(value), half);
      this.at += 1;
    } else this.parts.add(value);
    this.at += 1;
  }
}

const hourOf = (hour: number, half: number): number => (hour < 12 && half === 1 ? hour + 12 : hour === 12 && half === 0 ? 0 : hour);
