import { assignmentTopic, TOPICS, type WorkerRenewed } from '@dagbook/contracts';
import type { LeaseStore } from '@dagbook/event-store';
import type { MessagePublisher, OutgoingMessage } from '@dagbook/messaging';
import { attemptToken, errorAttributes, WakeableLoop, type Clock, type Log } from '@dagbook/platform';
import type { AttemptLossCause } from '@dagbook/domain';
import type { AdmissionDesk } from './admission-desk.ts';
import type { WorkerRoster } from './worker-roster.ts';

/**
 * Keeps leases true: extends them when their worker renews, and tells the scheduler of attempts that were lost, by the
 * database's clock alone (or at once, when a new incarnation of the worker says that it has reaped the old one's tasks).
 * The scheduler decides what becomes of them; the row goes with its decision.
 */
export class LeaseKeeper {
  readonly #ports: LeaseKeeperPorts;
  readonly #loop: WakeableLoop<void>;

  constructor(ports: LeaseKeeperPorts) {
    this.#ports = ports;
    this.#loop = new WakeableLoop({
      round: () => this.#round(),
      intervalMs: ports.checkEveryMs,
      onError: (error) => ports.log.warn('leases could not be checked; they are again in a moment', errorAttributes(error)),
    });
  }

  start(): void {
    this.#loop.start();
  }

  async stop(): Promise<void> {
    await this.#loop.stop();
  }

  async renew(message: WorkerRenewed): Promise<void> {
    const { leases, publisher, desk, roster } = this.#ports;
    const before = roster.incarnationOf(message.worker);
    desk.fact(roster.renewed(message));
    if (before !== undefined && before !== message.incarnation && message.predecessorReaped !== true) {
      this.#ports.log.warn('a worker came back as a new process and has not said that it reaped the old one', { worker: message.worker });
    }
    const stale = await leases.renew(message.worker, message.incarnation, message.attempts);
    const revoked = message.attempts.filter((attempt) => stale.includes(attempt.attemptId));
    const toWorker: OutgoingMessage[] = [
      { topic: assignmentTopic(message.worker).name, key: message.worker, type: 'RenewalGranted', data: { sequence: message.sequence, revoked } },
    ];
    const drainer = roster.drainerOf(message.worker);
    if (message.draining !== (drainer !== undefined)) {
      toWorker.push({ topic: assignmentTopic(message.worker).name, key: message.worker, type: 'DrainWorker', data: { by: drainer ?? 'dispatcher', draining: drainer !== undefined } });
    }
    // Not waited for: a worker whose topic is gone, with a broker that came back empty, must not hold up what the others said; it renews again.
    publisher.publish(toWorker).catch((error: unknown) => this.#ports.log.warn('a worker could not be answered; it is at its next renewal', { worker: message.worker, ...errorAttributes(error) }));
    const lost: OutgoingMessage[] = [];
    if (message.predecessorReaped === true) {
      const own = new Set(message.attempts.map((attempt) => attempt.attemptId));
      for (const lease of desk.leasesOf(message.worker)) {
        if (lease.incarnation !== message.incarnation && !own.has(lease.attemptId)) lost.push(this.#lost(lease, 'worker_restarted'));
      }
    }
    if (lost.length > 0) await publisher.publish(lost);
  }

  async #round(): Promise<void> {
    const { desk, leases, roster, publisher, clock } = this.#ports;
    if (!desk.isOpen) return;
    for (const fact of roster.fallenSilent()) desk.fact(fact);
    const rows = await leases.list();
    await desk.reconcile(rows);
    const expired = rows.filter((row) => row.remainingMs < 0);
    if (expired.length > 0) await publisher.publish(expired.map((row) => this.#lost(row, 'lease_expired')));
    await desk.remind(clock.nowMs(), new Set(expired.map((row) => row.attemptId)));
  }

  #lost(lease: { readonly attemptId: string; readonly epoch: number; readonly worker: string }, cause: AttemptLossCause): OutgoingMessage {
    const { attemptId, epoch, worker } = lease;
    const dagId = attemptId.slice(0, attemptId.indexOf('/'));
    return {
      topic: TOPICS.reports.name,
      key: dagId,
      type: 'AttemptLost',
      data: { attemptId, epoch, worker, cause, token: attemptToken(this.#ports.tokenSecret, attemptId, epoch) },
    };
  }
}

export interface LeaseKeeperPorts {
  readonly desk: AdmissionDesk;
  readonly roster: WorkerRoster;
  readonly leases: LeaseStore;
  readonly publisher: MessagePublisher;
  readonly tokenSecret: string;
  readonly checkEveryMs: number;
  readonly clock: Clock;
  readonly log: Log;
}
