import type { AssetEventQuery, AttemptAuth, ConnectionTestAnswer, ConnectionTestAsk, ExecutionApi, LargeResult, OtherRun, OtherRunQuery, PackedBundle, PackedFiles, PreviousRun, RunRequest, RunRequested, StateAnswer, StateQuestion, XComAnswer, XComQuestion } from '@dagbook/contracts';
import type { Json, QueuedUpdate } from '@dagbook/domain';

/** The gateway did not answer, or not as it should. */
export class ExecutionApiFault extends Error {
  readonly code: 'execution.unavailable' | 'execution.refused';
  readonly retryable: boolean;
  readonly status: number | undefined;
  constructor(message: string, options: { status?: number; cause?: unknown }) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'ExecutionApiFault';
    this.status = options.status;
    this.retryable = options.status === undefined || options.status >= 500 || options.status === 429;
    this.code = this.retryable ? 'execution.unavailable' : 'execution.refused';
  }
}

const TIMEOUT_MS = 30_000;
/** 50 MB over a line of 2 Mbit/s. */
const LARGE_TIMEOUT_MS = 240_000;

/** The execution API over HTTP: code with the worker's secret, all else with the attempt's token. */
export class HttpExecutionApi implements ExecutionApi {
  readonly #baseUrl: string;
  readonly #workerSecret: string;

  constructor(options: { readonly baseUrl: string; readonly workerSecret: string }) {
    this.#baseUrl = options.baseUrl.replace(/\/+$/, '');
    this.#workerSecret = options.workerSecret;
  }

  async bundle(bundleHash: string): Promise<PackedBundle | null> {
    const headers = { authorization: `Bearer ${this.#workerSecret}` };
    return (await this.#ask('GET', `/execution/bundles/${encodeURIComponent(bundleHash)}`, headers)) as PackedBundle | null;
  }

  async bundleFiles(filesHash: string): Promise<PackedFiles | null> {
    const headers = { authorization: `Bearer ${this.#workerSecret}` };
    return (await this.#ask('GET', `/execution/bundle-files/${encodeURIComponent(filesHash)}`, headers)) as PackedFiles | null;
  }

  async filesInUse(): Promise<readonly string[]> {
    const found = await this.#ask('GET', '/execution/files-in-use', { authorization: `Bearer ${this.#workerSecret}` });
    // A gateway of an older release does not know the question.
    return found === null ? [] : (found as { readonly hashes: readonly string[] }).hashes;
  }

  async connectionTest(ask: ConnectionTestAsk): Promise<ConnectionTestAnswer> {
    const found = await this.#ask('POST', '/execution/connection-tests', { authorization: `Bearer ${this.#workerSecret}` }, ask as unknown as Json);
    return (found as ConnectionTestAnswer | null) ?? { enabled: false };
  }

  async getResult(auth: AttemptAuth, key: string): Promise<Json> {
    const found = await this.#ask('GET', `/execution/results/${encodeURIComponent(key)}`, attemptHeaders(auth));
    if (found === null) throw new ExecutionApiFault(`the result ${key} is not kept any more`, { status: 404 });
    return (found as { readonly value: Json }).value;
  }

  async putResult(auth: AttemptAuth, value: Json): Promise<{ readonly key: string; readonly bytes: number }> {
    return (await this.#ask('POST', '/execution/results', attemptHeaders(auth), { value })) as { key: string; bytes: number };
  }

  async putLargeResult(auth: AttemptAuth, { bytes, sha256, open }: LargeResult): Promise<{ readonly key: string; readonly bytes: number }> {
    const path = '/execution/results';
    const headers = { ...attemptHeaders(auth), 'content-type': 'application/x-dagbook-result', 'dagbook-bytes': String(bytes), 'dagbook-sha256': sha256 };
    const response = await this.#request('PUT', path, { headers, body: ReadableStream.from(open()), duplex: 'half' }, LARGE_TIMEOUT_MS);
    return (await response.json()) as { key: string; bytes: number };
  }

  async *getLargeResult(auth: AttemptAuth, key: string): AsyncGenerator<Uint8Array> {
    const response = await this.#request('GET', `/execution/result-objects/${encodeURIComponent(key)}`, { headers: attemptHeaders(auth) }, LARGE_TIMEOUT_MS);
    if (response.status === 404) throw new ExecutionApiFault(`the result ${key} is not kept any more`, { status: 404 });
    try {
      yield* response.body ?? [];
    } catch (cause) {
      throw new ExecutionApiFault('the connection to the gateway broke', { cause });
    }
  }

  async connection(auth: AttemptAuth, id: string): Promise<{ readonly [field: string]: Json } | null> {
    return (await this.#ask('GET', `/execution/connections/${encodeURIComponent(id)}`, attemptHeaders(auth))) as { readonly [field: string]: Json } | null;
  }

  async variable(auth: AttemptAuth, key: string): Promise<string | null> {
    const found = await this.#ask('GET', `/execution/variables/${encodeURIComponent(key)}`, attemptHeaders(auth));
    return found === null ? null : (found as { readonly value: string }).value;
  }

  async xcom(auth: AttemptAuth, question: XComQuestion): Promise<XComAnswer> {
    return (await this.#ask('POST', '/execution/xcom', attemptHeaders(auth), { ...question })) as XComAnswer;
  }

  async previousSuccess(auth: AttemptAuth): Promise<PreviousRun | null> {
    return (await this.#ask('GET', '/execution/previous-success', attemptHeaders(auth))) as PreviousRun | null;
  }

  async assetEvents(auth: AttemptAuth, query: AssetEventQuery): Promise<readonly QueuedUpdate[]> {
    return ((await this.#ask('POST', '/execution/asset-events', attemptHeaders(auth), query as unknown as Json)) as { readonly events: readonly QueuedUpdate[] }).events;
  }

  async putRenderedFields(auth: AttemptAuth, fields: { readonly [field: string]: Json }): Promise<void> {
    await this.#ask('POST', '/execution/rendered-fields', attemptHeaders(auth), { fields });
  }

  async requestRun(auth: AttemptAuth, request: RunRequest): Promise<RunRequested> {
    return (await this.#ask('POST', '/execution/runs', attemptHeaders(auth), request as unknown as Json)) as RunRequested;
  }

  async findRun(auth: AttemptAuth, query: OtherRunQuery): Promise<OtherRun | null> {
    return ((await this.#ask('POST', '/execution/runs/find', attemptHeaders(auth), query as unknown as Json)) as { readonly run: OtherRun | null }).run;
  }

  async state(auth: AttemptAuth, question: StateQuestion): Promise<StateAnswer> {
    const answer = await this.#ask('POST', '/execution/state', attemptHeaders(auth), question as unknown as Json);
    if (answer === null) throw new ExecutionApiFault('the gateway knows no state store: it is older than this worker, and is to be upgraded first', { status: 404 });
    return answer as StateAnswer;
  }

  /** null: 404. */
  async #ask(method: 'GET' | 'POST', path: string, headers: Record<string, string>, body?: Json): Promise<unknown> {
    const json = body === undefined ? { headers } : { headers: { ...headers, 'content-type': 'application/json' }, body: JSON.stringify(body) };
    const response = await this.#request(method, path, json, TIMEOUT_MS);
    return response.status === 404 ? null : JSON.parse(await response.text());
  }

  /** An answer that is success or 404. */
  async #request(method: 'GET' | 'POST' | 'PUT', path: string, init: RequestInit, timeoutMs: number): Promise<Response> {
    let response: Response;
    try {
      response = await fetch(this.#baseUrl + path, { ...init, method, signal: AbortSignal.timeout(timeoutMs) });
    } catch (cause) {
      throw new ExecutionApiFault(`the gateway at ${this.#baseUrl} does not answer`, { cause });
    }
    if (response.ok) return response;
    const answer = await response.text();
    if (response.status === 404) return response;
    throw new ExecutionApiFault(`the gateway refused ${method} ${path} with ${response.status}: ${sentenceOf(answer)}`, { status: response.status });
  }
}

/** The gateway's own sentence, where it gives one. */
function sentenceOf(answer: string): string {
  try {
    const { detail } = JSON.parse(answer) as { detail?: unknown };
    if (typeof detail === 'string') return detail;
  } catch {
    // Something between us and the gateway has answered.
  }
  return answer.slice(0, 500);
}

const attemptHeaders = (auth: AttemptAuth): Record<string, string> => ({
  authorization: `Bearer ${auth.token}`,
  'dagbook-attempt': auth.attemptId,
  'dagbook-epoch': String(auth.epoch),
});
