import { pathToFileURL } from 'node:url';
import { installSdkResolver } from '@dagbook/bundles';
import type { Dag, Json, NoParams, TaskRef, TestResult } from '@dagbook/sdk';
import type { TestAnswer, TestRequest } from './test-protocol.ts';

/** The process in which `dags test` evaluates author code and runs the DAG: one request, one answer, then its parent ends it. */
process.once('message', (request: TestRequest) => {
  run(request).then(answer, (error: unknown) => answer({ kind: 'failed', message: error instanceof Error ? error.message : String(error) }));
});

function answer(message: TestAnswer): void {
  process.send?.(message);
}

async function run(request: TestRequest): Promise<TestAnswer> {
  installSdkResolver(request.sdkPath);
  // By path, so that it stays the one copy that the bundle imports, though this file is itself bundled.
  const sdk = (await import(pathToFileURL(request.sdkPath).href)) as typeof import('@dagbook/sdk');
  const module = (await import(pathToFileURL(request.bundlePath).href)) as { readonly [name: string]: unknown };
  const dag = Object.values(module).find((exported) => sdk.runnableOf(exported)?.definition().dagId === request.dagId) as Dag<NoParams> | undefined;
  const definition = sdk.runnableOf(dag)?.definition();
  if (dag === undefined || definition === undefined) return { kind: 'failed', message: `${request.dagId} is not exported by its file any more.` };
  // The SDK knows a task by its id; the reference itself lives in the author's file.
  const refOf = (taskId: string): TaskRef<unknown> => ({ id: taskId }) as TaskRef<unknown>;
  const result = await dag.test({
    params: request.params,
    folder: request.folder,
    mock: request.mocks.map(({ taskId, value }) => sdk.mock(refOf(taskId), value as Json)),
    ...(request.logicalDate === undefined ? {} : { logicalDate: request.logicalDate }),
  });
  return { kind: 'ended', dag_id: request.dagId, state: result.state, tasks: definition.tasks.map(({ taskId }) => ({ task_id: taskId, state: stateOf(result, refOf(taskId)) })) };
}

/** null: no instance of it came to an end, as of a mapped task over an empty list. */
function stateOf(result: TestResult, ref: TaskRef<unknown>): string | null {
  try {
    return result.stateOf(ref);
  } catch {
    return null;
  }
}
