import type { DagDefinition, TaskDefinition } from '@dagbook/domain';

/** What a reader needs of the definition that a run is pinned to, indexed by task. */
export interface PlanView {
  readonly hash: string;
  readonly definition: DagDefinition;
  /** In topological order, ties in order of definition: the order of a run's strip. */
  readonly tasks: readonly TaskDefinition[];
  readonly indexOf: ReadonlyMap<string, number>;
  /** Tasks that multiply: mapped themselves or inside a mapped group. */
  readonly mapped: ReadonlySet<string>;
}

export function planView(hash: string, definition: DagDefinition): PlanView {
  const tasks = topological(definition.tasks);
  const mappedGroups = mappedGroupsOf(definition);
  return {
    hash,
    definition,
    tasks,
    indexOf: new Map(tasks.map((task, index) => [task.taskId, index])),
    mapped: new Set(tasks.filter((task) => task.mapping !== undefined || (task.groupId !== undefined && mappedGroups.has(task.groupId))).map((task) => task.taskId)),
  };
}

function mappedGroupsOf(definition: DagDefinition): ReadonlySet<string> {
  const byId = new Map((definition.groups ?? []).map((group) => [group.groupId, group]));
  const mapped = new Set<string>();
  for (const group of byId.values()) {
    for (let at: typeof group | undefined = group; at !== undefined; at = at.parentId === undefined ? undefined : byId.get(at.parentId)) {
      if (at.mapping !== undefined) mapped.add(group.groupId);
    }
  }
  return mapped;
}

/** Kahn's order over a queue, so that tasks of one level keep the order in which the author wrote them. */
function topological(tasks: readonly TaskDefinition[]): readonly TaskDefinition[] {
  const waiting = new Map(tasks.map((task) => [task.taskId, task.upstream.length]));
  const downstream = new Map<string, TaskDefinition[]>();
  for (const task of tasks) {
    for (const upstream of task.upstream) {
      const list = downstream.get(upstream);
      if (list === undefined) downstream.set(upstream, [task]);
      else list.push(task);
    }
  }
  const ordered = tasks.filter((task) => task.upstream.length === 0);
  for (let at = 0; at < ordered.length; at += 1) {
    for (const next of downstream.get((ordered[at] as TaskDefinition).taskId) ?? []) {
      const left = (waiting.get(next.taskId) ?? 0) - 1;
      waiting.set(next.taskId, left);
      if (left === 0) ordered.push(next);
    }
  }
  return ordered;
}

/** Plans by hash, read once: a plan never changes. The oldest are dropped when there are more than `capacity`. */
export class PlanCache {
  readonly #read: (hash: string) => Promise<Uint8Array | null>;
  readonly #capacity: number;
  readonly #views = new Map<string, PlanView>();

  constructor(read: (hash: string) => Promise<Uint8Array | null>, capacity = 2_000) {
    this.#read = read;
    this.#capacity = capacity;
  }

  known(hash: string): PlanView | undefined {
    return this.#views.get(hash);
  }

  /** Fails when there is no such plan: an event that names one is appended after its content is stored. */
  async get(hash: string): Promise<PlanView> {
    const known = this.#views.get(hash);
    if (known !== undefined) return known;
    const content = await this.#read(hash);
    if (content === null) throw new Error(`invariant: plan ${hash} is named by an event but not stored`);
    const view = planView(hash, JSON.parse(new TextDecoder().decode(content)) as DagDefinition);
    if (this.#views.size >= this.#capacity) {
      const oldest = this.#views.keys().next();
      if (!oldest.done) this.#views.delete(oldest.value);
    }
    this.#views.set(hash, view);
    return view;
  }
}
