import type { AttemptRef, DagRun, EmittedAssetEvent, Json, PastRuns, PendingCallback, QueuedUpdate, RunCommand, RunEvent, RunPartition, ScheduledRun, Settled, TaskInstanceRef, TaskInstanceView, TaskResult } from '@dagbook/domain';
import {
  callbackRecords, compilePlan, createRunState, decideTrigger, deferredInstances, isAtRest, isoInstant, isRejected, mapLengthOf, nextWakeAtMs, parseInstant, pastOf, readyCallbacks, readyInstances, runIdOf, SecretMask, secretsInConnection, secretsInVariable, settle, taskInstance,
  upstreamResults,
} from '@dagbook/domain';
import type { LogLine, OtherRun, OtherRunQuery, Outcome, XComAnswer } from '@dagbook/contracts';
import { eventForAuthor } from './asset-event.ts';
import { runCallback } from './callback.ts';
import type { DagModel } from './model.ts';
import type { ReadResult } from './resolve.ts';
import { readResult, Resolver } from './resolve.ts';
import type { OperatorExecutor, TaskIo, TaskRunRequest } from './runnable.ts';
import { issuesText } from './execution.ts';
import { renderTask, runTask } from './run-task.ts';
import { instantOf } from './schedule.ts';
import type { CompiledDag } from './serialize.ts';
import { sourceOf } from './source.ts';
import type { HumanResult } from './operator/human.ts';
import { TestStates } from './test-state.ts';
import type { TriggerSpec } from './trigger.ts';
import type { Asset, AssetEvent, BundleFolder, Json as AuthorJson, Mock, TaskRef, TestAnswer, TestCallback, TestOptions, TestResult } from './types.ts';

class MockValue implements Mock {
  readonly __mock = true;
  readonly taskId: string;
  readonly value: unknown;
  constructor(taskId: string, value: unknown) {
    this.taskId = taskId;
    this.value = value;
  }
}

/** In `dag.test`: the task answers this instead of running its code. Of a mapped task: the list of its instances' answers. */
export function mock<T>(r: TaskRef<T>, v: T | (() => T)): Mock {
  return new MockValue(r.id, v);
}

class AnswerValue implements TestAnswer {
  readonly __answer = true;
  readonly taskId: string;
  readonly chosenOptions: readonly string[];
  readonly paramsInput: { readonly [name: string]: Json };
  readonly by: string;
  constructor(taskId: string, { chosen, params = {}, by = 'test' }: { readonly chosen: string | readonly string[]; readonly params?: object; readonly by?: string }) {
    this.taskId = taskId;
    this.chosenOptions = typeof chosen === 'string' ? [chosen] : chosen;
    this.paramsInput = params as { readonly [name: string]: Json };
    this.by = by;
  }
}

/** In `dag.test`: somebody answers what the task asks; of a mapped task, each of its instances. Default: the user `test`. */
export function answer<K extends string, P>(
  r: TaskRef<HumanResult<K, P> | HumanResult<K, P>[]>,
  given: { readonly chosen: NoInfer<K> | readonly NoInfer<K>[]; readonly params?: { readonly [name: string]: AuthorJson }; readonly by?: string },
): TestAnswer {
  return new AnswerValue(r.id, given);
}

let provided: { readonly [kind: string]: OperatorExecutor } = {};

/** The operators that `dag.test` executes with. The built SDK brings Dagbook's own; from source a test provides them. */
export function provideOperators(operators: { readonly [kind: string]: OperatorExecutor }): void {
  provided = operators;
}

/**
 * Runs the DAG here, decided by the same code as the scheduler's, one task at a time. The clock begins when the run is
 * due and jumps over every wait: retries, pokes, reschedules.
 */
export async function testDag(model: DagModel, compiled: CompiledDag, options: TestOptions<object>): Promise<TestResult> {
  const test = new TestRun(model, compiled, options);
  await test.run();
  return test;
}

/** A run that the schedule makes, and the one before it as it ended; null: it is the first. */
export interface ScheduledTest {
  readonly run: ScheduledRun;
  /** Assets made it: it has no date. */
  readonly updates?: readonly QueuedUpdate[];
  readonly partition?: RunPartition;
  readonly previous: DagRun | null;
  /** Of all runs of the test. */
  readonly states: TestStates;
}

export class TestRun implements TestResult {
  readonly #model: DagModel;
  readonly #compiled: CompiledDag;
  readonly #options: TestOptions<object>;
  readonly #mocks: ReadonlyMap<string, unknown>;
  readonly #answers: ReadonlyMap<string, AnswerValue>;
  readonly #run: DagRun;
  /** The run itself keeps only results that some task reads. */
  readonly #results = new Map<string, TaskResult>();
  readonly #stored = new Map<string, Json>();
  readonly #emitted: AssetEvent[] = [];
  readonly #signal = new AbortController().signal;
  readonly #mask = new SecretMask();
  readonly #bundle: BundleFolder | undefined;
  #nowMs: number;
  readonly #scheduled: ScheduledTest | undefined;
  readonly #events: RunEvent[] = [];
  readonly #states: TestStates;
  #epoch = 0;

  constructor(model: DagModel, compiled: CompiledDag, options: TestOptions<object>, scheduled?: ScheduledTest) {
    this.#model = model;
    this.#compiled = compiled;
    this.#options = options;
    this.#mocks = new Map((options.mock ?? []).map((mocked) => [(mocked as MockValue).taskId, (mocked as MockValue).value]));
    this.#answers = new Map((options.answers ?? []).map((given) => [(given as AnswerValue).taskId, given as AnswerValue]));
    this.#bundle = bundleIn(options.folder);
    this.#run = createRunState(compilePlan(compiled.definition));
    this.#scheduled = scheduled;
    this.#states = scheduled?.states ?? new TestStates(options.assetState);
    this.#nowMs = scheduled?.run.runAfterMs ?? this.#logicalDateMs();
  }

  get folded(): DagRun {
    return this.#run;
  }

  get assetEvents(): readonly AssetEvent[] {
    return this.#emitted;
  }

  get partitionKey(): string | undefined {
    return this.#run.created?.partitionKey;
  }

  get state(): 'success' | 'failed' {
    return this.#run.state === 'success' ? 'success' : 'failed';
  }

  value<T>(r: TaskRef<T>): T {
    const source = sourceOf(r);
    if (source === undefined) throw new Error('value() takes what a called task answered');
    return new Resolver(new Map([[r.id, this.#resultOf(r.id)]]), -1).value(source) as T;
  }

  stateOf(r: TaskRef<unknown>): ReturnType<TestResult['stateOf']> {
    const states = new Set(this.#instancesOf(r.id).map(({ state }) => state));
    for (const state of ['failed', 'upstream_failed', 'success', 'skipped'] as const) if (states.has(state)) return state;
    throw new Error(`'${r.id}' is ${[...states].join(', ') || 'not in this run'}`);
  }

  taskState(r: TaskRef<unknown>, mapIndex = -1): Record<string, unknown> {
    return this.#states.ofInstance(this.#stateName(r.id, mapIndex), this.#nowMs);
  }

  assetState(asset: Asset): Record<string, unknown> {
    return this.#states.ofAsset(asset, this.#nowMs);
  }

  get callbacks(): readonly TestCallback[] {
    return callbackRecords(this.#events).map(({ cause, state }) => ({ name: cause.name, ...(cause.kind === 'task' ? { task: instanceName(cause) } : {}), state: state === 'success' ? 'success' : 'failed' }));
  }

  async run(): Promise<void> {
    const triggered = await this.#begin();
    while (!isAtRest(this.#run)) {
      const [callback] = readyCallbacks(this.#run);
      const [next] = readyInstances(this.#run);
      if (callback !== undefined) await this.#callback(callback, triggered);
      else if (next !== undefined) await this.#attempt(next, triggered);
      else if (!this.#answer()) await this.#awaitTrigger(triggered);
    }
  }

  /** A task's templated fields as people see them, were it to run now: nothing has run, so no task has returned anything. */
  async rendered(taskId: string, mapIndex: number): Promise<{ readonly [field: string]: Json }> {
    const triggered = await this.#begin();
    const instance = taskInstance(this.#run, { taskId, mapIndex }) ?? taskInstance(this.#run, { taskId, mapIndex: -1 });
    if (!this.#compiled.definition.tasks.some((task) => task.taskId === taskId)) throw new Error(`'${this.#model.dagId}' has no task '${taskId}'.`);
    if (instance === undefined) throw new Error(mapIndex === -1 ? `'${taskId}' is mapped: name one instance, ${taskId}[0].` : `'${this.#model.dagId}' has no task instance ${taskId}[${mapIndex}].`);
    return renderTask(this.#model, this.#compiled, this.#request({ ...instance, mapIndex }, triggered), this.#io(taskId, mapIndex));
  }

  async #begin(): Promise<TriggeredRun> {
    const { definition } = this.#compiled;
    const params = await this.#params();
    const asked = this.#scheduled !== undefined ? { ...scheduledRun(this.#scheduled.run, params), ...this.#scheduled.partition } : decideTrigger({ definition, logicalDateMs: this.#nowMs, conf: params, ...(this.#options.partitionKey === undefined ? {} : { partitionKey: this.#options.partitionKey }), matchesPattern: (pattern, text) => new RegExp(pattern, 'u').test(text), nowMs: this.#nowMs });
    if (isRejected(asked)) throw new Error(asked.message);
    const triggered = this.#madeByAssets(asked);
    this.#settle({
      ...triggered, type: 'CreateRun', dagId: definition.dagId, runType: this.#runType, triggeredBy: 'test', conf: (this.#options.conf ?? {}) as Json,
      planHash: 'test', dagVersion: 1, bundleHash: 'test', nowMs: this.#nowMs,
    });
    this.#settle({ type: 'StartRun', nowMs: this.#nowMs });
    return triggered;
  }

  get #runType(): 'scheduled' | 'manual' | 'asset_triggered' {
    if (this.#options.assetEvents !== undefined || this.#scheduled?.updates !== undefined) return 'asset_triggered';
    return this.#scheduled === undefined ? 'manual' : 'scheduled';
  }

  /** Of a run that assets make: it has no logical date, and is told of what it was made for. */
  #madeByAssets(triggered: TriggeredRun): TriggeredRun {
    const { assetEvents } = this.#options;
    const key = triggered.partitionKey === undefined ? {} : { partitionKey: triggered.partitionKey };
    const updates = this.#scheduled?.updates ?? assetEvents?.map(({ asset, extra = {}, source }, index): QueuedUpdate => ({
      uri: asset.uri, extra: extra as Json, atMs: this.#nowMs, position: String(index + 1), ...(source === undefined ? {} : { source }), ...key,
    }));
    if (updates === undefined) return triggered;
    return { ...triggered, runId: runIdOf('asset_triggered', this.#nowMs), logicalDateMs: null, dataInterval: null, assetEvents: updates };
  }

  #logicalDateMs(): number {
    const { logicalDate } = this.#options;
    if (logicalDate === undefined) return Date.now();
    const instant = instantOf(logicalDate, this.#compiled.definition.timezone);
    const ms = instant === undefined ? undefined : parseInstant(instant);
    if (ms === undefined) throw new Error(`logicalDate is "${logicalDate}"; it must be ISO-8601, like "2027-01-05".`);
    return ms;
  }

  async #params(): Promise<{ readonly [name: string]: Json }> {
    const given = { ...this.#compiled.definition.params?.defaults, ...(this.#options.params as { readonly [name: string]: Json } | undefined) };
    const answer = await this.#model.spec.params?.['~standard'].validate(given);
    if (answer?.issues !== undefined) throw new Error(`params do not fit the schema of '${this.#model.dagId}': ${issuesText(answer.issues)}`);
    return given;
  }

  #past(): PastRuns {
    const previous = this.#scheduled?.previous ?? null;
    return { isFirst: previous === null, taskOf: (ref) => (previous === null ? undefined : pastOf(previous, ref)) };
  }

  #settle(command: RunCommand): Settled {
    const settled = settle(this.#run, command, this.#past());
    if (isRejected(settled)) throw new Error(`invariant: ${command.type} was refused: ${settled.message}`);
    this.#events.push(...settled.events);
    return settled;
  }

  /** The first that waits for an answer that the test gives. */
  #answer(): boolean {
    for (const [taskId, { chosenOptions, paramsInput, by }] of this.#answers) {
      const waiting = this.#instancesOf(taskId).find(({ state }) => state === 'awaiting_input');
      if (waiting === undefined) continue;
      const settled = settle(this.#run, { type: 'AnswerInput', taskId, mapIndex: waiting.mapIndex, chosenOptions, paramsInput, by: { id: by, name: by }, nowMs: this.#nowMs }, this.#past());
      if (isRejected(settled)) throw new Error(settled.message);
      this.#events.push(...settled.events);
      return true;
    }
    return false;
  }

  #passTime(): void {
    const wakeAtMs = nextWakeAtMs(this.#run);
    const asks = wakeAtMs === null ? this.#compiled.definition.tasks.find(({ taskId }) => this.#instancesOf(taskId).some(({ state }) => state === 'awaiting_input')) : undefined;
    if (asks !== undefined) throw new Error(`'${asks.taskId}' waits for a person, and the test says nothing of an answer: give answers: [answer(…)], or the task a responseTimeout.`);
    if (wakeAtMs === null && this.#scheduled !== undefined) throw new Error(`the run of ${isoInstant(this.#scheduled.run.interval.startMs)} waits for ever for the run before it (dependsOnPast, waitForDownstream)`);
    if (wakeAtMs === null) throw new Error('invariant: a run that waits for nothing is not finished');
    this.#nowMs = Math.max(this.#nowMs, wakeAtMs);
    this.#settle({ type: 'RecordTimePassed', nowMs: this.#nowMs });
  }

  /** The trigger that fires first, unless something else is due before it. Functions answer at once. */
  async #awaitTrigger(run: TriggeredRun): Promise<void> {
    const [first] = [...deferredInstances(this.#run)].sort((a, b) => firesAtMs(a) - firesAtMs(b));
    if (first === undefined || firesAtMs(first) > (nextWakeAtMs(this.#run) ?? Infinity)) return this.#passTime();
    const { taskId, mapIndex, tryNumber } = first;
    const outcome = await runTask(this.#model, this.#compiled, { ...this.#request(first, run), epoch: this.#epoch + 1 }, this.#io(taskId, mapIndex));
    this.#settle({ type: 'RecordTimePassed', nowMs: this.#nowMs });
    if (taskInstance(this.#run, first)?.state === 'deferred') this.#record(outcome, { taskId, mapIndex, tryNumber, epoch: (this.#epoch += 1) });
  }

  #request(instance: TaskInstanceView, run: TriggeredRun): TaskRunRequest {
    const { taskId, mapIndex, tryNumber } = instance;
    const { definition } = this.#compiled;
    const task = definition.tasks.find((candidate) => candidate.taskId === taskId);
    return {
      attempt: { dagId: definition.dagId, runId: run.runId, taskId, mapIndex, tryNumber },
      work: {
        ...(instance.state === 'deferred' ? { kind: 'trigger', trigger: instance.trigger } : {}),
        ...(instance.resumed === null ? {} : { resumed: instance.resumed }),
        bundleHash: 'test', maxTries: instance.maxTries, ...(task?.timeoutMs === undefined ? {} : { timeoutMs: task.timeoutMs }),
        run: { ...run, runType: this.#runType, conf: (this.#options.conf ?? {}) as Json },
        results: upstreamResults(this.#run, taskId, mapIndex),
        ...(instance.firstStartedAtMs === null ? {} : { firstStartedAtMs: instance.firstStartedAtMs }),
        ...(instance.inputAnswer === null ? {} : { answer: instance.inputAnswer }),
      },
    };
  }

  #record(outcome: Outcome, attempt: AttemptRef): void {
    const { taskId, mapIndex } = attempt;
    if (outcome.kind === 'failed') this.#log(taskId, mapIndex, 'error', outcome.failure.message);
    if (outcome.kind === 'succeeded' && outcome.result !== undefined) this.#results.set(`${taskId}/${mapIndex}`, outcome.result);
    if (outcome.kind === 'succeeded') this.#emitted.push(...(outcome.assetEvents ?? []).map((event) => this.#eventOf(event, { taskId, mapIndex })));
    this.#settle(commandOf(outcome, attempt, this.#nowMs));
  }

  #eventOf(event: EmittedAssetEvent, ref: TaskInstanceRef): AssetEvent {
    const { dagId, runId } = this.#run.created ?? { dagId: this.#model.dagId, runId: '' };
    return eventForAuthor({ ...event, atMs: this.#nowMs, position: '', source: { dagId, runId, ...ref } });
  }

  async #attempt(instance: TaskInstanceView, run: TriggeredRun): Promise<void> {
    const { taskId, mapIndex, tryNumber } = instance;
    const attempt = { taskId, mapIndex, tryNumber, epoch: (this.#epoch += 1) };
    this.#settle({ type: 'RecordTaskStarted', ...attempt, worker: 'test', nowMs: this.#nowMs });
    const request = this.#request(instance, run);
    this.#record(await runTask(this.#model, this.#compiled, request, this.#io(taskId, mapIndex), this.#mockOf(taskId, mapIndex)), attempt);
  }

  async #callback({ callback, cause, tryNumber }: PendingCallback, run: TriggeredRun): Promise<void> {
    const { dagId } = this.#compiled.definition;
    const outcome = await runCallback(this.#model, this.#compiled, {
      attempt: { dagId, runId: run.runId, taskId: cause.name, mapIndex: callback, tryNumber },
      work: { kind: 'callback', callback: { key: `${dagId}/${run.runId}/${callback}`, cause }, bundleHash: 'test', maxTries: 1, run: { ...run, runType: this.#runType, conf: (this.#options.conf ?? {}) as Json }, results: {} },
    }, this.#io(nameOf(cause), -1));
    const ended = outcome.kind === 'failed' ? { failure: outcome.failure, ...(outcome.retry === undefined ? {} : { retry: outcome.retry }) } : {};
    if (outcome.kind === 'failed') this.#log(nameOf(cause), -1, 'error', outcome.failure.message);
    this.#settle({ type: 'RecordCallbackEnded', callback, tryNumber, epoch: (this.#epoch += 1), ...ended, nowMs: this.#nowMs });
  }

  #mockOf(taskId: string, mapIndex: number): (() => unknown) | undefined {
    if (!this.#mocks.has(taskId)) return undefined;
    const value = this.#mocks.get(taskId);
    return () => {
      const answer: unknown = typeof value === 'function' ? value() : value;
      return mapIndex === -1 ? answer : (answer as readonly unknown[])[mapIndex];
    };
  }

  #io(taskId: string, mapIndex: number): TaskIo {
    return {
      signal: this.#signal,
      operators: provided,
      nowMs: () => this.#nowMs,
      wait: async (ms) => {
        this.#nowMs += ms;
      },
      log: (level, event, attributes) => this.#log(taskId, mapIndex, level, event, attributes),
      getResult: async (key) => this.#stored.get(key) ?? null,
      putResult: async (value) => {
        const key = String(this.#stored.size);
        this.#stored.set(key, value);
        return { key, bytes: JSON.stringify(value).length };
      },
      connection: async (id) => {
        const found = this.#options.connections?.[id] ?? null;
        if (found !== null) this.#hide(secretsInConnection(found));
        return found;
      },
      variable: async (key) => {
        const found = this.#options.variables?.[key] ?? null;
        if (found !== null) this.#hide(secretsInVariable(key, found));
        return found;
      },
      xcom: async ({ taskId: of, key, mapIndexes }) => (key === undefined ? this.#xcom(of, mapIndexes) : { found: false }),
      assetEvents: async ({ of, limit }) => (this.#options.inletEvents ?? [])
        .filter(({ asset, alias }) => ('uri' in of ? asset.uri === of.uri : alias?.name === of.alias)).slice(-limit)
        .map(({ asset, extra = {} }, index) => ({ uri: asset.uri, extra: extra as Json, atMs: this.#nowMs, position: String(index) })),
      ...(this.#bundle === undefined ? {} : { bundle: this.#bundle, templateFile: (name: string) => templateFile(this.#bundle, name) }),
      maskSecret: (secret) => this.#hide([secret]),
      mask: () => this.#mask,
      requestRun: async ({ dagId, runId = `begun_by__${taskId}` }) => (dagId in (this.#options.otherDags ?? {}) ? { kind: 'begun', runId } : { kind: 'refused', reason: `the test says nothing of a DAG '${dagId}'; name it in otherDags` }),
      findRun: async (query) => this.#otherRun(query),
      state: async (question) => this.#states.answer(this.#stateName(taskId, mapIndex), question, this.#nowMs),
    };
  }

  #stateName(taskId: string, mapIndex: number): string {
    return `${this.#run.created?.runId ?? ''}/${taskId}/${mapIndex}`;
  }

  #otherRun({ dagId, runId = 'other', taskIds = [], groupId }: OtherRunQuery): OtherRun | null {
    const state = this.#options.otherDags?.[dagId];
    if (state === undefined) return null;
    const wanted = groupId === undefined ? taskIds : [groupId];
    return { runId, state, tasks: Object.fromEntries(wanted.map((taskId) => [taskId, [state]])), unknownTasks: [] };
  }

  #log(taskId: string, mapIndex: number, level: LogLine['level'], event: string, attributes?: object): void {
    const name = instanceName({ taskId, mapIndex });
    const { log } = this.#options;
    if (log !== undefined) log({ task: name, level, event: this.#mask.mask(event), attributes: attributes ?? {} });
    else process.stdout.write(this.#mask.mask(`${level.padEnd(7)} ${name}  ${event}${attributes === undefined ? '' : ` ${JSON.stringify(attributes)}`}\n`));
  }

  #hide(secrets: readonly string[]): void {
    for (const secret of secrets) this.#mask.add(secret);
  }

  #xcom(taskId: string, mapIndexes: number | readonly number[] | undefined): XComAnswer {
    const valueOf = (mapIndex: number): Json | undefined => {
      const result = this.#results.get(`${taskId}/${mapIndex}`);
      return result?.kind === 'inline' ? result.value : result === undefined ? undefined : this.#stored.get(result.key);
    };
    const isMapped = mapLengthOf(this.#run, taskId) !== null;
    const one = typeof mapIndexes === 'number' ? mapIndexes : mapIndexes === undefined && !isMapped ? -1 : undefined;
    if (one === undefined) {
      const indexes = (mapIndexes as readonly number[] | undefined) ?? this.#instancesOf(taskId).map(({ mapIndex }) => mapIndex);
      return { found: true, value: indexes.map(valueOf).filter((value) => value !== undefined) };
    }
    const value = valueOf(one);
    return value === undefined ? { found: false } : { found: true, value };
  }

  #instancesOf(taskId: string): TaskInstanceView[] {
    const length = mapLengthOf(this.#run, taskId);
    const indexes = length === null ? [-1] : Array.from({ length }, (_, mapIndex) => mapIndex);
    return indexes.flatMap((mapIndex) => taskInstance(this.#run, { taskId, mapIndex }) ?? []);
  }

  #resultOf(taskId: string): ReadResult {
    const instances = this.#instancesOf(taskId);
    const failed = instances.find(({ state }) => state === 'failed' || state === 'upstream_failed');
    if (failed !== undefined) throw new Error(`'${taskId}' has no result: it is ${failed.state}`);
    const read = ({ state, mapIndex }: TaskInstanceView) => {
      const result = state === 'success' ? this.#results.get(`${taskId}/${mapIndex}`) : undefined;
      return { mapIndex, state, ...(result === undefined ? {} : { result }) };
    };
    const [only] = instances;
    const upstream = mapLengthOf(this.#run, taskId) === null && only !== undefined
      ? { mapped: false as const, ...read(only) }
      : { mapped: true as const, items: instances.map(read) };
    return readResult(upstream, this.#stored);
  }
}

/** Of a folder that is no bundle the files may change between two tests, so it is known by its path. */
const bundleIn = (folder: string | BundleFolder | undefined): BundleFolder | undefined => (typeof folder === 'string' ? { folder, dagFolder: folder, hash: folder } : folder);

async function templateFile(bundle: BundleFolder | undefined, name: string): Promise<string | null> {
  const { readFile } = await import('node:fs/promises');
  const { join } = await import('node:path');
  for (const folder of bundle === undefined ? [] : [bundle.dagFolder, bundle.folder]) {
    const text = await readFile(join(folder, name), 'utf8').catch(() => null);
    if (text !== null) return text;
  }
  return null;
}

const instanceName = ({ taskId, mapIndex }: { readonly taskId: string; readonly mapIndex: number }): string => (mapIndex === -1 ? taskId : `${taskId}[${mapIndex}]`);

const nameOf = (cause: PendingCallback['cause']): string => (cause.kind === 'task' ? `${instanceName(cause)} ${cause.name}` : cause.name);

const scheduledRun = ({ runAfterMs, interval }: ScheduledRun, params: { readonly [name: string]: Json }) =>
  ({ runId: runIdOf('scheduled', runAfterMs), logicalDateMs: interval.startMs, dataInterval: interval, runAfterMs, params });

type TriggeredRun = Omit<TaskRunRequest['work']['run'], 'runType' | 'conf'> & { readonly runId: string };

const firesAtMs = ({ trigger }: TaskInstanceView): number => {
  const spec = trigger as unknown as TriggerSpec;
  return spec.kind === 'at' ? spec.atMs : 0;
};

function commandOf(outcome: Outcome, attempt: AttemptRef, nowMs: number): RunCommand {
  switch (outcome.kind) {
    case 'succeeded':
      return { ...outcome, type: 'RecordTaskSucceeded', ...attempt, nowMs };
    case 'failed':
      return { ...outcome, type: 'RecordTaskFailed', ...attempt, nowMs };
    case 'skipped':
      return { ...outcome, type: 'RecordTaskSkipped', ...attempt, nowMs };
    case 'rescheduled':
      return { ...outcome, type: 'RecordTaskRescheduled', ...attempt, nowMs };
    case 'deferred':
      return { ...outcome, type: 'RecordTaskDeferred', ...attempt, nowMs };
    case 'fired':
      return { ...outcome, type: 'RecordTriggerFired', ...attempt, nowMs };
    case 'awaiting_input':
      return { ...outcome, type: 'RecordAwaitingInput', ...attempt, nowMs };
  }
}
