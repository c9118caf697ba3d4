import { aGrant, withPostgres } from '@dagbook/testkit';
import fc from 'fast-check';
import { randomUUID } from 'node:crypto';
import { expect, it } from 'vitest';
import { createMemoryStores } from './memory/stores.ts';
import type { AppendEntry, AppendResult, Stores } from './port.ts';

const postgres = withPostgres();

const attempt = fc.nat(1);
const epoch = fc.constantFrom(1, 1, 1, 2);
const fence = fc.record({ attempt, epoch, release: fc.boolean() });
/** What an entry asks, before its names are made unique: small ranges, so that entries meet, and mostly what can succeed. */
const shape = fc.record({
  stream: fc.nat(2),
  isStale: fc.constantFrom(false, false, false, false, true),
  count: fc.nat(2),
  fences: fc.oneof(fc.array(fence, { maxLength: 0 }), fc.array(fence, { maxLength: 2 })),
  revoke: fc.array(attempt, { maxLength: 1 }),
  drop: fc.array(fc.record({ attempt, epoch }), { maxLength: 1 }),
  grant: fc.option(fc.record({ attempt, epoch }), { freq: 1 }),
  openRun: fc.option(fc.boolean(), { freq: 3 }),
});
type Shape = typeof shape extends fc.Arbitrary<infer T> ? T : never;

/** `versions` are where the streams stand if all that was asked before has succeeded. */
function toEntry(prefix: string, of: Shape, versions: number[]): AppendEntry {
  const attemptId = (n: number): string => `${prefix}/${n}`;
  const version = versions[of.stream] ?? 0;
  versions[of.stream] = version + of.count;
  return {
    streamId: `run-${prefix}/${of.stream}`,
    expectedVersion: of.isStale ? Math.max(0, version - 1) : version,
    events: Array.from({ length: of.count }, () => ({ eventId: randomUUID(), type: 'A', schemaVersion: 1, data: null })),
    fences: of.fences.map(({ attempt: n, ...fenced }) => ({ attemptId: attemptId(n), ...fenced })),
    revoke: of.revoke.map(attemptId),
    drop: of.drop.map((lease) => ({ attemptId: attemptId(lease.attempt), epoch: lease.epoch })),
    ...(of.grant ? { grants: [aGrant(attemptId(of.grant.attempt), of.grant.epoch)] } : {}),
    ...(of.openRun === null ? {} : { openRun: { dagId: prefix, runId: 'r', open: of.openRun } }),
  };
}

const withoutPosition = (result: AppendResult) => (result.kind === 'appended' ? { ...result, position: result.position !== null } : result);

async function whatStands(stores: Stores, prefix: string) {
  const streams = await stores.events.readMany([0, 1, 2].map((n) => `run-${prefix}/${n}`));
  return {
    streams: [...streams.values()].map((events) => events.map((event) => [event.version, event.eventId])),
    leases: (await stores.leases.list()).filter((lease) => lease.attemptId.startsWith(prefix)).map((lease) => [lease.attemptId, lease.epoch]),
    openRuns: (await stores.events.openRuns()).filter((run) => run.dagId === prefix),
  };
}

it('memory and Postgres answer any batches alike, and what stands afterwards is the same', async () => {
  const memory = createMemoryStores();
  await fc.assert(
    fc.asyncProperty(fc.array(fc.array(shape, { minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 6 }), async (batches) => {
      const prefix = randomUUID();
      for (const batch of batches) {
        const streams = await memory.events.readMany([0, 1, 2].map((n) => `run-${prefix}/${n}`));
        const versions = [...streams.values()].map((events) => events.length);
        const entries = batch.map((of) => toEntry(prefix, of, versions));
        const [fromMemory, fromPostgres] = await Promise.all([memory.events.append(entries), postgres.stores.events.append(entries)]);
        expect(fromPostgres.map(withoutPosition)).toEqual(fromMemory.map(withoutPosition));
      }
      expect(await whatStands(postgres.stores, prefix)).toEqual(await whatStands(memory, prefix));
    }),
    { numRuns: 60 },
  );
});
