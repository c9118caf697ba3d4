import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { startProduct, type Product } from '../harness/product.ts';

/** By REST, through a whole Dagbook with real task processes. */
let product: Product;
beforeAll(async () => {
  product = await startProduct({ shape: 'standalone' });
  await product.writeDag('daily', `
    import { dag } from '@dagbook/sdk';
    const d = dag('daily', { schedule: '0 0 * * *', startDate: '2026-01-01', endDate: '2026-01-01', maxActiveRuns: 1, deadlines: [{ name: 'long ago', reference: 'logicalDate', interval: '1h' }] });
    const stamp = d.task('stamp', async (_, { logicalDate, tryNumber }) => { const day = logicalDate.toISOString(); if (day.startsWith('2026-01-03') && tryNumber === 1) throw new Error('once'); return day; })();
    d.task('after', async ({ of }) => of)({ of: stamp });
    export default d;
  `);
});
afterAll(() => product.stop());

interface Backfill {
  readonly id: number;
  readonly state: string;
  readonly created_runs: number;
  readonly reprocessed_runs: number;
  readonly skipped_dates: number;
}
interface Runs {
  readonly dag_runs: readonly { readonly dag_run_id: string; readonly run_type: string; readonly state: string; readonly logical_date: string }[];
}
const RANGE = { dag_id: 'daily', from_date: '2026-01-01T00:00:00Z', to_date: '2026-01-05T00:00:00Z' };
const runs = async (): Promise<string[]> =>
  (await product.api<Runs>('GET', '/api/v2/dags/daily/dagRuns?order_by=logical_date')).dag_runs.filter((run) => run.run_type === 'backfill').map((run) => `${run.logical_date.slice(0, 10)} ${run.state}`);
const over = async (body: object): Promise<Backfill> => {
  const { id } = await product.api<Backfill>('POST', '/api/v2/backfills', { ...RANGE, ...body });
  let seen: Backfill | undefined;
  await vi.waitUntil(async () => (seen = await product.api<Backfill>('GET', `/api/v2/backfills/${id}`)).state !== 'running', { interval: 20, timeout: 30_000 });
  return seen as Backfill;
};

it('fills a range, does again what failed, and clears a task in it and in all runs after it', async () => {
  const days = (states: readonly string[]): string[] => states.map((state, index) => `2026-01-0${index + 1} ${state}`);
  expect(await over({ max_active_runs: 2 })).toMatchObject({ state: 'completed', created_runs: 5, skipped_dates: 0 });
  expect(await runs()).toEqual(days(['success', 'success', 'failed', 'success', 'success']));
  expect(await over({ reprocess_behavior: 'failed', run_backwards: true })).toMatchObject({ state: 'completed', created_runs: 0, reprocessed_runs: 1, skipped_dates: 4 });
  expect(await runs()).toEqual(days(['success', 'success', 'success', 'success', 'success']));

  const { task_instances: cleared } = await product.api<{ task_instances: readonly unknown[] }>('POST', '/api/v2/dags/daily/clearTaskInstances', {
    dag_run_id: 'backfill__2026-01-03T00:00:00+00:00', task_ids: ['after'], include_future: true, only_failed: false, dry_run: false,
  });
  expect(cleared.length).toBe(3);
  await vi.waitUntil(async () => (await runs()).every((run) => run.endsWith('success')), { interval: 20, timeout: 30_000 });
  const tries = await product.api<{ task_instances: readonly { readonly dag_run_id: string; readonly try_number: number }[] }>('GET', '/api/v2/dags/daily/dagRuns/~/taskInstances?task_id=after&order_by=logical_date');
  const ofBackfills = tries.task_instances.filter((instance) => instance.dag_run_id.startsWith('backfill__')).map((instance) => instance.try_number);
  expect(ofBackfills).toEqual([1, 1, 2, 2, 2]);
  const { deadlines } = await product.api<{ deadlines: readonly { readonly state: string }[] }>('GET', '/ui/dags/daily/dagRuns/backfill__2026-01-01T00:00:00+00:00/deadlines');
  expect(deadlines).toMatchObject([{ alert_name: 'long ago', state: 'missed' }]);
});
