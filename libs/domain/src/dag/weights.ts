import type { TaskDefinition, WeightRule } from './definition.ts';
import { graphOf, topologicalOrder } from './graph.ts';

const MAX_PRIORITY = 2 ** 31 - 1;
const MIN_PRIORITY = -(2 ** 31);
const bounded = (weight: number): number => Math.max(MIN_PRIORITY, Math.min(MAX_PRIORITY, weight));

/**
 * The priority of each task by its weight rule: its own `priorityWeight`, and with `downstream` (the default) or
 * `upstream` that of every task it leads to or comes from, each counted once; at most 32 bits, as in Airflow.
 *
 * Reachability is kept as bits for 32 tasks at a time, so it takes O(tasks) memory and O(tasks × edges / 32) operations.
 * There must be no cycle.
 */
export function priorityWeights({ tasks }: { readonly tasks: readonly TaskDefinition[] }): ReadonlyMap<string, number> {
  const graph = graphOf(tasks);
  const order = topologicalOrder(graph);
  const own = tasks.map((task) => bounded(task.priorityWeight ?? 1));
  const obeys = (rule: WeightRule): boolean => tasks.some((task) => (task.weightRule ?? 'downstream') === rule);
  const totals = {
    absolute: own,
    downstream: obeys('downstream') ? sumReached(order.toReversed(), graph.downstream, own) : own,
    upstream: obeys('upstream') ? sumReached(order, graph.upstream, own) : own,
  };
  return new Map(
    tasks.map((task, index) => {
      const total = totals[task.weightRule ?? 'downstream'][index] as number;
      return [task.taskId, bounded(total)];
    }),
  );
}

/** Of one try, where the author's strategy tells tries apart; undefined: the task's weight holds for each. */
export function priorityOfTry({ priorityWeights: weights }: TaskDefinition, tryNumber: number): number | undefined {
  return weights === undefined ? undefined : (weights[Math.max(1, tryNumber) - 1] ?? weights.at(-1));
}

/** For each task its own weight and those of all that the edges lead to; `order` has what they lead to first. */
function sumReached(order: readonly number[], edges: readonly (readonly number[])[], own: readonly number[]): readonly number[] {
  const totals = [...own];
  const reached = new Int32Array(own.length);
  for (let first = 0; first < own.length; first += 32) {
    const sums = [0, 8, 16, 24].map((offset) => byteSums(own.slice(first + offset, first + offset + 8)));
    const [low, second, third, high] = sums as [Float64Array, Float64Array, Float64Array, Float64Array];
    for (const index of order) {
      let bits = 0;
      for (const next of edges[index] as readonly number[]) {
        bits |= reached[next] as number;
        if (next >= first && next < first + 32) bits |= 1 << (next - first);
      }
      reached[index] = bits;
      if (bits !== 0) {
        const sum = (low[bits & 255] as number) + (second[(bits >>> 8) & 255] as number) + (third[(bits >>> 16) & 255] as number) + (high[bits >>> 24] as number);
        totals[index] = (totals[index] as number) + sum;
      }
    }
  }
  return totals;
}

/** The sum of each subset of at most eight weights, by its bits. */
function byteSums(weights: readonly number[]): Float64Array {
  const sums = new Float64Array(256);
  for (let bits = 1; bits < 256; bits += 1) {
    const lowest = 31 - Math.clz32(bits & -bits);
    sums[bits] = (sums[bits & (bits - 1)] as number) + (weights[lowest] ?? 0);
  }
  return sums;
}
