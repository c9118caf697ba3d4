import type {
  DagDefinition, DeadlineDefinition, GroupDefinition, Json, MappingDefinition, MapSource, ParamsDefinition, TaskDefinition,
} from '@dagbook/domain';
import { dagProblems, problemText } from '@dagbook/domain';
import type { StandardSchemaV1 } from '@standard-schema/spec';
import { aliasesIn, urisIn } from './asset.ts';
import { assetDefinitions } from './asset-definition.ts';
import { dagCallbacks, deadlineCallbacks, taskCallbacks } from './callback.ts';
import { DagDefinitionError, definitionError } from './error.ts';
import { defaultsIn, jsonSchemaOf } from './json-schema.ts';
import type { AnyTaskSpec, DagModel, GroupModel, NodeModel, TaskModel } from './model.ts';
import { visitMapping, visitReads } from './model.ts';
import { EXTERNAL_TASK_MARKER, type ExternalTaskMarkerOptions } from './operator/other-dag.ts';
import type { SiteDefaults } from './runnable.ts';
import { codeRules } from './retry-policy.ts';
import { durationMs, instantOf, isPartitionedAtRuntime, isTimezone, scheduleTimezone, timetableOf } from './schedule.ts';
import { codesOf } from './partition.ts';
import type { Mark } from './site.ts';
import { siteOf } from './site.ts';
import type { MappingModel, Source } from './source.ts';
import { watcherDefinitions } from './watcher.ts';
import type { DeadlineSpec, Duration } from './types.ts';
import { weightsBy } from './weight-strategy.ts';

/** A DAG ready to be scheduled and run. */
export interface CompiledDag {
  readonly definition: DagDefinition;
  /** Where edges to a node end: the task itself, or the roots of the group. */
  rootIds(node: NodeModel): readonly string[];
  /** By task: the parts of its result that other tasks map over. */
  readonly mappedPaths: ReadonlyMap<string, readonly (readonly string[])[]>;
}

/**
 * Makes the definition: members in a fixed order, defaults absent, tasks in the order they were put into the DAG, so
 * that the same code always gives the same text.
 */
export function compileDag(dag: DagModel, site: SiteDefaults): CompiledDag {
  for (const [taskId, declared] of dag.uncalled) {
    throw definitionError({
      field: `task in '${dag.dagId}'`, value: taskId, rule: 'a declared task is in the DAG only once it is called', remedy: `Call what task('${taskId}', …) answers, or remove it`,
    }, siteOf(declared));
  }
  const { spec } = dag;
  const timezone = timezoneOf(dag, site);
  const schedule = timetableOf(spec.schedule, timezone) ?? refuseDag(dag, 'schedule', spec.schedule, 'a schedule is a cron string, a preset, or made by cron(), every(), at() or when', "Write schedule: '0 6 * * *'");
  codesOf(spec.schedule);
  const { upstreams, inner } = upstreamsOf(dag);
  const downstream = downstreamOf(upstreams);
  const labels = labelsOf(dag, inner);
  const tasks = [...dag.tasks.values()].map((task) => taskDefinition(task, [...(upstreams.get(task) ?? [])], downstream, labels.get(task)));
  const definition: DagDefinition = {
    dagId: dag.dagId,
    ...present('displayName', spec.displayName),
    timezone,
    schedule,
    ...present('partitionedAtRuntime', isPartitionedAtRuntime(spec.schedule) ? true : undefined),
    ...present('startDate', dateOf(dag, 'startDate', spec.startDate, timezone)),
    ...present('endDate', dateOf(dag, 'endDate', spec.endDate, timezone)),
    ...present('catchup', spec.catchup === true ? true : undefined),
    ...present('maxActiveRuns', spec.maxActiveRuns),
    ...present('maxActiveTasks', spec.maxActiveTasks),
    ...present('maxConsecutiveFailedRuns', spec.maxConsecutiveFailedRuns),
    ...present('failFast', spec.failFast === true ? true : undefined),
    ...present('dagrunTimeoutMs', durationOf(`timeout of '${dag.dagId}'`, spec.timeout, dag.mark)),
    ...present('deadlines', deadlinesOf(dag, timezone)),
    ...present('watchers', watcherDefinitions(dag)),
    ...present('rerunWithLatestVersion', spec.rerunWithLatestVersion === true ? true : undefined),
    ...present('pausedUponCreation', spec.pausedUponCreation),
    ...present('params', spec.params === undefined ? undefined : paramsOf(dag, spec.params)),
    ...present('tags', spec.tags !== undefined && spec.tags.length > 0 ? [...spec.tags] : undefined),
    ...present('owner', spec.owner),
    ...present('doc', spec.doc),
    ...present('callbacks', dagCallbacks(dag)),
    ...present('assets', assetDefinitions(dag)),
    tasks,
    ...present('groups', dag.groups.size === 0 ? undefined : [...dag.groups.values()].map(groupDefinition)),
  };
  refuseProblems(dag, definition);
  return { definition, rootIds: (node) => rootsOf(node, inner).map((task) => task.taskId), mappedPaths: mappedPathsOf([...tasks, ...(definition.groups ?? [])]) };
}

/** What the domain finds wrong, at the line of the task that it is about. */
function refuseProblems(dag: DagModel, definition: DagDefinition): void {
  const [first, ...more] = dagProblems(definition);
  if (first === undefined) return;
  const named = [...dag.tasks.values()].filter(({ taskId }) => first.field.startsWith(`tasks.${taskId}.`) || first.value.includes(taskId));
  const at = named.sort((a, b) => b.taskId.length - a.taskId.length)[0]?.mark ?? dag.mark;
  const others = more.length === 0 ? '' : ` ${more.length} more problem${more.length === 1 ? '' : 's'} follow${more.length === 1 ? 's' : ''}: ${more.slice(0, 3).map(problemText).join(' ')}`;
  throw new DagDefinitionError(first, `DAG '${dag.dagId}': ${problemText(first)}${others}`, siteOf(at));
}

function mappedPathsOf(nodes: readonly { readonly mapping?: MappingDefinition }[]): ReadonlyMap<string, readonly (readonly string[])[]> {
  const paths = new Map<string, (readonly string[])[]>();
  const visit = (source: MapSource): void => {
    switch (source.kind) {
      case 'literal':
        return;
      case 'result':
        paths.set(source.taskId, [...(paths.get(source.taskId) ?? []), source.path ?? []]);
        return;
      case 'map':
        return visit(source.source);
      case 'zip':
      case 'concat':
        return source.sources.forEach(visit);
    }
  };
  for (const { mapping } of nodes) {
    if (mapping?.kind === 'expand') for (const [, source] of mapping.over) visit(source);
    if (mapping?.kind === 'expandKwargs') visit(mapping.over);
  }
  return paths;
}

/** An absent member stays absent: a new feature must not give every DAG a new version. */
function present<Name extends string, Value>(name: Name, value: Value | undefined): { readonly [N in Name]?: Value } {
  return (value === undefined ? {} : { [name]: value }) as { readonly [N in Name]?: Value };
}

function refuseDag(dag: DagModel, field: string, value: unknown, rule: string, remedy: string): never {
  throw definitionError({ field: `${field} of '${dag.dagId}'`, value, rule, remedy }, siteOf(dag.mark));
}

function timezoneOf(dag: DagModel, site: SiteDefaults): string {
  const timezone = dag.spec.timezone ?? scheduleTimezone(dag.spec.schedule) ?? site.timezone ?? 'UTC';
  if (!isTimezone(timezone)) refuseDag(dag, 'timezone', timezone, 'a time zone is a name of the IANA database', "Write it like 'Asia/Seoul'");
  return timezone;
}

function dateOf(dag: DagModel, field: string, text: string | undefined, timezone: string): string | undefined {
  if (text === undefined) return undefined;
  return instantOf(String(text), timezone) ?? refuseDag(dag, field, text, 'a date is ISO-8601, with or without time and zone', "Write it like '2027-01-01' or '2027-01-01T06:30:00+09:00'");
}

const durationOf = (field: string, duration: Duration | undefined, declared: Mark): number | undefined =>
  duration === undefined ? undefined : durationMs(field, duration, declared);

const DEADLINE_REFERENCES: readonly string[] = ['queuedAt', 'logicalDate', 'averageRuntime'];
const DEFAULT_AVERAGED_RUNS = 10;

function deadlinesOf(dag: DagModel, timezone: string): readonly DeadlineDefinition[] | undefined {
  const { deadlines } = dag.spec;
  return deadlines === undefined || deadlines.length === 0 ? undefined : deadlines.map((deadline, index) => deadlineOf(dag, deadline, `deadlines[${index}]`, timezone));
}

function deadlineOf(dag: DagModel, { name, reference, interval, averageOf, onMissed }: DeadlineSpec, at: string, timezone: string): DeadlineDefinition {
  const isFixed = typeof reference === 'object' && reference !== null;
  if (!isFixed && !DEADLINE_REFERENCES.includes(reference)) {
    refuseDag(dag, `${at}.reference`, reference, 'a deadline counts from queuedAt, logicalDate, averageRuntime or { fixed: date }', "Write reference: 'queuedAt'");
  }
  const isBefore = String(interval).startsWith('-');
  const lengthMs = durationOf(`${at}.interval of '${dag.dagId}'`, (isBefore ? interval.slice(1) : interval) as Duration, dag.mark) ?? 0;
  const limit = averageOf?.limit ?? DEFAULT_AVERAGED_RUNS;
  return {
    ...present('name', name),
    reference: isFixed ? 'fixed' : reference,
    ...present('fixed', isFixed ? dateOf(dag, `${at}.reference.fixed`, reference.fixed, timezone) : undefined),
    intervalMs: isBefore ? -lengthMs : lengthMs,
    ...present('averageOf', reference === 'averageRuntime' ? { limit, minRuns: averageOf?.minRuns ?? limit } : undefined),
    ...present('callbacks', deadlineCallbacks(dag, onMissed, `${at}.onMissed`)),
  };
}

function taskDefinition(task: TaskModel, upstream: readonly string[], downstream: ReadonlyMap<string, readonly string[]>, labels: TaskDefinition['edgeLabels']): TaskDefinition {
  const { spec, taskId } = task;
  const duration = (name: 'retryDelay' | 'maxRetryDelay' | 'timeout' | 'lostAfter') => durationOf(`${name} of task '${taskId}'`, spec[name], task.mark);
  return {
    taskId,
    ...present('displayName', spec.displayName),
    ...present('kind', kindOf(task)),
    operator: task.operator,
    upstream,
    ...present('edgeLabels', labels),
    ...present('reads', readsOf(task)),
    ...present('triggerRule', spec.triggerRule === 'all_success' && !task.teardown ? undefined : spec.triggerRule),
    ...present('retries', spec.retries === 0 ? undefined : spec.retries),
    ...present('retryDelayMs', duration('retryDelay')),
    ...present('retryBackoff', backoffOf(spec.retryBackoff)),
    ...present('maxRetryDelayMs', duration('maxRetryDelay')),
    ...present('timeoutMs', duration('timeout')),
    ...present('queue', spec.queue),
    ...present('pool', typeof spec.pool === 'string' ? { name: spec.pool, slots: 1 } : spec.pool),
    ...weightOf(task, upstream, downstream.get(taskId) ?? []),
    ...present('dependsOnPast', spec.dependsOnPast === true ? true : undefined),
    ...present('waitForDownstream', spec.waitForDownstream === true ? true : undefined),
    ...present('ignoreFirstDependsOnPast', spec.ignoreFirstDependsOnPast === false ? false : undefined),
    ...present('waitForPastDependsBeforeSkipping', spec.waitForPastDependsBeforeSkipping === true ? true : undefined),
    ...present('maxActive', spec.maxActive),
    ...present('maxActivePerRun', spec.maxActivePerRun),
    ...present('groupId', task.group?.groupId),
    ...present('setup', task.setup ? true : undefined),
    ...present('teardown', task.teardown ? teardownOf(task, upstream) : undefined),
    ...present('mapping', mappingOf(task.mapping)),
    ...present('mapIndexTemplate', spec.mapIndexTemplate),
    ...present('branchTargets', task.branches.length === 0 ? undefined : (downstream.get(taskId) ?? [])),
    ...present('ignoreDownstreamTriggerRules', spec.ignoreDownstreamTriggerRules === false ? false : undefined),
    ...present('sensor', task.kind === 'sensor' ? sensorOf(task) : undefined),
    ...present('marks', marksOf(task)),
    ...present('inlets', spec.inlets === undefined ? undefined : urisIn(spec.inlets)),
    ...present('outlets', spec.outlets === undefined ? undefined : urisIn(spec.outlets)),
    ...present('inletAliases', someOf(aliasesIn(spec.inlets))),
    ...present('outletAliases', someOf(aliasesIn(spec.outlets))),
    ...present('onLost', spec.onLost === 'retry' ? undefined : spec.onLost),
    ...present('lostAfterMs', duration('lostAfter')),
    ...present('callbacks', taskCallbacks(task)),
    ...present('retryPolicy', hasRetryPolicy(task) ? true : undefined),
    ...present('retryRules', someOf(codeRules(spec.retryPolicy))),
    ...present('doc', spec.doc),
  };
}

/** What an external task marker names; its fields are constants. */
function marksOf({ body, taskId, mark }: TaskModel): TaskDefinition['marks'] {
  if (body.kind !== 'operator' || body.declared.kind !== EXTERNAL_TASK_MARKER) return undefined;
  const { dagId, taskId: marked, laterBy, recursionDepth } = body.declared.fields as unknown as ExternalTaskMarkerOptions;
  return { dagId, taskId: marked, ...present('laterByMs', durationOf(`laterBy of task '${taskId}'`, laterBy, mark)), ...present('depth', recursionDepth) };
}

function weightOf({ dag, taskId, operator, spec, mark }: TaskModel, upstream: readonly string[], downstream: readonly string[]): Partial<TaskDefinition> {
  const { priorityWeight, weightRule } = spec;
  if (typeof weightRule !== 'function') return { ...present('priorityWeight', priorityWeight), ...present('weightRule', weightRule) };
  return weightsBy(weightRule, { dagId: dag.dagId, taskId, operator, priorityWeight: priorityWeight ?? 1, maxTries: (spec.retries ?? 0) + 1, upstream, downstream }, mark);
}

/** The rules are the code's own affair; a delay that is none is found here, not when the task has failed. */
function hasRetryPolicy({ taskId, spec, mark }: TaskModel): boolean {
  const rules = typeof spec.retryPolicy === 'function' ? [] : (spec.retryPolicy ?? []);
  for (const [index, { delay }] of rules.entries()) durationOf(`retryPolicy.${index}.delay of task '${taskId}'`, delay, mark);
  return spec.retryPolicy !== undefined;
}

const someOf = <T>(list: readonly T[]): readonly T[] | undefined => (list.length === 0 ? undefined : list);

function kindOf(task: TaskModel): TaskDefinition['kind'] | undefined {
  if (task.branches.length > 0) return 'branch';
  return task.kind === 'task' ? undefined : task.kind;
}

function readsOf(task: TaskModel): readonly string[] | undefined {
  const reads = new Set<string>();
  visitReads(task, (read) => reads.add(read.taskId));
  return reads.size === 0 ? undefined : [...reads];
}

function backoffOf(backoff: AnyTaskSpec['retryBackoff']): number | undefined {
  if (backoff === 'exponential') return 2;
  return typeof backoff === 'number' ? backoff : undefined;
}

function sensorOf({ taskId, spec, mark }: TaskModel): TaskDefinition['sensor'] {
  return {
    everyMs: durationMs(`every of sensor '${taskId}'`, spec.every, mark),
    mode: spec.mode ?? 'poke',
    ...present('softFail', spec.softFail === true ? true : undefined),
  };
}

/** A teardown cleans up after the setups that stand directly before it. */
function teardownOf(task: TaskModel, upstream: readonly string[]): TaskDefinition['teardown'] {
  const setups = upstream.filter((taskId) => task.dag.tasks.get(taskId)?.setup === true);
  return { setups, ...present('onFailureFailDagrun', task.spec.onFailureFailDagrun === true ? true : undefined) };
}

function mappingOf(mapping: MappingModel | undefined): MappingDefinition | undefined {
  if (mapping === undefined) return undefined;
  let functions = 0;
  const convert = (source: Source): MapSource => {
    switch (source.kind) {
      case 'literal':
        return { kind: 'literal', value: source.value as readonly Json[] };
      case 'result': {
        const path = source.steps.flatMap((step) => ('get' in step ? [String(step.get)] : []));
        return { kind: 'result', taskId: source.task.taskId, ...present('path', path.length === 0 ? undefined : path) };
      }
      case 'each':
        throw new Error('invariant: the argument of a mapped group is refused where something is mapped over it');
      case 'map':
        return { kind: 'map', source: convert(source.source), fn: functions++ };
      case 'zip':
        return { kind: 'zip', sources: source.sources.map(convert), ...present('fill', source.fill === undefined ? undefined : ((source.fill.value ?? null) as Json)) };
      case 'concat':
        return { kind: 'concat', sources: source.sources.map(convert) };
    }
  };
  return mapping.kind === 'expand'
    ? { kind: 'expand', over: mapping.over.map(([name, source]) => [name, convert(source)] as const) }
    : { kind: 'expandKwargs', over: convert(mapping.over) };
}

const groupDefinition = (group: GroupModel): GroupDefinition => ({
  groupId: group.groupId,
  ...present('parentId', group.parent?.groupId),
  ...present('displayName', group.displayName),
  ...present('tooltip', group.tooltip),
  ...present('mapping', mappingOf(group.mapping)),
});

type Upstreams = ReadonlyMap<TaskModel, ReadonlySet<string>>;

/**
 * Direct upstream ids of each task: what it reads first, then drawn edges in the order they were drawn. An edge to a
 * group ends at its roots, one from a group begins at its leaves; both are judged by the edges between tasks (`inner`).
 */
function upstreamsOf(dag: DagModel): { readonly upstreams: Upstreams; readonly inner: Upstreams } {
  const inner = new Map<TaskModel, Set<string>>();
  for (const task of dag.tasks.values()) {
    const reads = new Set<string>();
    visitReads(task, (read) => reads.add(read.taskId));
    inner.set(task, reads);
  }
  for (const { up, down } of dag.edges) {
    if (up.is === 'task' && down.is === 'task') inner.get(down)?.add(up.taskId);
  }
  if (dag.groups.size === 0) return { upstreams: inner, inner };
  const upstreams = new Map([...inner].map(([task, ids]) => [task, new Set(ids)] as const));
  for (const { up, down } of dag.edges) {
    if (up.is === 'task' && down.is === 'task') continue;
    for (const root of rootsOf(down, inner)) for (const leaf of leavesOf(up, inner)) upstreams.get(root)?.add(leaf.taskId);
  }
  // As in Airflow, the roots of a mapped group follow what it is mapped over.
  for (const group of dag.groups.values()) {
    const { mapping } = group;
    if (mapping === undefined) continue;
    const roots = rootsOf(group, inner);
    visitMapping(mapping, ({ taskId }) => roots.forEach((root) => upstreams.get(root)?.add(taskId)));
  }
  return { upstreams, inner };
}

/** By task: what the edges from its upstreams are called; of an edge drawn twice, as it was called last. */
function labelsOf(dag: DagModel, inner: Upstreams): ReadonlyMap<TaskModel, TaskDefinition['edgeLabels']> {
  const labels = new Map<TaskModel, { readonly [upstreamId: string]: string }>();
  for (const { up, down, label } of dag.edges) {
    if (label === undefined) continue;
    for (const root of rootsOf(down, inner)) for (const { taskId } of leavesOf(up, inner)) labels.set(root, { ...labels.get(root), [taskId]: label });
  }
  return labels;
}

function downstreamOf(upstreams: Upstreams): ReadonlyMap<string, readonly string[]> {
  const downstream = new Map<string, string[]>();
  for (const [task, ids] of upstreams) {
    for (const id of ids) {
      const followers = downstream.get(id);
      if (followers === undefined) downstream.set(id, [task.taskId]);
      else followers.push(task.taskId);
    }
  }
  return downstream;
}

function membersOf(group: GroupModel): TaskModel[] {
  const within = (task: TaskModel): boolean => {
    for (let at = task.group; at !== undefined; at = at.parent) if (at === group) return true;
    return false;
  };
  return [...group.dag.tasks.values()].filter(within);
}

function rootsOf(node: NodeModel, upstreams: Upstreams): readonly TaskModel[] {
  if (node.is === 'task') return [node];
  const members = membersOf(node);
  const ids = new Set(members.map((task) => task.taskId));
  return members.filter((task) => ![...(upstreams.get(task) ?? [])].some((id) => ids.has(id)));
}

/** As in Airflow, a teardown is no leaf of its group: what follows the group follows the work, not the cleaning up. */
function leavesOf(node: NodeModel, upstreams: Upstreams): readonly TaskModel[] {
  if (node.is === 'task') return [node];
  const work = membersOf(node).filter((task) => !task.teardown);
  const followed = new Set(work.flatMap((task) => [...(upstreams.get(task) ?? [])]));
  return work.filter((task) => !followed.has(task.taskId));
}

function paramsOf(dag: DagModel, schema: StandardSchemaV1): ParamsDefinition {
  const jsonSchema = jsonSchemaOf(schema);
  const answer = schema['~standard'].validate({});
  if (answer instanceof Promise) refuseDag(dag, 'params', schema['~standard'].vendor, 'a params schema is checked at once', 'Leave async checks out of it');
  const defaults = answer.issues === undefined ? answer.value : defaultsIn(jsonSchema);
  const plain = JSON.parse(JSON.stringify(defaults ?? {})) as ParamsDefinition['defaults'];
  return { ...present('schema', jsonSchema), defaults: plain };
}
