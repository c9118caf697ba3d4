import type { PartitionMapper, PartitionUnit, PartitionWindow } from '@dagbook/domain';
import { cronPartitionSchedule, partitionedSchedule, runtimePartitionSchedule } from './schedule.ts';
import type { Asset, AssetAlias, Schedule } from './types.ts';

/**
 * Data in partitions: runs that have a key, and DAGs that run for each key. Formats of keys are strftime's `%Y %m %d %H %M %S %V %z`,
 * and `{quarter}`.
 */
export const partitions = {
  /** A cron whose runs have a key: the time of the tick, or of one `offset` ticks away, in the zone. Default format `%Y-%m-%dT%H:%M:%S`. */
  cron: (expr: string, o: { timezone: string; keyFormat?: string; offset?: number }): Schedule => cronPartitionSchedule(expr, o),
  /** Runs for each key under which all, or any, of the assets were updated; `mapper` (default: the key as it is) says for which key an update counts. */
  of: (assets: Asset | AssetAlias | Schedule, o: { mapper?: PartitionMapper; mappers?: readonly (readonly [Asset, PartitionMapper])[] } = {}): Schedule => partitionedSchedule(assets, o),
  /**
   * A task says while it runs which partitions it made: `emit(asset, {}, { partitionKey })`. The DAG runs when it is started, with a
   * key or without, or by the schedule given here.
   */
  atRuntime: (schedule?: Schedule): Schedule => runtimePartitionSchedule(schedule),
  identity: (): PartitionMapper => ({ kind: 'identity' }),
  /** The start of the hour, day … in which the key lies: `2026-03-10T09:30:00` becomes `2026-03-10T09`, `2026-03-10`, `2026-03-09 (W11)`, `2026-03`, `2026-Q1`, `2026`. `timezone` (default UTC): on whose clock. */
  startOf: (unit: PartitionUnit, o: { timezone?: string; inputFormat?: string; outputFormat?: string } = {}): PartitionMapper => ({ kind: 'startOf', unit, ...o }),
  /** Every key counts for this one. */
  fixedKey: (key: string): PartitionMapper => ({ kind: 'fixedKey', key }),
  /** Other keys count for nothing. */
  allowedKeys: (keys: readonly string[]): PartitionMapper => ({ kind: 'allowedKeys', keys }),
  /** Of keys in parts (`us|2026-03-10T09:00:00`): a mapper for each. Default `delimiter`: `|`. */
  product: (mappers: readonly PartitionMapper[], o: { delimiter?: string } = {}): PartitionMapper => ({ kind: 'product', mappers, ...o }),
  /** One after the other, each on what the one before made. */
  chain: (...mappers: readonly PartitionMapper[]): PartitionMapper => ({ kind: 'chain', mappers }),
  /** One run for many keys: once all of the window have come, or `minimumCount` of them (-2: all but two). */
  rollup: (upstream: PartitionMapper, window: PartitionWindow, o: { minimumCount?: number } = {}): PartitionMapper => ({ kind: 'rollup', upstream, window, ...o }),
  /** Many runs for one key: one for each key of the window. `maxKeys` (default 1,000) bounds them. */
  fanOut: (upstream: PartitionMapper, window: PartitionWindow, o: { outputFormat?: string; maxKeys?: number } = {}): PartitionMapper => ({ kind: 'fanOut', upstream, window, ...o }),
  /** The minutes of an hour, hours of a day, days of a week or month, months of a quarter or year; `backward`: as many that end with its start. */
  window: (unit: PartitionUnit, o: { direction?: 'backward' } = {}): PartitionWindow => ({ kind: unit, ...o }),
  /** These keys and no other. */
  segments: (...segments: readonly string[]): PartitionWindow => ({ kind: 'segments', segments }),
};
