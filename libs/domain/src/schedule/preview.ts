import { DAY_MS, isoInstant } from './civil.ts';
import { isCronProblem, nextWall, parseCron } from './cron.ts';
import type { Cron } from './cron.ts';
import type { ScheduledRun, TimetableDefinition } from './definition.ts';
import { instantOf, timeZone } from './time-zone.ts';
import type { TimeZone } from './time-zone.ts';
import { nextRun } from './timetable.ts';
import type { ScheduleQuestion } from './timetable.ts';

export interface PreviewedRun extends ScheduledRun {
  /** What a change of offset does to this run, in a sentence. */
  readonly note?: string;
}

/** The next runs of a timetable, at most `count`, with a note where a change of offset touches one. */
export function previewRuns(timetable: TimetableDefinition, count: number, question: ScheduleQuestion): readonly PreviewedRun[] {
  const clock = clockOf(timetable);
  const runs: PreviewedRun[] = [];
  let { lastInterval } = question;
  while (runs.length < count) {
    const run = nextRun(timetable, { ...question, lastInterval });
    // A schedule that follows the present (`@continuous`) stands still as the preview's clock does.
    if (run === null || (runs.length > 0 && run.runAfterMs <= (runs.at(-1) as PreviewedRun).runAfterMs)) break;
    const note = clock === undefined ? undefined : noteOn(run.runAfterMs, runs.at(-1)?.runAfterMs, clock);
    runs.push({ ...run, ...(note === undefined ? {} : { note }) });
    lastInterval = run.interval;
  }
  return runs;
}

/** Runs that a timetable of its author's answered, with a note where the zone's offset has changed between two. */
export function previewForeseen(runs: readonly ScheduledRun[], timezone: string): readonly PreviewedRun[] {
  const zone = timeZone(timezone);
  if (zone === undefined) return runs;
  return runs.map((run, at) => {
    const note = changeOfOffset(run.runAfterMs, runs[at - 1]?.runAfterMs, zone);
    return { ...run, ...(note === undefined ? {} : { note }) };
  });
}

interface WallClock {
  readonly zone: TimeZone;
  /** Whether a cron of the timetable names this wall-clock time. */
  readonly names: (wallMs: number) => boolean;
  readonly everyHour: boolean;
}

function clockOf(timetable: TimetableDefinition): WallClock | undefined {
  if (timetable.kind === 'assetsOrTime') return clockOf(timetable.timetable);
  if (timetable.kind !== 'cronTrigger' && timetable.kind !== 'cronDataInterval' && timetable.kind !== 'multipleCronTrigger') return undefined;
  const zone = timeZone(timetable.timezone);
  if (zone === undefined) return undefined;
  const crons: Cron[] = [];
  for (const expression of 'crons' in timetable ? timetable.crons : [timetable.cron]) {
    const cron = parseCron(expression);
    if (!isCronProblem(cron)) crons.push(cron);
  }
  return { zone, names: (wallMs) => crons.some((cron) => nextWall(cron, wallMs - 1) === wallMs), everyHour: crons.some((cron) => cron.everyHour) };
}

function noteOn(runAfterMs: number, previousMs: number | undefined, { zone, names, everyHour }: WallClock): string | undefined {
  const offset = zone.offsetAt(runAfterMs);
  const wall = runAfterMs + offset;
  const date = isoInstant(wall).slice(0, 10);
  if (!everyHour && !names(wall)) {
    const skipped = wall - (offset - zone.offsetAt(runAfterMs - DAY_MS));
    return `${timeOf(skipped)} does not exist on ${date} in ${zone.name}: it runs at ${timeOf(wall)}.`;
  }
  if (!everyHour && instantOf(zone, wall).kind === 'repeated') return `${timeOf(wall)} comes twice on ${date} in ${zone.name}: it runs the second time.`;
  return changeOfOffset(runAfterMs, previousMs, zone);
}

function changeOfOffset(runAfterMs: number, previousMs: number | undefined, zone: TimeZone): string | undefined {
  const offset = zone.offsetAt(runAfterMs);
  const before = previousMs === undefined ? offset : zone.offsetAt(previousMs);
  if (before === offset) return undefined;
  return `The clock of ${zone.name} has gone ${offset > before ? 'forward' : 'back'} by ${Math.abs(offset - before) / 60_000} minutes since the run before.`;
}

const timeOf = (wallMs: number): string => isoInstant(wallMs).slice(11, 16);
