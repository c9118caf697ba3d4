import { parseAttemptId, type AttemptAuth, type ExecutionApi } from '@dagbook/contracts';
import type { Json } from '@dagbook/domain';

const MOST_RESULTS = 64;

/**
 * The execution API, remembering large results: a thousand instances mapped over one list read it once, not a thousand
 * times. A result never changes under its key. An attempt is given what its own run has, as the gateway rules too.
 */
export function rememberingResults(api: ExecutionApi): ExecutionApi {
  const known = new Map<string, Promise<Json>>();
  const fetched = (auth: AttemptAuth, key: string): Promise<Json> => {
    const result = api.getResult(auth, key);
    known.set(key, result);
    result.catch(() => known.delete(key));
    if (known.size > MOST_RESULTS) known.delete(known.keys().next().value as string);
    return result;
  };
  return {
    bundle: (bundleHash) => api.bundle(bundleHash),
    bundleFiles: (filesHash) => api.bundleFiles(filesHash),
    filesInUse: () => api.filesInUse(),
    connectionTest: (ask) => api.connectionTest(ask),
    putResult: (auth, value) => api.putResult(auth, value),
    putLargeResult: (auth, result) => api.putLargeResult(auth, result),
    getLargeResult: (auth, key) => api.getLargeResult(auth, key),
    connection: (auth, id) => api.connection(auth, id),
    variable: (auth, key) => api.variable(auth, key),
    xcom: (auth, question) => api.xcom(auth, question),
    previousSuccess: (auth) => api.previousSuccess(auth),
    assetEvents: (auth, query) => api.assetEvents(auth, query),
    putRenderedFields: (auth, fields) => api.putRenderedFields(auth, fields),
    requestRun: (auth, request) => api.requestRun(auth, request),
    findRun: (auth, query) => api.findRun(auth, query),
    state: (auth, question) => api.state(auth, question),
    getResult: (auth, key) => {
      const { dagId, runId } = parseAttemptId(auth.attemptId);
      const isOwn = key.startsWith(`${dagId}/${runId}/`) || key.startsWith(`results/${dagId}/${runId}/`);
      return (isOwn ? known.get(key) : undefined) ?? fetched(auth, key);
    },
  };
}
