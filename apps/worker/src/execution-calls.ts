import type { AttemptAssigned, AttemptAuth, ExecutionApi } from '@dagbook/contracts';
import type { Json } from '@dagbook/domain';
import type { LargeResults } from './large-results.ts';
import type { Call, CallAnswer } from './runner-protocol.ts';

/** For how long a gateway that is away is asked again: as long as a restart of it or of its database takes, and more. */
const PATIENCE_MS = 120_000;
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 5_000;

export interface Asking {
  readonly api: ExecutionApi;
  readonly largeResults: LargeResults;
  /** False once nobody waits for the answer any more. */
  isWanted(): boolean;
}

/**
 * Asks the execution API in the name of an attempt: the runner has no token of its own. A gateway that is away is asked again,
 * rather than that a task which did its work fails for its result. What is answered is learnt here before the runner has it, so
 * that nothing can show a secret that is not hidden yet. Never rejects.
 */
export async function answerCall(asking: Asking, assignment: AttemptAssigned, call: Call, learn: (call: Call, answer: Json) => void): Promise<CallAnswer> {
  const { attemptId, epoch, token } = assignment;
  try {
    const value = await patiently(() => ask(asking, { attemptId, epoch, token }, call), () => asking.isWanted());
    learn(call, value);
    return { id: call.id, value };
  } catch (error) {
    const code = (error as { code?: unknown }).code;
    const message = error instanceof Error ? error.message : String(error);
    return { id: call.id, error: typeof code === 'string' ? { message, code } : { message } };
  }
}

async function patiently<T>(askOnce: () => Promise<T>, isWanted: () => boolean): Promise<T> {
  for (let waitedMs = 0, pauseMs = FIRST_PAUSE_MS; ; waitedMs += pauseMs, pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)) {
    try {
      return await askOnce();
    } catch (error) {
      if ((error as { readonly retryable?: unknown }).retryable !== true || waitedMs >= PATIENCE_MS || !isWanted()) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
}

function ask({ api, largeResults }: Asking, auth: AttemptAuth, call: Call): Promise<Json> {
  switch (call.method) {
    case 'getResult':
      return api.getResult(auth, call.key);
    case 'putResult':
      return api.putResult(auth, call.value).then(({ key, bytes }) => ({ key, bytes }));
    case 'putLargeResult':
      return largeResults.put(auth, call).then(({ key, bytes }) => ({ key, bytes }));
    case 'getLargeResult':
      return largeResults.get(auth, call.key).then(({ file }) => ({ file }));
    case 'connection':
      return api.connection(auth, call.key);
    case 'variable':
      return api.variable(auth, call.key);
    case 'xcom':
      return api.xcom(auth, call.question) as unknown as Promise<Json>;
    case 'previousSuccess':
      return api.previousSuccess(auth).then((previous) => (previous === null ? null : { ...previous }));
    case 'assetEvents':
      return api.assetEvents(auth, call.query) as unknown as Promise<Json>;
    case 'putRenderedFields':
      return api.putRenderedFields(auth, call.fields).then(() => null);
    case 'requestRun':
      return api.requestRun(auth, call.request) as Promise<Json>;
    case 'findRun':
      return api.findRun(auth, call.query) as Promise<Json>;
    case 'state':
      return api.state(auth, call.question).then((answer) => ({ ...answer }));
  }
}
