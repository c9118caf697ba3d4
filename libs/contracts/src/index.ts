export type { CommandBody, CommandOutcome, DispatcherCommand } from './command.ts';
export type { AttemptId, AttemptKey } from './id.ts';
export { ASSET_QUEUES, assetCommandKey, assetEventsStream, assetQueueStream, attemptId, attemptStream, backfillStream, CALLBACK_TASK, callbackAttemptId, connectionStream, dagStream, ID_PATTERN, isAttemptDag, isAttemptTask, isSecretStream, parseAttemptId, poolStream, RUN_ID_PATTERN, runStream, variableStream, watcherAttemptId, WATCHERS, watcherStream, workerStream } from './id.ts';
export type { LogLine } from './log-line.ts';
export type {
  AssetsUpdated, AttemptAssigned, AttemptClosed, AttemptFinished, AttemptKind, AttemptLost, AttemptReady, AttemptRevoked, AttemptStarted, AttemptsWanted,
  CommandStored, DrainWorker, Envelope, EventStored, LogChunk, Message, MessageOf, MessageType, Outcome, RenewalGranted,
  ReportAcknowledged, SchedulerSeen, StoredCommand, SubmitAssetEvent, UpstreamResult, WatcherEnded, WorkerRenewed, WorkerStopped, Work,
} from './message.ts';
export type { Service, Topic } from './topics.ts';
export { assignmentTopic, deadLetterTopic, TOPICS } from './topics.ts';
export { isResultKeyOf, isResultKeyOfRun, LARGE_RESULT_BYTES, largeResultHash, largeResultKey, MAX_RESULT_BYTES } from './execution-api.ts';
export type { AssetEventQuery, AttemptAuth, ConnectionTestAnswer, ConnectionTestAsk, ConnectionTestOutcome, ExecutionApi, LargePart, LargeResult, OtherRun, OtherRunQuery, PackedBundle, PackedFiles, PreviousRun, RunRequest, RunRequested, StateAnswer, StateOwner, StateQuestion, XComAnswer, XComQuestion } from './execution-api.ts';
export type { LogEraser, LogReader, LogReadRequest, LogSlice } from './log-reader.ts';
export { DAG_PARTITIONS, DISPATCHER, DISPATCHER_PARTITION, partitionOf } from './partition.ts';
