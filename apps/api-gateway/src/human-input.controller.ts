import { Body, Controller, Get, Headers, Inject, Param, Patch, Query, Res } from '@nestjs/common';
import { ApiBearerAuth, ApiTags } from '@nestjs/swagger';
import { getHumanInput, listHumanInputs, listTries, type HumanInputOrder, type ListedHumanInput } from '@dagbook/read-models';
import type { FastifyReply } from 'fastify';
import { Caller } from './auth/auth.guard.ts';
import type { Principal } from './auth/token-desk.ts';
import { answer } from './command/answer.ts';
import { CommandDesk } from './command/command-desk.ts';
import { HITLDetail, HITLDetailCollection, HITLDetailHistory, HITLDetailResponse, HumanAnswerBody, HumanInputListQuery } from './dto/human-input.ts';
import { orderOf, pageOf } from './dto/request.ts';
import type { AcceptedResponse, TaskInstanceResponse } from './dto/response.ts';
import { notFound } from './error/api-error.ts';
import { body, pathDag, pathDagOrAll, pathMapIndex, pathRun, pathRunOrAll, pathTask, pathTryNumber, query } from './error/request.pipe.ts';
import { Operation } from './operation.ts';
import { Reader } from './reader.ts';
import { humanInputView } from './view/human-input-view.ts';
import { instant } from './view/instant.ts';
import { tryView } from './view/run-view.ts';

const ORDERS = {
  subject: 'subject', responded_at: 'respondedAt', created_at: 'createdAt', dag_id: 'dagId', run_id: 'runId', run_after: 'runAfter', task_id: 'taskId', map_index: 'mapIndex',
} as const satisfies Record<string, HumanInputOrder>;

const INSTANCE_PATH = 'api/v2/dags/:dag_id/dagRuns/:dag_run_id/taskInstances/:task_id/:map_index/hitlDetails';

interface Target {
  readonly dagId: string;
  readonly runId: string;
  readonly taskId: string;
  readonly mapIndex: number;
}

/** What tasks ask of people, and the answers. */
@ApiTags('Task Instance')
@ApiBearerAuth()
@Controller()
export class HumanInputController {
  readonly #reader: Reader;
  readonly #commands: CommandDesk;
  constructor(@Inject(Reader) reader: Reader, @Inject(CommandDesk) commands: CommandDesk) {
    this.#reader = reader;
    this.#commands = commands;
  }

  @Get('api/v2/dags/:dag_id/dagRuns/:dag_run_id/hitlDetails')
  @Operation({ id: 'get_hitl_details', summary: 'What tasks ask of people; ~ for all DAGs or runs', answers: HITLDetailCollection, query: HumanInputListQuery })
  async list(
    @Param('dag_id', pathDagOrAll) dagId: string,
    @Param('dag_run_id', pathRunOrAll) runId: string,
    @Query(query(HumanInputListQuery)) request: HumanInputListQuery,
  ): Promise<HITLDetailCollection> {
    if (dagId !== '~' && runId !== '~') await this.#reader.run(dagId, runId);
    const { rows, total } = await listHumanInputs(
      this.#reader.db,
      {
        dagId: dagId === '~' ? undefined : dagId,
        runId: runId === '~' ? undefined : runId,
        dagIdPattern: request.dag_id_pattern,
        taskId: request.task_id,
        taskIdPattern: request.task_id_pattern,
        mapIndex: request.map_index,
        states: request.state,
        isAnswered: request.response_received,
        respondedByIds: request.responded_by_user_id,
        respondedByNames: request.responded_by_user_name,
        subject: request.subject_search,
        body: request.body_search,
        createdFromMs: request.created_at_gte,
        createdAfterMs: request.created_at_gt,
        createdToMs: request.created_at_lte,
        createdBeforeMs: request.created_at_lt,
      },
      orderOf(request, ORDERS, [{ field: 'createdAt', descending: false }]),
      pageOf(request),
    );
    return { hitl_details: await this.#details(rows), total_entries: total };
  }

  @Get(INSTANCE_PATH)
  @Operation({ id: 'get_hitl_detail', summary: 'What a task instance asks of people', answers: HITLDetail })
  async get(
    @Param('dag_id', pathDag) dagId: string,
    @Param('dag_run_id', pathRun) runId: string,
    @Param('task_id', pathTask) taskId: string,
    @Param('map_index', pathMapIndex) mapIndex: number,
  ): Promise<HITLDetail> {
    const [detail] = await this.#details([await this.#current({ dagId, runId, taskId, mapIndex })]);
    return detail as HITLDetail;
  }

  @Patch(INSTANCE_PATH)
  @Operation({ id: 'update_hitl_detail', summary: 'Answer a task instance that awaits input', answers: HITLDetailResponse, body: HumanAnswerBody, isCommand: true })
  async answer(
    @Param('dag_id', pathDag) dagId: string,
    @Param('dag_run_id', pathRun) runId: string,
    @Param('task_id', pathTask) taskId: string,
    @Param('map_index', pathMapIndex) mapIndex: number,
    @Body(body(HumanAnswerBody)) { chosen_options: chosenOptions, params_input: paramsInput = {} }: HumanAnswerBody,
    @Headers('idempotency-key') key: string | undefined,
    @Caller() { username: user }: Principal,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<HITLDetailResponse | AcceptedResponse> {
    const asked = await this.#current({ dagId, runId, taskId, mapIndex });
    const submitted = await this.#commands.submit(dagId, { type: 'AnswerInput', runId, taskId, mapIndex, chosenOptions, paramsInput, user }, key);
    return answer(reply, submitted, async () => {
      const { chosenOptions: chosen, paramsInput: input, respondedBy, respondedAtMs } = await this.#ofTry({ dagId, runId, taskId, mapIndex }, asked.tryNumber);
      return { responded_by: respondedBy ?? { id: user, name: user }, responded_at: instant(respondedAtMs ?? 0), chosen_options: [...(chosen ?? [])], params_input: input ?? {} };
    });
  }

  @Get(`${INSTANCE_PATH}/tries/:try_number`)
  @Operation({ id: 'get_hitl_detail_try_detail', summary: 'What one try of a task instance asked of people', answers: HITLDetailHistory })
  async try(
    @Param('dag_id', pathDag) dagId: string,
    @Param('dag_run_id', pathRun) runId: string,
    @Param('task_id', pathTask) taskId: string,
    @Param('map_index', pathMapIndex) mapIndex: number,
    @Param('try_number', pathTryNumber) tryNumber: number,
  ): Promise<HITLDetailHistory> {
    const instance = await this.#reader.taskInstance(dagId, runId, taskId, mapIndex);
    const row = await this.#ofTry({ dagId, runId, taskId, mapIndex }, tryNumber);
    const ofTry = (await listTries(this.#reader.db, instance)).find((candidate) => candidate.tryNumber === tryNumber) ?? instance;
    const context = { dagId, runId, plan: await this.#reader.planOf(instance), version: await this.#reader.versionOf(instance) };
    return { ...humanInputView(row), task_instance: tryView(ofTry, context) };
  }

  async #current(target: Target): Promise<ListedHumanInput> {
    const { tryNumber } = await this.#reader.taskInstance(target.dagId, target.runId, target.taskId, target.mapIndex);
    return this.#ofTry(target, tryNumber);
  }

  async #ofTry({ dagId, runId, taskId, mapIndex }: Target, tryNumber: number): Promise<ListedHumanInput> {
    const row = await getHumanInput(this.#reader.db, { dagId, runId, taskId, mapIndex, tryNumber });
    if (row === null) throw notFound(`The Task Instance with dag_id: \`${dagId}\`, run_id: \`${runId}\`, task_id: \`${taskId}\` and map_index: \`${mapIndex}\` has asked people for nothing in try ${tryNumber}`);
    return row;
  }

  /** Task instances are read run by run. */
  async #details(rows: readonly ListedHumanInput[]): Promise<HITLDetail[]> {
    const runs = new Map<string, ListedHumanInput[]>();
    for (const row of rows) {
      const key = `${row.dagId}/${row.runId}`;
      const ofRun = runs.get(key);
      if (ofRun === undefined) runs.set(key, [row]);
      else ofRun.push(row);
    }
    const instances = new Map<string, TaskInstanceResponse>();
    for (const [key, [first, ...more]] of runs) {
      if (first === undefined) continue;
      for (const view of await this.#reader.instancesOf(first.dagId, first.runId, [first, ...more])) instances.set(`${key}/${view.task_id}/${view.map_index}`, view);
    }
    return rows.flatMap((row) => {
      const instance = instances.get(`${row.dagId}/${row.runId}/${row.taskId}/${row.mapIndex}`);
      return instance === undefined ? [] : [{ ...humanInputView(row), task_instance: instance }];
    });
  }
}
