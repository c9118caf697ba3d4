import {
  backfillDates, decideBackfill, evolveBackfill, isRejected, nextDates, reject, stepsOf, type BackfillCommand, type BackfillEvent, type BackfillFold, type BackfillStep, type ExistingRun, type ForeseenRuns, type Json,
  type Rejected, type RunEvent, type ScheduledRun,
} from '@dagbook/domain';
import { backfillStream, runStream, type CommandBody, type CommandOutcome } from '@dagbook/contracts';
import type { EventStore } from '@dagbook/event-store';
import { errorAttributes, uuidv7, type AlarmClock, type Log } from '@dagbook/platform';
import { foldRuns, type HotRun } from './hot-run.ts';
import { claimLogicalDates, holdersOf } from './logical-date-claim.ts';
import type { NewRun, OwnedDag } from './owned-dag.ts';
import type { Plan, PlanLibrary } from './plan-library.ts';
import type { AskOutcome, RunEngine } from './run-engine.ts';

/**
 * The newest backfill of each DAG that this scheduler owns, and the runs of backfills that have not ended.
 *
 * State model of a backfill here: folded from its stream when its DAG is taken, and anew after an append that was not heard
 * to be done. Its dates are handled in order, some at a time, within the DAG's turns: what must happen to a date is done to
 * its run first and recorded after, and a run says whose it is, so that a crash between the two repeats nothing. It is looked at
 * whenever one of its runs has ended, it or its DAG goes on, or the DAG is taken.
 */
export class BackfillDesk {
  readonly #ports: BackfillDeskPorts;
  readonly #backfills = new Map<string, OwnedBackfill>();
  readonly #runs = new Map<string, Map<string, BackfillRun>>();

  constructor(ports: BackfillDeskPorts) {
    this.#ports = ports;
  }

  async take(dagIds: readonly string[]): Promise<void> {
    const newest = new Map<string, number>();
    for (const streamId of await this.#ports.store.listStreams(PREFIX)) {
      const at = streamId.lastIndexOf('/');
      const dagId = streamId.slice(PREFIX.length, at);
      newest.set(dagId, Math.max(newest.get(dagId) ?? 0, Number(streamId.slice(at + 1))));
    }
    for (const dagId of dagIds) {
      this.#runs.set(dagId, new Map());
      const number = newest.get(dagId);
      if (number === undefined) this.#backfills.delete(dagId);
      else this.#backfills.set(dagId, await this.#load(dagId, number));
    }
  }

  drop(dagId: string): void {
    this.#backfills.delete(dagId);
    this.#runs.delete(dagId);
  }

  /** Within the DAG's turn. */
  async command(dag: OwnedDag, commandId: string, body: BackfillBody, foreseen?: ForeseenRuns): Promise<void> {
    const owned = await this.#current(dag.dagId);
    const nowMs = this.#ports.clock.nowMs();
    if (body.type === 'CreateBackfill') {
      const { type, user, ...request } = body;
      if (dag.plan === undefined) return this.#refuse(commandId, reject('dag_not_found', `the DAG ${dag.dagId} has no version that could be read`));
      const number = (owned?.number ?? 0) + 1;
      const command: BackfillCommand = { type, dagId: dag.dagId, backfillId: String(number), request, definition: dag.plan.definition, planHash: dag.plan.hash, ...(foreseen === undefined ? {} : { foreseen }), by: user, nowMs };
      const decision = decideBackfill(command, owned?.fold);
      if (isRejected(decision)) return this.#refuse(commandId, decision);
      const fresh: OwnedBackfill = { dagId: dag.dagId, number, fold: undefined, version: 0, dates: undefined, isInDoubt: false, isAdvancing: false, wasTouched: false };
      this.#backfills.set(dag.dagId, fresh);
      return this.#append(fresh, decision, { commandId, result: { backfillId: String(number) } });
    }
    if (owned === undefined || owned.fold?.created.backfillId !== body.backfillId) return this.#refuse(commandId, await this.#notTheNewest(dag.dagId, body.backfillId));
    const decision = decideBackfill(body.type === 'CancelBackfill' ? { type: body.type, by: body.user, nowMs } : { type: body.type, paused: body.paused, by: body.user, nowMs }, owned.fold);
    if (isRejected(decision)) return this.#refuse(commandId, decision);
    await this.#append(owned, decision, { commandId, result: { backfillId: body.backfillId } });
  }

  /** Keeps in step with a run's event; answers whether the run is a backfill's, so that the DAG's own caps do not count it. */
  follow(dag: OwnedDag, runId: string, event: RunEvent): boolean {
    const runs = this.#runsOf(dag.dagId);
    switch (event.type) {
      case 'RunCreated':
      case 'RunRequeued':
        if (event.backfillId === undefined) runs.delete(runId);
        else runs.set(runId, { backfillId: event.backfillId, state: 'queued' });
        return event.backfillId !== undefined;
      case 'RunStarted': {
        const run = runs.get(runId);
        if (run !== undefined) run.state = 'running';
        return run !== undefined;
      }
      case 'RunSucceeded':
      case 'RunFailed':
        return runs.delete(runId);
      default:
        return runs.has(runId);
    }
  }

  /** The same of a run as the journal has it. */
  folded(dag: OwnedDag, run: HotRun): boolean {
    const { backfillId, state } = run.state;
    const runs = this.#runsOf(dag.dagId);
    runs.delete(run.runId);
    if (backfillId === null || (state !== 'queued' && state !== 'running')) return false;
    runs.set(run.runId, { backfillId, state });
    return true;
  }

  unfinishedOf(dagId: string): readonly string[] {
    return [...this.#runsOf(dagId).keys()];
  }

  runningOf(dagId: string): readonly string[] {
    return [...this.#runsOf(dagId)].filter(([, { state }]) => state === 'running').map(([runId]) => runId);
  }

  /** Starts what is queued, and makes what comes next. */
  goOn(dag: OwnedDag): void {
    if (!dag.knowsItsRuns || this.#ports.owned(dag.dagId) !== dag) return;
    this.#startQueued(dag);
    const backfill = this.#backfills.get(dag.dagId);
    if (backfill === undefined || (backfill.fold?.state !== 'running' && !backfill.isInDoubt)) return;
    backfill.wasTouched = true;
    if (backfill.isAdvancing) return;
    backfill.isAdvancing = true;
    const look = async (): Promise<void> => {
      while (backfill.wasTouched) {
        backfill.wasTouched = false;
        await this.#ports.turn(dag, () => this.#advance(dag));
      }
    };
    look().then(
      () => {
        backfill.isAdvancing = false;
      },
      (error: unknown) => {
        backfill.isAdvancing = false;
        this.#ports.log.error('a backfill could not go on; it is asked again', { dagId: dag.dagId, ...errorAttributes(error) });
        this.#ports.clock.alarm(this.#ports.clock.nowMs() + ASK_AGAIN_AFTER_MS, () => this.goOn(dag));
      },
    );
  }

  async #advance(dag: OwnedDag): Promise<void> {
    const owned = await this.#current(dag.dagId);
    const isOurs = (): boolean => this.#ports.owned(dag.dagId) === dag && dag.knowsItsRuns;
    if (owned?.fold?.state !== 'running' || dag.plan === undefined || !isOurs()) return;
    const { fold } = owned;
    const { backfillId } = fold.created;
    const active = this.#activeOf(dag.dagId, backfillId);
    const dates = dag.fold.paused ? [] : nextDates(fold, await this.#datesOf(owned, fold), active);
    const existing = await this.#existing(dag.dagId, dates);
    if (!isOurs()) return;
    const wanted = stepsOf(fold, dates, active, (logicalDateMs) => existing.get(logicalDateMs));
    const steps = await this.#carryOut(dag, dag.plan, fold, wanted, new Map(dates.map((date) => [date.interval.startMs, date])));
    // Of a DAG that was lost meanwhile nobody here knows which runs are under way.
    if (!isOurs()) return;
    const decision = decideBackfill({ type: 'RecordBackfillSteps', steps, activeRuns: this.#activeOf(dag.dagId, backfillId), nowMs: this.#ports.clock.nowMs() }, fold);
    if (isRejected(decision) || decision.length === 0) return;
    await this.#append(owned, decision);
    if (owned.fold?.state === 'running' && steps.length > 0) owned.wasTouched = true;
  }

  /** Answers the steps as they came about: a run that somebody else has begun meanwhile is left alone. */
  async #carryOut(dag: OwnedDag, plan: Plan, { created }: BackfillFold, steps: readonly BackfillStep[], dates: ReadonlyMap<number, ScheduledRun>): Promise<readonly BackfillStep[]> {
    const taken = await claimLogicalDates(this.#ports.store, dag.dagId, steps.filter(({ action, done }) => action === 'create' && done !== true));
    return Promise.all(steps.map(async (step): Promise<BackfillStep> => {
      if (step.action === 'skip' || step.done === true) return step;
      const { runId, logicalDateMs } = step;
      const { interval, runAfterMs } = dates.get(logicalDateMs) as ScheduledRun;
      const outcome: AskOutcome = taken.has(runId) ? ALREADY_THERE
        : await this.#asBackfillRun(dag, runId, created.backfillId, () => (step.action === 'reprocess' ? this.#reprocess(dag, plan, runId, created) : this.#ports.create(dag, plan, {
          runId, runType: 'backfill', triggeredBy: 'backfill', triggeringUser: created.by, logicalDateMs, dataInterval: interval, runAfterMs, conf: created.conf,
          params: { ...plan.definition.params?.defaults, ...created.conf }, backfillId: created.backfillId,
        })));
      if (outcome.kind === 'done') return step;
      if (outcome.code !== 'run_exists' && outcome.code !== 'run_under_way') throw new Error(outcome.message);
      // Perhaps it was begun by this very step, in a commit that was reported as failed.
      const found = (await this.#existing(dag.dagId, [{ interval, runAfterMs }])).get(logicalDateMs);
      return found?.backfillId === created.backfillId ? step : { ...step, action: 'skip' };
    }));
  }

  /** It counts from the moment it is asked for: what it comes to may be heard of after the answer. */
  async #asBackfillRun(dag: OwnedDag, runId: string, backfillId: string, ask: () => Promise<AskOutcome>): Promise<AskOutcome> {
    const runs = this.#runsOf(dag.dagId);
    const asked: BackfillRun = { backfillId, state: 'asked' };
    runs.set(runId, asked);
    const outcome = await ask();
    if (outcome.kind === 'refused' && runs.get(runId) === asked) runs.delete(runId);
    return outcome;
  }

  #reprocess(dag: OwnedDag, plan: Plan, runId: string, created: BackfillFold['created']): Promise<AskOutcome> {
    const { engine } = this.#ports;
    if (created.runOnLatestVersion) {
      engine().ask({ dagId: dag.dagId, runId, plan, command: { type: 'ReplanRun', planHash: plan.hash, dagVersion: dag.fold.version, bundleHash: dag.fold.bundleHash ?? '', nowMs: 0 } });
    }
    return new Promise((done) => engine().ask({ dagId: dag.dagId, runId, done, command: { type: 'MarkRun', state: 'queued', backfillId: created.backfillId, by: created.by, nowMs: 0 } }));
  }

  /** What an active backfill has queued starts; what a cancelled one has queued never will. */
  #startQueued(dag: OwnedDag): void {
    const fold = this.#backfills.get(dag.dagId)?.fold;
    for (const [runId, run] of this.#runsOf(dag.dagId)) {
      if (run.state !== 'queued') continue;
      const isActive = fold?.state === 'running' && fold.created.backfillId === run.backfillId;
      if (isActive && (fold.paused || dag.fold.paused)) continue;
      run.state = 'starting';
      if (!isActive) {
        this.#ports.engine().ask({ dagId: dag.dagId, runId, command: { type: 'MarkRun', state: 'failed', by: 'backfill', nowMs: 0 } });
        continue;
      }
      this.#ports.start(dag, runId).catch((error: unknown) => {
        // The DAG is folded again, and then this too is looked at anew.
        if (run.state === 'starting') run.state = 'queued';
        this.#ports.log.error('a run could not begin; it is asked for again', { dagId: dag.dagId, runId, ...errorAttributes(error) });
      });
    }
  }

  /** Runs by the logical date that they have, as the journal or their owner has them. One whose making was cut short is only queued. */
  async #existing(dagId: string, dates: readonly ScheduledRun[]): Promise<ReadonlyMap<number, ExistingRun>> {
    const holders = await holdersOf(this.#ports.store, dagId, dates.map(({ interval }) => interval.startMs));
    const { hotRuns } = this.#ports.engine();
    const cold = [...holders.values()].filter((runId) => !hotRuns.has(runStream(dagId, runId)));
    const folded = new Map((await foldRuns(this.#ports.store, this.#ports.plans, cold.map((runId) => ({ dagId, runId })))).map((run) => [run.runId, run]));
    const existing = new Map<number, ExistingRun>();
    for (const [logicalDateMs, runId] of holders) {
      const run = hotRuns.get(runStream(dagId, runId)) ?? folded.get(runId);
      if (run !== undefined) existing.set(logicalDateMs, { runId, state: run.state.state, backfillId: run.state.backfillId });
      else if (!runId.startsWith('backfill__')) existing.set(logicalDateMs, { runId, state: 'queued', backfillId: null });
    }
    return existing;
  }

  async #datesOf(owned: OwnedBackfill, { created }: BackfillFold): Promise<readonly ScheduledRun[]> {
    return (owned.dates ??= backfillDates((await this.#ports.plans.get(created.planHash)).definition, created, created.atMs, created.runs));
  }

  #activeOf(dagId: string, backfillId: string): number {
    let active = 0;
    for (const run of this.#runsOf(dagId).values()) if (run.backfillId === backfillId) active += 1;
    return active;
  }

  #runsOf(dagId: string): Map<string, BackfillRun> {
    let runs = this.#runs.get(dagId);
    if (runs === undefined) this.#runs.set(dagId, (runs = new Map()));
    return runs;
  }

  async #load(dagId: string, number: number): Promise<OwnedBackfill> {
    const events = await this.#ports.store.read(backfillStream(dagId, String(number)));
    const fold = events.reduce<BackfillFold | undefined>((before, { type, data }) => evolveBackfill(before, { type, ...(data as object) } as BackfillEvent), undefined);
    return { dagId, number, fold, version: events.length, dates: undefined, isInDoubt: false, isAdvancing: false, wasTouched: false };
  }

  async #current(dagId: string): Promise<OwnedBackfill | undefined> {
    const owned = this.#backfills.get(dagId);
    if (owned?.isInDoubt === true) {
      const { fold, version } = await this.#load(dagId, owned.number);
      Object.assign(owned, { fold, version, isInDoubt: false });
      // Its first event was never written.
      if (fold === undefined) owned.number -= 1;
    }
    return owned;
  }

  async #append(owned: OwnedBackfill, events: readonly BackfillEvent[], answer?: { readonly commandId: string; readonly result: Json }): Promise<void> {
    const outcome: CommandOutcome = { kind: 'done', position: null, ...(answer === undefined ? {} : { result: answer.result }) };
    owned.isInDoubt = true;
    const [result] = await this.#ports.store.append([{
      streamId: backfillStream(owned.dagId, String(owned.number)),
      expectedVersion: owned.version,
      events: events.map(({ type, ...data }) => ({ eventId: uuidv7(), type, schemaVersion: 1, data: data as unknown as Json })),
      ...(answer === undefined ? {} : { outcomes: [{ commandId: answer.commandId, outcome: outcome as unknown as Json }] }),
    }]);
    if (result?.kind !== 'appended') throw new Error(`a backfill of ${owned.dagId} was written by another scheduler (${result?.kind ?? 'no result'})`);
    owned.isInDoubt = false;
    for (const event of events) owned.fold = evolveBackfill(owned.fold, event);
    owned.version += events.length;
  }

  async #notTheNewest(dagId: string, backfillId: string): Promise<Rejected> {
    const known = (await this.#ports.store.read(backfillStream(dagId, backfillId))).length > 0;
    return known ? reject('backfill_ended', `Backfill ${backfillId} of the DAG ${dagId} has ended; create another one.`) : reject('backfill_not_found', `The DAG ${dagId} has no backfill ${backfillId}.`);
  }

  async #refuse(commandId: string, { code, message }: Rejected): Promise<void> {
    const outcome: CommandOutcome = { kind: 'refused', code, message };
    await this.#ports.store.append([{ streamId: PREFIX, expectedVersion: 0, events: [], outcomes: [{ commandId, outcome: outcome as unknown as Json }] }]);
  }
}

export type BackfillBody = Extract<CommandBody, { type: 'CreateBackfill' | 'SetBackfillPaused' | 'CancelBackfill' }>;

export interface BackfillDeskPorts {
  readonly store: EventStore;
  readonly plans: PlanLibrary;
  readonly engine: () => RunEngine;
  readonly clock: AlarmClock;
  readonly log: Log;
  /** The DAG as it is owned now. */
  readonly owned: (dagId: string) => OwnedDag | undefined;
  readonly turn: (dag: OwnedDag, change: () => Promise<void>) => Promise<void>;
  readonly start: (dag: OwnedDag, runId: string) => Promise<void>;
  readonly create: (dag: OwnedDag, plan: Plan, run: NewRun) => Promise<AskOutcome>;
}

interface OwnedBackfill {
  readonly dagId: string;
  number: number;
  /** undefined: its first event is being written. */
  fold: BackfillFold | undefined;
  version: number;
  /** Worked out when they are first needed. */
  dates: readonly ScheduledRun[] | undefined;
  /** The fold may lag behind the journal. */
  isInDoubt: boolean;
  isAdvancing: boolean;
  /** Something has happened since it was last looked at. */
  wasTouched: boolean;
}

interface BackfillRun {
  readonly backfillId: string;
  state: 'asked' | 'queued' | 'starting' | 'running';
}

const PREFIX = 'backfill-';
const ASK_AGAIN_AFTER_MS = 1_000;
const ALREADY_THERE: AskOutcome = { kind: 'refused', code: 'run_exists', message: 'another run has the logical date' };
