import { pathToFileURL } from 'node:url';
import { installSdkResolver } from '@dagbook/bundles';
import { operators } from '@dagbook/operators';
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
  sdk.provideOperators(operators);
  const module = (await import(pathToFileURL(request.bundlePath).href)) as { readonly [name: string]: unknown };
  // A file may export a list of DAGs.
  const dag = Object.values(module).flat().find((exported) => sdk.runnableOf(exported)?.definition().dagId === request.dagId) as Dag<NoParams> | undefined;
  const definition = sdk.runnableOf(dag)?.definition();
  if (dag === undefined || definition === undefined) return { kind: 'failed', message: `${request.dagId} is not exported by its file any more.` };
  // The SDK knows a task by its id; the reference itself lives in the author's file.
  const refOf = (taskId: string): TaskRef<unknown> => ({ id: taskId }) as TaskRef<unknown>;
  const { params, bundle, logicalDate, connections, variables, render, mocks } = request;
  const options = {
    params,
    ...(bundle === undefined ? {} : { folder: bundle }),
    ...(logicalDate === undefined ? {} : { logicalDate }),
    ...(connections === undefined ? {} : { connections }),
    ...(variables === undefined ? {} : { variables }),
  };
  if (render !== undefined) return { kind: 'rendered', fields: (await sdk.runnableOf(dag)?.render(render.taskId, render.mapIndex, options)) ?? {} };
  const result = await dag.test({ ...options, mock: mocks.map(({ taskId, value }) => sdk.mock(refOf(taskId), value as Json)) });
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
