import type { DagDefinition, TaskDefinition } from '@dagbook/domain';
import { describe, expect, it } from 'vitest';
import { PlanCache, planView } from './plan-view.ts';

const task = (taskId: string, upstream: string[] = [], more: Partial<TaskDefinition> = {}): TaskDefinition => ({ taskId, operator: 'function', upstream, ...more });
const dag = (tasks: TaskDefinition[], groups?: DagDefinition['groups']): DagDefinition => ({ dagId: 'd', timezone: 'UTC', schedule: { kind: 'none' }, tasks, ...(groups === undefined ? {} : { groups }) });

describe('planView', () => {
  it('orders tasks after what they wait for, and otherwise as the author wrote them', () => {
    const { tasks, indexOf } = planView('h', dag([task('z', ['b', 'c']), task('c', ['a']), task('b', ['a']), task('a'), task('alone')]));
    expect(tasks.map(({ taskId }) => taskId)).toEqual(['a', 'alone', 'c', 'b', 'z']);
    expect(indexOf.get('z')).toBe(4);
  });

  it('takes a task inside a mapped group for mapped, at any depth', () => {
    const { mapped } = planView('h', dag(
      [task('outer.inner.deep', [], { groupId: 'outer.inner' }), task('beside', [], { groupId: 'plain' }), task('own', [], { mapping: { kind: 'expand', over: [] } })],
      [{ groupId: 'outer', mapping: { kind: 'expand', over: [] } }, { groupId: 'outer.inner', parentId: 'outer' }, { groupId: 'plain' }],
    ));
    expect([...mapped]).toEqual(['outer.inner.deep', 'own']);
  });
});

describe('PlanCache', () => {
  it('reads a plan once and lets the oldest go', async () => {
    const read: string[] = [];
    const plans = new PlanCache((hash) => {
      read.push(hash);
      return Promise.resolve(hash === 'none' ? null : new TextEncoder().encode(JSON.stringify(dag([task(hash)]))));
    }, 2);
    for (const hash of ['a', 'a', 'b', 'c', 'b', 'a']) expect((await plans.get(hash)).tasks[0]?.taskId).toBe(hash);
    expect(read).toEqual(['a', 'b', 'c', 'a']);
    await expect(plans.get('none')).rejects.toThrow('not stored');
  });
});
