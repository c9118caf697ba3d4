import { reject, type Decision, type Rejected } from '../decider.ts';
import { mappedLengths } from './mapping.ts';
import type { RecordedSuccess, RetryVerdict, RunCommand } from './command.ts';
import type { AttemptRef, Failure, RunEvent } from './event.ts';
import { retryAtMs } from './retry.ts';
import { coveredInstances, coverOf, findInstance, isTerminal, refOf, tasksNamed, type DagRun, type TaskInstance } from './state.ts';
import { accepts, type TaskVerb } from './transition.ts';

/** After so many lost attempts a try has failed: what kills its worker each time must not go round for ever. */
const MAX_LOSSES_PER_TRY = 3;

type Report<Type extends RunCommand['type']> = Extract<RunCommand, { type: Type }>;

/** The instance that a report is about, or why the report counts for nothing: another try, an ended attempt, a finished instance. */
export function reported(run: DagRun, report: AttemptRef, verb: TaskVerb): TaskInstance | Rejected {
  const instance = findInstance(run, report);
  if (instance === undefined) return unknownInstance(report);
  const { state, tryNumber, epoch, endedEpoch } = instance;
  const newest = report.tryNumber === tryNumber && report.epoch > endedEpoch && report.epoch >= epoch;
  const repeated = verb === 'start' && state === 'running' && report.epoch === epoch;
  if (newest && !repeated && accepts(state, verb)) return instance;
  return reject('stale_report', `Attempt ${report.epoch} of try ${report.tryNumber} of ${report.taskId}[${report.mapIndex}] is not the newest: the task instance is ${state} at try ${tryNumber}. What still runs of it can be killed.`);
}

export const unknownInstance = (ref: { readonly taskId: string; readonly mapIndex: number }): Rejected =>
  reject('unknown_task_instance', `This run has no task instance ${ref.taskId}[${ref.mapIndex}]: list its task instances for the ones it has.`);

export const isInstance = (found: TaskInstance | Rejected): found is TaskInstance => 'slot' in found;

export function recordStarted(run: DagRun, report: Report<'RecordTaskStarted'>): Decision<RunEvent> {
  const instance = reported(run, report, 'start');
  if (!isInstance(instance)) return instance;
  return [{ type: 'TaskStarted', ...attemptOf(report), worker: report.worker, ...(report.pid === undefined ? {} : { pid: report.pid }), atMs: report.nowMs }];
}

export function recordSucceeded(run: DagRun, report: Report<'RecordTaskSucceeded'>): Decision<RunEvent> {
  const instance = reported(run, report, 'succeed');
  if (!isInstance(instance)) return instance;
  const { plan } = instance.slot;
  const badBranch = plan.definition.kind === 'branch' ? refusedChoice(run, instance, report) : undefined;
  if (badBranch !== undefined) return failInstance(run, instance, badBranch, report);
  const lengths = plan.mappedPaths.length === 0 || instance.mapIndex !== -1 ? new Map<string, number>() : mappedLengths(plan.taskId, plan.mappedPaths, report);
  if ('code' in lengths) return failInstance(run, instance, lengths, report);
  return [
    { type: 'TaskSucceeded', ...attemptOf(report), ...successOf(report, lengths), atMs: report.nowMs },
    ...skipsOf(run, instance, report),
  ];
}

export function recordFailed(run: DagRun, report: Report<'RecordTaskFailed'>): Decision<RunEvent> {
  const instance = reported(run, report, 'fail');
  return isInstance(instance) ? failInstance(run, instance, report.failure, report, report.retry) : instance;
}

export function recordSkipped(run: DagRun, report: Report<'RecordTaskSkipped'>): Decision<RunEvent> {
  const instance = reported(run, report, 'skip');
  if (!isInstance(instance)) return instance;
  return [{ type: 'TaskSkipped', ...attemptOf(report), cause: report.softFail === true ? 'soft_fail' : 'exception', atMs: report.nowMs }];
}

export function recordRescheduled(run: DagRun, report: Report<'RecordTaskRescheduled'>): Decision<RunEvent> {
  const instance = reported(run, report, 'reschedule');
  if (!isInstance(instance)) return instance;
  return [{ type: 'TaskRescheduled', ...attemptOf(report), nextPokeAtMs: report.nextPokeAtMs, atMs: report.nowMs }];
}

export function recordDeferred(run: DagRun, report: Report<'RecordTaskDeferred'>): Decision<RunEvent> {
  const instance = reported(run, report, 'defer');
  if (!isInstance(instance)) return instance;
  return [{ type: 'TaskDeferred', ...attemptOf(report), trigger: report.trigger, ...timeoutOf(report), atMs: report.nowMs }];
}

export function recordAwaitingInput(run: DagRun, report: Report<'RecordAwaitingInput'>): Decision<RunEvent> {
  const instance = reported(run, report, 'awaitInput');
  if (!isInstance(instance)) return instance;
  return [{ type: 'TaskAwaitingInput', ...attemptOf(report), request: report.request, ...timeoutOf(report), atMs: report.nowMs }];
}

/** The same try is given to another worker, under a higher epoch; unless its effects must not repeat, or it was lost too often. */
export function recordLost(run: DagRun, report: Report<'RecordAttemptLost'>): Decision<RunEvent> {
  const instance = reported(run, report, 'lose');
  if (!isInstance(instance)) return instance;
  const lost: RunEvent = { type: 'TaskAttemptLost', ...attemptOf(report), worker: report.worker, cause: report.cause, atMs: report.nowMs };
  const message = `Worker ${report.worker} was lost while it ran this try (${report.cause}).`;
  if (instance.slot.plan.definition.onLost === 'fail') {
    const failure: Failure = { code: 'worker_lost', message: `${message} The task says onLost 'fail', so it is not run again: clear it when that is safe.` };
    return [lost, ...failInstance(run, instance, failure, report, { action: 'fail' })];
  }
  if (instance.losses + 1 >= MAX_LOSSES_PER_TRY) {
    const failure: Failure = { code: 'worker_lost', message: `${message} That is ${MAX_LOSSES_PER_TRY} times for one try: see whether the task kills its worker.` };
    return [lost, ...failInstance(run, instance, failure, report)];
  }
  return [lost, { type: 'TaskScheduled', ...refOf(instance), tryNumber: instance.tryNumber, atMs: report.nowMs }];
}

/** The end of a try: another is scheduled, or the instance has failed and, with `failFast`, all that is not finished with it. */
export function failInstance(run: DagRun, instance: TaskInstance, failure: Failure, attempt: { readonly epoch?: number; readonly nowMs: number }, verdict?: RetryVerdict): readonly RunEvent[] {
  const { tryNumber } = instance;
  const failed = { ...refOf(instance), tryNumber, ...(attempt.epoch === undefined ? {} : { epoch: attempt.epoch }), failure, atMs: attempt.nowMs };
  const retryAt = retryAtMs(instance.slot.plan.definition, instance, failure, verdict, attempt.nowMs);
  if (retryAt !== null) return [{ type: 'TaskRetryScheduled', ...failed, retryAtMs: retryAt }];
  return [{ type: 'TaskFailed', ...failed }, ...(run.plan.definition.failFast === true ? stopRest(run, instance, attempt.nowMs) : [])];
}

function stopRest(run: DagRun, failed: TaskInstance, nowMs: number): RunEvent[] {
  const events: RunEvent[] = [];
  for (const slot of run.slots) {
    if (slot.plan.teardown) continue;
    for (const instance of slot.instances) {
      if (instance === failed || isTerminal(instance.state)) continue;
      events.push(instance.state === 'running'
        ? { type: 'TaskFailed', ...refOf(instance), tryNumber: instance.tryNumber, failure: { code: 'cancelled', message: `${failed.slot.plan.taskId} failed and the DAG is failFast.` }, atMs: nowMs }
        : { type: 'TaskSkipped', ...refOf(instance), cause: 'fail_fast', by: failed.slot.plan.taskId, atMs: nowMs });
    }
  }
  return events;
}

const SKIP_CAUSES = { branch: 'branch', shortCircuit: 'short_circuit', latestOnly: 'latest_only' } as const;

export const skipCauseOf = (skipper: TaskInstance): 'branch' | 'short_circuit' | 'latest_only' => {
  const { kind } = skipper.slot.plan.definition;
  return kind === 'branch' || kind === 'shortCircuit' || kind === 'latestOnly' ? SKIP_CAUSES[kind] : 'branch';
};

/** What a branch or a short circuit skips goes with its success: whatever has not begun. */
function skipsOf(run: DagRun, skipper: TaskInstance, success: RecordedSuccess & { readonly nowMs: number }): RunEvent[] {
  const events: RunEvent[] = [];
  for (const task of coverOf(run.plan, skipper.slot.plan, success.chosen ?? null, success.passed ?? null)) {
    for (const instance of coveredInstances(run, skipper, task)) {
      if (instance.state !== 'none' && instance.state !== 'scheduled' && instance.state !== 'upstream_failed') continue;
      events.push({ type: 'TaskSkipped', ...refOf(instance), cause: skipCauseOf(skipper), by: skipper.slot.plan.taskId, atMs: success.nowMs });
    }
  }
  return events;
}

function refusedChoice(run: DagRun, branch: TaskInstance, success: RecordedSuccess): Failure | undefined {
  const { taskId, definition } = branch.slot.plan;
  if (success.chosen === undefined) return { code: 'bad_branch', message: `Branch ${taskId} chose nothing that is a list of task ids: return the id, or the ids, of tasks to follow.` };
  const targets = definition.branchTargets;
  const unknown = success.chosen.find((id) => (targets === undefined ? tasksNamed(run.plan, id).length === 0 : !targets.includes(id)));
  if (unknown === undefined) return undefined;
  const may = targets === undefined ? 'a task of this DAG' : `one of ${targets.join(', ')}`;
  return { code: 'bad_branch', message: `Branch ${taskId} chose ${unknown}, which it may not: choose ${may}.` };
}

const attemptOf = ({ taskId, mapIndex, tryNumber, epoch }: AttemptRef): AttemptRef => ({ taskId, mapIndex, tryNumber, epoch });

const timeoutOf = ({ timeoutAtMs }: { readonly timeoutAtMs?: number }): { readonly timeoutAtMs?: number } => (timeoutAtMs === undefined ? {} : { timeoutAtMs });

function successOf(success: RecordedSuccess, lengths: ReadonlyMap<string, number>): RecordedSuccess {
  const whole = lengths.get('') ?? success.resultLength;
  const parts = [...lengths].filter(([path]) => path !== '');
  return {
    ...(success.result === undefined ? {} : { result: success.result }),
    ...(whole === undefined ? {} : { resultLength: whole }),
    ...(parts.length === 0 ? {} : { resultLengths: Object.fromEntries(parts) }),
    ...(success.chosen === undefined ? {} : { chosen: success.chosen }),
    ...(success.passed === undefined ? {} : { passed: success.passed }),
    ...(success.assetEvents === undefined ? {} : { assetEvents: success.assetEvents }),
    ...(success.renderedMapIndex === undefined ? {} : { renderedMapIndex: success.renderedMapIndex }),
  };
}
