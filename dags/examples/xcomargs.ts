// A result is handed on by passing the task on: the edge and the value at once.
import { bash, dag } from '@dagbook/sdk';

const d = dag('example_xcom_args', { startDate: '2021-01-01', tags: ['example'] });

const value = d.task('generate_value', async () => 'Bring me a shrubbery!')();
d.task('print_value', async ({ value }: { value: string }, { ts, log }) => log.info(`The knights of Ni say: ${value} (at ${ts})`))({ value });
d.task('print_it_in_bash', bash({ command: 'echo "$VALUE"', env: { VALUE: value } }))();
export default d;
