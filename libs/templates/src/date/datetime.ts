import { raise } from '../error.ts';
import type { Runtime } from '../runtime.ts';
import type { Arguments } from '../value/arguments.ts';
import { bind } from '../value/arguments.ts';
import { MethodTable, parsed } from '../value/function.ts';
import type { BinaryOperator } from '../value/operator.ts';
import { PyTuple } from '../value/sequence.ts';
import { indexOf, isText, PyObject, textOf, typeName, Undefined } from '../value/value.ts';
import type { Value } from '../value/value.ts';
import type { CivilDate } from './calendar.ts';
import { civilDate, dayNumber, dayOfYear, isoWeek, weekday } from './calendar.ts';
import { strftime } from './strftime.ts';
import { PyTimedelta } from './timedelta.ts';
import type { Wall } from './wall.ts';
import { checkedWall, DAY, dateText, offsetText, SECOND, timeSpec, timeText, wallMicros, wallOf } from './wall.ts';
import type { Zone } from './zone.ts';
import { PLAIN_UTC, UTC } from './zone.ts';

type Args = (Value | undefined)[];

export const MIDNIGHT = { hour: 0, minute: 0, second: 0, microsecond: 0 } as const;
/** Day 1 of Python's ordinals is 0001-01-01. */
const ORDINAL_OF_EPOCH = 719_163;

const number = (value: Value | undefined, otherwise: number): number => (value === undefined || value === null ? otherwise : indexOf(value));

function wantText(value: Value | undefined, callee: string): string {
  return value !== undefined && isText(value) ? textOf(value) : raise('TypeError', `${callee}() argument 1 must be str, not ${typeName(value ?? null)}`);
}

/** `datetime.date`. */
export class PyDate extends PyObject {
  override readonly typeName: string = 'datetime.date';
  readonly date: CivilDate;

  constructor(date: CivilDate) {
    super();
    this.date = checkedWall({ ...date, ...MIDNIGHT });
  }

  make(date: CivilDate): PyDate {
    return new PyDate(date);
  }

  override repr(_rt: Runtime): string {
    return `datetime.date(${this.date.year}, ${this.date.month}, ${this.date.day})`;
  }

  override str(_rt: Runtime): string {
    return dateText(this.date);
  }

  override equals(other: Value): boolean {
    return other instanceof PyDate && this.days === other.days;
  }

  override hashKey(): string {
    return `date${this.days}`;
  }

  override compare(other: Value): number | undefined {
    return other instanceof PyDate ? this.days - other.days : undefined;
  }

  override binary(operator: BinaryOperator, other: Value, reflected: boolean): Value | undefined {
    if (other instanceof PyTimedelta && (operator === '+' || (operator === '-' && !reflected))) return this.plus(other, operator === '+' ? 1n : -1n);
    return operator === '-' && other instanceof PyDate ? (reflected ? other.minus(this) : (other.takenFrom(this) ?? this.minus(other))) : undefined;
  }

  /** Moved on by a span, or back by it. */
  plus(delta: PyTimedelta, sign: 1n | -1n): PyDate {
    return this.make(wallOf((BigInt(this.days) + sign * delta.days) * DAY));
  }

  minus(other: PyDate): PyTimedelta {
    return new PyTimedelta(BigInt(this.days - other.days) * DAY);
  }

  /** What taking this away from another makes, where the class on the right has the first say. */
  takenFrom(_other: PyDate): PyTimedelta | undefined {
    return undefined;
  }

  override format(spec: string, rt: Runtime): string {
    return spec === '' ? this.str(rt) : this.strftime(spec);
  }

  strftime(format: string): string {
    return strftime(format, { wall: { ...this.date, ...MIDNIGHT }, offsetSeconds: undefined, zoneName: '' });
  }

  override attribute(name: string, _rt: Runtime): Value | undefined {
    if (name === 'year' || name === 'month' || name === 'day') return BigInt(this.date[name]);
    return DATE_METHODS.bound(this, name);
  }

  get days(): number {
    return dayNumber(this.date.year, this.date.month, this.date.day);
  }
}

const ISO_CALENDAR = ['year', 'week', 'weekday'];

/** The ISO year, week and weekday, also by name. */
class IsoCalendarDate extends PyTuple {
  override readonly typeName = 'datetime.IsoCalendarDate';

  constructor(date: CivilDate) {
    const { year, week } = isoWeek(date);
    super([BigInt(year), BigInt(week), BigInt(weekday(date) + 1)]);
  }

  override repr(rt: Runtime): string {
    return `datetime.IsoCalendarDate(${ISO_CALENDAR.map((name, at) => `${name}=${rt.repr(this.items[at] as Value)}`).join(', ')})`;
  }

  override attribute(name: string): Value | undefined {
    return this.items[ISO_CALENDAR.indexOf(name)] ?? super.attribute(name);
  }
}

const DATE_METHODS = new MethodTable<PyDate>({
  strftime: ['format', (self, [format]) => self.strftime(wantText(format, 'strftime'))],
  isoformat: ['', (self) => dateText(self.date)],
  timetuple: ['', (self) => new StructTime({ ...self.date, ...MIDNIGHT }, -1)],
  weekday: ['', (self) => BigInt(weekday(self.date))],
  isoweekday: ['', (self) => BigInt(weekday(self.date) + 1)],
  isocalendar: ['', (self) => new IsoCalendarDate(self.date)],
  toordinal: ['', (self) => BigInt(self.days + ORDINAL_OF_EPOCH)],
  ctime: ['', (self) => self.strftime('%a %b %e %H:%M:%S %4Y')],
  replace: ['year? month? day?', (self, [year, month, day]) =>
    self.make({ year: number(year, self.date.year), month: number(month, self.date.month), day: number(day, self.date.day) })],
});

type Clock = Omit<Wall, keyof CivilDate>;

/** `datetime.time`; it has a zone only where `timetz` left it one. */
export class PyTime extends PyObject {
  override readonly typeName: string = 'datetime.time';
  readonly clock: Clock;
  readonly zone: Zone | undefined;

  constructor(clock: Clock, zone?: Zone) {
    super();
    const { hour, minute, second, microsecond } = clock;
    this.clock = { hour, minute, second, microsecond };
    checkedWall({ year: 1900, month: 1, day: 1, ...this.clock });
    this.zone = zone;
  }

  make(clock: Clock, zone: Zone | undefined): PyTime {
    return new PyTime(clock, zone);
  }

  override repr(rt: Runtime): string {
    const { hour, minute, second, microsecond } = this.clock;
    const zone = this.zone === undefined ? '' : `, tzinfo=${rt.repr(this.zone)}`;
    return `datetime.time(${hour}, ${minute}${second + microsecond > 0 ? `, ${second}` : ''}${microsecond > 0 ? `, ${microsecond}` : ''}${zone})`;
  }

  override str(_rt: Runtime): string {
    return this.iso('auto');
  }

  iso(spec: string): string {
    const { offsetSeconds } = this;
    return timeText(this.clock, timeSpec(spec)) + (offsetSeconds === undefined ? '' : offsetText(offsetSeconds));
  }

  /** A zone whose offset depends on the date has none at a time alone. */
  get offsetSeconds(): number | undefined {
    return this.zone?.alwaysOffset;
  }

  override equals(other: Value): boolean {
    return other instanceof PyTime && timeText(other.clock) === timeText(this.clock) && other.offsetSeconds === this.offsetSeconds;
  }

  override hashKey(): string {
    return `time${this.iso('auto')}`;
  }

  override compare(other: Value): number | undefined {
    if (!(other instanceof PyTime)) return undefined;
    const [left, right] = [timeText(this.clock, 'microseconds'), timeText(other.clock, 'microseconds')];
    return left < right ? -1 : Number(left > right);
  }

  override format(spec: string, rt: Runtime): string {
    return spec === '' ? this.str(rt) : this.strftime(spec);
  }

  strftime(format: string): string {
    return strftime(format, { wall: { year: 1900, month: 1, day: 1, ...this.clock }, offsetSeconds: this.offsetSeconds, zoneName: this.zone?.alwaysOffset === undefined ? '' : this.zone.name });
  }

  override attribute(name: string, _rt: Runtime): Value | undefined {
    if (name === 'hour' || name === 'minute' || name === 'second' || name === 'microsecond') return BigInt(this.clock[name]);
    if (name === 'fold') return 0n;
    return name === 'tzinfo' ? (this.zone ?? null) : TIME_METHODS.bound(this, name);
  }
}

const TIME_METHODS = new MethodTable<PyTime>({
  strftime: ['format', (self, [format]) => self.strftime(wantText(format, 'strftime'))],
  isoformat: ['timespec?', (self, [spec = 'auto'], rt) => self.iso(rt.str(spec))],
  utcoffset: ['', (self) => (self.offsetSeconds === undefined ? null : new PyTimedelta(BigInt(self.offsetSeconds) * SECOND))],
  tzname: ['', (self) => (self.zone?.alwaysOffset === undefined ? null : self.zone.name)],
  dst: ['', (self) => (self.zone?.alwaysOffset === undefined ? null : new PyTimedelta(0n))],
  replace: ['hour? minute? second? microsecond? tzinfo? * fold?', (self, [hour, minute, second, microsecond, zone]) => self.make({
    hour: number(hour, self.clock.hour), minute: number(minute, self.clock.minute), second: number(second, self.clock.second), microsecond: number(microsecond, self.clock.microsecond),
  }, zone === undefined ? self.zone : zone === null ? undefined : zoneArgument(zone))],
});

/** `datetime.datetime`: a wall clock time, with a zone or without. */
export class PyDateTime extends PyDate {
  override readonly typeName: string = 'datetime.datetime';
  readonly wall: Wall;
  readonly zone: Zone | undefined;
  /** Which of the two a time means that comes twice, and how one that never comes is read. */
  readonly fold: number;

  constructor(wall: Wall, zone: Zone | undefined, fold = 0) {
    super(wall);
    this.wall = checkedWall(wall);
    this.zone = zone;
    this.fold = fold;
  }

  /** One of the same class at another wall clock time, in the same zone. */
  at(wall: Wall): PyDateTime {
    return new PyDateTime(wall, this.zone);
  }

  /** One of the same class at an instant, seen in a zone. */
  inZone(zone: Zone): PyDateTime {
    return this.seenAt(this.instant, zone);
  }

  protected seenAt(instant: bigint, zone: Zone): PyDateTime {
    const { wall, fold } = seenIn(zone, instant);
    return new PyDateTime(wall, zone, fold);
  }

  get offsetSeconds(): number | undefined {
    return this.zone?.offsetAtWall(wallMicros(this.wall), this.fold);
  }

  /** Microseconds since 1970 in UTC; a time without a zone counts as UTC. */
  get instant(): bigint {
    return wallMicros(this.wall) - BigInt(this.offsetSeconds ?? 0) * SECOND;
  }

  /** How far summer time sets the clock forward here. */
  get dstSeconds(): number {
    return this.zone?.dstAt(this.instant) ?? 0;
  }

  get zoneName(): string {
    return this.zone === undefined ? '' : this.zone.abbreviationAt(this.instant);
  }

  override make(date: CivilDate): PyDate {
    return this.at({ ...this.wall, ...date });
  }

  override repr(rt: Runtime): string {
    const { year, month, day, hour, minute, second, microsecond } = this.wall;
    const tail = `${second + microsecond > 0 ? `, ${second}` : ''}${microsecond > 0 ? `, ${microsecond}` : ''}`;
    const zone = this.zone === undefined ? '' : `, tzinfo=${rt.repr(this.zone === UTC ? PLAIN_UTC : this.zone)}`;
    return `datetime.datetime(${year}, ${month}, ${day}, ${hour}, ${minute}${tail}${zone})`;
  }

  override str(_rt: Runtime): string {
    return this.iso(' ');
  }

  iso(separator: string, spec = timeSpec('auto')): string {
    const { offsetSeconds } = this;
    return `${dateText(this.wall)}${separator}${timeText(this.wall, spec)}${offsetSeconds === undefined ? '' : offsetText(offsetSeconds)}`;
  }

  override strftime(format: string): string {
    return strftime(format, { wall: this.wall, offsetSeconds: this.offsetSeconds, zoneName: this.zoneName, isSummer: format.includes('s') && this.dstSeconds > 0 });
  }

  override equals(other: Value): boolean {
    if (!(other instanceof PyDateTime)) return false;
    return (this.zone === undefined) === (other.zone === undefined) && this.instant === other.instant;
  }

  override hashKey(): string {
    return `datetime${this.zone === undefined ? 'naive' : ''}${this.instant}`;
  }

  override compare(other: Value): number | undefined {
    if (!(other instanceof PyDateTime)) return undefined;
    this.refuseMixed(other, 'compare');
    return Number(this.instant > other.instant) - Number(this.instant < other.instant);
  }

  override plus(delta: PyTimedelta, sign: 1n | -1n): PyDateTime {
    return this.at(wallOf(wallMicros(this.wall) + sign * delta.micros));
  }

  override minus(other: PyDate): PyTimedelta {
    if (!(other instanceof PyDateTime)) raise('TypeError', `unsupported operand type(s) for -: '${this.typeName}' and '${other.typeName}'`);
    this.refuseMixed(other, 'subtract');
    // Of two in the same zone Python compares the wall clocks.
    return new PyTimedelta(this.zone === other.zone ? wallMicros(this.wall) - wallMicros(other.wall) : this.instant - other.instant);
  }

  protected refuseMixed(other: PyDateTime, verb: 'compare' | 'subtract'): void {
    if ((this.zone === undefined) !== (other.zone === undefined)) raise('TypeError', `can't ${verb} offset-naive and offset-aware datetimes`);
  }

  override attribute(name: string, rt: Runtime): Value | undefined {
    if (name === 'hour' || name === 'minute' || name === 'second' || name === 'microsecond') return BigInt(this.wall[name]);
    if (name === 'tzinfo') return this.zone ?? null;
    if (name === 'fold') return BigInt(this.fold);
    return DATETIME_METHODS.bound(this, name) ?? super.attribute(name, rt);
  }
}

/** The wall clock in a zone at an instant. */
export function seenIn(zone: Zone, instant: bigint): { readonly wall: Wall; readonly fold: number } {
  const offset = zone.offsetAt(instant);
  const micros = instant + BigInt(offset) * SECOND;
  return { wall: wallOf(micros), fold: zone.offsetAtWall(micros, 0) === offset ? 0 : 1 };
}

function zoneArgument(value: Value): Zone {
  if (value instanceof Undefined) value.fail();
  return isZone(value) ? value : raise('TypeError', `tzinfo argument must be None or of a tzinfo subclass, not type '${typeName(value)}'`);
}

export const isZone = (value: Value): value is Zone => value instanceof PyObject && 'offsetAtWall' in value;

/** `timestamp()`: seconds since 1970. */
const timestamp = (self: PyDateTime): number => Number(self.instant) / 1_000_000;

const STRUCT_TIME = ['tm_year', 'tm_mon', 'tm_mday', 'tm_hour', 'tm_min', 'tm_sec', 'tm_wday', 'tm_yday', 'tm_isdst'];

/** `time.struct_time`: a tuple whose fields have names, too. */
export class StructTime extends PyTuple {
  override readonly typeName = 'time.struct_time';

  constructor(wall: Wall, isDst: -1 | 0 | 1) {
    super([wall.year, wall.month, wall.day, wall.hour, wall.minute, wall.second, weekday(wall), dayOfYear(wall), isDst].map(BigInt));
  }

  override repr(rt: Runtime): string {
    return `time.struct_time(${STRUCT_TIME.map((name, at) => `${name}=${rt.repr(this.items[at] as Value)}`).join(', ')})`;
  }

  override attribute(name: string): Value | undefined {
    return this.items[STRUCT_TIME.indexOf(name)] ?? super.attribute(name);
  }
}

export const REPLACE = 'year? month? day? hour? minute? second? microsecond? tzinfo? * fold?';

/** The parts of a wall clock that `replace` and `set` change. */
export function replacedWall(wall: Wall, [year, month, day, hour, minute, second, microsecond]: Args): Wall {
  return checkedWall({
    year: number(year, wall.year), month: number(month, wall.month), day: number(day, wall.day), hour: number(hour, wall.hour),
    minute: number(minute, wall.minute), second: number(second, wall.second), microsecond: number(microsecond, wall.microsecond),
  });
}

const DATETIME_METHODS = new MethodTable<PyDateTime>({
  isoformat: ['sep? timespec?', (self, [separator = 'T', spec = 'auto'], rt) => self.iso(rt.str(separator), timeSpec(rt.str(spec)))],
  date: ['', (self) => new PyDate(self.wall)],
  time: ['', (self) => new PyTime(self.wall)],
  timestamp: ['', (self) => timestamp(self)],
  utcoffset: ['', (self) => (self.offsetSeconds === undefined ? null : new PyTimedelta(BigInt(self.offsetSeconds) * SECOND))],
  tzname: ['', (self) => (self.zoneName === '' ? null : self.zoneName)],
  astimezone: ['tz?', (self, [zone]) => self.inZone(zone === undefined || zone === null ? PLAIN_UTC : zoneArgument(zone))],
  timetz: ['', (self) => new PyTime(self.wall, self.zone)],
  dst: ['', (self) => (self.zone === undefined ? null : new PyTimedelta(BigInt(self.dstSeconds) * SECOND))],
  timetuple: ['', (self) => new StructTime(self.wall, self.zone === undefined ? -1 : self.dstSeconds === 0 ? 0 : 1)],
  utctimetuple: ['', (self) => new StructTime(wallOf(self.instant), 0)],
  replace: [REPLACE, (self, args) => {
    const zone = args[7];
    return new PyDateTime(replacedWall(self.wall, args), zone === undefined ? self.zone : zone === null ? undefined : zoneArgument(zone), number(args[8], self.fold));
  }],
});

/** The fields of a new date and time, as `datetime(…)` takes them. */
export function datetimeArguments(callee: string, args: Arguments): { readonly wall: Wall; readonly zone: Zone | undefined; readonly fold: number } {
  const values = bind(callee, parsed('year month day hour? minute? second? microsecond? tzinfo? * fold?'), args);
  const zone = values[7];
  return {
    wall: replacedWall({ year: 1, month: 1, day: 1, ...MIDNIGHT }, values),
    zone: zone === undefined || zone === null ? undefined : zoneArgument(zone),
    fold: number(values[8], 0),
  };
}

export const fromOrdinal = (ordinal: Value): CivilDate => civilDate(indexOf(ordinal) - ORDINAL_OF_EPOCH);
export const fromTimestamp = (seconds: number, zone: Zone): { readonly wall: Wall; readonly fold: number } => seenIn(zone, BigInt(Math.round(seconds * 1_000_000)));
