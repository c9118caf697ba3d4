import { timingSafeEqual } from 'node:crypto';
import type { Readable } from 'node:stream';
import { Body, Controller, Get, Headers, HttpCode, Inject, Param, Post, Put, StreamableFile } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { AssetEventQuery, AttemptAuth, ConnectionTestAnswer, ConnectionTestAsk, OtherRun, OtherRunQuery, PackedBundle, PackedFiles, PreviousRun, RunRequest, RunRequested, StateAnswer, StateQuestion, XComAnswer, XComQuestion } from '@dagbook/contracts';
import type { Json, QueuedUpdate } from '@dagbook/domain';
import { Public } from '../auth/auth.guard.ts';
import { invalid, notFound, unauthorized } from '../error/api-error.ts';
import { WORKER_SECRET } from '../token.ts';
import { StoredExecutionApi } from './stored-execution-api.ts';

type RequestHeaders = Readonly<Record<string, string | undefined>>;

/** What workers ask, over HTTP. Public to the guard of people: each call carries the worker's secret or an attempt's token. */
@ApiExcludeController()
@Public()
@Controller('execution')
export class ExecutionController {
  readonly #api: StoredExecutionApi;
  readonly #workerSecret: Buffer;
  constructor(@Inject(StoredExecutionApi) api: StoredExecutionApi, @Inject(WORKER_SECRET) workerSecret: string) {
    this.#api = api;
    this.#workerSecret = Buffer.from(workerSecret);
  }

  @Get('bundles/:hash')
  async bundle(@Param('hash') hash: string, @Headers() headers: RequestHeaders): Promise<PackedBundle> {
    this.#admitWorker(headers);
    const bundle = await this.#api.bundle(hash);
    if (bundle === null) throw notFound(`There is no bundle ${hash}`);
    return bundle;
  }

  @Get('bundle-files/:hash')
  async bundleFiles(@Param('hash') hash: string, @Headers() headers: RequestHeaders): Promise<PackedFiles> {
    this.#admitWorker(headers);
    const files = await this.#api.bundleFiles(hash);
    if (files === null) throw notFound(`There are no files ${hash}`);
    return files;
  }

  @Get('files-in-use')
  async filesInUse(@Headers() headers: RequestHeaders): Promise<{ readonly hashes: readonly string[] }> {
    this.#admitWorker(headers);
    return { hashes: await this.#api.filesInUse() };
  }

  @Post('connection-tests')
  @HttpCode(200)
  async connectionTest(@Body() request: Partial<ConnectionTestAsk> | undefined, @Headers() headers: RequestHeaders): Promise<ConnectionTestAnswer> {
    this.#admitWorker(headers);
    const { worker, queues, done } = request ?? {};
    if (typeof worker !== 'string' || !Array.isArray(queues)) throw invalid([{ type: 'missing', loc: ['body'], msg: 'worker and queues are required' }]);
    return this.#api.connectionTest({ worker, queues, ...(done === undefined ? {} : { done }) });
  }

  @Get('results/:key')
  async getResult(@Param('key') key: string, @Headers() headers: RequestHeaders): Promise<{ readonly value: Json }> {
    return { value: await this.#api.getResult(authOf(headers), key) };
  }

  @Post('results')
  @HttpCode(200)
  async putResult(@Body() request: { readonly value?: Json } | undefined, @Headers() headers: RequestHeaders): Promise<{ readonly key: string; readonly bytes: number }> {
    if (request?.value === undefined) throw invalid([{ type: 'missing', loc: ['body', 'value'], msg: 'Field required' }]);
    return this.#api.putResult(authOf(headers), request.value);
  }

  /** JSON text as a stream, of a length and a hash that its headers announce. */
  @Put('results')
  async putLargeResult(@Body() body: Readable | undefined, @Headers() headers: RequestHeaders): Promise<{ readonly key: string; readonly bytes: number }> {
    const [bytes, sha256] = [Number(headers['dagbook-bytes']), headers['dagbook-sha256'] ?? ''];
    if (typeof body?.pipe !== 'function' || !Number.isSafeInteger(bytes) || bytes < 0 || !/^[0-9a-f]{64}$/.test(sha256)) throw invalid([{ type: 'missing', loc: ['header'], msg: 'dagbook-bytes and dagbook-sha256 must describe the body' }]);
    try {
      return await this.#api.putLargeResult(authOf(headers), { bytes, sha256, open: () => body });
    } catch (error) {
      // Read to its end, or whoever sends it would see a broken connection instead of the refusal.
      body.resume();
      throw error;
    }
  }

  @Get('result-objects/:key')
  async getLargeResult(@Param('key') key: string, @Headers() headers: RequestHeaders): Promise<StreamableFile> {
    const { body, bytes } = await this.#api.largeResult(authOf(headers), key);
    return new StreamableFile(body, { type: 'application/json', length: bytes });
  }

  @Post('xcom')
  @HttpCode(200)
  async xcom(@Body() request: Partial<XComQuestion> | undefined, @Headers() headers: RequestHeaders): Promise<XComAnswer> {
    const { taskId, key, mapIndexes } = request ?? {};
    if (typeof taskId !== 'string') throw invalid([{ type: 'missing', loc: ['body', 'taskId'], msg: 'Field required' }]);
    if (mapIndexes !== undefined && ![mapIndexes].flat().every((index) => Number.isInteger(index))) throw invalid([{ type: 'int_parsing', loc: ['body', 'mapIndexes'], msg: 'Input should be whole numbers' }]);
    if (key !== undefined && typeof key !== 'string') throw invalid([{ type: 'string_type', loc: ['body', 'key'], msg: 'Input should be a string' }]);
    return this.#api.xcom(authOf(headers), { taskId, ...(key === undefined ? {} : { key }), ...(mapIndexes === undefined ? {} : { mapIndexes }) });
  }

  @Get('previous-success')
  async previousSuccess(@Headers() headers: RequestHeaders): Promise<PreviousRun> {
    const previous = await this.#api.previousSuccess(authOf(headers));
    if (previous === null) throw notFound('No run before this one succeeded');
    return previous;
  }

  @Post('asset-events')
  @HttpCode(200)
  async assetEvents(@Body() request: Partial<AssetEventQuery> | undefined, @Headers() headers: RequestHeaders): Promise<{ readonly events: readonly QueuedUpdate[] }> {
    const { of, limit } = request ?? {};
    const name = of !== undefined && 'uri' in of ? of.uri : of?.alias;
    if (of === undefined || typeof name !== 'string') throw invalid([{ type: 'missing', loc: ['body', 'of'], msg: 'Field required: the uri of an asset, or an alias' }]);
    if (!Number.isInteger(limit) || limit === undefined || limit < 1 || limit > 1_000) throw invalid([{ type: 'int_parsing', loc: ['body', 'limit'], msg: 'Input should be a whole number from 1 to 1000' }]);
    return { events: await this.#api.assetEvents(authOf(headers), { of, limit }) };
  }

  @Post('rendered-fields')
  @HttpCode(200)
  async putRenderedFields(@Body() request: { readonly fields?: { readonly [field: string]: Json } } | undefined, @Headers() headers: RequestHeaders): Promise<object> {
    const { fields } = request ?? {};
    if (typeof fields !== 'object' || fields === null || Array.isArray(fields)) throw invalid([{ type: 'dict_type', loc: ['body', 'fields'], msg: 'Input should be a JSON object' }]);
    await this.#api.putRenderedFields(authOf(headers), fields);
    return {};
  }

  @Get('connections/:id')
  async connection(@Param('id') id: string, @Headers() headers: RequestHeaders): Promise<{ readonly [field: string]: Json }> {
    const connection = await this.#api.connection(authOf(headers), id);
    if (connection === null) throw notFound(`There is no connection ${id}`);
    return connection;
  }

  @Post('runs')
  @HttpCode(200)
  async requestRun(@Body() request: RunRequest | undefined, @Headers() headers: RequestHeaders): Promise<RunRequested> {
    return this.#api.requestRun(authOf(headers), withDag(request));
  }

  @Post('runs/find')
  @HttpCode(200)
  async findRun(@Body() query: OtherRunQuery | undefined, @Headers() headers: RequestHeaders): Promise<{ readonly run: OtherRun | null }> {
    return { run: await this.#api.findRun(authOf(headers), withDag(query)) };
  }

  @Post('state')
  @HttpCode(200)
  async state(@Body() question: Partial<StateQuestion> | undefined, @Headers() headers: RequestHeaders): Promise<StateAnswer> {
    const { of, op } = question ?? {};
    const isKnown = (of?.kind === 'task' || (of?.kind === 'asset' && typeof of.uri === 'string' && isTexts(of.aliases ?? []))) && ['get', 'set', 'delete', 'clear'].includes(op ?? '');
    if (!isKnown) throw invalid([{ type: 'missing', loc: ['body'], msg: 'Say of whom, and what is to be done' }]);
    return this.#api.state(authOf(headers), question as StateQuestion);
  }

  @Get('variables/:key')
  async variable(@Param('key') key: string, @Headers() headers: RequestHeaders): Promise<{ readonly value: string }> {
    const value = await this.#api.variable(authOf(headers), key);
    if (value === null) throw notFound(`There is no variable ${key}`);
    return { value };
  }

  #admitWorker(headers: RequestHeaders): void {
    const given = Buffer.from(bearerOf(headers));
    if (given.length !== this.#workerSecret.length || !timingSafeEqual(given, this.#workerSecret)) throw unauthorized('The secret is not a worker’s');
  }
}

const isTexts = (value: unknown): boolean => Array.isArray(value) && value.every((one) => typeof one === 'string');

function withDag<Asked extends { readonly dagId: string }>(asked: Asked | undefined): Asked {
  if (typeof asked?.dagId !== 'string' || asked.dagId === '') throw invalid([{ type: 'missing', loc: ['body', 'dagId'], msg: 'Field required' }]);
  return asked;
}

const bearerOf = (headers: RequestHeaders): string => /^Bearer (\S+)$/i.exec(headers['authorization'] ?? '')?.[1] ?? '';

function authOf(headers: RequestHeaders): AttemptAuth {
  const attemptId = headers['dagbook-attempt'] ?? '';
  const epoch = Number(headers['dagbook-epoch']);
  if (attemptId.split('/').length !== 5 || !Number.isSafeInteger(epoch)) throw unauthorized('The headers dagbook-attempt and dagbook-epoch name no attempt');
  return { attemptId, epoch, token: bearerOf(headers) };
}
