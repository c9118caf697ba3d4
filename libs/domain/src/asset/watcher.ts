import { isRejected } from '../decider.ts';
import type { DagDefinition } from '../dag/definition.ts';
import type { Json } from '../json.ts';
import type { AttemptLossCause, Failure } from '../run/event.ts';
import type { AssetUpdated } from './event.ts';
import { decideAssetEvent } from './record.ts';

/**
 * The stream `watcher-<key>` of one watcher of one asset: each event ends the attempt in which it watched. Whether it is to
 * watch at all stands in the `dag-` streams of those who wait for the asset.
 */
export type WatcherEvent =
  /** It saw updates, which stand in the feed of assets before this. `last` is the id of the newest. */
  | { readonly type: 'WatcherFired'; readonly epoch: number; readonly uri: string; readonly watcher: string; readonly updates: number; readonly last: string; readonly atMs: number }
  | { readonly type: 'WatcherFailed'; readonly epoch: number; readonly uri: string; readonly watcher: string; readonly failure: Failure; readonly atMs: number }
  | { readonly type: 'WatcherLost'; readonly epoch: number; readonly worker: string; readonly cause: AttemptLossCause; readonly atMs: number };

/** The watchers that are to watch for a DAG: all of its newest version, while it would start for what they see. */
export const watchersWanted = ({ watchers = [] }: Pick<DagDefinition, 'watchers'>, dag: { readonly paused: boolean; readonly retired: boolean }): NonNullable<DagDefinition['watchers']> =>
  (dag.paused || dag.retired ? [] : watchers);

export interface WatcherFold {
  readonly version: number;
  /** Attempts up to this one have ended. */
  readonly epoch: number;
  /** Id of the newest update that it saw; null: none yet. */
  readonly last: string | null;
  /** In a row. */
  readonly failures: number;
  readonly failure: Failure | null;
  readonly endedAtMs: number;
}

/** Of the fold below: raise it when the same events would come to another state. */
export const WATCHER_FINGERPRINT = 'watcher/1';

export const initialWatcher: WatcherFold = { version: 0, epoch: 0, last: null, failures: 0, failure: null, endedAtMs: 0 };

export function evolveWatcher(watcher: WatcherFold, event: WatcherEvent): WatcherFold {
  const ended = { ...watcher, version: watcher.version + 1, epoch: Math.max(watcher.epoch, event.epoch), endedAtMs: event.atMs };
  switch (event.type) {
    case 'WatcherFired':
      return { ...ended, last: event.last, failures: 0, failure: null };
    case 'WatcherFailed':
      return { ...ended, failures: watcher.failures + 1, failure: event.failure };
    case 'WatcherLost':
      // It may be what killed the process that hosts it, and with it all that waited there.
      return event.cause === 'runner_died' ? { ...ended, failures: watcher.failures + 1, failure: DIED } : ended;
  }
}

const DIED: Failure = { code: 'killed', message: 'The process that hosts what watches and waits died: see whether the watcher kills it.' };
const FIRST_PAUSE_MS = 5_000;
const LONGEST_PAUSE_MS = 600_000;

/** When it watches again: at once, or, after failures in a row, later each time. */
export const watchesAgainAtMs = ({ failures, endedAtMs }: WatcherFold): number =>
  (failures === 0 ? 0 : endedAtMs + Math.min(FIRST_PAUSE_MS * 2 ** (failures - 1), LONGEST_PAUSE_MS));

export interface SeenUpdate {
  /** The same for the same update, however often it is seen. */
  readonly id: string;
  readonly update: AssetUpdated;
}

const MAX_UPDATES = 100;
const MAX_ID = 1_000;

/** What a watcher says that it saw, as updates of its asset; or why it cannot be. */
export function seenUpdates(seen: Json, watcher: { readonly uri: string; readonly name: string; readonly nowMs: number }): readonly SeenUpdate[] | Failure {
  const { updates } = (typeof seen === 'object' && seen !== null ? seen : {}) as { readonly updates?: readonly { readonly id?: unknown; readonly extra?: Json }[] };
  const refused = (message: string): Failure => ({ code: 'bad_output', message: `Watcher ${watcher.name} ${message}` });
  if (!Array.isArray(updates) || updates.length === 0 || updates.length > MAX_UPDATES) return refused(`saw ${Array.isArray(updates) ? updates.length : 'no list of'} updates: say 1 to ${MAX_UPDATES} at a time.`);
  const found: SeenUpdate[] = [];
  for (const { id, extra = {} } of updates as readonly { readonly id?: unknown; readonly extra?: Json }[]) {
    if (typeof id !== 'string' || id === '' || id.length > MAX_ID) return refused(`gave an update the id ${JSON.stringify(id) ?? 'undefined'}: an id is a text of 1 to ${MAX_ID} characters.`);
    const update = decideAssetEvent({ uri: watcher.uri, extra, user: `watcher:${watcher.name}`, nowMs: watcher.nowMs });
    if (isRejected(update)) return refused(`saw an update that cannot be recorded: ${update.message}`);
    found.push({ id, update });
  }
  return found;
}

export const areSeen = (seen: readonly SeenUpdate[] | Failure): seen is readonly SeenUpdate[] => Array.isArray(seen);
