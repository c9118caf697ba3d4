import type { DeadlineDefinition } from '../dag/definition.ts';
import { parseInstant } from '../schedule/civil.ts';
import type { RunEvent } from './event.ts';
import type { DagRun } from './state.ts';

/**
 * By when the run must have succeeded by this deadline of its DAG; null: there is nothing to count from (no logical date, or too
 * few runs for an average).
 */
function dueAtMs(run: DagRun, deadline: DeadlineDefinition, index: number): number | null {
  const { created } = run;
  if (created === null) return null;
  const fromMs = ((): number | null => {
    switch (deadline.reference) {
      case 'queuedAt':
        return run.queuedAtMs;
      case 'logicalDate':
        return created.logicalDateMs;
      case 'fixed':
        return parseInstant(deadline.fixed ?? '') ?? null;
      case 'averageRuntime': {
        const averageMs = created.averageRuntimesMs?.[index] ?? null;
        return averageMs === null ? null : created.atMs + averageMs;
      }
    }
  })();
  return fromMs === null ? null : fromMs + deadline.intervalMs;
}

/** What a run is still to be held to: nothing that it has missed already, nothing once it has succeeded. One that failed is late when the time comes. */
function pending(run: DagRun): readonly { readonly index: number; readonly dueAtMs: number }[] {
  const { deadlines } = run.plan.definition;
  if (deadlines === undefined || run.state === 'success' || run.erased) return [];
  return deadlines.flatMap((deadline, index) => {
    const atMs = run.missedDeadlines.includes(index) ? null : dueAtMs(run, deadline, index);
    return atMs === null ? [] : [{ index, dueAtMs: atMs }];
  });
}

export const missDeadlines = (run: DagRun, nowMs: number): RunEvent[] => run.plan.definition.deadlines === undefined ? [] :
  pending(run).filter((deadline) => deadline.dueAtMs <= nowMs).map((deadline) => ({ type: 'DeadlineMissed', deadline: deadline.index, dueAtMs: deadline.dueAtMs, atMs: nowMs }));

export const nextDeadlineAtMs = (run: DagRun): number | null => run.plan.definition.deadlines === undefined ? null : pending(run).reduce<number | null>((first, deadline) => Math.min(first ?? Infinity, deadline.dueAtMs), null);

/** A run that is queued anew is held anew to what counts from there, and to nothing else that it has missed. */
export const missedAfterRequeue = (run: DagRun): readonly number[] => run.missedDeadlines.filter((index) => run.plan.definition.deadlines?.[index]?.reference !== 'queuedAt');

export type DeadlineState = 'pending' | 'missed' | 'met' | 'unknown';

/** Every deadline of the run, for people: `met` when it succeeded before, `unknown` when there is nothing to count from. */
export function deadlinesOf(run: DagRun): readonly { readonly deadline: DeadlineDefinition; readonly dueAtMs: number | null; readonly state: DeadlineState }[] {
  return (run.plan.definition.deadlines ?? []).map((deadline, index) => {
    const atMs = dueAtMs(run, deadline, index);
    const state = run.missedDeadlines.includes(index) ? 'missed' : atMs === null ? 'unknown' : run.state === 'success' ? 'met' : 'pending';
    return { deadline, dueAtMs: atMs, state };
  });
}
