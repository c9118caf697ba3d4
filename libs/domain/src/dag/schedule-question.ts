import { parseInstant } from '../schedule/civil.ts';
import type { ScheduleQuestion } from '../schedule/timetable.ts';
import type { DagDefinition } from './definition.ts';
import type { DagFold } from './fold.ts';

/** What the timetable of a DAG is asked for its next run, be it one of ours or its author's. */
export const scheduleQuestion = (
  { startDate, endDate, catchup = false }: Pick<DagDefinition, 'startDate' | 'endDate' | 'catchup'>,
  { lastInterval }: Pick<DagFold, 'lastInterval'>,
  nowMs: number,
): ScheduleQuestion => ({ lastInterval, startMs: instantOrNull(startDate), endMs: instantOrNull(endDate), catchup, nowMs });

const instantOrNull = (iso: string | undefined): number | null => (iso === undefined ? null : (parseInstant(iso) ?? null));
