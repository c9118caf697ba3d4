import type { Runtime } from '../runtime.ts';
import { MethodTable } from '../value/function.ts';
import { arithmetic } from '../value/number.ts';
import { order } from '../value/operator.ts';
import type { BinaryOperator } from '../value/operator.ts';
import type { Value } from '../value/value.ts';
import { daysInMonth } from './calendar.ts';
import type { PyDateTime } from './datetime.ts';
import { PyTimedelta } from './timedelta.ts';
import type { Wall } from './wall.ts';
import { DAY, SECOND, wallMicros, wallOf } from './wall.ts';

const sign = (value: bigint): bigint => (value < 0n ? -1n : 1n);
const size = (value: bigint): bigint => (value < 0n ? -value : value);

/** The parts of a duration as pendulum tells them: each with the sign of the whole. */
interface Parts {
  readonly years: bigint;
  readonly months: bigint;
  readonly weeks: bigint;
  readonly remainingDays: bigint;
  readonly hours: bigint;
  readonly minutes: bigint;
  readonly remainingSeconds: bigint;
}

/** `pendulum.Duration`: a timedelta whose parts share its sign, and that can be told in words. */
class Duration extends PyTimedelta {
  override readonly typeName: string = 'Duration';
  protected readonly years: bigint;
  protected readonly months: bigint;

  constructor(micros: bigint, years = 0n, months = 0n) {
    super(micros + (years * 365n + months * 30n) * DAY);
    this.years = years;
    this.months = months;
  }

  /** Without its years and months. */
  get rest(): bigint {
    return this.micros - (this.years * 365n + this.months * 30n) * DAY;
  }

  override get days(): bigint {
    return this.years === 0n && this.months === 0n ? (size(this.rest) / DAY) * sign(this.rest) : super.days;
  }

  override get seconds(): bigint {
    return ((size(this.rest) / SECOND) % 86_400n) * sign(this.rest);
  }

  get parts(): Parts {
    const seconds = size(this.seconds);
    const days = size(this.rest) / DAY;
    const signed = (value: bigint): bigint => value * sign(this.rest);
    return {
      years: this.years, months: this.months, weeks: signed(days / 7n), remainingDays: signed(days % 7n),
      hours: signed((seconds / 3600n) % 24n), minutes: signed((seconds / 60n) % 60n), remainingSeconds: signed(seconds % 60n),
    };
  }

  get wholeDays(): bigint {
    return this.micros / DAY;
  }

  protected override make(micros: bigint): PyTimedelta {
    return new Duration(micros);
  }

  override repr(_rt: Runtime): string {
    const { years, months, weeks, remainingDays, hours, minutes, remainingSeconds } = this.parts;
    const fields = { years, months, weeks, days: remainingDays, hours, minutes, seconds: remainingSeconds, microseconds: this.microseconds };
    return `Duration(${Object.entries(fields).filter(([, value]) => value !== 0n).map(([name, value]) => `${name}=${value}`).join(', ')})`;
  }

  override str(_rt: Runtime): string {
    return this.words(' ');
  }

  words(separator: string): string {
    const { years, months, weeks, remainingDays, hours, minutes, remainingSeconds } = this.parts;
    const told = Object.entries({ year: years, month: months, week: weeks, day: remainingDays, hour: hours, minute: minutes, second: remainingSeconds })
      .filter(([, value]) => value !== 0n)
      .map(([unit, value]) => `${value} ${unit}${size(value) === 1n ? '' : 's'}`);
    if (told.length > 0) return told.join(separator);
    return this.microseconds === 0n ? '0 microseconds' : `${(Number(size(this.microseconds)) / 1e6).toFixed(2)} seconds`;
  }

  override attribute(name: string, rt: Runtime): Value | undefined {
    const { parts } = this;
    switch (name) {
      case 'years': case 'months': case 'weeks': case 'hours': case 'minutes':
        return parts[name];
      case 'remaining_days':
        return parts.remainingDays;
      case 'remaining_seconds':
        return parts.remainingSeconds;
      case 'invert':
        return this.micros < 0n;
      default:
        return DURATION_METHODS.bound(this, name) ?? super.attribute(name, rt);
    }
  }
}

const per = (unit: bigint) => ['', (self: Duration): Value => arithmetic('/', self.micros, unit)] as const;
const whole = (unit: bigint) => ['', (self: Duration): Value => self.micros / unit] as const;

const DURATION_METHODS = new MethodTable<Duration>({
  total_minutes: per(60n * SECOND),
  total_hours: per(3600n * SECOND),
  total_days: per(DAY),
  total_weeks: per(7n * DAY),
  in_weeks: ['', (self) => (size(self.wholeDays) / 7n) * sign(self.wholeDays)],
  in_days: ['', (self) => self.wholeDays],
  in_hours: whole(3600n * SECOND),
  in_minutes: whole(60n * SECOND),
  in_seconds: whole(SECOND),
  in_words: ['locale? separator?', (self, [, separator = ' '], rt) => self.words(rt.str(separator))],
  as_timedelta: ['', (self) => new PyTimedelta(self.micros)],
});

/** `pendulum.Interval`: a duration that knows both its ends, and so its years and months. */
export class Interval extends Duration {
  override readonly typeName = 'Interval';
  readonly start: PyDateTime;
  readonly end: PyDateTime;
  private readonly absolute: boolean;
  private readonly difference: Difference;

  constructor(start: PyDateTime, end: PyDateTime, absolute: boolean) {
    const [first, last] = absolute && start.instant > end.instant ? [end, start] : [start, end];
    super(last.instant - first.instant);
    this.start = first;
    this.end = last;
    this.absolute = absolute;
    this.difference = preciseDifference(first, last);
  }

  override get parts(): Parts {
    const { years, months, days, hours, minutes } = this.difference;
    return { ...super.parts, years, months, weeks: (size(days) / 7n) * sign(days), remainingDays: (size(days) % 7n) * sign(days), hours, minutes };
  }

  override get wholeDays(): bigint {
    return this.difference.totalDays;
  }

  override repr(rt: Runtime): string {
    return `<Interval [${this.start.str(rt)} -> ${this.end.str(rt)}]>`;
  }

  override str(rt: Runtime): string {
    return this.repr(rt);
  }

  override attribute(name: string, rt: Runtime): Value | undefined {
    if (name === 'start' || name === 'end') return this[name];
    return INTERVAL_METHODS.bound(this, name) ?? super.attribute(name, rt);
  }

  override unary(operator: '-' | '+' | 'abs'): Value {
    if (operator === '-') return new Interval(this.end, this.start, this.absolute);
    return operator === 'abs' ? new Interval(this.start, this.end, true) : new Duration(this.micros);
  }

  override *iterate(): Generator<Value, void, undefined> {
    yield* this.range(1n);
  }

  override contains(item: Value, rt: Runtime): boolean {
    return order('<=', this.start, item, rt) <= 0 && order('<=', item, this.end, rt) <= 0;
  }

  override binary(operator: BinaryOperator, other: Value, reflected: boolean, rt: Runtime): Value | undefined {
    return new Duration(this.micros).binary(operator, other, reflected, rt);
  }

  *range(days: bigint): Generator<Value, void, undefined> {
    const step = this.micros < 0n ? -days : days;
    for (let moved = 0n; ; moved += step) {
      const next = this.start.at(wallOf(wallMicros(this.start.wall) + moved * DAY));
      if (step > 0n ? next.instant > this.end.instant : next.instant < this.end.instant) return;
      yield next;
    }
  }
}

const INTERVAL_METHODS = new MethodTable<Interval>({
  in_years: ['', (self) => self.parts.years],
  in_months: ['', (self) => self.parts.years * 12n + self.parts.months],
  as_duration: ['', (self) => new Duration(self.micros)],
});

interface Difference {
  readonly years: bigint;
  readonly months: bigint;
  readonly days: bigint;
  readonly hours: bigint;
  readonly minutes: bigint;
  readonly totalDays: bigint;
}

/** Years, months, days and clock between two times by the calendar, as pendulum counts them. */
function preciseDifference(start: PyDateTime, end: PyDateTime): Difference {
  const backwards = start.instant > end.instant;
  const [early, late] = backwards ? [end, start] : [start, end];
  const sameZone = early.zone?.name === late.zone?.name;
  const sameDay = early.days === late.days;
  const [from, to] = sameZone && !sameDay ? [early.wall, late.wall] : [wallOf(early.instant), wallOf(late.instant)];
  const clock = clockMicros(to) - clockMicros(from);
  const borrowed = clock < 0n;
  const rest = borrowed ? clock + DAY : clock;
  let days = to.day - from.day - (borrowed ? 1 : 0);
  let months = to.month - from.month;
  let years = to.year - from.year;
  if (days < 0) {
    const [lastMonth, thisMonth] = [daysInMonth(to.year, to.month - 1), daysInMonth(to.year, to.month)];
    if (days < thisMonth - lastMonth) days += Math.max(lastMonth, from.day);
    else if (days === thisMonth - lastMonth) {
      days = 0;
      months += 1;
    } else days += lastMonth;
    months -= 1;
  }
  if (months < 0) {
    months += 12;
    years -= 1;
  }
  const direction = backwards ? -1n : 1n;
  const totalDays = BigInt(late.days - early.days);
  return {
    years: direction * BigInt(years), months: direction * BigInt(months), days: direction * BigInt(days),
    hours: direction * (rest / (3600n * SECOND)), minutes: direction * ((rest / (60n * SECOND)) % 60n), totalDays: direction * totalDays,
  };
}

const clockMicros = (wall: Wall): bigint => BigInt((wall.hour * 60 + wall.minute) * 60 + wall.second) * SECOND + BigInt(wall.microsecond);
