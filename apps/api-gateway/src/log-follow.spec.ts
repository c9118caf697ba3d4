import type { LogSlice } from '@dagbook/contracts';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { followToEnd } from './log-follow.ts';

const ATTEMPT = { dagId: 'd', runId: 'r', taskId: 't', mapIndex: -1, tryNumber: 1 };
const slice = (fromByte: number, ended = false): LogSlice => ({ fromByte, nextByte: fromByte + 1, text: 'x', ended });
const aborted = (signal: AbortSignal): Promise<void> => new Promise((resolve) => (signal.aborted ? resolve() : signal.addEventListener('abort', () => resolve())));

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** While time passes. */
async function passing<T>(what: Promise<T>): Promise<T> {
  let isDone = false;
  const done = what.finally(() => (isDone = true));
  while (!isDone) await vi.advanceTimersByTimeAsync(1);
  return done;
}

async function bytesOf(logs: Parameters<typeof followToEnd>[0], over = Promise.resolve()): Promise<number[]> {
  const seen: number[] = [];
  for await (const { fromByte } of followToEnd(logs, { attempt: ATTEMPT, fromByte: 0, over, quietMs: 5 }, new AbortController().signal)) {
    seen.push(fromByte);
    // Whoever reads is slower than the quiet is long.
    await vi.advanceTimersByTimeAsync(8);
  }
  return seen;
}

/** Two slices at a time, then silence; `length` in the store. */
const inPairs = (length: number) => ({
  async *follow({ fromByte }: { readonly fromByte: number }, signal: AbortSignal) {
    for (let at = fromByte; at < Math.min(fromByte + 2, length); at += 1) yield slice(at);
    await aborted(signal);
  },
  read: ({ fromByte = 0 }: { readonly fromByte?: number }) => Promise.resolve(fromByte < length ? slice(fromByte) : { ...slice(fromByte), nextByte: fromByte, text: '' }),
});

it('gives all of a log that has an end, however slowly it is read', async () => {
  const logs = { ...inPairs(0), async *follow() { for (let at = 0; at < 10; at += 1) yield slice(at, at === 9); } };
  expect(await passing(bytesOf(logs))).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
});

it('gives all that there is of one without an end, once its try is over', async () => {
  expect(await passing(bytesOf(inPairs(5)))).toEqual([0, 1, 2, 3, 4]);
});

it('takes a store that does not answer for one that may have more', async () => {
  let refusals = 3;
  const logs = inPairs(3);
  const read: typeof logs.read = (request) => (refusals-- > 0 ? Promise.reject(new Error('away')) : logs.read(request));
  expect(await passing(bytesOf({ ...logs, read }))).toEqual([0, 1, 2]);
  expect(refusals).toBeLessThan(0);
});

it('follows one whose try is not over until it is', async () => {
  let end = (): void => undefined;
  const over = new Promise<void>((resolve) => (end = resolve));
  let isDone = false;
  const all = bytesOf(inPairs(2), over).finally(() => (isDone = true));
  await vi.advanceTimersByTimeAsync(60_000);
  expect(isDone).toBe(false);
  end();
  expect(await passing(all)).toEqual([0, 1]);
});
