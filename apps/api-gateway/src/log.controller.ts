import { Controller, Get, Headers, Inject, Param, Query, Req, Res } from '@nestjs/common';
import { ApiBearerAuth, ApiTags } from '@nestjs/swagger';
import type { AttemptKey, LogReader } from '@dagbook/contracts';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { LogQuery, LogStreamQuery } from './dto/request.ts';
import { TaskInstancesLogResponse, type StructuredLogMessage } from './dto/response.ts';
import { invalid, notFound } from './error/api-error.ts';
import { pathDag, pathRun, pathTask, pathTryNumber, query } from './error/request.pipe.ts';
import { LogEnd, ndjson } from './log-end.ts';
import { followToEnd } from './log-follow.ts';
import { Operation } from './operation.ts';
import { Reader } from './reader.ts';
import { ChangeHub } from './stream/change-hub.ts';
import { EventStream } from './stream/event-stream.ts';
import { LOG_READER } from './token.ts';

const PAGE_BYTES = 512 * 1024;
/** How long lines of a try that is over may be on their way. */
const QUIET_MS = 15_000;
/** How long after the end of its log a try may wait to be decided. */
const DECIDED_WITHIN_MS = 5_000;
const TAIL_CHARACTERS = 64 * 1024;
const FULL_BYTES = 16 * 1024 * 1024;

const LOG_PATH = 'api/v2/dags/:dag_id/dagRuns/:dag_run_id/taskInstances/:task_id/logs/:try_number';

@ApiTags('Task Instance')
@ApiBearerAuth()
@Controller()
export class LogController {
  readonly #reader: Reader;
  readonly #logs: LogReader;
  readonly #end: LogEnd;
  constructor(@Inject(Reader) reader: Reader, @Inject(LOG_READER) logs: LogReader, @Inject(ChangeHub) hub: ChangeHub) {
    this.#reader = reader;
    this.#logs = logs;
    this.#end = new LogEnd(reader, hub);
  }

  @Get(LOG_PATH)
  @Operation({ id: 'get_log', summary: 'The log of a try, page by page; as NDJSON when that is accepted', answers: TaskInstancesLogResponse, query: LogQuery })
  async get(
    @Param('dag_id', pathDag) dagId: string,
    @Param('dag_run_id', pathRun) runId: string,
    @Param('task_id', pathTask) taskId: string,
    @Param('try_number', pathTryNumber) tryNumber: number,
    @Query(query(LogQuery)) request: LogQuery,
    @Headers('accept') accept: string | undefined,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<TaskInstancesLogResponse | string> {
    const attempt = await this.#attempt(dagId, runId, taskId, request.map_index ?? -1, tryNumber);
    const from = request.tail_bytes === undefined || request.token !== undefined ? { fromByte: request.token === undefined ? 0 : byteOf(request.token) } : { tailBytes: request.tail_bytes };
    const slice = await this.#logs.read({ attempt, ...from, maxBytes: request.full_content === true ? FULL_BYTES : (request.tail_bytes ?? PAGE_BYTES) });
    if (accept?.includes('application/x-ndjson') === true) {
      void reply.type('application/x-ndjson; charset=utf-8');
      if (slice !== null && !slice.ended) void reply.header('x-continuation-token', tokenOf(slice.nextByte));
      if (slice === null) return ndjson(await this.#end.inPlace(attempt));
      return slice.ended ? slice.text + ndjson(await this.#end.after(attempt, slice.text)) : slice.text;
    }
    if (slice === null) return { content: await this.#end.inPlace(attempt), continuation_token: null };
    if (!slice.ended) return { content: linesOf(slice.text), continuation_token: tokenOf(slice.nextByte) };
    return { content: [...linesOf(slice.text), ...(await this.#end.after(attempt, slice.text))], continuation_token: null };
  }

  /**
   * Ids are the byte after the event, so that a reader that reconnects misses nothing and sees nothing twice. One that asks
   * for the end first is told where it begins, by an event `start`. The log of a worker that was lost has no end of its own: it
   * ends when the try has, and nothing has come for a while.
   */
  @Get(`${LOG_PATH}/stream`)
  @Operation({ id: 'stream_log', summary: 'The log of a try as it is written, as server-sent events', answers: null, query: LogStreamQuery })
  async stream(
    @Param('dag_id', pathDag) dagId: string,
    @Param('dag_run_id', pathRun) runId: string,
    @Param('task_id', pathTask) taskId: string,
    @Param('try_number', pathTryNumber) tryNumber: number,
    @Query(query(LogStreamQuery)) { map_index: mapIndex = -1, tail_bytes: tailBytes }: LogStreamQuery,
    @Headers('last-event-id') lastEventId: string | undefined,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const attempt = await this.#attempt(dagId, runId, taskId, mapIndex, tryNumber);
    const seen = lastEventId === undefined || !/^\d{1,15}$/.test(lastEventId) ? undefined : Number(lastEventId);
    const end = seen !== undefined || tailBytes === undefined ? null : await this.#logs.read({ attempt, tailBytes, maxBytes: tailBytes });
    const fromByte = seen ?? end?.fromByte ?? 0;
    const stream = EventStream.open(request, reply);
    let written = '';
    try {
      if (end !== null) await stream.send({ event: 'start', data: JSON.stringify({ from_byte: fromByte }) });
      const over = this.#end.whenOver(attempt, stream.signal);
      for await (const slice of followToEnd(this.#logs, { attempt, fromByte, over, quietMs: QUIET_MS }, stream.signal)) {
        written = (written + slice.text).slice(-TAIL_CHARACTERS);
        if (slice.text !== '') await stream.send({ id: String(slice.nextByte), data: slice.text.replace(/\n$/, '') });
      }
      await this.#end.whenDecided(attempt, AbortSignal.any([stream.signal, AbortSignal.timeout(DECIDED_WITHIN_MS)]));
      for (const line of await this.#end.after(attempt, written)) await stream.send({ data: JSON.stringify(line) });
      if (!stream.signal.aborted) await stream.send({ event: 'end', data: '{}' });
    } finally {
      stream.close();
    }
  }

  async #attempt(dagId: string, runId: string, taskId: string, mapIndex: number, tryNumber: number): Promise<AttemptKey> {
    const instance = await this.#reader.taskInstance(dagId, runId, taskId, mapIndex);
    if (tryNumber > Math.max(1, instance.tryNumber)) throw notFound(`The task instance has had ${instance.tryNumber} tries: there is no log of try ${tryNumber}`);
    return { dagId, runId, taskId, mapIndex, tryNumber };
  }
}

const tokenOf = (byte: number): string => Buffer.from(`byte:${byte}`).toString('base64url');

function byteOf(token: string): number {
  const match = /^byte:(\d{1,15})$/.exec(Buffer.from(token, 'base64url').toString('latin1'));
  if (match === null) throw invalid([{ type: 'value_error', loc: ['query', 'token'], msg: 'Input should be a continuation_token of this log', input: token }]);
  return Number(match[1]);
}

export function linesOf(text: string): StructuredLogMessage[] {
  return text.split('\n').filter((line) => line !== '').map((line) => {
    try {
      return JSON.parse(line) as StructuredLogMessage;
    } catch {
      return { timestamp: null, event: line };
    }
  });
}
