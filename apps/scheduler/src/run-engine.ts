import { createRunState, decideRun, evolveRun, isAtRest, isFinished, isRejected, nextWakeAtMs, replan, revokedBy, settle, type Json, type Rejected, type RunCommand, type RunEvent, type Settled } from '@dagbook/domain';
import { attemptId, parseAttemptId, runStream, TOPICS, type AttemptsWanted } from '@dagbook/contracts';
import { formatPosition, type AppendEntry, type AppendResult, type EventStore, type Fence, type NewEvent } from '@dagbook/event-store';
import type { MessagePublisher, OutgoingMessage } from '@dagbook/messaging';
import { errorAttributes, uuidv7, WakeableLoop, type AlarmClock, type Log } from '@dagbook/platform';
import { updatesOf } from './asset-event.ts';
import { foldRuns, keepSnapshot, type HotRun } from './hot-run.ts';
import type { Plan, PlanLibrary } from './plan-library.ts';
import { findPrevious, pastRuns } from './past-run.ts';
import { messagesOf, readyMessageAbove, readyMessages, type ResultKeeper } from './run-effect.ts';
import { WakeTimes } from './wake-time.ts';

/**
 * The heart of the scheduler: folds what is asked of runs, and appends what was decided.
 *
 * State model. Each *ask* (a command for one run) waits in the mailbox. A round takes the whole mailbox, folds runs
 * that are not hot yet, decides ask after ask (each followed by advances until nothing moves), and appends everything
 * that was decided in one statement. What gathers meanwhile is the next round: the busier, the larger the batches, and
 * no timer takes part. After the append a run's entry is
 * - `appended`: its messages go out, its asks are answered;
 * - `conflict` (someone else wrote the stream: ownership moved): the hot run is dropped, the asks go back to the mailbox;
 * - `fenced` (a report of an attempt that is not the newest): likewise, without the refused reports.
 * A hot run is only ever ahead of the journal during an append; whatever fails drops it, and the journal is folded again.
 * It is never behind: a run is hot only while its DAG is ours. Adoptions are folded, and what is ready is said, between rounds, and whatever was lost
 * during an append does not come back by its end.
 */
export class RunEngine {
  readonly #ports: RunEnginePorts;
  readonly #hot = new Map<string, HotRun>();
  readonly #wakes: WakeTimes;
  readonly #loop: WakeableLoop<void>;
  #mailbox: Ask[] = [];
  #interludes: Interlude[] = [];

  constructor(ports: RunEnginePorts) {
    this.#ports = ports;
    this.#wakes = new WakeTimes(ports.clock, (due) => {
      for (const key of due) if (ports.owns(key.dagId)) this.ask({ ...key, command: { type: 'RecordTimePassed', nowMs: 0 } });
    });
    this.#loop = new WakeableLoop({
      round: () => this.#round(),
      intervalMs: 1_000,
      onError: (error) => ports.log.error('a round of the run engine failed; its runs are folded again', errorAttributes(error)),
    });
  }

  start(): void {
    this.#loop.start();
  }

  async stop(deadlineMs?: number): Promise<void> {
    await this.#loop.stop(deadlineMs);
    for (const { fail } of this.#interludes.splice(0)) fail(new Error('the run engine has stopped'));
    this.#wakes.clear();
  }

  ask(ask: Ask): void {
    this.#mailbox.push(ask);
    this.#loop.wake();
  }

  askAll(asks: readonly Ask[]): void {
    if (asks.length === 0) return;
    for (const ask of asks) this.#mailbox.push(ask);
    this.#loop.wake();
  }

  /** Folds these unfinished runs and goes on with them: what a new owner of their DAGs does. */
  adopt(keys: readonly RunKey[]): Promise<void> {
    return this.#between(() => this.#fold(keys));
  }

  /** While nothing is being appended, so that every hot run is as the journal has it. */
  #between(act: () => Promise<void>): Promise<void> {
    return new Promise((done, fail) => {
      this.#interludes.push({ act, done, fail });
      this.#loop.wake();
    });
  }

  async #play({ act, done, fail }: Interlude): Promise<void> {
    try {
      await act();
      done();
    } catch (error) {
      fail(error);
    }
  }

  /** Whatever is hot of them already is folded too: others may have written since. */
  async #fold(keys: readonly RunKey[]): Promise<void> {
    const runs = (await foldRuns(this.#ports.store, this.#ports.plans, keys)).filter((run) => this.#ports.owns(run.dagId));
    for (const run of runs) {
      this.#hot.set(run.streamId, run);
      this.ask({ dagId: run.dagId, runId: run.runId, command: { type: 'RecordTimePassed', nowMs: 0 } });
    }
    this.#ports.onRunsFolded(runs);
    const folded = new Set(runs.map((run) => run.dagId));
    await this.#sayReady((run) => folded.has(run.dagId));
  }

  /** Forgets the hot runs of these DAGs (all when absent): the first thing a scheduler does that has lost ownership. */
  drop(owns: (dagId: string) => boolean): void {
    for (const run of this.#hot.values()) if (!owns(run.dagId)) this.#forget(run);
    const [kept, dropped] = [this.#mailbox.filter((ask) => owns(ask.dagId)), this.#mailbox.filter((ask) => !owns(ask.dagId))];
    this.#mailbox = kept;
    // Who waits for one takes its command up again when the DAG is ours again; its row has no outcome yet.
    for (const ask of dropped) ask.done?.(NOT_OWNED);
  }

  /** Says again what is ready: to a dispatcher that has just taken over, or that asks about some. */
  republish(of?: AttemptsWanted['of']): Promise<void> {
    return this.#between(() => (of === undefined ? this.#sayReady(() => true) : this.#sayReadyAbove(of)));
  }

  /**
   * As what is to be granted above an epoch that the run has not heard the end of. Only by a run that is as the journal has
   * it: that end may be there, written by a newer owner.
   */
  async #sayReadyAbove(wanted: NonNullable<AttemptsWanted['of']>): Promise<void> {
    const messages: OutgoingMessage[] = [];
    for (const { attemptId: id, epoch } of wanted) {
      const key = parseAttemptId(id);
      const run = this.#ports.owns(key.dagId) ? this.#hot.get(runStream(key.dagId, key.runId)) : undefined;
      if (run === undefined) continue;
      if ((await this.#ports.store.read(run.streamId, run.version + 1)).length === 0) messages.push(...(await readyMessageAbove(run, key, epoch, this.#ports.results)));
      else {
        this.#forget(run);
        this.ask({ ...key, command: { type: 'RecordTimePassed', nowMs: 0 } });
      }
    }
    if (messages.length > 0) await this.#ports.publisher.publish(messages);
  }

  /** The same of runs in which nothing has happened for a while: if a hint was lost, nothing else will come. */
  republishQuiet(sinceMs: number): Promise<void> {
    return this.#between(() => this.#sayReady((run) => run.changedAtMs < sinceMs));
  }

  async #sayReady(which: (run: HotRun) => boolean): Promise<void> {
    const messages: OutgoingMessage[] = [];
    for (const run of this.#hot.values()) if (which(run)) messages.push(...(await readyMessages(run, this.#ports.results)));
    // What holds a pool's slots on while it is deferred is known before anything may be granted in it.
    messages.sort((a, b) => holdsOn(b) - holdsOn(a));
    if (messages.length > 0) await this.#ports.publisher.publish(messages);
  }

  get hotRuns(): ReadonlyMap<string, HotRun> {
    return this.#hot;
  }

  async #round(): Promise<void> {
    for (const interlude of this.#interludes.splice(0)) await this.#play(interlude);
    if (this.#mailbox.length === 0) return;
    const asks = this.#mailbox.splice(0, ASKS_A_ROUND);
    if (this.#mailbox.length > 0) this.#loop.wake();
    const byRun = Map.groupBy(asks, (ask) => runStream(ask.dagId, ask.runId));
    try {
      await this.#heat(byRun);
      const drafts = await this.#withoutBlindDrops([...byRun].flatMap(([streamId, ofRun]) => this.#draftOrQuarantine(streamId, ofRun)));
      const written = drafts.filter((draft) => draft.entry !== undefined);
      const results = written.length === 0 ? [] : await this.#ports.store.append(written.map((draft) => draft.entry as AppendEntry));
      const messages: OutgoingMessage[] = [];
      for (const draft of drafts) if (draft.entry === undefined) this.#answerUnchanged(draft, messages);
      for (const [index, draft] of written.entries()) await this.#conclude(draft, results[index] as AppendResult, messages);
      if (messages.length > 0) await this.#ports.publisher.publish(messages);
    } catch (error) {
      // Nobody knows what was written: the journal does.
      for (const streamId of byRun.keys()) {
        const run = this.#hot.get(streamId);
        if (run !== undefined) this.#forget(run);
      }
      this.#mailbox.unshift(...asks);
      throw error;
    }
  }

  async #heat(byRun: ReadonlyMap<string, readonly Ask[]>): Promise<void> {
    const cold: RunKey[] = [];
    for (const [streamId, [first]] of byRun) {
      if (first !== undefined && !this.#hot.has(streamId) && (first.command.type !== 'CreateRun' || first.again === true)) cold.push(first);
    }
    if (cold.length > 0) {
      const runs = await foldRuns(this.#ports.store, this.#ports.plans, cold);
      for (const run of runs) this.#hot.set(run.streamId, run);
      this.#ports.onRunsFolded(runs);
    }
    for (const streamId of byRun.keys()) {
      const run = this.#hot.get(streamId);
      if (run?.plan.needsPast === true && run.previous === undefined) run.previous = await findPrevious(this.#ports.store, this.#ports.plans, run, this.#hot);
    }
  }

  /**
   * Dropping a lease leaves no event by whose version the journal could refuse it. So where nothing else is wanted, it is
   * first looked whether the run still stands where it was decided: to a state that is behind, the newest attempt is unknown.
   */
  async #withoutBlindDrops(drafts: readonly Draft[]): Promise<Draft[]> {
    const blind = drafts.filter(({ entry }) => entry?.drop !== undefined && entry.events.length === 0);
    if (blind.length === 0) return [...drafts];
    const behind = new Set<Draft>();
    await Promise.all(blind.map(async (draft) => {
      if ((await this.#ports.store.read(draft.streamId, draft.before + 1)).length > 0) behind.add(draft);
    }));
    for (const draft of behind) {
      if (draft.run !== undefined) this.#forget(draft.run);
      this.askAll(draft.asks);
    }
    return drafts.filter((draft) => !behind.has(draft));
  }

  /** A bug in one run's decisions stops that run, and no other: it is left as the journal has it, and said loudly. */
  #draftOrQuarantine(streamId: string, asks: readonly Ask[]): Draft[] {
    try {
      return [this.#draft(streamId, asks)];
    } catch (error) {
      this.#ports.log.error('a run could not be decided: it stands still until it is looked at', { streamId, asks: asks.map((ask) => ask.command.type), ...errorAttributes(error) });
      const run = this.#hot.get(streamId);
      if (run !== undefined) this.#forget(run);
      for (const ask of asks) ask.done?.({ kind: 'refused', code: 'internal', message: 'the run could not be decided; the scheduler\'s log says why' });
      return [];
    }
  }

  /** Decides the asks of one run, in order, against its hot state; evolves it as if they were written already. */
  #draft(streamId: string, asks: readonly Ask[]): Draft {
    const draft: Draft = { streamId, asks, run: this.#hot.get(streamId), events: [], also: undefined, answers: [], fences: new Map(), revoke: new Set(), drop: [], entry: undefined, before: 0 };
    draft.before = draft.run?.version ?? 0;
    for (const ask of asks) {
      const answer = this.#decide(draft, ask);
      draft.answers.push(answer);
      if (isRejected(answer) && ask.fence?.release === true) draft.drop.push({ attemptId: ask.fence.attemptId, epoch: ask.fence.epoch });
    }
    const outcomes = draft.answers.flatMap((answer, index) => {
      const commandId = asks[index]?.commandId;
      return commandId === undefined ? [] : [{ commandId, outcome: storedOutcome(answer, asks[index] as Ask) }];
    });
    if (draft.events.length === 0 && outcomes.length === 0 && draft.drop.length === 0) return draft;
    const opened = draft.run === undefined ? undefined : openness(draft.run, draft.events);
    draft.entry = {
      streamId,
      expectedVersion: draft.before,
      events: draft.events.map(toNewEvent),
      ...(draft.also === undefined ? {} : { also: draft.also }),
      ...(draft.fences.size === 0 ? {} : { fences: [...draft.fences.values()] }),
      ...(draft.revoke.size === 0 ? {} : { revoke: [...draft.revoke] }),
      ...(draft.drop.length === 0 ? {} : { drop: draft.drop }),
      ...(opened === undefined ? {} : { openRun: { dagId: asks[0]?.dagId as string, runId: asks[0]?.runId as string, open: opened } }),
      ...(outcomes.length === 0 ? {} : { outcomes }),
    };
    return draft;
  }

  #decide(draft: Draft, ask: Ask): Rejected | 'decided' | 'nothing' {
    const nowMs = this.#ports.clock.nowMs();
    const command = { ...ask.command, nowMs } as RunCommand;
    if (draft.run === undefined) {
      if (ask.command.type !== 'CreateRun') return UNKNOWN_RUN;
      draft.run = this.#create(ask as Ask & { command: { type: 'CreateRun' } });
    }
    const run = draft.run;
    const settled = this.#settled(run, command);
    if (isRejected(settled)) return settled;
    if (ask.fence !== undefined && settled.events.length > 0) mergeFence(draft.fences, ask.fence);
    this.#take(draft, run, settled);
    if (ask.also !== undefined) (draft.also ??= []).push(...ask.also);
    if (run.state.awaitsPlan !== null && ask.plan !== undefined) {
      run.state = replan(run.state, ask.plan.compiled);
      run.plan = ask.plan;
      const after = this.#settled(run, { type: 'Advance', nowMs });
      if (!isRejected(after)) this.#take(draft, run, after);
    }
    return settled.events.length > 0 ? 'decided' : 'nothing';
  }

  /** The whole step of a command. A paused DAG takes in what is reported and starts nothing: it is not advanced. */
  #settled(run: HotRun, command: RunCommand): Settled | Rejected {
    if (!this.#ports.isPaused(run.dagId)) return settle(run.state, command, run.previous === undefined ? undefined : pastRuns(run.previous, this.#hot));
    const decision = decideRun(command, run.state);
    if (isRejected(decision)) return decision;
    const revoked = decision.flatMap((event) => {
      const attempt = revokedBy(run.state, event);
      evolveRun(run.state, event);
      return attempt ?? [];
    });
    return { events: decision, revoked, ready: [] };
  }

  #take(draft: Draft, run: HotRun, settled: Settled): void {
    for (const event of settled.events) {
      draft.events.push(event);
      const updates = event.type === 'TaskSucceeded' && event.assetEvents !== undefined ? updatesOf(run, event) : undefined;
      if (updates !== undefined) (draft.also ??= []).push(updates);
    }
    for (const attempt of settled.revoked) draft.revoke.add(attemptId({ ...attempt, dagId: run.dagId, runId: run.runId }));
    run.version += settled.events.length;
    run.changedAtMs = this.#ports.clock.nowMs();
  }

  #create(ask: Ask & { command: { type: 'CreateRun' } }): HotRun {
    const plan = ask.plan;
    if (plan === undefined) throw new Error(`CreateRun of ${ask.dagId}/${ask.runId} came without its plan`);
    const { nowMs: _, type: __, ...facts } = ask.command as Extract<RunCommand, { type: 'CreateRun' }>;
    return {
      dagId: ask.dagId,
      runId: ask.runId,
      streamId: runStream(ask.dagId, ask.runId),
      created: { ...facts, type: 'RunCreated', atMs: this.#ports.clock.nowMs() },
      plan,
      state: createRunState(plan.compiled),
      version: 0,
      snapshotVersion: 0,
      changedAtMs: this.#ports.clock.nowMs(),
    };
  }

  /** Nothing was decided: refusals and repetitions are still answered. */
  #answerUnchanged(draft: Draft, messages: OutgoingMessage[]): void {
    for (const [index, ask] of draft.asks.entries()) this.#answer(ask, draft.answers[index] as Answer, null, messages);
    if (draft.run !== undefined && this.#hot.has(draft.streamId)) this.#settle(draft.run);
  }

  async #conclude(draft: Draft, result: AppendResult, messages: OutgoingMessage[]): Promise<void> {
    const run = draft.run;
    if (result.kind !== 'appended') {
      if (run !== undefined) this.#forget(run);
      this.#retry(draft, result, messages);
      return;
    }
    for (const [index, ask] of draft.asks.entries()) {
      this.#answer(ask, draft.answers[index] as Answer, result.position === null ? null : formatPosition(result.position), messages);
    }
    if (run === undefined) return;
    if (this.#ports.owns(run.dagId)) this.#hot.set(draft.streamId, run);
    else this.#forget(run);
    messages.push(...(await messagesOf(run, draft.events, this.#ports.results)));
    if (draft.also !== undefined && result.position !== null) messages.push({ topic: TOPICS.reports.name, key: run.dagId, type: 'AssetsUpdated', data: { position: formatPosition(result.position) } });
    for (const attempt of draft.revoke) {
      messages.push({ topic: TOPICS.attempts.name, key: run.dagId, type: 'AttemptRevoked', data: { attemptId: attempt, epoch: 0, reason: 'the task instance was changed by a person or a timeout' } });
    }
    if (run.plan.needsPast && draft.events.length > 0) this.#tellSuccessor(run);
    this.#settle(run);
    this.#ports.onEvents(run, draft.events);
  }

  #retry(draft: Draft, result: AppendResult, messages: OutgoingMessage[]): void {
    const fenced = result.kind === 'fenced' ? new Set(result.attemptIds) : new Set<string>();
    for (const ask of draft.asks) {
      if (ask.fence !== undefined && fenced.has(ask.fence.attemptId)) this.#answer(ask, STALE_LEASE, null, messages);
      else if (ask.also !== undefined) this.#refuseWithAlso(ask, messages);
      else if (ask.command.type === 'CreateRun' && result.kind === 'conflict') this.#askExisting(ask);
      else this.ask(ask);
    }
  }

  /**
   * There is a run of this id, perhaps one that has ended: folded, it refuses by itself, and the command has its outcome.
   * Perhaps it was created by this very ask, in a commit that was reported as failed: then nobody knows of it yet.
   */
  #askExisting(ask: Ask): void {
    this.ask({ ...ask, again: true });
    this.ask({ dagId: ask.dagId, runId: ask.runId, command: { type: 'RecordTimePassed', nowMs: 0 } });
  }

  /** Perhaps by what stands in the other stream: only who asked can tell, once it has been read again. */
  #refuseWithAlso(ask: Ask, messages: OutgoingMessage[]): void {
    this.#answer(ask, WRITTEN_ELSEWHERE, null, messages);
    this.ask({ dagId: ask.dagId, runId: ask.runId, command: { type: 'RecordTimePassed', nowMs: 0 } });
  }

  #answer(ask: Ask, answer: Answer, position: string | null, messages: OutgoingMessage[]): void {
    if (ask.acknowledge !== undefined) {
      const { topic, attemptId: id, epoch } = ask.acknowledge;
      messages.push({ topic, key: id, type: 'ReportAcknowledged', data: { attemptId: id, epoch, accepted: !isRejected(answer) } });
    }
    if (ask.commandId !== undefined || ask.done !== undefined) {
      const outcome = outcomeOf(answer);
      ask.done?.(outcome.kind === 'done' ? { ...outcome, position } : outcome);
    }
  }

  /** What waits for this run in the one after it may go on; a run that has ended leaves it how it ended. */
  #tellSuccessor(run: HotRun): void {
    for (const next of this.#hot.values()) {
      if (next.previous?.streamId !== run.streamId) continue;
      if (isFinished(run.state)) next.previous.ended = run.state;
      this.ask({ dagId: next.dagId, runId: next.runId, command: { type: 'RecordTimePassed', nowMs: 0 } });
    }
  }

  /** After a change: a run at rest cools down, another is woken when its next time comes. One that has only a deadline to come need not be hot for that. */
  #settle(run: HotRun): void {
    const { state } = run;
    if (isAtRest(state) || !this.#ports.owns(run.dagId)) return this.#forget(run);
    this.#wakes.set(run, nextWakeAtMs(state));
    if (isFinished(state) && state.callbacks.size === 0) return void this.#hot.delete(run.streamId);
    void keepSnapshot(this.#ports.store, run).catch((error: unknown) => this.#ports.log.warn('a snapshot could not be kept; the journal is whole without it', { streamId: run.streamId, ...errorAttributes(error) }));
  }

  #forget(run: HotRun): void {
    this.#hot.delete(run.streamId);
    this.#wakes.delete(run);
  }
}

/** Bounds a round, so that other work of the process is never kept waiting for long. */
const ASKS_A_ROUND = 2_000;

export interface RunEnginePorts {
  readonly store: EventStore;
  readonly publisher: MessagePublisher;
  readonly plans: PlanLibrary;
  readonly clock: AlarmClock;
  readonly log: Log;
  /** Keeps results too large for an assignment. */
  readonly results: ResultKeeper;
  readonly owns: (dagId: string) => boolean;
  /** A paused DAG's runs take in what is reported and start nothing new. */
  readonly isPaused: (dagId: string) => boolean;
  /** Runs as the journal has them, all that were asked for together. */
  readonly onRunsFolded: (runs: readonly HotRun[]) => void;
  readonly onEvents: (run: HotRun, events: readonly RunEvent[]) => void;
}

interface Interlude {
  readonly act: () => Promise<void>;
  readonly done: () => void;
  readonly fail: (error: unknown) => void;
}

export interface RunKey {
  readonly dagId: string;
  readonly runId: string;
}

export interface Ask extends RunKey {
  /** `nowMs` is set when it is decided. */
  readonly command: RunCommand;
  /** Only with `CreateRun` and `ReplanRun`. */
  readonly plan?: Plan;
  /** A `CreateRun` that met a run of its id. */
  readonly again?: true;
  /** Only with `CreateRun`: written with the run, or neither is. */
  readonly also?: NonNullable<AppendEntry['also']>;
  readonly fence?: Fence;
  readonly acknowledge?: { readonly topic: string; readonly attemptId: string; readonly epoch: number };
  readonly commandId?: string;
  readonly done?: (outcome: AskOutcome) => void;
}

export type AskOutcome =
  | { readonly kind: 'done'; readonly position: string | null }
  | { readonly kind: 'refused'; readonly code: string; readonly message: string };

type Answer = Rejected | 'decided' | 'nothing';

interface Draft {
  readonly streamId: string;
  readonly asks: readonly Ask[];
  run: HotRun | undefined;
  readonly events: RunEvent[];
  also: NonNullable<AppendEntry['also']>[number][] | undefined;
  readonly answers: Answer[];
  readonly fences: Map<string, Fence>;
  readonly revoke: Set<string>;
  /** Leases of reports that do not count: their attempts are over for us. */
  readonly drop: { readonly attemptId: string; readonly epoch: number }[];
  entry: AppendEntry | undefined;
  before: number;
}

const NOT_OWNED: AskOutcome = { kind: 'refused', code: 'not_owned', message: 'the DAG is another scheduler\'s now' };
const UNKNOWN_RUN: Rejected = { rejected: true, code: 'run_not_found', message: 'there is no such run' };
const WRITTEN_ELSEWHERE: Rejected = { rejected: true, code: 'conflict', message: 'another scheduler has written what was to be written with the run' };
const STALE_LEASE: Rejected = { rejected: true, code: 'stale_report', message: 'the attempt is not the newest of its try' };

const outcomeOf = (answer: Answer): AskOutcome =>
  isRejected(answer) ? { kind: 'refused', code: answer.code, message: answer.message } : { kind: 'done', position: null };

/** As the row of the command keeps it: who triggered a run is told its id. */
const storedOutcome = (answer: Answer, ask: Ask): Json =>
  ({ ...outcomeOf(answer), ...(ask.command.type === 'CreateRun' ? { result: { runId: ask.runId } } : {}) }) as unknown as Json;

/** A start and an end of one attempt in the same batch are fenced once, by the end. */
function mergeFence(fences: Map<string, Fence>, fence: Fence): void {
  const known = fences.get(fence.attemptId);
  fences.set(fence.attemptId, known === undefined ? fence : { ...fence, release: known.release || fence.release });
}

function toNewEvent(event: RunEvent): NewEvent {
  const { type, ...data } = event;
  return { eventId: uuidv7(), type, schemaVersion: 1, data: data as unknown as Json };
}

/** Whether these events leave something to come of the run; undefined when they change nothing about that. */
function openness({ state }: HotRun, events: readonly RunEvent[]): boolean | undefined {
  return events.some(({ type }) => OPENING.has(type)) ? !isAtRest(state) : undefined;
}

const OPENING: ReadonlySet<RunEvent['type']> = new Set(['RunCreated', 'RunRequeued', 'RunSucceeded', 'RunFailed', 'RunErased', 'DeadlineMissed', 'CallbackSucceeded', 'CallbackFailed']);

const holdsOn = ({ data }: OutgoingMessage): number => ((data as { deferredSlots?: number }).deferredSlots === undefined ? 0 : 1);
