// Commands in a loop, and one that skips itself by exit code 99: what follows all of them is skipped with it.
import { bash, dag } from '@dagbook/sdk';
import { z } from 'zod';

const d = dag('example_bash_operator', {
  schedule: '0 0 * * *', startDate: '2021-01-01', timeout: '60m', tags: ['example', 'example2'],
  params: z.object({ example_key: z.string().default('example_value') }),
});

const last = d.empty('run_this_last');
const afterLoop = d.task('run_after_loop', bash({ command: 'echo https://example.com/' }))().before(last);
for (const n of [0, 1, 2]) d.task(`runme_${n}`, bash({ command: 'echo "$DAGBOOK_TASK_ID of $DAGBOOK_RUN_ID" && sleep 1' }))().before(afterLoop);
d.task('also_run_this', bash({ command: 'echo "ti_key=$DAGBOOK_TASK_ID/$DAGBOOK_TRY_NUMBER"' }))().before(last);
d.task('this_will_skip', bash({ command: 'echo "hello world"; exit 99' }))().before(last);
export default d;
