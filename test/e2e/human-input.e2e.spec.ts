import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startProduct, type Product } from '../harness/product.ts';

/** Asked again until it holds; the test's time limit is the only clock in it. */
const PATIENCE = { interval: 20, timeout: 60_000 };
const RUNS = '/api/v2/dags/asking/dagRuns';

const folder = mkdtempSync(join(tmpdir(), 'dagbook-asking-'));
let product: Product;

beforeAll(async () => {
  writeFileSync(join(folder, 'asking.ts'), `import { approval, choose, dag } from '@dagbook/sdk';
    const d = dag('asking');
    const ok = d.task('ok', approval({ subject: 'Ship {{ run_id }}?' }))();
    const way = d.task('way', choose({ subject: 'Where to?', options: ['left', 'right'] }))().after(ok);
    const left = d.task('left', async () => 1)();
    const right = d.task('right', async () => 2)();
    d.branch(way.get('chosen_options'), { left, right });
    export default d;`);
  product = await startProduct({ shape: 'standalone', dagsDir: folder });
});
afterAll(async () => {
  await product.stop();
  rmSync(folder, { recursive: true, force: true });
});

interface Detail { readonly subject: string; readonly task_instance: { readonly dag_run_id: string; readonly task_id: string } }

const waiting = async (): Promise<string[]> =>
  (await product.api<{ hitl_details: Detail[] }>('GET', '/api/v2/dags/~/dagRuns/~/hitlDetails?state=awaiting_input')).hitl_details
    .map(({ subject, task_instance: { dag_run_id: runId, task_id: taskId } }) => `${runId}/${taskId}: ${subject}`);

const answer = (runId: string, taskId: string, option: string): Promise<unknown> =>
  product.api('PATCH', `${RUNS}/${runId}/taskInstances/${taskId}/-1/hitlDetails`, { chosen_options: [option] });

async function ended(runId: string): Promise<{ readonly [taskId: string]: string }> {
  await expect.poll(async () => (await product.api<{ state: string }>('GET', `${RUNS}/${runId}`)).state, PATIENCE).toBe('success');
  const { task_instances: instances } = await product.api<{ task_instances: { task_id: string; state: string }[] }>('GET', `${RUNS}/${runId}/taskInstances`);
  return Object.fromEntries(instances.map(({ task_id: taskId, state }) => [taskId, state]));
}

it('a run goes on where people send it', async () => {
  await expect.poll(async () => (await product.api<{ dags: object[] }>('GET', '/api/v2/dags')).dags.length, PATIENCE).toBe(1);
  for (const runId of ['one', 'two']) await product.api('POST', RUNS, { dag_run_id: runId, logical_date: null });
  await expect.poll(async () => (await waiting()).sort(), PATIENCE).toEqual(['one/ok: Ship one?', 'two/ok: Ship two?']);
  await answer('two', 'ok', 'Reject');
  expect(await ended('two')).toEqual({ ok: 'success', way: 'skipped', left: 'skipped', right: 'skipped' });
  await answer('one', 'ok', 'Approve');
  await expect.poll(waiting, PATIENCE).toEqual(['one/way: Where to?']);
  await answer('one', 'way', 'right');
  expect(await ended('one')).toEqual({ ok: 'success', way: 'success', left: 'skipped', right: 'success' });
});
