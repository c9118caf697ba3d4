import { liveInstances, readyInstances, upstreamResults, taskInstance, type Json, type RunEvent, type TaskInstanceRef } from '@dagbook/domain';
import { attemptId, TOPICS, type AttemptReady, type Work } from '@dagbook/contracts';
import type { OutgoingMessage } from '@dagbook/messaging';
import type { HotRun } from './hot-run.ts';
import type { ResultKeeper } from './run-engine.ts';

/** Upstream results over this leave the assignment and are asked for by key. */
const INLINE_RESULTS_BYTES = 16 * 1024;

/**
 * What others need to hear of events that are now facts: ready attempts and closed ones. Only task instances that are
 * still ready are announced, since a later event of the same batch may have moved them on.
 */
export async function messagesOf(
  run: HotRun,
  events: readonly RunEvent[] | 'everything ready',
  results: ResultKeeper,
  readyBeforeMs = Number.POSITIVE_INFINITY,
): Promise<OutgoingMessage[]> {
  const messages: OutgoingMessage[] = [];
  const ready = events === 'everything ready' ? readyInstances(run.state) : events.filter((event) => event.type === 'TaskScheduled');
  for (const ref of ready) {
    const message = await readyMessage(run, ref, results, readyBeforeMs);
    if (message !== undefined) messages.push(message);
  }
  if (events === 'everything ready') return messages;
  for (const event of events) {
    const closed = closedAttempt(run, event);
    if (closed !== undefined) messages.push({ topic: TOPICS.attempts.name, key: run.dagId, type: 'AttemptClosed', data: closed });
  }
  return messages;
}

/** Attempts that these events end although a worker may still run them; asked before the events are folded. */
export function revokedBy(run: HotRun, events: readonly RunEvent[]): { taskId: string; mapIndex: number; tryNumber: number }[] {
  const revoked: { taskId: string; mapIndex: number; tryNumber: number }[] = [];
  for (const event of events) {
    if (!REVOKING.has(event.type) || !('taskId' in event) || !('mapIndex' in event)) continue;
    if ('epoch' in event && event.epoch !== undefined) continue;
    const instance = taskInstance(run.state, event);
    if (instance !== undefined && LIVE.has(instance.state)) {
      revoked.push({ taskId: event.taskId, mapIndex: event.mapIndex, tryNumber: instance.tryNumber });
    }
  }
  return revoked;
}

const REVOKING: ReadonlySet<RunEvent['type']> = new Set(['TaskCleared', 'TaskRestarting', 'TaskMarked', 'TaskSkipped', 'TaskFailed', 'TaskRetryScheduled', 'TaskRemoved', 'TaskUpstreamFailed']);
const LIVE: ReadonlySet<string> = new Set(['scheduled', 'queued', 'running', 'restarting']);

function closedAttempt(run: HotRun, event: RunEvent): { attemptId: string; epoch: number } | undefined {
  switch (event.type) {
    case 'TaskSucceeded':
    case 'TaskFailed':
    case 'TaskRetryScheduled':
    case 'TaskSkipped':
    case 'TaskRescheduled':
    case 'TaskDeferred':
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

async function readyMessage(run: HotRun, ref: TaskInstanceRef, results: ResultKeeper, readyBeforeMs: number): Promise<OutgoingMessage | undefined> {
  const instance = taskInstance(run.state, ref);
  const task = run.plan.taskOf.get(ref.taskId);
  if (instance === undefined || task === undefined || instance.state !== 'scheduled' || instance.sinceMs > readyBeforeMs) return undefined;
  const id = attemptId({ dagId: run.dagId, runId: run.runId, taskId: ref.taskId, mapIndex: ref.mapIndex, tryNumber: instance.tryNumber });
  const definition = run.plan.definition;
  const data: AttemptReady = {
    attemptId: id,
    queue: task.queue ?? 'default',
    pool: task.pool?.name ?? 'default_pool',
    poolSlots: task.pool?.slots ?? 1,
    priority: run.plan.weights.get(ref.taskId) ?? 1,
    readyAtMs: instance.sinceMs,
    lastEpoch: instance.epoch,
    caps: {
      maxActiveTasks: definition.maxActiveTasks ?? 16,
      ...(task.maxActive === undefined ? {} : { maxActive: task.maxActive }),
      ...(task.maxActivePerRun === undefined ? {} : { maxActivePerRun: task.maxActivePerRun }),
    },
    lostAfterMs: task.lostAfterMs ?? 300_000,
    work: await workOf(run, ref, id, results),
  };
  return { topic: TOPICS.attempts.name, key: run.dagId, type: 'AttemptReady', data };
}

async function workOf(run: HotRun, ref: TaskInstanceRef, id: string, keeper: ResultKeeper): Promise<Work> {
  const { created } = run;
  const task = run.plan.taskOf.get(ref.taskId);
  const instance = taskInstance(run.state, ref);
  let results: Work['results'] = upstreamResults(run.state, ref.taskId, ref.mapIndex);
  let resultsKey: string | undefined;
  if (Object.keys(results).length > 0 && JSON.stringify(results).length > INLINE_RESULTS_BYTES) {
    resultsKey = `results/${id}/${instance?.epoch ?? 0}`;
    await keeper.keep(resultsKey, results as unknown as Json);
    results = {};
  }
  return {
    bundleHash: run.state.bundleHash,
    maxTries: instance?.maxTries ?? 1,
    ...(task?.timeoutMs === undefined ? {} : { timeoutMs: task.timeoutMs }),
    run: {
      runType: created.runType,
      logicalDateMs: created.logicalDateMs,
      dataInterval: created.dataInterval,
      runAfterMs: created.runAfterMs,
      conf: created.conf,
      params: created.params,
      ...(created.assetEvents === undefined ? {} : { assetEvents: created.assetEvents.map(({ uri, extra }) => ({ uri, extra })) }),
    },
    results,
    ...(resultsKey === undefined ? {} : { resultsKey }),
    ...(instance?.firstStartedAtMs === undefined ? {} : { firstStartedAtMs: instance.firstStartedAtMs }),
    ...(created.traceparent === undefined ? {} : { traceparent: created.traceparent }),
  };
}

export { liveInstances };
