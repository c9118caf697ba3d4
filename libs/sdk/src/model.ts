import type { StandardSchemaV1 } from '@standard-schema/spec';
import type { TaskKind } from '@dagbook/domain';
import type { DeclaredOperator } from './operator.ts';
import type { Mark } from './site.ts';
import type { LeafSource, MappingModel, Source, Template } from './source.ts';
import { visitLeaves, visitLeavesOf } from './source.ts';
import type { DagSpec, TaskSpec } from './types.ts';

/**
 * A DAG while its file is evaluated: what the author's calls have said so far, in their order. Nothing is judged here
 * beyond what the call itself can know; edges to groups are followed when the definition is made, since a group may
 * still grow.
 */
export interface DagModel {
  readonly dagId: string;
  readonly spec: DagSpec<StandardSchemaV1>;
  readonly mark: Mark;
  readonly tasks: Map<string, TaskModel>;
  readonly groups: Map<string, GroupModel>;
  /** Those of the groups whose groups are iterations. */
  readonly loops: Set<GroupModel>;
  readonly edges: EdgeModel[];
  /** Declared, and not in the DAG until they are called. */
  readonly uncalled: Map<string, Mark>;
}

export interface TaskModel {
  readonly is: 'task';
  readonly dag: DagModel;
  readonly taskId: string;
  readonly kind: TaskKind;
  readonly operator: string;
  readonly body: TaskBody;
  /** The author's, over the DAG's defaults. */
  readonly spec: AnyTaskSpec;
  readonly group: GroupModel | undefined;
  readonly setup: boolean;
  readonly teardown: boolean;
  /** Arguments of the function, or fields of the operator. */
  readonly input: Template;
  readonly mapping: MappingModel | undefined;
  readonly branches: BranchModel[];
  readonly mark: Mark;
}

export type AnyTaskSpec = TaskSpec<unknown> & {
  readonly every?: TaskSpec<unknown>['timeout'];
  readonly mode?: 'poke' | 'reschedule' | 'deferred';
  readonly backoff?: 'fixed' | 'exponential';
  readonly maxEvery?: TaskSpec<unknown>['timeout'];
  readonly softFail?: boolean;
  readonly ignoreDownstreamTriggerRules?: boolean;
  readonly onFailureFailDagrun?: boolean;
};

export type TaskBody =
  | { readonly kind: 'function'; readonly handler: (input: unknown, context: unknown) => unknown }
  | { readonly kind: 'operator'; readonly declared: DeclaredOperator }
  | { readonly kind: 'nothing' };

/** Which node follows which value of the decider. */
export interface BranchModel {
  readonly source: Source;
  readonly cases: ReadonlyMap<string, readonly NodeModel[]>;
}

export interface GroupModel {
  readonly is: 'group';
  readonly dag: DagModel;
  readonly groupId: string;
  readonly parent: GroupModel | undefined;
  readonly displayName: string | undefined;
  readonly tooltip: string | undefined;
  readonly mapping: MappingModel | undefined;
  readonly mark: Mark;
}

export type MappedGroup = GroupModel & { readonly mapping: MappingModel };

export type NodeModel = TaskModel | GroupModel;

export interface EdgeModel {
  readonly up: NodeModel;
  readonly down: NodeModel;
  readonly label?: string;
}

/** Carried by everything that edges may be drawn between. */
export const NODE = Symbol('node');

export const nodeOf = (value: unknown): NodeModel | undefined =>
  (typeof value === 'object' || typeof value === 'function') && value !== null ? (value as { [NODE]?: NodeModel })[NODE] : undefined;

type VisitTask = (task: { readonly taskId: string }) => void;

/** The tasks whose results a task reads, in order of appearance, with repetition; not what a group around it is mapped over. */
export function visitReads(task: TaskModel, visit: VisitTask): void {
  visitLeaves(task.input, (leaf) => visitResult(leaf, visit));
  if (task.mapping !== undefined) visitMapping(task.mapping, visit);
}

export function visitMapping(mapping: MappingModel, visit: VisitTask): void {
  const sources = mapping.kind === 'expandKwargs' ? [mapping.over] : mapping.over.map(([, source]) => source);
  for (const source of sources) visitLeavesOf(source, (leaf) => visitResult(leaf, visit));
}

function visitResult(leaf: LeafSource, visit: VisitTask): void {
  if (leaf.kind === 'result') visit(leaf.task);
}

/** The nearest mapped group around a task. */
export function mappedGroupOf(task: TaskModel): MappedGroup | undefined {
  for (let group = task.group; group !== undefined; group = group.parent) if (isMapped(group)) return group;
  return undefined;
}

const isMapped = (group: GroupModel): group is MappedGroup => group.mapping !== undefined;
