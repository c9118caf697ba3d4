import { describe, expect, test } from 'vitest';
import { overList, overResultOf, RunStory } from '../../test/run-story.ts';

const started = (...args: ConstructorParameters<typeof RunStory>): RunStory => {
  const story = new RunStory(...args);
  story.start();
  return story;
};

describe('a run', () => {
  test('begins with what has no upstream, and ends with its leaves', () => {
    const story = new RunStory({ a: {}, b: { after: 'a' } });
    expect(story.start()).toEqual(['RunStarted', 'TaskScheduled a 1']);
    expect(story.begin('a')).toEqual(['TaskStarted a']);
    expect(story.succeed('a')).toEqual(['TaskSucceeded a', 'TaskScheduled b 1']);
    expect(story.succeed('b')).toEqual(['TaskSucceeded b', 'RunSucceeded']);
  });

  test('without tasks succeeds at once', () => {
    expect(new RunStory({}).start()).toEqual(['RunStarted', 'RunSucceeded']);
  });

  test('fails when a leaf has failed, after everything has finished', () => {
    const story = started({ a: {}, b: {}, c: { after: 'a' } });
    expect(story.fail('a')).toEqual(['TaskFailed a error', 'TaskUpstreamFailed c']);
    expect(story.succeed('b')).toEqual(['TaskSucceeded b', 'RunFailed task_failed']);
  });

  test('is created and started once', () => {
    const story = started({ a: {} });
    expect(story.give({ type: 'StartRun', nowMs: 0 })).toEqual(['refused: run_not_queued']);
    expect(story.run.state).toBe('running');
  });

  test('decides the same when asked twice, and leaves the state alone', () => {
    const story = started({ a: {}, b: { after: 'a' } });
    const once = JSON.stringify(story.states());
    story.give({ type: 'RecordTaskSucceeded', taskId: 'b', mapIndex: -1, tryNumber: 1, epoch: 1, nowMs: 0 });
    expect(JSON.stringify(story.states())).toBe(once);
  });

  test('of which nothing can move any more is deadlocked', () => {
    expect(new RunStory({ a: { after: 'b' }, b: { after: 'a' } }).start()).toEqual(['RunStarted', 'RunFailed deadlocked']);
  });

  test('past its timeout skips what is unfinished, revokes what runs and fails', () => {
    const story = started({ a: {}, b: { after: 'a' } }, { dagrunTimeoutMs: 100 });
    story.begin('a', 3);
    expect(story.at(99)).toEqual([]);
    expect(story.at(100)).toEqual(['TaskSkipped a run_timeout', 'TaskSkipped b run_timeout', 'RunFailed timed_out']);
    expect(story.revoked).toEqual(['a 1/3']);
  });

  test('with failFast ends what runs, skips the rest and lets teardowns run', () => {
    const story = started({ s: { setup: true }, a: { after: 's' }, b: { after: 's' }, c: { after: 'a' }, t: { after: ['c', 'b'], teardown: { setups: ['s'] } } }, { failFast: true });
    story.succeed('s');
    story.begin('b', 2);
    expect(story.fail('a')).toEqual(['TaskFailed a error', 'TaskFailed b cancelled', 'TaskSkipped c fail_fast', 'TaskScheduled t 1']);
    expect(story.revoked).toEqual(['b 1/2']);
    expect(story.succeed('t')).toEqual(['TaskSucceeded t', 'RunFailed task_failed']);
  });
});

test('with failFast, what a failure has stopped is not moved by what was due beside it', () => {
  const story = started({ a: {}, b: { retries: 1, retryDelayMs: 10 } }, { failFast: true });
  story.give({ type: 'RecordTaskDeferred', taskId: 'a', mapIndex: -1, tryNumber: 1, epoch: 1, trigger: {}, timeoutAtMs: 10, nowMs: 0 });
  story.fail('b');
  expect(story.at(10)).toEqual(['TaskFailed a timeout', 'TaskSkipped b fail_fast', 'RunFailed task_failed']);
});

describe('reports', () => {
  test('a final report works without its start, and its late start counts for nothing', () => {
    const story = started({ a: {} });
    expect(story.succeed('a', {}, 1)).toEqual(['TaskSucceeded a', 'RunSucceeded']);
    expect(story.begin('a', 1, 1)).toEqual(['refused: stale_report']);
  });

  test('repeated, of another try, of an older attempt: refused', () => {
    const story = started({ a: { retries: 1 } });
    story.begin('a', 2);
    expect(story.begin('a', 2)).toEqual(['refused: stale_report']);
    expect(story.succeed('a', {}, 1)).toEqual(['refused: stale_report']);
    expect(story.succeed('a', {}, 2, 2)).toEqual(['refused: stale_report']);
    expect(story.fail('a', 'error', 2)).toEqual(['TaskRetryScheduled a 0', 'TaskScheduled a 2']);
    expect(story.fail('a', 'error', 2, 1)).toEqual(['refused: stale_report']);
  });

  test('a newer attempt takes the place of the one that runs', () => {
    const story = started({ a: {} });
    story.begin('a', 1);
    expect(story.begin('a', 2)).toEqual(['TaskStarted a']);
    expect(story.succeed('a', {}, 1)).toEqual(['refused: stale_report']);
    expect(story.succeed('a', {}, 2)).toEqual(['TaskSucceeded a', 'RunSucceeded']);
  });

  test('of no task instance of this run: refused', () => {
    expect(started({ a: {} }).succeed('x')).toEqual(['refused: unknown_task_instance']);
  });
});

describe('tries', () => {
  test('a failed try is followed by another after its delay, with backoff and cap', () => {
    const story = started({ a: { retries: 4, retryDelayMs: 100, retryBackoff: 3, maxRetryDelayMs: 500 } });
    expect(story.fail('a')).toEqual(['TaskRetryScheduled a 100']);
    expect(story.at(99)).toEqual([]);
    expect(story.at(100)).toEqual(['TaskScheduled a 2']);
    expect(story.fail('a')).toEqual(['TaskRetryScheduled a 400']);
    story.at(400);
    expect(story.fail('a')).toEqual(['TaskRetryScheduled a 900']);
  });

  test('a policy can end them or change the delay, never lengthen the series', () => {
    const give = (retries: number, retry: { action: 'retry' | 'fail' | 'default'; delayMs?: number }): string[] => {
      const story = started({ a: { retries, retryDelayMs: 100 } });
      return story.give({ type: 'RecordTaskFailed', taskId: 'a', mapIndex: -1, tryNumber: 1, epoch: 1, failure: { code: 'error', message: '' }, retry, nowMs: 0 });
    };
    expect(give(1, { action: 'fail' })).toEqual(['TaskFailed a error', 'RunFailed task_failed']);
    expect(give(1, { action: 'retry', delayMs: 7 })).toEqual(['TaskRetryScheduled a 7']);
    expect(give(1, { action: 'default' })).toEqual(['TaskRetryScheduled a 100']);
    expect(give(0, { action: 'retry' })).toEqual(['TaskFailed a error', 'RunFailed task_failed']);
  });

  test('rules of the policy that name a code decide where the process of the task has said nothing', () => {
    const retryRules = [{ code: 'timeout', action: 'fail' }, { code: 'killed', action: 'retry', delayMs: 7 }, { code: 'killed', action: 'fail' }, { code: 'exit_code', action: 'default', delayMs: 7 }] as const;
    const fail = (code: 'timeout' | 'killed' | 'exit_code' | 'error', retry?: { action: 'default' }): string[] =>
      started({ a: { retries: 1, retryDelayMs: 100, retryRules } }).give({ type: 'RecordTaskFailed', taskId: 'a', mapIndex: -1, tryNumber: 1, epoch: 1, failure: { code, message: '' }, ...(retry === undefined ? {} : { retry }), nowMs: 0 });
    expect([fail('timeout'), fail('killed'), fail('exit_code'), fail('error')]).toEqual([['TaskFailed a timeout', 'RunFailed task_failed'], ['TaskRetryScheduled a 7'], ['TaskRetryScheduled a 100'], ['TaskRetryScheduled a 100']]);
    expect(fail('timeout', { action: 'default' })).toEqual(['TaskRetryScheduled a 100']);
  });

  test('what the code has settled is not tried again', () => {
    for (const code of ['no_retry', 'sensor_timeout', 'bad_branch', 'bad_input', 'not_supported', 'cancelled'] as const) {
      expect(started({ a: { retries: 3 } }).fail('a', code)).toEqual([`TaskFailed a ${code}`, 'RunFailed task_failed']);
    }
  });

  test('a lost attempt is granted again in the same try, at most twice', () => {
    const story = started({ a: {} });
    story.begin('a', 1);
    expect(story.lose('a')).toEqual(['TaskAttemptLost a', 'TaskScheduled a 1']);
    expect(story.succeed('a', {}, 1)).toEqual(['refused: stale_report']);
    expect(story.lose('a', 2)).toEqual(['TaskAttemptLost a', 'TaskScheduled a 1']);
    expect(story.lose('a', 3)).toEqual(['TaskAttemptLost a', 'TaskFailed a worker_lost', 'RunFailed task_failed']);
  });

  test('a lost attempt whose effects must not repeat has failed, retries or not', () => {
    const story = started({ a: { onLost: 'fail', retries: 2 } });
    expect(story.lose('a')).toEqual(['TaskAttemptLost a', 'TaskFailed a worker_lost', 'RunFailed task_failed']);
  });
});

describe('waiting', () => {
  test('a sensor pokes again in the same try under a newer attempt', () => {
    const story = started({ a: { kind: 'sensor' } });
    story.begin('a', 1);
    expect(story.give({ type: 'RecordTaskRescheduled', taskId: 'a', mapIndex: -1, tryNumber: 1, epoch: 1, nextPokeAtMs: 50, nowMs: 0 })).toEqual(['TaskRescheduled a']);
    expect(story.succeed('a', {}, 1)).toEqual(['refused: stale_report']);
    expect(story.at(50)).toEqual(['TaskScheduled a 1']);
    expect(story.succeed('a', {}, 1)).toEqual(['refused: stale_report']);
    expect(story.succeed('a', {}, 2)).toEqual(['TaskSucceeded a', 'RunSucceeded']);
  });

  test('a deferred task resumes, or fails at its timeout', () => {
    const story = started({ a: { retries: 1, retryDelayMs: 5 } });
    const defer = (epoch: number, tryNumber: number): string[] =>
      story.give({ type: 'RecordTaskDeferred', taskId: 'a', mapIndex: -1, tryNumber, epoch, trigger: {}, timeoutAtMs: 100, nowMs: 0 });
    expect(defer(1, 1)).toEqual(['TaskDeferred a']);
    const fire = (): string[] => story.give({ type: 'RecordTriggerFired', taskId: 'a', mapIndex: -1, tryNumber: 1, epoch: 2, event: null, nowMs: 1 });
    expect(fire()).toEqual(['TriggerFired a', 'TaskScheduled a 1']);
    expect(fire()).toEqual(['refused: stale_report']);
    defer(3, 1);
    expect(story.at(100)).toEqual(['TaskRetryScheduled a 105']);
  });
});

describe('branches', () => {
  const branch = { kind: 'branch' } as const;

  test('skip what was not chosen, but not what a chosen task leads to', () => {
    const story = started({ br: branch, x: { after: 'br' }, y: { after: 'br' }, join: { after: ['br', 'x'], triggerRule: 'none_failed_min_one_success' } });
    expect(story.succeed('br', { chosen: ['x'] })).toEqual(['TaskSucceeded br', 'TaskSkipped y branch', 'TaskScheduled x 1']);
    expect(story.finish()).toBe('success');
    expect(story.state('join')).toBe('success');
  });

  test('a choice that is not allowed fails the branch, and is not tried again', () => {
    const story = started({ br: { ...branch, branchTargets: ['x'], retries: 3 }, x: { after: 'br' }, y: { after: 'br' } });
    expect(story.succeed('br', { chosen: ['y'] })).toEqual(['TaskFailed br bad_branch', 'TaskUpstreamFailed x', 'TaskUpstreamFailed y', 'RunFailed task_failed']);
  });

  test('skip again what is cleared below them, until they choose anew', () => {
    const story = started({ br: branch, x: { after: 'br' }, y: { after: 'br' } });
    story.succeed('br', { chosen: ['x'] });
    story.finish();
    expect(story.clear('y')).toEqual(['TaskCleared y', 'RunRequeued']);
    expect(story.start()).toEqual(['RunStarted', 'TaskSkipped y branch', 'RunSucceeded']);
    story.clear('br', 'x', 'y');
    story.start();
    expect(story.succeed('br', { chosen: ['y'] })).toEqual(['TaskSucceeded br', 'TaskSkipped x branch', 'TaskScheduled y 1']);
  });

  test('a short circuit skips everything below, teardowns excepted', () => {
    const story = started({ sc: { kind: 'shortCircuit' }, a: { after: 'sc' }, s: { setup: true, after: 'a' }, t: { after: 's', teardown: { setups: ['s'] } } });
    expect(story.succeed('sc', { passed: false })).toEqual(['TaskSucceeded sc', 'TaskSkipped a short_circuit', 'TaskSkipped s short_circuit', 'TaskSkipped t trigger_rule', 'RunSucceeded']);
  });

  test('a short circuit that respects trigger rules, and latest only, skip what is directly below', () => {
    const rest = { a: { after: 'x' }, b: { after: 'a', triggerRule: 'all_done' } } as const;
    const circuit = started({ x: { kind: 'shortCircuit', ignoreDownstreamTriggerRules: false }, ...rest });
    expect(circuit.succeed('x', { passed: false })).toEqual(['TaskSucceeded x', 'TaskSkipped a short_circuit', 'TaskScheduled b 1']);
    const latest = started({ x: { kind: 'latestOnly' }, ...rest });
    expect(latest.succeed('x', { passed: false })).toEqual(['TaskSucceeded x', 'TaskSkipped a latest_only', 'TaskScheduled b 1']);
  });

  test('a skip takes back what was ready, not what has begun', () => {
    const story = started({ sc: { kind: 'shortCircuit' }, a: { after: 'sc', triggerRule: 'always' }, b: { after: 'sc', triggerRule: 'always' } });
    story.begin('a', 4);
    expect(story.succeed('sc', { passed: false })).toEqual(['TaskSucceeded sc', 'TaskSkipped b short_circuit']);
    expect(story.revoked).toEqual(['b 1/0']);
    expect(story.state('a')).toBe('running');
  });
});

describe('empty tasks', () => {
  test('succeed without a worker, unless something hangs on them', () => {
    const story = new RunStory({ a: { kind: 'empty' }, b: { kind: 'empty', after: 'a', outlets: ['s3://x'] } });
    expect(story.start()).toEqual(['RunStarted', 'TaskSucceeded a', 'TaskScheduled b 1']);
  });
});

describe('mapping', () => {
  test('over a result: the task expands when its trigger rule is met', () => {
    const story = started({ a: {}, m: { after: 'a', mapping: overResultOf('a') }, z: { after: 'm' } });
    expect(story.returns('a', [1, 2])).toEqual(['TaskSucceeded a', 'TaskExpanded m 2', 'TaskScheduled m[0] 1', 'TaskScheduled m[1] 1']);
    expect(story.succeed('m[1]')).toEqual(['TaskSucceeded m[1]']);
    expect(story.succeed('m[0]')).toEqual(['TaskSucceeded m[0]', 'TaskScheduled z 1']);
  });

  test('over a literal: the task has its instances from the start', () => {
    const story = new RunStory({ a: {}, m: { after: 'a', mapping: overList('x', 'y') } });
    expect(story.start()).toEqual(['RunStarted', 'TaskScheduled a 1', 'TaskExpanded m 2']);
    expect(story.fail('a')).toEqual(['TaskFailed a error', 'TaskUpstreamFailed m[0]', 'TaskUpstreamFailed m[1]', 'RunFailed task_failed']);
  });

  test('over nothing: skipped; over what is no list or too long: the upstream task has failed, in words', () => {
    const tasks = { a: {}, m: { after: 'a', mapping: overResultOf('a') } };
    expect(started(tasks).returns('a', {})).toEqual(['TaskSucceeded a', 'TaskExpanded m 0', 'TaskSkipped m empty_map', 'RunSucceeded']);
    for (const value of [null, 'abc', 3]) {
      expect(started(tasks).returns('a', value)).toEqual(['TaskFailed a map_not_a_list', 'TaskUpstreamFailed m', 'RunFailed task_failed']);
    }
    const long = started(tasks);
    expect(long.succeed('a', { resultLength: 1025 })).toEqual(['TaskFailed a map_too_long', 'TaskUpstreamFailed m', 'RunFailed task_failed']);
    const failed = long.events.find((event) => event.type === 'TaskFailed');
    expect(failed?.type === 'TaskFailed' && failed.failure.message).toBe('The result of a has 1025 items, but at most 1024 can be mapped over: return fewer, or chunks of them.');
  });

  test('a product over the limit fails the mapped task itself', () => {
    const many = { kind: 'literal' as const, value: Array.from({ length: 33 }, (_, index) => index) };
    const story = new RunStory({ m: { mapping: { kind: 'expand', over: [['x', many], ['y', many]] } } });
    expect(story.start()).toEqual(['RunStarted', 'TaskFailed m map_too_long', 'RunFailed task_failed']);
  });

  test('over a part of a result', () => {
    const story = started({ a: {}, m: { after: 'a', mapping: overResultOf('a', 'rows') } });
    expect(story.returns('a', { rows: [1, 2, 3] })).toContain('TaskExpanded m 3');
    const stored = started({ a: {}, m: { after: 'a', mapping: overResultOf('a', 'rows') } });
    expect(stored.succeed('a', { result: { kind: 'stored', key: 'k', bytes: 9 }, resultLengths: { rows: 2 } })).toContain('TaskExpanded m 2');
  });

  test('over a mapped task: as many as returned something', () => {
    const story = started({ m: { mapping: overList(1, 2, 3) }, n: { after: 'm', mapping: overResultOf('m') } });
    story.returns('m[0]', 1);
    story.returns('m[1]', null);
    expect(story.returns('m[2]', 3)).toEqual(['TaskSucceeded m[2]', 'TaskExpanded n 2', 'TaskScheduled n[0] 1', 'TaskScheduled n[1] 1']);
  });

  test('over a mapped task that was cleared: what it returns anew counts, once', () => {
    const story = started({ m: { mapping: overList(1, 2) }, n: { after: 'm', mapping: overResultOf('m') } });
    story.returns('m[0]', 1);
    story.returns('m[1]', 2);
    story.finish();
    story.clear('m', 'n');
    story.start();
    story.returns('m[0]', null);
    expect(story.returns('m[1]', 2)).toEqual(['TaskSucceeded m[1]', 'TaskExpanded n 1', 'TaskRemoved n[1]', 'TaskScheduled n[0] 2']);
  });

  test('a source that failed or was skipped decides, whatever the trigger rule', () => {
    const tasks = { a: {}, m: { after: 'a', triggerRule: 'all_done', mapping: overResultOf('a') } } as const;
    expect(started(tasks).fail('a')).toEqual(['TaskFailed a error', 'TaskUpstreamFailed m', 'RunFailed task_failed']);
    expect(started(tasks).skip('a')).toEqual(['TaskSkipped a exception', 'TaskSkipped m trigger_rule', 'RunSucceeded']);
  });

  test('after a clear the task takes the new length: surplus is removed, more is added', () => {
    const story = started({ a: {}, m: { after: 'a', mapping: overResultOf('a') }, z: { after: 'm' } });
    story.returns('a', [1, 2, 3]);
    story.finish();
    story.clear('a', 'm', 'z');
    story.start();
    expect(story.returns('a', [1])).toEqual(['TaskSucceeded a', 'TaskExpanded m 1', 'TaskRemoved m[1]', 'TaskRemoved m[2]', 'TaskScheduled m[0] 2']);
    expect(story.finish()).toBe('success');
    story.clear('a', 'm', 'z');
    story.start();
    expect(story.returns('a', [1, 2])).toEqual(['TaskSucceeded a', 'TaskExpanded m 2', 'TaskScheduled m[0] 3', 'TaskScheduled m[1] 2']);
    expect(story.finish()).toBe('success');
  });
});

describe('mapped groups', () => {
  const groups = [{ groupId: 'g', mapping: overResultOf('src') }];
  const tasks = {
    src: {},
    first: { after: 'src', groupId: 'g' },
    second: { after: 'first', groupId: 'g' },
    after: { after: 'second' },
  };

  test('expand together and go depth first, index by index', () => {
    const story = started(tasks, { groups });
    expect(story.returns('src', ['x', 'y'])).toEqual(['TaskSucceeded src', 'TaskExpanded first 2', 'TaskExpanded second 2', 'TaskScheduled first[0] 1', 'TaskScheduled first[1] 1']);
    expect(story.succeed('first[1]')).toEqual(['TaskSucceeded first[1]', 'TaskScheduled second[1] 1']);
    expect(story.fail('first[0]')).toEqual(['TaskFailed first[0] error', 'TaskUpstreamFailed second[0]', 'TaskUpstreamFailed after']);
    expect(story.succeed('second[1]')).toEqual(['TaskSucceeded second[1]', 'RunFailed task_failed']);
  });

  test('of no length, of a failed source', () => {
    const empty = started(tasks, { groups });
    expect(empty.returns('src', [])).toEqual([
      'TaskSucceeded src', 'TaskExpanded first 0', 'TaskSkipped first empty_map', 'TaskExpanded second 0', 'TaskSkipped second empty_map', 'TaskSkipped after trigger_rule', 'RunSucceeded',
    ]);
    expect(started(tasks, { groups }).fail('src')).toEqual(['TaskFailed src error', 'TaskUpstreamFailed first', 'TaskUpstreamFailed second', 'TaskUpstreamFailed after', 'RunFailed task_failed']);
  });

  test('one_success looks at all map indexes', () => {
    const story = started({ ...tasks, second: { after: 'first', groupId: 'g', triggerRule: 'one_success' } }, { groups });
    story.returns('src', ['x', 'y']);
    expect(story.succeed('first[0]')).toEqual(['TaskSucceeded first[0]', 'TaskScheduled second[0] 1', 'TaskScheduled second[1] 1']);
  });

  test('a branch inside skips in its own map index', () => {
    const story = started({ src: {}, br: { after: 'src', groupId: 'g', kind: 'branch' }, x: { after: 'br', groupId: 'g' }, y: { after: 'br', groupId: 'g' } }, { groups });
    story.returns('src', [1, 2]);
    expect(story.succeed('br[0]', { chosen: ['x'] })).toEqual(['TaskSucceeded br[0]', 'TaskSkipped y[0] branch', 'TaskScheduled x[0] 1']);
    expect(story.succeed('br[1]', { chosen: ['y'] })).toEqual(['TaskSucceeded br[1]', 'TaskSkipped x[1] branch', 'TaskScheduled y[1] 1']);
  });

  test('a task that expands after the others of its group takes over what they have come to', () => {
    const story = started({ src: {}, out: { kind: 'branch' }, other: { after: 'out' }, br: { after: 'src', groupId: 'g', kind: 'branch' }, x: { after: ['br', 'out'], groupId: 'g' } }, { groups });
    story.succeed('out', { chosen: ['other'] });
    expect(story.state('x')).toBe('skipped');
    story.returns('src', [1, 2, 3]);
    story.succeed('br[0]', { chosen: ['x'] });
    story.succeed('br[1]', { chosen: [] });
    expect(story.clear('out', 'x')).toEqual(['TaskCleared out', 'TaskCleared x', 'TaskScheduled out 2', 'TaskExpanded x 3', 'TaskSkipped x[1] branch']);
    expect(story.succeed('out', { chosen: ['x', 'other'] })).toEqual(['TaskSucceeded out', 'TaskScheduled x[0] 1']);
    expect(story.succeed('br[2]', { chosen: ['x'] })).toEqual(['TaskSucceeded br[2]', 'TaskScheduled x[2] 1']);
  });

  test('a branch inside skips again what is cleared in its map index', () => {
    const story = started({ src: {}, br: { after: 'src', groupId: 'g', kind: 'branch' }, x: { after: 'br', groupId: 'g' } }, { groups });
    story.returns('src', [1, 2]);
    story.succeed('br[0]', { chosen: [] });
    story.succeed('br[1]', { chosen: ['x'] });
    expect(story.clear('x')).toEqual(['TaskCleared x[0]', 'TaskCleared x[1]', 'TaskSkipped x[0] branch', 'TaskScheduled x[1] 2']);
    expect(story.clear('br[0]', 'x[0]')).toEqual(['TaskCleared br[0]', 'TaskCleared x[0]', 'TaskScheduled br[0] 2']);
    expect(story.succeed('br[0]', { chosen: ['x'] })).toEqual(['TaskSucceeded br[0]', 'TaskScheduled x[0] 1']);
  });

  test('whose root a branch outside skipped are skipped whole', () => {
    const story = started({ src: {}, br: { kind: 'branch' }, other: { after: 'br' }, root: { after: ['src', 'br'], groupId: 'g' }, inner: { after: 'root', groupId: 'g' } }, { groups });
    story.succeed('br', { chosen: ['other'] });
    story.returns('src', [1, 2]);
    expect(story.finish()).toBe('success');
    expect(story.states()).toEqual({ src: 'success', br: 'success', other: 'success', root: 'skipped', 'inner[0]': 'skipped', 'inner[1]': 'skipped' });
  });
});

describe('past runs', () => {
  const past = (state: string, downstreamDone = true, isFirst = false) => ({ isFirst, taskOf: () => ({ state, downstreamDone }) });

  test('a task that depends on the past waits for it, and the run is no deadlock', () => {
    const story = new RunStory({ a: { dependsOnPast: true } });
    story.past = past('failed');
    expect(story.start()).toEqual(['RunStarted']);
    expect(story.at(1)).toEqual([]);
    story.past = undefined;
    expect(story.at(2)).toEqual([]);
    story.past = past('success');
    expect(story.at(3)).toEqual(['TaskScheduled a 1']);
  });

  test('the first run waits for nothing; waitForDownstream asks for more', () => {
    const first = new RunStory({ a: { waitForDownstream: true } });
    first.past = past('none', false, true);
    expect(first.start()).toEqual(['RunStarted', 'TaskScheduled a 1']);
    const next = new RunStory({ a: { waitForDownstream: true } });
    next.past = past('success', false);
    expect(next.start()).toEqual(['RunStarted']);
  });

  test('a task that earlier runs did not have begins, unless it is to wait for a past of its own', () => {
    const begun = (ignoreFirstDependsOnPast: boolean): string[] => {
      const story = new RunStory({ a: { dependsOnPast: true, ignoreFirstDependsOnPast } });
      story.past = { isFirst: false, taskOf: () => undefined };
      return story.start();
    };
    expect(begun(true)).toEqual(['RunStarted', 'TaskScheduled a 1']);
    expect(begun(false)).toEqual(['RunStarted']);
  });

  test('a skip waits only when the task says so', () => {
    const skipped = (waitForPastDependsBeforeSkipping: boolean): string[] => {
      const story = new RunStory({ a: {}, b: { after: 'a', dependsOnPast: true, waitForPastDependsBeforeSkipping } });
      story.past = past('failed');
      story.start();
      return story.skip('a');
    };
    expect(skipped(false)).toEqual(['TaskSkipped a exception', 'TaskSkipped b trigger_rule', 'RunSucceeded']);
    expect(skipped(true)).toEqual(['TaskSkipped a exception']);
  });
});

describe('clears and marks', () => {
  test('a cleared task keeps its tries and gets its retries anew', () => {
    const story = started({ a: { retries: 1 } });
    story.fail('a');
    story.fail('a');
    expect(story.run.state).toBe('failed');
    expect(story.clear('a')).toEqual(['TaskCleared a', 'RunRequeued']);
    expect(story.start()).toEqual(['RunStarted', 'TaskScheduled a 3']);
    expect(story.fail('a')).toEqual(['TaskRetryScheduled a 0', 'TaskScheduled a 4']);
    expect(story.fail('a')).toEqual(['TaskFailed a error', 'RunFailed task_failed']);
  });

  test('a running task is restarted: its attempt is revoked and a late report refused', () => {
    const story = started({ a: {} });
    story.begin('a', 5);
    expect(story.clear('a')).toEqual(['TaskRestarting a', 'TaskCleared a', 'TaskScheduled a 2']);
    expect(story.revoked).toEqual(['a 1/5']);
    expect(story.succeed('a', {}, 5, 1)).toEqual(['refused: stale_report']);
  });

  test('only what failed, with what is below', () => {
    const story = started({ a: {}, b: { after: 'a' }, c: {} });
    story.fail('a');
    story.succeed('c');
    expect(story.give({ type: 'ClearTasks', onlyFailed: true, nowMs: 0 })).toEqual(['TaskCleared a', 'TaskCleared b', 'RunRequeued']);
  });

  test('without resetting the run it stays finished', () => {
    const story = started({ a: {} });
    story.succeed('a');
    expect(story.give({ type: 'ClearTasks', resetRun: false, nowMs: 0 })).toEqual(['TaskCleared a']);
    expect(story.run.state).toBe('success');
  });

  test('of nothing changes nothing', () => {
    const story = started({ a: {} });
    story.succeed('a');
    expect(story.give({ type: 'ClearTasks', onlyFailed: true, nowMs: 0 })).toEqual([]);
    expect(story.run.state).toBe('success');
  });

  test('of an unknown task: refused', () => {
    expect(started({ a: {} }).clear('x')).toEqual(['refused: unknown_task']);
  });

  test('marked well, what had failed because of it goes on', () => {
    const story = started({ a: {}, b: { after: 'a' } });
    story.fail('a');
    expect(story.give({ type: 'MarkTasks', tasks: [{ taskId: 'a' }], state: 'success', by: 'ann', nowMs: 0 })).toEqual(['TaskMarked a success', 'TaskCleared b', 'RunRequeued']);
    expect(story.start()).toEqual(['RunStarted', 'TaskScheduled b 1']);
  });

  test('marked failed while it runs: revoked', () => {
    const story = started({ a: {}, b: { after: 'a' } });
    story.begin('a', 2);
    expect(story.give({ type: 'MarkTasks', tasks: [{ taskId: 'a' }], state: 'failed', by: 'ann', nowMs: 0 })).toEqual(['TaskMarked a failed', 'TaskUpstreamFailed b', 'RunFailed task_failed']);
    expect(story.revoked).toEqual(['a 1/2']);
  });

  test('a run marked failed, success, queued', () => {
    const begun = (): RunStory => { const story = started({ a: {}, b: { after: 'a' } }); story.begin('a', 2); return story; };
    expect(begun().give({ type: 'MarkRun', state: 'failed', by: 'ann', nowMs: 0 })).toEqual(['TaskMarked a failed', 'TaskMarked b skipped', 'RunFailed marked']);
    const story = begun();
    expect(story.give({ type: 'MarkRun', state: 'success', by: 'ann', nowMs: 0 })).toEqual(['TaskMarked a success', 'TaskMarked b success', 'RunSucceeded']);
    expect(story.give({ type: 'MarkRun', state: 'queued', by: 'ann', nowMs: 0 })).toEqual(['TaskCleared a', 'TaskCleared b', 'RunRequeued']);
  });

  test('notes', () => {
    const story = started({ a: {} });
    expect(story.give({ type: 'SetTaskNote', taskId: 'a', mapIndex: -1, note: 'hm', by: 'ann', nowMs: 0 })).toEqual(['TaskNoteSet a']);
    expect(story.give({ type: 'SetRunNote', note: 'ha', by: 'ann', nowMs: 0 })).toEqual(['RunNoteSet']);
    expect(story.run.note).toBe('ha');
  });

  test('a run is erased once it has ended, and then nothing can be asked of it', () => {
    const story = started({ a: {} });
    const erase = { type: 'EraseRun', by: 'ann', nowMs: 0 } as const;
    expect(story.give(erase)).toEqual(['refused: run_not_ended']);
    story.succeed('a');
    expect(story.give(erase)).toEqual(['RunErased']);
    expect(([erase, { type: 'ClearTasks', nowMs: 0 }, { type: 'MarkRun', state: 'queued', by: 'ann', nowMs: 0 }, { type: 'RecordTimePassed', nowMs: 0 }] as const).flatMap((command) => story.give(command))).toEqual(Array(4).fill('refused: unknown_run'));
  });
});

describe('setups and teardowns', () => {
  const tasks = { s: { setup: true }, a: { after: 's' }, b: { after: 'a' }, t: { after: 'b', teardown: { setups: ['s'] } } };

  test('a teardown runs when its setup succeeded, whatever the work came to, and does not decide the run', () => {
    const story = started(tasks);
    story.succeed('s');
    expect(story.fail('a')).toEqual(['TaskFailed a error', 'TaskUpstreamFailed b', 'TaskScheduled t 1']);
    expect(story.succeed('t')).toEqual(['TaskSucceeded t', 'RunFailed task_failed']);
    const torn = started(tasks);
    for (const task of ['s', 'a', 'b']) torn.succeed(task);
    expect(torn.fail('t')).toEqual(['TaskFailed t error', 'RunSucceeded']);
  });

  test('a failed setup fails all that it was for', () => {
    const story = started(tasks);
    expect(story.fail('s')).toEqual(['TaskFailed s error', 'TaskUpstreamFailed a', 'TaskUpstreamFailed b', 'TaskUpstreamFailed t', 'RunFailed task_failed']);
  });

  test('work further down waits for its setup too, and falls with it', () => {
    const far = { s: { setup: true }, a: { after: 's', triggerRule: 'always' }, b: { after: 'a' } } as const;
    const story = started(far);
    expect(story.succeed('a')).toEqual(['TaskSucceeded a']);
    expect(story.succeed('s')).toEqual(['TaskSucceeded s', 'TaskScheduled b 1']);
    const torn = started(far);
    expect(torn.skip('s')).toEqual(['TaskSkipped s exception', 'TaskSkipped b trigger_rule']);
  });

  test('clearing work clears its setup and teardown too', () => {
    const story = started(tasks);
    story.finish();
    expect(story.clear('a')).toEqual(['TaskCleared s', 'TaskCleared a', 'TaskCleared t', 'RunRequeued']);
  });
});
