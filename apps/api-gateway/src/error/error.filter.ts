import { Catch, HttpException, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import { errorAttributes, uuidv7, type Log } from '@dagbook/platform';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { ApiError } from './api-error.ts';

/** Every failure leaves in Airflow's shape. A part that is away is 503 with a sentence; only a bug is 500, and it is logged. */
@Catch()
export class ErrorFilter implements ExceptionFilter {
  readonly #log: Log;
  constructor(log: Log) {
    this.#log = log;
  }

  catch(error: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    const reply = http.getResponse<FastifyReply>();
    const request = http.getRequest<FastifyRequest>();
    const answer = answerOf(error);
    if (answer.status === 500) {
      const reference = uuidv7();
      this.#log.error('request failed', { reference, method: request.method, url: request.url, ...errorAttributes(error) });
      answer.detail = `Something here is wrong, not your request. The log of api-gateway tells more under ${reference}.`;
    }
    if (reply.sent || reply.raw.headersSent) return;
    void reply.status(answer.status).headers(answer.headers).send({ detail: answer.detail });
  }
}

interface Answer {
  readonly status: number;
  detail: unknown;
  readonly headers: Readonly<Record<string, string>>;
}

function answerOf(error: unknown): Answer {
  if (error instanceof HttpException) {
    const body = error.getResponse();
    const detail = typeof body === 'object' && 'detail' in body ? body.detail : error.message;
    return { status: error.getStatus(), detail, headers: error instanceof ApiError ? error.headers : {} };
  }
  const { code, retryable, statusCode } = (error ?? {}) as { code?: unknown; retryable?: unknown; statusCode?: unknown };
  const word = typeof code === 'string' ? code : '';
  if (retryable === true && /^(store|bus|log|object_store)\./.test(word)) {
    return { status: 503, detail: `${PART_AWAY[word.split('.')[0] as keyof typeof PART_AWAY]} Try again in a moment (${word}).`, headers: { 'retry-after': '1' } };
  }
  if (typeof statusCode === 'number' && statusCode >= 400 && statusCode < 500) {
    return { status: statusCode, detail: error instanceof Error ? error.message : 'The request cannot be read', headers: {} };
  }
  return { status: 500, detail: '', headers: {} };
}

const PART_AWAY = {
  store: 'The database does not answer.',
  bus: 'The message bus does not answer.',
  log: 'The log server does not answer.',
  object_store: 'The place where large results are kept does not answer.',
};
