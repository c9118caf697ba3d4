import { describe, expect, it } from 'vitest';
import workdays from '../../../dags/examples/workday_timetable.ts';
import { dag, tickAfter, timetable, type TimetableSpec } from './index.ts';
import { runnableOf } from './runnable.ts';

const asked = (next: (question: Parameters<TimetableSpec['next']>[0]) => unknown, over: object = {}) =>
  runnableOf(dag('d', { schedule: timetable({ name: 'mine', next: next as TimetableSpec['next'] }) }))?.askTimetable({
    kind: 'next', question: { lastInterval: null, startMs: Date.parse('2026-01-01T00:00Z'), endMs: null, catchup: true, nowMs: Date.parse('2026-06-01T00:00Z'), ...over },
  });
const days = (answer: ReturnType<typeof asked>): string[] => (answer?.kind === 'next' ? answer.runs.map(({ runAfterMs }) => new Date(runAfterMs).toISOString()) : []);
const HOUR_MS = 3_600_000;
const hourAfter = (start: Date) => ({ runAfter: new Date(start.getTime() + HOUR_MS), interval: { start, end: new Date(start.getTime() + HOUR_MS) } });

describe('a timetable of one\'s own', () => {
  it('stands in the definition by its name alone, so that a change of its code alone changes no plan', () => {
    expect(runnableOf(dag('d', { schedule: timetable({ name: 'mine', description: 'now and then', next: () => null }) }))?.definition().schedule).toEqual({ kind: 'custom', name: 'mine', description: 'now and then' });
    expect(runnableOf(dag('d', { schedule: '@daily' }))?.askTimetable({ kind: 'manual', runAfterMs: 0 })).toBeUndefined();
  });

  it('is asked for ten runs, each after the one before it, and ends where the DAG does', () => {
    const answer = asked(({ last, earliest }) => hourAfter((last?.end ?? earliest) as Date));
    expect(days(answer)).toHaveLength(10);
    expect(days(answer).slice(0, 2)).toEqual(['2026-01-01T01:00:00.000Z', '2026-01-01T02:00:00.000Z']);
    expect(days(asked(({ last, earliest }) => hourAfter((last?.end ?? earliest) as Date), { endMs: Date.parse('2026-01-01T01:30Z') }))).toHaveLength(2);
    expect(asked(() => null)).toEqual({ kind: 'next', runs: [] });
  });

  it.each([
    ['no date', () => ({ runAfter: 'tomorrow', interval: {} }), 'next().runAfter'],
    ['an impossible date', () => ({ runAfter: new Date('never'), interval: {} }), 'next().runAfter'],
    ['no interval', () => ({ runAfter: new Date(0) }), 'next().interval'],
    ['an interval that ends first', () => ({ runAfter: new Date(0), interval: { start: new Date(9e12), end: new Date(8e12) } }), 'ends before it begins'],
    ['a day before the start date', () => hourAfter(new Date(0)), "lies before the DAG's start date"],
    ['a promise', () => Promise.resolve(null), 'without await'],
    ['an error', () => { throw new Error('no calendar'); }, 'The timetable threw: no calendar'],
  ])('answers a problem for %s', (_, next, said) => {
    const answer = asked(next);
    expect(answer).toMatchObject({ kind: 'next', runs: [], problem: expect.stringContaining(said) });
  });

  it('that stands still is stopped after the first', () => {
    expect(asked(() => hourAfter(new Date('2026-02-01T00:00Z')))).toMatchObject({ runs: [{ runAfterMs: Date.parse('2026-02-01T01:00Z') }], problem: expect.stringContaining('does not come after') });
  });

  it('refuses at once what is no timetable', () => {
    expect(() => timetable({ name: 'my own', next: () => null })).toThrow('timetable.name');
    expect(() => timetable({ name: 'mine' } as never)).toThrow('timetable.next');
    expect(() => tickAfter('61 * * * *', 'UTC', new Date())).toThrow('tickAfter.cron');
  });

  it('counts on the wall clock through changes of it', () => {
    // 02:30 does not exist on the 29th of March in Zurich.
    expect(tickAfter('30 2 * * *', 'Europe/Zurich', new Date('2026-03-28T12:00Z')).toISOString()).toBe('2026-03-29T01:30:00.000Z');
  });
});

describe('example_workday_timetable', () => {
  const ask = (over: object) => runnableOf(workdays)?.askTimetable({
    kind: 'next', question: { lastInterval: null, startMs: Date.parse('2025-12-30T15:00Z'), endMs: null, catchup: true, nowMs: Date.parse('2026-01-20T00:00Z'), ...over },
  });

  it('runs after each workday, and leaves out weekends and holidays', () => {
    // Midnights of Seoul: Wednesday the 31st, Friday the 2nd (the 1st is a holiday), Monday the 5th.
    expect(days(ask({})).slice(0, 3)).toEqual(['2025-12-31T15:00:00.000Z', '2026-01-02T15:00:00.000Z', '2026-01-05T15:00:00.000Z']);
  });

  it('begins with the newest day that is over when nothing is caught up', () => {
    expect(days(ask({ catchup: false }))[0]).toBe('2026-01-19T15:00:00.000Z');
  });

  it('names the workdays of a range, as far as they are over', () => {
    const range = { kind: 'range', fromMs: Date.parse('2025-12-30T15:00Z'), toMs: Date.parse('2026-01-05T15:00Z'), nowMs: Date.parse('2026-01-20T00:00Z') } as const;
    const starts = (asked: typeof range) => {
      const answer = runnableOf(workdays)?.askTimetable(asked);
      return answer?.kind === 'range' ? [answer.problem, ...answer.runs.map(({ interval }) => new Date(interval.startMs).toISOString().slice(0, 10))] : [];
    };
    expect(starts(range)).toEqual([undefined, '2025-12-30', '2026-01-01', '2026-01-04', '2026-01-05']);
    expect(starts({ ...range, nowMs: Date.parse('2026-01-05T12:00Z') })).toEqual([undefined, '2025-12-30', '2026-01-01']);
    expect(starts({ ...range, toMs: Date.parse('2040-01-01T00:00Z'), nowMs: Date.parse('2041-01-01T00:00Z') })).toHaveLength(1 + 1_001);
  });

  it('makes its year in process', async () => {
    const { runs } = await workdays.testSchedule({ from: '2026-01-01', to: '2026-01-10', log: () => undefined });
    expect(runs.map(({ logicalDate }) => logicalDate)).toEqual(['02', '05', '06', '07', '08', '09'].map((day) => `2026-01-${String(Number(day) - 1).padStart(2, '0')}T15:00:00+00:00`));
  });

  it('gives a run by hand the last workday that is over', () => {
    expect(runnableOf(workdays)?.askTimetable({ kind: 'manual', runAfterMs: Date.parse('2026-01-04T03:00Z') })).toEqual({
      kind: 'manual', interval: { startMs: Date.parse('2026-01-01T15:00Z'), endMs: Date.parse('2026-01-02T15:00Z') },
    });
  });
});
