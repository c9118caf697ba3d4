import { type AttemptAuth, type AttemptKey, CALLBACK_TASK, type StateAnswer, type StateQuestion, WATCHERS } from '@dagbook/contracts';
import { assetUriRule, type Problem, problemText, type StateStorePolicy, type StateWriter, stateKeyProblem, stateLifetimeMs, stateRetentionProblem, stateSizeVerdict, stateValueText } from '@dagbook/domain';
import type { StateStore } from '@dagbook/event-store';
import { isUpdatedThrough, type Queryable } from '@dagbook/read-models';
import { ApiError, badRequest, forbidden } from '../error/api-error.ts';

/** The state stores as an execution of an attempt sees them: its own task's, and those of assets. Its writes are refused once it has lost its lease. */
export class AttemptStates {
  readonly #states: StateStore;
  readonly #db: Queryable;
  readonly #policy: StateStorePolicy;

  constructor({ states, db, policy }: { readonly states: StateStore; readonly db: Queryable; readonly policy: StateStorePolicy }) {
    this.#states = states;
    this.#db = db;
    this.#policy = policy;
  }

  async answer(holder: Pick<AttemptAuth, 'attemptId' | 'epoch'>, attempt: AttemptKey, question: StateQuestion): Promise<StateAnswer> {
    const wrong = problemOf(question);
    if (wrong !== undefined) throw badRequest(problemText(wrong));
    return question.of.kind === 'task' ? this.#ofTask(holder, attempt, question) : this.#ofAsset(holder, attempt, question.of, question);
  }

  async #ofTask(holder: Pick<AttemptAuth, 'attemptId' | 'epoch'>, attempt: AttemptKey, question: StateQuestion): Promise<StateAnswer> {
    if (attempt.dagId === WATCHERS || attempt.taskId === CALLBACK_TASK) throw forbidden('Only the tries of a task have its state');
    switch (question.op) {
      case 'get':
        return found(await this.#states.taskEntry(attempt, question.key));
      case 'set': {
        const { text, warning } = this.#textOf(question.value);
        const { retentionMs } = question;
        const lifetimeMs = stateLifetimeMs(retentionMs === null ? 'never' : (retentionMs ?? 'default'), this.#policy);
        requireHeld(await this.#states.setTask(attempt, { key: question.key, text, lifetimeMs, clearsWithTry: attempt.tryNumber }, holder));
        return warning;
      }
      case 'delete':
      case 'clear':
        requireHeld(await this.#states.deleteTask(attempt, question.op === 'delete' ? question.key : null, holder));
        return {};
    }
  }

  async #ofAsset(holder: Pick<AttemptAuth, 'attemptId' | 'epoch'>, attempt: AttemptKey, { uri, aliases }: { readonly uri: string; readonly aliases?: readonly string[] }, question: StateQuestion): Promise<StateAnswer> {
    if (assetUriRule(uri) !== undefined) throw badRequest('The URI names no asset');
    if (aliases !== undefined && !(await isUpdatedThrough(this.#db, uri, aliases))) {
      throw forbidden(`'${uri}' is neither an inlet nor an outlet of the task, and was not updated through an alias that is (${aliases.join(', ')}): add the asset to inlets`);
    }
    switch (question.op) {
      case 'get':
        return found(await this.#states.assetEntry(uri, question.key));
      case 'set': {
        const { text, warning } = this.#textOf(question.value);
        requireHeld(await this.#states.setAsset(uri, { key: question.key, text, writtenBy: writerOf(attempt) }, holder));
        return warning;
      }
      case 'delete':
      case 'clear':
        requireHeld(await this.#states.deleteAsset(uri, question.op === 'delete' ? question.key : null, holder));
        return {};
    }
  }

  #textOf(value: unknown): { readonly text: string; readonly warning: StateAnswer } {
    const text = stateValueText(value);
    if (typeof text !== 'string') throw badRequest(problemText(text));
    const { kind, message } = stateSizeVerdict(Buffer.byteLength(text), 'task', this.#policy);
    if (kind === 'refused') throw new ApiError(413, message ?? '');
    return { text, warning: message === undefined ? {} : { warning: message } };
  }
}

/** Workers of other versions ask too: what is not there is refused, never taken for something else. */
function problemOf(question: StateQuestion): Problem | undefined {
  if (question.op === 'clear') return undefined;
  const { retentionMs } = question.op === 'set' ? question : {};
  return stateKeyProblem(question.key) ?? (retentionMs === undefined || retentionMs === null ? undefined : stateRetentionProblem(retentionMs));
}

const found = (entry: { readonly value: StateAnswer['value'] } | null): StateAnswer => (entry?.value === undefined ? {} : { value: entry.value });

const writerOf = ({ dagId, runId, taskId, mapIndex }: AttemptKey): StateWriter => (dagId === WATCHERS ? { kind: 'watcher' } : { kind: 'task', dagId, runId, taskId, mapIndex });

function requireHeld(isHeld: boolean): void {
  if (!isHeld) throw forbidden('The attempt does not hold its lease any more');
}
