/** What a worker is told at its start. Times are there to be shortened by fault tests; production keeps the defaults. */
export interface WorkerOptions {
  /** Host and number, reused across restarts: it names the assignment topic. */
  readonly slotName: string;
  readonly queues: readonly string[];
  /** Most attempts at a time. */
  readonly slots: number;
  /** Reports, spooled logs, code and process groups are kept here; it belongs to this slot alone. */
  readonly stateDir: string;
  /** The built runner (`runner/entry.ts`). */
  readonly childEntry: string;
  /** The built SDK, which is what `@dagbook/sdk` means to DAG code. */
  readonly sdkPath: string;
  readonly hostname: string;
  readonly version: string;
  /** Environment of the runners. Must hold no secret. */
  readonly childEnv: { readonly [name: string]: string };
  /** V8's old space of a runner, in MB. Absent: V8's choice. */
  readonly runnerHeapMb?: number;
  readonly timing?: Partial<WorkerTiming>;
  /** Kept while nothing runs. Default: one a core, at most 2. */
  readonly warmRunners?: number;
}

export interface WorkerTiming {
  readonly renewEveryMs: number;
  /** Between TERM and KILL when a try is over by itself: timeout, lost lease, drain. */
  readonly termGraceMs: number;
  /** Between TERM and KILL when somebody cancelled it: the whole must be done within 2 s. */
  readonly revokeGraceMs: number;
  /** A final report that is not acknowledged is sent again after this long. */
  readonly resendEveryMs: number;
  /** `AttemptStarted` waits this long, so that a task which ends within is one report and one append. */
  readonly startedHoldMs: number;
  readonly growAfterMs: number;
  readonly idleRunnerMs: number;
}

export const DEFAULT_TIMING: WorkerTiming = {
  renewEveryMs: 5_000,
  termGraceMs: 10_000,
  revokeGraceMs: 1_000,
  resendEveryMs: 3_000,
  startedHoldMs: 2,
  growAfterMs: 25,
  idleRunnerMs: 30_000,
};

/** A fault of this worker's own surroundings. `code` is stable; nothing branches on the message. */
export class WorkerFault extends Error {
  readonly code: 'worker.slot_in_use' | 'worker.state_dir';
  readonly retryable = false;
  constructor(code: WorkerFault['code'], message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'WorkerFault';
    this.code = code;
  }
}
