import { afterAll, beforeAll, expect, it } from 'vitest';
import { startProduct, type Product } from '../harness/product.ts';

/** By REST, through a whole Dagbook with real task processes. */
let product: Product;
beforeAll(async () => {
  product = await startProduct({ shape: 'standalone', args: ['--pools', 'seeded=2'] });
  await product.writeDag('flow', `
    import { dag, defer, trigger } from '@dagbook/sdk';
    const flow = dag('flow');
    flow.task('held', async () => 1, { pool: 'db' })();
    flow.task('far', async () => 1, { queue: 'elsewhere' })();
    const waits = dag('waits');
    waits.task('deferred', async (_, { resumed }) => (resumed === undefined ? defer(trigger.after('1h')) : 1), { pool: 'narrow', priorityWeight: 9 })();
    waits.task('next', async () => 1, { pool: 'narrow' })();
    const plain = dag('plain');
    plain.task('only', async () => 1)();
    const wrong = dag('wrong');
    const number = wrong.task('number', async () => 5)();
    wrong.task('over_number', async ({ x }) => x).expand({ x: number });
    const long = wrong.task('long', async () => Array.from({ length: 1025 }, (_, index) => index))();
    wrong.task('over_long', async ({ x }) => x).expand({ x: long });
    const way = wrong.task('way', async () => 'nowhere', { retries: 3 })();
    wrong.branch(way, { here: wrong.empty('here') });
    export default [flow, waits, plain, wrong];
  `);
});
afterAll(() => product.stop());

const PATIENCE = { interval: 20, timeout: 30_000 };
const why = async (dagId: string, taskId: string): Promise<{ readonly code: string; readonly message: string }> => product.api('GET', `/ui/why/${dagId}/r/${taskId}/-1`);
const begin = (dagId: string) => product.api('POST', `/api/v2/dags/${dagId}/dagRuns`, { dag_run_id: 'r', logical_date: null });
const runState = async (dagId: string): Promise<string> => (await product.api<{ state: string }>('GET', `/api/v2/dags/${dagId}/dagRuns/r`)).state;
const pool = (name: string): Promise<object> => product.api('GET', `/api/v2/pools/${name}`);

it('a task waits for a pool that does not exist, says so, and goes on when it is made', async () => {
  expect(await pool('seeded')).toMatchObject({ slots: 2, occupied_slots: 0 });
  await expect.poll(async () => (await product.api<{ dag_warnings: readonly { message: string }[] }>('GET', '/api/v2/dagWarnings?dag_id=flow&warning_type=non-existent%20pool')).dag_warnings.length, PATIENCE).toBe(1);
  await begin('flow');
  await expect.poll(async () => (await why('flow', 'held')).code, PATIENCE).toBe('unknown_pool');
  await expect.poll(async () => (await why('flow', 'far')).message, PATIENCE).toBe('No worker serves queue "elsewhere"; start one that lists it, or change the task\'s queue.');
  const log = await product.api<{ content: readonly { event: string }[] }>('GET', '/api/v2/dags/flow/dagRuns/r/taskInstances/held/logs/1');
  expect(log.content.map(({ event }) => event)).toEqual(['Pool "db" does not exist; create it, or change the task\'s pool.']);
  await product.api('POST', '/api/v2/pools', { name: 'db', slots: 1 });
  await expect.poll(async () => (await why('flow', 'held')).code, PATIENCE).toBe('finished');
  expect((await product.api<{ dag_warnings: readonly object[] }>('GET', '/api/v2/dagWarnings?warning_type=non-existent%20pool&dag_id=flow')).dag_warnings).toEqual([]);
});

it('a deferred task holds its slot in a pool that includes deferred ones, until the pool says otherwise', async () => {
  await product.api('POST', '/api/v2/pools', { name: 'narrow', slots: 1 });
  await product.api('PATCH', '/api/v2/pools/narrow', { include_deferred: true, slots: 1 });
  await begin('waits');
  await expect.poll(() => pool('narrow'), PATIENCE).toMatchObject({ deferred_slots: 1, occupied_slots: 1, open_slots: 0 });
  expect((await why('waits', 'next')).code).toBe('pool_full');
  await product.api('PATCH', '/api/v2/pools/narrow', { include_deferred: false });
  await expect.poll(async () => (await why('waits', 'next')).code, PATIENCE).toBe('finished');
});

it('a drained worker gets nothing until that is taken back', async () => {
  const { workers: [worker] } = await product.api<{ workers: readonly { worker_name: string; state: string }[] }>('GET', '/api/v2/workers');
  expect(await product.api('POST', `/api/v2/workers/${worker?.worker_name ?? ''}/drain`)).toMatchObject({ state: 'draining' });
  await begin('plain');
  await expect.poll(async () => (await why('plain', 'only')).message, PATIENCE).toBe('Every worker that serves queue "default" is draining or unreachable.');
  expect(await product.api('POST', `/api/v2/workers/${worker?.worker_name ?? ''}/undrain`)).toMatchObject({ drained_by: null });
  await expect.poll(() => runState('plain'), PATIENCE).toBe('success');
});

it('what only a run can find wrong fails its task with a sentence in the log, and the run ends', async () => {
  await begin('wrong');
  await expect.poll(() => runState('wrong'), PATIENCE).toBe('failed');
  const { task_instances: instances } = await product.api<{ task_instances: readonly { task_id: string; state: string }[] }>('GET', '/api/v2/dags/wrong/dagRuns/r/taskInstances');
  expect(Object.fromEntries(instances.map(({ task_id: taskId, state }) => [taskId, state]))).toEqual({
    number: 'failed', over_number: 'upstream_failed', long: 'failed', over_long: 'upstream_failed', way: 'failed', here: 'upstream_failed',
  });
  const lastLine = async (taskId: string): Promise<string | undefined> =>
    (await product.api<{ content: readonly { event: string }[] }>('GET', `/api/v2/dags/wrong/dagRuns/r/taskInstances/${taskId}/logs/1`)).content.at(-1)?.event;
  for (const [taskId, says] of [['number', 'number'], ['long', '1025 items'], ['way', 'nowhere']] as const) await expect.poll(() => lastLine(taskId), PATIENCE).toContain(says);
});
