// A DAG that begins a run of another and waits for it, while a sensor waits for a task of that run; neither takes a worker's slot.
import { bash, dag, externalTask, triggerDag } from '@dagbook/sdk';

const spec = { startDate: '2022-01-01', catchup: false, tags: ['example', 'async', 'core'] } as const;

// Airflow's has `@once` too: of the one logical date that both would have then there can be one run.
const child = dag('child_dag', spec);
child.task('child_task', bash({ command: 'echo 1; sleep 1; echo 2; sleep 1; echo 3' }))();

const parent = dag('example_external_task', { ...spec, schedule: '@once' });
const start = parent.empty('start');
const waited = parent.sensor('parent_task_sensor', externalTask({ dagId: 'child_dag', taskId: 'child_task' }), { every: '1s', mode: 'deferred' })().after(start);
const begun = parent.sensor('trigger_child_task', triggerDag({
  dagId: 'child_dag', logicalDate: '{{ ts }}', onExisting: 'reset', waitForCompletion: true, allowedStates: ['success', 'failed'],
}), { every: '1s', mode: 'deferred' })().after(start);
parent.empty('end').after(begun, waited);

export default [child, parent];
