import type {
  AttemptAssigned, AttemptId, AttemptKind, AttemptRevoked, DrainWorker, ExecutionApi, Message, RenewalGranted, ReportAcknowledged,
} from '@dagbook/contracts';
import { type Failure, MIN_SECRET_CHARACTERS } from '@dagbook/domain';
import type { MessagePublisher } from '@dagbook/messaging';
import type { Clock, Log } from '@dagbook/platform';
import { Attempt, type Ending, failedWith } from './attempt.ts';
import { type AttemptSecrets, secretsInAnswer } from './attempt-secrets.ts';
import type { BundleCache, FoundBundle } from './bundle-cache.ts';
import { answerCall } from './execution-calls.ts';
import { LeaseKeeper } from './lease-keeper.ts';
import type { LargeResults } from './large-results.ts';
import type { LogShipper } from './log-shipper.ts';
import { RecentKeys } from './recent-keys.ts';
import type { ReportOutbox } from './report-outbox.ts';
import type { RunnerPool } from './runner-pool.ts';
import type { RunnerDeath, RunnerListener, RunnerProcess } from './runner-process.ts';
import type { TriggerHost } from './trigger-host.ts';
import type { WorkerOptions, WorkerTiming } from './worker-options.ts';

export interface SupervisorParts {
  readonly options: WorkerOptions;
  readonly timing: WorkerTiming;
  readonly incarnation: string;
  readonly publisher: MessagePublisher;
  readonly executionApi: ExecutionApi;
  readonly clock: Clock;
  readonly log: Log;
  readonly pool: RunnerPool;
  /** Runners beside those of the slots: a callback waits for no task. */
  readonly callbackPool: RunnerPool;
  readonly triggers: TriggerHost;
  readonly outbox: ReportOutbox;
  readonly logs: LogShipper;
  readonly secrets: AttemptSecrets;
  readonly bundles: BundleCache;
  readonly largeResults: LargeResults;
}

export interface WorkerStats {
  readonly slots: number;
  readonly waiting: number;
  readonly running: number;
  /** Triggers that wait in the host, and callbacks: they take no slot and are not in `running`. */
  readonly hosted: number;
  readonly draining: boolean;
  readonly runners: number;
  readonly idleRunners: number;
  /** Runners that died before they were ready, since one last was: not 0 means that no task can begin. */
  readonly failedRunnerStarts: number;
  readonly unacknowledgedReports: number;
  readonly unsentLogs: number;
  /** Since the sending of the last renewal that was granted; absent before the first. */
  readonly renewalGrantedAgoMs?: number;
}

/** What a sensor's own timeout, which knows more, may be late by. */
const SENSOR_SLACK_MS = 1_000;
const BUNDLE_RETRY_MS = 1_000;
/** Acknowledged or revoked attempts that a doubled assignment must not begin again. */
const REMEMBERED_ENDS = 20_000;

/**
 * Runs what the dispatcher assigns, and lets go of what is taken away.
 *
 * An attempt here is `waiting` (for its code, then for a runner) → `running` in one runner → `ending` (its runner is
 * being killed: timeout, revocation, lost lease, drain) → gone from `#attempts`. A reported end then lives in the
 * outbox until it is acknowledged, and its key in `#ended` for as long as a late copy of the assignment may come.
 * Only one epoch of an attempt is here at a time: a newer one kills the older and begins when nothing of it runs.
 * Assignments, revocations and acknowledgements may come twice, late and in any order.
 */
export class Supervisor {
  readonly #parts: SupervisorParts;
  readonly #attempts = new Map<AttemptId, Attempt>();
  readonly #ended = new RecentKeys(REMEMBERED_ENDS);
  readonly #leases: LeaseKeeper;
  /** It stops. */
  #stopping = false;
  /** The dispatcher said that it is to take nothing more, until it says the contrary. */
  #drained = false;
  #onEmpty: (() => void) | undefined;

  constructor(parts: SupervisorParts) {
    this.#parts = parts;
    const { options, incarnation, publisher, log, timing, outbox } = parts;
    this.#leases = new LeaseKeeper({
      identity: { worker: options.slotName, incarnation, queues: options.queues, slots: options.slots, hostname: options.hostname, version: options.version },
      publisher,
      log,
      renewEveryMs: timing.renewEveryMs,
      isDraining: () => this.#draining,
      held: () => [...this.#attempts.values()].filter((attempt) => attempt.state !== 'ending'),
      reported: () => outbox.unacknowledged(),
      onRevoked: (attemptId, epoch) => this.#revoke(attemptId, epoch, 'its lease is not this worker\'s any more'),
      onExpired: (held) => this.#onLeaseExpired(held as Attempt),
    });
  }

  start(): void {
    this.#leases.start();
  }

  stats(): WorkerStats {
    const pool = this.#parts.pool.stats();
    const attempts = [...this.#attempts.values()];
    const grantedAgoMs = this.#leases.grantedAgoMs();
    return {
      slots: this.#parts.options.slots,
      waiting: attempts.filter((attempt) => attempt.state === 'waiting').length,
      running: attempts.filter((attempt) => attempt.state !== 'waiting' && kindOf(attempt) === 'task').length,
      hosted: this.#parts.triggers.size + attempts.filter((attempt) => kindOf(attempt) === 'callback').length,
      draining: this.#draining,
      runners: pool.runners,
      idleRunners: pool.idle,
      failedRunnerStarts: pool.failedStarts,
      unacknowledgedReports: this.#parts.outbox.size,
      unsentLogs: this.#parts.logs.waitingLogs,
      ...(grantedAgoMs === undefined ? {} : { renewalGrantedAgoMs: grantedAgoMs }),
    };
  }

  handle(message: Message): void {
    switch (message.type) {
      case 'AttemptAssigned':
        return this.#onAssigned(message.data);
      case 'AttemptRevoked':
        return this.#onRevoked(message.data);
      case 'ReportAcknowledged':
        return this.#onAcknowledged(message.data);
      case 'RenewalGranted':
        return this.#onRenewalGranted(message.data);
      case 'DrainWorker':
        return this.#onDrain(message.data);
      default:
        return;
    }
  }

  /**
   * Takes nothing more, hands back what waits, lets what runs finish until the deadline and hands back the rest.
   * Resolves when nothing runs.
   */
  async drain(deadlineMs: number): Promise<void> {
    this.#stopping = true;
    void this.#leases.renew();
    for (const attempt of this.#attempts.values()) {
      if (attempt.state === 'waiting') this.#end(attempt, HANDED_BACK, 0);
    }
    const graceMs = Math.min(this.#parts.timing.termGraceMs, deadlineMs / 2);
    await this.#emptyWithin(deadlineMs - graceMs);
    for (const attempt of this.#attempts.values()) this.#end(attempt, HANDED_BACK, graceMs);
    await this.#emptyWithin(graceMs + 3_000);
    this.#leases.stop();
  }

  #onAssigned(assignment: AttemptAssigned): void {
    const { attemptId, epoch } = assignment;
    const known = this.#attempts.get(attemptId);
    if (known !== undefined) {
      if (known.epoch === epoch) return this.#sayStarted(known);
      if (known.epoch > epoch) return;
      known.successor = assignment;
      return this.#end(known, { kind: 'revoked', why: 'the attempt was granted anew' }, this.#parts.timing.revokeGraceMs);
    }
    if (this.#parts.outbox.repeat(attemptId, epoch) || this.#ended.has(keyOf(assignment))) return;
    const attempt = new Attempt(assignment, this.#parts.logs.open(attemptId, epoch));
    this.#attempts.set(attemptId, attempt);
    if (this.#draining) this.#end(attempt, HANDED_BACK, 0);
    else this.#findCode(attempt);
  }

  #onRevoked({ attemptId, epoch, reason }: AttemptRevoked): void {
    this.#revoke(attemptId, epoch, reason);
  }

  /** What still runs was not reported from here: a refusal of it answers a report that somebody forged, and ends nothing. */
  #onAcknowledged({ attemptId, epoch }: ReportAcknowledged): void {
    if (this.#parts.outbox.acknowledge(attemptId, epoch)) this.#ended.add(`${attemptId}@${epoch}`);
  }

  #onRenewalGranted(granted: RenewalGranted): void {
    this.#leases.onGranted(granted);
  }

  get #draining(): boolean {
    return this.#stopping || this.#drained;
  }

  #onDrain({ by, draining = true }: DrainWorker): void {
    if (this.#drained === draining) return;
    this.#parts.log.info(draining ? 'draining: nothing new is taken, what runs may finish' : 'takes attempts again', { by });
    this.#drained = draining;
    void this.#leases.renew();
  }

  /** A report that is kept stays so: only the scheduler's answer to it says what became of it. */
  #revoke(attemptId: AttemptId, epoch: number, why: string): void {
    this.#ended.add(`${attemptId}@${epoch}`);
    const attempt = this.#attempts.get(attemptId);
    if (attempt !== undefined && attempt.epoch <= epoch) this.#end(attempt, { kind: 'revoked', why }, this.#parts.timing.revokeGraceMs);
  }

  #onLeaseExpired(attempt: Attempt): void {
    const why = `the worker could not renew its lease for ${attempt.lostAfterMs / 2_000} s, so the task may be given to another`;
    this.#end(attempt, { kind: 'lost', cause: 'lease_expired', why }, this.#parts.timing.termGraceMs);
  }

  #findCode(attempt: Attempt): void {
    const found = this.#parts.bundles.find(attempt.assignment.work.bundleHash);
    if (!(found instanceof Promise)) return this.#waitForRunner(attempt, found);
    found.then(
      (bundle) => {
        if (attempt.state !== 'waiting') return;
        if (bundle !== null) return this.#waitForRunner(attempt, bundle);
        this.#end(attempt, failedWith({ code: 'code_missing', message: `the gateway has no code ${attempt.assignment.work.bundleHash}, which the run was made with` }), 0);
      },
      (error: unknown) => {
        if (attempt.state !== 'waiting') return;
        const reason = error instanceof Error ? error.message : String(error);
        attempt.log.line('warning', `The DAG's code cannot be had: ${reason}; trying again.`, 'dagbook');
        attempt.timer = setTimeout(() => this.#findCode(attempt), BUNDLE_RETRY_MS);
      },
    );
  }

  #waitForRunner(attempt: Attempt, bundle: FoundBundle): void {
    if (isHosted(attempt)) return this.#host(attempt, bundle);
    const { bundleHash } = attempt.assignment.work;
    attempt.ticket = this.#poolOf(attempt).acquire(bundleHash, (runner) => this.#run(attempt, runner, bundle));
  }

  #poolOf(attempt: Attempt): RunnerPool {
    return kindOf(attempt) === 'callback' ? this.#parts.callbackPool : this.#parts.pool;
  }

  #run(attempt: Attempt, runner: RunnerProcess, { path: bundlePath, files }: FoundBundle): void {
    const { attemptId, epoch, work } = attempt.assignment;
    attempt.state = 'running';
    attempt.runner = runner;
    attempt.startedAtMs = this.#parts.clock.nowMs();
    this.#setTimeout(attempt);
    runner.run({ attemptId, epoch, bundlePath, ...(files === undefined ? {} : { files }), work }, this.#listener(attempt));
    this.#sayStarted(attempt);
  }

  /** A trigger waits in the host; the end of its time is the scheduler's affair. */
  #host(attempt: Attempt, { path: bundlePath, files }: FoundBundle): void {
    const { attemptId, epoch, work } = attempt.assignment;
    attempt.state = 'running';
    attempt.startedAtMs = this.#parts.clock.nowMs();
    this.#parts.triggers.begin({ attemptId, epoch, bundlePath, ...(files === undefined ? {} : { files }), work }, {
      ...this.#listener(attempt),
      onDeath: () => this.#settle(attempt, { kind: 'lost', cause: 'runner_died', why: 'the process that hosts triggers died; it waits on in another' }),
    });
  }

  #sayStarted(attempt: Attempt): void {
    if (attempt.state !== 'running' || kindOf(attempt) !== 'task') return;
    const { attemptId, epoch, token } = attempt.assignment;
    this.#parts.outbox.started({
      attemptId, epoch, token, worker: this.#parts.options.slotName, pid: attempt.runner?.pid ?? 0, startedAtMs: attempt.startedAtMs,
    });
  }

  #listener(attempt: Attempt): RunnerListener {
    return {
      onLog: (text, bytes) => attempt.log.append(text, bytes),
      onStdio: (stream, line) => attempt.log.line(stream === 'stdout' ? 'info' : 'error', line, `task.${stream}`),
      onCall: (call) => answerCall({ api: this.#parts.executionApi, largeResults: this.#parts.largeResults, isWanted: () => attempt.state === 'running' }, attempt.assignment, call, (question, answer) => this.#learn(attempt, secretsInAnswer(question, answer), 'key' in question ? `the ${question.method} '${question.key}'` : 'an answer')),
      onSecrets: (secrets) => this.#learn(attempt, secrets, 'this task'),
      mask: () => this.#parts.secrets.of(attempt.attemptId),
      onSensor: () => {
        attempt.isSensor = true;
        this.#setTimeout(attempt);
      },
      onEnd: ({ outcome }) => this.#settle(attempt, { kind: 'report', outcome }),
      onDeath: (death) => this.#settle(attempt, failedWith(failureOfDeath(death))),
    };
  }

  #learn(attempt: Attempt, secrets: readonly string[], whose: string): void {
    const short = this.#parts.secrets.learn(attempt.attemptId, secrets);
    if (short === 0) return;
    attempt.log.line('warning', `A secret of ${whose} has fewer than ${MIN_SECRET_CHARACTERS} characters, so it is not hidden in this log.`, 'dagbook');
  }

  /** Of one try; for a sensor over all its pokes and tries, which its own clock in the runner sees to first. */
  #setTimeout(attempt: Attempt): void {
    const { timeoutMs, firstStartedAtMs } = attempt.assignment.work;
    if (timeoutMs === undefined) return;
    clearTimeout(attempt.timer);
    const sinceFirstMs = attempt.isSensor && firstStartedAtMs !== undefined ? attempt.startedAtMs - firstStartedAtMs : 0;
    const leftMs = attempt.isSensor ? Math.max(0, timeoutMs - sinceFirstMs) + SENSOR_SLACK_MS : timeoutMs;
    const code = attempt.isSensor ? 'sensor_timeout' : 'timeout';
    const message = attempt.isSensor
      ? `what the sensor waits for has not come within ${timeoutMs / 1_000} s`
      : `the try took longer than its timeout of ${timeoutMs / 1_000} s and was ended`;
    attempt.timer = setTimeout(() => this.#end(attempt, failedWith({ code, message }), this.#parts.timing.termGraceMs), Math.min(leftMs, MAX_TIMER_MS));
  }

  /** Ends it from outside, at most once: the first reason stands. A shorter grace hurries an end under way. */
  #end(attempt: Attempt, ending: Ending, graceMs: number): void {
    if (attempt.state === 'waiting') {
      if (attempt.ticket !== undefined) this.#poolOf(attempt).cancel(attempt.ticket);
      return this.#settle(attempt, ending);
    }
    if (isHosted(attempt)) {
      this.#parts.triggers.cancel(attempt);
      return this.#settle(attempt, ending);
    }
    const runner = attempt.runner as RunnerProcess;
    if (attempt.state === 'ending') {
      if (ending.kind === 'revoked') void runner.terminate(graceMs);
      return;
    }
    attempt.state = 'ending';
    clearTimeout(attempt.timer);
    void runner.terminate(graceMs).then(() => this.#settle(attempt, ending));
  }

  /** Nothing of it runs any more. */
  #settle(attempt: Attempt, ended: Ending): void {
    clearTimeout(attempt.timer);
    this.#attempts.delete(attempt.attemptId);
    const { secrets } = this.#parts;
    const ending: Ending = ended.kind === 'report' ? { ...ended, outcome: secrets.maskedOutcome(attempt.attemptId, ended.outcome) } : ended;
    this.#sayLast(attempt, ending);
    const trailer = attempt.log.end();
    secrets.forget(attempt.attemptId);
    const { attemptId, epoch, token } = attempt.assignment;
    const from = { attemptId, epoch, token, worker: this.#parts.options.slotName };
    switch (ending.kind) {
      case 'report': {
        const finishedAtMs = this.#parts.clock.nowMs();
        const times = { startedAtMs: attempt.startedAtMs === 0 ? finishedAtMs : attempt.startedAtMs, finishedAtMs };
        this.#parts.outbox.final({ type: 'AttemptFinished', data: { ...from, outcome: ending.outcome, ...times, pid: attempt.runner?.pid ?? 0, log: trailer } });
        break;
      }
      case 'lost':
        this.#ended.add(keyOf(attempt));
        this.#parts.outbox.final({ type: 'AttemptLost', data: { ...from, cause: ending.cause } });
        break;
      case 'revoked':
        this.#ended.add(keyOf(attempt));
        break;
    }
    if (attempt.successor !== undefined) this.#onAssigned(attempt.successor);
    else if (this.#attempts.size === 0) this.#onEmpty?.();
  }

  /** A log that ends badly says in its last line what failed and why. */
  #sayLast(attempt: Attempt, ending: Ending): void {
    if (ending.kind !== 'report') {
      if (attempt.state !== 'waiting') attempt.log.line('error', `The ${subjectOf(attempt)} was ended: ${ending.why}.`, 'dagbook');
      return;
    }
    const { outcome } = ending;
    if (outcome.kind !== 'failed') return;
    const { code, message, detail } = outcome.failure;
    attempt.log.line('error', `The ${subjectOf(attempt)} failed: ${message}`, 'dagbook', { code, ...(detail === undefined ? {} : { detail }) });
  }

  async #emptyWithin(ms: number): Promise<void> {
    if (this.#attempts.size === 0) return;
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve) => {
      this.#onEmpty = resolve;
      timer = setTimeout(resolve, ms);
    });
    clearTimeout(timer);
    this.#onEmpty = undefined;
  }
}

const kindOf = (attempt: Attempt): AttemptKind => attempt.assignment.work.kind ?? 'task';

/** It waits in the one process that hosts all that wait. */
const isHosted = (attempt: Attempt): boolean => kindOf(attempt) === 'trigger' || kindOf(attempt) === 'watcher';

const SUBJECTS: Readonly<Record<AttemptKind, string>> = { task: 'task', trigger: 'task', callback: 'callback', watcher: 'watcher' };
const subjectOf = (attempt: Attempt): string => SUBJECTS[kindOf(attempt)];

const HANDED_BACK: Ending = { kind: 'lost', cause: 'worker_drained', why: 'its worker is stopping; it runs again on another' };

/** Node's timers hold no more; a longer timeout is as good as none. */
const MAX_TIMER_MS = 2 ** 31 - 1;

const keyOf = (attempt: { readonly attemptId: AttemptId; readonly epoch: number }): string => `${attempt.attemptId}@${attempt.epoch}`;

function failureOfDeath({ code, signal, stderrTail }: RunnerDeath): Failure {
  const detail = stderrTail === '' ? {} : { detail: stderrTail };
  if (/heap out of memory|Out of memory/i.test(stderrTail)) {
    return { code: 'out_of_memory', message: 'the task\'s process ran out of memory; give runners a larger heap, or read the data in parts', ...detail };
  }
  if (signal === 'SIGKILL') {
    return { code: 'killed', message: 'the task\'s process was killed from outside (SIGKILL); the system does so when memory runs out', ...detail };
  }
  if (signal !== null) return { code: 'killed', message: `the task's process was ended by ${signal}`, ...detail };
  return { code: 'killed', message: `the task's process ended with exit code ${code} before the task had`, ...detail };
}
