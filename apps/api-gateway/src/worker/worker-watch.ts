import { hostname } from 'node:os';
import { TOPICS, workerStream, type Message, type MessageOf, type WorkerRenewed } from '@dagbook/contracts';
import { workerDecider } from '@dagbook/domain';
import { loadStates, type EventStore } from '@dagbook/event-store';
import type { Listener, MessageBroker } from '@dagbook/messaging';
import type { Clock } from '@dagbook/platform';

export type WorkerState = 'active' | 'draining' | 'unreachable' | 'offline';

/** A worker as it says of itself, and as people declare it. One that is drained and not heard is `offline`. */
export interface SeenWorker {
  readonly name: string;
  readonly state: WorkerState;
  readonly said: WorkerRenewed | null;
  readonly heardAtMs: number | null;
  readonly drainedBy: string | null;
}

/**
 * The workers, by what they say and what is declared of them. Nobody is asked, so there is an answer also while no
 * dispatcher leads.
 *
 * State: stopped → listening → stopped. A worker is known from its first renewal after the start (within 5 s) until it says
 * that it stops; one that is silent for `UNREACHABLE_AFTER_MS` counts as away.
 */
export class WorkerWatch {
  readonly #ports: WorkerWatchPorts;
  readonly #workers = new Map<string, { readonly said: WorkerRenewed; readonly heardAtMs: number }>();
  #listener: Promise<Listener> | undefined;
  #startedAtMs = Number.POSITIVE_INFINITY;

  constructor(ports: WorkerWatchPorts) {
    this.#ports = ports;
  }

  async start(): Promise<void> {
    this.#startedAtMs = this.#ports.clock.nowMs();
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

  /** Whether every worker that is there has had the time to say so. */
  get isSettled(): boolean {
    return this.#ports.clock.nowMs() >= this.#startedAtMs + SETTLED_AFTER_MS;
  }

  /** In order of name. */
  async all(): Promise<readonly SeenWorker[]> {
    const drained = await loadStates(this.#ports.store, workerStream(''), () => workerDecider);
    const silentSinceMs = this.#ports.clock.nowMs() - UNREACHABLE_AFTER_MS;
    const names = new Set([...this.#workers.keys(), ...[...drained].flatMap(([name, by]) => (by === null ? [] : [name]))]);
    return [...names].sort().map((name) => {
      const heard = this.#workers.get(name);
      const drainedBy = drained.get(name) ?? null;
      if (heard === undefined) return { name, state: 'offline', said: null, heardAtMs: null, drainedBy };
      const state = heard.heardAtMs < silentSinceMs ? 'unreachable' : heard.said.draining || drainedBy !== null ? 'draining' : 'active';
      return { name, state, ...heard, drainedBy };
    });
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
/** Twice the pause between a worker's renewals. */
const SETTLED_AFTER_MS = 10_000;

export interface WorkerWatchPorts {
  readonly broker: MessageBroker;
  readonly store: EventStore;
  readonly clock: Clock;
  readonly onFatal?: (error: unknown) => void;
}
