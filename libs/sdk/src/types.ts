import type { StandardSchemaV1 } from '@standard-schema/spec';
import type { Failure, TriggerRule, WeightRule } from '@dagbook/domain';
import type { RetryPolicy } from './retry-policy.ts';
import type { WeightStrategy } from './weight-strategy.ts';

export type { TriggerRule, WeightRule };

declare const out: unique symbol;

/** `500ms`, `30s`, `5m`, `2h`, `1d`. */
export type Duration = `${number}${'ms' | 's' | 'm' | 'h' | 'd'}`;
export type Json = string | number | boolean | null | undefined | { readonly [k: string]: Json } | readonly Json[];

/** Whatever order can be drawn between: a task, a group, a branch. */
export interface Edge {
  after(...up: Edge[]): this;
  before(...down: Edge[]): this;
}

/** A task in the DAG, standing for the result that it will have. Passing it on draws an edge and hands the result over. */
export interface TaskRef<T> extends Edge {
  readonly [out]: T;
  readonly id: string;
  /** One member of the result. */
  get<K extends keyof T>(key: K): TaskRef<T[K]>;
  /** What a reader gets when this task was skipped. Without it: `undefined`. */
  onSkip<D>(value: D): TaskRef<T | D>;
  /** Each element put through `fn`, in the process of the reader; an element for which `fn` throws `SkipTask` is dropped. */
  map<U>(fn: (item: ElementOf<T>) => U): TaskRef<U[]>;
}
type ElementOf<T> = T extends readonly (infer E)[] ? E : never;

export interface Asset {
  readonly uri: string;
  readonly __asset: true;
}

/** Made by `watcher`. */
export interface AssetWatcher {
  readonly __watcher: true;
  readonly name: string;
}

export interface WatcherContext extends Pick<TaskContext<unknown>, 'log' | 'conn' | 'variable' | 'maskSecret' | 'signal'> {
  /** Of the asset. */
  readonly uri: string;
  /** What is kept of the asset: a cursor that outlives this process. */
  readonly assetState: AssetStateStore;
  /** Id of the newest update that it told of, in whichever process; absent before the first. */
  readonly last?: string;
}

export interface WatcherUpdate {
  /** The same for the same update: one that was recorded is not recorded again. Without it each one told is new. */
  readonly id?: string;
  readonly extra?: Record<string, Json>;
}

/** A name for assets that are only known when a task runs: the task says through which alias it updated one. */
export interface AssetAlias {
  readonly name: string;
  readonly __assetAlias: true;
}

/** One update of an asset. */
export interface AssetEvent {
  readonly uri: string;
  readonly extra: Record<string, unknown>;
  readonly timestamp: Date;
  /** The task that made it; absent: it came from outside. */
  readonly source?: { readonly dagId: string; readonly runId: string; readonly taskId: string; readonly mapIndex: number };
  /** Absent: of the asset as a whole. */
  readonly partitionKey?: string;
}

/** A value of `T` in which any part may be a task's result. */
export type In<T> =
  | T
  | TaskRef<T>
  | ([T] extends [readonly (infer U)[]] ? readonly In<U>[] : [T] extends [object] ? { readonly [K in keyof T]: In<T[K]> } : never);

/** JSON in which any part may be a task's result. */
export type InJson = Json | TaskRef<unknown> | readonly InJson[] | { readonly [name: string]: InJson };

/** Small JSON by key, as it was set last. A change is on the disk when it is answered; an execution that is not the newest any more changes nothing. */
export interface AssetStateStore {
  /** undefined, or `fallback`: nothing is kept under this key. */
  get<T = Json>(key: string): Promise<T | undefined>;
  get<T>(key: string, fallback: T): Promise<T>;
  /** Any JSON but null, at most 1 MB; of more than 64 KB the log warns. Keys have 1 to 512 characters. */
  set(key: string, value: {}): Promise<void>;
  delete(key: string): Promise<void>;
  /** Deletes every key. */
  clear(): Promise<void>;
}

export interface TaskStateStore extends AssetStateStore {
  /** `retention` counts from now on. Default: 30 days, unless the site says otherwise. */
  set(key: string, value: {}, o?: { retention?: Duration | 'never' }): Promise<void>;
}

export interface TaskContext<P> {
  readonly params: P;
  /** The logical date's day in UTC, `2027-01-05`. Of a run without a logical date: the day it was due. */
  readonly ds: string;
  readonly dsNodash: string;
  /** The same day as the DAG's time zone counts it: at midnight in Seoul `ds` still names the day before. */
  readonly localDs: string;
  /** The logical date, `2027-01-05T00:00:00+00:00`. */
  readonly ts: string;
  readonly logicalDate: Date;
  readonly dataInterval: { start: Date; end: Date };
  /** The DAG's time zone. */
  readonly timezone: string;
  readonly run: { id: string; conf: unknown; type: 'scheduled' | 'manual' | 'backfill' | 'asset'; partitionKey?: string; partitionDate?: Date };
  readonly dagId: string;
  readonly taskId: string;
  /** From 1. */
  readonly tryNumber: number;
  /** -1 when the task is not mapped. */
  readonly mapIndex: number;
  /**
   * Higher for each execution of the same try: a try whose worker was lost runs again. Put it into the names of what the
   * task writes elsewhere, so that an execution that is not the newest cannot overwrite what a newer one wrote.
   */
  readonly epoch: number;
  /** What the trigger brought that this try was deferred to; absent before. */
  readonly resumed?: { readonly event: unknown } | undefined;
  /** Aborted when the task is cancelled or its time is up. */
  readonly signal: AbortSignal;
  readonly log: TaskLog;
  /** Of a run that assets made: the updates that it was made for, oldest first. */
  readonly triggeringAssetEvents: readonly AssetEvent[];
  /** The newest updates of one of the task's `inlets`, or of all assets of an alias that is one, oldest first. Default: 100, at most 1,000. */
  inletEvents(of: Asset | AssetAlias, o?: { limit?: number }): Promise<readonly AssetEvent[]>;
  conn<T = Record<string, string>>(id: string): Promise<T>;
  variable(key: string): Promise<string>;
  /** What this task instance keeps over its tries, and over clears, within its run: the next try goes on where this one ended. */
  readonly taskState: TaskStateStore;
  /** What is kept of one of the task's inlets or outlets, over runs and DAGs, until it is deleted. Without `asset`: of the only one. */
  readonly assetState: (asset?: Asset) => AssetStateStore;
  /**
   * Hides a secret of the task's own making, and every text inside an object or list, in its log, rendered fields and
   * failures from now on. What `conn` and `variable` answer is hidden already. At least 5 characters long.
   */
  maskSecret(secret: Json): void;
  /**
   * Records that an asset of the task's `outlets` was updated, or any asset through an alias that is one of them; counts when the
   * task succeeds. `partitionKey`: which of its partitions, one or several; default: that of the run.
   */
  emit(asset: Asset, extra?: Record<string, Json>, o?: EmitOptions): void;
}

export interface EmitOptions {
  alias?: AssetAlias;
  partitionKey?: string | readonly string[];
}

export interface TaskLog {
  debug(msg: string, attrs?: object): void;
  info(msg: string, attrs?: object): void;
  warn(msg: string, attrs?: object): void;
  error(msg: string, attrs?: object): void;
}

/** A function of JSON that templates may call; arguments given by name come as one object behind the others. */
export type SiteMacro = (...args: any[]) => Json;

export interface TaskSpec<O> {
  /** Further tries after a failed one. Default 0. */
  retries?: number;
  /** Default `5m`. */
  retryDelay?: Duration;
  /** Default `fixed`; `exponential` doubles, a number multiplies. */
  retryBackoff?: 'fixed' | 'exponential' | number;
  maxRetryDelay?: Duration;
  /** Rules in order, the first that fits decides whether, and when, the next try is made; or a function that decides. Never more tries than `retries` allows. */
  retryPolicy?: RetryPolicy;
  /** Of one try; of a sensor, over all its pokes and tries. */
  timeout?: Duration;
  queue?: string;
  pool?: string | { name: string; slots: number };
  priorityWeight?: number;
  /** Whose weights the task's own is added to: what follows it (`downstream`, the default), what comes before, none (`absolute`); or a function of yours. */
  weightRule?: WeightRule | WeightStrategy;
  triggerRule?: TriggerRule;
  dependsOnPast?: boolean;
  waitForDownstream?: boolean;
  /** Of a task that is new in a DAG with earlier runs: `false` makes it wait for one of its own. Default true. */
  ignoreFirstDependsOnPast?: boolean;
  /** Not even skipped before its past allows it. */
  waitForPastDependsBeforeSkipping?: boolean;
  /** What the task reads. */
  inlets?: (Asset | AssetAlias)[];
  /** Each counts as updated when the task succeeds; an alias: what the task emits through it. */
  outlets?: (Asset | AssetAlias)[];
  /** How many instances of this task may run at once, over all runs of the DAG. */
  maxActive?: number;
  /** The same, within one run. */
  maxActivePerRun?: number;
  /** Checks (and may convert) the result; what it refuses fails the task. */
  output?: StandardSchemaV1<unknown, O>;
  /** A try whose worker was lost is retried, or, for effects that must not repeat, failed. Default `retry`. */
  onLost?: 'retry' | 'fail';
  /** After this long without a sign of life from the worker the try counts as lost. Default `5m`. */
  lostAfter?: Duration;
  /**
   * Code that is told of this task, or of each of its mapped instances. `onExecute` runs before the task, in its process. The others
   * run apart, after what they are told of is recorded: a success; the last try that failed; one that failed and is followed by
   * another; a skip that the task asked for itself. None of them changes how the task ends.
   */
  onExecute?: Callback<TaskContext<any>>;
  onSuccess?: Callback<TaskCallbackContext<any>>;
  onFailure?: Callback<TaskCallbackContext<any>>;
  onRetry?: Callback<TaskCallbackContext<any>>;
  onSkipped?: Callback<TaskCallbackContext<any>>;
  /**
   * Functions that `defer(trigger.named(…))` waits for, in a process where thousands of others wait: they must not block it.
   * One whose host was replaced is called again with the same arguments, so it looks at the world rather than remembers.
   */
  triggers?: { readonly [name: string]: (args: any, ctx: TaskContext<any>) => unknown };
  displayName?: string;
  doc?: string;
  /** Of a mapped task: names each instance, rendered after it has run; `input` are its arguments: `{{ input.file }}`. */
  mapIndexTemplate?: string;
}

/** A function, an operator such as `slack` with templates in its fields, or several of them, each of which is tried by itself. */
export type Callback<E> = CallbackCode<E> | readonly CallbackCode<E>[];
type CallbackCode<E> = ((e: E) => unknown) | Operator<{}, any>;

/** What every callback is told. */
export interface CallbackContext<P>
  extends Pick<TaskContext<P>, 'params' | 'ds' | 'dsNodash' | 'localDs' | 'ts' | 'logicalDate' | 'dataInterval' | 'timezone' | 'run' | 'dagId' | 'signal' | 'log' | 'triggeringAssetEvents' | 'conn' | 'variable' | 'maskSecret'> {
  readonly runId: string;
  /** The same whenever this callback is tried again: by it a receiver can tell a repetition. */
  readonly callbackKey: string;
}

export interface DagCallbackContext<P> extends CallbackContext<P> {
  /** Of a run that failed because its tasks did, because nothing could move any more, or at its timeout. */
  readonly reason: 'success' | 'task_failure' | 'all_tasks_deadlocked' | 'timed_out';
  /** Tasks that failed, at most a hundred. */
  readonly failed: string[];
}

export interface TaskCallbackContext<P> extends CallbackContext<P> {
  readonly taskId: string;
  /** -1 when the task is not mapped. */
  readonly mapIndex: number;
  /** Of the try that this is told of. */
  readonly tryNumber: number;
  /** Why the try failed: a code, a sentence, and a stack or last lines. */
  readonly failure?: Failure;
}

export interface DeadlineCallbackContext<P> extends CallbackContext<P> {
  readonly deadline: { readonly name: string | undefined; readonly dueAt: Date };
}

export interface SensorSpec<O> extends TaskSpec<O> {
  every: Duration;
  /** Between pokes: `exponential` doubles the time from `every` on. Default `fixed`. */
  backoff?: 'fixed' | 'exponential';
  /** What the time between pokes grows to. Default `1h`. */
  maxEvery?: Duration;
  /**
   * `poke` keeps its worker slot between pokes, `reschedule` gives it back, `deferred` pokes among thousands of others in one
   * process that takes no slot. Default `poke`.
   */
  mode?: 'reschedule' | 'poke' | 'deferred';
  /** Time's up means skipped, not failed. */
  softFail?: boolean;
}

export interface Operator<I, O> {
  readonly kind: string;
  readonly __i?: (i: I) => void;
  readonly [out]?: O;
}

/** An operator that waits for something. */
export interface SensorOperator<I, O> extends Operator<I, O> {
  readonly __sensor: true;
}

type Args<I> = keyof I extends never ? [] : [input: { readonly [K in keyof I]: In<I[K]> }];

/** A declared task. Calling it puts it into the DAG; so does `expand`, as many instances as its lists say. */
export interface Factory<I, O> {
  (...a: Args<I>): TaskRef<O>;
  /** Arguments that are the same for every instance of the `expand` that follows. */
  partial<K extends keyof I>(fixed: { readonly [P in K]: In<I[P]> }): Factory<Omit<I, K>, O>;
  /** One instance for each element; of several lists, for each combination, the last list turning fastest. */
  expand(over: { readonly [K in keyof I]: TaskRef<readonly I[K][]> | readonly I[K][] }): TaskRef<O[]>;
  /** One instance for each object of arguments. */
  expandKwargs(over: TaskRef<readonly I[]> | readonly I[]): TaskRef<O[]>;
}

export type Handler<I, O, P> = (input: I, ctx: TaskContext<P>) => O | Promise<O>;

export interface LoopSpec<O> {
  /** 1 to 100. */
  maxIterations: number;
  /** Asked by a task of its own behind each iteration; `index` counts from 0. */
  until: (result: O, index: number) => boolean | Promise<boolean>;
  displayName?: string;
  tooltip?: string;
}

export interface Scope<P> {
  task<O, I = {}>(id: string, op: Operator<I, O>, spec?: TaskSpec<O>): Factory<I, O>;
  task<O, I = {}>(id: string, fn: Handler<I, O, P>, spec?: TaskSpec<O>): Factory<I, O>;
  sensor<O, I = {}>(id: string, fn: Handler<I, Poke<O>, P>, spec: SensorSpec<O>): Factory<I, O>;
  /** `every` is `1m` when it is not said. A sensor given to `task` waits the same, keeping its slot. */
  sensor<O, I = {}>(id: string, op: SensorOperator<I, O>, spec?: Partial<SensorSpec<O>>): Factory<I, O>;
  /** A falsy answer skips everything downstream, or only what follows directly when trigger rules are to decide. */
  shortCircuit<O, I = {}>(id: string, fn: Handler<I, O, P>, spec?: TaskSpec<O> & { ignoreDownstreamTriggerRules?: boolean }): Factory<I, O>;
  /** Skips what follows directly unless the run is of the schedule's latest interval, or manual. */
  latestOnly(id: string, spec?: TaskSpec<never>): TaskRef<undefined>;
  /** Does nothing and takes no worker: a place for edges to meet. */
  empty(id: string, spec?: TaskSpec<never>): TaskRef<undefined>;
  /** Makes what the tasks after it need; its teardown is the `teardown` placed after it. */
  setup<O, I = {}>(id: string, fn: Handler<I, O, P> | Operator<I, O>, spec?: TaskSpec<O>): Factory<I, O>;
  /** Runs when its setups succeeded, however the work between them ended; the run's state does not depend on it. */
  teardown<O, I = {}>(id: string, fn: Handler<I, O, P> | Operator<I, O>, spec?: TaskSpec<O> & { onFailureFailDagrun?: boolean }): Factory<I, O>;
  /** Tasks of a group have its id and a dot before theirs. */
  group(id: string, spec?: { displayName?: string; tooltip?: string }): Scope<P> & Edge;
  /**
   * A group as often as its lists say, each with the tasks that `build` puts into it; `each` stands for the arguments of
   * one of them. A task that `build` answers is, outside the group, the list of its results.
   */
  mappedGroup<I extends object, O>(
    id: string,
    over: { readonly [K in keyof I]: TaskRef<readonly I[K][]> | readonly I[K][] },
    build: (group: Scope<P> & Edge, each: { readonly [K in keyof I]: TaskRef<I[K]> }) => TaskRef<O>,
    spec?: { displayName?: string; tooltip?: string },
  ): TaskRef<O[]>;
  /**
   * A group that is repeated until `until` says yes to the result that `build` answers, at most `maxIterations` times; still no
   * then, and it fails. Each iteration has tasks of its own and is given the result of the one before, the first `from`; the
   * loop stands for the result of the last one taken.
   */
  loop<O>(id: string, from: TaskRef<O>, build: (iteration: Scope<P> & Edge, previous: TaskRef<O>, index: number) => TaskRef<O>, spec: LoopSpec<NoInfer<O>>): TaskRef<O>;
  loop<O>(id: string, from: null, build: (iteration: Scope<P> & Edge, previous: undefined, index: number) => TaskRef<O>, spec: LoopSpec<NoInfer<O>>): TaskRef<O>;
  /** Runs the cases that the decider names and skips the others; every case must be handled. */
  branch<K extends string>(decider: TaskRef<K | K[]>, cases: { readonly [C in K]: Edge | readonly Edge[] | null }): Edge;
}

export type Poke<O> = { done: true; value: O } | { done: false };

/** Made by `trigger`. */
export interface Trigger {
  readonly __trigger: true;
}

export interface Schedule {
  readonly __schedule: true;
}

type CronText = `${string} ${string} ${string} ${string} ${string}`;
export type SchedulePreset = '@daily' | '@hourly' | '@weekly' | '@monthly' | '@quarterly' | '@yearly' | '@once' | '@continuous';

export interface DeadlineSpec {
  name?: string;
  /**
   * What it counts from: when the run was queued, its logical date, a date, or when it was made plus what the DAG's runs took
   * on average.
   */
  reference: 'queuedAt' | 'logicalDate' | 'averageRuntime' | { readonly fixed: string };
  /** `-30m`: half an hour before. */
  interval: Duration | `-${Duration}`;
  /** Over the latest `limit` runs (default 10, at most 100); with fewer than `minRuns` (default: `limit`) there is no deadline. */
  averageOf?: { readonly limit?: number; readonly minRuns?: number };
  /** Runs when the deadline is missed, whatever the run is doing then. */
  onMissed?: Callback<DeadlineCallbackContext<any>>;
}

export interface DagSpec<S extends StandardSchemaV1> {
  /** A cron string follows the wall clock of `timezone`. Default: by hand only. */
  schedule?: Schedule | SchedulePreset | CronText | null;
  /** A date or date and time; without a zone it is local to the DAG's `timezone`. */
  startDate?: string;
  endDate?: string;
  /** Default: that of the schedule, else the site's. */
  timezone?: string;
  /** True: a run for every interval since `startDate`. Default: only the latest. */
  catchup?: boolean;
  params?: S;
  tags?: readonly string[];
  owner?: string;
  displayName?: string;
  doc?: string;
  /** Default 16. */
  maxActiveRuns?: number;
  /** Default 16. */
  maxActiveTasks?: number;
  /** The DAG is paused after this many failed runs in a row. */
  maxConsecutiveFailedRuns?: number;
  /** The first failed task ends the run. */
  failFast?: boolean;
  /** By when a run must have succeeded; one that has not is recorded as late, once for each. */
  deadlines?: readonly DeadlineSpec[];
  /** A run that is cleared goes over to the newest version of the DAG, unless the request says otherwise. Default false. */
  rerunWithLatestVersion?: boolean;
  timeout?: Duration;
  /** Whether it waits until it is unpaused when it is seen first. Default: what the site says, which is false unless it says true. */
  pausedUponCreation?: boolean;
  /** Names that every template of the DAG has, as Airflow's `user_defined_macros`. */
  macros?: { readonly [name: string]: SiteMacro };
  /** Filters of its templates, given their value first, as Airflow's `user_defined_filters`. */
  filters?: { readonly [name: string]: SiteMacro };
  /** For each task that does not say otherwise. */
  defaults?: TaskSpec<any>;
  /** Runs after a run has succeeded, but for one that a person marked. */
  onSuccess?: Callback<DagCallbackContext<StandardSchemaV1.InferOutput<S>>>;
  /** Runs after a run has failed, but for one that a person marked. */
  onFailure?: Callback<DagCallbackContext<StandardSchemaV1.InferOutput<S>>>;
}

/** Absolute paths; nothing there is ever written. */
export interface BundleFolder {
  readonly folder: string;
  /** Of the DAG's own file, within it. */
  readonly dagFolder: string;
  readonly hash: string;
}

export interface TestOptions<P> {
  /** As `startDate`. Default now. */
  logicalDate?: string;
  params?: Partial<P>;
  conf?: Json;
  mock?: readonly Mock[];
  connections?: Record<string, Record<string, string | number | boolean | null>>;
  variables?: Record<string, string>;
  /** The DAG's bundle, as its tasks find it: template files (`load.sql`, `{% include %}`), Python modules, scripts, requirements. Default: there is none. */
  folder?: string | BundleFolder;
  /** How runs of other DAGs stand, by DAG id: what `triggerDag` may begin and `externalTask` finds, each of its tasks in the same state. */
  otherDags?: Record<string, 'success' | 'failed' | 'running'>;
  /** The run is one that these updates made: what its tasks are told of, oldest first. Without it the run is made by hand. */
  assetEvents?: readonly { asset: Asset; extra?: Record<string, Json>; source?: NonNullable<AssetEvent['source']> }[];
  /** What was updated before, oldest first: what `inletEvents` answers. */
  inletEvents?: readonly { asset: Asset; extra?: Record<string, Json>; alias?: AssetAlias }[];
  /** What is kept of assets before. */
  assetState?: readonly { asset: Asset; key: string; value: {} }[];
  /** Of the run, if its DAG takes one; what its tasks update is updated under it. */
  partitionKey?: string;
  /** What people answer; a task that asks and is not answered waits for its response timeout. */
  answers?: readonly TestAnswer[];
  /** Default: lines on stdout. */
  log?: (line: { task: string; level: string; event: string; attributes: object }) => void;
}

export interface TestResult {
  readonly state: 'success' | 'failed';
  /** Of the run, if it has one. */
  readonly partitionKey: string | undefined;
  value<T>(r: TaskRef<T>): T;
  stateOf(r: TaskRef<any>): 'success' | 'failed' | 'skipped' | 'upstream_failed';
  /** What its tasks updated, in the order in which they succeeded. */
  readonly assetEvents: readonly AssetEvent[];
  /** What a task has kept, by key; of a mapped task: what this instance has. */
  taskState(r: TaskRef<any>, mapIndex?: number): Record<string, unknown>;
  /** What is kept of an asset, by key. */
  assetState(asset: Asset): Record<string, unknown>;
  /** Callbacks that ran, in order, each once however often it was tried; not `onExecute`, which is part of its task. */
  readonly callbacks: readonly TestCallback[];
}

export interface TestCallback {
  readonly name: 'onSuccess' | 'onFailure' | 'onRetry' | 'onSkipped' | 'onMissed';
  /** Absent when it is the run's: `load`, or `load[2]` of a mapped task. */
  readonly task?: string;
  readonly state: 'success' | 'failed';
}

export interface ScheduleTestOptions<P> extends Omit<TestOptions<P>, 'logicalDate' | 'assetEvents'> {
  from: string;
  to: string;
  /** Assets that are updated in that time; each `at` as `startDate`. */
  updates?: readonly { at: string; asset: Asset; extra?: Record<string, Json>; partitionKey?: string; alias?: AssetAlias }[];
}

/** The runs that the schedule makes from `from` to `to`, oldest first. */
export interface ScheduleTestResult {
  readonly runs: readonly (TestResult & {
    readonly triggeredBy: 'timetable' | 'asset';
    /** As is the interval, of a run that assets made: when it was made. */
    readonly logicalDate: string;
    readonly dataInterval: { readonly start: string; readonly end: string };
    readonly runAfter: string;
  })[];
  /** True: the DAG was paused by `maxConsecutiveFailedRuns`, and the runs after that were not made. */
  readonly paused: boolean;
}

export interface Dag<P> extends Scope<P> {
  readonly id: string;
  readonly __dag: true;
  /** Runs the DAG in this process, without any service. */
  test(o?: TestOptions<P>): Promise<TestResult>;
  /**
   * Runs all that its schedule makes between two dates (as `startDate`, both included), one after another, each at the time that it
   * is due: a year in a second.
   */
  testSchedule(o: ScheduleTestOptions<P>): Promise<ScheduleTestResult>;
}

export interface Mock {
  readonly __mock: true;
}

export interface TestAnswer {
  readonly __answer: true;
}

export type NoParams = StandardSchemaV1<unknown, {}>;
