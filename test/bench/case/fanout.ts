import { fanoutDag, layeredDag } from '../dag-source.ts';
import { check, type Benchmark } from '../figure.ts';
import { checkReadModel, checkTasks } from '../journal-check.ts';
import { startProduct } from '../../harness/product.ts';

/** From the run's start to its success, by the journal's own instants, on a warm system. */
const makespan = (name: string, says: string, dagId: string, source: string, tasks: number, warmRuns: number): Benchmark => ({
  name,
  says,
  async run(shape) {
    const product = await startProduct({ shape });
    try {
      await product.writeDag(dagId, source);
      for (let run = 0; run <= warmRuns; run++) {
        await product.api('POST', `/api/v2/dags/${dagId}/dagRuns`, { dag_run_id: `r${run}`, logical_date: null });
        await product.runsEnded(dagId, run + 1);
      }
      await checkTasks(product.db, dagId, tasks * (warmRuns + 1));
      await checkReadModel(product.db, dagId, tasks * (warmRuns + 1));
      const { rows } = await product.db.query<{ span: string | null }>(
        `SELECT max((data->>'atMs')::bigint) - min((data->>'atMs')::bigint) AS span FROM events WHERE stream_id = $1 AND type IN ('RunStarted', 'RunSucceeded')`,
        [`run-${dagId}/r${warmRuns}`],
      );
      check(rows[0]?.span !== null && rows[0] !== undefined, `${dagId}: no span`);
      return { makespanMs: Number(rows[0].span) };
    } finally {
      await product.stop();
    }
  },
});

export const fanout = makespan('fanout-1000', 'one task, 1,000 mapped instances of the next, one that joins them', 'fanout', fanoutDag('fanout', 1000), 1002, 3);
export const bigdag = makespan('bigdag-10k', '10,000 tasks and 20,000 edges in random layers, seed 42', 'bigdag', layeredDag('bigdag', 10_000, 20_000, 42), 10_000, 1);
