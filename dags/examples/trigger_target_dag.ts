// Is begun by example_trigger_controller_dag, and reads what it was given.
import { bash, dag } from '@dagbook/sdk';
import { z } from 'zod';

const d = dag('example_trigger_target_dag', { startDate: '2021-01-01', tags: ['example'], params: z.object({ message: z.string().default('nobody said anything') }) });

const heard = d.task('run_this', async (_, { params, log }) => { log.info(`Remotely received value of ${params.message}`); return params.message; })();
d.task('bash_task', bash({ command: 'echo "Here is the message: $MESSAGE"', env: { MESSAGE: heard } }))();
export default d;
