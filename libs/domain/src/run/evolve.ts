import { invariant } from '../decider.ts';
import { evolveCallbacks, restoreCallbacks } from './callback.ts';
import { missedAfterRequeue } from './deadline.ts';
import type { RunEvent, TaskInstanceRef, TaskSucceeded } from './event.ts';
import { expandSlot, findInstance, moveState, setSkipping, type DagRun, type TaskInstance } from './state.ts';
import type { TaskState } from './state-names.ts';
import { countsAsLoss } from './trigger.ts';
import { evolveXCom, XCOM_KEY } from './xcom.ts';

/** Folds one event. Owns `run` and changes it in place; decides nothing. Events of another plan must follow `replan`. */
export function evolveRun(run: DagRun, event: RunEvent): DagRun {
  invariant(run.awaitsPlan === null, `run ${run.created?.runId ?? '?'} waits for plan ${run.awaitsPlan ?? ''} before ${event.type}`);
  switch (event.type) {
    case 'RunCreated':
      run.created = event;
      run.planHash = event.planHash;
      run.dagVersion = event.dagVersion;
      run.bundleHash = event.bundleHash;
      run.note = event.note ?? null;
      run.backfillId = event.backfillId ?? null;
      run.queuedAtMs = event.atMs;
      return run;
    case 'RunStarted':
      run.state = 'running';
      run.startedAtMs = event.atMs;
      return run;
    case 'RunSucceeded':
      run.state = 'success';
      run.finishedAtMs = event.atMs;
      run.failureReason = null;
      return run;
    case 'RunFailed':
      run.state = 'failed';
      run.finishedAtMs = event.atMs;
      run.failureReason = event.reason;
      return run;
    case 'RunRequeued':
      run.state = 'queued';
      run.backfillId = event.backfillId ?? null;
      run.queuedAtMs = event.atMs;
      run.missedDeadlines = missedAfterRequeue(run);
      run.startedAtMs = null;
      run.finishedAtMs = null;
      run.failureReason = null;
      return run;
    case 'RunReplanned':
      run.awaitsPlan = event.planHash;
      run.planHash = event.planHash;
      run.dagVersion = event.dagVersion;
      run.bundleHash = event.bundleHash;
      return run;
    case 'RunNoteSet':
      run.note = event.note;
      return run;
    case 'RunErased':
      run.erased = true;
      restoreCallbacks(run, []);
      return run;
    case 'DeadlineMissed':
      run.missedDeadlines = [...run.missedDeadlines, event.deadline];
      return run;
    case 'CallbackRequested':
    case 'CallbackScheduled':
    case 'CallbackSucceeded':
    case 'CallbackFailed':
    case 'CallbackAttemptLost':
      return evolveCallbacks(run, event);
    case 'TaskExpanded': {
      const slot = run.slots[run.plan.indexOf.get(event.taskId) ?? -1];
      invariant(slot !== undefined, `run has no task ${event.taskId}`);
      expandSlot(run, slot, event.length);
      return run;
    }
    case 'TaskScheduled': {
      const instance = instanceOf(run, event);
      beginTry(instance, event.tryNumber);
      enter(run, instance, 'scheduled');
      return run;
    }
    case 'TaskStarted': {
      const instance = instanceOf(run, event);
      instance.epoch = event.epoch;
      instance.startedTry = event.tryNumber;
      instance.firstStartedAtMs ??= event.atMs;
      instance.worker = event.worker;
      enter(run, instance, 'running');
      return run;
    }
    case 'TaskSucceeded': {
      const instance = instanceOf(run, event);
      beginTry(instance, event.tryNumber);
      endAttempt(instance, event);
      instance.startedTry = event.tryNumber;
      keepOutcome(instance, event);
      enter(run, instance, 'success');
      setSkipping(run, instance, true);
      return run;
    }
    case 'TaskFailed': {
      const instance = instanceOf(run, event);
      endAttempt(instance, event);
      instance.failure = event.failure;
      enter(run, instance, 'failed');
      return run;
    }
    case 'TaskRetryScheduled': {
      const instance = instanceOf(run, event);
      endAttempt(instance, event);
      instance.failure = event.failure;
      enter(run, instance, 'up_for_retry', event.retryAtMs);
      return run;
    }
    case 'TaskSkipped': {
      const instance = instanceOf(run, event);
      endAttempt(instance, event);
      instance.skippedBy = event.by ?? null;
      enter(run, instance, 'skipped');
      return run;
    }
    case 'TaskUpstreamFailed':
      enter(run, instanceOf(run, event), 'upstream_failed');
      return run;
    case 'TaskRemoved': {
      if (forgetOrphan(run, event)) return run;
      enter(run, instanceOf(run, event), 'removed');
      return run;
    }
    case 'TaskRescheduled': {
      const instance = instanceOf(run, event);
      endAttempt(instance, event);
      enter(run, instance, 'up_for_reschedule', event.nextPokeAtMs);
      return run;
    }
    case 'TaskDeferred': {
      const instance = instanceOf(run, event);
      endAttempt(instance, event);
      enter(run, instance, 'deferred', event.timeoutAtMs);
      instance.trigger = event.trigger;
      instance.resumed = null;
      instance.losses = 0;
      return run;
    }
    case 'TriggerFired': {
      const instance = instanceOf(run, event);
      endAttempt(instance, event);
      instance.resumed = { event: event.event };
      instance.losses = 0;
      return run;
    }
    case 'TaskAwaitingInput': {
      const instance = instanceOf(run, event);
      endAttempt(instance, event);
      instance.inputAnswer = null;
      enter(run, instance, 'awaiting_input', event.timeoutAtMs);
      instance.inputRequest = event.request;
      return run;
    }
    case 'TaskInputReceived': {
      const { chosenOptions, paramsInput, by, atMs } = event;
      instanceOf(run, event).inputAnswer = { chosenOptions, paramsInput, by, atMs };
      return run;
    }
    case 'TaskAttemptLost': {
      const instance = instanceOf(run, event);
      instance.endedEpoch = Math.max(instance.endedEpoch, event.epoch);
      if (countsAsLoss(instance, event.cause)) instance.losses += 1;
      return run;
    }
    case 'TaskRestarting':
      enter(run, instanceOf(run, event), 'restarting');
      return run;
    case 'TaskCleared':
      clear(run, instanceOf(run, event));
      return run;
    case 'TaskMarked': {
      const instance = instanceOf(run, event);
      instance.endedEpoch = Math.max(instance.endedEpoch, instance.epoch);
      enter(run, instance, event.state);
      return run;
    }
    case 'TaskNoteSet':
      instanceOf(run, event).note = event.note;
      return run;
    case 'XComSet':
    case 'XComDeleted':
      evolveXCom(instanceOf(run, event), event);
      return run;
  }
}

function instanceOf(run: DagRun, ref: TaskInstanceRef): TaskInstance {
  const instance = findInstance(run, ref);
  invariant(instance !== undefined, `run ${run.created?.runId ?? '?'} has no task instance ${ref.taskId}[${ref.mapIndex}]`);
  return instance;
}

/** Leaves the old state with all that hung on it, and enters the new one. */
function enter(run: DagRun, instance: TaskInstance, state: TaskState, wakeAtMs?: number): void {
  run.timers.wake(instance);
  if (instance.state === 'success' && state !== 'success') {
    setSkipping(run, instance, false);
    if (instance.hasResult) instance.slot.results -= 1;
  }
  if (instance.state !== 'success' && state === 'success' && instance.hasResult) instance.slot.results += 1;
  if (state !== 'running') instance.worker = null;
  instance.trigger = null;
  instance.inputRequest = null;
  moveState(run, instance, state);
  if (wakeAtMs !== undefined) run.timers.sleep(instance, wakeAtMs);
}

function beginTry(instance: TaskInstance, tryNumber: number): void {
  if (tryNumber === instance.tryNumber) return;
  instance.tryNumber = tryNumber;
  instance.epoch = 0;
  instance.endedEpoch = 0;
  instance.losses = 0;
  instance.resumed = null;
  instance.inputAnswer = null;
}

function endAttempt(instance: TaskInstance, ended: { readonly tryNumber?: number; readonly epoch?: number }): void {
  if (ended.epoch === undefined) return;
  instance.endedEpoch = Math.max(instance.endedEpoch, ended.epoch);
  if (ended.tryNumber !== undefined) instance.startedTry = ended.tryNumber;
}

function keepOutcome(instance: TaskInstance, event: TaskSucceeded): void {
  instance.chosen = event.chosen ?? null;
  instance.passed = event.passed ?? null;
  // A value that a person set stays until the task returns one.
  if (event.result === undefined && instance.xcoms?.includes(XCOM_KEY) === true) return;
  instance.hasResult = event.result !== undefined && !(event.result.kind === 'inline' && event.result.value === null);
  instance.result = instance.slot.plan.read ? event.result ?? null : null;
  instance.resultLength = event.resultLength ?? null;
  instance.resultLengths = event.resultLengths ?? null;
}

function clear(run: DagRun, instance: TaskInstance): void {
  enter(run, instance, 'none');
  instance.maxTries = instance.tryNumber + instance.slot.plan.retries;
  instance.endedEpoch = Math.max(instance.endedEpoch, instance.epoch);
  instance.firstStartedAtMs = null;
  instance.failure = null;
  instance.resumed = null;
  instance.hasResult = false;
  instance.result = null;
  instance.resultLength = null;
  instance.resultLengths = null;
  instance.chosen = null;
  instance.passed = null;
  instance.skippedBy = null;
  instance.xcoms = null;
  instance.inputAnswer = null;
}

function forgetOrphan(run: DagRun, ref: TaskInstanceRef): boolean {
  const orphans = run.orphans.get(ref.taskId) ?? [];
  const rest = orphans.filter((instance) => instance.mapIndex !== ref.mapIndex);
  if (rest.length === orphans.length) return false;
  if (rest.length === 0) run.orphans.delete(ref.taskId);
  else run.orphans.set(ref.taskId, rest);
  return true;
}
