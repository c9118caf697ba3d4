import { ASSET_QUEUE_FINGERPRINT, downstreamKeys, type AssetCondition, type DagDefinition, type Json, type PartitionMapper } from '@dagbook/domain';
import { assetCommandKey, assetEventsStream, assetQueueStream, DAG_PARTITIONS, runStream, TOPICS } from '@dagbook/contracts';
import { StoreFault, type AppendEntry } from '@dagbook/event-store';
import { uuidv7 } from '@dagbook/platform';
import { afterEach, describe, expect, it } from 'vitest';
import { SchedulerHouse } from '../test/scheduler-house.ts';
import type { RunningScheduler } from './service.ts';

const asset = (uri: string): AssetCondition => ({ kind: 'asset', uri });
const consumer = (dagId: string, condition: AssetCondition, more: Partial<DagDefinition> = {}): DagDefinition => ({
  dagId, timezone: 'UTC', schedule: { kind: 'assets', condition }, tasks: [{ taskId: 't', operator: 'function', upstream: [] }], ...more,
});
const BOTH = consumer('both', { kind: 'all', of: [asset('a'), asset('b')] });
const ONE = consumer('one', asset('a'));
const partitioned = (dagId: string, mapper: PartitionMapper, more: Partial<DagDefinition> = {}): DagDefinition => consumer(dagId, asset('a'), { schedule: { kind: 'assets', condition: asset('a'), partition: { mapper } }, ...more });

/** Real time: clocks stand still here. */
const OFTEN = { ownershipEveryMs: 2, reconcileEveryMs: 50 };

let house: SchedulerHouse;
afterEach(() => house.close());

const opened = async (...definitions: readonly DagDefinition[]): Promise<RunningScheduler> => {
  house = new SchedulerHouse('2026-02-01T00:00Z', definitions);
  const scheduler = await house.start(OFTEN);
  await waits(...definitions);
  return scheduler;
};
const waits = (...definitions: readonly DagDefinition[]) => house.until(async () => (await house.stores.events.listStreams('asset-queue-')).length >= definitions.length);
const update = (uri: string, extra: { readonly [name: string]: Json } = {}) => house.command(assetCommandKey(uri), { type: 'RecordAssetEvent', uri, extra, user: 'ann' });
const runsOf = async (dagId: string): Promise<string[]> => (await house.stores.events.listStreams(runStream(dagId, ''))).map((streamId) => streamId.slice(runStream(dagId, '').length));
const hasRuns = (dagId: string, count: number) => house.until(async () => (await runsOf(dagId)).length === count);
/** For each run of the DAG what its updates say of themselves, in order. */
const taken = async (dagId: string): Promise<Json[][]> => {
  const created = await Promise.all((await runsOf(dagId)).map(async (runId) => house.data(runStream(dagId, runId), 'RunCreated')));
  return created.map(([event]) => ((event?.['assetEvents'] ?? []) as { extra: { n: Json } }[]).map(({ extra }) => extra.n));
};
/** By another, or by another version. */
const written = async (streamId: string, type: string, data: Json) => {
  const expectedVersion = (await house.stores.events.read(streamId)).length;
  return house.stores.events.append([{ streamId, expectedVersion, events: [{ eventId: uuidv7(), type, schemaVersion: 1, data }] }]);
};
const isMissing = async (dagId: string): Promise<void> => {
  // What would make a run has been passed once a later one of another DAG is there.
  await update('sentinel');
  await hasRuns('sentinel', 1);
  expect(await runsOf(dagId)).toEqual([]);
};
const end = async (dagId: string, runId: string): Promise<void> => {
  await house.until(async () => (await house.types(runStream(dagId, runId))).includes('RunStarted'));
  await house.command(dagId, { type: 'MarkRun', runId, state: 'success', user: 'ann' });
};
const updatePartition = (uri: string, partitionKey: string, n: Json) => house.command(assetCommandKey(uri), { type: 'RecordAssetEvent', uri, extra: { n }, partitionKey, user: 'ann' });
/** By partition key, what the updates of the DAG's runs say of themselves. */
const takenByKey = async (dagId: string): Promise<{ [key: string]: Json[] }> => {
  const created = (await Promise.all((await runsOf(dagId)).map((runId) => house.data(runStream(dagId, runId), 'RunCreated')))).flat();
  const byKey: { [key: string]: Json[] } = {};
  for (const { partitionKey, assetEvents } of created) (byKey[partitionKey as string] ??= []).push(...(assetEvents as { extra: { n: Json } }[]).map(({ extra }) => extra.n));
  return byKey;
};
const pause = (dagId: string, paused: boolean) => house.command(dagId, { type: 'SetPaused', paused, user: 'ann' });

describe('a DAG that waits for assets', () => {
  it('runs once when all were updated, and is told of every update', async () => {
    await opened(BOTH, ONE);
    await update('a', { n: 1 });
    await hasRuns('one', 1);
    await update('a', { n: 2 });
    await hasRuns('one', 2);
    await update('b', { n: 3 });
    await hasRuns('both', 1);
    expect(await taken('both')).toEqual([[1, 2, 3]]);
    const [runId] = (await runsOf('both')) as [string];
    expect((await house.data(runStream('both', runId), 'RunCreated'))[0]).toMatchObject({ runType: 'asset_triggered', triggeredBy: 'asset', logicalDateMs: null, dataInterval: null });
    expect(await house.types(assetQueueStream('both'))).toEqual(['AssetScheduleSet', 'AssetRunDecided']);
    expect(await house.data(assetQueueStream('both'), 'AssetRunDecided')).toMatchObject([{ runId, updates: 3 }]);
  });

  it('runs once for each partition where its schedule is of partitions, and not for any where it is not', async () => {
    await opened(ONE, partitioned('byDay', { kind: 'startOf', unit: 'day' }));
    await updatePartition('a', '2026-03-01T05:00:00', 1);
    await updatePartition('a', '2026-03-02T05:00:00', 2);
    await updatePartition('a', 'yesterday', 3);
    await update('a', { n: 4 });
    await hasRuns('byDay', 2);
    await hasRuns('one', 1);
    expect([await takenByKey('byDay'), await taken('one')]).toEqual([{ '2026-03-01': [1], '2026-03-02': [2] }, [[4]]]);
    const [runId] = (await runsOf('byDay')) as [string];
    expect((await house.data(runStream('byDay', runId), 'RunCreated'))[0]).toMatchObject({ partitionKey: '2026-03-01', partitionDateMs: Date.UTC(2026, 2, 1) });
  });

  it.each([
    ['one', 'k', 'dag_not_partitioned'],
    ['byDay', 'yesterday', 'invalid_partition_key'],
  ])('is not started by hand for a partition that it cannot have: %s, %s', async (dagId, partitionKey, code) => {
    await opened(ONE, partitioned('byDay', { kind: 'startOf', unit: 'day' }));
    expect(await house.command(dagId, { type: 'TriggerRun', logicalDateMs: null, partitionKey, conf: {}, triggeredBy: 'rest_api', user: 'ann' })).toMatchObject({ kind: 'refused', code });
    expect(await house.command('byDay', { type: 'TriggerRun', runId: 'asked', logicalDateMs: null, partitionKey: '2026-03-01', conf: {}, triggeredBy: 'rest_api', user: 'ann' })).toMatchObject({ kind: 'done' });
    expect(await house.data(runStream('byDay', 'asked'), 'RunCreated')).toMatchObject([{ partitionKey: '2026-03-01', partitionDateMs: Date.UTC(2026, 2, 1) }]);
  });

  it('asks mappers that are code once for each update, and again in a minute when they cannot be asked', async () => {
    house = new SchedulerHouse('2026-02-01T00:00Z', [partitioned('coded', { kind: 'custom', name: 'shout' })]);
    const asked: string[] = [];
    let fails = false;
    house.timetable = (question) => {
      if (question.kind !== 'partitions') throw new Error(`asked for ${question.kind}`);
      if (fails) return { kind: 'partitions', mapped: [], problem: 'the file cannot be read' };
      asked.push(...question.updates.map(({ key }) => key));
      return { kind: 'partitions', mapped: question.updates.map(({ position, key, leaves: [leaf = ''] }) => (key === 'bad' ? { position, places: [], problem: 'threw' } : { position, places: [{ leaf, keys: [{ key: key.toUpperCase() }] }] })) };
    };
    await house.start(OFTEN);
    await waits(ONE);
    await updatePartition('a', 'x', 1);
    await updatePartition('a', 'bad', 2);
    await hasRuns('coded', 1);
    await house.until(async () => (await house.types(assetQueueStream('coded'))).filter((type) => type === 'AssetKeysMapped').length === 2);
    fails = true;
    await updatePartition('a', 'y', 3);
    await house.until(async () => {
      // Until it has been asked in vain the time is of no matter.
      house.clock.advance(1_000);
      return house.clock.nowMs() > Date.parse('2026-02-01T00:02Z');
    });
    expect(await takenByKey('coded')).toEqual({ X: [1] });
    fails = false;
    await house.until(async () => {
      house.clock.advance(1_000);
      return (await runsOf('coded')).length === 2;
    });
    expect([await takenByKey('coded'), asked]).toEqual([{ X: [1], Y: [3] }, ['x', 'bad', 'y']]);
    // More than are asked about at once.
    await Promise.all(Array.from({ length: 130 }, (_, n) => updatePartition('a', `many${n}`, n)));
    await house.until(async () => (await house.data(assetQueueStream('coded'), 'AssetKeysMapped')).length === 133);
    expect(new Set(asked).size).toBe(133);
  });

  it('records an update that is asked for twice by one id once', async () => {
    await opened(ONE);
    const command = { commandId: 'same', dagId: assetCommandKey('a'), body: { type: 'RecordAssetEvent', uri: 'a', extra: {}, user: 'ann' } };
    await house.stores.events.storeCommand(command);
    await hasRuns('one', 1);
    expect(await house.stores.events.storeCommand(command)).toBe(false);
    expect(await house.stores.events.listStreams('asset-events-')).toHaveLength(1);
  });

  it('takes what a system outside has written to the topic of asset events, once', async () => {
    await opened(BOTH);
    await house.start(OFTEN);
    const said = { topic: TOPICS.assetEvents.name, key: 'a', type: 'SubmitAssetEvent', id: 'e1', data: { uri: 'a', extra: { n: 1 } } } as const;
    await house.publish(said);
    await house.publish(said);
    await house.publish({ ...said, id: 'e2', data: { uri: '' } });
    await house.publish({ ...said, id: 'e3', data: { uri: 'b', extra: { n: 2 }, partitionKey: 'p' } });
    await house.until(async () => (await house.stores.events.listStreams('asset-events-')).length === 2);
    expect((await house.stores.events.commandOutcomes([`${TOPICS.assetEvents.name}/e1`, `${TOPICS.assetEvents.name}/e2`])).size).toBe(1);
  });

  it.each([['', {}, /uri is ""/], ['a', { x: 'y'.repeat(20_000) }, /16384 are allowed/]])('is not told of what is no update: %s', async (uri, extra, message) => {
    await opened(ONE);
    expect(await update(uri, extra)).toMatchObject({ kind: 'refused', code: 'invalid_asset_event', message: expect.stringMatching(message) as string });
  });

  it('loses nothing while it may have no more runs', async () => {
    await opened({ ...ONE, maxActiveRuns: 1 });
    await update('a', { n: 1 });
    await hasRuns('one', 1);
    for (const n of [2, 3, 4]) await update('a', { n });
    await end('one', (await runsOf('one'))[0] as string);
    await hasRuns('one', 2);
    expect(await taken('one')).toEqual([[1], [2, 3, 4]]);
  });

  it('hears nothing while it is paused, and keeps what came before', async () => {
    await opened(BOTH, consumer('sentinel', asset('sentinel')));
    await update('a', { n: 1 });
    await pause('both', true);
    await update('b', { n: 2 });
    await pause('both', false);
    await isMissing('both');
    await update('b', { n: 3 });
    await hasRuns('both', 1);
    expect(await taken('both')).toEqual([[1, 3]]);
  });

  it('hears what came after it said what it waits for, however late others did', async () => {
    await opened(ONE);
    await update('a', { n: 1 });
    await hasRuns('one', 1);
    await house.edit([ONE, BOTH]);
    await waits(ONE, BOTH);
    await update('b', { n: 2 });
    await update('a', { n: 3 });
    await hasRuns('both', 1);
    expect(await taken('both')).toEqual([[2, 3]]);
  });

  it('waits for what its newest version names', async () => {
    await opened(BOTH, consumer('sentinel', asset('sentinel')));
    await update('a', { n: 1 });
    await house.edit([consumer('both', { kind: 'all', of: [asset('b'), asset('c')] }), consumer('sentinel', asset('sentinel'))]);
    await house.until(async () => (await house.types(assetQueueStream('both'))).length === 2);
    await update('b', { n: 2 });
    await isMissing('both');
    await update('c', { n: 3 });
    await hasRuns('both', 1);
    expect(await taken('both')).toEqual([[2, 3]]);
  });

  it('makes no run of what somebody has struck out', async () => {
    await opened(BOTH, consumer('sentinel', asset('sentinel')));
    await update('a', { n: 1 });
    expect(await house.command('both', { type: 'ClearAssetQueue', user: 'ann' })).toMatchObject({ kind: 'done' });
    await update('b', { n: 2 });
    await isMissing('both');
    await update('a', { n: 3 });
    await hasRuns('both', 1);
    expect(await taken('both')).toEqual([[2, 3]]);
  });

  it('does not run again for what a run took that was erased since', async () => {
    await opened(ONE, consumer('sentinel', asset('sentinel')));
    await update('a', { n: 1 });
    await hasRuns('one', 1);
    const runId = (await runsOf('one'))[0] as string;
    await end('one', runId);
    await house.command('one', { type: 'EraseRun', runId, user: 'ann' });
    await house.stop();
    await house.start(OFTEN);
    await update('sentinel');
    await hasRuns('sentinel', 1);
    expect(await runsOf('one')).toEqual([runId]);
    expect((await house.types(runStream('one', runId))).at(-1)).toBe('RunErased');
  });

  it('keeps beside the run what does not fit into its event', async () => {
    await opened(BOTH);
    const text = 'x'.repeat(10_000);
    for (const n of [1, 2]) await update('a', { n, text });
    await update('b', { n: 3 });
    await hasRuns('both', 1);
    const [runId] = (await runsOf('both')) as [string];
    const [created] = await house.data(runStream('both', runId), 'RunCreated');
    expect(created).not.toHaveProperty('assetEvents');
    const kept = await house.stores.events.getContent('xcom', created?.['assetEventsKey'] as string);
    expect((JSON.parse(new TextDecoder().decode(kept as Uint8Array)) as { extra: { n: number } }[]).map(({ extra }) => extra.n)).toEqual([1, 2, 3]);
  });
});

describe('a DAG that is retired', () => {
  const SENTINEL = consumer('sentinel', asset('sentinel'));

  it('has stopped waiting before, so that what breaks off between leaves nothing that goes on', async () => {
    await opened(ONE, SENTINEL);
    const { events } = house.stores;
    const append = events.append.bind(events);
    events.append = async (entries) => {
      if (entries.some((entry) => entry.events.some(({ type }) => type === 'DagRetired'))) throw new StoreFault('store.unavailable', 'the connection broke', { retryable: true });
      return append(entries);
    };
    await house.edit([SENTINEL]);
    await house.until(async () => (await house.types(assetQueueStream('one'))).length === 2);
    expect(await house.types('dag-one')).not.toContain('DagRetired');
    expect(await house.data(assetQueueStream('one'), 'AssetScheduleSet')).toMatchObject([{ schedule: { condition: asset('a') } }, { schedule: null }]);
    events.append = append;
    await house.edit([SENTINEL]);
    await house.until(async () => (await house.types('dag-one')).includes('DagRetired'));
    expect(await house.types(assetQueueStream('one'))).toHaveLength(2);
  });

  it('makes no run, whatever its queue says', async () => {
    await opened(ONE, SENTINEL);
    await house.edit([SENTINEL]);
    await house.until(async () => (await house.types('dag-one')).includes('DagRetired'));
    await written(assetQueueStream('one'), 'AssetScheduleSet', { schedule: { condition: asset('a') }, paused: false, atMs: 0 });
    await update('a');
    await isMissing('one');
  });
});

describe('a queue', () => {
  const SENTINEL = consumer('sentinel', asset('sentinel'));
  const parked = async (): Promise<void> => {
    await opened(ONE, SENTINEL);
    await written(assetQueueStream('one'), 'AssetOfTomorrow', { schedule: null });
    await update('a');
    await isMissing('one');
  };

  it('that holds what only a newer version can fold keeps no other from its updates', async () => {
    await parked();
    await update('sentinel');
    await hasRuns('sentinel', 2);
    expect(await runsOf('one')).toEqual([]);
  });

  it('that holds what only a newer version can fold is told of all that is asked of its DAG, for who can', async () => {
    await parked();
    await pause('one', true);
    expect(await house.command('one', { type: 'ClearAssetQueue', user: 'ann' })).toMatchObject({ kind: 'done' });
    await house.edit([consumer('one', asset('b')), SENTINEL]);
    await house.edit([SENTINEL]);
    expect(await house.types(assetQueueStream('one'))).toEqual(['AssetScheduleSet', 'AssetOfTomorrow', 'AssetQueuePaused', 'AssetQueueCleared', 'AssetScheduleSet', 'AssetScheduleSet']);
    expect((await house.data(assetQueueStream('one'), 'AssetScheduleSet')).at(-1)).toMatchObject({ schedule: null });
  });

  it('is kept for the next owner however much waits in it', async () => {
    await opened(BOTH);
    const events = Array.from({ length: 5_000 }, () => ({ eventId: uuidv7(), type: 'AssetUpdated', schemaVersion: 1, data: { uri: 'a', extra: {}, atMs: 0 } }));
    await house.stores.events.append([{ streamId: assetEventsStream('many'), expectedVersion: 0, events }]);
    const kept = async () => ((await house.stores.events.loadSnapshot(assetQueueStream('both'), ASSET_QUEUE_FINGERPRINT))?.state as { queue: { updates: Json[] } } | undefined)?.queue.updates.length;
    await house.until(async () => ((await kept()) ?? 0) >= 2_500);
  });
});

describe('exactly once', () => {
  const fault = (code: 'store.ambiguous' | 'store.unavailable') => new StoreFault(code, 'the connection broke', { retryable: true });
  const isRunOf = (dagId: string) => (entries: readonly AppendEntry[]): boolean => entries.some(({ also, streamId }) => also !== undefined && streamId.startsWith(runStream(dagId, '')));

  it.each(['before', 'after'] as const)('also when the journal breaks %s the run is written', async (when) => {
    await opened(ONE);
    const { events } = house.stores;
    const append = events.append.bind(events);
    let broken = 0;
    events.append = async (entries) => {
      if (!isRunOf('one')(entries) || broken > 0) return append(entries);
      broken += 1;
      if (when === 'after') await append(entries);
      throw fault('store.ambiguous');
    };
    await update('a', { n: 1 });
    await hasRuns('one', 1);
    await update('a', { n: 2 });
    await house.until(async () => (await taken('one')).flat().length === 2);
    expect(await taken('one')).toEqual([[1], [2]]);
    expect(broken).toBe(1);
  });

  it('also when another has written the queue meanwhile: nothing of the decision stands, and it is made anew', async () => {
    await opened(ONE);
    const { events } = house.stores;
    const append = events.append.bind(events);
    let meddled = 0;
    events.append = async (entries) => {
      if (isRunOf('one')(entries) && meddled++ === 0) {
        await append([{ streamId: assetQueueStream('one'), expectedVersion: 1, events: [{ eventId: '01900000-0000-7000-8000-000000000001', type: 'AssetQueueCleared', schemaVersion: 1, data: { uris: ['z'], by: 'x', atMs: 0 } }] }]);
      }
      return append(entries);
    };
    await update('a', { n: 1 });
    await hasRuns('one', 1);
    expect(await taken('one')).toEqual([[1]]);
    expect(await house.types(assetQueueStream('one'))).toEqual(['AssetScheduleSet', 'AssetQueueCleared', 'AssetRunDecided']);
  });

  it('by partition, over three schedulers that share the DAGs, come and go', async () => {
    const day: PartitionMapper = { kind: 'startOf', unit: 'day' };
    const week: PartitionMapper = { kind: 'fanOut', upstream: { kind: 'startOf', unit: 'week' }, window: { kind: 'week' } };
    const dagIds = ['c0', 'c1', 'c2', 'c3'];
    const by = (index: number) => (index % 2 === 0 ? day : week);
    const first = await opened(...dagIds.map((dagId, index) => partitioned(dagId, by(index), { maxActiveRuns: 1_000 })));
    const second = await house.start(OFTEN);
    const third = await house.start(OFTEN);
    const sent: string[] = [];
    const burst = () => Promise.all(Array.from({ length: 8 }, () => {
      const n = sent.length;
      sent.push(`2026-03-${String((n % 5) + 1).padStart(2, '0')}T0${n % 10}:00:00`);
      return updatePartition('a', sent[n] as string, n);
    }));
    await Promise.all([burst(), house.until(async () => {
      // Time passes, and the first gives the others their share.
      house.clock.advance(10);
      return second.ownedPartitions() > 0 && third.ownedPartitions() > 0;
    })]);
    await Promise.all([first.stop(), burst()]);
    const last = await house.start(OFTEN);
    await Promise.all([second.stop(), burst()]);
    await house.until(async () => last.ownedPartitions() + third.ownedPartitions() === DAG_PARTITIONS);
    await burst();
    for (const [index, dagId] of dagIds.entries()) {
      const wanted: { [key: string]: number[] } = {};
      for (const [n, key] of sent.entries()) for (const run of downstreamKeys(by(index), key)) (wanted[run] ??= []).push(n);
      const decided = async () => (await house.data(assetQueueStream(dagId), 'AssetRunDecided')).reduce((sum, { updates }) => sum + (updates as number), 0);
      await house.until(async () => (await decided()) >= Object.values(wanted).flat().length);
      const taken = Object.fromEntries(Object.entries(await takenByKey(dagId)).map(([key, numbers]) => [key, (numbers as number[]).sort((a, b) => a - b)]));
      expect(taken).toEqual(wanted);
    }
  });

  it('over three schedulers that share the DAGs, come and go', async () => {
    const dagIds = Array.from({ length: 6 }, (_, index) => `c${index}`);
    const conditionOf = (index: number): AssetCondition => (index % 2 === 0 ? asset('a') : { kind: 'all', of: [asset('a'), asset('b')] });
    const first = await opened(...dagIds.map((dagId, index) => consumer(dagId, conditionOf(index), { maxActiveRuns: 1_000 })));
    const second = await house.start(OFTEN);
    const third = await house.start(OFTEN);
    let sent = 0;
    const burst = (uris: readonly string[]) => Promise.all(uris.map((uri) => update(uri, { n: sent++ })));
    const MANY = Array.from({ length: 24 }, (_, index) => (index % 3 === 0 ? 'b' : 'a'));
    await burst(MANY);
    await Promise.all([burst(MANY), house.until(async () => {
      // Time passes, and the first gives the others their share.
      house.clock.advance(10);
      return second.ownedPartitions() > 0 && third.ownedPartitions() > 0;
    })]);
    await Promise.all([first.stop(), burst(MANY)]);
    const last = await house.start(OFTEN);
    await Promise.all([second.stop(), burst(MANY)]);
    await house.until(async () => last.ownedPartitions() + third.ownedPartitions() === DAG_PARTITIONS);
    await burst(['a', 'b', 'a']);
    for (const [index, dagId] of dagIds.entries()) {
      const numbers = Array.from({ length: sent }, (_, n) => n);
      // Of both, the last may wait for a next one.
      const wanted = index % 2 === 0 ? numbers.filter((n) => n >= 4 * MANY.length ? n !== sent - 2 : MANY[n % MANY.length] === 'a') : numbers.slice(0, -1);
      await house.until(async () => (await taken(dagId)).flat().length >= wanted.length);
      const all = (await taken(dagId)).flat() as number[];
      expect(new Set(all).size).toBe(all.length);
      expect(all.filter((n) => wanted.includes(n)).sort((a, b) => a - b)).toEqual(wanted);
    }
  });
});
