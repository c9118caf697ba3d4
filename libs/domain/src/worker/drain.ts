import type { Decider, Decision } from '../decider.ts';
import { reject } from '../decider.ts';

/**
 * A worker that a person drains finishes what it runs and is given nothing more, until the same is taken back. It holds
 * for the slot's name, so that a worker that is started anew meanwhile does not take work again. Streams
 * `worker-<name>`, written by the dispatcher that leads.
 */
export type WorkerEvent =
  | { readonly type: 'WorkerDrained'; readonly by: string; readonly atMs: number }
  | { readonly type: 'WorkerUndrained'; readonly by: string; readonly atMs: number };

export interface WorkerDrainCommand {
  readonly type: 'SetWorkerDrained';
  readonly worker: string;
  readonly drained: boolean;
  /** Whether a worker of this name is heard now. */
  readonly isPresent: boolean;
  readonly by: string;
  readonly atMs: number;
}

/** State: who drains it; null: nobody. Code: `worker_not_found`. */
export const workerDecider: Decider<WorkerDrainCommand, WorkerEvent, string | null> = {
  initialState: () => null,
  decide: ({ worker, drained, isPresent, by, atMs }, drainedBy): Decision<WorkerEvent> => {
    if (!isPresent && drainedBy === null) return reject('worker_not_found', `No worker '${worker}' is there; \`dagbook workers list\` shows those that are.`);
    if (drained === (drainedBy !== null)) return [];
    return [{ type: drained ? 'WorkerDrained' : 'WorkerUndrained', by, atMs }];
  },
  evolve: (_, event) => (event.type === 'WorkerDrained' ? event.by : null),
};
