import type { StandardSchemaV1 } from '@standard-schema/spec';
import type { TaskKind } from '@dagbook/domain';
import type { DeclaredOperator } from './operator.ts';
import type { Mark } from './site.ts';
import type { Source, Template } from './source.ts';
import { tasksOfSource, tasksRead } from './source.ts';
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
  readonly mode?: 'poke' | 'reschedule';
  readonly softFail?: boolean;
  readonly ignoreDownstreamTriggerRules?: boolean;
  readonly onFailureFailDagrun?: boolean;
};

export type TaskBody =
  | { readonly kind: 'function'; readonly handler: (input: unknown, context: unknown) => unknown }
  | { readonly kind: 'operator'; readonly declared: DeclaredOperator }
  | { readonly kind: 'nothing' };

export type MappingModel =
  | { readonly kind: 'expand'; readonly over: readonly (readonly [name: string, source: Source])[] }
  | { readonly kind: 'expandKwargs'; readonly over: Source };

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
  readonly mark: Mark;
}

export type NodeModel = TaskModel | GroupModel;

export interface EdgeModel {
  readonly up: NodeModel;
  readonly down: NodeModel;
}

/** Carried by everything that edges may be drawn between. */
export const NODE = Symbol('node');

export const nodeOf = (value: unknown): NodeModel | undefined =>
  (typeof value === 'object' || typeof value === 'function') && value !== null ? (value as { [NODE]?: NodeModel })[NODE] : undefined;

/** The tasks whose results a task reads, in order of appearance, with repetition. */
export function visitReads(task: TaskModel, visit: (task: { readonly taskId: string }) => void): void {
  tasksRead(task.input, visit);
  if (task.mapping?.kind === 'expand') for (const [, source] of task.mapping.over) tasksOfSource(source, visit);
  if (task.mapping?.kind === 'expandKwargs') tasksOfSource(task.mapping.over, visit);
}
