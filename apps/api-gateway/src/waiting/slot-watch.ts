import { evolveAdmission, initialAdmission, whyWaiting, type ReadyAttempt, type WaitingReason } from '@dagbook/domain';
import type { LeaseStore } from '@dagbook/event-store';
import type { PoolDirectory } from '../pool/pool-directory.ts';
import type { WorkerWatch } from '../worker/worker-watch.ts';

/**
 * Why a ready attempt has no slot yet, by the dispatcher's own rules over what it goes by too: lease rows, what workers say
 * of themselves and what people declare. Holds no state.
 */
export class SlotWatch {
  readonly #ports: SlotWatchPorts;

  constructor(ports: SlotWatchPorts) {
    this.#ports = ports;
  }

  /** undefined: nothing holds it up but its turn, or what holds it up is not known here. */
  async reason(attempt: ReadyAttempt): Promise<WaitingReason | undefined> {
    const state = initialAdmission();
    const [pools, leases, workers] = await Promise.all([this.#ports.pools.all(), this.#ports.leases.list(), this.#ports.workers.all()]);
    for (const [pool, { slots, includeDeferred }] of pools) evolveAdmission(state, { type: 'PoolDeclared', pool, slots: slots === -1 ? Infinity : slots, includeDeferred });
    for (const lease of leases) evolveAdmission(state, { type: 'LeaseFound', ...lease });
    for (const { name, state: is, said } of workers) {
      if (said !== null) evolveAdmission(state, { type: 'WorkerSeen', worker: name, queues: said.queues, slots: said.slots, available: is === 'active' });
    }
    evolveAdmission(state, { type: 'AttemptReady', attempt });
    return whyWaiting(state, attempt.attemptId);
  }
}

export interface SlotWatchPorts {
  readonly workers: Pick<WorkerWatch, 'all'>;
  readonly leases: Pick<LeaseStore, 'list'>;
  readonly pools: Pick<PoolDirectory, 'all'>;
}
