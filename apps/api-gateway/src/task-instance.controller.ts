import { Controller, Get, Inject, Param, Query } from '@nestjs/common';
import { ApiBearerAuth, ApiTags } from '@nestjs/swagger';
import { attemptId } from '@dagbook/contracts';
import { listTaskInstances, listTries, renderedFields, type TaskInstanceOrder } from '@dagbook/read-models';
import { MapIndexQuery, orderOf, pageOf, rangesOf, TaskInstanceListQuery } from './dto/request.ts';
import {
  ExplanationResponse, TaskInstanceCollectionResponse, TaskInstanceHistoryCollectionResponse, TaskInstanceHistoryResponse, TaskInstanceResponse,
} from './dto/response.ts';
import { badRequest, notFound } from './error/api-error.ts';
import { pathDag, pathDagOrAll, pathMapIndex, pathRun, pathRunOrAll, pathTask, pathTryNumber, query } from './error/request.pipe.ts';
import { Operation } from './operation.ts';
import { Reader } from './reader.ts';
import { instantOrNull } from './view/instant.ts';
import { tryView } from './view/run-view.ts';

const TASK_INSTANCE_ORDERS = {
  id: 'taskId', map_index: 'mapIndex', task_id: 'taskId', run_id: 'runId', dag_run_id: 'runId', dag_id: 'dagId', state: 'state', try_number: 'tryNumber',
  start_date: 'startDate', end_date: 'endDate', duration: 'duration', run_after: 'runAfter', logical_date: 'logicalDate', queued_dttm: 'queuedAt', queued_when: 'queuedAt',
  scheduled_dttm: 'scheduledAt', scheduled_when: 'scheduledAt', rendered_map_index: 'renderedMapIndex', data_interval_start: 'dataIntervalStart',
  data_interval_end: 'dataIntervalEnd', pid: 'pid', hostname: 'hostname',
} as const satisfies Record<string, TaskInstanceOrder>;

const RUN_PATH = 'api/v2/dags/:dag_id/dagRuns/:dag_run_id/taskInstances';

@ApiTags('Task Instance')
@ApiBearerAuth()
@Controller()
export class TaskInstanceController {
  readonly #reader: Reader;
  constructor(@Inject(Reader) reader: Reader) {
    this.#reader = reader;
  }

  @Get(RUN_PATH)
  @Operation({ id: 'get_task_instances', summary: 'List task instances; ~ for all DAGs or runs', answers: TaskInstanceCollectionResponse, query: TaskInstanceListQuery })
  async list(
    @Param('dag_id', pathDagOrAll) dagId: string,
    @Param('dag_run_id', pathRunOrAll) runId: string,
    @Query(query(TaskInstanceListQuery)) request: TaskInstanceListQuery,
  ): Promise<TaskInstanceCollectionResponse> {
    const order = orderOf(request, TASK_INSTANCE_ORDERS, [{ field: 'mapIndex', descending: false }]);
    const { rows, total } = await listTaskInstances(this.#reader.db, await this.#filterOf(dagId, runId, request), order, pageOf(request));
    return { task_instances: await this.#reader.taskInstanceViews(rows), total_entries: total };
  }

  @Get(`${RUN_PATH}/:task_id`)
  @Operation({ id: 'get_task_instance', summary: 'One task instance that is not mapped', answers: TaskInstanceResponse })
  async get(@Param('dag_id', pathDag) dagId: string, @Param('dag_run_id', pathRun) runId: string, @Param('task_id', pathTask) taskId: string): Promise<TaskInstanceResponse> {
    const run = await this.#reader.run(dagId, runId);
    if (run.mapped[taskId] !== undefined) throw notFound(`Task instance is mapped, add the map_index value to the URL`);
    return this.getMapped(dagId, runId, taskId, -1);
  }

  @Get(`${RUN_PATH}/:task_id/listMapped`)
  @Operation({ id: 'get_mapped_task_instances', summary: 'Instances of a mapped task', answers: TaskInstanceCollectionResponse, query: TaskInstanceListQuery })
  async listMapped(
    @Param('dag_id', pathDag) dagId: string,
    @Param('dag_run_id', pathRun) runId: string,
    @Param('task_id', pathTask) taskId: string,
    @Query(query(TaskInstanceListQuery)) request: TaskInstanceListQuery,
  ): Promise<TaskInstanceCollectionResponse> {
    const order = orderOf(request, TASK_INSTANCE_ORDERS, [{ field: 'mapIndex', descending: false }]);
    const filter = { ...(await this.#filterOf(dagId, runId, request)), taskIds: [taskId] };
    const { rows, total } = await listTaskInstances(this.#reader.db, filter, order, pageOf(request));
    const mapped = rows.filter((row) => row.mapIndex >= 0);
    return { task_instances: await this.#reader.taskInstanceViews(mapped), total_entries: total - (rows.length - mapped.length) };
  }

  @Get(`${RUN_PATH}/:task_id/tries`)
  @Operation({ id: 'get_task_instance_tries', summary: 'Every try of a task instance, oldest first', answers: TaskInstanceHistoryCollectionResponse, query: MapIndexQuery })
  async tries(
    @Param('dag_id', pathDag) dagId: string,
    @Param('dag_run_id', pathRun) runId: string,
    @Param('task_id', pathTask) taskId: string,
    @Query(query(MapIndexQuery)) { map_index: mapIndex = -1 }: MapIndexQuery,
  ): Promise<TaskInstanceHistoryCollectionResponse> {
    const tries = await this.#tries(dagId, runId, taskId, mapIndex);
    return { task_instances: tries, total_entries: tries.length };
  }

  @Get(`${RUN_PATH}/:task_id/tries/:task_try_number`)
  @Operation({ id: 'get_task_instance_try_details', summary: 'One try of a task instance', answers: TaskInstanceHistoryResponse, query: MapIndexQuery })
  async try(
    @Param('dag_id', pathDag) dagId: string,
    @Param('dag_run_id', pathRun) runId: string,
    @Param('task_id', pathTask) taskId: string,
    @Param('task_try_number', pathTryNumber) tryNumber: number,
    @Query(query(MapIndexQuery)) { map_index: mapIndex = -1 }: MapIndexQuery,
  ): Promise<TaskInstanceHistoryResponse> {
    const found = (await this.#tries(dagId, runId, taskId, mapIndex)).find((row) => row.try_number === tryNumber);
    if (found === undefined) throw notFound(`The Task Instance with dag_id: \`${dagId}\`, run_id: \`${runId}\`, task_id: \`${taskId}\`, try_number: \`${tryNumber}\` and map_index: \`${mapIndex}\` was not found`);
    return found;
  }

  @Get(`${RUN_PATH}/:task_id/:map_index`)
  @Operation({ id: 'get_mapped_task_instance', summary: 'One task instance by map index (-1: not mapped)', answers: TaskInstanceResponse })
  async getMapped(
    @Param('dag_id', pathDag) dagId: string,
    @Param('dag_run_id', pathRun) runId: string,
    @Param('task_id', pathTask) taskId: string,
    @Param('map_index', pathMapIndex) mapIndex: number,
  ): Promise<TaskInstanceResponse> {
    const [view] = await this.#reader.taskInstanceViews([await this.#reader.taskInstance(dagId, runId, taskId, mapIndex)]);
    return view as TaskInstanceResponse;
  }

  @Get('ui/why/:dag_id/:dag_run_id/:task_id/:map_index')
  @Operation({ id: 'ui_why', summary: 'Why a task instance is in its state, and what it waits for', answers: ExplanationResponse })
  async why(
    @Param('dag_id', pathDag) dagId: string,
    @Param('dag_run_id', pathRun) runId: string,
    @Param('task_id', pathTask) taskId: string,
    @Param('map_index', pathMapIndex) mapIndex: number,
  ): Promise<ExplanationResponse> {
    const { code, message, state, untilMs, waitsFor } = await this.#reader.explanation(await this.#reader.taskInstance(dagId, runId, taskId, mapIndex));
    return {
      code, message, state, until: instantOrNull(untilMs ?? null),
      waits_for: (waitsFor ?? []).map((other) => ({ task_id: other.taskId, map_index: other.mapIndex, state: other.state })),
    };
  }

  async #tries(dagId: string, runId: string, taskId: string, mapIndex: number): Promise<TaskInstanceHistoryResponse[]> {
    const instance = await this.#reader.taskInstance(dagId, runId, taskId, mapIndex);
    const context = { dagId, runId, plan: await this.#reader.planOf(instance), version: await this.#reader.versionOf(instance) };
    const rows = await listTries(this.#reader.db, instance);
    const keyOf = ({ tryNumber }: { readonly tryNumber: number }) => ({ dagId, runId, taskId, mapIndex, tryNumber });
    const rendered = await renderedFields(this.#reader.db, rows.map(keyOf));
    return rows.map((row) => ({ ...tryView(row, context), rendered_fields: rendered.get(attemptId(keyOf(row))) ?? {} }));
  }

  /** Pool, queue, operator and group are the plan's: of one run they choose task ids; over runs of many plans they cannot. */
  async #filterOf(dagId: string, runId: string, request: TaskInstanceListQuery): Promise<Parameters<typeof listTaskInstances>[1]> {
    const run = dagId === '~' || runId === '~' ? null : await this.#reader.run(dagId, runId);
    const planned = (['pool', 'queue', 'operator', 'task_group_id'] as const).find((name) => request[name] !== undefined);
    if (planned !== undefined && run === null) throw badRequest(`The filter ${planned} needs a dag_id and a dag_run_id`);
    return {
      dagId: dagId === '~' ? undefined : dagId,
      runId: runId === '~' ? undefined : runId,
      dagIdPattern: request.dag_id_pattern,
      runIdPattern: request.run_id_pattern,
      taskIds: run === null || planned === undefined ? request.task_id : await this.#plannedTasks(run.planHash, request),
      taskIdPattern: request.task_display_name_pattern,
      mapIndexes: request.map_index,
      states: request.state,
      tryNumbers: request.try_number,
      dagVersions: request.version_number,
      ranges: rangesOf(request),
    };
  }

  async #plannedTasks(planHash: string, request: TaskInstanceListQuery): Promise<string[]> {
    const { tasks } = await this.#reader.plans.get(planHash);
    const group = request.task_group_id;
    return tasks
      .filter((task) => request.task_id?.includes(task.taskId) ?? true)
      .filter((task) => request.pool?.includes(task.pool?.name ?? 'default_pool') ?? true)
      .filter((task) => request.queue?.includes(task.queue ?? 'default') ?? true)
      .filter((task) => request.operator?.includes(task.operator) ?? true)
      .filter((task) => group === undefined || task.groupId === group || task.groupId?.startsWith(`${group}.`) === true)
      .map((task) => task.taskId);
  }
}
