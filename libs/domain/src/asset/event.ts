import type { Json } from '../json.ts';
import type { MappedUpdate } from '../partition/custom.ts';
import type { AssetPartitioning } from '../partition/definition.ts';
import type { AssetCondition } from '../schedule/definition.ts';

/** One update of one asset: by a task that succeeded, written with that success, or by somebody outside. */
export interface AssetUpdated {
  readonly type: 'AssetUpdated';
  readonly uri: string;
  readonly extra: Json;
  /** Through which aliases the task updated it. */
  readonly aliases?: readonly string[];
  /** Absent: of the asset as a whole. */
  readonly partitionKey?: string;
  /** Where the partition starts in time, if the run that updated it knew. */
  readonly partitionDateMs?: number;
  /** Absent: it came from outside. */
  readonly source?: AssetEventSource;
  /** Who recorded it from outside. */
  readonly by?: string;
  readonly atMs: number;
}

export interface AssetEventSource {
  readonly dagId: string;
  readonly runId: string;
  readonly taskId: string;
  readonly mapIndex: number;
}

/**
 * The stream `asset-queue-<dag id>` of a DAG that assets schedule. What waits for its next run is the fold of this stream and
 * of every `AssetUpdated`, in the order of the feed.
 */
export type AssetQueueEvent =
  /** What the DAG waits for from here on; null: for assets no more. */
  | { readonly type: 'AssetScheduleSet'; readonly schedule: AssetSchedule | null; readonly paused: boolean; readonly atMs: number }
  /** Written with the DAG's own pause: as in Airflow, what is updated meanwhile is nothing to it. */
  | { readonly type: 'AssetQueuePaused'; readonly atMs: number }
  | { readonly type: 'AssetQueueUnpaused'; readonly atMs: number }
  /** Written with the run's creation: it takes what waits (under its partition key) up to and with the update at `upTo`. */
  | { readonly type: 'AssetRunDecided'; readonly runId: string; readonly upTo: string; readonly updates: number; readonly partitionKey?: string; readonly partitionDateMs?: number; readonly atMs: number }
  /** What mappers of the author's say of one update, which waits for that. It counts for nothing where they threw (`problem`). */
  | ({ readonly type: 'AssetKeysMapped'; readonly atMs: number } & MappedUpdate)
  /** Somebody struck out what waits, of these assets or (absent) of all, updated before this instant or (absent) whenever. */
  | { readonly type: 'AssetQueueCleared'; readonly uris?: readonly string[]; readonly beforeMs?: number; readonly by: string; readonly atMs: number };

export interface AssetSchedule {
  readonly condition: AssetCondition;
  /** Absent: updates of partitions are nothing to it. Else they alone count, each for the runs of its keys. */
  readonly partition?: AssetPartitioning;
}
