import { setTimeout as delay } from 'node:timers/promises';
import type { AttemptKey } from '@dagbook/contracts';
import { isAttemptDecided, isTryOver, type TaskState } from '@dagbook/domain';
import { listTries } from '@dagbook/read-models';
import type { StructuredLogMessage } from './dto/response.ts';
import { ApiError } from './error/api-error.ts';
import type { Reader } from './reader.ts';
import type { ChangeHub } from './stream/change-hub.ts';

/** What stands in a log that its worker did not write: why a try has not begun, and how one ended of which the worker could not know. Holds no state. */
export class LogEnd {
  readonly #reader: Pick<Reader, 'taskInstance' | 'explanation' | 'db'>;
  readonly #hub: Pick<ChangeHub, 'changed'>;

  constructor(reader: Pick<Reader, 'taskInstance' | 'explanation' | 'db'>, hub: Pick<ChangeHub, 'changed'>) {
    this.#reader = reader;
    this.#hub = hub;
  }

  /** Of a try that has not begun there is no log: what it waits for stands in its place. */
  async inPlace(attempt: AttemptKey): Promise<StructuredLogMessage[]> {
    const instance = await this.#instance(attempt);
    if (attempt.tryNumber < instance.tryNumber || instance.state === 'failed') return this.after(attempt, '');
    if (instance.state === 'running' || instance.state === 'success') return [];
    const { message } = await this.#reader.explanation(instance);
    return [{ timestamp: null, event: message, level: 'info', logger: 'dagbook' }];
  }

  /** Why a try failed, where its worker could not say: a result that cannot be mapped over, a worker that was lost, a mark. `text`: the last of what the worker wrote. */
  async after({ tryNumber, ...of }: AttemptKey, text: string): Promise<StructuredLogMessage[]> {
    const instance = await this.#instance(of);
    const tries = await listTries(this.#reader.db, instance);
    const { state, reason } = tries.find((one) => one.tryNumber === tryNumber) ?? instance;
    if (reason === null || (state !== 'failed' && state !== 'up_for_retry') || text.includes(JSON.stringify(reason.message).slice(1, -1))) return [];
    return [{ timestamp: null, event: reason.message, level: 'error', logger: 'dagbook' }];
  }

  /** Resolves when the try is over, as far as readers know, or the signal has aborted: nothing will be written of it any more. */
  whenOver(attempt: AttemptKey, signal: AbortSignal): Promise<void> {
    return this.#until(isTryOver, attempt, signal);
  }

  /** The same when what its worker last reported has been decided: the try may go on elsewhere, or wait. */
  whenDecided(attempt: AttemptKey, signal: AbortSignal): Promise<void> {
    return this.#until(isAttemptDecided, attempt, signal);
  }

  async #until(isSo: (state: TaskState) => boolean, attempt: AttemptKey, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const change = this.#hub.changed(attempt, signal);
      try {
        const { tryNumber, state } = await this.#instance(attempt);
        if (tryNumber > attempt.tryNumber || isSo(state)) return;
        await change;
      } catch (error) {
        if (error instanceof ApiError && error.getStatus() === 404) return;
        // What could not be read says nothing of the try.
        await delay(RETRY_MS, undefined, { signal }).catch(() => undefined);
      }
    }
  }

  #instance({ dagId, runId, taskId, mapIndex }: Omit<AttemptKey, 'tryNumber'>): ReturnType<Reader['taskInstance']> {
    return this.#reader.taskInstance(dagId, runId, taskId, mapIndex);
  }
}

const RETRY_MS = 1_000;

export const ndjson = (lines: readonly StructuredLogMessage[]): string => lines.map((line) => `${JSON.stringify(line)}\n`).join('');
