import { Body, Controller, Get, Headers, HttpCode, Inject, Param, Patch, Post, Query, Res } from '@nestjs/common';
import { ApiBearerAuth, ApiTags } from '@nestjs/swagger';
import type { Json } from '@dagbook/domain';
import { FEED_START, formatPosition, parsePosition } from '@dagbook/event-store';
import { gridRuns, listRuns, runEvents, type RunOrder } from '@dagbook/read-models';
import type { AlarmClock } from '@dagbook/platform';
import type { FastifyReply } from 'fastify';
import { Caller } from './auth/auth.guard.ts';
import type { Principal } from './auth/token-desk.ts';
import { answer } from './command/answer.ts';
import { clearDependents, dependentClears } from './dependent-clear.ts';
import { CommandDesk } from './command/command-desk.ts';
import { GridQuery, orderOf, pageOf, PatchQuery, rangesOf, RunClearBody, RunEventsQuery, RunListQuery, RunPatchBody, TriggerRunBody } from './dto/request.ts';
import {
  DagRunCollectionResponse, DagRunResponse, DeadlineCollectionResponse, GridResponse, RunEventCollectionResponse, StructureResponse, TaskInstanceCollectionResponse, type AcceptedResponse,
} from './dto/response.ts';
import { badRequest, invalid, notFound } from './error/api-error.ts';
import { body, pathDag, pathDagOrAll, pathRun, query } from './error/request.pipe.ts';
import { Operation } from './operation.ts';
import { Reader } from './reader.ts';
import { CLOCK } from './token.ts';
import { structureView } from './view/dag-view.ts';
import { instantOrNull } from './view/instant.ts';
import { gridRunView, runEventView } from './view/run-view.ts';

const RUN_ORDERS = {
  id: 'id', state: 'state', dag_id: 'dagId', run_id: 'runId', dag_run_id: 'runId', logical_date: 'logicalDate', run_after: 'runAfter', start_date: 'startDate',
  end_date: 'endDate', updated_at: 'updatedAt', conf: 'conf', duration: 'duration', run_type: 'runType', data_interval_start: 'dataIntervalStart',
  data_interval_end: 'dataIntervalEnd', triggering_user_name: 'triggeringUser',
} as const satisfies Record<string, RunOrder>;

@ApiTags('DagRun')
@ApiBearerAuth()
@Controller()
export class RunController {
  readonly #reader: Reader;
  readonly #commands: CommandDesk;
  readonly #clock: AlarmClock;
  constructor(@Inject(Reader) reader: Reader, @Inject(CommandDesk) commands: CommandDesk, @Inject(CLOCK) clock: AlarmClock) {
    this.#reader = reader;
    this.#commands = commands;
    this.#clock = clock;
  }

  @Get('api/v2/dags/:dag_id/dagRuns')
  @Operation({ id: 'get_dag_runs', summary: 'List runs; ~ for all DAGs', answers: DagRunCollectionResponse, query: RunListQuery })
  async list(@Param('dag_id', pathDagOrAll) dagId: string, @Query(query(RunListQuery)) request: RunListQuery): Promise<DagRunCollectionResponse> {
    const filter = {
      dagId: dagId === '~' ? undefined : dagId,
      dagIdPattern: request.dag_id_pattern,
      runIdPattern: request.run_id_pattern,
      triggeringUserPattern: request.triggering_user_name_pattern,
      partitionKeyPattern: request.partition_key_pattern,
      states: request.state,
      runTypes: request.run_type,
      dagVersions: request.dag_version,
      bundleVersion: request.bundle_version,
      confContains: request.conf_contains,
      ranges: rangesOf(request),
    };
    const { rows, total } = await listRuns(this.#reader.db, filter, orderOf(request, RUN_ORDERS, [{ field: 'id', descending: false }]), pageOf(request));
    if (dagId !== '~' && total === 0) await this.#reader.dag(dagId);
    return { dag_runs: await this.#reader.runViews(rows), total_entries: total };
  }

  @Get('api/v2/dags/:dag_id/dagRuns/:dag_run_id')
  @Operation({ id: 'get_dag_run', summary: 'One run', answers: DagRunResponse })
  async get(@Param('dag_id', pathDag) dagId: string, @Param('dag_run_id', pathRun) runId: string): Promise<DagRunResponse> {
    return this.#reader.runView(await this.#reader.run(dagId, runId));
  }

  @Post('api/v2/dags/:dag_id/dagRuns')
  @HttpCode(200)
  @Operation({ id: 'trigger_dag_run', summary: 'Start a run by hand', answers: DagRunResponse, body: TriggerRunBody, isCommand: true })
  async trigger(
    @Param('dag_id', pathDag) dagId: string,
    @Body(body(TriggerRunBody)) request: TriggerRunBody,
    @Headers('idempotency-key') key: string | undefined,
    @Headers('x-requested-with') requestedWith: string | undefined,
    @Caller() caller: Principal,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<DagRunResponse | AcceptedResponse> {
    const dag = await this.#reader.dag(dagId);
    if (dag.isStale) throw badRequest(`The DAG ${dagId} is in no file any more: bring its file back to start a run`);
    const interval = intervalOf(request);
    const runAfterMs = request.run_after ?? undefined;
    const submitted = await this.#commands.submit(
      dagId,
      {
        type: 'TriggerRun',
        ...(request.dag_run_id === undefined || request.dag_run_id === null ? {} : { runId: request.dag_run_id }),
        logicalDateMs: request.logical_date ?? null,
        ...(runAfterMs === undefined ? {} : { runAfterMs }),
        ...(interval === undefined ? {} : { dataInterval: interval }),
        conf: (request.conf ?? {}) as { readonly [name: string]: Json },
        ...(request.note === undefined || request.note === null ? {} : { note: request.note }),
        ...(request.partition_key === undefined || request.partition_key === null ? {} : { partitionKey: request.partition_key }),
        triggeredBy: requestedWith === undefined ? 'rest_api' : 'ui',
        user: caller.username,
      },
      key,
    );
    return answer(reply, submitted, async () => {
      const runId = runIdOf(submitted.kind === 'done' ? submitted.result : undefined) ?? request.dag_run_id;
      if (runId === undefined || runId === null) throw notFound(`The run was created, but its id was not told: list the runs of ${dagId}`);
      return this.get(dagId, runId);
    });
  }

  @Patch('api/v2/dags/:dag_id/dagRuns/:dag_run_id')
  @Operation({ id: 'patch_dag_run', summary: 'Mark a run or set its note', answers: DagRunResponse, query: PatchQuery, body: RunPatchBody, isCommand: true })
  async patch(
    @Param('dag_id', pathDag) dagId: string,
    @Param('dag_run_id', pathRun) runId: string,
    @Query(query(PatchQuery)) { update_mask: mask }: PatchQuery,
    @Body(body(RunPatchBody)) request: RunPatchBody,
    @Headers('idempotency-key') key: string | undefined,
    @Caller() { username: user }: Principal,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<DagRunResponse | AcceptedResponse> {
    await this.#reader.run(dagId, runId);
    refuseUnknownMask(mask, ['state', 'note']);
    const isAsked = (field: 'state' | 'note'): boolean => (mask === undefined ? request[field] !== undefined : mask.includes(field));
    const isState = isAsked('state') && request.state !== undefined && request.state !== null;
    if (!isState && !isAsked('note')) throw badRequest('Nothing to change: give state or note');
    let submitted = isState ? await this.#commands.submit(dagId, { type: 'MarkRun', runId, state: request.state as 'queued', user }, key) : undefined;
    if (isAsked('note') && submitted?.kind !== 'accepted') {
      submitted = await this.#commands.submit(dagId, { type: 'SetRunNote', runId, note: request.note ?? null, user }, key === undefined ? undefined : `${key}.note`);
    }
    return answer(reply, submitted ?? { kind: 'done', result: undefined }, () => this.get(dagId, runId));
  }

  @Post('api/v2/dags/:dag_id/dagRuns/:dag_run_id/clear')
  @HttpCode(200)
  @Operation({ id: 'clear_dag_run', summary: 'Clear a run, or show what that would clear', answers: TaskInstanceCollectionResponse, body: RunClearBody, isCommand: true })
  async clear(
    @Param('dag_id', pathDag) dagId: string,
    @Param('dag_run_id', pathRun) runId: string,
    @Body(body(RunClearBody)) request: RunClearBody,
    @Headers('idempotency-key') key: string | undefined,
    @Caller() caller: Principal,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<TaskInstanceCollectionResponse | DagRunResponse | AcceptedResponse> {
    await this.#reader.run(dagId, runId);
    const onlyFailed = request.only_failed ?? false;
    const itself = { dagId, runId, refs: await this.#reader.affected(dagId, runId, { type: 'ClearTasks', onlyFailed, nowMs: this.#clock.nowMs() }) };
    const others = await dependentClears(this.#reader, [itself], { onlyFailed, resetRun: true }, this.#clock.nowMs());
    if (request.dry_run ?? true) {
      const instances = [];
      for (const cleared of [itself, ...others]) instances.push(...(await this.#reader.instancesOf(cleared.dagId, cleared.runId, cleared.refs)));
      return { task_instances: instances, total_entries: instances.length };
    }
    const submitted = await this.#commands.submit(
      dagId,
      { type: 'ClearTasks', runId, onlyFailed, resetRun: true, ...(request.run_on_latest_version === undefined ? {} : { runOnLatestVersion: request.run_on_latest_version }), user: caller.username },
      key,
    );
    const followed = await clearDependents(this.#commands, others, { onlyFailed, resetRun: true, user: caller.username }, key);
    return answer(reply, followed ?? submitted, () => this.get(dagId, runId));
  }

  @Get('api/v2/dags/:dag_id/dagRuns/:dag_run_id/events')
  @Operation({ id: 'get_dag_run_events', summary: 'The events of a run and of its attempts, as they were stored', answers: RunEventCollectionResponse, query: RunEventsQuery })
  async events(@Param('dag_id', pathDag) dagId: string, @Param('dag_run_id', pathRun) runId: string, @Query(query(RunEventsQuery)) request: RunEventsQuery): Promise<RunEventCollectionResponse> {
    await this.#reader.run(dagId, runId);
    const limit = request.limit ?? 500;
    const events = await runEvents(this.#reader.db, dagId, runId, request.after === undefined ? FEED_START : parsePosition(request.after), limit);
    const last = events.at(-1);
    return { events: events.map(runEventView), next_after: last === undefined || events.length < limit ? null : formatPosition(last.position) };
  }

  @Get('ui/dags/:dag_id/dagRuns/:dag_run_id/deadlines')
  @Operation({ id: 'ui_deadlines', summary: 'By when a run must have succeeded, and whether it has', answers: DeadlineCollectionResponse })
  async deadlines(@Param('dag_id', pathDag) dagId: string, @Param('dag_run_id', pathRun) runId: string): Promise<DeadlineCollectionResponse> {
    const deadlines = (await this.#reader.deadlines(dagId, runId)).map(({ deadline, dueAtMs, state }) => ({
      alert_name: deadline.name ?? null, reference: deadline.reference, interval_seconds: deadline.intervalMs / 1000, deadline_time: instantOrNull(dueAtMs), state, missed: state === 'missed',
    }));
    return { deadlines, total_entries: deadlines.length };
  }

  @Get('ui/grid/:dag_id')
  @Operation({ id: 'ui_grid', summary: 'The newest runs of a DAG with their packed states', answers: GridResponse, query: GridQuery })
  async grid(@Param('dag_id', pathDag) dagId: string, @Query(query(GridQuery)) request: GridQuery): Promise<GridResponse> {
    const [dag, runs] = await Promise.all([this.#reader.dag(dagId), gridRuns(this.#reader.db, dagId, request.limit ?? 25, request.before)]);
    return { dag_id: dagId, structure: dag.planHash, runs: runs.map(gridRunView) };
  }

  @Get('ui/grid/:dag_id/structures/:hash')
  @Operation({ id: 'ui_structure', summary: 'Tasks and groups that a strip of states belongs to; it never changes', answers: StructureResponse })
  async structure(@Param('dag_id', pathDag) dagId: string, @Param('hash') hash: string, @Res({ passthrough: true }) reply: FastifyReply): Promise<StructureResponse> {
    const content = /^[\w:.-]{1,200}$/.test(hash) ? await this.#reader.store.getContent('plan', hash) : null;
    const plan = content === null ? undefined : await this.#reader.plans.get(hash);
    if (plan?.definition.dagId !== dagId) throw notFound(`The DAG ${dagId} has no structure ${hash}`);
    void reply.header('cache-control', 'private, max-age=31536000, immutable');
    return structureView(plan);
  }
}

export function refuseUnknownMask(mask: readonly string[] | undefined, allowed: readonly string[]): void {
  const unknown = mask?.find((field) => !allowed.includes(field));
  if (unknown !== undefined) throw badRequest(`'${unknown}' in update_mask cannot be updated; it takes ${allowed.join(', ')}`);
}

function intervalOf(request: TriggerRunBody): { readonly startMs: number; readonly endMs: number } | undefined {
  const { data_interval_start: startMs, data_interval_end: endMs } = request;
  if ((startMs ?? null) === null && (endMs ?? null) === null) return undefined;
  if (startMs === undefined || startMs === null || endMs === undefined || endMs === null) {
    const missing = (startMs ?? null) === null ? 'data_interval_start' : 'data_interval_end';
    throw invalid([{ type: 'value_error', loc: ['body', missing], msg: 'Either both data_interval_start and data_interval_end must be provided or both must be None' }]);
  }
  if (startMs > endMs) throw invalid([{ type: 'value_error', loc: ['body', 'data_interval_end'], msg: 'The data interval ends before it starts' }]);
  return { startMs, endMs };
}

const runIdOf = (result: Json | undefined): string | undefined => {
  const { runId } = (typeof result === 'object' && result !== null && !Array.isArray(result) ? result : {}) as { readonly runId?: unknown };
  return typeof runId === 'string' ? runId : undefined;
};
