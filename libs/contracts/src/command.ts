import type { Json, ReprocessBehavior, RunSpan, XComToSet } from '@dagbook/domain';

/**
 * What a client may ask for, as the `body` of a row in `commands`. The scheduler that owns the DAG decides it and writes
 * the outcome into the same row in the transaction of its events.
 */
export type CommandBody =
  | {
      readonly type: 'TriggerRun';
      /** Default `manual`. */
      readonly runType?: 'asset_materialization';
      readonly partitionKey?: string;
      readonly runId?: string;
      /** null: a run without a logical date. */
      readonly logicalDateMs: number | null;
      readonly runAfterMs?: number;
      readonly dataInterval?: { readonly startMs: number; readonly endMs: number };
      readonly conf: { readonly [name: string]: Json };
      readonly note?: string;
      readonly triggeredBy: 'rest_api' | 'ui' | 'cli' | 'operator' | 'test';
      readonly user: string;
    }
  /** An asset was updated outside. Its command is stored for no DAG: for `assetCommandKey` of the asset. */
  | { readonly type: 'RecordAssetEvent'; readonly uri: string; readonly extra: { readonly [name: string]: Json }; readonly partitionKey?: string; readonly user: string }
  /** What waits for the DAG's next run is struck out, of these assets or (absent) of all. */
  | { readonly type: 'ClearAssetQueue'; readonly uris?: readonly string[]; readonly beforeMs?: number; readonly user: string }
  | { readonly type: 'SetPaused'; readonly paused: boolean; readonly user: string }
  | ClearTasks
  | MarkTasks
  /** A clear or a mark of the same tasks in several runs; what a run does not have is passed over. */
  | (Omit<ClearTasks, 'type' | 'runId'> & { readonly type: 'ClearTasksAcross'; readonly span: RunSpan })
  | (Omit<MarkTasks, 'type' | 'runId'> & { readonly type: 'MarkTasksAcross'; readonly span: RunSpan })
  | { readonly type: 'MarkRun'; readonly runId: string; readonly state: 'queued' | 'success' | 'failed'; readonly user: string }
  | {
      readonly type: 'CreateBackfill';
      readonly fromMs: number;
      readonly toMs: number;
      readonly reprocessBehavior: ReprocessBehavior;
      readonly runBackwards: boolean;
      readonly maxActiveRuns: number;
      readonly conf: { readonly [name: string]: Json };
      readonly runOnLatestVersion: boolean;
      readonly user: string;
    }
  /** Asks the author's timetable for a range and changes nothing: the outcome's result is a `ForeseenRuns` of the domain. */
  | { readonly type: 'ForeseeRuns'; readonly fromMs: number; readonly toMs: number; readonly user: string }
  | { readonly type: 'SetBackfillPaused'; readonly backfillId: string; readonly paused: boolean; readonly user: string }
  | { readonly type: 'CancelBackfill'; readonly backfillId: string; readonly user: string }
  | { readonly type: 'EraseRun'; readonly runId: string; readonly user: string }
  /** A person answers a task that awaits input. */
  | {
      readonly type: 'AnswerInput';
      readonly runId: string;
      readonly taskId: string;
      readonly mapIndex: number;
      readonly chosenOptions: readonly string[];
      readonly paramsInput: { readonly [name: string]: Json };
      readonly user: string;
    }
  | { readonly type: 'SetRunNote'; readonly runId: string; readonly note: string | null; readonly user: string }
  | { readonly type: 'SetTaskNote'; readonly runId: string; readonly taskId: string; readonly mapIndex: number; readonly note: string | null; readonly user: string }
  | ({ readonly type: 'SetXCom'; readonly runId: string; readonly taskId: string; readonly mapIndex: number; readonly user: string } & XComToSet)
  | { readonly type: 'DeleteXCom'; readonly runId: string; readonly taskId: string; readonly mapIndex: number; readonly key: string; readonly user: string };

/** What the dispatcher that leads decides: rows of `DISPATCHER`. */
export type DispatcherCommand =
  | {
      readonly type: 'SetPool';
      readonly pool: string;
      /** `create` refuses a pool that is there, `change` one that is not and leaves what is absent as it was. */
      readonly mode: 'create' | 'change' | 'set';
      /** -1: without limit. */
      readonly slots?: number;
      readonly description?: string | null;
      readonly includeDeferred?: boolean;
      readonly user: string;
    }
  | { readonly type: 'DeletePool'; readonly pool: string; readonly user: string }
  | { readonly type: 'SetWorkerDrained'; readonly worker: string; readonly drained: boolean; readonly user: string };

interface ClearTasks {
  readonly type: 'ClearTasks';
  readonly runId: string;
  readonly tasks?: readonly { readonly taskId: string; readonly mapIndex?: number }[];
  readonly upstream?: boolean;
  readonly downstream?: boolean;
  readonly onlyFailed?: boolean;
  readonly onlyRunning?: boolean;
  readonly preventRunning?: boolean;
  readonly resetRun?: boolean;
  /** Absent: as the DAG says by `rerunWithLatestVersion`. */
  readonly runOnLatestVersion?: boolean;
  readonly user: string;
}

interface MarkTasks {
  readonly type: 'MarkTasks';
  readonly runId: string;
  readonly tasks: readonly { readonly taskId: string; readonly mapIndex?: number }[];
  readonly state: 'success' | 'failed' | 'skipped';
  readonly upstream?: boolean;
  readonly downstream?: boolean;
  readonly user: string;
}

/** What became of a command. `position` is that of its last event, for reads after writes. */
export type CommandOutcome =
  | { readonly kind: 'done'; readonly position: string | null; readonly result?: Json }
  | { readonly kind: 'refused'; readonly code: string; readonly message: string };
