import type { AssetCondition, AssetDefinition } from '@dagbook/domain';
import type { AssetEventRun, ListedAlias, ListedAsset, ListedAssetEvent, QueuedAssetEvent } from '@dagbook/read-models';
import type { AssetAliasResponse, AssetEventResponse, AssetResponse, DagRunAssetReference, QueuedEventResponse } from '../dto/asset.ts';
import { instant, instantOrNull } from './instant.ts';

/** Airflow's default. */
const GROUP = 'asset';

export const aliasView = ({ aliasId, name }: ListedAlias): AssetAliasResponse => ({ id: aliasId, name, group: GROUP });

export function assetView(asset: ListedAsset): AssetResponse {
  const { assetId, uri, name, group, extra, createdAtMs, updatedAtMs, lastEventKey, lastEventAtMs, aliases, references } = asset;
  const of = (kind: ListedAsset['references'][number]['kind']) => references.filter((reference) => reference.kind === kind)
    .map(({ dagId, taskId, ...at }) => ({ dag_id: dagId, task_id: taskId, created_at: instant(at.createdAtMs), updated_at: instant(at.updatedAtMs) }));
  return {
    id: assetId, name, uri, group: group ?? GROUP, extra: extra ?? {}, created_at: instant(createdAtMs), updated_at: instant(updatedAtMs),
    scheduled_dags: of('schedule').map(({ task_id: _, ...reference }) => reference),
    producing_tasks: of('outlet'),
    consuming_tasks: of('inlet'),
    aliases: aliases.map(aliasView),
    // They are no triggers here, and have no ids: the asset's stands for all of its watchers.
    watchers: of('watcher').map(({ task_id: watcher, created_at: createdAt }) => ({ name: watcher, trigger_id: assetId, created_date: createdAt })),
    last_asset_event: lastEventKey === null ? null : { id: lastEventKey, timestamp: instantOrNull(lastEventAtMs) },
  };
}

export const assetEventView = (event: ListedAssetEvent): AssetEventResponse => ({
  id: event.eventKey, asset_id: event.assetId, uri: event.uri, name: event.name, group: event.group ?? GROUP, extra: event.extra,
  source_task_id: event.sourceTaskId, source_dag_id: event.sourceDagId, source_run_id: event.sourceRunId, source_map_index: event.sourceMapIndex,
  created_dagruns: event.runs.map(takenBy), timestamp: instant(event.atMs), partition_key: event.partitionKey,
});

const takenBy = ({ dagId, runId, state, runAfterMs, startedAtMs, endedAtMs, partitionKey }: AssetEventRun): DagRunAssetReference => ({
  run_id: runId, dag_id: dagId, logical_date: null, start_date: instant(startedAtMs ?? runAfterMs), end_date: instantOrNull(endedAtMs), state, data_interval_start: null, data_interval_end: null, partition_key: partitionKey,
});

export const queuedEventView = ({ dagId, dagDisplayName, assetId, atMs }: QueuedAssetEvent): QueuedEventResponse =>
  ({ dag_id: dagId, asset_id: assetId, created_at: instant(atMs), dag_display_name: dagDisplayName });

const namesOf = ({ name, group }: Partial<AssetDefinition> = {}): object => ({ ...(name === undefined ? {} : { name }), ...(group === undefined ? {} : { group }) });

/** As Airflow writes it: `{"all": [{"asset": {…}}, {"any": […]}]}`. */
export function assetExpression(condition: AssetCondition, described: readonly AssetDefinition[] = []): object {
  switch (condition.kind) {
    case 'asset':
      return { asset: { uri: condition.uri, name: condition.uri, group: GROUP, ...namesOf(described.find(({ uri }) => uri === condition.uri)) } };
    case 'alias':
      return { alias: { name: condition.name, group: GROUP } };
    case 'all':
      return { all: condition.of.map((part) => assetExpression(part, described)) };
    case 'any':
      return { any: condition.of.map((part) => assetExpression(part, described)) };
  }
}
