import type { Json, QueuedUpdate } from '@dagbook/domain';

/**
 * What a worker may ask of the gateway, with its attempt's token: code, large values, connections, variables. A worker
 * holds no database credentials. Over HTTP in a cluster (`/execution/…`), a direct call in standalone.
 */
export interface ExecutionApi {
  /** The packed code of a DAG file, by hash; null when unknown. Needs no attempt: code is not secret, the worker is authenticated. */
  bundle(bundleHash: string): Promise<PackedBundle | null>;
  /** The files that go along with code, by their hash (`PackedBundle.filesHash`); null when unknown. */
  bundleFiles(filesHash: string): Promise<PackedFiles | null>;
  /** Hashes of the files that go along with the newest versions of DAGs, for a worker to have before a task asks. */
  filesInUse(): Promise<readonly string[]>;
  /** A worker tells the outcome of the connection that it tested last, and is given the next to test. */
  connectionTest(ask: ConnectionTestAsk): Promise<ConnectionTestAnswer>;
  getResult(auth: AttemptAuth, key: string): Promise<Json>;
  /** Stores a result of over 2 KB before it is reported; answers the key that the report names. */
  putResult(auth: AttemptAuth, value: Json): Promise<{ readonly key: string; readonly bytes: number }>;
  /** The same for one of over `LARGE_RESULT_BYTES`: it goes as a stream, so that nobody on the way holds it. */
  putLargeResult(auth: AttemptAuth, result: LargeResult): Promise<{ readonly key: string; readonly bytes: number }>;
  /** The JSON text of a result under such a key, see `largeResultHash`. */
  getLargeResult(auth: AttemptAuth, key: string): AsyncIterable<Uint8Array>;
  /** null: there is none of that id. */
  connection(auth: AttemptAuth, id: string): Promise<{ readonly [field: string]: Json } | null>;
  variable(auth: AttemptAuth, key: string): Promise<string | null>;
  /** What a task of the attempt's own run returned, asked for by `ti.xcom_pull`. */
  xcom(auth: AttemptAuth, question: XComQuestion): Promise<XComAnswer>;
  /** The last run of the DAG before the attempt's own that succeeded; null: none did. */
  previousSuccess(auth: AttemptAuth): Promise<PreviousRun | null>;
  /** Updates of an asset, or of every asset that was updated through an alias: the newest, in order. */
  assetEvents(auth: AttemptAuth, query: AssetEventQuery): Promise<readonly QueuedUpdate[]>;
  /** The templated fields of the attempt as they were rendered, secrets hidden. The first of a try are kept. */
  putRenderedFields(auth: AttemptAuth, fields: { readonly [field: string]: Json }): Promise<void>;
  /** Begins a run of another DAG, once for each try however often it is asked. */
  requestRun(auth: AttemptAuth, request: RunRequest): Promise<RunRequested>;
  /** How a run of any DAG stands, by its id or its logical date; null: there is none (yet). */
  findRun(auth: AttemptAuth, query: OtherRunQuery): Promise<OtherRun | null>;
  /** What the attempt's task keeps for its next try, or what is kept of an asset. A write is on the disk when it is answered. */
  state(auth: AttemptAuth, question: StateQuestion): Promise<StateAnswer>;
}

export type StateQuestion = { readonly of: StateOwner } & (
  | { readonly op: 'get'; readonly key: string }
  /** `retentionMs`, of a task's: for how long from now, null: for ever; absent: as the site says. */
  | { readonly op: 'set'; readonly key: string; readonly value: Json; readonly retentionMs?: number | null }
  | { readonly op: 'delete'; readonly key: string }
  | { readonly op: 'clear' }
);

/** Of an asset that the task names only through aliases: these, one of which the asset must have been updated through. */
export type StateOwner = { readonly kind: 'task' } | { readonly kind: 'asset'; readonly uri: string; readonly aliases?: readonly string[] };

export interface StateAnswer {
  /** Of `get`; absent: there is none. */
  readonly value?: Json;
  /** For the task's log: it was done, and should have been done otherwise. */
  readonly warning?: string;
}

export interface ConnectionTestAsk {
  readonly worker: string;
  readonly queues: readonly string[];
  readonly done?: ConnectionTestOutcome & { readonly testId: string };
}

export interface ConnectionTestAnswer {
  /** false: tests are off. */
  readonly enabled: boolean;
  /** The connection by Airflow's names, as a task would be given it. */
  readonly test?: { readonly testId: string; readonly connection: { readonly [field: string]: Json } };
}

/** As Airflow answers it. */
export interface ConnectionTestOutcome {
  readonly status: boolean;
  readonly message: string;
}

/** Above this a result is kept outside of the journal, on disk or S3, where the site has a place for such. */
export const LARGE_RESULT_BYTES = 256 * 1024;
/** More than this no task may return: what is larger belongs into storage, and its place into the result. */
export const MAX_RESULT_BYTES = 50 * 1024 * 1024;

/** JSON text in a file of the worker. */
export interface LargeResult {
  readonly bytes: number;
  /** Of the text, in hexadecimal: it becomes part of the key, by which every reader can tell that it has the whole. */
  readonly sha256: string;
  /** From its beginning; may be called again when the gateway did not answer. */
  open(): AsyncIterable<Uint8Array>;
}

const LARGE = 'objects/';

/** Where a large result of an execution of an attempt lies. */
export const largeResultKey = (attemptId: string, epoch: number, sha256: string): string => `${LARGE}${attemptId}/${epoch}/${sha256}`;

/** The key of a result that is read as a stream; the hash of its content. undefined: it is none of those. */
export const largeResultHash = (key: string): string | undefined => (key.startsWith(LARGE) ? key.slice(key.lastIndexOf('/') + 1) : undefined);

/** Whether an execution of an attempt can have been told to keep its result under this key. */
export const isResultKeyOf = (key: string, attemptId: string, epoch: number): boolean => {
  const own = `${attemptId}/${epoch}`;
  return key === own || (key.startsWith(`${LARGE}${own}/`) && /^[0-9a-f]{64}$/.test(key.slice(LARGE.length + own.length + 1)));
};

/** Whether a key of results is of this run: what a task returned, as a row or an object, or what the scheduler gathered for one that reads much. */
export const isResultKeyOfRun = (key: string, dagId: string, runId: string): boolean => ['', LARGE, 'results/'].some((place) => key.startsWith(`${place}${dagId}/${runId}/`));

export interface XComQuestion {
  readonly taskId: string;
  /** Default: what the task returned. */
  readonly key?: string;
  /** Of a mapped task: one, or several as a list. Absent: all, as a list. */
  readonly mapIndexes?: number | readonly number[];
}

export type XComAnswer =
  | { readonly found: true; readonly value: Json; /** What stands for null in the value so far: large results, which the worker reads itself. */ readonly large?: readonly LargePart[] }
  | { readonly found: false };

export interface LargePart {
  /** Position in the list; absent: it is the value. */
  readonly at?: number;
  readonly key: string;
}

export interface AssetEventQuery {
  readonly of: { readonly uri: string } | { readonly alias: string };
  /** At most 1,000. */
  readonly limit: number;
}

export interface PreviousRun {
  readonly dataInterval: { readonly startMs: number; readonly endMs: number } | null;
  readonly startedAtMs: number | null;
  readonly endedAtMs: number | null;
}

export interface RunRequest {
  readonly dagId: string;
  /** Default: a new one. */
  readonly runId?: string;
  readonly logicalDateMs: number | null;
  readonly conf: { readonly [name: string]: Json };
  /** When there is a run of this id: refused, left as it is, or cleared and run again. */
  readonly onExisting: 'refuse' | 'skip' | 'reset';
}

export type RunRequested =
  | { readonly kind: 'begun'; readonly runId: string }
  | { readonly kind: 'existed'; readonly runId: string }
  /** It is asked for and will be carried out, but who owns the DAG has not said so yet: ask again. */
  | { readonly kind: 'stored' }
  | { readonly kind: 'refused'; readonly reason: string };

export interface OtherRunQuery {
  readonly dagId: string;
  readonly runId?: string;
  readonly logicalDateMs?: number;
  /** Tasks whose states are wanted, or all of a group. */
  readonly taskIds?: readonly string[];
  readonly groupId?: string;
}

export interface OtherRun {
  readonly runId: string;
  readonly state: string;
  /** Of each wanted task the states of its instances. */
  readonly tasks: { readonly [taskId: string]: readonly string[] };
  /** Wanted tasks, or the group, that the run's DAG does not have. */
  readonly unknownTasks: readonly string[];
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
  /** Of the files beside the DAG that go along with it; absent when it reads none. */
  readonly filesHash?: string;
}

/** Python modules, SQL, scripts and lists of requirements beside the DAGs, as they were when the code was packed. */
export interface PackedFiles {
  readonly hash: string;
  /** `path` is relative to the bundle's folder, with `/`. */
  readonly files: readonly { readonly path: string; readonly base64: string }[];
}
