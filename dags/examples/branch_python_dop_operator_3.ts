// A branch whose ways depend on their own past: a way that was not taken last time counts as well done.
import { dag } from '@dagbook/sdk';

const d = dag('example_branch_dop_operator_v3', {
  schedule: '*/1 * * * *', startDate: '2021-01-01', catchup: false, tags: ['example'],
  defaults: { dependsOnPast: true },
});

const decided = d.task('should_run', async (_, { logicalDate }): Promise<'even' | 'odd'> => (logicalDate.getUTCMinutes() % 2 === 0 ? 'even' : 'odd'))();
d.branch(decided, { even: d.empty('empty_task_1'), odd: d.empty('empty_task_2') });
export default d;
