import { invariant } from '../decider.ts';
import type { DagDefinition, MappingDefinition, MapSource, TaskDefinition, TriggerRule } from './definition.ts';

/**
 * A DAG compiled for folding: tasks by integer, and for each the places where its outcome counts.
 *
 * Everything here is derived from the definition once and never changes; a run keeps its counters beside it. Compiling
 * is O(tasks + edges + setups × tasks), iterative throughout, so that a chain of any depth compiles.
 */
export interface RunPlan {
  readonly definition: DagDefinition;
  readonly tasks: readonly PlannedTask[];
  readonly indexOf: ReadonlyMap<string, number>;
  /** Some task asks what the DAG's previous run did. */
  readonly needsPast: boolean;
  /** Some event of a run may call for a callback. */
  readonly hasCallbacks: boolean;
}

export interface PlannedTask {
  readonly index: number;
  readonly taskId: string;
  readonly definition: TaskDefinition;
  readonly rule: TriggerRule;
  readonly retries: number;
  readonly upstream: readonly number[];
  readonly downstream: readonly number[];
  /** Where an outcome of this task is counted: at each direct downstream, and at each task it is an indirect setup of. */
  readonly edges: readonly PlannedEdge[];
  /** Upstream tasks whose outcome counts per map index, because both stand in one mapped group. */
  readonly indexedUpstream: readonly number[];
  readonly indexedSetups: readonly number[];
  /** How many upstream tasks count as a whole, and how many of those are setups. */
  readonly wholeUpstream: number;
  readonly wholeUpstreamSetups: number;
  /** Setups further up that must have succeeded too. */
  readonly indirectSetups: readonly number[];
  readonly wholeIndirectSetups: number;
  readonly setup: boolean;
  readonly teardown: boolean;
  /** Its outcome decides how the run ends. */
  readonly leaf: boolean;
  /** Its own mapping, or that of the mapped group around it. */
  readonly mapping: MappingDefinition | undefined;
  readonly mappedGroup: string | undefined;
  /** Tasks whose results give the length of the mapping. */
  readonly mapSources: readonly number[];
  /** Tasks whose length this task's result gives. */
  readonly mapDependents: readonly number[];
  /** The parts of this task's result that others map over; `[]` is the result itself. */
  readonly mappedPaths: readonly (readonly string[])[];
  /** Some task reads its result, so a run keeps it. */
  readonly read: boolean;
  /** Upstream tasks whose results a worker is handed. */
  readonly reads: readonly number[];
  readonly needsPast: boolean;
}

export interface PlannedEdge {
  readonly to: number;
  readonly as: 'upstream' | 'upstreamSetup' | 'indirectSetup';
  /** Counts only for the same map index. */
  readonly indexed: boolean;
}

/** These look at all map indexes of an upstream even inside one mapped group, as in Airflow. */
const RULES_OVER_WHOLE_TASKS: ReadonlySet<TriggerRule> = new Set(['one_success', 'one_failed', 'one_done']);

const hasCallbacks = ({ callbacks, deadlines, tasks }: DagDefinition): boolean =>
  callbacks !== undefined || deadlines?.some((deadline) => deadline.callbacks !== undefined) === true || tasks.some((task) => task.callbacks !== undefined);

/** Throws only for an edge to a task that is not there: definitions are validated before they are registered. */
export function compilePlan(definition: DagDefinition): RunPlan {
  const indexOf = new Map(definition.tasks.map((task, index) => [task.taskId, index]));
  const at = (taskId: string): number => {
    const index = indexOf.get(taskId);
    invariant(index !== undefined, `dag ${definition.dagId} names the unknown task ${taskId}`);
    return index;
  };
  const upstream = definition.tasks.map((task) => [...new Set([...task.upstream, ...(task.teardown?.setups ?? [])].map(at))]);
  const downstream: number[][] = definition.tasks.map(() => []);
  upstream.forEach((tasks, index) => { for (const task of tasks) downstream[task]?.push(index); });

  const groups = mappedGroupsOf(definition);
  const indirectSetups = indirectSetupsOf(definition, upstream, downstream);
  const results: ResultSource[][] = [];
  const tasks = definition.tasks.map((task, index): Draft => {
    const mappedGroup = task.mapping === undefined && task.groupId !== undefined ? groups.get(task.groupId) : undefined;
    const mapping = task.mapping ?? mappedGroup?.mapping;
    const mappedOver = mapping === undefined ? [] : resultSources(mapping);
    results.push(mappedOver);
    const teardown = task.teardown !== undefined;
    return {
      index,
      taskId: task.taskId,
      definition: task,
      rule: task.triggerRule ?? (teardown ? 'all_done_setup_success' : 'all_success'),
      retries: task.retries ?? 0,
      upstream: upstream[index] ?? [],
      downstream: downstream[index] ?? [],
      edges: [],
      indexedUpstream: [],
      indexedSetups: [],
      wholeUpstream: 0,
      wholeUpstreamSetups: 0,
      indirectSetups: indirectSetups[index] ?? [],
      wholeIndirectSetups: 0,
      setup: task.setup === true,
      teardown,
      leaf: false,
      mapping,
      mappedGroup: mappedGroup?.groupId,
      mapSources: [...new Set(mappedOver.map((source) => at(source.taskId)))],
      mapDependents: [],
      mappedPaths: [],
      read: false,
      reads: [...new Set([...(task.reads ?? []).map(at), ...mappedOver.map((source) => at(source.taskId))])],
      needsPast: task.dependsOnPast === true || task.waitForDownstream === true,
    };
  });

  for (const task of tasks) {
    linkUpstream(tasks, task);
    linkSources(tasks, task, (results[task.index] ?? []).map(({ taskId, path = [] }) => ({ task: at(taskId), path })));
  }
  markLeaves(tasks);

  return { definition, tasks, indexOf, needsPast: tasks.some((task) => task.needsPast), hasCallbacks: hasCallbacks(definition) };
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] extends readonly (infer Item)[] ? Item[] : T[K] };
type Draft = Mutable<PlannedTask>;

/** Tells each upstream task and each indirect setup where its outcome counts. */
function linkUpstream(tasks: readonly Draft[], task: Draft): void {
  const perIndex = (other: Draft): boolean =>
    task.mappedGroup !== undefined && other.mappedGroup === task.mappedGroup && !RULES_OVER_WHOLE_TASKS.has(task.rule);
  for (const index of task.upstream) {
    const from = tasks[index];
    if (from === undefined) continue;
    const indexed = perIndex(from);
    from.edges.push({ to: task.index, as: from.setup ? 'upstreamSetup' : 'upstream', indexed });
    if (indexed) { task.indexedUpstream.push(index); continue; }
    task.wholeUpstream += 1;
    if (from.setup) task.wholeUpstreamSetups += 1;
  }
  for (const index of task.indirectSetups) {
    const from = tasks[index];
    if (from === undefined) continue;
    const indexed = perIndex(from);
    from.edges.push({ to: task.index, as: 'indirectSetup', indexed });
    if (indexed) task.indexedSetups.push(index);
    else task.wholeIndirectSetups += 1;
  }
}

/** Tells each source of the mapping who waits for its length, and each task that is read that it is. */
function linkSources(tasks: readonly Draft[], task: Draft, sources: readonly { readonly task: number; readonly path: readonly string[] }[]): void {
  for (const { task: index, path } of sources) {
    const from = tasks[index];
    if (from === undefined) continue;
    if (!from.mapDependents.includes(task.index)) from.mapDependents.push(task.index);
    if (!from.mappedPaths.some((known) => pathKey(known) === pathKey(path))) from.mappedPaths.push(path);
  }
  for (const index of task.reads) {
    const from = tasks[index];
    if (from !== undefined) from.read = true;
  }
}

/** Names a part of a result: its members joined by `/`; empty for the whole. */
export const pathKey = (path: readonly string[]): string => path.join('/');

/** A task and everything below (or above) it, without the task. */
export function relatives(tasks: readonly PlannedTask[], from: readonly number[], direction: 'upstream' | 'downstream'): Set<number> {
  const found = new Set<number>();
  const pending = [...from];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    for (const other of tasks[next]?.[direction] ?? []) {
      if (!found.has(other)) { found.add(other); pending.push(other); }
    }
  }
  return found;
}

interface MappedGroup { readonly groupId: string; readonly mapping: MappingDefinition }

/** For each group id, the nearest group at or above it that is mapped. */
function mappedGroupsOf(definition: DagDefinition): Map<string, MappedGroup> {
  const byId = new Map((definition.groups ?? []).map((group) => [group.groupId, group]));
  const nearest = new Map<string, MappedGroup>();
  for (const group of byId.values()) {
    for (let around = byId.get(group.groupId); around !== undefined; around = around.parentId === undefined ? undefined : byId.get(around.parentId)) {
      if (around.mapping === undefined) continue;
      nearest.set(group.groupId, { groupId: around.groupId, mapping: around.mapping });
      break;
    }
  }
  return nearest;
}

/**
 * A setup binds every task below it; one that has teardowns binds only those above one of its teardowns. Direct
 * upstream setups are the trigger rule's affair, and a rule that does not wait (`always`) obeys none.
 */
function indirectSetupsOf(definition: DagDefinition, upstream: readonly number[][], downstream: readonly number[][]): number[][] {
  const bound: number[][] = definition.tasks.map(() => []);
  const reach = (from: number, edges: readonly number[][]): Set<number> => {
    const found = new Set<number>();
    const pending = [from];
    for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
      for (const other of edges[next] ?? []) if (!found.has(other)) { found.add(other); pending.push(other); }
    }
    return found;
  };
  definition.tasks.forEach((task, setup) => {
    if (task.setup !== true) return;
    const teardowns = (downstream[setup] ?? []).filter((other) => definition.tasks[other]?.teardown !== undefined);
    const aboveTeardown = teardowns.map((teardown) => reach(teardown, upstream));
    for (const below of reach(setup, downstream)) {
      const candidate = definition.tasks[below];
      if (candidate === undefined || candidate.teardown !== undefined || candidate.triggerRule === 'always') continue;
      if (upstream[below]?.includes(setup) === true) continue;
      if (teardowns.length === 0 || aboveTeardown.some((above) => above.has(below))) bound[below]?.push(setup);
    }
  });
  return bound;
}

/** Leaves have nothing below but teardowns that cannot fail the run; a DAG of such teardowns alone ends by its last ones. */
function markLeaves(tasks: readonly Draft[]): void {
  const ignorable = (task: Draft): boolean => task.teardown && task.definition.teardown?.onFailureFailDagrun !== true;
  let found = false;
  for (const task of tasks) {
    task.leaf = !ignorable(task) && task.downstream.every((other) => { const below = tasks[other]; return below !== undefined && ignorable(below); });
    found ||= task.leaf;
  }
  if (!found) for (const task of tasks) task.leaf = task.downstream.length === 0;
}

type ResultSource = Extract<MapSource, { kind: 'result' }>;

function resultSources(mapping: MappingDefinition): ResultSource[] {
  const found: ResultSource[] = [];
  const pending: MapSource[] = mapping.kind === 'expand' ? mapping.over.map(([, source]) => source) : [mapping.over];
  for (let next = pending.shift(); next !== undefined; next = pending.shift()) {
    switch (next.kind) {
      case 'literal': break;
      case 'result': found.push(next); break;
      case 'map': pending.push(next.source); break;
      case 'zip':
      case 'concat': pending.push(...next.sources);
    }
  }
  return found;
}
