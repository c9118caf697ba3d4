import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { AttemptKey, LogReadRequest, LogSlice } from '@dagbook/contracts';
import { type DiskLogStore, InvalidAttemptKey, mayRead } from '@dagbook/logs';
import {
  BadRequestException, type CanActivate, Controller, Delete, type ExecutionContext, HttpCode, Get, Inject, Injectable, NotFoundException, Param, Query, Res,
  UnauthorizedException, UseGuards,
} from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { LOG_STORE, READER_SECRET } from './token.ts';

const PATH = ':dag_id/:run_id/:task_id/:map_index/:try_number';
const MAX_BYTES = 8 * 1024 * 1024;
const DEFAULT_BYTES = 1024 * 1024;
/** Below what proxies and clients give an idle connection. */
const SIGN_OF_LIFE_MS = 15_000;

type Strings = Readonly<Record<string, string | undefined>>;

@Injectable()
export class ReaderGuard implements CanActivate {
  readonly #secret: string;
  constructor(@Inject(READER_SECRET) secret: string) {
    this.#secret = secret;
  }

  canActivate(context: ExecutionContext): boolean {
    const { headers } = context.switchToHttp().getRequest<FastifyRequest>();
    if (!mayRead(this.#secret, headers.authorization)) throw new UnauthorizedException({ code: 'log.unauthorized', message: 'Authorization must be Bearer and the token of a log reader' });
    return true;
  }
}

/** Contracts' `LogReader` over HTTP, for other services of the cluster; people read logs through the gateway. */
@Controller('logs')
@UseGuards(ReaderGuard)
export class LogController {
  readonly #store: DiskLogStore;
  constructor(@Inject(LOG_STORE) store: DiskLogStore) {
    this.#store = store;
  }

  @Get(PATH)
  async read(@Param() params: Strings, @Query() query: Strings): Promise<LogSlice> {
    const fromByte = optionalInteger('fromByte', query['fromByte']);
    const tailBytes = optionalInteger('tailBytes', query['tailBytes']);
    const request: LogReadRequest = {
      attempt: attemptOf(params),
      maxBytes: Math.min(MAX_BYTES, Math.max(1, optionalInteger('maxBytes', query['maxBytes']) ?? DEFAULT_BYTES)),
      ...(fromByte === undefined ? {} : { fromByte }),
      ...(tailBytes === undefined ? {} : { tailBytes }),
    };
    const slice = await this.#store.read(request).catch(refuseInvalid);
    if (slice === null) throw new NotFoundException({ code: 'log.not_found', message: 'There is no log of this try (yet)' });
    return slice;
  }

  @Delete(':dag_id/:run_id')
  @HttpCode(204)
  async erase(@Param() params: Strings): Promise<void> {
    await this.#store.eraseRun({ dagId: params['dag_id'] ?? '', runId: params['run_id'] ?? '' }).catch(refuseInvalid);
  }

  /** Slices as lines of JSON until the log has ended; a blank line now and then shows that the connection lives. */
  @Get(`${PATH}/follow`)
  async follow(@Param() params: Strings, @Query() query: Strings, @Res() reply: FastifyReply): Promise<void> {
    const attempt = attemptOf(params);
    const fromByte = optionalInteger('fromByte', query['fromByte']) ?? 0;
    // Refuses what is no attempt while there is still a status to say it with.
    await this.#store.read({ attempt, fromByte, maxBytes: 1 }).catch(refuseInvalid);
    const abort = new AbortController();
    const body = Readable.from(ndjson(this.#store.follow({ attempt, fromByte }, abort.signal)), { objectMode: false, highWaterMark: 1 });
    reply.raw.once('close', () => abort.abort());
    // The headers go at once: a client must not wait for the first line to know that it is heard.
    reply.hijack();
    reply.raw.writeHead(200, { 'content-type': 'application/x-ndjson', 'cache-control': 'no-store' });
    reply.raw.flushHeaders();
    const signs = setInterval(() => reply.raw.writableEnded || reply.raw.write('\n'), SIGN_OF_LIFE_MS);
    // A disk that fails, or a client that leaves, ends the answer; the client sees it cut short and comes again.
    await pipeline(body, reply.raw).catch(() => undefined);
    clearInterval(signs);
  }
}

async function* ndjson(slices: AsyncIterable<LogSlice>): AsyncIterable<string> {
  for await (const slice of slices) yield `${JSON.stringify(slice)}\n`;
}

const attemptOf = (params: Strings): AttemptKey => ({
  dagId: params['dag_id'] ?? '',
  runId: params['run_id'] ?? '',
  taskId: params['task_id'] ?? '',
  mapIndex: integer('map index', params['map_index'] ?? ''),
  tryNumber: integer('try number', params['try_number'] ?? ''),
});

const optionalInteger = (field: string, value: string | undefined): number | undefined => {
  const number = value === undefined ? undefined : integer(field, value);
  if (number !== undefined && number < 0) throw invalid(`${field} is ${number}; it must not be negative`);
  return number;
};

function integer(field: string, value: string): number {
  const number = Number(value);
  if (value === '' || !Number.isSafeInteger(number)) throw invalid(`${field} is ${JSON.stringify(value)}; it must be a whole number`);
  return number;
}

const invalid = (message: string): BadRequestException => new BadRequestException({ code: 'log.invalid_request', message });

function refuseInvalid(error: unknown): never {
  if (error instanceof InvalidAttemptKey) throw new BadRequestException({ code: error.code, message: error.message });
  throw error;
}
