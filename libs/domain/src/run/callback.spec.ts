import { describe, expect, it } from 'vitest';
import { RunStory } from '../../test/run-story.ts';
import type { DagDefinition, TaskCallback } from '../dag/definition.ts';
import { nextWakeAtMs } from './advance.ts';
import { callbackRecords, readyCallbacks } from './callback.ts';
import type { Failure, RunEvent } from './event.ts';
import { isAtRest } from './query.ts';
import { restoreRun, snapshotRun } from './snapshot.ts';

const ALL: readonly TaskCallback[] = ['onExecute', 'onSuccess', 'onFailure', 'onRetry', 'onSkipped'];
const REFUSED: Failure = { code: 'error', message: 'the receiver is away' };

class CallbackStory extends RunStory {
  constructor(tasks: ConstructorParameters<typeof RunStory>[0], dag: Partial<DagDefinition> = {}) {
    super(tasks, dag);
    this.start();
  }
  /** What is asked of callbacks, in short: `1 onFailure a 1`. */
  get asked(): string[] {
    return this.events.flatMap((event) => (event.type === 'CallbackRequested' ? [shortOf(event)] : []));
  }
  ended(callback: number, tryNumber: number, epoch: number, failure?: Failure, action?: 'fail'): string[] {
    return this.give({
      type: 'RecordCallbackEnded', callback, tryNumber, epoch, ...(failure === undefined ? {} : { failure }), ...(action === undefined ? {} : { retry: { action } }), nowMs: this.nowMs,
    });
  }
  lost(tryNumber: number, epoch: number, cause: 'lease_expired' | 'worker_drained' = 'lease_expired'): string[] {
    return this.give({ type: 'RecordCallbackLost', callback: 1, tryNumber, epoch, worker: 'w1', cause, nowMs: this.nowMs });
  }
}

function shortOf({ callback, cause }: Extract<RunEvent, { type: 'CallbackRequested' }>): string {
  const about = cause.kind === 'task' ? `${cause.taskId}[${cause.mapIndex}] ${cause.tryNumber} ${cause.failure?.code ?? '-'}` : cause.kind === 'run' ? `${cause.reason} ${cause.failed.join()}` : `${cause.deadline} ${cause.dueAtMs}`;
  return `${callback} ${cause.name} ${about}${cause.position === undefined ? '' : ` #${cause.position}`}`;
}

describe('a callback of a task is asked for', () => {
  it('when it succeeds, whoever found that', () => {
    const story = new CallbackStory({ a: { callbacks: ALL }, nothing: { after: 'a', kind: 'empty', callbacks: ['onSuccess'] } });
    expect(story.succeed('a')).toEqual(['TaskSucceeded a', 'CallbackRequested', 'TaskSucceeded nothing', 'CallbackRequested', 'RunSucceeded']);
    expect(story.asked).toEqual(['1 onSuccess a[-1] 1 -', '2 onSuccess nothing[-1] 1 -']);
  });

  it('when a try failed that another follows, and when none does', () => {
    const story = new CallbackStory({ a: { retries: 1, callbacks: ALL } });
    story.fail('a', 'timeout');
    story.at(0);
    story.fail('a', 'killed');
    expect(story.asked).toEqual(['1 onRetry a[-1] 1 timeout', '2 onFailure a[-1] 2 killed']);
  });

  it('when its worker was lost for good', () => {
    const story = new CallbackStory({ a: { onLost: 'fail', callbacks: ALL } });
    story.lose('a');
    expect(story.asked).toEqual(['1 onFailure a[-1] 1 worker_lost']);
  });

  it('when its time for waiting was up', () => {
    const story = new CallbackStory({ a: { callbacks: ALL } });
    story.give({ type: 'RecordTaskDeferred', taskId: 'a', mapIndex: -1, tryNumber: 1, epoch: 1, trigger: {}, timeoutAtMs: 100, nowMs: 0 });
    story.at(100);
    expect(story.asked).toEqual(['1 onFailure a[-1] 1 timeout']);
  });

  it('when it asked for its skip itself, or its sensor gave up softly', () => {
    const story = new CallbackStory({ a: { callbacks: ALL }, b: { callbacks: ALL, kind: 'sensor' } });
    story.skip('a');
    story.give({ type: 'RecordTaskSkipped', taskId: 'b', mapIndex: -1, tryNumber: 1, epoch: 1, softFail: true, nowMs: 0 });
    expect(story.asked).toEqual(['1 onSkipped a[-1] 1 -', '2 onSkipped b[-1] 1 -']);
  });

  it('for each mapped instance, and for each callback of a list', () => {
    const story = new CallbackStory({ m: { mapping: { kind: 'expand', over: [['x', { kind: 'literal', value: [1, 2] }]] }, callbacks: ['onSuccess', 'onFailure', 'onFailure'] } });
    story.succeed('m[0]');
    story.fail('m[1]');
    expect(story.asked).toEqual(['1 onSuccess m[0] 1 -', '2 onFailure m[1] 1 error', '3 onFailure m[1] 1 error #1']);
  });

  it.each<[string, (story: CallbackStory) => unknown]>([
    ['a person marks it', (story) => story.give({ type: 'MarkTasks', tasks: [{ taskId: 'a' }], state: 'failed', by: 'ann', nowMs: 0 })],
    ['a person ends the run', (story) => story.give({ type: 'MarkRun', state: 'failed', by: 'ann', nowMs: 0 })],
    ['it is cleared', (story) => story.clear('a')],
    ['something above it failed', (story) => story.fail('up')],
    ['the run is out of time', (story) => story.at(1_000)],
  ])('by nothing when %s', (_, happens) => {
    const story = new CallbackStory({ up: {}, a: { callbacks: ALL }, below: { after: 'up', callbacks: ALL } }, { dagrunTimeoutMs: 1_000 });
    happens(story);
    expect(story.asked).toEqual([]);
  });

  it('by nothing when failFast stops it', () => {
    const story = new CallbackStory({ bad: {}, a: { callbacks: ALL } }, { failFast: true });
    story.begin('a');
    story.fail('bad');
    expect([story.state('a'), story.asked]).toEqual(['failed', []]);
  });
});

describe('a callback of a run is asked for', () => {
  const dag = { callbacks: ['onSuccess', 'onFailure'] } as const;

  it.each<[string, (story: CallbackStory) => unknown, string[]]>([
    ['it succeeds', (story) => { story.succeed('a'); story.succeed('b'); }, ['1 onSuccess success ']],
    ['tasks failed', (story) => { story.fail('a'); story.fail('b'); }, ['1 onFailure task_failed a,b']],
    ['its time is up', (story) => { story.fail('a'); story.at(1_000); }, ['1 onFailure timed_out a']],
    ['what a person marked lets it fail', (story) => { story.give({ type: 'MarkTasks', tasks: [{ taskId: 'a' }], state: 'failed', by: 'ann', nowMs: 0 }); story.succeed('b'); }, ['1 onFailure task_failed a']],
    ['it succeeds again after a clear', (story) => { story.succeed('a'); story.succeed('b'); story.clear('b'); story.start(); story.succeed('b'); }, ['1 onSuccess success ', '2 onSuccess success ']],
    ['never of one that a person ended', (story) => story.give({ type: 'MarkRun', state: 'success', by: 'ann', nowMs: 0 }), []],
  ])('when %s', (_, happens, asked) => {
    const story = new CallbackStory({ a: {}, b: {} }, { ...dag, dagrunTimeoutMs: 1_000 });
    happens(story);
    expect(story.asked).toEqual(asked);
  });

  it('when a deadline is missed, also by a run that has failed, and also at the very end', () => {
    const deadlines = [{ reference: 'queuedAt', intervalMs: 100, callbacks: 1 }, { reference: 'queuedAt', intervalMs: 500, callbacks: 2 }, { reference: 'queuedAt', intervalMs: 900 }] as const;
    const story = new CallbackStory({ a: {} }, { deadlines });
    story.nowMs = 100;
    expect(story.fail('a')).toEqual(['TaskFailed a error', 'DeadlineMissed', 'CallbackRequested', 'RunFailed task_failed']);
    expect([isAtRest(story.run), nextWakeAtMs(story.run)]).toEqual([false, 500]);
    expect(story.at(500)).toEqual(['DeadlineMissed', 'CallbackRequested', 'CallbackRequested']);
    expect(story.at(900)).toEqual(['DeadlineMissed']);
    expect(story.asked).toEqual(['1 onMissed 0 100', '2 onMissed 1 500', '3 onMissed 1 500 #1']);
  });

  it('when a person ends a run well that is late already', () => {
    const story = new CallbackStory({ a: {} }, { deadlines: [{ reference: 'queuedAt', intervalMs: 100, callbacks: 1 }] });
    expect(story.give({ type: 'MarkRun', state: 'success', by: 'ann', nowMs: 100 })).toEqual(['TaskMarked a success', 'DeadlineMissed', 'RunSucceeded', 'CallbackRequested']);
  });
});

describe('a callback that was asked for', () => {
  const failedRun = (): CallbackStory => {
    const story = new CallbackStory({ a: {} }, { callbacks: ['onFailure'] });
    story.fail('a');
    return story;
  };
  const pending = (story: RunStory) => [...story.run.callbacks.values()].map(({ tryNumber, endedEpoch, losses, retryAtMs }) => ({ tryNumber, endedEpoch, losses, retryAtMs }));

  it('of a task waits while sixteen others are with the workers, and what is asked about the run does not', () => {
    const names = Array.from({ length: 20 }, (_, at) => `t${at}`);
    const story = new CallbackStory(Object.fromEntries(names.map((name) => [name, { callbacks: ['onSuccess'] }])), { callbacks: ['onSuccess'] });
    for (const name of names) story.succeed(name);
    const ready = () => readyCallbacks(story.run).map(({ callback }) => callback);
    expect(ready()).toEqual([...Array.from({ length: 16 }, (_, at) => at + 1), 21]);
    story.ended(3, 1, 1);
    expect(ready()).toEqual([1, 2, ...Array.from({ length: 14 }, (_, at) => at + 4), 21]);
  });

  it('keeps the run from rest until it is done, and changes nothing of it', () => {
    const story = failedRun();
    expect([isAtRest(story.run), readyCallbacks(story.run).length]).toEqual([false, 1]);
    expect(story.ended(1, 1, 1)).toEqual(['CallbackSucceeded']);
    expect([isAtRest(story.run), story.run.state, story.run.failureReason]).toEqual([true, 'failed', 'task_failed']);
  });

  it('is tried three times, later each time, and then given up', () => {
    const story = failedRun();
    expect(story.ended(1, 1, 1, REFUSED)).toEqual(['CallbackFailed']);
    expect([nextWakeAtMs(story.run), readyCallbacks(story.run), story.at(9_999)]).toEqual([10_000, [], []]);
    expect(story.at(10_000)).toEqual(['CallbackScheduled']);
    story.ended(1, 2, 1, REFUSED);
    expect(nextWakeAtMs(story.run)).toBe(70_000);
    story.at(70_000);
    story.ended(1, 3, 1, REFUSED);
    expect([isAtRest(story.run), nextWakeAtMs(story.run)]).toEqual([true, null]);
    expect(callbackRecords(story.events)).toMatchObject([{ callback: 1, state: 'failed', tryNumber: 3, endedAtMs: 70_000, failure: REFUSED }]);
  });

  it('is not tried again when it says that this cannot help', () => {
    const story = failedRun();
    story.ended(1, 1, 1, REFUSED, 'fail');
    expect(isAtRest(story.run)).toBe(true);
  });

  it('goes to another worker under a higher epoch when one is lost, three times a try', () => {
    const story = failedRun();
    expect(story.lost(1, 1)).toEqual(['CallbackAttemptLost']);
    expect(story.ended(1, 1, 1)).toEqual(['refused: stale_report']);
    expect(story.lost(1, 2, 'worker_drained')).toEqual(['CallbackAttemptLost']);
    story.lost(1, 3);
    expect(pending(story)).toEqual([{ tryNumber: 1, endedEpoch: 3, losses: 2, retryAtMs: null }]);
    expect(story.lost(1, 4)).toEqual(['CallbackAttemptLost', 'CallbackFailed']);
    expect(pending(story)).toEqual([{ tryNumber: 1, endedEpoch: 4, losses: 3, retryAtMs: 10_000 }]);
  });

  it('counts each end once: a repeated report, one of another try and one of no callback are refused', () => {
    const story = failedRun();
    story.ended(1, 1, 1, REFUSED);
    expect([story.ended(1, 1, 1), story.ended(1, 2, 1), story.ended(2, 1, 1)]).toEqual([['refused: stale_report'], ['refused: stale_report'], ['refused: stale_report']]);
  });

  it('stands in a snapshot, and numbers go on from there', () => {
    const story = failedRun();
    story.run = restoreRun(story.run.plan, structuredClone(snapshotRun(story.run)));
    expect(readyCallbacks(story.run)).toMatchObject([{ callback: 1, bundleHash: 'bundle-1', tryNumber: 1 }]);
    story.clear('a');
    story.start();
    story.fail('a');
    expect(readyCallbacks(story.run).map(({ callback }) => callback)).toEqual([1, 2]);
  });

  it('keeps the code it was asked with, and goes with a run that is erased', () => {
    const story = failedRun();
    story.give({ type: 'ReplanRun', planHash: 'plan-1', dagVersion: 2, bundleHash: 'bundle-2', nowMs: 0 });
    expect(readyCallbacks(story.run)[0]?.bundleHash).toBe('bundle-1');
    story.run.awaitsPlan = null;
    story.give({ type: 'EraseRun', by: 'ann', nowMs: 0 });
    expect([isAtRest(story.run), story.ended(1, 1, 1)]).toEqual([true, ['refused: unknown_run']]);
  });
});
