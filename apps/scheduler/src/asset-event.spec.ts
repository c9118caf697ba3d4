import type { QueuedUpdate } from '@dagbook/domain';
import { expect, it } from 'vitest';
import { triggeringEvents } from './asset-event.ts';

const update = (at: number, extra: object = {}): QueuedUpdate => ({ uri: 's3://a', extra, atMs: at }) as unknown as QueuedUpdate;

async function told(updates: readonly QueuedUpdate[]) {
  const kept: QueuedUpdate[] = [];
  const answer = await triggeringEvents({ putContent: async (_kind, _key, content) => void kept.push(...(JSON.parse(Buffer.from(content).toString()) as QueuedUpdate[])) }, 'd', 'r', updates);
  return { ...answer, kept };
}

it('tells a run of its updates beside its first event while they are few', async () => {
  expect(await told([update(1), update(2)])).toEqual({ assetEvents: [update(1), update(2)], kept: [] });
});

it('keeps many apart, in their order', async () => {
  const many = Array.from({ length: 2_000 }, (_, at) => update(at));
  expect(await told(many)).toEqual({ assetEventsKey: 'results/d/r/asset-events', kept: many });
});

it('tells of the newest that fit, and how many it leaves out', async () => {
  const large = Array.from({ length: 400 }, (_, at) => update(at, { text: 'x'.repeat(16_000) }));
  const { kept, assetEventsOmitted } = await told(large);
  expect([kept.at(-1), kept.length + (assetEventsOmitted ?? 0)]).toEqual([large.at(-1), 400]);
  expect(kept.length).toBeGreaterThan(200);
  expect(kept.length).toBeLessThan(280);
});
