// A child that waits for a task of its parent's run of the same logical date. The parent's task is a marker: clearing it clears
// the child's tasks too.
import { dag, externalTask, externalTaskMarker } from '@dagbook/sdk';

const spec = { startDate: '2022-01-01', catchup: false, tags: ['example2'] };

const parent = dag('example_external_task_marker_parent', spec);
parent.task('parent_task', externalTaskMarker({ dagId: 'example_external_task_marker_child', taskId: 'child_task1' }))();

const child = dag('example_external_task_marker_child', spec);
const one = child.sensor('child_task1', externalTask({ dagId: 'example_external_task_marker_parent', taskId: 'parent_task', failedStates: ['failed', 'skipped'] }), { every: '1s', timeout: '10m', mode: 'reschedule' })();
child.empty('child_task2').after(one);

export default [parent, child];
