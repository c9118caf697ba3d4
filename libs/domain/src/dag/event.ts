/**
 * The stream `dag-<dag id>`: versions, pause and what the schedule has come to. Import errors of a file are not a
 * DAG's and stand in `file-<path>` streams as `ImportFailed` / `ImportRecovered`.
 */
export type DagEvent =
  /** A content not seen before. The definition itself is kept once, by `planHash`, the hash of its canonical JSON. */
  | {
      readonly type: 'DagVersionRegistered';
      readonly dagId: string;
      readonly version: number;
      readonly planHash: string;
      readonly bundleHash: string;
      /** Path of the file inside its bundle. */
      readonly file: string;
      readonly atMs: number;
    }
  | { readonly type: 'DagPaused'; readonly by: string; readonly atMs: number }
  | { readonly type: 'DagUnpaused'; readonly by: string; readonly atMs: number }
  /** The file no longer defines it. Its runs go on; it is not scheduled. */
  | { readonly type: 'DagRetired'; readonly atMs: number }
  | { readonly type: 'DagRevived'; readonly atMs: number }
  /** The schedule has made this run; the next is asked of the timetable from here. */
  | {
      readonly type: 'RunScheduled';
      readonly runId: string;
      readonly runAfterMs: number;
      readonly interval: { readonly startMs: number; readonly endMs: number };
      readonly atMs: number;
    }
  /** Of a DAG with a timetable of its own: what that answered. The first run counts, those behind it are a preview. */
  | {
      readonly type: 'RunsForeseen';
      readonly runs: readonly { readonly runAfterMs: number; readonly interval: { readonly startMs: number; readonly endMs: number } }[];
      /** Why its code could not say (more). */
      readonly problem?: string;
      readonly atMs: number;
    }
  /** Of a DAG that remembers its runs: this one is about to start. */
  | { readonly type: 'RunBegun'; readonly runId: string; readonly atMs: number }
  | { readonly type: 'RunEnded'; readonly runId: string; readonly state: 'success' | 'failed'; readonly runtimeMs: number; readonly atMs: number };

/** The stream `file-<path>`: what the parser could not read. */
export type FileEvent =
  | { readonly type: 'ImportFailed'; readonly file: string; readonly error: ImportError; readonly atMs: number }
  | { readonly type: 'ImportRecovered'; readonly file: string; readonly atMs: number };

export interface ImportError {
  readonly code: 'syntax' | 'threw' | 'timed_out' | 'exited' | 'too_large' | 'no_dag' | 'invalid_dag' | 'duplicate_dag' | 'unreadable';
  /** Names the value, the rule and the remedy. */
  readonly message: string;
  readonly line?: number;
  readonly column?: number;
  readonly stack?: string;
}
