import { raise } from '../error.ts';
import type { Runtime } from '../runtime.ts';
import { callValue, getAttribute } from '../value/attribute.ts';
import { MethodTable } from '../value/function.ts';
import { order } from '../value/operator.ts';
import type { BinaryOperator } from '../value/operator.ts';
import { indexOf, PyObject } from '../value/value.ts';
import type { Value } from '../value/value.ts';
import type { PyDate } from './datetime.ts';
import { PyDateTime } from './datetime.ts';
import type { Difference } from './difference.ts';
import { instantOf, liesAfter, preciseDifference } from './difference.ts';
import type { Locale } from './locale.ts';
import { localeOf } from './locale.ts';
import { PyTimedelta } from './timedelta.ts';
import { DAY, SECOND } from './wall.ts';

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
export class Duration extends PyTimedelta {
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

  override get seconds(): bigint {
    return ((size(this.rest) / SECOND) % 86_400n) * sign(this.rest);
  }

  override get microseconds(): bigint {
    return (size(this.rest) % SECOND) * sign(this.rest);
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

  protected override make(micros: bigint): PyTimedelta {
    return new Duration(micros);
  }

  override repr(_rt: Runtime): string {
    const { years, months, weeks, remainingDays, hours, minutes, remainingSeconds } = this.parts;
    const fields = { years, months, weeks, days: remainingDays, hours, minutes, seconds: remainingSeconds, microseconds: this.microseconds };
    return `Duration(${Object.entries(fields).filter(([, value]) => value !== 0n).map(([name, value]) => `${name}=${value}`).join(', ')})`;
  }

  override str(_rt: Runtime): string {
    return this.words(localeOf(undefined), ' ');
  }

  /** As what a part of a second counts: pendulum has its seconds singular in an interval. */
  protected readonly fractionCountsAs: bigint = 0n;

  words(locale: Locale, separator: string): string {
    const { years, months, weeks, remainingDays, hours, minutes, remainingSeconds } = this.parts;
    const parts = [['year', years], ['month', months], ['week', weeks], ['day', remainingDays], ['hour', hours], ['minute', minutes], ['second', remainingSeconds]] as const;
    const told = parts.filter(([, value]) => value !== 0n).map(([unit, value]) => locale.counted(value, unit, size(value)));
    if (told.length > 0) return told.join(separator);
    if (this.microseconds === 0n) return locale.counted(0n, 'microsecond', 0n);
    return locale.counted((Number(size(this.microseconds)) / 1e6).toFixed(2), 'second', this.fractionCountsAs);
  }

  runsBackwards(): boolean {
    return this.micros < 0n;
  }

  /** pendulum divides by another duration through what only its own have. */
  override binary(operator: BinaryOperator, other: Value, reflected: boolean, rt: Runtime): Value | undefined {
    if (!reflected && other instanceof PyTimedelta && !(other instanceof Duration) && (operator === '/' || operator === '//' || operator === '%')) {
      raise('AttributeError', "'datetime.timedelta' object has no attribute '_to_microseconds'");
    }
    return super.binary(operator, other, reflected, rt);
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
        return this.runsBackwards();
      default:
        return DURATION_METHODS.bound(this, name) ?? super.attribute(name, rt);
    }
  }
}

const per = (seconds: number) => ['', (self: Duration): Value => self.totalSeconds / seconds] as const;
const whole = (unit: bigint) => ['', (self: Duration): Value => self.micros / unit] as const;

const DURATION_METHODS = new MethodTable<Duration>({
  total_minutes: per(60),
  total_hours: per(3600),
  total_days: per(86_400),
  total_weeks: ['', (self) => self.totalSeconds / 86_400 / 7],
  in_weeks: whole(7n * DAY),
  in_days: whole(DAY),
  in_hours: whole(3600n * SECOND),
  in_minutes: whole(60n * SECOND),
  in_seconds: whole(SECOND),
  in_words: ['locale? separator?', (self, [locale, separator = ' '], rt) => self.words(localeOf(locale), rt.str(separator))],
  as_timedelta: ['', (self) => new PyTimedelta(self.micros)],
});

/** `pendulum.Interval`: a duration that knows both its ends, and so its years and months. */
export class Interval extends Duration {
  override readonly typeName = 'Interval';
  readonly start: PyDate;
  readonly end: PyDate;
  private readonly backwards: boolean;
  protected override readonly fractionCountsAs = 1n;
  private readonly absolute: boolean;
  private readonly difference: Difference;

  constructor(start: PyDate, end: PyDate, absolute: boolean) {
    if (start instanceof PyDateTime && end instanceof PyDateTime && (start.zone === undefined) !== (end.zone === undefined)) raise('TypeError', "can't compare offset-naive and offset-aware datetimes");
    const backwards = liesAfter(start, end);
    const [first, last] = absolute && backwards ? [end, start] : [start, end];
    super(instantOf(last) - instantOf(first));
    this.backwards = backwards;
    this.start = first;
    this.end = last;
    this.absolute = absolute;
    this.difference = preciseDifference(first, last);
  }

  override get days(): bigint {
    return (size(this.rest) / DAY) * sign(this.rest);
  }

  /** Of an absolute one, whether its ends changed places. */
  override runsBackwards(): boolean {
    return this.backwards;
  }

  override get parts(): Parts {
    const { years, months, days, hours, minutes } = this.difference;
    return { ...super.parts, years, months, weeks: (size(days) / 7n) * sign(days), remainingDays: (size(days) % 7n) * sign(this.days), hours, minutes };
  }

  get wholeDays(): bigint {
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

  override iterate(rt: Runtime): Generator<Value, void, undefined> {
    return this.range('days', 1n, rt);
  }

  override contains(item: Value, rt: Runtime): boolean {
    return order('<=', this.start, item, rt) <= 0 && order('<=', item, this.end, rt) <= 0;
  }

  override binary(operator: BinaryOperator, other: Value, reflected: boolean, rt: Runtime): Value | undefined {
    return new Duration(this.micros).binary(operator, other, reflected, rt);
  }

  override equals(other: Value): boolean {
    if (!(other instanceof Interval)) return super.equals(other);
    return this.absolute === other.absolute && this.start.equals(other.start) && this.end.equals(other.end);
  }

  *range(unit: string, amount: bigint, rt: Runtime): Generator<Value, void, undefined> {
    const backwards = !this.absolute && this.backwards;
    const move = getAttribute(this.start, backwards ? 'subtract' : 'add', rt);
    let at: Value = this.start;
    for (let moved = amount; backwards ? order('>=', at, this.end, rt) >= 0 : order('<=', at, this.end, rt) <= 0; moved += amount) {
      yield at;
      at = callValue(move, { positional: [], named: new Map([[unit, moved]]) }, rt);
    }
  }
}

/** The dates of a range, which can be gone through once. */
class DateRange extends PyObject {
  override readonly typeName = 'generator';
  private readonly dates: Generator<Value, void, undefined>;

  constructor(dates: Generator<Value, void, undefined>) {
    super();
    this.dates = dates;
  }

  override repr(): string {
    return '<generator object Interval.range>';
  }

  override iterate(): Generator<Value, void, undefined> {
    return this.dates;
  }
}

const INTERVAL_METHODS = new MethodTable<Interval>({
  range: ['unit amount?', (self, [unit, amount = 1n], rt) => new DateRange(self.range(rt.str(unit as Value), BigInt(indexOf(amount)), rt))],
  in_weeks: ['', (self) => (size(self.wholeDays) / 7n) * sign(self.wholeDays)],
  in_days: ['', (self) => self.wholeDays],
  in_years: ['', (self) => self.parts.years],
  in_months: ['', (self) => self.parts.years * 12n + self.parts.months],
  as_duration: ['', (self) => new Duration(self.micros)],
});
