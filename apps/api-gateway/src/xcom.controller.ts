import { Body, Controller, Delete, Get, Headers, HttpCode, Inject, Param, Patch, Post, Query, Res } from '@nestjs/common';
import { ApiBearerAuth, ApiTags } from '@nestjs/swagger';
import { compilePlan, isDeeperThan, lengthsToTell, type Json, type TaskResult, withoutSecrets, XCOM_KEY } from '@dagbook/domain';
import { type ListedXCom, listXComs, type Range, type XComInstant } from '@dagbook/read-models';
import type { FastifyReply } from 'fastify';
import { Caller } from './auth/auth.guard.ts';
import type { Principal } from './auth/token-desk.ts';
import { answer } from './command/answer.ts';
import { CommandDesk, type Submitted } from './command/command-desk.ts';
import { pageOf } from './dto/request.ts';
import type { AcceptedResponse } from './dto/response.ts';
import { XComCollectionResponse, XComCreateBody, XComDeleteQuery, XComListQuery, XComQuery, type XComResponse, XComResponseNative, XComUpdateBody } from './dto/xcom.ts';
import { ApiError, forbidden, notFound } from './error/api-error.ts';
import { body, pathDag, pathDagOrAll, pathRun, pathRunOrAll, pathTask, pathTaskOrAll, query } from './error/request.pipe.ts';
import { ResultStore } from './execution/result-store.ts';
import { Operation } from './operation.ts';
import { Reader } from './reader.ts';
import { instant, instantOrNull } from './view/instant.ts';

/** What is answered without being asked for by size: reading, hiding and writing more would hold up everybody else. */
const SHOWN_BYTES = 1024 * 1024;
/** What hides secrets goes down by calls. */
const SHOWN_LEVELS = 1_000;
/** As of what a task returns: more is kept beside the journal. */
const INLINE_BYTES = 2 * 1024;
const PATH = 'api/v2/dags/:dag_id/dagRuns/:dag_run_id/taskInstances/:task_id/xcomEntries';
const COMPARISONS = { gte: '>=', gt: '>', lte: '<=', lt: '<' } as const;
const INSTANTS = { logical_date: 'logicalDate', run_after: 'runAfter' } as const satisfies Record<string, XComInstant>;

/** Results of tasks, and what people set beside or in their place, as Airflow shows its XComs. */
@ApiTags('XCom')
@ApiBearerAuth()
@Controller(PATH)
export class XComController {
  readonly #reader: Reader;
  readonly #results: ResultStore;
  readonly #commands: CommandDesk;
  constructor(@Inject(Reader) reader: Reader, @Inject(ResultStore) results: ResultStore, @Inject(CommandDesk) commands: CommandDesk) {
    this.#commands = commands;
    this.#reader = reader;
    this.#results = results;
  }

  @Get()
  @Operation({ id: 'get_xcom_entries', summary: 'List results of tasks, without their values; ~ for all DAGs, runs or tasks', answers: XComCollectionResponse, query: XComListQuery })
  async list(
    @Param('dag_id', pathDagOrAll) dagId: string,
    @Param('dag_run_id', pathRunOrAll) runId: string,
    @Param('task_id', pathTaskOrAll) taskId: string,
    @Query(query(XComListQuery)) request: XComListQuery,
  ): Promise<XComCollectionResponse> {
    if (dagId !== '~' && runId !== '~') await this.#reader.run(dagId, runId);
    const all = (id: string): string | undefined => (id === '~' ? undefined : id);
    const { rows, total } = await listXComs(
      this.#reader.db,
      {
        dagId: all(dagId), runId: all(runId), taskId: all(taskId), mapIndex: request.map_index ?? request.map_index_filter,
        key: request.xcom_key, keyPattern: request.xcom_key_pattern, dagDisplayNamePattern: request.dag_display_name_pattern, runIdPattern: request.run_id_pattern, taskIdPattern: request.task_id_pattern,
        ranges: rangesOf(request),
      },
      pageOf(request),
    );
    return { xcom_entries: await Promise.all(rows.map((row) => this.#view(row))), total_entries: total };
  }

  @Get(':xcom_key')
  @Operation({ id: 'get_xcom_entry', summary: 'The result of a task instance; what stands under a sensitive name in it is hidden', answers: XComResponseNative, query: XComQuery })
  async get(
    @Param('dag_id', pathDag) dagId: string,
    @Param('dag_run_id', pathRun) runId: string,
    @Param('task_id', pathTask) taskId: string,
    @Param('xcom_key') key: string,
    @Query(query(XComQuery)) { map_index: mapIndex = -1, stringify = false, max_bytes: maxBytes = SHOWN_BYTES }: XComQuery,
    @Caller() { role }: Principal,
  ): Promise<XComResponseNative> {
    const row = await this.#entry({ dagId, runId, taskId, mapIndex, key });
    const bytes = row === undefined ? 0 : bytesOf(row);
    if (bytes > SHOWN_BYTES && role === 'viewer') throw forbidden(`The result is ${bytes} bytes; of more than ${SHOWN_BYTES} it is shown to operators only`);
    if (bytes > maxBytes) throw new ApiError(413, `The result is ${bytes} bytes: ask for it with max_bytes=${bytes}, or read it in a task`);
    const value = row === undefined ? undefined : row.result.kind === 'inline' ? row.result.value : await this.#results.value(row, row.result.key);
    if (row === undefined || value === undefined) throw notFound(`XCom entry with key: \`${key}\` not found`);
    if (isDeeperThan(value, SHOWN_LEVELS)) throw new ApiError(413, `The result is nested more than ${SHOWN_LEVELS} levels deep: read it in a task`);
    const shown = withoutSecrets(value);
    return { ...(await this.#view(row)), value: stringify ? textOf(shown) : shown };
  }

  @Post()
  @HttpCode(201)
  @Operation({ id: 'create_xcom_entry', summary: 'Set an XCom of a task instance that has none under this key', answers: XComResponseNative, status: 201, body: XComCreateBody, isCommand: true })
  async create(
    @Param('dag_id', pathDag) dagId: string,
    @Param('dag_run_id', pathRun) runId: string,
    @Param('task_id', pathTask) taskId: string,
    @Body(body(XComCreateBody)) { key, value, map_index: mapIndex = -1 }: XComCreateBody,
    @Headers('idempotency-key') idempotencyKey: string | undefined,
    @Caller() { username: user }: Principal,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<XComResponseNative | AcceptedResponse> {
    const of = { dagId, runId, taskId, mapIndex, key };
    return answer(reply, await this.#set(of, value, 'create', { user, key: idempotencyKey }), () => this.#shown(of, value));
  }

  @Patch(':xcom_key')
  @Operation({ id: 'update_xcom_entry', summary: 'Put another value in the place of an XCom', answers: XComResponseNative, body: XComUpdateBody, isCommand: true })
  async update(
    @Param('dag_id', pathDag) dagId: string,
    @Param('dag_run_id', pathRun) runId: string,
    @Param('task_id', pathTask) taskId: string,
    @Param('xcom_key') key: string,
    @Body(body(XComUpdateBody)) { value, map_index: mapIndex = -1 }: XComUpdateBody,
    @Headers('idempotency-key') idempotencyKey: string | undefined,
    @Caller() { username: user }: Principal,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<XComResponseNative | AcceptedResponse> {
    const of = { dagId, runId, taskId, mapIndex, key };
    await this.#present(of);
    return answer(reply, await this.#set(of, value, 'update', { user, key: idempotencyKey }), () => this.#shown(of, value));
  }

  @Delete(':xcom_key')
  @HttpCode(204)
  @Operation({ id: 'delete_xcom_entry', summary: 'Take an XCom away', answers: null, status: 204, query: XComDeleteQuery, isCommand: true })
  async delete(
    @Param('dag_id', pathDag) dagId: string,
    @Param('dag_run_id', pathRun) runId: string,
    @Param('task_id', pathTask) taskId: string,
    @Param('xcom_key') key: string,
    @Query(query(XComDeleteQuery)) { map_index: mapIndex = -1 }: XComDeleteQuery,
    @Headers('idempotency-key') idempotencyKey: string | undefined,
    @Caller() { username: user }: Principal,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<AcceptedResponse | undefined> {
    await this.#present({ dagId, runId, taskId, mapIndex, key });
    const submitted = await this.#commands.submit(dagId, { type: 'DeleteXCom', runId, taskId, mapIndex, key, user }, idempotencyKey);
    return answer(reply, submitted, async () => undefined);
  }

  async #set({ dagId, runId, taskId, mapIndex, key }: EntryRef, value: Json, mode: 'create' | 'update', by: { readonly user: string; readonly key: string | undefined }): Promise<Submitted> {
    const { definition } = await this.#reader.planOf(await this.#reader.run(dagId, runId));
    const planned = compilePlan(definition).tasks.find((task) => task.taskId === taskId);
    if (planned === undefined) throw notFound(`Task with ID: \`${taskId}\` not found in dag: \`${dagId}\``);
    const isSmall = Buffer.byteLength(JSON.stringify(value)) <= INLINE_BYTES;
    const kept: TaskResult = isSmall ? { kind: 'inline', value } : { kind: 'stored', ...(await this.#results.putByHand({ dagId, runId, taskId, mapIndex }, value)) };
    const lengths = isSmall || key !== XCOM_KEY ? {} : lengthsToTell(value, planned.mappedPaths);
    return this.#commands.submit(dagId, { type: 'SetXCom', runId, taskId, mapIndex, key, mode, value: kept, ...lengths, user: by.user }, by.key);
  }

  async #present(of: EntryRef): Promise<ListedXCom> {
    await this.#reader.run(of.dagId, of.runId);
    const row = await this.#entry(of);
    if (row === undefined) throw notFound(`The XCom with key: \`${of.key}\` with mentioned task instance doesn't exist.`);
    return row;
  }

  async #shown(of: EntryRef, value: Json): Promise<XComResponseNative> {
    return { ...(await this.#view(await this.#present(of))), value: withoutSecrets(value) };
  }

  /** Postgres does not take every text: under a key that it does not take there is nothing. */
  async #entry(of: EntryRef): Promise<ListedXCom | undefined> {
    if (/[\0\p{Surrogate}]/u.test(of.key)) return undefined;
    return (await listXComs(this.#reader.db, of, { limit: 1, offset: 0 })).rows[0];
  }

  async #view({ dagId, runId, taskId, mapIndex, key, planHash, logicalDateMs, runAfterMs, atMs, ...row }: ListedXCom): Promise<XComResponse> {
    const { definition, tasks, indexOf } = await this.#reader.planOf({ planHash });
    return {
      key, timestamp: instant(atMs), logical_date: instantOrNull(logicalDateMs), map_index: mapIndex, task_id: taskId, dag_id: dagId, run_id: runId,
      dag_display_name: definition.displayName ?? dagId, task_display_name: tasks[indexOf.get(taskId) ?? -1]?.displayName ?? taskId, run_after: instant(runAfterMs), bytes: bytesOf(row),
    };
  }
}

interface EntryRef {
  readonly dagId: string;
  readonly runId: string;
  readonly taskId: string;
  readonly mapIndex: number;
  readonly key: string;
}

const bytesOf = ({ result }: Pick<ListedXCom, 'result'>): number => (result.kind === 'inline' ? Buffer.byteLength(JSON.stringify(result.value)) : result.bytes);

const textOf = (value: Json): string | null => (value === null || typeof value === 'string' ? value : JSON.stringify(value));

const rangesOf = (request: XComListQuery): readonly Range<XComInstant>[] =>
  Object.entries(INSTANTS).flatMap(([name, field]) =>
    Object.entries(COMPARISONS).flatMap(([suffix, comparison]) => {
      const value = request[`${name}_${suffix}` as `${keyof typeof INSTANTS}_${keyof typeof COMPARISONS}`];
      return value === undefined ? [] : [{ field, comparison, value }];
    }));
