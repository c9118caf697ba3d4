import type { AdmissionFact } from '@dagbook/domain';
import type { WorkerRenewed } from '@dagbook/contracts';
import type { Clock } from '@dagbook/platform';

/**
 * The workers that this dispatcher hears of. A worker is *present* while it renews; after `unreachableAfterMs` without
 * a word it gets no new work but keeps its attempts, whose leases the database judges; a word brings it back.
 */
export class WorkerRoster {
  readonly #clock: Clock;
  readonly #unreachableAfterMs: number;
  readonly #workers = new Map<string, Presence>();
  /** Who drains which, as it is declared. */
  #drained: ReadonlyMap<string, string> = new Map();

  constructor(clock: Clock, unreachableAfterMs = 30_000) {
    this.#clock = clock;
    this.#unreachableAfterMs = unreachableAfterMs;
  }

  renewed(message: WorkerRenewed): AdmissionFact {
    const presence: Presence = { message, heardAtMs: this.#clock.nowMs(), attempts: new Set(message.attempts.map((attempt) => attempt.attemptId)) };
    this.#workers.set(message.worker, presence);
    return this.#fact(presence);
  }

  stopped(worker: string, incarnation: string): AdmissionFact | undefined {
    if (this.#workers.get(worker)?.message.incarnation !== incarnation) return undefined;
    this.#workers.delete(worker);
    return { type: 'WorkerGone', worker };
  }

  /** Workers that have just fallen silent. */
  fallenSilent(): AdmissionFact[] {
    return [...this.#workers.values()].filter((presence) => this.#isSilent(presence)).map((presence) => this.#fact(presence));
  }

  seen(): AdmissionFact[] {
    return [...this.#workers.values()].map((presence) => this.#fact(presence));
  }

  /** Which workers are to be given nothing, all of them; answers those for which that is new. */
  drainedBy(drained: ReadonlyMap<string, string>): AdmissionFact[] {
    const before = this.#drained;
    this.#drained = drained;
    return [...this.#workers.values()].filter(({ message: { worker } }) => before.has(worker) !== drained.has(worker)).map((presence) => this.#fact(presence));
  }

  /** Who drains the worker; undefined: nobody. */
  drainerOf(worker: string): string | undefined {
    return this.#drained.get(worker);
  }

  incarnationOf(worker: string): string | undefined {
    return this.#workers.get(worker)?.message.incarnation;
  }

  /** Whether the worker named the attempt when it last renewed. */
  holds(worker: string, attemptId: string): boolean {
    return this.#workers.get(worker)?.attempts.has(attemptId) ?? false;
  }

  #isSilent(presence: Presence): boolean {
    return presence.heardAtMs < this.#clock.nowMs() - this.#unreachableAfterMs;
  }

  #fact(presence: Presence): AdmissionFact {
    const { worker, queues, slots, draining } = presence.message;
    return { type: 'WorkerSeen', worker, queues, slots, available: !draining && !this.#drained.has(worker) && !this.#isSilent(presence) };
  }
}

interface Presence {
  readonly message: WorkerRenewed;
  readonly heardAtMs: number;
  readonly attempts: ReadonlySet<string>;
}
