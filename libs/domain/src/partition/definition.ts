export type PartitionUnit = 'hour' | 'day' | 'week' | 'month' | 'quarter' | 'year';

/**
 * From the partition key of an update to the keys of the runs that it counts for. Keys of time are texts on a wall clock, read
 * and written by a format: `%Y %m %d %H %M %S %V %z` as in strftime, and `{quarter}`.
 */
export type PartitionMapper =
  | { readonly kind: 'identity' }
  /** The start of the hour, day … in which the key lies. */
  | StartOfMapper
  | { readonly kind: 'fixedKey'; readonly key: string }
  /** Other keys count for nothing. */
  | { readonly kind: 'allowedKeys'; readonly keys: readonly string[] }
  /** Of keys in parts, `us|2026-03-10`: a mapper for each part. Default `delimiter`: `|`. */
  | { readonly kind: 'product'; readonly mappers: readonly PartitionMapper[]; readonly delimiter?: string }
  /** One after the other, each on what the one before made. */
  | { readonly kind: 'chain'; readonly mappers: readonly PartitionMapper[] }
  /** Many keys make one run, once all of the window's have come, or at least `minimumCount` (negative: all but so many). */
  | { readonly kind: 'rollup'; readonly upstream: PartitionMapper; readonly window: PartitionWindow; readonly minimumCount?: number }
  /** Code of the author's, by its name: it runs in parse children, and its answers are events. `isRollup`: it also says which keys a run waits for. */
  | { readonly kind: 'custom'; readonly name: string; readonly isRollup?: boolean; readonly minimumCount?: number }
  /** One key makes many runs, one for each of the window. At most `maxKeys`, default 1,000. */
  | { readonly kind: 'fanOut'; readonly upstream: PartitionMapper; readonly window: PartitionWindow; readonly outputFormat?: string; readonly maxKeys?: number };

/** Default `inputFormat`: `%Y-%m-%dT%H:%M:%S`; `timezone`: UTC, on whose clock keys are read, but for those that say an offset (`%z`). */
export interface StartOfMapper {
  readonly kind: 'startOf';
  readonly unit: PartitionUnit;
  readonly timezone?: string;
  readonly inputFormat?: string;
  readonly outputFormat?: string;
}

/**
 * The minutes of an hour, hours of a day, days of a week or month, months of a quarter or year, from its start on; `backward`: as
 * many that end with its start. Or a fixed set of keys.
 */
export type PartitionWindow =
  | { readonly kind: PartitionUnit; readonly direction?: 'backward' }
  | { readonly kind: 'segments'; readonly segments: readonly string[] };

/** How a DAG that assets schedule sorts their updates into runs by partition. */
export interface AssetPartitioning {
  /** Default: the key as it is. */
  readonly mapper?: PartitionMapper;
  /** By URI, where an asset has one of its own. */
  readonly mappers?: { readonly [uri: string]: PartitionMapper };
}

/** The partition key of each run of a cron. */
export interface CronPartition {
  /** Default `%Y-%m-%dT%H:%M:%S`, on the wall clock of the cron's time zone. */
  readonly keyFormat?: string;
  /** So many ticks after (negative: before) the run's own. */
  readonly offset?: number;
}
