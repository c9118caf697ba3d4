import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DAY_MS, HOUR_MS, MINUTE_MS, parseInstant } from './civil.ts';
import { isCronProblem, nextWall, parseCron, previousWall } from './cron.ts';
import type { Cron } from './cron.ts';
import { nextTick } from './tick.ts';
import { timeZone } from './time-zone.ts';
import type { TimeZone } from './time-zone.ts';

const cronOf = (expression: string): Cron => {
  const cron = parseCron(expression);
  if (isCronProblem(cron)) throw new Error(`${expression} ${cron.rule}`);
  return cron;
};
const ms = (text: string): number => parseInstant(text) as number;

/** One field as text, and the values that it names, found without the parser. */
interface FieldCase {
  readonly text: string;
  readonly values: ReadonlySet<number> | '*';
}

function fieldCase(min: number, max: number): fc.Arbitrary<FieldCase> {
  const value = fc.integer({ min, max });
  const item = fc.oneof(
    value.map((v) => ({ text: `${v}`, values: [v] })),
    fc.tuple(value, value, fc.integer({ min: 1, max: 7 })).filter(([a, b]) => a < b).map(([a, b, n]) => ({ text: `${a}-${b}/${n}`, values: range(a, b).filter((v) => (v - a) % n === 0) })),
    fc.integer({ min: 2, max: 9 }).map((n) => ({ text: `*/${n}`, values: range(min, max).filter((v) => (v - min) % n === 0) })),
  );
  return fc.oneof(
    { weight: 2, arbitrary: fc.constant<FieldCase>({ text: '*', values: '*' }) },
    { weight: 3, arbitrary: fc.array(item, { minLength: 1, maxLength: 3 }).map((items): FieldCase => ({ text: items.map(({ text }) => text).join(','), values: new Set(items.flatMap(({ values }) => values)) })) },
  );
}

const range = (from: number, to: number): number[] => Array.from({ length: to - from + 1 }, (_, index) => from + index);

type Fields = readonly [FieldCase, FieldCase, FieldCase, FieldCase, FieldCase];
const anyFields: fc.Arbitrary<Fields> = fc.tuple(fieldCase(0, 59), fieldCase(0, 23), fieldCase(1, 31), fieldCase(1, 12), fieldCase(0, 6));
const expressionOf = (fields: Fields): string => fields.map(({ text }) => text).join(' ');

/** The oracle: whether one minute of the wall clock matches, by the platform's own calendar. */
function matches([minute, hour, day, month, weekday]: Fields, wallMs: number): boolean {
  const has = ({ values }: FieldCase, value: number): boolean => values === '*' || values.has(value);
  if (!has(minute, (wallMs / MINUTE_MS) % 60) || !has(hour, Math.floor(wallMs / HOUR_MS) % 24)) return false;
  const date = new Date(wallMs);
  const everyDay = day.values === '*' || (day.values.size === 31 && weekday.text.includes('*'));
  const everyWeekday = weekday.values === '*' || (weekday.values.size === 7 && day.text.includes('*'));
  const onDay = everyDay ? everyWeekday || has(weekday, date.getUTCDay()) : has(day, date.getUTCDate()) || (!everyWeekday && has(weekday, date.getUTCDay()));
  return has(month, date.getUTCMonth() + 1) && onDay;
}

describe('a cron on the wall clock', () => {
  const WINDOW_MINUTES = 1500;
  const start = fc.integer({ min: ms('1999-12-01') / 1000, max: ms('2032-03-05') / 1000 }).map((seconds) => seconds * 1000);

  it('comes next when a walk minute by minute first matches, and before it likewise', () => {
    fc.assert(
      fc.property(anyFields, start, (fields, from) => {
        const cron = parseCron(expressionOf(fields));
        if (isCronProblem(cron)) return;
        const minute = Math.floor(from / MINUTE_MS) * MINUTE_MS;
        const walk = (step: 1 | -1, first: number): number | undefined => {
          for (let n = 0; n < WINDOW_MINUTES; n += 1) if (matches(fields, first + step * n * MINUTE_MS)) return first + step * n * MINUTE_MS;
          return undefined;
        };
        const inWindow = (found: number | undefined): number | undefined => (found !== undefined && Math.abs(found - minute) < WINDOW_MINUTES * MINUTE_MS ? found : undefined);
        expect(inWindow(nextWall(cron, from))).toBe(inWindow(walk(1, minute + MINUTE_MS)));
        expect(inWindow(previousWall(cron, from))).toBe(inWindow(walk(-1, minute === from ? minute - MINUTE_MS : minute)));
      }),
      { numRuns: 10_000, seed: 42 },
    );
  }, 60_000);

  it.each([
    ['0 0 L * *', '2026-02-01', ['2026-02-28', '2026-03-31']],
    ['0 0 * * mon#2', '2026-01-01', ['2026-01-12', '2026-02-09']],
    ['0 0 * * 5#5', '2026-01-01', ['2026-01-30', '2026-05-29']],
    ['0 0 * * L5', '2026-01-01', ['2026-01-30', '2026-02-27']],
    ['0 0 15W * *', '2026-01-01', ['2026-01-15', '2026-02-16', '2026-03-16', '2026-04-15', '2026-05-15']],
    ['0 0 w31 * mon', '2026-01-01', ['2026-01-30', '2026-02-27', '2026-03-31', '2026-04-30', '2026-05-29']],
    ['0 0 1W 8 *', '2026-01-01', ['2026-08-03', '2027-08-02']],
    ['0 0 29 2 *', '2026-01-01', ['2028-02-29', '2032-02-29']],
    ['0 0 15 * mon', '2026-01-01', ['2026-01-05', '2026-01-12', '2026-01-15', '2026-01-19']],
    ['0 0 * * fri-mon', '2026-01-01', ['2026-01-02', '2026-01-03', '2026-01-04', '2026-01-05', '2026-01-09']],
    ['0 0 ? nov-jan 7', '2026-01-20', ['2026-01-25', '2026-11-01']],
    ['@quarterly', '2026-01-01', ['2026-04-01', '2026-07-01']],
  ])('%s from %s', (expression, from, expected) => {
    const found: number[] = [];
    while (found.length < expected.length) found.push(nextWall(cronOf(expression), found.at(-1) ?? ms(from)) as number);
    expect(found).toEqual(expected.map(ms));
  });

  it.each([
    '', '* * * *', '* * * * * *', '0 0 30 2 *', '0 0 31 4,6,9,11 *', '0 0 * 2 1#6', '60 * * * *', '* 24 * * *', '* * 0 * *', '* * * 13 *', '* * * * 8', '*/0 * * * *', '-1 * * * *',
    '５ * * * *', '5\u00a0* * * *', '@never', '1,,2 * * * *', '? * * * *', '0 0 1? * *', 'jan * * * *', '1-2-3 * * * *', '*-5 * * * *', '0 0 1 * 1,2#1', 'h * * * *', '0 0 32W * *', '0 0 15W,20 * *', '0 0 15W * mon#1', '0 0 * * 15W',
  ])('refuses %j', (expression) => {
    expect(parseCron(expression)).toEqual({ rule: expect.any(String), remedy: expect.any(String) });
  });

  it('refuses a text of a megabyte', () => {
    expect(parseCron('0'.repeat(1_000_000))).toEqual({ rule: 'is 1000000 characters long; the limit is 1000', remedy: 'shorten it' });
  });

  it('answers any text without throwing', () => {
    fc.assert(fc.property(fc.string({ unit: fc.constantFrom(...'0123456789*/,-#?lLwW@ ajnmonFRI５') }), (text) => { parseCron(text); }), { numRuns: 10_000, seed: 42 });
  });
});

describe('a cron over a change of offset of an hour', () => {
  const zones = ['Europe/Zurich', 'America/New_York', 'Asia/Tehran', 'Africa/Cairo', 'Pacific/Auckland', 'America/Santiago', 'Asia/Seoul'];
  const around = [...range(2015, 2021)].flatMap((year) => ['03-08', '03-13', '03-20', '03-28', '04-05', '04-24', '09-05', '09-21', '09-27', '10-26', '11-01'].map((day) => ms(`${year}-${day}`)));

  /**
   * Every tick in a window of instants, found by walking it minute by minute. Of the times in a gap one fires, moved by
   * the length of the gap: from there the wall clock goes on.
   */
  function ticks(fields: Fields, everyHour: boolean, zone: TimeZone, from: number, to: number): number[] {
    const found = new Set<number>();
    const seen = new Map<number, number>();
    for (let t = from - DAY_MS; t <= to + DAY_MS; t += MINUTE_MS) {
      const wall = t + zone.offsetAt(t);
      if (everyHour && matches(fields, wall)) found.add(t);
      seen.set(wall, t);
    }
    if (!everyHour) {
      const walls = [...seen.keys()].sort((a, b) => a - b);
      let gapFired = false;
      for (let wall = walls[0] as number; wall <= (walls.at(-1) as number); wall += MINUTE_MS) {
        if (!matches(fields, wall) || (gapFired && !seen.has(wall))) continue;
        gapFired ||= !seen.has(wall);
        found.add(seen.get(wall) ?? (seen.get(wall + HOUR_MS) as number));
      }
    }
    return [...found].filter((t) => t > from && t <= to).sort((a, b) => a - b);
  }

  it('fires in the second of two equal hours, once behind a gap, and through both when it runs every hour', () => {
    fc.assert(
      fc.property(anyFields, fc.constantFrom(...zones), fc.constantFrom(...around), (fields, zoneName, from) => {
        const cron = parseCron(expressionOf(fields));
        const zone = timeZone(zoneName) as TimeZone;
        if (isCronProblem(cron)) return;
        // Elapsed time over days between two ticks lands an hour off, in Airflow too.
        const everyDay = cron.days === null && cron.weekdays === null && cron.months.size === 12;
        if (cron.everyHour && !everyDay) return;
        const to = from + 2 * DAY_MS;
        const chain: number[] = [];
        for (let t = nextTick(cron, zone, from - 2 * DAY_MS); t !== undefined && t <= to; t = nextTick(cron, zone, t)) if (t > from) chain.push(t);
        expect(chain).toEqual(ticks(fields, cron.everyHour, zone, from, to));
      }),
      { numRuns: 1_000, seed: 42 },
    );
  }, 60_000);
});
