// A timetable of one's own: a run after each workday in Seoul, for that day, and none for weekends and holidays.
import { dag, tickAfter, timetable } from '@dagbook/sdk';

const ZONE = 'Asia/Seoul';
const HOLIDAYS = new Set(['2021-01-01', '2026-01-01', '2026-03-01', '2026-12-25', '2027-01-01']);

const date = new Intl.DateTimeFormat('en-CA', { timeZone: ZONE });
const weekday = new Intl.DateTimeFormat('en', { timeZone: ZONE, weekday: 'short' });
const midnightAfter = (instant: Date) => tickAfter('0 0 * * *', ZONE, instant);
const isWorkday = (midnight: Date) => !['Sat', 'Sun'].includes(weekday.format(midnight)) && !HOLIDAYS.has(date.format(midnight));

/** The day that begins at this midnight, or the first workday after it. */
function workdayFrom(midnight: Date): { start: Date; end: Date } {
  let start = midnight;
  while (!isWorkday(start)) start = midnightAfter(start);
  return { start, end: midnightAfter(start) };
}

export const afterWorkday = timetable({
  name: 'after_workday',
  description: 'after each workday',
  next({ last, earliest, latest, catchup, now }) {
    const from = last === null ? earliest : last.end;
    if (from === null) return null;
    let interval = workdayFrom(midnightAfter(new Date(from.getTime() - 1)));
    // Nothing is caught up: of the days that have passed only the newest counts.
    if (!catchup) for (let next = workdayFrom(interval.end); next.end <= now; next = workdayFrom(interval.end)) interval = next;
    return latest !== null && interval.start > latest ? null : { runAfter: interval.end, interval };
  },
  manual(runAfter) {
    let interval = workdayFrom(midnightAfter(new Date(runAfter.getTime() - 14 * 86_400_000)));
    for (let next = workdayFrom(interval.end); next.end <= runAfter; next = workdayFrom(interval.end)) interval = next;
    return interval;
  },
});

const d = dag('example_workday_timetable', { schedule: afterWorkday, timezone: ZONE, startDate: '2021-01-01', tags: ['example', 'timetable'] });
d.empty('run_this');
export default d;
