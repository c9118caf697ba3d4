import type { LogEraser } from '@dagbook/contracts';
import type { RunEraser } from '@dagbook/event-store';
import { errorAttributes, WakeableLoop, type Log, type Loop } from '@dagbook/platform';

/**
 * Deletes what is kept of erased runs, now and then and when one was erased: what lies elsewhere (logs, large results) first, then the journal, whose `RunErased` is what
 * makes a next try find the run again. One gateway at a time.
 */
export class RunSweeper implements Loop {
  readonly #loop: WakeableLoop;

  constructor({ eraser, elsewhere, log }: { readonly eraser: RunEraser; readonly elsewhere: readonly LogEraser[]; readonly log: Log }) {
    this.#loop = new WakeableLoop({
      round: async () => {
        if ((await eraser.pending()).length === 0) return;
        await eraser.alone(async () => {
          for (const run of await eraser.pending()) {
            for (const place of elsewhere) await place.eraseRun(run);
            await eraser.erase(run);
            log.info('an erased run is deleted', { dagId: run.dagId, runId: run.runId });
          }
        });
      },
      intervalMs: 5_000,
      onError: (error) => log.warn('erased runs could not be deleted; it is tried again', errorAttributes(error)),
    });
  }

  start(): void {
    this.#loop.start();
  }

  wake(): void {
    this.#loop.wake();
  }

  runOnce(): Promise<void> {
    return this.#loop.runOnce();
  }

  stop(deadlineMs?: number): Promise<void> {
    return this.#loop.stop(deadlineMs);
  }
}
