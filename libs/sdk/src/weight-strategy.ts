import type { TaskDefinition } from '@dagbook/domain';
import { DagDefinitionError, definitionError } from './error.ts';
import { siteOf, type Mark } from './site.ts';

/** What a weight strategy is asked about: one try of a task. */
export interface WeightedTask {
  readonly dagId: string;
  readonly taskId: string;
  readonly operator: string;
  /** The task's own; 1 when it does not say. */
  readonly priorityWeight: number;
  /** From 1. */
  readonly tryNumber: number;
  /** Tries that the task has. */
  readonly maxTries: number;
  /** Direct neighbours. */
  readonly upstream: readonly string[];
  readonly downstream: readonly string[];
}

/**
 * The priority of a try, as a whole number: higher goes first where slots are short. It is asked for each try when the file
 * is read, so it knows nothing of a run or of a mapped instance, and must always answer the same.
 */
export type WeightStrategy = (task: WeightedTask) => number;

/** Later tries than so many weigh what the last of them does. */
const ASKED_TRIES = 100;
const MAX_PRIORITY = 2 ** 31 - 1;

/** What a strategy comes to: weights that stand as they are, one for every try, or one for each. */
export function weightsBy(strategy: WeightStrategy, task: Omit<WeightedTask, 'tryNumber'>, mark: Mark): Pick<TaskDefinition, 'priorityWeight' | 'weightRule' | 'priorityWeights'> {
  const weights = Array.from({ length: Math.min(ASKED_TRIES, task.maxTries) }, (_, index) => weightOf(strategy, { ...task, tryNumber: index + 1 }, mark));
  const [first = 1] = weights;
  return { priorityWeight: first, weightRule: 'absolute', ...(weights.every((weight) => weight === first) ? {} : { priorityWeights: weights }) };
}

function weightOf(strategy: WeightStrategy, task: WeightedTask, mark: Mark): number {
  const about = `weightRule of task '${task.taskId}' at try ${task.tryNumber}`;
  let weight: unknown;
  try {
    weight = strategy(task);
  } catch (error) {
    if (error instanceof DagDefinitionError) throw error;
    throw definitionError({ field: about, value: String(error), rule: 'the strategy threw this', remedy: 'Let it answer a whole number for every try' }, siteOf(mark));
  }
  if (typeof weight === 'number' && Number.isInteger(weight) && Math.abs(weight) <= MAX_PRIORITY) return weight;
  throw definitionError({ field: about, value: weight, rule: 'a priority is a whole number of at most 32 bits', remedy: 'Let the strategy answer a number such as 10, with Math.round where it divides' }, siteOf(mark));
}
