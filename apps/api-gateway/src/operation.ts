import { applyDecorators } from '@nestjs/common';
import { ApiBody, ApiOperation, ApiResponse } from '@nestjs/swagger';
import { AcceptedResponse, HttpExceptionResponse, HttpValidationError } from './dto/response.ts';
import { QueryOf } from './dto/field.ts';

/** An operation in the OpenAPI document, under Airflow's operation id where Airflow has it. */
export function Operation(options: {
  readonly id: string;
  readonly summary: string;
  readonly answers: (new () => object) | null;
  readonly status?: number;
  readonly query?: new () => object;
  readonly body?: new () => object;
  /** It stores a command: 202 when the outcome is still to come, 409 when it is refused. */
  readonly isCommand?: boolean;
}): MethodDecorator {
  const { id, summary, answers, status = 200, query, body, isCommand = false } = options;
  return applyDecorators(
    ApiOperation({ operationId: id, summary }),
    ApiResponse({ status, description: 'Done', ...(answers === null ? {} : { type: answers }) }),
    ...[400, 401, 403, 404, ...(isCommand ? [409] : [])].map((code) => ApiResponse({ status: code, description: 'Refused', type: HttpExceptionResponse })),
    ApiResponse({ status: 422, description: 'The request breaks a rule', type: HttpValidationError }),
    ...(isCommand ? [ApiResponse({ status: 202, description: 'Stored; its outcome is still to come', type: AcceptedResponse })] : []),
    ...(query === undefined ? [] : [QueryOf(query)]),
    ...(body === undefined ? [] : [ApiBody({ type: body })]),
  );
}
