import type { OtherRun, RunRequested } from '@dagbook/contracts';
import { describe, expect, it } from 'vitest';
import { failureOf, rigOf } from '../test/rig.ts';
import { externalTask, triggerDag, triggerDagAndWait } from './other-dag.ts';

const DAY_MS = 86_400_000;
const run = (state: string, tasks: OtherRun['tasks'] = {}, unknownTasks: readonly string[] = []): OtherRun => ({ runId: 'r9', state, tasks, unknownTasks });
const asked = (answer: RunRequested) => {
  const requests: unknown[] = [];
  return { requests, requestRun: async (request: unknown) => { requests.push(request); return answer; } };
};

describe('triggerDag', () => {
  it('asks for a run with its conf and answers its id', async () => {
    const gateway = asked({ kind: 'begun', runId: 'r9' });
    const fields = { dagId: 'target', conf: { day: '2026-01-01', none: undefined }, logicalDate: '2026-01-01T00:00:00Z', onExisting: 'reset' };
    expect(await triggerDag(fields, rigOf(gateway).context)).toEqual({ runId: 'r9' });
    expect(gateway.requests).toEqual([{ dagId: 'target', logicalDateMs: Date.UTC(2026, 0, 1), conf: { day: '2026-01-01' }, onExisting: 'reset' }]);
  });

  it.each([
    [{ kind: 'refused', reason: 'there is no DAG target' }, { code: 'error', message: 'the run could not begin: there is no DAG target' }],
    [{ kind: 'existed', runId: 'r9' }, { name: 'SkipTask', message: 'there is a run r9 of target already' }],
  ] as const)('tells what came of it: %j', async (answer, failure) => {
    expect(await failureOf(triggerDag({ dagId: 'target', runId: 'r9', onExisting: 'skip' }, rigOf(asked(answer)).context))).toMatchObject(failure);
  });

  it('asks again until the owner of the other DAG has spoken', async () => {
    const answers: RunRequested[] = [{ kind: 'stored' }, { kind: 'stored' }, { kind: 'begun', runId: 'r9' }];
    expect(await triggerDag({ dagId: 'target' }, rigOf({ requestRun: async () => answers.shift() as RunRequested }).context)).toEqual({ runId: 'r9' });
    expect(answers).toEqual([]);
  });

  it('waits for the end, and fails when it is not the one that was wanted', async () => {
    const look = (found: OtherRun | null, fields: object = {}) =>
      triggerDagAndWait({ dagId: 'target', ...fields }, rigOf({ ...asked({ kind: 'begun', runId: 'r9' }), findRun: async () => found }).context);
    expect(await look(null)).toEqual({ done: false });
    expect(await look(run('running'))).toEqual({ done: false });
    expect(await look(run('success'))).toEqual({ done: true, value: { runId: 'r9', state: 'success' } });
    expect(await failureOf(look(run('failed')))).toMatchObject({ code: 'error', message: 'the run r9 of target ended as failed' });
    expect(await look(run('failed'), { allowedStates: ['success', 'failed'], failedStates: [] })).toEqual({ done: true, value: { runId: 'r9', state: 'failed' } });
  });

  it.each([[{ dagId: '' }, 'dagId'], [{ dagId: 'd', conf: [1] }, 'conf'], [{ dagId: 'd', logicalDate: 'noon' }, 'logicalDate'], [{ dagId: 'd', onExisting: 'maybe' }, 'onExisting']])('refuses %j', async (fields, name) => {
    expect(await failureOf(triggerDag(fields, rigOf(asked({ kind: 'begun', runId: 'r9' })).context))).toMatchObject({ code: 'bad_input', retry: false, message: expect.stringContaining(`triggerDag: ${name} is`) });
  });
});

describe('externalTask', () => {
  const look = (fields: object, found: OtherRun | null, logicalDateMs: number | null = 10 * DAY_MS) => {
    const queries: unknown[] = [];
    const { context } = rigOf({ findRun: async (query) => { queries.push(query); return found; } });
    const { work } = context.request;
    const request = { ...context.request, work: { ...work, run: { ...work.run, logicalDateMs } } };
    return { queries, answer: externalTask({ dagId: 'up', ...fields }, { ...context, request }) };
  };

  it('looks for the run of the same logical date, of one so much earlier, of a given one, or of an id', async () => {
    const queryOf = async (fields: object) => {
      const { queries, answer } = look(fields, null);
      expect(await answer).toEqual({ done: false });
      return queries;
    };
    expect(await queryOf({})).toEqual([{ dagId: 'up', logicalDateMs: 10 * DAY_MS }]);
    expect(await queryOf({ earlierBy: '1d', taskId: ['a', 'b'] })).toEqual([{ dagId: 'up', logicalDateMs: 9 * DAY_MS, taskIds: ['a', 'b'] }]);
    expect(await queryOf({ logicalDate: '1970-01-03T09:00:00+09:00', groupId: 'g' })).toEqual([{ dagId: 'up', logicalDateMs: 2 * DAY_MS, groupId: 'g' }]);
    expect(await queryOf({ runId: 'r9' })).toEqual([{ dagId: 'up', runId: 'r9' }]);
    expect(await failureOf(look({}, null, null).answer)).toMatchObject({ code: 'bad_input', retry: false });
  });

  it('waits until all is as wanted', async () => {
    expect(await look({}, run('running')).answer).toEqual({ done: false });
    expect(await look({}, run('success')).answer).toEqual({ done: true, value: { runId: 'r9' } });
    expect(await look({ taskId: 'a' }, run('running', { a: ['success', 'running'] })).answer).toEqual({ done: false });
    expect(await look({ taskId: 'a' }, run('running', { a: ['success', 'success'] })).answer).toEqual({ done: true, value: { runId: 'r9' } });
    expect(await look({ taskId: 'a' }, run('running')).answer).toEqual({ done: false });
    expect(await look({ taskId: 'a' }, run('failed', { a: ['failed'] })).answer).toEqual({ done: false });
  });

  it('fails or skips as it is told, and does not wait for what can never come', async () => {
    expect(await failureOf(look({ taskId: 'a', failedStates: ['failed'] }, run('failed', { a: ['failed'] })).answer)).toMatchObject({ code: 'error', message: 'what is waited for in the run r9 of up is failed' });
    expect(await failureOf(look({ taskId: 'a', skippedStates: 'skipped' }, run('success', { a: ['skipped'] })).answer)).toMatchObject({ name: 'SkipTask' });
    expect(await failureOf(look({ taskId: 'gone' }, run('success', {}, ['gone'])).answer)).toMatchObject({ code: 'bad_input', retry: false, message: expect.stringContaining('has no task gone') });
  });
});
