// Mondays go one way; of the other days, weekends go another than the rest. The logical date's day decides.
import { dag } from '@dagbook/sdk';

const d = dag('example_weekday_branch_operator', {
  schedule: '@daily', startDate: '2021-01-01', catchup: false, tags: ['example'], doc: 'Chooses what follows by the day of the week.',
});

const isMonday = d.task('make_choice', async (_, { logicalDate }): Promise<'yes' | 'no'> => (logicalDate.getUTCDay() === 1 ? 'yes' : 'no'))();
const other = d.empty('branch_false');
d.branch(isMonday, { yes: d.empty('branch_true'), no: other });

const isWeekend = d.task('make_weekend_choice', async (_, { logicalDate }): Promise<'yes' | 'no'> => ([0, 6].includes(logicalDate.getUTCDay()) ? 'yes' : 'no'))().after(other);
d.branch(isWeekend, { yes: d.empty('branch_weekend'), no: d.empty('branch_mid_week') });
export default d;
