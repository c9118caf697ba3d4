import { assignmentTopic, CALLBACK_TASK, parseAttemptId, TOPICS, type AttemptAssigned, type AttemptFinished, type AttemptLost, type Message, type Outcome } from '@dagbook/contracts';
import type { MessageBroker } from '@dagbook/messaging';
import { deedOf, type OracleTask } from '../oracles/dagrun-row.ts';
import type { Chance } from './chance.ts';
import { LOST_AFTER_MS, type SimulatedDag, type WatchedAsset } from './scenario.ts';
import type { Actor, VirtualTime } from './virtual-time.ts';
import type { Witness } from './witness.ts';

/** The rules that a worker keeps; a canary breaks one. */
export interface WorkerRules {
  /** A report is sent again until it is acknowledged. */
  readonly resends: boolean;
  /** What it could not renew for half of `lostAfter` it kills. */
  readonly fencesItself: boolean;
  /** A repeated assignment of what runs, or has been reported, begins nothing. */
  readonly knowsRepetitions: boolean;
}

export const WORKER_RULES: WorkerRules = { resends: true, fencesItself: true, knowsRepetitions: true };

type Report = { readonly type: 'AttemptFinished'; readonly data: AttemptFinished } | { readonly type: 'AttemptLost'; readonly data: AttemptLost };

/** What outlives the process of a worker: reports that nobody has acknowledged. */
export class WorkerDisk {
  readonly reports = new Map<string, Report>();
  incarnations = 0;
}

interface Held {
  readonly assignment: AttemptAssigned;
  readonly execution: ReturnType<Witness['executionStarted']>;
  leaseFromMs: number;
  stop: () => void;
}

const RENEW_EVERY_MS = 3_000;
const RESEND_EVERY_MS = 2_000;
const LOOK_EVERY_MS = 250;
/** After this nobody is waited for, and the default is the answer. */
const RESPONSE_WITHIN_MS = 20_000;

/**
 * A worker by the rules of the real one, with tasks that only take time: runs what it is assigned, reports until it is
 * acknowledged, renews, lets go of what is revoked, and kills what it could not renew for half of `lostAfter`.
 */
export class SimulatedWorker {
  readonly #actor: Actor;
  readonly #slots: number;
  readonly #disk: WorkerDisk;
  readonly #parts: SimulatedWorkerParts;
  readonly #held = new Map<string, Held>();
  readonly #ended = new Set<string>();
  readonly #renewals = new Map<number, { readonly sentAtMs: number; readonly held: readonly Held[] }>();
  readonly #incarnation: string;
  #sequence = 0;
  #isKnown = false;

  constructor(actor: Actor, slots: number, disk: WorkerDisk, parts: SimulatedWorkerParts) {
    this.#actor = actor;
    this.#slots = slots;
    this.#disk = disk;
    this.#parts = parts;
    this.#incarnation = `${actor.name}/${(disk.incarnations += 1)}`;
    // Its tasks are its children.
    actor.onDeath(() => {
      for (const held of this.#held.values()) held.execution.ended = true;
    });
  }

  async start(): Promise<void> {
    await this.#parts.broker.listen({
      service: 'worker', instance: this.#actor.name, subscriptions: [{ topic: assignmentTopic(this.#actor.name).name, mode: 'broadcast' }],
      handlerOf: () => async (messages) => {
        for (const message of messages) this.#hear(message);
      },
    });
    this.#every(RENEW_EVERY_MS, () => this.#renew());
    this.#every(RESEND_EVERY_MS, () => this.#resend());
    this.#every(LOOK_EVERY_MS, () => this.#giveUpExpired());
  }

  #every(ms: number, act: () => void): void {
    act();
    this.#parts.time.after(this.#actor, ms, () => this.#every(ms, act));
  }

  #hear(message: Message): void {
    switch (message.type) {
      case 'AttemptAssigned':
        return this.#assigned(message.data);
      case 'AttemptRevoked':
        return this.#revoke(message.data.attemptId, message.data.epoch);
      case 'ReportAcknowledged': {
        const { attemptId, epoch, accepted } = message.data;
        if (this.#disk.reports.delete(`${attemptId}@${epoch}`)) this.#ended.add(`${attemptId}@${epoch}`);
        if (!accepted) this.#revoke(attemptId, epoch);
        return;
      }
      case 'RenewalGranted': {
        const renewal = this.#renewals.get(message.data.sequence);
        if (renewal === undefined) return;
        this.#isKnown = true;
        const revoked = new Set(message.data.revoked.map(({ attemptId, epoch }) => `${attemptId}@${epoch}`));
        for (const held of renewal.held) if (!revoked.has(keyOf(held.assignment))) held.leaseFromMs = Math.max(held.leaseFromMs, renewal.sentAtMs);
        for (const { attemptId, epoch } of message.data.revoked) this.#revoke(attemptId, epoch);
        return;
      }
      default:
        return;
    }
  }

  #assigned(assignment: AttemptAssigned): void {
    const { attemptId, epoch } = assignment;
    const known = this.#held.get(attemptId);
    if (this.#parts.rules.knowsRepetitions) {
      if (known !== undefined && known.assignment.epoch >= epoch) return;
      const reported = this.#disk.reports.get(keyOf(assignment));
      if (reported !== undefined) return this.#say(reported);
      if (this.#ended.has(keyOf(assignment))) return;
    }
    if (known !== undefined && known.assignment.epoch < epoch) this.#kill(known);
    this.#run(assignment);
  }

  #run(assignment: AttemptAssigned): void {
    const { time, witness } = this.#parts;
    const { attemptId, epoch, token } = assignment;
    const startedAtMs = time.nowMs;
    const execution = witness.executionStarted(this.#actor.name, attemptId, epoch, startedAtMs);
    const durationMs = assignment.work.kind === 'watcher' ? LOOK_EVERY_MS : this.#durationMs();
    const held: Held = { assignment, execution, leaseFromMs: startedAtMs, stop: () => undefined };
    const end = (): void => {
      const outcome = assignment.work.kind === 'watcher' ? this.#seen(assignment) : this.#outcomeOf(assignment);
      if (outcome === undefined) {
        held.stop = time.after(this.#actor, LOOK_EVERY_MS, end);
        return;
      }
      execution.ended = true;
      execution.outcome = outcome;
      this.#held.delete(attemptId);
      const data: AttemptFinished = { attemptId, epoch, token, worker: this.#actor.name, pid: 1, startedAtMs, finishedAtMs: time.nowMs, outcome: execution.outcome, log: { bytes: 0, lines: 0 } };
      this.#report({ type: 'AttemptFinished', data });
    };
    held.stop = time.after(this.#actor, durationMs, end);
    this.#held.set(attemptId, held);
    if (durationMs > 10 && assignment.work.kind !== 'watcher') this.#publish([{ topic: TOPICS.reports.name, key: attemptId, type: 'AttemptStarted', data: { attemptId, epoch, token, worker: this.#actor.name, pid: 1, startedAtMs } }]);
  }

  /** What has come since what was seen last, or a part of it; nothing yet: it watches on. */
  #seen({ work: { watcher } }: AttemptAssigned): Outcome | undefined {
    const { watched, chance, time, calmFromMs } = this.#parts;
    if (watched === undefined || watcher === undefined) return undefined;
    if (time.nowMs < calmFromMs && chance.happens(0.01)) return { kind: 'failed', failure: { code: 'error', message: 'cannot look' } };
    const from = watched.updates.findIndex(({ id }) => id === watcher.last) + 1;
    const updates = watched.updates.slice(from, from + chance.between(1, 3)).filter(({ atMs }) => atMs <= time.nowMs);
    if (updates.length === 0) return undefined;
    return { kind: 'fired', event: { uri: watched.uri, name: watched.name, updates: updates.map(({ id }) => ({ id, extra: { id } })) } };
  }

  /** Most are short; some outlast a lease that nobody renews. */
  #durationMs(): number {
    const { chance } = this.#parts;
    const kind = chance.next();
    return kind < 0.65 ? chance.below(20) : kind < 0.9 ? chance.below(6_000) : chance.below(3 * LOST_AFTER_MS);
  }

  #outcomeOf({ attemptId, work }: AttemptAssigned): Outcome {
    const { dagId, taskId, mapIndex, tryNumber } = parseAttemptId(attemptId);
    if (taskId === CALLBACK_TASK) return this.#parts.chance.happens(0.7) ? { kind: 'succeeded' } : { kind: 'failed', failure: { code: 'error', message: 'away' } };
    if (work.kind === 'trigger') return { kind: 'fired', event: work.trigger ?? null };
    const dag = this.#parts.dags.find(({ definition }) => definition.dagId === dagId);
    const waits = dag?.waits.get(taskId);
    if (waits === 'trigger' && work.resumed === undefined) return { kind: 'deferred', trigger: { kind: 'named', name: 'simulated', args: tryNumber } };
    if (waits === 'person' && work.answer === undefined) return { kind: 'awaiting_input', request: { subject: 'Go on?', options: ['yes', 'no'], defaults: ['no'] }, timeoutAtMs: this.#parts.time.nowMs + RESPONSE_WITHIN_MS };
    const task = dag?.row.dag.tasks.find(({ id }) => id === taskId) as OracleTask;
    const deed = deedOf(task, mapIndex);
    if (deed === 'skip') return { kind: 'skipped' };
    if (deed === 'failNoRetry') return { kind: 'failed', failure: { code: 'no_retry', message: 'asked to' } };
    if (deed === 'fail' || (deed === 'failOnce' && tryNumber === 1)) return { kind: 'failed', failure: { code: 'error', message: 'asked to' } };
    return {
      kind: 'succeeded',
      ...(task.returns === undefined ? {} : { result: { kind: 'inline', value: task.returns } }),
      ...(task.kind === 'branch' ? { chosen: task.chooses ?? [] } : {}),
      ...(task.kind === 'shortCircuit' ? { passed: task.passes ?? true } : {}),
    };
  }

  #kill(held: Held): void {
    held.stop();
    held.execution.ended = true;
    this.#held.delete(held.assignment.attemptId);
  }

  #revoke(attemptId: string, epoch: number): void {
    this.#ended.add(`${attemptId}@${epoch}`);
    const held = this.#held.get(attemptId);
    if (held !== undefined && held.assignment.epoch <= epoch) this.#kill(held);
  }

  #giveUpExpired(): void {
    if (!this.#parts.rules.fencesItself) return;
    for (const held of this.#held.values()) {
      const { attemptId, epoch, token, lostAfterMs } = held.assignment;
      if (this.#parts.time.nowMs - held.leaseFromMs <= lostAfterMs / 2) continue;
      this.#kill(held);
      this.#ended.add(keyOf(held.assignment));
      this.#report({ type: 'AttemptLost', data: { attemptId, epoch, token, worker: this.#actor.name, cause: 'lease_expired' } });
    }
  }

  #report(report: Report): void {
    if (report.type === 'AttemptFinished') this.#disk.reports.set(keyOf(report.data), report);
    this.#say(report);
  }

  #resend(): void {
    if (this.#parts.rules.resends) for (const report of this.#disk.reports.values()) this.#say(report);
  }

  #say(report: Report): void {
    this.#publish([{ topic: TOPICS.reports.name, key: report.data.attemptId, ...report }]);
  }

  #renew(): void {
    const held = [...this.#held.values()];
    this.#renewals.set((this.#sequence += 1), { sentAtMs: this.#parts.time.nowMs, held });
    const attempts = [...held.map(({ assignment }) => assignment), ...[...this.#disk.reports.values()].map(({ data }) => data)].map(({ attemptId, epoch }) => ({ attemptId, epoch }));
    this.#publish([{
      topic: TOPICS.workers.name, key: this.#actor.name, type: 'WorkerRenewed',
      data: {
        worker: this.#actor.name, incarnation: this.#incarnation, queues: ['default'], slots: this.#slots, draining: false, attempts, sequence: this.#sequence,
        hostname: 'simulated', version: '0', ...(this.#isKnown ? {} : { predecessorReaped: true }),
      },
    }]);
  }

  #publish(messages: Parameters<ReturnType<MessageBroker['publisher']>['publish']>[0]): void {
    this.#parts.broker.publisher().publish(messages).catch(() => undefined);
  }
}

const keyOf = ({ attemptId, epoch }: { readonly attemptId: string; readonly epoch: number }): string => `${attemptId}@${epoch}`;

export interface SimulatedWorkerParts {
  readonly broker: MessageBroker;
  readonly time: VirtualTime;
  readonly chance: Chance;
  readonly witness: Witness;
  readonly dags: readonly SimulatedDag[];
  readonly watched: WatchedAsset | undefined;
  readonly calmFromMs: number;
  readonly rules: WorkerRules;
}
