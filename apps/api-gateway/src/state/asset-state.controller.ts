import { Body, Controller, Delete, Get, HttpCode, Inject, Param, Put, Query } from '@nestjs/common';
import { ApiBearerAuth, ApiTags } from '@nestjs/swagger';
import type { StateStorePolicy, StateWriter } from '@dagbook/domain';
import { type AssetStateEntry, StateStore } from '@dagbook/event-store';
import { getAsset } from '@dagbook/read-models';
import { pageOf } from '../dto/request.ts';
import { AssetStateCollectionResponse, AssetStateResponse, StateBody, StatePageQuery, type StateWriterResponse } from '../dto/state.ts';
import { notFound } from '../error/api-error.ts';
import { body, pathAsset, query } from '../error/request.pipe.ts';
import { Operation } from '../operation.ts';
import { Reader } from '../reader.ts';
import { STATE_STORE_POLICY } from '../token.ts';
import { instant } from '../view/instant.ts';
import { pathStateKey, shownState, textIn } from './state-request.ts';

/** What tasks and watchers keep of an asset, as Airflow serves it. */
@ApiTags('Asset State Store')
@ApiBearerAuth()
@Controller('api/v2/assets/:asset_id/state-store')
export class AssetStateController {
  readonly #states: StateStore;
  readonly #reader: Reader;
  readonly #policy: StateStorePolicy;
  constructor(@Inject(StateStore) states: StateStore, @Inject(Reader) reader: Reader, @Inject(STATE_STORE_POLICY) policy: StateStorePolicy) {
    this.#states = states;
    this.#reader = reader;
    this.#policy = policy;
  }

  @Get()
  @Operation({ id: 'list_asset_state_store', summary: 'What is kept of an asset, by key, and who wrote it', answers: AssetStateCollectionResponse, query: StatePageQuery })
  async list(@Param('asset_id', pathAsset) assetId: number, @Query(query(StatePageQuery)) request: StatePageQuery): Promise<AssetStateCollectionResponse> {
    const { entries, total } = await this.#states.assetEntries(await this.#uri(assetId), pageOf(request));
    return { asset_state_store: entries.map(view), total_entries: total };
  }

  @Get(':key')
  @Operation({ id: 'get_asset_state_store', summary: 'One entry', answers: AssetStateResponse })
  async get(@Param('asset_id', pathAsset) assetId: number, @Param('key', pathStateKey) key: string): Promise<AssetStateResponse> {
    const entry = await this.#states.assetEntry(await this.#uri(assetId), key);
    if (entry === null) throw notFound(`Asset state store key '${key}' not found`);
    return view(entry);
  }

  @Put(':key')
  @HttpCode(204)
  @Operation({ id: 'set_asset_state_store', summary: 'Keep a value of an asset', answers: null, status: 204, body: StateBody })
  async set(@Param('asset_id', pathAsset) assetId: number, @Param('key', pathStateKey) key: string, @Body(body(StateBody)) { value }: StateBody): Promise<void> {
    await this.#states.setAsset(await this.#uri(assetId), { key, text: textIn(value, this.#policy), writtenBy: { kind: 'api' } });
  }

  @Delete(':key')
  @HttpCode(204)
  @Operation({ id: 'delete_asset_state_store', summary: 'Delete an entry, if there is one', answers: null, status: 204 })
  async delete(@Param('asset_id', pathAsset) assetId: number, @Param('key', pathStateKey) key: string): Promise<void> {
    await this.#states.deleteAsset(await this.#uri(assetId), key);
  }

  @Delete()
  @HttpCode(204)
  @Operation({ id: 'clear_asset_state_store', summary: 'Delete all that is kept of an asset', answers: null, status: 204 })
  async clear(@Param('asset_id', pathAsset) assetId: number): Promise<void> {
    await this.#states.deleteAsset(await this.#uri(assetId), null);
  }

  async #uri(assetId: number): Promise<string> {
    const asset = await getAsset(this.#reader.db, assetId);
    if (asset === null) throw notFound(`Asset with id ${assetId} not found`);
    return asset.uri;
  }
}

const view = ({ key, value, updatedAtMs, writtenBy }: AssetStateEntry): AssetStateResponse => ({ key, value: shownState(key, value), updated_at: instant(updatedAtMs), last_updated_by: writerView(writtenBy) });

const writerView = (writer: StateWriter): StateWriterResponse =>
  writer.kind === 'task'
    ? { kind: writer.kind, dag_id: writer.dagId, run_id: writer.runId, task_id: writer.taskId, map_index: writer.mapIndex }
    : { kind: writer.kind, dag_id: null, run_id: null, task_id: null, map_index: null };
