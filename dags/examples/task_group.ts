// Groups within groups; edges to a group lead to its first tasks.
import { bash, dag } from '@dagbook/sdk';

const d = dag('example_task_group', { startDate: '2021-01-01', tags: ['example'] });

const start = d.empty('start');
const one = d.group('section_1', { tooltip: 'Tasks for section_1' });
const first = one.empty('task_1');
const second = one.task('task_2', bash({ command: 'echo 1' }))();
one.empty('task_3').after(first, second);

const two = d.group('section_2', { tooltip: 'Tasks for section_2' });
const opening = two.empty('task_1');
const inner = two.group('inner_section_2', { tooltip: 'Tasks for inner_section_2' });
const innerTwo = inner.task('task_2', bash({ command: 'echo 1' }))();
const innerThree = inner.empty('task_3');
inner.empty('task_4').after(innerTwo, innerThree);
inner.after(opening);

const end = d.empty('end');
one.after(start);
two.after(one);
end.after(two);
export default d;
