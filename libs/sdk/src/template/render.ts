import { type Json, XCOM_KEY } from '@dagbook/domain';
import type { Lookup, LookupAnswer, RenderOptions, ShellCommand } from '@dagbook/templates';
import { asset } from '../asset.ts';
import { TaskFailure } from '../error.ts';
import { connectionMissing } from '../missing.ts';
import { readResult } from '../resolve.ts';
import type { TaskIo, TaskRunRequest } from '../runnable.ts';
import type { TaskModel } from '../model.ts';
import { assetStateOfTask, taskState } from '../state-store.ts';
import type { SiteMacro } from '../types.ts';

/** The room of templates is loaded by the first task that has one. */
const templates = () => import('@dagbook/templates');

export interface RenderScope {
  readonly request: TaskRunRequest;
  readonly task: TaskModel;
  readonly io: TaskIo;
  readonly macros: { readonly [name: string]: SiteMacro } | undefined;
  readonly filters: { readonly [name: string]: SiteMacro } | undefined;
}

type Context = import('@dagbook/templates').TemplateContext;

/** Renders one text. `place` names it in the sentence of a failure: `command of 'load'`. */
export async function renderText(place: string, text: string, context: Context, scope: RenderScope): Promise<string> {
  const { renderSteps } = await templates();
  return answered(place, renderSteps(text, context, optionsOf(scope)), scope);
}

export async function renderShell(place: string, text: string, context: Context, scope: RenderScope): Promise<ShellCommand> {
  const { renderShellSteps } = await templates();
  return answered(place, renderShellSteps(text, context, optionsOf(scope)), scope);
}

const optionsOf = ({ io, macros, filters }: RenderScope): RenderOptions =>
  ({ ambient: { nowMs: io.nowMs(), random: Math.random }, ...(macros === undefined ? {} : { macros }), ...(filters === undefined ? {} : { filters }) }) as RenderOptions;

async function answered<T>(place: string, steps: Generator<Lookup, T, LookupAnswer>, scope: RenderScope): Promise<T> {
  const { TemplateError } = await templates();
  let missing: string | undefined;
  try {
    let step = steps.next();
    while (step.done !== true) {
      const { value: lookup } = step;
      const answer = await answerTo(lookup, scope);
      if (lookup.kind === 'connection' && !answer.found) missing = lookup.connectionId;
      step = steps.next(answer);
    }
    return step.value;
  } catch (cause) {
    if (!(cause instanceof TemplateError)) throw cause;
    if (cause.exception === 'AirflowNotFoundException' && missing !== undefined) {
      const { message } = connectionMissing(missing);
      throw new TaskFailure('bad_input', `${place} cannot be rendered: ${message}`, { cause });
    }
    const line = cause.line === undefined ? '' : ` (line ${cause.line})`;
    // A look-up that finds nothing may find something the next time.
    const mayPass = cause.exception === 'AirflowNotFoundException' || cause.exception === 'AirflowRuntimeError';
    throw new TaskFailure('bad_input', `${place} cannot be rendered: ${cause.exception}: ${cause.message}${line}`, { cause, retry: mayPass });
  }
}

const found = (value: Json | undefined | null): LookupAnswer => (value === undefined || value === null ? { found: false } : { found: true, value: value as never });

async function answerTo(lookup: Lookup, scope: RenderScope): Promise<LookupAnswer> {
  const { io } = scope;
  switch (lookup.kind) {
    case 'variable':
      return found(await io.variable(lookup.key));
    case 'connection':
      return found(await io.connection(lookup.connectionId));
    case 'template':
      return found(await io.templateFile?.(lookup.name));
    case 'xcom':
      return pulled(lookup, scope);
    case 'state':
      return found(await stateOf(lookup, scope));
  }
}

async function stateOf({ of, uri, key }: Lookup & { readonly kind: 'state' }, { io, task: { taskId, spec } }: RenderScope): Promise<Json | undefined> {
  if (of === 'task') return taskState(io).get<Json>(key);
  const { inlets = [], outlets = [] } = spec;
  return assetStateOfTask(io, { taskId, inlets, outlets }, uri === undefined ? undefined : asset(uri)).get<Json>(key);
}

/** Under other keys than that of results stands what people set. */
async function pulled({ taskId, key, dagId, runId, mapIndexes, includePriorDates }: Lookup & { readonly kind: 'xcom' }, { request, io }: RenderScope): Promise<LookupAnswer> {
  if ((dagId !== undefined && dagId !== request.attempt.dagId) || (runId !== undefined && runId !== request.attempt.runId) || includePriorDates) {
    throw new TaskFailure('bad_input', `ti.xcom_pull reads results of the task's own run only: leave dag_id, run_id and include_prior_dates out`, { retry: false });
  }
  if (taskId === undefined) return { found: false };
  const ofPeople = key !== XCOM_KEY;
  const upstream = mapIndexes === undefined && !ofPeople ? request.work.results[taskId] : undefined;
  if (upstream === undefined) return (await io.xcom?.({ taskId, ...(ofPeople ? { key } : {}), ...(mapIndexes === undefined ? {} : { mapIndexes }) })) ?? { found: false };
  const stored = new Map<string, Json>();
  for (const { result } of upstream.mapped ? upstream.items : [upstream]) if (result?.kind === 'stored') stored.set(result.key, await io.getResult(result.key));
  return found(readResult(upstream, stored).value as Json | undefined);
}
