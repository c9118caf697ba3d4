// As many instances as a list has elements, summed up: 9. Mapped again over what was mapped, and a whole group for each element.
import { dag } from '@dagbook/sdk';

const spec = { startDate: '2022-03-04', catchup: false, tags: ['example'] };

const first = dag('example_dynamic_task_mapping', spec);
const added = first.task('add_one', async ({ x }: { x: number }) => x + 1).expand({ x: [1, 2, 3] });
first.task('sum_it', async ({ values }: { values: number[] }, { log }) => {
  const total = values.reduce((a, b) => a + b, 0);
  log.info(`Total was ${total}`);
  return total;
})({ values: added });

const second = dag('example_task_mapping_second_order', spec);
const numbers = second.task('get_nums', async () => [1, 2, 3])();
const doubled = second.task('times_2', async ({ num }: { num: number }) => num * 2).expand({ num: numbers });
second.task('add_10', async ({ num }: { num: number }) => num + 10).expand({ num: doubled });

const grouped = dag('example_task_group_mapping', spec);
grouped.mappedGroup('op', { num: [1, 2, 3] }, (op, { num }) => {
  const one = op.task('add_1', async ({ num: n }: { num: number }) => n + 1)({ num });
  return op.task('mul_2', async ({ num: n }: { num: number }) => n * 2)({ num: one });
});

export default [first, second, grouped];
