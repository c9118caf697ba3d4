// A child that waits for its parent's run of the same logical date. The parent's task is a marker: clearing it clears the child's
// tasks too. Both have a schedule, so that their runs have logical dates in common.
import { dag, externalTask, externalTaskMarker } from '@dagbook/sdk';

const spec = { schedule: '*/30 * * * *', startDate: '2021-01-01', catchup: false, tags: ['example', 'example2'] } as const;
const wait = { every: '1s', timeout: '10m', mode: 'reschedule' } as const;

const parent = dag('example_external_task_marker_parent', spec);
parent.task('parent_task', externalTaskMarker({ dagId: 'example_external_task_marker_child', taskId: 'child_task1' }))();

const child = dag('example_external_task_marker_child', spec);
const one = child.sensor('child_task1', externalTask({ dagId: 'example_external_task_marker_parent', taskId: 'parent_task', failedStates: ['failed', 'skipped'] }), wait)();
// Airflow's waits for a group that its parent does not have; this one for the whole run.
const two = child.sensor('child_task2', externalTask({ dagId: 'example_external_task_marker_parent', failedStates: ['failed'] }), wait)().after(one);
child.empty('child_task3').after(two);

export default [parent, child];
