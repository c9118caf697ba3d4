import type { AttemptLossCause, CallbackCause, Failure, HumanAnswer, Json, QueuedUpdate, RecordedSuccess, RetryVerdict, TaskResult } from '@dagbook/domain';
import type { AttemptId } from './id.ts';

/**
 * Messages between services. On Kafka each is a CloudEvent in binary mode: `type` is `ce_type`, `id` is `ce_id`,
 * `key` the record key, `data` the JSON body. `type` alone chooses the handler.
 */
export type Message =
  | Envelope<'CommandStored', CommandStored>
  | Envelope<'SubmitCommand', StoredCommand>
  | Envelope<'SubmitAssetEvent', SubmitAssetEvent>
  | Envelope<'EventStored', EventStored>
  | Envelope<'AttemptReady', AttemptReady>
  | Envelope<'AttemptClosed', AttemptClosed>
  | Envelope<'AttemptRevoked', AttemptRevoked>
  | Envelope<'AttemptStarted', AttemptStarted>
  | Envelope<'AttemptFinished', AttemptFinished>
  | Envelope<'AttemptLost', AttemptLost>
  | Envelope<'AttemptsWanted', AttemptsWanted>
  | Envelope<'SchedulerSeen', SchedulerSeen>
  | Envelope<'AssetsUpdated', AssetsUpdated>
  | Envelope<'WatcherEnded', WatcherEnded>
  | Envelope<'WorkerRenewed', WorkerRenewed>
  | Envelope<'WorkerStopped', WorkerStopped>
  | Envelope<'AttemptAssigned', AttemptAssigned>
  | Envelope<'ReportAcknowledged', ReportAcknowledged>
  | Envelope<'RenewalGranted', RenewalGranted>
  | Envelope<'DrainWorker', DrainWorker>
  | Envelope<'LogChunk', LogChunk>;

export interface Envelope<Type extends string, Data> {
  readonly topic: string;
  readonly key: string;
  readonly type: Type;
  /** UUID. Consumers that must not act twice dedupe by it, or by what the data points at. */
  readonly id: string;
  readonly data: Data;
  readonly traceparent?: string;
}

export type MessageType = Message['type'];
export type MessageOf<Type extends MessageType> = Extract<Message, { type: Type }>;

export interface CommandStored {
  readonly commandId: string;
  readonly dagId: string;
}

/** A command as its row in `commands` holds it; `body` is one of the shapes in `command.ts`. */
export interface StoredCommand {
  readonly commandId: string;
  readonly dagId: string;
  readonly body: Json;
}

/** An asset was updated outside of Dagbook. */
export interface SubmitAssetEvent {
  readonly uri: string;
  /** Default `{}`; at most 16 KB of JSON. */
  readonly extra?: { readonly [name: string]: Json };
  readonly partitionKey?: string;
}

export interface EventStored {
  readonly streamId: string;
  readonly version: number;
  readonly type: string;
  readonly position: string;
  readonly data: Json;
}

/** A try that waits for a slot: everything a worker needs comes along, so that no service asks another. */
export interface AttemptReady {
  readonly attemptId: AttemptId;
  readonly queue: string;
  readonly pool: string;
  /** 0: it holds no slot of anything, as a trigger. */
  readonly poolSlots: number;
  /** Of a trigger: what its deferred task counts for in a pool that includes deferred ones. Default 0. */
  readonly deferredSlots?: number;
  /** `priorityWeight` summed by its weight rule: higher goes first. */
  readonly priority: number;
  readonly readyAtMs: number;
  /** Newest epoch that the run knows of; 0 when the try was never granted. The next grant is above it. */
  readonly lastEpoch: number;
  readonly caps: {
    readonly maxActiveTasks: number;
    readonly maxActive?: number;
    readonly maxActivePerRun?: number;
  };
  readonly lostAfterMs: number;
  readonly work: Work;
}

/**
 * What an attempt executes: the task itself, or what the task is deferred to, which waits in the worker's trigger host
 * among thousands, under the id of the try (epochs tell its attempts apart); or a callback of the run, under an id of its
 * own (`callbackAttemptId`); or what watches an asset (`watcherAttemptId`), hosted as a trigger is. Only a task holds slots.
 */
export type AttemptKind = 'task' | 'trigger' | 'callback' | 'watcher';

/** What a worker is told of a task instance. Never a secret. */
export interface Work {
  /** Default `task`. */
  readonly kind?: AttemptKind;
  /** Of a trigger: what it waits for, as the task said when it was deferred. */
  readonly trigger?: Json;
  /** Of a callback: what it is told of. `key` is the same in each of its tries, so that whoever it tells can tell a repetition. */
  readonly callback?: { readonly key: string; readonly cause: CallbackCause };
  /** Of what watches an asset: whose code it is, and the id of the newest update that it saw. */
  readonly watcher?: { readonly dagId: string; readonly uri: string; readonly name: string; readonly last?: string };
  /** Of a task that was deferred: what its trigger brought. */
  readonly resumed?: { readonly event: Json };
  readonly bundleHash: string;
  readonly maxTries: number;
  readonly timeoutMs?: number;
  readonly run: {
    readonly runType: string;
    readonly logicalDateMs: number | null;
    readonly dataInterval: { readonly startMs: number; readonly endMs: number } | null;
    readonly runAfterMs: number;
    readonly conf: Json;
    readonly params: { readonly [name: string]: Json };
    /** The updates of assets that the run was made for. */
    readonly assetEvents?: readonly QueuedUpdate[];
    /** Where they are kept when they came to more than 16 KB together (`ExecutionApi.getResult`). */
    readonly assetEventsKey?: string;
    readonly partitionKey?: string;
    readonly partitionDateMs?: number;
  };
  /** Results of the tasks this one reads, by task id. Of a mapped task: one entry a map index, in order. */
  readonly results: { readonly [taskId: string]: UpstreamResult };
  /** Where `results` are kept when they came to more than 16 KB together (`ExecutionApi.getResult`); then `results` is empty. */
  readonly resultsKey?: string;
  /** When the first try of a sensor began, which its timeout counts from. */
  readonly firstStartedAtMs?: number;
  /** What people answered this try, which asked them before. */
  readonly answer?: HumanAnswer;
  readonly traceparent?: string;
}

export type UpstreamResult =
  | { readonly mapped: false; readonly state: string; readonly result?: TaskResult }
  | { readonly mapped: true; readonly items: readonly { readonly mapIndex: number; readonly state: string; readonly result?: TaskResult }[] };

/** The attempt holds no slot any more: its final report was folded, or it was revoked before a worker had it. */
export interface AttemptClosed {
  readonly attemptId: AttemptId;
  /** 0: whatever grant there may be. */
  readonly epoch: number;
}

/** Kill it: a person cleared or marked it, the run timed out, or its lease is not the newest. */
export interface AttemptRevoked {
  readonly attemptId: AttemptId;
  readonly epoch: number;
  readonly reason: string;
}

export interface AttemptAssigned {
  readonly attemptId: AttemptId;
  readonly epoch: number;
  /** HMAC-SHA-256 over attempt, epoch and expiry; every report and every call of the execution API carries it. */
  readonly token: string;
  readonly lostAfterMs: number;
  readonly work: Work;
}

interface Report {
  readonly attemptId: AttemptId;
  readonly epoch: number;
  readonly token: string;
  /** Where acknowledgements go. */
  readonly worker: string;
}

export interface AttemptStarted extends Report {
  readonly pid: number;
  readonly startedAtMs: number;
}

/** The final report. It is resent until a `ReportAcknowledged` of the same attempt and epoch. */
export interface AttemptFinished extends Report {
  readonly outcome: Outcome;
  /** When the worker began it; folds as `TaskStarted` when that report was lost or comes later. */
  readonly startedAtMs: number;
  readonly pid: number;
  readonly finishedAtMs: number;
  /** Trailer of the log: what a reader must find there. */
  readonly log: { readonly bytes: number; readonly lines: number };
}

export type Outcome =
  | ({ readonly kind: 'succeeded' } & RecordedSuccess)
  | { readonly kind: 'failed'; readonly failure: Failure; readonly retry?: RetryVerdict }
  | { readonly kind: 'skipped'; readonly softFail?: boolean }
  | { readonly kind: 'rescheduled'; readonly nextPokeAtMs: number }
  | { readonly kind: 'deferred'; readonly trigger: Json; readonly timeoutAtMs?: number }
  /** Of a trigger: what it waited for has happened. */
  | { readonly kind: 'fired'; readonly event: Json }
  | { readonly kind: 'awaiting_input'; readonly request: Json; readonly timeoutAtMs?: number };

export interface AttemptLost {
  readonly attemptId: AttemptId;
  readonly epoch: number;
  readonly token: string;
  readonly worker: string;
  readonly cause: AttemptLossCause;
}

/** A dispatcher that has just taken over, or doubts its view, asks every scheduler to say again what is ready. */
export interface AttemptsWanted {
  readonly by: string;
  /** Only these, which were granted up to that epoch and hold no lease: what was said of them may be of before that. Default: all. */
  readonly of?: readonly { readonly attemptId: AttemptId; readonly epoch: number }[];
}

/** A watcher's attempt has ended: who waits for its asset lets it watch on. */
export interface WatcherEnded {
  readonly attemptId: AttemptId;
}

/** A scheduler among others: each takes its share of the partitions. A hint; the locks decide. */
export interface SchedulerSeen {
  readonly instance: string;
  readonly leaving: boolean;
}

/** Something stands in the feed of assets, at or before this position. A hint: owners of consumers look there now and then. */
export interface AssetsUpdated {
  readonly position: string;
}

export interface WorkerRenewed {
  readonly worker: string;
  /** New at each start of the worker process. */
  readonly incarnation: string;
  readonly queues: readonly string[];
  readonly slots: number;
  readonly draining: boolean;
  readonly attempts: readonly { readonly attemptId: AttemptId; readonly epoch: number }[];
  /** True once, when a new incarnation has killed and reaped what its predecessor left. */
  readonly predecessorReaped?: boolean;
  /** Returned in `RenewalGranted`; the worker's own count of renewals. */
  readonly sequence: number;
  readonly hostname: string;
  readonly version: string;
}

export interface WorkerStopped {
  readonly worker: string;
  readonly incarnation: string;
}

export interface RenewalGranted {
  readonly sequence: number;
  /** Attempts the worker named that are not its own any more. */
  readonly revoked: readonly { readonly attemptId: AttemptId; readonly epoch: number }[];
}

export interface ReportAcknowledged {
  readonly attemptId: AttemptId;
  readonly epoch: number;
  /** False: the attempt was not the newest, or the report was not proven; its result counts for nothing. What still runs elsewhere of it ends by a revocation or with its lease. */
  readonly accepted: boolean;
}

/** A worker that drains finishes what it runs and takes nothing more, until it hears the contrary. */
export interface DrainWorker {
  readonly by: string;
  /** Default true. */
  readonly draining?: boolean;
}

/** Bytes of a log as they were written. Chunks of an attempt are contiguous by `offset`; a repeated one is dropped. */
export interface LogChunk {
  readonly attemptId: AttemptId;
  readonly epoch: number;
  /** Position of the first byte in the attempt's log. */
  readonly offset: number;
  /** UTF-8 text of JSON lines, see `log-line.ts`. */
  readonly text: string;
  /** On the last chunk: the whole log's length. */
  readonly end?: { readonly bytes: number; readonly lines: number };
}

