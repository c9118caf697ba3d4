// Of several runs that catch up, only the latest goes through, but for what a trigger rule lets pass.
import { dag, every } from '@dagbook/sdk';

const d = dag('latest_only_with_trigger', { schedule: every('4h'), startDate: '2021-01-01', catchup: false, tags: ['example', 'example3'] });

const one = d.empty('task1').after(d.latestOnly('latest_only'));
const two = d.empty('task2');
d.empty('task3').after(one, two);
d.empty('task4', { triggerRule: 'all_done' }).after(one, two);
export default d;
