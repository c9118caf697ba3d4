import { reject, type Decision, type Rejected } from '../decider.ts';
import type { RetryVerdict, RunCommand } from './command.ts';
import type { AttemptLossCause, CallbackCause, Failure, RunEvent } from './event.ts';
import type { DagRun } from './state.ts';

/**
 * Code of the author's that is to be told how something ended. It is asked for by an event beside the one it is about, so
 * that it can be neither forgotten nor asked for twice, and it runs in a worker as an attempt of its own kind: leased,
 * fenced, lost and tried again as a task's, and of no effect on the run.
 *
 * State model: in `DagRun.callbacks` from `CallbackRequested` until `CallbackSucceeded`, or until `CallbackFailed` says no
 * further try. Between them it is ready or under way (`retryAtMs` null), or waits for its next try.
 */
export interface PendingCallback {
  /** From 1, in the order in which the run asked for callbacks. */
  readonly callback: number;
  readonly cause: CallbackCause;
  /** The code that was in force when it was asked for. */
  readonly bundleHash: string;
  readonly tryNumber: number;
  /** Attempts of this try up to this epoch have ended: their reports count no more. */
  readonly endedEpoch: number;
  /** Attempts of this try that were lost. */
  readonly losses: number;
  readonly retryAtMs: number | null;
}

/** Before the second try and before the third; there is no fourth. */
const RETRY_DELAYS_MS = [10_000, 60_000];
const MAX_LOSSES_PER_TRY = 3;
/** A `CallbackRequested` stays small, however many tasks failed. */
const MAX_NAMED_TASKS = 100;

/** The events, and the callbacks that they call for. What a person does calls for none, as in Airflow. */
export function withCallbacks(run: DagRun, command: RunCommand, events: readonly RunEvent[]): readonly RunEvent[] {
  const requests: RunEvent[] = [];
  for (const event of events) {
    const told = toldOf(run, command, event);
    for (let position = 0; told !== undefined && position < told.times; position += 1) {
      const cause = position === 0 ? told.cause : { ...told.cause, position };
      requests.push({ type: 'CallbackRequested', callback: run.callbackCount + requests.length + 1, cause, atMs: event.atMs });
    }
  }
  return requests.length === 0 ? events : [...events, ...requests];
}

interface Told {
  readonly cause: CallbackCause;
  /** How many callbacks the author gave for it. */
  readonly times: number;
}

function toldOf(run: DagRun, command: RunCommand, event: RunEvent): Told | undefined {
  const { callbacks, deadlines } = run.plan.definition;
  switch (event.type) {
    case 'RunSucceeded': {
      const times = command.type === 'MarkRun' ? 0 : timesIn(callbacks, 'onSuccess');
      return times === 0 ? undefined : { cause: { kind: 'run', name: 'onSuccess', reason: 'success', failed: [] }, times };
    }
    case 'RunFailed': {
      const times = event.reason === 'marked' ? 0 : timesIn(callbacks, 'onFailure');
      return times === 0 ? undefined : { cause: { kind: 'run', name: 'onFailure', reason: event.reason, failed: failedTasks(run) }, times };
    }
    case 'DeadlineMissed':
      return { cause: { kind: 'deadline', name: 'onMissed', deadline: event.deadline, dueAtMs: event.dueAtMs }, times: deadlines?.[event.deadline]?.callbacks ?? 0 };
    case 'TaskSucceeded':
      return toldOfTask(run, 'onSuccess', event);
    case 'TaskRetryScheduled':
      return toldOfTask(run, 'onRetry', event);
    case 'TaskFailed':
      return event.failure.code === 'cancelled' ? undefined : toldOfTask(run, 'onFailure', event);
    case 'TaskSkipped':
      return event.cause === 'exception' || event.cause === 'soft_fail' ? toldOfTask(run, 'onSkipped', event) : undefined;
    default:
      return undefined;
  }
}

type TaskCause = Extract<CallbackCause, { kind: 'task' }>;

function toldOfTask(run: DagRun, name: TaskCause['name'], { taskId, mapIndex, tryNumber = 0, failure }: { readonly taskId: string; readonly mapIndex: number; readonly tryNumber?: number; readonly failure?: Failure }): Told | undefined {
  const times = timesIn(run.plan.tasks[run.plan.indexOf.get(taskId) ?? -1]?.definition.callbacks, name);
  return times === 0 ? undefined : { cause: { kind: 'task', name, taskId, mapIndex, tryNumber, ...(failure === undefined ? {} : { failure }) }, times };
}

const timesIn = (callbacks: readonly string[] | undefined, name: string): number => callbacks?.filter((other) => other === name).length ?? 0;

const failedTasks = (run: DagRun): readonly string[] =>
  run.slots.filter(({ instances }) => instances.some(({ state }) => state === 'failed')).slice(0, MAX_NAMED_TASKS).map(({ plan }) => plan.taskId);

type Report<Type extends RunCommand['type']> = Extract<RunCommand, { type: Type }>;

export function recordCallbackEnded(run: DagRun, report: Report<'RecordCallbackEnded'>): Decision<RunEvent> {
  const pending = reported(run, report);
  if ('rejected' in pending) return pending;
  const { callback, tryNumber, epoch, failure, retry, nowMs } = report;
  return failure === undefined ? [{ type: 'CallbackSucceeded', callback, tryNumber, epoch, atMs: nowMs }] : [failed(report, failure, retry)];
}

/** The same try is given to another worker, unless it was lost too often. */
export function recordCallbackLost(run: DagRun, report: Report<'RecordCallbackLost'>): Decision<RunEvent> {
  const pending = reported(run, report);
  if ('rejected' in pending) return pending;
  const { callback, tryNumber, epoch, worker, cause, nowMs } = report;
  const lost: RunEvent = { type: 'CallbackAttemptLost', callback, tryNumber, epoch, worker, cause, atMs: nowMs };
  if (!countsAsLoss(cause) || pending.losses + 1 < MAX_LOSSES_PER_TRY) return [lost];
  return [lost, failed(report, { code: 'worker_lost', message: `Worker ${worker} was lost while it ran this callback (${cause}). That is ${MAX_LOSSES_PER_TRY} times for one try: see whether the callback kills its worker.` })];
}

/** A worker that drains hands over what it has: that says nothing about the callback. */
const countsAsLoss = (cause: AttemptLossCause): boolean => cause !== 'worker_drained';

function failed({ callback, tryNumber, epoch, nowMs }: { readonly callback: number; readonly tryNumber: number; readonly epoch: number; readonly nowMs: number }, failure: Failure, retry?: RetryVerdict): RunEvent {
  const delayMs = retry?.action === 'fail' ? undefined : RETRY_DELAYS_MS[tryNumber - 1];
  return { type: 'CallbackFailed', callback, tryNumber, epoch, failure, ...(delayMs === undefined ? {} : { retryAtMs: nowMs + delayMs }), atMs: nowMs };
}

function reported(run: DagRun, report: { readonly callback: number; readonly tryNumber: number; readonly epoch: number }): PendingCallback | Rejected {
  const pending = run.callbacks.get(report.callback);
  if (pending !== undefined && pending.tryNumber === report.tryNumber && report.epoch > pending.endedEpoch && pending.retryAtMs === null) return pending;
  return reject('stale_report', `Attempt ${report.epoch} of try ${report.tryNumber} of callback ${report.callback} is not the newest: ${pending === undefined ? 'the callback has ended' : `it is at try ${pending.tryNumber}`}.`);
}

export function wakeCallbacks(run: DagRun, nowMs: number): RunEvent[] {
  if (run.callbackRetries === 0) return [];
  return [...run.callbacks.values()].filter(({ retryAtMs }) => retryAtMs !== null && retryAtMs <= nowMs)
    .map(({ callback, tryNumber }) => ({ type: 'CallbackScheduled', callback, tryNumber: tryNumber + 1, atMs: nowMs }));
}

export function nextCallbackAtMs(run: DagRun): number | null {
  if (run.callbackRetries === 0) return null;
  return [...run.callbacks.values()].reduce<number | null>((first, { retryAtMs }) => (retryAtMs === null ? first : Math.min(first ?? Infinity, retryAtMs)), null);
}

/** Of what a run asks for about its tasks no more is with the workers at a time: what tells of others must not stand behind thousands. */
const TASK_CALLBACKS_AT_A_TIME = 16;

/** Ready, or under way: all about the run itself, and the first of those about its tasks. */
export function readyCallbacks(run: DagRun): readonly PendingCallback[] {
  const ready: PendingCallback[] = [];
  let ofTasks = 0;
  for (const pending of run.callbacks.values()) {
    if (pending.retryAtMs !== null) continue;
    if (pending.cause.kind === 'task' && (ofTasks += 1) > TASK_CALLBACKS_AT_A_TIME) continue;
    ready.push(pending);
  }
  return ready;
}

export type CallbackEvent = Extract<RunEvent, { readonly callback: number }>;

export function evolveCallbacks(run: DagRun, event: CallbackEvent): DagRun {
  const known = run.callbacks.get(event.callback);
  switch (event.type) {
    case 'CallbackRequested': {
      const { callback, cause } = event;
      run.callbackCount = Math.max(run.callbackCount, callback);
      run.callbacks.set(callback, { callback, cause, bundleHash: run.bundleHash, tryNumber: 1, endedEpoch: 0, losses: 0, retryAtMs: null });
      return run;
    }
    case 'CallbackScheduled':
      return keep(run, known, { tryNumber: event.tryNumber, endedEpoch: 0, losses: 0, retryAtMs: null });
    case 'CallbackAttemptLost':
      return keep(run, known, { endedEpoch: event.epoch, losses: (known?.losses ?? 0) + (countsAsLoss(event.cause) ? 1 : 0) });
    case 'CallbackFailed':
      return event.retryAtMs === undefined ? end(run, known) : keep(run, known, { endedEpoch: event.epoch, retryAtMs: event.retryAtMs });
    case 'CallbackSucceeded':
      return end(run, known);
  }
}

function keep(run: DagRun, known: PendingCallback | undefined, changed: Partial<PendingCallback>): DagRun {
  if (known === undefined) return run;
  const pending = { ...known, ...changed };
  run.callbackRetries += waits(pending) - waits(known);
  run.callbacks.set(known.callback, pending);
  return run;
}

function end(run: DagRun, known: PendingCallback | undefined): DagRun {
  if (known === undefined) return run;
  run.callbackRetries -= waits(known);
  run.callbacks.delete(known.callback);
  return run;
}

const waits = ({ retryAtMs }: PendingCallback): 0 | 1 => (retryAtMs === null ? 0 : 1);

/** As they stand in a snapshot, or none. */
export function restoreCallbacks(run: DagRun, pending: readonly PendingCallback[]): void {
  run.callbacks = new Map(pending.map((callback) => [callback.callback, callback]));
  run.callbackRetries = pending.filter((callback) => waits(callback) === 1).length;
}

export interface CallbackRecord {
  readonly callback: number;
  readonly cause: CallbackCause;
  readonly state: 'pending' | 'up_for_retry' | 'success' | 'failed';
  readonly tryNumber: number;
  readonly requestedAtMs: number;
  readonly endedAtMs: number | null;
  /** Of its newest try that failed. */
  readonly failure: Failure | null;
}

/** Every callback that a run ever asked for, told from all its events. */
export function callbackRecords(events: readonly RunEvent[]): readonly CallbackRecord[] {
  const records = new Map<number, CallbackRecord>();
  const change = (callback: number, changed: Partial<CallbackRecord>): void => {
    const known = records.get(callback);
    if (known !== undefined) records.set(callback, { ...known, ...changed });
  };
  for (const event of events) {
    switch (event.type) {
      case 'CallbackRequested':
        records.set(event.callback, { callback: event.callback, cause: event.cause, state: 'pending', tryNumber: 1, requestedAtMs: event.atMs, endedAtMs: null, failure: null });
        break;
      case 'CallbackScheduled':
        change(event.callback, { state: 'pending', tryNumber: event.tryNumber });
        break;
      case 'CallbackFailed':
        change(event.callback, event.retryAtMs === undefined ? { state: 'failed', failure: event.failure, endedAtMs: event.atMs } : { state: 'up_for_retry', failure: event.failure });
        break;
      case 'CallbackSucceeded':
        change(event.callback, { state: 'success', endedAtMs: event.atMs });
        break;
      default:
    }
  }
  return [...records.values()];
}
