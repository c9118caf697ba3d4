import { parseAttemptId } from '@dagbook/contracts';
import type { CallbackCause, RunEvent } from '@dagbook/domain';
import type { SimulatedDag } from './scenario.ts';

export type ReportKind = 'succeeded' | 'failed' | 'lost';
type CallbackEvent = Extract<RunEvent, { readonly callback: number }>;

interface Callback {
  tryNumber: number;
  endedEpoch: number;
  isWaiting: boolean;
  isOver: boolean;
}

interface RunCallbacks {
  readonly dag: SimulatedDag;
  /** What was asked for, by its number. */
  readonly asked: Map<number, Callback>;
  /** What the events called for and was not asked for yet. */
  due: string[];
  /** What a person's mark may have been, so that it may be asked for or not. */
  readonly doubtful: string[];
  isFailed: boolean;
  queuedAtMs: number;
  missed: Set<number>;
}

/**
 * Sees that every end is told, once for each callback of it, and that whoever is to be told is told: an automaton over the
 * events of runs that knows what the definition says and nothing of how the scheduler finds it.
 */
export class CallbackWitness {
  readonly #runs = new Map<string, RunCallbacks>();
  readonly #fail: (rule: string, what: string) => void;
  /** Looks whether a report could be one: of who holds the lease, of what was done. */
  readonly #checkReport: (attemptId: string, epoch: number, kind: ReportKind) => void;

  constructor(fail: (rule: string, what: string) => void, checkReport: (attemptId: string, epoch: number, kind: ReportKind) => void) {
    this.#fail = fail;
    this.#checkReport = checkReport;
  }

  /** Callbacks that are not done, and deadlines that runs which failed have yet to miss. */
  get open(): readonly string[] {
    return [...this.#runs].flatMap(([name, { asked, isFailed, missed, dag }]) => [
      ...[...asked].filter(([, { isOver }]) => !isOver).map(([callback, { tryNumber }]) => `callback ${callback} of ${name} (try ${tryNumber})`),
      ...(isFailed ? (dag.definition.deadlines ?? []).flatMap((_, index) => (missed.has(index) ? [] : [`deadline ${index} of ${name}`])) : []),
    ]);
  }

  begin(name: string, dag: SimulatedDag): void {
    this.#runs.set(name, { dag, asked: new Map(), due: [], doubtful: [], isFailed: false, queuedAtMs: 0, missed: new Set() });
  }

  /** `isMarked`: a person may have ended the run by this very event. */
  take(name: string, event: RunEvent, isMarked: boolean): void {
    const run = this.#runs.get(name);
    if (run === undefined) return;
    if ('callback' in event) return this.#takeCallback(name, run, event);
    this.#takeDeadlines(name, run, event);
    const told = toldOf(run.dag, event);
    (isMarked ? run.doubtful : run.due).push(...told);
  }

  /** After each append: what happened in it is told in it. */
  settle(name: string): void {
    const run = this.#runs.get(name);
    if (run === undefined || run.due.length === 0) return;
    this.#fail('every end is told', `${name} does not ask for ${run.due.join(', ')}`);
    run.due = [];
  }

  /** Whether a grant of this attempt may be. */
  mayBeGranted(attemptId: string): boolean {
    const { dagId, runId, mapIndex, tryNumber } = parseAttemptId(attemptId);
    return tryNumber <= (this.#runs.get(`${dagId}/${runId}`)?.asked.get(mapIndex)?.tryNumber ?? 0);
  }

  #takeCallback(name: string, run: RunCallbacks, event: CallbackEvent): void {
    const { callback } = event;
    const what = `callback ${callback} of ${name}`;
    if (event.type === 'CallbackRequested') {
      if (callback !== run.asked.size + 1) this.#fail('callbacks are numbered without a gap', `${what} follows ${run.asked.size}`);
      run.asked.set(callback, { tryNumber: 1, endedEpoch: 0, isWaiting: false, isOver: false });
      const told = shortOf(event.cause);
      const list = run.due.includes(told) ? run.due : run.doubtful;
      if (!list.includes(told)) this.#fail('every end is told once', `${what} tells of ${told}, which is told already or has not happened`);
      list.splice(list.indexOf(told), 1);
      return;
    }
    const known = run.asked.get(callback);
    if (known === undefined || known.isOver) return this.#fail('legal transitions', `${what} is ${known === undefined ? 'unknown' : 'over'} and gets ${event.type}`);
    if (event.type === 'CallbackScheduled') {
      if (!known.isWaiting || event.tryNumber !== known.tryNumber + 1) this.#fail('legal transitions', `${what} goes from try ${known.tryNumber} to ${event.tryNumber}`);
      Object.assign(known, { tryNumber: event.tryNumber, endedEpoch: 0, isWaiting: false });
      return;
    }
    if (known.isWaiting || event.tryNumber !== known.tryNumber || event.epoch < known.endedEpoch || (event.epoch === known.endedEpoch && event.type !== 'CallbackFailed')) {
      this.#fail('only the newest epoch counts', `${what} is at try ${known.tryNumber} past epoch ${known.endedEpoch} and gets ${event.type} of ${event.tryNumber}@${event.epoch}`);
    }
    const isOfLoss = event.type === 'CallbackFailed' && event.epoch === known.endedEpoch;
    if (!isOfLoss) {
      const attemptId = `${name}/~callback/${callback}/${event.tryNumber}`;
      this.#checkReport(attemptId, event.epoch, event.type === 'CallbackSucceeded' ? 'succeeded' : event.type === 'CallbackFailed' ? 'failed' : 'lost');
    }
    known.endedEpoch = event.epoch;
    if (event.type === 'CallbackSucceeded' || (event.type === 'CallbackFailed' && event.retryAtMs === undefined)) known.isOver = true;
    else if (event.type === 'CallbackFailed') known.isWaiting = true;
    if (known.tryNumber > 3) this.#fail('a callback is tried three times', `${what} is at try ${known.tryNumber}`);
  }

  #takeDeadlines(name: string, run: RunCallbacks, event: RunEvent): void {
    const deadlines = run.dag.definition.deadlines ?? [];
    if (event.type === 'RunCreated' || event.type === 'RunRequeued') {
      run.queuedAtMs = event.atMs;
      run.isFailed = false;
      run.missed = new Set();
    }
    if (event.type === 'RunStarted') run.isFailed = false;
    if (event.type === 'RunFailed') run.isFailed = true;
    if (event.type === 'DeadlineMissed') {
      const dueAtMs = run.queuedAtMs + (deadlines[event.deadline]?.intervalMs ?? Infinity);
      if (run.missed.has(event.deadline) || event.atMs < dueAtMs || event.dueAtMs !== dueAtMs) this.#fail('a deadline is missed once, when it is due', `deadline ${event.deadline} of ${name}, due at ${dueAtMs}, is missed at ${event.atMs}`);
      run.missed.add(event.deadline);
    }
    if (event.type === 'RunSucceeded') {
      run.isFailed = false;
      const late = deadlines.findIndex(({ intervalMs }, index) => run.queuedAtMs + intervalMs <= event.atMs && !run.missed.has(index));
      if (late !== -1) this.#fail('who is late is recorded as late', `${name} succeeds past deadline ${late}`);
    }
  }
}

function toldOf({ definition: { callbacks = [], deadlines = [], tasks } }: SimulatedDag, event: RunEvent): string[] {
  const times = (names: readonly string[], name: string, told: string): string[] => names.filter((one) => one === name).map((_, position) => `${told} #${position}`);
  const ofTask = (name: string): string[] => {
    const { taskId, mapIndex, tryNumber = 0 } = event as { taskId: string; mapIndex: number; tryNumber?: number };
    return times(tasks.find((task) => task.taskId === taskId)?.callbacks ?? [], name, `${name} ${taskId}/${mapIndex}/${tryNumber}`);
  };
  switch (event.type) {
    case 'RunSucceeded':
      return times(callbacks, 'onSuccess', 'onSuccess');
    case 'RunFailed':
      return event.reason === 'marked' ? [] : times(callbacks, 'onFailure', 'onFailure');
    case 'DeadlineMissed':
      return Array.from({ length: deadlines[event.deadline]?.callbacks ?? 0 }, (_, position) => `onMissed ${event.deadline} #${position}`);
    case 'TaskSucceeded':
      return ofTask('onSuccess');
    case 'TaskFailed':
      return event.failure.code === 'cancelled' ? [] : ofTask('onFailure');
    case 'TaskRetryScheduled':
      return ofTask('onRetry');
    case 'TaskSkipped':
      return event.cause === 'exception' || event.cause === 'soft_fail' ? ofTask('onSkipped') : [];
    default:
      return [];
  }
}

function shortOf(cause: CallbackCause): string {
  const about = cause.kind === 'task' ? ` ${cause.taskId}/${cause.mapIndex}/${cause.tryNumber}` : cause.kind === 'deadline' ? ` ${cause.deadline}` : '';
  return `${cause.name}${about} #${cause.position ?? 0}`;
}
