import { DAG_PARTITIONS, partitionOf, TOPICS } from '@dagbook/contracts';
import type { OwnershipSession, OwnershipStore } from '@dagbook/event-store';
import type { MessagePublisher } from '@dagbook/messaging';
import { errorAttributes, WakeableLoop, type Clock, type Log, type Loop } from '@dagbook/platform';

/**
 * Which DAGs this scheduler decides for. DAGs are spread over partitions; a partition belongs to who holds its Postgres
 * session lock, and to nobody else, whatever anyone believes.
 *
 * A partition: free → (lock) → taken: its DAGs and unfinished runs are folded → ours → given up, or session lost → free.
 *
 * Each round takes what is free, and gives up what is over the fair share among the schedulers heard of lately. What
 * was given up is left to the others for a while; the death of a scheduler frees its locks at once, so that a standby
 * has them within one round. A lost session drops everything before anything else.
 *
 * What is given up decides nothing until somebody has taken it. So nothing is given while a dead scheduler may still be
 * counted (for as long as one is remembered, after the last change among them or of what is ours), and nothing for a
 * while after what was given had to be taken back.
 */
export class Ownership implements Loop {
  readonly #ports: OwnershipPorts;
  readonly #loop: WakeableLoop<void>;
  readonly #owned = new Set<number>();
  readonly #givenUpAtMs = new Map<number, number>();
  readonly #peers = new Map<string, number>();
  #session: OwnershipSession | undefined;
  #saidAtMs = Number.NEGATIVE_INFINITY;
  /** When somebody came or went, or left us partitions: one that died is still remembered then. */
  #changedAtMs = Number.NEGATIVE_INFINITY;
  #keepsUntilMs = Number.NEGATIVE_INFINITY;

  constructor(ports: OwnershipPorts) {
    this.#ports = ports;
    this.#loop = new WakeableLoop({
      round: () => this.#round(),
      intervalMs: ports.everyMs,
      onError: (error) => ports.log.warn('partitions could not be asked for; they are again in a moment', errorAttributes(error)),
    });
  }

  start(): void {
    this.#loop.start();
  }

  runOnce(): Promise<void> {
    return this.#loop.runOnce();
  }

  async stop(): Promise<void> {
    await this.#loop.stop();
    await this.#say(true).catch(() => undefined);
    this.#owned.clear();
    const session = this.#session;
    this.#session = undefined;
    await session?.close();
  }

  readonly owns = (dagId: string): boolean => this.#owned.has(partitionOf(dagId));

  get partitions(): ReadonlySet<number> {
    return this.#owned;
  }

  seen(instance: string, leaving: boolean): void {
    if (instance === this.#ports.instance) return;
    const nowMs = this.#ports.clock.nowMs();
    if (leaving ? this.#peers.delete(instance) : !this.#peers.has(instance)) this.#changedAtMs = nowMs;
    if (!leaving) this.#peers.set(instance, nowMs);
  }

  async #round(): Promise<void> {
    const session = this.#session ?? (await this.#open());
    const nowMs = this.#ports.clock.nowMs();
    if (nowMs - this.#saidAtMs >= SAY_EVERY_MS) {
      this.#saidAtMs = nowMs;
      await this.#say(false);
    }
    const taken: number[] = [];
    for (let partition = 0; partition < DAG_PARTITIONS; partition++) {
      if (this.#owned.has(partition) || nowMs - (this.#givenUpAtMs.get(partition) ?? Number.NEGATIVE_INFINITY) < LEAVE_ALONE_MS) continue;
      const isTaken = await session.tryAcquire(lockOf(partition));
      if (isTaken) taken.push(partition);
      // The first look at what was given up tells whether anybody wanted it.
      if (this.#givenUpAtMs.delete(partition) && isTaken) this.#keepsUntilMs = nowMs + KEEP_MS;
    }
    if (taken.length > 0 && this.#session === session) {
      for (const partition of taken) this.#owned.add(partition);
      this.#changedAtMs = nowMs;
      this.#ports.log.info('took partitions', { taken, owned: this.#owned.size });
      await this.#fold(session, taken);
    }
    await this.#shareOut(session, nowMs);
  }

  /** What could not be folded is let go of, to be taken again: held and not decided for, it would stand still. */
  async #fold(session: OwnershipSession, taken: readonly number[]): Promise<void> {
    try {
      await this.#ports.onTaken(taken);
    } catch (error) {
      for (const partition of taken) this.#owned.delete(partition);
      await this.#ports.onGivenUp();
      for (const partition of taken) await session.release(lockOf(partition));
      throw error;
    }
  }

  /** Gives up what is over the fair share, highest partitions first. */
  async #shareOut(session: OwnershipSession, nowMs: number): Promise<void> {
    for (const [peer, heardAtMs] of this.#peers) {
      if (heardAtMs >= nowMs - PEER_GONE_MS) continue;
      this.#peers.delete(peer);
      this.#changedAtMs = nowMs;
    }
    if (nowMs - this.#changedAtMs <= PEER_GONE_MS || nowMs < this.#keepsUntilMs) return;
    const share = Math.ceil(DAG_PARTITIONS / (this.#peers.size + 1));
    const extra = [...this.#owned].sort((a, b) => b - a).slice(0, Math.max(0, this.#owned.size - share));
    if (extra.length === 0) return;
    for (const partition of extra) {
      this.#owned.delete(partition);
      this.#givenUpAtMs.set(partition, nowMs);
    }
    await this.#ports.onGivenUp();
    for (const partition of extra) await session.release(lockOf(partition));
    this.#ports.log.info('gave partitions to other schedulers', { given: extra, owned: this.#owned.size });
  }

  async #open(): Promise<OwnershipSession> {
    const session = await this.#ports.ownership.openSession();
    this.#session = session;
    void session.lost.then(() => {
      if (this.#session !== session) return;
      this.#session = undefined;
      this.#owned.clear();
      this.#ports.log.warn('the session that holds the partitions is lost: every run is dropped and asked for anew');
      void this.#ports.onGivenUp();
      this.#loop.wake();
    });
    return session;
  }

  async #say(leaving: boolean): Promise<void> {
    const { instance, publisher } = this.#ports;
    await publisher.publish([{ topic: TOPICS.reports.name, key: instance, type: 'SchedulerSeen', data: { instance, leaving } }]);
  }
}

const SAY_EVERY_MS = 500;
const PEER_GONE_MS = 2_500;
/** Longer than a peer needs for a round, so that what was given up is not taken back at once. */
const LEAVE_ALONE_MS = 3_000;
const KEEP_MS = 60_000;

const lockOf = (partition: number): string => `dagbook.partition.${partition}`;

export interface OwnershipPorts {
  readonly instance: string;
  readonly ownership: OwnershipStore;
  readonly publisher: MessagePublisher;
  readonly everyMs: number;
  readonly clock: Clock;
  readonly log: Log;
  /** Folds the DAGs and unfinished runs of partitions that are ours from now on. */
  readonly onTaken: (partitions: readonly number[]) => Promise<void>;
  /** Drops whatever is not owned any more; must not wait for anything that it owned. */
  readonly onGivenUp: () => Promise<void>;
}
