import { raise } from '../error.ts';
import { PyObject } from '../value/value.ts';
import type { Value } from '../value/value.ts';
import { dayNumber } from './calendar.ts';
import { DAY, offsetText, SECOND } from './wall.ts';
import { ZONE_LETTERS } from './zone-letters.ts';

/** Days from here to where the other half of a year is looked for. */
const SEASONS = [-182n, -91n, 0n, 91n, 182n];

/** A time zone: UTC, one of the IANA database, or an offset that never changes. */
export abstract class Zone extends PyObject {
  override readonly typeName: string = 'Timezone';
  readonly name: string;

  constructor(name: string) {
    super();
    this.name = name;
  }

  /** Seconds to add to UTC at an instant, which is given in microseconds since 1970. */
  abstract offsetAt(instant: bigint): number;
  /** The abbreviation, as `%Z` writes it. */
  abstract abbreviationAt(instant: bigint): string;

  /** The offset at a wall clock time. Of one that comes twice, or never, `fold` 0 takes the offset before the change and 1 the one after it. */
  offsetAtWall(wall: bigint, fold: number): number {
    const before = this.offsetAt(wall - DAY);
    const after = this.offsetAt(wall + DAY);
    if (before === after) return before;
    const beforeHolds = this.offsetAt(wall - BigInt(before) * SECOND) === before;
    const afterHolds = this.offsetAt(wall - BigInt(after) * SECOND) === after;
    if (beforeHolds === afterHolds) return fold === 0 ? before : after;
    return beforeHolds ? before : after;
  }

  /** Whether it is none of pendulum's own, which its dates then do not count as a zone when they move. */
  readonly foreign: boolean = false;

  /** The offset where there is only one. */
  get alwaysOffset(): number | undefined {
    return undefined;
  }

  /** Seconds by which summer time sets the clock forward at an instant. */
  dstAt(instant: bigint): number {
    return this.offsetAt(instant) - Math.min(...SEASONS.map((days) => this.offsetAt(instant + days * DAY)));
  }

  override repr(): string {
    return `Timezone('${this.name}')`;
  }

  override str(): string {
    return this.name;
  }

  override attribute(name: string): Value | undefined {
    return name === 'name' || name === 'key' ? this.name : undefined;
  }
}

class FixedZone extends Zone {
  private readonly offset: number;
  private readonly shown: string;

  constructor(name: string, offset: number, shown: string) {
    super(name);
    this.offset = offset;
    this.shown = shown;
  }

  override offsetAt(): number {
    return this.offset;
  }

  override get alwaysOffset(): number {
    return this.offset;
  }

  override abbreviationAt(): string {
    return this.name;
  }

  override repr(): string {
    return this.shown;
  }

  override str(): string {
    return this.name === 'UTC' ? this.name : this.shown;
  }
}

/** A zone of another library: it tells the same time, by another name. */
export class ForeignZone extends Zone {
  override readonly foreign = true;
  /** The zone whose time it tells. */
  readonly base: Zone;
  private readonly shown: string;
  private readonly letters: string | undefined;
  private readonly printed: string;

  constructor(base: Zone, shown: string, letters?: string, printed = shown) {
    super('');
    this.base = base;
    this.shown = shown;
    this.letters = letters;
    this.printed = printed;
  }

  override offsetAt(instant: bigint): number {
    return this.base.offsetAt(instant);
  }

  override abbreviationAt(instant: bigint): string {
    return this.letters ?? this.base.abbreviationAt(instant);
  }

  override get alwaysOffset(): number | undefined {
    return this.base.alwaysOffset;
  }

  override repr(): string {
    return this.shown;
  }

  override str(): string {
    return this.printed;
  }

  override attribute(): undefined {
    return undefined;
  }
}

export const UTC: Zone = new FixedZone('UTC', 0, "Timezone('UTC')");
/** `datetime.timezone.utc`. */
export const PLAIN_UTC: Zone = new ForeignZone(UTC, 'datetime.timezone.utc', 'UTC', 'UTC');

export function fixedZone(offsetSeconds: number): Zone {
  const name = offsetText(offsetSeconds);
  return new FixedZone(name, offsetSeconds, `FixedTimezone(${offsetSeconds}, name="${name}")`);
}

/** Intl knows no instants beyond this. */
const LAST_INSTANT_MS = 8.64e15;
const MAX_KNOWN = 4096;

class NamedZone extends Zone {
  private readonly offsets = new Map<number, number>();
  private readonly clock: Intl.DateTimeFormat;

  constructor(name: string) {
    super(name);
    this.clock = new Intl.DateTimeFormat('en-US', {
      timeZone: name, hourCycle: 'h23', era: 'short', year: 'numeric', month: 'numeric', day: 'numeric', hour: 'numeric', minute: 'numeric', second: 'numeric',
    });
  }

  /** The name by which the database has it, or the zone that it is another name of. */
  get foundAs(): string {
    return this.clock.resolvedOptions().timeZone;
  }

  override offsetAt(instant: bigint): number {
    // Offsets change on full minutes only, so an answer holds for its minute.
    const ms = Number(instant / 60_000_000n) * 60_000;
    const known = this.offsets.get(ms);
    if (known !== undefined) return known;
    if (this.offsets.size >= MAX_KNOWN) this.offsets.clear();
    const offset = this.readOffset(Math.max(-LAST_INSTANT_MS, Math.min(LAST_INSTANT_MS, ms)));
    this.offsets.set(ms, offset);
    return offset;
  }

  override abbreviationAt(instant: bigint): string {
    const letters = ZONE_LETTERS.get(this.name);
    if (letters !== undefined) return letters[this.dstAt(instant) > 0 ? 1 : 0];
    return offsetText(this.offsetAt(instant), '').replace(/00$/, '');
  }

  private readOffset(ms: number): number {
    const parts: Record<string, string> = {};
    for (const { type, value } of this.clock.formatToParts(ms)) parts[type] = value;
    const year = parts['era'] === 'BC' ? 1 - Number(parts['year']) : Number(parts['year']);
    const days = dayNumber(year, Number(parts['month']), Number(parts['day']));
    return days * 86_400 + Number(parts['hour']) * 3600 + Number(parts['minute']) * 60 + Number(parts['second']) - ms / 1000;
  }
}

const zones = new Map<string, Zone>([['UTC', UTC], ['utc', UTC]]);

/** The zone of this name; InvalidTimezone when there is none. */
export function namedZone(name: string): Zone {
  const known = zones.get(name);
  if (known !== undefined) return known;
  const invalid = (): never => raise('InvalidTimezone', `Invalid timezone "${name.slice(0, 100)}"`);
  if (name === '') return raise('ValueError', 'ZoneInfo keys must be normalized relative paths, got: ');
  // Intl also takes bare offsets such as `+09:00`, which are no zones of the database, and does not mind small letters, as a file's name does.
  if (!/^[A-Z]/.test(name) || name.length > 64 || !/^[A-Za-z][A-Za-z0-9_+-]*(\/[A-Za-z0-9_+-]+)*$/.test(name)) return invalid();
  try {
    const zone = new NamedZone(name);
    if (zone.foundAs !== name && zone.foundAs.toLowerCase() === name.toLowerCase()) return invalid();
    zones.set(name, zone);
    return zone;
  } catch {
    return invalid();
  }
}
