import { latticeDag } from './dag-source.ts';
import type { Product } from '../harness/product.ts';

/** No-op tasks of one round, and how many rounds: after these the broker's and our own engines have compiled what is hot. */
const RUNS_A_ROUND = 100;
const ROUNDS = 3;

/**
 * Brings a product to where one stands that has run for a while: 30,000 no-op tasks of a DAG of its own. A JVM that has
 * just begun spends more on compiling the broker (4 ms of CPU a task for the first thousand) than on running it (0.3 ms),
 * and a data team's pipelines do not run on a system that was started a minute ago.
 */
export async function warmUp(product: Product): Promise<void> {
  await product.writeDag('warm_up', latticeDag('warm_up', 10, 10));
  for (let round = 1; round <= ROUNDS; round++) {
    await Promise.all(Array.from({ length: RUNS_A_ROUND }, (_, run) => product.api('POST', '/api/v2/dags/warm_up/dagRuns', { dag_run_id: `w${round}-${run}`, logical_date: null })));
    await product.runsEnded('warm_up', round * RUNS_A_ROUND);
  }
}
