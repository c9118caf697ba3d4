import { Readable } from 'node:stream';
import { Controller, Delete, Get, Headers, HttpCode, Inject, Param, Res } from '@nestjs/common';
import { ApiBearerAuth, ApiTags } from '@nestjs/swagger';
import type { LogReader } from '@dagbook/contracts';
import type { FastifyReply } from 'fastify';
import { Caller } from './auth/auth.guard.ts';
import type { Principal } from './auth/token-desk.ts';
import { answer } from './command/answer.ts';
import { CommandDesk } from './command/command-desk.ts';
import type { AcceptedResponse } from './dto/response.ts';
import { pathDag, pathRun } from './error/request.pipe.ts';
import { Operation } from './operation.ts';
import { Reader } from './reader.ts';
import { runArchive } from './run-archive.ts';
import { RunSweeper } from './run-sweeper.ts';
import { LOG_READER } from './token.ts';
import { ResultStore } from './execution/result-store.ts';
import { StateStore } from '@dagbook/event-store';

/** The end of a run's keeping: all of it as a file, then nothing of it. */
@ApiTags('DagRun')
@ApiBearerAuth()
@Controller('api/v2/dags/:dag_id/dagRuns/:dag_run_id')
export class RetentionController {
  readonly #reader: Reader;
  readonly #commands: CommandDesk;
  readonly #logs: LogReader;
  readonly #results: ResultStore;
  readonly #sweeper: RunSweeper;
  readonly #states: StateStore;
  constructor(@Inject(Reader) reader: Reader, @Inject(CommandDesk) commands: CommandDesk, @Inject(LOG_READER) logs: LogReader, @Inject(ResultStore) results: ResultStore, @Inject(RunSweeper) sweeper: RunSweeper, @Inject(StateStore) states: StateStore) {
    this.#states = states;
    this.#results = results;
    this.#reader = reader;
    this.#commands = commands;
    this.#logs = logs;
    this.#sweeper = sweeper;
  }

  @Get('archive')
  @Operation({ id: 'get_dag_run_archive', summary: 'All that is kept of a run, a JSON object a line: events, results, rendered fields, logs', answers: null })
  async archive(@Param('dag_id', pathDag) dagId: string, @Param('dag_run_id', pathRun) runId: string, @Res() reply: FastifyReply): Promise<void> {
    await this.#reader.run(dagId, runId);
    await reply.type('application/x-ndjson').send(Readable.from(runArchive({ store: this.#reader.store, results: this.#results, states: this.#states, logs: this.#logs }, dagId, runId)));
  }

  /** Its rows are gone when this is answered; what the journal and the log-server keep of it follows. */
  @Delete()
  @HttpCode(204)
  @Operation({ id: 'delete_dag_run', summary: 'Erase a run that has ended, with its results and logs', answers: null, status: 204, isCommand: true })
  async erase(
    @Param('dag_id', pathDag) dagId: string,
    @Param('dag_run_id', pathRun) runId: string,
    @Headers('idempotency-key') key: string | undefined,
    @Caller() { username: user }: Principal,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<AcceptedResponse | undefined> {
    await this.#reader.run(dagId, runId);
    const submitted = await this.#commands.submit(dagId, { type: 'EraseRun', runId, user }, key);
    this.#sweeper.wake();
    return answer(reply, submitted, () => Promise.resolve(undefined));
  }
}
