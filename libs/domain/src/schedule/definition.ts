import type { AssetPartitioning, CronPartition } from '../partition/definition.ts';

/** When a DAG runs by itself, as plain JSON. Seconds and months follow Airflow's deltas; crons follow the wall clock of `timezone`. */
export type TimetableDefinition =
  | { readonly kind: 'none' }
  | { readonly kind: 'once' }
  | { readonly kind: 'continuous' }
  | { readonly kind: 'cronTrigger'; readonly cron: string; readonly timezone: string; readonly intervalSeconds?: number; readonly partition?: CronPartition }
  | { readonly kind: 'multipleCronTrigger'; readonly crons: readonly string[]; readonly timezone: string; readonly intervalSeconds?: number }
  | { readonly kind: 'cronDataInterval'; readonly cron: string; readonly timezone: string }
  | { readonly kind: 'deltaTrigger'; readonly seconds?: number; readonly months?: number; readonly timezone?: string; readonly intervalSeconds?: number }
  | { readonly kind: 'deltaDataInterval'; readonly seconds?: number; readonly months?: number; readonly timezone?: string }
  | { readonly kind: 'events'; readonly instants: readonly string[]; readonly restrictToEvents?: boolean; readonly description?: string }
  | { readonly kind: 'assets'; readonly condition: AssetCondition; readonly partition?: AssetPartitioning }
  | { readonly kind: 'assetsOrTime'; readonly condition: AssetCondition; readonly timetable: TimetableDefinition }
  /** A timetable written beside the DAG: its code runs in parse children, its answers arrive in commands. */
  | { readonly kind: 'custom'; readonly name: string; readonly description?: string };

export type AssetCondition =
  | { readonly kind: 'asset'; readonly uri: string }
  | { readonly kind: 'alias'; readonly name: string }
  | { readonly kind: 'all'; readonly of: readonly AssetCondition[] }
  | { readonly kind: 'any'; readonly of: readonly AssetCondition[] };

/** Half-open [start, end), epoch milliseconds UTC. */
export interface DataInterval {
  readonly startMs: number;
  readonly endMs: number;
}

/** One answer of a timetable: a run may begin at `runAfterMs`, for this interval. */
export interface ScheduledRun {
  readonly runAfterMs: number;
  readonly interval: DataInterval;
}
