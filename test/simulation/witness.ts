import { CALLBACK_TASK, parseAttemptId, WATCHERS, type Outcome } from '@dagbook/contracts';
import { compilePlan, createRunState, evolveRun, type BackfillEvent, type DagDefinition, type RunEvent, type TaskDefinition, type TriggerRule } from '@dagbook/domain';
import type { AppendEntry, AppendResult, LeaseGrant, NewEvent } from '@dagbook/event-store';
import { instancesOf, type OracleInstance } from '../oracles/dagrun-row.ts';
import { allowedEnds } from '../oracles/rules-reference.ts';
import { AssetWitness } from './asset-witness.ts';
import { BackfillWitness } from './backfill-witness.ts';
import { CallbackWitness, type ReportKind } from './callback-witness.ts';
import { LOST_AFTER_MS, type Scenario, type SimulatedDag } from './scenario.ts';

/** `lost`, `fired`, `answered`: between the end of an attempt, or of a wait, and what the same append says of it. */
type State = 'none' | 'scheduled' | 'running' | 'lost' | 'deferred' | 'fired' | 'awaiting_input' | 'answered' | 'up_for_retry' | 'success' | 'failed' | 'skipped' | 'upstream_failed' | 'removed';
const FINISHED: ReadonlySet<State> = new Set<State>(['success', 'failed', 'skipped', 'upstream_failed', 'removed']);
/** Rules that may judge before all that is upstream has finished. */
const HASTY: ReadonlySet<TriggerRule> = new Set<TriggerRule>(['one_success', 'one_failed', 'one_done', 'always']);

interface Instance {
  state: State;
  tryNumber: number;
  startedTry: number;
  /** Of the try that runs. */
  epoch: number;
  /** Attempts of the try up to this one have ended. */
  endedEpoch: number;
}

interface Run {
  readonly dag: SimulatedDag;
  readonly runId: string;
  state: 'queued' | 'running' | 'success' | 'failed';
  readonly instances: Map<string, Instance>;
  readonly events: RunEvent[];
  version: number;
  /** A person has said what became of something: the rules alone do not tell the end any more. */
  marked: boolean;
}

interface Execution {
  readonly attemptId: string;
  readonly epoch: number;
  readonly worker: string;
  /** It heard of its grant late. */
  readonly late: boolean;
  ended: boolean;
  outcome: Outcome | undefined;
}

/**
 * Sees everything that becomes a fact, and says at once when it must not: an automaton of its own over the events of
 * runs and attempts, the lease rows as they must stand, what workers truly execute, and the counts of every cap. It
 * shares no code with what it watches but the shapes of events, and the fold, which it compares itself with at the end.
 */
export class Witness {
  readonly violations: string[] = [];
  readonly #scenario: Scenario;
  readonly #dags: ReadonlyMap<string, SimulatedDag>;
  readonly #runs = new Map<string, Run>();
  readonly #leases = new Map<string, LeaseGrant>();
  readonly #grants = new Map<string, number>();
  readonly #grantedAtMs = new Map<string, number>();
  readonly #executions: Execution[] = [];
  readonly #outcomes = new Set<string>();
  readonly #dates = new Set<string>();
  /** `attempt@epoch` of every report that has become an event. */
  readonly #folded = new Set<string>();
  readonly #dropped = new Set<string>();
  readonly #backfills: BackfillWitness;
  readonly #callbacks: CallbackWitness;
  readonly #assets: AssetWitness;
  #events = 0;

  constructor(scenario: Scenario) {
    this.#scenario = scenario;
    this.#dags = new Map(scenario.dags.map((dag) => [dag.definition.dagId, dag]));
    this.#backfills = new BackfillWitness(scenario.backfills, (rule, what) => this.fail(rule, what));
    this.#assets = new AssetWitness(scenario.watched, (rule, what) => this.fail(rule, what));
    this.#callbacks = new CallbackWitness((rule, what) => this.fail(rule, what), (attemptId, epoch, kind) => this.#checkCallbackReport(attemptId, epoch, kind));
  }

  get eventCount(): number {
    return this.#events;
  }

  get openRuns(): number {
    return [...this.#runs.values()].filter(({ state }) => state === 'queued' || state === 'running').length;
  }

  /** Backfills that have begun and not ended. */
  get openBackfills(): readonly string[] {
    return this.#backfills.open;
  }

  /** Callbacks and deadlines that are yet to come. */
  get openCallbacks(): readonly string[] {
    return this.#callbacks.open;
  }

  /** Updates that are yet to be seen, or to make a run. */
  get openUpdates(): readonly string[] {
    return this.#assets.open;
  }

  /** But those of watchers, which never end. */
  get leaseCount(): number {
    return [...this.#leases.keys()].filter((attemptId) => !isOfWatcher(attemptId)).length;
  }

  hasOutcome(commandId: string): boolean {
    return this.#outcomes.has(commandId);
  }

  fail(rule: string, what: string): void {
    this.violations.push(`${rule}: ${what}`);
  }

  // What stores are told.

  appended(entries: readonly AppendEntry[], results: readonly AppendResult[]): void {
    for (const [index, entry] of entries.entries()) if (results[index]?.kind === 'appended') this.#take(entry);
    this.#checkCaps();
  }

  #take(entry: AppendEntry): void {
    this.#events += entry.events.length;
    if (entry.streamId.startsWith('run-')) this.#takeRun(entry);
    else if (entry.streamId.startsWith('attempt-')) this.#takeGrant(entry);
    else if (entry.streamId.startsWith('asset-events-')) for (const event of entry.events) this.#assets.take(event);
    else if (entry.streamId.startsWith('asset-queue-')) this.#assets.beginsToWait(entry.streamId.slice('asset-queue-'.length));
    else if (entry.streamId.startsWith('watcher-')) this.#takeWatcher(entry);
    else if (entry.streamId.startsWith('backfill-')) for (const { type, data } of entry.events) this.#backfills.take(entry.streamId, { type, ...(data as object) } as BackfillEvent);
    for (const { attemptId, epoch, release } of entry.fences ?? []) {
      if (release && this.#leases.get(attemptId)?.epoch === epoch) this.#leases.delete(attemptId);
    }
    for (const attemptId of entry.revoke ?? []) this.#leases.delete(attemptId);
    for (const { attemptId, epoch } of entry.drop ?? []) {
      this.#dropped.add(`${attemptId}@${epoch}`);
      if (this.#leases.get(attemptId)?.epoch === epoch) this.#leases.delete(attemptId);
    }
    for (const grant of entry.grants ?? []) {
      if (this.#leases.has(grant.attemptId)) this.fail('one lease an attempt', `${grant.attemptId} is granted at epoch ${grant.epoch} while it is leased at ${this.#leases.get(grant.attemptId)?.epoch}`);
      this.#leases.set(grant.attemptId, grant);
    }
    for (const { commandId } of entry.outcomes ?? []) this.#outcomes.add(commandId);
  }

  #takeWatcher({ events, fences = [] }: AppendEntry): void {
    for (const { attemptId, epoch } of fences) {
      this.#folded.add(`${attemptId}@${epoch}`);
      const [event] = events;
      this.#checkHolder(attemptId, epoch);
      if (event?.type === 'WatcherFired' || event?.type === 'WatcherFailed') this.#checkDone(attemptId, epoch, event.type === 'WatcherFired' ? 'fired' : 'failed');
    }
  }

  #takeGrant({ streamId, expectedVersion, events, grants }: AppendEntry): void {
    const attemptId = streamId.slice('attempt-'.length);
    if (events.length === 0) return;
    const last = this.#grants.get(attemptId) ?? 0;
    if (events.length !== 1 || expectedVersion !== last) this.fail('versions without a gap', `${streamId} is at ${last} and gets ${events.length} events at ${expectedVersion}`);
    this.#grants.set(attemptId, last + 1);
    this.#grantedAtMs.set(`${attemptId}@${last + 1}`, (events[0] as NewEvent & { readonly data: { readonly atMs: number } }).data.atMs);
    if (grants?.[0]?.epoch !== last + 1) this.fail('epoch is the version of the grant', `${attemptId} is granted at epoch ${grants?.[0]?.epoch} by version ${last + 1}`);
    const { dagId, runId, taskId, mapIndex, tryNumber } = parseAttemptId(attemptId);
    const instance = this.#runs.get(`${dagId}/${runId}`)?.instances.get(`${taskId}/${mapIndex}`);
    const mayBe = dagId === WATCHERS ? this.#scenario.watched !== undefined : taskId === CALLBACK_TASK ? this.#callbacks.mayBeGranted(attemptId) : instance !== undefined && tryNumber <= instance.tryNumber;
    if (!mayBe) this.fail('no grant before readiness', `${attemptId} is granted, and was never scheduled`);
  }

  #takeRun(entry: AppendEntry): void {
    const [dagId = '', runId = ''] = entry.streamId.slice('run-'.length).split('/');
    const key = `${dagId}/${runId}`;
    for (const [index, stored] of entry.events.entries()) {
      const event = asEvent(stored);
      const run = this.#runs.get(key) ?? this.#newRun(key, dagId, runId, event);
      if (run === undefined) return;
      if (run.version !== entry.expectedVersion + index) this.fail('versions without a gap', `${entry.streamId} is at ${run.version} and gets an event at ${entry.expectedVersion + index}`);
      run.version += 1;
      run.events.push(event);
      this.#callbacks.take(key, event, event.type === 'RunSucceeded' && this.#isMarkable(run));
      if ('taskId' in event) this.#takeTask(run, event);
      else {
        this.#backfills.takeRun(dagId, runId, event);
        this.#assets.takeRun(dagId, runId, event);
        this.#takeRunState(run, event);
      }
    }
    this.#callbacks.settle(key);
  }

  #newRun(key: string, dagId: string, runId: string, event: RunEvent): Run | undefined {
    const dag = this.#dags.get(dagId);
    if (event.type !== 'RunCreated' || dag === undefined) {
      this.fail('a run begins with its creation', `${key} begins with ${event.type}`);
      return undefined;
    }
    const run: Run = { dag, runId, state: 'queued', instances: new Map(), events: [], version: 0, marked: false };
    this.#runs.set(key, run);
    this.#callbacks.begin(key, dag);
    return run;
  }

  #takeRunState(run: Run, event: RunEvent): void {
    const name = `${run.dag.definition.dagId}/${run.runId}`;
    const from = (...allowed: Run['state'][]): void => {
      if (!allowed.includes(run.state)) this.fail('legal transitions', `${name} is ${run.state} and gets ${event.type}`);
    };
    switch (event.type) {
      case 'RunCreated':
        if (run.version > 1) this.fail('legal transitions', `${name} is created twice`);
        this.#takeDate(run, event.logicalDateMs);
        return;
      case 'RunStarted': {
        from('queued');
        run.state = 'running';
        const { dagId } = run.dag.definition;
        if (this.#backfills.isOfBackfill(dagId, run.runId)) return;
        const running = [...this.#runs.values()].filter((other) => other.dag === run.dag && other.state === 'running' && !this.#backfills.isOfBackfill(dagId, other.runId)).length;
        const most = run.dag.definition.maxActiveRuns ?? 16;
        // A run that was cleared goes on beside those that took its place.
        if (running > most && !this.#wasRequeued(run.dag)) this.fail('maxActiveRuns', `${name} is number ${running} of at most ${most}`);
        return;
      }
      case 'RunSucceeded':
      case 'RunFailed':
        // A person may say of a finished run that it ended otherwise.
        if (!this.#isMarkable(run)) from('queued', 'running');
        run.state = event.type === 'RunSucceeded' ? 'success' : 'failed';
        for (const [id, { state }] of run.instances) if (!FINISHED.has(state)) this.fail('a run ends after its tasks', `${name} ends while ${id} is ${state}`);
        if (event.type === 'RunFailed' && event.reason === 'marked') run.marked = true;
        return;
      case 'RunRequeued':
        from('queued', 'running', 'success', 'failed');
        run.state = 'queued';
        return;
      default:
        return;
    }
  }

  #takeDate(run: Run, logicalDateMs: number | null): void {
    if (logicalDateMs === null || this.#assets.isConsumer(run.dag.definition.dagId)) return;
    const { dagId } = run.dag.definition;
    if (!run.dag.logicalDates.includes(logicalDateMs) && !this.#backfills.covers(dagId, logicalDateMs)) this.fail('the runs that the schedule wants', `${dagId} has a run of ${new Date(logicalDateMs).toISOString()}`);
    if (this.#dates.has(`${dagId}@${logicalDateMs}`)) this.fail('the runs that the schedule wants', `${dagId} has a second run of ${new Date(logicalDateMs).toISOString()}`);
    this.#dates.add(`${dagId}@${logicalDateMs}`);
  }

  /** Runs that a schedule has yet to make. */
  get dueRuns(): readonly string[] {
    return this.#scenario.dags.flatMap(({ definition: { dagId }, logicalDates }) => logicalDates.map((date) => `${dagId}@${date}`)).filter((date) => !this.#dates.has(date));
  }

  #isMarkable({ dag, runId }: Run): boolean {
    return this.#scenario.commands.some(({ dagId, body }) => body.type === 'MarkRun' && dagId === dag.definition.dagId && body.runId === runId);
  }

  #wasRequeued(dag: SimulatedDag): boolean {
    return [...this.#runs.values()].some((run) => run.dag === dag && run.events.some(({ type }) => type === 'RunRequeued'));
  }

  #takeTask(run: Run, event: Extract<RunEvent, { taskId: string }>): void {
    if (event.type === 'TaskExpanded') return this.#expand(run, event.taskId, event.length);
    const { taskId, mapIndex } = event;
    const id = `${taskId}/${mapIndex}`;
    const instance = this.#instance(run, id);
    const name = `${run.dag.definition.dagId}/${run.runId}/${id}`;
    const from = (...allowed: State[]): void => {
      if (!allowed.includes(instance.state)) this.fail('legal transitions', `${name} is ${instance.state} and gets ${event.type}`);
    };
    switch (event.type) {
      case 'TaskScheduled': {
        from('none', 'up_for_retry', 'lost', 'fired', 'answered');
        const isAgain = instance.state === 'lost' || instance.state === 'fired' || instance.state === 'answered';
        if (event.tryNumber !== instance.tryNumber + (isAgain ? 0 : 1)) this.fail('tries without a gap', `${name} goes from try ${instance.tryNumber} to ${event.tryNumber}`);
        if (instance.state === 'none') this.#checkUpstream(run, taskId, name);
        instance.state = 'scheduled';
        instance.tryNumber = event.tryNumber;
        instance.epoch = 0;
        if (!isAgain) instance.endedEpoch = 0;
        return;
      }
      case 'TaskStarted':
        from('scheduled', 'running');
        this.#checkLease(run, event, instance, name);
        instance.state = 'running';
        instance.startedTry = event.tryNumber;
        instance.epoch = event.epoch;
        return;
      case 'TaskAttemptLost':
        from('scheduled', 'running', 'deferred');
        this.#checkLease(run, event, instance, name);
        instance.endedEpoch = event.epoch;
        if (instance.state !== 'deferred') instance.state = 'lost';
        return;
      case 'TaskDeferred':
      case 'TaskAwaitingInput':
      case 'TriggerFired':
        from(...(event.type === 'TriggerFired' ? ['deferred' as const] : ['scheduled' as const, 'running' as const]));
        this.#checkReport(run, event, instance, name);
        instance.endedEpoch = event.epoch;
        instance.state = event.type === 'TriggerFired' ? 'fired' : event.type === 'TaskDeferred' ? 'deferred' : 'awaiting_input';
        return;
      case 'TaskInputReceived':
        from('awaiting_input');
        instance.state = 'answered';
        return;
      case 'TaskSucceeded':
      case 'TaskFailed':
      case 'TaskRetryScheduled':
      case 'TaskSkipped':
        if (instance.state === 'lost') {
          // A try that nobody heard begin has been made all the same.
          instance.startedTry = event.tryNumber ?? instance.startedTry;
          if (event.type === 'TaskSucceeded' || event.type === 'TaskSkipped') this.fail('legal transitions', `${name} is lost and gets ${event.type}`);
        } else if (event.epoch !== undefined && event.tryNumber !== undefined) {
          from('scheduled', 'running');
          this.#checkReport(run, { ...event, epoch: event.epoch, tryNumber: event.tryNumber }, instance, name);
        } else from('none', 'scheduled', 'upstream_failed');
        instance.state = event.type === 'TaskSucceeded' ? 'success' : event.type === 'TaskFailed' ? 'failed' : event.type === 'TaskSkipped' ? 'skipped' : 'up_for_retry';
        return;
      case 'TaskUpstreamFailed':
        from('none');
        instance.state = 'upstream_failed';
        return;
      case 'TaskRemoved':
        instance.state = 'removed';
        return;
      case 'TaskRestarting':
        from('running');
        return;
      case 'TaskCleared':
        instance.state = 'none';
        return;
      case 'TaskMarked':
        run.marked = true;
        instance.state = event.state;
        return;
      default:
        return;
    }
  }

  #instance(run: Run, id: string): Instance {
    let instance = run.instances.get(id);
    if (instance === undefined) run.instances.set(id, (instance = { state: 'none', tryNumber: 0, startedTry: 0, epoch: 0, endedEpoch: 0 }));
    return instance;
  }

  #expand(run: Run, taskId: string, length: number): void {
    if (length > 0) run.instances.delete(`${taskId}/-1`);
    for (let mapIndex = 0; mapIndex < length; mapIndex += 1) this.#instance(run, `${taskId}/${mapIndex}`);
  }

  #checkUpstream(run: Run, taskId: string, name: string): void {
    const { tasks } = run.dag.definition;
    const task = tasks.find((other) => other.taskId === taskId) as TaskDefinition;
    if (HASTY.has(task.triggerRule ?? 'all_success')) return;
    for (const upstream of task.upstream) {
      const states = [...run.instances].filter(([id]) => id.slice(0, id.lastIndexOf('/')) === upstream).map(([, { state }]) => state);
      if (states.length === 0 || states.some((state) => !FINISHED.has(state))) this.fail('no task before its upstream', `${name} is scheduled while ${upstream} is ${states.join(', ') || 'untouched'}`);
    }
  }

  #checkLease(run: Run, event: { readonly taskId: string; readonly mapIndex: number; readonly tryNumber: number; readonly epoch: number }, instance: Instance, name: string): string {
    const attemptId = `${run.dag.definition.dagId}/${run.runId}/${event.taskId}/${event.mapIndex}/${event.tryNumber}`;
    if (event.tryNumber !== instance.tryNumber) this.fail('only the newest try counts', `${name} is at try ${instance.tryNumber} and takes a report of try ${event.tryNumber}`);
    if (event.epoch <= instance.endedEpoch || event.epoch < instance.epoch) this.fail('only the newest epoch counts', `${name} takes a report of epoch ${event.epoch} after ${Math.max(instance.endedEpoch, instance.epoch)}`);
    this.#checkHolder(attemptId, event.epoch);
    return attemptId;
  }

  #checkHolder(attemptId: string, epoch: number): void {
    const lease = this.#leases.get(attemptId);
    if (lease?.epoch !== epoch) this.fail('only who holds the lease reports', `${attemptId}@${epoch} reports, the lease is at ${lease?.epoch ?? 'none'}`);
  }

  #checkCallbackReport(attemptId: string, epoch: number, kind: ReportKind): void {
    this.#checkHolder(attemptId, epoch);
    if (kind !== 'lost') this.#checkDone(attemptId, epoch, kind);
  }

  #checkReport(run: Run, event: Extract<RunEvent, { type: keyof typeof KINDS }> & { readonly epoch: number; readonly tryNumber: number }, instance: Instance, name: string): void {
    this.#checkDone(this.#checkLease(run, event, instance, name), event.epoch, KINDS[event.type]);
  }

  #checkDone(attemptId: string, epoch: number, kind: Outcome['kind']): void {
    this.#folded.add(`${attemptId}@${epoch}`);
    const execution = this.#executions.find((other) => other.attemptId === attemptId && other.epoch === epoch && other.outcome !== undefined);
    if (execution?.outcome?.kind !== kind) this.fail('what counts was done', `${attemptId}@${epoch} is recorded as ${kind}; its execution ${execution === undefined ? 'never ended' : `ended as ${execution.outcome?.kind}`}`);
  }

  #checkCaps(): void {
    // A grant that was under way when its task was cleared holds nothing that counts, until it is taken back.
    const leases = [...this.#leases.values()].filter(({ attemptId, poolSlots }) => poolSlots > 0 && this.#isCurrent(attemptId));
    const check = (what: string, held: readonly LeaseGrant[], most: number | undefined): void => {
      const used = held.reduce((sum, { poolSlots }) => sum + (what.startsWith('pool') ? poolSlots : 1), 0);
      if (most !== undefined && used > most) this.fail('caps at every instant', `${what} holds ${used} of at most ${most}: ${held.map(({ attemptId, epoch }) => `${attemptId}@${epoch}`).join(' ')}`);
    };
    for (const { pool, slots } of this.#scenario.pools) check(`pool ${pool}`, leases.filter((lease) => lease.pool === pool), slots);
    for (const { name, slots } of this.#scenario.workers) check(`worker ${name}`, leases.filter((lease) => lease.worker === name), slots);
    for (const { definition } of this.#scenario.dags) {
      const ofDag = leases.filter((lease) => lease.dagId === definition.dagId);
      check(`DAG ${definition.dagId}`, ofDag, definition.maxActiveTasks);
      for (const task of definition.tasks) {
        const ofTask = ofDag.filter((lease) => lease.taskId === task.taskId);
        check(`task ${task.taskId}`, ofTask, task.maxActive);
        for (const runId of new Set(ofTask.map((lease) => lease.runId))) check(`task ${task.taskId} in ${runId}`, ofTask.filter((lease) => lease.runId === runId), task.maxActivePerRun);
      }
    }
  }

  #isCurrent(attemptId: string): boolean {
    const { dagId, runId, taskId, mapIndex, tryNumber } = parseAttemptId(attemptId);
    const instance = this.#runs.get(`${dagId}/${runId}`)?.instances.get(`${taskId}/${mapIndex}`);
    return instance?.tryNumber === tryNumber && (instance.state === 'scheduled' || instance.state === 'running');
  }

  // What workers do and hear.

  /**
   * What began within half of `lostAfter` since its grant ends before anybody else may get it. What heard of its grant
   * later than that may overlap with its successor until its next renewal is refused, and its report never counts.
   */
  executionStarted(worker: string, attemptId: string, epoch: number, nowMs: number): Execution {
    const late = nowMs - (this.#grantedAtMs.get(`${attemptId}@${epoch}`) ?? nowMs) > LOST_AFTER_MS / 2;
    const mayOverlap = (other: Execution): boolean => (other.epoch > epoch ? late : other.epoch < epoch && other.late);
    const overlapping = this.#executions.find((other) => other.attemptId === attemptId && !other.ended && !mayOverlap(other));
    if (overlapping !== undefined) this.fail('no try runs twice at once', `${attemptId}@${epoch} begins on ${worker} while epoch ${overlapping.epoch} runs on ${overlapping.worker}`);
    const execution: Execution = { attemptId, epoch, worker, late, ended: false, outcome: undefined };
    this.#executions.push(execution);
    return execution;
  }

  isBusy(worker: string): boolean {
    return this.#executions.some((execution) => execution.worker === worker && !execution.ended);
  }

  get running(): number {
    return this.#executions.filter(({ ended, attemptId }) => !ended && !isOfWatcher(attemptId)).length;
  }

  acknowledged(attemptId: string, epoch: number, accepted: boolean): void {
    const key = `${attemptId}@${epoch}`;
    if (accepted && !this.#folded.has(key)) this.fail('acknowledged means recorded', `${key} is acknowledged, and no event has come of it`);
  }

  // At the end.

  checkEnd(): void {
    for (const run of this.#runs.values()) {
      const name = `${run.dag.definition.dagId}/${run.runId}`;
      const ends = endsOf(run);
      const folded = fold(run.dag.definition, run.events);
      if (JSON.stringify(folded) !== JSON.stringify({ state: run.state, instances: ends })) {
        this.fail('the fold is what happened', `${name} folds to ${JSON.stringify(folded)}, seen was ${JSON.stringify({ state: run.state, instances: ends })}`);
      }
      if (run.marked) continue;
      for (const { task, mapIndex, state, allowed } of allowedEnds(run.dag.row, ends)) {
        if (!allowed.includes(state)) this.fail('ends that the rules allow', `${name}/${task}/${mapIndex} is ${state}; the rules allow ${allowed.join(', ') || 'nothing'}`);
      }
    }
  }

  /** What is unfinished, for whoever reads why a simulation does not end. */
  unfinished(): string {
    const runs = [...this.#runs.values()].filter(({ state }) => state === 'queued' || state === 'running').map((run) => {
      const open = [...run.instances].filter(([, { state }]) => !FINISHED.has(state)).map(([id, { state, tryNumber }]) => `${id} ${state} (try ${tryNumber})`);
      return `${run.dag.definition.dagId}/${run.runId} ${run.state}: ${open.join(', ') || 'no task is open'}`;
    });
    const leases = [...this.#leases.values()].map(({ attemptId, epoch, worker }) => `lease ${attemptId}@${epoch} of ${worker}`);
    const executions = this.#executions.filter(({ ended }) => !ended).map(({ attemptId, epoch, worker }) => `${attemptId}@${epoch} runs on ${worker}`);
    return [...runs, ...this.#callbacks.open, ...this.#assets.open, ...leases, ...executions].join('; ') || 'nothing of runs';
  }
}

const KINDS = {
  TaskSucceeded: 'succeeded', TaskFailed: 'failed', TaskRetryScheduled: 'failed', TaskSkipped: 'skipped', TaskDeferred: 'deferred', TriggerFired: 'fired', TaskAwaitingInput: 'awaiting_input',
} as const satisfies { readonly [type in RunEvent['type']]?: Outcome['kind'] };

const isOfWatcher = (attemptId: string): boolean => attemptId.startsWith(`${WATCHERS}/`);

const asEvent = (stored: NewEvent): RunEvent => ({ type: stored.type, ...(stored.data as object) }) as RunEvent;

function endsOf(run: Run): OracleInstance[] {
  const touched = new Set([...run.instances.keys()].map((id) => id.slice(0, id.lastIndexOf('/'))));
  const untouched = run.dag.definition.tasks.filter(({ taskId }) => !touched.has(taskId)).map(({ taskId }): OracleInstance => ({ task: taskId, mapIndex: -1, state: 'none', tries: 0 }));
  const seen = [...run.instances].map(([id, { state, startedTry }]): OracleInstance => {
    const slash = id.lastIndexOf('/');
    return { task: id.slice(0, slash), mapIndex: Number(id.slice(slash + 1)), state, tries: startedTry };
  });
  return [...untouched, ...seen].sort((a, b) => (a.task < b.task ? -1 : a.task > b.task ? 1 : a.mapIndex - b.mapIndex));
}

function fold(definition: DagDefinition, events: readonly RunEvent[]): { state: string; instances: OracleInstance[] } {
  let run = createRunState(compilePlan(definition));
  for (const event of events) run = evolveRun(run, structuredClone(event));
  return { state: run.state, instances: instancesOf(run) };
}
