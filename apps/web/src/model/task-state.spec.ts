import { describe, expect, it } from 'vitest';
import { ABSENT, charOf, isTerminal, stateOf, WORST_FIRST, worstChar } from './task-state.ts';

describe('packed states', () => {
  it('gives each state a character of its own that reads back', () => {
    expect(WORST_FIRST.map((state) => stateOf(charOf(state)))).toEqual(WORST_FIRST);
    expect(new Set(WORST_FIRST.map(charOf)).size).toBe(14);
  });

  it('writes unfinished states in lower case and terminal ones in upper case', () => {
    for (const state of WORST_FIRST.filter((state) => state !== 'none')) {
      const char = charOf(state);
      expect([state, char === char.toUpperCase()]).toEqual([state, isTerminal(state)]);
    }
  });

  it('does not know a character that a newer service may send', () => {
    expect(stateOf('?')).toBeNull();
    expect(stateOf(ABSENT)).toBeNull();
  });
});

describe('worstChar', () => {
  it.each([
    ['SSFS', 'F'], ['SSU', 'U'], ['SyS', 'y'], ['SrS', 'r'], ['S-S', '-'], ['KS', 'K'], ['SS', 'S'], [' S ', 'S'], ['', ABSENT], ['  ', ABSENT],
  ])('of "%s" is "%s"', (chars, worst) => {
    expect(worstChar(chars)).toBe(worst);
  });
});
