import { Body, Controller, Get, Headers, HttpCode, Inject, Param, Post, Query, Res } from '@nestjs/common';
import { ApiBearerAuth, ApiTags } from '@nestjs/swagger';
import { assetCommandKey } from '@dagbook/contracts';
import type { Json } from '@dagbook/domain';
import { parsePosition } from '@dagbook/event-store';
import { getAlias, getAsset, listAliases, listAssetEvents, listAssets, type AssetEventFilter, type AssetEventOrder, type AssetOrder, type ListedAsset, type Page } from '@dagbook/read-models';
import type { FastifyReply } from 'fastify';
import { Caller } from '../auth/auth.guard.ts';
import type { Principal } from '../auth/token-desk.ts';
import { answer } from '../command/answer.ts';
import { CommandDesk } from '../command/command-desk.ts';
import {
  AssetAliasCollectionResponse, AssetAliasListQuery, AssetAliasResponse, AssetCollectionResponse, AssetEventBody, AssetEventCollectionResponse, AssetEventListQuery, AssetEventResponse, AssetListQuery, AssetResponse,
  MaterializeAssetBody, timestampRanges, UpstreamAssetEventCollectionResponse,
} from '../dto/asset.ts';
import { orderOf, pageOf } from '../dto/request.ts';
import { DagRunResponse, type AcceptedResponse } from '../dto/response.ts';
import { badRequest, invalid, notFound } from '../error/api-error.ts';
import { body, pathAlias, pathAsset, pathDag, pathRun, query } from '../error/request.pipe.ts';
import { Operation } from '../operation.ts';
import { Reader } from '../reader.ts';
import { aliasView, assetEventView, assetView } from '../view/asset-view.ts';

const ASSET_ORDERS = { id: 'id', name: 'name', uri: 'uri', created_at: 'createdAt', updated_at: 'updatedAt' } as const satisfies Record<string, AssetOrder>;
const EVENT_ORDERS = {
  id: 'id', timestamp: 'timestamp', source_dag_id: 'sourceDagId', source_task_id: 'sourceTaskId', source_run_id: 'sourceRunId', source_map_index: 'sourceMapIndex',
} as const satisfies Record<string, AssetEventOrder>;

@ApiTags('Asset')
@ApiBearerAuth()
@Controller('api/v2')
export class AssetController {
  readonly #reader: Reader;
  readonly #commands: CommandDesk;
  constructor(@Inject(Reader) reader: Reader, @Inject(CommandDesk) commands: CommandDesk) {
    this.#reader = reader;
    this.#commands = commands;
  }

  @Get('assets')
  @Operation({ id: 'get_assets', summary: 'List assets', answers: AssetCollectionResponse, query: AssetListQuery })
  async list(@Query(query(AssetListQuery)) request: AssetListQuery): Promise<AssetCollectionResponse> {
    const filter = { namePattern: request.name_pattern, uriPattern: request.uri_pattern, dagIds: request.dag_ids, onlyActive: request.only_active ?? true };
    const { rows, total } = await listAssets(this.#reader.db, filter, orderOf(request, ASSET_ORDERS, [{ field: 'id', descending: false }]), pageOf(request));
    return { assets: rows.map(assetView), total_entries: total };
  }

  @Get('assets/aliases')
  @Operation({ id: 'get_asset_aliases', summary: 'List aliases of assets', answers: AssetAliasCollectionResponse, query: AssetAliasListQuery })
  async aliases(@Query(query(AssetAliasListQuery)) request: AssetAliasListQuery): Promise<AssetAliasCollectionResponse> {
    const { rows, total } = await listAliases(this.#reader.db, request.name_pattern, orderOf(request, { id: 'id', name: 'name' } as const, [{ field: 'id', descending: false }]), pageOf(request));
    return { asset_aliases: rows.map(aliasView), total_entries: total };
  }

  @Get('assets/aliases/:asset_alias_id')
  @Operation({ id: 'get_asset_alias', summary: 'One alias', answers: AssetAliasResponse })
  async alias(@Param('asset_alias_id', pathAlias) aliasId: number): Promise<AssetAliasResponse> {
    const alias = await getAlias(this.#reader.db, aliasId);
    if (alias === null) throw notFound(`The AssetAlias with ID: \`${aliasId}\` was not found`);
    return aliasView(alias);
  }

  @Get('assets/events')
  @Operation({ id: 'get_asset_events', summary: 'List updates of assets, with the runs that took them', answers: AssetEventCollectionResponse, query: AssetEventListQuery })
  async events(@Query(query(AssetEventListQuery)) request: AssetEventListQuery): Promise<AssetEventCollectionResponse> {
    const filter: AssetEventFilter = {
      assetId: request.asset_id, sourceDagId: request.source_dag_id, sourceTaskId: request.source_task_id, sourceRunId: request.source_run_id, sourceMapIndex: request.source_map_index, namePattern: request.name_pattern,
      ranges: timestampRanges(request),
    };
    return this.#events(filter, request, pageOf(request));
  }

  @Post('assets/events')
  @HttpCode(200)
  @Operation({ id: 'create_asset_event', summary: 'Record that an asset was updated outside', answers: AssetEventResponse, body: AssetEventBody, isCommand: true })
  async record(
    @Body(body(AssetEventBody)) request: AssetEventBody,
    @Headers('idempotency-key') key: string | undefined,
    @Caller() { username: user }: Principal,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<AssetEventResponse | AcceptedResponse> {
    const uri = await this.#uriOf(request);
    const partition = request.partition_key === undefined || request.partition_key === null ? {} : { partitionKey: request.partition_key };
    const submitted = await this.#commands.submit(assetCommandKey(uri), { type: 'RecordAssetEvent', uri, extra: { ...request.extra, from_rest_api: true }, ...partition, user }, key);
    return answer(reply, submitted, async () => {
      const position = submitted.kind === 'done' ? (submitted.position ?? null) : null;
      if (position === null) throw notFound('The event was recorded, but its place was not told: list the events of the asset');
      const { rows: [event] } = await listAssetEvents(this.#reader.db, { eventKey: Number(parsePosition(position).pos) }, [], { limit: 1, offset: 0 });
      if (event === undefined) throw notFound('The event was recorded, but cannot be read yet: list the events of the asset');
      return assetEventView(event);
    });
  }

  @Get('assets/:asset_id')
  @Operation({ id: 'get_asset', summary: 'One asset: who writes it, who reads it, which DAGs it schedules', answers: AssetResponse })
  async get(@Param('asset_id', pathAsset) assetId: number): Promise<AssetResponse> {
    return assetView(await this.#asset(assetId));
  }

  @Post('assets/:asset_id/materialize')
  @HttpCode(200)
  @Operation({ id: 'materialize_asset', summary: 'Run the DAG that writes an asset', answers: DagRunResponse, body: MaterializeAssetBody, isCommand: true })
  async materialize(
    @Param('asset_id', pathAsset) assetId: number,
    @Body(body(MaterializeAssetBody)) request: MaterializeAssetBody,
    @Headers('idempotency-key') key: string | undefined,
    @Caller() { username: user }: Principal,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<DagRunResponse | AcceptedResponse> {
    const dagId = producerOf(await this.#asset(assetId));
    const { data_interval_start: startMs, data_interval_end: endMs } = request;
    if ((typeof startMs === 'number') !== (typeof endMs === 'number')) throw invalid([{ type: 'value_error', loc: ['body'], msg: 'Either both data_interval_start and data_interval_end must be provided or both must be null', input: null }]);
    const submitted = await this.#commands.submit(dagId, {
      type: 'TriggerRun', runType: 'asset_materialization', triggeredBy: 'rest_api', user, logicalDateMs: request.logical_date ?? null, conf: (request.conf ?? {}) as { readonly [name: string]: Json },
      ...(typeof request.dag_run_id === 'string' ? { runId: request.dag_run_id } : {}),
      ...(typeof request.run_after === 'number' ? { runAfterMs: request.run_after } : {}),
      ...(typeof startMs === 'number' && typeof endMs === 'number' ? { dataInterval: { startMs, endMs } } : {}),
      ...(typeof request.note === 'string' ? { note: request.note } : {}),
      ...(typeof request.partition_key === 'string' ? { partitionKey: request.partition_key } : {}),
    }, key);
    return answer(reply, submitted, async () => {
      const { runId } = (submitted.kind === 'done' ? submitted.result : {}) as { readonly runId: string };
      return this.#reader.runView(await this.#reader.run(dagId, runId));
    });
  }

  @Get('dags/:dag_id/dagRuns/:dag_run_id/upstreamAssetEvents')
  @Operation({ id: 'get_upstream_asset_events', summary: 'The updates that a run was made for', answers: UpstreamAssetEventCollectionResponse })
  async upstream(@Param('dag_id', pathDag) dagId: string, @Param('dag_run_id', pathRun) runId: string): Promise<UpstreamAssetEventCollectionResponse> {
    await this.#reader.run(dagId, runId);
    const told = await this.#events({ takenBy: { dagId, runId } }, {}, { limit: 10_000, offset: 0 });
    return { ...told, omitted_entries: await this.#reader.omittedAssetEvents(dagId, runId) };
  }

  async #events(filter: AssetEventFilter, request: { readonly order_by?: readonly string[] }, page: Page): Promise<AssetEventCollectionResponse> {
    const { rows, total } = await listAssetEvents(this.#reader.db, filter, orderOf(request, EVENT_ORDERS, [{ field: 'timestamp', descending: false }]), page);
    return { asset_events: rows.map(assetEventView), total_entries: total };
  }

  async #uriOf({ asset_id: assetId, uri }: AssetEventBody): Promise<string> {
    if (assetId !== undefined) return (await this.#asset(assetId)).uri;
    if (uri !== undefined) return uri;
    throw invalid([{ type: 'missing', loc: ['body', 'asset_id'], msg: 'Field required', input: null }]);
  }

  async #asset(assetId: number): Promise<ListedAsset> {
    const asset = await getAsset(this.#reader.db, assetId);
    if (asset === null) throw notFound(`The Asset with ID: \`${assetId}\` was not found`);
    return asset;
  }
}

/** The one DAG that writes it. */
function producerOf({ uri, references }: ListedAsset): string {
  const [dagId, ...others] = [...new Set(references.filter(({ kind }) => kind === 'outlet').map((reference) => reference.dagId))];
  if (dagId === undefined) throw notFound(`No DAG materializes asset with URI: ${uri}`);
  if (others.length > 0) throw badRequest(`More than one DAG materializes asset with URI: ${uri} (${[dagId, ...others].join(', ')}): trigger the one that you mean`);
  return dagId;
}
