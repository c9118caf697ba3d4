// Is begun by example_trigger_controller_dag, and reads what it was given.
import { bash, dag } from '@dagbook/sdk';

const d = dag('example_trigger_target_dag', { startDate: '2021-01-01', catchup: false, tags: ['example'] });

d.task('run_this', async (_, { run, log }) => log.info(`Remotely received value of ${(run.conf as { message?: string }).message ?? 'nobody'} for key=message`))();
d.task('bash_task', bash({ command: 'echo "Here is the message: $message"', env: { message: '{{ dag_run.conf.get("message") }}' } }))();
export default d;
