import { ABSENT, worstChar } from './task-state.ts';

/**
 * The grid as data: which rows stand in it (tasks in topological order, groups where their first task stands, folded
 * groups as one row) and which state each row has in each run. Runs keep the plan they started with, so a row finds its
 * task in a run by id, never by position.
 */
export interface GridStructure {
  readonly hash: string;
  readonly tasks: readonly GridTask[];
  readonly groups: readonly GridGroup[];
}

export interface GridTask {
  readonly task_id: string;
  readonly task_display_name: string;
  readonly group_id: string | null;
  readonly operator: string;
  readonly is_mapped: boolean;
  readonly upstream: readonly string[];
  readonly edge_labels?: { readonly [upstreamId: string]: string };
  readonly trigger_rule: string;
  readonly retries: number;
}

interface GridGroup {
  readonly group_id: string;
  readonly parent_id: string | null;
  readonly label: string;
  readonly is_mapped: boolean;
}

interface PackedRun {
  readonly structure: string;
  readonly states: string;
}

export type GridRow =
  | { readonly kind: 'task'; readonly id: string; readonly label: string; readonly depth: number; readonly task: GridTask }
  | { readonly kind: 'group'; readonly id: string; readonly label: string; readonly depth: number; readonly folded: boolean; readonly taskIds: readonly string[] };

interface Branch {
  readonly group: GridGroup | null;
  readonly entries: (Branch | GridTask)[];
}

export function layoutRows(structure: GridStructure, folded: ReadonlySet<string>): readonly GridRow[] {
  const rows: GridRow[] = [];
  walk(treeOf(structure), 0);
  return rows;

  function walk(branch: Branch, depth: number): void {
    for (const entry of branch.entries) {
      if (!('entries' in entry)) {
        rows.push({ kind: 'task', id: entry.task_id, label: labelInside(branch.group, entry), depth, task: entry });
        continue;
      }
      const group = entry.group;
      if (group === null) continue;
      const isFolded = folded.has(group.group_id);
      rows.push({ kind: 'group', id: group.group_id, label: group.label, depth, folded: isFolded, taskIds: taskIdsOf(entry) });
      if (!isFolded) walk(entry, depth + 1);
    }
  }
}

/** Under its group a task need not repeat the group's name. */
function labelInside(group: GridGroup | null, task: GridTask): string {
  const prefix = `${group?.group_id ?? ''}.`;
  return task.task_display_name === task.task_id && task.task_id.startsWith(prefix) ? task.task_id.slice(prefix.length) : task.task_display_name;
}

function treeOf(structure: GridStructure): Branch {
  const root: Branch = { group: null, entries: [] };
  const groups = new Map(structure.groups.map((group) => [group.group_id, group]));
  const branches = new Map<string, Branch>();
  for (const task of structure.tasks) branchOf(task.group_id).entries.push(task);
  return root;

  function branchOf(groupId: string | null): Branch {
    const group = groupId === null ? undefined : groups.get(groupId);
    if (group === undefined) return root;
    const known = branches.get(group.group_id);
    if (known !== undefined) return known;
    const branch: Branch = { group, entries: [] };
    branches.set(group.group_id, branch);
    branchOf(group.parent_id).entries.push(branch);
    return branch;
  }
}

function taskIdsOf(branch: Branch): readonly string[] {
  return branch.entries.flatMap((entry) => ('entries' in entry ? taskIdsOf(entry) : [entry.task_id]));
}

/** Where a task's state stands in the strip of a run with that structure. */
export type TaskIndex = ReadonlyMap<string, number>;

export const indexTasks = (structure: GridStructure): TaskIndex => new Map(structure.tasks.map((task, position) => [task.task_id, position]));

/** The packed state of a row in a run: of a group, the worst of its tasks. */
export function rowState(row: GridRow, run: PackedRun, index: TaskIndex | undefined): string {
  if (index === undefined) return ABSENT;
  if (row.kind === 'task') return taskChar(row.id, run, index);
  return worstChar(row.taskIds.map((taskId) => taskChar(taskId, run, index)));
}

function taskChar(taskId: string, run: PackedRun, index: TaskIndex): string {
  const position = index.get(taskId);
  return position === undefined ? ABSENT : (run.states[position] ?? ABSENT);
}

interface BarScale {
  readonly maxMs: number;
  /** Half and top of the scale, for the labels beside the bars. */
  readonly ticksMs: readonly number[];
}

const NICE_MS = [100, 200, 500, 1e3, 2e3, 5e3, 1e4, 2e4, 6e4, 12e4, 3e5, 6e5, 12e5, 36e5, 72e5, 144e5, 288e5, 864e5, 1728e5, 6048e5];

/** A scale whose top is a duration that people say: 500 ms, 2 min, 4 h. */
export function barScale(durationsMs: readonly number[]): BarScale {
  const longest = Math.max(0, ...durationsMs);
  const maxMs = NICE_MS.find((nice) => nice >= longest) ?? longest;
  return { maxMs, ticksMs: [maxMs / 2, maxMs] };
}

/** Columns that carry a date: the first run of each day, unless its label would touch the one before it. */
export function dateColumns(days: readonly string[], minGap: number): readonly number[] {
  const columns: number[] = [];
  for (const [column, day] of days.entries()) {
    const last = columns.at(-1);
    if (day === days[column - 1]) continue;
    if (last === undefined || column - last >= minGap) columns.push(column);
  }
  return columns;
}
