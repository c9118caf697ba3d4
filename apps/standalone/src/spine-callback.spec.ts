import { CALLBACK_TASK, type AttemptKey, type Outcome } from '@dagbook/contracts';
import { afterEach, describe, expect, it } from 'vitest';
import { Spine, type Script } from './spine.harness.ts';

const spines: Spine[] = [];
afterEach(async () => {
  for (const spine of spines.splice(0)) await spine.stop();
});

const NO: Outcome = { kind: 'failed', failure: { code: 'error', message: 'no' } };
const isCallback = ({ taskId }: AttemptKey): boolean => taskId === CALLBACK_TASK;

async function started(script: Script, slots?: number): Promise<Spine> {
  const spine = new Spine({ script });
  spines.push(spine);
  await spine.scheduler();
  await spine.dispatcher();
  await spine.worker(slots);
  return spine;
}

const assigned = (spine: Spine) => spine.heard.flatMap((message) => (message.type === 'AttemptAssigned' && message.data.work.kind === 'callback' ? [message.data] : []));
const atRest = async (spine: Spine): Promise<void> => spine.until(async () => (await spine.stores.events.openRuns()).length === 0 && (await spine.stores.leases.list()).length === 0);

describe('a callback', () => {
  it('runs after the run has ended, as an attempt of its own that is told why, and leaves nothing behind', async () => {
    const spine = await started((attempt) => (isCallback(attempt) ? { kind: 'succeeded' } : NO));
    spine.define('d', [{ taskId: 'a', callbacks: ['onFailure'] }], { callbacks: ['onFailure'] });
    await spine.trigger('d', 'r');
    await atRest(spine);
    const story = await spine.story('d', 'r');
    expect(story.slice(0, 7)).toEqual(['RunCreated', 'RunStarted', 'TaskScheduled a', 'TaskStarted a', 'TaskFailed a', 'CallbackRequested', 'RunFailed']);
    expect(story.slice(7).sort()).toEqual(['CallbackRequested', 'CallbackSucceeded', 'CallbackSucceeded']);
    expect(assigned(spine).map(({ attemptId, epoch, work }) => [attemptId, epoch, work.callback])).toEqual([
      ['d/r/~callback/1/1', 1, { key: 'd/r/1', cause: { kind: 'task', name: 'onFailure', taskId: 'a', mapIndex: -1, tryNumber: 1, failure: NO.failure } }],
      ['d/r/~callback/2/1', 1, { key: 'd/r/2', cause: { kind: 'run', name: 'onFailure', reason: 'task_failed', failed: ['a'] } }],
    ]);
  });

  it('is said again by the next scheduler, though every word of it was lost', async () => {
    const spine = await started(() => ({ kind: 'succeeded' }));
    spine.define('d', [{ taskId: 'a' }], { callbacks: ['onSuccess'] });
    await spine.trigger('d', 'before');
    await atRest(spine);
    // As an owner leaves it who dies between its commit and its first word.
    await spine.stores.events.append([{
      streamId: 'run-d/after', expectedVersion: 0, openRun: { dagId: 'd', runId: 'after', open: true },
      events: (await spine.stores.events.read('run-d/before')).slice(0, -1).map(({ type, data, schemaVersion }, index) => ({
        eventId: `01900000-0000-7000-8000-00000000000${index}`, type, schemaVersion, data: type === 'RunCreated' ? { ...(data as object), runId: 'after' } : data,
      })),
    }]);
    await spine.scheduler();
    const first = spine.services[0];
    await first?.stop();
    await atRest(spine);
    expect((await spine.story('d', 'after')).slice(-3)).toEqual(['RunSucceeded', 'CallbackRequested', 'CallbackSucceeded']);
  });

  it('goes on after a loss under a higher epoch, and what the lost one says counts for nothing', async () => {
    const spine = await started((attempt) => (isCallback(attempt) && attempt.epoch === 1 ? 'hang' : { kind: 'succeeded' }));
    spine.define('d', [{ taskId: 'a' }], { callbacks: ['onSuccess'] });
    await spine.trigger('d', 'r');
    await spine.until(() => spine.hanging.length === 1);
    const [lost] = spine.hanging;
    await spine.lose(lost!);
    await spine.finish(lost!, NO);
    await atRest(spine);
    expect((await spine.story('d', 'r')).slice(-4)).toEqual(['RunSucceeded', 'CallbackRequested', 'CallbackAttemptLost', 'CallbackSucceeded']);
  });

  it('is tried again later, by the clock, and its run starts no other because of it', async () => {
    const spine = await started((attempt) => (isCallback(attempt) && attempt.tryNumber < 3 ? NO : { kind: 'succeeded' }));
    spine.define('d', [{ taskId: 'a' }], { callbacks: ['onSuccess'], maxActiveRuns: 1 });
    await spine.trigger('d', 'r');
    await spine.happened('d', 'r', 'CallbackFailed');
    await spine.trigger('d', 'next');
    await spine.happened('d', 'next', 'RunSucceeded');
    for (const [ms, tries] of [[10_000, 2], [60_000, 3]] as const) {
      spine.clock.advance(ms);
      await spine.renew();
      await spine.until(async () => (await spine.story('d', 'r')).filter((fact) => fact.startsWith('CallbackFailed') || fact.startsWith('CallbackSucceeded')).length === tries);
    }
    await atRest(spine);
    expect((await spine.story('d', 'r')).slice(-6)).toEqual(['CallbackRequested', 'CallbackFailed', 'CallbackScheduled try 2', 'CallbackFailed try 2', 'CallbackScheduled try 3', 'CallbackSucceeded try 3']);
  });

  it('of a missed deadline waits for no slot: what holds them all may be what is late', async () => {
    const spine = await started((attempt) => (isCallback(attempt) ? { kind: 'succeeded' } : 'hang'), 1);
    spine.define('d', [{ taskId: 'a' }], { maxActiveTasks: 1, deadlines: [{ reference: 'queuedAt', intervalMs: 1_000, callbacks: 1 }] });
    await spine.trigger('d', 'r');
    await spine.until(() => spine.hanging.length === 1);
    spine.clock.advance(1_000);
    await spine.renew(1);
    await spine.happened('d', 'r', 'CallbackSucceeded');
    expect(await spine.story('d', 'r')).toEqual(['RunCreated', 'RunStarted', 'TaskScheduled a', 'TaskStarted a', 'DeadlineMissed', 'CallbackRequested', 'CallbackSucceeded']);
  });

  it('of a deadline that a failed run misses later is run by whoever owns the DAG then', async () => {
    const spine = await started((attempt) => (isCallback(attempt) ? { kind: 'succeeded' } : NO));
    spine.define('d', [{ taskId: 'a' }], { deadlines: [{ reference: 'queuedAt', intervalMs: 3_600_000, callbacks: 1 }] });
    await spine.trigger('d', 'r');
    await spine.happened('d', 'r', 'RunFailed');
    await spine.services[0]?.stop();
    await spine.scheduler();
    await spine.until(async () => (await spine.stores.events.openRuns()).length === 1);
    spine.clock.advance(3_600_000);
    await spine.renew();
    await atRest(spine);
    expect((await spine.story('d', 'r')).slice(-4)).toEqual(['RunFailed', 'DeadlineMissed', 'CallbackRequested', 'CallbackSucceeded']);
  });
});
