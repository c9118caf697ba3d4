/** Instants and durations as the page writes them. Zones are IANA names; a name that the browser lacks reads as UTC. */

interface WallClock {
  readonly year: string;
  readonly month: string;
  readonly day: string;
  readonly hour: string;
  readonly minute: string;
  readonly second: string;
  readonly millisecond: string;
}

const formats = new Map<string, Intl.DateTimeFormat>();

function formatFor(zone: string): Intl.DateTimeFormat {
  const known = formats.get(zone);
  if (known !== undefined) return known;
  const options: Intl.DateTimeFormatOptions = {
    year: 'numeric', month: '2-digit', day: '2-digit', hour: '2-digit', minute: '2-digit', second: '2-digit', fractionalSecondDigits: 3, hourCycle: 'h23',
  };
  let format: Intl.DateTimeFormat;
  try {
    format = new Intl.DateTimeFormat('en-GB', { ...options, timeZone: zone });
  } catch (fault) {
    if (!(fault instanceof RangeError)) throw fault;
    format = new Intl.DateTimeFormat('en-GB', { ...options, timeZone: 'UTC' });
  }
  formats.set(zone, format);
  return format;
}

function wallClock(atMs: number, zone: string): WallClock {
  const parts = new Map(formatFor(zone).formatToParts(atMs).map((part) => [part.type as string, part.value]));
  const part = (type: string): string => parts.get(type) ?? '';
  return {
    year: part('year'), month: part('month'), day: part('day'), hour: part('hour'), minute: part('minute'),
    second: part('second'), millisecond: part('fractionalSecond'),
  };
}

/** `11-24 09:05`. */
export function shortInstant(atMs: number, zone: string): string {
  const at = wallClock(atMs, zone);
  return `${at.month}-${at.day} ${at.hour}:${at.minute}`;
}

/** `09:05:07.120`: inside one run, where the day is known. */
export function clockInstant(atMs: number, zone: string): string {
  const at = wallClock(atMs, zone);
  return `${at.hour}:${at.minute}:${at.second}.${at.millisecond}`;
}

/** `2026-11-24`. */
export function dayOf(atMs: number, zone: string): string {
  const at = wallClock(atMs, zone);
  return `${at.year}-${at.month}-${at.day}`;
}

/** `2026-11-24 09:05:07.120 Asia/Seoul (+09:00)`. */
export function fullInstant(atMs: number, zone: string): string {
  return `${dayOf(atMs, zone)} ${clockInstant(atMs, zone)} ${zone} (${zoneOffset(atMs, zone)})`;
}

/** The zone's distance from UTC at that instant, `+09:00`. */
export function zoneOffset(atMs: number, zone: string): string {
  const at = wallClock(atMs, zone);
  const asUtcMs = Date.UTC(Number(at.year), Number(at.month) - 1, Number(at.day), Number(at.hour), Number(at.minute), Number(at.second), Number(at.millisecond));
  const minutes = Math.round((asUtcMs - atMs) / 60_000);
  const absolute = Math.abs(minutes);
  return `${minutes < 0 ? '-' : '+'}${pad(Math.floor(absolute / 60))}:${pad(absolute % 60)}`;
}

/** Two units at most: `320ms`, `4.2s`, `1m 04s`, `2h 03m`, `3d 04h`. */
export function duration(spanMs: number): string {
  const ms = Math.max(0, Math.round(spanMs));
  if (ms < 1_000) return `${ms}ms`;
  if (ms < 10_000) return `${(Math.floor(ms / 100) / 10).toFixed(1)}s`;
  const seconds = Math.floor(ms / 1_000);
  if (seconds < 60) return `${seconds}s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes}m ${pad(seconds % 60)}s`;
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return `${hours}h ${pad(minutes % 60)}m`;
  return `${Math.floor(hours / 24)}d ${pad(hours % 24)}h`;
}

const pad = (value: number): string => String(value).padStart(2, '0');

const UNITS: readonly (readonly [unit: Intl.RelativeTimeFormatUnit, spanMs: number])[] = [
  ['day', 86_400_000], ['hour', 3_600_000], ['minute', 60_000], ['second', 1_000],
];

/** `3 min. ago`, `in 2 hr.` in the page's language. */
export function relativeInstant(atMs: number, nowMs: number, locale: string): string {
  const awayMs = atMs - nowMs;
  const [unit, spanMs] = UNITS.find(([, spanMs]) => Math.abs(awayMs) >= spanMs) ?? ['second', 1_000];
  return new Intl.RelativeTimeFormat(locale, { style: 'short', numeric: 'auto' }).format(Math.trunc(awayMs / spanMs), unit);
}

/** The instant that a wall clock of `<input type="datetime-local">` shows in a zone; in a gap, the first instant after it. */
export function instantOfWallClock(local: string, zone: string): number {
  const naiveMs = Date.parse(`${local}Z`);
  const offsetMs = (atMs: number): number => {
    const [, sign, hours, minutes] = /([+-])(\d+):(\d+)/.exec(zoneOffset(atMs, zone)) ?? [];
    return (sign === '-' ? -1 : 1) * (Number(hours) * 60 + Number(minutes)) * 60_000;
  };
  const guessMs = naiveMs - offsetMs(naiveMs);
  return naiveMs - offsetMs(guessMs);
}
