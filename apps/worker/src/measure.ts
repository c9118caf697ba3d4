import type { Metrics } from '@dagbook/platform';
import type { RunningWorker } from './service.ts';

/** A worker's gauges. */
export function measureWorker(metrics: Metrics, worker: RunningWorker): void {
  metrics.gauge('dagbook_worker_running_attempts', 'Attempts in hand', () => worker.stats().running);
  metrics.gauge('dagbook_worker_slots', 'Most attempts at a time', () => worker.stats().slots);
  metrics.gauge('dagbook_worker_unacknowledged_reports', 'Final reports that the scheduler has not acknowledged', () => worker.stats().unacknowledgedReports);
}
