import { mapLength, MAX_MAP_LENGTH } from './mapping.ts';
import { nextCallbackAtMs, wakeCallbacks } from './callback.ts';
import type { PastRuns } from './command.ts';
import { missDeadlines, nextDeadlineAtMs } from './deadline.ts';
import type { RunEvent } from './event.ts';
import { passResponseTimeout } from './human-input.ts';
import { judge, skippersOf, type Judgement } from './judge.ts';
import { failInstance, skipCauseOf } from './report.ts';
import { passTriggerTimeout } from './trigger.ts';
import { isTerminal, LIVE_STATES, refOf, type DagRun, type TaskInstance, type TaskSlot } from './state.ts';

/**
 * One level: everything that is due by the states before it, in order of definition, or, when nothing is, the end of
 * the run. A run that is not `running` stands still.
 */
export function advance(run: DagRun, nowMs: number, past: PastRuns | undefined): readonly RunEvent[] {
  const removed = removeOrphans(run, nowMs);
  if (removed.length > 0) return removed;
  if (run.state !== 'running') return [];
  const timers = passTime(run, nowMs);
  if (timers.length > 0) return timers;
  const frontier = judgeFrontier(run, nowMs, past);
  return frontier.length > 0 ? frontier : end(run, nowMs);
}

/** Retries, pokes and timeouts that are due. Past the run's own timeout nothing else matters. */
export function passTime(run: DagRun, nowMs: number): readonly RunEvent[] {
  const events = missDeadlines(run, nowMs);
  if (run.callbackRetries > 0) events.push(...wakeCallbacks(run, nowMs));
  if (run.state !== 'running') return events;
  const timeoutAtMs = runTimeoutAtMs(run);
  if (timeoutAtMs !== null && timeoutAtMs <= nowMs) return [...events, ...skipUnfinished(run, nowMs), { type: 'RunFailed', reason: 'timed_out', atMs: nowMs }];
  for (const instance of run.timers.due(nowMs).sort(inOrder)) {
    events.push(...wake(run, instance, nowMs));
    if (stopsRest(run, events)) break;
  }
  return events;
}

/** With `failFast` a failure ends the level: what it has stopped must not be moved by what was judged before it. */
const stopsRest = (run: DagRun, events: readonly RunEvent[]): boolean =>
  run.plan.definition.failFast === true && events.some(({ type }) => type === 'TaskFailed');

export function nextWakeAtMs(run: DagRun): number | null {
  const besideTasksAtMs = earliest(nextDeadlineAtMs(run), nextCallbackAtMs(run));
  if (run.state !== 'running') return besideTasksAtMs;
  return earliest(earliest(runTimeoutAtMs(run), run.timers.nextAtMs), besideTasksAtMs);
}

const earliest = (a: number | null, b: number | null): number | null => (a === null ? b : b === null ? a : Math.min(a, b));

function runTimeoutAtMs(run: DagRun): number | null {
  const { dagrunTimeoutMs } = run.plan.definition;
  return dagrunTimeoutMs === undefined || run.startedAtMs === null ? null : run.startedAtMs + dagrunTimeoutMs;
}

function wake(run: DagRun, instance: TaskInstance, nowMs: number): readonly RunEvent[] {
  switch (instance.state) {
    case 'up_for_retry':
      return [{ type: 'TaskScheduled', ...refOf(instance), tryNumber: instance.tryNumber + 1, atMs: nowMs }];
    case 'up_for_reschedule':
      return [{ type: 'TaskScheduled', ...refOf(instance), tryNumber: instance.tryNumber, atMs: nowMs }];
    case 'awaiting_input':
      return passResponseTimeout(run, instance, nowMs);
    case 'deferred':
      return passTriggerTimeout(run, instance, nowMs);
    default:
      return [];
  }
}

function skipUnfinished(run: DagRun, nowMs: number): RunEvent[] {
  return run.slots.flatMap((slot) => slot.instances)
    .filter((instance) => !isTerminal(instance.state))
    .map((instance) => ({ type: 'TaskSkipped', ...refOf(instance), cause: 'run_timeout', atMs: nowMs }));
}

function removeOrphans(run: DagRun, nowMs: number): RunEvent[] {
  return [...run.orphans.values()].flat().map((instance) => ({ type: 'TaskRemoved', ...refOf(instance), atMs: nowMs }));
}

const inOrder = (a: TaskInstance, b: TaskInstance): number => a.slot.plan.index - b.slot.plan.index || a.mapIndex - b.mapIndex;

function judgeFrontier(run: DagRun, nowMs: number, past: PastRuns | undefined): RunEvent[] {
  const due = [...run.dueInstances];
  for (const slot of run.dueSlots) {
    for (const instance of slot.instances) if (instance.state === 'none') due.push(instance);
  }
  if (due.length > 1) due.sort(inOrder);
  const events: RunEvent[] = [];
  const resized = new Set<TaskSlot>();
  for (const instance of due) {
    const judgement = judge(run, instance);
    if (judgement === 'wait' || waitsForPast(instance, judgement, past)) continue;
    if (judgement === 'run' && instance.slot.length !== null && !fits(run, instance.slot)) {
      if (!resized.has(instance.slot)) { resized.add(instance.slot); events.push(...resize(run, instance.slot, nowMs)); }
      continue;
    }
    events.push(...carryOut(run, instance, judgement, nowMs));
    if (stopsRest(run, events)) break;
  }
  return events;
}

/** The previous run must have done its part first; its skips wait for that only when the task says so. */
function waitsForPast(instance: TaskInstance, judgement: Judgement, past: PastRuns | undefined): boolean {
  const { plan } = instance.slot;
  if (!plan.needsPast || judgement === 'expand' || judgement === 'upstream_failed' || judgement === 'removed') return false;
  if (judgement !== 'run' && plan.definition.waitForPastDependsBeforeSkipping !== true) return false;
  return past === undefined || !pastAllows(instance, past);
}

export function pastAllows(instance: TaskInstance, past: PastRuns): boolean {
  const { definition } = instance.slot.plan;
  if (past.isFirst) return true;
  const before = past.taskOf(refOf(instance));
  if (before === undefined) return definition.ignoreFirstDependsOnPast !== false;
  const well = before.state === 'success' || before.state === 'skipped';
  return well && (definition.waitForDownstream !== true || before.downstreamDone);
}

function carryOut(run: DagRun, instance: TaskInstance, judgement: Exclude<Judgement, 'wait'>, nowMs: number): readonly RunEvent[] {
  const ref = refOf(instance);
  switch (judgement) {
    case 'run': {
      const tryNumber = instance.tryNumber + 1;
      return needsWorker(instance.slot) ? [{ type: 'TaskScheduled', ...ref, tryNumber, atMs: nowMs }] : [{ type: 'TaskSucceeded', ...ref, tryNumber, atMs: nowMs }];
    }
    case 'expand':
      return expand(run, instance, nowMs);
    case 'skip': {
      const skipper = skippersOf(instance).reduce((first, other) => (inOrder(other, first) < 0 ? other : first));
      return [{ type: 'TaskSkipped', ...ref, cause: skipCauseOf(skipper), by: skipper.slot.plan.taskId, atMs: nowMs }];
    }
    case 'skipped':
      return [{ type: 'TaskSkipped', ...ref, cause: 'trigger_rule', atMs: nowMs }];
    case 'upstream_failed':
      return [{ type: 'TaskUpstreamFailed', ...ref, atMs: nowMs }];
    case 'removed':
      return [{ type: 'TaskRemoved', ...ref, atMs: nowMs }];
  }
}

function needsWorker({ plan: { definition } }: TaskSlot): boolean {
  return definition.kind !== 'empty' || definition.callbacks?.includes('onExecute') === true || (definition.outlets?.length ?? 0) > 0;
}

function expand(run: DagRun, instance: TaskInstance, nowMs: number): readonly RunEvent[] {
  const { plan } = instance.slot;
  const length = lengthNow(run, instance.slot);
  if (length === undefined) return [{ type: 'TaskUpstreamFailed', ...refOf(instance), atMs: nowMs }];
  if (length > MAX_MAP_LENGTH) {
    const message = `${plan.taskId} would have ${length} task instances, but at most ${MAX_MAP_LENGTH} are allowed: map over fewer values.`;
    return failInstance(run, instance, { code: 'map_too_long', message }, { nowMs }, { action: 'fail' });
  }
  const expanded: RunEvent = { type: 'TaskExpanded', taskId: plan.taskId, length, atMs: nowMs };
  return length > 0 ? [expanded] : [expanded, { type: 'TaskSkipped', ...refOf(instance), cause: 'empty_map', atMs: nowMs }];
}

const lengthNow = (run: DagRun, slot: TaskSlot): number | undefined =>
  slot.plan.mapping === undefined ? undefined : mapLength(run.plan, run.slots, slot.plan.mapping);

/** After a clear the source may have another length than the task was expanded to. One it no longer has changes nothing. */
function fits(run: DagRun, slot: TaskSlot): boolean {
  const length = lengthNow(run, slot);
  return length === undefined || length === slot.length || length > MAX_MAP_LENGTH;
}

function resize(run: DagRun, slot: TaskSlot, nowMs: number): RunEvent[] {
  const length = lengthNow(run, slot) ?? 0;
  const surplus = slot.instances.slice(length).filter((instance) => instance.state !== 'removed');
  return [
    { type: 'TaskExpanded', taskId: slot.plan.taskId, length, atMs: nowMs },
    ...surplus.map((instance): RunEvent => ({ type: 'TaskRemoved', ...refOf(instance), atMs: nowMs })),
  ];
}

/** Leaves decide. Something unfinished that nothing will ever move is a deadlock, unless it waits for an earlier run. */
function end(run: DagRun, nowMs: number): RunEvent[] {
  if (run.unfinished === 0) {
    return [run.failedLeaves > 0 ? { type: 'RunFailed', reason: 'task_failed', atMs: nowMs } : { type: 'RunSucceeded', atMs: nowMs }];
  }
  const stuck = run.dueSlots.size === 0 && run.dueInstances.size === 0 && LIVE_STATES.every((state) => run.counts[state] === 0);
  return stuck ? [{ type: 'RunFailed', reason: 'deadlocked', atMs: nowMs }] : [];
}
