import type { RunEvent } from '@dagbook/domain';
import type { Metrics } from '@dagbook/platform';
import type { HotRun } from './hot-run.ts';

const ENDS: { readonly [type in RunEvent['type']]?: string } = {
  TaskSucceeded: 'success',
  TaskFailed: 'failed',
  TaskSkipped: 'skipped',
  TaskUpstreamFailed: 'upstream_failed',
  TaskRetryScheduled: 'up_for_retry',
  TaskAttemptLost: 'lost',
};

/** Counts what becomes history. */
export class RunMetrics {
  readonly #tasks;
  readonly #runs;
  readonly #delay;
  readonly #duration;

  constructor(metrics: Metrics) {
    this.#tasks = metrics.counter('dagbook_task_finished_total', 'Ends of tries of task instances, by what they came to', ['state']);
    this.#runs = metrics.counter('dagbook_dagrun_finished_total', 'Ends of DAG runs', ['state']);
    this.#delay = metrics.histogram('dagbook_dagrun_schedule_delay_seconds', 'From when a run might begin to when it began');
    this.#duration = metrics.histogram('dagbook_dagrun_duration_seconds', 'From the start of a run to its end', ['state']);
  }

  recorded(run: HotRun, events: readonly RunEvent[]): void {
    for (const event of events) {
      const state = ENDS[event.type];
      if (state !== undefined) this.#tasks.add({ state });
      if (event.type === 'RunStarted') this.#delay.observe(Math.max(0, event.atMs - run.created.runAfterMs) / 1000);
      if (event.type === 'RunSucceeded' || event.type === 'RunFailed') this.#end(run, event.type === 'RunSucceeded' ? 'success' : 'failed', event.atMs);
    }
  }

  #end(run: HotRun, state: string, atMs: number): void {
    this.#runs.add({ state });
    this.#duration.observe(Math.max(0, atMs - (run.state.startedAtMs ?? atMs)) / 1000, { state });
  }
}
