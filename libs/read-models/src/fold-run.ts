import { humanRequestOf, XCOM_KEY, type Failure, type HumanAnswer, type RunCreated, type RunEvent, type TaskInstanceRef, type TaskState } from '@dagbook/domain';
import type { PlanView } from './plan-view.ts';
import type { HumanInputRow, Reason, RunRow, TaskInstanceRow, TaskTryRow, XComRow } from './row.ts';
import { moveCount, stateChar, worstState } from './state-code.ts';

/**
 * The rows of one run while events are folded into them, and what must be written of them.
 *
 * State model: a run's rows are made by `RunCreated` (one task instance for every task of the plan), or loaded. A fold
 * changes rows in place and notes each changed row once, however often it changes, until `takeChanges` hands the notes
 * to the writer. The run's strip, counts and mapped counts move with every change of a task instance's state and are
 * never counted anew.
 */
export class RunFold {
  readonly row: RunRow;
  #plan: PlanView;
  readonly #instances = new Map<string, TaskInstanceRow>();
  readonly #strip: string[];
  #stripChanged = false;
  #changed = new Set<TaskInstanceRow>();
  #dropped: TaskInstanceRef[] = [];
  #tries: TaskTryRow[] = [];
  #asked: HumanInputRow[] = [];
  #answered: AnsweredInput[] = [];
  #xcoms = new Map<string, XComRow>();
  /** By instance, then key: what stands under other keys than that of results. */
  #setXComs = new Map<string, Map<string, XComRow>>();
  #cleared = new Map<string, TaskInstanceRef>();
  #runChanged = false;
  #isNew: boolean;

  private constructor(row: RunRow, plan: PlanView, isNew: boolean) {
    this.row = row;
    this.#plan = plan;
    this.#strip = [...row.states];
    this.#isNew = isNew;
  }

  static create(event: RunCreated, plan: PlanView, runKey: number): RunFold {
    const fold = new RunFold(
      {
        runKey,
        dagId: event.dagId,
        runId: event.runId,
        version: 0,
        state: 'queued',
        runType: event.runType,
        triggeredBy: event.triggeredBy,
        triggeringUser: event.triggeringUser ?? null,
        logicalDateMs: event.logicalDateMs,
        intervalStartMs: event.dataInterval?.startMs ?? null,
        intervalEndMs: event.dataInterval?.endMs ?? null,
        runAfterMs: event.runAfterMs,
        queuedAtMs: event.atMs,
        startedAtMs: null,
        endedAtMs: null,
        failureReason: null,
        conf: event.conf,
        note: event.note ?? null,
        partitionKey: event.partitionKey ?? null,
        planHash: event.planHash,
        dagVersion: event.dagVersion,
        bundleHash: event.bundleHash,
        states: stateChar('none').repeat(plan.tasks.length),
        mapped: {},
        counts: {},
        updatedAtMs: event.atMs,
      },
      plan,
      true,
    );
    for (const task of plan.tasks) fold.#add(task.taskId, -1);
    return fold;
  }

  static loaded(row: RunRow, plan: PlanView, instances: readonly TaskInstanceRow[]): RunFold {
    const fold = new RunFold(row, plan, false);
    for (const instance of instances) fold.#instances.set(keyOf(instance), instance);
    return fold;
  }

  get size(): number {
    return this.#instances.size;
  }

  /** True while events of this run are to be expected. */
  get isActive(): boolean {
    return this.row.state === 'queued' || this.row.state === 'running';
  }

  /** `plan` is the plan that a `RunReplanned` names; other events need none. */
  apply(event: Exclude<RunEvent, RunCreated>, plan?: PlanView): void {
    const { row } = this;
    this.#runChanged = true;
    row.updatedAtMs = event.atMs;
    switch (event.type) {
      case 'RunStarted':
        row.state = 'running';
        row.startedAtMs = event.atMs;
        return;
      case 'RunSucceeded':
        row.state = 'success';
        row.endedAtMs = event.atMs;
        return;
      case 'RunFailed':
        row.state = 'failed';
        row.endedAtMs = event.atMs;
        row.failureReason = event.reason;
        return;
      case 'RunRequeued':
        row.state = 'queued';
        row.queuedAtMs = event.atMs;
        row.startedAtMs = null;
        row.endedAtMs = null;
        row.failureReason = null;
        return;
      case 'RunReplanned':
        row.planHash = event.planHash;
        row.dagVersion = event.dagVersion;
        row.bundleHash = event.bundleHash;
        if (plan !== undefined) this.#replan(plan);
        return;
      case 'RunErased':
        // The projection takes its rows away.
        return;
      case 'RunNoteSet':
        row.note = event.note;
        return;
      case 'DeadlineMissed':
      case 'CallbackRequested':
      case 'CallbackScheduled':
      case 'CallbackSucceeded':
      case 'CallbackFailed':
      case 'CallbackAttemptLost':
        return;
      case 'TaskExpanded':
        this.#expand(event.taskId, event.length);
        return;
      case 'TaskScheduled':
        this.#schedule(this.#of(event), event.tryNumber, event.atMs);
        return;
      case 'TaskStarted': {
        const instance = this.#of(event);
        // A sensor that is poked again keeps the start of its try.
        instance.startedAtMs ??= event.atMs;
        instance.worker = event.worker;
        instance.pid = event.pid ?? null;
        instance.epoch = event.epoch;
        this.#move(instance, 'running');
        return;
      }
      case 'TaskSucceeded': {
        const instance = this.#of(event);
        if (event.tryNumber > instance.tryNumber) this.#schedule(instance, event.tryNumber, event.atMs);
        // An empty task is done where it stands: nobody started it.
        instance.startedAtMs ??= event.atMs;
        instance.renderedMapIndex = event.renderedMapIndex ?? instance.renderedMapIndex;
        instance.reason = null;
        if (event.result !== undefined) this.#xcoms.set(keyOf(event), { taskId: event.taskId, mapIndex: event.mapIndex, key: XCOM_KEY, result: event.result, atMs: event.atMs });
        this.#end(instance, 'success', event.atMs);
        return;
      }
      case 'TaskFailed': {
        const instance = this.#of(event);
        instance.reason = reasonOf(event.failure);
        this.#end(instance, 'failed', event.atMs);
        return;
      }
      case 'TaskRetryScheduled': {
        const instance = this.#of(event);
        instance.reason = reasonOf(event.failure);
        this.#end(instance, 'up_for_retry', event.atMs);
        instance.nextAtMs = event.retryAtMs;
        return;
      }
      case 'TaskSkipped': {
        const instance = this.#of(event);
        instance.reason = { code: event.cause, message: event.by === undefined ? `skipped: ${event.cause}` : `skipped by ${event.by}: ${event.cause}` };
        this.#end(instance, 'skipped', event.atMs);
        return;
      }
      case 'TaskUpstreamFailed':
        this.#end(this.#of(event), 'upstream_failed', event.atMs);
        return;
      case 'TaskRemoved':
        this.#forgetResult(event);
        this.#end(this.#of(event), 'removed', event.atMs);
        return;
      case 'TaskRescheduled':
        this.#wait(this.#of(event), 'up_for_reschedule', event.nextPokeAtMs);
        return;
      case 'TaskDeferred':
        this.#wait(this.#of(event), 'deferred', event.timeoutAtMs ?? null);
        return;
      case 'TriggerFired':
        return;
      case 'TaskAwaitingInput':
        this.#wait(this.#of(event), 'awaiting_input', event.timeoutAtMs ?? null);
        this.#asked.push({
          taskId: event.taskId, mapIndex: event.mapIndex, tryNumber: event.tryNumber, request: humanRequestOf(event.request), createdAtMs: event.atMs,
          respondedAtMs: null, chosenOptions: null, paramsInput: null, respondedBy: null,
        });
        return;
      case 'TaskInputReceived': {
        const { type: _, ...answered } = event;
        this.#answered.push(answered);
        return;
      }
      case 'TaskAttemptLost': {
        const instance = this.#of(event);
        instance.reason = { code: event.cause, message: `worker ${event.worker} lost the attempt: ${event.cause}` };
        this.#changed.add(instance);
        return;
      }
      case 'TaskRestarting':
        this.#forgetResult(event);
        this.#move(this.#of(event), 'restarting');
        return;
      case 'TaskCleared': {
        const instance = this.#of(event);
        this.#forgetResult(event);
        this.#archive(instance);
        this.#reset(instance);
        instance.maxTries = instance.tryNumber + this.#retriesOf(instance.taskId);
        this.#move(instance, 'none');
        return;
      }
      case 'TaskMarked': {
        const instance = this.#of(event);
        instance.reason = { code: 'marked', message: `marked ${event.state} by ${event.by}` };
        this.#end(instance, event.state, event.atMs);
        return;
      }
      case 'TaskNoteSet': {
        const instance = this.#of(event);
        instance.note = event.note;
        this.#changed.add(instance);
        return;
      }
      case 'XComSet':
        this.#keepXCom({ taskId: event.taskId, mapIndex: event.mapIndex, key: event.key, result: event.value, atMs: event.atMs });
        return;
      case 'XComDeleted':
        this.#keepXCom({ taskId: event.taskId, mapIndex: event.mapIndex, key: event.key, result: null, atMs: event.atMs });
        return;
    }
  }

  /**
   * `AttemptGranted` stands in the attempt's own stream, whose version is the grant's epoch. Answers what the version
   * should have been when it is ahead: events of the stream are missing.
   */
  grant(key: TaskInstanceRef & { readonly tryNumber: number }, epoch: number, worker: string, atMs: number): { readonly expected: number } | null {
    const instance = this.#of(key);
    if (key.tryNumber < instance.tryNumber) return null;
    const expected = (key.tryNumber === instance.tryNumber ? instance.epoch : 0) + 1;
    if (epoch > expected) return { expected };
    if (epoch < expected) return null;
    instance.epoch = epoch;
    instance.worker = worker;
    instance.queuedAtMs = atMs;
    if (instance.state === 'scheduled') this.#move(instance, 'queued');
    else this.#changed.add(instance);
    return null;
  }

  hasChanges(): boolean {
    return this.#runChanged || this.#isNew || this.#changed.size > 0;
  }

  takeChanges(): RunChanges {
    if (this.#stripChanged) this.row.states = this.#strip.join('');
    const changes: RunChanges = {
      run: this.row,
      isNew: this.#isNew,
      plan: this.#plan,
      instances: [...this.#changed],
      dropped: this.#dropped,
      tries: this.#tries,
      asked: this.#asked,
      answered: this.#answered,
      cleared: [...this.#cleared.values()],
      xcoms: [...this.#xcoms.values()],
      setXComs: [...this.#setXComs.values()].flatMap((keys) => [...keys.values()]),
    };
    this.#changed = new Set();
    this.#dropped = [];
    this.#tries = [];
    this.#asked = [];
    this.#answered = [];
    if (this.#cleared.size > 0) this.#cleared = new Map();
    if (this.#xcoms.size > 0) this.#xcoms = new Map();
    if (this.#setXComs.size > 0) this.#setXComs = new Map();
    this.#stripChanged = false;
    this.#runChanged = false;
    this.#isNew = false;
    return changes;
  }

  #forgetResult({ taskId, mapIndex }: TaskInstanceRef): void {
    const instance = keyOf({ taskId, mapIndex });
    this.#xcoms.delete(instance);
    this.#setXComs.delete(instance);
    this.#cleared.set(instance, { taskId, mapIndex });
  }

  #keepXCom(row: XComRow): void {
    const instance = keyOf(row);
    if (row.key === XCOM_KEY) {
      this.#xcoms.set(instance, row);
      return;
    }
    const set = this.#setXComs.get(instance) ?? new Map<string, XComRow>();
    this.#setXComs.set(instance, set.set(row.key, row));
  }

  #of(ref: TaskInstanceRef): TaskInstanceRow {
    return this.#instances.get(keyOf(ref)) ?? this.#add(ref.taskId, ref.mapIndex);
  }

  #add(taskId: string, mapIndex: number): TaskInstanceRow {
    const instance: TaskInstanceRow = {
      taskId, mapIndex, state: 'none', tryNumber: 0, maxTries: this.#retriesOf(taskId), epoch: 0,
      scheduledAtMs: null, queuedAtMs: null, startedAtMs: null, endedAtMs: null, nextAtMs: null,
      worker: null, pid: null, reason: null, note: null, renderedMapIndex: null,
    };
    this.#instances.set(keyOf(instance), instance);
    this.#changed.add(instance);
    this.#count(instance, null, 'none');
    return instance;
  }

  #drop(instance: TaskInstanceRow): void {
    this.#instances.delete(keyOf(instance));
    this.#changed.delete(instance);
    this.#dropped.push({ taskId: instance.taskId, mapIndex: instance.mapIndex });
    this.#count(instance, instance.state, null);
  }

  #retriesOf(taskId: string): number {
    const index = this.#plan.indexOf.get(taskId);
    return index === undefined ? 0 : (this.#plan.tasks[index]?.retries ?? 0);
  }

  #move(instance: TaskInstanceRow, to: TaskState): void {
    this.#changed.add(instance);
    if (instance.state === to) return;
    this.#count(instance, instance.state, to);
    instance.state = to;
  }

  #count(instance: TaskInstanceRow, from: TaskState | null, to: TaskState | null): void {
    this.#runChanged = true;
    moveCount(this.row.counts, from, to);
    const index = this.#plan.indexOf.get(instance.taskId);
    let shown = to;
    if (instance.mapIndex >= 0) {
      const counts = (this.row.mapped[instance.taskId] ??= {});
      moveCount(counts, from, to);
      shown = worstState(counts);
    }
    if (index === undefined || shown === null) return;
    const char = stateChar(shown);
    if (this.#strip[index] === char) return;
    this.#strip[index] = char;
    this.#stripChanged = true;
  }

  #schedule(instance: TaskInstanceRow, tryNumber: number, atMs: number): void {
    if (tryNumber > instance.tryNumber) {
      this.#archive(instance);
      this.#reset(instance);
      instance.tryNumber = tryNumber;
    }
    instance.scheduledAtMs = atMs;
    instance.nextAtMs = null;
    this.#move(instance, 'scheduled');
  }

  #end(instance: TaskInstanceRow, state: TaskState, atMs: number): void {
    instance.endedAtMs = atMs;
    instance.nextAtMs = null;
    this.#move(instance, state);
  }

  #wait(instance: TaskInstanceRow, state: TaskState, untilMs: number | null): void {
    instance.nextAtMs = untilMs;
    this.#move(instance, state);
  }

  #reset(instance: TaskInstanceRow): void {
    instance.epoch = 0;
    instance.scheduledAtMs = null;
    instance.queuedAtMs = null;
    instance.startedAtMs = null;
    instance.endedAtMs = null;
    instance.nextAtMs = null;
    instance.worker = null;
    instance.pid = null;
    instance.reason = null;
  }

  /**
   * A try that is followed by another, or cleared, goes into history; one that had not ended is a failed one there, as
   * in Airflow. Without `scheduledAtMs` the instance has begun no try since its last clear.
   */
  #archive(instance: TaskInstanceRow): void {
    if (instance.tryNumber === 0 || instance.scheduledAtMs === null) return;
    this.#tries.push({
      taskId: instance.taskId,
      mapIndex: instance.mapIndex,
      tryNumber: instance.tryNumber,
      state: TERMINAL.has(instance.state) ? instance.state : 'failed',
      maxTries: instance.maxTries,
      epoch: instance.epoch,
      scheduledAtMs: instance.scheduledAtMs,
      queuedAtMs: instance.queuedAtMs,
      startedAtMs: instance.startedAtMs,
      endedAtMs: instance.endedAtMs,
      worker: instance.worker,
      pid: instance.pid,
      reason: instance.reason,
    });
  }

  /** Of length 0 the unexpanded instance stays, to be skipped; else it gives way to one instance an element. */
  #expand(taskId: string, length: number): void {
    const unexpanded = this.#instances.get(keyOf({ taskId, mapIndex: -1 }));
    if (length === 0) return;
    for (let mapIndex = 0; mapIndex < length; mapIndex += 1) {
      if (!this.#instances.has(keyOf({ taskId, mapIndex }))) this.#add(taskId, mapIndex);
    }
    if (unexpanded !== undefined) this.#drop(unexpanded);
  }

  #replan(plan: PlanView): void {
    this.#plan = plan;
    this.#strip.length = 0;
    this.#stripChanged = true;
    for (const task of plan.tasks) {
      const counts = this.row.mapped[task.taskId];
      const single = this.#instances.get(keyOf({ taskId: task.taskId, mapIndex: -1 }));
      this.#strip.push(stateChar(single?.state ?? (counts === undefined ? 'none' : worstState(counts))));
    }
    for (const task of plan.tasks) {
      const expanded = this.row.mapped[task.taskId] !== undefined;
      if (!expanded && !this.#instances.has(keyOf({ taskId: task.taskId, mapIndex: -1 }))) this.#add(task.taskId, -1);
    }
  }
}

/** What one batch did to a run: each changed row once. */
export interface RunChanges {
  readonly run: RunRow;
  readonly isNew: boolean;
  readonly plan: PlanView;
  readonly instances: readonly TaskInstanceRow[];
  readonly dropped: readonly TaskInstanceRef[];
  readonly tries: readonly TaskTryRow[];
  readonly asked: readonly HumanInputRow[];
  /** Written after what was asked: both may stand in one batch. */
  readonly answered: readonly AnsweredInput[];
  /** Of each instance the last word of the batch; without a result: its row goes. */
  /** Instances of which no XCom stands but those that follow. */
  readonly cleared: readonly TaskInstanceRef[];
  readonly xcoms: readonly XComRow[];
  /** Under other keys than that of results. */
  readonly setXComs: readonly XComRow[];
}

type AnsweredInput = TaskInstanceRef & HumanAnswer & { readonly tryNumber: number };

const TERMINAL: ReadonlySet<TaskState> = new Set<TaskState>(['success', 'failed', 'skipped', 'upstream_failed', 'removed']);

const keyOf = (ref: TaskInstanceRef): string => `${ref.taskId}/${ref.mapIndex}`;

const reasonOf = (failure: Failure): Reason => ({
  code: failure.code,
  message: failure.message,
  ...(failure.detail === undefined ? {} : { detail: failure.detail }),
});
