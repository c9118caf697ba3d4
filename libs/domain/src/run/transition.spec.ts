import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { RunStory } from '../../test/run-story.ts';
import type { TaskInstanceRef } from './event.ts';
import { TASK_VERBS, TRANSITIONS, type TaskVerb } from './transition.ts';
import type { RunCommand } from './command.ts';
import type { TaskState } from './state-names.ts';

const A: TaskInstanceRef = { taskId: 'a', mapIndex: -1 };
const NOW_MS = 1_000;

/** A run in which `a` has come to the state; `a` stands below `up` where that is what it takes. */
function runWhereAIs(state: TaskState, retries = 0): RunStory {
  const below = state === 'none' || state === 'upstream_failed';
  const story = new RunStory({ up: {}, a: { retries, retryDelayMs: 500, ...(below ? { after: 'up' } : {}) } });
  story.start();
  const attempt = { ...A, tryNumber: 1, epoch: 1, nowMs: 0 };
  const arrive: Partial<Record<TaskState, () => unknown>> = {
    running: () => story.begin('a'),
    up_for_retry: () => story.fail('a'),
    up_for_reschedule: () => story.give({ type: 'RecordTaskRescheduled', ...attempt, nextPokeAtMs: NOW_MS }),
    deferred: () => story.give({ type: 'RecordTaskDeferred', ...attempt, trigger: {}, timeoutAtMs: NOW_MS }),
    awaiting_input: () => story.give({ type: 'RecordAwaitingInput', ...attempt, request: { options: ['ok'] }, timeoutAtMs: NOW_MS }),
    success: () => story.succeed('a'),
    failed: () => story.fail('a'),
    skipped: () => story.skip('a'),
    upstream_failed: () => story.fail('up'),
  };
  arrive[state]?.();
  story.nowMs = NOW_MS;
  expect(story.state('a')).toBe(state);
  return story;
}

/** The commands of a verb, with what each needs to reach another state of its cell. */
function commandsOf(verb: TaskVerb, epoch: number): readonly RunCommand[] {
  const at = { ...A, nowMs: NOW_MS };
  const attempt = { ...at, tryNumber: 1, epoch };
  switch (verb) {
    case 'start': return [{ type: 'RecordTaskStarted', ...attempt, worker: 'w1' }];
    case 'succeed': return [{ type: 'RecordTaskSucceeded', ...attempt }];
    case 'fail': return [{ type: 'RecordTaskFailed', ...attempt, failure: { code: 'error', message: '' } }];
    case 'skip': return [{ type: 'RecordTaskSkipped', ...attempt }];
    case 'reschedule': return [{ type: 'RecordTaskRescheduled', ...attempt, nextPokeAtMs: 9_000 }];
    case 'defer': return [{ type: 'RecordTaskDeferred', ...attempt, trigger: {} }];
    case 'awaitInput': return [{ type: 'RecordAwaitingInput', ...attempt, request: {} }];
    case 'lose': return [{ type: 'RecordAttemptLost', ...attempt, worker: 'w1', cause: 'lease_expired' }];
    case 'resume': return [{ type: 'RecordTriggerFired', ...attempt, event: null }];
    case 'answer': return [{ type: 'AnswerInput', ...at, chosenOptions: ['ok'], paramsInput: {}, by: { id: 'ann', name: 'ann' } }];
    case 'wake': return [{ type: 'RecordTimePassed', nowMs: NOW_MS }];
    case 'clear': return [{ type: 'ClearTasks', tasks: [{ taskId: 'a' }], resetRun: false, nowMs: NOW_MS }];
    case 'mark': return (['success', 'failed', 'skipped'] as const).map((state) => ({ type: 'MarkTasks', tasks: [{ taskId: 'a' }], state, by: 'ann', nowMs: NOW_MS }));
  }
}

/** The states that `a` is moved to by the events of the command alone, not by what follows from them. */
function reached(story: RunStory, command: RunCommand): TaskState[] {
  const before = story.events.length;
  story.give(command);
  const moved: TaskState[] = [];
  for (const event of story.events.slice(before)) {
    if (!('mapIndex' in event) || event.taskId !== 'a') continue;
    switch (event.type) {
      case 'TaskScheduled': moved.push('scheduled'); break;
      case 'TaskStarted': moved.push('running'); break;
      case 'TaskSucceeded': moved.push('success'); break;
      case 'TaskFailed': moved.push('failed'); break;
      case 'TaskRetryScheduled': moved.push('up_for_retry'); break;
      case 'TaskSkipped': moved.push('skipped'); break;
      case 'TaskRescheduled': moved.push('up_for_reschedule'); break;
      case 'TaskDeferred': moved.push('deferred'); break;
      case 'TaskAwaitingInput': moved.push('awaiting_input'); break;
      case 'TaskCleared': moved.push('none'); break;
      case 'TaskMarked': moved.push(event.state); break;
      default:
    }
    if (moved.length > 0) break;
  }
  return moved;
}

/** These stand in no run at rest: see `TRANSITIONS`; a removed instance needs a replan, see `snapshot.spec.ts`. */
const NOT_AT_REST: readonly TaskState[] = ['queued', 'restarting', 'removed'];
const STATES = (Object.keys(TRANSITIONS) as TaskState[]).filter((state) => !NOT_AT_REST.includes(state));

describe.each(STATES)('a task instance that is %s', (state) => {
  test.each(TASK_VERBS)('by %s comes to what the table says, and to nothing else', (verb) => {
    const found = new Set<TaskState>();
    for (const retries of state === 'up_for_retry' ? [1] : state === 'failed' ? [0] : [0, 1]) {
      const epoch = (state === 'running' && verb === 'start') || state === 'deferred' ? 2 : 1;
      for (const command of commandsOf(verb, epoch)) {
        for (const next of reached(runWhereAIs(state, retries), command)) found.add(next);
      }
    }
    const elsewhere = (next: TaskState): boolean =>
      REACHED_ELSEWHERE.some(([from, by, to]) => from.includes(state) && by === verb && to.includes(next)) || (verb === 'mark' && next === state);
    expect([...found].sort()).toEqual(TRANSITIONS[state][verb].filter((next) => !elsewhere(next)).sort());
  });
});

/** Need more than a plain task: bad results and lost tries, each tested in `decide.spec.ts`; requests with defaults in `human-input.spec.ts`. */
const REACHED_ELSEWHERE: readonly (readonly [from: readonly TaskState[], by: TaskVerb, to: readonly TaskState[]])[] = [
  [['scheduled', 'running', 'deferred'], 'succeed', ['up_for_retry', 'failed']],
  [['deferred'], 'lose', ['deferred']],
  [['deferred'], 'wake', ['skipped']],
  [['scheduled', 'running'], 'lose', ['up_for_retry', 'failed']],
  [['awaiting_input'], 'wake', ['scheduled']],
];

function transitionTable(): string {
  const cell = (states: readonly TaskState[]): string => states.join(', ') || '·';
  const rows = (Object.keys(TRANSITIONS) as TaskState[]).map((state) => `| ${state} | ${TASK_VERBS.map((verb) => cell(TRANSITIONS[state][verb])).join(' | ')} |`);
  return [`| | ${TASK_VERBS.join(' | ')} |`, `|---${'|---'.repeat(TASK_VERBS.length)}|`, ...rows].join('\n');
}

test('the README shows the table as it is', () => {
  const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8');
  expect(readme).toContain(transitionTable());
});
