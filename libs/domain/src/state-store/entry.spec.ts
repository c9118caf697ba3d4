import { expect, test } from 'vitest';
import { DEFAULT_STATE_STORE_POLICY, stateClearsWithTry, stateKeyProblem, stateLifetimeMs, stateRetentionProblem, stateSizeVerdict, stateValueText } from './entry.ts';

test.each([
  ['job_id', true], ['a/b c', true], ['열쇠', true], ['x'.repeat(512), true], ['', false], ['x'.repeat(513), false], ['a\u0000', false], ['\ud800', false], [7, false], [undefined, false],
])('the key %j is one: %s', (key, isKey) => {
  expect(stateKeyProblem(key) === undefined).toBe(isKey);
});

test.each([
  [{ done: [1, 2], at: new Date(0) }, '{"done":[1,2],"at":"1970-01-01T00:00:00.000Z"}'], [0, '0'], [false, 'false'], ['', '""'], [{ a: undefined }, '{}'], [[null], '[null]'],
])('%j is kept as %s', (value, text) => {
  expect(stateValueText(value)).toBe(text);
});

const cycle: { self?: unknown } = {};
cycle.self = cycle;
test.each([
  [null, 'says nothing'], [undefined, 'says nothing'], [Number.NaN, 'NaN'], [[1, { deep: Infinity }], 'NaN or Infinity'], [1n, 'cannot be written as JSON'], [() => 1, 'cannot be written as JSON'], [cycle, 'cannot be written as JSON'],
])('%s is refused: %s', (value, why) => {
  expect(stateValueText(value)).toMatchObject({ field: 'value', rule: expect.stringContaining(why) });
});

test('a lifetime: what the task says, else what the site does; 0 days are for ever', () => {
  const day = 86_400_000;
  expect([stateLifetimeMs('default', DEFAULT_STATE_STORE_POLICY), stateLifetimeMs('never', DEFAULT_STATE_STORE_POLICY), stateLifetimeMs(5, DEFAULT_STATE_STORE_POLICY)]).toEqual([30 * day, null, 5]);
  expect([stateLifetimeMs('default', { ...DEFAULT_STATE_STORE_POLICY, defaultRetentionDays: 0 }), stateLifetimeMs('default', { ...DEFAULT_STATE_STORE_POLICY, defaultRetentionDays: 7 })]).toEqual([null, 7 * day]);
});

test.each([[0, true], [1, true], [36_500 * 86_400_000, true], [36_500 * 86_400_000 + 1, false], [-1, false], [0.5, false], [Number.NaN, false], ['1', false]])('%j milliseconds are a retention: %s', (ms, isOne) => {
  expect(stateRetentionProblem(ms) === undefined).toBe(isOne);
});

test('more than the site allows is refused to people and warned of to tasks, more than 1 MB refused to both', () => {
  const kinds = (bytes: number, maxValueBytes: number) => (['task', 'api'] as const).map((by) => { const { kind, message } = stateSizeVerdict(bytes, by, { ...DEFAULT_STATE_STORE_POLICY, maxValueBytes }); return [kind, message !== undefined]; });
  expect(kinds(65_535, 65_535)).toEqual([['kept', false], ['kept', false]]);
  expect(kinds(65_536, 65_535)).toEqual([['kept', true], ['refused', true]]);
  expect(kinds(65_536, 0)).toEqual([['kept', false], ['kept', false]]);
  expect(kinds(1_000_001, 0)).toEqual([['refused', true], ['refused', true]]);
});

test('what a person writes is for the try under way, or for the next when the task has succeeded', () => {
  expect([stateClearsWithTry({ state: 'running', tryNumber: 2 }), stateClearsWithTry({ state: 'success', tryNumber: 2 }), stateClearsWithTry({ state: 'none', tryNumber: 0 })]).toEqual([2, 3, 1]);
});
