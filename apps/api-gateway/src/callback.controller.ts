import { CALLBACK_TASK, type LogReader } from '@dagbook/contracts';
import type { CallbackRecord } from '@dagbook/domain';
import { Controller, Get, Inject, Param, Query } from '@nestjs/common';
import { ApiBearerAuth, ApiTags } from '@nestjs/swagger';
import { CallbackLogQuery } from './dto/request.ts';
import { CallbackCollectionResponse, type CallbackResponse, TaskInstancesLogResponse } from './dto/response.ts';
import { notFound } from './error/api-error.ts';
import { pathCallback, pathDag, pathRun, query } from './error/request.pipe.ts';
import { linesOf } from './log.controller.ts';
import { Operation } from './operation.ts';
import { Reader } from './reader.ts';
import { LOG_READER } from './token.ts';
import { instant, instantOrNull } from './view/instant.ts';

const LOG_BYTES = 16 * 1024 * 1024;

/** The callbacks of a run, of its tasks and of its deadlines: which were asked for, what became of them, what they said. */
@ApiTags('DagRun')
@ApiBearerAuth()
@Controller()
export class CallbackController {
  readonly #reader: Reader;
  readonly #logs: LogReader;
  constructor(@Inject(Reader) reader: Reader, @Inject(LOG_READER) logs: LogReader) {
    this.#reader = reader;
    this.#logs = logs;
  }

  @Get('ui/dags/:dag_id/dagRuns/:dag_run_id/callbacks')
  @Operation({ id: 'ui_callbacks', summary: 'Callbacks that a run asked for, oldest first', answers: CallbackCollectionResponse })
  async list(@Param('dag_id', pathDag) dagId: string, @Param('dag_run_id', pathRun) runId: string): Promise<CallbackCollectionResponse> {
    const callbacks = (await this.#reader.callbacks(dagId, runId)).map(callbackView);
    return { callbacks, total_entries: callbacks.length };
  }

  @Get('ui/dags/:dag_id/dagRuns/:dag_run_id/callbacks/:callback/log')
  @Operation({ id: 'ui_callback_log', summary: 'What a try of a callback wrote', answers: TaskInstancesLogResponse, query: CallbackLogQuery })
  async log(
    @Param('dag_id', pathDag) dagId: string, @Param('dag_run_id', pathRun) runId: string, @Param('callback', pathCallback) number: number, @Query(query(CallbackLogQuery)) request: CallbackLogQuery,
  ): Promise<TaskInstancesLogResponse> {
    const known = (await this.#reader.callbacks(dagId, runId)).find(({ callback }) => callback === number);
    if (known === undefined) throw notFound(`The run ${runId} of ${dagId} has asked for no callback ${number}`);
    const tryNumber = request.try_number ?? known.tryNumber;
    if (tryNumber > known.tryNumber) throw notFound(`Callback ${number} has had ${known.tryNumber} tries: there is no log of try ${tryNumber}`);
    const slice = await this.#logs.read({ attempt: { dagId, runId, taskId: CALLBACK_TASK, mapIndex: number, tryNumber }, fromByte: 0, maxBytes: LOG_BYTES });
    return { content: slice === null ? [] : linesOf(slice.text), continuation_token: null };
  }
}

function callbackView({ callback, cause, state, tryNumber, requestedAtMs, endedAtMs, failure }: CallbackRecord): CallbackResponse {
  return {
    callback, name: cause.name, state, try_number: tryNumber, requested_at: instant(requestedAtMs), ended_at: instantOrNull(endedAtMs),
    task_id: cause.kind === 'task' ? cause.taskId : null, map_index: cause.kind === 'task' ? cause.mapIndex : -1, task_try_number: cause.kind === 'task' ? cause.tryNumber : null,
    reason: cause.kind === 'run' ? cause.reason : null, deadline: cause.kind === 'deadline' ? cause.deadline : null, failure: failure?.message ?? null,
  };
}
