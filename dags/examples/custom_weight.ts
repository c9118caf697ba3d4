// Where workers are short, a higher weight goes first: a number, or a function of the task and its try.
import { bash, dag, type WeightStrategy } from '@dagbook/sdk';

const d = dag('example_custom_weight', { schedule: '0 0 * * *', startDate: '2021-01-01', catchup: false, timeout: '60m', tags: ['example', 'example2'] });

/** A task that goes on failing lets others go first. */
const decreasing: WeightStrategy = ({ tryNumber }) => Math.max(3 - tryNumber + 1, 1);

const start = d.empty('start');
d.task('task_1', bash({ command: 'echo 1' }), { weightRule: decreasing })().after(start);
d.task('task_2', bash({ command: 'echo 1' }), { weightRule: decreasing })().after(start);
d.task('task_non_custom', bash({ command: 'echo 1' }), { priorityWeight: 2 })().after(start);
export default d;
