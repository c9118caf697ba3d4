// A result is handed on by passing the task on: the edge and the value at once. Without a result the edge alone is drawn.
import { bash, dag, type Dag } from '@dagbook/sdk';

const spec = { startDate: '2021-01-01', catchup: false, tags: ['example'] };
const printIn = (d: Dag<{}>) => d.task('print_value', async ({ value }: { value: string }, { ts, log }) => log.info(`The knights of Ni say: ${value} (at ${ts})`));

const passed = dag('example_xcom_args', spec);
printIn(passed)({ value: passed.task('generate_value', async () => 'Bring me a shrubbery!')() });

const mixed = dag('example_xcom_args_with_operators', spec);
const print = printIn(mixed);
const first = print({ value: 'first!' }).after(mixed.task('c', bash({ command: 'echo c' }))());
const second = print({ value: 'second!' }).after(first);
mixed.task('d', bash({ command: 'echo c' }))().after(second);

export default [passed, mixed];
