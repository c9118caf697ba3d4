import type { StateStorePolicy } from '@dagbook/domain';
import type { StateStore } from '@dagbook/event-store';
import { errorAttributes, type Log, type Loop, WakeableLoop } from '@dagbook/platform';
import { deleteStatesOfSuccesses, type Queryable } from '@dagbook/read-models';

const EXPIRY_EVERY_MS = 600_000;
const SUCCESS_EVERY_MS = 5_000;

/**
 * Deletes entries of tasks: those that have expired, and, where the site clears on success, those of instances that have
 * succeeded. After the success, by its recorded end: a worker that died between the two would take along what the next try needs.
 * Each gateway sweeps; what one has deleted another does not find.
 */
export class StateSweeper implements Loop {
  readonly #loop: WakeableLoop;

  constructor({ states, db, policy, log }: { readonly states: StateStore; readonly db: Queryable; readonly policy: StateStorePolicy; readonly log: Log }) {
    this.#loop = new WakeableLoop({
      round: async () => {
        const expired = await states.deleteExpired();
        if (expired > 0) log.info('expired states of tasks are deleted', { expired });
        if (policy.clearOnSuccess) await deleteStatesOfSuccesses(db);
      },
      intervalMs: policy.clearOnSuccess ? SUCCESS_EVERY_MS : EXPIRY_EVERY_MS,
      onError: (error) => log.warn('states of tasks could not be swept; it is tried again', errorAttributes(error)),
    });
  }

  start(): void {
    this.#loop.start();
  }

  runOnce(): Promise<void> {
    return this.#loop.runOnce();
  }

  stop(deadlineMs?: number): Promise<void> {
    return this.#loop.stop(deadlineMs);
  }
}
