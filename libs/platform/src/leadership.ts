import type { OwnershipSession, OwnershipStore } from '@dagbook/event-store';
import { errorAttributes, type Log } from './log.ts';
import { WakeableLoop } from './loop.ts';

/**
 * One instance does the work, the others stand by. The leader is who holds a Postgres session lock, which ends with its
 * process; a standby tries for it every `retryMs`. A leader whose session is lost steps down before anything else.
 *
 * standby → (lock) → leading → (session lost, or stop) → standby
 */
export class Leadership {
  readonly #ports: LeadershipPorts;
  readonly #loop: WakeableLoop<void>;
  #session: OwnershipSession | undefined;
  #leading = false;

  constructor(ports: LeadershipPorts) {
    this.#ports = ports;
    this.#loop = new WakeableLoop({
      round: () => this.#round(),
      intervalMs: ports.retryMs,
      onError: (error) => ports.log.warn('leadership could not be asked for; it is again in a moment', errorAttributes(error)),
    });
  }

  get isLeading(): boolean {
    return this.#leading;
  }

  start(): void {
    this.#loop.start();
  }

  async stop(): Promise<void> {
    await this.#loop.stop();
    await this.#stepDown();
    await this.#session?.close();
    this.#session = undefined;
  }

  async #round(): Promise<void> {
    if (this.#leading) return;
    const session = this.#session ?? (await this.#open());
    if (!(await session.tryAcquire(this.#ports.lock))) return;
    this.#leading = true;
    try {
      await this.#ports.onLead();
    } catch (error) {
      // Half begun is worse than not: nobody else can lead while this lock is held, so it is begun anew.
      await this.#stepDown();
      throw error;
    }
  }

  async #open(): Promise<OwnershipSession> {
    const session = await this.#ports.ownership.openSession();
    this.#session = session;
    void session.lost.then(async () => {
      if (this.#session !== session) return;
      this.#session = undefined;
      await this.#stepDown();
      this.#loop.wake();
    });
    return session;
  }

  async #stepDown(): Promise<void> {
    if (!this.#leading) return;
    this.#leading = false;
    await this.#ports.onStepDown();
  }
}

export interface LeadershipPorts {
  readonly ownership: OwnershipStore;
  readonly lock: string;
  readonly retryMs: number;
  readonly onLead: () => Promise<void>;
  readonly onStepDown: () => Promise<void>;
  readonly log: Log;
}
