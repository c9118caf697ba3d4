import { unreachable } from '../decider.ts';
import { DEFAULT_MAX_ACTIVE_RUNS } from '../dag/active-run.ts';
import type { DagDefinition } from '../dag/definition.ts';
import { runIdOf } from '../dag/run-id.ts';
import type { Json } from '../json.ts';
import { isMet, leafName, leavesOf, type AssetLeaf } from './condition.ts';
import type { AssetEventSource, AssetQueueEvent, AssetSchedule, AssetUpdated } from './event.ts';

/**
 * What waits for the next run of a DAG that assets schedule: the fold, in the order of the feed, of its own stream and of every
 * update of an asset, so that each update counts against the schedule and the pause as they stood where it stands.
 *
 * An update of something that the schedule names: waiting → taken by exactly one run, or struck out by a person or by a schedule
 * that does not name it any more. One that comes while the DAG is paused never waits.
 */
export interface AssetQueue {
  /** Of the DAG's own stream, as far as it was folded. */
  version: number;
  schedule: AssetSchedule | null;
  /** What the schedule names. */
  leaves: readonly AssetLeaf[];
  paused: boolean;
  readonly waiting: WaitingUpdates;
  /** Which assets were updated through the aliases that the schedule names: from then on they count for the alias. */
  readonly assetsOfAlias: Map<string, Set<string>>;
}

interface WaitingUpdates {
  updates: QueuedUpdate[];
  /** Leaves of the condition that these updates meet. */
  readonly met: Set<string>;
}

export interface QueuedUpdate {
  readonly uri: string;
  readonly extra: Json;
  readonly aliases?: readonly string[];
  readonly partitionKey?: string;
  readonly source?: AssetEventSource;
  readonly atMs: number;
  /** In the feed. */
  readonly position: string;
}

/** What the feed of assets brings to a queue. */
export type AssetFact = AssetUpdated | AssetQueueEvent;

export const emptyAssetQueue = (): AssetQueue => ({ version: 0, schedule: null, leaves: [], paused: false, waiting: { updates: [], met: new Set() }, assetsOfAlias: new Map() });

/** Changes `queue` in place. `position` is where the fact stands in the feed. */
export function evolveAssetQueue(queue: AssetQueue, fact: AssetFact, position: string): void {
  if (fact.type === 'AssetUpdated') {
    addUpdate(queue, fact, position);
    return;
  }
  queue.version += 1;
  switch (fact.type) {
    case 'AssetScheduleSet':
      setSchedule(queue, fact.schedule);
      queue.paused = fact.paused;
      keepWaiting(queue, queue.waiting.updates.filter((update) => leavesMetBy(queue, update).length > 0));
      return;
    case 'AssetQueuePaused':
      queue.paused = true;
      return;
    case 'AssetQueueUnpaused':
      queue.paused = false;
      return;
    case 'AssetRunDecided':
      keepWaiting(queue, queue.waiting.updates.slice(queue.waiting.updates.findIndex((update) => update.position === fact.upTo) + 1));
      return;
    case 'AssetQueueCleared':
      keepWaiting(queue, queue.waiting.updates.filter(({ uri, atMs }) => fact.uris?.includes(uri) === false || (fact.beforeMs !== undefined && atMs >= fact.beforeMs)));
      return;
    default:
      unreachable(fact);
  }
}

/** The run that is due, null when none is: at most one at a time. `activeRuns` are those of the DAG that have not ended. */
export function decideAssetRun(queue: AssetQueue, dag: { readonly definition: Pick<DagDefinition, 'maxActiveRuns'>; readonly isRetired?: boolean; readonly activeRuns: number; readonly nowMs: number }): DueAssetRun | null {
  if (dag.isRetired === true || dag.activeRuns >= (dag.definition.maxActiveRuns ?? DEFAULT_MAX_ACTIVE_RUNS) || !isAssetRunDue(queue)) return null;
  const updates = [...queue.waiting.updates];
  // Two runs of one millisecond are told apart by where in the stream they are decided.
  const runId = runIdOf('asset_triggered', dag.nowMs, String(queue.version + 1));
  const upTo = (updates.at(-1) as QueuedUpdate).position;
  return { updates, decided: { type: 'AssetRunDecided', runId, upTo, updates: updates.length, atMs: dag.nowMs } };
}

export interface DueAssetRun {
  readonly decided: Extract<AssetQueueEvent, { type: 'AssetRunDecided' }>;
  /** In the order of the feed. */
  readonly updates: readonly QueuedUpdate[];
}

/** Whether what waits is enough for a run, be there room for it or not. A paused DAG makes none. */
export const isAssetRunDue = (queue: AssetQueue): boolean =>
  !queue.paused && queue.schedule !== null && queue.waiting.updates.length > 0 && isMet(queue.schedule.condition, (leaf) => queue.waiting.met.has(leafName(leaf)));

export const ASSET_QUEUE_FINGERPRINT = 'asset-queue-1';

export const snapshotAssetQueue = ({ version, schedule, paused, waiting, assetsOfAlias }: AssetQueue): Json =>
  ({ version, schedule, paused, updates: waiting.updates, aliases: [...assetsOfAlias].map(([alias, uris]) => [alias, [...uris]]) }) as unknown as Json;

export function restoreAssetQueue(snapshot: Json): AssetQueue {
  const { version, schedule, paused, updates, aliases } = snapshot as unknown as Pick<AssetQueue, 'version' | 'schedule' | 'paused'> & { updates: readonly QueuedUpdate[]; aliases: readonly (readonly [string, readonly string[]])[] };
  const queue: AssetQueue = { ...emptyAssetQueue(), version, paused, assetsOfAlias: new Map(aliases.map(([alias, uris]) => [alias, new Set(uris)])) };
  setSchedule(queue, schedule);
  keepWaiting(queue, updates);
  return queue;
}

function setSchedule(queue: AssetQueue, schedule: AssetSchedule | null): void {
  queue.schedule = schedule;
  queue.leaves = schedule === null ? [] : leavesOf(schedule.condition);
}

function addUpdate(queue: AssetQueue, { type: _, by: __, ...facts }: AssetUpdated, position: string): void {
  const update: QueuedUpdate = { ...facts, position };
  const { uri, aliases } = update;
  for (const leaf of queue.leaves) {
    if (leaf.kind === 'alias' && aliases?.includes(leaf.name) === true) queue.assetsOfAlias.set(leaf.name, (queue.assetsOfAlias.get(leaf.name) ?? new Set()).add(uri));
  }
  if (queue.paused) return;
  const met = leavesMetBy(queue, update);
  if (met.length === 0) return;
  queue.waiting.updates.push(update);
  for (const leaf of met) queue.waiting.met.add(leafName(leaf));
}

function keepWaiting(queue: AssetQueue, updates: readonly QueuedUpdate[]): void {
  queue.waiting.updates = [...updates];
  queue.waiting.met.clear();
  for (const update of updates) for (const leaf of leavesMetBy(queue, update)) queue.waiting.met.add(leafName(leaf));
}

const leavesMetBy = (queue: AssetQueue, { uri, aliases }: QueuedUpdate): readonly AssetLeaf[] =>
  queue.leaves.filter((leaf) => (leaf.kind === 'asset' ? leaf.uri === uri : aliases?.includes(leaf.name) === true || queue.assetsOfAlias.get(leaf.name)?.has(uri) === true));
