import type { StateAnswer, StateOwner, StateQuestion } from '@dagbook/contracts';
import { type Json, MAX_STATE_VALUE_BYTES, type Problem, problemText, stateKeyProblem, stateRetentionProblem, stateSizeVerdict, stateValueText, DEFAULT_STATE_STORE_POLICY } from '@dagbook/domain';
import { aliasesIn, isAsset, urisIn } from './asset.ts';
import { TaskFailure } from './error.ts';
import type { TaskIo } from './runnable.ts';
import { durationMs } from './schedule.ts';
import type { Asset, AssetAlias, AssetStateStore, Duration, TaskStateStore } from './types.ts';

type Asked = Pick<TaskIo, 'state' | 'log'>;

/** What a task keeps for its next try. */
export function taskState(io: Asked): TaskStateStore {
  return new StateAccess(io, { kind: 'task' });
}

/** What is kept of an asset that this code may touch. */
export function assetState(io: Asked, uri: string, aliases?: readonly string[]): AssetStateStore {
  return new StateAccess(io, { kind: 'asset', uri, ...(aliases === undefined ? {} : { aliases }) });
}

interface AssetsOfTask {
  readonly taskId: string;
  readonly inlets: readonly (Asset | AssetAlias)[];
  readonly outlets: readonly (Asset | AssetAlias)[];
}

/** Of one of the task's inlets or outlets, as in Airflow; of its only one when none is named. Through an alias among the inlets: of each asset that was updated through it. */
export function assetStateOfTask(io: Asked, { taskId, inlets, outlets }: AssetsOfTask, asset: Asset | undefined): AssetStateStore {
  const named = [...new Set([...urisIn(inlets), ...urisIn(outlets)])];
  const refuse = (what: string): never => {
    throw new TaskFailure('bad_input', `task '${taskId}' ${what}`, { retry: false });
  };
  if (asset === undefined) {
    const [only] = named;
    if (only === undefined || named.length > 1) return refuse(`has ${named.length} assets among its inlets and outlets, and asks for the state of one without naming it: say assetState(asset)`);
    return assetState(io, only);
  }
  if (!isAsset(asset)) return refuse('asks for the state of something that is no asset: give what asset() answered');
  if (named.includes(asset.uri)) return assetState(io, asset.uri);
  const aliases = aliasesIn(inlets);
  if (aliases.length === 0) return refuse(`asks for the state of '${asset.uri}', which is neither an inlet nor an outlet of it: add the asset to inlets`);
  return assetState(io, asset.uri, aliases);
}

class StateAccess implements TaskStateStore, AssetStateStore {
  readonly #io: Asked;
  readonly #of: StateOwner;
  constructor(io: Asked, of: StateOwner) {
    this.#io = io;
    this.#of = of;
  }

  async get<T>(key: string, fallback?: T): Promise<T> {
    requireNone(stateKeyProblem(key));
    const { value } = await this.#ask({ of: this.#of, op: 'get', key });
    return (value === undefined ? fallback : value) as T;
  }

  async set(key: string, value: unknown, { retention }: { readonly retention?: Duration | 'never' } = {}): Promise<void> {
    requireNone(stateKeyProblem(key));
    const text = stateValueText(value);
    if (typeof text !== 'string') return requireNone(text, `the state '${key}' is not kept: `);
    // UTF-8 is at most three bytes a code unit.
    if (text.length > MAX_STATE_VALUE_BYTES / 3) this.#requireRoom(key, new TextEncoder().encode(text).length);
    const retentionMs = retention === undefined || retention === 'never' ? undefined : durationMs('retention', retention);
    if (retentionMs !== undefined) requireNone(stateRetentionProblem(retentionMs), `the state '${key}' is not kept: `);
    const kept = retention === undefined ? {} : { retentionMs: retentionMs ?? null };
    const { warning } = await this.#ask({ of: this.#of, op: 'set', key, value: JSON.parse(text) as Json, ...kept });
    if (warning !== undefined) this.#io.log('warning', `the state '${key}' was kept, though ${warning}`, { logger: 'dagbook' });
  }

  async delete(key: string): Promise<void> {
    requireNone(stateKeyProblem(key));
    await this.#ask({ of: this.#of, op: 'delete', key });
  }

  async clear(): Promise<void> {
    await this.#ask({ of: this.#of, op: 'clear' });
  }

  #ask(question: StateQuestion): Promise<StateAnswer> {
    if (this.#io.state === undefined) throw new TaskFailure('not_supported', 'there is no state store where this runs', { retry: false });
    return this.#io.state(question);
  }

  #requireRoom(key: string, bytes: number): void {
    const { kind, message } = stateSizeVerdict(bytes, 'task', DEFAULT_STATE_STORE_POLICY);
    if (kind === 'refused') throw new TaskFailure('bad_output', `the state '${key}' is not kept: ${message}`);
  }
}

/** Thrown where the author can catch it. */
function requireNone(wrong: Problem | undefined, what = 'of the state store: '): void {
  if (wrong !== undefined) throw new TaskFailure('bad_output', what + problemText(wrong));
}
