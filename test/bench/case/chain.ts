import type pg from 'pg';
import { chainDag } from '../dag-source.ts';
import { check, percentile, type Benchmark } from '../figure.ts';
import { checkReadModel, checkTasks } from '../journal-check.ts';
import { startProduct } from '../../harness/product.ts';
import { warmUp } from '../warm-up.ts';

const LENGTH = 100;
/** One after the other; the hops of all are the sample, so that its p99 is of some hundreds. */
const RUNS = 5;
/** The first loads the DAG's code into the children. */
const LOADING_RUNS = 1;

export const chain: Benchmark = {
  name: 'chain-100',
  says: 'from the end of a task to the start of the next, no-op function in a warm child',
  async run(shape) {
    const product = await startProduct({ shape });
    try {
      await warmUp(product);
      await product.writeDag('chain', chainDag('chain', LENGTH));
      const hops: number[] = [];
      const totals: number[] = [];
      for (let run = 1; run <= LOADING_RUNS + RUNS; run++) {
        await product.api('POST', '/api/v2/dags/chain/dagRuns', { dag_run_id: `r${run}`, logical_date: null });
        await product.runsEnded('chain', run);
        if (run <= LOADING_RUNS) continue;
        const spans = await spansOf(product.db, `run-chain/r${run}`);
        for (const [index, span] of spans.entries()) if (index > 0) hops.push(span.begin - (spans[index - 1]?.end ?? 0));
        totals.push((spans.at(-1)?.end ?? 0) - (spans[0]?.begin ?? 0));
      }
      check(hops.every((hop) => hop > 0), 'a task began before the one it follows had ended');
      await checkTasks(product.db, 'chain', LENGTH * (LOADING_RUNS + RUNS));
      await checkReadModel(product.db, 'chain', LENGTH * (LOADING_RUNS + RUNS));
      return { p50Ms: percentile(hops, 0.5), p90Ms: percentile(hops, 0.9), p99Ms: percentile(hops, 0.99), totalMs: percentile(totals, 0.5) };
    } finally {
      await product.stop();
    }
  },
};

/** When each task began and ended, by the task's own clock, in order of the chain. */
async function spansOf(db: pg.Client, streamId: string): Promise<readonly { readonly begin: number; readonly end: number }[]> {
  const { rows } = await db.query<{ task: string; value: [number, number] }>(
    `SELECT data->>'taskId' AS task, data->'result'->'value' AS value FROM events WHERE stream_id = $1 AND type = 'TaskSucceeded'`,
    [streamId],
  );
  const spans = rows.map(({ task, value: [begin, end] }) => ({ index: Number(task.slice(1)), begin, end })).sort((a, b) => a.index - b.index);
  check(spans.length === LENGTH, `${spans.length} spans`);
  return spans;
}
