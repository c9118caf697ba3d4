// Functions as tasks: one that prints its context, and five that sleep a little longer each.
import { setTimeout as sleep } from 'node:timers/promises';
import { dag } from '@dagbook/sdk';

const d = dag('example_python_operator', { startDate: '2021-01-01', tags: ['example'] });

const printed = d.task('print_the_context', async (_, { ds, run, log }) => {
  log.info(`the run ${run.id} is of ${ds}`);
  return 'Whatever you return is the result of the task';
})();
const logged = d.task('log_sql_query', async (_, { ds, log }) => log.info(`SELECT 1 FROM data WHERE day = '${ds}'`))().after(printed);
for (const n of [0, 1, 2, 3, 4]) d.task(`sleep_for_${n}`, async () => { await sleep(n * 10); })().after(logged);
export default d;
