import type { ExecutionApi } from '@dagbook/contracts';
import { expect, it } from 'vitest';
import { rememberingResults } from './result-cache.ts';

function counting(answer: (key: string) => Promise<number>) {
  const asked: string[] = [];
  const api = { getResult: (_: unknown, key: string) => (asked.push(key), answer(key)) } as unknown as ExecutionApi;
  return { asked, api: rememberingResults(api) };
}
const auth = (run: string) => ({ attemptId: `d/${run}/t/0/1`, epoch: 1, token: 'x' });

it.each(['d/r/items/-1/1', 'results/d/r/asset-events'])('asks once for %s, which many instances read', async (key) => {
  const { asked, api } = counting(async () => 7);
  expect(await Promise.all([1, 2, 3].map(() => api.getResult(auth('r'), key)))).toEqual([7, 7, 7]);
  expect(asked).toEqual([key]);
});

it('lets the gateway judge what another run asks for', async () => {
  const { asked, api } = counting(async () => 7);
  await api.getResult(auth('r'), 'd/r/items/-1/1');
  await api.getResult(auth('other'), 'd/r/items/-1/1');
  expect(asked.length).toBe(2);
});

it('asks again after a failure', async () => {
  let fails = true;
  const { api } = counting(async () => {
    if (fails) throw new Error('away');
    return 7;
  });
  await expect(api.getResult(auth('r'), 'd/r/items/-1/1')).rejects.toThrow('away');
  fails = false;
  expect(await api.getResult(auth('r'), 'd/r/items/-1/1')).toBe(7);
});
