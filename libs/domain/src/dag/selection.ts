import type { TaskDefinition } from './definition.ts';
import { graphOf, reachedFrom } from './graph.ts';
import type { Graph } from './graph.ts';

type SelectedTask = Pick<TaskDefinition, 'taskId' | 'upstream' | 'setup' | 'teardown'>;

/**
 * The tasks that a clear of a selection covers, in order of definition: the selected ones, what lies upstream or
 * downstream of them if asked, and with each the setups that it works in and their teardowns, since work cannot be
 * repeated without what it was done in. Airflow's rule.
 */
export function clearSelection(
  { tasks }: { readonly tasks: readonly SelectedTask[] },
  selected: ReadonlySet<string>,
  { upstream = false, downstream = false }: { readonly upstream?: boolean; readonly downstream?: boolean },
): string[] {
  const graph = graphOf(tasks);
  const scopes = setupScopes(tasks, graph);
  const isWork = (index: number): boolean => tasks[index]?.setup !== true && tasks[index]?.teardown === undefined;
  const covered = new Uint8Array(tasks.length);
  const coverScopesOf = (index: number): void => {
    for (const scope of scopes) {
      if (!scope.holds(index)) continue;
      covered[scope.setup] = 1;
      for (const teardown of scope.teardowns) covered[teardown] = 1;
    }
  };

  tasks.forEach((task, index) => {
    if (!selected.has(task.taskId)) return;
    covered[index] = 1;
    if (upstream) {
      const above = reachedFrom(index, graph.upstream);
      above.forEach((reached, other) => { if (reached === 1) covered[other] = 1; });
      for (const scope of scopes) if (above[scope.setup] === 1) for (const teardown of scope.teardowns) covered[teardown] = 1;
    } else if (isWork(index)) {
      coverScopesOf(index);
    }
    if (downstream) {
      reachedFrom(index, graph.downstream).forEach((reached, other) => {
        if (reached !== 1) return;
        covered[other] = 1;
        if (isWork(other) && !selected.has((tasks[other] as SelectedTask).taskId)) coverScopesOf(other);
      });
    } else {
      for (const scope of scopes) if (scope.setup === index) for (const teardown of scope.teardowns) covered[teardown] = 1;
    }
  });
  return tasks.filter((_, index) => covered[index] === 1).map((task) => task.taskId);
}

interface SetupScope {
  readonly setup: number;
  readonly teardowns: readonly number[];
  /** Whether a task works between the setup and one of its teardowns, or merely behind it when it has none. */
  holds(index: number): boolean;
}

function setupScopes(tasks: readonly SelectedTask[], graph: Graph): SetupScope[] {
  return tasks.flatMap((task, setup) => {
    if (task.setup !== true) return [];
    const teardowns = (graph.downstream[setup] as readonly number[]).filter((index) => tasks[index]?.teardown !== undefined);
    const behind = reachedFrom(setup, graph.downstream);
    const before = teardowns.map((teardown) => reachedFrom(teardown, graph.upstream));
    const holds = (index: number): boolean => behind[index] === 1 && (before.length === 0 || before.some((reached) => reached[index] === 1));
    return [{ setup, teardowns, holds }];
  });
}
