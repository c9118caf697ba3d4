import type { Decision } from '../decider.ts';
import type { RunCommand } from './command.ts';
import type { Failure, RunEvent } from './event.ts';
import { failInstance, isInstance, reported } from './report.ts';
import { findInstance, refOf, type DagRun, type TaskInstance } from './state.ts';

/**
 * A deferred task instance waits for its trigger, which runs as an attempt of its own kind under the id of the try: each
 * grant of it has a higher epoch, so it is fenced, leased and lost as a task's attempts are.
 */

/** After so many deaths of the process that hosts it the trigger has failed: it may be what kills the process. */
const MAX_HOST_DEATHS = 5;

type Report<Type extends RunCommand['type']> = Extract<RunCommand, { type: Type }>;

/** The same try is ready again and is told what happened. */
export function recordTriggerFired(run: DagRun, report: Report<'RecordTriggerFired'>): Decision<RunEvent> {
  const instance = reported(run, report, 'resume');
  if (!isInstance(instance)) return instance;
  const { taskId, mapIndex, tryNumber, epoch, event, nowMs } = report;
  return [
    { type: 'TriggerFired', taskId, mapIndex, tryNumber, epoch, event, atMs: nowMs },
    { type: 'TaskScheduled', ...refOf(instance), tryNumber: instance.tryNumber, atMs: nowMs },
  ];
}

/**
 * The instance stays deferred and its trigger is given to another host. Workers come and go in a long wait, so only deaths
 * count. undefined: the task is not deferred, so it is not its trigger that was lost.
 */
export function recordTriggerLost(run: DagRun, report: Report<'RecordAttemptLost'>): Decision<RunEvent> | undefined {
  if (findInstance(run, report)?.state !== 'deferred') return undefined;
  const instance = reported(run, report, 'lose');
  if (!isInstance(instance)) return instance;
  const { taskId, mapIndex, tryNumber, epoch, worker, cause, nowMs } = report;
  const lost: RunEvent = { type: 'TaskAttemptLost', taskId, mapIndex, tryNumber, epoch, worker, cause, atMs: nowMs };
  if (!countsAsLoss(instance, cause) || instance.losses + 1 < MAX_HOST_DEATHS) return [lost];
  const failure: Failure = { code: 'killed', message: `The process that hosts the trigger died ${MAX_HOST_DEATHS} times while this one waited in it: see whether the trigger kills it.` };
  return [lost, ...failInstance(run, instance, failure, { epoch, nowMs })];
}

export const countsAsLoss = (instance: TaskInstance, cause: Report<'RecordAttemptLost'>['cause']): boolean =>
  instance.state !== 'deferred' || cause === 'runner_died';

/** The time for the trigger is up. A sensor was to find what it waits for by then, and trying again cannot help it. */
export function passTriggerTimeout(run: DagRun, instance: TaskInstance, nowMs: number): readonly RunEvent[] {
  const { kind, sensor } = instance.slot.plan.definition;
  if (sensor?.softFail === true) return [{ type: 'TaskSkipped', ...refOf(instance), tryNumber: instance.tryNumber, cause: 'soft_fail', atMs: nowMs }];
  const code = kind === 'sensor' ? 'sensor_timeout' : 'timeout';
  return failInstance(run, instance, { code, message: 'What the task deferred to did not happen before its timeout.' }, { nowMs });
}
