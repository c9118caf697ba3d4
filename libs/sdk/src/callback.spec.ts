import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { bash, dag, FailTask, provideOperators, serialize, slack, SkipTask, webhook, type TaskCallbackContext } from './index.ts';

const DATE = { logicalDate: '2027-01-05' } as const;
const quiet = { ...DATE, log: () => undefined };

describe('callbacks in dag.test', () => {
  const said: unknown[] = [];
  beforeEach(() => { said.length = 0; });
  afterEach(() => provideOperators({}));

  it('tell of each end of a task, and of the run, in the order of the ends', async () => {
    const told = (name: string) => ({ taskId, mapIndex, tryNumber, failure, ds }: TaskCallbackContext<unknown>) => { said.push([name, taskId, mapIndex, tryNumber, failure?.message ?? null, ds]); };
    const d = dag('d', {
      defaults: { onSuccess: told('success'), onFailure: told('failure'), onRetry: told('retry'), onSkipped: told('skipped') },
      onFailure: ({ reason, failed, runId }) => { said.push([reason, failed, runId]); },
    });
    d.task('bad', async (_, { tryNumber }) => { throw new Error(`no ${tryNumber}`); }, { retries: 1 })();
    d.task('none', async () => { throw new SkipTask(); })();
    d.task('m', async ({ x }: { x: number }) => x).expand({ x: [7] });
    const result = await d.test(quiet);
    expect(said).toEqual([
      ['retry', 'bad', -1, 1, 'no 1', '2027-01-05'], ['skipped', 'none', -1, 1, null, '2027-01-05'], ['success', 'm', 0, 1, null, '2027-01-05'], ['failure', 'bad', -1, 2, 'no 2', '2027-01-05'],
      ['task_failure', ['bad'], 'manual__2027-01-05T00:00:00+00:00'],
    ]);
    expect(result.callbacks).toEqual([
      { name: 'onRetry', task: 'bad', state: 'success' }, { name: 'onSkipped', task: 'none', state: 'success' }, { name: 'onSuccess', task: 'm[0]', state: 'success' },
      { name: 'onFailure', task: 'bad', state: 'success' }, { name: 'onFailure', state: 'success' },
    ]);
  });

  it('run onExecute before the task in its own process, whatever comes of it', async () => {
    const lines: string[] = [];
    const d = dag('d');
    const a = d.task('a', async () => said.push('task'), { onExecute: [({ taskId, log }) => { said.push(taskId); log.info('before'); }, () => { throw new Error('broken'); }] })();
    const result = await d.test({ ...DATE, log: ({ task, level, event }) => lines.push(`${level} ${task} ${event}`) });
    expect([result.stateOf(a), said, lines, result.callbacks]).toEqual(['success', ['a', 'task'], ['info a before', 'error a onExecute failed, and the task goes on: broken'], []]);
  });

  it('are tried three times by one key, change nothing, and hide no other', async () => {
    const d = dag('d', { onSuccess: [({ callbackKey }) => { said.push(callbackKey); throw new Error('away'); }, () => { throw new FailTask('never'); }, ({ reason }) => { said.push(reason); }] });
    d.empty('a');
    const result = await d.test(quiet);
    const key = 'd/manual__2027-01-05T00:00:00+00:00/1';
    expect([result.state, said]).toEqual(['success', [key, 'success', key, key]]);
    expect(result.callbacks.map(({ state }) => state)).toEqual(['failed', 'failed', 'success']);
  });

  it('are operators too, whose templates know what happened', async () => {
    const sent: unknown[] = [];
    provideOperators({
      slack: async ({ text }) => sent.push(text), bash: async ({ command }, { environment }) => sent.push([command, environment['DAGBOOK_TASK_ID']]),
      webhook: async ({ payload }, { request }) => sent.push([payload, request.work.callback?.key.split('/').at(-1)]),
    });
    const d = dag('d', {
      params: z.object({ team: z.string().default('data') }),
      onFailure: slack({ text: '{{ dag.dag_id }} {{ ds }} {{ reason }}: {{ failed_tasks }} ({{ params.team }})' }),
      deadlines: [{ name: 'noon', reference: 'queuedAt', interval: '0s', onMissed: webhook({ connection: 'pager', payload: { name: '{{ deadline_name }}', at: '{{ deadline_time }}' } }) }],
    });
    d.task('bad', async () => { throw new Error('no'); }, { onFailure: [slack({ text: '{{ ti.task_id }} try {{ ti.try_number }}: {{ exception }}' }), bash({ command: 'page' })] })();
    await d.test(quiet);
    expect(sent).toEqual([[{ name: 'noon', at: '2027-01-05T00:00:00.000Z' }, '1'], 'bad try 1: no', ['page', 'bad'], 'd 2027-01-05 task_failure: bad (data)']);
  });

  it('tell of a missed deadline, and of one that a failed run misses later', async () => {
    const d = dag('d', {
      deadlines: [
        { name: 'soon', reference: 'queuedAt', interval: '1h', onMissed: ({ deadline }) => { said.push([deadline.name, deadline.dueAt.toISOString()]); } },
        { reference: 'queuedAt', interval: '2d', onMissed: ({ deadline }) => { said.push([deadline.name, deadline.dueAt.toISOString()]); } },
      ],
    });
    d.task('bad', async () => { throw new Error('no'); }, { retries: 1, retryDelay: '2h' })();
    expect((await d.test(quiet)).state).toBe('failed');
    expect(said).toEqual([['soon', '2027-01-05T01:00:00.000Z'], [undefined, '2027-01-07T00:00:00.000Z']]);
  });

  it('cannot wait', async () => {
    const lines: string[] = [];
    const d = dag('d', { onSuccess: () => { throw new SkipTask('enough'); }, onFailure: () => undefined });
    d.task('a', async () => 1, { onSuccess: async () => { const { defer, trigger } = await import('./index.ts'); return defer(trigger.after('1h')); } })();
    const { callbacks } = await d.test({ ...DATE, log: ({ task, event }) => lines.push(`${task}: ${event}`) });
    expect(lines).toEqual(['a onSuccess: a callback can neither be deferred nor ask people: trigger a DAG that does']);
    expect(callbacks.map(({ state }) => state)).toEqual(['failed', 'success']);
  });
});

describe('callbacks in a definition', () => {
  it('are named as often as there are, in one order', () => {
    const d = dag('d', { onFailure: [() => 1, slack({ text: 'x' })], onSuccess: () => 1, deadlines: [{ reference: 'queuedAt', interval: '1h', onMissed: [() => 1, () => 2] }, { reference: 'queuedAt', interval: '2h' }] });
    d.task('a', async () => 1, { onSkipped: () => 1, onExecute: () => 1, onFailure: [() => 1, () => 2] })();
    const { callbacks, deadlines, tasks } = serialize(d);
    expect([callbacks, deadlines?.map((deadline) => deadline.callbacks), tasks[0]?.callbacks]).toEqual([['onSuccess', 'onFailure', 'onFailure'], [2, undefined], ['onExecute', 'onFailure', 'onFailure', 'onSkipped']]);
  });

  it('are refused when they are no code, wait, or read a result', () => {
    const none = dag('none', { onFailure: 'slack' as never });
    none.empty('a');
    expect(() => serialize(none)).toThrow('onFailure of \'none\' is "slack": a callback is a function, an operator that does not wait, or a list of them.');
    const reads = dag('reads');
    const up = reads.task('up', async () => 'x')();
    reads.task('a', async () => 1, { onFailure: slack({ text: up }) })();
    expect(() => serialize(reads)).toThrow("onFailure of task 'a' is \"a task result\": a callback has no place in the order of tasks");
  });
});
