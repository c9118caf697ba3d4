import { HttpException } from '@nestjs/common';

/** One thing wrong with a request, in FastAPI's shape: where it stands, the rule it breaks, and what was given. */
interface Problem {
  readonly loc: readonly (string | number)[];
  readonly msg: string;
  readonly type: string;
  readonly input?: unknown;
  readonly ctx?: object;
}

/** An answer other than success, in the shape that Airflow's clients read: `{"detail": …}`. */
export class ApiError extends HttpException {
  constructor(status: number, detail: string | object, readonly headers: Readonly<Record<string, string>> = {}) {
    super({ detail }, status);
    // A worker of the same process is told by the error itself.
    if (typeof detail === 'string') this.message = detail;
  }
}

export const badRequest = (detail: string): ApiError => new ApiError(400, detail);
export const unauthorized = (detail: string): ApiError => new ApiError(401, detail, { 'www-authenticate': 'Bearer' });
export const forbidden = (detail: string): ApiError => new ApiError(403, detail);
export const notFound = (detail: string): ApiError => new ApiError(404, detail);
export const invalid = (problems: readonly Problem[]): ApiError => new ApiError(422, problems);

export const dagNotFound = (dagId: string): ApiError => notFound(`The DAG with ID: \`${dagId}\` was not found`);
export const runNotFound = (dagId: string, runId: string): ApiError => notFound(`The DagRun with dag_id: \`${dagId}\` and run_id: \`${runId}\` was not found`);
export const taskInstanceNotFound = (dagId: string, runId: string, taskId: string, mapIndex: number): ApiError =>
  notFound(`The Task Instance with dag_id: \`${dagId}\`, run_id: \`${runId}\`, task_id: \`${taskId}\` and map_index: \`${mapIndex}\` was not found`);
