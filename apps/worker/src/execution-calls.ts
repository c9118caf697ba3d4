import type { AttemptAssigned, ExecutionApi } from '@dagbook/contracts';
import type { Json } from '@dagbook/domain';
import type { Call, CallAnswer } from './runner-protocol.ts';

/**
 * Asks the execution API in the name of an attempt: the runner has no token of its own. What is answered is learnt here
 * before the runner has it, so that nothing can show a secret that is not hidden yet. Never rejects.
 */
export async function answerCall(api: ExecutionApi, assignment: AttemptAssigned, call: Call, learn: (call: Call, answer: Json) => void): Promise<CallAnswer> {
  const { attemptId, epoch, token } = assignment;
  try {
    const value = await ask(api, { attemptId, epoch, token }, call);
    learn(call, value);
    return { id: call.id, value };
  } catch (error) {
    const code = (error as { code?: unknown }).code;
    const message = error instanceof Error ? error.message : String(error);
    return { id: call.id, error: typeof code === 'string' ? { message, code } : { message } };
  }
}

function ask(api: ExecutionApi, auth: { attemptId: string; epoch: number; token: string }, call: Call): Promise<Json> {
  switch (call.method) {
    case 'getResult':
      return api.getResult(auth, call.key);
    case 'putResult':
      return api.putResult(auth, call.value).then(({ key, bytes }) => ({ key, bytes }));
    case 'connection':
      return api.connection(auth, call.key);
    case 'variable':
      return api.variable(auth, call.key);
    case 'xcom':
      return api.xcom(auth, call.question).then((answer) => ({ ...answer }));
    case 'previousSuccess':
      return api.previousSuccess(auth).then((previous) => (previous === null ? null : { ...previous }));
    case 'putRenderedFields':
      return api.putRenderedFields(auth, call.fields).then(() => null);
    case 'requestRun':
      return api.requestRun(auth, call.request) as Promise<Json>;
    case 'findRun':
      return api.findRun(auth, call.query) as Promise<Json>;
  }
}
