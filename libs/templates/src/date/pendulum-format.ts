import { dayOfYear, isoWeek, weekday } from './calendar.ts';
import type { PyDateTime } from './datetime.ts';
import type { Locale } from './locale.ts';
import { offsetText, pad, SECOND } from './wall.ts';

const TOKEN = /\[([^[]*)\]|\\([^\n])|(Mo|MM?M?M?|Do|DDDo|DD?D?D?|ddd?d?|do?|eo?|E{1,4}|w[o|w]?|W[o|W]?|Qo?|YYYY|YY|Y|gg(?:ggg?)?|GG(?:GGG?)?|a|A|hh?|HH?|kk?|mm?|ss?|S{1,9}|x|X|zz?|ZZ?|LTS|LT|LL?L?L?)/gu;

/** `DateTime.format`: pendulum's tokens; `[text]` is written as it stands, and so is a token without a meaning. */
export const formatTokens = (format: string, at: PyDateTime, locale: Locale): string =>
  format.replace(TOKEN, (whole, bracketed: string | undefined, escaped: string | undefined, token: string | undefined) => {
    if (bracketed) return bracketed;
    if (escaped) return escaped;
    // An empty pair of brackets is no token either; pendulum fails on it, where it is left as it stands here.
    return token === undefined ? whole : formatToken(token, at, locale);
  });

function formatToken(token: string, at: PyDateTime, locale: Locale): string {
  const { wall } = at;
  const day = weekday(wall);
  const quarter = Math.ceil(wall.month / 3);
  const compound = locale.formats[token];
  if (compound !== undefined) return formatTokens(compound, at, locale);
  if (/^S{1,6}$/.test(token)) return pad(wall.microsecond, 6).slice(0, token.length);
  switch (token) {
    case 'YYYY': case 'Y': return String(wall.year);
    case 'YY': return String(wall.year).slice(2);
    case 'Q': return String(quarter);
    case 'Qo': return locale.ordinal(quarter);
    case 'M': return String(wall.month);
    case 'MM': return pad(wall.month);
    case 'Mo': return locale.ordinal(wall.month);
    case 'MMM': return locale.months[1][wall.month - 1] as string;
    case 'MMMM': return locale.months[0][wall.month - 1] as string;
    case 'D': return String(wall.day);
    case 'DD': return pad(wall.day);
    case 'Do': return locale.ordinal(wall.day);
    case 'DDD': return String(dayOfYear(wall));
    case 'DDDD': return pad(dayOfYear(wall), 3);
    case 'DDDo': return locale.ordinal(dayOfYear(wall));
    case 'd': return String((day + 1) % 7);
    case 'do': return locale.ordinal((day + 1) % 7);
    case 'e': return String((day - locale.firstDay + 7) % 7);
    case 'eo': return locale.ordinal(((day - locale.firstDay + 7) % 7) + 1);
    case 'E': return String(day + 1);
    case 'dd': return locale.weekdays[2][day] as string;
    case 'ddd': return locale.weekdays[1][day] as string;
    case 'dddd': return locale.weekdays[0][day] as string;
    case 'wo': return locale.ordinal(isoWeek(wall).week);
    case 'H': return String(wall.hour);
    case 'HH': return pad(wall.hour);
    case 'h': return String(wall.hour % 12 || 12);
    case 'hh': return pad(wall.hour % 12 || 12);
    case 'm': return String(wall.minute);
    case 'mm': return pad(wall.minute);
    case 's': return String(wall.second);
    case 'ss': return pad(wall.second);
    case 'A': return locale.halves[wall.hour >= 12 ? 1 : 0];
    case 'X': return String(at.instant / SECOND);
    case 'x': return String(at.instant / 1000n);
    case 'z': return at.zone?.name ?? '';
    case 'zz': return at.zoneName;
    case 'Z': case 'ZZ': return at.offsetSeconds === undefined ? '' : offsetText(at.offsetSeconds - (at.offsetSeconds % 60), token === 'Z' ? ':' : '');
    default: return token;
  }
}
