import type { Failure, Json } from '@dagbook/domain';
import type { StandardSchemaV1 } from '@standard-schema/spec';
import { TaskFailure, thrownOutcome } from './error.ts';
import type { DagModel } from './model.ts';
import type { OperatorContext, TaskRunOutcome, TaskRunRequest } from './runnable.ts';
import { recorded } from './trigger.ts';

/** By the operators that the process around the code has. Throws when it has none of the kind. */
export function runOperator(kind: string, fields: { readonly [name: string]: unknown }, context: OperatorContext): Promise<unknown> {
  const { operators } = context.io;
  const executor = Object.hasOwn(operators, kind) ? operators[kind] : undefined;
  if (executor === undefined) {
    throw new TaskFailure('not_supported', `${kind} tasks cannot run yet: the operator is typed now and comes with a later release of Dagbook`, { retry: false });
  }
  return executor(fields, context);
}

/** Types of params are those after the schema has converted them, so each try validates them again. */
export async function validParams(dag: DagModel, request: TaskRunRequest): Promise<unknown> {
  const { params } = request.work.run;
  if (dag.spec.params === undefined) return params;
  const answer = await dag.spec.params['~standard'].validate(params);
  if (answer.issues === undefined) return answer.value;
  throw new TaskFailure('bad_input', `the params of this run do not fit the DAG's schema: ${issuesText(answer.issues)}`, { retry: false });
}

export const issuesText = (issues: readonly StandardSchemaV1.Issue[]): string =>
  issues.map(({ path, message }) => `${path === undefined || path.length === 0 ? 'value' : path.map((part) => String(typeof part === 'object' ? part.key : part)).join('.')}: ${message}`).join('; ');

const MESSAGE_CHARACTERS = 1000;
const DETAIL_BYTES = 4096;

/** What became of an execution that threw. */
export function outcomeOfThrown(error: unknown, nowMs: number): TaskRunOutcome {
  const thrown = thrownOutcome(error);
  switch (thrown.kind) {
    case 'skip':
      return { kind: 'skipped' };
    case 'defer': {
      const { trigger, timeoutMs } = thrown.deferral;
      return { kind: 'deferred', trigger: recorded(trigger, nowMs) as unknown as Json, ...(timeoutMs === undefined ? {} : { timeoutAtMs: nowMs + timeoutMs }) };
    }
    case 'fail':
      return { kind: 'failed', failure: failureOf('no_retry', thrown.error), retry: { action: 'fail' } };
    case 'failure': {
      const { code, detail, retry } = thrown.error;
      return { kind: 'failed', failure: failureOf(code, thrown.error, detail), ...(retry ? {} : { retry: { action: 'fail' } }) };
    }
    case 'awaitInput': {
      const { request, timeoutAtMs } = thrown.error;
      return { kind: 'awaiting_input', request: request as unknown as Json, ...(timeoutAtMs === undefined ? {} : { timeoutAtMs }) };
    }
    case 'error':
      return { kind: 'failed', failure: failureOf('error', error) };
  }
}

function failureOf(code: Failure['code'], error: unknown, detail?: string): Failure {
  if (!(error instanceof Error)) {
    const said = String(error);
    return { code, message: error === undefined || error === null ? `the task threw ${said}, which tells nothing: throw new Error('what is wrong')` : said.slice(0, MESSAGE_CHARACTERS) };
  }
  // A TaskFailure's sentence is for people as it stands.
  const named = code === 'error' && error.name !== 'Error' && error.name !== 'TaskFailure' ? `${error.name}: ${error.message}` : error.message;
  const shown = detail ?? (code === 'error' || code === 'no_retry' ? error.stack : undefined);
  return {
    code, message: (named === '' ? error.name : named).slice(0, MESSAGE_CHARACTERS),
    ...(shown === undefined ? {} : { detail: Buffer.from(shown).subarray(0, DETAIL_BYTES).toString() }),
  };
}
