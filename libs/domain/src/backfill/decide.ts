import { reject } from '../decider.ts';
import type { Decision } from '../decider.ts';
import type { DagDefinition } from '../dag/definition.ts';
import { runIdOf } from '../dag/run-id.ts';
import type { RunState } from '../run/state-names.ts';
import type { ScheduledRun } from '../schedule/definition.ts';
import type { BackfillEvent, BackfillRequest, ReprocessBehavior } from './event.ts';
import type { BackfillFold } from './fold.ts';
import { backfillDates, refusesBackfill } from './range.ts';
import type { ForeseenRuns } from './range.ts';

/** What may be asked of a DAG's newest backfill; the DAG's owner asks, so that no two are active at once. */
export type BackfillCommand =
  | {
      readonly type: 'CreateBackfill';
      readonly dagId: string;
      readonly backfillId: string;
      readonly request: BackfillRequest;
      readonly definition: DagDefinition;
      readonly planHash: string;
      /** Of a timetable of the author's. */
      readonly foreseen?: ForeseenRuns;
      readonly by: string;
      readonly nowMs: number;
    }
  | { readonly type: 'SetBackfillPaused'; readonly paused: boolean; readonly by: string; readonly nowMs: number }
  | { readonly type: 'CancelBackfill'; readonly by: string; readonly nowMs: number }
  /** What `stepsOf` said of these dates has been done; the last ones complete it when no run of it is left. */
  | { readonly type: 'RecordBackfillSteps'; readonly steps: readonly BackfillStep[]; readonly activeRuns: number; readonly nowMs: number };

export function decideBackfill(command: BackfillCommand, newest: BackfillFold | undefined): Decision<BackfillEvent> {
  const { nowMs } = command;
  if (command.type === 'CreateBackfill') {
    const { dagId, backfillId, request, definition, planHash, foreseen, by } = command;
    if (newest?.state === 'running') {
      return reject('backfill_running', `The DAG ${dagId} has an active backfill, number ${newest.created.backfillId}; wait for its end or cancel it.`);
    }
    const refusal = refusesBackfill(definition, request, nowMs, foreseen);
    if (refusal !== null) return refusal;
    return [{ ...request, type: 'BackfillCreated', dagId, backfillId, planHash, dates: backfillDates(definition, request, nowMs, foreseen?.runs).length, ...(foreseen === undefined ? {} : { runs: foreseen.runs }), by, atMs: nowMs }];
  }
  if (newest === undefined) return reject('backfill_not_found', 'There is no such backfill; list those of the DAG.');
  if (command.type === 'RecordBackfillSteps') return newest.state === 'running' ? recordSteps(command, newest) : [];
  if (newest.state !== 'running') {
    return reject('backfill_ended', `Backfill ${newest.created.backfillId} of the DAG ${newest.created.dagId} is ${newest.state}; create another one.`);
  }
  const { by } = command;
  if (command.type === 'CancelBackfill') return [{ type: 'BackfillCancelled', by, atMs: nowMs }];
  if (command.paused === newest.paused) return [];
  return [{ type: command.paused ? 'BackfillPaused' : 'BackfillUnpaused', by, atMs: nowMs }];
}

function recordSteps({ steps, activeRuns, nowMs }: Extract<BackfillCommand, { type: 'RecordBackfillSteps' }>, { created, handled }: BackfillFold): BackfillEvent[] {
  const events = steps.map(({ logicalDateMs, runId, action }): BackfillEvent => ({
    type: 'BackfillDateHandled', logicalDateMs, runId, action: action === 'create' ? 'created' : action === 'reprocess' ? 'reprocessed' : 'skipped', atMs: nowMs,
  }));
  if (handled + steps.length === created.dates && activeRuns === 0) events.push({ type: 'BackfillCompleted', atMs: nowMs });
  return events;
}

/** The run that has a logical date already. */
export interface ExistingRun {
  readonly runId: string;
  readonly state: RunState;
  /** Of the backfill that made it or did it again last. */
  readonly backfillId: string | null;
}

export interface BackfillStep {
  readonly action: 'create' | 'reprocess' | 'skip';
  readonly logicalDateMs: number;
  readonly runId: string;
  /** Done before, by an owner that did not come to record it: only the recording is left. */
  readonly done?: true;
}

/** The dates that come next: no more than may bear a run now, or, where many are skipped, than one look should read. */
export function nextDates(backfill: BackfillFold, dates: readonly ScheduledRun[], activeRuns: number): readonly ScheduledRun[] {
  if (backfill.state !== 'running' || backfill.paused || activeRuns >= backfill.created.maxActiveRuns) return [];
  return dates.slice(backfill.handled, backfill.handled + MAX_DATES_AT_ONCE);
}

const MAX_DATES_AT_ONCE = 50;

/** What becomes of these dates, until there is no room for another run. */
export function stepsOf(backfill: BackfillFold, dates: readonly ScheduledRun[], activeRuns: number, existingOf: (logicalDateMs: number) => ExistingRun | undefined): readonly BackfillStep[] {
  const { backfillId, reprocessBehavior, maxActiveRuns } = backfill.created;
  const steps: BackfillStep[] = [];
  let active = activeRuns;
  for (const date of dates) {
    const logicalDateMs = date.interval.startMs;
    const existing = existingOf(logicalDateMs);
    const step: BackfillStep = existing?.backfillId === backfillId
      ? { action: existing.runId === backfillRunId(date) ? 'create' : 'reprocess', logicalDateMs, runId: existing.runId, done: true }
      : { action: backfillAction(reprocessBehavior, existing?.state), logicalDateMs, runId: existing?.runId ?? backfillRunId(date) };
    if (step.action !== 'skip' && step.done !== true) {
      if (active >= maxActiveRuns) break;
      active += 1;
    }
    steps.push(step);
  }
  return steps;
}

const backfillRunId = ({ runAfterMs }: ScheduledRun): string => runIdOf('backfill', runAfterMs);

/** Of a date whose run is in this state; undefined: it has none. A run under way is never touched. */
export function backfillAction(behavior: ReprocessBehavior, state: RunState | undefined): BackfillStep['action'] {
  if (state === undefined) return 'create';
  const again = behavior === 'completed' ? state === 'success' || state === 'failed' : behavior === 'failed' && state === 'failed';
  return again ? 'reprocess' : 'skip';
}
