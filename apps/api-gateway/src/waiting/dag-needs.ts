import { DEFAULT_POOL } from '@dagbook/domain';
import { liveDags, type LiveDag, type PlanCache, type Queryable } from '@dagbook/read-models';

/** The pools and queues that a DAG's newest version names. */
export interface DagNeeds extends LiveDag {
  readonly pools: readonly string[];
  readonly queues: readonly string[];
}

type Named = Pick<DagNeeds, 'pools' | 'queues'>;

/** What every DAG needs to be there. A plan is read once: it never changes, and only these names of it are kept. */
export class NeedsOfDags {
  readonly #db: Queryable;
  readonly #plans: PlanCache;
  #known: ReadonlyMap<string, Named> = new Map();

  constructor(db: Queryable, plans: PlanCache) {
    this.#db = db;
    this.#plans = plans;
  }

  /** In order of DAG id. */
  async all(): Promise<readonly DagNeeds[]> {
    const dags = await liveDags(this.#db);
    const known = new Map<string, Named>();
    for (const { planHash } of dags) known.set(planHash, this.#known.get(planHash) ?? (await this.#named(planHash)));
    this.#known = known;
    return dags.map((dag) => ({ ...dag, ...(known.get(dag.planHash) as Named) }));
  }

  async #named(planHash: string): Promise<Named> {
    const { tasks } = await this.#plans.get(planHash);
    const sorted = (names: readonly string[]): string[] => [...new Set(names)].sort();
    return { pools: sorted(tasks.map(({ pool }) => pool?.name ?? DEFAULT_POOL)), queues: sorted(tasks.filter(({ kind }) => kind !== 'empty').map(({ queue }) => queue ?? 'default')) };
  }
}
