import { raise } from '../error.ts';
import type { Runtime } from '../runtime.ts';
import type { Arguments } from '../value/arguments.ts';
import { bind } from '../value/arguments.ts';
import { MethodTable, NativeFunction, parsed } from '../value/function.ts';
import { formatValue } from '../value/format-spec.ts';
import { arithmetic, compareNumbers, round, toInt } from '../value/number.ts';
import type { BinaryOperator } from '../value/operator.ts';
import { floatOf, indexOf, isInt, isNumber, PyObject, typeName, Undefined } from '../value/value.ts';
import type { Value } from '../value/value.ts';
import { addMonths, civilDate, daysInMonth, isLeap, weekday } from './calendar.ts';
import type { CivilDate } from './calendar.ts';
import { MIDNIGHT, PyDate, PyDateTime } from './datetime.ts';
import { PyTimedelta, spanMicros } from './timedelta.ts';
import { DAY, HOUR, MINUTE, SECOND } from './wall.ts';

type Real = bigint | number;

const RELATIVE = ['years', 'months', 'days', 'leapdays', 'hours', 'minutes', 'seconds', 'microseconds'] as const;
const ABSOLUTE = ['year', 'month', 'day', 'hour', 'minute', 'second', 'microsecond'] as const;

type Relative = { readonly [name in (typeof RELATIVE)[number]]: Real };
type Absolute = { readonly [name in (typeof ABSOLUTE)[number]]?: number };

/** `MO`, `TU(+1)`: a weekday, and which of them counting on (or, below zero, back). */
class Weekday extends PyObject {
  override readonly typeName = 'weekday';
  readonly day: number;
  readonly nth: number | undefined;

  constructor(day: number, nth?: number) {
    super();
    this.day = day;
    this.nth = nth;
  }

  override repr(): string {
    const name = WEEKDAY_NAMES[this.day] as string;
    return this.nth === undefined ? name : `${name}(${this.nth < 0 ? '' : '+'}${this.nth})`;
  }

  override call({ positional }: Arguments): Value {
    const nth = indexOf(positional[0] ?? null);
    return nth === 0 ? raise('ValueError', "Can't create weekday with n==0") : new Weekday(this.day, nth);
  }

  override equals(other: Value): boolean {
    return other instanceof Weekday && other.day === this.day && (other.nth ?? 1) === (this.nth ?? 1);
  }

  override attribute(name: string): Value | undefined {
    if (name === 'weekday') return BigInt(this.day);
    return name === 'n' ? (this.nth === undefined ? null : BigInt(this.nth)) : undefined;
  }
}

const WEEKDAY_NAMES = ['MO', 'TU', 'WE', 'TH', 'FR', 'SA', 'SU'];

/** `dateutil.relativedelta.relativedelta`: years, months and a span to move by, and fields to set first. */
class RelativeDelta extends PyObject {
  override readonly typeName = 'relativedelta';
  private readonly relative: Relative;
  private readonly absolute: Absolute;
  private readonly weekday: Weekday | undefined;

  constructor(relative: Relative, absolute: Absolute = {}, onWeekday?: Weekday) {
    super();
    this.relative = normalized(relative);
    this.absolute = absolute;
    this.weekday = onWeekday;
  }

  private get hasTime(): boolean {
    const { hours, minutes, seconds, microseconds } = this.relative;
    const { hour, minute, second, microsecond } = this.absolute;
    return [hours, minutes, seconds, microseconds].some((value) => Number(value) !== 0) || [hour, minute, second, microsecond].some((value) => value !== undefined);
  }

  /** The date moved by it: fields set, then years and months, then the span, then on to the weekday. */
  applied(to: PyDate): PyDate {
    const date = this.hasTime && !(to instanceof PyDateTime) ? new PyDateTime({ ...to.date, ...MIDNIGHT }, undefined) : to;
    const { years, months } = this.relative;
    const { year = date.date.year, month = date.date.month, day, ...clock } = this.absolute;
    const target = addMonths({ year: year + Number(years), month, day: 1 }, Number(months));
    if (target.year < 1 || target.year > 9999) raise('ValueError', `year ${target.year} is out of range`);
    const landed: CivilDate = { ...target, day: Math.min(daysInMonth(target.year, target.month), day ?? date.date.day) };
    const set = date instanceof PyDateTime ? date.at({ ...date.wall, ...clock, ...landed }) : date.make(landed);
    return this.onWeekday(plus(set, this.span(target)));
  }

  private span({ year, month }: CivilDate): bigint {
    const { days, leapdays, hours, minutes, seconds, microseconds } = this.relative;
    const leap = isLeap(year) && month > 2 ? BigInt(Number(leapdays)) * DAY : 0n;
    return leap + spanMicros([[days, DAY], [hours, HOUR], [minutes, MINUTE], [seconds, SECOND], [microseconds, 1n]], 'relativedelta');
  }

  private onWeekday(date: PyDate): PyDate {
    if (this.weekday === undefined) return date;
    const { day, nth = 1 } = this.weekday;
    const weeks = (Math.abs(nth) - 1) * 7;
    const jump = nth > 0 ? weeks + ((7 - weekday(date.date) + day) % 7) : -(weeks + ((weekday(date.date) - day + 7) % 7));
    return plus(date, BigInt(jump) * DAY);
  }

  negated(): RelativeDelta {
    return new RelativeDelta(mapRelative((name) => (name === 'leapdays' ? this.relative.leapdays : (arithmetic('-', 0n, this.relative[name]) as Real))), this.absolute, this.weekday);
  }

  private scaled(factor: number): RelativeDelta {
    return new RelativeDelta(mapRelative((name) => (name === 'leapdays' ? this.relative.leapdays : toInt(arithmetic('*', this.relative[name], factor) as number))), this.absolute, this.weekday);
  }

  private plus(other: RelativeDelta, operator: '+' | '-'): RelativeDelta {
    const relative = mapRelative((name) => (name === 'leapdays' ? other.relative.leapdays || this.relative.leapdays : (arithmetic(operator, this.relative[name], other.relative[name]) as Real)));
    const [strong, weak] = operator === '+' ? [other, this] : [this, other];
    return new RelativeDelta(relative, { ...weak.absolute, ...strong.absolute }, strong.weekday ?? weak.weekday);
  }

  /** Without fractions: what is left of a unit becomes the next smaller one. */
  withoutFractions(): RelativeDelta {
    const { days, hours, minutes, seconds, microseconds } = this.relative;
    const wholeDays = Math.trunc(Number(days));
    const allHours = rounded(Number(hours) + 24 * (Number(days) - wholeDays), 11);
    const allMinutes = rounded(Number(minutes) + 60 * (allHours - Math.trunc(allHours)), 10);
    const allSeconds = rounded(Number(seconds) + 60 * (allMinutes - Math.trunc(allMinutes)), 8);
    const allMicroseconds = rounded(Number(microseconds) + 1e6 * (allSeconds - Math.trunc(allSeconds)), 0);
    const whole = { days: wholeDays, hours: allHours, minutes: allMinutes, seconds: allSeconds, microseconds: allMicroseconds };
    return new RelativeDelta({ ...this.relative, ...mapRelative((name) => (name in whole ? toInt(whole[name as keyof typeof whole]) : this.relative[name])) }, this.absolute, this.weekday);
  }

  override binary(operator: BinaryOperator, other: Value, reflected: boolean): Value | undefined {
    if (operator === '+' && other instanceof PyDate) return this.applied(other);
    if (operator === '-' && reflected) return this.negated().binary('+', other, true);
    if ((operator === '+' || operator === '-') && !reflected && other instanceof RelativeDelta) return this.plus(other, operator);
    if (operator === '+' && other instanceof PyTimedelta) return this.plus(new RelativeDelta({ ...ZERO, days: other.days, seconds: other.seconds, microseconds: other.microseconds }), '+');
    if (operator === '*' && isNumber(other)) return this.scaled(floatOf(other));
    return operator === '/' && !reflected && isNumber(other) ? this.scaled(1 / floatOf(other)) : undefined;
  }

  override unary(operator: '-' | '+' | 'abs'): Value {
    if (operator === '+') return this;
    if (operator === '-') return this.negated();
    return new RelativeDelta(mapRelative((name) => (Number(this.relative[name]) < 0 ? (arithmetic('-', 0n, this.relative[name]) as Real) : this.relative[name])), this.absolute, this.weekday);
  }

  override truth(): boolean {
    return RELATIVE.some((name) => Number(this.relative[name]) !== 0) || Object.keys(this.absolute).length > 0 || this.weekday !== undefined;
  }

  override equals(other: Value): boolean {
    if (!(other instanceof RelativeDelta)) return false;
    const weekdays = this.weekday === undefined ? other.weekday === undefined : other.weekday !== undefined && this.weekday.equals(other.weekday);
    return weekdays && RELATIVE.every((name) => compareNumbers(this.relative[name], other.relative[name]) === 0) && ABSOLUTE.every((name) => this.absolute[name] === other.absolute[name]);
  }

  override repr(rt: Runtime): string {
    const moved = RELATIVE.filter((name) => Number(this.relative[name]) !== 0).map((name) => `${name}=${formatValue(this.relative[name], '+g', rt)}`);
    const { year, month, day, hour, minute, second, microsecond } = this.absolute;
    const set = Object.entries({ year, month, day, weekday: this.weekday?.repr(), hour, minute, second, microsecond }).filter(([, value]) => value !== undefined).map(([name, value]) => `${name}=${value}`);
    return `relativedelta(${[...moved, ...set].join(', ')})`;
  }

  override attribute(name: string): Value | undefined {
    const moved = RELATIVE.find((known) => known === name);
    if (moved !== undefined) return this.relative[moved];
    if (name === 'weeks') return toInt(Number(this.relative.days) / 7);
    if (name === 'weekday') return this.weekday ?? null;
    const set = ABSOLUTE.find((known) => known === name);
    if (set !== undefined) return this.absolute[set] === undefined ? null : BigInt(this.absolute[set]);
    return METHODS.bound(this, name);
  }
}

const METHODS = new MethodTable<RelativeDelta>({ normalized: ['', (self) => self.withoutFractions()] });

const rounded = (value: number, digits: number): number => round(value, digits) as number;

const plus = (date: PyDate, micros: bigint): PyDate => date.plus(new PyTimedelta(micros), 1n);

const ZERO: Relative = { years: 0n, months: 0n, days: 0n, leapdays: 0n, hours: 0n, minutes: 0n, seconds: 0n, microseconds: 0n };

const mapRelative = (value: (name: keyof Relative) => Real): Relative => Object.fromEntries(RELATIVE.map((name) => [name, value(name)])) as unknown as Relative;

/** Each unit carried over into the next larger one, with its sign. */
function normalized(relative: Relative): Relative {
  const result: Record<keyof Relative, Real> = { ...relative };
  const carry = (from: keyof Relative, to: keyof Relative, size: bigint): void => {
    const value = result[from];
    if (Math.abs(Number(value)) < Number(size)) return;
    const sign = Number(value) < 0 ? -1n : 1n;
    const magnitude = arithmetic('*', value, sign) as Real;
    result[from] = arithmetic('*', arithmetic('%', magnitude, size) as Real, sign) as Real;
    result[to] = arithmetic('+', result[to], arithmetic('*', arithmetic('//', magnitude, size) as Real, sign) as Real) as Real;
  };
  carry('microseconds', 'seconds', 1_000_000n);
  carry('seconds', 'minutes', 60n);
  carry('minutes', 'hours', 60n);
  carry('hours', 'days', 24n);
  carry('months', 'years', 12n);
  return result;
}

const SIGNATURE =
  'dt1? dt2? years? months? days? leapdays? weeks? hours? minutes? seconds? microseconds? year? month? day? weekday? yearday? nlyearday? hour? minute? second? microsecond?';

function makeRelativeDelta(args: Arguments): Value {
  const given = bind('relativedelta', parsed(SIGNATURE), args);
  const { names } = parsed(SIGNATURE);
  const value = (name: string): Value | undefined => given[names.indexOf(name)];
  const [from, to] = [value('dt1') ?? null, value('dt2') ?? null];
  if (from !== null && to !== null) return between(from, to);
  const real = (name: string): Real => {
    const number = value(name) ?? 0n;
    if (number instanceof Undefined) number.fail();
    return isNumber(number) ? (typeof number === 'boolean' ? BigInt(number) : number) : raise('TypeError', `relativedelta ${name} must be a number, not ${typeName(number)}`);
  };
  const whole = (name: string): bigint => {
    const number = real(name);
    return isInt(number) || Number.isInteger(number) ? toInt(number) : raise('ValueError', 'Non-integer years and months are ambiguous and not currently supported.');
  };
  const days = arithmetic('+', real('days'), arithmetic('*', real('weeks'), 7n) as Real) as Real;
  const relative = { ...ZERO, years: whole('years'), months: whole('months'), days, leapdays: real('leapdays'), hours: real('hours'), minutes: real('minutes'), seconds: real('seconds'), microseconds: real('microseconds') };
  const absolute = Object.fromEntries(ABSOLUTE.flatMap((name) => ((value(name) ?? null) === null ? [] : [[name, indexOf(value(name) as Value)]])));
  const yearDay = value('nlyearday') ?? value('yearday') ?? null;
  if (yearDay === null) return new RelativeDelta(relative, absolute, weekdayOf(value('weekday') ?? null));
  // The day of a year without a leap day; a `yearday` behind February gives the leap day back.
  const day = indexOf(yearDay);
  if (day < 1 || day > 366) raise('ValueError', `invalid year day (${day})`);
  const { month, day: dayOfMonth } = day === 366 ? { month: 12, day: 32 } : civilDate(day - 1);
  const leapdays = value('nlyearday') === undefined && day > 59 && day < 366 ? -1n : relative.leapdays;
  return new RelativeDelta({ ...relative, leapdays }, { ...absolute, month, day: dayOfMonth }, weekdayOf(value('weekday') ?? null));
}

function weekdayOf(value: Value): Weekday | undefined {
  if (value === null) return undefined;
  if (value instanceof Weekday) return value;
  const day = indexOf(value);
  return day >= -7 && day <= 6 ? new Weekday((day + 7) % 7) : raise('IndexError', 'tuple index out of range');
}

/** The years, months and span from one date to another. */
function between(later: Value, earlier: Value): Value {
  for (const date of [later, earlier]) if (date instanceof Undefined) date.fail();
  if (!(later instanceof PyDate) || !(earlier instanceof PyDate)) return raise('TypeError', 'relativedelta only diffs datetime/date');
  const withTime = later instanceof PyDateTime || earlier instanceof PyDateTime;
  const asTime = (date: PyDate): PyDate => (withTime && !(date instanceof PyDateTime) ? new PyDateTime({ ...date.date, ...MIDNIGHT }, undefined) : date);
  const [end, start] = [asTime(later), asTime(earlier)];
  let months = (end.date.year - start.date.year) * 12 + end.date.month - start.date.month;
  const at = (count: number): PyDate => new RelativeDelta({ ...ZERO, months: BigInt(count) }).applied(start);
  const forwards = (end.compare(start) ?? 0) >= 0;
  while (forwards ? (end.compare(at(months)) ?? 0) < 0 : (end.compare(at(months)) ?? 0) > 0) months += forwards ? -1 : 1;
  const rest = end.minus(at(months));
  return new RelativeDelta({ ...ZERO, months: BigInt(months), seconds: rest.micros / SECOND, microseconds: rest.micros % SECOND });
}

/** The module `dateutil.relativedelta`, and `dateutil` that holds it. */
export const RELATIVEDELTA_NAMES: readonly (readonly [string, Value])[] = [
  ['relativedelta', new NativeFunction('relativedelta', makeRelativeDelta)],
  ...WEEKDAY_NAMES.map((name, day) => [name, new Weekday(day)] as const),
];
