import { expect, test } from 'vitest';
import { isRejected } from '../decider.ts';
import { type SealedEntry, type SealedEntryCommand, sealedEntryDecider } from './sealed-entry.ts';

const { decide, evolve, initialState } = sealedEntryDecider('Connection', "connection 'lake'");
const at = { by: 'ann', atMs: 7 };
const there: SealedEntry = { sealed: 'old' };

test.each<[string, SealedEntry, SealedEntryCommand, string]>([
  ['creates', null, { ...at, type: 'Set', mode: 'create', sealed: 'new' }, 'ConnectionSet new'],
  ['refuses to create what is there', there, { ...at, type: 'Set', mode: 'create', sealed: 'new' }, 'exists'],
  ['changes', there, { ...at, type: 'Set', mode: 'change', sealed: 'new', from: 'old' }, 'ConnectionSet new'],
  ['refuses to change what is not there', null, { ...at, type: 'Set', mode: 'change', sealed: 'new' }, 'not_found'],
  ['refuses a change of what is there no more', there, { ...at, type: 'Set', mode: 'change', sealed: 'new', from: 'older' }, 'changed'],
  ['sets whatever is there', null, { ...at, type: 'Set', mode: 'set', sealed: 'new' }, 'ConnectionSet new'],
  ['deletes', there, { ...at, type: 'Delete' }, 'ConnectionDeleted'],
  ['refuses to delete what is not there', null, { ...at, type: 'Delete' }, 'not_found'],
  ['seals anew', there, { ...at, type: 'Reseal', from: 'old', sealed: 'new' }, 'ConnectionResealed new'],
  ['leaves what was changed meanwhile', there, { ...at, type: 'Reseal', from: 'older', sealed: 'new' }, ''],
])('%s', (_, entry, command, expected) => {
  const decision = decide(command, entry);
  const told = isRejected(decision) ? decision.code : decision.map((event) => `${event.type}${'sealed' in event ? ` ${event.sealed}` : ''}`).join();
  expect(told).toBe(expected);
});

test('its state is the newest content, or nothing', () => {
  expect(initialState()).toBe(null);
  expect(evolve(null, { type: 'ConnectionSet', sealed: 'a', ...at })).toEqual({ sealed: 'a' });
  expect(evolve(there, { type: 'ConnectionResealed', sealed: 'b', ...at })).toEqual({ sealed: 'b' });
  expect(evolve(there, { type: 'ConnectionDeleted', ...at })).toBe(null);
});
