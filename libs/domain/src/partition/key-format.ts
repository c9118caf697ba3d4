import { civilDate, DAY_MS, dayNumber, dayOfWeek, daysInMonth, HOUR_MS, MINUTE_MS } from '../schedule/civil.ts';
import { instantOf, type TimeZone } from '../schedule/time-zone.ts';

export const DEFAULT_KEY_FORMAT = '%Y-%m-%dT%H:%M:%S';

const PARTS = /%[a-zA-Z%]|\{quarter\}/g;
/** What each reads, as Python's strptime does. */
const DIRECTIVES: { readonly [directive: string]: string } = {
  '%Y': '(\\d{4})', '%m': '(1[0-2]|0[1-9]|[1-9])', '%d': '(3[01]|[12]\\d|0[1-9]|[1-9]| [1-9])', '%H': '(2[0-3]|[01]\\d|\\d)', '%M': '([0-5]\\d|\\d)', '%S': '([0-5]\\d|\\d)', '%V': '(\\d{2})',
  '%z': '([+-]\\d\\d:?[0-5]\\d|(?-i:Z))', '{quarter}': '([1-4])',
};

/** Why nothing can be read or written by this format; undefined: it can. */
export function keyFormatRule(format: unknown): { readonly rule: string; readonly remedy: string } | undefined {
  if (typeof format !== 'string' || format === '' || format.length > 100) return { rule: 'is no text of 1 to 100 characters', remedy: `write it like '${DEFAULT_KEY_FORMAT}'` };
  const directives = directivesOf(format).filter((directive) => directive !== '%%');
  const unknown = directives.find((directive) => DIRECTIVES[directive] === undefined);
  if (unknown !== undefined) return { rule: `has ${unknown}, which is none of ${Object.keys(DIRECTIVES).join(' ')}`, remedy: 'leave it out' };
  const twice = directives.find((directive, index) => directives.indexOf(directive) < index);
  if (twice !== undefined) return { rule: `has ${twice} twice`, remedy: 'name each once' };
  return directives.includes('%Y') ? undefined : { rule: 'names no year', remedy: 'put %Y into it' };
}

/**
 * The wall clock of the zone that a key says, as the epoch milliseconds that it would have in UTC; undefined: it is not of this
 * format, or of no date that exists.
 */
export function parseKey(format: string, key: string, zone: TimeZone): number | undefined {
  const directives = directivesOf(format);
  const match = readerOf(format, directives).exec(key);
  if (match === null || match[0].length < key.length) return undefined;
  const texts = new Map(directives.filter((directive) => directive !== '%%').map((directive, index) => [directive, match[index + 1]]));
  const valueOf = (directive: string): number | undefined => (texts.has(directive) ? Number(texts.get(directive)) : undefined);
  const year = valueOf('%Y') ?? 0;
  const quarter = valueOf('{quarter}');
  const month = valueOf('%m') ?? (quarter === undefined ? 1 : quarter * 3 - 2);
  const day = valueOf('%d') ?? 1;
  if (year === 0 || day > daysInMonth(year, month)) return undefined;
  const saidMs = dayNumber(year, month, day) * DAY_MS + (valueOf('%H') ?? 0) * HOUR_MS + (valueOf('%M') ?? 0) * MINUTE_MS + (valueOf('%S') ?? 0) * 1_000;
  const offset = texts.get('%z');
  if (offset === undefined) return saidMs;
  const instantMs = saidMs - offsetMs(offset);
  return instantMs + zone.offsetAt(instantMs);
}

export function formatKey(format: string, wallMs: number, zone: TimeZone): string {
  const days = Math.floor(wallMs / DAY_MS);
  const { year, month, day } = civilDate(days);
  const rest = wallMs - days * DAY_MS;
  return format.replace(PARTS, (directive) => {
    switch (directive) {
      case '%Y': return String(year).padStart(4, '0');
      case '%m': return two(month);
      case '%d': return two(day);
      case '%H': return two(Math.floor(rest / HOUR_MS));
      case '%M': return two(Math.floor(rest / MINUTE_MS) % 60);
      case '%S': return two(Math.floor(rest / 1_000) % 60);
      case '%V': return two(isoWeek(days));
      case '%z': return offsetText(zone.offsetAt(instantOf(zone, wallMs).instantMs));
      case '{quarter}': return String(Math.ceil(month / 3));
      default: return '%';
    }
  });
}

const two = (value: number): string => String(value).padStart(2, '0');

const directivesOf = (format: string): readonly string[] => format.match(PARTS) ?? [];

/** Not anchored at the end: like strptime it takes the first reading, and then asks whether that was all. */
function readerOf(format: string, directives: readonly string[]): RegExp {
  const literals = format.split(PARTS).map((literal) => literal.replace(/[.*+?^${}()|[\]\\]/g, '\\$&').replace(/\s+/g, '\\s+'));
  return new RegExp(`^${literals.map((literal, index) => `${index === 0 ? '' : patternOf(directives[index - 1] as string)}${literal}`).join('')}`, 'i');
}

const patternOf = (directive: string): string => (directive === '%%' ? '%' : (DIRECTIVES[directive] as string));

function offsetMs(text: string): number {
  if (text === 'Z') return 0;
  const ms = Number(text.slice(1, 3)) * HOUR_MS + Number(text.slice(-2)) * MINUTE_MS;
  return text.startsWith('-') ? -ms : ms;
}

function offsetText(ms: number): string {
  const minutes = Math.abs(Math.round(ms / MINUTE_MS));
  return `${ms < 0 ? '-' : '+'}${two(Math.floor(minutes / 60))}${two(minutes % 60)}`;
}

/** Of the week that holds the day's Thursday. */
function isoWeek(days: number): number {
  const thursday = days - ((dayOfWeek(days) + 6) % 7) + 3;
  return Math.floor((thursday - dayNumber(civilDate(thursday).year, 1, 1)) / 7) + 1;
}
