import { assetUriRule, MAX_ASSET_EXTRA, partitionKeyRule, type EmittedAssetEvent, type Json, type QueuedUpdate, type RunPartition } from '@dagbook/domain';
import type { AssetEventQuery, Work } from '@dagbook/contracts';
import { aliasesIn, urisIn } from './asset.ts';
import { TaskFailure } from './error.ts';
import type { Asset, AssetAlias, AssetEvent, EmitOptions } from './types.ts';

/** What one task may say of assets altogether, as JSON: it stands in the event of its success. */
const MAX_EMITTED = 32_768;

interface Emitter {
  readonly taskId: string;
  readonly outlets: readonly (Asset | AssetAlias)[];
  readonly partition: Partial<RunPartition>;
}

/** What a task emits, if it may: one update, or one for each of the partitions that it names. */
export function emittedEvents({ taskId, outlets, partition }: Emitter, asset: Asset, extra: Json, { alias, partitionKey }: EmitOptions): readonly EmittedAssetEvent[] {
  const refuse = (what: string): never => {
    throw new TaskFailure('bad_output', `task '${taskId}' ${what}`, { retry: false });
  };
  const wrong = assetUriRule(asset.uri);
  if (wrong !== undefined) refuse(`emits the asset ${JSON.stringify(asset.uri)}, which ${wrong.rule}: ${wrong.remedy}`);
  if (alias === undefined && !urisIn(outlets).includes(asset.uri)) refuse(`emits '${asset.uri}', which is not one of its outlets: add the asset to outlets`);
  if (alias !== undefined && !aliasesIn(outlets).includes(alias.name)) refuse(`emits '${asset.uri}' through the alias '${alias.name}', which is not one of its outlets: add the alias to outlets`);
  const { length } = JSON.stringify(extra);
  if (length > MAX_ASSET_EXTRA) refuse(`emits '${asset.uri}' with an extra of ${length} characters as JSON, of ${MAX_ASSET_EXTRA} allowed: store the data elsewhere and name its place`);
  const event = { uri: asset.uri, extra, ...(alias === undefined ? {} : { aliases: [alias.name] }) };
  if (partitionKey === undefined) return [{ ...event, ...partition }];
  if (alias !== undefined) refuse(`emits '${asset.uri}' through the alias '${alias.name}' with a partition key: leave out one of the two`);
  const keys = [...new Set([partitionKey].flat())];
  for (const key of keys) {
    const rule = partitionKeyRule(key);
    if (rule !== undefined) refuse(`emits '${asset.uri}' with the partition key ${JSON.stringify(key)}, which ${rule.rule}: ${rule.remedy}`);
  }
  return keys.map((key) => ({ ...event, ...(partition.partitionKey === key ? partition : { partitionKey: key }) }));
}

/** What a task that succeeded has updated: what it emitted, and its other outlets. Undefined: it has no outlets. */
export function updatesOfTask(emitter: Emitter, emitted: readonly EmittedAssetEvent[]): readonly EmittedAssetEvent[] | undefined {
  const { outlets, taskId, partition } = emitter;
  if (outlets.length === 0) return undefined;
  const silent = urisIn(outlets).filter((uri) => !emitted.some((event) => event.uri === uri)).map((uri): EmittedAssetEvent => ({ uri, extra: {}, ...partition }));
  // The others were counted when the file was read: a task must not fail after its work for what its DAG says.
  const { length } = JSON.stringify(emitted);
  if (length > MAX_EMITTED) throw new TaskFailure('bad_output', `task '${taskId}' emits ${emitted.length} updates with ${length} characters as JSON, of ${MAX_EMITTED} allowed: emit less, or from several tasks`, { retry: false });
  return [...emitted, ...silent];
}

/** The partition that a run is of, as far as it is of one. */
export const partitionOf = ({ partitionKey, partitionDateMs }: Pick<Work['run'], 'partitionKey' | 'partitionDateMs'>): Emitter['partition'] =>
  (partitionKey === undefined ? {} : { partitionKey, ...(partitionDateMs === undefined ? {} : { partitionDateMs }) });

export const eventForAuthor = ({ uri, extra, atMs, source, partitionKey }: QueuedUpdate): AssetEvent => ({
  uri, extra: extra as AssetEvent['extra'], timestamp: new Date(atMs), ...(source === undefined ? {} : { source }), ...(partitionKey === undefined ? {} : { partitionKey }),
});

const MAX_INLET_EVENTS = 1_000;

/** What is asked for the events of an inlet, if it is one. */
export function inletQuery({ taskId, inlets }: { readonly taskId: string; readonly inlets: readonly (Asset | AssetAlias)[] }, of: Asset | AssetAlias, limit: number): AssetEventQuery {
  const isInlet = 'uri' in of ? urisIn(inlets).includes(of.uri) : aliasesIn(inlets).includes(of.name);
  if (!isInlet) throw new TaskFailure('bad_input', `task '${taskId}' asks for events of '${'uri' in of ? of.uri : of.name}', which is not one of its inlets: add it to inlets`, { retry: false });
  if (!Number.isInteger(limit) || limit < 1 || limit > MAX_INLET_EVENTS) throw new TaskFailure('bad_input', `task '${taskId}' asks for ${limit} events, of 1 to ${MAX_INLET_EVENTS} allowed: give another limit`, { retry: false });
  return { of: 'uri' in of ? { uri: of.uri } : { alias: of.name }, limit };
}
