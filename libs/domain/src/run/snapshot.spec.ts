import { describe, expect, test } from 'vitest';
import { dagOf, overList, overResultOf, RunStory } from '../../test/run-story.ts';
import { compilePlan } from '../dag/plan.ts';
import type { Json } from '../json.ts';
import { evolveRun } from './evolve.ts';
import { replan, restoreRun, snapshotRun } from './snapshot.ts';

type Tasks = Parameters<typeof dagOf>[0];

/** The story goes on over another DAG, as its owner would have it. */
function replanned(story: RunStory, tasks: Tasks): string[] {
  const events = story.give({ type: 'ReplanRun', planHash: 'plan-2', dagVersion: 2, bundleHash: 'bundle-2', nowMs: 0 });
  story.run = replan(story.run, compilePlan(dagOf(tasks)));
  return [...events, ...story.at(0)];
}

describe('a replan', () => {
  test('keeps what both plans have, adds what is new and removes what is gone', () => {
    const story = new RunStory({ a: {}, b: { after: 'a' }, old: { after: 'a' } });
    story.start();
    story.succeed('a');
    story.begin('old', 3);
    expect(replanned(story, { a: {}, b: { after: ['a', 'c'] }, c: {} })).toEqual(['RunReplanned', 'TaskRemoved old', 'TaskScheduled c 1']);
    expect(story.revoked).toEqual(['old 1/3']);
    expect(story.states()).toEqual({ a: 'success', b: 'scheduled', c: 'scheduled' });
    expect(story.succeed('old', {}, 3, 1)).toEqual(['refused: unknown_task_instance']);
    expect(story.finish()).toBe('success');
    expect([story.run.planHash, story.run.dagVersion, story.run.bundleHash]).toEqual(['plan-2', 2, 'bundle-2']);
  });

  test('to the plan it has changes nothing', () => {
    const story = new RunStory({ a: {} });
    expect(story.give({ type: 'ReplanRun', planHash: 'plan-1', dagVersion: 1, bundleHash: 'bundle-1', nowMs: 0 })).toEqual([]);
  });

  test('of a task that is no longer mapped removes its instances', () => {
    const story = new RunStory({ m: { mapping: overList(1, 2) } });
    story.start();
    story.succeed('m[0]');
    expect(replanned(story, { m: {} })).toEqual(['RunReplanned', 'TaskRemoved m[0]', 'TaskRemoved m[1]', 'TaskScheduled m 1']);
  });

  test('must come before anything else is folded', () => {
    const story = new RunStory({ a: {} });
    story.give({ type: 'ReplanRun', planHash: 'plan-2', dagVersion: 2, bundleHash: 'bundle-2', nowMs: 0 });
    expect(() => evolveRun(story.run, { type: 'RunStarted', atMs: 0 })).toThrow('waits for plan plan-2');
  });
});

test('a snapshot keeps retries, timers, skips, lengths and results', () => {
  const tasks: Tasks = {
    br: { kind: 'branch' }, x: { after: 'br' }, y: { after: 'br' },
    src: { retries: 1, retryDelayMs: 50 }, m: { after: 'src', mapping: overResultOf('src') }, n: { after: 'm', mapping: overResultOf('m') },
  };
  const story = new RunStory(tasks);
  story.start();
  story.succeed('br', { chosen: ['x'] });
  story.fail('src');
  const passOver = (): void => {
    const image = JSON.parse(JSON.stringify(snapshotRun(story.run))) as Json;
    story.run = restoreRun(compilePlan(dagOf(tasks)), image);
  };
  passOver();
  expect(story.at(50)).toEqual(['TaskScheduled src 2']);
  passOver();
  expect(story.clear('y')).toEqual(['TaskCleared y', 'TaskSkipped y branch']);
  story.returns('src', [1, 2]);
  story.returns('m[0]', 5);
  passOver();
  expect(story.returns('m[1]', null)).toEqual(['TaskSucceeded m[1]', 'TaskExpanded n 1', 'TaskScheduled n[0] 1']);
  passOver();
  story.clear('m', 'n');
  passOver();
  story.returns('m[0]', 5);
  expect(story.returns('m[1]', 6)).toEqual(['TaskSucceeded m[1]', 'TaskExpanded n 2', 'TaskScheduled n[0] 2', 'TaskScheduled n[1] 1']);
});
