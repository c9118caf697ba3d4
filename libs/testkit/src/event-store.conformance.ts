import { type AppendEntry, type BundleState, FEED_START, formatPosition, type LeaseGrant, type NewEvent, type Position, type StoredEvent, type Stores } from '@dagbook/event-store';
import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';

export const anEvent = (type: string, data: NewEvent['data'] = {}): NewEvent => ({ eventId: randomUUID(), type, schemaVersion: 1, data });

export const aGrant = (attemptId: string, epoch = 1): LeaseGrant => ({
  attemptId, epoch, worker: 'host-1', incarnation: 'i-1', dagId: 'd', runId: 'r', taskId: 't', queue: 'default', pool: 'default_pool', poolSlots: 1, lostAfterMs: 300_000,
});

/** Every event after `after`, in feed order. */
export async function readFeed(stores: Stores, after: Position = FEED_START): Promise<readonly StoredEvent[]> {
  const events: StoredEvent[] = [];
  for (let position = after; ; position = (events.at(-1) as StoredEvent).position) {
    const page = await stores.events.feed(position, 3);
    if (page.length === 0) return events;
    events.push(...page);
  }
}

/** What every implementation of the stores owes. `open` gives the stores to test, the same for all; names are made unique. */
export function describeEventStore(name: string, open: () => Stores): void {
  describe(`${name}: event store`, () => {
    const stream = (): string => `run-${randomUUID()}`;
    const append = (...entries: AppendEntry[]) => open().events.append(entries);
    const grant = (attemptId: string, epoch = 1) => ({ streamId: `attempt-${attemptId}`, expectedVersion: epoch - 1, events: [anEvent('AttemptGranted')], grants: [aGrant(attemptId, epoch)] });
    const leases = async (): Promise<string[]> => (await open().leases.list()).map((lease) => lease.attemptId);

    it('reads back what was appended, whole and in order', async () => {
      const streamId = stream();
      const first = { ...anEvent('RunCreated', { text: 'naïve \u0000 \u001f "quoted" \\ 한국어 \u{1f600}', list: [1, null, { deep: true }] }), meta: { causationId: 'c' } };
      const second = { ...anEvent('RunStarted', [1.5]), schemaVersion: 3 };
      const [result] = await append({ streamId, expectedVersion: 0, events: [first, second] });
      const read = await open().events.read(streamId);
      expect(read).toEqual([
        { ...first, streamId, version: 1, position: read[0]?.position, storedAtMs: read[0]?.storedAtMs },
        { ...second, streamId, version: 2, position: read[1]?.position, storedAtMs: read[1]?.storedAtMs },
      ]);
      expect(result).toEqual({ kind: 'appended', lastVersion: 2, position: read[1]?.position });
      expect(await open().events.read(streamId, 2)).toEqual([read[1]]);
      expect(await open().events.read(stream())).toEqual([]);
    });

    it('refuses a version that is taken, and a gap', async () => {
      const streamId = stream();
      await append({ streamId, expectedVersion: 0, events: [anEvent('A')] });
      expect(await append({ streamId, expectedVersion: 0, events: [anEvent('B')] })).toEqual([{ kind: 'conflict' }]);
      expect(await append({ streamId, expectedVersion: 2, events: [anEvent('C')] })).toEqual([{ kind: 'conflict' }]);
      expect(await append({ streamId: stream(), expectedVersion: 1, events: [anEvent('C')] })).toEqual([{ kind: 'conflict' }]);
      expect((await open().events.read(streamId)).map((event) => event.type)).toEqual(['A']);
    });

    it('takes the retry of an append whose answer was lost for the append itself', async () => {
      const streamId = stream();
      const entry = { streamId, expectedVersion: 0, events: [anEvent('A'), anEvent('B')] };
      const first = await append(entry);
      expect(await append(entry)).toEqual(first);
      await append({ streamId, expectedVersion: 2, events: [anEvent('C')] });
      expect(await append(entry)).toEqual(first);
      const [a] = entry.events;
      expect(await append({ ...entry, events: [a as NewEvent, anEvent('other')] })).toEqual([{ kind: 'conflict' }]);
    });

    it('writes each entry whole or not at all, and the others of its batch regardless', async () => {
      const [taken, free, alsoFree] = [stream(), stream(), stream()];
      await append({ streamId: taken, expectedVersion: 0, events: [anEvent('A')] });
      const results = await append(
        { streamId: free, expectedVersion: 0, events: [anEvent('B')] },
        { streamId: taken, expectedVersion: 0, events: [anEvent('C'), anEvent('D')] },
        { streamId: alsoFree, expectedVersion: 0, events: [anEvent('E')] },
        { streamId: free, expectedVersion: 1, events: [anEvent('F')] },
      );
      expect(results.map((result) => result.kind)).toEqual(['appended', 'conflict', 'appended', 'appended']);
      const streams = await open().events.readMany([free, taken, alsoFree, 'none']);
      expect([...streams].map(([id, events]) => [id, events.map((event) => event.type)])).toEqual([
        [free, ['B', 'F']], [taken, ['A']], [alsoFree, ['E']], ['none', []],
      ]);
    });

    it('writes the events of other streams with an entry or not at all', async () => {
      const [own, other, third] = [stream(), stream(), stream()];
      const entry = { streamId: own, expectedVersion: 0, events: [anEvent('A')], also: [{ streamId: other, expectedVersion: 0, events: [anEvent('B'), anEvent('C')] }, { streamId: third, expectedVersion: 0, events: [anEvent('D')] }] };
      const [first] = await append(entry);
      const [last] = await open().events.read(third);
      expect(first).toEqual({ kind: 'appended', lastVersion: 1, position: last?.position });
      expect((await open().events.read(other)).map(({ type, version }) => [type, version])).toEqual([['B', 1], ['C', 2]]);
      expect(await append(entry)).toEqual([first]);
      const [after] = await append({ streamId: own, expectedVersion: 1, events: [anEvent('E')], also: [{ streamId: other, expectedVersion: 1, events: [anEvent('F')] }] }, { streamId: stream(), expectedVersion: 0, events: [anEvent('G')] });
      expect(after).toEqual({ kind: 'conflict' });
      const [gap] = await append({ streamId: own, expectedVersion: 1, events: [anEvent('E')], also: [{ streamId: stream(), expectedVersion: 1, events: [anEvent('F')] }] });
      expect(gap).toEqual({ kind: 'conflict' });
      expect([...(await open().events.readMany([own, other, third])).values()].map((events) => events.length)).toEqual([1, 2, 1]);
    });

    it('gives the events of the streams of assets by themselves, in the order of the feed', async () => {
      const before = (await readFeed(open())).at(-1)?.position ?? FEED_START;
      const [a, b] = [`asset-a-${randomUUID()}`, `asset-b-${randomUUID()}`];
      await append({ streamId: a, expectedVersion: 0, events: [anEvent('1')] }, { streamId: stream(), expectedVersion: 0, events: [anEvent('X')], also: [{ streamId: b, expectedVersion: 0, events: [anEvent('2')] }] });
      await append({ streamId: a, expectedVersion: 1, events: [anEvent('3')] });
      const all = await open().events.assetFeed(before, 10);
      expect(all.map(({ streamId, type }) => [streamId, type])).toEqual([[a, '1'], [b, '2'], [a, '3']]);
      expect(await open().events.assetFeed((all[0] as StoredEvent).position, 1)).toEqual([all[1]]);
      expect(await open().events.assetFeed((all[2] as StoredEvent).position, 10)).toEqual([]);
    });

    it('answers an append of nothing', async () => {
      expect(await append()).toEqual([]);
    });

    it('gives every event once, in order of the feed, from any position', async () => {
      const before = (await readFeed(open())).at(-1)?.position ?? FEED_START;
      const ids = [stream(), stream()];
      const expected: string[] = [];
      for (let version = 0; version < 4; version++) {
        for (const streamId of ids) {
          const event = anEvent('A');
          expected.push(event.eventId);
          await append({ streamId, expectedVersion: version, events: [event] });
        }
      }
      const feed = await readFeed(open(), before);
      expect(feed.map((event) => event.eventId)).toEqual(expected);
      expect((await readFeed(open(), feed[4]?.position)).map((event) => event.eventId)).toEqual(expected.slice(5));
      expect(await open().events.feedLagSeconds()).toBe(0);
    });

    it('gives the position of each entry of a batch as the feed does', async () => {
      const entries = [stream(), stream(), stream()].map((streamId) => ({ streamId, expectedVersion: 0, events: [anEvent('A'), anEvent('B')] }));
      const results = await append(...entries);
      for (const [i, { streamId }] of entries.entries()) {
        const [, last] = await open().events.read(streamId);
        expect(results[i]).toEqual({ kind: 'appended', lastVersion: 2, position: last?.position });
      }
    });

    it('lists streams by prefix', async () => {
      const prefix = `file-${randomUUID()}`;
      for (const name of ['b', 'a', 'a%']) await append({ streamId: `${prefix}/${name}`, expectedVersion: 0, events: [anEvent('A'), anEvent('B')] });
      expect(await open().events.listStreams(`${prefix}/`)).toEqual([`${prefix}/a`, `${prefix}/a%`, `${prefix}/b`]);
    });

    it('keeps the list of open runs in step with the events', async () => {
      const [streamId, dagId] = [stream(), randomUUID()];
      const mine = async () => (await open().events.openRuns()).filter((run) => run.dagId === dagId);
      const step = (expectedVersion: number, isOpen: boolean) => append({ streamId, expectedVersion, events: [anEvent('A')], openRun: { dagId, runId: 'r', open: isOpen } });
      await step(0, true);
      expect(await mine()).toEqual([{ dagId, runId: 'r' }]);
      await step(0, false);
      expect(await mine()).toEqual([{ dagId, runId: 'r' }]);
      await step(1, false);
      expect(await mine()).toEqual([]);
    });

    it('opens and closes a run within one batch', async () => {
      const [streamId, dagId] = [stream(), randomUUID()];
      const entry = (expectedVersion: number, isOpen: boolean) => ({ streamId, expectedVersion, events: [anEvent('A')], openRun: { dagId, runId: 'r', open: isOpen } });
      await append(entry(0, true), entry(1, false));
      expect((await open().events.openRuns()).filter((run) => run.dagId === dagId)).toEqual([]);
    });

    describe('leases', () => {
      it('come with their grant and go with the release', async () => {
        const [attemptId, streamId] = [randomUUID(), stream()];
        await append(grant(attemptId));
        const lease = (await open().leases.list()).find((row) => row.attemptId === attemptId);
        expect(lease).toEqual({ ...aGrant(attemptId), remainingMs: lease?.remainingMs });
        expect(lease?.remainingMs).toBeGreaterThan(200_000);
        const fenced = (expectedVersion: number, release: boolean) => append({ streamId, expectedVersion, events: [anEvent('A')], fences: [{ attemptId, epoch: 1, release }] });
        expect((await fenced(0, false)).map((result) => result.kind)).toEqual(['appended']);
        expect(await leases()).toContain(attemptId);
        expect((await fenced(1, true)).map((result) => result.kind)).toEqual(['appended']);
        expect(await leases()).not.toContain(attemptId);
        expect(await fenced(2, true)).toEqual([{ kind: 'fenced', attemptIds: [attemptId] }]);
        expect((await open().events.read(streamId)).length).toBe(2);
      });

      it('fence a report of another epoch, and only that entry', async () => {
        const [one, two] = [randomUUID(), randomUUID()];
        await append(grant(one), grant(two));
        const report = (attemptId: string, epoch: number) => ({ streamId: stream(), expectedVersion: 0, events: [anEvent('A')], fences: [{ attemptId, epoch, release: true }] });
        expect(await append(report(one, 2), report(two, 1))).toEqual([
          { kind: 'fenced', attemptIds: [one] },
          { kind: 'appended', lastVersion: 1, position: expect.anything() as Position },
        ]);
        expect(await leases()).toContain(one);
        expect(await leases()).not.toContain(two);
      });

      it('are granted by the newest dispatcher alone', async () => {
        const [former, latter] = [await open().leases.raiseTerm(), await open().leases.raiseTerm()];
        expect(latter).toBe(former + 1);
        const [one, two, three] = [randomUUID(), randomUUID(), randomUUID()];
        const granted = (attemptId: string, term: number) => ({ ...grant(attemptId), grants: [{ ...aGrant(attemptId), term }] });
        expect((await append(granted(one, former), granted(two, latter), grant(three)))).toMatchObject([{ kind: 'fenced', attemptIds: [one] }, { kind: 'appended' }, { kind: 'appended' }]);
        expect((await leases()).filter((attemptId) => [one, two, three].some((id) => id === attemptId)).sort()).toEqual([two, three].sort());
        expect(await open().events.read(`attempt-${one}`)).toEqual([]);
      });

      it('of a trigger keep what its deferred task counts for', async () => {
        const attemptId = randomUUID();
        const waits = { ...aGrant(attemptId), poolSlots: 0, deferredSlots: 3 };
        await append({ ...grant(attemptId), grants: [waits] });
        const lease = (await open().leases.list()).find((row) => row.attemptId === attemptId);
        expect(lease).toEqual({ ...waits, remainingMs: lease?.remainingMs });
      });

      it('answer the retry of a release whose answer was lost as appended', async () => {
        const attemptId = randomUUID();
        await append(grant(attemptId));
        const entry = { streamId: stream(), expectedVersion: 0, events: [anEvent('A')], fences: [{ attemptId, epoch: 1, release: true }] };
        const first = await append(entry);
        expect(first[0]?.kind).toBe('appended');
        expect(await append(entry)).toEqual(first);
      });

      it('are fenced as a set: any order, twice, held and released in one entry', async () => {
        const [one, two, other] = [randomUUID(), randomUUID(), randomUUID()];
        await append(grant(one), grant(two), grant(other));
        const fences = [two, one, two].map((attemptId) => ({ attemptId, epoch: 1, release: true }));
        const wrong = { attemptId: other, epoch: 7, release: false };
        const entry = { streamId: stream(), expectedVersion: 0, events: [anEvent('A')] };
        expect(await append({ ...entry, fences: [...fences, wrong] })).toEqual([{ kind: 'fenced', attemptIds: [other] }]);
        expect(await append({ ...entry, fences: [...fences, { attemptId: one, epoch: 2, release: false }] })).toEqual([{ kind: 'fenced', attemptIds: [one] }]);
        const held = [{ attemptId: one, epoch: 1, release: false }, { attemptId: other, epoch: 1, release: false }];
        expect((await append({ ...entry, fences: [...held, ...fences] }))[0]?.kind).toBe('appended');
        expect((await leases()).filter((attemptId) => [one, two, other].some((id) => id === attemptId))).toEqual([other]);
      });

      it('revoked in a batch refuse the later reports of that batch', async () => {
        const attemptId = randomUUID();
        await append(grant(attemptId));
        const results = await append(
          { streamId: stream(), expectedVersion: 0, events: [anEvent('TaskCleared')], revoke: [attemptId, 'never-granted'] },
          { streamId: stream(), expectedVersion: 0, events: [anEvent('TaskSucceeded')], fences: [{ attemptId, epoch: 1, release: true }] },
        );
        expect(results.map((result) => result.kind)).toEqual(['appended', 'fenced']);
        expect(await leases()).not.toContain(attemptId);
      });

      it('drop at their own epoch only, and without refusing', async () => {
        const attemptId = randomUUID();
        await append(grant(attemptId));
        const drop = (epoch: number) => append({ streamId: stream(), expectedVersion: 0, events: [], drop: [{ attemptId, epoch }] });
        expect(await drop(2)).toEqual([{ kind: 'appended', lastVersion: 0, position: null }]);
        expect(await leases()).toContain(attemptId);
        await drop(1);
        expect(await leases()).not.toContain(attemptId);
        expect((await drop(1))[0]?.kind).toBe('appended');
      });

      it('cannot be granted twice, and can be granted again after a revocation in the same entry', async () => {
        const attemptId = randomUUID();
        await append(grant(attemptId));
        expect(await append(grant(attemptId, 2))).toEqual([{ kind: 'conflict' }]);
        expect((await open().leases.list()).find((row) => row.attemptId === attemptId)?.epoch).toBe(1);
        expect((await append({ ...grant(attemptId, 2), revoke: [attemptId] })).map((result) => result.kind)).toEqual(['appended']);
        expect((await open().leases.list()).find((row) => row.attemptId === attemptId)?.epoch).toBe(2);
      });

      it('renew at the same epoch under the same worker and incarnation', async () => {
        const [good, gone] = [randomUUID(), randomUUID()];
        await append(grant(good));
        const renew = (worker: string, incarnation: string, epoch: number) => open().leases.renew(worker, incarnation, [{ attemptId: gone, epoch: 1 }, { attemptId: good, epoch }]);
        expect(await renew('host-1', 'i-1', 1)).toEqual([gone]);
        expect(await renew('host-1', 'i-1', 2)).toEqual([gone, good]);
        expect(await renew('host-2', 'i-1', 1)).toEqual([gone, good]);
        expect(await renew('host-1', 'i-2', 1)).toEqual([gone, good]);
        expect(await open().leases.renew('host-1', 'i-1', [])).toEqual([]);
      });
    });

    describe('commands', () => {
      it('are stored once for their id and have one outcome', async () => {
        const [commandId, dagId] = [randomUUID(), randomUUID()];
        const command = { commandId, dagId, body: { type: 'SetPaused', paused: true } };
        expect(await open().events.commandOutcome(commandId)).toBeUndefined();
        expect(await open().events.storeCommand(command)).toBe(true);
        expect(await open().events.storeCommand({ ...command, body: { other: 1 } })).toBe(false);
        const pending = await open().events.pendingCommands({ ids: [commandId] });
        expect(pending).toEqual([{ ...command, storedAtMs: pending[0]?.storedAtMs }]);
        expect(await open().events.commandOutcome(commandId)).toBeNull();
        const outcome = (kind: string) => append({ streamId: stream(), expectedVersion: 0, events: [], outcomes: [{ commandId, outcome: { kind } }] });
        expect(await outcome('done')).toEqual([{ kind: 'appended', lastVersion: 0, position: null }]);
        await outcome('late');
        expect(await open().events.commandOutcome(commandId)).toEqual({ kind: 'done' });
        expect(await open().events.pendingCommands({ ids: [commandId] })).toEqual([]);
      });

      it('get the position of their events, which a reader of the feed can wait for', async () => {
        const commandId = randomUUID();
        await open().events.storeCommand({ commandId, dagId: 'd', body: {} });
        const [result] = await append({ streamId: stream(), expectedVersion: 0, events: [anEvent('A'), anEvent('B')], outcomes: [{ commandId, outcome: { kind: 'done' } }] });
        expect(result?.kind).toBe('appended');
        const position = result?.kind === 'appended' && result.position !== null ? formatPosition(result.position) : null;
        expect(await open().events.commandOutcome(commandId)).toEqual({ kind: 'done', position });
      });

      it('have no outcome when the events of their entry were refused', async () => {
        const [commandId, streamId] = [randomUUID(), stream()];
        await open().events.storeCommand({ commandId, dagId: 'd', body: {} });
        await append({ streamId, expectedVersion: 0, events: [anEvent('A')] });
        expect(await append({ streamId, expectedVersion: 0, events: [anEvent('B')], outcomes: [{ commandId, outcome: { kind: 'done' } }] })).toEqual([{ kind: 'conflict' }]);
        expect(await open().events.commandOutcome(commandId)).toBeNull();
      });

      it('are listed by partition, oldest first', async () => {
        const dagIds = Array.from({ length: 40 }, (): string => randomUUID());
        for (const dagId of dagIds) await open().events.storeCommand({ commandId: `c-${dagId}`, dagId, body: {} });
        const partitions = Array.from({ length: 16 }, (_, partition) => partition);
        const listed = await Promise.all(partitions.map((partition) => open().events.pendingCommands({ partitions: [partition] })));
        const mine = (commands: readonly { dagId: string }[]) => commands.map((command) => command.dagId).filter((dagId) => dagIds.includes(dagId));
        expect(listed.flatMap(mine).sort()).toEqual([...dagIds].sort());
        expect(mine(await open().events.pendingCommands({ partitions }))).toEqual(dagIds);
        expect(mine(await open().events.pendingCommands({}))).toEqual(dagIds);
        expect(await open().events.pendingCommands({ partitions: [] })).toEqual([]);
      });
    });

    it('keeps the newest snapshot of a fingerprint', async () => {
      const streamId = stream();
      const snapshot = (version: number, fingerprint: string) => ({ version, fingerprint, state: { version } });
      expect(await open().events.loadSnapshot(streamId, 'f')).toBeNull();
      await open().events.saveSnapshot(streamId, snapshot(5, 'f'));
      await open().events.saveSnapshot(streamId, snapshot(3, 'f'));
      expect(await open().events.loadSnapshot(streamId, 'f')).toEqual(snapshot(5, 'f'));
      expect(await open().events.loadSnapshot(streamId, 'g')).toBeNull();
      await open().events.saveSnapshot(streamId, snapshot(4, 'g'));
      expect(await open().events.loadSnapshot(streamId, 'g')).toEqual(snapshot(4, 'g'));
    });

    it('keeps content as it was first put', async () => {
      const key = randomUUID();
      expect(await open().events.getContent('plan', key)).toBeNull();
      const bytes = Uint8Array.from({ length: 300 }, (_, i) => i % 256);
      await open().events.putContent('plan', key, bytes);
      await open().events.putContent('plan', key, new Uint8Array([1]));
      expect([...((await open().events.getContent('plan', key)) ?? [])]).toEqual([...bytes]);
      expect(await open().events.getContent('bundle', key)).toBeNull();
      await open().events.putContent('bundle', key, new Uint8Array());
      expect(await open().events.getContent('bundle', key)).toHaveLength(0);
    });

    describe('ownership', () => {
      it('has one holder, until it releases or ends', async () => {
        const name = `partition-${randomUUID()}`;
        const [one, two] = await Promise.all([open().ownership.openSession(), open().ownership.openSession()]);
        expect(await one.tryAcquire(name)).toBe(true);
        expect(await one.tryAcquire(name)).toBe(true);
        expect(await two.tryAcquire(name)).toBe(false);
        await one.release(name);
        expect(await two.tryAcquire(name)).toBe(true);
        expect(await one.tryAcquire(name)).toBe(false);
        await two.close();
        await two.lost;
        expect(await one.tryAcquire(name)).toBe(true);
        await expect(two.tryAcquire(name)).rejects.toMatchObject({ name: 'StoreFault' });
        await one.close();
        await one.close();
        await one.lost;
      });
    });
  });

  describe(`${name}: bundles`, () => {
    const aBundle = (bundle: string): BundleState => ({ name: bundle, kind: 'git', location: 'https://git.example.com/etl.git', ref: 'main', version: 'c1', syncedAtMs: 1_000, checkedAtMs: 1_000, problem: null });
    const found = async (bundle: string) => (await open().bundles.list()).find((one) => one.name === bundle);

    it('keeps when a bundle was last fetched while it cannot be', async () => {
      const bundle = randomUUID();
      await open().bundles.save(aBundle(bundle));
      expect(await found(bundle)).toEqual(aBundle(bundle));
      await open().bundles.save({ ...aBundle(bundle), syncedAtMs: null, checkedAtMs: 2_000, problem: 'it is away' });
      expect(await found(bundle)).toEqual({ ...aBundle(bundle), checkedAtMs: 2_000, problem: 'it is away' });
    });

    it('counts requests for a look, through saves, and forgets bundles that are not named any more', async () => {
      const [one, other] = [randomUUID(), randomUUID()];
      expect(await open().bundles.askSync(one)).toBe(false);
      await open().bundles.save(aBundle(one));
      await open().bundles.save(aBundle(other));
      expect([await open().bundles.asked(one), await open().bundles.askSync(one), await open().bundles.asked(one)]).toEqual([0, true, 1]);
      await open().bundles.save(aBundle(one));
      expect(await open().bundles.asked(one)).toBe(1);
      await open().bundles.keepOnly([one]);
      expect((await open().bundles.list()).map((bundle) => bundle.name)).toEqual([one]);
    });
  });
}
