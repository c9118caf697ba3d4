import { DAG_PARTITIONS } from '@dagbook/contracts';
import { createMemoryStores, type Stores } from '@dagbook/event-store';
import { ManualClock, silentLog } from '@dagbook/platform';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Ownership } from './ownership.loop.ts';

let clock: ManualClock;
let stores: Stores;
let schedulers: Map<string, Ownership>;
/** Whose words are heard by the others. */
let audible: (instance: string) => boolean;

beforeEach(() => {
  clock = new ManualClock(1_000_000);
  stores = createMemoryStores({ nowMs: () => clock.nowMs() });
  schedulers = new Map();
  audible = () => true;
});
afterEach(() => stores.close());

function scheduler(instance: string, onTaken: () => Promise<void> = async () => undefined): Ownership {
  const ownership = new Ownership({
    instance, ownership: stores.ownership, everyMs: 60_000, clock, log: silentLog, onTaken, onGivenUp: async () => undefined,
    publisher: {
      publish: async (messages) => {
        for (const { data } of messages) for (const other of schedulers.values()) if (audible(instance)) other.seen(instance, (data as { leaving: boolean }).leaving);
      },
    },
  });
  schedulers.set(instance, ownership);
  return ownership;
}

/** Rounds of all that live, in turn, as far apart as the clock says. */
async function rounds(times: number, apartMs = 500): Promise<void> {
  for (let round = 0; round < times; round++) {
    for (const ownership of schedulers.values()) await ownership.runOnce();
    clock.advance(apartMs);
  }
}

const shares = () => [...schedulers].map(([instance, { partitions }]) => [instance, partitions.size]);
const ownedBySomeone = () => new Set([...schedulers.values()].flatMap(({ partitions }) => [...partitions])).size;

/** Its locks are free, its words are still remembered. */
async function die(instance: string): Promise<void> {
  const dead = schedulers.get(instance)!;
  schedulers.delete(instance);
  audible = (other) => other !== instance;
  await dead.stop();
  audible = () => true;
}

describe('schedulers', () => {
  it('share the partitions once they know each other', async () => {
    scheduler('a');
    await rounds(1);
    scheduler('b');
    await rounds(12);
    expect(shares()).toEqual([['a', 8], ['b', 8]]);
  });

  it('take all of a dead one and give nothing to its memory, nor when it comes again under another name', async () => {
    scheduler('a');
    scheduler('b');
    await rounds(20);
    await die('b');
    const owned: number[] = [];
    for (let round = 0; round < 20; round++) {
      if (round === 2) scheduler('c');
      await rounds(1);
      owned.push(ownedBySomeone());
    }
    // One round is without an owner for what is handed over on purpose.
    expect(owned.filter((count) => count < DAG_PARTITIONS).length).toBeLessThanOrEqual(1);
    expect(shares()).toEqual([['a', 8], ['c', 8]]);
  });

  it('keep for a while what nobody took', async () => {
    const a = scheduler('a');
    await rounds(1);
    const sayDeaf = () => a.seen('deaf', false);
    const owned: number[] = [];
    for (let round = 0; round < 60; round++) {
      sayDeaf();
      await rounds(1);
      owned.push(ownedBySomeone());
    }
    const withoutOwner = owned.filter((count) => count < DAG_PARTITIONS).length;
    expect(withoutOwner).toBeGreaterThan(0);
    expect(withoutOwner * 500).toBeLessThanOrEqual(3_500);
  });

  it('hold nothing that they could not fold, and take it again', async () => {
    let isAway = true;
    const a = scheduler('a', async () => {
      if (isAway) throw new Error('the database is away');
    });
    await expect(a.runOnce()).rejects.toThrow('the database is away');
    expect(a.partitions.size).toBe(0);
    isAway = false;
    await a.runOnce();
    expect(a.partitions.size).toBe(DAG_PARTITIONS);
  });
});
