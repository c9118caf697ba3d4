import { inferManualInterval, nextRun, parseInstant } from '@dagbook/domain';
import type { DataInterval, ScheduledRun, TimetableDefinition } from '@dagbook/domain';
import { oneByOne } from './form.ts';
import type { OracleForm } from './form.ts';

interface WireInterval {
  readonly start: string;
  readonly end: string;
}

interface WireRun extends WireInterval {
  readonly runAfter: string;
}

interface Row {
  readonly timetable: TimetableDefinition | { readonly kind: 'cronTriggerInterval'; readonly cron: string; readonly timezone: string; readonly intervalSeconds: number };
  readonly now: string;
  readonly startDate: string | null;
  readonly endDate: string | null;
  readonly catchup: boolean;
  readonly lastInterval: WireInterval | null;
  readonly next: readonly (WireRun | null)[];
  readonly manual: WireRun;
}

/** Schedules: the runs in a row that a timetable wants while the clock stands still, and the interval of a manual run. */
export const timetables: OracleForm<Row> = {
  ask: ({ next: _next, manual, ...asked }) => ({ ...asked, manual: { runAfter: manual.runAfter } }),
  expected: ({ next, manual }) => ({ next, manual }),
  answers: oneByOne((row) => {
    const timetable: TimetableDefinition = row.timetable.kind === 'cronTriggerInterval' ? { ...row.timetable, kind: 'cronTrigger' } : row.timetable;
    return { next: nextRuns(timetable, row), manual: manualRun(timetable, row.manual.runAfter) };
  }),
};

function nextRuns(timetable: TimetableDefinition, row: Row): (WireRun | null)[] {
  const answers: (WireRun | null)[] = [];
  let lastInterval = row.lastInterval === null ? null : { startMs: instant(row.lastInterval.start), endMs: instant(row.lastInterval.end) };
  while (answers.length < row.next.length) {
    const run: ScheduledRun | null = nextRun(timetable, {
      lastInterval,
      startMs: row.startDate === null ? null : instant(row.startDate),
      endMs: row.endDate === null ? null : instant(row.endDate),
      catchup: row.catchup,
      nowMs: instant(row.now),
    });
    answers.push(run === null ? null : { runAfter: text(run.runAfterMs), ...wire(run.interval) });
    if (run === null) break;
    lastInterval = run.interval;
  }
  return answers;
}

const manualRun = (timetable: TimetableDefinition, runAfter: string): WireRun => ({ runAfter, ...wire(inferManualInterval(timetable, instant(runAfter))) });

const wire = ({ startMs, endMs }: DataInterval): WireInterval => ({ start: text(startMs), end: text(endMs) });
const instant = (iso: string): number => parseInstant(iso) as number;
const text = (ms: number): string => new Date(ms).toISOString().replace('.000Z', 'Z');
