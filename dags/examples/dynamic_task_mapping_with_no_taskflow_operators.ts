// Commands mapped over a list, and one that adds up what they said.
import { bash, dag } from '@dagbook/sdk';

const d = dag('example_dynamic_task_mapping_with_no_taskflow_operators', { startDate: '2022-03-04', tags: ['example'] });

const numbers = d.task('list_numbers', async () => [1, 2, 3])();
const addOne = d.task('add_one', async ({ n }: { n: number }) => n + 1).expand({ n: numbers });
const terms = d.task('write_out', async ({ all }: { all: number[] }) => all.join(' + '))({ all: addOne });
d.task('sum_it', bash({ command: 'echo "$TERMS = $(( $TERMS ))"', env: { TERMS: terms } }))();
export default d;
