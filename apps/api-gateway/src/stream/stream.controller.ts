import { Controller, Get, Headers, Inject, Query, Req, Res } from '@nestjs/common';
import { ApiBearerAuth, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { StreamQuery } from '../dto/request.ts';
import { invalid } from '../error/api-error.ts';
import { query } from '../error/request.pipe.ts';
import { Operation } from '../operation.ts';
import { ChangeHub, parseTopic } from './change-hub.ts';
import { EventStream } from './event-stream.ts';

@ApiTags('Stream')
@ApiBearerAuth()
@Controller()
export class StreamController {
  readonly #hub: ChangeHub;
  constructor(@Inject(ChangeHub) hub: ChangeHub) {
    this.#hub = hub;
  }

  @Get('api/v2/stream')
  @Operation({ id: 'stream_changes', summary: 'What changes, as server-sent events: dags, dag, run, import_errors, reset', answers: null, query: StreamQuery })
  async stream(
    @Query(query(StreamQuery)) { topics }: StreamQuery,
    @Headers('last-event-id') lastEventId: string | undefined,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const wanted = topics.split(',').map((text) => {
      const topic = parseTopic(text.trim());
      if (topic === null) throw invalid([{ type: 'value_error', loc: ['query', 'topics'], msg: 'Input should be dags, dag:<dag_id> or run:<dag_id>/<dag_run_id>, parted by commas', input: text }]);
      return topic;
    });
    await this.#hub.serve(EventStream.open(request, reply), wanted, lastEventId);
  }
}
