import type { WaitingReason } from '../admission/why-waiting.ts';
import { isoInstant } from '../schedule/civil.ts';
import { pastAllows } from './advance.ts';
import type { PastRuns } from './command.ts';
import type { TaskInstanceRef } from './event.ts';
import { humanRequestOf } from './human-request.ts';
import { judge, setupCounts, upstreamCounts } from './judge.ts';
import { findInstance, isTerminal, refOf, type DagRun, type TaskInstance } from './state.ts';
import type { TaskState } from './state-names.ts';

/** What the run itself cannot know. */
export interface Outside {
  readonly dagPaused: boolean;
  /** Of a queued run: why it has not started (`maxActiveRuns`, its backfill). */
  readonly runWaits?: string;
  readonly past?: PastRuns;
  /** Of a ready instance: what `whyWaiting` of admission answers. */
  readonly slot?: WaitingReason;
  /** The worker it was granted to, when it was. */
  readonly grantedTo?: string;
}

export interface Explanation {
  readonly code:
    | 'unknown_task_instance' | 'finished' | 'running' | 'run_finished' | 'run_queued' | 'dag_paused' | 'upstream_unfinished'
    | 'map_source_unfinished' | 'setup_unfinished' | 'waits_for_past_run' | 'about_to_move' | 'waits_for_retry' | 'waits_for_poke'
    | 'waits_for_trigger' | 'waits_for_input' | 'granted' | WaitingReason['code'] | 'waits_for_slot' | 'stuck';
  readonly message: string;
  readonly state: TaskState | null;
  /** Until when it waits at most, if there is such an instant. */
  readonly untilMs?: number;
  /** Task instances that it waits for, at most 20, in order of definition. */
  readonly waitsFor?: readonly (TaskInstanceRef & { readonly state: TaskState })[];
}

const MOST_NAMED = 20;

/** Why is this task instance not running? An answer for any, at any time. */
export function explainTaskInstance(run: DagRun, ref: TaskInstanceRef, outside: Outside): Explanation {
  const instance = findInstance(run, ref);
  if (instance === undefined) {
    return { code: 'unknown_task_instance', state: null, message: `This run has no task instance ${ref.taskId}[${ref.mapIndex}]; a mapped task has its instances once its length is known.` };
  }
  const { state } = instance;
  if (isTerminal(state)) return { code: 'finished', state, message: finishedSentence(instance) };
  if (state === 'running') return { code: 'running', state, message: `Try ${instance.tryNumber} runs on ${instance.worker ?? 'a worker'}.` };
  if (run.state === 'success' || run.state === 'failed') {
    return { code: 'run_finished', state, message: `The run has ended (${run.state}); clear the task with its run to run it again.` };
  }
  if (run.state === 'queued') {
    return outside.dagPaused
      ? { code: 'dag_paused', state, message: 'The DAG is paused and the run has not started: unpause the DAG.' }
      : { code: 'run_queued', state, message: `The run is queued${outside.runWaits === undefined ? '' : `: ${outside.runWaits}`}.` };
  }
  return state === 'none' ? explainWaiting(run, instance, outside) : explainLive(instance, outside);
}

function finishedSentence({ state, tryNumber, failure, skippedBy }: TaskInstance): string {
  const why = state === 'failed' && failure !== null ? ` ${failure.message}` : state === 'skipped' && skippedBy !== null ? ` ${skippedBy} skipped it.` : '';
  const end = state === 'upstream_failed' ? 'An upstream task failed, so it will not run.' : `It has ended: ${state}${tryNumber === 0 ? '' : `, at try ${tryNumber}`}.`;
  return `${end}${why}`;
}

function explainLive(instance: TaskInstance, outside: Outside): Explanation {
  const { state, wakeAtMs, tryNumber } = instance;
  const until = wakeAtMs === null ? {} : { untilMs: wakeAtMs };
  const paused = outside.dagPaused ? ' The DAG is paused: unpause it, or nothing begins.' : '';
  const by = wakeAtMs === null ? '' : ` at ${isoInstant(Math.ceil(wakeAtMs / 1_000) * 1_000)}`;
  switch (state) {
    case 'up_for_retry':
      return { code: 'waits_for_retry', state, ...until, message: `Try ${tryNumber} failed${instance.failure === null ? '' : ` (${instance.failure.message})`}; try ${tryNumber + 1} is due${by}.${paused}` };
    case 'up_for_reschedule':
      return { code: 'waits_for_poke', state, ...until, message: `The sensor's condition was not met; it is asked again${by}.${paused}` };
    case 'deferred':
      return { code: 'waits_for_trigger', state, ...until, message: `It waits for its trigger to fire${wakeAtMs === null ? '' : `, and fails${by}`}.` };
    case 'awaiting_input':
      return { code: 'waits_for_input', state, ...until, message: `It waits for a person to answer${wakeAtMs === null ? '' : `, and ${humanRequestOf(instance.inputRequest).defaults === undefined ? 'fails' : 'takes its defaults'}${by}`}.` };
    default:
      if (outside.grantedTo !== undefined) return { code: 'granted', state, message: `Worker ${outside.grantedTo} was given it and has not begun.` };
      if (outside.slot !== undefined) return { code: outside.slot.code, state, message: outside.slot.message };
      return { code: 'waits_for_slot', state, message: 'Its dependencies are met; it waits for a slot.' };
  }
}

function explainWaiting(run: DagRun, instance: TaskInstance, outside: Outside): Explanation {
  const { state, slot } = instance;
  const { plan } = slot;
  if (judge(run, instance) !== 'wait') {
    if (outside.dagPaused) return { code: 'dag_paused', state, message: 'The DAG is paused: what has begun goes on, and nothing else begins until it is unpaused.' };
    if (plan.needsPast && (outside.past === undefined || !pastAllows(instance, outside.past))) {
      return { code: 'waits_for_past_run', state, message: pastSentence(instance, outside.past) };
    }
    return { code: 'about_to_move', state, message: 'Its dependencies are settled; the scheduler moves it next.' };
  }
  const sources = slot.length === null ? unfinished(run, instance, plan.mapSources) : [];
  const upstream = unfinished(run, instance, plan.upstream);
  if (upstream.length > 0) {
    const counts = upstreamCounts(instance);
    const finished = counts.success + counts.skipped + counts.failed + counts.upstream_failed;
    return { code: 'upstream_unfinished', state, waitsFor: upstream.slice(0, MOST_NAMED), message: `Its trigger rule ${plan.rule} waits: ${finished} of ${counts.upstream - counts.removed} upstream task instances have finished. Next: ${named(upstream)}.` };
  }
  if (sources.length > 0) {
    return { code: 'map_source_unfinished', state, waitsFor: sources.slice(0, MOST_NAMED), message: `How many instances it has depends on the result of ${named(sources)}.` };
  }
  const setups = unfinished(run, instance, plan.indirectSetups);
  if (setups.length > 0) {
    const counts = setupCounts(instance);
    return { code: 'setup_unfinished', state, waitsFor: setups.slice(0, MOST_NAMED), message: `${counts.success} of its ${counts.upstream} setups further up have succeeded. Next: ${named(setups)}.` };
  }
  return { code: 'stuck', state, message: `Everything upstream has finished and its trigger rule ${plan.rule} will never be met: the run ends as deadlocked when nothing else is under way.` };
}

function pastSentence(instance: TaskInstance, past: PastRuns | undefined): string {
  const { taskId, definition } = instance.slot.plan;
  const rule = `${taskId} depends on the DAG's previous run: its ${taskId}${definition.waitForDownstream === true ? ', and what is directly below it,' : ''} must end in success or skipped`;
  if (past?.runId === undefined) return `${rule}.`;
  const before = past.taskOf(refOf(instance));
  if (before === undefined) return `${rule}. Run ${past.runId} does not have it, and ignoreFirstDependsOnPast is false: clear that run on the newest version, or mark this task.`;
  if (before.state === 'failed' || before.state === 'upstream_failed') return `${rule}. In run ${past.runId} it is ${before.state}: clear it there, or mark it a success.`;
  if (before.state !== 'success' && before.state !== 'skipped') return `${rule}. In run ${past.runId} it is ${before.state === 'none' ? 'not begun' : before.state} yet.`;
  return `${rule}. In run ${past.runId} it is ${before.state}, and what is directly below it is not: see what that waits for, or clear it there.`;
}

type Named = TaskInstanceRef & { readonly state: TaskState };

function unfinished(run: DagRun, instance: TaskInstance, tasks: readonly number[]): Named[] {
  const found: Named[] = [];
  for (const task of tasks) {
    const slot = run.slots[task];
    if (slot === undefined || slot.open === 0) continue;
    const sameGroup = slot.plan.mappedGroup !== undefined && slot.plan.mappedGroup === instance.slot.plan.mappedGroup;
    const relevant = sameGroup && slot.length !== null ? slot.instances.slice(instance.mapIndex, instance.mapIndex + 1) : slot.instances;
    for (const { mapIndex, state } of relevant) if (!isTerminal(state)) found.push({ taskId: slot.plan.taskId, mapIndex, state });
  }
  return found;
}

function named(instances: readonly Named[]): string {
  const names = instances.slice(0, 3).map(({ taskId, mapIndex, state }) => `${taskId}${mapIndex === -1 ? '' : `[${mapIndex}]`} (${state})`);
  return instances.length > names.length ? `${names.join(', ')} and ${instances.length - names.length} more` : names.join(', ');
}
