import { anEvent, withPostgres } from '@dagbook/testkit';
import { randomUUID } from 'node:crypto';
import type pg from 'pg';
import { beforeEach, describe, expect, it } from 'vitest';
import { createMemoryStores } from './memory/stores.ts';
import { type CheckpointStore, FEED_START, type StoredEvent, type Stores } from './port.ts';
import { createPool } from './postgres/connection.ts';
import { openPostgresStores, type PostgresStores } from './postgres/stores.ts';
import { type Projection, ProjectionRunner, rebuildProjection } from './projection-runner.ts';
import { Relay } from './relay.ts';

const postgres = withPostgres();

const append = async (stores: Stores, count: number): Promise<string[]> => {
  const entries = Array.from({ length: count }, () => ({ streamId: `run-${randomUUID()}`, expectedVersion: 0, events: [anEvent('A')] }));
  await stores.events.append(entries);
  return entries.map((entry) => entry.events[0]?.eventId as string);
};
const ids = (events: readonly StoredEvent[]) => events.map((event) => event.eventId);

describe.each(['memory', 'postgres'] as const)('Relay over %s', (kind) => {
  const open = () => (kind === 'memory' ? createMemoryStores() : postgres.stores);
  const name = () => `relay-${randomUUID()}`;

  it('publishes what is new, in order, and goes on where it stopped', async () => {
    const stores = open();
    const published: string[] = [];
    const options = { events: stores.events, checkpoints: stores.checkpoints, name: name(), batchSize: 3, publish: async (events: readonly StoredEvent[]) => void published.push(...ids(events)) };
    const relay = new Relay(options);
    await relay.drain();
    published.length = 0;
    const expected = await append(stores, 7);
    expect(await relay.drain()).toBe(7);
    expect(published).toEqual(expected);
    expect(await relay.runOnce()).toBe(0);
    const more = await append(stores, 2);
    expect(await new Relay(options).drain()).toBe(2);
    expect(published).toEqual([...expected, ...more]);
  });

  it('publishes again what failed, and what was published by one that died before it moved the checkpoint', async () => {
    const stores = open();
    const published: string[] = [];
    let isDown = false;
    let dies = false;
    const checkpoints: CheckpointStore = {
      load: (of) => stores.checkpoints.load(of),
      advance: (...move) => (dies ? Promise.reject(new Error('killed')) : stores.checkpoints.advance(...move)),
    };
    const relay = new Relay({
      events: stores.events, checkpoints, name: name(),
      publish: async (events) => {
        if (isDown) throw new Error('broker away');
        published.push(...ids(events));
      },
    });
    await relay.drain();
    published.length = 0;
    const expected = await append(stores, 3);
    isDown = true;
    await expect(relay.runOnce()).rejects.toThrow('broker away');
    isDown = false;
    dies = true;
    await expect(relay.runOnce()).rejects.toThrow('killed');
    dies = false;
    expect(await relay.drain()).toBe(3);
    expect(published).toEqual([...expected, ...expected]);
  });

  it('two relays of a name lose nothing', async () => {
    const stores = open();
    const published: string[] = [];
    const options = { events: stores.events, checkpoints: stores.checkpoints, name: name(), batchSize: 4, publish: async (events: readonly StoredEvent[]) => void published.push(...ids(events)) };
    const relays = [new Relay(options), new Relay(options)];
    await Promise.all(relays.map((relay) => relay.drain()));
    published.length = 0;
    const expected = await append(stores, 30);
    await Promise.all(relays.map((relay) => relay.drain()));
    expect([...new Set(published)].sort()).toEqual([...expected].sort());
  });
});

describe('ProjectionRunner', () => {
  let stores: PostgresStores;
  let pool: pg.Pool;

  /** Counts events by stream, refusing none. */
  class Counts implements Projection<number> {
    readonly name = 'counts';
    readonly calls: string[] = [];
    readonly #schema: string;
    failNext = false;
    constructor(schema: string) {
      this.#schema = schema;
    }
    async apply(events: readonly StoredEvent[], db: pg.PoolClient): Promise<number> {
      await db.query(
        `INSERT INTO ${this.#schema}.counts AS c SELECT s, count(*) FROM unnest($1::text[]) s GROUP BY s ON CONFLICT (stream_id) DO UPDATE SET n = c.n + excluded.n`,
        [events.map((event) => event.streamId)],
      );
      if (this.failNext) {
        this.failNext = false;
        throw new Error('a bug');
      }
      return events.length;
    }
    committed = () => void this.calls.push('committed');
    reset = () => void this.calls.push('reset');
  }

  beforeEach(async () => {
    const url = await postgres.freshDatabase();
    stores = await openPostgresStores({ url });
    pool = createPool({ url });
    await pool.query('CREATE SCHEMA counted; CREATE TABLE counted.counts (stream_id text PRIMARY KEY, n bigint NOT NULL)');
    return async () => {
      await pool.end();
      await stores.close();
    };
  });
  const counted = async (schema = 'counted') => (await pool.query<{ sum: string | null }>(`SELECT sum(n)::text FROM ${schema}.counts`)).rows[0]?.sum ?? '0';
  const runner = (projection: Counts) => new ProjectionRunner({ pool, events: stores.events, projection, batchSize: 4 });

  it('folds batch by batch and goes on where it stood', async () => {
    await append(stores, 6);
    const projection = new Counts('counted');
    const first = runner(projection);
    const round = await first.runOnce();
    expect(round).toEqual({ events: 4, position: round.position, change: 4 });
    expect(await first.runOnce()).toMatchObject({ events: 2, change: 2 });
    expect(await first.runOnce()).toMatchObject({ events: 0, change: null });
    expect(projection.calls).toEqual(['committed', 'committed']);
    await append(stores, 1);
    expect(await runner(new Counts('counted')).runOnce()).toMatchObject({ events: 1 });
    expect(await counted()).toBe('7');
  });

  it('writes nothing of a batch that fails, and folds it again', async () => {
    await append(stores, 3);
    const projection = new Counts('counted');
    projection.failNext = true;
    const failing = runner(projection);
    await expect(failing.runOnce()).rejects.toThrow('a bug');
    expect(await counted()).toBe('0');
    await failing.catchUp();
    expect(await counted()).toBe('3');
    expect(projection.calls).toEqual(['reset', 'committed']);
  });

  it('counts each event once though two runners compete', async () => {
    const projections = [new Counts('counted'), new Counts('counted')];
    await append(stores, 40);
    await Promise.all(projections.map((projection) => runner(projection).catchUp()));
    expect(await counted()).toBe('40');
    expect(projections.flatMap((projection) => projection.calls).filter((call) => call === 'committed')).toHaveLength(10);
  });

  it('rebuilds beside the live tables and switches, while the live runner goes on', async () => {
    await append(stores, 10);
    const projection = new Counts('counted');
    const live = runner(projection);
    await live.catchUp();
    await pool.query('UPDATE counted.counts SET n = 100');
    const [rebuilt] = await Promise.all([
      rebuildProjection({ pool, events: stores.events, schema: 'counted', make: (schema) => new Counts(schema), batchSize: 3 }),
      append(stores, 5).then(() => live.catchUp()),
    ]);
    expect(rebuilt.position).not.toEqual(FEED_START);
    await append(stores, 2);
    await live.catchUp();
    expect(await counted()).toBe('17');
    expect((await pool.query('SELECT name FROM projection_checkpoints')).rows).toEqual([{ name: 'counts' }]);
  });

  it('does not mistake the tables of before the switch for those after it', async () => {
    await append(stores, 3);
    const projection = new Counts('counted');
    const live = runner(projection);
    await live.catchUp();
    await append(stores, 2);
    await rebuildProjection({ pool, events: stores.events, schema: 'counted', make: (schema) => new Counts(schema) });
    // The live runner still believes in its old position: its batch must fail its compare-and-set.
    expect(await live.runOnce()).toMatchObject({ events: 0 });
    expect(projection.calls).toEqual(['committed', 'reset']);
    await live.catchUp();
    expect(await counted()).toBe('5');
    expect(await counted('counted_old')).toBe('3');
  });
});
