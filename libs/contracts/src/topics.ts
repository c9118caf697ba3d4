/**
 * The one table of topics. Everything that needs to know a topic (transport, topic creation, AsyncAPI, docs) reads it here.
 * Kafka only hints: losing, doubling or reordering any message may delay work and never break it.
 */
export interface Topic {
  readonly name: string;
  /** What the message key is, hence what stays in order. */
  readonly key: string;
  readonly partitions: number;
  readonly retentionMs: number;
  readonly owner: Service;
  /** Message types that may stand on it. */
  readonly carries: readonly string[];
}

export type Service = 'scheduler' | 'dispatcher' | 'worker' | 'log-server' | 'api-gateway';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

export const TOPICS = {
  /** "Your command is stored": wakes the scheduler that owns the DAG; the row in `commands` is the command. */
  commands: { name: 'dagbook.commands', key: 'dag id', partitions: 4, retentionMs: DAY, owner: 'api-gateway', carries: ['CommandStored', 'SubmitCommand'] },
  /** Written by systems outside: an asset was updated. Its message id counts once, however often it comes. */
  assetEvents: { name: 'dagbook.asset-events', key: 'asset uri', partitions: 4, retentionMs: 7 * DAY, owner: 'scheduler', carries: ['SubmitAssetEvent'] },
  /** Every stored event, relayed for integrations. */
  events: { name: 'dagbook.events', key: 'dag id and run id', partitions: 4, retentionMs: 7 * DAY, owner: 'scheduler', carries: ['EventStored'] },
  /** Scheduler → dispatcher: attempts that are ready, closed or revoked. */
  attempts: { name: 'dagbook.attempts', key: 'dag id', partitions: 1, retentionMs: HOUR, owner: 'scheduler', carries: ['AttemptReady', 'AttemptClosed', 'AttemptRevoked'] },
  /** Worker (and, for lost attempts, dispatcher) → scheduler; and schedulers among themselves. */
  reports: {
    name: 'dagbook.reports', key: 'dag id', partitions: 4, retentionMs: DAY, owner: 'worker',
    carries: ['AttemptStarted', 'AttemptFinished', 'AttemptLost', 'AttemptsWanted', 'SchedulerSeen', 'AssetsUpdated', 'WatcherEnded'],
  },
  /** Worker → dispatcher: presence, lease renewals, drain. */
  workers: { name: 'dagbook.workers', key: 'worker slot', partitions: 1, retentionMs: HOUR, owner: 'worker', carries: ['WorkerRenewed', 'WorkerStopped'] },
  logs: { name: 'dagbook.logs', key: 'attempt id', partitions: 4, retentionMs: DAY, owner: 'worker', carries: ['LogChunk'] },
} as const satisfies Record<string, Topic>;

/** One topic for each worker slot; a slot is a reused name (host and number), so that scaling does not breed topics. */
export const assignmentTopic = (workerSlot: string): Topic => ({
  name: `dagbook.assignments.${workerSlot}`,
  key: 'attempt id',
  partitions: 1,
  retentionMs: HOUR,
  owner: 'dispatcher',
  carries: ['AttemptAssigned', 'AttemptRevoked', 'ReportAcknowledged', 'RenewalGranted', 'DrainWorker'],
});

/** Where what cannot be parsed, or keeps failing, is kept with its original headers. */
export const deadLetterTopic = (topic: string): string => `${topic}.dlq`;
