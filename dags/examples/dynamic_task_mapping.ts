// As many instances as a list has elements, summed up: 9. And a whole group for each element.
import { dag } from '@dagbook/sdk';

const d = dag('example_dynamic_task_mapping', { startDate: '2022-03-04', tags: ['example'] });

const addOne = d.task('add_one', async ({ x }: { x: number }) => x + 1);
const sum = d.task('sum_it', async ({ values }: { values: number[] }, { log }) => {
  const total = values.reduce((a, b) => a + b, 0);
  log.info(`Total was ${total}`);
  return total;
});
sum({ values: addOne.expand({ x: [1, 2, 3] }) });

const numbers = d.task('numbers', async () => [1, 2, 3])();
const squared = d.mappedGroup('square', { n: numbers }, (group, { n }) => {
  const doubled = group.task('times', async ({ a }: { a: number }) => ({ a, product: a * a }))({ a: n });
  return group.task('tell', async ({ product }: { product: number }, { log, mapIndex }) => {
    log.info(`square ${mapIndex}: ${product}`);
    return product;
  })({ product: doubled.get('product') });
});
sum({ values: squared });
export default d;
