import { Body, Controller, Get, Headers, Inject, Param, Patch, Query, Res } from '@nestjs/common';
import { ApiBearerAuth, ApiTags } from '@nestjs/swagger';
import { lastRuns, listDags, listDagVersions, listImportErrors, type DagFilter, type DagOrder, type ListedDag } from '@dagbook/read-models';
import type { AlarmClock } from '@dagbook/platform';
import type { FastifyReply } from 'fastify';
import { Caller } from './auth/auth.guard.ts';
import type { Principal } from './auth/token-desk.ts';
import { answer } from './command/answer.ts';
import { CommandDesk } from './command/command-desk.ts';
import {
  DagListQuery, DagPatchBody, DagPatchQuery, DagStatsQuery, DagVersionListQuery, ImportErrorListQuery, NextRunsQuery, orderOf, pageOf, SourceQuery, TaskListQuery, UiDagListQuery,
} from './dto/request.ts';
import {
  DagCollectionResponse, DagDetailsResponse, DagResponse, DagSourceResponse, DagStatsCollectionResponse, DagVersionCollectionResponse, DagVersionResponse,
  ImportErrorCollectionResponse, ImportErrorResponse, NextRunCollectionResponse, TaskCollectionResponse, TaskResponse, UiDagCollectionResponse, type AcceptedResponse,
} from './dto/response.ts';
import { badRequest, notFound } from './error/api-error.ts';
import { body, pathDag, pathDagOrAll, pathImportError, pathTask, pathVersionNumber, query } from './error/request.pipe.ts';
import { Operation } from './operation.ts';
import { Reader } from './reader.ts';
import { CLOCK } from './token.ts';
import { dagDetailsView, dagStatsView, dagVersionView, dagView, importErrorView, nextRunsView, stripRunView, taskView } from './view/dag-view.ts';

const DAG_ORDERS = {
  dag_id: 'dagId', dag_display_name: 'displayName', last_run_start_date: 'lastRunStart', last_run_state: 'lastRunState', next_dagrun: 'nextRun',
} as const satisfies Record<string, DagOrder>;
const DEFAULT_DAG_ORDER = [{ field: 'dagId', descending: false }] as const;

@ApiTags('DAG')
@ApiBearerAuth()
@Controller()
export class DagController {
  readonly #reader: Reader;
  readonly #commands: CommandDesk;
  readonly #clock: AlarmClock;
  constructor(@Inject(Reader) reader: Reader, @Inject(CommandDesk) commands: CommandDesk, @Inject(CLOCK) clock: AlarmClock) {
    this.#reader = reader;
    this.#commands = commands;
    this.#clock = clock;
  }

  @Get('api/v2/dags')
  @Operation({ id: 'get_dags', summary: 'List DAGs', answers: DagCollectionResponse, query: DagListQuery })
  async list(@Query(query(DagListQuery)) request: DagListQuery): Promise<DagCollectionResponse> {
    const { rows, total } = await listDags(this.#reader.db, filterOf(request), orderOf(request, DAG_ORDERS, DEFAULT_DAG_ORDER), pageOf(request));
    return { dags: await Promise.all(rows.map((dag) => this.#view(dag))), total_entries: total };
  }

  @Get('ui/dags')
  @Operation({ id: 'ui_dags', summary: 'List DAGs with the strip of their last runs', answers: UiDagCollectionResponse, query: UiDagListQuery })
  async listWithRuns(@Query(query(UiDagListQuery)) request: UiDagListQuery): Promise<UiDagCollectionResponse> {
    const { rows, total } = await listDags(this.#reader.db, filterOf(request), orderOf(request, DAG_ORDERS, DEFAULT_DAG_ORDER), pageOf(request));
    const strips = await lastRuns(this.#reader.db, rows.map((dag) => dag.dagId), request.runs ?? 14);
    const dags = rows.map(async (dag) => ({
      ...(await this.#view(dag)),
      latest_runs: (strips.get(dag.dagId) ?? []).map(stripRunView),
    }));
    return { dags: await Promise.all(dags), total_entries: total };
  }

  @Get('api/v2/dags/:dag_id')
  @Operation({ id: 'get_dag', summary: 'One DAG', answers: DagResponse })
  async get(@Param('dag_id', pathDag) dagId: string): Promise<DagResponse> {
    return this.#view(await this.#reader.dag(dagId));
  }

  @Get('api/v2/dags/:dag_id/details')
  @Operation({ id: 'get_dag_details', summary: 'One DAG with its definition', answers: DagDetailsResponse })
  async details(@Param('dag_id', pathDag) dagId: string): Promise<DagDetailsResponse> {
    const dag = await this.#reader.dag(dagId);
    const plan = await this.#reader.planOf(dag);
    const [latest, foresight] = await Promise.all([this.#reader.versionOf(dag), this.#reader.foresight(dag, plan)]);
    return dagDetailsView(dag, plan, { latest, foresight }, this.#clock.nowMs());
  }

  @Get('ui/dags/:dag_id/next')
  @Operation({ id: 'ui_next_runs', summary: 'The runs that the schedule of a DAG makes next', answers: NextRunCollectionResponse, query: NextRunsQuery })
  async next(@Param('dag_id', pathDag) dagId: string, @Query(query(NextRunsQuery)) { n }: NextRunsQuery): Promise<NextRunCollectionResponse> {
    const dag = await this.#reader.dag(dagId);
    const plan = await this.#reader.planOf(dag);
    return nextRunsView(dag, plan, await this.#reader.foresight(dag, plan), n ?? 5, this.#clock.nowMs());
  }

  @Patch('api/v2/dags/:dag_id')
  @Operation({ id: 'patch_dag', summary: 'Pause or unpause a DAG', answers: DagResponse, query: DagPatchQuery, body: DagPatchBody, isCommand: true })
  async patch(
    @Param('dag_id', pathDag) dagId: string,
    @Query(query(DagPatchQuery)) { update_mask: mask }: DagPatchQuery,
    @Body(body(DagPatchBody)) request: DagPatchBody,
    @Headers('idempotency-key') key: string | undefined,
    @Caller() caller: Principal,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<DagResponse | AcceptedResponse> {
    if (mask !== undefined && mask.some((field) => field !== 'is_paused')) throw badRequest('Only `is_paused` field can be updated through the REST API');
    await this.#reader.dag(dagId);
    const submitted = await this.#commands.submit(dagId, { type: 'SetPaused', paused: request.is_paused, user: caller.username }, key);
    return answer(reply, submitted, () => this.get(dagId));
  }

  @Get('api/v2/dagSources/:dag_id')
  @Operation({ id: 'get_dag_source', summary: 'The source of the file that defines a DAG', answers: DagSourceResponse, query: SourceQuery })
  async source(
    @Param('dag_id', pathDag) dagId: string,
    @Query(query(SourceQuery)) request: SourceQuery,
    @Headers('accept') accept: string | undefined,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<DagSourceResponse | string> {
    const dag = await this.#reader.dag(dagId);
    const number = request.version_number ?? dag.dagVersion;
    const version = await this.#reader.versionOf({ dagId, dagVersion: number });
    if (version === undefined) throw notFound(`The source code of the DAG ${dagId}, version_number ${number} was not found`);
    const content = await this.#reader.store.getContent('source', version.bundleHash);
    const text = content === null ? null : new TextDecoder().decode(content);
    if (accept?.startsWith('text/plain') === true) {
      void reply.type('text/plain; charset=utf-8');
      return text ?? '';
    }
    return { content: text, dag_id: dagId, version_number: number, dag_display_name: dag.displayName };
  }

  @Get('api/v2/dagStats')
  @Operation({ id: 'get_dag_stats', summary: 'How many runs of each DAG stand in each state', answers: DagStatsCollectionResponse, query: DagStatsQuery })
  async stats(@Query(query(DagStatsQuery)) { dag_ids: dagIds }: DagStatsQuery): Promise<DagStatsCollectionResponse> {
    const { rows, total } = await listDags(this.#reader.db, { dagIds }, DEFAULT_DAG_ORDER, { limit: 10_000, offset: 0 });
    return { dags: rows.map(dagStatsView), total_entries: total };
  }

  @Get('api/v2/dags/:dag_id/tasks')
  @Operation({ id: 'get_tasks', summary: 'Tasks of a DAG as it is now', answers: TaskCollectionResponse, query: TaskListQuery })
  async tasks(@Param('dag_id', pathDag) dagId: string, @Query(query(TaskListQuery)) request: TaskListQuery): Promise<TaskCollectionResponse> {
    const plan = await this.#reader.planOf(await this.#reader.dag(dagId));
    const key = request.order_by ?? 'task_id';
    const field = key.replace(/^-/, '');
    if (field !== 'task_id' && field !== 'task_display_name') throw badRequest(`Ordering with '${key}' is disallowed; order_by takes task_id, task_display_name`);
    const tasks = plan.tasks.map((task) => taskView(plan, task)).sort((a, b) => ((a[field] ?? '') < (b[field] ?? '') ? -1 : 1));
    return { tasks: key.startsWith('-') ? tasks.reverse() : tasks, total_entries: tasks.length };
  }

  @Get('api/v2/dags/:dag_id/tasks/:task_id')
  @Operation({ id: 'get_task', summary: 'One task of a DAG as it is now', answers: TaskResponse })
  async task(@Param('dag_id', pathDag) dagId: string, @Param('task_id', pathTask) taskId: string): Promise<TaskResponse> {
    const plan = await this.#reader.planOf(await this.#reader.dag(dagId));
    const task = plan.tasks[plan.indexOf.get(taskId) ?? -1];
    if (task === undefined) throw notFound(`Task with id ${taskId} was not found`);
    return taskView(plan, task);
  }

  @Get('api/v2/dags/:dag_id/dagVersions')
  @Operation({ id: 'get_dag_versions', summary: 'Versions of a DAG; ~ for all DAGs', answers: DagVersionCollectionResponse, query: DagVersionListQuery })
  async versions(@Param('dag_id', pathDagOrAll) dagId: string, @Query(query(DagVersionListQuery)) request: DagVersionListQuery): Promise<DagVersionCollectionResponse> {
    const [order] = orderOf(request, { id: 'number', version_number: 'number' } as const, [{ field: 'number', descending: false }]);
    const { rows, total } = await listDagVersions(
      this.#reader.db,
      { dagId: dagId === '~' ? undefined : dagId, dagVersion: request.version_number },
      order?.descending ?? false,
      pageOf(request),
    );
    if (dagId !== '~' && total === 0) await this.#reader.dag(dagId);
    return { dag_versions: rows.map((row) => dagVersionView(row, row.dagId)), total_entries: total };
  }

  @Get('api/v2/dags/:dag_id/dagVersions/:version_number')
  @Operation({ id: 'get_dag_version', summary: 'One version of a DAG', answers: DagVersionResponse })
  async version(@Param('dag_id', pathDag) dagId: string, @Param('version_number', pathVersionNumber) number: number): Promise<DagVersionResponse> {
    const dag = await this.#reader.dag(dagId);
    const version = await this.#reader.versionOf({ dagId, dagVersion: number });
    if (version === undefined) throw notFound(`The DagVersion with dag_id: \`${dagId}\` and version_number: \`${number}\` was not found`);
    return dagVersionView(version, dag.displayName);
  }

  @Get('api/v2/importErrors')
  @Operation({ id: 'get_import_errors', summary: 'Files that cannot be read now', answers: ImportErrorCollectionResponse, query: ImportErrorListQuery })
  async importErrors(@Query(query(ImportErrorListQuery)) request: ImportErrorListQuery): Promise<ImportErrorCollectionResponse> {
    const order = orderOf(request, { id: 'id', import_error_id: 'id', timestamp: 'timestamp', filename: 'filename' } as const, [{ field: 'id', descending: false }]);
    const { rows, total } = await listImportErrors(this.#reader.db, { filePattern: request.filename_pattern }, order, pageOf(request));
    return { import_errors: rows.map(importErrorView), total_entries: total };
  }

  @Get('api/v2/importErrors/:import_error_id')
  @Operation({ id: 'get_import_error', summary: 'One file that cannot be read now', answers: ImportErrorResponse })
  async importError(@Param('import_error_id', pathImportError) errorKey: number): Promise<ImportErrorResponse> {
    const { rows } = await listImportErrors(this.#reader.db, { errorKey }, [], { limit: 1, offset: 0 });
    if (rows[0] === undefined) throw notFound(`The ImportError with import_error_id: \`${errorKey}\` was not found`);
    return importErrorView(rows[0]);
  }

  async #view(dag: ListedDag): Promise<DagResponse> {
    const plan = await this.#reader.planOf(dag);
    return dagView(dag, plan, await this.#reader.foresight(dag, plan), this.#clock.nowMs());
  }
}

const filterOf = (request: DagListQuery): DagFilter => ({
  excludeStale: request.exclude_stale ?? true,
  tags: request.tags,
  tagsMatch: request.tags_match_mode,
  owners: request.owners,
  dagIdPattern: request.dag_id_pattern,
  displayNamePattern: request.dag_display_name_pattern,
  paused: request.paused,
  hasImportErrors: request.has_import_errors,
  lastRunState: request.last_dag_run_state,
});
