import { check, percentile, type Benchmark } from '../figure.ts';
import { startProduct, type Product, type Shape } from '../../harness/product.ts';
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

interface Storm {
  readonly product: Product;
  readonly dueMs: number;
  /** From the instant that all were due at. */
  readonly delaysMs: readonly number[];
}

/** Lets 1,000 DAGs come due at one instant; `beside` is what somebody else does from then on, until all have run. */
async function letLoose(shape: Shape, beside: (product: Product, dueMs: number, isOver: () => boolean) => Promise<void>): Promise<Storm & { readonly stop: () => Promise<void> }> {
  const product = await startProduct({ shape });
  try {
    await warmUp(product);
    await product.writeDag('beside', `import { dag } from '@dagbook/sdk'; const d = dag('beside', { maxActiveRuns: 1000 }); d.task('only', async () => undefined)(); export default d;`);
    const dueMs = Date.now() + NOTICE_MS;
    await product.writeDag('storm_0', stormDags(new Date(dueMs).toISOString()));
    for (let known = 0; known < DAGS; ) {
      await new Promise((resolve) => setTimeout(resolve, 50));
      known = Number((await product.db.query<{ n: string }>(`SELECT count(*) AS n FROM rm.dags WHERE dag_id LIKE 'storm\\_%'`)).rows[0]?.n);
    }
    // The code is loaded in every warm runner, as it is where a DAG has run before.
    for (let n = 0; n < LOADING_RUNS; n++) await product.api('POST', `/api/v2/dags/storm_${n}/dagRuns`, { dag_run_id: 'loading', logical_date: null });
    for (let n = 0; n < LOADING_RUNS; n++) await product.api('POST', '/api/v2/dags/beside/dagRuns', { dag_run_id: `loading-${n}`, logical_date: null });
    const started = `SELECT (data->>'atMs')::bigint AS at FROM events WHERE stream_id >= 'run-storm_' AND stream_id < 'run-storm\`' AND stream_id LIKE '%/scheduled_\\_%' AND type = 'TaskStarted'`;
    let isOver = false;
    const doing = beside(product, dueMs, () => isOver);
    for (;;) {
      const { rows } = await product.db.query<{ n: string }>(`SELECT count(*) AS n FROM events WHERE stream_id >= 'run-storm_' AND stream_id < 'run-storm\`' AND stream_id LIKE '%/scheduled_\\_%' AND type = 'RunSucceeded'`);
      if (Number(rows[0]?.n) >= DAGS) break;
      check(Date.now() < dueMs + 120_000, `only ${rows[0]?.n} of ${DAGS} runs have ended`);
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
    isOver = true;
    await doing;
    const { rows } = await product.db.query<{ at: string }>(started);
    check(rows.length === DAGS, `${rows.length} starts`);
    const delaysMs = rows.map((row) => Number(row.at) - dueMs);
    check(Math.min(...delaysMs) >= 0, 'a run began before its time');
    return { product, dueMs, delaysMs, stop: () => product.stop() };
  } catch (error) {
    await product.stop();
    throw error;
  }
}

export const storm: Benchmark = {
  name: 'storm-1000',
  says: '1,000 DAGs due at the same instant: from that instant to the start of each one\'s first task',
  async run(shape) {
    const { delaysMs, stop } = await letLoose(shape, () => Promise.resolve());
    await stop();
    return { p50Ms: percentile(delaysMs, 0.5), p99Ms: percentile(delaysMs, 0.99) };
  },
};

/** Apart from the other: what is done beside it takes its share. */
export const stormBeside: Benchmark = {
  name: 'storm-beside',
  says: 'a run of another DAG triggered again and again, from one second before 1,000 DAGs are due until all have run: from the request to the start of its task, before and during',
  async run(shape) {
    const askedMs: number[] = [];
    const { product, dueMs, delaysMs, stop } = await letLoose(shape, async (asking, due, isOver) => {
      while (Date.now() < due - 1_000) await new Promise((resolve) => setTimeout(resolve, 10));
      while (!isOver()) {
        askedMs.push(Date.now());
        await asking.api('POST', '/api/v2/dags/beside/dagRuns', { dag_run_id: `at-${askedMs.length - 1}`, logical_date: null });
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    });
    try {
      await product.runsEnded('beside', LOADING_RUNS + askedMs.length);
      const { rows } = await product.db.query<{ stream: string; at: string }>(`SELECT stream_id AS stream, (data->>'atMs')::bigint AS at FROM events WHERE stream_id LIKE 'run-beside/at-%' AND type = 'TaskStarted'`);
      const waits = rows.map(({ stream, at }) => ({ asked: askedMs[Number(stream.slice('run-beside/at-'.length))] ?? 0, at: Number(at) })).map(({ asked, at }) => ({ asked, waitMs: at - asked }));
      const lastStartMs = dueMs + Math.max(...delaysMs);
      const during = waits.filter(({ asked }) => asked >= dueMs && asked <= lastStartMs).map(({ waitMs }) => waitMs);
      const before = waits.filter(({ asked }) => asked < dueMs).map(({ waitMs }) => waitMs);
      check(during.length > 0 && before.length > 0, `${before.length} requests before, ${during.length} during`);
      return { beforeP50Ms: percentile(before, 0.5), duringP50Ms: percentile(during, 0.5), duringMaxMs: Math.max(...during), during: during.length, stormP99Ms: percentile(delaysMs, 0.99) };
    } finally {
      await stop();
    }
  },
};
