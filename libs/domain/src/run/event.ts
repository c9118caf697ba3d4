import type { QueuedUpdate } from '../asset/queue.ts';
import type { Json } from '../json.ts';
import type { HumanAnswer } from './human-request.ts';
import type { RunType, TriggeredBy } from './state-names.ts';

/**
 * Everything that can happen to a DAG run: the stream `run-<dag id>/<run id>`.
 *
 * A no-op task makes three of these (`TaskScheduled`, `TaskStarted`, `TaskSucceeded`); the fourth event of its life,
 * `AttemptGranted` (Airflow's "queued"), stands in the attempt's own stream, see `attempt/`.
 * `atMs` is the instant of the decision, epoch milliseconds UTC. Events are never migrated: members are only added.
 */
export type RunEvent =
  | RunCreated
  | { readonly type: 'RunStarted'; readonly atMs: number }
  | { readonly type: 'RunSucceeded'; readonly atMs: number }
  | { readonly type: 'RunFailed'; readonly reason: RunFailureReason; readonly atMs: number }
  /** Back to `queued`, by a clear or by a person: its finish is undone. By a backfill: the run is that one's from here. */
  | { readonly type: 'RunRequeued'; readonly backfillId?: string; readonly atMs: number }
  | { readonly type: 'RunReplanned'; readonly planHash: string; readonly dagVersion: number; readonly bundleHash: string; readonly atMs: number }
  | { readonly type: 'RunNoteSet'; readonly note: string | null; readonly by: string; readonly atMs: number }
  /** Its last event: nothing can be asked of it any more, and what is kept of it may be deleted. */
  | { readonly type: 'RunErased'; readonly by: string; readonly atMs: number }
  /** It had not succeeded by then. `deadline` is the position in the DAG's list. */
  | { readonly type: 'DeadlineMissed'; readonly deadline: number; readonly dueAtMs: number; readonly atMs: number }
  | CallbackEvent
  | TaskExpanded
  | TaskScheduled
  | TaskStarted
  | TaskSucceeded
  | TaskFailed
  | TaskRetryScheduled
  | TaskSkipped
  | (TaskInstanceRef & { readonly type: 'TaskUpstreamFailed'; readonly atMs: number })
  | (TaskInstanceRef & { readonly type: 'TaskRemoved'; readonly atMs: number })
  | (AttemptRef & { readonly type: 'TaskRescheduled'; readonly nextPokeAtMs: number; readonly atMs: number })
  | (AttemptRef & { readonly type: 'TaskDeferred'; readonly trigger: Json; readonly timeoutAtMs?: number; readonly atMs: number })
  /** What the task was deferred to has happened: the end of the attempt that waited for it. The task is ready again by the event that follows. */
  | (AttemptRef & { readonly type: 'TriggerFired'; readonly event: Json; readonly atMs: number })
  | (AttemptRef & { readonly type: 'TaskAwaitingInput'; readonly request: Json; readonly timeoutAtMs?: number; readonly atMs: number })
  /** A person's answer, or, when nobody gave one in time, the request's defaults. */
  | (TaskInstanceRef & HumanAnswer & { readonly type: 'TaskInputReceived'; readonly tryNumber: number })
  /** An attempt that ended without a report. What follows (retry, failure) is an event of its own. */
  | (AttemptRef & { readonly type: 'TaskAttemptLost'; readonly worker: string; readonly cause: AttemptLossCause; readonly atMs: number })
  /** A cleared task instance whose attempt still runs: the attempt is revoked, then the instance starts anew. */
  | (TaskInstanceRef & { readonly type: 'TaskRestarting'; readonly atMs: number })
  /** Back to `none`. The tries made so far stay counted; `maxTries` becomes those tries plus the task's retries. */
  | (TaskInstanceRef & { readonly type: 'TaskCleared'; readonly atMs: number })
  | (TaskInstanceRef & { readonly type: 'TaskMarked'; readonly state: 'success' | 'failed' | 'skipped'; readonly by: string; readonly atMs: number })
  | (TaskInstanceRef & { readonly type: 'TaskNoteSet'; readonly note: string | null; readonly by: string; readonly atMs: number })
  | XComSet
  | (TaskInstanceRef & { readonly type: 'XComDeleted'; readonly key: string; readonly by: string; readonly atMs: number });

/** A person's value: under `return_value` in the place of what the task returned, under another key beside it. */
interface XComSet extends TaskInstanceRef {
  readonly type: 'XComSet';
  readonly key: string;
  readonly value: TaskResult;
  /** As of a result. */
  readonly resultLength?: number;
  readonly resultLengths?: { readonly [path: string]: number };
  readonly by: string;
  readonly atMs: number;
}

/** What becomes of a callback; `callback` numbers those of the run from 1. */
type CallbackEvent =
  | { readonly type: 'CallbackRequested'; readonly callback: number; readonly cause: CallbackCause; readonly atMs: number }
  /** Another try is ready. */
  | { readonly type: 'CallbackScheduled'; readonly callback: number; readonly tryNumber: number; readonly atMs: number }
  | { readonly type: 'CallbackSucceeded'; readonly callback: number; readonly tryNumber: number; readonly epoch: number; readonly atMs: number }
  /** Without `retryAtMs` it is given up. */
  | { readonly type: 'CallbackFailed'; readonly callback: number; readonly tryNumber: number; readonly epoch: number; readonly failure: Failure; readonly retryAtMs?: number; readonly atMs: number }
  | { readonly type: 'CallbackAttemptLost'; readonly callback: number; readonly tryNumber: number; readonly epoch: number; readonly worker: string; readonly cause: AttemptLossCause; readonly atMs: number };

/** What a callback is told of, by what name its author gave it, and which of several it is: the first when `position` is absent. */
export type CallbackCause = { readonly position?: number } & (
  /** `failed`: tasks that had failed by then, the first hundred in order of definition. */
  | { readonly kind: 'run'; readonly name: 'onSuccess' | 'onFailure'; readonly reason: 'success' | RunFailureReason; readonly failed: readonly string[] }
  /** `tryNumber`: of the try that ended so; 0: none began. */
  | (TaskInstanceRef & { readonly kind: 'task'; readonly name: 'onSuccess' | 'onFailure' | 'onRetry' | 'onSkipped'; readonly tryNumber: number; readonly failure?: Failure })
  /** `deadline` is the position in the DAG's list. */
  | { readonly kind: 'deadline'; readonly name: 'onMissed'; readonly deadline: number; readonly dueAtMs: number });

export interface TaskInstanceRef {
  readonly taskId: string;
  /** -1: not mapped, or a mapped task that has not expanded. */
  readonly mapIndex: number;
}

/** One execution of a try. `epoch` is the version of its grant in the attempt's stream, so it is never used twice. */
export interface AttemptRef extends TaskInstanceRef {
  /** From 1. */
  readonly tryNumber: number;
  readonly epoch: number;
}

export interface RunCreated {
  readonly type: 'RunCreated';
  readonly dagId: string;
  readonly runId: string;
  readonly runType: RunType;
  readonly triggeredBy: TriggeredBy;
  readonly triggeringUser?: string;
  /** null: a manual run without a logical date. */
  readonly logicalDateMs: number | null;
  readonly dataInterval: { readonly startMs: number; readonly endMs: number } | null;
  readonly runAfterMs: number;
  readonly conf: Json;
  /** The DAG's defaults with `conf` laid over them, validated. */
  readonly params: { readonly [name: string]: Json };
  /** Hash of the canonical `DagDefinition` that the run's plan is compiled from. */
  readonly planHash: string;
  /** From 1 for each DAG. */
  readonly dagVersion: number;
  /** The code the run keeps: hash of the packed bundle of its file. */
  readonly bundleHash: string;
  readonly note?: string;
  readonly partitionKey?: string;
  /** Where the partition starts in time, if its key says that. */
  readonly partitionDateMs?: number;
  readonly backfillId?: string;
  /** The updates of assets that it was made for, in the order of the feed. */
  readonly assetEvents?: readonly QueuedUpdate[];
  /** Where they are kept when they are too many to stand here. */
  readonly assetEventsKey?: string;
  /** Updates that the run took and is not told of: the oldest, where there were too many. */
  readonly assetEventsOmitted?: number;
  /** How long the DAG's runs took lately, for each of its deadlines that counts from there; null: there were too few. */
  readonly averageRuntimesMs?: readonly (number | null)[];
  /** W3C trace context that the run's spans belong to. */
  readonly traceparent?: string;
  readonly atMs: number;
}

/** A mapped task has learnt its length. 0: it is skipped by the event that follows. */
export interface TaskExpanded {
  readonly type: 'TaskExpanded';
  readonly taskId: string;
  readonly length: number;
  readonly atMs: number;
}

/** Ready: every dependency is met, it waits for a slot. */
export interface TaskScheduled extends TaskInstanceRef {
  readonly type: 'TaskScheduled';
  readonly tryNumber: number;
  readonly atMs: number;
}

export interface TaskStarted extends AttemptRef {
  readonly type: 'TaskStarted';
  /** The worker's slot name. */
  readonly worker: string;
  readonly pid?: number;
  readonly atMs: number;
}

/** What a task returned: small values in the event, larger ones where `xcom_values` or the object store keeps them. */
export type TaskResult =
  | { readonly kind: 'inline'; readonly value: Json }
  | { readonly kind: 'stored'; readonly key: string; readonly bytes: number };

export interface TaskSucceeded extends TaskInstanceRef {
  readonly type: 'TaskSucceeded';
  readonly tryNumber: number;
  /** Absent when no worker took part (an empty task). */
  readonly epoch?: number;
  /** Absent: it returned nothing. */
  readonly result?: TaskResult;
  /** Length of the result, when it is a list or an object and another task maps over it. */
  readonly resultLength?: number;
  /** Lengths of parts of the result that other tasks map over, by the path's members joined by `/`. */
  readonly resultLengths?: { readonly [path: string]: number };
  /** Of a branch: the direct downstream tasks it chose. Kept so that a clear skips the others again. */
  readonly chosen?: readonly string[];
  /** Of a short circuit: false skips what is downstream. */
  readonly passed?: boolean;
  readonly assetEvents?: readonly EmittedAssetEvent[];
  readonly renderedMapIndex?: string;
  readonly atMs: number;
}

/** An update of an asset that a task made. */
export interface EmittedAssetEvent {
  readonly uri: string;
  readonly extra: Json;
  readonly aliases?: readonly string[];
  readonly partitionKey?: string;
  /** Of the run, where the update is of the run's own partition. */
  readonly partitionDateMs?: number;
}

/** The end of the last try. */
export interface TaskFailed extends TaskInstanceRef {
  readonly type: 'TaskFailed';
  readonly tryNumber: number;
  readonly epoch?: number;
  readonly failure: Failure;
  readonly atMs: number;
}

export interface TaskRetryScheduled extends TaskInstanceRef {
  readonly type: 'TaskRetryScheduled';
  readonly tryNumber: number;
  readonly epoch?: number;
  readonly failure: Failure;
  readonly retryAtMs: number;
  readonly atMs: number;
}

export interface TaskSkipped extends TaskInstanceRef {
  readonly type: 'TaskSkipped';
  readonly tryNumber?: number;
  readonly epoch?: number;
  readonly cause: SkipCause;
  /** The branch or short circuit that skipped it. */
  readonly by?: string;
  readonly atMs: number;
}

export type SkipCause = 'exception' | 'trigger_rule' | 'branch' | 'short_circuit' | 'latest_only' | 'empty_map' | 'soft_fail' | 'run_timeout' | 'fail_fast';

/** Why a try failed, as a code to act on and a sentence to read. */
export interface Failure {
  readonly code: FailureCode;
  readonly message: string;
  /** Stack or last output lines, at most 4 KB. */
  readonly detail?: string;
}

export type FailureCode =
  | 'error'
  | 'no_retry'
  | 'timeout'
  | 'sensor_timeout'
  | 'exit_code'
  | 'killed'
  | 'out_of_memory'
  | 'worker_lost'
  | 'code_missing'
  | 'bad_input'
  | 'bad_output'
  | 'bad_branch'
  | 'map_too_long'
  | 'map_not_a_list'
  | 'not_supported'
  | 'cancelled';

export type AttemptLossCause = 'lease_expired' | 'worker_restarted' | 'worker_drained' | 'runner_died';

export type RunFailureReason = 'task_failed' | 'deadlocked' | 'timed_out' | 'marked';

