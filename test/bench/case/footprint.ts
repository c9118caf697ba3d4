import { mkdtempSync, rmSync, mkdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Benchmark } from '../figure.ts';
import { memoryOf } from '../process-cost.ts';
import { startProduct } from '../../harness/product.ts';

const DAG = `
import { dag } from '@dagbook/sdk';
const d = dag('first', { schedule: '@once' , startDate: '2026-01-01' });
d.task('first', async () => 1)();
export default d;
`;

/** Start of the process to the first success of a task that is triggered as soon as the API answers. */
async function firstSuccess(dataDir: string, shape: 'standalone' | 'cluster', run: string, measureMemory: boolean) {
  const from = performance.timeOrigin + performance.now();
  const product = await startProduct({ shape, dataDir });
  try {
    await product.writeDag('first', DAG);
    await product.api('POST', '/api/v2/dags/first/dagRuns', { dag_run_id: run, logical_date: null });
    await product.runsEnded('first', 1);
    const { rows } = await product.db.query<{ at: string }>(`SELECT data->>'atMs' AS at FROM events WHERE stream_id = $1 AND type = 'TaskSucceeded'`, [`run-first/${run}`]);
    for (let tries = 0; rows.length === 0 && tries < 500; tries++) {
      rows.push(...(await product.db.query<{ at: string }>(`SELECT data->>'atMs' AS at FROM events WHERE stream_id = $1 AND type = 'TaskSucceeded'`, [`run-first/${run}`])).rows);
      if (rows.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    }
    if (measureMemory) await new Promise((resolve) => setTimeout(resolve, 5_000));
    const memory = memoryOf(product.pid);
    return { firstSuccessMs: Number(rows[0]?.at) - from, upAfterMs: product.upAfterMs, ...memory };
  } finally {
    await product.stop();
  }
}

export const footprint: Benchmark = {
  name: 'footprint',
  says: 'start to first task success on an empty and on a warm database; idle memory (PSS) without Postgres',
  async run(shape) {
    const dataDir = mkdtempSync(join(tmpdir(), 'dagbook-bench-'));
    try {
      mkdirSync(join(dataDir, 'dags'), { recursive: true });
      writeFileSync(join(dataDir, 'dags', 'first.ts'), DAG);
      const empty = await firstSuccess(dataDir, shape, 'empty', false);
      const warm = await firstSuccess(dataDir, shape, 'warm', true);
      return { emptyMs: empty.firstSuccessMs, warmMs: warm.firstSuccessMs, upWarmMs: warm.upAfterMs, idleMb: warm.ownMb, postgresMb: warm.postgresMb };
    } finally {
      rmSync(dataDir, { recursive: true, force: true });
    }
  },
};
