// Groups within groups; edges to a group lead to its first tasks.
import { bash, dag } from '@dagbook/sdk';

const d = dag('example_task_group', { startDate: '2021-01-01', catchup: false, tags: ['example'] });

const start = d.empty('start');
const one = d.group('section_1', { tooltip: 'Tasks for section_1' });
const first = one.empty('task_1');
one.task('task_2', bash({ command: 'echo 1' }))().after(first);
one.empty('task_3').after(first);

const two = d.group('section_2', { tooltip: 'Tasks for section_2' });
two.empty('task_1');
const inner = two.group('inner_section_2', { tooltip: 'Tasks for inner_section2' });
const innerTwo = inner.task('task_2', bash({ command: 'echo 1' }))();
inner.empty('task_4').after(innerTwo, inner.empty('task_3'));

one.after(start);
two.after(one);
d.empty('end').after(two);
export default d;
