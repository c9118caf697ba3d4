import { check, percentile, type Benchmark } from '../figure.ts';
import { startProduct } from '../../harness/product.ts';
import { warmUp } from '../warm-up.ts';

const DAGS = 1_000;
/** Long enough for all DAGs to be parsed and registered before their moment. */
const NOTICE_MS = 15_000;
const LOADING_RUNS = 32;

const stormDags = (instant: string): string => `
import { at, dag } from '@dagbook/sdk';
const made = Array.from({ length: ${DAGS} }, (_, n) => {
  const d = dag('storm_' + n, { schedule: at(['${instant}']), startDate: '2026-01-01' });
  d.task('only', async () => undefined)();
  return d;
});
${Array.from({ length: DAGS }, (_, n) => `export const d${n} = made[${n}];`).join('\n')}
`;

export const storm: Benchmark = {
  name: 'storm-1000',
  says: '1,000 DAGs due at the same instant: from that instant to the start of each one\'s first task',
  async run(shape) {
    const product = await startProduct({ shape });
    try {
      await warmUp(product);
      const dueMs = Date.now() + NOTICE_MS;
      await product.writeDag('storm_0', stormDags(new Date(dueMs).toISOString()));
      for (let known = 0; known < DAGS; ) {
        await new Promise((resolve) => setTimeout(resolve, 50));
        known = Number((await product.db.query<{ n: string }>(`SELECT count(*) AS n FROM rm.dags WHERE dag_id LIKE 'storm\\_%'`)).rows[0]?.n);
      }
      // The code is loaded in every warm runner, as it is where a DAG has run before.
      for (let n = 0; n < LOADING_RUNS; n++) await product.api('POST', `/api/v2/dags/storm_${n}/dagRuns`, { dag_run_id: 'loading', logical_date: null });
      const started = `SELECT (data->>'atMs')::bigint AS at FROM events WHERE stream_id >= 'run-storm_' AND stream_id < 'run-storm\`' AND stream_id LIKE '%/scheduled_\\_%' AND type = 'TaskStarted'`;
      for (;;) {
        const { rows } = await product.db.query<{ n: string }>(`SELECT count(*) AS n FROM events WHERE stream_id >= 'run-storm_' AND stream_id < 'run-storm\`' AND stream_id LIKE '%/scheduled_\\_%' AND type = 'RunSucceeded'`);
        if (Number(rows[0]?.n) >= DAGS) break;
        check(Date.now() < dueMs + 120_000, `only ${rows[0]?.n} of ${DAGS} runs have ended`);
        await new Promise((resolve) => setTimeout(resolve, 200));
      }
      const { rows } = await product.db.query<{ at: string }>(started);
      check(rows.length === DAGS, `${rows.length} starts`);
      const delays = rows.map((row) => Number(row.at) - dueMs);
      check(Math.min(...delays) >= 0, 'a run began before its time');
      return { p50Ms: percentile(delays, 0.5), p99Ms: percentile(delays, 0.99) };
    } finally {
      await product.stop();
    }
  },
};
