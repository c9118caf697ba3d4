import { compilePlan, priorityWeights, type DagDefinition, type RunPlan } from '@dagbook/domain';
import type { EventStore } from '@dagbook/event-store';

/** A DAG's content at one version, ready to be folded over. */
export interface Plan {
  readonly hash: string;
  readonly definition: DagDefinition;
  readonly compiled: RunPlan;
  /** Priority of each task by its weight rule. */
  readonly weights: ReadonlyMap<string, number>;
  /** Whether a task of it looks at the run before. */
  readonly needsPast: boolean;
  /** How long a lost attempt is waited for, queue, pool …: definitions of tasks by id. */
  readonly taskOf: ReadonlyMap<string, DagDefinition['tasks'][number]>;
}

const utf8 = new TextDecoder();

/** Plans by hash: read from the journal once, compiled once. A plan never changes, so it may be kept as long as there is room. */
export class PlanLibrary {
  readonly #store: Pick<EventStore, 'getContent'>;
  readonly #plans = new Map<string, Plan>();
  readonly #limit: number;

  constructor(store: Pick<EventStore, 'getContent'>, limit = 5_000) {
    this.#store = store;
    this.#limit = limit;
  }

  /** Keeps a plan whose definition is at hand. */
  add(hash: string, definition: DagDefinition): Plan {
    const known = this.#plans.get(hash);
    if (known !== undefined) return known;
    const plan: Plan = {
      hash,
      definition,
      compiled: compilePlan(definition),
      weights: priorityWeights(definition),
      needsPast: definition.tasks.some((task) => task.dependsOnPast === true || task.waitForDownstream === true),
      taskOf: new Map(definition.tasks.map((task) => [task.taskId, task])),
    };
    this.#plans.set(hash, plan);
    if (this.#plans.size > this.#limit) this.#plans.delete(this.#plans.keys().next().value as string);
    return plan;
  }

  async get(hash: string): Promise<Plan> {
    const known = this.#plans.get(hash);
    if (known !== undefined) return known;
    const content = await this.#store.getContent('plan', hash);
    if (content === null) throw new Error(`the plan ${hash} is not in the journal`);
    return this.add(hash, JSON.parse(utf8.decode(content)) as DagDefinition);
  }
}
