import { addMonths, parseInstant } from './civil.ts';
import { isCronProblem, parseCron } from './cron.ts';
import type { DataInterval, ScheduledRun, TimetableDefinition } from './definition.ts';
import { invariant, unreachable } from '../decider.ts';
import { nextTick, previousTick } from './tick.ts';
import { timeZone } from './time-zone.ts';

/** What bounds a schedule, besides the timetable itself. */
export interface ScheduleQuestion {
  /** Of the last run that the schedule made; null before the first. */
  readonly lastInterval: DataInterval | null;
  readonly startMs: number | null;
  readonly endMs: number | null;
  readonly catchup: boolean;
  readonly nowMs: number;
}

/**
 * The run that a timetable wants after the last one, possibly in the future; null when it wants none. Airflow 3.3's
 * answers. The timetable must have no `timetableProblems`; a `custom` one is answered by its own code (`askTimetable`), here null.
 */
export function nextRun(timetable: TimetableDefinition, question: ScheduleQuestion): ScheduledRun | null {
  switch (timetable.kind) {
    case 'none':
    case 'assets':
    case 'custom':
      return null;
    case 'once':
      return question.lastInterval === null ? within(question, pointRun(question.startMs ?? question.nowMs)) : null;
    case 'continuous':
      return nextContinuous(question);
    case 'events':
      return nextEvent(timetable.instants, question);
    case 'cronTrigger':
    case 'deltaTrigger':
      return nextTriggered(seriesOf(timetable), timetable.intervalSeconds ?? 0, question);
    case 'multipleCronTrigger':
      return nextOfSeveral(
        timetable.crons.map((cron) => nextTriggered(cronSeries(cron, timetable.timezone), timetable.intervalSeconds ?? 0, question)),
        question,
      );
    case 'cronDataInterval':
    case 'deltaDataInterval':
      return nextInterval(seriesOf(timetable), question);
    case 'assetsOrTime':
      return nextRun(timetable.timetable, question);
    default:
      return unreachable(timetable);
  }
}

/** The data interval of a run that a person starts at `runAfterMs`. */
export function inferManualInterval(timetable: TimetableDefinition, runAfterMs: number): DataInterval {
  switch (timetable.kind) {
    case 'none':
    case 'assets':
    case 'custom':
    case 'once':
    case 'continuous':
      return point(runAfterMs);
    case 'events':
      return timetable.restrictToEvents === true ? point(latestEvent(timetable.instants, runAfterMs) ?? runAfterMs) : point(runAfterMs);
    case 'cronTrigger':
    case 'deltaTrigger':
    case 'multipleCronTrigger':
      return { startMs: runAfterMs - (timetable.intervalSeconds ?? 0) * 1000, endMs: runAfterMs };
    case 'cronDataInterval':
    case 'deltaDataInterval': {
      const series = seriesOf(timetable);
      const endMs = series.alignToPrevious(runAfterMs);
      return { startMs: series.previous(endMs), endMs };
    }
    case 'assetsOrTime':
      return inferManualInterval(timetable.timetable, runAfterMs);
    default:
      return unreachable(timetable);
  }
}

/** The points of a schedule: those of a cron lie fixed, those of a delta lie wherever it is counted from. */
interface Series {
  next(afterMs: number): number;
  previous(beforeMs: number): number;
  /** The instant itself when it is a point, else the next or previous one. */
  alignToNext(atMs: number): number;
  alignToPrevious(atMs: number): number;
  /** Start of the newest interval that may run at `nowMs`, when nothing is caught up; `startMs` is the schedule's. */
  latestStart(nowMs: number, startMs: number | null): number;
}

type Periodic = Extract<TimetableDefinition, { kind: 'cronTrigger' | 'cronDataInterval' | 'deltaTrigger' | 'deltaDataInterval' }>;

const seriesOf = (timetable: Periodic): Series =>
  'cron' in timetable ? cronSeries(timetable.cron, timetable.timezone) : deltaSeries(timetable.seconds ?? 0, timetable.months ?? 0);

function cronSeries(expression: string, timezone: string): Series {
  const cron = parseCron(expression);
  const zone = timeZone(timezone);
  invariant(!isCronProblem(cron) && zone !== undefined, `cron "${expression}" in zone "${timezone}" was refused and yet asked`);
  // Fifty years without a tick would have been refused with the expression.
  const next = (afterMs: number): number => nextTick(cron, zone, afterMs) as number;
  const previous = (beforeMs: number): number => previousTick(cron, zone, beforeMs) as number;
  const series: Series = {
    next,
    previous,
    alignToNext(atMs) {
      const tick = next(atMs);
      return previous(tick) === atMs ? atMs : tick;
    },
    alignToPrevious(atMs) {
      const tick = previous(atMs);
      return next(tick) === atMs ? atMs : tick;
    },
    latestStart(nowMs) {
      const last = previous(nowMs);
      return next(last) === nowMs ? last : previous(last);
    },
  };
  return series;
}

function deltaSeries(seconds: number, months: number): Series {
  const next = (ms: number): number => addMonths(ms, months) + seconds * 1000;
  const previous = (ms: number): number => addMonths(ms, -months) - seconds * 1000;
  const roundedTo = (months * 30 * 86_400 + seconds) * 1000;
  return {
    next,
    previous,
    alignToNext: (atMs) => atMs,
    alignToPrevious: (atMs) => atMs,
    latestStart(nowMs, startMs) {
      if (months === 0 || startMs === null) return previous(nowMs - (((nowMs % roundedTo) + roundedTo) % roundedTo));
      // Counted month by month from the start: a day once clamped by a short month stays clamped.
      let latest = startMs;
      for (let end = next(latest); next(end) <= nowMs; end = next(end)) latest = end;
      return latest;
    },
  };
}

function nextTriggered(series: Series, intervalSeconds: number, question: ScheduleQuestion): ScheduledRun | null {
  const { lastInterval, startMs, catchup, nowMs } = question;
  const candidates: number[] = [];
  if (!catchup) candidates.push(series.alignToPrevious(nowMs));
  if (lastInterval !== null) candidates.push(series.next(lastInterval.endMs));
  else if (startMs === null) candidates.push(firstTick(series, nowMs));
  if (startMs !== null && (!catchup || lastInterval === null)) candidates.push(series.alignToNext(startMs));
  const runAfterMs = Math.max(...candidates);
  return within(question, { runAfterMs, interval: { startMs: runAfterMs - intervalSeconds * 1000, endMs: runAfterMs } });
}

/** Without a start date the first run is the tick just missed, if it was missed by little, else the next. */
function firstTick(series: Series, nowMs: number): number {
  const past = series.alignToPrevious(nowMs);
  const next = series.alignToNext(nowMs);
  return nowMs - past <= Math.max((next - past) / 10, 5 * 60_000) ? past : next;
}

/** Of several crons: the soonest, but when past runs are not caught up the newest that is due goes before. */
function nextOfSeveral(runs: readonly (ScheduledRun | null)[], { catchup, nowMs }: ScheduleQuestion): ScheduledRun | null {
  const rank = (run: ScheduledRun): number => (!catchup && run.interval.startMs <= nowMs ? -run.interval.startMs : run.interval.startMs);
  return runs.reduce((best, run) => (run !== null && (best === null || rank(run) < rank(best)) ? run : best), null);
}

function nextInterval(series: Series, question: ScheduleQuestion): ScheduledRun | null {
  const { lastInterval, startMs, endMs, catchup, nowMs } = question;
  let earliest = startMs === null ? null : series.alignToNext(startMs);
  if (!catchup) earliest = Math.max(series.latestStart(nowMs, startMs), earliest ?? -Infinity);
  if (lastInterval === null && earliest === null) return null;
  let intervalStart = Math.max(lastInterval === null ? -Infinity : series.alignToPrevious(lastInterval.endMs), earliest ?? -Infinity);
  // A last run off the schedule's points, made by hand or by an earlier schedule, may have the logical date that lies here, or a later one.
  if (lastInterval !== null && intervalStart <= lastInterval.startMs) intervalStart = series.next(intervalStart);
  if (endMs !== null && intervalStart > endMs) return null;
  const intervalEnd = series.next(intervalStart);
  return { runAfterMs: intervalEnd, interval: { startMs: intervalStart, endMs: intervalEnd } };
}

function nextContinuous({ lastInterval, startMs, endMs, nowMs }: ScheduleQuestion): ScheduledRun | null {
  if (startMs === null) return null;
  const intervalStart = lastInterval === null ? startMs : lastInterval.endMs;
  const intervalEnd = lastInterval === null ? Math.max(startMs, nowMs) : Math.max(intervalStart, nowMs);
  if (endMs !== null && intervalEnd > endMs) return null;
  return { runAfterMs: intervalEnd, interval: { startMs: intervalStart, endMs: intervalEnd } };
}

function nextEvent(instants: readonly string[], { lastInterval, startMs, endMs, catchup, nowMs }: ScheduleQuestion): ScheduledRun | null {
  const earliest = catchup ? (startMs ?? -Infinity) : Math.max(startMs ?? -Infinity, nowMs);
  for (const event of sortedInstants(instants)) {
    if (event < earliest || (lastInterval !== null && event <= lastInterval.endMs)) continue;
    return endMs === null || event <= endMs ? pointRun(event) : null;
  }
  return null;
}

/** The last event that is not after the instant, else the first there is. */
function latestEvent(instants: readonly string[], atMs: number): number | undefined {
  const events = sortedInstants(instants);
  return events.findLast((event) => event <= atMs) ?? events[0];
}

const sortedInstants = (instants: readonly string[]): number[] =>
  instants.map((instant) => parseInstant(instant) as number).sort((a, b) => a - b);

const point = (ms: number): DataInterval => ({ startMs: ms, endMs: ms });
const pointRun = (ms: number): ScheduledRun => ({ runAfterMs: ms, interval: point(ms) });

const within = ({ endMs }: ScheduleQuestion, run: ScheduledRun): ScheduledRun | null => (endMs !== null && run.runAfterMs > endMs ? null : run);
