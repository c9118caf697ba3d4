import { isRaised, raise } from '../error.ts';
import type { Runtime } from '../runtime.ts';
import { fn } from '../value/function.ts';
import { truth } from '../value/operator.ts';
import { indexOf, isText, textOf, typeName, Undefined } from '../value/value.ts';
import type { Value } from '../value/value.ts';
import { MIDNIGHT, PyDate, PyDateTime, seenIn } from './datetime.ts';
import { parseTime } from './dateutil-parser.ts';
import { DATETIME_TYPE, fromIso, PyModule } from './module.ts';
import { RELATIVEDELTA_NAMES } from './relativedelta.ts';
import { PyTimedelta } from './timedelta.ts';
import { SECOND } from './wall.ts';
import type { Zone } from './zone.ts';
import { fixedZone, ForeignZone, namedZone, UTC } from './zone.ts';

type Args = readonly (Value | undefined)[];

const TZUTC = new ForeignZone(UTC, 'tzutc()');
/** The local zone of a template is UTC. */
const TZLOCAL = new ForeignZone(UTC, 'tzlocal()');

function tzoffset([name = null, offset = null]: Args, rt: Runtime): Value {
  const seconds = offset instanceof PyTimedelta ? Number(offset.micros / SECOND) : indexOf(offset);
  return offsetZone(name === null ? undefined : rt.str(name), seconds, rt);
}

const offsetZone = (name: string | undefined, seconds: number, rt: Runtime): Zone =>
  new ForeignZone(fixedZone(seconds), `tzoffset(${name === undefined ? 'None' : rt.repr(name)}, ${seconds})`, name ?? '');

/** None for a zone that is not there. */
function gettz([name = null]: Args, rt: Runtime): Value {
  const wanted = name === null || name === '' ? 'UTC' : rt.str(name);
  try {
    return new ForeignZone(namedZone(wanted), `tzfile('/usr/share/zoneinfo/${wanted}')`);
  } catch (error) {
    if (isRaised(error, 'InvalidTimezone')) return null;
    throw error;
  }
}

function parse([text, , otherwise = null, ignoreZone = false, dayFirst = null, yearFirst = null, fuzzy = false]: Args, rt: Runtime): Value {
  if (text instanceof Undefined) text.fail();
  if (text === undefined || !isText(text)) return raise('TypeError', `Parser must be a string or character stream, not ${typeName(text ?? null)}`);
  const { wall, offsetSeconds, zoneName } = parseTime(textOf(text), {
    dayFirst: dayFirst !== null && truth(dayFirst, rt), yearFirst: yearFirst !== null && truth(yearFirst, rt), fuzzy: truth(fuzzy, rt),
    otherwise: otherwise instanceof PyDateTime ? otherwise.wall : undefined, today: () => seenIn(UTC, rt.nowMicros()).wall,
  });
  if (truth(ignoreZone, rt)) return new PyDateTime(wall, otherwise instanceof PyDateTime ? otherwise.zone : undefined);
  if (zoneName === 'UTC') return new PyDateTime(wall, TZLOCAL);
  if (offsetSeconds === undefined) return new PyDateTime(wall, otherwise instanceof PyDateTime ? otherwise.zone : undefined);
  return new PyDateTime(wall, offsetSeconds === 0 ? TZUTC : offsetZone(zoneName, offsetSeconds, rt));
}

/** The date of Easter by the Gregorian calendar. */
function easter([year]: Args): Value {
  const y = indexOf(year as Value);
  const golden = y % 19;
  const century = Math.floor(y / 100);
  const epact = (century - Math.floor(century / 4) - Math.floor((8 * century + 13) / 25) + 19 * golden + 15) % 30;
  const moon = epact - Math.floor(epact / 28) * (1 - Math.floor(epact / 28) * Math.floor(29 / (epact + 1)) * Math.floor((21 - golden) / 11));
  const sunday = (y + Math.floor(y / 4) + moon + 2 - century + Math.floor(century / 4)) % 7;
  const behind = moon - sunday;
  return new PyDate({ year: y, month: 3 + Math.floor((behind + 26) / 30), day: 1 + ((behind + 27 + Math.floor((behind + 6) / 40)) % 31) });
}

/** The package `dateutil`, as far as templates use it. */
export const DATEUTIL = new PyModule('dateutil', [
  ['relativedelta', new PyModule('dateutil.relativedelta', RELATIVEDELTA_NAMES)],
  ['parser', new PyModule('dateutil.parser', [
    ['parse', fn('parse', 'timestr parserinfo? default? ignoretz? dayfirst? yearfirst? fuzzy?', parse)],
    ['isoparse', fn('isoparse', 'dt_str', ([text = null], rt) => fromIso([isText(text) ? textOf(text).replace(/^(\d{4})$/, '$1-01').replace(/^(\d{4}-\d\d)$/, '$1-01') : text], rt, TZUTC))],
  ])],
  ['tz', new PyModule('dateutil.tz', [
    ['gettz', fn('gettz', 'name?', gettz)],
    ['tzoffset', fn('tzoffset', 'name offset', tzoffset)],
    ['tzutc', fn('tzutc', '', () => TZUTC)],
    ['tzlocal', fn('tzlocal', '', () => TZLOCAL)],
    ['UTC', TZUTC],
  ])],
  ['easter', new PyModule('dateutil.easter', [['easter', fn('easter', 'year', easter)]])],
  ['utils', new PyModule('dateutil.utils', [['today', fn('today', 'tzinfo?', ([zone = null], rt) => {
    const now = DATETIME_TYPE.attribute('now') as Value;
    const made = now !== null && typeof now === 'object' ? now.call?.({ positional: [zone], named: new Map() }, rt) : undefined;
    return made instanceof PyDateTime ? made.at({ ...made.wall, ...MIDNIGHT }) : raise('TypeError', 'tzinfo argument must be None or of a tzinfo subclass');
  })]])],
]);
