import { raise } from '../error.ts';
import type { Runtime } from '../runtime.ts';
import type { Arguments } from '../value/arguments.ts';
import { fn, NativeFunction } from '../value/function.ts';
import { toFloatValue } from '../value/number.ts';
import { indexOf, isText, PyObject, textOf, typeName } from '../value/value.ts';
import type { Value } from '../value/value.ts';
import type { CivilDate } from './calendar.ts';
import { civilDate, dayNumber, isoWeek, weekday } from './calendar.ts';
import { fromOrdinal, fromTimestamp, datetimeArguments, isZone, MIDNIGHT, PyDate, PyDateTime, PyTime, seenIn } from './datetime.ts';
import { strptime } from './strptime.ts';
import { PyTimedelta } from './timedelta.ts';
import { dateText, offsetText, SECOND } from './wall.ts';
import type { Zone } from './zone.ts';
import { fixedZone, ForeignZone, PLAIN_UTC, UTC } from './zone.ts';

/** A module or a class as far as templates reach into one: names, and perhaps a call. */
export class PyModule extends PyObject {
  override readonly typeName: string;
  private readonly shown: string;
  private readonly names: ReadonlyMap<string, Value>;
  private readonly make: ((args: Arguments, rt: Runtime) => Value) | undefined;

  constructor(shown: string, names: Iterable<readonly [string, Value]>, make?: (args: Arguments, rt: Runtime) => Value) {
    super();
    this.shown = shown;
    this.names = new Map(names);
    this.make = make;
    this.typeName = make === undefined ? 'module' : 'type';
    if (make !== undefined) this.call = (args, rt) => make(args, rt);
  }

  override repr(): string {
    return this.make === undefined ? `<module '${this.shown}'>` : `<class '${this.shown}'>`;
  }

  override attribute(name: string): Value | undefined {
    return this.names.get(name);
  }
}

function wantText(value: Value | undefined, callee: string, position: number): string {
  if (value !== undefined && isText(value)) return textOf(value);
  return raise('TypeError', `${callee}() argument ${position} must be str, not ${typeName(value ?? null)}`);
}

const parseTime = ([text, format]: readonly (Value | undefined)[], rt: Runtime): Value => {
  const { wall, offsetSeconds } = strptime(wantText(text, 'strptime', 1), wantText(format, 'strptime', 2));
  return new PyDateTime(wall, offsetSeconds === undefined ? undefined : plainZone(offsetSeconds, rt));
};

/** `datetime.timezone` of an offset. */
function plainZone(offsetSeconds: number, rt: Runtime): Zone {
  if (offsetSeconds === 0) return PLAIN_UTC;
  const name = `UTC${offsetText(offsetSeconds)}`;
  return new ForeignZone(fixedZone(offsetSeconds), `datetime.timezone(${rt.repr(new PyTimedelta(BigInt(offsetSeconds) * SECOND))})`, name, name);
}

const ISO_WEEK = /^(\d{4})-?W(\d{2})(?:-?([1-7]))?(?=$|[^-\d])/;

/** A week of the ISO calendar, written as the date of one of its days. */
const weekAsDate = (text: string): string =>
  text.replace(ISO_WEEK, (_, year: string, week: string, day = '1') => dateText(ofIsoWeek(Number(year), Number(week), Number(day))));

function ofIsoWeek(year: number, week: number, day: number): CivilDate {
  const weeks = isoWeek({ year, month: 12, day: 28 }).week;
  if (week < 1 || week > weeks) raise('ValueError', `Invalid week: ${week}`);
  if (day < 1 || day > 7) raise('ValueError', `Invalid weekday: ${day} (range is [1, 7])`);
  const fourth = { year, month: 1, day: 4 };
  return civilDate(dayNumber(year, 1, 4) - weekday(fourth) + (week - 1) * 7 + day - 1);
}

const ISO = /^(\d{4})-?(\d{2})-?(\d{2})(?:[^](\d{2})(?::?(\d{2})(?::?(\d{2})(?:[.,](\d{1,9}))?)?)?(Z|[+-]\d{2}:?\d{2}(?::?\d{2})?)?)?$/;

/** `datetime.fromisoformat`; what is in UTC gets the zone given. */
export function fromIso([value]: readonly (Value | undefined)[], rt: Runtime, utc?: Zone): Value {
  const text = wantText(value, 'fromisoformat', 1);
  const match = ISO.exec(weekAsDate(text)) ?? raise('ValueError', `Invalid isoformat string: '${text}'`);
  const [year, month, day, hour, minute, second] = match.slice(1, 7).map((part) => Number(part ?? 0)) as [number, number, number, number, number, number];
  const zone = match[8];
  const offset = zone === undefined ? undefined : zone === 'Z' ? 0 : Number(`${zone[0]}1`) * (Number(zone.slice(1, 3)) * 3600 + Number(zone.slice(3).replaceAll(':', '').slice(0, 2)) * 60);
  const microsecond = Number((match[7] ?? '').slice(0, 6).padEnd(6, '0'));
  return new PyDateTime({ year, month, day, hour, minute, second, microsecond }, offset === undefined ? undefined : offset === 0 ? (utc ?? PLAIN_UTC) : plainZone(offset, rt));
}

const nowIn = (zone: Value | undefined, rt: Runtime): Value => {
  const { wall } = seenIn(UTC, rt.nowMicros());
  if (zone === undefined || zone === null) return new PyDateTime(wall, undefined);
  return new PyDateTime(wall, UTC).inZone(isZone(zone) ? zone : raise('TypeError', 'tzinfo argument must be None or of a tzinfo subclass'));
};

/** `datetime.datetime`, the class. The local zone of a template is UTC. */
export const DATETIME_TYPE = new PyModule('datetime.datetime', [
  ['strptime', fn('strptime', 'date_string format /', parseTime)],
  ['fromisoformat', fn('fromisoformat', 'date_string /', (args, rt) => fromIso(args, rt))],
  ['fromtimestamp', fn('fromtimestamp', 'timestamp tz?', ([seconds, zone = null]) => {
    const at = isZone(zone) ? zone : UTC;
    const { wall, fold } = fromTimestamp(toFloatValue(seconds as Value), at);
    return new PyDateTime(wall, isZone(zone) ? at : undefined, fold);
  })],
  ['utcfromtimestamp', fn('utcfromtimestamp', 'timestamp', ([seconds]) => new PyDateTime(fromTimestamp(toFloatValue(seconds as Value), UTC).wall, undefined))],
  ['fromordinal', fn('fromordinal', 'ordinal', ([ordinal]) => new PyDateTime({ ...fromOrdinal(ordinal as Value), ...MIDNIGHT }, undefined))],
  ['fromisocalendar', fn('fromisocalendar', 'year week day', ([year, week, day]) => new PyDateTime({ ...ofIsoWeek(indexOf(year as Value), indexOf(week as Value), indexOf(day as Value)), ...MIDNIGHT }, undefined))],
  ['combine', fn('combine', 'date time', ([date, time]) => {
    if (!(date instanceof PyDate) || !(time instanceof PyTime)) return raise('TypeError', 'combine() takes a date and a time');
    return new PyDateTime({ ...date.date, ...time.clock }, undefined);
  })],
  ['now', fn('now', 'tz?', ([zone], rt) => nowIn(zone, rt))],
  ['utcnow', fn('utcnow', '', (_, rt) => nowIn(null, rt))],
  ['today', fn('today', '', (_, rt) => nowIn(null, rt))],
  ['min', new PyDateTime({ year: 1, month: 1, day: 1, ...MIDNIGHT }, undefined)],
  ['max', new PyDateTime({ year: 9999, month: 12, day: 31, hour: 23, minute: 59, second: 59, microsecond: 999_999 }, undefined)],
  // A method read from the class takes the date as its first argument.
  ...['strftime', 'isoformat', 'weekday', 'date', 'timestamp'].map((name) => [name, new NativeFunction(name, ({ positional, named }, rt) => {
    const [self, ...rest] = positional;
    const bound = self instanceof PyDateTime ? self.attribute(name, rt) : undefined;
    return bound instanceof PyObject && bound.call !== undefined ? bound.call({ positional: rest, named }, rt) : raise('TypeError', `unbound method datetime.${name}() needs an argument`);
  })] as const),
], (args) => {
  const { wall, zone, fold } = datetimeArguments('datetime', args);
  return new PyDateTime(wall, zone, fold);
});
