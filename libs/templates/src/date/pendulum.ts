import { raise } from '../error.ts';
import type { Runtime } from '../runtime.ts';
import { MethodTable } from '../value/function.ts';
import { floorDivide } from '../value/number.ts';
import type { BinaryOperator } from '../value/operator.ts';
import { order, truth } from '../value/operator.ts';
import { floatOf, isInt, indexOf, isNumber, isText, textOf, typeName, Undefined } from '../value/value.ts';
import type { Value } from '../value/value.ts';
import type { CivilDate } from './calendar.ts';
import { addMonths, dayOfYear, daysInMonth, isLeap, isoWeek, weekday } from './calendar.ts';
import { isZone, MIDNIGHT, PyDate, PyDateTime, PyTime, REPLACE, replacedWall, seenIn } from './datetime.ts';
import { Duration, Interval } from './duration.ts';
import type { Locale } from './locale.ts';
import { localeOf } from './locale.ts';
import { formatTokens } from './pendulum-format.ts';
import { PyTimedelta, spanMicros } from './timedelta.ts';
import type { Wall } from './wall.ts';
import { DAY, dateText, HOUR, MINUTE, SECOND, wallMicros, wallOf } from './wall.ts';
import type { Zone } from './zone.ts';
import { fixedZone, ForeignZone, namedZone, UTC } from './zone.ts';

/** What `add` moves by: calendar units first, then a span of time. */
interface Shift {
  readonly months: number;
  readonly days: number;
  readonly micros: bigint;
  /** Whether the span, too, is counted on the wall clock: as soon as calendar units were given. */
  readonly onWall?: boolean;
}

/** `pendulum.DateTime`, which Airflow's dates are. */
export class PendulumDateTime extends PyDateTime {
  override readonly typeName = 'DateTime';

  /** A wall clock time in a zone; one that a gap leaves out moves on by the gap (fold 1) or back by it (fold 0). */
  static create(wall: Wall, zone: Zone | undefined, fold = 1): PendulumDateTime {
    if (zone === undefined) return new PendulumDateTime(wall, zone, fold);
    const micros = wallMicros(wall);
    const gap = zone.offsetAtWall(micros, 1) - zone.offsetAtWall(micros, 0);
    const moved = gap > 0 ? wallOf(micros + BigInt(fold === 0 ? -gap : gap) * SECOND) : wall;
    return new PendulumDateTime(moved, zone, fold);
  }

  static ofInstant(instant: bigint, zone: Zone = UTC): PendulumDateTime {
    const { wall, fold } = seenIn(zone, instant);
    return new PendulumDateTime(wall, zone, fold);
  }

  static instance(value: PyDateTime): PendulumDateTime {
    return value instanceof PendulumDateTime ? value : PendulumDateTime.create(value.wall, ownZoneOf(value.zone ?? UTC), value.fold);
  }

  /** Its zone, unless another library's, which counts as none where the time is set or moved. */
  get ownZone(): Zone | undefined {
    return this.zone?.foreign === true ? undefined : this.zone;
  }

  /** At another wall clock time in its own zone. */
  placed(wall: Wall): PendulumDateTime {
    return PendulumDateTime.create(wall, this.ownZone, this.fold);
  }

  /** Set, it keeps its fold; moved, as `shifted` does it, it has pendulum's own, the later. */
  override at(wall: Wall): PendulumDateTime {
    return PendulumDateTime.create(wall, this.zone && ownZoneOf(this.zone), this.fold);
  }

  protected override seenAt(instant: bigint, zone: Zone): PendulumDateTime {
    return PendulumDateTime.ofInstant(instant, zone);
  }

  override repr(rt: Runtime): string {
    const { year, month, day, hour, minute, second, microsecond } = this.wall;
    return `DateTime(${[year, month, day, hour, minute, second].join(', ')}${microsecond > 0 ? `, ${microsecond}` : ''}${this.zone === undefined ? '' : `, tzinfo=${rt.repr(this.zone)}`})`;
  }

  /** pendulum's own tokens when there are any such, else those of `strftime`. */
  override format(spec: string, rt: Runtime): string {
    if (spec === '') return this.str(rt);
    return spec.includes('%') ? this.strftime(spec) : formatTokens(spec, this, localeOf(undefined));
  }

  shifted({ months, days, micros, onWall = months !== 0 || days !== 0 }: Shift): PendulumDateTime {
    const { ownZone } = this;
    if (!onWall && ownZone !== undefined) return PendulumDateTime.ofInstant(this.instant + micros, ownZone);
    const from = onWall ? this.wall : wallOf(this.instant);
    const date = yearChecked(addMonths(from, months));
    return PendulumDateTime.create(wallOf(wallMicros({ ...from, ...date }) + BigInt(days) * DAY + micros), ownZone);
  }

  override plus(delta: PyTimedelta, sign: 1n | -1n): PendulumDateTime {
    if (delta instanceof Interval) {
      const { years, months, weeks, remainingDays, hours, minutes, remainingSeconds } = delta.parts;
      const calendar = Number(sign * (years * 12n + months));
      // Taken away, pendulum counts an interval's months once as months and once more within its whole length.
      if (sign < 0n) return this.shifted({ months: calendar, days: 0, micros: -delta.micros });
      const micros = hours * HOUR + minutes * MINUTE + remainingSeconds * SECOND + delta.microseconds;
      return this.shifted({ months: calendar, days: Number(weeks * 7n + remainingDays), micros });
    }
    return this.shifted({ months: 0, days: 0, micros: sign * delta.micros });
  }

  override minus(other: PyDate): PyTimedelta {
    if (!(other instanceof PyDateTime)) return super.minus(other);
    this.refuseMixed(other, 'subtract');
    return new Interval(other instanceof PendulumDateTime ? other : PendulumDateTime.create(other.wall, other.zone, other.fold), this, false);
  }

  override takenFrom(other: PyDate): PyTimedelta | undefined {
    return other instanceof PyDateTime && !(other instanceof PendulumDateTime) && other.zone !== undefined ? new Interval(this, PendulumDateTime.instance(other), false) : undefined;
  }

  startOf(unit: string): PendulumDateTime {
    const { year, month } = this.wall;
    switch (unit) {
      case 'second': return this.placed({ ...this.wall, microsecond: 0 });
      case 'minute': return this.placed({ ...this.wall, second: 0, microsecond: 0 });
      case 'hour': return this.placed({ ...this.wall, minute: 0, second: 0, microsecond: 0 });
      case 'day': return this.placed({ ...this.wall, ...MIDNIGHT });
      case 'week': return this.shifted({ months: 0, days: -weekday(this.wall), micros: 0n }).startOf('day');
      case 'month': return this.placed({ year, month, day: 1, ...MIDNIGHT });
      case 'year': return this.placed({ year, month: 1, day: 1, ...MIDNIGHT });
      case 'decade': return this.placed({ year: year - (year % 10), month: 1, day: 1, ...MIDNIGHT });
      case 'century': return this.placed({ year: year - ((year - 1) % 100), month: 1, day: 1, ...MIDNIGHT });
      default: return raise('ValueError', `Invalid unit "${unit}" for start_of()`);
    }
  }

  endOf(unit: string): PendulumDateTime {
    const { year, month } = this.wall;
    const last = { hour: 23, minute: 59, second: 59, microsecond: 999_999 };
    switch (unit) {
      case 'second': return this.placed({ ...this.wall, microsecond: 999_999 });
      case 'minute': return this.placed({ ...this.wall, second: 59, microsecond: 999_999 });
      case 'hour': return this.placed({ ...this.wall, minute: 59, second: 59, microsecond: 999_999 });
      case 'day': return this.placed({ ...this.wall, ...last });
      case 'week': return this.shifted({ months: 0, days: 6 - weekday(this.wall), micros: 0n }).endOf('day');
      case 'month': return this.placed({ year, month, day: daysInMonth(year, month), ...last });
      case 'year': return this.placed({ year, month: 12, day: 31, ...last });
      case 'decade': return this.placed({ year: year - (year % 10) + 9, month: 12, day: 31, ...last });
      case 'century': return this.placed({ year: year - ((year - 1) % 100) + 99, month: 12, day: 31, ...last });
      default: return raise('ValueError', `Invalid unit "${unit}" for end_of()`);
    }
  }

  override attribute(name: string, rt: Runtime): Value | undefined {
    const { offsetSeconds, wall } = this;
    switch (name) {
      case 'timezone': case 'tz': return this.ownZone ?? null;
      case 'timezone_name': return this.ownZone?.name ?? null;
      case 'offset': return offsetSeconds === undefined ? null : BigInt(offsetSeconds);
      case 'offset_hours': return offsetSeconds === undefined ? null : offsetSeconds / 3600;
      case 'age': return new Interval(dateOf(this), dateOf(PendulumDateTime.ofInstant(rt.nowMicros(), this.zone)), false).parts.years;
      case 'min': return new PendulumDateTime({ year: 1, month: 1, day: 1, ...MIDNIGHT }, UTC);
      case 'max': return new PendulumDateTime({ year: 9999, month: 12, day: 31, hour: 23, minute: 59, second: 59, microsecond: 999_999 }, UTC);
      case 'int_timestamp': return (this.instant - (((this.instant % SECOND) + SECOND) % SECOND)) / SECOND;
      case 'float_timestamp': return Number(this.instant) / 1e6;
      default: return calendarAttribute(wall, name) ?? METHODS.bound(this, name) ?? super.attribute(name, rt);
    }
  }
}

const yearChecked = (date: CivilDate): CivilDate => (date.year < 1 || date.year > 9999 ? raise('ValueError', `year ${date.year} is out of range`) : date);

function calendarAttribute(date: CivilDate, name: string): Value | undefined {
  switch (name) {
    case 'day_of_week': return BigInt(weekday(date));
    case 'day_of_year': return BigInt(dayOfYear(date));
    case 'week_of_year': return BigInt(isoWeek(date).week);
    case 'week_of_month': return BigInt(Math.ceil((date.day + weekday({ ...date, day: 1 })) / 7));
    case 'days_in_month': return BigInt(daysInMonth(date.year, date.month));
    case 'quarter': return BigInt(Math.ceil(date.month / 3));
    default: return undefined;
  }
}

/** `pendulum.Date`. */
class PendulumDate extends PyDate {
  override readonly typeName = 'Date';

  override make(date: CivilDate): PyDate {
    return new PendulumDate(date);
  }

  override repr(): string {
    return `Date(${this.date.year}, ${this.date.month}, ${this.date.day})`;
  }

  override minus(other: PyDate): PyTimedelta {
    return new Interval(new PendulumDate(other.date), this, false);
  }

  override format(spec: string, rt: Runtime): string {
    if (spec === '') return this.str(rt);
    return spec.includes('%') ? super.format(spec, rt) : formatTokens(spec, midnight(this.date), localeOf(undefined));
  }

  override attribute(name: string, rt: Runtime): Value | undefined {
    if (name === 'age') return new Interval(this, today(rt), false).parts.years;
    return calendarAttribute(this.date, name) ?? DATE_METHODS.bound(this, name) ?? super.attribute(name, rt);
  }
}

/** `pendulum.Time`, which can be moved and compared within its day. */
class PendulumTime extends PyTime {
  override readonly typeName = 'Time';

  override make(clock: PyTime['clock'], zone: Zone | undefined): PyTime {
    return new PendulumTime(clock, zone);
  }

  override repr(rt: Runtime): string {
    const { hour, minute, second, microsecond } = this.clock;
    return `Time(${hour}, ${minute}, ${second}${microsecond > 0 ? `, ${microsecond}` : ''}${this.zone === undefined ? '' : `, tzinfo=${rt.repr(this.zone)}`})`;
  }

  override format(spec: string, rt: Runtime): string {
    return spec === '' || spec.includes('%') ? super.format(spec, rt) : formatTokens(spec, this.onFirstDay, localeOf(undefined));
  }

  /** The time as one of a date, for what is told of dates only. */
  get onFirstDay(): PendulumDateTime {
    return new PendulumDateTime({ year: 1, month: 1, day: 1, ...this.clock }, undefined);
  }

  get seconds(): bigint {
    return BigInt((this.clock.hour * 60 + this.clock.minute) * 60 + this.clock.second);
  }

  /** Moved round the clock. */
  moved(micros: bigint): PendulumTime {
    return new PendulumTime(PendulumDateTime.create({ year: 1970, month: 1, day: 1, ...this.clock }, UTC).shifted({ months: 0, days: 0, micros }).wall);
  }

  /** Whole seconds from this to another, as pendulum counts them. */
  to(other: PyTime): bigint {
    return (new PendulumTime(other.clock).seconds - this.seconds) * SECOND;
  }

  override binary(operator: BinaryOperator, other: Value, reflected: boolean): Value | undefined {
    if (other instanceof PyTimedelta && (operator === '+' || operator === '-') && !reflected) {
      if (other.days !== 0n) raise('TypeError', `Cannot ${operator === '+' ? 'add' : 'subtract'} timedelta with days to Time.`);
      return this.moved((other.seconds * SECOND + other.microseconds) * (operator === '+' ? 1n : -1n));
    }
    if (operator !== '-' || !(other instanceof PyTime)) return undefined;
    if (other.zone !== undefined) raise('TypeError', 'Cannot subtract aware times to or from Time.');
    return new Duration(reflected ? this.to(other) : -this.to(other));
  }

  override attribute(name: string, rt: Runtime): Value | undefined {
    return PENDULUM_TIME_METHODS.bound(this, name) ?? super.attribute(name, rt);
  }
}

const midnight = (date: CivilDate): PendulumDateTime => new PendulumDateTime({ ...date, ...MIDNIGHT }, undefined);
const today = (rt: Runtime): PendulumDate => dateOf(PendulumDateTime.ofInstant(rt.nowMicros()));
const dateOf = ({ wall }: PendulumDateTime): PendulumDate => new PendulumDate(wall);

/** A zone as pendulum takes one: by name, by offset in seconds, or itself. */
function zoneOf(value: Value): Zone {
  if (value instanceof Undefined) value.fail();
  if (isText(value)) return textOf(value) === 'local' ? UTC : namedZone(textOf(value));
  if (isInt(value)) return fixedZone(indexOf(value));
  return isZone(value) ? ownZoneOf(value) : raise('TypeError', `a time zone cannot be made of ${typeName(value)}`);
}

/** pendulum's own zone for one of another library's. */
const ownZoneOf = (zone: Zone): Zone => (zone instanceof ForeignZone ? zone.base : zone);

type Args = (Value | undefined)[];

const whole = (value: Value | undefined): number => (value === undefined ? 0 : indexOf(value));
const given = (value: Value | undefined): boolean => value !== undefined && isNumber(value) && floatOf(value) !== 0;

function shiftOf([years, months, weeks, days, hours, minutes, seconds, microseconds]: Args, sign: 1 | -1): Shift {
  const micros = spanMicros([[weeks, 7n * DAY], [days, DAY], [hours, HOUR], [minutes, MINUTE], [seconds, SECOND], [microseconds, 1n]], 'add');
  return { months: sign * (whole(years) * 12 + whole(months)), days: 0, micros: BigInt(sign) * micros, onWall: [years, months, weeks, days].some(given) };
}

const SHIFT = 'years? months? weeks? days? hours? minutes? seconds? microseconds?';

/** The days of a week in a month are looked up as in a list, from its end too. */
function weekdayInMonth(value: Value): number {
  const day = indexOf(value);
  return day >= -7 && day <= 6 ? (day + 7) % 7 : raise('IndexError', 'list index out of range');
}

function weekdayArgument(value: Value | undefined, otherwise: number): number {
  if (value === undefined || value === null) return otherwise;
  const day = indexOf(value);
  return day >= 0 && day <= 6 ? day : raise('ValueError', 'Invalid day of week');
}

function nextWeekday(self: PendulumDateTime, [wanted, keepTime]: Args, direction: 1 | -1): PendulumDateTime {
  const day = weekday(self.wall);
  const distance = ((direction * (weekdayArgument(wanted, day) - day) + 6) % 7) + 1;
  return (keepTime === true ? self : self.startOf('day')).shifted({ months: 0, days: direction * distance, micros: 0n });
}

/** The months of the unit that a date lies in: its first and its last. */
function monthsOf(unit: Value | undefined, { month }: CivilDate): readonly [first: number, last: number] {
  if (unit === 'month') return [month, month];
  if (unit === 'year') return [1, 12];
  const quarter = Math.ceil(month / 3) * 3;
  return unit === 'quarter' ? [quarter - 2, quarter] : raise('ValueError', `Invalid unit "${isText(unit ?? null) ? textOf(unit as string) : ''}" for first_of()`);
}

function firstOf(self: PendulumDateTime, [unit, day]: Args): PendulumDateTime {
  const start = { year: self.wall.year, month: monthsOf(unit, self.wall)[0], day: 1 };
  const distance = day === undefined || day === null ? 0 : (weekdayInMonth(day) - weekday(start) + 7) % 7;
  return self.placed({ ...start, day: 1 + distance, ...MIDNIGHT });
}

function lastOf(self: PendulumDateTime, [unit, day]: Args): PendulumDateTime {
  const month = monthsOf(unit, self.wall)[1];
  const end = { year: self.wall.year, month, day: daysInMonth(self.wall.year, month) };
  const distance = day === undefined || day === null ? 0 : (weekday(end) - weekdayInMonth(day) + 7) % 7;
  return self.placed({ ...end, day: end.day - distance, ...MIDNIGHT });
}

function nthOf(self: PendulumDateTime, [unit, nth, day]: Args): PendulumDateTime {
  const found = firstOf(self, [unit, day]).shifted({ months: 0, days: 7 * (whole(nth) - 1), micros: 0n });
  if (found.instant <= lastOf(self, [unit]).endOf('day').instant) return self.placed({ ...found.wall, ...MIDNIGHT });
  return raise('PendulumException', `Unable to find occurrence ${whole(nth)} in ${typeof unit === 'string' ? unit : 'the unit'}`);
}

function otherTime(value: Value | undefined, rt: Runtime): PendulumDateTime {
  if (value instanceof Undefined) value.fail();
  if (value === undefined || value === null) return PendulumDateTime.ofInstant(rt.nowMicros());
  return value instanceof PyDateTime ? PendulumDateTime.instance(value) : raise('TypeError', `a date and time is wanted, not ${typeName(value)}`);
}

/** `diff_for_humans`: the largest unit, and which of the two comes first. */
function humanDifference(difference: Duration, isNow: boolean, absolute: boolean, locale: Locale): string {
  const { years, months, weeks, remainingDays, hours, minutes, remainingSeconds } = difference.parts;
  const days = weeks * 7n + remainingDays;
  const told = (count: bigint, unit: Parameters<Locale['counted']>[1]): string => locale.counted(count === 0n ? 1n : count, unit, count === 0n ? 1n : count);
  const text =
    years > 0n ? told(years + (months > 6n ? 1n : 0n), 'year')
    : months === 11n && days > 15n ? told(1n, 'year')
    : months > 0n ? told(months + (days >= 27n ? 1n : 0n), 'month')
    : weeks > 0n ? told(weeks + (remainingDays > 3n ? 1n : 0n), 'week')
    : remainingDays > 0n ? told(remainingDays + (hours >= 22n ? 1n : 0n), 'day')
    : hours > 0n ? told(hours, 'hour')
    : minutes > 0n ? told(minutes, 'minute')
    : remainingSeconds > 10n ? told(remainingSeconds, 'second') : (locale.fewSeconds ?? told(remainingSeconds, 'second'));
  if (absolute) return text;
  return (isNow ? locale.relative : locale.compared)(text, difference.runsBackwards());
}

/** `macros.datetime_diff_for_humans`. */
export function datetimeDifferenceForHumans([at = null, since = null]: Args, rt: Runtime): string {
  if (at instanceof PyDateTime) return humanDifferenceOf(PendulumDateTime.instance(at), [since], rt);
  if (at instanceof PyDate) return humanDifference(dateDifference(new PendulumDate(at.date), since, true, rt), since === null, false, localeOf(undefined));
  return raise('AttributeError', `'${typeName(at)}' object has no attribute 'tzinfo'`);
}

/** What `diff_for_humans` of a date and time tells; from now without another. */
function humanDifferenceOf(self: PendulumDateTime, [other, absolute = false, locale]: Args, rt: Runtime): string {
  const isNow = other === undefined || other === null;
  return humanDifference(new Interval(self, otherTime(other, rt), true), isNow, truth(absolute, rt), localeOf(locale));
}

/** Of several times the one that lies nearest or farthest; of two alike, the earlier or later. */
function extreme(self: PendulumDateTime, others: readonly Value[], sign: 1 | -1, rt: Runtime): Value {
  const ranked = others.map((other) => otherTime(other, rt)).map((at) => ({ at, distance: new Interval(at, self, true).micros }));
  ranked.sort((a, b) => sign * (Number(a.distance > b.distance) - Number(a.distance < b.distance) || Number(a.at.instant > b.at.instant) - Number(a.at.instant < b.at.instant)));
  return ranked[0]?.at ?? raise('ValueError', `${sign > 0 ? 'min' : 'max'}() arg is an empty sequence`);
}

const anniversary = (self: PyDate, other: Value | undefined, rt: Runtime): boolean => {
  const { month, day } = other === undefined || other === null ? today(rt).date : other instanceof PyDate ? other.date : raise('TypeError', `a date is wanted, not ${typeName(other)}`);
  return month === self.date.month && day === self.date.day;
};

const wantFormat = (format: Value | undefined): string => (format !== undefined && isText(format) ? textOf(format) : raise('TypeError', `expected string or bytes-like object, got '${typeName(format ?? null)}'`));
const tokens = (format: string) => ['', (self: PendulumDateTime): Value => formatTokens(format, self, localeOf(undefined))] as const;
const RFC = 'ddd, DD MMM YYYY HH:mm:ss ZZ';
const ISO = 'YYYY-MM-DDTHH:mm:ssZ';

/** A time without a zone is taken for one of the zone. */
const inTimezone = (self: PendulumDateTime, [zone]: Args): Value =>
  self.zone === undefined ? PendulumDateTime.create(self.wall, zoneOf(zone as Value)) : self.inZone(zoneOf(zone as Value));

const METHODS = new MethodTable<PendulumDateTime>({
  add: [SHIFT, (self, args) => self.shifted(shiftOf(args, 1))],
  subtract: [SHIFT, (self, args) => self.shifted(shiftOf(args, -1))],
  in_timezone: ['tz', inTimezone],
  in_tz: ['tz', inTimezone],
  format: ['fmt locale?', (self, [format, locale]) => formatTokens(wantFormat(format), self, localeOf(locale))],
  start_of: ['unit', (self, [unit], rt) => self.startOf(rt.str(unit as Value))],
  end_of: ['unit', (self, [unit], rt) => self.endOf(rt.str(unit as Value))],
  next: ['day_of_week? keep_time?', (self, args) => nextWeekday(self, args, 1)],
  previous: ['day_of_week? keep_time?', (self, args) => nextWeekday(self, args, -1)],
  first_of: ['unit day_of_week?', firstOf],
  last_of: ['unit day_of_week?', lastOf],
  nth_of: ['unit nth day_of_week', nthOf],
  set: ['year? month? day? hour? minute? second? microsecond? tz?', (self, args) => {
    const zone = args[7];
    return PendulumDateTime.create(replacedWall(self.wall, args), zone === undefined || zone === null ? self.ownZone : zoneOf(zone), self.fold);
  }],
  replace: [REPLACE, (self, args) => {
    const [zone, fold] = [args[7], args[8]];
    return PendulumDateTime.create(replacedWall(self.wall, args), zone === undefined ? (self.zone && ownZoneOf(self.zone)) : zone === null ? undefined : zoneOf(zone), fold === undefined || fold === null ? self.fold : indexOf(fold));
  }],
  on: ['year month day', (self, args) => self.placed(replacedWall(self.wall, args))],
  at: ['hour minute? second? microsecond?', (self, [hour, minute = 0n, second = 0n, microsecond = 0n]) =>
    self.placed(replacedWall(self.wall, [undefined, undefined, undefined, hour, minute, second, microsecond]))],
  naive: ['', (self) => new PendulumDateTime(self.wall, undefined)],
  date: ['', dateOf],
  time: ['', (self) => new PendulumTime(self.wall)],
  diff: ['dt? abs?', (self, [other, absolute = true], rt) => new Interval(self, otherTime(other, rt), truth(absolute, rt))],
  diff_for_humans: ['other? absolute? locale?', humanDifferenceOf],
  average: ['dt?', (self, [other], rt) => self.shifted({ months: 0, days: 0, micros: floorDivide(new Interval(self, otherTime(other, rt), false).micros, 2n) })],
  is_leap_year: ['', (self) => isLeap(self.wall.year)],
  is_long_year: ['', (self) => isoWeek({ year: self.wall.year, month: 12, day: 28 }).week === 53],
  is_utc: ['', (self) => self.offsetSeconds === 0],
  is_local: ['', (self) => self.zone === undefined || self.offsetSeconds === 0],
  is_dst: ['', (self) => self.zone === undefined || self.dstSeconds !== 0],
  is_same_day: ['dt', (self, [other], rt) => dateText(self.wall) === dateText(otherTime(other, rt).wall)],
  is_anniversary: ['dt?', (self, [other], rt) => anniversary(self, other, rt)],
  is_birthday: ['dt?', (self, [other], rt) => anniversary(self, other, rt)],
  is_future: ['', (self, _, rt) => order('>', self, PendulumDateTime.ofInstant(rt.nowMicros()), rt) > 0],
  is_past: ['', (self, _, rt) => order('<', self, PendulumDateTime.ofInstant(rt.nowMicros()), rt) < 0],
  for_json: ['', (self) => self.iso('T')],
  get_offset: ['', (self) => (self.offsetSeconds === undefined ? null : BigInt(self.offsetSeconds))],
  to_date_string: tokens('YYYY-MM-DD'),
  to_time_string: tokens('HH:mm:ss'),
  to_datetime_string: tokens('YYYY-MM-DD HH:mm:ss'),
  to_formatted_date_string: tokens('MMM DD, YYYY'),
  to_day_datetime_string: tokens('ddd, MMM D, YYYY h:mm A'),
  to_iso8601_string: ['', (self) => (self.ownZone?.name === 'UTC' ? self.iso('T').replace('+00:00', 'Z') : self.iso('T'))],
  to_atom_string: tokens(ISO),
  to_rfc3339_string: ['', (self) => self.iso('T')],
  to_w3c_string: tokens(ISO),
  to_cookie_string: tokens('dddd, DD-MMM-YYYY HH:mm:ss zz'),
  to_rfc822_string: tokens('ddd, DD MMM YY HH:mm:ss ZZ'),
  to_rfc850_string: tokens('dddd, DD-MMM-YY HH:mm:ss zz'),
  to_rfc1036_string: tokens('ddd, DD MMM YY HH:mm:ss ZZ'),
  to_rfc1123_string: tokens(RFC),
  to_rfc2822_string: tokens(RFC),
  to_rss_string: tokens(RFC),
});

METHODS.with('closest', (self, { positional }, rt) => extreme(self, positional, 1, rt));
METHODS.with('farthest', (self, { positional }, rt) => extreme(self, positional, -1, rt));

const CLOCK_SHIFT = 'hours? minutes? seconds? microseconds?';
const clockMicros = ([hours, minutes, seconds, microseconds]: Args): bigint => spanMicros([[hours, HOUR], [minutes, MINUTE], [seconds, SECOND], [microseconds, 1n]], 'add');

function timeDifference(self: PendulumTime, other: Value | undefined, absolute: boolean, rt: Runtime): Duration {
  const now = other === undefined || other === null ? PendulumDateTime.ofInstant(rt.nowMicros()).wall : undefined;
  const time = now !== undefined ? new PyTime(now) : other instanceof PyTime ? other : raise('AttributeError', `'${typeName(other as Value)}' object has no attribute 'hour'`);
  const micros = self.to(time);
  return new Duration(absolute && micros < 0n ? -micros : micros);
}

const PENDULUM_TIME_METHODS = new MethodTable<PendulumTime>({
  add: [CLOCK_SHIFT, (self, args) => self.moved(clockMicros(args))],
  subtract: [CLOCK_SHIFT, (self, args) => self.moved(-clockMicros(args))],
  diff: ['dt? abs?', (self, [other, absolute = true], rt) => timeDifference(self, other, truth(absolute, rt), rt)],
  diff_for_humans: ['other? absolute? locale?', (self, [other = null, absolute = false, locale], rt) =>
    humanDifference(timeDifference(self, other, true, rt), other === null, truth(absolute, rt), localeOf(locale))],
  format: ['fmt locale?', (self, [format, locale]) => formatTokens(wantFormat(format), self.onFirstDay, localeOf(locale))],
});

function dateDifference(self: PendulumDate, other: Value | undefined, absolute: boolean, rt: Runtime): Interval {
  const date = other === undefined || other === null ? today(rt) : other instanceof PyDate ? new PendulumDate(other.date) : raise('AttributeError', `'${typeName(other)}' object has no attribute 'year'`);
  return new Interval(self, date, absolute);
}

const shiftDate = (self: PendulumDate, [years, months, weeks, days]: Args, sign: 1 | -1): PendulumDate =>
  dateOf(midnight(self.date).shifted(shiftOf([years, months, weeks, days], sign)));

const DATE_METHODS = new MethodTable<PendulumDate>({
  add: ['years? months? weeks? days?', (self, args) => shiftDate(self, args, 1)],
  subtract: ['years? months? weeks? days?', (self, args) => shiftDate(self, args, -1)],
  format: ['fmt locale?', (self, [format, locale]) => formatTokens(wantFormat(format), midnight(self.date), localeOf(locale))],
  diff: ['dt? abs?', (self, [other, absolute = true], rt) => dateDifference(self, other, truth(absolute, rt), rt)],
  diff_for_humans: ['other? absolute? locale?', (self, [other = null, absolute = false, locale], rt) =>
    humanDifference(dateDifference(self, other, true, rt), other === null, truth(absolute, rt), localeOf(locale))],
  average: ['dt?', (self, [other], rt) => dateOf(midnight(self.date).shifted({ months: 0, days: Number(dateDifference(self, other, false, rt).wholeDays / 2n), micros: 0n }))],
  nth_of: ['unit nth day_of_week', (self, args) => dateOf(nthOf(midnight(self.date), args))],
  is_future: ['', (self, _, rt) => self.days > today(rt).days],
  is_past: ['', (self, _, rt) => self.days < today(rt).days],
  is_same_day: ['dt', (self, [other]) => other instanceof PyDate && self.days === other.days],
  is_anniversary: ['dt?', (self, [other], rt) => anniversary(self, other, rt)],
  is_birthday: ['dt?', (self, [other], rt) => anniversary(self, other, rt)],
  is_long_year: ['', (self) => isoWeek({ year: self.date.year, month: 12, day: 28 }).week === 53],
  set: ['year? month? day?', (self, [year, month, day]) => dateOf(midnight(replacedWall({ ...self.date, ...MIDNIGHT }, [year, month, day])))],
  start_of: ['unit', (self, [unit], rt) => dateOf(midnight(self.date).startOf(rt.str(unit as Value)))],
  end_of: ['unit', (self, [unit], rt) => dateOf(midnight(self.date).endOf(rt.str(unit as Value)))],
  first_of: ['unit day_of_week?', (self, args) => dateOf(firstOf(midnight(self.date), args))],
  last_of: ['unit day_of_week?', (self, args) => dateOf(lastOf(midnight(self.date), args))],
  next: ['day_of_week?', (self, [day]) => dateOf(nextWeekday(midnight(self.date), [day], 1))],
  previous: ['day_of_week?', (self, [day]) => dateOf(nextWeekday(midnight(self.date), [day], -1))],
  to_date_string: ['', (self) => dateText(self.date)],
  to_formatted_date_string: ['', (self) => formatTokens('MMM DD, YYYY', midnight(self.date), localeOf(undefined))],
  is_leap_year: ['', (self) => isLeap(self.date.year)],
});
