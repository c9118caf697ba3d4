/** Runs of a DAG that a clear or a mark covers: one and, if asked, those before or after it, or all between two dates. */
export interface RunSpan {
  readonly runId?: string;
  /** With `runId`: runs of an earlier logical date too. */
  readonly past?: boolean;
  /** With `runId`: runs of a later logical date too. */
  readonly future?: boolean;
  /** Without `runId`: both ends included, either may be absent. */
  readonly fromMs?: number;
  readonly toMs?: number;
}

/**
 * Which of a DAG's logical dates lie in the span, oldest first. `baseMs` is the date of the run that it names: one without a
 * date has no past and no future.
 */
export function spannedDates(logicalDatesMs: readonly number[], span: RunSpan, baseMs: number | null): readonly number[] {
  const dates = [...logicalDatesMs].sort((a, b) => a - b);
  if (span.runId === undefined) return dates.filter((dateMs) => dateMs >= (span.fromMs ?? -Infinity) && dateMs <= (span.toMs ?? Infinity));
  if (baseMs === null) return [];
  return dates.filter((dateMs) => dateMs === baseMs || (span.past === true && dateMs < baseMs) || (span.future === true && dateMs > baseMs));
}
