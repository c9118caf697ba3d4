// Commands mapped over a list: each takes its element from the environment.
import { bash, dag } from '@dagbook/sdk';

const d = dag('example_dynamic_task_mapping_with_no_taskflow_operators', { startDate: '2022-03-04', tags: ['example'] });

const numbers = d.task('list_numbers', async () => [1, 2, 3])();
const addOne = d.task('add_one', async ({ n }: { n: number }) => n + 1).expand({ n: numbers });
const said = d.task('say', async ({ n }: { n: number }, { log }) => { log.info(`${n}`); return String(n); }).expand({ n: addOne });
d.task('sum_it', bash({ command: 'echo $(( $(echo "$NUMBERS" | tr -d "[]\\"" | tr "," "+") ))', env: { NUMBERS: said } }))();
export default d;
