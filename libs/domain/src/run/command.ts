import type { Json } from '../json.ts';
import type { AttemptLossCause, AttemptRef, EmittedAssetEvent, Failure, RunCreated, TaskInstanceRef, TaskResult } from './event.ts';
import type { HumanAnswer, HumanUser } from './human-request.ts';

/**
 * Everything that may be asked of a DAG run. Imperatives come from people and the schedule; `Record…` brings facts
 * from outside. Each carries `nowMs`, the only clock that the domain knows.
 *
 * After each command the caller repeats `Advance` until it decides nothing: `decide(Advance)` judges the task
 * instances whose dependencies have moved, level by level, and ends the run when nothing is left to happen.
 * Events of a command and of its advances are appended together.
 */
export type RunCommand =
  | (Omit<RunCreated, 'type' | 'atMs'> & { readonly type: 'CreateRun'; readonly nowMs: number })
  /** Given when `maxActiveRuns` of the DAG has room. */
  | { readonly type: 'StartRun'; readonly nowMs: number }
  | { readonly type: 'Advance'; readonly nowMs: number; readonly past?: PastRuns }
  | (AttemptRef & { readonly type: 'RecordTaskStarted'; readonly worker: string; readonly pid?: number; readonly nowMs: number })
  | (AttemptRef & RecordedSuccess & { readonly type: 'RecordTaskSucceeded'; readonly nowMs: number })
  | (AttemptRef & { readonly type: 'RecordTaskFailed'; readonly failure: Failure; readonly retry?: RetryVerdict; readonly nowMs: number })
  | (AttemptRef & { readonly type: 'RecordTaskSkipped'; readonly softFail?: boolean; readonly nowMs: number })
  | (AttemptRef & { readonly type: 'RecordTaskRescheduled'; readonly nextPokeAtMs: number; readonly nowMs: number })
  | (AttemptRef & { readonly type: 'RecordTaskDeferred'; readonly trigger: Json; readonly timeoutAtMs?: number; readonly nowMs: number })
  | (AttemptRef & { readonly type: 'RecordTriggerFired'; readonly event: Json; readonly nowMs: number })
  | (AttemptRef & { readonly type: 'RecordAwaitingInput'; readonly request: Json; readonly timeoutAtMs?: number; readonly nowMs: number })
  | (AttemptRef & { readonly type: 'RecordAttemptLost'; readonly worker: string; readonly cause: AttemptLossCause; readonly nowMs: number })
  /** Without `failure` it did what it was to do. */
  | { readonly type: 'RecordCallbackEnded'; readonly callback: number; readonly tryNumber: number; readonly epoch: number; readonly failure?: Failure; readonly retry?: RetryVerdict; readonly nowMs: number }
  | { readonly type: 'RecordCallbackLost'; readonly callback: number; readonly tryNumber: number; readonly epoch: number; readonly worker: string; readonly cause: AttemptLossCause; readonly nowMs: number }
  | (TaskInstanceRef & Pick<HumanAnswer, 'chosenOptions' | 'paramsInput'> & { readonly type: 'AnswerInput'; readonly by: HumanUser; readonly nowMs: number })
  /** Time has passed: retries, pokes, timeouts and deadlines that are due by `nowMs`. */
  | { readonly type: 'RecordTimePassed'; readonly nowMs: number }
  | {
      readonly type: 'ClearTasks';
      /** All task instances when absent. A `mapIndex` of undefined means every map index of the task. */
      readonly tasks?: readonly { readonly taskId: string; readonly mapIndex?: number }[];
      readonly upstream?: boolean;
      readonly downstream?: boolean;
      readonly onlyFailed?: boolean;
      readonly onlyRunning?: boolean;
      /** Refused as a whole when something that it would clear is running. */
      readonly preventRunning?: boolean;
      /** Default true: the run goes back to `queued`. */
      readonly resetRun?: boolean;
      readonly nowMs: number;
    }
  | {
      readonly type: 'MarkTasks';
      readonly tasks: readonly { readonly taskId: string; readonly mapIndex?: number }[];
      readonly state: 'success' | 'failed' | 'skipped';
      readonly upstream?: boolean;
      readonly downstream?: boolean;
      readonly by: string;
      readonly nowMs: number;
    }
  /** Of a run that has ended. */
  | { readonly type: 'EraseRun'; readonly by: string; readonly nowMs: number }
  /** `queued` clears the run, `backfillId` says for which backfill; `success` and `failed` end it and revoke what still runs. */
  | { readonly type: 'MarkRun'; readonly state: 'queued' | 'success' | 'failed'; readonly backfillId?: string; readonly by: string; readonly nowMs: number }
  | { readonly type: 'ReplanRun'; readonly planHash: string; readonly dagVersion: number; readonly bundleHash: string; readonly nowMs: number }
  | { readonly type: 'SetRunNote'; readonly note: string | null; readonly by: string; readonly nowMs: number }
  | (TaskInstanceRef & { readonly type: 'SetTaskNote'; readonly note: string | null; readonly by: string; readonly nowMs: number })
  | (TaskInstanceRef & XComToSet & { readonly type: 'SetXCom'; readonly by: string; readonly nowMs: number })
  | (TaskInstanceRef & { readonly type: 'DeleteXCom'; readonly key: string; readonly by: string; readonly nowMs: number });

export interface XComToSet {
  readonly key: string;
  /** `create` refuses a key that is there, `update` one that is not. */
  readonly mode: 'create' | 'update';
  readonly value: TaskResult;
  /** What others map over of a value that is kept apart. */
  readonly resultLength?: number;
  readonly resultLengths?: { readonly [path: string]: number };
}

export interface RecordedSuccess {
  readonly result?: TaskResult;
  readonly resultLength?: number;
  /** Lengths of parts of the result that other tasks map over, by the path's members joined by `/`. */
  readonly resultLengths?: { readonly [path: string]: number };
  readonly chosen?: readonly string[];
  readonly passed?: boolean;
  readonly assetEvents?: readonly EmittedAssetEvent[];
  readonly renderedMapIndex?: string;
}

/** What the author's retry policy said in the worker. It can end the retries or change the delay, never exceed `retries`. */
export interface RetryVerdict {
  readonly action: 'retry' | 'fail' | 'default';
  readonly delayMs?: number;
}

/** What `dependsOnPast` and `waitForDownstream` need of the DAG's previous run; absent when no task asks for it. */
export interface PastRuns {
  /** undefined: there is no previous run. State of the same task, and whether its direct downstream has finished well. */
  readonly taskOf: (ref: TaskInstanceRef) => { readonly state: string; readonly downstreamDone: boolean } | undefined;
  readonly isFirst: boolean;
  /** The previous run, for whoever reads why. */
  readonly runId?: string;
}
