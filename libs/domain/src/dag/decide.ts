import { reject, unreachable } from '../decider.ts';
import type { Decision } from '../decider.ts';
import type { ScheduledRun, TimetableDefinition } from '../schedule/definition.ts';
import { nextRun } from '../schedule/timetable.ts';
import { DEFAULT_MAX_ACTIVE_RUNS } from './active-run.ts';
import type { DagDefinition } from './definition.ts';
import type { DagEvent } from './event.ts';
import type { DagFold } from './fold.ts';
import { decideForesight, type ForesightCommand } from './foresight.ts';
import { runIdOf } from './run-id.ts';
import { scheduleQuestion } from './schedule-question.ts';
import { decideRuns, type RunRecordCommand } from './run-record.ts';

/** What may be asked of a DAG. Its definition comes along where it is needed: the stream holds only its hash. */
export type DagCommand =
  | {
      readonly type: 'RegisterVersion';
      readonly dagId: string;
      readonly planHash: string;
      readonly bundleHash: string;
      readonly file: string;
      /** Of a DAG seen for the first time. */
      readonly pausedUponCreation: boolean;
      readonly nowMs: number;
    }
  | { readonly type: 'SetPaused'; readonly paused: boolean; readonly by: string; readonly nowMs: number }
  | { readonly type: 'Retire'; readonly nowMs: number }
  | ({ readonly type: 'ScheduleDue' } & ScheduleContext)
  | ForesightCommand
  | RunRecordCommand;

export interface ScheduleContext {
  readonly definition: DagDefinition;
  /** Runs of the DAG that have not ended, queued ones too. */
  readonly activeRuns: number;
  readonly nowMs: number;
}

/** A command makes at most this many runs, so that a long catch-up is appended in bearable pieces. */
const MAX_RUNS_AT_ONCE = 100;

export function decideDag(command: DagCommand, dag: DagFold): Decision<DagEvent> {
  switch (command.type) {
    case 'RegisterVersion':
      return registerVersion(command, dag);
    case 'SetPaused':
      if (dag.version === 0) return reject('dag_not_found', 'No version of this DAG has been registered; put a file that defines it into the DAG folder.');
      if (dag.paused === command.paused) return [];
      return [{ type: command.paused ? 'DagPaused' : 'DagUnpaused', by: command.by, atMs: command.nowMs }];
    case 'Retire':
      return dag.version === 0 || dag.retired ? [] : [{ type: 'DagRetired', atMs: command.nowMs }];
    case 'ScheduleDue':
      return scheduleDue(command, dag);
    case 'RecordForesight':
      return decideForesight(command, dag);
    case 'BeginRuns':
    case 'RecordRunEnd':
      return decideRuns(command, dag);
    default:
      return unreachable(command);
  }
}

/** A file that defines the DAG again revives it; equal content adds no version. */
function registerVersion(command: Extract<DagCommand, { type: 'RegisterVersion' }>, dag: DagFold): DagEvent[] {
  const { dagId, planHash, bundleHash, file, nowMs } = command;
  const events: DagEvent[] = [];
  if (dag.retired) events.push({ type: 'DagRevived', atMs: nowMs });
  if (dag.planHash !== planHash || dag.bundleHash !== bundleHash || dag.file !== file) {
    events.push({ type: 'DagVersionRegistered', dagId, version: dag.version + 1, planHash, bundleHash, file, atMs: nowMs });
  }
  if (dag.version === 0 && command.pausedUponCreation) events.push({ type: 'DagPaused', by: 'pausedUponCreation', atMs: nowMs });
  return events;
}

/** Every run that is due and may be made: oldest first, and no more than `maxActiveRuns` leaves room for. */
function scheduleDue(context: ScheduleContext, dag: DagFold): DagEvent[] {
  const { definition, nowMs } = context;
  const room = Math.min(MAX_RUNS_AT_ONCE, roomForRuns(context));
  const events: DagEvent[] = [];
  let { lastInterval, watchedSinceMs } = dag;
  while (events.length < room) {
    const run = runAfter({ ...dag, lastInterval, watchedSinceMs }, context);
    if (run === null || run.runAfterMs > nowMs) break;
    events.push({ type: 'RunScheduled', runId: runIdOf('scheduled', run.runAfterMs), runAfterMs: run.runAfterMs, interval: run.interval, atMs: nowMs });
    lastInterval = run.interval;
    watchedSinceMs = nowMs;
    // The author's code is asked anew for each run, elsewhere.
    if (definition.schedule.kind === 'custom') break;
  }
  return events;
}

/**
 * When `ScheduleDue` has something to decide next, possibly a time that has passed; null while nothing is to be expected
 * before the DAG itself changes or one of its runs ends.
 */
export function nextDueAtMs(dag: DagFold, context: ScheduleContext): number | null {
  if (roomForRuns(context) <= 0) return null;
  return runAfter(dag, context)?.runAfterMs ?? null;
}

const roomForRuns = ({ definition, activeRuns }: ScheduleContext): number => (definition.maxActiveRuns ?? DEFAULT_MAX_ACTIVE_RUNS) - activeRuns;

function runAfter(dag: DagFold, { definition, nowMs }: ScheduleContext): ScheduledRun | null {
  if (dag.version === 0 || dag.paused || dag.retired) return null;
  if (definition.schedule.kind === 'custom') return dag.foreseen?.runs[0] ?? null;
  // A listed instant is over as soon as it has come: the one that is waited for is that of when the waiting began.
  const askedAtMs = isEvents(definition.schedule) ? Math.min(nowMs, dag.watchedSinceMs) : nowMs;
  return nextRun(definition.schedule, scheduleQuestion(definition, dag, askedAtMs));
}

const isEvents = (schedule: TimetableDefinition): boolean => schedule.kind === 'events' || (schedule.kind === 'assetsOrTime' && isEvents(schedule.timetable));
