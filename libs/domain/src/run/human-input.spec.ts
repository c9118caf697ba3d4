import { describe, expect, test } from 'vitest';
import { RunStory } from '../../test/run-story.ts';
import type { Json } from '../json.ts';
import { explainTaskInstance } from './explain.ts';
import { taskInstance } from './query.ts';
import { restoreRun, snapshotRun } from './snapshot.ts';

const A = { taskId: 'a', mapIndex: -1 } as const;
const ann = { id: 'ann', name: 'Ann' };
const bob = { id: 'bob', name: 'Bob' };
const APPROVAL = { subject: 'Ship it?', options: ['Approve', 'Reject'] };
const FORM = {
  subject: 'How many?', options: ['OK'],
  params: { schema: { type: 'object', properties: { rows: { type: 'integer', minimum: 1 }, note: { type: 'string' } } }, defaults: { rows: 5 } },
};

function asking(request: Json, { timeoutAtMs, retries = 0 }: { timeoutAtMs?: number; retries?: number } = {}): RunStory {
  const story = new RunStory({ a: { retries } });
  story.start();
  expect(story.give({ type: 'RecordAwaitingInput', ...A, tryNumber: 1, epoch: 1, request, ...(timeoutAtMs === undefined ? {} : { timeoutAtMs }), nowMs: 0 })).toEqual(['TaskAwaitingInput a']);
  return story;
}

const answer = (story: RunStory, chosenOptions: readonly string[], paramsInput: { readonly [name: string]: Json } = {}, by = ann): string[] =>
  story.give({ type: 'AnswerInput', ...A, chosenOptions, paramsInput, by, nowMs: 3 });

describe('an answer', () => {
  test('makes the same try ready again and is kept for it, through a loss of its worker', () => {
    const story = asking(APPROVAL);
    expect(answer(story, ['Approve'])).toEqual(['TaskInputReceived a', 'TaskScheduled a 1']);
    story.begin('a', 2);
    story.give({ type: 'RecordAttemptLost', ...A, tryNumber: 1, epoch: 2, worker: 'w1', cause: 'lease_expired', nowMs: 4 });
    expect(taskInstance(story.run, A)).toMatchObject({ state: 'scheduled', tryNumber: 1, inputRequest: null, inputAnswer: { chosenOptions: ['Approve'], paramsInput: {}, by: ann, atMs: 3 } });
    expect(story.succeed('a', {}, 3)).toEqual(['TaskSucceeded a', 'RunSucceeded']);
  });

  test('counts once, and a cleared task asks again', () => {
    const story = asking(APPROVAL);
    answer(story, ['Approve']);
    expect(answer(story, ['Reject'], {}, bob)).toEqual(['refused: input_received']);
    story.succeed('a', {}, 2);
    story.give({ type: 'ClearTasks', nowMs: 5 });
    story.start();
    expect(taskInstance(story.run, A)).toMatchObject({ state: 'scheduled', tryNumber: 2, inputAnswer: null });
    expect(answer(story, ['Approve'])).toEqual(['refused: not_awaiting_input']);
  });

  test.each<[string, Json, readonly string[], { readonly [name: string]: Json }, string]>([
    ['an option that is not offered', APPROVAL, ['Maybe'], {}, 'invalid_option'],
    ['no option', APPROVAL, [], {}, 'invalid_option'],
    ['several where one is asked for', APPROVAL, ['Approve', 'Reject'], {}, 'invalid_option'],
    ['an option twice', { ...APPROVAL, multiple: true }, ['Approve', 'Approve'], {}, 'invalid_option'],
    ['a param that does not fit its schema', FORM, ['OK'], { rows: 0 }, 'invalid_params_input'],
    ['a param that is not asked for', FORM, ['OK'], { columns: 1 }, 'invalid_params_input'],
    ['somebody it is not assigned to', { ...APPROVAL, assignedUsers: [bob] }, ['Approve'], {}, 'not_assigned'],
  ])('with %s is refused and changes nothing', (_, request, chosen, params, code) => {
    const story = asking(request);
    expect(answer(story, chosen, params)).toEqual([`refused: ${code}`]);
    expect(story.state('a')).toBe('awaiting_input');
  });

  test('of several options, by one it is assigned to, with the form over its defaults', () => {
    const story = asking({ ...FORM, options: ['x', 'y', 'z'], multiple: true, assignedUsers: [ann] });
    answer(story, ['x', 'z'], { note: 'hm' });
    expect(taskInstance(story.run, A)?.inputAnswer).toEqual({ chosenOptions: ['x', 'z'], paramsInput: { rows: 5, note: 'hm' }, by: ann, atMs: 3 });
  });
});

describe('when nobody answers in time', () => {
  test('the defaults are the answer, of nobody', () => {
    const story = asking({ ...FORM, defaults: ['OK'] }, { timeoutAtMs: 10 });
    expect(explainTaskInstance(story.run, A, { dagPaused: false }).message).toContain('takes its defaults');
    expect(story.at(10)).toEqual(['TaskInputReceived a', 'TaskScheduled a 1']);
    expect(taskInstance(story.run, A)?.inputAnswer).toEqual({ chosenOptions: ['OK'], paramsInput: { rows: 5 }, by: null, atMs: 10 });
  });

  test('the try fails without defaults, and the next one asks again', () => {
    const story = asking(APPROVAL, { timeoutAtMs: 10, retries: 1 });
    expect(story.at(10)).toEqual(['TaskRetryScheduled a 10', 'TaskScheduled a 2']);
    expect(answer(story, ['Approve'])).toEqual(['refused: not_awaiting_input']);
  });
});

test('what was asked and answered stands in a snapshot', () => {
  const story = asking(APPROVAL);
  const restored = restoreRun(story.run.plan, structuredClone(snapshotRun(story.run)));
  expect(taskInstance(restored, A)?.inputRequest).toEqual(APPROVAL);
  answer(story, ['Reject']);
  expect(taskInstance(restoreRun(story.run.plan, structuredClone(snapshotRun(story.run))), A)?.inputAnswer?.chosenOptions).toEqual(['Reject']);
});
