import { expect, test } from 'vitest';
import { overResultOf, refOf, RunStory } from '../../test/run-story.ts';
import { whyQueued } from './why-queued.ts';
import { explainTaskInstance, type Explanation, type Outside } from './explain.ts';

const asked = (story: RunStory, task: string, outside: Partial<Outside> = {}): Explanation => explainTaskInstance(story.run, refOf(task), { dagPaused: false, ...outside });
const codeOf = (...args: Parameters<typeof asked>): string => asked(...args).code;

function story(...args: ConstructorParameters<typeof RunStory>): RunStory {
  const begun = new RunStory(...args);
  begun.start();
  return begun;
}

test('names the upstream that it waits for', () => {
  const run = story({ a: {}, b: {}, c: { after: ['a', 'b'], triggerRule: 'all_done' } });
  run.succeed('a');
  run.begin('b');
  expect(asked(run, 'c')).toEqual({
    code: 'upstream_unfinished', state: 'none', waitsFor: [{ taskId: 'b', mapIndex: -1, state: 'running' }],
    message: 'Its trigger rule all_done waits: 1 of 2 upstream task instances have finished. Next: b (running).',
  });
});

test('knows the run, the pause, the slot and the worker', () => {
  const queued = new RunStory({ a: {} });
  expect(codeOf(queued, 'a')).toBe('run_queued');
  expect(asked(queued, 'a', { runWaits: 'maxActiveRuns is 1' }).message).toBe('The run is queued: maxActiveRuns is 1.');
  expect(codeOf(queued, 'a', { dagPaused: true })).toBe('dag_paused');
  const ready = story({ a: {} });
  expect(codeOf(ready, 'a')).toBe('waits_for_slot');
  expect(asked(ready, 'a', { slot: { code: 'pool_full', message: 'full' } })).toEqual({ code: 'pool_full', message: 'full', state: 'scheduled' });
  expect(codeOf(ready, 'a', { grantedTo: 'w1' })).toBe('granted');
  ready.begin('a');
  expect(asked(ready, 'a').message).toBe('Try 1 runs on w1.');
  ready.succeed('a');
  expect(asked(ready, 'a')).toEqual({ code: 'finished', state: 'success', message: 'It has ended: success, at try 1.' });
  ready.give({ type: 'ClearTasks', resetRun: false, nowMs: 0 });
  expect(codeOf(ready, 'a')).toBe('run_finished');
});

test('says until when it waits', () => {
  const retry = story({ a: { retries: 1, retryDelayMs: 100 } });
  retry.fail('a');
  expect(asked(retry, 'a')).toEqual({ code: 'waits_for_retry', state: 'up_for_retry', untilMs: 100, message: 'Try 1 failed (a failed); try 2 is due at 1970-01-01T00:00:01+00:00.' });
  const attempt = { taskId: 'a', mapIndex: -1, tryNumber: 1, epoch: 1, nowMs: 0 };
  const poke = story({ a: {} });
  poke.give({ type: 'RecordTaskRescheduled', ...attempt, nextPokeAtMs: 5 });
  expect(asked(poke, 'a')).toMatchObject({ code: 'waits_for_poke', untilMs: 5 });
  const trigger = story({ a: {} });
  trigger.give({ type: 'RecordTaskDeferred', ...attempt, trigger: {} });
  expect(codeOf(trigger, 'a')).toBe('waits_for_trigger');
  const person = story({ a: {} });
  person.give({ type: 'RecordAwaitingInput', ...attempt, request: {} });
  expect(codeOf(person, 'a')).toBe('waits_for_input');
});

test('knows mapping, setups, the past and dead ends', () => {
  const mapped = story({ src: {}, m: { groupId: 'g' } }, { groups: [{ groupId: 'g', mapping: overResultOf('src') }] });
  expect(codeOf(mapped, 'm')).toBe('map_source_unfinished');
  expect(codeOf(mapped, 'm[0]')).toBe('unknown_task_instance');
  const setup = story({ s: { setup: true }, a: { after: 's', triggerRule: 'always' }, b: { after: 'a' } });
  setup.succeed('a');
  expect(codeOf(setup, 'b')).toBe('setup_unfinished');
  const past = story({ a: { dependsOnPast: true } });
  expect(codeOf(past, 'a', { past: { isFirst: false, taskOf: () => ({ state: 'failed', downstreamDone: false }) } })).toBe('waits_for_past_run');
  expect(codeOf(past, 'a', { past: { isFirst: true, taskOf: () => undefined } })).toBe('about_to_move');
  const rule = "a depends on the DAG's previous run: its a must end in success or skipped.";
  const after = (state: string | undefined, of = past): string => asked(of, 'a', { past: { isFirst: false, runId: 'before', taskOf: () => (state === undefined ? undefined : { state, downstreamDone: false }) } }).message;
  expect([asked(past, 'a').message, after('failed'), after('upstream_failed'), after('running'), after('none')]).toEqual([
    rule, `${rule} In run before it is failed: clear it there, or mark it a success.`, `${rule} In run before it is upstream_failed: clear it there, or mark it a success.`,
    `${rule} In run before it is running yet.`, `${rule} In run before it is not begun yet.`,
  ]);
  expect(after(undefined, story({ a: { dependsOnPast: true, ignoreFirstDependsOnPast: false } }))).toBe(`${rule} Run before does not have it, and ignoreFirstDependsOnPast is false: clear that run on the newest version, or mark this task.`);
  expect(after('success', story({ a: { dependsOnPast: true, waitForDownstream: true } }))).toBe("a depends on the DAG's previous run: its a, and what is directly below it, must end in success or skipped. In run before it is success, and what is directly below it is not: see what that waits for, or clear it there.");
});

test('says of a paused DAG that nothing else begins', () => {
  const retry = story({ a: { retries: 1, retryDelayMs: 100 }, b: { dependsOnPast: true } });
  retry.fail('a');
  expect(asked(retry, 'a', { dagPaused: true }).message).toMatch(/^Try 1 failed .* The DAG is paused: unpause it, or nothing begins\.$/);
  expect(codeOf(retry, 'b', { dagPaused: true })).toBe('dag_paused');
});

test('says why a run is queued', () => {
  const due = { runAfterMs: 0, nowMs: 0 };
  expect(whyQueued({ ...due, runType: 'manual', maxActiveRuns: 1, running: 1 })).toBe('maxActiveRuns is 1 and 1 run is running; it starts when one of them has ended');
  expect(whyQueued({ ...due, runType: 'scheduled', maxActiveRuns: undefined, running: 16 })).toBe('maxActiveRuns is 16 and 16 runs are running; it starts when one of them has ended');
  expect(whyQueued({ ...due, runType: 'scheduled', maxActiveRuns: undefined, running: 15 })).toBe('the scheduler starts it next');
  expect(whyQueued({ ...due, runType: 'backfill', maxActiveRuns: 1, running: 1 })).toContain('its backfill');
  expect(whyQueued({ ...due, runAfterMs: Date.UTC(2027, 0, 5), runType: 'manual', maxActiveRuns: 1, running: 1 })).toBe('it is scheduled for 2027-01-05T00:00:00+00:00 (run_after)');
});
