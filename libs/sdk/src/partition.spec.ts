import { describe, expect, it } from 'vitest';
import { asset, assetAlias, cron, dag, every, partitions, when } from './index.ts';
import { runnableOf } from './runnable.ts';

const quiet = { log: () => undefined };
const raw = asset('s3://raw');
const clean = asset('s3://clean');
const definitionOf = (schedule: Parameters<typeof dag>[1]) => runnableOf(dag('d', schedule))?.definition();
const mine = () => partitions.mapper({ name: 'mine', toDownstream: (key) => key });
const { rollup, startOf, window } = partitions;

describe('partitions', () => {
  it('stand in the definition as plain data', () => {
    const mappers = [[clean, partitions.chain(startOf('day', { timezone: 'Asia/Seoul' }), startOf('month', { inputFormat: '%Y-%m-%d' }))]] as const;
    expect(definitionOf({ schedule: partitions.of(when.all(raw, clean), { mapper: startOf('month'), mappers }) })?.schedule).toEqual({
      kind: 'assets', condition: { kind: 'all', of: [{ kind: 'asset', uri: 's3://raw' }, { kind: 'asset', uri: 's3://clean' }] },
      partition: {
        mapper: { kind: 'startOf', unit: 'month' },
        mappers: { 's3://clean': { kind: 'chain', mappers: [{ kind: 'startOf', unit: 'day', timezone: 'Asia/Seoul' }, { kind: 'startOf', unit: 'month', inputFormat: '%Y-%m-%d' }] } },
      },
    });
    expect(definitionOf({ schedule: partitions.cron('0 6 * * *', { timezone: 'Asia/Seoul', offset: -1, keyFormat: '%Y-%m-%d' }) })?.schedule).toEqual({ kind: 'cronTrigger', cron: '0 6 * * *', timezone: 'Asia/Seoul', partition: { offset: -1, keyFormat: '%Y-%m-%d' } });
    expect(definitionOf({ schedule: partitions.atRuntime(cron('0 6 * * *', { timezone: 'UTC' })) })).toMatchObject({ partitionedAtRuntime: true, schedule: { kind: 'cronTrigger' } });
    expect(definitionOf({ schedule: partitions.atRuntime() })).toMatchObject({ partitionedAtRuntime: true, schedule: { kind: 'none' } });
  });

  it.each([
    ['a rollup that could never be complete', () => definitionOf({ schedule: partitions.of(raw, { mapper: rollup(startOf('day'), window('week')) }) }), /schedule\.partition\.mapper\.upstream .* only 1 of a window's keys/],
    ['a mapper of another asset', () => definitionOf({ schedule: partitions.of(raw, { mappers: [[clean, startOf('day')]] }) }), /maps an asset that the schedule does not name/],
    ['a mapper without a name', () => partitions.mapper({ name: 'a b', toDownstream: (key) => key }), /a name has 1 to 250/],
    ['a mapper without code', () => partitions.mapper({ name: 'a' } as unknown as Parameters<typeof partitions.mapper>[0]), /toDownstream/],
    ['two mappers of one name', () => definitionOf({ schedule: partitions.of(when.all(raw, clean), { mapper: mine(), mappers: [[clean, mine()]] }) }), /two mappers of one schedule have this name/],
    ['a unit that there is not', () => definitionOf({ schedule: partitions.of(raw, { mapper: startOf('dya' as 'day') }) }), /unit .* none of hour, day/],
    ['an option that there is not', () => definitionOf({ schedule: partitions.of(raw, { maper: startOf('day') } as object) }), /maper .* none of its options/],
    ['mappers that are no pairs', () => partitions.of(raw, { mappers: { x: 1 } as unknown as [] }), /pairs of an asset/],
    ['a mapper that is none', () => definitionOf({ schedule: partitions.of(raw, { mapper: 'day' as unknown as ReturnType<typeof startOf> }) }), /is no mapper/],
    ['a cron of partitions beside assets', () => when.any(raw, partitions.cron('0 6 * * *', { timezone: 'UTC' })), /runs would have no key/],
    ['keys at run time inside another', () => when.any(raw, partitions.atRuntime(cron('0 6 * * *', { timezone: 'UTC' }))), /Put partitions.atRuntime around the whole/],
    ['one inside another', () => definitionOf({ schedule: when.any(partitions.of(raw), clean) }), /stands inside another/],
    ['a time among the assets', () => definitionOf({ schedule: partitions.of(when.any(raw, every('1h'))) }), /time schedule stands in partitions|stands inside another/],
    ['keys of a cron that are known at run time', () => partitions.atRuntime(partitions.of(raw)), /have their keys before they run/],
  ])('refuse %s', (_, make, message) => {
    expect(make).toThrow(message);
  });
});

it('a mapper that is code stands in the definition by its name, and is asked by it', async () => {
  const runnable = runnableOf(dag('d', { schedule: partitions.of(raw, { mapper: mine() }) }));
  expect(runnable?.definition().schedule).toMatchObject({ partition: { mapper: { kind: 'custom', name: 'mine' } } });
  const question = { kind: 'partitions', updates: [{ position: '1', key: 'k', leaves: ['asset s3://raw'] }] } as const;
  expect(runnable?.askTimetable(question)).toEqual({ kind: 'partitions', mapped: [{ position: '1', places: [{ leaf: 'asset s3://raw', keys: [{ key: 'k' }] }] }] });
  expect(runnableOf(dag('e', { schedule: partitions.of(raw) }))?.askTimetable(question)).toBeUndefined();
  const broken = dag('f', { schedule: partitions.of(raw, { mapper: partitions.mapper({ name: 'broken', toDownstream: () => { throw new Error('no calendar'); } }) }) });
  await expect(broken.testSchedule({ from: '2027-01-01', to: '2027-01-02', updates: [{ at: '2027-01-01', asset: raw, partitionKey: 'k' }], ...quiet })).rejects.toThrow(/no calendar/);
});

describe('a run of a partition', () => {
  it('tells its tasks its key and date, and passes them on', async () => {
    const d = dag('d', { schedule: partitions.cron('0 6 * * *', { timezone: 'Asia/Seoul', keyFormat: '%Y-%m-%d' }), startDate: '2027-01-01' });
    const told = d.task('told', async (_, { run }) => [run.partitionKey ?? null, run.partitionDate?.toISOString() ?? null], { outlets: [clean] })();
    const { runs } = await d.testSchedule({ from: '2027-01-01', to: '2027-01-03', ...quiet });
    expect(runs.map((run) => [run.partitionKey, run.value(told), run.assetEvents.map(({ uri, partitionKey }) => [uri, partitionKey])])).toEqual([
      ['2027-01-01', ['2027-01-01', '2026-12-31T21:00:00.000Z'], [['s3://clean', '2027-01-01']]],
      ['2027-01-02', ['2027-01-02', '2027-01-01T21:00:00.000Z'], [['s3://clean', '2027-01-02']]],
    ]);
  });

  it('is made once for each key that its updates lead to', async () => {
    const d = dag('d', { schedule: partitions.of(raw, { mapper: startOf('day') }) });
    const seen = d.task('seen', async (_, { run, triggeringAssetEvents }) => [run.partitionKey ?? '', ...triggeringAssetEvents.map(({ partitionKey }) => partitionKey ?? '')])();
    const updates = ['2027-01-01T05:00:00', '2027-01-02T06:00:00', '2027-01-01T07:00:00'].map((partitionKey, index) => ({ at: `2027-02-0${index + 1}`, asset: raw, partitionKey }));
    const { runs } = await d.testSchedule({ from: '2027-01-01', to: '2027-12-31', updates, ...quiet });
    expect(runs.map((run) => run.value(seen))).toEqual([['2027-01-01', '2027-01-01T05:00:00'], ['2027-01-02', '2027-01-02T06:00:00'], ['2027-01-01', '2027-01-01T07:00:00']]);
  });

  it('by hand takes a key where its DAG takes one', async () => {
    const open = dag('open', { schedule: partitions.atRuntime() });
    open.empty('a');
    expect((await open.test({ partitionKey: 'us', ...quiet })).partitionKey).toBe('us');
    const closed = dag('closed', { schedule: '@daily' });
    closed.empty('a');
    await expect(closed.test({ partitionKey: 'us', ...quiet })).rejects.toThrow(/makes no partitions/);
  });

  it('may update other partitions than its own, each once', async () => {
    const d = dag('d', { schedule: partitions.atRuntime() });
    d.task('make', async (_, { emit }) => emit(raw, { n: 1 }, { partitionKey: ['us', 'eu', 'us'] }), { outlets: [raw, clean] })();
    const { assetEvents } = await d.test({ partitionKey: 'own', ...quiet });
    expect(assetEvents.map(({ uri, partitionKey, extra }) => [uri, partitionKey, extra])).toEqual([['s3://raw', 'us', { n: 1 }], ['s3://raw', 'eu', { n: 1 }], ['s3://clean', 'own', {}]]);
  });

  it.each([
    ['an empty key', { partitionKey: ' ' }, /partition key " "/],
    ['a key through an alias', { partitionKey: 'us', alias: assetAlias('some') }, /leave out one of the two/],
  ])('refuses %s', async (_, options, message) => {
    const said: string[] = [];
    const d = dag('d', { schedule: partitions.atRuntime() });
    d.task('make', async (_input, { emit }) => emit(raw, {}, options), { outlets: [raw, assetAlias('some')] })();
    const { state } = await d.test({ log: ({ event }) => said.push(event) });
    expect([state, said.some((line) => message.test(line))]).toEqual(['failed', true]);
  });
});
