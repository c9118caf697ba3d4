import { errorAttributes, WakeableLoop, type Clock, type Log } from '@dagbook/platform';
import type { CommandIntake } from './command-intake.ts';
import type { RunEngine } from './run-engine.ts';
import type { WatcherDesk } from './watcher-desk.ts';

/** The net under every hint: what is ready in a run that has fallen quiet is said again, commands that still wait are taken up, and what is to be watched is. */
export function reconcileLoop(ports: { readonly engine: RunEngine; readonly intake: CommandIntake; readonly watchers: WatcherDesk; readonly everyMs: number; readonly clock: Clock; readonly log: Log }): WakeableLoop<void> {
  return new WakeableLoop({
    round: async () => {
      await ports.engine.republishQuiet(ports.clock.nowMs() - QUIET_MS);
      await ports.intake.takeUp();
      await ports.watchers.sayAll();
    },
    intervalMs: ports.everyMs,
    onError: (error) => ports.log.warn('a round of reconciliation failed; the next one comes', errorAttributes(error)),
  });
}

const QUIET_MS = 5_000;
