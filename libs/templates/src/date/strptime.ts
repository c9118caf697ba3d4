import { raise } from '../error.ts';
import { civilDate, dayNumber, MONTHS, weekday, WEEKDAYS } from './calendar.ts';
import type { Wall } from './wall.ts';
import { checkedWall } from './wall.ts';

interface ParsedTime {
  readonly wall: Wall;
  readonly offsetSeconds: number | undefined;
}

const short = (names: readonly string[]): string => names.map((name) => name.slice(0, 3)).join('|');

/** What each directive matches; Python's own patterns. */
const PATTERNS: { readonly [letter: string]: string } = {
  d: '3[01]|[12]\\d|0[1-9]|[1-9]| [1-9]', f: '\\d{1,6}', H: '2[0-3]|[01]\\d|\\d', I: '1[0-2]|0[1-9]|[1-9]| [1-9]', G: '\\d{4}',
  j: '36[0-6]|3[0-5]\\d|[12]\\d\\d|0[1-9]\\d|00[1-9]|[1-9]\\d|0[1-9]|[1-9]', m: '1[0-2]|0[1-9]|[1-9]', M: '[0-5]\\d|\\d', S: '6[01]|[0-5]\\d|\\d',
  U: '5[0-3]|[0-4]\\d|\\d', W: '5[0-3]|[0-4]\\d|\\d', w: '[0-6]', u: '[1-7]', V: '5[0-3]|0[1-9]|[1-4]\\d|\\d', y: '\\d\\d', Y: '\\d{4}',
  z: '[+-]\\d\\d:?[0-5]\\d(?::?[0-5]\\d(?:\\.\\d{1,6})?)?|Z', Z: 'utc|gmt', p: 'am|pm',
  A: WEEKDAYS.join('|'), a: short(WEEKDAYS), B: MONTHS.join('|'), b: short(MONTHS),
};
const COMPOUND: { readonly [letter: string]: string } = { c: '%a %b %d %H:%M:%S %Y', x: '%m/%d/%y', X: '%H:%M:%S' };

/** `datetime.strptime`: ValueError when the text does not read by the format. */
export function strptime(text: string, format: string): ParsedTime {
  const letters: string[] = [];
  const pattern = patternOf(format, letters);
  const match = new RegExp(`^(?:${pattern})`, 'iu').exec(text);
  if (match === null) raise('ValueError', `time data '${text}' does not match format '${format}'`);
  if (match[0].length !== text.length) raise('ValueError', `unconverted data remains: ${text.slice(match[0].length)}`);
  return assemble(new Map(letters.map((letter, at) => [letter, (match[at + 1] as string).trim()])));
}

function patternOf(format: string, letters: string[]): string {
  let pattern = '';
  for (let at = 0; at < format.length; at++) {
    const char = format[at] as string;
    if (char === '%') {
      at += 1;
      pattern += directive(format[at], format, letters);
    } else if (/\s/.test(char)) {
      while (/\s/.test(format[at + 1] ?? '')) at += 1;
      pattern += '\\s+';
    } else pattern += char.replace(/[\^$\\.*+?()[\]{}|/]/g, '\\$&');
  }
  return pattern;
}

function directive(letter: string | undefined, format: string, letters: string[]): string {
  if (letter === undefined) raise('ValueError', `stray % in format '${format}'`);
  if (letter === '%') return '%';
  const compound = COMPOUND[letter];
  if (compound !== undefined) return patternOf(compound, letters);
  const found = Object.hasOwn(PATTERNS, letter) ? PATTERNS[letter] : undefined;
  if (found === undefined) raise('ValueError', `'${letter}' is a bad directive in format '${format}'`);
  if (letters.includes(letter)) raise('ValueError', `redefinition of group name '${letter}'`);
  letters.push(letter);
  return `(${found})`;
}

function assemble(fields: ReadonlyMap<string, string>): ParsedTime {
  const numberOf = (letter: string): number | undefined => (fields.has(letter) ? Number(fields.get(letter)) : undefined);
  const nameOf = (letter: string, names: readonly string[]): number | undefined => {
    const text = fields.get(letter)?.toLowerCase();
    return text === undefined ? undefined : names.findIndex((name) => name.toLowerCase().startsWith(text));
  };
  const century = numberOf('y');
  const year = numberOf('Y') ?? (century === undefined ? undefined : century + (century <= 68 ? 2000 : 1900));
  const monthName = nameOf('B', MONTHS) ?? nameOf('b', MONTHS);
  const day = dateOf(fields, year ?? 1900, numberOf('m') ?? (monthName === undefined ? 1 : monthName + 1), numberOf('d') ?? 1, nameOf('A', WEEKDAYS) ?? nameOf('a', WEEKDAYS));
  const wall = checkedWall({
    ...day, hour: hourOf(numberOf('H'), numberOf('I'), fields.get('p')), minute: numberOf('M') ?? 0, second: numberOf('S') ?? 0,
    microsecond: Number((fields.get('f') ?? '').padEnd(6, '0')),
  });
  return { wall, offsetSeconds: offsetOf(fields.get('z')) };
}

function hourOf(hour: number | undefined, hour12: number | undefined, half: string | undefined): number {
  if (hour !== undefined || hour12 === undefined) return hour ?? 0;
  return (hour12 % 12) + (half?.toLowerCase() === 'pm' ? 12 : 0);
}

/** The date by day of the year, or by week and weekday, where the format gave those. */
function dateOf(fields: ReadonlyMap<string, string>, year: number, month: number, day: number, weekdayByName: number | undefined): { readonly year: number; readonly month: number; readonly day: number } {
  const dayNumbered = fields.get('j');
  if (dayNumbered !== undefined) return civilDate(dayNumber(year, 1, 1) + Number(dayNumbered) - 1);
  const sunday = fields.has('U');
  const week = fields.get('U') ?? fields.get('W');
  const numbered = fields.has('w') ? (Number(fields.get('w')) + 6) % 7 : fields.has('u') ? Number(fields.get('u')) - 1 : weekdayByName;
  if (week !== undefined && numbered !== undefined) {
    const first = weekday({ year, month: 1, day: 1 });
    const [start, wanted] = sunday ? [(first + 1) % 7, (numbered + 1) % 7] : [first, numbered];
    const firstWeek = (7 - start) % 7;
    const days = Number(week) === 0 ? wanted - start : firstWeek + 7 * (Number(week) - 1) + wanted;
    return civilDate(dayNumber(year, 1, 1) + days);
  }
  const isoYear = fields.get('G');
  if (isoYear !== undefined && fields.has('V') && numbered !== undefined) {
    const fourth = { year: Number(isoYear), month: 1, day: 4 };
    return civilDate(dayNumber(fourth.year, 1, 4) - weekday(fourth) + (Number(fields.get('V')) - 1) * 7 + numbered);
  }
  return { year, month, day };
}

function offsetOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (text.toUpperCase() === 'Z') return 0;
  const digits = text.slice(1).replaceAll(':', '');
  const seconds = Number(digits.slice(0, 2)) * 3600 + Number(digits.slice(2, 4)) * 60 + Number(digits.slice(4, 6));
  return text.startsWith('-') ? -seconds : seconds;
}
