import { describe, expect, test } from 'vitest';
import { overResultOf, RunStory } from '../../test/run-story.ts';
import type { Json } from '../json.ts';
import type { XComToSet } from './command.ts';
import { taskInstance, upstreamResults } from './query.ts';
import { resultsOfTask } from './pulled-result.ts';
import type { RunEvent } from './event.ts';
import { lengthsToTell } from './xcom.ts';

function begun(...args: ConstructorParameters<typeof RunStory>): RunStory {
  const story = new RunStory(...args);
  story.start();
  return story;
}

const inline = (value: Json): { kind: 'inline'; value: Json } => ({ kind: 'inline', value });
const setting = (key: string, value: Json, mode: XComToSet['mode'] = 'create', taskId = 'a', mapIndex = -1) =>
  ({ type: 'SetXCom', taskId, mapIndex, key, mode, value: inline(value), by: 'ann', nowMs: 0 }) as const;
const deleting = (key: string) => ({ type: 'DeleteXCom', taskId: 'a', mapIndex: -1, key, by: 'ann', nowMs: 0 }) as const;

describe('what a person sets', () => {
  test('stands in the place of a result, for who reads it from then on', () => {
    const story = begun({ a: {}, z: { after: 'a', reads: ['a'] } });
    story.returns('a', 1);
    expect(story.give(setting('return_value', 2, 'update'))).toEqual(['XComSet a']);
    expect(upstreamResults(story.run, 'z', -1)).toEqual({ a: { mapped: false, state: 'success', result: inline(2) } });
    expect(story.give(deleting('return_value'))).toEqual(['XComDeleted a']);
    expect(upstreamResults(story.run, 'z', -1)).toEqual({ a: { mapped: false, state: 'success' } });
  });

  test('is refused under a key that is there, changed or taken away only where it is, and goes with a clear', () => {
    const story = begun({ a: {} });
    expect(story.give(setting('rows', 1))).toEqual(['XComSet a']);
    expect(story.give(setting('rows', 2))).toEqual(['refused: xcom_exists']);
    expect(story.give(setting('rows', null, 'update'))).toEqual(['XComSet a']);
    expect(story.give(setting('rows', 2))).toEqual(['refused: xcom_exists']);
    expect(story.give(setting('other', 2, 'update'))).toEqual(['refused: xcom_not_found']);
    expect(story.give(deleting('return_value'))).toEqual(['refused: xcom_not_found']);
    story.returns('a', null);
    expect(story.give(deleting('return_value'))).toEqual(['XComDeleted a']);
    expect(taskInstance(story.run, { taskId: 'a', mapIndex: -1 })?.xcoms).toEqual(['rows']);
    story.give({ type: 'ClearTasks', nowMs: 0 });
    expect(story.give(deleting('rows'))).toEqual(['refused: xcom_not_found']);
  });

  test.each(['', 'a\u0000', '\ud800', 'x'.repeat(513)])('has a key that can be kept: not %j', (key) => {
    expect(begun({ a: {} }).give(setting(key, 1))).toEqual(['refused: invalid_xcom_key']);
  });

  test('is of a task instance that the run has', () => {
    const story = begun({ a: {} });
    expect(story.give(setting('rows', 1, 'create', 'b'))).toEqual(['refused: unknown_task_instance']);
    expect(story.give(setting('rows', 1, 'create', 'a', 0))).toEqual(['refused: unknown_task_instance']);
  });

  test('is not of a mapped task that has no instances yet', () => {
    const story = begun({ a: {}, m: { after: 'a', mapping: overResultOf('a') } });
    expect(story.give(setting('rows', 1, 'create', 'm'))).toEqual(['refused: xcom_not_expanded']);
    story.returns('a', [1, 2]);
    expect(story.give(setting('rows', 1, 'create', 'm'))).toEqual(['refused: unknown_task_instance']);
    expect(story.give(setting('rows', 1, 'create', 'm', 1))).toEqual(['XComSet m[1]']);
  });

  test('before a task begins stays until the task returns something', () => {
    const story = begun({ a: {}, z: { after: 'a', reads: ['a'] } });
    story.give(setting('return_value', 7));
    story.succeed('a');
    expect(upstreamResults(story.run, 'z', -1)).toEqual({ a: { mapped: false, state: 'success', result: inline(7) } });
    const other = begun({ a: {}, z: { after: 'a', reads: ['a'] } });
    other.give(setting('return_value', 7));
    other.returns('a', 8);
    expect(upstreamResults(other.run, 'z', -1)).toEqual({ a: { mapped: false, state: 'success', result: inline(8) } });
  });

  test('gives what is mapped over it its length, or is refused', () => {
    const story = begun({ a: {}, m: { after: 'a', mapping: overResultOf('a') } });
    story.give({ type: 'MarkTasks', tasks: [{ taskId: 'a' }], state: 'success', by: 'ann', nowMs: 0 });
    expect(story.give(setting('return_value', 5))).toEqual(['refused: invalid_xcom']);
    story.give(setting('return_value', [1, 2, 3]));
    story.give({ type: 'ClearTasks', tasks: [{ taskId: 'm' }], nowMs: 0 });
    story.give({ type: 'StartRun', nowMs: 0 });
    expect(taskInstance(story.run, { taskId: 'm', mapIndex: 2 })).toMatchObject({ state: 'scheduled' });
  });
});

test('the lengths of a value that is kept apart, and of its parts', () => {
  expect(lengthsToTell({ a: [1, 2], b: 3 }, [[], ['a'], ['b'], ['c', 'd']])).toEqual({ resultLength: 2, resultLengths: { a: 2 } });
  expect(lengthsToTell(7, [[]])).toEqual({});
});

test('what is pulled under a key is what was set last', () => {
  const ref = { taskId: 'a', mapIndex: -1 } as const;
  const set = (key: string, value: Json): RunEvent => ({ type: 'XComSet', ...ref, key, value: inline(value), by: 'ann', atMs: 0 });
  const events: RunEvent[] = [set('rows', 1), set('return_value', 2), { type: 'TaskSucceeded', ...ref, tryNumber: 1, atMs: 0 }, set('gone', 3), { type: 'XComDeleted', ...ref, key: 'gone', by: 'ann', atMs: 0 }];
  const pulled = (key?: string) => [...resultsOfTask(events, 'a', key).results.values()];
  expect([pulled(), pulled('rows'), pulled('gone')]).toEqual([[inline(2)], [inline(1)], []]);
  events.push({ type: 'TaskCleared', ...ref, atMs: 0 });
  expect([pulled(), pulled('rows')]).toEqual([[], []]);
});
