import { expect, it } from 'vitest';
import { judgeRecorded } from './oracle.ts';

interface Interval {
  readonly start: string;
  readonly end: string;
}

interface Answer {
  readonly next: readonly Interval[];
  readonly manual: Interval;
}

/** ADR 0012: behind a tick that a gap moved Airflow sees an interval without length, or passes over the one that ends there. */
const LINES_BEHIND_A_GAP = 5;

it('schedules as Airflow did, but for intervals that end with a gap', async () => {
  const { rows, differences } = await judgeRecorded('timetables');
  expect(rows).toBe(500);
  expect(differences).toHaveLength(LINES_BEHIND_A_GAP);
  for (const { asked, expected, got } of differences as readonly { asked: { timetable: { kind: string } }; expected: Answer; got: Answer }[]) {
    expect(asked.timetable.kind).toBe('cronDataInterval');
    expect(expected.manual.start).toBe(expected.manual.end);
    expect(got.manual).toEqual({ ...expected.manual, start: got.manual.start });
    expect(Date.parse(got.manual.start)).toBeLessThan(Date.parse(got.manual.end));
    const passedOver = got.next[0]?.end === expected.next[0]?.start ? 1 : 0;
    expect(got.next.slice(passedOver)).toEqual(expected.next.slice(0, got.next.length - passedOver));
  }
});

it('schedules as Airflow does, from last runs off the schedule too', async () => {
  expect(await judgeRecorded('timetables', 'fresh')).toEqual({ rows: 60, differences: [] });
});
