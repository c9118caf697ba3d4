import { DEFAULT_POOL, readyCallbacks, type PendingCallback, type RunEvent } from '@dagbook/domain';
import { callbackAttemptId, TOPICS, type AttemptReady } from '@dagbook/contracts';
import type { OutgoingMessage } from '@dagbook/messaging';
import type { HotRun } from './hot-run.ts';
import { runFacts } from './run-facts.ts';

/** A callback that takes longer is ended, and tried again. */
const TIMEOUT_MS = 300_000;
/** What it tells can be told twice, and is wanted soon: its worker is not waited for as long as a task's. */
const LOST_AFTER_MS = 30_000;

/** Of the events of callbacks: what is ready by them, and which attempts have ended. Events of other kinds say nothing. */
export function callbackMessages(run: HotRun, event: RunEvent): readonly OutgoingMessage[] {
  switch (event.type) {
    case 'CallbackRequested':
    case 'CallbackScheduled':
      return ready(run, event.callback, event.atMs);
    case 'CallbackSucceeded':
    case 'CallbackFailed':
      return [closed(run, event)];
    case 'CallbackAttemptLost':
      return [closed(run, event), ...ready(run, event.callback, event.atMs)];
    default:
      return [];
  }
}

/** All that is ready or under way, said again. */
export const readyCallbackMessages = (run: HotRun): readonly OutgoingMessage[] => readyCallbacks(run.state).map((pending) => readyMessage(run, pending, 0));

/** Those that waited for the ones that have ended, see `readyCallbacks`: as many, at the end of what is ready. */
export function followingCallbackMessages(run: HotRun, events: readonly RunEvent[]): readonly OutgoingMessage[] {
  if (run.state.callbacks.size === 0) return [];
  const ended = events.filter(({ type }) => type === 'CallbackSucceeded' || type === 'CallbackFailed').length;
  return ended === 0 ? [] : readyCallbacks(run.state).slice(-ended).map((pending) => readyMessage(run, pending, 0));
}

const ready = (run: HotRun, callback: number, readyAtMs: number): readonly OutgoingMessage[] =>
  readyCallbacks(run.state).filter((pending) => pending.callback === callback).map((pending) => readyMessage(run, pending, readyAtMs));

const closed = ({ dagId, runId }: HotRun, { callback, tryNumber, epoch }: { readonly callback: number; readonly tryNumber: number; readonly epoch: number }): OutgoingMessage =>
  ({ topic: TOPICS.attempts.name, key: dagId, type: 'AttemptClosed', data: { attemptId: callbackAttemptId({ dagId, runId, callback, tryNumber }), epoch } });

function readyMessage(run: HotRun, { callback, cause, bundleHash, tryNumber, endedEpoch }: PendingCallback, readyAtMs: number): OutgoingMessage {
  const { dagId, runId } = run;
  const data: AttemptReady = {
    attemptId: callbackAttemptId({ dagId, runId, callback, tryNumber }),
    queue: queueOf(run, cause),
    pool: DEFAULT_POOL,
    // No slot: what tells of a pool that is stuck must not wait for one of its slots.
    poolSlots: 0,
    priority: 1,
    readyAtMs,
    lastEpoch: endedEpoch,
    caps: { maxActiveTasks: run.plan.definition.maxActiveTasks ?? 16 },
    lostAfterMs: LOST_AFTER_MS,
    work: {
      kind: 'callback', callback: { key: `${dagId}/${runId}/${callback}`, cause }, bundleHash, maxTries: 1, timeoutMs: TIMEOUT_MS, run: runFacts(run), results: {},
      ...(run.created.traceparent === undefined ? {} : { traceparent: run.created.traceparent }),
    },
  };
  return { topic: TOPICS.attempts.name, key: dagId, type: 'AttemptReady', data };
}

/** Where the code of its task runs; of a run, where any of its tasks does. */
function queueOf(run: HotRun, cause: PendingCallback['cause']): string {
  const { taskOf, definition } = run.plan;
  if (cause.kind === 'task') return taskOf.get(cause.taskId)?.queue ?? 'default';
  const queues = definition.tasks.map(({ queue }) => queue ?? 'default');
  return queues.includes('default') ? 'default' : (queues[0] ?? 'default');
}
