import { check, type Benchmark } from '../figure.ts';
import { checkTasks } from '../journal-check.ts';
import { costOf } from '../process-cost.ts';
import { startProduct } from '../../harness/product.ts';
import { warmUp } from '../warm-up.ts';

const TASKS = 1_000;

export const bash: Benchmark = {
  name: 'bash-1000',
  says: '1,000 independent bash tasks that each print a line, first start to last success',
  async run(shape) {
    const product = await startProduct({ shape });
    try {
      await warmUp(product);
      await product.writeDag('shells', `
import { bash, dag } from '@dagbook/sdk';
const d = dag('shells', { schedule: null, maxActiveTasks: 10000 });
for (let n = 0; n < ${TASKS}; n++) d.task('t' + n, bash({ command: 'echo "$DAGBOOK_TASK_ID"' }))();
export default d;
`);
      // The first run brings as many runners as there are slots, which cost 40 ms of CPU each to start.
      await product.api('POST', '/api/v2/dags/shells/dagRuns', { dag_run_id: 'first', logical_date: null });
      await product.runsEnded('shells', 1);
      const before = costOf(product.pid);
      await product.api('POST', '/api/v2/dags/shells/dagRuns', { dag_run_id: 'r', logical_date: null });
      await product.runsEnded('shells', 2);
      const cpuSeconds = costOf(product.pid).cpuSeconds - before.cpuSeconds;
      await checkTasks(product.db, 'shells', 2 * TASKS);
      const { rows } = await product.db.query<{ span: string; wrong: string }>(
        `SELECT max((data->>'atMs')::bigint) FILTER (WHERE type = 'TaskSucceeded') - min((data->>'atMs')::bigint) FILTER (WHERE type = 'TaskStarted') AS span,
                count(*) FILTER (WHERE type = 'TaskSucceeded' AND data->'result'->>'value' IS DISTINCT FROM data->>'taskId') AS wrong
         FROM events WHERE stream_id = 'run-shells/r'`,
      );
      check(Number(rows[0]?.wrong) === 0, `${rows[0]?.wrong} tasks did not say their own name`);
      return { tasksPerSecond: TASKS / (Number(rows[0]?.span) / 1000), cpuMicrosPerTask: (cpuSeconds * 1e6) / TASKS };
    } finally {
      await product.stop();
    }
  },
};
