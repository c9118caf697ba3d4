// One way within a window of time, another outside it: of the clock, of a window that crosses midnight, of the logical date.
import { dag } from '@dagbook/sdk';

type Side = 'inside' | 'outside';
const spec = { schedule: '@daily', startDate: '2021-01-01', catchup: false, tags: ['example'] } as const;
const [LOWER, UPPER] = [new Date('2020-10-10T14:00:00Z'), new Date('2020-10-10T15:00:00Z')];
const sideOf = (isInside: boolean): Side => (isInside ? 'inside' : 'outside');

/** Whether the time of day, in UTC, lies between two; the later may be the next day's. */
const within = (at: Date, from: string, to: string): boolean => {
  const time = at.toISOString().slice(11, 16);
  return from <= to ? time > from && time < to : time > from || time < to;
};

const decide = (dagId: string, isInside: (logicalDate: Date) => boolean) => {
  const d = dag(dagId, spec);
  const decided = d.task('datetime_branch', async (_, { logicalDate }): Promise<Side> => sideOf(isInside(logicalDate)))();
  d.branch(decided, { inside: d.empty('date_in_range'), outside: d.empty('date_outside_range') });
  return d;
};

export default [
  decide('example_branch_datetime_operator', () => { const now = new Date(); return now > LOWER && now < UPPER; }),
  // Airflow asks the clock here; the logical date decides the same for the same run.
  decide('example_branch_datetime_operator_2', (logicalDate) => within(logicalDate, '15:00', '00:00')),
  decide('example_branch_datetime_operator_3', (logicalDate) => logicalDate > LOWER && logicalDate < UPPER),
];
