import { isRejected, type Rejected } from '../decider.ts';
import type { PastRuns, RunCommand } from './command.ts';
import { decideRun } from './decide.ts';
import type { AttemptRef, RunEvent, TaskInstanceRef } from './event.ts';
import { evolveRun } from './evolve.ts';
import { revokedBy } from './query.ts';
import { findInstance, type DagRun } from './state.ts';

/** What a command came to, with all that followed from it. */
export interface Settled {
  /** To be appended together, in this order. */
  readonly events: readonly RunEvent[];
  /** Attempts that these events ended without their own report: their leases go in the same transaction. */
  readonly revoked: readonly AttemptRef[];
  /** What has become ready and still is, in order. */
  readonly ready: readonly (TaskInstanceRef & { readonly tryNumber: number })[];
}

/**
 * Decides a command and then every level that follows, each with `past`, folding as it goes: the whole step of a run's
 * owner. `run` has the events folded when this answers, so an append that fails must drop it. A refusal has changed
 * nothing. After `ReplanRun` nothing is advanced: the caller replaces the run by `replan` of it and settles
 * `RecordTimePassed`.
 */
export function settle(run: DagRun, command: RunCommand, past?: PastRuns): Settled | Rejected {
  const decision = decideRun(command, run);
  if (isRejected(decision)) return decision;
  const events: RunEvent[] = [];
  const revoked: AttemptRef[] = [];
  const fold = (level: readonly RunEvent[]): void => {
    for (const event of level) {
      const attempt = revokedBy(run, event);
      if (attempt !== null) revoked.push(attempt);
      evolveRun(run, event);
      events.push(event);
    }
  };
  fold(decision);
  const advance: RunCommand = { type: 'Advance', nowMs: command.nowMs, ...(past === undefined ? {} : { past }) };
  while (run.awaitsPlan === null) {
    const level = decideRun(advance, run);
    if (isRejected(level) || level.length === 0) break;
    fold(level);
  }
  return { events, revoked, ready: stillReady(run, events) };
}

function stillReady(run: DagRun, events: readonly RunEvent[]): Settled['ready'] {
  const ready: (TaskInstanceRef & { readonly tryNumber: number })[] = [];
  for (const event of events) {
    if (event.type !== 'TaskScheduled') continue;
    const { taskId, mapIndex, tryNumber } = event;
    const instance = findInstance(run, event);
    if (instance?.state === 'scheduled' && instance.tryNumber === tryNumber) ready.push({ taskId, mapIndex, tryNumber });
  }
  return ready;
}
