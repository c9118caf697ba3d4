import type { Json } from '@dagbook/domain';

/**
 * What a worker may ask of the gateway, with its attempt's token: code, large values, connections, variables. A worker
 * holds no database credentials. Over HTTP in a cluster (`/execution/…`), a direct call in standalone.
 */
export interface ExecutionApi {
  /** The packed code of a DAG file, by hash; null when unknown. Needs no attempt: code is not secret, the worker is authenticated. */
  bundle(bundleHash: string): Promise<PackedBundle | null>;
  getResult(auth: AttemptAuth, key: string): Promise<Json>;
  /** Stores a result of over 2 KB before it is reported; answers the key that the report names. */
  putResult(auth: AttemptAuth, value: Json): Promise<{ readonly key: string; readonly bytes: number }>;
  /** null: there is none of that id. */
  connection(auth: AttemptAuth, id: string): Promise<{ readonly [field: string]: Json } | null>;
  variable(auth: AttemptAuth, key: string): Promise<string | null>;
  /** What a task of the attempt's own run returned, asked for by `ti.xcom_pull`. */
  xcom(auth: AttemptAuth, question: XComQuestion): Promise<XComAnswer>;
  /** The last run of the DAG before the attempt's own that succeeded; null: none did. */
  previousSuccess(auth: AttemptAuth): Promise<PreviousRun | null>;
  /** The templated fields of the attempt as they were rendered, secrets hidden. The first of a try are kept. */
  putRenderedFields(auth: AttemptAuth, fields: { readonly [field: string]: Json }): Promise<void>;
}

export interface XComQuestion {
  readonly taskId: string;
  /** Of a mapped task: one, or several as a list. Absent: all, as a list. */
  readonly mapIndexes?: number | readonly number[];
}

export type XComAnswer = { readonly found: true; readonly value: Json } | { readonly found: false };

export interface PreviousRun {
  readonly dataInterval: { readonly startMs: number; readonly endMs: number } | null;
  readonly startedAtMs: number | null;
  readonly endedAtMs: number | null;
}

export interface AttemptAuth {
  readonly attemptId: string;
  readonly epoch: number;
  readonly token: string;
}

/** One DAG file with all it imports, as an ES module; `@dagbook/sdk` stays an import that the runner resolves. */
export interface PackedBundle {
  readonly hash: string;
  /** The file's path inside its bundle folder, for messages. */
  readonly file: string;
  readonly code: string;
  readonly sourceMap?: string;
}
