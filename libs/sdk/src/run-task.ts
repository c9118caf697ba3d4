import { MAX_RESULT_BYTES } from '@dagbook/contracts';
import type { Failure, Json, RecordedSuccess, TaskResult, RetryVerdict } from '@dagbook/domain';
import { partitionOf, updatesOfTask } from './asset-event.ts';
import { operatorContext, RunContext } from './context.ts';
import { callOnExecute } from './callback.ts';
import { TaskFailure } from './error.ts';
import { issuesText, outcomeOfThrown, runOperator, validParams } from './execution.ts';
import { isLatest } from './latest.ts';
import type { DagModel, TaskModel } from './model.ts';
import { renderFields, type RenderedFields, showFields, shownFields } from './template/render-fields.ts';
import { renderMapIndex } from './template/map-index.ts';
import { type Resolver, resolverFor, stepped } from './resolve.ts';
import { retryDecision, verdictOf } from './retry-policy.ts';
import type { TaskIo, TaskRunOutcome, TaskRunRequest } from './runnable.ts';
import { INLINE_RESULT_BYTES } from './runnable.ts';
import type { CompiledDag } from './serialize.ts';
import { durationMs } from './schedule.ts';
import { pause } from './pause.ts';
import { awaitTrigger, type TriggerSpec } from './trigger.ts';
import type { Poke } from './types.ts';

/**
 * One try of one task instance: results are put where references stand, the author's code runs, and whatever came of
 * it becomes an outcome. Nothing that the code does makes this reject. `instead` stands in for the code and answers
 * its result: a mock.
 */
export async function runTask(dag: DagModel, compiled: CompiledDag, request: TaskRunRequest, io: TaskIo, instead?: () => unknown): Promise<TaskRunOutcome> {
  const { taskId } = request.attempt;
  const task = dag.tasks.get(taskId);
  if (task === undefined) {
    return { kind: 'failed', failure: { code: 'code_missing', message: `the code of DAG '${dag.dagId}' has no task '${taskId}'` }, retry: { action: 'fail' } };
  }
  let running: Running | undefined;
  try {
    const { definition } = compiled;
    const params = await validParams(dag, request);
    const context = new RunContext(request, io, { params, timezone: definition.timezone, inlets: task.spec.inlets ?? [], outlets: task.spec.outlets ?? [] });
    running = { dag, task, request, io, context, compiled };
    if (request.work.kind === 'trigger' && (request.work.trigger as unknown as TriggerSpec).kind !== 'poke') return await fired(running);
    if (task.spec.onExecute !== undefined && request.work.kind !== 'trigger') await callOnExecute(running);
    if (instead !== undefined) return await succeeded(await instead(), running);
    if (task.kind === 'latestOnly') return { ...(await succeeded(undefined, running)), passed: isLatest(definition, request.work.run, io.nowMs()) };
    const input = await inputOf(running);
    return task.kind === 'sensor' ? await sense(input, running) : await succeeded(await execute(input, running), running, input.fields);
  } catch (error) {
    const outcome = outcomeOfThrown(error, io.nowMs());
    if (outcome.kind !== 'failed' || outcome.retry !== undefined || running === undefined || task.spec.retryPolicy === undefined) return outcome;
    const retry = await verdictOn(error, running);
    return retry === undefined ? outcome : { ...outcome, retry };
  } finally {
    if (running?.kept !== undefined) await running.kept;
  }
}

/** The templated fields of a task, by no run of it; rejects with what an author should read. */
export async function renderTask(dag: DagModel, compiled: CompiledDag, request: TaskRunRequest, io: TaskIo): Promise<{ readonly [field: string]: Json }> {
  const task = dag.tasks.get(request.attempt.taskId);
  if (task?.body.kind !== 'operator') return {};
  const rendered = await renderFields({ dag, task, request, io, compiled });
  const resolver = await resolverFor(task, request, io);
  const mapping = request.attempt.mapIndex === -1 ? undefined : task.mapping;
  return showFields(task, fieldsOf({ ...task, mapping }, rendered, resolver), rendered, io.mask?.());
}

/** A policy that fails itself must not hide why the task did: then the task's own retries decide. */
async function verdictOn(error: unknown, { task, request, io, context }: Running): Promise<RetryVerdict | undefined> {
  const { retryPolicy } = task.spec;
  if (retryPolicy === undefined) return undefined;
  try {
    const decision = (await retryDecision(retryPolicy, error, { tryNumber: request.attempt.tryNumber, maxTries: request.work.maxTries, ctx: context })) ?? { action: 'default' };
    if (decision.reason !== undefined) io.log('info', `retry policy: ${decision.action}${decision.delay === undefined ? '' : ` in ${decision.delay}`}, ${decision.reason}`, { logger: 'dagbook' });
    return verdictOf(decision);
  } catch (thrown) {
    io.log('warning', `the retry policy threw, and is passed over: ${thrown instanceof Error ? thrown.message : String(thrown)}`, { logger: 'dagbook' });
    return { action: 'default' };
  }
}

interface Running {
  readonly dag: DagModel;
  readonly task: TaskModel;
  readonly request: TaskRunRequest;
  readonly io: TaskIo;
  readonly context: RunContext<unknown>;
  readonly compiled: CompiledDag;
  /** Its rendered fields are being kept, while it runs. */
  kept?: Promise<void>;
}

type Fields = { readonly [name: string]: unknown };

interface Input {
  readonly fields: Fields;
  /** Where a shell finds what its command's template printed. */
  readonly environment?: { readonly [name: string]: string };
}

async function inputOf(running: Running): Promise<Input> {
  const { task, request, io } = running;
  const resolver = await resolverFor(task, request, io);
  const rendered = task.body.kind === 'operator' ? await renderFields(running) : undefined;
  const fields = fieldsOf(task, rendered, resolver);
  if (task.body.kind === 'operator') running.kept = keepRendered(running, fields, rendered);
  return rendered === undefined ? { fields } : { fields, environment: rendered.environment };
}

function fieldsOf(task: Pick<TaskModel, 'input' | 'mapping' | 'taskId'>, rendered: RenderedFields | undefined, resolver: Resolver): Fields {
  const constant = resolver.fill(rendered?.template ?? task.input) as Fields;
  return task.mapping === undefined ? constant : { ...constant, ...resolver.mapped(task.mapping, task.taskId) };
}

/** For people only: a gateway that is away must not keep the task from its work. */
async function keepRendered({ task, io }: Running, fields: Fields, rendered: RenderedFields | undefined): Promise<void> {
  if (io.putRenderedFields === undefined) return;
  try {
    const shown = shownFields(task, fields, rendered, io.mask?.());
    if (shown !== undefined) await io.putRenderedFields(shown);
  } catch (error) {
    io.log('warning', `the rendered fields could not be kept: ${error instanceof Error ? error.message : String(error)}`, { logger: 'dagbook' });
  }
}

function execute({ fields, environment }: Input, { task, request, io, context }: Running): unknown {
  const { body } = task;
  if (body.kind === 'function') return body.handler(fields, context);
  if (body.kind === 'nothing') return undefined;
  return runOperator(body.declared.kind, fields, operatorContext(request, io, context, environment));
}

/** Airflow's: a sensor that says no timeout gives up after a week. */
const SENSOR_TIMEOUT_MS = 7 * 86_400_000;

async function sense(input: Input, running: Running): Promise<TaskRunOutcome> {
  const { task, io, request } = running;
  const everyMs = durationMs('every', task.spec.every);
  const timeoutMs = request.work.timeoutMs ?? SENSOR_TIMEOUT_MS;
  const beganAtMs = request.work.firstStartedAtMs ?? io.nowMs();
  for (;;) {
    const answer = pokeOf(await execute(input, running), task.taskId);
    if (answer.done) return await succeeded(answer.value, running, input.fields);
    const pauseMs = pauseBetween(task.spec, everyMs, io.nowMs() - beganAtMs);
    const nextPokeAtMs = io.nowMs() + pauseMs;
    if (nextPokeAtMs > beganAtMs + timeoutMs) {
      if (task.spec.softFail === true) return { kind: 'skipped', softFail: true };
      const failure: Failure = { code: 'sensor_timeout', message: `sensor '${task.taskId}' waited ${task.spec.timeout ?? '7d'} in vain` };
      return { kind: 'failed', failure, retry: { action: 'fail' } };
    }
    if (task.spec.mode === 'deferred' && request.work.kind !== 'trigger') return { kind: 'deferred', trigger: { kind: 'poke' }, timeoutAtMs: beganAtMs + timeoutMs };
    if (task.spec.mode === 'reschedule') return { kind: 'rescheduled', nextPokeAtMs };
    await pause(io, pauseMs);
  }
}

function pokeOf(answer: unknown, taskId: string): Poke<unknown> {
  if (typeof answer === 'object' && answer !== null && typeof (answer as Poke<unknown>).done === 'boolean') return answer as Poke<unknown>;
  throw new TaskFailure('bad_output', `sensor '${taskId}' answered ${shownAnswer(answer)}: answer poke.done(value) when what it waits for is there, else poke.again()`, { retry: false });
}

const shownAnswer = (answer: unknown): string => (typeof answer === 'object' && answer !== null ? 'an object' : typeof answer === 'function' ? 'a function' : String(answer).slice(0, 100));

/** Doubling, told from the time that has passed alone: the pauses before add up to the next one less `every`. So it needs no count that a lost host would take along. */
function pauseBetween({ backoff, maxEvery }: TaskModel['spec'], everyMs: number, passedMs: number): number {
  if (backoff !== 'exponential') return everyMs;
  return Math.max(everyMs, Math.min(passedMs + everyMs, maxEvery === undefined ? 3_600_000 : durationMs('maxEvery', maxEvery)));
}

/** What the task is deferred to has happened; its own code is executed elsewhere, afterwards. */
async function fired({ task, request, io, context }: Running): Promise<TaskRunOutcome> {
  const event = await awaitTrigger(request.work.trigger as unknown as Exclude<TriggerSpec, { kind: 'poke' }>, {
    nowMs: () => io.nowMs(),
    wait: (ms) => pause(io, ms),
    named: (name) => {
      const code = task.spec.triggers !== undefined && Object.hasOwn(task.spec.triggers, name) ? task.spec.triggers[name] : undefined;
      return code === undefined ? undefined : (args) => code(args, context);
    },
  });
  return { kind: 'fired', event: plainJson(event ?? null) };
}

function plainJson(value: unknown): Json {
  try {
    return JSON.parse(JSON.stringify(value)) as Json;
  } catch (cause) {
    throw new TaskFailure('bad_output', `what the trigger brought cannot be written as JSON: ${(cause as Error).message.split('\n')[0]}`, { cause });
  }
}

async function succeeded(returned: unknown, running: Running, fields: Fields = {}): Promise<Extract<TaskRunOutcome, { kind: 'succeeded' }>> {
  const { task, io, context, compiled } = running;
  const value = await validOutput(task, returned);
  const success: { -readonly [Name in keyof RecordedSuccess]: RecordedSuccess[Name] } = {};
  // As in Airflow an instance that returns null adds nothing to the list of its mapped task.
  if (value !== undefined && !(value === null && task.mapping !== undefined)) {
    const result = await storedResult(task, value, io);
    if (result !== undefined) Object.assign(success, { result }, lengthsOf(value, result, compiled.mappedPaths.get(task.taskId)));
  }
  if (task.branches.length > 0) success.chosen = chosenBy(task, value, compiled);
  if (task.kind === 'shortCircuit') success.passed = task.body.kind === 'operator' && task.body.declared.passes !== undefined ? task.body.declared.passes(value) : isTruthy(value);
  const updates = updatesOfTask({ taskId: task.taskId, outlets: task.spec.outlets ?? [], partition: partitionOf(running.request.work.run) }, context.emitted);
  if (updates !== undefined) success.assetEvents = updates;
  const { mapIndexTemplate } = task.spec;
  if (mapIndexTemplate !== undefined && running.request.attempt.mapIndex >= 0) success.renderedMapIndex = await renderMapIndex(mapIndexTemplate, fields, running);
  return { kind: 'succeeded', ...success };
}

/** A result that is kept apart is not seen by the scheduler, so what others map over of it is measured here. */
function lengthsOf(value: unknown, result: TaskResult, paths: readonly (readonly string[])[] | undefined): Pick<RecordedSuccess, 'resultLength' | 'resultLengths'> {
  if (result.kind === 'inline' || paths === undefined) return {};
  const lengths: { [path: string]: number } = {};
  let whole: number | undefined;
  for (const path of paths) {
    const part = stepped({ value, skipped: false }, path.map((get) => ({ get })));
    if (typeof part !== 'object' || part === null) continue;
    const length = Array.isArray(part) ? part.length : Object.keys(part).length;
    if (path.length === 0) whole = length;
    else lengths[path.join('/')] = length;
  }
  return { ...(whole === undefined ? {} : { resultLength: whole }), ...(Object.keys(lengths).length === 0 ? {} : { resultLengths: lengths }) };
}

async function validOutput(task: TaskModel, returned: unknown): Promise<unknown> {
  const declared = task.body.kind === 'operator' ? task.body.declared.output : undefined;
  const schema = task.spec.output ?? declared;
  if (schema === undefined) return returned;
  const value = task.body.kind === 'operator' && typeof returned === 'string' ? parsedLine(task, returned) : returned;
  const answer = await schema['~standard'].validate(value);
  if (answer.issues === undefined) return answer.value;
  throw new TaskFailure('bad_output', `the result of '${task.taskId}' does not fit its output schema: ${issuesText(answer.issues)}`);
}

/** What a command says is text; with a schema its last line is JSON. */
function parsedLine(task: TaskModel, line: string): unknown {
  try {
    return JSON.parse(line);
  } catch (cause) {
    throw new TaskFailure('bad_output', `the last line that '${task.taskId}' wrote is not JSON: ${line.slice(0, 200)}`, { cause });
  }
}

/** A result travels as JSON; what JSON cannot hold fails the task here, not its reader later. */
async function storedResult(task: TaskModel, value: unknown, io: TaskIo): Promise<TaskResult | undefined> {
  let text: string | undefined;
  try {
    text = JSON.stringify(value);
  } catch (cause) {
    throw new TaskFailure('bad_output', `the result of '${task.taskId}' cannot be written as JSON: ${(cause as Error).message.split('\n')[0]}`, { cause });
  }
  const lost = value instanceof Map || value instanceof Set ? `a ${value.constructor.name}` : text === undefined && value !== undefined ? `a ${typeof value}` : undefined;
  if (lost !== undefined) throw new TaskFailure('bad_output', `the result of '${task.taskId}' is ${lost}, which JSON cannot hold: return a list, an object, a text, a number, true, false or null`);
  if (text === undefined) return undefined;
  const plain = (typeof value === 'object' || typeof value === 'bigint' ? JSON.parse(text) : value) as Json;
  // UTF-8 is at most three bytes a code unit, so most results are known to be small without being encoded.
  if (text.length * 3 <= INLINE_RESULT_BYTES || new TextEncoder().encode(text).length <= INLINE_RESULT_BYTES) return { kind: 'inline', value: plain };
  const bytes = text.length <= MAX_RESULT_BYTES / 3 ? 0 : new TextEncoder().encode(text).length;
  if (bytes > MAX_RESULT_BYTES) {
    throw new TaskFailure('bad_output', `the result of '${task.taskId}' is ${bytes} bytes, and at most ${MAX_RESULT_BYTES} are kept: write it to storage and return where it lies`, { retry: false });
  }
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
