import { type AttemptId, type RenewalGranted, TOPICS, type WorkerRenewed } from '@dagbook/contracts';
import type { MessagePublisher } from '@dagbook/messaging';
import type { Log } from '@dagbook/platform';

/** An attempt whose lease this worker holds. */
export interface Held {
  readonly attemptId: AttemptId;
  readonly epoch: number;
  readonly lostAfterMs: number;
  /** Monotonic: when the worker sent the last renewal that was granted, or got the attempt. */
  leaseFromMs: number;
}

export interface LeaseKeeperOptions {
  readonly identity: Omit<WorkerRenewed, 'attempts' | 'sequence' | 'draining' | 'predecessorReaped'>;
  readonly publisher: MessagePublisher;
  readonly log: Log;
  readonly renewEveryMs: number;
  isDraining(): boolean;
  /** Attempts that run. */
  held(): readonly Held[];
  /** Attempts that have ended and whose reports nobody has acknowledged: their leases must not run out meanwhile. */
  reported(): readonly { readonly attemptId: AttemptId; readonly epoch: number }[];
  onRevoked(attemptId: AttemptId, epoch: number): void;
  /** No renewal has been granted for half of `lostAfter`: another worker may get the attempt soon, it must be dead by then. */
  onExpired(held: Held): void;
}

/** Grants of older renewals count for nothing any more. */
const REMEMBERED_RENEWALS = 32;

/**
 * Renews the worker's leases and tells when one must be given up. Time is the monotonic clock, counted from the
 * sending of a renewal, so that neither a jump of the wall clock nor a slow answer makes a lease look longer than it is.
 *
 * States: started → stopped. Until the first grant the worker says that it has reaped its predecessor; after that the
 * dispatcher knows this incarnation.
 */
export class LeaseKeeper {
  readonly #options: LeaseKeeperOptions;
  /** By sequence: what was named when. */
  readonly #renewals = new Map<number, { readonly sentAtMs: number; readonly held: readonly Held[] }>();
  #sequence = 0;
  #granted = false;
  #lastGrantedSentAtMs: number | undefined;
  #sending = false;
  #renewTimer: NodeJS.Timeout | undefined;
  #expiryTimer: NodeJS.Timeout | undefined;

  constructor(options: LeaseKeeperOptions) {
    this.#options = options;
  }

  start(): void {
    void this.renew();
    this.#renewTimer = setInterval(() => void this.renew(), this.#options.renewEveryMs);
    this.#expiryTimer = setInterval(() => this.expire(), Math.min(250, this.#options.renewEveryMs));
  }

  stop(): void {
    clearInterval(this.#renewTimer);
    clearInterval(this.#expiryTimer);
  }

  /** undefined: none was granted yet. */
  grantedAgoMs(): number | undefined {
    return this.#lastGrantedSentAtMs === undefined ? undefined : performance.now() - this.#lastGrantedSentAtMs;
  }

  /** One at a time; one that fails is not repeated, the next says it all. */
  async renew(): Promise<void> {
    if (this.#sending) return;
    this.#sending = true;
    this.#sequence += 1;
    const held = this.#options.held();
    this.#renewals.set(this.#sequence, { sentAtMs: performance.now(), held });
    this.#renewals.delete(this.#sequence - REMEMBERED_RENEWALS);
    const attempts = [...held, ...this.#options.reported()].map(({ attemptId, epoch }) => ({ attemptId, epoch }));
    const data: WorkerRenewed = {
      ...this.#options.identity,
      draining: this.#options.isDraining(),
      attempts,
      sequence: this.#sequence,
      ...(this.#granted ? {} : { predecessorReaped: true }),
    };
    try {
      await this.#options.publisher.publish([{ topic: TOPICS.workers.name, key: data.worker, type: 'WorkerRenewed', data }]);
    } catch (error) {
      this.#options.log.warn('the renewal of leases could not be sent', { sequence: data.sequence, error: String(error) });
    } finally {
      this.#sending = false;
    }
  }

  onGranted(granted: RenewalGranted): void {
    const renewal = this.#renewals.get(granted.sequence);
    if (renewal === undefined) return;
    this.#granted = true;
    this.#lastGrantedSentAtMs = Math.max(this.#lastGrantedSentAtMs ?? 0, renewal.sentAtMs);
    const revoked = new Set(granted.revoked.map(({ attemptId, epoch }) => `${attemptId}@${epoch}`));
    for (const held of renewal.held) {
      if (!revoked.has(`${held.attemptId}@${held.epoch}`)) held.leaseFromMs = Math.max(held.leaseFromMs, renewal.sentAtMs);
    }
    for (const { attemptId, epoch } of granted.revoked) this.#options.onRevoked(attemptId, epoch);
  }

  expire(): void {
    const nowMs = performance.now();
    for (const held of this.#options.held()) {
      if (nowMs - held.leaseFromMs > held.lostAfterMs / 2) this.#options.onExpired(held);
    }
  }
}
