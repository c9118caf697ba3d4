import type { CallbackCause, DagCallback, TaskCallback } from '@dagbook/domain';
import { operatorContext, RunContext } from './context.ts';
import { definitionError, TaskFailure } from './error.ts';
import { outcomeOfThrown, runOperator, validParams } from './execution.ts';
import type { DagModel, TaskModel } from './model.ts';
import { type DeclaredOperator, operatorOf } from './operator.ts';
import { Resolver } from './resolve.ts';
import type { TaskIo, TaskRunOutcome, TaskRunRequest } from './runnable.ts';
import type { CompiledDag } from './serialize.ts';
import { type Mark, siteOf } from './site.ts';
import { templateOf, visitLeaves } from './source.ts';
import { renderFields } from './template/render-fields.ts';

/** As a definition lists them, whatever the order of the author's. */
const DAG_CALLBACKS: readonly DagCallback[] = ['onSuccess', 'onFailure'];
const TASK_CALLBACKS: readonly TaskCallback[] = ['onExecute', 'onSuccess', 'onFailure', 'onRetry', 'onSkipped'];

type Code = { readonly kind: 'function'; readonly call: (context: unknown) => unknown } | { readonly kind: 'operator'; readonly declared: DeclaredOperator };

/** Names of the callbacks of a DAG, each as often as it has one of the name; undefined: it has none. */
export const dagCallbacks = ({ spec, mark, dagId }: DagModel): readonly DagCallback[] | undefined =>
  named(DAG_CALLBACKS, (name) => codesOf(`${name} of '${dagId}'`, spec[name], mark).length);

export const taskCallbacks = ({ spec, mark, taskId }: TaskModel): readonly TaskCallback[] | undefined =>
  named(TASK_CALLBACKS, (name) => codesOf(`${name} of task '${taskId}'`, spec[name], mark).length);

/** How many callbacks a deadline has; undefined: none. */
export function deadlineCallbacks({ dagId, mark }: DagModel, given: unknown, at: string): number | undefined {
  const { length } = codesOf(`${at} of '${dagId}'`, given, mark);
  return length === 0 ? undefined : length;
}

function named<Name extends string>(names: readonly Name[], timesOf: (name: Name) => number): readonly Name[] | undefined {
  const found = names.flatMap((name) => Array.from({ length: timesOf(name) }, () => name));
  return found.length === 0 ? undefined : found;
}

/** What the author gave, in order. Throws for what is none. */
function codesOf(field: string, given: unknown, declared: Mark): readonly Code[] {
  if (given === undefined) return [];
  return (Array.isArray(given) ? (given as readonly unknown[]) : [given]).map((code): Code => {
    if (typeof code === 'function') return { kind: 'function', call: code as (context: unknown) => unknown };
    const operator = operatorOf(code);
    if (operator === undefined || operator.sensor) {
      throw definitionError({ field, value: operator?.kind ?? code, rule: 'a callback is a function, an operator that does not wait, or a list of them', remedy: "Write it like async ({ failed }) => …, or slack({ text: '…' })" }, siteOf(declared));
    }
    visitLeaves(templateOf(operator.fields), (leaf) => {
      if (leaf.kind === 'literal') return;
      throw definitionError({ field, value: 'a task result', rule: 'a callback has no place in the order of tasks, so no result can be handed to it', remedy: "Ask for it: '{{ ti.xcom_pull(task_ids=\"load\") }}'" }, siteOf(declared));
    });
    return { kind: 'operator', declared: operator };
  });
}

/** One try of one callback. Nothing that the code does makes this reject. */
export async function runCallback(dag: DagModel, compiled: CompiledDag, request: TaskRunRequest, io: TaskIo): Promise<TaskRunOutcome> {
  const { callback } = request.work;
  const code = callback === undefined ? undefined : codeFor(dag, callback.cause);
  if (callback === undefined || code === undefined) {
    return { kind: 'failed', failure: { code: 'code_missing', message: `the code of DAG '${dag.dagId}' has no such callback` }, retry: { action: 'fail' } };
  }
  try {
    const told = { ...request, attempt: { ...request.attempt, ...subjectOf(callback.cause) } };
    // A run whose params do not fit has failed by that, and its callback is to tell of it.
    const params = await validParams(dag, request).catch(() => request.work.run.params);
    const context = Object.assign(new RunContext(told, io, { params, timezone: compiled.definition.timezone, outlets: [] }), factsOf(dag, callback.key, callback.cause));
    await call(code, { dag, compiled, request: told, io, context, task: taskOf(dag, callback.cause), more: variablesOf(dag, callback.cause) });
    return { kind: 'succeeded' };
  } catch (error) {
    return outcomeOfCallback(error, io.nowMs());
  }
}

/** It may end early by a skip, and can wait for nothing. */
function outcomeOfCallback(error: unknown, nowMs: number): TaskRunOutcome {
  const outcome = outcomeOfThrown(error, nowMs);
  if (outcome.kind === 'failed') return outcome;
  if (outcome.kind === 'skipped') return { kind: 'succeeded' };
  return outcomeOfThrown(new TaskFailure('not_supported', 'a callback can neither be deferred nor ask people: trigger a DAG that does', { retry: false }), nowMs);
}

/** Before a task's own code, in its process. What goes wrong in it is said in the log and keeps the task from nothing. */
export async function callOnExecute(running: { readonly dag: DagModel; readonly compiled: CompiledDag; readonly request: TaskRunRequest; readonly io: TaskIo; readonly context: RunContext<unknown>; readonly task: TaskModel }): Promise<void> {
  const { task, io } = running;
  for (const code of codesOf(`onExecute of task '${task.taskId}'`, task.spec.onExecute, task.mark)) {
    try {
      await call(code, { ...running, more: {} });
    } catch (error) {
      io.log('error', `onExecute failed, and the task goes on: ${error instanceof Error ? error.message : String(error)}`, { logger: 'dagbook' });
    }
  }
}

interface Calling {
  readonly dag: DagModel;
  readonly compiled: CompiledDag;
  readonly request: TaskRunRequest;
  readonly io: TaskIo;
  readonly context: RunContext<unknown>;
  /** Whose names templates see. */
  readonly task: Pick<TaskModel, 'taskId' | 'spec'>;
  readonly more: { readonly [name: string]: string | null };
}

async function call(code: Code, calling: Calling): Promise<void> {
  const { dag, request, io, context, more, compiled } = calling;
  if (code.kind === 'function') return void (await code.call(context));
  const task = operatorTask(dag, calling.task, code.declared);
  const rendered = await renderFields({ dag, compiled, request, io, task, more });
  const fields = new Resolver(new Map(), -1).fill(rendered?.template ?? task.input) as { readonly [name: string]: unknown };
  await runOperator(code.declared.kind, fields, operatorContext(request, io, context, rendered?.environment));
}

const operatorTask = (dag: DagModel, { taskId, spec }: Calling['task'], declared: DeclaredOperator): TaskModel => ({
  is: 'task', dag, taskId, kind: 'task', operator: declared.kind, body: { kind: 'operator', declared }, spec, group: undefined, setup: false, teardown: false,
  input: templateOf(declared.fields), mapping: undefined, branches: [], mark: dag.mark,
});

function codeFor(dag: DagModel, cause: CallbackCause): Code | undefined {
  const given = cause.kind === 'run' ? dag.spec[cause.name] : cause.kind === 'task' ? dag.tasks.get(cause.taskId)?.spec[cause.name] : dag.spec.deadlines?.[cause.deadline]?.onMissed;
  return codesOf(cause.name, given, dag.mark)[cause.position ?? 0];
}

const subjectOf = (cause: CallbackCause): Pick<TaskRunRequest['attempt'], 'taskId' | 'mapIndex' | 'tryNumber'> =>
  (cause.kind === 'task' ? { taskId: cause.taskId, mapIndex: cause.mapIndex, tryNumber: cause.tryNumber } : { taskId: cause.name, mapIndex: -1, tryNumber: 1 });

const taskOf = (dag: DagModel, cause: CallbackCause): Calling['task'] =>
  (cause.kind === 'task' ? dag.tasks.get(cause.taskId) : undefined) ?? { taskId: subjectOf(cause).taskId, spec: {} };

/** Airflow's words for how a run ended. */
const REASONS = { success: 'success', task_failed: 'task_failure', deadlocked: 'all_tasks_deadlocked', timed_out: 'timed_out', marked: 'marked' } as const;

function factsOf(dag: DagModel, callbackKey: string, cause: CallbackCause): object {
  switch (cause.kind) {
    case 'run':
      return { callbackKey, reason: REASONS[cause.reason], failed: [...cause.failed] };
    case 'task':
      return { callbackKey, ...(cause.failure === undefined ? {} : { failure: cause.failure }) };
    case 'deadline':
      return { callbackKey, deadline: { name: dag.spec.deadlines?.[cause.deadline]?.name, dueAt: new Date(cause.dueAtMs) } };
  }
}

/** What templates see beside what every template does. */
function variablesOf(dag: DagModel, cause: CallbackCause): Calling['more'] {
  switch (cause.kind) {
    case 'run':
      return { reason: REASONS[cause.reason], failed_tasks: cause.failed.join(', ') };
    case 'task':
      return { exception: cause.failure?.message ?? null };
    case 'deadline':
      return { deadline_name: dag.spec.deadlines?.[cause.deadline]?.name ?? null, deadline_time: new Date(cause.dueAtMs).toISOString() };
  }
}
