import { invariant } from '../decider.ts';
import type { Json } from '../json.ts';
import type { RunPlan } from '../dag/plan.ts';
import { restoreCallbacks, type PendingCallback } from './callback.ts';
import { createRunState, expandSlot, instanceAt, moveState, newInstance, setSkipping, type DagRun, type TaskInstance, type TaskSlot } from './state.ts';

/**
 * Of the code that folds a run: raise it whenever the same events would come to another state, or the image below
 * changes; a snapshot of another fingerprint is not read and the run is folded from its first event.
 */
export const RUN_SNAPSHOT_FINGERPRINT = 'dag-run/6';

const RUN_MEMBERS = ['created', 'state', 'planHash', 'dagVersion', 'bundleHash', 'startedAtMs', 'finishedAtMs', 'failureReason', 'note', 'backfillId', 'queuedAtMs', 'missedDeadlines', 'callbackCount', 'erased'] as const;
const INSTANCE_MEMBERS = [
  'state', 'tryNumber', 'startedTry', 'maxTries', 'epoch', 'endedEpoch', 'losses', 'worker', 'wakeAtMs', 'firstStartedAtMs', 'failure', 'trigger', 'resumed',
  'hasResult', 'result', 'resultLength', 'resultLengths', 'chosen', 'passed', 'skippedBy', 'xcoms', 'note', 'inputRequest', 'inputAnswer',
] as const satisfies readonly (keyof TaskInstance)[];

type RunImage = Pick<DagRun, (typeof RUN_MEMBERS)[number]> & { readonly callbacks: readonly PendingCallback[]; readonly tasks: readonly TaskImage[] };
/** Of each instance only what is not as in the beginning; a task without any is left out. */
interface TaskImage {
  readonly taskId: string;
  readonly length: number | null;
  readonly instances: readonly (readonly [mapIndex: number, Partial<Pick<TaskInstance, (typeof INSTANCE_MEMBERS)[number]>>])[];
}

/** The run as JSON. Only what was recorded stands in it: counters, sets and timers follow from that again. */
export function snapshotRun(run: DagRun): Json {
  invariant(run.awaitsPlan === null && run.orphans.size === 0, 'a run is at rest when it is snapshotted');
  return imageOf(run) as unknown as Json;
}

/** The run that `snapshotRun` was given, over the same plan. */
export const restoreRun = (plan: RunPlan, snapshot: Json): DagRun => rebuild(plan, snapshot as unknown as RunImage, []);

/**
 * The run over a new plan, asked for by `RunReplanned`; use it instead of the old one, then settle `RecordTimePassed`. Task
 * instances that both plans have keep all that happened to them, new tasks wait, those that are gone await
 * `TaskRemoved`, and everything is counted anew.
 */
export function replan(run: DagRun, plan: RunPlan): DagRun {
  return rebuild(plan, imageOf(run), run.slots);
}

function imageOf(run: DagRun): RunImage {
  const tasks = run.slots.flatMap((slot): TaskImage[] => {
    const instances = slot.instances.flatMap((instance): TaskImage['instances'] => {
      const changed = changesOf(instance);
      return Object.keys(changed).length === 0 ? [] : [[instance.mapIndex, changed]];
    });
    return instances.length === 0 && slot.length === null ? [] : [{ taskId: slot.plan.taskId, length: slot.length, instances }];
  });
  return { ...pick(run, RUN_MEMBERS), callbacks: [...run.callbacks.values()], tasks };
}

function changesOf(instance: TaskInstance): Partial<TaskInstance> {
  const fresh = newInstance(instance.slot, instance.mapIndex);
  return pick(instance, INSTANCE_MEMBERS.filter((member) => instance[member] !== fresh[member]));
}

function pick<T extends object, K extends keyof T>(from: T, members: readonly K[]): Pick<T, K> {
  return Object.fromEntries(members.map((member) => [member, from[member]])) as Pick<T, K>;
}

/** Lengths first, then states: each move of a state then finds the counters that it changes. */
function rebuild(plan: RunPlan, image: RunImage, before: readonly TaskSlot[]): DagRun {
  const run = Object.assign(createRunState(plan), pick(image, RUN_MEMBERS));
  restoreCallbacks(run, image.callbacks);
  const slotOf = (taskId: string): TaskSlot | undefined => run.slots[plan.indexOf.get(taskId) ?? -1];
  for (const { taskId, length, instances } of image.tasks) {
    const slot = slotOf(taskId);
    if (slot?.plan.mapping === undefined || length === null) continue;
    expandSlot(run, slot, instances.reduce((most, [mapIndex]) => Math.max(most, mapIndex + 1), length));
    slot.length = length;
  }
  for (const { taskId, instances } of image.tasks) {
    const slot = slotOf(taskId);
    for (const [mapIndex, changed] of instances) {
      const instance = slot === undefined ? undefined : instanceAt(slot, mapIndex);
      if (instance !== undefined) put(run, instance, changed);
    }
  }
  for (const { plan: { taskId }, instances } of before) {
    const slot = slotOf(taskId);
    const gone = instances.filter(({ mapIndex, state }) => state !== 'removed' && (slot === undefined || instanceAt(slot, mapIndex) === undefined));
    if (gone.length > 0) run.orphans.set(taskId, gone);
  }
  return run;
}

function put(run: DagRun, instance: TaskInstance, { state = 'none', wakeAtMs = null, ...rest }: Partial<TaskInstance>): void {
  Object.assign(instance, rest);
  if (state === 'success' && instance.hasResult) instance.slot.results += 1;
  moveState(run, instance, state);
  setSkipping(run, instance, true);
  if (wakeAtMs !== null) run.timers.sleep(instance, wakeAtMs);
}
