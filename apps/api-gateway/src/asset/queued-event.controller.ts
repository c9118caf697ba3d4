import { Controller, Delete, Get, HttpCode, Inject, Param, Query, Res } from '@nestjs/common';
import { ApiBearerAuth, ApiTags } from '@nestjs/swagger';
import { getAsset, queuedAssetEvents } from '@dagbook/read-models';
import type { FastifyReply } from 'fastify';
import { Caller } from '../auth/auth.guard.ts';
import type { Principal } from '../auth/token-desk.ts';
import { CommandDesk } from '../command/command-desk.ts';
import { QueuedEventCollectionResponse, QueuedEventQuery, QueuedEventResponse } from '../dto/asset.ts';
import { notFound } from '../error/api-error.ts';
import { pathAsset, pathDag, query } from '../error/request.pipe.ts';
import { Operation } from '../operation.ts';
import { Reader } from '../reader.ts';
import { queuedEventView } from '../view/asset-view.ts';

/** What waits for the next runs of DAGs that assets schedule; one entry for each DAG and asset. */
@ApiTags('Asset')
@ApiBearerAuth()
@Controller('api/v2')
export class QueuedEventController {
  readonly #reader: Reader;
  readonly #commands: CommandDesk;
  constructor(@Inject(Reader) reader: Reader, @Inject(CommandDesk) commands: CommandDesk) {
    this.#reader = reader;
    this.#commands = commands;
  }

  @Get('assets/:asset_id/queuedEvents')
  @Operation({ id: 'get_asset_queued_events', summary: 'Which DAGs have updates of an asset waiting', answers: QueuedEventCollectionResponse, query: QueuedEventQuery })
  async ofAsset(@Param('asset_id', pathAsset) assetId: number, @Query(query(QueuedEventQuery)) { before }: QueuedEventQuery): Promise<QueuedEventCollectionResponse> {
    return this.#list({ assetId, beforeMs: before });
  }

  @Delete('assets/:asset_id/queuedEvents')
  @HttpCode(204)
  @Operation({ id: 'delete_asset_queued_events', summary: 'Strike out what waits of an asset, for every DAG', answers: null, status: 204, query: QueuedEventQuery, isCommand: true })
  async clearAsset(@Param('asset_id', pathAsset) assetId: number, @Query(query(QueuedEventQuery)) { before }: QueuedEventQuery, @Caller() { username }: Principal, @Res({ passthrough: true }) reply: FastifyReply): Promise<unknown> {
    return this.#clear({ assetId, beforeMs: before }, username, reply, `Queue event with asset_id: \`${assetId}\` was not found`);
  }

  @Get('dags/:dag_id/assets/queuedEvents')
  @Operation({ id: 'get_dag_asset_queued_events', summary: 'Which assets have updates waiting for a DAG', answers: QueuedEventCollectionResponse, query: QueuedEventQuery })
  async ofDag(@Param('dag_id', pathDag) dagId: string, @Query(query(QueuedEventQuery)) { before }: QueuedEventQuery): Promise<QueuedEventCollectionResponse> {
    await this.#reader.dag(dagId);
    return this.#list({ dagId, beforeMs: before });
  }

  @Delete('dags/:dag_id/assets/queuedEvents')
  @HttpCode(204)
  @Operation({ id: 'delete_dag_asset_queued_events', summary: 'Strike out what waits for a DAG', answers: null, status: 204, query: QueuedEventQuery, isCommand: true })
  async clearDag(@Param('dag_id', pathDag) dagId: string, @Query(query(QueuedEventQuery)) { before }: QueuedEventQuery, @Caller() { username }: Principal, @Res({ passthrough: true }) reply: FastifyReply): Promise<unknown> {
    return this.#clear({ dagId, beforeMs: before }, username, reply, `Queue event with dag_id: \`${dagId}\` was not found`);
  }

  @Get('dags/:dag_id/assets/:asset_id/queuedEvents')
  @Operation({ id: 'get_dag_asset_queued_event', summary: 'Whether an update of an asset waits for a DAG', answers: QueuedEventResponse, query: QueuedEventQuery })
  async one(@Param('dag_id', pathDag) dagId: string, @Param('asset_id', pathAsset) assetId: number, @Query(query(QueuedEventQuery)) { before }: QueuedEventQuery): Promise<QueuedEventResponse> {
    const { queued_events: [event] } = await this.#list({ dagId, assetId, beforeMs: before });
    if (event === undefined) throw notFound(missingOne(dagId, assetId));
    return event;
  }

  @Delete('dags/:dag_id/assets/:asset_id/queuedEvents')
  @HttpCode(204)
  @Operation({ id: 'delete_dag_asset_queued_event', summary: 'Strike out what waits of an asset for a DAG', answers: null, status: 204, query: QueuedEventQuery, isCommand: true })
  async clearOne(@Param('dag_id', pathDag) dagId: string, @Param('asset_id', pathAsset) assetId: number, @Query(query(QueuedEventQuery)) { before }: QueuedEventQuery, @Caller() { username }: Principal, @Res({ passthrough: true }) reply: FastifyReply): Promise<unknown> {
    return this.#clear({ dagId, assetId, beforeMs: before }, username, reply, missingOne(dagId, assetId));
  }

  async #list(filter: Parameters<typeof queuedAssetEvents>[1]): Promise<QueuedEventCollectionResponse> {
    const rows = await queuedAssetEvents(this.#reader.db, filter);
    return { queued_events: rows.map(queuedEventView), total_entries: rows.length };
  }

  async #clear(filter: Parameters<typeof queuedAssetEvents>[1], user: string, reply: FastifyReply, missing: string): Promise<unknown> {
    const rows = await queuedAssetEvents(this.#reader.db, filter);
    if (rows.length === 0) throw notFound(missing);
    const asset = filter.assetId === undefined ? null : await getAsset(this.#reader.db, filter.assetId);
    const command = { type: 'ClearAssetQueue', ...(asset === null ? {} : { uris: [asset.uri] }), ...(filter.beforeMs === undefined ? {} : { beforeMs: filter.beforeMs }), user } as const;
    const submitted = await Promise.all([...new Set(rows.map(({ dagId }) => dagId))].map((dagId) => this.#commands.submit(dagId, command)));
    const waiting = submitted.find((one) => one.kind === 'accepted');
    if (waiting === undefined) return undefined;
    void reply.status(202);
    return { command_id: waiting.commandId, detail: 'The command is stored and will be carried out; its outcome is not there yet' };
  }
}

const missingOne = (dagId: string, assetId: number): string => `Queued event with dag_id: \`${dagId}\` and asset_id: \`${assetId}\` was not found`;
