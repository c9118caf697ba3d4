import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseCron } from '../schedule/cron.ts';
import { timeZone, type TimeZone } from '../schedule/time-zone.ts';
import type { RunType } from '../run/state-names.ts';
import { cronPartitionProblems, partitionOfRun, scheduledPartition } from './cron-partition.ts';
import type { AssetPartitioning, PartitionMapper, PartitionUnit, PartitionWindow } from './definition.ts';
import { formatKey, keyFormatRule, parseKey } from './key-format.ts';
import { downstreamKeys, isComplete } from './mapper.ts';
import { mapperProblems, partitioningProblems } from './validate.ts';

const startOf = (unit: PartitionUnit, more: object = {}): PartitionMapper => ({ kind: 'startOf', unit, ...more });
const rollup = (upstream: PartitionMapper, window: PartitionWindow, more: object = {}): PartitionMapper => ({ kind: 'rollup', upstream, window, ...more });
const fanOut = (upstream: PartitionMapper, window: PartitionWindow, more: object = {}): PartitionMapper => ({ kind: 'fanOut', upstream, window, ...more });
const SEGMENTS: PartitionWindow = { kind: 'segments', segments: ['us', 'eu', 'apac'] };
const UTC = timeZone('UTC') as TimeZone;
const at = (iso: string): number => Date.parse(`${iso}Z`);

describe('the format of a key', () => {
  it.each([['%Y-%m-%d (W%V)', '2024-03-11 (W11)', '2024-03-11T00:00'], ['%Y-Q{quarter}', '2024-Q4', '2024-10-01T00:00'], ['100%% %Y', '100% 2024', '2024-01-01T00:00'], ['%Y.%m', '2024.02', '2024-02-01T00:00'], ['%Y-%m-%dT%H:%M:%S', '2024-02-29T23:59:58', '2024-02-29T23:59:58']])('%s reads and writes %s', (format, key, iso) => {
    expect(parseKey(format, key, UTC)).toBe(at(iso));
    expect(formatKey(format, at(iso), UTC)).toBe(key);
  });

  it.each([['%Y-%m-%d', '2023-02-29'], ['%Y-%m-%d', '2023-13-01'], ['%Y.%m', '2023x01'], ['%Y-%m-%dT%H', '2023-01-01T24']])('%s does not read %s', (format, key) => {
    expect(parseKey(format, key, UTC)).toBe(undefined);
  });

  it('numbers weeks as ISO does, and reads what it wrote', () => {
    expect(['2021-01-03', '2021-01-04', '2020-12-31', '2024-12-30'].map((day) => formatKey('%V', at(`${day}T00:00`), UTC))).toEqual(['53', '01', '53', '01']);
    fc.assert(fc.property(fc.integer({ min: at('1970-01-01T00:00') / 1000, max: at('2199-12-31T00:00') / 1000 }), (second) => {
      const format = '%Y-%m-%dT%H:%M:%S %V';
      expect(parseKey(format, formatKey(format, second * 1000, UTC), UTC)).toBe(second * 1000);
    }), { numRuns: 2_000, seed: 20_261_125 });
  });

  it.each([['', /1 to 100/], ['%Y-%j', /%j, which is none of/], ['%m-%d', /names no year/]])('cannot be %j', (format, rule) => {
    expect(keyFormatRule(format)?.rule).toMatch(rule);
  });
});

describe('a mapper', () => {
  it.each<[PartitionMapper, string, readonly string[]]>([
    [{ kind: 'identity' }, 'k', ['k']],
    [startOf('hour'), '2024-03-13T10:42:15', ['2024-03-13T10']],
    [startOf('day'), '2024-03-13T10:42:15', ['2024-03-13']],
    [startOf('week'), '2024-03-13T10:42:15', ['2024-03-11 (W11)']],
    [startOf('month'), '2024-03-13T10:42:15', ['2024-03']],
    [startOf('quarter'), '2024-06-13T10:42:15', ['2024-Q2']],
    [startOf('year'), '2024-03-13T10:42:15', ['2024']],
    [startOf('day', { inputFormat: '%Y%m%d', outputFormat: '%d.%m.%Y' }), '20240313', ['13.03.2024']],
    [startOf('day'), 'yesterday', []],
    [{ kind: 'fixedKey', key: 'all' }, 'us', ['all']],
    [{ kind: 'allowedKeys', keys: ['us'] }, 'us', ['us']],
    [{ kind: 'allowedKeys', keys: ['us'] }, 'eu', []],
    [{ kind: 'product', mappers: [{ kind: 'identity' }, startOf('day')] }, 'us|2026-03-10T09:30:00', ['us|2026-03-10']],
    [{ kind: 'product', mappers: [{ kind: 'identity' }, startOf('day')] }, 'us', []],
    [{ kind: 'product', mappers: [{ kind: 'identity' }, startOf('day')] }, 'us|now', []],
    [rollup(startOf('day'), { kind: 'day' }), '2024-03-13T10:00:00', ['2024-03-13']],
    [fanOut(startOf('week'), { kind: 'week' }), '2024-03-04T00:00:00', ['2024-03-04', '2024-03-05', '2024-03-06', '2024-03-07', '2024-03-08', '2024-03-09', '2024-03-10']],
    [fanOut(startOf('week'), { kind: 'week', direction: 'backward' }), '2024-03-04T00:00:00', ['2024-02-27', '2024-02-28', '2024-02-29', '2024-03-01', '2024-03-02', '2024-03-03', '2024-03-04']],
    [fanOut(startOf('quarter', { inputFormat: '%Y-Q{quarter}' }), { kind: 'quarter' }), '2024-Q2', ['2024-04', '2024-05', '2024-06']],
    [fanOut(startOf('year'), { kind: 'year', direction: 'backward' }, { outputFormat: '%m/%Y' }), '2024-07-01T00:00:00', ['02', '03', '04', '05', '06', '07', '08', '09', '10', '11', '12'].map((month) => `${month}/2023`).concat('01/2024')],
    [{ kind: 'chain', mappers: [startOf('day'), startOf('month', { inputFormat: '%Y-%m-%d' })] }, '2024-03-13T10:42:15', ['2024-03']],
    [{ kind: 'product', mappers: [{ kind: 'identity' }, startOf('day')], delimiter: '/' }, 'us/2026-03-10T09:30:00', ['us/2026-03-10']],
    [fanOut({ kind: 'identity' }, SEGMENTS), '2024', ['us', 'eu', 'apac']],
    [fanOut({ kind: 'allowedKeys', keys: ['x'] }, SEGMENTS), 'y', []],
    [fanOut(startOf('day'), { kind: 'day' }), 'soon', []],
  ])('%j of %s', (mapper, key, keys) => {
    expect(downstreamKeys(mapper, key)).toEqual(keys);
  });

  it.each<[PartitionUnit, string, number]>([['hour', '2024-03-04T05', 60], ['day', '2024-03-04', 24], ['week', '2024-03-04 (W10)', 7], ['month', '2024-02', 29], ['quarter', '2024-Q1', 3], ['year', '2024', 12]])('rolls a %s up once all of %s have come', (unit, key, count) => {
    const mapper = rollup(startOf(unit), { kind: unit });
    const members = fanOutMembers(unit, key);
    expect(members).toHaveLength(count);
    expect(members.map((member) => downstreamKeys(mapper, member)[0])).toEqual(members.map(() => key));
    expect(isComplete(mapper, key, new Set(members))).toBe(true);
    expect(isComplete(mapper, key, new Set(members.slice(1).concat('2023-01-01T00:00:00')))).toBe(false);
  });

  it('may be satisfied with some of a window', () => {
    const some = (minimumCount: number, ...keys: readonly string[]) => isComplete(rollup({ kind: 'fixedKey', key: 'all' }, SEGMENTS, { minimumCount }), 'all', new Set(keys));
    expect([some(2, 'us'), some(2, 'us', 'eu'), some(2, 'us', 'mars'), some(-1, 'us'), some(-1, 'us', 'eu'), some(-3, 'mars'), some(-9, 'us')]).toEqual([false, true, false, false, true, true, true]);
  });

  it.each<[PartitionMapper, string, RegExp]>([
    [{ kind: 'fixedKey', key: '' }, 'm.key', /no text of 1 to 250/],
    [{ kind: 'fixedKey', key: ' ' }, 'm.key', /no text of 1 to 250/],
    [{ kind: 'allowedKeys', keys: [] }, 'm.keys', /not from 1 to 1000 keys/],
    [startOf('day', { inputFormat: '%j' }), 'm.inputFormat', /%j/],
    [startOf('day', { inputFormat: '%Y%Y' }), 'm.inputFormat', /%Y twice/],
    [startOf('day', { timezone: 'Mars/Base' }), 'm.timezone', /no IANA/],
    [{ kind: 'product', mappers: [{ kind: 'identity' }] }, 'm.mappers', /not from 2 to 20 mappers/],
    [{ kind: 'product', mappers: [{ kind: 'identity' }, { kind: 'identity' }], delimiter: '' }, 'm.delimiter', /parts nothing/],
    [{ kind: 'product', mappers: [{ kind: 'identity' }, rollup(startOf('day'), { kind: 'day' })] }, 'm.mappers[1]', /waits for keys inside a mapper/],
    [{ kind: 'product', mappers: [{ kind: 'identity' }, fanOut({ kind: 'identity' }, SEGMENTS)] }, 'm.mappers[1]', /many keys of one/],
    [{ kind: 'chain', mappers: [{ kind: 'identity' }] }, 'm.mappers', /not from 2 to 20 mappers/],
    [{ kind: 'chain', mappers: [fanOut(startOf('hour'), { kind: 'hour' }), fanOut(startOf('hour', { inputFormat: '%Y-%m-%dT%H:%M' }), { kind: 'hour' })] }, 'm', /more than the 1000 runs/],
    [rollup(startOf('day'), { kind: 'week' }), 'm.upstream', /only 1 of a window's keys count for its run, which needs 7/],
    [rollup({ kind: 'identity' }, { kind: 'week' }), 'm.upstream', /says no time at which a week/],
    [rollup(startOf('week'), { kind: 'month' }), 'm.upstream', /first of a month/],
    [rollup(startOf('week', { inputFormat: '%Y-%m' }), { kind: 'week' }), 'm.upstream.inputFormat', /several keys of a week alike/],
    [rollup(startOf('week', { outputFormat: '%Y-W%V' }), { kind: 'week' }), 'm.upstream', /only 0/],
    [rollup(startOf('week'), { kind: 'week', direction: 'backward' }), 'm.upstream', /only 1/],
    [rollup({ kind: 'identity' }, SEGMENTS), 'm.upstream', /only 1/],
    [rollup({ kind: 'fixedKey', key: 'k' }, SEGMENTS, { minimumCount: 4 }), 'm.minimumCount', /from 1 to 3/],
    [rollup({ kind: 'fixedKey', key: 'k' }, SEGMENTS, { minimumCount: 0 }), 'm.minimumCount', /from 1 to 3/],
    [rollup({ kind: 'fixedKey', key: 'k' }, { kind: 'segments', segments: [] }), 'm.window.segments', /not from 1 to 1000 segments/],
    [rollup({ kind: 'fixedKey', key: 'k' }, { kind: 'segments', segments: ['a', 'a'] }), 'm.window.segments', /twice/],
    [fanOut(startOf('week'), { kind: 'month' }), 'm.upstream', /first of a month/],
    [fanOut(startOf('month'), { kind: 'month' }, { maxKeys: 30 }), 'm.window', /more than the 30 runs/],
    [fanOut({ kind: 'identity' }, SEGMENTS, { maxKeys: 0 }), 'm.maxKeys', /no whole number/],
  ])('%j is refused', (mapper, field, rule) => {
    expect(mapperProblems(mapper, 'm')).toEqual([expect.objectContaining({ field, rule: expect.stringMatching(rule) as string })]);
  });

  it('that can work is not refused', () => {
    const good = [{ kind: 'identity' }, { kind: 'product', mappers: [{ kind: 'identity' }, startOf('day')] }, rollup({ kind: 'fixedKey', key: 'k' }, SEGMENTS, { minimumCount: -3 }), rollup({ kind: 'identity' }, SEGMENTS, { minimumCount: 1 }), rollup(startOf('month'), { kind: 'week' }), fanOut(startOf('day'), { kind: 'week' }), fanOut(startOf('week'), { kind: 'week', direction: 'backward' }, { maxKeys: 7 })] as const;
    expect(good.flatMap((mapper) => mapperProblems(mapper as PartitionMapper, 'm'))).toEqual([]);
  });

  it.each<[unknown, string, RegExp]>([
    [undefined, 'p.mapper', /is no mapper/], ['day', 'p.mapper', /is no mapper/], [{ kind: 'startOfDay' }, 'p.mapper', /is no mapper/], [{ kind: 'toString' }, 'p.mapper', /is no mapper/],
    [{ kind: 'startOf', unit: 'dya' }, 'p.mapper.unit', /none of hour, day/], [{ kind: 'startOf', unit: 'day', input_format: '%Y' }, 'p.mapper.input_format', /none of its options/], [{ kind: 'startOf', unit: 'day', inputFormat: 7 }, 'p.mapper.inputFormat', /no text/],
    [{ kind: 'fanOut', upstream: { kind: 'startOf', unit: 'dya' }, window: { kind: 'day' } }, 'p.mapper.upstream.unit', /none of/], [{ kind: 'fanOut', upstream: { kind: 'identity' } }, 'p.mapper.window', /is no window/],
    [{ kind: 'rollup', upstream: { kind: 'identity' }, window: { kind: 'fortnight' } }, 'p.mapper.window', /is no window/], [{ kind: 'rollup', upstream: startOf('day'), window: { kind: 'day', direction: 'sideways' } }, 'p.mapper.window.direction', /not 'backward'/],
    [{ kind: 'rollup', upstream: { kind: 'identity' }, window: { kind: 'segments', segments: 'us' } }, 'p.mapper.window.segments', /no list of texts/], [{ kind: 'rollup', upstream: startOf('day'), window: { kind: 'day' }, minimumCount: '2' }, 'p.mapper.minimumCount', /no number/],
    [{ kind: 'product', mappers: startOf('day') }, 'p.mapper.mappers', /no list of mappers/], [{ kind: 'chain', mappers: [startOf('day'), null] }, 'p.mapper.mappers[1]', /is no mapper/], [{ kind: 'allowedKeys', keys: [1] }, 'p.mapper.keys', /no list of texts/],
    [{ kind: 'custom', name: 'x', isRollup: 'yes' }, 'p.mapper.isRollup', /no boolean/],
  ])('%j is refused in a sentence', (mapper, field, rule) => {
    const problems = mapper === undefined ? partitioningProblems({ mappers: { a: mapper } } as unknown as AssetPartitioning, ['a'], 'p') : partitioningProblems({ mapper } as unknown as AssetPartitioning, ['a'], 'p');
    expect(problems).toEqual([expect.objectContaining({ field: mapper === undefined ? 'p.mappers.a' : field, rule: expect.stringMatching(rule) as string })]);
  });

  it.each([[{ maper: 1 }, 'p.maper'], [7, 'p'], [{ mappers: [] }, 'p.mappers']])('%j is no way to say partitions', (partition, field) => {
    expect(partitioningProblems(partition as unknown as AssetPartitioning, [], 'p').map((found) => found.field)).toEqual([field]);
  });

  it('is refused where it is built deeper than anyone can follow', () => {
    const deep = Array.from({ length: 9 }).reduce<PartitionMapper>((inner) => ({ kind: 'chain', mappers: [{ kind: 'identity' }, inner] }), { kind: 'identity' });
    expect(mapperProblems(deep, 'm')[0]).toMatchObject({ rule: expect.stringMatching(/8 mappers deep/) as string });
  });

  it('belongs to an asset that the schedule names', () => {
    expect(partitioningProblems({ mappers: { a: { kind: 'identity' } } }, ['b'], 'p')).toEqual([expect.objectContaining({ field: 'p.mappers', value: '"a"' })]);
  });
});

it('the key of a scheduled run is its tick, or one so many ticks away, on the clock of its zone', () => {
  const key = (partition: object, cron = '0 6 * * *', timezone = 'Asia/Seoul') => scheduledPartition({ kind: 'cronTrigger', cron, timezone, partition }, at('2026-03-09T21:00'))?.partitionKey;
  expect(parseCron('0 6 * * *')).toBeDefined();
  expect(key({})).toBe('2026-03-10T06:00:00');
  expect(key({ offset: -1, keyFormat: '%Y-%m-%d' })).toBe('2026-03-09');
  expect(key({ offset: 2, keyFormat: '%Y-%m-%d' })).toBe('2026-03-12');
  expect(scheduledPartition({ kind: 'cronTrigger', cron: '0 6 * * *', timezone: 'UTC' }, 0)).toBe(undefined);
  const of = (runType: RunType) => partitionOfRun({ kind: 'cronTrigger', cron: '0 6 * * *', timezone: 'UTC', partition: {} }, { runType, runAfterMs: at('2026-03-09T06:00') })?.partitionKey;
  expect([of('scheduled'), of('backfill'), of('manual'), of('asset_triggered')]).toEqual(['2026-03-09T06:00:00', '2026-03-09T06:00:00', undefined, undefined]);
  expect(cronPartitionProblems({ offsett: 1 } as object, 'p').map(({ field }) => field)).toEqual(['p.offsett']);
  expect(cronPartitionProblems({ keyFormat: '%d', offset: 0.5 }, 'p').map(({ field }) => field)).toEqual(['p.keyFormat', 'p.offset']);
});

/** The members of a window as upstream keys. */
function fanOutMembers(unit: PartitionUnit, key: string): readonly string[] {
  const format = { hour: '%Y-%m-%dT%H', day: '%Y-%m-%d', week: '%Y-%m-%d (W%V)', month: '%Y-%m', quarter: '%Y-Q{quarter}', year: '%Y' }[unit];
  return downstreamKeys(fanOut(startOf(unit, { inputFormat: format }), { kind: unit }, { outputFormat: '%Y-%m-%dT%H:%M:%S' }), key);
}
