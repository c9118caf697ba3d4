import { describe, expect, it } from 'vitest';
import { isRejected } from '../decider.ts';
import { poolDecider, type Pool, type PoolCommand } from './pool.ts';

const given = { by: 'kim', atMs: 5 };
const DB: Pool = { slots: 4, description: 'the warehouse', includeDeferred: false };
const decided = (name: string, command: PoolCommand, pool: Pool | null = poolDecider(name).initialState()) => poolDecider(name).decide(command, pool);
const codeOf = (...asked: Parameters<typeof decided>) => {
  const answer = decided(...asked);
  return isRejected(answer) ? answer.code : answer;
};

describe('a pool', () => {
  it('is made, changed in part, and deleted', () => {
    const { decide, evolve, initialState } = poolDecider('db');
    let pool = initialState();
    const shown: (Pool | null)[] = [];
    for (const command of [
      { type: 'SetPool', mode: 'create', slots: 4, description: 'the warehouse', ...given },
      { type: 'SetPool', mode: 'change', slots: 2, ...given },
      { type: 'SetPool', mode: 'change', includeDeferred: true, description: null, ...given },
      { type: 'SetPool', mode: 'set', slots: -1, ...given },
      { type: 'DeletePool', ...given },
    ] satisfies PoolCommand[]) {
      for (const event of decide(command, pool) as readonly Parameters<typeof evolve>[1][]) pool = evolve(pool, event);
      shown.push(pool);
    }
    expect(shown).toEqual([DB, { ...DB, slots: 2 }, { slots: 2, description: null, includeDeferred: true }, { slots: -1, description: null, includeDeferred: false }, null]);
  });

  it('records nothing when nothing changes', () => {
    expect(decided('db', { type: 'SetPool', mode: 'set', ...DB, ...given }, DB)).toEqual([]);
  });

  it.each<[string, string, PoolCommand, Pool | null]>([
    ['pool_exists', 'db', { type: 'SetPool', mode: 'create', slots: 1, ...given }, DB],
    ['pool_exists', 'default_pool', { type: 'SetPool', mode: 'create', slots: 1, ...given }, poolDecider('default_pool').initialState()],
    ['pool_not_found', 'db', { type: 'SetPool', mode: 'change', slots: 1, ...given }, null],
    ['pool_not_found', 'db', { type: 'DeletePool', ...given }, null],
    ['default_pool', 'default_pool', { type: 'DeletePool', ...given }, poolDecider('default_pool').initialState()],
    ['invalid_pool', 'db', { type: 'SetPool', mode: 'create', slots: -2, ...given }, null],
    ['invalid_pool', 'db', { type: 'SetPool', mode: 'create', slots: 1.5, ...given }, null],
    ['invalid_pool', 'db', { type: 'SetPool', mode: 'create', ...given }, null],
    ['default_pool', 'default_pool', { type: 'SetPool', mode: 'change', description: 'mine', ...given }, poolDecider('default_pool').initialState()],
    ['invalid_pool', '\ud800', { type: 'SetPool', mode: 'create', slots: 1, ...given }, null],
    ['invalid_pool', 'x'.repeat(257), { type: 'SetPool', mode: 'create', slots: 1, ...given }, null],
    ['invalid_pool', 'd\u001fb', { type: 'SetPool', mode: 'create', slots: 1, ...given }, null],
  ])('refuses with %s', (code, name, command, pool) => {
    expect(codeOf(name, command, pool)).toBe(code);
  });

  it('says what is wrong with its slots', () => {
    expect(decided('db', { type: 'SetPool', mode: 'create', slots: -2, ...given })).toMatchObject({ message: 'slots is -2, which is not a whole number from -1 (no limit) up; say how many slots the pool has.' });
  });

  it('that tasks take when they name none is there with 128 slots', () => {
    expect(poolDecider('default_pool').initialState()).toEqual({ slots: 128, description: 'Default pool', includeDeferred: false });
    expect(decided('default_pool', { type: 'SetPool', mode: 'set', slots: 3, description: 'as another site calls it', ...given })).toEqual([{ type: 'PoolSet', slots: 3, description: 'Default pool', includeDeferred: false, ...given }]);
    expect(decided('default_pool', { type: 'SetPool', mode: 'change', slots: 3, ...given })).toEqual([{ type: 'PoolSet', slots: 3, description: 'Default pool', includeDeferred: false, ...given }]);
  });
});
