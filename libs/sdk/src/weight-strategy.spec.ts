import { expect, it } from 'vitest';
import { dag, serialize, type WeightStrategy } from './index.ts';

function weighed(weightRule: WeightStrategy, retries = 2): unknown[] {
  const d = dag('d', {});
  const first = d.task('first', () => 1, { priorityWeight: 5, retries, weightRule })();
  d.task('second', () => 2)().after(first);
  const [task] = serialize(d).tasks;
  return [task?.priorityWeight, task?.weightRule, task?.priorityWeights];
}

it('weighs each try by the author\'s function, told of the task and its neighbours', () => {
  const asked: unknown[] = [];
  expect(weighed((task) => (asked.push(task), task.maxTries - task.tryNumber + 1))).toEqual([3, 'absolute', [3, 2, 1]]);
  const task = { dagId: 'd', taskId: 'first', operator: 'function', priorityWeight: 5, maxTries: 3, upstream: [], downstream: ['second'] };
  expect(asked).toEqual([1, 2, 3].map((tryNumber) => ({ ...task, tryNumber })));
});

it('keeps one number where tries do not differ, and the hundredth for all behind it', () => {
  expect(weighed(({ priorityWeight }) => priorityWeight * 2)).toEqual([10, 'absolute', undefined]);
  expect((weighed(({ tryNumber }) => tryNumber, 500)[2] as number[]).length).toBe(100);
});

it.each<[string, WeightStrategy, string]>([
  ['throws', () => { throw new Error('no'); }, 'weightRule of task \'first\' at try 1'],
  ['answers no whole number', ({ tryNumber }) => (tryNumber === 2 ? 0.5 : 1), 'weightRule of task \'first\' at try 2'],
  ['answers more than 32 bits', () => 2 ** 31, 'a priority is a whole number of at most 32 bits'],
  ['answers nothing', (() => undefined) as unknown as WeightStrategy, 'a priority is a whole number of at most 32 bits'],
])('refuses a strategy that %s', (_, strategy, says) => {
  expect(() => weighed(strategy)).toThrow(says);
});
