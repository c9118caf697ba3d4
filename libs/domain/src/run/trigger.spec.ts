import { describe, expect, test } from 'vitest';
import { RunStory } from '../../test/run-story.ts';
import { deferredInstances, taskInstance } from './query.ts';
import { restoreRun, snapshotRun } from './snapshot.ts';

const A = { taskId: 'a', mapIndex: -1 } as const;
const TRIGGER = { kind: 'at', atMs: 50 };

function deferred(task: ConstructorParameters<typeof RunStory>[0][string] = {}): RunStory {
  const story = new RunStory({ a: task });
  story.start();
  story.begin('a', 1);
  expect(story.give({ type: 'RecordTaskDeferred', ...A, tryNumber: 1, epoch: 1, trigger: TRIGGER, timeoutAtMs: 100, nowMs: 0 })).toEqual(['TaskDeferred a']);
  return story;
}

const fire = (story: RunStory, epoch: number): string[] => story.give({ type: 'RecordTriggerFired', ...A, tryNumber: 1, epoch, event: { rows: 7 }, nowMs: 60 });
const lose = (story: RunStory, epoch: number, cause: 'runner_died' | 'worker_drained' = 'runner_died'): string[] =>
  story.give({ type: 'RecordAttemptLost', ...A, tryNumber: 1, epoch, worker: 'w1', cause, nowMs: 5 });

describe('a trigger', () => {
  test('that fires makes the same try ready, which is told what it brought, also after a loss', () => {
    const story = deferred();
    expect(deferredInstances(story.run).map(({ taskId, trigger, endedEpoch }) => ({ taskId, trigger, endedEpoch }))).toEqual([{ taskId: 'a', trigger: TRIGGER, endedEpoch: 1 }]);
    expect(fire(story, 2)).toEqual(['TriggerFired a', 'TaskScheduled a 1']);
    expect(deferredInstances(story.run)).toEqual([]);
    story.begin('a', 3);
    expect(lose(story, 3)).toEqual(['TaskAttemptLost a', 'TaskScheduled a 1']);
    expect(taskInstance(story.run, A)).toMatchObject({ state: 'scheduled', tryNumber: 1, endedEpoch: 3, trigger: null, resumed: { event: { rows: 7 } } });
    expect(story.succeed('a', {}, 4)).toEqual(['TaskSucceeded a', 'RunSucceeded']);
  });

  test('fires once: not the attempt that was lost, nor one that has fired', () => {
    const story = deferred();
    lose(story, 2, 'worker_drained');
    expect(fire(story, 2)).toEqual(['refused: stale_report']);
    fire(story, 3);
    expect(fire(story, 3)).toEqual(['refused: stale_report']);
    expect(fire(story, 4)).toEqual(['refused: stale_report']);
  });

  test('is no start of the task, and takes no deferral of its own', () => {
    const story = deferred();
    expect(story.begin('a', 2)).toEqual(['refused: stale_report']);
    expect(story.give({ type: 'RecordTaskDeferred', ...A, tryNumber: 1, epoch: 2, trigger: TRIGGER, nowMs: 0 })).toEqual(['refused: stale_report']);
  });

  test('may end the task itself', () => {
    expect(deferred().succeed('a', {}, 2)).toEqual(['TaskSucceeded a', 'RunSucceeded']);
    expect(deferred({ retries: 1 }).fail('a', 'error', 2)).toContain('TaskRetryScheduled a 0');
    expect(deferred().give({ type: 'RecordTaskSkipped', ...A, tryNumber: 1, epoch: 2, softFail: true, nowMs: 3 })).toEqual(['TaskSkipped a soft_fail', 'RunSucceeded']);
  });

  test('whose worker goes waits on elsewhere, however often; whose host dies with it five times has failed', () => {
    const story = deferred();
    for (let epoch = 2; epoch < 12; epoch += 1) expect(lose(story, epoch, 'worker_drained')).toEqual(['TaskAttemptLost a']);
    for (let epoch = 12; epoch < 16; epoch += 1) expect(lose(story, epoch)).toEqual(['TaskAttemptLost a']);
    expect(story.state('a')).toBe('deferred');
    expect(lose(story, 16)).toEqual(['TaskAttemptLost a', 'TaskFailed a killed', 'RunFailed task_failed']);
  });

  test('that does not fire in time is revoked and fails the try; of a sensor finally, or skips it', () => {
    const plain = deferred({ retries: 1, retryDelayMs: 5 });
    expect(plain.at(100)).toEqual(['TaskRetryScheduled a 105']);
    expect(plain.revoked).toEqual(['a 1/1']);
    const sensor = { everyMs: 10, mode: 'deferred' } as const;
    const strict = deferred({ kind: 'sensor', sensor, retries: 1 });
    expect(strict.at(100)).toEqual(['TaskFailed a sensor_timeout', 'RunFailed task_failed']);
    expect(deferred({ kind: 'sensor', sensor: { ...sensor, softFail: true } }).at(100)).toEqual(['TaskSkipped a soft_fail', 'RunSucceeded']);
  });

  test('is revoked when the task is cleared, and survives a snapshot', () => {
    const story = deferred();
    const restored = restoreRun(story.run.plan, structuredClone(snapshotRun(story.run)));
    expect(deferredInstances(restored)).toEqual(deferredInstances(story.run));
    story.give({ type: 'ClearTasks', nowMs: 5 });
    expect(story.revoked).toEqual(['a 1/1']);
    expect(fire(story, 2)).toEqual(['refused: stale_report']);
  });
});
