/** A DAG's edges by task index, in both directions, each edge once. */
export interface Graph {
  readonly upstream: readonly (readonly number[])[];
  readonly downstream: readonly (readonly number[])[];
}

interface GraphTask {
  readonly taskId: string;
  readonly upstream: readonly string[];
  readonly teardown?: { readonly setups: readonly string[] };
}

/** A teardown lies downstream of its setups. Edges to tasks that do not exist are left out; `dagProblems` reports them. */
export function graphOf(tasks: readonly GraphTask[]): Graph {
  const indexOf = new Map(tasks.map((task, index) => [task.taskId, index]));
  const upstream = tasks.map((task) =>
    [...new Set([...task.upstream, ...(task.teardown?.setups ?? [])])].map((taskId) => indexOf.get(taskId)).filter((index) => index !== undefined),
  );
  const downstream: number[][] = tasks.map(() => []);
  upstream.forEach((indexes, index) => { for (const from of indexes) downstream[from]?.push(index); });
  return { upstream, downstream };
}

/** Upstream before downstream. Tasks on a cycle, or behind one, are missing. */
export function topologicalOrder({ upstream, downstream }: Graph): number[] {
  const missing = upstream.map((tasks) => tasks.length);
  const order: number[] = [];
  missing.forEach((count, index) => { if (count === 0) order.push(index); });
  for (const index of order) {
    for (const next of downstream[index] as readonly number[]) {
      missing[next] = (missing[next] as number) - 1;
      if (missing[next] === 0) order.push(next);
    }
  }
  return order;
}

/** Everything that can be reached from a task along the edges, without the task itself: 1 by index. */
export function reachedFrom(start: number, edges: readonly (readonly number[])[]): Uint8Array {
  const reached = new Uint8Array(edges.length);
  const open = [start];
  for (let index = open.pop(); index !== undefined; index = open.pop()) {
    for (const next of edges[index] as readonly number[]) {
      if (reached[next] === 1) continue;
      reached[next] = 1;
      open.push(next);
    }
  }
  return reached;
}
