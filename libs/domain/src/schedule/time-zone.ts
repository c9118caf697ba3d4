import { DAY_MS, dayNumber, HOUR_MS, MINUTE_MS } from './civil.ts';

/**
 * A zone of the IANA database. Offsets come from Intl and are kept: time is cut into spans of twelve days, and of each
 * span that was asked about the zone remembers the offset at its start and where, if anywhere, that changes. Two changes
 * within twelve days of each other have not happened since 1970.
 */
export interface TimeZone {
  readonly name: string;
  /** Milliseconds to add to an instant to get its wall clock. */
  offsetAt(instantMs: number): number;
}

interface Span {
  readonly before: number;
  readonly changesAtMs: number;
  readonly after: number;
}

const SPAN_MS = 12 * DAY_MS;
/** Intl knows no instants beyond this. */
const LAST_INSTANT_MS = 8.64e15;

const zones = new Map<string, TimeZone>();

/** The zone of this name, `UTC` or as in `Asia/Seoul`; undefined when there is none. */
export function timeZone(name: string): TimeZone | undefined {
  const known = zones.get(name);
  if (known !== undefined) return known;
  const format = formatOf(name);
  if (format === undefined) return undefined;
  const zone = makeZone(name, format);
  zones.set(name, zone);
  return zone;
}

function formatOf(name: string): Intl.DateTimeFormat | undefined {
  // Intl also takes bare offsets such as `+09:00`, which are no zones of the database and have no rules.
  if (name.length > 64 || !/^[A-Za-z][A-Za-z0-9_+-]*(\/[A-Za-z0-9_+-]+)*$/.test(name)) return undefined;
  try {
    return new Intl.DateTimeFormat('en-US', {
      timeZone: name, hourCycle: 'h23', era: 'short',
      year: 'numeric', month: 'numeric', day: 'numeric', hour: 'numeric', minute: 'numeric', second: 'numeric',
    });
  } catch {
    return undefined;
  }
}

function makeZone(name: string, format: Intl.DateTimeFormat): TimeZone {
  const spans = new Map<number, Span>();
  let lastIndex = NaN;
  let lastSpan: Span = { before: 0, changesAtMs: 0, after: 0 };
  return {
    name,
    offsetAt(instantMs) {
      const index = Math.floor(instantMs / SPAN_MS);
      if (index !== lastIndex) {
        lastSpan = spans.get(index) ?? readSpan(format, index);
        lastIndex = index;
        spans.set(index, lastSpan);
      }
      return instantMs < lastSpan.changesAtMs ? lastSpan.before : lastSpan.after;
    },
  };
}

function readSpan(format: Intl.DateTimeFormat, index: number): Span {
  let from = index * SPAN_MS;
  let to = from + SPAN_MS;
  const before = readOffset(format, from);
  const after = readOffset(format, to);
  if (before === after) return { before, changesAtMs: to, after };
  while (to - from > 1000) {
    const middle = Math.floor((from + to) / 2000) * 1000;
    if (readOffset(format, middle) === before) from = middle;
    else to = middle;
  }
  return { before, changesAtMs: to, after };
}

function readOffset(format: Intl.DateTimeFormat, instantMs: number): number {
  const ms = Math.floor(Math.max(-LAST_INSTANT_MS, Math.min(LAST_INSTANT_MS, instantMs)) / 1000) * 1000;
  const parts: Record<string, string> = {};
  for (const { type, value } of format.formatToParts(ms)) parts[type] = value;
  const year = parts['era'] === 'BC' ? 1 - Number(parts['year']) : Number(parts['year']);
  const days = dayNumber(year, Number(parts['month']), Number(parts['day']));
  return days * DAY_MS + Number(parts['hour']) * HOUR_MS + Number(parts['minute']) * MINUTE_MS + Number(parts['second']) * 1000 - ms;
}

/** How a wall-clock time stands in its zone: usual, or in an hour that a change of offset repeats or leaves out. */
type WallKind = 'usual' | 'repeated' | 'skipped';

/**
 * The instant of a wall-clock time. One that comes twice means its second coming; one that a gap leaves out lies as far
 * behind the gap's start as its clock says, so 02:30 in a gap from 02:00 to 03:00 is 03:30.
 */
export function instantOf(zone: TimeZone, wallMs: number): { readonly instantMs: number; readonly kind: WallKind } {
  const before = zone.offsetAt(wallMs - DAY_MS);
  const after = zone.offsetAt(wallMs + DAY_MS);
  const early = wallMs - before;
  const late = wallMs - after;
  if (before === after) return { instantMs: early, kind: 'usual' };
  const earlyHolds = zone.offsetAt(early) === before;
  const lateHolds = zone.offsetAt(late) === after;
  if (earlyHolds && lateHolds) return { instantMs: Math.max(early, late), kind: 'repeated' };
  if (lateHolds) return { instantMs: late, kind: 'usual' };
  return { instantMs: early, kind: earlyHolds ? 'usual' : 'skipped' };
}
