import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { Readable } from 'node:stream';
import { largeResultKey, type LargeResult } from '@dagbook/contracts';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { LargeResults } from './large-results.ts';

let stateDir: string;
let results: LargeResults;
let asked: string[];
let stored: Buffer[];
let answer: () => AsyncIterable<Uint8Array>;
const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

beforeEach(() => {
  stateDir = mkdtempSync(join(tmpdir(), 'dagbook-results-'));
  asked = [];
  stored = [];
  answer = () => Readable.from([Buffer.from('[1,2]')]);
  results = new LargeResults(stateDir, {
    putLargeResult: async (_, { bytes, open }: LargeResult) => {
      stored.push(await buffer(open()));
      return { key: 'k', bytes };
    },
    getLargeResult: (_, key) => {
      asked.push(key);
      return answer();
    },
  });
});
afterEach(() => rmSync(stateDir, { recursive: true, force: true }));

const auth = (run = 'r') => ({ attemptId: `d/${run}/t/0/1`, epoch: 1, token: 'x' });
const keyOf = (text: string, n = 1): string => largeResultKey(`d/r/list/${n}/1`, 1, sha256(text));
const files = (): string[] => readdirSync(results.folder);

it('hands over what a runner wrote, as it is, and keeps no copy', async () => {
  const file = '4711.0b6b0f3e-7d3a-4b59-9d5e-2f0a3c1d4e5f';
  writeFileSync(join(results.folder, file), '[1,2]');
  expect(await results.put(auth(), { file, bytes: 5, sha256: sha256('[1,2]') })).toEqual({ key: 'k', bytes: 5 });
  expect([stored.map(String), files()]).toEqual([['[1,2]'], []]);
  await expect(results.put(auth(), { file: '../../etc/passwd', bytes: 1, sha256: '' })).rejects.toThrow('is no file of a result');
});

it('what a runner that died left goes with it, and nothing of another', () => {
  const [one, other] = ['4711.0b6b0f3e-7d3a-4b59-9d5e-2f0a3c1d4e5f', '471.0b6b0f3e-7d3a-4b59-9d5e-2f0a3c1d4e5f'] as const;
  for (const file of [one, other]) writeFileSync(join(results.folder, file), 'x');
  results.forget(4711);
  expect(files()).toEqual([other]);
});

it('fetches once for all instances that read it, and anew when its file is gone', async () => {
  const found = await Promise.all([1, 2, 3].map(() => results.get(auth(), keyOf('[1,2]'))));
  expect(new Set(found.map(({ file }) => file)).size).toBe(1);
  expect([asked.length, readFileSync(join(results.folder, found[0]!.file), 'utf8')]).toEqual([1, '[1,2]']);
  rmSync(join(results.folder, found[0]!.file));
  const again = await results.get(auth(), keyOf('[1,2]'));
  expect([asked.length, readFileSync(join(results.folder, again.file), 'utf8')]).toEqual([2, '[1,2]']);
});

it('lets the gateway judge what another run asks for', async () => {
  await results.get(auth(), keyOf('[1,2]'));
  await results.get(auth('other'), keyOf('[1,2]'));
  expect(asked.length).toBe(2);
});

it('what came damaged is refused, to be asked for again, and leaves nothing', async () => {
  await expect(results.get(auth(), keyOf('[1,2,3]'))).rejects.toMatchObject({ code: 'execution.damaged', retryable: true });
  expect(files()).toEqual([]);
  answer = () => Readable.from([Buffer.from('[1,2'), Buffer.from(',3]')]);
  expect((await results.get(auth(), keyOf('[1,2,3]'))).bytes).toBe(7);
});

it('keeps the 64 that were asked for last, and nothing of another incarnation', async () => {
  for (let n = 0; n < 70; n += 1) await results.get(auth(), keyOf('[1,2]', n));
  await expect.poll(() => files().length).toBe(64);
  await results.get(auth(), keyOf('[1,2]', 69));
  expect(asked.length).toBe(70);
  const next = new LargeResults(stateDir, { putLargeResult: async () => ({ key: '', bytes: 0 }), getLargeResult: answer });
  expect([next.folder, files()]).toEqual([results.folder, []]);
});
