// Begins a run of another DAG and hands it a message.
import { dag, triggerDag } from '@dagbook/sdk';

const d = dag('example_trigger_controller_dag', { schedule: '@once', startDate: '2021-01-01', catchup: false, tags: ['example'] });

d.task('test_trigger_dagrun', triggerDag({ dagId: 'example_trigger_target_dag', conf: { message: 'Hello World' } }))();
export default d;
