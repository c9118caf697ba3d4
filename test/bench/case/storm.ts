import { check, percentile, type Benchmark } from '../figure.ts';
import { startProduct } from '../../harness/product.ts';

const DAGS = 1_000;
/** Long enough for all DAGs to be parsed and registered before their moment. */
const NOTICE_MS = 15_000;

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
      const dueMs = Date.now() + NOTICE_MS;
      await product.writeDag('storm_0', stormDags(new Date(dueMs).toISOString()));
      const started = `SELECT (data->>'atMs')::bigint AS at FROM events WHERE stream_id >= 'run-storm_' AND stream_id < 'run-storm\`' AND type = 'TaskStarted'`;
      for (;;) {
        const { rows } = await product.db.query<{ n: string }>(`SELECT count(*) AS n FROM events WHERE stream_id >= 'run-storm_' AND stream_id < 'run-storm\`' AND type = 'RunSucceeded'`);
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
