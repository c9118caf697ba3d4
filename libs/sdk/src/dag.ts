import type { StandardSchemaV1 } from '@standard-schema/spec';
import type { DagDefinition, Json, TaskKind, CodeAnswer, CodeQuestion } from '@dagbook/domain';
import { ID_PATTERN } from '@dagbook/contracts';
import { runCallback } from './callback.ts';
import { runWatcher } from './watcher.ts';
import { definitionError } from './error.ts';
import { labelOf } from './label.ts';
import { type Build, layOut, MAX_ITERATIONS, runsUntaken } from './loop.ts';
import type { AnyTaskSpec, BranchModel, DagModel, EdgeModel, GroupModel, MappedGroup, NodeModel, TaskBody, TaskModel } from './model.ts';
import { mappedGroupOf, NODE, nodeOf, visitReads } from './model.ts';
import { operatorOf } from './operator.ts';
import { notJson, wrongDagOption, wrongTaskOption, type WrongOption } from './option-check.ts';
import { EXTERNAL_TASK_MARKER } from './operator/other-dag.ts';
import type { RunnableDag, SiteDefaults, TaskIo, TaskRunOutcome, TaskRunRequest } from './runnable.ts';
import { noteCreation, RUNNABLE } from './runnable.ts';
import { runTask } from './run-task.ts';
import type { CompiledDag } from './serialize.ts';
import { compileDag } from './serialize.ts';
import { callSite, mark } from './site.ts';
import type { MappingModel, Source } from './source.ts';
import { SOURCE, sourceOf, templateOf, visitLeaves, visitLeavesOf } from './source.ts';
import { testDag, TestRun } from './test-run.ts';
import { testSchedule } from './test-schedule.ts';
import { answerMappers } from './partition.ts';
import { answerTimetable } from './timetable.ts';
import type { Dag, DagSpec, Edge, Factory, LoopSpec, NoParams, ScheduleTestResult, Scope, TaskRef, TestOptions, TestResult } from './types.ts';

/**
 * A DAG, to be exported from its file. Tasks are declared on it and put into it by calling what `task` answers; a
 * result passed to another task is also the edge between the two.
 */
export function dag<S extends StandardSchemaV1 = NoParams>(id: string, spec: DagSpec<S> = {}): Dag<StandardSchemaV1.InferOutput<S>> {
  requireId('dagId', id, undefined);
  refuseIfWrong(wrongDagOption(id, spec));
  noteCreation(id);
  return new DagValue({
    dagId: id, spec: spec as unknown as DagSpec<StandardSchemaV1>, mark: mark(), tasks: new Map(), groups: new Map(), loops: new Set(), edges: [], uncalled: new Map(),
  }) as unknown as Dag<StandardSchemaV1.InferOutput<S>>;
}

function refuse(problem: { field: string; value: unknown; rule: string; remedy: string }): never {
  throw definitionError(problem, callSite());
}

function refuseIfWrong(wrong: WrongOption | undefined): void {
  if (wrong !== undefined) refuse(wrong);
}

function requireId(field: string, id: string, owner: string | undefined): void {
  if (typeof id === 'string' && ID_PATTERN.test(id)) return;
  refuse({ field: owner === undefined ? field : `${field} in '${owner}'`, value: id, rule: 'an id has 1 to 250 letters (a-z, A-Z), digits, _, - and .', remedy: 'Rename it; a displayName may hold any text' });
}

function connect(up: NodeModel, down: NodeModel, label: Pick<EdgeModel, 'label'>): void {
  up.dag.edges.push({ up, down, ...label });
}

function drawAfter(node: NodeModel, up: readonly Edge[]): void {
  for (const edge of up) connect(nodeIn(node.dag, edge), node, labelOf(edge));
}

function drawBefore(node: NodeModel, down: readonly Edge[]): void {
  for (const edge of down) connect(node, nodeIn(node.dag, edge), labelOf(edge));
}

function nodeIn(dag: DagModel, edge: unknown): NodeModel {
  const node = nodeOf(edge);
  if (node === undefined) {
    refuse({ field: `an edge in '${dag.dagId}'`, value: typeof edge, rule: 'edges are drawn between tasks, groups and branches', remedy: 'Call the declared task first: const loaded = load(); loaded.after(…)' });
  }
  requireOwn(dag, node);
  return node;
}

function requireOwn(dag: DagModel, node: { readonly dag: DagModel }): void {
  if (node.dag === dag) return;
  refuse({ field: `a reference in '${dag.dagId}'`, value: node.dag.dagId, rule: 'a task can only refer to tasks of its own DAG', remedy: 'Hand results between DAGs through an asset' });
}

class Ref implements Edge {
  readonly id: string;
  readonly [NODE]: NodeModel;
  readonly [SOURCE]: Source;

  constructor(node: NodeModel, source: Source) {
    this.id = source.kind === 'result' ? source.task.taskId : node.is === 'task' ? node.taskId : node.groupId;
    this[NODE] = node;
    this[SOURCE] = source;
  }

  after(...up: Edge[]): this {
    drawAfter(this[NODE], up);
    return this;
  }

  before(...down: Edge[]): this {
    drawBefore(this[NODE], down);
    return this;
  }

  get(key: PropertyKey): Ref {
    return this.#step({ get: key }, '.get()');
  }

  onSkip(value: unknown): Ref {
    return this.#step({ onSkip: value }, '.onSkip()');
  }

  map(fn: (item: never) => unknown): Ref {
    return new Ref(this[NODE], { kind: 'map', source: this[SOURCE], fn });
  }

  #step(step: { get: PropertyKey } | { onSkip: unknown }, call: string): Ref {
    const source = this[SOURCE];
    if (source.kind !== 'result' && source.kind !== 'each') {
      refuse({ field: `${call} on '${this.id}'`, value: source.kind, rule: 'only the result of one task has members', remedy: 'Take the member before .map(), zip() or concat()' });
    }
    return new Ref(this[NODE], { ...source, steps: [...source.steps, step] });
  }
}

const resultOf = (task: TaskModel): Ref => new Ref(task, { kind: 'result', task, steps: [] });

/** Lists taken together element by element: as long as the shortest, or, with `fill`, as the longest. */
export function zip<T extends readonly unknown[]>(
  lists: { readonly [K in keyof T]: TaskRef<readonly T[K][]> | readonly T[K][] },
  o?: { readonly fill: unknown },
): TaskRef<{ [K in keyof T]: T[K] }[]> {
  if (!Array.isArray(lists)) refuse({ field: 'zip()', value: lists, rule: 'it takes the lists as one list', remedy: 'Write zip([names, sizes])' });
  const sources = (lists as readonly unknown[]).map(listSource);
  return listRef({ kind: 'zip', sources, ...(o === undefined ? {} : { fill: { value: o.fill } }) }, 'zip');
}

/** Lists one after the other. */
export function concat<E>(...lists: readonly (TaskRef<readonly E[]> | readonly E[])[]): TaskRef<E[]> {
  return listRef({ kind: 'concat', sources: lists.map(listSource) }, 'concat');
}

const listSource = (list: unknown): Source => sourceOf(list) ?? { kind: 'literal', value: list };

function listRef<T>(source: Source, call: string): TaskRef<T> {
  let first: TaskModel | undefined;
  visitLeavesOf(source, (leaf) => {
    if (leaf.kind === 'result') first ??= leaf.task as TaskModel;
  });
  if (first === undefined) refuse({ field: `${call}()`, value: 'constants only', rule: 'at least one of its lists is the result of a task', remedy: 'Put constant lists together in plain code' });
  return new Ref(first, source) as unknown as TaskRef<T>;
}

interface GroupSpec {
  displayName?: string;
  tooltip?: string;
}

/** Of a sensor operator whose author says nothing else. Airflow's. */
const SENSOR_EVERY = '1m';

interface Declaration {
  readonly taskId: string;
  readonly kind: TaskKind;
  readonly body: TaskBody;
  readonly spec: AnyTaskSpec;
  readonly group: GroupModel | undefined;
  readonly setup?: boolean;
  readonly teardown?: boolean;
}

class ScopeValue {
  readonly #dag: DagModel;
  readonly #group: GroupModel | undefined;

  constructor(dag: DagModel, group: GroupModel | undefined) {
    this.#dag = dag;
    this.#group = group;
  }

  task(id: string, code: unknown, spec: AnyTaskSpec = {}): Factory<never, unknown> {
    return this.#declare(id, 'task', code, spec);
  }

  sensor(id: string, code: unknown, spec: AnyTaskSpec = {}): Factory<never, unknown> {
    return this.#declare(id, 'sensor', code, spec);
  }

  shortCircuit(id: string, code: unknown, spec: AnyTaskSpec = {}): Factory<never, unknown> {
    return this.#declare(id, 'shortCircuit', code, spec);
  }

  latestOnly(id: string, spec: AnyTaskSpec = {}): Ref {
    return this.#place(id, 'latestOnly', spec);
  }

  empty(id: string, spec: AnyTaskSpec = {}): Ref {
    return this.#place(id, 'empty', spec);
  }

  setup(id: string, code: unknown, spec: AnyTaskSpec = {}): Factory<never, unknown> {
    return this.#declare(id, 'task', code, spec, { setup: true });
  }

  teardown(id: string, code: unknown, spec: AnyTaskSpec = {}): Factory<never, unknown> {
    return this.#declare(id, 'task', code, spec, { teardown: true });
  }

  group(id: string, spec: GroupSpec = {}): GroupValue {
    return new GroupValue(this.#newGroup(id, spec, undefined));
  }

  mappedGroup(id: string, over: { readonly [name: string]: unknown }, build: (group: GroupValue, each: unknown) => unknown, spec: GroupSpec = {}): unknown {
    const groupId = this.#prefixed('groupId', id);
    const mapping: MappingModel = { kind: 'expand', over: Object.entries(over).map(([name, list]) => [name, mappable(groupId, name, list)] as const) };
    const group = this.#newGroup(id, spec, mapping) as MappedGroup;
    const each = Object.fromEntries(Object.keys(over).map((name) => [name, new Ref(group, { kind: 'each', group, name, steps: [] })]));
    return build(new GroupValue(group), each) ?? new GroupValue(group);
  }

  loop<O>(id: string, from: TaskRef<O> | null, build: Build<O>, spec: LoopSpec<O>): Ref {
    const groupId = this.#prefixed('groupId', id);
    requireLoop(groupId, spec.maxIterations, this.#group);
    const group = this.#newGroup(id, spec, undefined);
    this.#dag.loops.add(group);
    const taken = layOut(new GroupValue(group) as unknown as Scope<unknown>, groupId, from ?? undefined, build, spec);
    const wrong = runsUntaken(this.#dag.tasks.values(), group);
    if (wrong !== undefined) {
      refuse({ field: `triggerRule of task '${wrong.taskId}'`, value: wrong.spec.triggerRule, rule: 'a task of a loop is skipped with the iterations that are not taken', remedy: "Use 'all_success' or 'none_failed_min_one_success' in the loop, and other rules after it" });
    }
    return new Ref(group, sourceOf(taken) as Source);
  }

  #newGroup(id: string, spec: GroupSpec, mapping: MappingModel | undefined): GroupModel {
    const groupId = this.#prefixed('groupId', id);
    this.#requireFree('groupId', groupId);
    const group: GroupModel = {
      is: 'group', dag: this.#dag, groupId, parent: this.#group, displayName: spec.displayName, tooltip: spec.tooltip, mapping, mark: mark(),
    };
    this.#dag.groups.set(groupId, group);
    return group;
  }

  branch(decider: unknown, cases: { readonly [value: string]: unknown }): Edge {
    const node = nodeIn(this.#dag, decider);
    const source = sourceOf(decider);
    const task = source?.kind === 'result' ? (source.task as TaskModel) : undefined;
    if (source === undefined || task === undefined || task.mapping !== undefined) {
      refuse({ field: `branch on '${node.is === 'task' ? node.taskId : this.#dag.dagId}'`, value: source?.kind ?? 'group', rule: 'a branch decides by the result of one task that is not mapped', remedy: 'Decide in a task of its own and branch on that' });
    }
    if (Object.keys(cases ?? {}).length === 0) {
      refuse({ field: `branch on '${task.taskId}'`, value: cases, rule: 'a branch has a case for each value that it may decide by', remedy: "Write branch(decided, { small: loadSmall, large: loadLarge, none: null })" });
    }
    const nodes = new Map<string, readonly NodeModel[]>();
    for (const [value, target] of Object.entries(cases)) {
      const targets = target === null ? [] : Array.isArray(target) ? target : [target];
      for (const edge of targets) {
        if (nodeOf(edge) !== undefined) continue;
        refuse({ field: `case '${value}' of the branch on '${task.taskId}'`, value: edge, rule: 'a branch goes to tasks and groups of its DAG', remedy: 'Give it what a called task answers, a list of these, or null for none' });
      }
      nodes.set(value, targets.map((edge) => nodeIn(this.#dag, edge)));
      for (const edge of targets) connect(task, nodeIn(this.#dag, edge), labelOf(edge));
    }
    const branch: BranchModel = { source, cases: nodes };
    task.branches.push(branch);
    return decider as Edge;
  }

  #place(id: string, kind: TaskKind, spec: AnyTaskSpec): Ref {
    const factory = this.#declare(id, kind, undefined, spec) as unknown as () => Ref;
    return factory();
  }

  #declare(id: string, kind: TaskKind, code: unknown, spec: AnyTaskSpec, role: { setup?: boolean; teardown?: boolean } = {}): Factory<never, unknown> {
    const taskId = this.#prefixed('taskId', id);
    this.#requireFree('taskId', taskId);
    refuseIfWrong(wrongTaskOption(spec, `of task '${taskId}'`));
    const defaults = (this.#dag.spec.defaults ?? {}) as AnyTaskSpec;
    const waits = operatorOf(code)?.sensor === true;
    const isGate = operatorOf(code)?.passes !== undefined;
    const isMarker = operatorOf(code)?.kind === EXTERNAL_TASK_MARKER;
    if (kind === 'sensor' && operatorOf(code)?.sensor === false) {
      refuse({ field: `sensor '${taskId}'`, value: operatorOf(code)?.kind, rule: 'a sensor runs a function that answers poke.done() or poke.again(), or an operator that waits', remedy: 'Declare it with task()' });
    }
    const declaration: Declaration = {
      taskId, kind: kind !== 'task' ? kind : waits ? 'sensor' : isGate ? 'shortCircuit' : isMarker ? 'empty' : kind, body: bodyOf(taskId, kind, code),
      spec: { ...(waits ? { every: SENSOR_EVERY } : {}), ...defaults, ...spec }, group: this.#group, ...role,
    };
    this.#dag.uncalled.set(taskId, mark());
    return factoryOf(this.#dag, declaration, {});
  }

  #prefixed(field: string, id: string): string {
    requireId(field, id, this.#dag.dagId);
    const full = this.#group === undefined ? id : `${this.#group.groupId}.${id}`;
    if (full !== id) requireId(field, full, this.#dag.dagId);
    return full;
  }

  #requireFree(field: string, id: string): void {
    if (this.#dag.tasks.has(id) || this.#dag.uncalled.has(id) || this.#dag.groups.has(id)) {
      refuse({ field: `${field} in '${this.#dag.dagId}'`, value: id, rule: 'each task and group of a DAG has an id of its own', remedy: 'Rename one of the two' });
    }
  }
}

class GroupValue extends ScopeValue implements Edge {
  readonly [NODE]: GroupModel;

  constructor(group: GroupModel) {
    super(group.dag, group);
    this[NODE] = group;
  }

  after(...up: Edge[]): this {
    drawAfter(this[NODE], up);
    return this;
  }

  before(...down: Edge[]): this {
    drawBefore(this[NODE], down);
    return this;
  }
}

function requireLoop(groupId: string, maxIterations: unknown, around: GroupModel | undefined): void {
  if (!Number.isInteger(maxIterations) || (maxIterations as number) < 1 || (maxIterations as number) > MAX_ITERATIONS) {
    refuse({ field: `maxIterations of loop '${groupId}'`, value: maxIterations, rule: `a loop takes 1 to ${MAX_ITERATIONS} iterations`, remedy: 'Wait in a sensor for what takes longer' });
  }
  for (let group = around; group !== undefined; group = group.parent) {
    if (group.mapping === undefined && !group.dag.loops.has(group)) continue;
    refuse({ field: `loop '${groupId}'`, value: `inside '${group.groupId}'`, rule: 'a loop stands in no other loop and in no mapped group', remedy: 'Put the inner one into a DAG of its own and start it with triggerDag()' });
  }
}

function bodyOf(taskId: string, kind: TaskKind, code: unknown): TaskBody {
  if (kind === 'empty' || kind === 'latestOnly') return { kind: 'nothing' };
  if (typeof code === 'function') return { kind: 'function', handler: code as (input: unknown, context: unknown) => unknown };
  const declared = operatorOf(code);
  if (declared !== undefined) return { kind: 'operator', declared };
  return refuse({ field: `task '${taskId}'`, value: typeof code, rule: 'a task runs a function or an operator', remedy: "Give it an async function, or an operator such as bash({ command: '…' })" });
}

/** `fixed` gathers what `partial` was given; each call that completes it puts one task into the DAG. */
function factoryOf(dag: DagModel, declaration: Declaration, fixed: { readonly [name: string]: unknown }): Factory<never, unknown> {
  const call = (input: { readonly [name: string]: unknown } = {}) => add(dag, declaration, { ...fixed, ...input }, undefined);
  const rest = {
    partial: (more: { readonly [name: string]: unknown }) => factoryOf(dag, declaration, { ...fixed, ...more }),
    expand: (over: { readonly [name: string]: unknown }) =>
      add(dag, declaration, fixed, {
        kind: 'expand',
        over: Object.entries(over ?? {}).map(([name, list]) => [name, mappable(declaration.taskId, name, list)] as const),
      }),
    expandKwargs: (over: unknown) => add(dag, declaration, fixed, { kind: 'expandKwargs', over: kwargsOf(declaration.taskId, over) }),
  };
  return Object.assign(call, rest) as unknown as Factory<never, unknown>;
}

function kwargsOf(taskId: string, over: unknown): Source {
  const isArguments = (one: unknown): boolean => typeof one === 'object' && one !== null && !Array.isArray(one);
  if (sourceOf(over) === undefined && !(Array.isArray(over) && over.every(isArguments))) {
    refuse({ field: `expandKwargs of '${taskId}'`, value: over, rule: 'it takes a list of objects, the arguments of one instance each', remedy: 'Write it like [{ file: "a" }, { file: "b" }], or use expand()' });
  }
  return mappable(taskId, 'kwargs', over);
}

function mappable(taskId: string, name: string, list: unknown): Source {
  const source = sourceOf(list);
  if (source !== undefined) return isOfGroup(source) ? refuseNested(taskId, name) : source;
  if (typeof list !== 'object' || list === null) {
    refuse({ field: `expand of '${taskId}', argument '${name}'`, value: list, rule: 'a task maps over a list or an object', remedy: 'Give constants to partial() instead' });
  }
  if (templateOf(list).kind !== 'constant') {
    refuse({ field: `expand of '${taskId}', argument '${name}'`, value: 'a list that holds task results', rule: 'a list to map over is constant, or the result of one task', remedy: 'Use concat() or zip() to put results together' });
  }
  const foreign = notJson(list);
  if (foreign !== undefined) {
    refuse({ field: `expand of '${taskId}', argument '${name}'`, value: foreign, rule: 'a list to map over is kept as JSON', remedy: 'Use texts, numbers, true, false, null, and lists and objects of these' });
  }
  return { kind: 'literal', value: list };
}

function isOfGroup(source: Source): boolean {
  let found = false;
  visitLeavesOf(source, ({ kind }) => {
    found ||= kind === 'each';
  });
  return found;
}

const refuseNested = (taskId: string, name: string): never =>
  refuse({ field: `expand of '${taskId}', argument '${name}'`, value: 'the argument of a mapped group', rule: 'what is in a mapped group is multiplied by the group alone', remedy: 'Map the group over all the elements, or map the task outside a group' });

function add(dag: DagModel, declaration: Declaration, input: { readonly [name: string]: unknown }, mapping: MappingModel | undefined): Ref {
  const { body, kind } = declaration;
  const task: TaskModel = {
    is: 'task', dag, taskId: freeId(dag, declaration.taskId), kind, body, spec: declaration.spec, group: declaration.group,
    operator: body.kind === 'operator' ? body.declared.kind : body.kind === 'function' ? 'function' : kind,
    setup: declaration.setup ?? false, teardown: declaration.teardown ?? false,
    input: templateOf(body.kind === 'operator' ? { ...body.declared.fields, ...input } : input),
    mapping, branches: [], mark: mark(),
  };
  visitReads(task, (read) => requireOwn(dag, read as TaskModel));
  visitLeaves(task.input, (leaf) => {
    if (leaf.kind !== 'each' || leaf.group === mappedGroupOf(task)) return;
    refuse({ field: `task '${task.taskId}'`, value: `the argument '${leaf.name}' of group '${leaf.group.groupId}'`, rule: 'the argument of a mapped group is known only inside it', remedy: 'Put the task into the group, or read the list that the group is mapped over' });
  });
  dag.uncalled.delete(declaration.taskId);
  dag.tasks.set(task.taskId, task);
  return resultOf(task);
}

/** A declared task called again is another task, as in Airflow: `load`, `load__1`, `load__2`. */
function freeId(dag: DagModel, taskId: string): string {
  let id = taskId;
  for (let count = 1; dag.tasks.has(id); count += 1) id = `${taskId}__${count}`;
  return id;
}

class DagValue extends ScopeValue {
  readonly id: string;
  readonly __dag = true;
  readonly [RUNNABLE]: Runnable;

  constructor(model: DagModel) {
    super(model, undefined);
    this.id = model.dagId;
    this[RUNNABLE] = new Runnable(model);
  }

  test(options: TestOptions<object> = {}): Promise<TestResult> {
    return this[RUNNABLE].test(options);
  }

  testSchedule(options: Parameters<typeof testSchedule>[2]): Promise<ScheduleTestResult> {
    return this[RUNNABLE].testSchedule(options);
  }
}

class Runnable implements RunnableDag {
  readonly #model: DagModel;
  #compiled: { readonly timezone: string | undefined; readonly dag: CompiledDag } | undefined;

  constructor(model: DagModel) {
    this.#model = model;
  }

  definition(site: SiteDefaults = {}): DagDefinition {
    return this.#compile(site).definition;
  }

  askTimetable(question: CodeQuestion): CodeAnswer | undefined {
    if (question.kind === 'partitions') return answerMappers(this.#model.spec.schedule, this.#compile({}).definition.schedule, question);
    return answerTimetable(this.#model.spec.schedule, question);
  }

  run(request: TaskRunRequest, io: TaskIo): Promise<TaskRunOutcome> {
    if (request.work.kind === 'watcher') return runWatcher(this.#model, request, io);
    const run = request.work.kind === 'callback' ? runCallback : runTask;
    return run(this.#model, this.#compile(io.site ?? {}), request, io);
  }

  async test(options: TestOptions<object>): Promise<TestResult> {
    return testDag(this.#model, this.#compile({}), options);
  }

  async render(taskId: string, mapIndex: number, options: TestOptions<object>): Promise<{ readonly [field: string]: Json }> {
    return new TestRun(this.#model, this.#compile({}), options).rendered(taskId, mapIndex);
  }

  async testSchedule(options: Parameters<typeof testSchedule>[2]): Promise<ScheduleTestResult> {
    return testSchedule(this.#model, this.#compile({}), options);
  }

  #compile(site: SiteDefaults): CompiledDag {
    if (this.#compiled === undefined || this.#compiled.timezone !== site.timezone) {
      this.#compiled = { timezone: site.timezone, dag: compileDag(this.#model, site) };
    }
    return this.#compiled.dag;
  }
}

/** What a DAG is to the scheduler: plain JSON, the same for the same code. */
export function serialize(value: Dag<never> | Dag<unknown>, site?: SiteDefaults): DagDefinition {
  return (value as unknown as DagValue)[RUNNABLE].definition(site);
}

