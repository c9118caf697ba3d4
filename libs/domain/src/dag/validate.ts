import { assetDefinitionProblems } from '../asset/definition.ts';
import { assetAliasRule, assetUriRule } from '../asset/uri.ts';
import { problem } from '../problem.ts';
import type { Problem } from '../problem.ts';
import { MAX_MAP_LENGTH } from '../run/mapping.ts';
import { parseInstant } from '../schedule/civil.ts';
import { instantProblems, timetableProblems, zoneProblems } from '../schedule/validate.ts';
import type { DagDefinition, DeadlineDefinition, GroupDefinition, MappingDefinition, MapSource, TaskDefinition, TaskKind, TriggerRule, WeightRule } from './definition.ts';
import { graphOf, topologicalOrder } from './graph.ts';
import { MAX_AVERAGED_RUNS } from './run-record.ts';
import { paramDefaultProblems } from './params.ts';

const ID = /^[A-Za-z0-9_.-]{1,250}$/;
const SHOWN_CYCLE = 20;
/** No pool has more. */
const MOST_SLOTS = 1_000_000_000;

const TRIGGER_RULES: { readonly [rule in TriggerRule]: true } = {
  all_success: true, all_failed: true, all_done: true, all_done_min_one_success: true, all_done_setup_success: true, one_success: true, one_failed: true,
  one_done: true, none_failed: true, none_failed_min_one_success: true, none_skipped: true, all_skipped: true, always: true,
};
const WEIGHT_RULES: { readonly [rule in WeightRule]: true } = { downstream: true, upstream: true, absolute: true };
const TASK_KINDS: { readonly [kind in TaskKind]: true } = { task: true, empty: true, branch: true, shortCircuit: true, latestOnly: true, sensor: true };

/**
 * Everything in a definition that could not work when it runs, each with the field, the value, the rule and the remedy;
 * none: the definition may be registered, and every other function of the domain may rely on it. Takes time in
 * proportion to tasks and edges, and no stack, whatever the depth.
 */
export function dagProblems(dag: DagDefinition): readonly Problem[] {
  const taskIds = new Set(dag.tasks.map((task) => task.taskId));
  const groups = new Map((dag.groups ?? []).map((group) => [group.groupId, group]));
  const mappedGroups = mappedGroupOf(groups);
  const setups = new Set(dag.tasks.filter((task) => task.setup === true).map((task) => task.taskId));
  const downstream = new Map<string, Set<string>>();
  for (const task of dag.tasks) {
    for (const taskId of task.upstream) downstream.set(taskId, (downstream.get(taskId) ?? new Set()).add(task.taskId));
  }
  return [
    ...dagFieldProblems(dag),
    ...duplicateProblems(dag.tasks.map((task) => task.taskId), 'tasks', 'task'),
    ...groupProblems(dag.groups ?? [], groups, mappedGroups, taskIds),
    ...dag.tasks.flatMap((task) => [
      ...taskFieldProblems(task, dag),
      ...edgeProblems(task, taskIds, setups, groups, downstream),
      ...mappingProblems(task, `tasks.${task.taskId}`, task.groupId === undefined ? undefined : mappedGroups.get(task.groupId), taskIds),
    ]),
    ...cycleProblems(dag.tasks),
  ];
}

function dagFieldProblems(dag: DagDefinition): Problem[] {
  const problems = [
    ...idProblems(dag.dagId, 'dagId'),
    ...zoneProblems(dag.timezone, 'timezone'),
    ...timetableProblems(dag.schedule),
    ...assetDefinitionProblems(dag.assets ?? []),
    ...(dag.startDate === undefined ? [] : instantProblems(dag.startDate, 'startDate')),
    ...(dag.endDate === undefined ? [] : instantProblems(dag.endDate, 'endDate')),
    ...numberProblems('maxActiveRuns', dag.maxActiveRuns, 1),
    ...numberProblems('maxActiveTasks', dag.maxActiveTasks, 1),
    ...numberProblems('maxConsecutiveFailedRuns', dag.maxConsecutiveFailedRuns, 0),
    ...numberProblems('dagrunTimeoutMs', dag.dagrunTimeoutMs, 1),
    ...(dag.deadlines ?? []).flatMap((deadline, index) => deadlineProblems(deadline, `deadlines.${index}`)),
    ...paramDefaultProblems(dag.params, dag.schedule.kind !== 'none'),
  ];
  if (dag.schedule.kind === 'continuous' && dag.maxActiveRuns !== 1) {
    problems.push(problem('maxActiveRuns', dag.maxActiveRuns ?? 'absent', 'lets runs of a @continuous schedule overlap', 'set it to 1'));
  }
  if (dag.startDate === undefined && needsStart(dag)) {
    problems.push(problem('startDate', undefined, `is absent, and a schedule of kind "${dag.schedule.kind}"${dag.catchup === true ? ' with catchup' : ''} begins with it`, 'give the first instant that the DAG is to cover'));
  }
  const startMs = parseInstant(dag.startDate ?? '');
  const endMs = parseInstant(dag.endDate ?? '');
  if (startMs !== undefined && endMs !== undefined && endMs < startMs) problems.push(problem('endDate', dag.endDate, 'lies before startDate', 'swap the two, or leave endDate out'));
  return problems;
}

function deadlineProblems({ reference, fixed, intervalMs, averageOf }: DeadlineDefinition, at: string): Problem[] {
  const problems: Problem[] = [];
  if (!Number.isSafeInteger(intervalMs)) problems.push(problem(`${at}.intervalMs`, intervalMs, 'is not a whole number of milliseconds', 'give a duration, negative for before'));
  if (reference === 'fixed') problems.push(...instantProblems(fixed ?? '', `${at}.fixed`));
  if (reference !== 'averageRuntime') return problems;
  const { limit = 0, minRuns = 0 } = averageOf ?? {};
  if (!Number.isInteger(limit) || limit < 1 || limit > MAX_AVERAGED_RUNS) {
    problems.push(problem(`${at}.averageOf.limit`, averageOf?.limit ?? 'absent', `is not a whole number from 1 to ${MAX_AVERAGED_RUNS}`, 'say over how many runs the average is taken'));
  }
  if (!Number.isInteger(minRuns) || minRuns < 1 || minRuns > limit) {
    problems.push(problem(`${at}.averageOf.minRuns`, averageOf?.minRuns ?? 'absent', 'is not a whole number from 1 to limit', 'say how many runs it takes at least'));
  }
  return problems;
}

/** Without a start these would never make a run, and nobody would know why. */
function needsStart({ schedule, catchup = false }: DagDefinition): boolean {
  const { kind } = schedule.kind === 'assetsOrTime' ? schedule.timetable : schedule;
  return kind === 'continuous' || (catchup && (kind === 'cronDataInterval' || kind === 'deltaDataInterval'));
}

/** They stand in the event of each success of the task. */
const MAX_OUTLETS_CHARACTERS = 16_000;

function taskFieldProblems(task: TaskDefinition, dag: DagDefinition): Problem[] {
  const at = `tasks.${task.taskId}`;
  const problems = [
    ...idProblems(task.taskId, `${at}.taskId`),
    ...nameProblems(`${at}.kind`, task.kind, TASK_KINDS),
    ...nameProblems(`${at}.triggerRule`, task.triggerRule, TRIGGER_RULES),
    ...nameProblems(`${at}.weightRule`, task.weightRule, WEIGHT_RULES),
    ...numberProblems(`${at}.retries`, task.retries, 0),
    ...numberProblems(`${at}.retryDelayMs`, task.retryDelayMs, 0),
    ...numberProblems(`${at}.maxRetryDelayMs`, task.maxRetryDelayMs, 0),
    ...numberProblems(`${at}.timeoutMs`, task.timeoutMs, 1),
    ...numberProblems(`${at}.lostAfterMs`, task.lostAfterMs, 1),
    ...numberProblems(`${at}.priorityWeight`, task.priorityWeight, 1 - 2 ** 31),
    ...(task.priorityWeights ?? []).flatMap((weight, index) => numberProblems(`${at}.priorityWeights.${index}`, weight, 1 - 2 ** 31)),
    ...numberProblems(`${at}.maxActive`, task.maxActive, 1),
    ...numberProblems(`${at}.maxActivePerRun`, task.maxActivePerRun, 1),
    ...numberProblems(`${at}.pool.slots`, task.pool?.slots, 1, MOST_SLOTS),
    ...numberProblems(`${at}.sensor.everyMs`, task.sensor?.everyMs, 1),
    ...(task.marks === undefined ? [] : [...idProblems(task.marks.dagId, `${at}.marks.dagId`), ...idProblems(task.marks.taskId, `${at}.marks.taskId`)]),
    ...numberProblems(`${at}.marks.depth`, task.marks?.depth, 1),
  ];
  const { retryBackoff } = task;
  if (retryBackoff !== undefined && !(retryBackoff >= 0 && Number.isFinite(retryBackoff))) {
    problems.push(problem(`${at}.retryBackoff`, retryBackoff, 'is no multiplier of 0 or more', 'use a number such as 2, or leave it out for a fixed delay'));
  }
  if (task.pool?.name === '') problems.push(problem(`${at}.pool`, '', 'is empty', 'name a pool, or leave it out for default_pool'));
  if (task.queue === '') problems.push(problem(`${at}.queue`, '', 'is empty', 'name a queue, or leave it out for "default"'));
  const rule = task.triggerRule ?? (task.teardown === undefined ? 'all_success' : 'all_done_setup_success');
  if (task.teardown !== undefined && rule !== 'all_done_setup_success') {
    problems.push(problem(`${at}.triggerRule`, rule, 'cannot be chosen for a teardown, which runs once its setup has succeeded and its work is done', 'leave it out'));
  }
  if (dag.failFast === true && task.teardown === undefined && rule !== 'all_success') {
    problems.push(problem(`${at}.triggerRule`, rule, 'has no meaning in a failFast DAG, whose tasks are skipped at the first failure', 'use all_success, or leave failFast out'));
  }
  const outlets = task.outlets?.join().length ?? 0;
  if (outlets > MAX_OUTLETS_CHARACTERS) {
    problems.push(problem(`${at}.outlets`, `${task.outlets?.length} assets`, `has ${outlets} characters of URIs, of ${MAX_OUTLETS_CHARACTERS} allowed`, 'let several tasks update them, or name one asset that stands for all'));
  }
  problems.push(...assetListProblems(`${at}.inlets`, task.inlets, assetUriRule), ...assetListProblems(`${at}.outlets`, task.outlets, assetUriRule));
  problems.push(...assetListProblems(`${at}.inletAliases`, task.inletAliases, assetAliasRule), ...assetListProblems(`${at}.outletAliases`, task.outletAliases, assetAliasRule));
  if (task.setup === true && task.teardown !== undefined) problems.push(problem(`${at}.teardown`, task.teardown, 'makes a setup a teardown too', 'split it into two tasks'));
  return problems;
}

function assetListProblems(field: string, names: readonly string[] | undefined, ruleOf: typeof assetUriRule): Problem[] {
  return (names ?? []).flatMap((name) => {
    const wrong = ruleOf(name);
    return wrong === undefined ? [] : [problem(field, name, wrong.rule, wrong.remedy)];
  });
}

function edgeProblems(
  task: TaskDefinition,
  taskIds: ReadonlySet<string>,
  setups: ReadonlySet<string>,
  groups: ReadonlyMap<string, GroupDefinition>,
  downstream: ReadonlyMap<string, ReadonlySet<string>>,
): Problem[] {
  const at = `tasks.${task.taskId}`;
  const problems: Problem[] = [];
  for (const taskId of task.upstream) {
    if (!taskIds.has(taskId)) problems.push(problem(`${at}.upstream`, taskId, 'is no task of this DAG', 'define it, or remove the dependency'));
  }
  for (const taskId of task.reads ?? []) {
    if (!task.upstream.includes(taskId)) problems.push(problem(`${at}.reads`, taskId, 'is not upstream, so its result may not be there', 'make it a direct upstream task'));
  }
  for (const taskId of task.teardown?.setups ?? []) {
    if (!setups.has(taskId)) problems.push(problem(`${at}.teardown.setups`, taskId, 'is no setup of this DAG', 'mark that task as setup'));
  }
  for (const taskId of task.branchTargets ?? []) {
    if (!(downstream.get(task.taskId)?.has(taskId) ?? false)) {
      problems.push(problem(`${at}.branchTargets`, taskId, 'is not directly downstream of the branch', 'put it directly behind the branch, or do not offer it'));
    }
  }
  if (task.groupId !== undefined && !groups.has(task.groupId)) problems.push(problem(`${at}.groupId`, task.groupId, 'is no group of this DAG', 'define the group'));
  return problems;
}

function groupProblems(
  list: readonly GroupDefinition[],
  groups: ReadonlyMap<string, GroupDefinition>,
  mappedGroups: ReadonlyMap<string, GroupDefinition>,
  taskIds: ReadonlySet<string>,
): Problem[] {
  const problems = duplicateProblems(list.map((group) => group.groupId), 'groups', 'group');
  for (const group of list) {
    const at = `groups.${group.groupId}`;
    problems.push(...idProblems(group.groupId, `${at}.groupId`));
    if (taskIds.has(group.groupId)) problems.push(problem(`${at}.groupId`, group.groupId, 'is also the id of a task', 'give one of the two another id'));
    const outer = group.parentId === undefined ? undefined : mappedGroups.get(group.parentId);
    problems.push(...mappingProblems(group, at, outer, taskIds));
    if (group.parentId === undefined) continue;
    if (!groups.has(group.parentId)) problems.push(problem(`${at}.parentId`, group.parentId, 'is no group of this DAG', 'define the group'));
    else if (liesInItself(group, groups)) problems.push(problem(`${at}.parentId`, group.parentId, 'makes the group lie within itself', 'break the circle'));
  }
  return problems;
}

function liesInItself(group: GroupDefinition, groups: ReadonlyMap<string, GroupDefinition>): boolean {
  const seen = new Set<string>();
  for (let around = group.parentId; around !== undefined && !seen.has(around); around = groups.get(around)?.parentId) {
    if (around === group.groupId) return true;
    seen.add(around);
  }
  return false;
}

/** For each group the nearest mapped one at or around it. */
function mappedGroupOf(groups: ReadonlyMap<string, GroupDefinition>): ReadonlyMap<string, GroupDefinition> {
  const nearest = new Map<string, GroupDefinition>();
  for (const group of groups.values()) {
    const seen = new Set<string>();
    for (let around: GroupDefinition | undefined = group; around !== undefined && !seen.has(around.groupId); around = groups.get(around.parentId ?? '')) {
      if (around.mapping !== undefined) {
        nearest.set(group.groupId, around);
        break;
      }
      seen.add(around.groupId);
    }
  }
  return nearest;
}

function mappingProblems(
  node: { readonly mapping?: MappingDefinition; readonly upstream?: readonly string[]; readonly triggerRule?: TriggerRule },
  at: string,
  around: GroupDefinition | undefined,
  taskIds: ReadonlySet<string>,
): Problem[] {
  const problems: Problem[] = [];
  const { mapping } = node;
  const multiplied = mapping ?? around?.mapping;
  if (node.triggerRule === 'always' && multiplied !== undefined && sourcesOf(multiplied).some((source) => source.kind === 'result')) {
    problems.push(problem(`${at}.triggerRule`, 'always', 'cannot wait for the task that says how many times it is mapped', 'use all_done, or map over a literal'));
  }
  if (mapping === undefined) return problems;
  if (around !== undefined) problems.push(problem(`${at}.mapping`, around.groupId, 'is a mapped group around a mapped node', 'map the group or what is in it, not both'));
  if (mapping.kind === 'expand' && mapping.over.length === 0) problems.push(problem(`${at}.mapping`, [], 'maps over nothing', 'expand at least one argument'));
  for (const source of sourcesOf(mapping)) {
    if (source.kind !== 'result') continue;
    const direct = node.upstream === undefined ? taskIds.has(source.taskId) : node.upstream.includes(source.taskId);
    if (!direct) problems.push(problem(`${at}.mapping`, source.taskId, 'is mapped over and not upstream', 'make it a direct upstream task'));
  }
  const length = literalLength(mapping);
  if (length > MAX_MAP_LENGTH) problems.push(problem(`${at}.mapping`, length, `is more than the ${MAX_MAP_LENGTH} task instances that a map may have`, 'map over fewer, larger pieces'));
  return problems;
}

/** Every source of a mapping, those within others too. */
function sourcesOf(mapping: MappingDefinition): MapSource[] {
  const found: MapSource[] = [];
  const open = mapping.kind === 'expand' ? mapping.over.map(([, source]) => source) : [mapping.over];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    found.push(next);
    if (next.kind === 'zip' || next.kind === 'concat') open.push(...next.sources);
    else if (next.kind === 'map') open.push(next.source);
  }
  return found;
}

/** Task instances that the literals of a mapping alone make: the product of their lengths. */
function literalLength(mapping: MappingDefinition): number {
  const sources = mapping.kind === 'expand' ? mapping.over.map(([, source]) => source) : [mapping.over];
  return sources.reduce((product, source) => (source.kind === 'literal' ? product * Object.keys(source.value).length : product), 1);
}

function cycleProblems(tasks: readonly TaskDefinition[]): Problem[] {
  const graph = graphOf(tasks);
  const order = topologicalOrder(graph);
  if (order.length === tasks.length) return [];
  // Each task that no order reaches has an upstream task that none reaches, so walking up must come round.
  const ordered = new Set(order);
  const path: number[] = [];
  const seen = new Map<number, number>();
  let index = tasks.findIndex((_, candidate) => !ordered.has(candidate));
  while (!seen.has(index)) {
    seen.set(index, path.length);
    path.push(index);
    index = (graph.upstream[index] as readonly number[]).find((other) => !ordered.has(other)) as number;
  }
  const cycle = [...path.slice(seen.get(index)), index].reverse().map((at) => (tasks[at] as TaskDefinition).taskId);
  const shown = cycle.length > SHOWN_CYCLE ? [...cycle.slice(0, SHOWN_CYCLE), '…', cycle.at(-1)] : cycle;
  return [problem('tasks', shown.join(' → '), 'is a cycle, so none of these tasks could ever begin', 'remove one of these dependencies')];
}

function duplicateProblems(ids: readonly string[], field: string, what: string): Problem[] {
  const seen = new Set<string>();
  const twice = new Set<string>();
  for (const id of ids) (seen.has(id) ? twice : seen).add(id);
  return [...twice].map((id) => problem(`${field}.${id}`, id, `is the id of more than one ${what}`, 'give each its own id'));
}

const idProblems = (id: string, field: string): Problem[] =>
  typeof id === 'string' && ID.test(id) ? [] : [problem(field, id, 'is not made of 1 to 250 letters, digits or any of _ . -', 'rename it')];

function numberProblems(field: string, value: number | undefined, min: number, max = Infinity): Problem[] {
  if (value === undefined || (Number.isSafeInteger(value) && value >= min && value <= max)) return [];
  return [problem(field, value, `is no whole number of at least ${min}${max === Infinity ? '' : ` and at most ${max}`}`, 'correct it, or leave it out for the default')];
}

const nameProblems = (field: string, name: string | undefined, known: object): Problem[] =>
  name === undefined || Object.hasOwn(known, name) ? [] : [problem(field, name, 'is unknown', `use one of ${Object.keys(known).join(', ')}`)];
