// Where workers are short, a higher weight goes first: a number that stands as it is, or a function of the task and its try.
import { bash, dag, type WeightStrategy } from '@dagbook/sdk';

const d = dag('example_custom_weight', { schedule: '0 0 * * *', startDate: '2021-01-01', timeout: '60m', tags: ['example', 'example2'] });

/** A task that goes on failing lets others go first. */
const decreasing: WeightStrategy = ({ maxTries, tryNumber }) => maxTries - tryNumber + 1;

const last = d.empty('run_this_last');
const middle = d.task('run_after_loop', bash({ command: 'echo 1' }), { retries: 3, weightRule: decreasing })().before(last);
for (const n of [0, 1, 2]) d.task(`runme_${n}`, bash({ command: `echo ${n}` }), { priorityWeight: 10 - n, weightRule: 'absolute' })().before(middle);
export default d;
