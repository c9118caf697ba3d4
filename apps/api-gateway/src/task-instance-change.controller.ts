import { Body, Controller, Headers, HttpCode, Inject, Param, Patch, Post, Query, Res } from '@nestjs/common';
import { ApiBearerAuth, ApiTags } from '@nestjs/swagger';
import type { RunCommand, RunSpan } from '@dagbook/domain';
import { taskInstancesOf } from '@dagbook/read-models';
import type { AlarmClock } from '@dagbook/platform';
import type { FastifyReply } from 'fastify';
import { Caller } from './auth/auth.guard.ts';
import type { Principal } from './auth/token-desk.ts';
import { answer } from './command/answer.ts';
import { CommandDesk, type Submitted } from './command/command-desk.ts';
import { clearDependents, dependentClears, type ClearedRun } from './dependent-clear.ts';
import { BulkTaskInstanceBody, ClearTaskInstancesBody, TaskInstancePatchBody, TaskInstancePatchQuery } from './dto/request.ts';
import { TaskInstanceCollectionResponse, type AcceptedResponse } from './dto/response.ts';
import { BulkBody, BulkResponse } from './dto/secret.ts';
import { ApiError, badRequest, invalid } from './error/api-error.ts';
import { body, pathDag, pathDagOrAll, pathMapIndex, pathRun, pathRunOrAll, pathTask, query } from './error/request.pipe.ts';
import { Operation } from './operation.ts';
import { Reader } from './reader.ts';
import { refuseUnknownMask } from './run.controller.ts';
import { carryOut } from './secret/bulk.ts';
import { CLOCK } from './token.ts';

const PATH = 'api/v2/dags/:dag_id/dagRuns/:dag_run_id/taskInstances/:task_id';

interface Target {
  readonly dagId: string;
  readonly runId: string;
  readonly taskId: string;
  /** undefined: every instance of the task. */
  readonly mapIndex: number | undefined;
}

/** What a command touches in one run. */
interface Touched {
  readonly runId: string;
  readonly refs: readonly { readonly taskId: string; readonly mapIndex: number }[];
}

/** Clears and marks task instances, or shows what that would change. */
@ApiTags('Task Instance')
@ApiBearerAuth()
@Controller()
export class TaskInstanceChangeController {
  readonly #reader: Reader;
  readonly #commands: CommandDesk;
  readonly #clock: AlarmClock;
  constructor(@Inject(Reader) reader: Reader, @Inject(CommandDesk) commands: CommandDesk, @Inject(CLOCK) clock: AlarmClock) {
    this.#reader = reader;
    this.#commands = commands;
    this.#clock = clock;
  }

  @Patch(PATH)
  @Operation({ id: 'patch_task_instance', summary: 'Mark a task or set its note', answers: TaskInstanceCollectionResponse, query: TaskInstancePatchQuery, body: TaskInstancePatchBody, isCommand: true })
  async patch(
    @Param('dag_id', pathDag) dagId: string,
    @Param('dag_run_id', pathRun) runId: string,
    @Param('task_id', pathTask) taskId: string,
    @Query(query(TaskInstancePatchQuery)) { update_mask: mask, map_index: mapIndex }: TaskInstancePatchQuery,
    @Body(body(TaskInstancePatchBody)) request: TaskInstancePatchBody,
    @Headers('idempotency-key') key: string | undefined,
    @Caller() { username }: Principal,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<TaskInstanceCollectionResponse | AcceptedResponse> {
    return this.#patch({ dagId, runId, taskId, mapIndex }, request, mask, { user: username, key }, reply);
  }

  @Patch(`${PATH}/:map_index`)
  @Operation({ id: 'patch_task_instance_by_map_index', summary: 'Mark one instance of a mapped task or set its note', answers: TaskInstanceCollectionResponse, query: TaskInstancePatchQuery, body: TaskInstancePatchBody, isCommand: true })
  async patchMapped(
    @Param('dag_id', pathDag) dagId: string,
    @Param('dag_run_id', pathRun) runId: string,
    @Param('task_id', pathTask) taskId: string,
    @Param('map_index', pathMapIndex) mapIndex: number,
    @Query(query(TaskInstancePatchQuery)) { update_mask: mask }: TaskInstancePatchQuery,
    @Body(body(TaskInstancePatchBody)) request: TaskInstancePatchBody,
    @Headers('idempotency-key') key: string | undefined,
    @Caller() { username }: Principal,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<TaskInstanceCollectionResponse | AcceptedResponse> {
    return this.#patch({ dagId, runId, taskId, mapIndex }, request, mask, { user: username, key }, reply);
  }

  @Patch(`${PATH}/dry_run`)
  @Operation({ id: 'patch_task_instance_dry_run', summary: 'Show what marking a task would change', answers: TaskInstanceCollectionResponse, query: TaskInstancePatchQuery, body: TaskInstancePatchBody })
  async dryRun(
    @Param('dag_id', pathDag) dagId: string,
    @Param('dag_run_id', pathRun) runId: string,
    @Param('task_id', pathTask) taskId: string,
    @Query(query(TaskInstancePatchQuery)) { map_index: mapIndex }: TaskInstancePatchQuery,
    @Body(body(TaskInstancePatchBody)) request: TaskInstancePatchBody,
  ): Promise<TaskInstanceCollectionResponse> {
    return this.#markDryRun({ dagId, runId, taskId, mapIndex }, request);
  }

  @Patch(`${PATH}/:map_index/dry_run`)
  @Operation({ id: 'patch_task_instance_dry_run_by_map_index', summary: 'Show what marking one instance of a mapped task would change', answers: TaskInstanceCollectionResponse, query: TaskInstancePatchQuery, body: TaskInstancePatchBody })
  async dryRunMapped(
    @Param('dag_id', pathDag) dagId: string,
    @Param('dag_run_id', pathRun) runId: string,
    @Param('task_id', pathTask) taskId: string,
    @Param('map_index', pathMapIndex) mapIndex: number,
    @Query(query(TaskInstancePatchQuery)) _: TaskInstancePatchQuery,
    @Body(body(TaskInstancePatchBody)) request: TaskInstancePatchBody,
  ): Promise<TaskInstanceCollectionResponse> {
    return this.#markDryRun({ dagId, runId, taskId, mapIndex }, request);
  }

  @Patch('api/v2/dags/:dag_id/dagRuns/:dag_run_id/taskInstances')
  @Operation({ id: 'bulk_task_instances', summary: 'Mark many task instances or set their notes; ~ takes DAG and run from each', answers: BulkResponse, body: BulkBody })
  async bulk(
    @Param('dag_id', pathDagOrAll) dagId: string,
    @Param('dag_run_id', pathRunOrAll) runId: string,
    @Body(body(BulkBody)) { actions }: BulkBody,
    @Caller() { username: user }: Principal,
  ): Promise<BulkResponse> {
    const targetOf = (entity: BulkTaskInstanceBody): Target => {
      const [ofDag, ofRun] = [dagId === '~' ? entity.dag_id : dagId, runId === '~' ? entity.dag_run_id : runId];
      if (ofDag === undefined || ofDag === null || ofRun === undefined || ofRun === null) throw badRequest(`${entity.task_id}: give dag_id and dag_run_id where the path says ~`);
      return { dagId: ofDag, runId: ofRun, taskId: entity.task_id, mapIndex: entity.map_index ?? undefined };
    };
    const targets = new Map<string, Target>();
    const idOf = (entity: BulkTaskInstanceBody): string => {
      const target = targetOf(entity);
      const id = `${target.dagId}.${target.runId}.${target.taskId}[${target.mapIndex ?? -1}]`;
      targets.set(id, target);
      return id;
    };
    const neither = async (): Promise<void> => {
      throw badRequest('Task instances are neither created nor deleted: a run has those of its DAG, and keeps them');
    };
    return carryOut(actions, {
      type: BulkTaskInstanceBody,
      idOf,
      exists: async (id) => (await this.#present(targets.get(id) as Target).catch((error: unknown) => {
        if (error instanceof ApiError && error.getStatus() === 404) return null;
        throw error;
      })) !== null,
      create: neither,
      overwrite: neither,
      delete: neither,
      update: async (entity, mask) => void (await this.#submit(targetOf(entity), entity, mask?.filter((field) => field !== 'task_id' && field !== 'map_index'), { user, key: undefined })),
    });
  }

  @Post('api/v2/dags/:dag_id/clearTaskInstances')
  @HttpCode(200)
  @Operation({ id: 'post_clear_task_instances', summary: 'Clear task instances, or show which it would clear', answers: TaskInstanceCollectionResponse, body: ClearTaskInstancesBody, isCommand: true })
  async clear(
    @Param('dag_id', pathDag) dagId: string,
    @Body(body(ClearTaskInstancesBody)) request: ClearTaskInstancesBody,
    @Headers('idempotency-key') key: string | undefined,
    @Caller() { username: user }: Principal,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<TaskInstanceCollectionResponse | AcceptedResponse> {
    await this.#reader.dag(dagId);
    const span = spanOf(request);
    const selection = {
      ...(request.task_ids === undefined ? {} : { tasks: request.task_ids.map((ref) => (typeof ref === 'string' ? { taskId: ref } : { taskId: ref[0], mapIndex: ref[1] })) }),
      upstream: request.include_upstream ?? false,
      downstream: request.include_downstream ?? false,
      onlyFailed: request.only_failed ?? true,
      onlyRunning: request.only_running ?? false,
      ...(request.prevent_running_task === true ? { preventRunning: true } : {}),
      resetRun: request.reset_dag_runs ?? true,
    };
    const touched = await this.#touched(dagId, span, { type: 'ClearTasks', ...selection, nowMs: this.#clock.nowMs() });
    const others = await dependentClears(this.#reader, touched.map((run) => ({ dagId, ...run })), selection, this.#clock.nowMs());
    const all = [...touched.map((run) => ({ dagId, ...run })), ...others];
    if (request.dry_run ?? true) return this.#instances(all);
    const wanted = { ...selection, ...(request.run_on_latest_version === undefined ? {} : { runOnLatestVersion: request.run_on_latest_version }), user };
    const { runId } = span;
    const isOfOne = runId !== undefined && !(span.past ?? false) && !(span.future ?? false);
    const submitted = await this.#commands.submit(dagId, isOfOne ? { type: 'ClearTasks', runId, ...wanted } : { type: 'ClearTasksAcross', span, ...wanted }, key);
    const followed = await clearDependents(this.#commands, others, { ...selection, user }, key);
    return answer(reply, followed ?? submitted, () => this.#instances(all));
  }

  async #patch(
    target: Target,
    request: TaskInstancePatchBody,
    mask: readonly string[] | undefined,
    by: { readonly user: string; readonly key: string | undefined },
    reply: FastifyReply,
  ): Promise<TaskInstanceCollectionResponse | AcceptedResponse> {
    const { submitted, touched } = await this.#submit(target, request, mask, by);
    return answer(reply, submitted, () => this.#instances(touched.map((run) => ({ dagId: target.dagId, ...run }))));
  }

  async #submit(
    target: Target,
    request: TaskInstancePatchBody,
    mask: readonly string[] | undefined,
    { user, key }: { readonly user: string; readonly key: string | undefined },
  ): Promise<{ readonly submitted: Submitted; readonly touched: readonly Touched[] }> {
    const { dagId, runId, taskId } = target;
    const mapIndex = await this.#present(target);
    refuseUnknownMask(mask, ['new_state', 'note', 'include_upstream', 'include_downstream', 'include_past', 'include_future']);
    const isAsked = (field: 'new_state' | 'note'): boolean => (mask === undefined ? request[field] !== undefined : mask.includes(field));
    const state = isAsked('new_state') ? (request.new_state ?? null) : null;
    if (state === null && !isAsked('note')) throw badRequest('Nothing to change: give new_state or note');
    const { mark, span } = markOf(target, request);
    const touched = state === null ? [] : await this.#touched(dagId, span, { type: 'MarkTasks', ...mark, state, by: user, nowMs: this.#clock.nowMs() });
    const isOfOne = !(span.past ?? false) && !(span.future ?? false);
    let submitted = state === null ? undefined
      : await this.#commands.submit(dagId, isOfOne ? { type: 'MarkTasks', runId, ...mark, state, user } : { type: 'MarkTasksAcross', span, ...mark, state, user }, key);
    if (isAsked('note') && submitted?.kind !== 'accepted') {
      submitted = await this.#commands.submit(dagId, { type: 'SetTaskNote', runId, taskId, mapIndex, note: request.note ?? null, user }, key === undefined ? undefined : `${key}.note`);
    }
    const itself: Touched = { runId, refs: [{ taskId, mapIndex }, ...touched.filter((run) => run.runId === runId).flatMap(({ refs }) => refs)] };
    return { submitted: submitted ?? { kind: 'done', result: undefined }, touched: [itself, ...touched.filter((run) => run.runId !== runId)] };
  }

  async #markDryRun(target: Target, request: TaskInstancePatchBody): Promise<TaskInstanceCollectionResponse> {
    await this.#present(target);
    const state = request.new_state ?? null;
    if (state === null) throw badRequest('Nothing to show: give new_state');
    const { mark, span } = markOf(target, request);
    const touched = await this.#touched(target.dagId, span, { type: 'MarkTasks', ...mark, state, by: 'nobody', nowMs: this.#clock.nowMs() });
    return this.#instances(touched.map((run) => ({ dagId: target.dagId, ...run })));
  }

  /** The 404 of what is not there, or the map index that stands for the task. */
  async #present({ dagId, runId, taskId, mapIndex }: Target): Promise<number> {
    await this.#reader.run(dagId, runId);
    const [first] = await taskInstancesOf(this.#reader.db, dagId, runId, [taskId]);
    const wanted = mapIndex ?? first?.mapIndex ?? -1;
    await this.#reader.taskInstance(dagId, runId, taskId, wanted);
    return wanted;
  }

  async #touched(dagId: string, span: RunSpan, command: Extract<RunCommand, { type: 'ClearTasks' | 'MarkTasks' }>): Promise<readonly Touched[]> {
    const touched: Touched[] = [];
    for (const runId of await this.#reader.spanned(dagId, span)) touched.push({ runId, refs: await this.#reader.affected(dagId, runId, command, runId !== span.runId) });
    return touched;
  }

  async #instances(runs: readonly ClearedRun[]): Promise<TaskInstanceCollectionResponse> {
    const instances = [];
    for (const { dagId, runId, refs } of runs) if (refs.length > 0) instances.push(...(await this.#reader.instancesOf(dagId, runId, refs)));
    return { task_instances: instances, total_entries: instances.length };
  }
}

function markOf({ runId, taskId, mapIndex }: Target, request: TaskInstancePatchBody) {
  return {
    mark: {
      tasks: [mapIndex === undefined ? { taskId } : { taskId, mapIndex }],
      upstream: request.include_upstream ?? false,
      downstream: request.include_downstream ?? false,
    },
    span: { runId, past: request.include_past ?? false, future: request.include_future ?? false } satisfies RunSpan,
  };
}

/** One run, with those before and after it when asked; or all between two dates. */
function spanOf(request: ClearTaskInstancesBody): RunSpan {
  const runId = request.dag_run_id ?? undefined;
  const [past, future] = [request.include_past ?? false, request.include_future ?? false];
  const [fromMs, toMs] = [request.start_date ?? undefined, request.end_date ?? undefined];
  if (runId !== undefined) return { runId, past, future };
  if (past || future || (fromMs === undefined && toMs === undefined)) {
    throw invalid([{ type: 'missing', loc: ['body', 'dag_run_id'], msg: 'Field required: a clear is of one run, with include_past and include_future of those before and after it, or it has a start_date or an end_date' }]);
  }
  return { ...(fromMs === undefined ? {} : { fromMs }), ...(toMs === undefined ? {} : { toMs }) };
}
