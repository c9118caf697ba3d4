import { describe, expect, it } from 'vitest';
import { parseInstant } from './civil.ts';
import type { AssetCondition, TimetableDefinition } from './definition.ts';
import { describeSchedule } from './describe.ts';
import { previewRuns } from './preview.ts';
import { timetableProblems } from './validate.ts';

const cron = (expression: string, timezone = 'UTC'): TimetableDefinition => ({ kind: 'cronTrigger', cron: expression, timezone });

describe('a timetable that cannot work', () => {
  it.each<[TimetableDefinition, string]>([
    [cron('0 0 30 2 *'), 'schedule.cron'],
    [cron('* * * * * *'), 'schedule.cron'],
    [cron('0 6 * * *', 'Asia/Soul'), 'schedule.timezone'],
    [cron('0 6 * * *', '+09:00'), 'schedule.timezone'],
    [cron('0 6 * * *', 'x'.repeat(65)), 'schedule.timezone'],
    [{ kind: 'cronTrigger', cron: '0 6 * * *', timezone: 'UTC', intervalSeconds: -1 }, 'schedule.intervalSeconds'],
    [{ kind: 'multipleCronTrigger', crons: [], timezone: 'UTC' }, 'schedule.crons'],
    [{ kind: 'multipleCronTrigger', crons: ['0 6 * * *', '61 * * * *'], timezone: 'UTC' }, 'schedule.crons[1]'],
    [{ kind: 'deltaTrigger', seconds: -60 }, 'schedule.seconds'],
    [{ kind: 'deltaTrigger', seconds: Number.NaN }, 'schedule.seconds'],
    [{ kind: 'deltaTrigger', seconds: 0 }, 'schedule'],
    [{ kind: 'deltaDataInterval', months: 1.5 }, 'schedule.months'],
    [{ kind: 'events', instants: [] }, 'schedule.instants'],
    [{ kind: 'events', instants: ['2026-02-30'] }, 'schedule.instants[0]'],
    [{ kind: 'assets', condition: { kind: 'all', of: [] } }, 'schedule.condition'],
    [{ kind: 'assetsOrTime', condition: { kind: 'asset', uri: 'a' }, timetable: { kind: 'none' } }, 'schedule.timetable'],
  ])('%j', (timetable, field) => {
    expect(timetableProblems(timetable).map((one) => one.field)).toEqual([field]);
  });

  it.each([[31, []], [32, ['schedule.condition']], [100_000, ['schedule.condition']]])('all and any inside one another, %i deep', (depth, fields) => {
    let condition: AssetCondition = { kind: 'asset', uri: 'a' };
    for (let level = 0; level <= depth; level++) condition = { kind: level % 2 === 0 ? 'all' : 'any', of: [condition] };
    expect(timetableProblems({ kind: 'assets', condition }).map((one) => one.field)).toEqual(fields);
  });

  it('says the value, the rule and the remedy', () => {
    expect(timetableProblems(cron('0 6 * *'))).toEqual([
      {
        field: 'schedule.cron', value: '"0 6 * *"', rule: 'has 4 fields; a cron expression has five',
        remedy: 'write minute, hour, day of month, month and day of week, for example "0 6 * * *"',
      },
    ]);
    expect(timetableProblems(cron('9'.repeat(1_000_000)))[0]?.value.length).toBe(121);
  });
});

it('describes a schedule in a few characters', () => {
  const timetables: TimetableDefinition[] = [
    { kind: 'none' }, { kind: 'once' }, cron('0 6 * * *'), { kind: 'deltaTrigger', seconds: 5400 }, { kind: 'deltaDataInterval', months: 1, seconds: 86_400 },
    { kind: 'events', instants: ['2026-01-01'] }, { kind: 'assetsOrTime', condition: { kind: 'asset', uri: 'a' }, timetable: cron('@daily') },
  ];
  expect(timetables.map(describeSchedule)).toEqual([null, '@once', '0 6 * * *', 'every 90m', 'every month 1d', '1 event', 'Asset or @daily']);
});

describe('a preview', () => {
  const ms = (text: string): number => parseInstant(text) as number;
  const notes = (timetable: TimetableDefinition, now: string): (string | undefined)[] =>
    previewRuns(timetable, 3, { lastInterval: null, startMs: ms(now), endMs: null, catchup: true, nowMs: ms(now) }).map((run) => run.note);

  it('tells what a gap, a repeated hour and a change between two runs do', () => {
    expect(notes(cron('30 2 * * *', 'America/New_York'), '2024-03-09T00:00Z')).toEqual([
      undefined,
      '02:30 does not exist on 2024-03-10 in America/New_York: it runs at 03:30.',
      undefined,
    ]);
    expect(notes(cron('30 1 * * *', 'America/New_York'), '2024-11-02T00:00Z')).toEqual([
      undefined,
      '01:30 comes twice on 2024-11-03 in America/New_York: it runs the second time.',
      undefined,
    ]);
    expect(notes(cron('0 6 * * *', 'Europe/Zurich'), '2026-03-28T00:00Z')).toEqual([
      undefined,
      'The clock of Europe/Zurich has gone forward by 60 minutes since the run before.',
      undefined,
    ]);
  });

  it('ends where the schedule does', () => {
    const question = { lastInterval: null, startMs: ms('2026-01-01'), endMs: null, catchup: false, nowMs: ms('2026-01-05') };
    expect(previewRuns({ kind: 'continuous' }, 5, question)).toHaveLength(1);
    expect(previewRuns({ kind: 'once' }, 5, question)).toHaveLength(1);
    expect(previewRuns({ kind: 'none' }, 5, question)).toEqual([]);
  });
});
