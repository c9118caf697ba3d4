import { type AssetEventQuery, type AttemptAuth, type AttemptKey, type ConnectionTestAnswer, type ConnectionTestAsk, type ExecutionApi, isResultKeyOfRun, type LargePart, type LargeResult, largeResultHash, type OtherRun, type OtherRunQuery, type PackedBundle, type PackedFiles, parseAttemptId, type PreviousRun, type RunRequest, type RunRequested, runStream, type StateAnswer, type StateQuestion, type XComAnswer, type XComQuestion } from '@dagbook/contracts';
import { type Json, type QueuedUpdate, resultsOfTask, type RunEvent } from '@dagbook/domain';
import { type EventStore, toFact } from '@dagbook/event-store';
import { verifyAttemptToken } from '@dagbook/platform';
import { bundlesInUse, listAssetEvents, type Queryable, selectRows, successBefore } from '@dagbook/read-models';
import type { ReadModelFeed } from '../read-model-feed.ts';
import type { OtherRuns } from './other-run.ts';
import type { ResultStore, StoredResult } from './result-store.ts';
import type { AttemptStates } from '../state/attempt-states.ts';
import type { StoredObject } from '@dagbook/object-store';
import { KeyRingError } from '../secret/key-ring.ts';
import type { ConnectionTests } from '../secret/connection-tests.ts';
import { type SecretLookup, SecretSourceError } from '../secret/secret-lookup.ts';
import { ApiError, forbidden, notFound, unauthorized } from '../error/api-error.ts';

const MAX_RENDERED_BYTES = 256 * 1024;
const READ_WITHIN_MS = 10_000;

/**
 * The execution API over the stores: what workers get over HTTP and standalone calls directly. A token opens what its
 * attempt may see while the attempt holds its lease: results of its own run, connections and variables.
 */
export class StoredExecutionApi implements ExecutionApi {
  readonly #store: EventStore;
  readonly #db: Queryable;
  readonly #tokenSecret: string;
  readonly #secrets: SecretLookup;
  readonly #otherRuns: OtherRuns;
  readonly #results: ResultStore;
  readonly #connectionTests: ConnectionTests;
  readonly #filesOfBundle = new Map<string, Promise<string | null>>();
  readonly #states: AttemptStates;
  readonly #feed: Pick<ReadModelFeed, 'reached'>;

  constructor(options: { store: EventStore; db: Queryable; tokenSecret: string; secrets: SecretLookup; otherRuns: OtherRuns; results: ResultStore; connectionTests: ConnectionTests; states: AttemptStates; feed: Pick<ReadModelFeed, 'reached'> }) {
    this.#feed = options.feed;
    this.#results = options.results;
    this.#connectionTests = options.connectionTests;
    this.#states = options.states;
    this.#store = options.store;
    this.#db = options.db;
    this.#tokenSecret = options.tokenSecret;
    this.#secrets = options.secrets;
    this.#otherRuns = options.otherRuns;
  }

  async bundle(bundleHash: string): Promise<PackedBundle | null> {
    const content = await this.#store.getContent('bundle', bundleHash);
    return content === null ? null : (JSON.parse(new TextDecoder().decode(content)) as PackedBundle);
  }

  async bundleFiles(filesHash: string): Promise<PackedFiles | null> {
    const content = await this.#store.getContent('files', filesHash);
    return content === null ? null : (JSON.parse(new TextDecoder().decode(content)) as PackedFiles);
  }

  async filesInUse(): Promise<readonly string[]> {
    const found: (string | null)[] = [];
    for (const bundleHash of await bundlesInUse(this.#db)) found.push(await this.#filesOf(bundleHash));
    return [...new Set(found.filter((hash) => hash !== null))];
  }

  connectionTest(ask: ConnectionTestAsk): Promise<ConnectionTestAnswer> {
    return this.#connectionTests.next(ask);
  }

  async getResult(auth: AttemptAuth, key: string): Promise<Json> {
    const value = await this.#results.value(await this.#admitTo(auth, key), key);
    if (value === undefined) throw notFound(`There is no result under ${key}`);
    return value;
  }

  async putResult(auth: AttemptAuth, value: Json): Promise<StoredResult> {
    await this.#admit(auth);
    return this.#results.put(auth.attemptId, auth.epoch, value);
  }

  async putLargeResult(auth: AttemptAuth, result: LargeResult): Promise<StoredResult> {
    await this.#admit(auth);
    return this.#results.putLarge(auth.attemptId, auth.epoch, result);
  }

  async *getLargeResult(auth: AttemptAuth, key: string): AsyncGenerator<Uint8Array> {
    yield* (await this.largeResult(auth, key)).body;
  }

  async largeResult(auth: AttemptAuth, key: string): Promise<StoredObject> {
    await this.#admitTo(auth, key);
    return this.#results.open(key);
  }

  async connection(auth: AttemptAuth, id: string): Promise<{ readonly [field: string]: Json } | null> {
    await this.#admit(auth);
    return readable(this.#secrets.connection(id));
  }

  async variable(auth: AttemptAuth, key: string): Promise<string | null> {
    await this.#admit(auth);
    return readable(this.#secrets.variable(key));
  }

  async xcom(auth: AttemptAuth, { taskId, key, mapIndexes }: XComQuestion): Promise<XComAnswer> {
    const { dagId, runId } = await this.#admit(auth);
    const events = (await this.#store.read(runStream(dagId, runId))).map((stored) => toFact<RunEvent>(stored));
    const { isMapped, results } = resultsOfTask(events, taskId, key);
    const one = typeof mapIndexes === 'number' ? mapIndexes : mapIndexes === undefined && !isMapped ? -1 : undefined;
    const indexes = one !== undefined ? [one] : ((mapIndexes as readonly number[] | undefined) ?? [...results.keys()].sort((a, b) => a - b));
    const wanted = indexes.flatMap((mapIndex) => results.get(mapIndex) ?? []).filter((result) => result.kind === 'inline' || isResultKeyOfRun(result.key, dagId, runId));
    const large: LargePart[] = wanted.flatMap((result, at) => (result.kind === 'stored' && largeResultHash(result.key) !== undefined ? [{ key: result.key, ...(one === undefined ? { at } : {}) }] : []));
    const values = await Promise.all(wanted.map(async (result) => (result.kind === 'inline' ? result.value : largeResultHash(result.key) !== undefined ? null : ((await this.#results.value({ dagId, runId }, result.key)) ?? null))));
    const [value] = values;
    if (one !== undefined && value === undefined) return { found: false };
    return { found: true, value: one === undefined ? values : (value as Json), ...(large.length === 0 ? {} : { large }) };
  }

  async previousSuccess(auth: AttemptAuth): Promise<PreviousRun | null> {
    const { dagId, runId } = await this.#admit(auth);
    const row = await successBefore(this.#db, dagId, runId);
    if (row === null) return null;
    const { intervalStartMs, intervalEndMs, startedAtMs, endedAtMs } = row;
    return { dataInterval: intervalStartMs === null || intervalEndMs === null ? null : { startMs: intervalStartMs, endMs: intervalEndMs }, startedAtMs, endedAtMs };
  }

  /** What happened before the run's newest event is among them: the updates that it was made for, above all. */
  async assetEvents(auth: AttemptAuth, { of, limit }: AssetEventQuery): Promise<readonly QueuedUpdate[]> {
    const { dagId, runId } = await this.#admit(auth);
    const newest = (await this.#store.read(runStream(dagId, runId))).at(-1)?.position;
    if (newest !== undefined && !(await this.#feed.reached(newest, READ_WITHIN_MS))) throw new ApiError(503, 'The read models are late: asset events of this run are not among them yet. Ask again.');
    const { rows } = await listAssetEvents(this.#db, of, [{ field: 'id', descending: true }], { limit, offset: 0 });
    return [...rows].reverse().map(({ eventKey, uri, extra, atMs, partitionKey, sourceDagId, sourceRunId, sourceTaskId, sourceMapIndex }) => ({
      uri, extra, atMs, position: String(eventKey),
      ...(partitionKey === null ? {} : { partitionKey }),
      ...(sourceDagId === null || sourceRunId === null || sourceTaskId === null ? {} : { source: { dagId: sourceDagId, runId: sourceRunId, taskId: sourceTaskId, mapIndex: sourceMapIndex } }),
    }));
  }

  async putRenderedFields(auth: AttemptAuth, fields: { readonly [field: string]: Json }): Promise<void> {
    await this.#admit(auth);
    const content = new TextEncoder().encode(JSON.stringify(fields));
    if (content.byteLength > MAX_RENDERED_BYTES) throw new ApiError(413, `The rendered fields are ${content.byteLength} bytes, but at most ${MAX_RENDERED_BYTES} are kept`);
    await this.#store.putContent('rendered', auth.attemptId, content);
  }

  async requestRun(auth: AttemptAuth, request: RunRequest): Promise<RunRequested> {
    return this.#otherRuns.request(await this.#admit(auth), request);
  }

  async findRun(auth: AttemptAuth, query: OtherRunQuery): Promise<OtherRun | null> {
    await this.#admit(auth);
    return this.#otherRuns.find(query);
  }

  async state(auth: AttemptAuth, question: StateQuestion): Promise<StateAnswer> {
    return this.#states.answer(auth, await this.#admit(auth), question);
  }

  /** What a bundle names never changes, so each is read once. */
  #filesOf(bundleHash: string): Promise<string | null> {
    let asked = this.#filesOfBundle.get(bundleHash);
    if (asked === undefined) {
      asked = this.bundle(bundleHash).then((bundle) => bundle?.filesHash ?? null);
      asked.catch(() => this.#filesOfBundle.delete(bundleHash));
      this.#filesOfBundle.set(bundleHash, asked);
    }
    return asked;
  }

  async #admitTo(auth: AttemptAuth, key: string): Promise<AttemptKey> {
    const attempt = await this.#admit(auth);
    if (!isResultKeyOfRun(key, attempt.dagId, attempt.runId)) throw forbidden('An attempt may read results of its own run only');
    return attempt;
  }

  async #admit(auth: AttemptAuth): Promise<AttemptKey> {
    if (!verifyAttemptToken(this.#tokenSecret, auth.attemptId, auth.epoch, auth.token)) throw unauthorized('The token is not of this attempt and epoch');
    const rows = await selectRows(this.#db, 'SELECT 1 FROM attempt_leases WHERE attempt_id = $1 AND epoch = $2', [auth.attemptId, auth.epoch]);
    if (rows.length === 0) throw forbidden('The attempt does not hold its lease any more');
    return parseAttemptId(auth.attemptId);
  }
}

/** Told to the task that asked, and to nobody as if there were none. */
async function readable<T>(found: Promise<T>): Promise<T> {
  try {
    return await found;
  } catch (error) {
    if (error instanceof SecretSourceError || error instanceof KeyRingError) throw new ApiError(422, error.message);
    throw error;
  }
}
