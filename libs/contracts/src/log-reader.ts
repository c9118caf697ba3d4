import type { AttemptKey } from './id.ts';

/**
 * How a log is read: from log-server, in process or over HTTP, never from a worker. The log of a try is its attempts'
 * chunks in order of epoch, one sequence of bytes; it can be read while it grows and after its worker has died.
 */
export interface LogReader {
  /** At most `maxBytes`, from `fromByte`, or the last `tailBytes`; cut at line ends. `null`: no such log (yet). */
  read(request: LogReadRequest): Promise<LogSlice | null>;
  /** What is there from `fromByte` on, then what comes, until the log has ended or `signal` aborts. */
  follow(request: { readonly attempt: AttemptKey; readonly fromByte: number }, signal: AbortSignal): AsyncIterable<LogSlice>;
}

export interface LogEraser {
  /** All logs of a run that has ended. Nothing to erase is no failure. */
  eraseRun(run: { readonly dagId: string; readonly runId: string }): Promise<void>;
}

export interface LogReadRequest {
  readonly attempt: AttemptKey;
  readonly fromByte?: number;
  readonly tailBytes?: number;
  readonly maxBytes: number;
}

export interface LogSlice {
  readonly fromByte: number;
  /** Where the next read begins. */
  readonly nextByte: number;
  /** JSON lines, see `LogLine`. */
  readonly text: string;
  /** The writer has finished and there is nothing after `nextByte`. */
  readonly ended: boolean;
}
