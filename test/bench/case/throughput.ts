import { latticeDag } from '../dag-source.ts';
import type { Benchmark } from '../figure.ts';
import { checkReadModel, checkTasks } from '../journal-check.ts';
import { costOf } from '../process-cost.ts';
import { startProduct } from '../../harness/product.ts';
import { warmUp } from '../warm-up.ts';

const RUNS = 100;
const WIDE = 10;
const DEEP = 10;

export const throughput: Benchmark = {
  name: 'throughput-10k',
  says: '100 runs of 100 no-op tasks (10 wide, 10 deep), trigger to last success',
  async run(shape) {
    const product = await startProduct({ shape });
    try {
      await product.writeDag('lattice', latticeDag('lattice', WIDE, DEEP));
      const trigger = (run: string) => product.api('POST', '/api/v2/dags/lattice/dagRuns', { dag_run_id: run, logical_date: null });
      await warmUp(product);
      // The first loads the DAG's code into the children.
      await trigger('loading');
      await product.runsEnded('lattice', 1);
      const before = costOf(product.pid);
      const from = performance.now();
      await Promise.all(Array.from({ length: RUNS }, (_, run) => trigger(`r${run}`)));
      await product.runsEnded('lattice', RUNS + 1);
      const { rows } = await product.db.query<{ span: number }>(
        `SELECT max((data->>'atMs')::bigint) FILTER (WHERE type = 'RunSucceeded') - min((data->>'atMs')::bigint) FILTER (WHERE type = 'RunCreated') AS span
         FROM events WHERE stream_id >= 'run-lattice/r' AND stream_id < 'run-lattice/s' AND type IN ('RunCreated', 'RunSucceeded')`,
      );
      await checkReadModel(product.db, 'lattice', (RUNS + 1) * WIDE * DEEP);
      const seconds = (performance.now() - from) / 1000;
      const cpuSeconds = costOf(product.pid).cpuSeconds - before.cpuSeconds;
      await checkTasks(product.db, 'lattice', (RUNS + 1) * WIDE * DEEP);
      const tasks = RUNS * WIDE * DEEP;
      return { tasksPerSecond: tasks / (Number(rows[0]?.span) / 1000), cpuMicrosPerTask: (cpuSeconds * 1e6) / tasks, untilReadSeconds: seconds };
    } finally {
      await product.stop();
    }
  },
};
