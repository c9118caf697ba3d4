import { Body, Controller, Get, Headers, HttpCode, Inject, Param, Post, Put, Query, Res } from '@nestjs/common';
import { ApiBearerAuth, ApiTags } from '@nestjs/swagger';
import { backfillAction, backfillDates, refusesBackfill, type BackfillRequest, type ForeseenRuns, type Json } from '@dagbook/domain';
import { getBackfill, listBackfills, runsByLogicalDate, type BackfillOrder, type BackfillRow } from '@dagbook/read-models';
import type { AlarmClock } from '@dagbook/platform';
import type { FastifyReply } from 'fastify';
import { Caller } from './auth/auth.guard.ts';
import type { Principal } from './auth/token-desk.ts';
import { answer } from './command/answer.ts';
import { CommandDesk, type Submitted } from './command/command-desk.ts';
import { refusalStatus } from './command/refusal-status.ts';
import { BackfillBody, BackfillListQuery, orderOf, pageOf } from './dto/request.ts';
import { BackfillCollectionResponse, BackfillDryRunCollectionResponse, BackfillResponse, type AcceptedResponse } from './dto/response.ts';
import { ApiError, notFound } from './error/api-error.ts';
import { body, pathBackfill, query } from './error/request.pipe.ts';
import { Operation } from './operation.ts';
import { Reader } from './reader.ts';
import { CLOCK } from './token.ts';
import { backfillView } from './view/backfill-view.ts';
import { instant } from './view/instant.ts';

const ORDERS = { id: 'id', from_date: 'fromDate', to_date: 'toDate', created_at: 'createdAt', completed_at: 'completedAt', updated_at: 'updatedAt' } as const satisfies Record<string, BackfillOrder>;

@ApiTags('Backfill')
@ApiBearerAuth()
@Controller('api/v2/backfills')
export class BackfillController {
  readonly #reader: Reader;
  readonly #commands: CommandDesk;
  readonly #clock: AlarmClock;
  constructor(@Inject(Reader) reader: Reader, @Inject(CommandDesk) commands: CommandDesk, @Inject(CLOCK) clock: AlarmClock) {
    this.#reader = reader;
    this.#commands = commands;
    this.#clock = clock;
  }

  @Get()
  @Operation({ id: 'list_backfills', summary: 'List backfills', answers: BackfillCollectionResponse, query: BackfillListQuery })
  async list(@Query(query(BackfillListQuery)) request: BackfillListQuery): Promise<BackfillCollectionResponse> {
    const { dag_id: dagId, active } = request;
    const { rows, total } = await listBackfills(this.#reader.db, { dagId, active }, orderOf(request, ORDERS, [{ field: 'id', descending: false }]), pageOf(request));
    if (dagId !== undefined && total === 0) await this.#reader.dag(dagId);
    return { backfills: await Promise.all(rows.map((row) => this.#view(row))), total_entries: total };
  }

  @Get(':backfill_id')
  @Operation({ id: 'get_backfill', summary: 'One backfill', answers: BackfillResponse })
  async get(@Param('backfill_id', pathBackfill) id: number): Promise<BackfillResponse> {
    return this.#view(await this.#backfill(id));
  }

  @Post()
  @HttpCode(200)
  @Operation({ id: 'create_backfill', summary: 'Make the runs of a range of dates', answers: BackfillResponse, body: BackfillBody, isCommand: true })
  async create(
    @Body(body(BackfillBody)) request: BackfillBody,
    @Headers('idempotency-key') key: string | undefined,
    @Caller() { username: user }: Principal,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<BackfillResponse | AcceptedResponse> {
    const { dag_id: dagId } = request;
    await this.#reader.dag(dagId);
    const submitted = await this.#commands.submit(dagId, { type: 'CreateBackfill', ...requestOf(request), user }, key);
    return answer(reply, submitted, async () => {
      const { backfillId } = (submitted as Extract<Submitted, { kind: 'done' }>).result as { readonly backfillId: string };
      const row = await getBackfill(this.#reader.db, { dagId, backfillId });
      if (row === null) throw notFound(`The backfill was created, but cannot be read yet: list the backfills of ${dagId}`);
      return this.#view(row);
    });
  }

  @Post('dry_run')
  @HttpCode(200)
  @Operation({ id: 'create_backfill_dry_run', summary: 'Show which runs a backfill would make, and which dates it would leave as they are', answers: BackfillDryRunCollectionResponse, body: BackfillBody })
  async dryRun(@Body(body(BackfillBody)) request: BackfillBody, @Caller() { username }: Principal): Promise<BackfillDryRunCollectionResponse> {
    const { definition } = await this.#reader.planOf(await this.#reader.dag(request.dag_id));
    const asked = requestOf(request);
    const nowMs = this.#clock.nowMs();
    const foreseen = definition.schedule.kind === 'custom' ? await this.#foreseen(request.dag_id, asked, username) : undefined;
    const refusal = refusesBackfill(definition, asked, nowMs, foreseen);
    if (refusal !== null) throw new ApiError(refusalStatus(refusal.code), refusal.message);
    const dates = backfillDates(definition, asked, nowMs, foreseen?.runs).map(({ interval }) => interval.startMs);
    const runs = await runsByLogicalDate(this.#reader.db, request.dag_id, Math.min(...dates), Math.max(...dates));
    const runOf = new Map(runs.map((run) => [run.logicalDateMs, run]));
    const decided = dates.map((logicalDateMs) => {
      const run = runOf.get(logicalDateMs);
      return { logical_date: instant(logicalDateMs), partition_key: null, partition_date: null, action: backfillAction(asked.reprocessBehavior, run?.state), dag_run_id: run?.runId ?? null, state: run?.state ?? null };
    });
    const made = decided.filter(({ action }) => action !== 'skip');
    return { backfills: made, total_entries: made.length, skipped: decided.filter(({ action }) => action === 'skip') };
  }

  @Put(':backfill_id/pause')
  @Operation({ id: 'pause_backfill', summary: 'Begin no further run of a backfill', answers: BackfillResponse, isCommand: true })
  async pause(@Param('backfill_id', pathBackfill) id: number, @Caller() { username }: Principal, @Res({ passthrough: true }) reply: FastifyReply): Promise<BackfillResponse | AcceptedResponse> {
    return this.#change(id, reply, (backfillId) => ({ type: 'SetBackfillPaused', backfillId, paused: true, user: username }));
  }

  @Put(':backfill_id/unpause')
  @Operation({ id: 'unpause_backfill', summary: 'Go on with a paused backfill', answers: BackfillResponse, isCommand: true })
  async unpause(@Param('backfill_id', pathBackfill) id: number, @Caller() { username }: Principal, @Res({ passthrough: true }) reply: FastifyReply): Promise<BackfillResponse | AcceptedResponse> {
    return this.#change(id, reply, (backfillId) => ({ type: 'SetBackfillPaused', backfillId, paused: false, user: username }));
  }

  @Put(':backfill_id/cancel')
  @Operation({ id: 'cancel_backfill', summary: 'End a backfill: what it has not begun never begins, what runs goes on', answers: BackfillResponse, isCommand: true })
  async cancel(@Param('backfill_id', pathBackfill) id: number, @Caller() { username }: Principal, @Res({ passthrough: true }) reply: FastifyReply): Promise<BackfillResponse | AcceptedResponse> {
    return this.#change(id, reply, (backfillId) => ({ type: 'CancelBackfill', backfillId, user: username }));
  }

  /** What the DAG's own timetable says of the range; its code runs where the DAG's owner lets it. */
  async #foreseen(dagId: string, { fromMs, toMs }: BackfillRequest, user: string): Promise<ForeseenRuns> {
    const submitted = await this.#commands.submit(dagId, { type: 'ForeseeRuns', fromMs, toMs, user });
    if (submitted.kind === 'accepted') throw new ApiError(503, `No scheduler has asked the timetable of ${dagId} yet: ask again`);
    return submitted.result as unknown as ForeseenRuns;
  }

  async #change(id: number, reply: FastifyReply, command: (backfillId: string) => Parameters<CommandDesk['submit']>[1]): Promise<BackfillResponse | AcceptedResponse> {
    const row = await this.#backfill(id);
    return answer(reply, await this.#commands.submit(row.dagId, command(row.backfillId)), () => this.get(id));
  }

  async #backfill(id: number): Promise<BackfillRow> {
    const row = await getBackfill(this.#reader.db, { backfillKey: id });
    if (row === null) throw notFound(`Backfill with id ${id} not found`);
    return row;
  }

  async #view(row: BackfillRow): Promise<BackfillResponse> {
    return backfillView(row, (await this.#reader.dag(row.dagId)).displayName);
  }
}

const requestOf = (request: BackfillBody): BackfillRequest => ({
  fromMs: request.from_date,
  toMs: request.to_date,
  reprocessBehavior: request.reprocess_behavior ?? 'none',
  runBackwards: request.run_backwards ?? false,
  maxActiveRuns: request.max_active_runs ?? 10,
  conf: (request.dag_run_conf ?? {}) as { readonly [name: string]: Json },
  runOnLatestVersion: request.run_on_latest_version ?? true,
});
