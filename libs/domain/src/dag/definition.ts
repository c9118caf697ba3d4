import type { Json } from '../json.ts';
import type { TimetableDefinition } from '../schedule/definition.ts';

/**
 * A DAG as the parser reads it from a file: plain JSON, the same for the same content.
 *
 * It is what `dag-` streams register, what the canonical hash is taken of (a version), and what `compilePlan` turns
 * into the indexed plan that a run folds over. Optional members are absent when they have their default, so that a
 * new feature does not give every DAG a new version. Durations are milliseconds, instants ISO-8601 UTC.
 */
export interface DagDefinition {
  readonly dagId: string;
  readonly displayName?: string;
  readonly timezone: string;
  readonly schedule: TimetableDefinition;
  /** Its runs take a partition key of whoever starts them, and its tasks say which partitions they made. */
  readonly partitionedAtRuntime?: boolean;
  readonly startDate?: string;
  readonly endDate?: string;
  /** Default false: only the latest interval is run. */
  readonly catchup?: boolean;
  /** Default 16. */
  readonly maxActiveRuns?: number;
  /** Default 16: running and queued task instances of the DAG over all its runs. */
  readonly maxActiveTasks?: number;
  /** 0 or absent: never. The DAG is paused after this many failed runs in a row. */
  readonly maxConsecutiveFailedRuns?: number;
  readonly failFast?: boolean;
  readonly dagrunTimeoutMs?: number;
  /** A DAG is unpaused when first seen unless this says otherwise. */
  readonly pausedUponCreation?: boolean;
  readonly params?: ParamsDefinition;
  readonly tags?: readonly string[];
  readonly owner?: string;
  readonly doc?: string;
  readonly rerunWithLatestVersion?: boolean;
  /** Callbacks that the file's code has, one as often as it has several of the name; they run on a worker as attempts of their own kind. */
  readonly callbacks?: readonly DagCallback[];
  readonly deadlines?: readonly DeadlineDefinition[];
  /** What watches the assets that the schedule waits for; it runs on a worker as attempts of its own kind. */
  readonly watchers?: readonly { readonly uri: string; readonly name: string }[];
  /** What the author says of assets that the schedule or a task names, by URI; of most there is nothing to say. */
  readonly assets?: readonly AssetDefinition[];
  readonly tasks: readonly TaskDefinition[];
  readonly groups?: readonly GroupDefinition[];
}

/** Of an asset itself; it decides nothing. */
export interface AssetDefinition {
  readonly uri: string;
  /** Default: the URI. */
  readonly name?: string;
  /** Default `asset`. */
  readonly group?: string;
  readonly extra?: { readonly [name: string]: Json };
}

export interface ParamsDefinition {
  /** JSON Schema made from the author's Standard Schema, when its library can say one. */
  readonly schema?: Json;
  readonly defaults: { readonly [name: string]: Json };
}

export type DagCallback = 'onSuccess' | 'onFailure';
export type TaskCallback = 'onExecute' | 'onSuccess' | 'onFailure' | 'onRetry' | 'onSkipped';

/** By when a run must have succeeded: so long after an instant, or before it when the interval is negative. */
export interface DeadlineDefinition {
  readonly name?: string;
  /** `averageRuntime` counts from when the run is made, and adds what the runs before it took on average. */
  readonly reference: 'queuedAt' | 'logicalDate' | 'fixed' | 'averageRuntime';
  /** Of `fixed`: the instant. */
  readonly fixed?: string;
  readonly intervalMs: number;
  /** Of `averageRuntime`: over so many of the latest runs; of fewer than `minRuns` no average is taken. */
  readonly averageOf?: { readonly limit: number; readonly minRuns: number };
  /** How many callbacks the file's code has for it, to run when it is missed. */
  readonly callbacks?: number;
}

export type TriggerRule =
  | 'all_success'
  | 'all_failed'
  | 'all_done'
  | 'all_done_min_one_success'
  | 'all_done_setup_success'
  | 'one_success'
  | 'one_failed'
  | 'one_done'
  | 'none_failed'
  | 'none_failed_min_one_success'
  | 'none_skipped'
  | 'all_skipped'
  | 'always';

export type WeightRule = 'downstream' | 'upstream' | 'absolute';

/**
 * What the scheduler must know of a task's kind. How it executes is the code's own affair (`operator` names it for
 * people); `empty` has nothing to execute and succeeds in the scheduler.
 */
export type TaskKind = 'task' | 'empty' | 'branch' | 'shortCircuit' | 'latestOnly' | 'sensor';

export interface TaskDefinition {
  readonly taskId: string;
  readonly displayName?: string;
  /** Default `task`. */
  readonly kind?: TaskKind;
  /** `function`, `bash`, `docker` …: shown to people, never branched on by the scheduler. */
  readonly operator: string;
  /** Direct upstream task ids, in order of definition. Data references are edges too. */
  readonly upstream: readonly string[];
  /** What people call the edge from an upstream task, by its id; it decides nothing. */
  readonly edgeLabels?: { readonly [upstreamId: string]: string };
  /** Upstream tasks whose results this task reads (each is also in `upstream`). */
  readonly reads?: readonly string[];
  /** Default `all_success`; `all_done_setup_success` for a teardown. */
  readonly triggerRule?: TriggerRule;
  /** Default 0. */
  readonly retries?: number;
  /** Default 300,000. */
  readonly retryDelayMs?: number;
  /** A multiplier of the delay for each further retry; absent or 0: fixed. */
  readonly retryBackoff?: number;
  /** Cap of the delay with backoff. Default 24 h. */
  readonly maxRetryDelayMs?: number;
  /** Execution timeout of one try; for a sensor the timeout over all its pokes and retries. */
  readonly timeoutMs?: number;
  /** Default `default`. */
  readonly queue?: string;
  /** Default `default_pool`, 1 slot. */
  readonly pool?: { readonly name: string; readonly slots: number };
  /** Default 1. */
  readonly priorityWeight?: number;
  /** Default `downstream`. */
  readonly weightRule?: WeightRule;
  /** The priority of each try from the first, where they differ; later ones have the last. Comes before weight and rule. */
  readonly priorityWeights?: readonly number[];
  readonly dependsOnPast?: boolean;
  readonly waitForDownstream?: boolean;
  readonly ignoreFirstDependsOnPast?: boolean;
  readonly waitForPastDependsBeforeSkipping?: boolean;
  /** Over all runs of the DAG. */
  readonly maxActive?: number;
  readonly maxActivePerRun?: number;
  readonly groupId?: string;
  readonly setup?: boolean;
  readonly teardown?: { readonly setups: readonly string[]; readonly onFailureFailDagrun?: boolean };
  /** Present on a mapped task. */
  readonly mapping?: MappingDefinition;
  readonly mapIndexTemplate?: string;
  /** Only on `branch`: tasks that may be chosen; a choice outside them fails the task. */
  readonly branchTargets?: readonly string[];
  /** Only on `shortCircuit`. Default true: everything downstream is skipped whatever its trigger rule. */
  readonly ignoreDownstreamTriggerRules?: boolean;
  readonly sensor?: { readonly everyMs: number; readonly mode: 'poke' | 'reschedule' | 'deferred'; readonly softFail?: boolean };
  /** Of an external task marker: a clear of this one also clears the task it names in the other DAG's run of the same, or so much later, logical date, and what is downstream there. `depth` (default 10): through so many DAGs. */
  readonly marks?: { readonly dagId: string; readonly taskId: string; readonly laterByMs?: number; readonly depth?: number };
  readonly inlets?: readonly string[];
  readonly outlets?: readonly string[];
  readonly inletAliases?: readonly string[];
  readonly outletAliases?: readonly string[];
  /** What becomes of a try whose worker was lost: retried (the default) or failed, for effects that must not repeat. */
  readonly onLost?: 'retry' | 'fail';
  /** After this long without a renewal the attempt may be granted again. Default 300,000. */
  readonly lostAfterMs?: number;
  /** `onExecute` runs in the process of the try, the others as those of the DAG. */
  readonly callbacks?: readonly TaskCallback[];
  readonly retryPolicy?: boolean;
  /** The rules of its retry policy that name a failure's code, for failures that its own process cannot judge: it was killed, lost or timed out. */
  readonly retryRules?: readonly { readonly code: string; readonly action: 'retry' | 'fail' | 'default'; readonly delayMs?: number }[];
  readonly doc?: string;
}

export interface GroupDefinition {
  readonly groupId: string;
  readonly parentId?: string;
  readonly displayName?: string;
  readonly tooltip?: string;
  readonly mapping?: MappingDefinition;
}

/** How a mapped task or group multiplies. `expand` is the cross product of its arguments in order of insertion. */
export type MappingDefinition =
  | { readonly kind: 'expand'; readonly over: readonly (readonly [name: string, source: MapSource])[] }
  | { readonly kind: 'expandKwargs'; readonly over: MapSource };

export type MapSource =
  | { readonly kind: 'literal'; readonly value: readonly Json[] | { readonly [key: string]: Json } }
  | { readonly kind: 'result'; readonly taskId: string; readonly path?: readonly string[] }
  | { readonly kind: 'zip'; readonly sources: readonly MapSource[]; readonly fill?: Json }
  | { readonly kind: 'concat'; readonly sources: readonly MapSource[] }
  /** `fn` is the position of the function in the task's code; it runs in the consumer. */
  | { readonly kind: 'map'; readonly source: MapSource; readonly fn: number };
