/** One line of a task's log, stored as a JSON line, shaped as Airflow's structured log messages. */
export interface LogLine {
  /** ISO-8601 UTC, milliseconds. */
  readonly timestamp: string;
  readonly level: 'debug' | 'info' | 'warning' | 'error' | 'critical';
  readonly event: string;
  /** `task` (the task's own logger), `task.stdout`, `task.stderr` or `dagbook` (what Dagbook says of the attempt). */
  readonly logger: string;
  readonly [attribute: string]: unknown;
}
