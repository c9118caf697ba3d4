import { chainDag } from '../dag-source.ts';
import { check, percentile, type Benchmark } from '../figure.ts';
import { checkReadModel, checkTasks } from '../journal-check.ts';
import { startProduct } from '../../harness/product.ts';

const LENGTH = 100;
/** The first runs load code and fill caches; a data team's pipelines run on a warm system. */
const WARM_RUNS = 3;

export const chain: Benchmark = {
  name: 'chain-100',
  says: 'from the end of a task to the start of the next, no-op function in a warm child',
  async run(shape) {
    const product = await startProduct({ shape });
    try {
      await product.writeDag('chain', chainDag('chain', LENGTH));
      for (let run = 0; run <= WARM_RUNS; run++) {
        await product.api('POST', '/api/v2/dags/chain/dagRuns', { dag_run_id: `r${run}`, logical_date: null });
        await product.runsEnded('chain', run + 1);
      }
      await checkTasks(product.db, 'chain', LENGTH * (WARM_RUNS + 1));
      await checkReadModel(product.db, 'chain', LENGTH * (WARM_RUNS + 1));
      const { rows } = await product.db.query<{ task: string; value: [number, number] }>(
        `SELECT data->>'taskId' AS task, data->'result'->'value' AS value FROM events WHERE stream_id = $1 AND type = 'TaskSucceeded'`,
        [`run-chain/r${WARM_RUNS}`],
      );
      const spans = rows.map((row) => ({ index: Number(row.task.slice(1)), begin: row.value[0], end: row.value[1] })).sort((a, b) => a.index - b.index);
      check(spans.length === LENGTH, `${spans.length} spans`);
      const hops = spans.slice(1).map((span, index) => span.begin - (spans[index]?.end ?? 0));
      check(hops.every((hop) => hop > 0), 'a task began before the one it follows had ended');
      return { p50Ms: percentile(hops, 0.5), p90Ms: percentile(hops, 0.9), p99Ms: percentile(hops, 0.99), totalMs: (spans.at(-1)?.end ?? 0) - (spans[0]?.begin ?? 0) };
    } finally {
      await product.stop();
    }
  },
};
