import { createHash, randomBytes } from 'node:crypto';
import type { RunEvent } from '@dagbook/domain';
import { traceparentOf, type SpanSink } from '@dagbook/platform';
import type { HotRun } from './hot-run.ts';

/** One trace a run, a span an attempt: told from events, when an end becomes history. */
export class RunTracer {
  readonly #sink: SpanSink;
  readonly #starts = new Map<string, number>();

  constructor(sink: SpanSink) {
    this.#sink = sink;
  }

  recorded(run: HotRun, events: readonly RunEvent[]): void {
    const root = run.created.traceparent;
    if (root === undefined) return;
    for (const event of events) this.#record(run, root, event);
  }

  #record(run: HotRun, root: string, event: RunEvent): void {
    const common = { 'dagbook.dag_id': run.dagId, 'dagbook.run_id': run.runId };
    switch (event.type) {
      case 'TaskStarted':
        this.#starts.set(spanKey(run, event), event.atMs);
        return;
      case 'TaskSucceeded':
      case 'TaskFailed':
      case 'TaskRetryScheduled':
      case 'TaskSkipped':
      case 'TaskRescheduled':
      case 'TaskDeferred': {
        const key = spanKey(run, { taskId: event.taskId, mapIndex: event.mapIndex, tryNumber: event.tryNumber ?? 0 });
        const startMs = this.#starts.get(key);
        if (startMs === undefined) return;
        this.#starts.delete(key);
        this.#sink.record({
          traceparent: attemptTraceparent(root, key),
          parent: root,
          name: event.taskId,
          startMs,
          endMs: event.atMs,
          ...('failure' in event ? { failed: event.failure.message } : {}),
          attributes: { ...common, 'dagbook.task_id': event.taskId, 'dagbook.map_index': event.mapIndex, 'dagbook.try_number': event.tryNumber ?? 0 },
        });
        return;
      }
      case 'RunSucceeded':
      case 'RunFailed':
        this.#sink.record({
          traceparent: root,
          name: run.dagId,
          startMs: run.created.atMs,
          endMs: event.atMs,
          ...(event.type === 'RunFailed' ? { failed: event.reason } : {}),
          attributes: common,
        });
        return;
      default:
        return;
    }
  }
}

export const newTraceparent = (): string => traceparentOf(randomBytes(16).toString('hex'), randomBytes(8).toString('hex'));

const spanKey = (run: HotRun, ref: { taskId: string; mapIndex: number; tryNumber: number }): string => `${run.streamId}/${ref.taskId}/${ref.mapIndex}/${ref.tryNumber}`;

/** The attempt's span id is derived, so that a worker and the scheduler name the same span without asking. */
function attemptTraceparent(root: string, key: string): string {
  const traceId = root.split('-')[1] as string;
  return traceparentOf(traceId, createHash('sha256').update(key).digest('hex').slice(0, 16));
}
