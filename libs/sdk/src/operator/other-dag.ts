import { declareOperator, declareSensor } from '../operator.ts';
import type { Duration, In, InJson, Operator, SensorOperator } from '../types.ts';

export interface TriggerDagOptions {
  dagId: In<string>;
  /** What the other run sees as its `conf`, and its params. */
  conf?: { readonly [name: string]: InJson };
  /** Default: a new one, the same however often this try is executed. */
  runId?: In<string>;
  /** ISO-8601. Default: the run has none. */
  logicalDate?: In<string>;
  /** When there is a run of that `runId`: the task fails, is skipped, or has it cleared and run again. Default `fail`. */
  onExisting?: 'fail' | 'skip' | 'reset';
}

type RunEnd = 'success' | 'failed';

/** Begins a run of another DAG. */
export function triggerDag(o: TriggerDagOptions & { waitForCompletion?: false }): Operator<{}, { runId: string }>;
/** Begins a run of another DAG and waits until it has ended; given to `sensor`, it can give its slot back meanwhile. */
export function triggerDag(o: TriggerDagOptions & { waitForCompletion: true; /** Default `success`. */ allowedStates?: readonly RunEnd[]; /** Default `failed`. */ failedStates?: readonly RunEnd[] }): SensorOperator<{}, { runId: string; state: RunEnd }>;
export function triggerDag({ waitForCompletion, ...o }: TriggerDagOptions & { waitForCompletion?: boolean }): SensorOperator<{}, never> {
  return waitForCompletion === true ? declareSensor<never>('triggerDagAndWait', { ...o }) : (declareOperator<never>('triggerDag', { ...o }) as SensorOperator<{}, never>);
}

export interface ExternalTaskMarkerOptions {
  dagId: string;
  taskId: string;
  /** Which run of that DAG: the one whose logical date is this run's own, so much later. Default `0s`. */
  laterBy?: Duration;
  /** Through how many DAGs a clear is followed by further markers there. Default 10. */
  recursionDepth?: number;
}

export const EXTERNAL_TASK_MARKER = 'externalTaskMarker';

/**
 * Says that a task of another DAG waits for what comes before this one. It does nothing when it runs; when it is cleared, that
 * task and everything downstream of it is cleared too, in the run of the same logical date.
 */
export function externalTaskMarker(o: ExternalTaskMarkerOptions): Operator<{}, undefined> {
  return declareOperator<undefined>(EXTERNAL_TASK_MARKER, { ...o });
}

export interface ExternalTaskOptions {
  dagId: In<string>;
  /** Of which all instances count. Neither a task nor a group: the run itself. */
  taskId?: string | readonly string[];
  groupId?: string;
  /** Which run of that DAG: the one whose logical date is this run's own, so much earlier. Default `0s`. */
  earlierBy?: Duration;
  /** Its logical date itself, ISO-8601. */
  logicalDate?: In<string>;
  runId?: In<string>;
  /** What is waited for. Default `success`. */
  allowedStates?: readonly string[];
  /** Any of these skips this task. Default none. */
  skippedStates?: readonly string[];
  /** Any of these fails it. Default none: as in Airflow it goes on waiting, since somebody may clear what failed. */
  failedStates?: readonly string[];
}

/** Waits for a run of another DAG, or for tasks of it. */
export function externalTask(o: ExternalTaskOptions): SensorOperator<{}, { runId: string }> {
  return declareSensor('externalTask', { ...o });
}
