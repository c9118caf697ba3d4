import type { DagDefinition, Json, QueuedUpdate, SecretMask, CodeAnswer, CodeQuestion } from '@dagbook/domain';
import type { BundleFolder, TestOptions } from './types.ts';
import type { AssetEventQuery, AttemptKey, LogLine, OtherRun, OtherRunQuery, Outcome, PreviousRun, RunRequest, RunRequested, StateAnswer, StateQuestion, Work, XComAnswer, XComQuestion } from '@dagbook/contracts';

/**
 * What stands between a DAG's code and the process that runs it. A bundle exports DAGs; under this symbol each of them
 * says what it is and runs one of its tasks. Symbol and shapes are all that the two sides share, not classes.
 */
export const RUNNABLE: unique symbol = Symbol.for('dagbook.dag');

export interface RunnableDag {
  /** The DAG as plain JSON, the same for the same code. Throws `DagDefinitionError` for an author's mistake. */
  definition(site?: SiteDefaults): DagDefinition;
  /** Asks the timetable that the DAG's author wrote; undefined: its schedule is no code. */
  askTimetable(question: CodeQuestion): CodeAnswer | undefined;
  /** The templated fields of a task as a run of this date would have them, while nothing has run: for `dagbook tasks render`. */
  render(taskId: string, mapIndex: number, options: TestOptions<object>): Promise<{ readonly [field: string]: Json }>;
  /** Runs one try of a task, or of a callback. Resolves for every end that the task's own code can have; rejects only when `io` does. */
  run(request: TaskRunRequest, io: TaskIo): Promise<TaskRunOutcome>;
}

export interface SiteDefaults {
  /** IANA name, for a DAG that names none. Default `UTC`. */
  readonly timezone?: string;
}

export interface TaskRunRequest {
  readonly attempt: AttemptKey;
  /** Of this execution of the attempt; absent in process, where there is but one. */
  readonly epoch?: number;
  readonly work: Work;
}

export type TaskRunOutcome = Outcome;

/** What a running task may ask of the process around it. */
export interface TaskIo {
  /** Aborted with the reason when the try is cancelled or timed out. */
  readonly signal: AbortSignal;
  /** The same as when the DAG's definition was read. */
  readonly site?: SiteDefaults;
  nowMs(): number;
  /** Between the pokes of a sensor that keeps its slot; absent: real time passes. */
  wait?(ms: number): Promise<void>;
  log(level: LogLine['level'], event: string, attributes?: object): void;
  /** The value of a `TaskResult` of kind `stored`. */
  getResult(key: string): Promise<Json>;
  /** Keeps a result of more than `INLINE_RESULT_BYTES`. */
  putResult(value: Json): Promise<{ readonly key: string; readonly bytes: number }>;
  /** null: there is none of that id. */
  connection(id: string): Promise<{ readonly [field: string]: Json } | null>;
  variable(key: string): Promise<string | null>;
  /** What a task of the same run returned, of a mapped one a list or what these map indexes chose. Absent: nothing is known. */
  xcom?(question: XComQuestion): Promise<XComAnswer>;
  /** The last run of the DAG before this one that succeeded; null: none did. */
  previousSuccess?(): Promise<PreviousRun | null>;
  /** Updates of what the task reads, oldest first. */
  assetEvents?(query: AssetEventQuery): Promise<readonly QueuedUpdate[]>;
  /** The files that came with the DAG, on this host; absent when none did. */
  readonly bundle?: BundleFolder;
  /** The text of a file of the DAG's bundle, by its path from the DAG's own folder or the bundle's; null: there is none. */
  templateFile?(name: string): Promise<string | null>;
  /** Keeps the templated fields of this try as they were rendered, for people to read. */
  putRenderedFields?(fields: { readonly [field: string]: Json }): Promise<void>;
  /** Hides this text in the log and in failures from now on, as what `connection` and `variable` answered is hidden. */
  maskSecret?(secret: string): void;
  /** What the task's log hides; undefined while that is nothing. */
  mask?(): SecretMask | undefined;
  /** Begins a run of another DAG, once for each try. */
  requestRun(request: RunRequest): Promise<RunRequested>;
  /** null: there is no such run (yet). */
  findRun(query: OtherRunQuery): Promise<OtherRun | null>;
  /** The state stores of the task and of assets. Absent: there are none. */
  state?(question: StateQuestion): Promise<StateAnswer>;
  /** By the kind of an operator: `bash`. */
  readonly operators: { readonly [kind: string]: OperatorExecutor };
}

/**
 * Executes an operator. `fields` are the author's, with results put where references stood. Answers the task's result;
 * throws `SkipTask`, `FailTask` or `TaskFailure` for what an author should read, anything else is a failure `error`.
 */
export type OperatorExecutor = (fields: { readonly [name: string]: unknown }, context: OperatorContext) => Promise<unknown>;

export interface OperatorContext {
  readonly request: TaskRunRequest;
  readonly io: TaskIo;
  /** What a command may know of its run: `DAGBOOK_DS`, `DAGBOOK_TS`, `DAGBOOK_RUN_ID`, `DAGBOOK_PARAM_<NAME>` … */
  readonly environment: { readonly [name: string]: string };
}

/** A larger result is stored apart and its event carries the reference. */
export const INLINE_RESULT_BYTES = 2048;

export const runnableOf = (value: unknown): RunnableDag | undefined =>
  typeof value === 'object' && value !== null ? (value as { [RUNNABLE]?: RunnableDag })[RUNNABLE] : undefined;

/** The DAGs that a module exports, alone or in lists, each once, in order of export name. */
export function runnablesOf(module: object): RunnableDag[] {
  const found = new Set<RunnableDag>();
  for (const exported of Object.values(module).flat()) {
    const runnable = runnableOf(exported);
    if (runnable !== undefined) found.add(runnable);
  }
  return [...found];
}

let created: string[] | undefined;

/** Called by each `dag()`. */
export function noteCreation(dagId: string): void {
  created?.push(dagId);
}

/** Begins to note the ids of DAGs that are made; answers what tells them. A DAG made and not exported is a mistake to point at. */
export function watchCreation(): () => readonly string[] {
  const ids: string[] = [];
  created = ids;
  return () => ids;
}
