import { nextDeadlineAtMs } from './deadline.ts';
import type { AttemptRef, RunEvent, TaskInstanceRef, TaskResult } from './event.ts';
import { findInstance, isTerminal, refOf, type DagRun, type TaskInstance } from './state.ts';
import type { TaskState } from './state-names.ts';

/** What a service may see of a task instance. */
export type TaskInstanceView = Readonly<Omit<TaskInstance, 'slot' | 'own' | 'wakeAtMs'>> & { readonly taskId: string };

/** undefined: the run has no such task, or the task has not expanded to that map index. */
export function taskInstance(run: DagRun, ref: TaskInstanceRef): TaskInstanceView | undefined {
  const instance = findInstance(run, ref);
  if (instance === undefined) return undefined;
  const { slot, own: _, wakeAtMs: __, ...view } = instance;
  return { ...view, taskId: slot.plan.taskId };
}

/** All that wait for a slot, in order of definition, for publishing them again. */
export const readyInstances = (run: DagRun): readonly TaskInstanceView[] => viewsOf(run, run.scheduled);

/** Deferred ones, whose triggers an attempt may be waiting in. */
export const deferredInstances = (run: DagRun): readonly TaskInstanceView[] => (run.deferred.size === 0 ? [] : viewsOf(run, run.deferred));

/** All that an attempt may be running for: ready ones may have been granted, running ones have begun. */
export const liveInstances = (run: DagRun): readonly TaskInstanceView[] => viewsOf(run, [...run.scheduled, ...run.running]);

function viewsOf(run: DagRun, instances: Iterable<TaskInstance>): TaskInstanceView[] {
  return [...instances]
    .sort((a, b) => a.slot.plan.index - b.slot.plan.index || a.mapIndex - b.mapIndex)
    .flatMap((instance) => taskInstance(run, refOf(instance)) ?? []);
}

export const isFinished = (run: DagRun): boolean => run.state === 'success' || run.state === 'failed';

/** Nothing will happen of it any more unless it is asked for: it has ended, its callbacks are done, and no deadline is to come. */
export const isAtRest = (run: DagRun): boolean => isFinished(run) && run.callbacks.size === 0 && nextDeadlineAtMs(run) === null;

/** How many task instances are in each state; kept, not counted. */
export const countsByState = (run: DagRun): Readonly<Record<TaskState, number>> => run.counts;

/** null: not mapped, or not expanded. */
export function mapLengthOf(run: DagRun, taskId: string): number | null {
  return run.slots[run.plan.indexOf.get(taskId) ?? -1]?.length ?? null;
}

/** Has the shape of the contracts' `UpstreamResult`. */
export type ResultOfUpstream =
  | { readonly mapped: false; readonly state: string; readonly result?: TaskResult }
  | { readonly mapped: true; readonly items: readonly { readonly mapIndex: number; readonly state: string; readonly result?: TaskResult }[] };

/**
 * Results of the tasks that a task instance reads or is mapped over, by task id. Inside a mapped group it sees its own
 * map index of the group's other tasks, as if they were not mapped. Of a mapped task what returned null has no result,
 * as it does not count in the length of a mapping over it.
 */
export function upstreamResults(run: DagRun, taskId: string, mapIndex: number): { readonly [taskId: string]: ResultOfUpstream } {
  const results: { [taskId: string]: ResultOfUpstream } = {};
  const reader = run.plan.tasks[run.plan.indexOf.get(taskId) ?? -1];
  for (const task of reader?.reads ?? []) {
    const from = run.slots[task];
    if (from === undefined) continue;
    const only = from.length === null ? from.instances[0]
      : from.plan.mappedGroup !== undefined && from.plan.mappedGroup === reader?.mappedGroup ? from.instances[mapIndex] : undefined;
    results[from.plan.taskId] = only === undefined
      ? { mapped: true, items: from.instances.map((instance) => ({ mapIndex: instance.mapIndex, ...(instance.hasResult ? resultOf(instance) : { state: instance.state }) })) }
      : { mapped: false, ...resultOf(only) };
  }
  return results;
}

const resultOf = ({ state, result }: TaskInstance): { readonly state: string; readonly result?: TaskResult } =>
  (result === null ? { state } : { state, result });

/**
 * The attempt that an event ends without a report of its own (a clear, a mark, a skip, a timeout), asked before the
 * event is folded: its lease must go in the same transaction. Epoch 0: whatever grant there may be.
 */
export function revokedBy(run: DagRun, event: RunEvent): AttemptRef | null {
  switch (event.type) {
    case 'TaskFailed':
    case 'TaskRetryScheduled':
    case 'TaskSkipped':
    case 'TaskMarked':
    case 'TaskRestarting':
    case 'TaskCleared':
    case 'TaskRemoved': {
      if ('epoch' in event && event.epoch !== undefined) return null;
      const instance = findInstance(run, event);
      if (instance === undefined || !HELD_STATES.includes(instance.state)) return null;
      return { ...refOf(instance), tryNumber: instance.tryNumber, epoch: instance.epoch };
    }
    default:
      return null;
  }
}

const HELD_STATES: readonly TaskState[] = ['scheduled', 'running', 'deferred'];

/** For `PastRuns.taskOf`: the state of a task instance, and whether all of its direct downstream has ended well. */
export function pastOf(run: DagRun, ref: TaskInstanceRef): { readonly state: string; readonly downstreamDone: boolean } | undefined {
  const instance = findInstance(run, ref);
  if (instance === undefined) return undefined;
  const well = (state: TaskState): boolean => isTerminal(state) && state !== 'failed' && state !== 'upstream_failed';
  const downstreamDone = instance.slot.plan.downstream.every((task) => run.slots[task]?.instances.every(({ state }) => well(state)) === true);
  return { state: instance.state, downstreamDone };
}
