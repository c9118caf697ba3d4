import { reject, type Decision, type Rejected } from '../decider.ts';
import { relatives } from '../dag/plan.ts';
import { clearSelection } from '../dag/selection.ts';
import type { RunCommand } from './command.ts';
import { missDeadlines } from './deadline.ts';
import type { RunEvent } from './event.ts';
import { unknownInstance } from './report.ts';
import { findInstance, isTerminal, refOf, type DagRun, type TaskInstance } from './state.ts';
import { accepts } from './transition.ts';

type Command<Type extends RunCommand['type']> = Extract<RunCommand, { type: Type }>;
type Selection = Pick<Command<'ClearTasks'>, 'tasks' | 'upstream' | 'downstream'>;

/**
 * Clears what was selected and has begun or finished: back to `none`, with the tries made so far counted. A running
 * instance passes through `TaskRestarting` in the same decision; its attempt is revoked by the caller (`revokedBy`).
 */
export function clearTasks(run: DagRun, command: Command<'ClearTasks'>): Decision<RunEvent> {
  const selected = select(run, command, withSetups);
  if (!Array.isArray(selected)) return selected;
  const wanted = selected.filter(({ state }) =>
    (command.onlyFailed !== true || state === 'failed' || state === 'upstream_failed') && (command.onlyRunning !== true || state === 'running'));
  const running = command.preventRunning === true ? wanted.find(({ state }) => state === 'running') : undefined;
  if (running !== undefined) {
    return reject('task_running', `${running.slot.plan.taskId} of run ${run.created?.runId ?? '?'} is running, and prevent_running_task is set: wait for its end, or clear it without that.`);
  }
  const cleared = clearInstances(wanted, command.nowMs);
  return [...cleared, ...requeue(run, cleared.length > 0 && command.resetRun !== false, command.nowMs)];
}

function clearInstances(instances: readonly TaskInstance[], nowMs: number): RunEvent[] {
  return instances.flatMap((instance): RunEvent[] => {
    if (!accepts(instance.state, 'clear')) return [];
    const cleared: RunEvent = { type: 'TaskCleared', ...refOf(instance), atMs: nowMs };
    return instance.state === 'running' ? [{ type: 'TaskRestarting', ...refOf(instance), atMs: nowMs }, cleared] : [cleared];
  });
}

function requeue(run: DagRun, wanted: boolean, nowMs: number, backfillId?: string): RunEvent[] {
  return wanted && (run.state === 'success' || run.state === 'failed') ? [{ type: 'RunRequeued', ...(backfillId === undefined ? {} : { backfillId }), atMs: nowMs }] : [];
}

/** A mark ends what runs. Marked well, what had failed because of it is cleared and the run goes on. */
export function markTasks(run: DagRun, command: Command<'MarkTasks'>): Decision<RunEvent> {
  const selected = select(run, command, alone);
  if (!Array.isArray(selected)) return selected;
  const marked = selected.filter(({ state }) => state !== command.state && accepts(state, 'mark'));
  const marks = marked.map((instance): RunEvent => ({ type: 'TaskMarked', ...refOf(instance), state: command.state, by: command.by, atMs: command.nowMs }));
  if (command.state === 'failed' || marks.length === 0) return marks;
  const chosen = new Set(selected);
  const below = relatives(run.plan.tasks, [...new Set(marked.map(({ slot }) => slot.plan.index))], 'downstream');
  const resumed = run.slots.filter(({ plan }) => below.has(plan.index)).flatMap(({ instances }) => instances)
    .filter((instance) => !chosen.has(instance) && (instance.state === 'failed' || instance.state === 'upstream_failed'));
  return [...marks, ...clearInstances(resumed, command.nowMs), ...requeue(run, resumed.length > 0, command.nowMs)];
}

/** `queued` clears everything. `success` and `failed` leave nothing unfinished: what runs or waits is marked with the run, what had not begun of a failed run is skipped. */
export function eraseRun(run: DagRun, { by, nowMs }: Command<'EraseRun'>): Decision<RunEvent> {
  if (run.state !== 'success' && run.state !== 'failed') return reject('run_not_ended', `Run ${run.created?.runId ?? '?'} is ${run.state}: only a run that has ended can be erased. Mark it failed first.`);
  return [{ type: 'RunErased', by, atMs: nowMs }];
}

export function markRun(run: DagRun, command: Command<'MarkRun'>): Decision<RunEvent> {
  const { nowMs, by } = command;
  const instances = run.slots.flatMap((slot) => slot.instances);
  if (command.backfillId !== undefined && run.state !== 'success' && run.state !== 'failed') {
    return reject('run_under_way', `Run ${run.created?.runId ?? '?'} is ${run.state}: a backfill does a run again only when it has ended.`);
  }
  if (command.state === 'queued') return [...clearInstances(instances, nowMs), ...requeue(run, true, nowMs, command.backfillId)];
  const marks: RunEvent[] = [];
  for (const instance of instances) {
    const { state } = instance;
    if (command.state === 'success' ? !isTerminal(state) || state === 'failed' || state === 'upstream_failed' : !isTerminal(state)) {
      const to = command.state === 'success' ? 'success' : state === 'running' ? 'failed' : 'skipped';
      marks.push({ type: 'TaskMarked', ...refOf(instance), state: to, by, atMs: nowMs });
    }
  }
  if (run.state === command.state) return marks;
  // A success ends what the run is held to, so what it has missed by now is said first.
  return [...marks, ...missDeadlines(run, nowMs), command.state === 'success' ? { type: 'RunSucceeded', atMs: nowMs } : { type: 'RunFailed', reason: 'marked', atMs: nowMs }];
}

export function replanRun(run: DagRun, command: Command<'ReplanRun'>): Decision<RunEvent> {
  if (command.planHash === run.planHash && command.bundleHash === run.bundleHash) return [];
  return [{ type: 'RunReplanned', planHash: command.planHash, dagVersion: command.dagVersion, bundleHash: command.bundleHash, atMs: command.nowMs }];
}

export function setTaskNote(run: DagRun, command: Command<'SetTaskNote'>): Decision<RunEvent> {
  const instance = findInstance(run, command);
  if (instance === undefined) return unknownInstance(command);
  return [{ type: 'TaskNoteSet', ...refOf(instance), note: command.note, by: command.by, atMs: command.nowMs }];
}

/** The instances named, with those of the tasks above and below when asked, in order of definition. */
function select(run: DagRun, selection: Selection, coverage: Coverage): TaskInstance[] | Rejected {
  if (selection.tasks === undefined) return run.slots.flatMap(({ instances }) => instances);
  const exact = new Set<TaskInstance>();
  const roots = new Set<number>();
  for (const { taskId, mapIndex } of selection.tasks) {
    const task = run.plan.indexOf.get(taskId);
    if (task === undefined) return reject('unknown_task', `DAG ${run.plan.definition.dagId} has no task ${taskId}: name one that it has.`);
    roots.add(task);
    if (mapIndex === undefined) { for (const instance of run.slots[task]?.instances ?? []) exact.add(instance); continue; }
    const instance = findInstance(run, { taskId, mapIndex });
    if (instance === undefined) return unknownInstance({ taskId, mapIndex });
    exact.add(instance);
  }
  const whole = coverage(run, roots, selection);
  return run.slots.flatMap(({ plan, instances }) => (whole.has(plan.index) ? instances : instances.filter((instance) => exact.has(instance))));
}

type Coverage = (run: DagRun, roots: ReadonlySet<number>, selection: Selection) => ReadonlySet<number>;

/** Work that is done again needs its setups again, and their teardowns after it. */
const withSetups: Coverage = (run, roots, { upstream = false, downstream = false }) => {
  const { definition, tasks, indexOf } = run.plan;
  const selected = new Set([...roots].map((task) => tasks[task]?.taskId ?? ''));
  const covered = clearSelection(definition, selected, { upstream, downstream }).map((taskId) => indexOf.get(taskId) ?? -1);
  return new Set(covered.filter((task) => !roots.has(task)));
};

const alone: Coverage = (run, roots, { upstream = false, downstream = false }) => new Set([
  ...(upstream ? relatives(run.plan.tasks, [...roots], 'upstream') : []),
  ...(downstream ? relatives(run.plan.tasks, [...roots], 'downstream') : []),
]);
