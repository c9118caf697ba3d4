import { admit, evolveAdmission, initialAdmission, whyWaiting, type AdmissionFact, type AdmissionState, type Grant, type Json, type WaitingReason } from '@dagbook/domain';
import { assignmentTopic, attemptStream, parseAttemptId, TOPICS, type AttemptReady, type CommandBody } from '@dagbook/contracts';
import type { AppendEntry, AppendResult, EventStore, Lease, LeaseStore } from '@dagbook/event-store';
import type { MessagePublisher, OutgoingMessage } from '@dagbook/messaging';
import { attemptToken, errorAttributes, uuidv7, WakeableLoop, type Clock, type Log } from '@dagbook/platform';
import type { DeclarationDesk } from './declaration-desk.ts';
import type { WorkerRoster } from './worker-roster.ts';

/**
 * Where attempts get their slots. The pure admission state of the domain is folded from what is heard; a round asks it
 * for grants, commits them (one `AttemptGranted` and one lease row each, in one transaction for all), and only then
 * tells the workers. What is heard during the commit is the next round.
 *
 * Only the leader's desk is open: a standby hears everything and keeps nothing. On opening, live attempts come from the
 * lease rows and ready ones from the schedulers, who are asked to say them again; so no state of this desk is ever needed.
 */
export class AdmissionDesk {
  readonly #ports: AdmissionDeskPorts;
  readonly #loop: WakeableLoop<number>;
  #state: AdmissionState | undefined;
  /** What a granted attempt's worker is to be told; kept while the attempt is ready or live. */
  readonly #work = new Map<string, AttemptReady>();
  readonly #leases = new Map<string, LiveLease>();
  /** A commit was reported as failed, and may stand all the same. */
  #isInDoubt = false;
  #isWaking = false;
  /** Leases whose row was gone when the rows were last looked at. */
  #missing: ReadonlySet<string> = new Set();
  #term = 0;

  constructor(ports: AdmissionDeskPorts) {
    this.#ports = ports;
    this.#loop = new WakeableLoop({
      round: () => this.#round(),
      intervalMs: 1_000,
      onError: (error) => ports.log.error('a round of admission failed; its attempts wait for the next', errorAttributes(error)),
    });
  }

  /** Becomes the leader's desk. */
  async open(): Promise<void> {
    const state = initialAdmission();
    this.#work.clear();
    this.#leases.clear();
    this.#missing = new Set();
    this.#isInDoubt = false;
    this.#state = state;
    // Before anything is read: a leader before us can then add nothing to it.
    this.#term = await this.#ports.leases.raiseTerm();
    for (const fact of await this.#ports.declarations.open()) evolveAdmission(state, fact);
    for (const lease of await this.#ports.leases.list()) this.#found(lease);
    for (const worker of this.#ports.roster.seen()) evolveAdmission(state, worker);
    await this.#ports.publisher.publish([{ topic: TOPICS.reports.name, key: 'dispatcher', type: 'AttemptsWanted', data: { by: this.#ports.instance } }]);
    this.#loop.start();
  }

  /** Leadership is gone: nothing that this desk believes counts any more. */
  async shut(): Promise<void> {
    this.#state = undefined;
    await this.#loop.stop();
  }

  get isOpen(): boolean {
    return this.#state !== undefined;
  }

  get counts(): { readonly ready: number; readonly live: number } {
    return { ready: this.#state?.ready.size ?? 0, live: this.#leases.size };
  }

  whyWaiting(attemptId: string): WaitingReason | undefined {
    return this.#state === undefined ? undefined : whyWaiting(this.#state, attemptId);
  }

  ready(attempts: readonly AttemptReady[]): void {
    const state = this.#state;
    if (state === undefined) return;
    for (const attempt of attempts) {
      const lease = this.#leases.get(attempt.attemptId);
      if (lease !== undefined && lease.epoch > attempt.lastEpoch) {
        // Found in the rows when this desk was opened: what its worker may have to be told again is only known now.
        if (!this.#work.has(attempt.attemptId) && isGrantOf(lease, attempt)) this.#work.set(attempt.attemptId, attempt);
        continue;
      }
      const known = this.#work.get(attempt.attemptId);
      if (known === undefined || known.lastEpoch <= attempt.lastEpoch) this.#work.set(attempt.attemptId, attempt);
      evolveAdmission(state, { type: 'AttemptReady', attempt });
    }
    this.#loop.wake();
  }

  closed(attemptId: string, epoch: number): void {
    const state = this.#state;
    if (state === undefined) return;
    evolveAdmission(state, { type: 'AttemptClosed', attemptId, epoch });
    const lease = this.#leases.get(attemptId);
    if (lease !== undefined && (epoch === 0 || lease.epoch === epoch)) this.#leases.delete(attemptId);
    if (!state.ready.has(attemptId) && !state.leases.has(attemptId)) this.#work.delete(attemptId);
    // Not before what was said in the same breath is known too: a deferred task that gives its slot back may hold it on.
    if (this.#isWaking) return;
    this.#isWaking = true;
    queueMicrotask(this.#wake);
  }

  readonly #wake = (): void => {
    this.#isWaking = false;
    this.#loop.wake();
  };

  /** Where the attempt runs, when it has been granted. */
  leaseOf(attemptId: string): LiveLease | undefined {
    return this.#leases.get(attemptId);
  }

  leasesOf(worker: string): LiveLease[] {
    return [...this.#leases.values()].filter((lease) => lease.worker === worker);
  }

  fact(fact: AdmissionFact): void {
    if (this.#state === undefined) return;
    evolveAdmission(this.#state, fact);
    this.#loop.wake();
  }

  /** Somebody declares a pool or drains a worker: it is decided before the next round. */
  commanded(): void {
    this.#ports.declarations.hinted();
    this.#loop.wake();
  }

  /** Compares the desk's view with the rows: what ended unheard gives its slots back, what was granted unheard counts. */
  async reconcile(rows: readonly Lease[]): Promise<void> {
    const state = this.#state;
    if (state === undefined) return;
    const byId = new Map(rows.map((row) => [row.attemptId, row]));
    const missing = new Set<string>();
    for (const lease of this.#leases.values()) {
      if (lease.committedAtMs >= this.#ports.clock.nowMs() - SETTLE_MS || byId.get(lease.attemptId)?.epoch === lease.epoch) continue;
      const key = `${lease.attemptId}@${lease.epoch}`;
      // One look earlier its end may be on its way, and with it what holds its slot on.
      if (this.#missing.has(key)) this.closed(lease.attemptId, lease.epoch);
      else missing.add(key);
    }
    this.#missing = missing;
    for (const row of rows) if (!state.leases.has(row.attemptId)) this.#found(row);
    this.#loop.wake();
  }

  #found(row: Lease): void {
    if (this.#state === undefined) return;
    evolveAdmission(this.#state, { type: 'LeaseFound', ...row });
    this.#leases.set(row.attemptId, { attemptId: row.attemptId, epoch: row.epoch, worker: row.worker, incarnation: row.incarnation, committedAtMs: this.#ports.clock.nowMs() });
  }

  async #round(): Promise<number> {
    const state = this.#state;
    if (state === undefined) return 0;
    if (this.#isInDoubt) await this.#recount(state);
    if (this.#ports.declarations.hasWork) {
      const facts = await this.#ports.declarations.carryOut();
      if (this.#state !== state) return 0;
      for (const fact of facts) evolveAdmission(state, fact);
    }
    const grants = admit(state, GRANTS_A_ROUND);
    if (grants.length === 0) return 0;
    let results: readonly AppendResult[];
    try {
      results = await this.#ports.store.append(grants.map((grant) => this.#entry(grant)));
    } catch (error) {
      this.#isInDoubt = true;
      for (const grant of grants) evolveAdmission(state, { type: 'GrantFailed', attemptId: grant.attempt.attemptId, again: true });
      throw error;
    }
    if (this.#state !== state) return 0;
    const messages: OutgoingMessage[] = [];
    const conflicts: Grant[] = [];
    for (const [index, grant] of grants.entries()) {
      const result = results[index];
      if (result?.kind === 'appended') this.#committed(state, grant, messages);
      else if (result?.kind === 'fenced') this.#outvoted(state, grant);
      else if (result?.kind === 'unwritable') messages.push(...(await this.#giveUp(state, grant, result.message)));
      else conflicts.push(grant);
    }
    try {
      if (messages.length > 0) await this.#ports.publisher.publish(messages);
    } finally {
      if (conflicts.length > 0) await this.#resolve(state, conflicts);
    }
    if (grants.length === GRANTS_A_ROUND) this.#loop.wake();
    return grants.length;
  }

  /** Grants of a commit that was reported as failed may stand: nothing more is granted until their slots are counted. */
  async #recount(state: AdmissionState): Promise<void> {
    // A term of its own waits for what may still be under way, so that the rows then have all of it; pools are read anew too,
    // since another leader may have changed them.
    this.#term = await this.#ports.leases.raiseTerm();
    this.#ports.declarations.hinted();
    const rows = await this.#ports.leases.list();
    if (this.#state !== state) return;
    this.#isInDoubt = false;
    const messages: OutgoingMessage[] = [];
    for (const row of rows) {
      if (state.leases.has(row.attemptId)) continue;
      const ready = this.#work.get(row.attemptId);
      if (ready !== undefined && isGrantOf(row, ready)) messages.push(this.#assignment(ready, row.epoch, row.worker));
      this.#found(row);
    }
    if (messages.length > 0) await this.#ports.publisher.publish(messages);
  }

  /** Another dispatcher has begun a term: either this one leads no more and is about to hear it, or it counts anew in a term of its own. */
  #outvoted(state: AdmissionState, { attempt }: Grant): void {
    this.#isInDoubt = true;
    evolveAdmission(state, { type: 'GrantFailed', attemptId: attempt.attemptId, again: true });
  }

  /** Of what no lease can say (a plan of before it was checked): the task is marked failed, for it would never run. */
  async #giveUp(state: AdmissionState, { attempt: { attemptId } }: Grant, why: string): Promise<OutgoingMessage[]> {
    const { dagId, runId, taskId, mapIndex } = parseAttemptId(attemptId);
    this.#ports.log.error('an attempt cannot be granted and never will be; its task is marked failed', { attemptId, why });
    evolveAdmission(state, { type: 'GrantFailed', attemptId, again: false });
    this.#work.delete(attemptId);
    const commandId = `ungrantable/${attemptId}`;
    const body: CommandBody = { type: 'MarkTasks', runId, tasks: [{ taskId, mapIndex }], state: 'failed', user: 'dispatcher' };
    await this.#ports.store.storeCommand({ commandId, dagId, body: body as unknown as Json });
    return [{ topic: TOPICS.commands.name, key: dagId, type: 'CommandStored', data: { commandId, dagId } }];
  }

  #entry(grant: Grant): AppendEntry {
    const ready = grant.attempt as AttemptReady;
    const key = parseAttemptId(ready.attemptId);
    const { queue, pool, poolSlots, deferredSlots, lostAfterMs, attemptId, lastEpoch } = ready;
    const granted = { ...key, worker: grant.worker, queue, pool, poolSlots, atMs: this.#ports.clock.nowMs() };
    return {
      streamId: attemptStream(attemptId),
      expectedVersion: lastEpoch,
      events: [{ eventId: uuidv7(), type: 'AttemptGranted', schemaVersion: 1, data: granted as unknown as Json }],
      grants: [
        {
          attemptId, epoch: lastEpoch + 1, worker: grant.worker, incarnation: this.#ports.roster.incarnationOf(grant.worker) ?? '',
          dagId: key.dagId, runId: key.runId, taskId: key.taskId, queue, pool, poolSlots, lostAfterMs,
          term: this.#term,
          ...(deferredSlots === undefined ? {} : { deferredSlots }),
        },
      ],
    };
  }

  #committed(state: AdmissionState, grant: Grant, messages: OutgoingMessage[]): void {
    const ready = grant.attempt as AttemptReady;
    const { attemptId } = ready;
    const epoch = ready.lastEpoch + 1;
    evolveAdmission(state, { type: 'GrantCommitted', attemptId, epoch });
    if (state.leases.get(attemptId)?.epoch !== epoch) {
      if (!state.ready.has(attemptId)) this.#work.delete(attemptId);
      messages.push(...this.#withdrawal(attemptId, epoch, grant.worker));
      return;
    }
    this.#leases.set(attemptId, { attemptId, epoch, worker: grant.worker, incarnation: this.#ports.roster.incarnationOf(grant.worker) ?? '', committedAtMs: this.#ports.clock.nowMs() });
    messages.push(this.#assignment(ready, epoch, grant.worker));
  }

  /** Of a grant that was closed or revoked while it committed. Its row came after what should have deleted it: the scheduler, told of the loss, drops it. */
  #withdrawal(attemptId: string, epoch: number, worker: string): OutgoingMessage[] {
    const token = attemptToken(this.#ports.tokenSecret, attemptId, epoch);
    return [
      { topic: assignmentTopic(worker).name, key: attemptId, type: 'AttemptRevoked', data: { attemptId, epoch, reason: 'the attempt ended while it was being granted' } },
      { topic: TOPICS.reports.name, key: parseAttemptId(attemptId).dagId, type: 'AttemptLost', data: { attemptId, epoch, worker, cause: 'lease_expired', token } },
    ];
  }

  #assignment(ready: AttemptReady, epoch: number, worker: string): OutgoingMessage {
    return {
      topic: assignmentTopic(worker).name,
      key: ready.attemptId,
      type: 'AttemptAssigned',
      data: { attemptId: ready.attemptId, epoch, token: attemptToken(this.#ports.tokenSecret, ready.attemptId, epoch), lostAfterMs: ready.lostAfterMs, work: ready.work },
      ...(ready.work.traceparent === undefined ? {} : { traceparent: ready.work.traceparent }),
    };
  }

  /**
   * The attempt's stream stood elsewhere than its readiness said. Either it is live already (a hint came twice, or a
   * leader before us granted it): its worker is told again. Or an earlier grant of the try has ended: what was said is of
   * before that, when the task may have waited for something else, so its run is asked what is ready now. What does the
   * same whenever it is granted needs no asking.
   */
  async #resolve(state: AdmissionState, conflicts: readonly Grant[]): Promise<void> {
    let rows: ReadonlyMap<string, Lease>;
    let epochs: readonly number[];
    try {
      rows = new Map((await this.#ports.leases.list()).map((row) => [row.attemptId, row]));
      epochs = await Promise.all(conflicts.map(async ({ attempt }) => (await this.#ports.store.read(attemptStream(attempt.attemptId))).at(-1)?.version ?? 0));
    } catch (error) {
      // Every grant is answered, or its slots are held by nobody for ever.
      for (const { attempt } of conflicts) evolveAdmission(state, { type: 'GrantFailed', attemptId: attempt.attemptId, again: true });
      throw error;
    }
    if (this.#state !== state) return;
    const messages: OutgoingMessage[] = [];
    const wanted: { readonly attemptId: string; readonly epoch: number }[] = [];
    for (const [index, { attempt }] of conflicts.entries()) {
      const ready = attempt as AttemptReady;
      const { attemptId } = ready;
      const row = rows.get(attemptId);
      const epoch = epochs[index] ?? 0;
      evolveAdmission(state, { type: 'GrantFailed', attemptId, again: false });
      if (row !== undefined) {
        this.#found(row);
        if (isGrantOf(row, ready)) messages.push(this.#assignment(ready, row.epoch, row.worker));
      } else if (ready.work.kind === 'callback' || ready.work.kind === 'watcher') {
        const again: AttemptReady = { ...ready, lastEpoch: epoch };
        this.#work.set(attemptId, again);
        evolveAdmission(state, { type: 'AttemptReady', attempt: again });
      } else if (!state.ready.has(attemptId)) {
        this.#work.delete(attemptId);
        wanted.push({ attemptId, epoch });
      }
    }
    if (wanted.length > 0) messages.push({ topic: TOPICS.reports.name, key: 'dispatcher', type: 'AttemptsWanted', data: { by: this.#ports.instance, of: wanted } });
    if (messages.length > 0) await this.#ports.publisher.publish(messages);
    this.#loop.wake();
  }

  /**
   * Tells the worker of an attempt again what it was assigned: the hint may have been lost. Only the process that it was
   * granted to: a successor on its slot may not run it under the same epoch. And not of an `expired` lease: it would begin
   * what somebody else is about to be given.
   */
  async remind(nowMs: number, expired: ReadonlySet<string>): Promise<void> {
    const { roster } = this.#ports;
    const messages: OutgoingMessage[] = [];
    for (const lease of this.#leases.values()) {
      const ready = this.#work.get(lease.attemptId);
      if (ready === undefined || expired.has(lease.attemptId) || lease.committedAtMs > nowMs - REMIND_AFTER_MS) continue;
      if (roster.holds(lease.worker, lease.attemptId) || roster.incarnationOf(lease.worker) !== lease.incarnation) continue;
      messages.push(this.#assignment(ready, lease.epoch, lease.worker));
    }
    if (messages.length > 0) await this.#ports.publisher.publish(messages);
  }
}

/** Whether it is by this readiness that the lease was granted: another says what the try was to do at another time. */
const isGrantOf = ({ epoch }: { readonly epoch: number }, { lastEpoch }: AttemptReady): boolean => epoch === lastEpoch + 1;

/** Bounds a round: a commit of this many grants is still a few milliseconds. */
const GRANTS_A_ROUND = 512;
/** A lease younger than this may not be in rows that were read before its commit. */
const SETTLE_MS = 5_000;
const REMIND_AFTER_MS = 10_000;

export interface LiveLease {
  readonly attemptId: string;
  readonly epoch: number;
  readonly worker: string;
  readonly incarnation: string;
  readonly committedAtMs: number;
}

export interface AdmissionDeskPorts {
  readonly instance: string;
  readonly store: EventStore;
  readonly leases: LeaseStore;
  readonly publisher: MessagePublisher;
  readonly roster: WorkerRoster;
  readonly declarations: Pick<DeclarationDesk, 'open' | 'hasWork' | 'hinted' | 'carryOut'>;
  readonly tokenSecret: string;
  readonly clock: Clock;
  readonly log: Log;
}
