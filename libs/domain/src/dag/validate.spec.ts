import { describe, expect, it } from 'vitest';
import { problemText } from '../problem.ts';
import type { DagDefinition, MapSource, TaskDefinition } from './definition.ts';
import { dagProblems } from './validate.ts';

const task = (taskId: string, upstream: readonly string[] = [], over: Partial<TaskDefinition> = {}): TaskDefinition => ({ taskId, operator: 'function', upstream, ...over });
const dag = (tasks: readonly TaskDefinition[], over: Partial<DagDefinition> = {}): DagDefinition => ({ dagId: 'd', timezone: 'UTC', schedule: { kind: 'none' }, tasks, ...over });
const result = (taskId: string): MapSource => ({ kind: 'result', taskId });
const expand = (source: MapSource) => ({ kind: 'expand' as const, over: [['x', source] as const] });

it('finds nothing wrong with a DAG of every shape', () => {
  const definition = dag(
    [
      task('create', [], { setup: true }),
      task('list', ['create']),
      task('choose', ['list'], { kind: 'branch', branchTargets: ['work', 'end'] }),
      task('work', ['list', 'choose'], { mapping: expand(result('list')), reads: ['list'] }),
      task('inside', ['list'], { groupId: 'g' }),
      task('end', ['work', 'choose', 'inside'], { triggerRule: 'always' }),
      task('drop', ['end'], { teardown: { setups: ['create'] } }),
    ],
    { groups: [{ groupId: 'g', mapping: expand(result('list')) }], schedule: { kind: 'continuous' }, maxActiveRuns: 1, startDate: '2026-01-01', endDate: '2026-02-01' },
  );
  expect(dagProblems(definition)).toEqual([]);
});

describe('what cannot work is told with its field', () => {
  it.each<[string, DagDefinition, string[]]>([
    ['ids', dag([task('a/b')], { dagId: '' }), ['dagId', 'tasks.a/b.taskId']],
    ['a default that its schema does not allow', dag([task('a')], { params: { schema: { properties: { n: { type: 'integer', maximum: 5, default: 9 } } }, defaults: { n: 9 } } }), ['params.n']],
    ['a param that a scheduled run would not have', dag([task('a')], { schedule: { kind: 'once' }, startDate: '2026-01-01', params: { schema: { required: ['day'], properties: { day: { type: 'string' } } }, defaults: {} } }), ['params.day']],
    ['a task twice', dag([task('a'), task('a')]), ['tasks.a']],
    ['a missing upstream', dag([task('a', ['b'])]), ['tasks.a.upstream']],
    ['a task that waits for itself', dag([task('a', ['a'])]), ['tasks']],
    ['a result that is not waited for', dag([task('a'), task('b', [], { reads: ['a'] })]), ['tasks.b.reads']],
    ['a branch to what is not behind it', dag([task('a', [], { kind: 'branch', branchTargets: ['c', 'x'] }), task('b', ['a']), task('c', ['b'])]), ['tasks.a.branchTargets', 'tasks.a.branchTargets']],
    ['a teardown of no setup', dag([task('a'), task('b', ['a'], { teardown: { setups: ['a'] } })]), ['tasks.b.teardown.setups']],
    ['a rule chosen for a teardown', dag([task('a', [], { teardown: { setups: [] }, triggerRule: 'all_done' })]), ['tasks.a.triggerRule']],
    ['an unknown rule', dag([task('a', [], { triggerRule: 'some_success' as 'always' })]), ['tasks.a.triggerRule']],
    ['a rule in a failFast DAG', dag([task('a', [], { triggerRule: 'all_done' })], { failFast: true }), ['tasks.a.triggerRule']],
    ['always on a map of results', dag([task('a'), task('b', ['a'], { triggerRule: 'always', mapping: expand(result('a')) })]), ['tasks.b.triggerRule']],
    ['always in a group mapped over results', dag([task('a'), task('b', ['a'], { triggerRule: 'always', groupId: 'g' })], { groups: [{ groupId: 'g', mapping: expand(result('a')) }] }), ['tasks.b.triggerRule']],
    ['a map in a mapped group', dag([task('a'), task('b', ['a'], { groupId: 'inner', mapping: expand(result('a')) })], { groups: [{ groupId: 'g', mapping: expand(result('a')) }, { groupId: 'inner', parentId: 'g' }] }), ['tasks.b.mapping']],
    ['a map over what is not upstream', dag([task('a'), task('b', [], { mapping: expand(result('a')) })]), ['tasks.b.mapping']],
    ['a map over nothing', dag([task('b', [], { mapping: { kind: 'expand', over: [] } })]), ['tasks.b.mapping']],
    ['a map too long', dag([task('b', [], { mapping: { kind: 'expand', over: [['x', { kind: 'literal', value: Array(40).fill(1) }], ['y', { kind: 'literal', value: Array(40).fill(1) }]] } })]), ['tasks.b.mapping']],
    ['an unknown group', dag([task('a', [], { groupId: 'g' })]), ['tasks.a.groupId']],
    ['groups within each other', dag([], { groups: [{ groupId: 'g', parentId: 'h' }, { groupId: 'h', parentId: 'g' }] }), ['groups.g.parentId', 'groups.h.parentId']],
    ['a group named as a task', dag([task('g')], { groups: [{ groupId: 'g' }] }), ['groups.g.groupId']],
    ['more slots than any pool has', dag([task('a', [], { pool: { name: 'db', slots: 3_000_000_000 } })]), ['tasks.a.pool.slots']],
    ['numbers', dag([task('a', [], { retries: -1, timeoutMs: 0, pool: { name: '', slots: 0 }, retryBackoff: -2, maxActive: 0.5 })], { maxActiveRuns: 0 }),
      ['maxActiveRuns', 'tasks.a.retries', 'tasks.a.timeoutMs', 'tasks.a.maxActive', 'tasks.a.pool.slots', 'tasks.a.retryBackoff', 'tasks.a.pool']],
    ['dates', dag([], { startDate: '2026-13-01', endDate: 'tomorrow' }), ['startDate', 'endDate']],
    ['an end before the start', dag([], { startDate: '2026-02-01', endDate: '2026-01-01' }), ['endDate']],
    ['a zone', dag([], { timezone: 'Mars/Base' }), ['timezone']],
    ['continuous runs that overlap', dag([], { schedule: { kind: 'continuous' }, startDate: '2026-01-01' }), ['maxActiveRuns']],
    ['continuous runs without a beginning', dag([], { schedule: { kind: 'continuous' }, maxActiveRuns: 1 }), ['startDate']],
    ['catching up from nowhere', dag([], { schedule: { kind: 'deltaDataInterval', seconds: 60 }, catchup: true }), ['startDate']],
  ])('%s', (_, definition, fields) => {
    expect(dagProblems(definition).map(({ field }) => field)).toEqual(fields);
  });

  it('names a cycle along its edges, and not what stands behind it', () => {
    const [found, ...more] = dagProblems(dag([task('a', ['c']), task('b', ['a']), task('c', ['b']), task('behind', ['c'])]));
    expect(more).toEqual([]);
    expect(found?.value).toBe('"a → b → c → a"');
    expect(found && problemText(found)).toBe('tasks is "a → b → c → a", which is a cycle, so none of these tasks could ever begin; remove one of these dependencies.');
  });
});

it('checks a chain of 30,000 tasks, and one that closes, without recursion', () => {
  const chain = Array.from({ length: 30_000 }, (_, index) => task(`t${index}`, index === 0 ? [] : [`t${index - 1}`]));
  expect(dagProblems(dag(chain))).toEqual([]);
  expect(dagProblems(dag([task('t0', ['t29999']), ...chain.slice(1)]))).toHaveLength(1);
});
