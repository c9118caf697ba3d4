import { unreachable } from '../decider.ts';
import { DEFAULT_MAX_ACTIVE_RUNS } from '../dag/active-run.ts';
import type { DagDefinition } from '../dag/definition.ts';
import { runIdOf } from '../dag/run-id.ts';
import type { Json } from '../json.ts';
import type { MappedUpdate, PartitionQuestion } from '../partition/custom.ts';
import { downstreamKeys, hasCode, isComplete, mapperOf, partitionDateMs } from '../partition/mapper.ts';
import { isMet, leafName, leavesOf, type AssetLeaf } from './condition.ts';
import { isBehind } from './position.ts';
import type { AssetEventSource, AssetQueueEvent, AssetSchedule, AssetUpdated } from './event.ts';

/**
 * What waits for the next runs of a DAG that assets schedule: the fold, in the order of the feed, of its own stream and of every
 * update of an asset, so that each update counts against the schedule and the pause as they stood where it stands.
 *
 * An update of something that the schedule names: waiting → taken by exactly one run, or struck out by a person or by a schedule
 * that does not name it any more. One that comes while the DAG is paused never waits. Where the schedule is partitioned an update
 * waits so for each run that it counts for, under the run's partition key; else under the empty key. Where a mapper is code of the
 * author's it first waits to be mapped.
 */
export interface AssetQueue {
  /** Of the DAG's own stream, as far as it was folded. */
  version: number;
  schedule: AssetSchedule | null;
  /** What the schedule names. */
  leaves: readonly AssetLeaf[];
  paused: boolean;
  /** By partition key, in the order in which they began; none is empty. */
  readonly groups: Map<string, WaitingUpdates>;
  /** By their place in the feed, updates of which the author's mappers have not said yet for which runs they count. */
  readonly unmapped: Map<string, QueuedUpdate>;
  /** Of a schedule of partitions: how many updates counted for no run, and the last of them; null: none, since it was set. */
  passedOver: PassedOver | null;
  /** Keys of those that are enough for a run. */
  readonly due: Set<string>;
  /** Which assets were updated through the aliases that the schedule names: from then on they count for the alias. */
  readonly assetsOfAlias: Map<string, Set<string>>;
}

interface WaitingUpdates {
  readonly updates: QueuedUpdate[];
  /** For each leaf of the condition, of which partition keys (empty: of none) it was updated. */
  readonly arrived: Map<string, Set<string>>;
  /** By their place in the feed, by which leaves the author's mappers have put updates here. */
  readonly byCode: Map<string, readonly string[]>;
  /** For each leaf whose mapper is a rollup of the author's, the keys that this run waits for. */
  readonly expects: Map<string, readonly string[]>;
}

/** What somebody should look at who wonders why an update made no run. */
export interface PassedOver {
  readonly updates: number;
  readonly uri: string;
  readonly partitionKey?: string;
  /** Of code that threw or answered nonsense. */
  readonly problem?: string;
  readonly atMs: number;
}

export interface QueuedUpdate {
  readonly uri: string;
  readonly extra: Json;
  readonly aliases?: readonly string[];
  readonly partitionKey?: string;
  readonly partitionDateMs?: number;
  readonly source?: AssetEventSource;
  readonly atMs: number;
  /** In the feed. */
  readonly position: string;
}

/** What the feed of assets brings to a queue. */
export type AssetFact = AssetUpdated | AssetQueueEvent;

export const emptyAssetQueue = (): AssetQueue => ({ version: 0, schedule: null, leaves: [], paused: false, groups: new Map(), unmapped: new Map(), passedOver: null, due: new Set(), assetsOfAlias: new Map() });

/** Changes `queue` in place; answers the update, if it waits now. `position` is where the fact stands in the feed. */
export function evolveAssetQueue(queue: AssetQueue, fact: AssetFact, position: string): QueuedUpdate | undefined {
  if (fact.type === 'AssetUpdated') return addUpdate(queue, fact, position);
  queue.version += 1;
  switch (fact.type) {
    case 'AssetScheduleSet':
      setSchedule(queue, fact.schedule);
      queue.passedOver = null;
      queue.paused = fact.paused;
      keepWhere(queue, () => true);
      return undefined;
    case 'AssetQueuePaused':
      queue.paused = true;
      return undefined;
    case 'AssetQueueUnpaused':
      queue.paused = false;
      return undefined;
    case 'AssetRunDecided':
      takeUpTo(queue, fact.partitionKey ?? '', fact.upTo);
      return undefined;
    case 'AssetKeysMapped':
      placeMapped(queue, fact);
      return undefined;
    case 'AssetQueueCleared':
      keepWhere(queue, ({ uri, atMs }) => fact.uris?.includes(uri) === false || (fact.beforeMs !== undefined && atMs >= fact.beforeMs));
      return undefined;
    default:
      return unreachable(fact);
  }
}

/** The run that is due, null when none is: one at a time. `activeRuns` are those of the DAG that have not ended. */
export function decideAssetRun(queue: AssetQueue, dag: { readonly definition: Pick<DagDefinition, 'maxActiveRuns'>; readonly isRetired?: boolean; readonly activeRuns: number; readonly nowMs: number }): DueAssetRun | null {
  if (dag.isRetired === true || dag.activeRuns >= (dag.definition.maxActiveRuns ?? DEFAULT_MAX_ACTIVE_RUNS) || !isAssetRunDue(queue)) return null;
  const [key = ''] = queue.due;
  const updates = [...(queue.groups.get(key) as WaitingUpdates).updates];
  // Two runs of one millisecond are told apart by where in the stream they are decided.
  const runId = runIdOf('asset_triggered', dag.nowMs, String(queue.version + 1));
  // Those that an author's mapper put here late stand behind later ones.
  const upTo = updates.reduce((last, { position }) => (isBehind(position, last) ? position : last), (updates[0] as QueuedUpdate).position);
  const partition = key === '' ? {} : { partitionKey: key, ...dateOf(queue, key) };
  return { updates, decided: { type: 'AssetRunDecided', runId, upTo, updates: updates.length, ...partition, atMs: dag.nowMs } };
}

/** As in Airflow: the date that the mappers of all assets that came agree on; where none says one, that of the updates of this very key. */
function dateOf(queue: AssetQueue, key: string): { readonly partitionDateMs?: number } {
  const { updates, arrived } = queue.groups.get(key) as WaitingUpdates;
  const mappers = queue.leaves.filter((leaf) => arrived.has(leafName(leaf))).map((leaf) => mapperOf(queue.schedule?.partition ?? {}, leaf));
  const dates = mappers.map((mapper) => partitionDateMs(mapper, key)).filter((date) => date !== null);
  const agreed = onlyOf(dates);
  if (dates.length > 0) return agreed === undefined ? {} : { partitionDateMs: agreed };
  const carried = onlyOf(updates.filter((update) => update.partitionDateMs !== undefined && leavesMetBy(queue, update).some((leaf) => mapperOf(queue.schedule?.partition ?? {}, leaf).kind === 'identity')).map((update) => update.partitionDateMs));
  return carried === undefined ? {} : { partitionDateMs: carried };
}

/** What they all are; undefined: they differ, or there is none. */
const onlyOf = (dates: readonly (number | undefined)[]): number | undefined => (new Set(dates).size === 1 ? dates[0] : undefined);

export interface DueAssetRun {
  readonly decided: Extract<AssetQueueEvent, { type: 'AssetRunDecided' }>;
  /** In the order of the feed. */
  readonly updates: readonly QueuedUpdate[];
}

/** Whether what waits is enough for a run, be there room for it or not. A paused DAG makes none. */
export const isAssetRunDue = (queue: AssetQueue): boolean => !queue.paused && queue.due.size > 0;

/** What waits, each once, by its place in the feed. */
export function waitingUpdates(queue: AssetQueue): ReadonlyMap<string, QueuedUpdate> {
  const waiting = new Map<string, QueuedUpdate>(queue.unmapped);
  for (const { updates } of queue.groups.values()) for (const update of updates) waiting.set(update.position, update);
  return waiting;
}

/** How much waits; an update that waits for several runs counts for each. */
export function waitingCount(queue: AssetQueue): number {
  let count = queue.unmapped.size;
  for (const { updates } of queue.groups.values()) count += updates.length;
  return count;
}

export const ASSET_QUEUE_FINGERPRINT = 'asset-queue-3';

/** `groups` are positions, which `updates` knows: one that waits for many runs is kept once. */
export function snapshotAssetQueue(queue: AssetQueue, updates: readonly QueuedUpdate[] = [...waitingUpdates(queue).values()]): Json {
  const { version, schedule, paused, groups, unmapped, passedOver, assetsOfAlias } = queue;
  return {
    version, schedule, paused, updates, groups: [...groups].map(([key, { updates: inGroup, byCode, expects }]) => [key, inGroup.map(({ position }) => position), ...(byCode.size === 0 ? [] : [[...byCode], [...expects]])]),
    ...(unmapped.size === 0 ? {} : { unmapped: [...unmapped.keys()] }), ...(passedOver === null ? {} : { passedOver }), aliases: [...assetsOfAlias].map(([alias, uris]) => [alias, [...uris]]),
  } as unknown as Json;
}

export function restoreAssetQueue(snapshot: Json): AssetQueue {
  const { version, schedule, paused, updates, groups, unmapped = [], passedOver = null, aliases } = snapshot as unknown as Snapshot;
  const queue: AssetQueue = { ...emptyAssetQueue(), version, paused, passedOver, assetsOfAlias: new Map(aliases.map(([alias, uris]) => [alias, new Set(uris)])) };
  setSchedule(queue, schedule);
  const known = new Map(updates.map((update) => [update.position, update]));
  regroup(queue, groups.map(([key, positions, byCode = [], expects = []]) => [key, { updates: positions.map((position) => known.get(position) as QueuedUpdate), byCode: new Map(byCode), expects: new Map(expects) }]));
  for (const position of unmapped) queue.unmapped.set(position, known.get(position) as QueuedUpdate);
  return queue;
}

interface Snapshot extends Pick<AssetQueue, 'version' | 'schedule' | 'paused'> {
  readonly updates: readonly QueuedUpdate[];
  readonly groups: readonly (readonly [key: string, positions: readonly string[], byCode?: readonly (readonly [string, readonly string[]])[], expects?: readonly (readonly [string, readonly string[]])[]])[];
  readonly unmapped?: readonly string[];
  readonly passedOver?: PassedOver;
  readonly aliases: readonly (readonly [alias: string, uris: readonly string[]])[];
}

function setSchedule(queue: AssetQueue, schedule: AssetSchedule | null): void {
  queue.schedule = schedule;
  queue.leaves = schedule === null ? [] : leavesOf(schedule.condition);
}

function addUpdate(queue: AssetQueue, { type: _, by: __, ...facts }: AssetUpdated, position: string): QueuedUpdate | undefined {
  const { uri, aliases } = facts;
  for (const leaf of queue.leaves) {
    if (leaf.kind === 'alias' && aliases?.includes(leaf.name) === true) queue.assetsOfAlias.set(leaf.name, (queue.assetsOfAlias.get(leaf.name) ?? new Set()).add(uri));
  }
  if (queue.paused) return undefined;
  const update: QueuedUpdate = { ...facts, position };
  return admit(queue, update) ? update : undefined;
}

/** Answers whether it waits. */
function admit(queue: AssetQueue, update: QueuedUpdate): boolean {
  if (update.partitionKey !== undefined && leavesMetBy(queue, update).some((leaf) => isMappedByCode(queue, leaf))) {
    queue.unmapped.set(update.position, update);
    return true;
  }
  const places = placesOf(queue, update);
  for (const [key, leaves] of places) addTo(queue, key, update, leaves);
  if (places.size === 0 && queue.schedule?.partition !== undefined && leavesMetBy(queue, update).length > 0) passOver(queue, update);
  return places.size > 0;
}

function passOver(queue: AssetQueue, { uri, partitionKey, atMs }: QueuedUpdate, problem?: string): void {
  queue.passedOver = { updates: (queue.passedOver?.updates ?? 0) + 1, uri, ...(partitionKey === undefined ? {} : { partitionKey }), ...(problem === undefined ? {} : { problem }), atMs };
}

/** What is to be asked of the author's mappers, about so many updates at most; null: nothing. */
export function unmappedUpdates(queue: AssetQueue, most: number): PartitionQuestion | null {
  const updates = [...queue.unmapped.values()].slice(0, most).map((update) => ({ position: update.position, key: update.partitionKey ?? '', leaves: leavesMetBy(queue, update).map(leafName) }));
  return updates.length === 0 ? null : { kind: 'partitions', updates };
}

function placeMapped(queue: AssetQueue, { position, places, problem }: MappedUpdate): void {
  const update = queue.unmapped.get(position);
  if (update === undefined) return;
  queue.unmapped.delete(position);
  const leaves = new Map(leavesMetBy(queue, update).map((leaf) => [leafName(leaf), leaf]));
  const byKey = new Map<string, { readonly leaf: AssetLeaf; readonly expects: readonly string[] | undefined }[]>();
  for (const { leaf: name, keys } of places) {
    const leaf = leaves.get(name);
    if (leaf === undefined) continue;
    for (const { key, expects } of keys) byKey.set(key, [...(byKey.get(key) ?? []), { leaf, expects }]);
  }
  for (const [key, met] of byKey) addMapped(queue, key, update, met);
  if (byKey.size === 0) passOver(queue, update, problem);
}

function addMapped(queue: AssetQueue, key: string, update: QueuedUpdate, met: readonly { readonly leaf: AssetLeaf; readonly expects: readonly string[] | undefined }[]): void {
  const group = groupOf(queue, key);
  group.byCode.set(update.position, met.map(({ leaf }) => leafName(leaf)));
  for (const { leaf, expects } of met) if (expects !== undefined) group.expects.set(leafName(leaf), expects);
  addTo(queue, key, update, met.map(({ leaf }) => leaf));
}

/** By partition key, the leaves by which an update belongs there. */
function placesOf(queue: AssetQueue, update: QueuedUpdate): ReadonlyMap<string, readonly AssetLeaf[]> {
  const places = new Map<string, AssetLeaf[]>();
  for (const leaf of leavesMetBy(queue, update)) {
    for (const key of new Set(keysFor(queue, leaf, update))) {
      const leaves = places.get(key);
      if (leaves === undefined) places.set(key, [leaf]);
      else leaves.push(leaf);
    }
  }
  return places;
}

function addTo(queue: AssetQueue, key: string, update: QueuedUpdate, leaves: readonly AssetLeaf[]): void {
  const group = groupOf(queue, key);
  group.updates.push(update);
  for (const leaf of leaves) group.arrived.set(leafName(leaf), (group.arrived.get(leafName(leaf)) ?? new Set()).add(update.partitionKey ?? ''));
  judge(queue, key, group);
}

function groupOf(queue: AssetQueue, key: string): WaitingUpdates {
  let group = queue.groups.get(key);
  if (group === undefined) queue.groups.set(key, (group = { updates: [], arrived: new Map(), byCode: new Map(), expects: new Map() }));
  return group;
}

function judge(queue: AssetQueue, key: string, { arrived, expects }: WaitingUpdates): void {
  const isUpdated = (leaf: AssetLeaf): boolean => {
    const keys = arrived.get(leafName(leaf));
    return keys !== undefined && isComplete(mapperOf(queue.schedule?.partition ?? {}, leaf), key, keys, expects.get(leafName(leaf)));
  };
  if (queue.schedule !== null && isMet(queue.schedule.condition, isUpdated)) queue.due.add(key);
  else queue.due.delete(key);
}

/** Into the groups that they wait in, of these those in which the schedule, or what the author's mappers said, still puts them. */
function regroup(queue: AssetQueue, groups: Iterable<readonly [key: string, group: Pick<WaitingUpdates, 'updates' | 'byCode' | 'expects'>]>): void {
  const places = new Map<QueuedUpdate, ReturnType<typeof placesOf>>();
  for (const [key, { updates, byCode, expects }] of groups) {
    for (const update of updates) {
      const names = byCode.get(update.position);
      if (names !== undefined) {
        const met = leavesMetBy(queue, update).filter((leaf) => names.includes(leafName(leaf)) && (isMappedByCode(queue, leaf) || keysFor(queue, leaf, update).includes(key)));
        if (met.length > 0) addMapped(queue, key, update, met.map((leaf) => ({ leaf, expects: expects.get(leafName(leaf)) })));
        continue;
      }
      let known = places.get(update);
      if (known === undefined) places.set(update, (known = placesOf(queue, update)));
      const leaves = known.get(key);
      if (leaves !== undefined) addTo(queue, key, update, leaves);
    }
  }
}

function keepWhere(queue: AssetQueue, stays: (update: QueuedUpdate) => boolean): void {
  const before = [...queue.groups].map(([key, group]) => [key, { ...group, updates: group.updates.filter(stays) }] as const);
  const unmapped = [...queue.unmapped.values()].filter(stays);
  queue.groups.clear();
  queue.unmapped.clear();
  queue.due.clear();
  regroup(queue, before);
  for (const update of unmapped) admit(queue, update);
}

function takeUpTo(queue: AssetQueue, key: string, upTo: string): void {
  const group = queue.groups.get(key);
  queue.groups.delete(key);
  queue.due.delete(key);
  if (group !== undefined) regroup(queue, [[key, { ...group, updates: group.updates.filter(({ position }) => isBehind(position, upTo)) }]]);
}

const isMappedByCode = (queue: AssetQueue, leaf: AssetLeaf): boolean => queue.schedule?.partition !== undefined && hasCode(mapperOf(queue.schedule.partition, leaf));

const leavesMetBy = (queue: AssetQueue, { uri, aliases }: QueuedUpdate): readonly AssetLeaf[] =>
  queue.leaves.filter((leaf) => (leaf.kind === 'asset' ? leaf.uri === uri : aliases?.includes(leaf.name) === true || queue.assetsOfAlias.get(leaf.name)?.has(uri) === true));

const WHOLE: readonly string[] = [''];
const NONE: readonly string[] = [];

/** As in Airflow an update of a partition is nothing to who does not ask for partitions, nor one of the whole to who does. */
function keysFor(queue: AssetQueue, leaf: AssetLeaf, { partitionKey }: QueuedUpdate): readonly string[] {
  const partition = queue.schedule?.partition;
  if (partition === undefined) return partitionKey === undefined ? WHOLE : NONE;
  const mapper = mapperOf(partition, leaf);
  return partitionKey === undefined || hasCode(mapper) ? NONE : downstreamKeys(mapper, partitionKey);
}
