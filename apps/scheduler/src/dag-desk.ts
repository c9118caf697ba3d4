import {
  averageRuntimesMs, decideDag, decideTrigger, evolveDag, initialDag, isFinished, isRejected, nextDueAtMs, nextStartAtMs, partitionOfRun, reject, remembersRuns, runsToStart, type DagCommand, type DagDefinition, type DagEvent, type Json, type Rejected,
  type RunEvent, type TriggeredRun,
} from '@dagbook/domain';
import { dagStream, type CommandBody, type CommandOutcome } from '@dagbook/contracts';
import { formatPosition, type AppendEntry, type AppendResult, type EventStore } from '@dagbook/event-store';
import { errorAttributes, uuidv7, type AlarmClock, type Log } from '@dagbook/platform';
import { askAcross, type AcrossRuns } from './across-runs.ts';
import { AssetDesk } from './asset-desk.ts';
import type { AssetLoop } from './asset.loop.ts';
import type { WatcherDesk } from './watcher-desk.ts';
import { BackfillDesk } from './backfill-desk.ts';
import { foldRuns, type HotRun } from './hot-run.ts';
import { claimLogicalDates } from './logical-date-claim.ts';
import { matchesPattern } from './param-pattern.ts';
import { activeRuns, foldOf, forgetRun, newOwnedDag, type NewRun, type OwnedDag } from './owned-dag.ts';
import type { Plan, PlanLibrary } from './plan-library.ts';
import { newTraceparent } from './run-tracer.ts';
import type { Ask, AskOutcome, RunEngine } from './run-engine.ts';
import type { TimetableDesk } from './timetable-desk.ts';
import { WakeTimes } from './wake-time.ts';

/**
 * The DAGs that this scheduler owns: which version each is at, whether it is paused, which runs are due, and which of
 * its queued runs may start.
 *
 * State model of a DAG here: folded from `dag-<id>` when its partition is taken, kept in step with every append of ours,
 * dropped when the partition is given up. Changes of one DAG go one after another (`#turn`), those of different DAGs side by
 * side. A due run is created first (its id says which it is, so creating it twice is once) and recorded as scheduled
 * after, so that a crash between the two repeats the first and does the second.
 */
export class DagDesk {
  readonly #ports: DagDeskPorts;
  readonly #dags = new Map<string, OwnedDag>();
  readonly #due: WakeTimes;
  readonly #backfills: BackfillDesk;
  readonly assets: AssetDesk;

  constructor(ports: DagDeskPorts) {
    this.#ports = ports;
    this.#backfills = new BackfillDesk({
      ...ports,
      owned: (dagId) => this.#dags.get(dagId),
      turn: (dag, change) => this.#turn(dag, change),
      create: (dag, plan, run) => this.#create(dag, plan, run),
      start: (dag, runId) => this.#start(dag, [runId]),
    });
    this.assets = new AssetDesk({
      ...ports,
      create: (dag, plan, run, more) => this.#create(dag, plan, run, more),
      askMappers: (dag, question) => ports.timetables.mapped(dag, question),
      onDue: (dagId) => this.#schedule(dagId),
      feed: ports.assetFeed,
    });
    this.#due = new WakeTimes(ports.clock, (keys) => {
      for (const { dagId } of keys) this.#schedule(dagId);
    });
  }

  get dags(): ReadonlyMap<string, OwnedDag> {
    return this.#dags;
  }

  readonly isPaused = (dagId: string): boolean => this.#dags.get(dagId)?.fold.paused ?? false;

  /** Folds these DAGs from the journal, whatever was believed of them, and answers them. */
  async take(dagIds: readonly string[]): Promise<readonly OwnedDag[]> {
    const taken: OwnedDag[] = [];
    const streams = await this.#ports.store.readMany(dagIds.map(dagStream));
    await this.#backfills.take(dagIds);
    await this.assets.take(dagIds);
    for (const dagId of dagIds) {
      const events = streams.get(dagStream(dagId)) ?? [];
      if (events.length === 0) continue;
      const fold = foldOf(events);
      const plan = fold.planHash === null ? undefined : await this.#ports.plans.get(fold.planHash);
      const dag = newOwnedDag(dagId, fold, events.length, plan);
      this.#dags.set(dagId, dag);
      taken.push(dag);
    }
    return taken;
  }

  /**
   * Looks at what is due and what may start; asked once all unfinished runs of the DAGs have been folded too. One that was
   * lost and taken again meanwhile waits for that taking's word.
   */
  wakeAll(taken: Iterable<OwnedDag>): void {
    for (const dag of taken) {
      if (this.#dags.get(dag.dagId) !== dag) continue;
      dag.knowsItsRuns = true;
      this.#recordEnds(dag);
      this.#startQueued(dag);
      this.#schedule(dag.dagId);
      this.#backfills.goOn(dag);
      void this.#ports.watchers.sync(dag);
    }
  }

  drop(owns: (dagId: string) => boolean): void {
    for (const dag of this.#dags.values()) {
      if (owns(dag.dagId)) continue;
      this.#dags.delete(dag.dagId);
      this.#due.delete(dag);
      this.#backfills.drop(dag.dagId);
      this.assets.drop(dag.dagId);
      this.#ports.watchers.drop(dag.dagId);
    }
  }

  stop(): void {
    this.#due.clear();
  }

  /** A file defines the DAG: a new version when its content is new. */
  async register(file: string, definition: DagDefinition, planHash: string, bundleHash: string): Promise<void> {
    const dag = this.#dags.get(definition.dagId) ?? this.#begin(definition.dagId);
    const plan = this.#ports.plans.add(planHash, definition);
    await this.#turn(dag, async () => {
      const command: DagCommand = { type: 'RegisterVersion', dagId: dag.dagId, planHash, bundleHash, file, pausedUponCreation: definition.pausedUponCreation ?? this.#ports.pausedAtCreation ?? false, nowMs: this.#ports.clock.nowMs() };
      await this.#execute(dag, command);
      dag.plan = plan;
      await this.assets.declare(dag, definition);
      await this.#ports.watchers.sync(dag);
    });
    this.#schedule(dag.dagId);
  }

  /** No file defines it any more. */
  async retire(dagId: string): Promise<void> {
    const dag = this.#dags.get(dagId);
    if (dag === undefined) return;
    await this.#turn(dag, async () => {
      // First, because who finds the DAG retired looks no further: it must not go on waiting for assets.
      await this.assets.declare(dag, null);
      await this.#execute(dag, { type: 'Retire', nowMs: this.#ports.clock.nowMs() });
      await this.#ports.watchers.sync(dag);
    });
    this.#due.delete(dag);
  }

  /** Carries out a stored command and writes its outcome, in the transaction of its events where it has any. */
  async command(commandId: string, dagId: string, body: CommandBody): Promise<void> {
    if (body.type === 'RecordAssetEvent') return this.assets.record(commandId, body);
    const dag = this.#dags.get(dagId);
    if (dag === undefined) return this.#refuseUnknown(commandId, dagId);
    switch (body.type) {
      case 'SetPaused':
        return this.#setPaused(dag, commandId, body);
      case 'ClearAssetQueue':
        return this.#turn(dag, () => this.assets.clear(dag.dagId, commandId, body));
      case 'TriggerRun':
        return this.#turn(dag, () => this.#trigger(dag, commandId, body));
      case 'CreateBackfill':
      case 'SetBackfillPaused':
      case 'CancelBackfill':
        // Also when it is not known whether it was written: then the journal is asked.
        return this.#turn(dag, async () => this.#backfills.command(dag, commandId, body, body.type === 'CreateBackfill' ? await this.#ports.timetables.ranged(dag, body.fromMs, body.toMs) : undefined)).finally(() => this.#backfills.goOn(dag));
      case 'ForeseeRuns':
        return this.#turn(dag, async () => this.#answer(commandId, dagId, { kind: 'done', position: null, result: ((await this.#ports.timetables.ranged(dag, body.fromMs, body.toMs)) ?? null) as unknown as Json }));
      case 'ClearTasksAcross':
      case 'MarkTasksAcross':
        return this.#askAcross(dag, commandId, body);
      default:
        await this.#askRun(dag, commandId, body);
    }
  }

  /** Keeps the DAG's runs in step with what was appended; starts queued runs where there is room. */
  readonly onRunEvents = (run: HotRun, events: readonly RunEvent[]): void => {
    const dag = this.#dags.get(run.dagId);
    if (dag === undefined) return;
    let ended = false;
    let waits = false;
    let hasBackfilled = false;
    for (const event of events) {
      if ('taskId' in event) continue;
      const isBackfilled = this.#backfills.follow(dag, run.runId, event);
      hasBackfilled ||= isBackfilled;
      if (event.type === 'RunCreated' || event.type === 'RunRequeued') {
        dag.running.delete(run.runId);
        if (isBackfilled) dag.queued.delete(run.runId);
        else dag.queued.set(run.runId, run.created.runAfterMs);
        waits ||= run.created.runAfterMs > this.#ports.clock.nowMs();
      } else if (event.type === 'RunStarted') {
        dag.queued.delete(run.runId);
        dag.starting.delete(run.runId);
        if (!isBackfilled) dag.running.add(run.runId);
      } else if (event.type === 'RunSucceeded' || event.type === 'RunFailed') {
        forgetRun(dag, run.runId);
        ended = true;
        this.#recordEnd(dag, run);
      }
    }
    this.#startQueued(dag);
    if (ended || waits) this.#schedule(dag.dagId);
    if (hasBackfilled) this.#backfills.goOn(dag);
  };

  /** What the journal says of runs counts for more than what was believed of them. Room is counted once all are known. */
  readonly onRunsFolded = (runs: readonly HotRun[]): void => {
    const changed = new Set<OwnedDag>();
    for (const run of runs) {
      const dag = this.#dags.get(run.dagId);
      if (dag === undefined) continue;
      changed.add(dag);
      forgetRun(dag, run.runId);
      if (this.#backfills.folded(dag, run)) continue;
      if (run.state.state === 'running') dag.running.add(run.runId);
      else if (run.state.state === 'queued') dag.queued.set(run.runId, run.created.runAfterMs);
    }
    for (const dag of changed) {
      this.#startQueued(dag);
      // One that has ended meanwhile makes room for a due one.
      if (dag.knowsItsRuns) this.#schedule(dag.dagId);
      this.#backfills.goOn(dag);
    }
  };

  #begin(dagId: string): OwnedDag {
    const dag = newOwnedDag(dagId, initialDag(), 0, undefined);
    dag.knowsItsRuns = true;
    this.#dags.set(dagId, dag);
    return dag;
  }

  /** Oldest first, none before its time, while `maxActiveRuns` has room. */
  #startQueued(dag: OwnedDag, nowMs = this.#ports.clock.nowMs()): void {
    if (!dag.knowsItsRuns || dag.queued.size === 0) return;
    const runIds = runsToStart({ definition: dag.plan?.definition ?? {}, paused: dag.fold.paused, running: dag.running.size, queued: dag.queued, starting: dag.starting, nowMs });
    if (runIds.length === 0) return;
    for (const runId of runIds) dag.starting.add(runId);
    this.#start(dag, runIds).catch((error: unknown) => {
      // The DAG is folded again, and then looked at anew.
      for (const runId of runIds) dag.starting.delete(runId);
      this.#ports.log.error('runs could not begin; they are asked for again', { dagId: dag.dagId, ...errorAttributes(error) });
    });
  }

  #schedule(dagId: string): void {
    const dag = this.#dags.get(dagId);
    if (dag === undefined || dag.scheduling) return;
    dag.scheduling = true;
    const look = (atMs: number | null): void => {
      dag.scheduling = false;
      this.#due.set(dag, atMs);
    };
    this.#turn(dag, () => this.#createDue(dag)).then(
      () => {
        // One instant for both: what is not started before it is waited for.
        const nowMs = this.#ports.clock.nowMs();
        if (this.#dags.get(dagId) === dag) this.#startQueued(dag, nowMs);
        look(this.#nextDueAtMs(dag, nowMs));
      },
      (error: unknown) => {
        this.#ports.log.error('due runs could not be created; they are asked for again', { dagId, ...errorAttributes(error) });
        look(this.#dags.get(dagId) === dag ? this.#ports.clock.nowMs() + ASK_AGAIN_AFTER_MS : null);
      },
    );
  }

  /** When a run of it is due, or one that is queued comes to its time. */
  #nextDueAtMs(dag: OwnedDag, nowMs: number): number | null {
    if (this.#dags.get(dag.dagId) !== dag) return null;
    const startAtMs = nextStartAtMs(dag.queued, nowMs);
    const dueAtMs = this.#nextRunAtMs(dag, nowMs);
    return startAtMs === null || dueAtMs === null ? (startAtMs ?? dueAtMs) : Math.min(startAtMs, dueAtMs);
  }

  #nextRunAtMs(dag: OwnedDag, nowMs: number): number | null {
    if (dag.plan === undefined) return null;
    const againAtMs = this.#ports.timetables.askedAgainAtMs(dag);
    if (againAtMs !== null) return againAtMs;
    if (dag.knowsItsRuns && this.assets.isDue(dag, dag.plan, activeRuns(dag))) return nowMs;
    return this.assets.mapsAtMs(dag.dagId) ?? nextDueAtMs(dag.fold, { definition: dag.plan.definition, activeRuns: activeRuns(dag), nowMs: nowMs });
  }

  async #createDue(dag: OwnedDag): Promise<void> {
    const plan = dag.plan;
    if (plan === undefined) return;
    await this.assets.mapKeys(dag);
    if (dag.knowsItsRuns) await this.assets.createDue(dag, plan, activeRuns(dag));
    if (plan.definition.schedule.kind === 'custom') {
      const foresight = await this.#ports.timetables.foresee(dag);
      if (foresight !== undefined) await this.#execute(dag, foresight);
    }
    const decision = decideDag({ type: 'ScheduleDue', definition: plan.definition, activeRuns: activeRuns(dag), nowMs: this.#ports.clock.nowMs() }, dag.fold);
    if (isRejected(decision) || decision.length === 0) return;
    const scheduled = decision.filter((event) => event.type === 'RunScheduled');
    const taken = await claimLogicalDates(this.#ports.store, dag.dagId, scheduled.map((event) => ({ runId: event.runId, logicalDateMs: event.interval.startMs })));
    const outcomes = await Promise.all(
      scheduled
        .filter((event) => !taken.has(event.runId))
        .map((event) => this.#create(dag, plan, {
          runId: event.runId, runType: 'scheduled', triggeredBy: 'timetable', logicalDateMs: event.interval.startMs, dataInterval: event.interval,
          runAfterMs: event.runAfterMs, conf: {}, params: plan.definition.params?.defaults ?? {},
        })),
    );
    // What was created before stays; what could not be created must not be recorded as if it had been.
    const refused = outcomes.find((outcome) => outcome.kind === 'refused' && outcome.code !== 'run_exists');
    if (refused?.kind === 'refused') throw new Error(refused.message);
    await this.#append(dag, decision);
    // Its author's code is asked for the run after each that was made.
    if (plan.definition.schedule.kind === 'custom') await this.#createDue(dag);
  }

  #create(dag: OwnedDag, plan: Plan, run: NewRun, more: Pick<Ask, 'commandId' | 'also'> = {}): Promise<AskOutcome> {
    const averages = averageRuntimesMs(plan.definition, dag.fold);
    const partition = partitionOfRun(plan.definition.schedule, run);
    return new Promise((done) => {
      this.#engine.ask({
        dagId: dag.dagId,
        runId: run.runId,
        plan,
        ...more,
        done,
        command: { type: 'CreateRun', dagId: dag.dagId, ...run, ...partition, planHash: plan.hash, dagVersion: dag.fold.version, bundleHash: dag.fold.bundleHash ?? '', traceparent: newTraceparent(), ...(averages === undefined ? {} : { averageRuntimesMs: averages }), nowMs: 0 },
      });
    });
  }

  async #trigger(dag: OwnedDag, commandId: string, body: Extract<CommandBody, { type: 'TriggerRun' }>): Promise<void> {
    const plan = dag.plan;
    if (plan === undefined) return this.#refuse(commandId, dag.dagId, reject('dag_not_found', `the DAG ${dag.dagId} has no version that could be read`));
    const custom = body.dataInterval === undefined ? await this.#ports.timetables.manualInterval(dag, body.logicalDateMs) : undefined;
    if (isRejected(custom)) return this.#refuse(commandId, dag.dagId, custom);
    const decided: TriggeredRun | Rejected = decideTrigger({ ...body, ...(custom === undefined ? {} : { dataInterval: custom }), definition: plan.definition, matchesPattern, nowMs: this.#ports.clock.nowMs() });
    if (isRejected(decided)) return this.#refuse(commandId, dag.dagId, decided);
    if (decided.logicalDateMs !== null) {
      const taken = await claimLogicalDates(this.#ports.store, dag.dagId, [{ runId: decided.runId, logicalDateMs: decided.logicalDateMs }]);
      if (taken.size > 0) return this.#refuse(commandId, dag.dagId, reject('run_exists', `the DAG ${dag.dagId} has a run of the logical date ${new Date(decided.logicalDateMs).toISOString()}: ${[...taken.values()].join()}`));
    }
    await this.#create(
      dag,
      plan,
      {
        runId: decided.runId, runType: body.runType ?? 'manual', ...(decided.partitionKey === undefined ? {} : { partitionKey: decided.partitionKey }), ...(decided.partitionDateMs === undefined ? {} : { partitionDateMs: decided.partitionDateMs }), triggeredBy: body.triggeredBy, triggeringUser: body.user, logicalDateMs: decided.logicalDateMs,
        dataInterval: decided.dataInterval, runAfterMs: decided.runAfterMs, conf: body.conf, params: decided.params, ...(body.note === undefined ? {} : { note: body.note }),
      },
      { commandId },
    );
  }

  async #setPaused(dag: OwnedDag, commandId: string, body: Extract<CommandBody, { type: 'SetPaused' }>): Promise<void> {
    await this.#turn(dag, () => this.#execute(dag, { type: 'SetPaused', paused: body.paused, by: body.user, nowMs: this.#ports.clock.nowMs() }, commandId));
    if (!body.paused) this.#goOn(dag);
  }

  /** What was reported while it was paused has moved frontiers that nobody has looked at. */
  #goOn(dag: OwnedDag): void {
    this.#recordEnds(dag);
    if (dag.fold.paused) return;
    for (const runId of [...dag.running, ...this.#backfills.runningOf(dag.dagId)]) this.#engine.ask({ dagId: dag.dagId, runId, command: { type: 'RecordTimePassed', nowMs: 0 } });
    this.#startQueued(dag);
    this.#schedule(dag.dagId);
    this.#backfills.goOn(dag);
  }

  /** Tells the DAG of a run's end, if it remembers its runs; what becomes of that is found again by `#recordEnds`. */
  #recordEnd(dag: OwnedDag, { runId, state: run }: Pick<HotRun, 'runId' | 'state'>): void {
    if (!dag.fold.runs.begun.includes(runId) || !isFinished(run)) return;
    const nowMs = this.#ports.clock.nowMs();
    const command: DagCommand = {
      type: 'RecordRunEnd', definition: dag.plan?.definition ?? {}, runId, state: run.state === 'success' ? 'success' : 'failed', runtimeMs: (run.finishedAtMs ?? nowMs) - (run.startedAtMs ?? nowMs), nowMs,
    };
    void this.#turn(dag, () => this.#execute(dag, command)).catch((error: unknown) => this.#ports.log.error('the end of a run could not be recorded; it is looked for again', { dagId: dag.dagId, ...errorAttributes(error) }));
  }

  /** Runs that have begun and are not under way have ended with an owner who did not come to record it. */
  #recordEnds(dag: OwnedDag): void {
    const underWay = new Set([...dag.running, ...dag.queued.keys(), ...this.#backfills.unfinishedOf(dag.dagId)]);
    const ended = dag.fold.runs.begun.filter((runId) => !underWay.has(runId));
    if (ended.length === 0) return;
    foldRuns(this.#ports.store, this.#ports.plans, ended.map((runId) => ({ dagId: dag.dagId, runId }))).then(
      (runs) => {
        for (const run of runs) this.#recordEnd(dag, run);
      },
      (error: unknown) => this.#ports.log.error('ends of runs could not be looked for; they are when the DAG is folded again', { dagId: dag.dagId, ...errorAttributes(error) }),
    );
  }

  /** A DAG that remembers its runs records that these begin first. */
  async #start(dag: OwnedDag, runIds: readonly string[]): Promise<void> {
    if (remembersRuns(dag.plan?.definition ?? {})) await this.#turn(dag, () => this.#execute(dag, { type: 'BeginRuns', runIds, nowMs: this.#ports.clock.nowMs() }));
    for (const runId of runIds) this.#engine.ask({ dagId: dag.dagId, runId, command: { type: 'StartRun', nowMs: 0 } });
  }

  async #askRun(dag: OwnedDag, commandId: string, body: RunBody): Promise<void> {
    const asks = this.#asksOf(dag, body);
    for (const ask of asks.slice(0, -1)) this.#engine.ask(ask);
    await new Promise((done) => this.#engine.ask({ ...(asks.at(-1) as Ask), commandId, done }));
  }

  /** A clear that goes over to the newest version replans the run first. */
  #asksOf(dag: OwnedDag, body: RunBody): Ask[] {
    const { dagId, plan, fold: { version, bundleHash } } = dag;
    const { runId } = body;
    const replans = body.type === 'ClearTasks' && plan !== undefined && (body.runOnLatestVersion ?? plan.definition.rerunWithLatestVersion ?? false);
    return [
      ...(replans ? [{ dagId, runId, plan, command: { type: 'ReplanRun', planHash: plan.hash, dagVersion: version, bundleHash: bundleHash ?? '', nowMs: 0 } } as const] : []),
      { dagId, runId, command: runCommandOf(body) },
    ];
  }

  async #askAcross(dag: OwnedDag, commandId: string, { span, ...body }: AcrossRuns): Promise<void> {
    const outcome = await askAcross(this.#ports, dag.dagId, span, (runId) =>
      this.#asksOf(dag, body.type === 'ClearTasksAcross' ? { ...body, type: 'ClearTasks', runId } : { ...body, type: 'MarkTasks', runId }));
    await this.#answer(commandId, dag.dagId, outcome);
  }

  /** Decides, appends, folds; writes the command's outcome in the same transaction. */
  async #execute(dag: OwnedDag, command: DagCommand, commandId?: string): Promise<void> {
    const decision = decideDag(command, dag.fold);
    if (isRejected(decision)) {
      if (commandId !== undefined) await this.#refuse(commandId, dag.dagId, decision);
      return;
    }
    if (decision.length > 0 || commandId !== undefined) await this.#append(dag, decision, commandId);
  }

  async #append(dag: OwnedDag, events: readonly DagEvent[], commandId?: string): Promise<void> {
    const outcome: CommandOutcome = { kind: 'done', position: null };
    const also = events.length === 0 ? undefined : await this.assets.alsoOf(dag.dagId, events);
    const entry: AppendEntry = {
      streamId: dagStream(dag.dagId),
      expectedVersion: dag.version,
      events: events.map(({ type, ...data }) => ({ eventId: uuidv7(), type, schemaVersion: 1, data: data as unknown as Json })),
      ...(also === undefined ? {} : { also }),
      ...(commandId === undefined ? {} : { outcomes: [{ commandId, outcome: outcome as unknown as Json }] }),
    };
    let result: AppendResult | undefined;
    try {
      [result] = await this.#ports.store.append([entry]);
    } catch (error) {
      this.#refoldLater(dag);
      throw error;
    }
    if (result?.kind !== 'appended') {
      this.#refoldLater(dag);
      throw new Error(`the DAG ${dag.dagId} was written by another scheduler (${result?.kind ?? 'no result'})`);
    }
    for (const event of events) dag.fold = evolveDag(dag.fold, event);
    dag.version += events.length;
    this.assets.written(also, result.position);
    if (also !== undefined) await this.#ports.watchers.sync(dag);
    if (result.position !== null) this.#ports.log.debug('a DAG changed', { dagId: dag.dagId, position: formatPosition(result.position) });
  }

  /** One that the journal knows is only being folded: its new owner takes the command up when that is done. */
  async #refuseUnknown(commandId: string, dagId: string): Promise<void> {
    if ((await this.#ports.store.read(dagStream(dagId))).length > 0) throw new Error(`the DAG ${dagId} is being folded`);
    await this.#refuse(commandId, dagId, reject('dag_not_found', `the DAG with id ${dagId} was not found`));
  }

  /**
   * Another may have written the DAG, or we have, in a commit that was reported as failed: only the journal knows, and is
   * asked before anything else is decided.
   */
  #refoldLater(dag: OwnedDag): void {
    dag.isInDoubt = true;
    this.#ports.clock.alarm(this.#ports.clock.nowMs() + REFOLD_AFTER_MS, () => {
      void this.#turn(dag, () => Promise.resolve()).catch((error: unknown) => {
        this.#ports.log.warn('a DAG could not be folded again; it is in a moment', { dagId: dag.dagId, ...errorAttributes(error) });
        this.#refoldLater(dag);
      });
    });
  }

  async #refold(dag: OwnedDag): Promise<void> {
    const events = await this.#ports.store.read(dag.streamId);
    const fold = foldOf(events);
    const plan = fold.planHash === null ? dag.plan : await this.#ports.plans.get(fold.planHash);
    Object.assign(dag, { fold, plan, version: events.length, isInDoubt: false });
    if (this.#dags.get(dag.dagId) === dag) this.#goOn(dag);
  }

  async #refuse(commandId: string, dagId: string, refusal: Rejected): Promise<void> {
    await this.#answer(commandId, dagId, { kind: 'refused', code: refusal.code, message: refusal.message });
  }

  async #answer(commandId: string, dagId: string, outcome: CommandOutcome): Promise<void> {
    await this.#ports.store.append([{ streamId: dagStream(dagId), expectedVersion: 0, events: [], outcomes: [{ commandId, outcome: outcome as unknown as Json }] }]);
  }

  #turn<T>(dag: OwnedDag, change: () => Promise<T>): Promise<T> {
    const turn = dag.turn.then(async () => {
      if (dag.isInDoubt) await this.#refold(dag);
      return change();
    });
    dag.turn = turn.catch(() => undefined);
    return turn;
  }

  get #engine(): RunEngine {
    return this.#ports.engine();
  }
}

export interface DagDeskPorts {
  readonly store: EventStore;
  readonly plans: PlanLibrary;
  readonly timetables: TimetableDesk;
  /** Late, since the engine in turn tells this desk of its events. */
  readonly engine: () => RunEngine;
  readonly clock: AlarmClock;
  readonly log: Log;
  /** Late too. */
  readonly assetFeed: () => AssetLoop;
  readonly watchers: Pick<WatcherDesk, 'sync' | 'drop'>;
  /** Whether new DAGs that say nothing of it are paused. Default false. */
  readonly pausedAtCreation?: boolean;
}

const REFOLD_AFTER_MS = 200;
const ASK_AGAIN_AFTER_MS = 1_000;

/** What is asked of one run. */
type RunBody = Extract<CommandBody, { runId: string }>;

function runCommandOf(body: RunBody): Ask['command'] {
  switch (body.type) {
    case 'ClearTasks': {
      const { runId: _, user: __, runOnLatestVersion: ___, ...command } = body;
      return { ...command, nowMs: 0 };
    }
    case 'MarkTasks': {
      const { runId: _, user, ...command } = body;
      return { ...command, by: user, nowMs: 0 };
    }
    case 'MarkRun':
      return { type: 'MarkRun', state: body.state, by: body.user, nowMs: 0 };
    case 'EraseRun':
      return { type: 'EraseRun', by: body.user, nowMs: 0 };
    case 'AnswerInput': {
      const { runId: _, user, ...command } = body;
      return { ...command, by: { id: user, name: user }, nowMs: 0 };
    }
    case 'SetRunNote':
      return { type: 'SetRunNote', note: body.note, by: body.user, nowMs: 0 };
    case 'SetTaskNote':
      return { type: 'SetTaskNote', taskId: body.taskId, mapIndex: body.mapIndex, note: body.note, by: body.user, nowMs: 0 };
    case 'SetXCom':
    case 'DeleteXCom': {
      const { runId: _, user, ...command } = body;
      return { ...command, by: user, nowMs: 0 };
    }
  }
}
