import { describeSchedule, type DagEvent, type FileEvent, type RunState } from '@dagbook/domain';
import type { PlanView } from './plan-view.ts';
import type { DagRow, DagVersionRow, ImportErrorRow } from './row.ts';

type Registered = Extract<DagEvent, { type: 'DagVersionRegistered' }>;

export function dagRegistered(before: DagRow | undefined, event: Registered, plan: PlanView): { readonly dag: DagRow; readonly version: DagVersionRow } {
  const { definition } = plan;
  const kept = before ?? {
    version: 0, isPaused: definition.pausedUponCreation === true, isStale: false,
    lastScheduledStartMs: null, lastScheduledEndMs: null, lastScheduledRunAfterMs: null,
    queuedRuns: 0, runningRuns: 0, successRuns: 0, failedRuns: 0,
  };
  return {
    dag: {
      ...kept,
      dagId: event.dagId,
      isStale: false,
      displayName: definition.displayName ?? event.dagId,
      file: event.file,
      owner: definition.owner ?? null,
      tags: definition.tags ?? [],
      schedule: describeSchedule(definition.schedule),
      scheduleKind: definition.schedule.kind,
      dagVersion: event.version,
      planHash: event.planHash,
      bundleHash: event.bundleHash,
      maxActiveRuns: definition.maxActiveRuns ?? 16,
      maxActiveTasks: definition.maxActiveTasks ?? 16,
      parsedAtMs: event.atMs,
      updatedAtMs: event.atMs,
    },
    version: {
      dagId: event.dagId, dagVersion: event.version, planHash: event.planHash, bundleHash: event.bundleHash, file: event.file, createdAtMs: event.atMs,
    },
  };
}

export function foldDag(dag: DagRow, event: Exclude<DagEvent, Registered>): void {
  dag.updatedAtMs = event.atMs;
  switch (event.type) {
    case 'DagPaused':
      dag.isPaused = true;
      return;
    case 'DagUnpaused':
      dag.isPaused = false;
      return;
    case 'DagRetired':
      dag.isStale = true;
      return;
    case 'DagRevived':
      dag.isStale = false;
      return;
    case 'RunsForeseen':
    case 'RunBegun':
    case 'RunEnded':
      return;
    case 'RunScheduled':
      dag.lastScheduledStartMs = event.interval.startMs;
      dag.lastScheduledEndMs = event.interval.endMs;
      dag.lastScheduledRunAfterMs = event.runAfterMs;
      return;
  }
}

const COUNTER = { queued: 'queuedRuns', running: 'runningRuns', success: 'successRuns', failed: 'failedRuns' } as const satisfies Record<RunState, keyof DagRow>;

/** Moves the DAG's kept counters when one of its runs changes state; `null` before the run exists and after it was erased. */
export function countRun(dag: DagRow, from: RunState | null, to: RunState | null): void {
  if (from !== null) dag[COUNTER[from]] -= 1;
  if (to !== null) dag[COUNTER[to]] += 1;
}

export function foldFile(before: ImportErrorRow | undefined, event: FileEvent, version: number, position: number): ImportErrorRow {
  const cleared = { file: event.file, version, errorKey: null, code: null, message: null, line: null, column: null, stack: null, atMs: event.atMs };
  if (event.type === 'ImportRecovered') return cleared;
  const { error } = event;
  return {
    ...cleared,
    // A file that fails again keeps its error's id, so that a page that shows it goes on showing it.
    errorKey: before?.errorKey ?? position,
    code: error.code,
    message: error.message,
    line: error.line ?? null,
    column: error.column ?? null,
    stack: error.stack ?? null,
  };
}
