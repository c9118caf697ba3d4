import { DEFAULT_POOL, deferredInstances, priorityOfTry, readyInstances, taskInstance, upstreamResults, type Json, type RunEvent, type TaskInstanceView } from '@dagbook/domain';
import { attemptId, TOPICS, type AttemptKey, type AttemptReady, type Work } from '@dagbook/contracts';
import type { OutgoingMessage } from '@dagbook/messaging';
import { callbackMessages, followingCallbackMessages, readyCallbackMessages } from './callback-effect.ts';
import type { HotRun } from './hot-run.ts';
import { runFacts } from './run-facts.ts';

/** Keeps results that are too large for an assignment, by the key that it names. */
export interface ResultKeeper {
  keep(key: string, value: Json): Promise<void>;
}

/** Upstream results over this leave the assignment and are asked for by key. */
const INLINE_RESULTS_BYTES = 16 * 1024;

/**
 * What others need to hear of events that are now facts: ready attempts and closed ones. Only task instances that are
 * still ready are announced, since a later event of the same batch may have moved them on.
 */
export async function messagesOf(run: HotRun, events: readonly RunEvent[], results: ResultKeeper): Promise<OutgoingMessage[]> {
  const messages: OutgoingMessage[] = [];
  for (const event of events) {
    messages.push(...callbackMessages(run, event));
    if (event.type === 'TaskScheduled') {
      const instance = taskInstance(run.state, event);
      if (instance?.state === 'scheduled' && instance.tryNumber === event.tryNumber) messages.push(await readyMessage(run, instance, results, event.atMs));
      continue;
    }
    const closed = closedAttempt(run, event);
    if (closed !== undefined) messages.push({ topic: TOPICS.attempts.name, key: run.dagId, type: 'AttemptClosed', data: closed });
    if (event.type === 'TaskDeferred' || event.type === 'TaskAttemptLost') {
      const instance = taskInstance(run.state, event);
      if (instance?.state === 'deferred') messages.push(await readyMessage(run, instance, results, event.atMs));
    }
  }
  messages.push(...followingCallbackMessages(run, events));
  return messages;
}

/**
 * Everything that is ready, triggers of deferred tasks and callbacks included, said again. It keeps the first place in the queue (`readyAtMs` 0): it has waited for longer
 * than what has just become ready, and a dispatcher that knows it already knows better.
 */
export async function readyMessages(run: HotRun, results: ResultKeeper): Promise<OutgoingMessage[]> {
  const instances = await Promise.all([...readyInstances(run.state), ...deferredInstances(run.state)].map((instance) => readyMessage(run, instance, results, 0)));
  return [...instances, ...readyCallbackMessages(run)];
}

/** One of them, to be granted above an epoch that the run may not know of; none when the try waits for no grant. */
export async function readyMessageAbove(run: HotRun, key: Pick<AttemptKey, 'taskId' | 'mapIndex' | 'tryNumber'>, epoch: number, results: ResultKeeper): Promise<OutgoingMessage[]> {
  const instance = taskInstance(run.state, key);
  if (instance === undefined || instance.tryNumber !== key.tryNumber || (instance.state !== 'scheduled' && instance.state !== 'deferred')) return [];
  return [await readyMessage(run, instance, results, 0, epoch)];
}

function closedAttempt(run: HotRun, event: RunEvent): { attemptId: string; epoch: number } | undefined {
  switch (event.type) {
    case 'TaskSucceeded':
    case 'TaskFailed':
    case 'TaskRetryScheduled':
    case 'TaskSkipped':
    case 'TaskRescheduled':
    case 'TaskDeferred':
    case 'TriggerFired':
    case 'TaskAwaitingInput':
    case 'TaskAttemptLost':
      if (event.epoch === undefined || event.tryNumber === undefined) return undefined;
      return {
        attemptId: attemptId({ dagId: run.dagId, runId: run.runId, taskId: event.taskId, mapIndex: event.mapIndex, tryNumber: event.tryNumber }),
        epoch: event.epoch,
      };
    default:
      return undefined;
  }
}

async function readyMessage(run: HotRun, instance: TaskInstanceView, results: ResultKeeper, readyAtMs: number, grantedEpoch = 0): Promise<OutgoingMessage> {
  const { taskId, mapIndex, tryNumber } = instance;
  const id = attemptId({ dagId: run.dagId, runId: run.runId, taskId, mapIndex, tryNumber });
  const task = run.plan.taskOf.get(taskId);
  const data: AttemptReady = {
    attemptId: id,
    queue: task?.queue ?? 'default',
    pool: task?.pool?.name ?? DEFAULT_POOL,
    ...(instance.state === 'deferred' ? { poolSlots: 0, deferredSlots: task?.pool?.slots ?? 1 } : { poolSlots: task?.pool?.slots ?? 1 }),
    priority: (task && priorityOfTry(task, tryNumber)) ?? run.plan.weights.get(taskId) ?? 1,
    readyAtMs,
    lastEpoch: Math.max(instance.epoch, instance.endedEpoch, grantedEpoch),
    caps: {
      maxActiveTasks: run.plan.definition.maxActiveTasks ?? 16,
      ...(task?.maxActive === undefined ? {} : { maxActive: task.maxActive }),
      ...(task?.maxActivePerRun === undefined ? {} : { maxActivePerRun: task.maxActivePerRun }),
    },
    lostAfterMs: task?.lostAfterMs ?? 300_000,
    work: await workOf(run, instance, id, results),
  };
  return { topic: TOPICS.attempts.name, key: run.dagId, type: 'AttemptReady', data };
}

async function workOf(run: HotRun, instance: TaskInstanceView, id: string, keeper: ResultKeeper): Promise<Work> {
  const task = run.plan.taskOf.get(instance.taskId);
  let results: Work['results'] = upstreamResults(run.state, instance.taskId, instance.mapIndex);
  let resultsKey: string | undefined;
  if (Object.keys(results).length > 0 && JSON.stringify(results).length > INLINE_RESULTS_BYTES) {
    resultsKey = `results/${id}/${instance.endedEpoch}`;
    await keeper.keep(resultsKey, results as unknown as Json);
    results = {};
  }
  return {
    ...(instance.state === 'deferred' ? { kind: 'trigger', trigger: instance.trigger } : {}),
    ...(instance.resumed === null ? {} : { resumed: instance.resumed }),
    bundleHash: run.state.bundleHash,
    maxTries: instance.maxTries + 1,
    ...(task?.timeoutMs === undefined ? {} : { timeoutMs: task.timeoutMs }),
    run: runFacts(run),
    results,
    ...(resultsKey === undefined ? {} : { resultsKey }),
    ...(instance.firstStartedAtMs === null ? {} : { firstStartedAtMs: instance.firstStartedAtMs }),
    ...(instance.inputAnswer === null ? {} : { answer: instance.inputAnswer }),
    ...(run.created.traceparent === undefined ? {} : { traceparent: run.created.traceparent }),
  };
}
