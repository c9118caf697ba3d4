import type { Json } from '../json.ts';
import type { PlannedEdge, PlannedTask, RunPlan } from '../dag/plan.ts';
import { relatives } from '../dag/plan.ts';
import type { PendingCallback } from './callback.ts';
import type { Failure, RunCreated, RunFailureReason, TaskInstanceRef, TaskResult } from './event.ts';
import type { HumanAnswer } from './human-request.ts';
import { judge } from './judge.ts';
import type { RunState, TaskState, TerminalTaskState } from './state-names.ts';
import { TimerHeap } from './timer-heap.ts';
import { newCounts, type UpstreamCounts } from './trigger-rule.ts';

/**
 * A DAG run as folded from its stream.
 *
 * What a task instance contributes to the counters of those below it is a function of its own state alone; `moveState`
 * takes the old contribution away and adds the new one, so that completions, clears and marks are all the same move of
 * O(out-degree). `due…` is the frontier: exactly the tasks (or, in mapped groups, the instances) that wait in `none`
 * and whose counters say that something must happen to them. It is derived from the rest, as are all counts: `recount`
 * makes them anew.
 */
export interface DagRun {
  readonly plan: RunPlan;
  /** null before `RunCreated`. */
  created: RunCreated | null;
  state: RunState;
  planHash: string;
  dagVersion: number;
  bundleHash: string;
  startedAtMs: number | null;
  finishedAtMs: number | null;
  failureReason: RunFailureReason | null;
  note: string | null;
  /** The backfill that made the run, or put it back to `queued` last. */
  backfillId: string | null;
  /** When it was made, or put back to `queued` last. */
  queuedAtMs: number | null;
  /** Positions in the DAG's list. */
  missedDeadlines: readonly number[];
  /** What has been asked for and has not ended, oldest first; outlives the end of the run. */
  callbacks: Map<number, PendingCallback>;
  /** How many of them wait for their next try. */
  callbackRetries: number;
  /** Callbacks ever asked for. */
  callbackCount: number;
  erased: boolean;
  /** Hash of the plan that must be put in (`replan`) before anything else is folded. */
  awaitsPlan: string | null;
  readonly slots: readonly TaskSlot[];
  /** Task instances of tasks that the plan no longer has, until `TaskRemoved` is recorded of each. */
  readonly orphans: Map<string, TaskInstance[]>;

  readonly counts: Record<TaskState, number>;
  unfinished: number;
  failedLeaves: number;
  readonly dueSlots: Set<TaskSlot>;
  readonly dueInstances: Set<TaskInstance>;
  readonly scheduled: Set<TaskInstance>;
  readonly running: Set<TaskInstance>;
  readonly deferred: Set<TaskInstance>;
  readonly timers: TimerHeap<TaskInstance>;
}

/** One task of the run, with its instances: one (map index -1) until it has expanded. */
export interface TaskSlot {
  readonly plan: PlannedTask;
  /** null: not mapped, or not expanded. */
  length: number | null;
  /** By map index once expanded, removed ones included. */
  instances: TaskInstance[];
  /** Over upstream tasks taken whole: the same for all instances. */
  readonly upstream: UpstreamCounts;
  readonly indirectSetups: UpstreamCounts;
  /** Branches and short circuits that have skipped all instances. */
  skippers: readonly TaskInstance[];
  /** Instances in `none`. */
  waiting: number;
  /** Instances that have not finished. */
  open: number;
  /** Instances that succeeded with a result: what a task mapped over this mapped task counts. */
  results: number;
}

export interface TaskInstance {
  readonly slot: TaskSlot;
  readonly mapIndex: number;
  state: TaskState;
  /** The newest try that was scheduled; 0: none. */
  tryNumber: number;
  /** The newest try that began. */
  startedTry: number;
  /** A failed try is followed by another while its number is not above this. */
  maxTries: number;
  /** Of the attempt that runs; 0: none has reported yet. */
  epoch: number;
  /** Attempts of this try up to this epoch have ended: their reports count no more. */
  endedEpoch: number;
  /** Attempts of this try that were lost. */
  losses: number;
  worker: string | null;
  wakeAtMs: number | null;
  /** When the try, or the first of the pokes that make it up, was first begun since it was last cleared. */
  firstStartedAtMs: number | null;
  failure: Failure | null;
  /** What it waits for while it is deferred. */
  trigger: Json | null;
  /** What the trigger of this try brought; kept, so that an execution after a lost one is told too. */
  resumed: { readonly event: Json } | null;
  /** It returned something other than null. */
  hasResult: boolean;
  /** Only kept when some task reads it. */
  result: TaskResult | null;
  resultLength: number | null;
  resultLengths: { readonly [path: string]: number } | null;
  chosen: readonly string[] | null;
  passed: boolean | null;
  skippedBy: string | null;
  /** Keys that people set; null: none. */
  xcoms: readonly string[] | null;
  note: string | null;
  /** What it asks of people, while it awaits input. */
  inputRequest: Json | null;
  /** What the newest try was answered. */
  inputAnswer: HumanAnswer | null;
  /** Over upstream tasks of the same mapped group, same map index. */
  readonly own: OwnCounts | null;
}

interface OwnCounts {
  readonly upstream: UpstreamCounts;
  readonly indirectSetups: UpstreamCounts;
  skippers: readonly TaskInstance[];
}

/** Most tasks have no indirect setups and no skippers: they share these, which nothing changes. */
const NO_SETUPS: UpstreamCounts = Object.freeze(newCounts(0, 0));
const NO_SKIPPERS: readonly TaskInstance[] = [];

export const isTerminal = (state: TaskState): state is TerminalTaskState =>
  state === 'success' || state === 'failed' || state === 'skipped' || state === 'upstream_failed' || state === 'removed';

/** Nothing more will be executed of the try. */
export const isTryOver = (state: TaskState): boolean => isTerminal(state) || state === 'up_for_retry';

/** What the last attempt of the try reported has been taken in, or there is none. */
export const isAttemptDecided = (state: TaskState): boolean => state !== 'running' && state !== 'queued' && state !== 'restarting';

/** Something is under way that will end by itself or by a report. */
export const LIVE_STATES = ['scheduled', 'queued', 'running', 'restarting', 'up_for_retry', 'up_for_reschedule', 'deferred', 'awaiting_input'] as const;

const NO_INSTANCES: Readonly<Record<TaskState, number>> = {
  none: 0, scheduled: 0, queued: 0, running: 0, restarting: 0, up_for_retry: 0, up_for_reschedule: 0, deferred: 0,
  awaiting_input: 0, success: 0, failed: 0, skipped: 0, upstream_failed: 0, removed: 0,
};

/** A run of which nothing has happened yet; its first event is `RunCreated`. */
export function createRunState(plan: RunPlan): DagRun {
  const slots = plan.tasks.map((task) => newSlot(task));
  const run: DagRun = {
    plan, created: null, state: 'queued', planHash: '', dagVersion: 0, bundleHash: '', startedAtMs: null, finishedAtMs: null,
    failureReason: null, note: null, backfillId: null, queuedAtMs: null, missedDeadlines: [], callbacks: new Map(), callbackRetries: 0, callbackCount: 0, erased: false, awaitsPlan: null, slots, orphans: new Map(),
    counts: { ...NO_INSTANCES, none: slots.length }, unfinished: slots.length, failedLeaves: 0,
    dueSlots: new Set(), dueInstances: new Set(), scheduled: new Set(), running: new Set(), deferred: new Set(), timers: new TimerHeap(),
  };
  for (const slot of slots) reviewSlot(run, slot);
  return run;
}

function newSlot(plan: PlannedTask): TaskSlot {
  const slot: TaskSlot = {
    plan, length: null, instances: [],
    upstream: newCounts(plan.wholeUpstream, plan.wholeUpstreamSetups),
    indirectSetups: plan.wholeIndirectSetups === 0 ? NO_SETUPS : newCounts(plan.wholeIndirectSetups, 0),
    skippers: NO_SKIPPERS, waiting: 1, open: 1, results: 0,
  };
  slot.instances.push(newInstance(slot, -1));
  return slot;
}

export function newInstance(slot: TaskSlot, mapIndex: number): TaskInstance {
  return {
    slot, mapIndex, state: 'none', tryNumber: 0, startedTry: 0, maxTries: slot.plan.retries, epoch: 0, endedEpoch: 0, losses: 0,
    worker: null, wakeAtMs: null, firstStartedAtMs: null, failure: null, trigger: null, resumed: null, hasResult: false, result: null, resultLength: null, resultLengths: null,
    chosen: null, passed: null, skippedBy: null, xcoms: null, note: null, inputRequest: null, inputAnswer: null,
    own: slot.plan.mappedGroup === undefined ? null
      : { upstream: newCounts(slot.plan.indexedUpstream.length, 0), indirectSetups: newCounts(slot.plan.indexedSetups.length, 0), skippers: NO_SKIPPERS },
  };
}

export function findInstance(run: DagRun, ref: TaskInstanceRef): TaskInstance | undefined {
  const slot = run.slots[run.plan.indexOf.get(ref.taskId) ?? -1];
  const found = slot === undefined ? undefined : instanceAt(slot, ref.mapIndex);
  return found ?? (run.orphans.size === 0 ? undefined : run.orphans.get(ref.taskId)?.find(({ mapIndex }) => mapIndex === ref.mapIndex));
}

export const instanceAt = (slot: TaskSlot, mapIndex: number): TaskInstance | undefined =>
  slot.length === null ? (mapIndex === -1 ? slot.instances[0] : undefined) : slot.instances[mapIndex];

export const refOf = (instance: TaskInstance): TaskInstanceRef => ({ taskId: instance.slot.plan.taskId, mapIndex: instance.mapIndex });

/** The only place where a task instance changes state: every count, set and frontier follows from here. */
export function moveState(run: DagRun, instance: TaskInstance, next: TaskState): void {
  const { slot, state: before } = instance;
  if (before === next) return;
  instance.state = next;
  count(run, instance, before, -1);
  count(run, instance, next, 1);
  const was = isTerminal(before) ? before : null;
  const is = isTerminal(next) ? next : null;
  if (was !== is) for (const edge of slot.plan.edges) contribute(run, instance, edge, was, is);
  if (was !== null || is !== null) for (const task of slot.plan.mapDependents) reviewTask(run, task);
  if (before === 'none' || next === 'none') reviewInstance(run, instance);
}

function count(run: DagRun, instance: TaskInstance, state: TaskState, by: 1 | -1): void {
  run.counts[state] += by;
  if (!isTerminal(state)) { run.unfinished += by; instance.slot.open += by; }
  if (instance.slot.plan.leaf && (state === 'failed' || state === 'upstream_failed')) run.failedLeaves += by;
  if (state === 'none') instance.slot.waiting += by;
  const set = state === 'scheduled' ? run.scheduled : state === 'running' ? run.running : state === 'deferred' ? run.deferred : null;
  if (by === 1) set?.add(instance);
  else set?.delete(instance);
}

function contribute(run: DagRun, from: TaskInstance, edge: PlannedEdge, was: TerminalTaskState | null, is: TerminalTaskState | null): void {
  const slot = run.slots[edge.to];
  if (slot === undefined) return;
  if (!edge.indexed) {
    shift(edge.as === 'indirectSetup' ? slot.indirectSetups : slot.upstream, edge, was, is);
    reviewSlot(run, slot);
    return;
  }
  for (const instance of sameIndex(slot, from)) {
    if (instance.own === null) continue;
    shift(edge.as === 'indirectSetup' ? instance.own.indirectSetups : instance.own.upstream, edge, was, is);
    reviewInstance(run, instance);
  }
}

function shift(counts: UpstreamCounts, edge: PlannedEdge, was: TerminalTaskState | null, is: TerminalTaskState | null): void {
  if (was !== null) counts[was] -= 1;
  if (is !== null) counts[is] += 1;
  if (edge.as !== 'upstreamSetup') return;
  if (was === 'success') counts.setupsSucceeded -= 1;
  if (is === 'success') counts.setupsSucceeded += 1;
  if (was === 'skipped') counts.setupsSkipped -= 1;
  if (is === 'skipped') counts.setupsSkipped += 1;
}

/** In a mapped group an unexpanded upstream stands for every map index. */
function sameIndex(slot: TaskSlot, from: TaskInstance): readonly TaskInstance[] {
  if (from.mapIndex === -1) return slot.instances;
  const instance = slot.length === null ? undefined : slot.instances[from.mapIndex];
  return instance === undefined ? [] : [instance];
}

/** Its own counters exist: it is judged alone, not with the other instances of its task. */
const judgedAlone = (slot: TaskSlot): boolean => slot.plan.mappedGroup !== undefined;

function reviewTask(run: DagRun, task: number): void {
  const slot = run.slots[task];
  if (slot !== undefined) reviewSlot(run, slot);
}

function reviewSlot(run: DagRun, slot: TaskSlot): void {
  if (judgedAlone(slot)) { for (const instance of slot.instances) reviewInstance(run, instance); return; }
  const last = slot.instances[(slot.length ?? 1) - 1];
  const due = slot.waiting > 0 && last !== undefined && judge(run, last) !== 'wait';
  if (due) run.dueSlots.add(slot);
  else run.dueSlots.delete(slot);
}

function reviewInstance(run: DagRun, instance: TaskInstance): void {
  if (!judgedAlone(instance.slot)) { reviewSlot(run, instance.slot); return; }
  if (instance.state === 'none' && judge(run, instance) !== 'wait') run.dueInstances.add(instance);
  else run.dueInstances.delete(instance);
}

/** Gives an expanded (or grown) task its instances and tells those below how many there are now. */
export function expandSlot(run: DagRun, slot: TaskSlot, length: number): void {
  const before = slot.length;
  if (before === null) {
    const unexpanded = slot.instances[0];
    if (unexpanded === undefined || length === 0) return;
    run.dueInstances.delete(unexpanded);
    count(run, unexpanded, unexpanded.state, -1);
    slot.instances = [];
  }
  slot.length = length;
  const revived: TaskInstance[] = [];
  const created: TaskInstance[] = [];
  for (let mapIndex = 0; mapIndex < length; mapIndex += 1) {
    const known = slot.instances[mapIndex];
    if (known === undefined) {
      const instance = newInstance(slot, mapIndex);
      slot.instances.push(instance);
      created.push(instance);
      count(run, instance, 'none', 1);
      addOwnCounts(run, instance);
    } else if (known.state === 'removed') revived.push(known);
  }
  const more = created.length - (before === null ? 1 : 0);
  for (const edge of slot.plan.edges) {
    const below = run.slots[edge.to];
    if (below === undefined || edge.indexed || more === 0) continue;
    (edge.as === 'indirectSetup' ? below.indirectSetups : below.upstream).upstream += more;
    if (edge.as === 'upstreamSetup') below.upstream.setups += more;
    reviewSlot(run, below);
  }
  for (const instance of revived) moveState(run, instance, 'none');
  reviewSlot(run, slot);
}

/** What the upstream instances of its map index have come to before this instance existed. */
function addOwnCounts(run: DagRun, instance: TaskInstance): void {
  const { own, slot } = instance;
  if (own === null) return;
  const add = (counts: UpstreamCounts, from: number, as: PlannedEdge['as']): void => {
    const upstream = run.slots[from];
    const found = upstream?.length === null ? upstream.instances[0] : upstream?.instances[instance.mapIndex];
    if (found !== undefined && isTerminal(found.state)) shift(counts, { to: slot.plan.index, as, indexed: true }, null, found.state);
    if (found !== undefined && upstream?.plan.setup === true && as !== 'indirectSetup') counts.setups += 1;
  };
  for (const from of slot.plan.indexedUpstream) add(own.upstream, from, run.slots[from]?.plan.setup === true ? 'upstreamSetup' : 'upstream');
  for (const from of slot.plan.indexedSetups) add(own.indirectSetups, from, 'indirectSetup');
  for (const from of slot.plan.indexedUpstream) {
    const skipper = run.slots[from]?.instances[instance.mapIndex];
    if (skipper !== undefined && coveredBy(run, skipper).includes(slot.plan.index)) own.skippers = [...own.skippers, skipper];
  }
}

/**
 * The tasks that a branch, short circuit or latest-only has skipped by what it answered: a function of its state, so
 * that clearing it takes the skip back and clearing what it skipped skips that again.
 */
function coveredBy(run: DagRun, skipper: TaskInstance): readonly number[] {
  if (skipper.state !== 'success') return [];
  return coverOf(run.plan, skipper.slot.plan, skipper.chosen, skipper.passed);
}

export function coverOf(plan: RunPlan, task: PlannedTask, chosen: readonly string[] | null, passed: boolean | null): readonly number[] {
  const notTeardown = (other: number): boolean => plan.tasks[other]?.teardown !== true;
  switch (task.definition.kind) {
    case 'branch': {
      if (chosen === null) return [];
      const followed = chosen.flatMap((id) => tasksNamed(plan, id));
      const reached = relatives(plan.tasks, followed, 'downstream');
      return task.downstream.filter((other) => !followed.includes(other) && !reached.has(other));
    }
    case 'shortCircuit':
      if (passed !== false) return [];
      return task.definition.ignoreDownstreamTriggerRules === false
        ? task.downstream.filter(notTeardown)
        : [...relatives(plan.tasks, [task.index], 'downstream')].filter(notTeardown).sort((a, b) => a - b);
    case 'latestOnly':
      return passed === false ? task.downstream : [];
    default:
      return [];
  }
}

/** A task by its id, or all tasks directly or indirectly in the group of that id. */
export function tasksNamed(plan: RunPlan, id: string): number[] {
  const task = plan.indexOf.get(id);
  if (task !== undefined) return [task];
  const inside = new Set([id]);
  for (let grown = -1; grown !== inside.size;) {
    grown = inside.size;
    for (const group of plan.definition.groups ?? []) if (group.parentId !== undefined && inside.has(group.parentId)) inside.add(group.groupId);
  }
  return plan.tasks.filter(({ definition }) => definition.groupId !== undefined && inside.has(definition.groupId)).map(({ index }) => index);
}

/** Instances of `task` that a skip by `skipper` covers: of one map index only what shares its mapped group. */
export function coveredInstances(run: DagRun, skipper: TaskInstance, task: number): readonly TaskInstance[] {
  const slot = run.slots[task];
  if (slot === undefined) return [];
  if (skipper.mapIndex === -1) return slot.instances;
  return skipper.slot.plan.mappedGroup !== undefined && skipper.slot.plan.mappedGroup === slot.plan.mappedGroup ? sameIndex(slot, skipper) : [];
}

export function setSkipping(run: DagRun, skipper: TaskInstance, skips: boolean): void {
  for (const task of coveredBy(run, skipper)) {
    const slot = run.slots[task];
    if (slot === undefined) continue;
    if (skipper.mapIndex === -1) {
      slot.skippers = including(slot.skippers, skipper, skips);
      reviewSlot(run, slot);
      continue;
    }
    for (const instance of coveredInstances(run, skipper, task)) {
      if (instance.own !== null) instance.own.skippers = including(instance.own.skippers, skipper, skips);
      reviewInstance(run, instance);
    }
  }
}

function including(list: readonly TaskInstance[], item: TaskInstance, wanted: boolean): readonly TaskInstance[] {
  const others = list.filter((other) => other !== item);
  return wanted ? [...others, item] : others;
}
