import type { HumanRequest, HumanUser, Json, RunState, RunType, TaskResult, TaskState, TriggeredBy } from '@dagbook/domain';
import type { StateCounts } from './state-code.ts';

/** Rows of the read models as the folds hold and change them. Instants are epoch milliseconds. */
export interface DagRow {
  dagId: string;
  /** Version of the stream's last folded event. */
  version: number;
  displayName: string;
  isPaused: boolean;
  /** The file no longer defines it. */
  isStale: boolean;
  file: string;
  owner: string | null;
  tags: readonly string[];
  /** The schedule in words a person knows (`0 3 * * *`, `@daily`, `PT1H`); null: by hand only. */
  schedule: string | null;
  scheduleKind: string;
  dagVersion: number;
  planHash: string;
  bundleHash: string;
  maxActiveRuns: number;
  maxActiveTasks: number;
  lastScheduledStartMs: number | null;
  lastScheduledEndMs: number | null;
  lastScheduledRunAfterMs: number | null;
  parsedAtMs: number;
  queuedRuns: number;
  runningRuns: number;
  successRuns: number;
  failedRuns: number;
  updatedAtMs: number;
}

export interface DagVersionRow {
  readonly dagId: string;
  readonly dagVersion: number;
  readonly planHash: string;
  readonly bundleHash: string;
  readonly file: string;
  readonly createdAtMs: number;
}

/** With the bundle that first had the version's content; null where bundles have no versions. */
export type StoredDagVersion = DagVersionRow & { readonly bundleName: string | null; readonly bundleVersion: string | null };

export interface RunRow {
  /** Feed position of its first event. */
  readonly runKey: number;
  readonly dagId: string;
  readonly runId: string;
  version: number;
  state: RunState;
  readonly runType: RunType;
  readonly triggeredBy: TriggeredBy;
  readonly triggeringUser: string | null;
  readonly logicalDateMs: number | null;
  readonly intervalStartMs: number | null;
  readonly intervalEndMs: number | null;
  readonly runAfterMs: number;
  queuedAtMs: number;
  startedAtMs: number | null;
  endedAtMs: number | null;
  failureReason: string | null;
  readonly conf: Json;
  note: string | null;
  readonly partitionKey: string | null;
  planHash: string;
  dagVersion: number;
  bundleHash: string;
  /** One character a task, in the plan's order, see `stateChar`. */
  states: string;
  mapped: { [taskId: string]: StateCounts };
  counts: StateCounts;
  updatedAtMs: number;
}

export interface TaskInstanceRow {
  readonly taskId: string;
  /** -1: not mapped, or not expanded yet. */
  readonly mapIndex: number;
  state: TaskState;
  /** 0 before the first try. */
  tryNumber: number;
  /** Retries that the task may still have counted from its first try; grows with a clear. */
  maxTries: number;
  /** Version of the newest grant in the stream of the current try. */
  epoch: number;
  scheduledAtMs: number | null;
  queuedAtMs: number | null;
  startedAtMs: number | null;
  endedAtMs: number | null;
  /** When it is tried or poked again, or when it stops waiting. */
  nextAtMs: number | null;
  worker: string | null;
  pid: number | null;
  reason: Reason | null;
  note: string | null;
  renderedMapIndex: string | null;
}

/** Why a task instance is in its state: a code to act on and a sentence to read. */
export type Reason = { readonly code: string; readonly message: string; readonly detail?: string };

export interface TaskTryRow {
  readonly taskId: string;
  readonly mapIndex: number;
  readonly tryNumber: number;
  readonly state: TaskState;
  readonly maxTries: number;
  readonly epoch: number;
  readonly scheduledAtMs: number | null;
  readonly queuedAtMs: number | null;
  readonly startedAtMs: number | null;
  readonly endedAtMs: number | null;
  readonly worker: string | null;
  readonly pid: number | null;
  readonly reason: Reason | null;
}

/** What a task instance returned, or a person set under another key. */
export interface XComRow {
  readonly taskId: string;
  readonly mapIndex: number;
  readonly key: string;
  /** null: nothing any more. */
  readonly result: TaskResult | null;
  readonly atMs: number;
}

/** What one try of a task asked of people, and what it was answered. */
export interface HumanInputRow {
  readonly taskId: string;
  readonly mapIndex: number;
  readonly tryNumber: number;
  readonly request: HumanRequest;
  readonly createdAtMs: number;
  /** null, as the two that follow: no answer yet. */
  respondedAtMs: number | null;
  chosenOptions: readonly string[] | null;
  paramsInput: { readonly [name: string]: Json } | null;
  /** null: nobody; the defaults were taken, or nothing yet. */
  respondedBy: HumanUser | null;
}

export interface ImportErrorRow {
  readonly file: string;
  version: number;
  /** null: the file has recovered. */
  errorKey: number | null;
  code: string | null;
  message: string | null;
  line: number | null;
  column: number | null;
  stack: string | null;
  atMs: number;
}
