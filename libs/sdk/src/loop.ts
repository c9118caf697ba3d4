import { runsWhenSkipped } from '@dagbook/domain';
import { FailTask } from './error.ts';
import type { GroupModel, TaskModel } from './model.ts';
import type { Edge, LoopSpec, Scope, TaskRef } from './types.ts';

/** Iterations stand in the DAG as tasks, taken or not: more than this and nobody reads its grid. */
export const MAX_ITERATIONS = 100;

export type Build<O> = (iteration: Scope<unknown> & Edge, previous: TaskRef<O> | undefined, index: number) => TaskRef<O>;

/** In place of the result of an iteration that was skipped: one that was taken may answer anything, also nothing. */
const NOT_TAKEN = Object.freeze({});

/** Whatever the DAG's defaults say. */
const GATE = { triggerRule: 'all_success' } as const;

/**
 * Lays out every iteration that a loop may take, so that each has tasks, logs and tries of its own in the grid: a group an
 * iteration, behind each a gate that asks `until`, and one task that hands on the result of the last iteration taken. A gate
 * that has seen enough skips what begins the next iteration, and with it all that follow; the last gate fails instead.
 */
export function layOut<O>(loop: Scope<unknown>, loopId: string, from: TaskRef<O> | undefined, build: Build<O>, { maxIterations, until }: LoopSpec<O>): TaskRef<O> {
  const results: TaskRef<O>[] = [];
  let gate: Edge | undefined;
  for (let index = 0; index < maxIterations; index++) {
    const group = loop.group(String(index));
    const result = build(group, results.at(-1) ?? from, index);
    // After the tasks are there: an edge to a group ends at those that begin it.
    if (gate !== undefined) group.after(gate);
    results.push(result);
    const isEnough = async ({ result: value }: { result: O }): Promise<boolean> => until(value, index);
    gate =
      index < maxIterations - 1
        ? loop.shortCircuit(`again_${index}`, async (input: { result: O }) => !(await isEnough(input)), { ...GATE, ignoreDownstreamTriggerRules: false })({ result } as never)
        : loop.task(`again_${index}`, async (input: { result: O }) => refuseMore(await isEnough(input), loopId, maxIterations), GATE)({ result } as never);
  }
  const taken = loop.task('result', async ({ all }: { all: (O | typeof NOT_TAKEN)[] }) => all.findLast((value) => value !== NOT_TAKEN) as O, {
    triggerRule: 'none_failed_min_one_success',
  })({ all: results.map((result) => result.onSkip(NOT_TAKEN)) } as never);
  if (gate !== undefined) taken.after(gate);
  return taken;
}

/** Not tried again: the same results would be asked the same. */
function refuseMore(isEnough: boolean, loopId: string, maxIterations: number): void {
  if (!isEnough) throw new FailTask(`loop '${loopId}' took all of its ${maxIterations} iterations and \`until\` still says no: raise maxIterations, or look at why it never ends`);
}

/** The task of a loop that would run in an iteration that is not taken, if there is one. */
export const runsUntaken = (tasks: Iterable<TaskModel>, loop: GroupModel): TaskModel | undefined =>
  [...tasks].find((task) => isWithin(task.group, loop) && !task.teardown && runsWhenSkipped(task.spec.triggerRule ?? 'all_success'));

function isWithin(group: GroupModel | undefined, outer: GroupModel): boolean {
  for (let at = group; at !== undefined; at = at.parent) if (at === outer) return true;
  return false;
}
