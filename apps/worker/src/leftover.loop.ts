import { removeContainersOf } from '@dagbook/operators';
import { errorAttributes, type Log, type Loop, WakeableLoop } from '@dagbook/platform';

const EVERY_MS = 30_000;

/**
 * Removes containers of this worker's slot whose runner is gone: a predecessor's when the engine was away at the start, a
 * dead runner's when it was away at the runner's end. A worker without an engine has nothing to look for, and looks at no
 * more than a path.
 */
export function leftoverLoop({ worker, isAlive, log }: { readonly worker: string; readonly isAlive: (runner: string) => boolean; readonly log: Log }): Loop<readonly string[]> {
  return new WakeableLoop({
    intervalMs: EVERY_MS,
    round: async () => {
      const containers = await removeContainersOf({ worker, isAlive });
      if (containers.length > 0) log.warn('removed containers whose task is over', { containers });
      return containers;
    },
    onError: (error) => log.warn('could not look for containers whose task is over', errorAttributes(error)),
  });
}
