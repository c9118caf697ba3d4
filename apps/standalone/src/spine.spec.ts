import { DAG_PARTITIONS, type Message } from '@dagbook/contracts';
import { afterEach, describe, expect, it } from 'vitest';
import { Spine } from './spine.harness.ts';

const spines: Spine[] = [];
afterEach(async () => {
  for (const spine of spines.splice(0)) await spine.stop();
});

async function started(options: ConstructorParameters<typeof Spine>[0] = {}): Promise<Spine> {
  const spine = new Spine(options);
  spines.push(spine);
  await spine.scheduler();
  await spine.dispatcher();
  await spine.worker();
  return spine;
}

const acknowledged = (spine: Spine) => spine.heard.filter((message) => message.type === 'ReportAcknowledged').map((message) => (message.data as { accepted: boolean }).accepted);

describe('a run', () => {
  it('goes through its tasks in order, in as few events as there are facts', async () => {
    const spine = await started();
    spine.define('d', [{ taskId: 'a' }, { taskId: 'b', upstream: ['a'] }]);
    expect(await spine.trigger('d', 'r')).toMatchObject({ kind: 'done', result: { runId: 'r' } });
    expect(await spine.ended('d', 'r')).toBe('RunSucceeded');
    expect(await spine.story('d', 'r')).toEqual([
      'RunCreated', 'RunStarted', 'TaskScheduled a', 'TaskStarted a', 'TaskSucceeded a', 'TaskScheduled b', 'TaskStarted b', 'TaskSucceeded b', 'RunSucceeded',
    ]);
    const grants = (await spine.stores.events.listStreams('attempt-')).map((stream) => stream.slice('attempt-'.length));
    expect(grants).toEqual(['d/r/a/-1/1', 'd/r/b/-1/1']);
    expect(await spine.stores.leases.list()).toEqual([]);
    expect(await spine.stores.events.openRuns()).toEqual([]);
  });

  it('tries again after the delay, by the clock', async () => {
    const spine = await started({ script: ({ tryNumber }) => (tryNumber === 1 ? { kind: 'failed', failure: { code: 'error', message: 'not yet' } } : { kind: 'succeeded' }) });
    spine.define('d', [{ taskId: 'a', retries: 1, retryDelayMs: 60_000 }]);
    await spine.trigger('d', 'r');
    await spine.happened('d', 'r', 'TaskRetryScheduled');
    spine.clock.advance(59_999);
    expect(await spine.story('d', 'r')).not.toContain('TaskScheduled a try 2');
    spine.clock.advance(1);
    // The worker has been silent for that minute, and gets nothing before it is heard of again.
    await spine.renew();
    expect(await spine.ended('d', 'r')).toBe('RunSucceeded');
    expect((await spine.story('d', 'r')).slice(3)).toEqual(['TaskStarted a', 'TaskRetryScheduled a', 'TaskScheduled a try 2', 'TaskStarted a try 2', 'TaskSucceeded a try 2', 'RunSucceeded']);
  });

  it('waits while maxActiveRuns is reached, oldest first', async () => {
    const spine = await started({ script: () => 'hang' });
    spine.define('d', [{ taskId: 'a' }], { maxActiveRuns: 1 });
    await spine.trigger('d', 'r1');
    await spine.trigger('d', 'r2');
    await spine.until(() => spine.hanging.length === 1);
    expect(await spine.story('d', 'r2')).toEqual(['RunCreated']);
    await spine.finish(spine.hanging[0]!);
    await spine.ended('d', 'r1');
    await spine.until(() => spine.hanging.length === 1);
    expect(spine.hanging[0]!.attemptId).toBe('d/r2/a/-1/1');
  });

  it('of a paused DAG takes in what is reported and goes on when it is unpaused', async () => {
    const spine = await started({ script: ({ taskId }) => (taskId === 'a' ? 'hang' : { kind: 'succeeded' }) });
    spine.define('d', [{ taskId: 'a' }, { taskId: 'b', upstream: ['a'] }]);
    await spine.trigger('d', 'r');
    await spine.until(() => spine.hanging.length === 1);
    expect(await spine.command('d', { type: 'SetPaused', paused: true, user: 'me' })).toMatchObject({ kind: 'done' });
    await spine.finish(spine.hanging[0]!);
    await spine.happened('d', 'r', 'TaskSucceeded');
    expect(await spine.story('d', 'r')).not.toContain('TaskScheduled b');
    await spine.command('d', { type: 'SetPaused', paused: false, user: 'me' });
    expect(await spine.ended('d', 'r')).toBe('RunSucceeded');
  });
});

describe('a task that depends on the past', () => {
  const on = (spine: Spine, runId: string, day: number) =>
    spine.command('d', { type: 'TriggerRun', runId, logicalDateMs: Spine.T0 + (day - 7) * 86_400_000, conf: {}, triggeredBy: 'test', user: 'me' });

  it('waits for the same task of the run before, however that ends in time', async () => {
    const spine = await started({ script: ({ runId }) => (runId === 'monday' ? 'hang' : { kind: 'succeeded' }) });
    spine.define('d', [{ taskId: 'a', dependsOnPast: true }]);
    await on(spine, 'monday', 0);
    await on(spine, 'tuesday', 1);
    await spine.happened('d', 'monday', 'TaskStarted');
    expect(await spine.story('d', 'tuesday')).toEqual(['RunCreated', 'RunStarted']);
    await spine.finish(spine.hanging[0]!);
    expect(await spine.ended('d', 'monday')).toBe('RunSucceeded');
    expect(await spine.ended('d', 'tuesday')).toBe('RunSucceeded');
  });

  it('does not run after a failure, until that is cleared and ends well', async () => {
    let broken = true;
    const spine = await started({ script: ({ runId }) => (runId === 'monday' && broken ? { kind: 'failed', failure: { code: 'error', message: 'no' } } : { kind: 'succeeded' }) });
    spine.define('d', [{ taskId: 'a', dependsOnPast: true }]);
    await on(spine, 'monday', 0);
    expect(await spine.ended('d', 'monday')).toBe('RunFailed');
    await on(spine, 'tuesday', 1);
    await spine.happened('d', 'tuesday', 'RunStarted');
    broken = false;
    expect(await spine.story('d', 'tuesday')).not.toContain('TaskScheduled a');
    await spine.command('d', { type: 'ClearTasks', runId: 'monday', user: 'me' });
    expect(await spine.ended('d', 'tuesday')).toBe('RunSucceeded');
  });
});

describe('a command', () => {
  it('that cannot be carried out is refused with a code and a sentence', async () => {
    const spine = await started();
    spine.define('d', [{ taskId: 'a' }]);
    await spine.trigger('d', 'r');
    expect(await spine.trigger('d', 'r')).toMatchObject({ kind: 'refused', code: 'run_exists' });
    expect(await spine.command('d', { type: 'MarkRun', runId: 'nope', state: 'failed', user: 'me' })).toMatchObject({ kind: 'refused', code: 'run_not_found' });
  });

  it('for a run id that an ended run has is refused', async () => {
    const spine = await started();
    spine.define('d', [{ taskId: 'a' }]);
    await spine.trigger('d', 'r');
    await spine.ended('d', 'r');
    expect(await spine.trigger('d', 'r')).toMatchObject({ kind: 'refused', code: 'run_exists' });
  });

  it('for a logical date that has a run is refused, whoever made that run', async () => {
    const spine = await started();
    spine.define('d', [{ taskId: 'a' }]);
    const on = (runId: string) => spine.command('d', { type: 'TriggerRun', runId, logicalDateMs: Spine.T0, conf: {}, triggeredBy: 'test', user: 'me' });
    expect(await on('one')).toMatchObject({ kind: 'done' });
    expect(await on('two')).toMatchObject({ kind: 'refused', code: 'run_exists' });
  });

  it('that clears a running task revokes its attempt, and what the attempt still reports counts for nothing', async () => {
    const spine = await started({ script: () => 'hang' });
    spine.define('d', [{ taskId: 'a' }]);
    await spine.trigger('d', 'r');
    await spine.happened('d', 'r', 'TaskStarted');
    const [first] = spine.hanging;
    expect(await spine.command('d', { type: 'ClearTasks', runId: 'r', user: 'me' })).toMatchObject({ kind: 'done' });
    await spine.until(() => spine.heard.some((message) => message.type === 'AttemptRevoked'));
    await spine.until(() => spine.hanging.some((attempt) => attempt.attemptId === 'd/r/a/-1/2'));
    await spine.finish(first!, { kind: 'failed', failure: { code: 'error', message: 'from the past' } });
    await spine.until(() => acknowledged(spine).includes(false));
    await spine.finish(spine.hanging.find((attempt) => attempt.attemptId === 'd/r/a/-1/2')!);
    expect(await spine.ended('d', 'r')).toBe('RunSucceeded');
    expect(await spine.stores.leases.list()).toEqual([]);
  });
});

describe('a hint', () => {
  const drops = (type: Message['type'], times: number) => {
    let left = times;
    return { onPublish: (messages: readonly Message[]) => messages.filter((message) => message.type !== type || left-- <= 0) };
  };

  it.each(['AttemptReady', 'AttemptAssigned', 'AttemptClosed', 'CommandStored'] as const)('that is lost (%s) delays, and loses nothing', async (type) => {
    const spine = await started({ faults: drops(type, 1) });
    spine.define('d', [{ taskId: 'a' }, { taskId: 'b', upstream: ['a'] }]);
    const triggering = spine.trigger('d', 'r');
    await spine.until(async () => {
      spine.clock.advance(1_000);
      await spine.renew();
      return (await spine.events('d', 'r')).at(-1)?.type === 'RunSucceeded';
    });
    expect(await triggering).toMatchObject({ kind: 'done' });
    expect(await spine.stores.leases.list()).toEqual([]);
  });

  it('that comes twice has one effect', async () => {
    const spine = await started({ faults: { onPublish: (messages) => messages.flatMap((message) => [message, message]) } });
    spine.define('d', [{ taskId: 'a' }, { taskId: 'b', upstream: ['a'] }]);
    await spine.trigger('d', 'r');
    expect(await spine.ended('d', 'r')).toBe('RunSucceeded');
    expect(await spine.story('d', 'r')).toEqual([
      'RunCreated', 'RunStarted', 'TaskScheduled a', 'TaskStarted a', 'TaskSucceeded a', 'TaskScheduled b', 'TaskStarted b', 'TaskSucceeded b', 'RunSucceeded',
    ]);
  });
});

describe('a takeover', () => {
  it('of a scheduler goes on with its runs', async () => {
    const spine = new Spine({ script: () => 'hang' });
    spines.push(spine);
    const first = await spine.scheduler();
    await spine.dispatcher();
    await spine.worker();
    spine.define('d', [{ taskId: 'a' }, { taskId: 'b', upstream: ['a'] }]);
    await spine.trigger('d', 'r');
    await spine.happened('d', 'r', 'TaskStarted');
    await first.stop();
    await spine.scheduler();
    const [a] = spine.hanging;
    await spine.until(async () => {
      await spine.finish(a!);
      return (await spine.events('d', 'r')).some((event) => event.type === 'TaskSucceeded');
    });
    await spine.until(() => spine.hanging.some((attempt) => attempt.attemptId === 'd/r/b/-1/1'));
    await spine.finish(spine.hanging[0]!);
    expect(await spine.ended('d', 'r')).toBe('RunSucceeded');
  });

  it('of a scheduler goes on from reports that nobody owned when they came', async () => {
    const spine = new Spine({ script: () => 'hang' });
    spines.push(spine);
    const first = await spine.scheduler();
    await spine.dispatcher();
    await spine.worker();
    spine.define('d', [{ taskId: 'a' }]);
    await spine.trigger('d', 'r');
    await spine.happened('d', 'r', 'TaskStarted');
    await first.stop();
    const between = await spine.stores.ownership.openSession();
    for (let partition = 0; partition < DAG_PARTITIONS; partition++) await between.tryAcquire(`dagbook.partition.${partition}`);
    await spine.scheduler();
    await spine.finish(spine.hanging[0]!);
    await between.close();
    expect(await spine.ended('d', 'r')).toBe('RunSucceeded');
  });

  it('of a dispatcher finds what is live in the leases and what is ready by asking', async () => {
    const spine = new Spine({ script: () => 'hang' });
    spines.push(spine);
    await spine.scheduler();
    const first = await spine.dispatcher();
    await spine.worker(1);
    spine.define('d', [{ taskId: 'a' }, { taskId: 'b' }]);
    await spine.trigger('d', 'r');
    await spine.until(() => spine.hanging.length === 1);
    const second = await spine.dispatcher();
    expect(second.isLeading()).toBe(false);
    await first.stop();
    await spine.until(() => second.isLeading());
    await spine.renew(1);
    await spine.finish(spine.hanging[0]!);
    await spine.until(() => spine.hanging.length === 1);
    await spine.finish(spine.hanging[0]!);
    expect(await spine.ended('d', 'r')).toBe('RunSucceeded');
  });
});

describe('a report without its token', () => {
  it('is refused in an answer, for without one it would be sent for ever', async () => {
    const spine = await started({ script: () => 'hang' });
    spine.define('d', [{ taskId: 'a' }]);
    await spine.trigger('d', 'r');
    await spine.happened('d', 'r', 'TaskStarted');
    const [attempt] = spine.hanging;
    await spine.finish({ ...attempt!, epoch: 7 });
    await spine.until(() => acknowledged(spine).length === 1);
    expect(acknowledged(spine)).toEqual([false]);
    expect(await spine.story('d', 'r')).not.toContain('TaskSucceeded a');
    await spine.finish(attempt!);
    expect(await spine.ended('d', 'r')).toBe('RunSucceeded');
  });
});

describe('a report of an attempt whose lease is gone', () => {
  it('counts for nothing, its start no more than its end', async () => {
    const spine = await started({ script: () => 'hang', faults: { onPublish: (messages) => messages.filter((message) => message.type !== 'AttemptStarted') } });
    spine.define('d', [{ taskId: 'a' }]);
    await spine.trigger('d', 'r');
    await spine.until(() => spine.hanging.length === 1);
    await spine.stores.events.append([{ streamId: 'run-d/r', expectedVersion: 0, events: [], revoke: ['d/r/a/-1/1'] }]);
    await spine.finish(spine.hanging[0]!);
    await spine.until(() => acknowledged(spine).length === 1);
    expect(acknowledged(spine)).toEqual([false]);
    expect(await spine.story('d', 'r')).toEqual(['RunCreated', 'RunStarted', 'TaskScheduled a']);
  });
});

describe('a lost worker', () => {
  it('has its attempts tried again once their lease is over, and its late report is refused', async () => {
    const spine = await started({ script: () => 'hang' });
    spine.define('d', [{ taskId: 'a', retries: 1, retryDelayMs: 0, lostAfterMs: 30_000 }]);
    await spine.trigger('d', 'r');
    await spine.happened('d', 'r', 'TaskStarted');
    const [lost] = spine.hanging;
    const isAnother = (attempt: { attemptId: string; epoch: number }): boolean => attempt.attemptId !== lost!.attemptId || attempt.epoch !== lost!.epoch;
    spine.clock.advance(31_000);
    await spine.happened('d', 'r', 'TaskAttemptLost');
    await spine.renew();
    await spine.until(() => spine.hanging.some(isAnother));
    await spine.finish(lost!, { kind: 'succeeded', result: { kind: 'inline', value: 'from the dead' } });
    await spine.until(() => acknowledged(spine).includes(false));
    await spine.finish(spine.hanging.find(isAnother)!);
    expect(await spine.ended('d', 'r')).toBe('RunSucceeded');
    expect(JSON.stringify(await spine.events('d', 'r'))).not.toContain('from the dead');
  });
});

describe('a deferred task', () => {
  it('waits in an attempt that holds no slot, goes on when that fires, and leaves no lease', async () => {
    const script: ConstructorParameters<typeof Spine>[0] = {
      script: ({ taskId, epoch }) => (taskId === 'b' || epoch === 3 ? { kind: 'succeeded' } : epoch === 1 ? { kind: 'deferred', trigger: { kind: 'at', atMs: 9 } } : 'hang'),
    };
    const spine = await started(script);
    spine.define('d', [{ taskId: 'a' }, { taskId: 'b' }], { maxActiveTasks: 1 });
    await spine.trigger('d', 'r');
    await spine.until(() => spine.hanging.length === 1);
    await spine.happened('d', 'r', 'TaskSucceeded');
    const [waiting] = spine.hanging;
    expect(waiting).toMatchObject({ attemptId: 'd/r/a/-1/1', epoch: 2, work: { kind: 'trigger', trigger: { kind: 'at', atMs: 9 } } });
    expect((await spine.stores.leases.list()).map(({ attemptId, epoch, poolSlots }) => ({ attemptId, epoch, poolSlots }))).toEqual([{ attemptId: 'd/r/a/-1/1', epoch: 2, poolSlots: 0 }]);
    await spine.finish(waiting!, { kind: 'fired', event: 'now' });
    expect(await spine.ended('d', 'r')).toBe('RunSucceeded');
    expect((await spine.story('d', 'r')).filter((line) => line.endsWith(' a'))).toEqual(['TaskScheduled a', 'TaskStarted a', 'TaskDeferred a', 'TriggerFired a', 'TaskScheduled a', 'TaskStarted a', 'TaskSucceeded a']);
    expect(await spine.stores.leases.list()).toEqual([]);
  });

  it('whose host is lost waits on under a higher epoch, and may end there', async () => {
    const spine = await started({ script: ({ epoch }) => (epoch === 1 ? { kind: 'deferred', trigger: { kind: 'poke' } } : 'hang') });
    spine.define('d', [{ taskId: 'a' }]);
    await spine.trigger('d', 'r');
    await spine.until(() => spine.hanging.length === 1);
    await spine.lose(spine.hanging[0]!);
    await spine.until(() => spine.hanging.some(({ epoch }) => epoch === 3));
    await spine.finish(spine.hanging.find(({ epoch }) => epoch === 3)!, { kind: 'succeeded' });
    expect(await spine.ended('d', 'r')).toBe('RunSucceeded');
    expect(await spine.stores.leases.list()).toEqual([]);
  });
});
