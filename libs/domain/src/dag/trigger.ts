import type { Json } from '../json.ts';
import { isRejected, reject } from '../decider.ts';
import type { Rejected } from '../decider.ts';
import type { DataInterval } from '../schedule/definition.ts';
import { inferManualInterval } from '../schedule/timetable.ts';
import { problemText } from '../problem.ts';
import { refusesConf } from './conf.ts';
import { decideRunPartition } from '../partition/run-partition.ts';
import type { DagDefinition } from './definition.ts';
import { paramProblems } from './params.ts';
import type { PatternMatch } from './params.ts';
import { runIdOf } from './run-id.ts';

/** What is asked of a manual run; a `TriggerRun` command has these members. */
export interface TriggerRequest {
  readonly definition: DagDefinition;
  readonly runId?: string;
  /** Default `manual`. */
  readonly runType?: 'asset_materialization';
  /** null: a run without a logical date. */
  readonly logicalDateMs: number | null;
  readonly runAfterMs?: number;
  readonly dataInterval?: DataInterval;
  readonly partitionKey?: string;
  readonly conf: Json;
  /** Absent: patterns of params are left to the worker. */
  readonly matchesPattern?: PatternMatch;
  readonly nowMs: number;
}

export interface TriggeredRun {
  readonly runId: string;
  readonly logicalDateMs: number | null;
  readonly dataInterval: DataInterval | null;
  readonly runAfterMs: number;
  /** The DAG's defaults with `conf` laid over them. */
  readonly params: { readonly [name: string]: Json };
  readonly partitionKey?: string;
  readonly partitionDateMs?: number;
}

const RUN_ID_PATTERN = /^[A-Za-z0-9_.~:+-]{1,250}$/;
const SCHEDULES_OWN = /^(scheduled|backfill|asset_triggered)__/;

/** The run that a person's request makes. Whether its logical date is taken already is the caller's to find out. */
export function decideTrigger(request: TriggerRequest): TriggeredRun | Rejected {
  const { definition, logicalDateMs, conf, nowMs } = request;
  const refusal = refusesConf(conf, 'conf');
  if (refusal !== undefined) return refusal;
  const values = conf as { readonly [name: string]: Json };
  const [wrong] = paramProblems(definition.params, values, request.matchesPattern);
  if (wrong !== undefined) return reject('invalid_param', problemText(wrong));

  const partition = decideRunPartition(definition, request.partitionKey);
  if (isRejected(partition)) return partition;

  const interval = intervalOf(request);
  if (interval !== null && interval.endMs < interval.startMs) {
    return reject('invalid_data_interval', 'data_interval_end lies before data_interval_start; swap them or leave both out.');
  }
  const runAfterMs = request.runAfterMs ?? (interval === null || interval === request.dataInterval ? nowMs : interval.endMs);
  const runId = request.runId ?? runIdOf(request.runType ?? 'manual', logicalDateMs ?? runAfterMs);
  if (!RUN_ID_PATTERN.test(runId)) {
    return reject('invalid_run_id', `dag_run_id is "${runId.slice(0, 300)}"; it must be 1 to 250 letters, digits or any of _ . ~ : + -`);
  }
  if (SCHEDULES_OWN.test(runId)) {
    return reject('invalid_run_id', `dag_run_id is "${runId}"; ids of this form are kept for runs that Dagbook makes by itself. Choose another, or leave it out.`);
  }
  return {
    runId,
    logicalDateMs,
    dataInterval: interval,
    runAfterMs,
    params: { ...definition.params?.defaults, ...values },
    ...partition,
  };
}

function intervalOf({ definition, logicalDateMs, dataInterval }: TriggerRequest): DataInterval | null {
  if (dataInterval !== undefined) return dataInterval;
  return logicalDateMs === null ? null : inferManualInterval(definition.schedule, logicalDateMs);
}
