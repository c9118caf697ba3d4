import { reject } from '../decider.ts';
import type { Rejected } from '../decider.ts';
import { refusesConf } from '../dag/conf.ts';
import type { DagDefinition } from '../dag/definition.ts';
import { paramProblems } from '../dag/params.ts';
import { problemText } from '../problem.ts';
import { isoInstant } from '../schedule/civil.ts';
import type { ScheduledRun, TimetableDefinition } from '../schedule/definition.ts';
import { nextRun } from '../schedule/timetable.ts';
import { MOST_RANGED_RUNS } from '../schedule/custom.ts';
import type { BackfillRequest, ForeseenRun } from './event.ts';

/** Over this a range was mistyped, or is better divided. */
const MAX_BACKFILL_DATES = 10_000;

/** Schedules without a rhythm have no dates that could be missing. */
const PERIODIC: { readonly [kind in TimetableDefinition['kind']]: boolean } = {
  none: false, once: false, continuous: false, assets: false, custom: true,
  events: true, cronTrigger: true, multipleCronTrigger: true, cronDataInterval: true, deltaTrigger: true, deltaDataInterval: true, assetsOrTime: true,
};

/**
 * The runs that a backfill covers, in the order in which they are made: what the timetable would have made between the two
 * dates, whatever the DAG's own start and end, as far as it is due by `nowMs`. At most `MAX_BACKFILL_DATES` + 1. A timetable of
 * the author's is code, which was asked before: `foreseen`, oldest first.
 */
export function backfillDates(
  { schedule }: Pick<DagDefinition, 'schedule'>,
  { fromMs, toMs, runBackwards }: Pick<BackfillRequest, 'fromMs' | 'toMs' | 'runBackwards'>,
  nowMs: number,
  foreseen: readonly ForeseenRun[] = [],
): readonly ScheduledRun[] {
  const runs: ScheduledRun[] = schedule.kind === 'custom' ? foreseen.map(([runAfterMs, startMs, endMs]) => ({ runAfterMs, interval: { startMs, endMs } })) : [];
  let lastInterval: ScheduledRun['interval'] | null = null;
  while (schedule.kind !== 'custom' && runs.length <= MAX_BACKFILL_DATES) {
    const run: ScheduledRun | null = nextRun(schedule, { lastInterval, startMs: fromMs, endMs: toMs, catchup: true, nowMs });
    if (run === null || run.runAfterMs > nowMs || run.interval.startMs > toMs) break;
    runs.push(run);
    lastInterval = run.interval;
  }
  return runBackwards ? runs.reverse() : runs;
}

/** What a timetable of the author's answered for the range; `problem`: why it has no answer. */
export interface ForeseenRuns {
  readonly runs: readonly ForeseenRun[];
  readonly problem?: string;
}

/** Why this cannot be backfilled; null when it can. Asked by a dry run and by the real one alike. */
export function refusesBackfill(definition: DagDefinition, request: BackfillRequest, nowMs: number, foreseen?: ForeseenRuns): Rejected | null {
  const { dagId, schedule } = definition;
  const { fromMs, toMs } = request;
  if (!isPeriodic(schedule)) {
    return reject('backfill_not_periodic', `The schedule of ${dagId} is of kind "${schedule.kind}", which names no dates; give the DAG a cron, a delta or a list of events, or trigger the runs one by one.`);
  }
  if (toMs < fromMs) return reject('invalid_backfill_date', `to_date ${isoInstant(toMs)} lies before from_date ${isoInstant(fromMs)}; swap the two.`);
  if (fromMs > nowMs) return reject('invalid_backfill_date', `from_date ${isoInstant(fromMs)} lies in the future; a backfill covers what is past, the schedule does the rest.`);
  if (!Number.isInteger(request.maxActiveRuns) || request.maxActiveRuns < 1) {
    return reject('invalid_max_active_runs', `max_active_runs is ${request.maxActiveRuns}; it must be a whole number from 1.`);
  }
  const dependent = definition.tasks.find((task) => task.dependsOnPast === true || task.waitForDownstream === true);
  if (dependent !== undefined && request.runBackwards) {
    return reject('invalid_backfill_direction', `The task ${dependent.taskId} of ${dagId} depends on its run before (dependsOnPast), so the oldest run must come first; leave run_backwards out.`);
  }
  if (dependent !== undefined && request.reprocessBehavior === 'none') {
    return reject('invalid_reprocess_behavior', `The task ${dependent.taskId} of ${dagId} depends on its run before (dependsOnPast), so a failed run would hold up all after it; set reprocess_behavior to failed or completed.`);
  }
  const refusal = refusesConf(request.conf, 'dag_run_conf');
  if (refusal !== undefined) return refusal;
  const [wrong] = paramProblems(definition.params, request.conf);
  if (wrong !== undefined) return reject('invalid_param', problemText(wrong));
  if (foreseen?.problem !== undefined) return reject('invalid_backfill_date', `The timetable of ${dagId} could not say its dates from ${isoInstant(fromMs)} to ${isoInstant(toMs)}: ${foreseen.problem}`);
  const most = schedule.kind === 'custom' ? MOST_RANGED_RUNS : MAX_BACKFILL_DATES;
  const dates = backfillDates(definition, request, nowMs, foreseen?.runs).length;
  if (dates > most) return reject('backfill_too_large', `From ${isoInstant(fromMs)} to ${isoInstant(toMs)} the schedule of ${dagId} names more than ${most} dates; divide the range.`);
  if (dates === 0) return reject('invalid_backfill_date', `The schedule of ${dagId} names no date from ${isoInstant(fromMs)} to ${isoInstant(toMs)} whose run is due; widen the range.`);
  return null;
}

const isPeriodic = (schedule: TimetableDefinition): boolean => PERIODIC[schedule.kind === 'assetsOrTime' ? schedule.timetable.kind : schedule.kind];
