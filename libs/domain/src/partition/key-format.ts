import { civilDate, DAY_MS, dayNumber, dayOfWeek, daysInMonth, HOUR_MS, MINUTE_MS } from '../schedule/civil.ts';

export const DEFAULT_KEY_FORMAT = '%Y-%m-%dT%H:%M:%S';

const PARTS = /%[a-zA-Z%]|\{quarter\}/g;
const DIRECTIVES: { readonly [directive: string]: string } = { '%Y': '(\\d{4})', '%m': '(\\d{2})', '%d': '(\\d{2})', '%H': '(\\d{2})', '%M': '(\\d{2})', '%S': '(\\d{2})', '%V': '(\\d{2})', '{quarter}': '([1-4])' };

/** Why nothing can be read or written by this format; undefined: it can. */
export function keyFormatRule(format: unknown): { readonly rule: string; readonly remedy: string } | undefined {
  if (typeof format !== 'string' || format === '' || format.length > 100) return { rule: 'is no text of 1 to 100 characters', remedy: `write it like '${DEFAULT_KEY_FORMAT}'` };
  const unknown = directivesOf(format).find((directive) => directive !== '%%' && DIRECTIVES[directive] === undefined);
  if (unknown !== undefined) return { rule: `has ${unknown}, which is none of ${Object.keys(DIRECTIVES).join(' ')}`, remedy: 'leave it out' };
  return directivesOf(format).includes('%Y') ? undefined : { rule: 'names no year', remedy: 'put %Y into it' };
}

/** The wall clock that a key says, as the epoch milliseconds that it would have in UTC; undefined: it is not of this format, or of no date that exists. */
export function parseKey(format: string, key: string): number | undefined {
  const directives = directivesOf(format).filter((directive) => directive !== '%%');
  const match = new RegExp(`^${format.split(PARTS).map((literal) => literal.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')).reduce((pattern, literal, index) => `${pattern}${patternOf(directivesOf(format)[index - 1])}${literal}`)}$`).exec(key);
  if (match === null) return undefined;
  const values = new Map(directives.map((directive, index) => [directive, Number(match[index + 1])]));
  const year = values.get('%Y') ?? 0;
  const quarter = values.get('{quarter}');
  const month = values.get('%m') ?? (quarter === undefined ? 1 : quarter * 3 - 2);
  const [day, hour, minute, second] = [values.get('%d') ?? 1, values.get('%H') ?? 0, values.get('%M') ?? 0, values.get('%S') ?? 0];
  if (month < 1 || month > 12 || day < 1 || day > daysInMonth(year, month) || hour > 23 || minute > 59 || second > 59) return undefined;
  return dayNumber(year, month, day) * DAY_MS + hour * HOUR_MS + minute * MINUTE_MS + second * 1_000;
}

export function formatKey(format: string, wallMs: number): string {
  const days = Math.floor(wallMs / DAY_MS);
  const { year, month, day } = civilDate(days);
  const rest = wallMs - days * DAY_MS;
  const two = (value: number): string => String(value).padStart(2, '0');
  return format.replace(PARTS, (directive) => {
    switch (directive) {
      case '%Y': return String(year).padStart(4, '0');
      case '%m': return two(month);
      case '%d': return two(day);
      case '%H': return two(Math.floor(rest / HOUR_MS));
      case '%M': return two(Math.floor(rest / MINUTE_MS) % 60);
      case '%S': return two(Math.floor(rest / 1_000) % 60);
      case '%V': return two(isoWeek(days));
      case '{quarter}': return String(Math.ceil(month / 3));
      default: return '%';
    }
  });
}

const directivesOf = (format: string): readonly string[] => format.match(PARTS) ?? [];

const patternOf = (directive: string | undefined): string => (directive === '%%' ? '%' : (DIRECTIVES[directive ?? ''] ?? ''));

/** Of the week that holds the day's Thursday. */
function isoWeek(days: number): number {
  const thursday = days - ((dayOfWeek(days) + 6) % 7) + 3;
  return Math.floor((thursday - dayNumber(civilDate(thursday).year, 1, 1)) / 7) + 1;
}
