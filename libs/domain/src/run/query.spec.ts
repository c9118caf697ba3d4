import { describe, expect, test } from 'vitest';
import { dagOf, overList, overResultOf, RunStory } from '../../test/run-story.ts';
import { compilePlan } from '../dag/plan.ts';
import { nextWakeAtMs } from './advance.ts';
import { decideRun } from './decide.ts';
import { countsByState, isFinished, liveInstances, mapLengthOf, pastOf, readyInstances, taskInstance, upstreamResults } from './query.ts';
import { createRunState } from './state.ts';

function begun(...args: ConstructorParameters<typeof RunStory>): RunStory {
  const story = new RunStory(...args);
  story.start();
  return story;
}

const inline = (value: string | number): { kind: 'inline'; value: string | number } => ({ kind: 'inline', value });

describe('results that a worker is handed', () => {
  test('of the tasks that a task reads, mapped or not', () => {
    const story = begun({ a: {}, unread: {}, m: { mapping: overList(1, 2, 3) }, z: { after: ['a', 'm', 'unread'], reads: ['a', 'm'] } });
    story.returns('a', 'x');
    story.returns('unread', 'y');
    story.returns('m[0]', 1);
    story.returns('m[1]', null);
    story.skip('m[2]');
    expect(upstreamResults(story.run, 'z', -1)).toEqual({
      a: { mapped: false, state: 'success', result: inline('x') },
      m: { mapped: true, items: [{ mapIndex: 0, state: 'success', result: inline(1) }, { mapIndex: 1, state: 'success' }, { mapIndex: 2, state: 'skipped' }] },
    });
    expect(upstreamResults(story.run, 'a', -1)).toEqual({});
    expect(taskInstance(story.run, { taskId: 'unread', mapIndex: -1 })?.result).toBeNull();
  });

  test('of its source to what is mapped, and of its own map index inside a group', () => {
    const story = begun(
      { src: {}, first: { after: 'src', groupId: 'g' }, second: { after: 'first', groupId: 'g', reads: ['first'] } },
      { groups: [{ groupId: 'g', mapping: overResultOf('src') }] },
    );
    story.returns('src', ['x', 'y']);
    story.returns('first[1]', 7);
    const src = { mapped: false, state: 'success', result: { kind: 'inline', value: ['x', 'y'] } };
    expect(upstreamResults(story.run, 'second', 1)).toEqual({ src, first: { mapped: false, state: 'success', result: inline(7) } });
    expect(upstreamResults(story.run, 'second', 0)).toEqual({ src, first: { mapped: false, state: 'scheduled' } });
  });
});

test('what is ready, what is live, how many are in each state', () => {
  const story = begun({ b: {}, a: {}, c: { after: 'a' } });
  story.begin('b');
  const names = (instances: readonly { readonly taskId: string }[]): string[] => instances.map(({ taskId }) => taskId);
  expect(names(readyInstances(story.run))).toEqual(['a']);
  expect(names(liveInstances(story.run))).toEqual(['b', 'a']);
  expect(countsByState(story.run)).toMatchObject({ none: 1, scheduled: 1, running: 1, success: 0 });
  expect(isFinished(story.run)).toBe(false);
  story.succeed('b');
  expect(story.finish()).toBe('success');
  expect(countsByState(story.run)).toMatchObject({ none: 0, scheduled: 0, running: 0, success: 3 });
  expect(isFinished(story.run)).toBe(true);
});

test('a task instance as services see it', () => {
  const story = begun({ m: { mapping: overList(1), retries: 2 } });
  story.nowMs = 5;
  story.begin('m[0]', 3);
  expect(taskInstance(story.run, { taskId: 'm', mapIndex: 0 })).toMatchObject({
    taskId: 'm', mapIndex: 0, state: 'running', tryNumber: 1, maxTries: 2, epoch: 3, worker: 'w1', firstStartedAtMs: 5,
  });
  expect(taskInstance(story.run, { taskId: 'm', mapIndex: -1 })).toBeUndefined();
  expect([mapLengthOf(story.run, 'm'), mapLengthOf(story.run, 'x')]).toEqual([1, null]);
});

test('a sensor remembers when its first poke began, until it is cleared', () => {
  const story = begun({ s: { kind: 'sensor' } });
  const firstStartedAtMs = (): number | null | undefined => taskInstance(story.run, { taskId: 's', mapIndex: -1 })?.firstStartedAtMs;
  story.nowMs = 10;
  story.begin('s', 1);
  story.give({ type: 'RecordTaskRescheduled', taskId: 's', mapIndex: -1, tryNumber: 1, epoch: 1, nextPokeAtMs: 20, nowMs: 11 });
  story.at(20);
  story.begin('s', 2);
  expect(firstStartedAtMs()).toBe(10);
  story.clear('s');
  expect(firstStartedAtMs()).toBeNull();
});

test('when it must be woken: the nearest of retries, pokes and its own timeout', () => {
  const story = begun({ a: { retries: 1, retryDelayMs: 70 }, b: { retries: 1, retryDelayMs: 30 } }, { dagrunTimeoutMs: 50 });
  expect(nextWakeAtMs(story.run)).toBe(50);
  story.fail('a');
  expect(nextWakeAtMs(story.run)).toBe(50);
  story.fail('b');
  expect(nextWakeAtMs(story.run)).toBe(30);
  story.at(30);
  expect(nextWakeAtMs(story.run)).toBe(50);
  story.at(50);
  expect(nextWakeAtMs(story.run)).toBeNull();
});

test('what the next run may ask of this one', () => {
  const story = begun({ a: {}, b: { after: 'a' } });
  story.succeed('a');
  expect(pastOf(story.run, { taskId: 'a', mapIndex: -1 })).toEqual({ state: 'success', downstreamDone: false });
  story.skip('b');
  expect(pastOf(story.run, { taskId: 'a', mapIndex: -1 })).toEqual({ state: 'success', downstreamDone: true });
  expect(pastOf(story.run, { taskId: 'x', mapIndex: -1 })).toBeUndefined();
});

test('a run that was not created answers nothing but its creation', () => {
  const run = createRunState(compilePlan(dagOf({ a: {} })));
  expect(decideRun({ type: 'StartRun', nowMs: 0 }, run)).toMatchObject({ rejected: true, code: 'unknown_run' });
});
