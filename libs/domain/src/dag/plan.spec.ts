import { expect, test } from 'vitest';
import { dagOf, overList, overResultOf } from '../../test/run-story.ts';
import { compilePlan, type RunPlan } from './plan.ts';

const ids = (plan: RunPlan, tasks: readonly number[] | undefined): string[] => (tasks ?? []).map((task) => plan.tasks[task]?.taskId ?? '?');
const taskOf = (plan: RunPlan, taskId: string) => plan.tasks[plan.indexOf.get(taskId) ?? -1];

test('a chain of 5,000 tasks and a DAG of 10,000 compile', () => {
  const chain = compilePlan(dagOf(Object.fromEntries(Array.from({ length: 5_000 }, (_, index) => [`t${index}`, { setup: index === 0, after: index === 0 ? [] : `t${index - 1}` }]))));
  expect(chain.tasks.filter(({ leaf }) => leaf).map(({ taskId }) => taskId)).toEqual(['t4999']);
  expect(chain.tasks[4_999]?.indirectSetups).toEqual([0]);
  const wide = compilePlan(dagOf(Object.fromEntries(Array.from({ length: 10_000 }, (_, index) => [`t${index}`, { after: index < 2 ? [] : [`t${index % 1_000 === 0 ? 0 : index - 1}`, `t${Math.floor(index / 2)}`] }]))));
  expect(wide.tasks.reduce((edges, task) => edges + task.edges.length, 0)).toBe(wide.tasks.reduce((edges, task) => edges + task.upstream.length, 0));
});

test('leaves have nothing below them but teardowns that cannot fail the run', () => {
  const tasks = { s: { setup: true }, a: { after: 's' }, t: { after: 'a', teardown: { setups: ['s'] } } };
  const leaves = (definition: Parameters<typeof dagOf>[0]): string[] => compilePlan(dagOf(definition)).tasks.filter(({ leaf }) => leaf).map(({ taskId }) => taskId);
  expect(leaves(tasks)).toEqual(['a']);
  expect(leaves({ ...tasks, t: { after: 'a', teardown: { setups: ['s'], onFailureFailDagrun: true } } })).toEqual(['t']);
  expect(leaves({ t: { teardown: { setups: [] } } })).toEqual(['t']);
});

test('a setup binds what stands above its teardown, or all below it when it has none', () => {
  const plan = compilePlan(dagOf({ s: { setup: true }, a: { after: 's' }, b: { after: 'a' }, t: { after: 'b', teardown: { setups: ['s'] } }, out: { after: 'b' }, any: { after: 'a', triggerRule: 'always' } }));
  expect(plan.tasks.filter(({ indirectSetups }) => indirectSetups.length > 0).map(({ taskId }) => taskId)).toEqual(['b']);
  const bare = compilePlan(dagOf({ s: { setup: true }, a: { after: 's' }, b: { after: 'a' } }));
  expect(ids(bare, taskOf(bare, 'b')?.indirectSetups)).toEqual(['s']);
  expect(ids(bare, taskOf(bare, 'a')?.indirectSetups)).toEqual([]);
});

test('mapping is its own or the nearest mapped group around, and sources are read', () => {
  const plan = compilePlan(dagOf(
    { src: {}, own: { after: 'src', mapping: overList(1) }, inner: { after: 'src', groupId: 'in' } },
    { groups: [{ groupId: 'out', mapping: overResultOf('src', 'rows') }, { groupId: 'in', parentId: 'out' }] },
  ));
  expect(taskOf(plan, 'inner')?.mappedGroup).toBe('out');
  expect(taskOf(plan, 'own')?.mappedGroup).toBeUndefined();
  expect(taskOf(plan, 'src')?.mappedPaths).toEqual([['rows']]);
  expect(taskOf(plan, 'src')?.read).toBe(true);
  expect(ids(plan, taskOf(plan, 'inner')?.reads)).toEqual(['src']);
});

test('an edge to no task is a bug: definitions are checked before', () => {
  expect(() => compilePlan(dagOf({ a: { after: 'x' } }))).toThrow('names the unknown task x');
});
