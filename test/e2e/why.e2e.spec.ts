import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startProduct, type Product } from '../harness/product.ts';

/** "Why is this task not running?", asked by REST, by the CLI and by whoever opens its log, of a task in every kind of waiting. */
const ROOT = process.env['DAGBOOK_ROOT'] ?? process.cwd();

let product: Product;
beforeAll(async () => {
  product = await startProduct({ shape: 'standalone', slots: 8, args: ['--pools', 'one=1'] });
  await product.writeDag('upstream', `
    import { approval, dag, defer, poke, trigger } from '@dagbook/sdk';
    const f = async () => 1;
    const hold = async (_, { signal }) => { await new Promise((go) => signal.addEventListener('abort', go)); };
    const later = async () => defer(trigger.at('2999-01-01T00:00:00Z'));
    const of = (id, spec, build) => { const d = dag(id, spec); build(d); return d; };
    export default [
      of('upstream', {}, (d) => { const a = d.task('a', later)(); d.task('b', f)().after(a); const n = d.task('n', later)(); d.task('mapped', f).expand({ x: n }); }),
      of('pools', {}, (d) => { d.task('holds', hold, { pool: 'one', priorityWeight: 9 })(); d.task('waits', f, { pool: 'one' })(); d.task('none', f, { pool: 'none' })(); d.task('large', f, { pool: { name: 'one', slots: 2 } })(); }),
      of('caps', { maxActiveTasks: 1 }, (d) => { d.task('holds', hold, { priorityWeight: 9 })(); d.task('waits', f)(); }),
      of('task_caps', {}, (d) => { d.task('all', hold, { maxActive: 1 })(); d.task('each', hold, { maxActivePerRun: 1 }).expand({ x: [1, 2] }); }),
      of('states', {}, (d) => {
        d.task('retries', async () => { throw new Error('not today'); }, { retries: 1, retryDelay: '365d', maxRetryDelay: '365d' })();
        d.sensor('pokes', async () => poke.again(), { every: '1h', mode: 'reschedule' })();
        d.task('deferred', later)();
        d.task('asks', approval({ subject: 'Go on?' }))();
        const fails = d.task('fails', async () => { throw new Error('for good'); })();
        d.task('after', f)().after(fails);
        d.task('queued', f, { queue: 'elsewhere' })();
      }),
      of('runs', { maxActiveRuns: 1 }, (d) => { d.task('holds', hold)(); }),
      of('paused', { pausedUponCreation: true }, (d) => { d.task('t', f)(); }),
      of('past', {}, (d) => { d.task('t', async (_, { logicalDate }) => { if (logicalDate.toISOString().startsWith('2026-01-01')) throw new Error('the first'); }, { dependsOnPast: true })(); }),
      of('late', {}, (d) => { d.task('t', f)(); }),
    ];`);
});
afterAll(() => product.stop());

const PATIENCE = { interval: 50, timeout: 60_000 };
interface Why { readonly code: string; readonly message: string; readonly state: string | null; readonly until: string | null; readonly waits_for: readonly { readonly task_id: string; readonly state: string }[] }

const begin = (dagId: string, runId = 'r', body: object = {}) => product.api('POST', `/api/v2/dags/${dagId}/dagRuns`, { dag_run_id: runId, logical_date: null, ...body });
const why = (dagId: string, taskId: string, { runId = 'r', mapIndex = -1 } = {}): Promise<Why> => product.api('GET', `/ui/why/${dagId}/${runId}/${taskId}/${mapIndex}`);
const settled = (code: string, ...of: Parameters<typeof why>): Promise<void> => expect.poll(async () => (await why(...of)).code, PATIENCE).toBe(code);

function cli(...argv: readonly string[]): Promise<string> {
  const env = { PATH: process.env['PATH'], HOME: product.dataDir, DAGBOOK_ROOT: ROOT, DAGBOOK_DATA: product.dataDir };
  return new Promise((resolve, reject) => {
    execFile(process.execPath, [join(ROOT, 'dist/cli/main.js'), ...argv], { env }, (error, out, err) => (error === null ? resolve(out) : reject(new Error(err))));
  });
}

describe('a task that does not run says why', () => {
  const WAITING: readonly { readonly dagId: string; readonly taskId: string; readonly code: string; readonly message: string; readonly of?: { readonly mapIndex: number } }[] = [
    { dagId: 'upstream', taskId: 'b', code: 'upstream_unfinished', message: 'Its trigger rule all_success waits: 0 of 1 upstream task instances have finished. Next: a (deferred).' },
    { dagId: 'upstream', taskId: 'mapped', code: 'upstream_unfinished', message: 'Its trigger rule all_success waits: 0 of 1 upstream task instances have finished. Next: n (deferred).' },
    { dagId: 'pools', taskId: 'waits', code: 'pool_full', message: '1 of 1 slots of pool "one" are taken and it wants 1; those before it in the pool come first.' },
    { dagId: 'pools', taskId: 'none', code: 'unknown_pool', message: 'Pool "none" does not exist; create it, or change the task\'s pool.' },
    { dagId: 'pools', taskId: 'large', code: 'pool_too_small', message: 'It wants 2 slots of pool "one", which has 1; enlarge the pool or lower the task\'s pool slots.' },
    { dagId: 'caps', taskId: 'waits', code: 'dag_at_cap', message: 'DAG "caps" has 1 active tasks; maxActiveTasks is 1.' },
    { dagId: 'task_caps', taskId: 'each', code: 'task_in_run_at_cap', message: 'Task "task_caps/r/each" is active 1 times in this run; its maxActivePerRun is 1.', of: { mapIndex: 1 } },
    { dagId: 'states', taskId: 'deferred', code: 'waits_for_trigger', message: 'It waits for its trigger to fire.' },
    { dagId: 'states', taskId: 'asks', code: 'waits_for_input', message: 'It waits for a person to answer.' },
    { dagId: 'states', taskId: 'fails', code: 'finished', message: 'It has ended: failed, at try 1. for good' },
    { dagId: 'states', taskId: 'after', code: 'finished', message: 'An upstream task failed, so it will not run.' },
    { dagId: 'states', taskId: 'queued', code: 'no_worker_serves_queue', message: 'No worker serves queue "elsewhere"; start one that lists it, or change the task\'s queue.' },
  ];
  it.each(WAITING)('$dagId $taskId: $code', async ({ dagId, taskId, code, message, of }) => {
    await begin(dagId).catch(() => undefined);
    await expect.poll(async () => {
      const said = await why(dagId, taskId, of);
      return [said.code, said.message];
    }, PATIENCE).toEqual([code, message]);
  });

  it.each([['upstream', 'b'], ['pools', 'none'], ['task_caps', 'each[1]']])('to the CLI as to the API: %s %s', async (dagId, name) => {
    await begin(dagId).catch(() => undefined);
    const { mapIndex } = WAITING.find(({ dagId: other, taskId }) => other === dagId && name.startsWith(taskId))?.of ?? { mapIndex: -1 };
    const { code, message } = await why(dagId, name.replace('[1]', ''), { mapIndex });
    expect(JSON.parse(await cli('tasks', 'why', dagId, 'r', name, '-o', 'json'))).toMatchObject({ code, message });
  });

  it('with the time that it waits until', async () => {
    await begin('states').catch(() => undefined);
    await settled('waits_for_retry', 'states', 'retries');
    await settled('waits_for_poke', 'states', 'pokes');
    const retry = await why('states', 'retries');
    expect(retry.message).toMatch(/^Try 1 failed \(not today\); try 2 is due at \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00\.$/);
    expect(Date.parse(retry.until ?? '')).toBeGreaterThan(Date.now() + 360 * 86_400_000);
    expect((await why('states', 'pokes')).message).toMatch(/^The sensor's condition was not met; it is asked again at /);
  });

  it('when a run of another holds its cap, or its own run is queued or paused', async () => {
    await begin('task_caps').catch(() => undefined);
    await settled('running', 'task_caps', 'all');
    await begin('task_caps', 'second');
    await settled('task_at_cap', 'task_caps', 'all', { runId: 'second' });
    await begin('runs');
    await settled('running', 'runs', 'holds');
    await begin('runs', 'second');
    await settled('run_queued', 'runs', 'holds', { runId: 'second' });
    expect((await why('runs', 'holds', { runId: 'second' })).message).toBe('The run is queued: maxActiveRuns is 1 and 1 run is running; it starts when one of them has ended.');
    await begin('paused');
    await settled('dag_paused', 'paused', 't');
  });

  it('when it depends on the run before', async () => {
    await begin('past', 'first', { logical_date: '2026-01-01T00:00:00Z' });
    await settled('finished', 'past', 't', { runId: 'first' });
    await begin('past', 'second', { logical_date: '2026-01-02T00:00:00Z' });
    await settled('waits_for_past_run', 'past', 't', { runId: 'second' });
    expect((await why('past', 't', { runId: 'second' })).message).toBe("t depends on the DAG's previous run: its t must end in success or skipped. In run first it is failed: clear it there, or mark it a success.");
  });

  it('in the place of its log, while it has none', async () => {
    await begin('pools').catch(() => undefined);
    for (const taskId of ['waits', 'none', 'large']) {
      const log = await product.api<{ content: readonly { event: string }[] }>('GET', `/api/v2/dags/pools/dagRuns/r/taskInstances/${taskId}/logs/1`);
      expect(log.content.map(({ event }) => event)).toEqual([(await why('pools', taskId)).message]);
    }
    expect((await cli('tasks', 'logs', 'upstream', 'r', 'b')).trim()).toContain((await why('upstream', 'b')).message);
  });

  it('when the only worker takes nothing more', async () => {
    const { workers: [worker] } = await product.api<{ workers: readonly { worker_name: string }[] }>('GET', '/api/v2/workers');
    await product.api('POST', `/api/v2/workers/${worker?.worker_name ?? ''}/drain`);
    await begin('late', 'now');
    await settled('no_worker_serves_queue', 'late', 't', { runId: 'now' });
    expect((await why('late', 't', { runId: 'now' })).message).toBe('Every worker that serves queue "default" is draining or unreachable.');
  });
});
