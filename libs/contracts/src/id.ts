/**
 * Names of streams and attempts. Ids obey Airflow's rule (letters, digits, `_ - . ~ : +`, never `/`), so `/` parts
 * them without escaping.
 */
export const runStream = (dagId: string, runId: string): string => `run-${dagId}/${runId}`;
export const backfillStream = (dagId: string, backfillId: string): string => `backfill-${dagId}/${backfillId}`;
/** The streams of assets begin with `asset-`: the store keeps a feed of theirs. */
export const ASSET_QUEUES = 'asset-queue-';
export const assetQueueStream = (dagId: string): string => ASSET_QUEUES + dagId;
/** What one task, or one request from outside, updated: its events stand alone, for nothing is ever decided about them. */
export const assetEventsStream = (id: string): string => `asset-events-${id}`;
/** In the place of a DAG's id in a command about an asset: it spreads them over the schedulers, and no DAG is called so. */
export const assetCommandKey = (uri: string): string => `asset/${uri}`;
export const dagStream = (dagId: string): string => `dag-${dagId}`;
export const connectionStream = (connectionId: string): string => `connection-${connectionId}`;
export const variableStream = (key: string): string => `variable-${key}`;
export const poolStream = (pool: string): string => `pool-${pool}`;
export const workerStream = (worker: string): string => `worker-${worker}`;
/** What its events hold is nobody's but the gateway's, though it is sealed. */
export const isSecretStream = (streamId: string): boolean => streamId.startsWith(connectionStream('')) || streamId.startsWith(variableStream(''));

/** One try of one task instance: `<dag>/<run>/<task>/<map index>/<try>`. */
export type AttemptId = string;

export interface AttemptKey {
  readonly dagId: string;
  readonly runId: string;
  readonly taskId: string;
  readonly mapIndex: number;
  readonly tryNumber: number;
}

export const attemptId = (key: AttemptKey): AttemptId =>
  `${key.dagId}/${key.runId}/${key.taskId}/${key.mapIndex}/${key.tryNumber}`;

/** Stands for the task in the attempts of a run's callbacks; no task can be called so. */
export const CALLBACK_TASK = '~callback';

/** One try of one callback of a run. */
export const callbackAttemptId = (key: Pick<AttemptKey, 'dagId' | 'runId' | 'tryNumber'> & { readonly callback: number }): AttemptId =>
  attemptId({ ...key, taskId: CALLBACK_TASK, mapIndex: key.callback });

/** Stands for the DAG in the attempts of what watches assets, which is nobody's own; no DAG can be called so. */
export const WATCHERS = '~watchers';
const WATCHER_TASK = '~watcher';

/** Of one watcher of one asset, whichever DAGs it watches for; `key` is made of the asset and the watcher's name. */
export const watcherAttemptId = (key: string): AttemptId => attemptId({ dagId: WATCHERS, runId: key, taskId: WATCHER_TASK, mapIndex: -1, tryNumber: 1 });
export const watcherStream = (key: string): string => `watcher-${key}`;

/** What stands for the DAG, and for the task, in an attempt id. */
export const isAttemptDag = (dagId: string): boolean => dagId === WATCHERS || ID_PATTERN.test(dagId);
export const isAttemptTask = (taskId: string): boolean => taskId === CALLBACK_TASK || taskId === WATCHER_TASK || ID_PATTERN.test(taskId);

export const attemptStream = (id: AttemptId): string => `attempt-${id}`;

export function parseAttemptId(id: AttemptId): AttemptKey {
  const [dagId, runId, taskId, mapIndex, tryNumber] = id.split('/');
  if (dagId === undefined || runId === undefined || taskId === undefined || mapIndex === undefined || tryNumber === undefined) {
    throw new Error(`not an attempt id: ${id}`);
  }
  return { dagId, runId, taskId, mapIndex: Number(mapIndex), tryNumber: Number(tryNumber) };
}

/** Airflow's rule for DAG and task ids. */
export const ID_PATTERN = /^[A-Za-z0-9_.-]{1,250}$/;
/** Run ids may also hold what timestamps need. */
export const RUN_ID_PATTERN = /^[A-Za-z0-9_.~:+-]{1,250}$/;
