import { reject, type Rejected } from '../decider.ts';
import type { Json } from '../json.ts';
import { problem, problemText } from '../problem.ts';
import type { AssetUpdated } from './event.ts';
import { partitionKeyRule } from '../partition/validate.ts';
import { assetUriRule } from './uri.ts';

/** Of one update, as JSON: a run may be made for many. */
export const MAX_ASSET_EXTRA = 16_384;

/** An update of an asset that somebody outside asks to record. */
export interface RecordAssetEvent {
  readonly uri: string;
  readonly extra: Json;
  readonly partitionKey?: string;
  readonly user: string;
  readonly nowMs: number;
}

export function decideAssetEvent({ uri, extra, partitionKey, user, nowMs }: RecordAssetEvent): AssetUpdated | Rejected {
  const [wrong] = [...uriRefusals(uri), ...extraRefusals(extra), ...partitionKeyRefusals(partitionKey)];
  if (wrong !== undefined) return reject('invalid_asset_event', wrong);
  return { type: 'AssetUpdated', uri, extra, ...(partitionKey === undefined ? {} : { partitionKey }), by: user, atMs: nowMs };
}

function uriRefusals(uri: unknown): readonly string[] {
  const wrong = assetUriRule(uri);
  return wrong === undefined ? [] : [problemText(problem('uri', uri, wrong.rule, wrong.remedy))];
}

function extraRefusals(extra: unknown): readonly string[] {
  if (typeof extra !== 'object' || extra === null || Array.isArray(extra)) return [`extra is ${shown(extra)}; it must be an object. Put the value under a name, or leave it out.`];
  const { length } = JSON.stringify(extra);
  return length <= MAX_ASSET_EXTRA ? [] : [`extra has ${length} characters as JSON; ${MAX_ASSET_EXTRA} are allowed. Store the data elsewhere and name its place.`];
}

function partitionKeyRefusals(key: unknown): readonly string[] {
  const wrong = key === undefined ? undefined : partitionKeyRule(key);
  return wrong === undefined ? [] : [problemText(problem('partition_key', key, wrong.rule, `${wrong.remedy}, or leave it out for the asset as a whole`))];
}

const shown = (value: unknown): string => (JSON.stringify(value) ?? 'absent').slice(0, 200);
