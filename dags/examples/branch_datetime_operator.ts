// One way within a window of time, another outside it; a window may cross midnight.
import { dag } from '@dagbook/sdk';

/** Whether `at` lies between two times of the day, `HH:MM` in UTC; the later may be the next day's. */
const within = (at: Date, from: string, to: string): boolean => {
  const time = at.toISOString().slice(11, 16);
  return from <= to ? time >= from && time <= to : time >= from || time <= to;
};

const d = dag('example_branch_datetime_operator', { schedule: '@daily', startDate: '2021-01-01', tags: ['example'] });

for (const [n, from, to] of [[1, '14:00', '15:00'], [2, '23:00', '01:00']] as const) {
  const decided = d.task(`datetime_branch_${n}`, async (_, { logicalDate }): Promise<'inside' | 'outside'> => (within(logicalDate, from, to) ? 'inside' : 'outside'))();
  d.branch(decided, { inside: d.empty(`date_in_range_${n}`), outside: d.empty(`date_outside_range_${n}`) });
}
export default d;
