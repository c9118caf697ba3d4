import type { Json } from '../json.ts';
import { problem, type Problem } from '../problem.ts';

/** What a site says of its state store. */
export interface StateStorePolicy {
  /** Of a task's entry that says nothing else, from its last write; 0: it is kept until it is deleted. */
  readonly defaultRetentionDays: number;
  /** Of a value as JSON, in UTF-8: more is refused over REST, and a task that writes it is warned. 0: only `MAX_STATE_VALUE_BYTES` holds. */
  readonly maxValueBytes: number;
  /** The success of a task instance takes its entries away. */
  readonly clearOnSuccess: boolean;
}

/** Airflow's. */
export const DEFAULT_STATE_STORE_POLICY: StateStorePolicy = { defaultRetentionDays: 30, maxValueBytes: 65_535, clearOnSuccess: false };

/** More is refused to tasks too: a checkpoint is written often, and read whole. */
export const MAX_STATE_VALUE_BYTES = 1_000_000;

/** As many characters as Airflow's column holds. */
const MAX_KEY_LENGTH = 512;

/** For how long a task's entry is kept from its write on, in milliseconds. */
type StateRetention = number | 'default' | 'never';

const DAY_MS = 86_400_000;
/** A hundred years: more is said by `never`. */
const MAX_RETENTION_MS = 36_500 * DAY_MS;

/** Why an entry cannot be kept for this long; undefined: it can. */
export function stateRetentionProblem(retentionMs: unknown): Problem | undefined {
  if (typeof retentionMs === 'number' && Number.isInteger(retentionMs) && retentionMs >= 0 && retentionMs <= MAX_RETENTION_MS) return undefined;
  return problem('retention', retentionMs, 'is no whole number of milliseconds up to 36,500 days', "give a duration like '6h', or 'never'");
}

/** How long an entry that is written now is kept; null: for ever. */
export function stateLifetimeMs(retention: StateRetention, { defaultRetentionDays }: StateStorePolicy): number | null {
  if (typeof retention === 'number') return retention;
  return retention === 'never' || defaultRetentionDays === 0 ? null : defaultRetentionDays * DAY_MS;
}

/** Why nothing can be kept under this key; undefined: it can. */
export function stateKeyProblem(key: unknown): Problem | undefined {
  if (typeof key === 'string' && key !== '' && key.length <= MAX_KEY_LENGTH && !/\u0000|\p{Surrogate}/u.test(key)) return undefined;
  return problem('key', key, `is no text of 1 to ${MAX_KEY_LENGTH} characters without U+0000 or half a surrogate pair`, "name what is kept, like 'watermark'");
}

/** The value as JSON text, or why it cannot be kept. */
export function stateValueText(value: unknown): string | Problem {
  if (value === null || value === undefined) return problem('value', value ?? null, 'says nothing', 'delete the key instead');
  let holdsNoNumber = false;
  let text: string | undefined;
  try {
    text = JSON.stringify(value, (_, member: unknown) => {
      if (typeof member === 'number' && !Number.isFinite(member)) holdsNoNumber = true;
      return member;
    });
  } catch {
    // A cycle or a bigint.
  }
  if (text === undefined) return problem('value', undefined, 'cannot be written as JSON', 'keep texts, numbers, booleans, lists and objects of them');
  return holdsNoNumber ? problem('value', undefined, 'holds NaN or Infinity, which JSON does not have', 'keep null or a text in its place') : text;
}

export type StateSizeVerdict = { readonly kind: 'kept' | 'refused'; readonly message?: string };

/** Whether a value of so many bytes is kept: over REST not more than the site allows, for a task with a warning. */
export function stateSizeVerdict(bytes: number, by: 'task' | 'api', { maxValueBytes }: StateStorePolicy): StateSizeVerdict {
  if (bytes > MAX_STATE_VALUE_BYTES) return { kind: 'refused', message: `the value is ${bytes} bytes, of at most ${MAX_STATE_VALUE_BYTES}: write it to storage and keep where it lies` };
  if (maxValueBytes === 0 || bytes <= maxValueBytes) return { kind: 'kept' };
  const message = `the value is ${bytes} bytes, which exceeds the ${maxValueBytes} of DAGBOOK_STATE_STORE_MAX_VALUE_BYTES: write it to storage and keep where it lies`;
  return { kind: by === 'api' ? 'refused' : 'kept', message };
}

/**
 * The try whose success takes an entry away where the site clears on success: what a person writes once the task has succeeded
 * is for the next one.
 */
export const stateClearsWithTry = ({ state, tryNumber }: { readonly state: string; readonly tryNumber: number }): number => (state === 'success' ? tryNumber + 1 : Math.max(1, tryNumber));

/** Who wrote an entry of an asset last. */
export type StateWriter =
  | { readonly kind: 'task'; readonly dagId: string; readonly runId: string; readonly taskId: string; readonly mapIndex: number }
  | { readonly kind: 'watcher' | 'api' };

export interface StateEntry {
  readonly key: string;
  readonly value: Json;
  readonly updatedAtMs: number;
}
