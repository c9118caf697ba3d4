import { setTimeout as delay } from 'node:timers/promises';
import type { AttemptKey, LogEraser, LogReader, LogReadRequest, LogSlice } from '@dagbook/contracts';
import { readerToken } from './reader-token.ts';

/** log-server does not answer, or not as it should. */
export class LogServerFault extends Error {
  readonly code = 'log.server_unavailable';
  readonly retryable = true;
}

const READ_TIMEOUT_MS = 10_000;

/** `LogReader` and `LogEraser` over log-server's HTTP. `follow` survives a log-server that restarts: it goes on from where it stood. */
export class HttpLogReader implements LogReader, LogEraser {
  readonly #url: string;
  readonly #headers: Readonly<Record<string, string>>;

  constructor(options: { readonly url: string; readonly secret: string }) {
    this.#url = options.url.replace(/\/$/, '');
    this.#headers = { authorization: `Bearer ${readerToken(options.secret)}` };
  }

  async read(request: LogReadRequest): Promise<LogSlice | null> {
    const { attempt, ...range } = request;
    const query = new URLSearchParams(Object.entries(range).map(([name, value]): [string, string] => [name, String(value)]));
    const response = await this.#fetch(`${pathOf(attempt)}?${query.toString()}`, AbortSignal.timeout(READ_TIMEOUT_MS));
    if (response.status === 404) {
      await response.body?.cancel();
      return null;
    }
    return (await response.json()) as LogSlice;
  }

  async *follow(request: { readonly attempt: AttemptKey; readonly fromByte: number }, signal: AbortSignal): AsyncIterable<LogSlice> {
    let fromByte = request.fromByte;
    for (let pauseMs = 50; !signal.aborted; pauseMs = Math.min(pauseMs * 2, 2_000)) {
      try {
        for await (const slice of this.#stream(`${pathOf(request.attempt)}/follow?fromByte=${fromByte}`, signal)) {
          pauseMs = 50;
          fromByte = slice.nextByte;
          yield slice;
          if (slice.ended) return;
        }
      } catch (error) {
        if (signal.aborted) return;
        if (!(error instanceof LogServerFault)) throw error;
      }
      await delay(pauseMs, undefined, { signal }).catch(() => undefined);
    }
  }

  async eraseRun({ dagId, runId }: { readonly dagId: string; readonly runId: string }): Promise<void> {
    const response = await this.#fetch(`${encodeURIComponent(dagId)}/${encodeURIComponent(runId)}`, AbortSignal.timeout(READ_TIMEOUT_MS), 'DELETE');
    await response.body?.cancel();
  }

  /** Slices as lines of JSON; blank lines only show that the connection lives. */
  async *#stream(path: string, signal: AbortSignal): AsyncIterable<LogSlice> {
    const response = await this.#fetch(path, signal);
    const decoder = new TextDecoder();
    let rest = '';
    try {
      for await (const chunk of response.body ?? []) {
        const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n');
        rest = lines.pop() ?? '';
        for (const line of lines) if (line !== '') yield JSON.parse(line) as LogSlice;
      }
    } catch (cause) {
      throw new LogServerFault('the connection to log-server broke', { cause });
    }
  }

  async #fetch(path: string, signal: AbortSignal, method = 'GET'): Promise<Response> {
    let response: Response;
    try {
      response = await fetch(`${this.#url}/logs/${path}`, { method, headers: this.#headers, signal });
    } catch (cause) {
      throw new LogServerFault(`log-server at ${this.#url} does not answer`, { cause });
    }
    if (response.ok || response.status === 404) return response;
    await response.body?.cancel();
    if (response.status >= 500) throw new LogServerFault(`log-server at ${this.#url} answered ${response.status}`);
    throw new Error(`log-server at ${this.#url} refused with ${response.status}: is the secret the same there and here?`);
  }
}

const pathOf = ({ dagId, runId, taskId, mapIndex, tryNumber }: AttemptKey): string =>
  [dagId, runId, taskId, mapIndex, tryNumber].map(encodeURIComponent).join('/');
