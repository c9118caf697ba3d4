import { describe, expect, it } from 'vitest';
import { isoInstant, parseInstant } from './civil.ts';
import type { DataInterval, TimetableDefinition } from './definition.ts';
import { inferManualInterval, nextRun } from './timetable.ts';
import type { ScheduleQuestion } from './timetable.ts';

const ms = (text: string): number => parseInstant(text) as number;
const short = (instantMs: number): string => isoInstant(instantMs).slice(0, 16);
const show = ({ startMs, endMs }: DataInterval): string => `${short(startMs)} ${short(endMs)}`;
const question = (over: Partial<ScheduleQuestion> = {}): ScheduleQuestion => ({
  lastInterval: null, startMs: null, endMs: null, catchup: true, nowMs: ms('2030-01-01'), ...over,
});
const cronIntervals = (cron: string, timezone: string): TimetableDefinition => ({ kind: 'cronDataInterval', cron, timezone });

function intervals(timetable: TimetableDefinition, from: string, count: number): string[] {
  const found: DataInterval[] = [];
  while (found.length < count) {
    const run = nextRun(timetable, question({ startMs: ms(from), lastInterval: found.at(-1) ?? null }));
    if (run === null) break;
    found.push(run.interval);
  }
  return found.map(show);
}

describe('a data interval over a change of offset', () => {
  it.each([
    ['0 3 * * *', 'Europe/Zurich', '2023-03-24T02:00', ['2023-03-24T02:00 2023-03-25T02:00', '2023-03-25T02:00 2023-03-26T01:00', '2023-03-26T01:00 2023-03-27T01:00']],
    ['0 2 * * *', 'Europe/Zurich', '2023-03-24T01:00', ['2023-03-24T01:00 2023-03-25T01:00', '2023-03-25T01:00 2023-03-26T01:00', '2023-03-26T01:00 2023-03-27T00:00']],
    ['0 3 * * *', 'Europe/Zurich', '2023-10-27T01:00', ['2023-10-27T01:00 2023-10-28T01:00', '2023-10-28T01:00 2023-10-29T02:00', '2023-10-29T02:00 2023-10-30T02:00']],
    ['0 2 * * *', 'Europe/Zurich', '2023-10-27T00:00', ['2023-10-27T00:00 2023-10-28T00:00', '2023-10-28T00:00 2023-10-29T01:00', '2023-10-29T01:00 2023-10-30T01:00']],
    ['0 7-8 * * *', 'America/Los_Angeles', '2020-03-07T15:00', ['2020-03-07T15:00 2020-03-07T16:00', '2020-03-07T16:00 2020-03-08T14:00', '2020-03-08T14:00 2020-03-08T15:00']],
  ])('%s in %s from %s', (cron, zone, from, expected) => {
    expect(intervals(cronIntervals(cron, zone), from, 3)).toEqual(expected);
  });

  it.each([
    ['0 2 * * *', 'America/New_York', '2024-03-10T07:30', '2024-03-09T07:00 2024-03-10T07:00'],
    ['0 2 * * *', 'America/New_York', '2024-03-10T07:00', '2024-03-09T07:00 2024-03-10T07:00'],
    ['0 1 * * *', 'America/New_York', '2024-11-03T05:30', '2024-11-01T05:00 2024-11-02T05:00'],
    ['0 2 * * *', 'Australia/Lord_Howe', '2024-10-05T15:30', '2024-10-04T15:30 2024-10-05T15:30'],
  ])('%s in %s, started by hand at %s', (cron, zone, at, expected) => {
    expect(show(inferManualInterval(cronIntervals(cron, zone), ms(at)))).toBe(expected);
  });

  it('goes on from the interval of a manual run in a gap', () => {
    const run = nextRun(cronIntervals('0 2 * * *', 'America/New_York'), question({ lastInterval: { startMs: ms('2024-03-09T07:00'), endMs: ms('2024-03-10T07:00') } }));
    expect(run && show(run.interval)).toBe('2024-03-10T07:00 2024-03-11T06:00');
  });
});

describe('edges', () => {
  it('keeps the day to which a month clamped it', () => {
    const monthly: TimetableDefinition = { kind: 'deltaDataInterval', months: 1 };
    const run = nextRun(monthly, question({ startMs: ms('2025-01-31'), nowMs: ms('2026-06-29'), catchup: false }));
    expect(run && show(run.interval)).toBe('2026-05-28T00:00 2026-06-28T00:00');
  });

  it('does not repeat a run after a change from trigger to data interval', () => {
    const at = ms('2025-09-05T17:00');
    const run = nextRun(cronIntervals('0 17 * * *', 'UTC'), question({ startMs: ms('2025-09-01'), lastInterval: { startMs: at, endMs: at } }));
    expect(run && show(run.interval)).toBe('2025-09-06T17:00 2025-09-07T17:00');
  });

  it.each<[string, TimetableDefinition, string, string, string | null, string | null]>([
    ['of a finer cron', cronIntervals('0 0 1 1 *', 'UTC'), '2025-10-24T20:01', '2025-10-24T22:01', null, '2026-01-01T00:00 2027-01-01T00:00'],
    ['of a finer cron, beyond the end date', cronIntervals('0 0 1 1 *', 'UTC'), '2025-10-24T20:01', '2025-10-24T22:01', '2025-12-31', null],
    ['of a trigger between two ticks', cronIntervals('0 6 * * *', 'Asia/Seoul'), '2025-10-24T20:01', '2025-10-24T20:01', null, '2025-10-24T21:00 2025-10-25T21:00'],
    ['of a trigger, before a delta', { kind: 'deltaDataInterval', seconds: 3600 }, '2025-10-24T20:01', '2025-10-24T20:01', null, '2025-10-24T21:01 2025-10-24T22:01'],
    ['that the schedule made', cronIntervals('0 6 * * *', 'UTC'), '2025-10-23T06:00', '2025-10-24T06:00', null, '2025-10-24T06:00 2025-10-25T06:00'],
  ])('goes past the logical date of the last run, %s', (_, timetable, start, end, until, expected) => {
    const run = nextRun(timetable, question({ lastInterval: { startMs: ms(start), endMs: ms(end) }, endMs: until === null ? null : ms(until) }));
    expect(run && show(run.interval)).toBe(expected);
  });
});

describe('events', () => {
  const events: TimetableDefinition = { kind: 'events', instants: ['2026-03-01', '2026-01-01', '2026-02-01'], restrictToEvents: true };
  const at = (run: ReturnType<typeof nextRun>): string | null => run && short(run.runAfterMs);
  const after = (instant: string): DataInterval => ({ startMs: ms(instant), endMs: ms(instant) });

  it('run in order of time, the past ones only with catchup, within start and end', () => {
    expect(at(nextRun(events, question()))).toBe('2026-01-01T00:00');
    expect(at(nextRun(events, question({ lastInterval: after('2026-01-01') })))).toBe('2026-02-01T00:00');
    expect(at(nextRun(events, question({ lastInterval: after('2026-03-01') })))).toBe(null);
    expect(at(nextRun(events, question({ catchup: false, nowMs: ms('2026-01-15') })))).toBe('2026-02-01T00:00');
    expect(at(nextRun(events, question({ startMs: ms('2026-02-15') })))).toBe('2026-03-01T00:00');
    expect(at(nextRun(events, question({ lastInterval: after('2026-01-01'), endMs: ms('2026-01-31') })))).toBe(null);
  });

  it('give a manual run the latest of them when nothing else is allowed', () => {
    expect(inferManualInterval(events, ms('2026-02-10'))).toEqual(after('2026-02-01'));
    expect(inferManualInterval(events, ms('2025-01-01'))).toEqual(after('2026-01-01'));
    expect(inferManualInterval({ ...events, restrictToEvents: false }, ms('2026-02-10'))).toEqual(after('2026-02-10'));
  });
});

describe('without a start date', () => {
  const hourly: TimetableDefinition = { kind: 'cronTrigger', cron: '0 * * * *', timezone: 'UTC' };
  const firstAt = (timetable: TimetableDefinition, now: string): string | null => {
    const run = nextRun(timetable, question({ catchup: false, nowMs: ms(now) }));
    return run && short(run.runAfterMs);
  };

  it('a cron begins with the tick just missed, if by little, else with the next', () => {
    expect(firstAt(hourly, '2026-01-05T10:05')).toBe('2026-01-05T10:00');
    expect(firstAt(hourly, '2026-01-05T10:07')).toBe('2026-01-05T11:00');
  });

  it('intervals begin with the latest that is over, @once begins now, @continuous never', () => {
    expect(firstAt(cronIntervals('0 0 * * *', 'UTC'), '2026-01-05T10:00')).toBe('2026-01-05T00:00');
    expect(firstAt({ kind: 'once' }, '2026-01-05T10:00')).toBe('2026-01-05T10:00');
    expect(firstAt({ kind: 'continuous' }, '2026-01-05T10:00')).toBe(null);
  });

  it('no schedule, or one of assets, makes no run by itself', () => {
    expect(firstAt({ kind: 'none' }, '2026-01-05')).toBe(null);
    expect(firstAt({ kind: 'assets', condition: { kind: 'asset', uri: 'a' } }, '2026-01-05')).toBe(null);
    expect(firstAt({ kind: 'assetsOrTime', condition: { kind: 'asset', uri: 'a' }, timetable: hourly }, '2026-01-05T10:01')).toBe('2026-01-05T10:00');
  });
});

it('@continuous follows on from its last run to now', () => {
  const run = nextRun({ kind: 'continuous' }, question({ startMs: ms('2026-01-01'), lastInterval: { startMs: ms('2026-01-01'), endMs: ms('2026-01-02') }, nowMs: ms('2026-01-03') }));
  expect(run && show(run.interval)).toBe('2026-01-02T00:00 2026-01-03T00:00');
});
