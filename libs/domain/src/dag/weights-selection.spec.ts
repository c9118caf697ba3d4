import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { TaskDefinition } from './definition.ts';
import { clearSelection } from './selection.ts';
import { priorityOfTry, priorityWeights } from './weights.ts';

const randomTasks = fc.array(fc.record({ weight: fc.integer({ min: -5, max: 100 }), rule: fc.constantFrom('downstream', 'upstream', 'absolute'), from: fc.array(fc.nat(), { maxLength: 4 }) }), { minLength: 1, maxLength: 80 })
  .map((rows) => rows.map(({ weight, rule, from }, index): TaskDefinition => ({
    taskId: `t${index}`, operator: 'empty', priorityWeight: weight, weightRule: rule as 'downstream', upstream: index === 0 ? [] : from.map((n) => `t${n % index}`),
  })));

/** Weights by following every path, with a set of what was met. */
function naiveWeight(tasks: readonly TaskDefinition[], task: TaskDefinition): number {
  const met = new Set([task.taskId]);
  const next = (taskId: string): string[] =>
    task.weightRule === 'upstream' ? [...(tasks.find((other) => other.taskId === taskId) as TaskDefinition).upstream] : tasks.filter((other) => other.upstream.includes(taskId)).map((other) => other.taskId);
  if (task.weightRule !== 'absolute') for (const taskId of met) for (const other of next(taskId)) met.add(other);
  return tasks.filter((other) => met.has(other.taskId)).reduce((sum, other) => sum + (other.priorityWeight as number), 0);
}

it('weighs each task of any DAG as a walk over its paths would', () => {
  fc.assert(
    fc.property(randomTasks, (tasks) => {
      const weights = priorityWeights({ tasks });
      for (const task of tasks) expect([task.taskId, weights.get(task.taskId)]).toEqual([task.taskId, naiveWeight(tasks, task)]);
    }),
    { numRuns: 1_000, seed: 42 },
  );
});

it('keeps a weight within 32 bits', () => {
  const tasks = ['a', 'b'].map((taskId, index) => ({ taskId, operator: 'empty', priorityWeight: 2 ** 31 - 1, upstream: index === 0 ? [] : ['a'] }));
  expect(priorityWeights({ tasks }).get('a')).toBe(2 ** 31 - 1);
});

it('clears what was selected, with the setup that it works in and that one\'s teardown', () => {
  const tasks = [
    { taskId: 'create', upstream: [], setup: true },
    { taskId: 'load', upstream: ['create'] },
    { taskId: 'check', upstream: ['load'] },
    { taskId: 'drop', upstream: ['check'], teardown: { setups: ['create'] } },
    { taskId: 'report', upstream: ['check'] },
  ];
  expect(clearSelection({ tasks }, new Set(['check']), {})).toEqual(['create', 'check', 'drop']);
  expect(clearSelection({ tasks }, new Set(['report']), {})).toEqual(['report']);
  expect(clearSelection({ tasks }, new Set(['load']), { downstream: true })).toEqual(['create', 'load', 'check', 'drop', 'report']);
});

it('takes the weight of the try where tries differ, the last one for later tries', () => {
  const task = { taskId: 'a', operator: 'bash', upstream: [], priorityWeights: [9, 4] };
  expect([1, 2, 3, 40].map((tryNumber) => priorityOfTry(task, tryNumber))).toEqual([9, 4, 4, 4]);
  expect(priorityOfTry({ taskId: 'a', operator: 'bash', upstream: [] }, 1)).toBeUndefined();
});
