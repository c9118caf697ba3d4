import { DEFAULT_POOL, DEFAULT_POOL_SLOTS } from '../admission/state.ts';
import type { Decider, Decision, Rejected } from '../decider.ts';
import { reject } from '../decider.ts';
import { problem, problemText } from '../problem.ts';

/** A pool as a person declared it. Streams `pool-<name>`, written by the dispatcher that leads, who grants its slots. */
export interface Pool {
  /** -1: without limit. */
  readonly slots: number;
  readonly description: string | null;
  /** Whether task instances that are deferred hold their slots on. */
  readonly includeDeferred: boolean;
}

export type PoolEvent =
  | (Pool & { readonly type: 'PoolSet'; readonly by: string; readonly atMs: number })
  | { readonly type: 'PoolDeleted'; readonly by: string; readonly atMs: number };

interface Given {
  readonly by: string;
  readonly atMs: number;
}

export type PoolCommand =
  /** `create` refuses a pool that is there, `change` one that is not and leaves what is absent as it was; `set` takes either. */
  | (Given & { readonly type: 'SetPool'; readonly mode: 'create' | 'change' | 'set' } & Partial<Pool>)
  | (Given & { readonly type: 'DeletePool' });

const ONE_LINE = /^[^\u0000-\u001f\u007f\p{Surrogate}]{1,256}$/u;

/** What pools and workers may be called: one line of text that every store and every JSON can hold. */
export const isOneLine = (name: unknown): name is string => typeof name === 'string' && ONE_LINE.test(name);

const MAX_SLOTS = 1_000_000_000;

/** `DEFAULT_POOL` is there before anybody declares it. Codes: `invalid_pool`, `pool_exists`, `pool_not_found`, `default_pool`. */
export function poolDecider(name: string): Decider<PoolCommand, PoolEvent, Pool | null> {
  return {
    initialState: () => (name === DEFAULT_POOL ? { slots: DEFAULT_POOL_SLOTS, description: 'Default pool', includeDeferred: false } : null),
    decide: (command, pool) => decide(name, command, pool),
    evolve: (_, event) => (event.type === 'PoolSet' ? { slots: event.slots, description: event.description, includeDeferred: event.includeDeferred } : null),
  };
}

function decide(name: string, command: PoolCommand, pool: Pool | null): Decision<PoolEvent> {
  const { by, atMs } = command;
  if (command.type === 'DeletePool') {
    if (name === DEFAULT_POOL) return reject('default_pool', `${DEFAULT_POOL} cannot be deleted: tasks that name no pool take its slots. Change its slots instead.`);
    return pool === null ? missing(name) : [{ type: 'PoolDeleted', by, atMs }];
  }
  if (command.mode === 'create' && pool !== null) return reject('pool_exists', `The pool '${name}' exists already; change it instead.`);
  if (command.mode === 'change' && pool === null) return missing(name);
  if (name === DEFAULT_POOL && command.mode === 'change' && command.description !== undefined && command.description !== pool?.description) {
    return reject('default_pool', 'Only slots and include_deferred of default_pool can be changed.');
  }
  const before = command.mode === 'change' ? pool : null;
  const after: Pool = {
    slots: command.slots ?? before?.slots ?? NaN,
    description: name === DEFAULT_POOL ? (pool?.description ?? null) : command.description === undefined ? (before?.description ?? null) : command.description,
    includeDeferred: command.includeDeferred ?? before?.includeDeferred ?? false,
  };
  const [wrong] = poolProblems(name, after);
  if (wrong !== undefined) return reject('invalid_pool', problemText(wrong));
  const isSame = pool !== null && pool.slots === after.slots && pool.description === after.description && pool.includeDeferred === after.includeDeferred;
  return isSame ? [] : [{ type: 'PoolSet', ...after, by, atMs }];
}

const missing = (name: string): Rejected => reject('pool_not_found', `The pool '${name}' was not found.`);

function poolProblems(name: string, { slots }: Pool): ReturnType<typeof problem>[] {
  if (!isOneLine(name)) return [problem('name', undefined, 'is not one line of 1 to 256 characters', 'name the pool by a short text')];
  if (Number.isInteger(slots) && slots >= -1 && slots <= MAX_SLOTS) return [];
  return [problem('slots', Number.isNaN(slots) ? undefined : slots, 'is not a whole number from -1 (no limit) up', 'say how many slots the pool has')];
}
