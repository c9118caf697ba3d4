import { raise } from '../error.ts';
import { floorDivide } from '../value/number.ts';
import { dayOfYear, isoWeek, MONTHS, weekday, WEEKDAYS } from './calendar.ts';
import type { Wall } from './wall.ts';
import { offsetText, pad, wallMicros, SECOND } from './wall.ts';

/** What `strftime` knows of a date or time; without a zone, `%z` and `%Z` write nothing. */
interface Formatted {
  readonly wall: Wall;
  readonly offsetSeconds: number | undefined;
  readonly zoneName: string;
  /** Whether summer time sets the clock forward. */
  readonly isSummer?: boolean;
}

const DIRECTIVE = /%([-_0^#]*)(\d*)([EO]?)(:?[^])/gu;

/** The letters that may stand behind the modifiers for other calendars and other digits, which the C locale does not have. */
const MODIFIED: { readonly [modifier: string]: string } = { E: 'cCxXyYzZ', O: 'BbhdeHIjklmMSuUVwWyzZ' };

/** `strftime` of glibc in the C locale, with Python's `%f` and `%:z`. What it does not know is written as it stands. */
export const strftime = (format: string, value: Formatted): string =>
  format.replace(DIRECTIVE, (whole, flags: string, width: string, modifier: string, letter: string) => {
    // Behind a modifier glibc goes back from a second % to that one alone.
    if (modifier !== '' && letter === '%') return '%';
    const field = modifier === '' || (MODIFIED[modifier] as string).includes(letter) ? fieldOf(letter, value) : undefined;
    if (field === undefined) return whole;
    if (width.length > 3) raise('ValueError', 'Invalid format string');
    return shape(field, flags, width === '' ? undefined : Number(width));
  });

/** Text, or a number with the width and the padding it has unless told otherwise. */
type Field = string | readonly [value: number, width: number, fill: '0' | ' '];

function shape(field: Field, flags: string, width: number | undefined): string {
  if (typeof field === 'string') {
    const cased = flags.includes('^') ? field.toUpperCase() : flags.includes('#') ? swapped(field) : field;
    return cased.padStart(width ?? 0, flags.includes('0') ? '0' : ' ');
  }
  const [value, usualWidth, usualFill] = field;
  const fill = flags.includes('_') ? ' ' : flags.includes('0') ? '0' : usualFill;
  return flags.includes('-') && width === undefined ? String(value) : String(value).padStart(width ?? usualWidth, fill);
}

/** glibc makes capitals of names, and small letters of what is all capitals. */
const swapped = (text: string): string => (text === text.toUpperCase() ? text.toLowerCase() : text.toUpperCase());

const number = (value: number, width: number, fill: '0' | ' ' = '0'): Field => [value, width, fill];

function fieldOf(letter: string, { wall, offsetSeconds, zoneName, isSummer = false }: Formatted): Field | undefined {
  const nested = (format: string): string => strftime(format, { wall, offsetSeconds, zoneName });
  const day = weekday(wall);
  switch (letter) {
    case 'Y': return number(wall.year, 1);
    case 'C': return number(Math.floor(wall.year / 100), 2);
    case 'y': return number(wall.year % 100, 2);
    case 'G': return number(isoWeek(wall).year, 1);
    case 'g': return number(isoWeek(wall).year % 100, 2);
    case 'V': return number(isoWeek(wall).week, 2);
    case 'm': return number(wall.month, 2);
    case 'd': return number(wall.day, 2);
    case 'e': return number(wall.day, 2, ' ');
    case 'j': return number(dayOfYear(wall), 3);
    case 'H': return number(wall.hour, 2);
    case 'k': return number(wall.hour, 2, ' ');
    case 'I': return number(wall.hour % 12 || 12, 2);
    case 'l': return number(wall.hour % 12 || 12, 2, ' ');
    case 'M': return number(wall.minute, 2);
    case 'S': return number(wall.second, 2);
    case 'f': return pad(wall.microsecond, 6);
    // Python asks the C library, which knows of no zone but the local one and takes an hour off in summer.
    case 's': return String(floorDivide(wallMicros(wall), SECOND) - (isSummer ? 3600n : 0n));
    case 'u': return number(day + 1, 1);
    case 'w': return number((day + 1) % 7, 1);
    case 'U': return number(Math.floor((dayOfYear(wall) + 6 - ((day + 1) % 7)) / 7), 2);
    case 'W': return number(Math.floor((dayOfYear(wall) + 6 - day) / 7), 2);
    case 'a': return (WEEKDAYS[day] as string).slice(0, 3);
    case 'A': return WEEKDAYS[day];
    case 'b': case 'h': return (MONTHS[wall.month - 1] as string).slice(0, 3);
    case 'B': return MONTHS[wall.month - 1];
    case 'p': return wall.hour < 12 ? 'AM' : 'PM';
    case 'P': return wall.hour < 12 ? 'am' : 'pm';
    case 'z': return offsetSeconds === undefined ? '' : offsetText(offsetSeconds, '');
    case ':z': return offsetSeconds === undefined ? '' : offsetText(offsetSeconds);
    case 'Z': return zoneName;
    case 'c': return nested('%a %b %e %H:%M:%S %Y');
    case 'x': case 'D': return nested('%m/%d/%y');
    case 'X': case 'T': return nested('%H:%M:%S');
    case 'r': return nested('%I:%M:%S %p');
    case 'R': return nested('%H:%M');
    case 'F': return nested('%Y-%m-%d');
    case 'n': return '\n';
    case 't': return '\t';
    case '%': return '%';
    default: return undefined;
  }
}
