import { poolStream } from '@dagbook/contracts';
import { DEFAULT_POOL, poolDecider, type Pool } from '@dagbook/domain';
import { loadStates, type EventStore } from '@dagbook/event-store';

/** Pools as they are declared. Holds no state: what it answers is folded from their streams, so every gateway sees a change at once. */
export class PoolDirectory {
  readonly #store: EventStore;

  constructor(store: EventStore) {
    this.#store = store;
  }

  /** By name, in order, `default_pool` always among them. */
  async all(): Promise<ReadonlyMap<string, Pool>> {
    const declared = new Map([[DEFAULT_POOL, poolDecider(DEFAULT_POOL).initialState()], ...(await loadStates(this.#store, poolStream(''), poolDecider))]);
    const there = [...declared].flatMap(([name, pool]): [string, Pool][] => (pool === null ? [] : [[name, pool]]));
    return new Map(there.sort(([a], [b]) => (a < b ? -1 : 1)));
  }
}
