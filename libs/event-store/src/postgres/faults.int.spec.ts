import { aGrant, anEvent, readFeed, withPostgres } from '@dagbook/testkit';
import { randomUUID } from 'node:crypto';
import { connect, createServer, type Socket } from 'node:net';
import pg from 'pg';
import { describe, expect, it } from 'vitest';
import { type AppendEntry, FEED_START, StoreFault } from '../port.ts';
import { createPool } from './connection.ts';
import { openPostgresStores } from './stores.ts';

const postgres = withPostgres();

const entry = (streamId: string, expectedVersion: number, count = 1): AppendEntry => ({
  streamId, expectedVersion, events: Array.from({ length: count }, (_, i) => anEvent('A', { i })),
});

async function openClient(url = postgres.url): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => undefined);
  await client.connect();
  return client;
}

describe('a connection', () => {
  it('that dies in hand between two statements fails the next one and nothing else', async () => {
    const pool = createPool({ url: postgres.url });
    const client = await pool.connect();
    const { rows } = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
    const ended = new Promise((resolve) => client.once('end', resolve));
    await postgres.stores.pool.query('SELECT pg_terminate_backend($1)', [rows[0]?.pid]);
    await ended;
    await expect(client.query('SELECT 1')).rejects.toThrow(/not queryable|terminat|closed/i);
    client.release(true);
    expect((await pool.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }]);
    await pool.end();
  });
});

describe('the feed under concurrent writers', () => {
  interface Follower {
    /** Ids of the next events, none when there are no more for now. */
    next(): Promise<readonly string[]>;
    close(): Promise<void>;
  }

  /** Thirty-two connections commit small appends as fast as they can while a reader follows to the end. */
  async function race(follow: (url: string) => Promise<Follower>): Promise<{ appended: readonly string[]; read: readonly string[] }> {
    const url = await postgres.freshDatabase();
    const follower = await follow(url);
    const writers = await Promise.all(Array.from({ length: 32 }, () => openPostgresStores({ url, maxConnections: 1 })));
    const appended: string[] = [];
    let isWriting = true;
    const writing = Promise.all(
      writers.map(async (stores, writer) => {
        for (let version = 0; version < 60; version++) {
          const next = entry(`run-${writer}`, version);
          await stores.events.append([next]);
          appended.push(next.events[0]?.eventId as string);
        }
        await stores.close();
      }),
    ).finally(() => (isWriting = false));
    const read: string[] = [];
    for (;;) {
      const wasWriting = isWriting;
      const ids = await follower.next();
      read.push(...ids);
      if (!wasWriting && ids.length === 0) break;
    }
    await writing;
    await follower.close();
    return { appended, read };
  }

  it('gives every event exactly once', async () => {
    const { appended, read } = await race(async (url) => {
      const stores = await openPostgresStores({ url, maxConnections: 1 });
      let position = FEED_START;
      return {
        next: async () => {
          const events = await stores.events.feed(position, 500);
          position = events.at(-1)?.position ?? position;
          return events.map((event) => event.eventId);
        },
        close: () => stores.close(),
      };
    });
    expect(appended).toHaveLength(32 * 60);
    expect([...read].sort()).toEqual([...appended].sort());
  });

  it('would skip events if it read by sequence number alone: the race above is a real one', async () => {
    const { appended, read } = await race(async (url) => {
      const client = await openClient(url);
      let pos = '0';
      return {
        next: async () => {
          const { rows } = await client.query<{ event_id: string; pos: string }>('SELECT event_id, pos FROM events WHERE pos > $1 ORDER BY pos LIMIT 500', [pos]);
          pos = rows.at(-1)?.pos ?? pos;
          return rows.map((row) => row.event_id);
        },
        close: () => client.end(),
      };
    });
    expect(read.length).toBeLessThan(appended.length);
  });

  it('waits for a transaction that still runs, and says how long it has', async () => {
    const { events } = postgres.stores;
    const before = (await readFeed(postgres.stores)).at(-1)?.position ?? FEED_START;
    const client = await openClient();
    await client.query('BEGIN');
    await client.query('SELECT pg_current_xact_id()');
    const streamId = `run-${randomUUID()}`;
    await events.append([entry(streamId, 0)]);
    expect(await events.feed(before, 10)).toEqual([]);
    expect(await events.feedLagSeconds()).toBeGreaterThan(0);
    await client.query('ROLLBACK');
    expect((await events.feed(before, 10)).map((event) => event.streamId)).toEqual([streamId]);
    expect(await events.feedLagSeconds()).toBe(0);
    await client.end();
  });
});

describe('appends of one moment', () => {
  it('share a transaction', async () => {
    const { events } = postgres.stores;
    const entries = Array.from({ length: 200 }, () => entry(`run-${randomUUID()}`, 0));
    const results = (await Promise.all(entries.map((one) => events.append([one])))).flat();
    expect(new Set(results.map((result) => result.kind === 'appended' && result.position?.xid)).size).toBe(1);
    expect([...(await events.readMany(entries.map((one) => one.streamId))).values()].map((stream) => stream.length)).toEqual(entries.map(() => 1));
  });

  it('that together weigh too much are parted, each whole', async () => {
    const { events } = postgres.stores;
    const entries = Array.from({ length: 3 }, () => entry(`run-${randomUUID()}`, 0, 1_500));
    const results = (await Promise.all(entries.map((one) => events.append([one])))).flat();
    expect(new Set(results.map((result) => result.kind === 'appended' && result.position?.xid)).size).toBe(3);
    expect(results.map((result) => result.kind === 'appended' && result.lastVersion)).toEqual([1_500, 1_500, 1_500]);
  });
});

describe('an append whose answer is lost', () => {
  /** A proxy that lets a statement reach the server and cuts the connection in place of its first answer. */
  async function cuttingProxy(): Promise<{ url: string; cutNextAnswer: () => void; cuts: () => number; close: () => Promise<void> }> {
    const target = new URL(postgres.url);
    const sockets = new Set<Socket>();
    let armed = false;
    let cuts = 0;
    const server = createServer((downstream) => {
      const upstream = connect(Number(target.port), target.hostname);
      for (const socket of [downstream, upstream]) {
        sockets.add(socket);
        socket.on('error', () => undefined);
        socket.on('close', () => sockets.delete(socket));
      }
      downstream.on('data', (chunk) => upstream.write(chunk));
      downstream.on('close', () => upstream.destroy());
      upstream.on('close', () => downstream.destroy());
      upstream.on('data', (chunk) => {
        if (!armed) return void downstream.write(chunk);
        armed = false;
        cuts++;
        downstream.destroy();
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const url = new URL(postgres.url);
    url.port = String((server.address() as { port: number }).port);
    return {
      url: url.href,
      cutNextAnswer: () => (armed = true),
      cuts: () => cuts,
      close: async () => {
        for (const socket of sockets) socket.destroy();
        await new Promise((resolve) => server.close(resolve));
      },
    };
  }

  it('is found by its event ids and answered as appended', async () => {
    const proxy = await cuttingProxy();
    const stores = await openPostgresStores({ url: proxy.url, maxConnections: 1 });
    const attemptId = randomUUID();
    const [one, two] = [entry(`run-${randomUUID()}`, 0, 2), entry(`run-${randomUUID()}`, 0)];
    await stores.events.append([{ ...entry(`attempt-${attemptId}`, 0), grants: [aGrant(attemptId)] }]);
    proxy.cutNextAnswer();
    const results = await stores.events.append([{ ...one, fences: [{ attemptId, epoch: 1, release: true }] }, two]);
    expect(proxy.cuts()).toBe(1);
    expect(results.map((result) => [result.kind, result.kind === 'appended' && result.lastVersion])).toEqual([['appended', 2], ['appended', 1]]);
    expect((await stores.events.read(one.streamId)).map((event) => event.eventId)).toEqual(one.events.map((event) => event.eventId));
    expect(await stores.leases.list()).toEqual([]);
    await stores.close();
    await proxy.close();
  });
});

describe('a server that fails', () => {
  /** Waits for what the server itself shows, e.g. that a statement waits for a lock. */
  async function until(client: pg.Client, condition: string): Promise<{ pid: number }> {
    for (;;) {
      const { rows } = await client.query<{ pid: number }>(`SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND ${condition}`);
      if (rows[0]) return rows[0];
    }
  }

  it('killed backend: the append is tried again on another', async () => {
    const { events } = postgres.stores;
    const streamId = `run-${randomUUID()}`;
    const [blocker, killer] = [await openClient(), await openClient()];
    await blocker.query('BEGIN');
    await blocker.query(`INSERT INTO events (stream_id, version, event_id, stored_at_ms, schema_version, type, data) VALUES ($1, 1, gen_random_uuid(), 0, 1, 'B', '{}')`, [streamId]);
    const appending = events.append([entry(streamId, 0)]);
    const { pid } = await until(killer, `wait_event_type = 'Lock' AND query LIKE '%append_events%'`);
    await killer.query('SELECT pg_terminate_backend($1)', [pid]);
    const { pid: successor } = await until(killer, `wait_event_type = 'Lock' AND query LIKE '%append_events%' AND pid <> ${pid}`);
    await blocker.query('ROLLBACK');
    expect(successor).not.toBe(pid);
    expect((await appending).map((result) => result.kind)).toEqual(['appended']);
    expect(await events.read(streamId)).toHaveLength(1);
    await blocker.end();
    await killer.end();
  });

  it('lost ownership is told to its holder, and free for others', async () => {
    const { ownership } = postgres.stores;
    const name = `partition-${randomUUID()}`;
    const holder = await ownership.openSession();
    expect(await holder.tryAcquire(name)).toBe(true);
    const killer = await openClient();
    const { pid } = await until(killer, `application_name = 'dagbook-ownership'`);
    await killer.query('SELECT pg_terminate_backend($1)', [pid]);
    await holder.lost;
    await expect(holder.tryAcquire(name)).rejects.toThrow(StoreFault);
    const heir = await ownership.openSession();
    expect(await heir.tryAcquire(name)).toBe(true);
    await heir.close();
    await killer.end();
  });

  it('crashed and restarted: what was acknowledged is there, and appends go on', async () => {
    const streamId = `run-${randomUUID()}`;
    const { events, ownership } = postgres.stores;
    const holder = await ownership.openSession();
    await events.append([entry(streamId, 0)]);
    const restarted = postgres.crash();
    await holder.lost;
    const next = entry(streamId, 1);
    // The store tries for some 1.5 s by itself; a slower recovery is the caller's to wait for, with the same event ids.
    const appendPatiently = async (): Promise<unknown> =>
      events.append([next]).catch((error: StoreFault) => {
        expect(error).toMatchObject({ name: 'StoreFault', retryable: true });
        return appendPatiently();
      });
    await Promise.all([appendPatiently(), restarted]);
    expect((await events.read(streamId)).map((event) => event.version)).toEqual([1, 2]);
  });

  it('gone: opening fails as a fault that may be retried', async () => {
    const nowhere = new URL(postgres.url);
    nowhere.port = '1';
    await expect(openPostgresStores({ url: nowhere.href })).rejects.toMatchObject({ code: 'store.unavailable', retryable: true });
  });
});

it('says that a database was not migrated', async () => {
  const client = await openClient();
  await client.query('CREATE DATABASE empty');
  await client.end();
  const url = new URL(postgres.url);
  url.pathname = 'empty';
  await expect(openPostgresStores({ url: url.href })).rejects.toMatchObject({ code: 'store.unavailable', message: expect.stringContaining('apply the migrations') as string });
});

it('refuses at once when it was closed, and finishes what was added before', async () => {
  const stores = await openPostgresStores({ url: postgres.url });
  const streamId = `run-${randomUUID()}`;
  const before = stores.events.append([entry(streamId, 0)]);
  await Promise.all([stores.close(), stores.close()]);
  expect((await before).map((result) => result.kind)).toEqual(['appended']);
  const closed = { code: 'store.unavailable', retryable: false };
  await expect(stores.events.append([entry(streamId, 1)])).rejects.toMatchObject(closed);
  await expect(stores.events.read(streamId)).rejects.toMatchObject(closed);
});

it('refuses a history that its cluster has not reached, as after a logical restore', async () => {
  const url = await postgres.freshDatabase();
  const client = await openClient(url);
  await client.query(`INSERT INTO events (stream_id, version, xid, event_id, stored_at_ms, schema_version, type, data)
    VALUES ('run-a', 1, '99999999'::xid8, gen_random_uuid(), 0, 1, 'A', '{}')`);
  await expect(openPostgresStores({ url })).rejects.toMatchObject({ code: 'store.corrupt', retryable: false, message: expect.stringContaining('physical backup') as string });
  await client.query(`UPDATE events SET xid = '3'::xid8`);
  await client.end();
  const stores = await openPostgresStores({ url });
  expect(await readFeed(stores)).toHaveLength(1);
  await stores.close();
});
