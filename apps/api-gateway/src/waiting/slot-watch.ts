import { hostname } from 'node:os';
import { TOPICS, type Message, type MessageOf, type WorkerRenewed } from '@dagbook/contracts';
import { evolveAdmission, initialAdmission, whyWaiting, type ReadyAttempt, type WaitingReason } from '@dagbook/domain';
import type { LeaseStore } from '@dagbook/event-store';
import type { Listener, MessageBroker } from '@dagbook/messaging';
import type { Clock } from '@dagbook/platform';

/**
 * Why a ready attempt has no slot yet, by the dispatcher's own rules over what it goes by too: lease rows, what workers say
 * of themselves, declared pools. Nobody is asked, so there is an answer also while no dispatcher leads.
 *
 * State: stopped → listening → stopped. A worker is known from its first renewal after the start (within 5 s) until it says
 * that it stops; one that is silent for `unreachableAfterMs` counts as away.
 */
export class SlotWatch {
  readonly #ports: SlotWatchPorts;
  readonly #workers = new Map<string, { readonly said: WorkerRenewed; readonly heardAtMs: number }>();
  #listener: Promise<Listener> | undefined;

  constructor(ports: SlotWatchPorts) {
    this.#ports = ports;
  }

  async start(): Promise<void> {
    this.#listener ??= this.#ports.broker.listen({
      service: 'api-gateway',
      instance: `${hostname()}-${process.pid}`,
      subscriptions: [{ topic: TOPICS.workers.name, mode: 'broadcast', replayMs: 10_000 }],
      // What else is said on the topic (renewals granted, drains) is the workers' own.
      handlerOf: () => (messages) => this.#heard(messages),
      ...(this.#ports.onFatal === undefined ? {} : { onFatal: this.#ports.onFatal }),
    });
    await this.#listener;
  }

  async stop(): Promise<void> {
    await (await this.#listener?.catch(() => undefined))?.close();
    this.#listener = undefined;
  }

  /** undefined: nothing holds it up but its turn, or what holds it up is not known here. */
  async reason(attempt: ReadyAttempt): Promise<WaitingReason | undefined> {
    const state = initialAdmission();
    for (const pool of this.#ports.pools) evolveAdmission(state, { type: 'PoolDeclared', ...pool });
    for (const lease of await this.#ports.leases.list()) evolveAdmission(state, { type: 'LeaseFound', ...lease });
    const silentSinceMs = this.#ports.clock.nowMs() - UNREACHABLE_AFTER_MS;
    for (const [worker, { said, heardAtMs }] of this.#workers) {
      evolveAdmission(state, { type: 'WorkerSeen', worker, queues: said.queues, slots: said.slots, available: !said.draining && heardAtMs >= silentSinceMs });
    }
    evolveAdmission(state, { type: 'AttemptReady', attempt });
    return whyWaiting(state, attempt.attemptId);
  }

  #heard(messages: readonly Message[]): Promise<void> {
    for (const message of messages) {
      if (message.type === 'WorkerRenewed') {
        const { data } = message as MessageOf<'WorkerRenewed'>;
        this.#workers.set(data.worker, { said: data, heardAtMs: this.#ports.clock.nowMs() });
      } else if (message.type === 'WorkerStopped') {
        const { data } = message as MessageOf<'WorkerStopped'>;
        if (this.#workers.get(data.worker)?.said.incarnation === data.incarnation) this.#workers.delete(data.worker);
      }
    }
    return Promise.resolve();
  }
}

/** The dispatcher's default. */
const UNREACHABLE_AFTER_MS = 30_000;

export interface SlotWatchPorts {
  readonly broker: MessageBroker;
  readonly leases: Pick<LeaseStore, 'list'>;
  /** Beside `default_pool`: the dispatcher's. */
  readonly pools: readonly { readonly pool: string; readonly slots: number; readonly includeDeferred: boolean }[];
  readonly clock: Clock;
  readonly onFatal?: (error: unknown) => void;
}
