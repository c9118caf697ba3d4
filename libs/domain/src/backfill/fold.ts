import { invariant } from '../decider.ts';
import type { BackfillCreated, BackfillEvent } from './event.ts';

/**
 * A backfill: running until it is completed or cancelled, and beside that paused or not. Its dates are handled in order, so
 * how many are is all that must be known of them.
 */
export interface BackfillFold {
  readonly created: BackfillCreated;
  readonly state: 'running' | 'completed' | 'cancelled';
  readonly paused: boolean;
  readonly handled: number;
}

/** `undefined`: nothing is folded yet. */
export function evolveBackfill(backfill: BackfillFold | undefined, event: BackfillEvent): BackfillFold {
  if (event.type === 'BackfillCreated') return { created: event, state: 'running', paused: false, handled: 0 };
  invariant(backfill !== undefined, `a backfill begins with ${event.type}`);
  switch (event.type) {
    case 'BackfillPaused':
      return { ...backfill, paused: true };
    case 'BackfillUnpaused':
      return { ...backfill, paused: false };
    case 'BackfillCancelled':
      return { ...backfill, state: 'cancelled' };
    case 'BackfillDateHandled':
      return { ...backfill, handled: backfill.handled + 1 };
    case 'BackfillCompleted':
      return { ...backfill, state: 'completed' };
  }
}
