import type { Failure, Json, RecordedSuccess, TaskResult } from '@dagbook/domain';
import type { StandardSchemaV1 } from '@standard-schema/spec';
import { operatorContext, RunContext } from './context.ts';
import { TaskFailure, thrownOutcome } from './error.ts';
import { isLatest } from './latest.ts';
import type { DagModel, TaskModel } from './model.ts';
import { mappedArguments, readResults, resolveTemplate, stepped } from './resolve.ts';
import type { TaskIo, TaskRunOutcome, TaskRunRequest } from './runnable.ts';
import { INLINE_RESULT_BYTES } from './runnable.ts';
import type { CompiledDag } from './serialize.ts';
import { durationMs } from './schedule.ts';
import type { Poke } from './types.ts';

/**
 * One try of one task instance: results are put where references stand, the author's code runs, and whatever came of
 * it becomes an outcome. Nothing that the code does makes this reject.
 */
export async function runTask(dag: DagModel, compiled: CompiledDag, request: TaskRunRequest, io: TaskIo): Promise<TaskRunOutcome> {
  const { taskId, mapIndex } = request.attempt;
  const task = dag.tasks.get(taskId);
  if (task === undefined) {
    return { kind: 'failed', failure: { code: 'code_missing', message: `the code of DAG '${dag.dagId}' has no task '${taskId}'` }, retry: { action: 'fail' } };
  }
  try {
    const { definition } = compiled;
    const params = await validParams(dag, request);
    const context = new RunContext(request, io, { params, timezone: definition.timezone, outlets: task.spec.outlets?.map(({ uri }) => uri) ?? [] });
    if (task.kind === 'latestOnly') return { kind: 'succeeded', passed: isLatest(definition, request.work.run, io.nowMs()) };
    const results = await readResults(task, request, io);
    const constant = resolveTemplate(task.input, results) as { readonly [name: string]: unknown };
    const input = task.mapping === undefined ? constant : { ...constant, ...mappedArguments(task, mapIndex, results) };
    const returned = await execute(task, input, request, io, context);
    if (task.kind === 'sensor') return await sensed(task, returned as Poke<unknown>, () => execute(task, input, request, io, context) as Promise<Poke<unknown>>, { request, io, context, compiled });
    return await succeeded(task, returned, { request, io, context, compiled });
  } catch (error) {
    return ended(error);
  }
}

interface Running {
  readonly request: TaskRunRequest;
  readonly io: TaskIo;
  readonly context: RunContext<unknown>;
  readonly compiled: CompiledDag;
}

function execute(task: TaskModel, input: { readonly [name: string]: unknown }, request: TaskRunRequest, io: TaskIo, context: RunContext<unknown>): unknown {
  const { body } = task;
  if (body.kind === 'function') return body.handler(input, context);
  if (body.kind === 'nothing') return undefined;
  const { kind } = body.declared;
  const executor = Object.hasOwn(io.operators, kind) ? io.operators[kind] : undefined;
  if (executor === undefined) {
    throw new TaskFailure('not_supported', `${kind} tasks cannot run yet: the operator is typed now and comes with a later release of Dagbook`, { retry: false });
  }
  return executor(input, operatorContext(request, io, context));
}

/** Types of params are those after the schema has converted them, so each try validates them again. */
async function validParams(dag: DagModel, request: TaskRunRequest): Promise<unknown> {
  const { params } = request.work.run;
  if (dag.spec.params === undefined) return params;
  const answer = await dag.spec.params['~standard'].validate(params);
  if (answer.issues === undefined) return answer.value;
  throw new TaskFailure('bad_input', `the params of this run do not fit the DAG's schema: ${issuesText(answer.issues)}`, { retry: false });
}

export const issuesText = (issues: readonly StandardSchemaV1.Issue[]): string =>
  issues.map(({ path, message }) => `${path === undefined || path.length === 0 ? 'value' : path.map((part) => String(typeof part === 'object' ? part.key : part)).join('.')}: ${message}`).join('; ');

async function sensed(task: TaskModel, first: Poke<unknown>, pokeAgain: () => Promise<Poke<unknown>>, running: Running): Promise<TaskRunOutcome> {
  const { io, request } = running;
  const everyMs = durationMs('every', task.spec.every);
  const timeoutMs = request.work.timeoutMs;
  const beganAtMs = request.work.firstStartedAtMs ?? io.nowMs();
  for (let answer = first; ; answer = await pokeAgain()) {
    if (answer.done) return await succeeded(task, answer.value, running);
    const nextPokeAtMs = io.nowMs() + everyMs;
    if (timeoutMs !== undefined && nextPokeAtMs > beganAtMs + timeoutMs) {
      if (task.spec.softFail === true) return { kind: 'skipped', softFail: true };
      const failure: Failure = { code: 'sensor_timeout', message: `sensor '${task.taskId}' waited ${task.spec.timeout} in vain` };
      return { kind: 'failed', failure, retry: { action: 'fail' } };
    }
    if (task.spec.mode === 'reschedule') return { kind: 'rescheduled', nextPokeAtMs };
    await waited(everyMs, io.signal);
  }
}

function waited(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', abort);
      resolve();
    }, ms);
    const abort = () => {
      clearTimeout(timer);
      reject(signal.reason as Error);
    };
    signal.addEventListener('abort', abort, { once: true });
  });
}

async function succeeded(task: TaskModel, returned: unknown, { io, context, compiled }: Running): Promise<TaskRunOutcome> {
  const value = await validOutput(task, returned);
  const success: { -readonly [Name in keyof RecordedSuccess]: RecordedSuccess[Name] } = {};
  // As in Airflow an instance that returns null adds nothing to the list of its mapped task.
  if (value !== undefined && !(value === null && task.mapping !== undefined)) {
    const stored = await storedResult(task, value, io);
    if (stored !== undefined) success.result = stored;
    if (typeof value === 'object' && value !== null) success.resultLength = Array.isArray(value) ? value.length : Object.keys(value).length;
  }
  if (task.branches.length > 0) success.chosen = chosenBy(task, value, compiled);
  if (task.kind === 'shortCircuit') success.passed = isTruthy(value);
  const outlets = task.spec.outlets ?? [];
  if (outlets.length > 0) {
    const silent = outlets.filter(({ uri }) => !context.emitted.some((event) => event.uri === uri)).map(({ uri }) => ({ uri, extra: {} }));
    success.assetEvents = [...context.emitted, ...silent];
  }
  return { kind: 'succeeded', ...success };
}

async function validOutput(task: TaskModel, returned: unknown): Promise<unknown> {
  const schema = task.spec.output ?? (task.body.kind === 'operator' ? task.body.declared.output : undefined);
  if (schema === undefined) return returned;
  const answer = await schema['~standard'].validate(returned);
  if (answer.issues === undefined) return answer.value;
  throw new TaskFailure('bad_output', `the result of '${task.taskId}' does not fit its output schema: ${issuesText(answer.issues)}`);
}

/** A result travels as JSON; what JSON cannot hold fails the task here, not its reader later. */
async function storedResult(task: TaskModel, value: unknown, io: TaskIo): Promise<TaskResult | undefined> {
  let text: string | undefined;
  try {
    text = JSON.stringify(value);
  } catch (cause) {
    throw new TaskFailure('bad_output', `the result of '${task.taskId}' cannot be written as JSON: ${(cause as Error).message.split('\n')[0]}`, { cause });
  }
  if (text === undefined) return undefined;
  const plain = (typeof value === 'object' || typeof value === 'bigint' ? JSON.parse(text) : value) as Json;
  // UTF-8 is at most three bytes a code unit, so most results are known to be small without being encoded.
  if (text.length * 3 <= INLINE_RESULT_BYTES || new TextEncoder().encode(text).length <= INLINE_RESULT_BYTES) return { kind: 'inline', value: plain };
  return { kind: 'stored', ...(await io.putResult(plain)) };
}

/**
 * A branch skips only the cases that were not taken: whatever else follows the decider directly is always chosen.
 * A result of null or undefined takes no case.
 */
function chosenBy(task: TaskModel, value: unknown, compiled: CompiledDag): readonly string[] {
  const targets = compiled.definition.tasks.find(({ taskId }) => taskId === task.taskId)?.branchTargets ?? [];
  const cases = new Set<string>();
  const taken = new Set<string>();
  for (const { source, cases: nodes } of task.branches) {
    for (const nodesOfCase of nodes.values()) for (const node of nodesOfCase) for (const id of compiled.rootIds(node)) cases.add(id);
    const decided = source.kind === 'result' ? stepped({ value, skipped: false }, source.steps) : undefined;
    for (const name of decided === undefined || decided === null ? [] : Array.isArray(decided) ? decided : [decided]) {
      const chosen = nodes.get(String(name));
      if (chosen === undefined) {
        throw new TaskFailure('bad_branch', `'${task.taskId}' chose ${JSON.stringify(name)}, which is no case of its branch; there are ${[...nodes.keys()].map((known) => `'${known}'`).join(', ')}`);
      }
      for (const node of chosen) for (const id of compiled.rootIds(node)) taken.add(id);
    }
  }
  return targets.filter((id) => taken.has(id) || !cases.has(id));
}

/** As Python sees it: empty lists and objects are false too. */
function isTruthy(value: unknown): boolean {
  if (typeof value === 'object' && value !== null) return Object.keys(value).length > 0;
  return Boolean(value);
}

const MESSAGE_CHARACTERS = 1000;
const DETAIL_BYTES = 4096;

function ended(error: unknown): TaskRunOutcome {
  const thrown = thrownOutcome(error);
  switch (thrown.kind) {
    case 'skip':
      return { kind: 'skipped' };
    case 'fail':
      return { kind: 'failed', failure: failureOf('no_retry', thrown.error), retry: { action: 'fail' } };
    case 'failure': {
      const { code, detail, retry } = thrown.error;
      return { kind: 'failed', failure: failureOf(code, thrown.error, detail), ...(retry ? {} : { retry: { action: 'fail' } }) };
    }
    case 'error':
      return { kind: 'failed', failure: failureOf('error', error) };
  }
}

function failureOf(code: Failure['code'], error: unknown, detail?: string): Failure {
  if (!(error instanceof Error)) return { code, message: String(error).slice(0, MESSAGE_CHARACTERS) };
  const named = code === 'error' && error.name !== 'Error' ? `${error.name}: ${error.message}` : error.message;
  const shown = detail ?? (code === 'error' || code === 'no_retry' ? error.stack : undefined);
  return {
    code, message: (named === '' ? error.name : named).slice(0, MESSAGE_CHARACTERS),
    ...(shown === undefined ? {} : { detail: Buffer.from(shown).subarray(0, DETAIL_BYTES).toString() }),
  };
}
