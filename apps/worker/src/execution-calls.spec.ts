import type { AttemptAssigned, ExecutionApi } from '@dagbook/contracts';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { answerCall } from './execution-calls.ts';
import type { LargeResults } from './large-results.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const assignment = { attemptId: 'd/r/t/-1/1', epoch: 1, token: 'x' } as AttemptAssigned;
const away = Object.assign(new Error('the gateway does not answer'), { retryable: true, code: 'execution.unavailable' });

function asking(putResult: () => Promise<unknown>, isWanted = () => true) {
  const answer = answerCall({ api: { putResult } as unknown as ExecutionApi, largeResults: {} as LargeResults, isWanted }, assignment, { id: 7, method: 'putResult', value: 1 }, () => undefined);
  return vi.runAllTimersAsync().then(() => answer);
}

it('a gateway that comes back gets the result', async () => {
  let failures = 5;
  expect(await asking(async () => (failures-- > 0 ? Promise.reject(away) : { key: 'k', bytes: 1 }))).toEqual({ id: 7, value: { key: 'k', bytes: 1 } });
});

it('one that stays away is given up after two minutes, and a refusal at once', async () => {
  const began = Date.now();
  expect(await asking(async () => Promise.reject(away))).toEqual({ id: 7, error: { message: 'the gateway does not answer', code: 'execution.unavailable' } });
  expect(Date.now() - began).toBeGreaterThanOrEqual(120_000);
  let asked = 0;
  expect(await asking(async () => Promise.reject(Object.assign(new Error('too large'), { retryable: false, asked: (asked += 1) })))).toEqual({ id: 7, error: { message: 'too large' } });
  expect(asked).toBe(1);
});

it('nobody is asked again for a task that is over', async () => {
  let asked = 0;
  await asking(async () => { asked += 1; throw away; }, () => false);
  expect(asked).toBe(1);
});
