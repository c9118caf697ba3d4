// One function that makes a group, called five times.
import { dag } from '@dagbook/sdk';

const d = dag('example_task_group_decorator', { startDate: '2021-01-01', catchup: false, tags: ['example'] });

const start = d.task('task_start', async () => '[Task_start]')();
const end = d.task('task_end', async (_, { log }) => log.info('[ Task_End  ]'))();

for (const value of [0, 1, 2, 3, 4]) {
  const group = d.group(value === 0 ? 'task_group_function' : `task_group_function__${value}`);
  const one = group.task('task_1', async () => `[ Task1 ${value} ]`)();
  const two = group.task('task_2', async ({ text }: { text: string }) => `[ Task2 ${text} ]`)({ text: one });
  group.task('task_3', async ({ text }: { text: string }, { log }) => log.info(`[ Task3 ${text} ]`))({ text: two });
  group.after(start).before(end);
}
export default d;
