import {
  callbackRecords, compilePlan, createRunState, DEFAULT_POOL, deadlinesOf, decideRun, evolveDag, evolveRun, explainTaskInstance, initialDag, isRejected, pastOf, replan, spannedDates, whyQueued, type CallbackRecord, type DagEvent, type DagRun, type Explanation, type Foresight, type PastRuns, type RunCommand, type RunCreated, type RunEvent, type RunSpan, type WaitingReason,
} from '@dagbook/domain';
import { attemptId, dagStream, runStream } from '@dagbook/contracts';
import { toFact, type EventStore } from '@dagbook/event-store';
import type { Clock } from '@dagbook/platform';
import {
  dagVersions, getDag, getRun, getTaskInstance, renderedFields, runBefore, runsByLogicalDate, taskInstancesOf, type StoredDagVersion, type ListedDag, type ListedTaskInstance, type PlanCache, type PlanView, type Queryable, type RunRow,
} from '@dagbook/read-models';
import { ApiError, dagNotFound, runNotFound, taskInstanceNotFound } from './error/api-error.ts';
import { refusalStatus } from './command/refusal-status.ts';
import type { DagRunResponse, TaskInstanceResponse } from './dto/response.ts';
import { runView, taskInstanceView } from './view/run-view.ts';
import type { SlotWatch } from './waiting/slot-watch.ts';

/** Operators whose fields are code. */
const WITHOUT_TEMPLATES: ReadonlySet<string> = new Set(['function', 'empty', 'latestOnly', 'shortCircuit', 'branch']);

/** What controllers read, as one thing: rows or the 404 that names what is missing, and the answers made of rows. */
export class Reader {
  readonly db: Queryable;
  readonly plans: PlanCache;
  readonly store: EventStore;
  readonly #slots: Pick<SlotWatch, 'reason'>;
  readonly #clock: Clock;

  constructor(options: { db: Queryable; plans: PlanCache; store: EventStore; slots: Pick<SlotWatch, 'reason'>; clock: Clock }) {
    this.#slots = options.slots;
    this.#clock = options.clock;
    this.db = options.db;
    this.plans = options.plans;
    this.store = options.store;
  }

  async dag(dagId: string): Promise<ListedDag> {
    const dag = await getDag(this.db, dagId);
    if (dag === null) throw dagNotFound(dagId);
    return dag;
  }

  async run(dagId: string, runId: string): Promise<RunRow> {
    const run = await getRun(this.db, dagId, runId);
    if (run === null) throw runNotFound(dagId, runId);
    return run;
  }

  async taskInstance(dagId: string, runId: string, taskId: string, mapIndex: number): Promise<ListedTaskInstance> {
    const instance = await getTaskInstance(this.db, dagId, runId, taskId, mapIndex);
    if (instance === null) throw taskInstanceNotFound(dagId, runId, taskId, mapIndex);
    return instance;
  }

  async runViews(runs: readonly RunRow[]): Promise<DagRunResponse[]> {
    const versions = await this.#versionsOf(runs);
    return Promise.all(runs.map(async (run) => runView(run, (await this.plans.get(run.planHash)).definition.displayName ?? run.dagId, versions(run))));
  }

  async runView(run: RunRow): Promise<DagRunResponse> {
    const [view] = await this.runViews([run]);
    return view as DagRunResponse;
  }

  async taskInstanceViews(instances: readonly ListedTaskInstance[]): Promise<TaskInstanceResponse[]> {
    const versions = await this.#versionsOf(instances);
    const views = await Promise.all(instances.map(async (instance) => taskInstanceView(instance, await this.plans.get(instance.planHash), versions(instance))));
    const templated = instances.filter((instance, at) => instance.tryNumber > 0 && !WITHOUT_TEMPLATES.has(views[at]?.operator ?? 'function'));
    const rendered = await renderedFields(this.db, templated);
    if (rendered.size === 0) return views;
    return views.map((view, at) => ({ ...view, rendered_fields: rendered.get(attemptId(instances[at] as ListedTaskInstance)) ?? {} }));
  }

  async versionOf(row: { readonly dagId: string; readonly dagVersion: number }): Promise<StoredDagVersion | undefined> {
    return (await dagVersions(this.db, [row]))[0];
  }

  /** What the DAG's own timetable last answered; null: its schedule is no code, or that has not been asked yet. */
  async foresight(dag: ListedDag, plan: PlanView): Promise<Foresight | null> {
    if (plan.definition.schedule.kind !== 'custom') return null;
    return (await this.store.read(dagStream(dag.dagId))).reduce((fold, stored) => evolveDag(fold, toFact<DagEvent>(stored)), initialDag()).foreseen;
  }

  async planOf(row: { readonly planHash: string }): Promise<PlanView> {
    return this.plans.get(row.planHash);
  }

  /**
   * What a command would clear or mark, by deciding it against the run's own events and appending nothing: a dry run can
   * then not differ from the real one. `lacking`: of what the run does not have nothing is affected, rather than that being refused.
   */
  async affected(dagId: string, runId: string, command: Extract<RunCommand, { type: 'ClearTasks' | 'MarkTasks' | 'MarkRun' }>, lacking = false): Promise<readonly { readonly taskId: string; readonly mapIndex: number }[]> {
    const decision = decideRun(command, await this.#folded(dagId, runId));
    if (isRejected(decision) && lacking && refusalStatus(decision.code) === 404) return [];
    if (isRejected(decision)) throw new ApiError(refusalStatus(decision.code), decision.message);
    return decision.flatMap((event) => (event.type === 'TaskCleared' || event.type === 'TaskMarked' ? [{ taskId: event.taskId, mapIndex: event.mapIndex }] : []));
  }

  /** Ids of the runs in a span, as the scheduler finds them: the one that it names first, then by logical date. */
  async spanned(dagId: string, span: RunSpan): Promise<readonly string[]> {
    const base = span.runId === undefined ? undefined : await this.run(dagId, span.runId);
    const runs = await runsByLogicalDate(this.db, dagId, span.fromMs ?? 0, span.toMs ?? Number.MAX_SAFE_INTEGER);
    const dates = new Set(spannedDates(runs.map(({ logicalDateMs }) => logicalDateMs), span, base?.logicalDateMs ?? null));
    return [...new Set([...(base === undefined ? [] : [base.runId]), ...runs.filter(({ logicalDateMs }) => dates.has(logicalDateMs)).map(({ runId }) => runId)])];
  }

  /** Task instances of one run, in the order of its rows. */
  async instancesOf(dagId: string, runId: string, refs: readonly { readonly taskId: string; readonly mapIndex: number }[]): Promise<TaskInstanceResponse[]> {
    const wanted = new Set(refs.map((ref) => `${ref.taskId}/${ref.mapIndex}`));
    const rows = await taskInstancesOf(this.db, dagId, runId, [...new Set(refs.map((ref) => ref.taskId))]);
    return this.taskInstanceViews(rows.filter((row) => wanted.has(`${row.taskId}/${row.mapIndex}`)));
  }

  /** By when the run must have succeeded, and whether it has. */
  async deadlines(dagId: string, runId: string): Promise<ReturnType<typeof deadlinesOf>> {
    return deadlinesOf(await this.#folded(dagId, runId));
  }

  /** How many updates of assets the run took that its tasks are not told of. */
  async omittedAssetEvents(dagId: string, runId: string): Promise<number> {
    const [created] = await this.#eventsOf(dagId, runId);
    return (created as RunCreated).assetEventsOmitted ?? 0;
  }

  async callbacks(dagId: string, runId: string): Promise<readonly CallbackRecord[]> {
    return callbackRecords(await this.#eventsOf(dagId, runId));
  }

  /** Why a task instance is in its state and what it waits for, as the domain explains it. */
  async explanation(instance: ListedTaskInstance): Promise<Explanation> {
    const [dag, run] = await Promise.all([this.dag(instance.dagId), this.#folded(instance.dagId, instance.runId)]);
    const slot = await this.#slot(instance);
    const { runType, runAfterMs } = await this.run(instance.dagId, instance.runId);
    const runWaits = run.state === 'queued' ? whyQueued({ runType, runAfterMs, maxActiveRuns: dag.maxActiveRuns, running: dag.runningRuns, nowMs: this.#clock.nowMs() }) : undefined;
    const past = await this.#past(instance);
    return explainTaskInstance(run, instance, {
      dagPaused: dag.isPaused,
      ...(past === undefined ? {} : { past }),
      ...(runWaits === undefined ? {} : { runWaits }),
      ...(slot === undefined ? {} : { slot }),
      ...(instance.worker === null ? {} : { grantedTo: instance.worker }),
    });
  }

  /** Of one that depends on the run before. */
  async #past(instance: ListedTaskInstance): Promise<PastRuns | undefined> {
    if (instance.state !== 'none') return undefined;
    const task = (await this.planOf(instance)).tasks.find(({ taskId }) => taskId === instance.taskId);
    if (task?.dependsOnPast !== true && task?.waitForDownstream !== true) return undefined;
    const before = await runBefore(this.db, instance.dagId, (await this.run(instance.dagId, instance.runId)).logicalDateMs);
    if (before === null) return { isFirst: true, taskOf: () => undefined };
    const run = await this.#folded(instance.dagId, before.runId);
    return { isFirst: false, runId: before.runId, taskOf: (ref) => pastOf(run, ref) };
  }

  /** Of one that is ready and has been given to nobody. */
  async #slot(instance: ListedTaskInstance): Promise<WaitingReason | undefined> {
    if (instance.state !== 'scheduled') return undefined;
    const { definition, tasks } = await this.planOf(instance);
    const task = tasks.find(({ taskId }) => taskId === instance.taskId);
    return this.#slots.reason({
      attemptId: attemptId(instance), queue: task?.queue ?? 'default', pool: task?.pool?.name ?? DEFAULT_POOL, poolSlots: task?.pool?.slots ?? 1, priority: 1, readyAtMs: 0,
      caps: {
        maxActiveTasks: definition.maxActiveTasks ?? 16,
        ...(task?.maxActive === undefined ? {} : { maxActive: task.maxActive }),
        ...(task?.maxActivePerRun === undefined ? {} : { maxActivePerRun: task.maxActivePerRun }),
      },
    });
  }

  async #eventsOf(dagId: string, runId: string): Promise<readonly RunEvent[]> {
    const events = (await this.store.read(runStream(dagId, runId))).map((stored) => toFact<RunEvent>(stored));
    if (events.length === 0) throw runNotFound(dagId, runId);
    return events;
  }

  async #folded(dagId: string, runId: string): Promise<DagRun> {
    const events = await this.#eventsOf(dagId, runId);
    const created = events[0] as RunCreated;
    let run = createRunState(compilePlan((await this.plans.get(created.planHash)).definition));
    for (const event of events) {
      run = evolveRun(run, event);
      if (event.type === 'RunReplanned') run = replan(run, compilePlan((await this.plans.get(event.planHash)).definition));
    }
    return run;
  }

  async #versionsOf(rows: readonly { readonly dagId: string; readonly dagVersion: number }[]): Promise<(row: { readonly dagId: string; readonly dagVersion: number }) => StoredDagVersion | undefined> {
    const known = new Map((await dagVersions(this.db, rows)).map((version) => [`${version.dagId}/${version.dagVersion}`, version]));
    return (row) => known.get(`${row.dagId}/${row.dagVersion}`);
  }
}
