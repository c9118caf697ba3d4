import { readFileSync } from 'node:fs';
import { assetQueueStream, dagStream, runStream } from '@dagbook/contracts';
import type { AssetCondition, AssetFact, DagDefinition, QueuedUpdate } from '@dagbook/domain';
import { ProjectionRunner, rebuildProjection } from '@dagbook/event-store';
import { Journal, withPostgres } from '@dagbook/testkit';
import { beforeAll, expect, it } from 'vitest';
import { getAsset, listAliases, listAssetEvents, listAssets, PlanCache, passedOverUpdates, queuedAssetEvents, ReadModelProjection } from './index.ts';

const postgres = withPostgres();
const TABLES = ['assets', 'asset_aliases', 'asset_alias_assets', 'asset_references', 'asset_events', 'asset_event_runs', 'asset_queues', 'asset_queued_events'];
const PAGE = { limit: 100, offset: 0 };

const projection = (schema = 'rm'): ReadModelProjection =>
  new ReadModelProjection({ schema, plans: new PlanCache((hash) => postgres.stores.events.getContent('plan', hash)), onStopped: () => undefined });
const runner = (batchSize: number): ProjectionRunner<unknown> => new ProjectionRunner({ pool: postgres.stores.pool, events: postgres.stores.events, projection: projection(), batchSize });

const asset = (uri: string): AssetCondition => ({ kind: 'asset', uri });
const BOTH: AssetCondition = { kind: 'all', of: [asset('a'), asset('b'), { kind: 'alias', name: 'z' }] };
const WRITER: DagDefinition = { dagId: 'writer', timezone: 'UTC', schedule: { kind: 'none' }, tasks: [{ taskId: 'w', operator: 'function', upstream: [], outlets: ['a', 'b'], outletAliases: ['z'], inlets: ['raw'] }] };
const READER: DagDefinition = { dagId: 'reader', timezone: 'UTC', schedule: { kind: 'assets', condition: BOTH }, tasks: [{ taskId: 'r', operator: 'function', upstream: [] }] };

let journal: Journal;
const queue = (...facts: readonly AssetFact[]) => journal.append(assetQueueStream('reader'), facts);
const waiting = async () => (await queuedAssetEvents(postgres.stores.pool, { dagId: 'reader' })).map(({ assetId }) => assetId);
const takes = async (runId: string, positions: readonly string[]): Promise<void> => {
  const updates = positions.map((position): QueuedUpdate => ({ uri: 'x', extra: {}, atMs: 0, position }));
  await journal.run(READER, runId, { runType: 'asset_triggered', triggeredBy: 'asset', logicalDateMs: null, dataInterval: null, assetEvents: updates });
  await queue({ type: 'AssetRunDecided', runId, upTo: positions.at(-1) as string, updates: positions.length, atMs: journal.tick() });
};

beforeAll(async () => {
  journal = new Journal(postgres.stores.events);
  await journal.dag(WRITER);
  await journal.dag(READER);
  await queue({ type: 'AssetScheduleSet', schedule: { condition: BOTH }, paused: false, atMs: journal.tick() });
});

it('numbers assets in the order in which they are first named, and says who names them', async () => {
  await runner(1).catchUp();
  const { rows, total } = await listAssets(postgres.stores.pool, { onlyActive: true }, [{ field: 'id', descending: false }], PAGE);
  expect([total, rows.map(({ assetId, uri, references }) => [assetId, uri, references.map(({ kind, dagId, taskId }) => [kind, dagId, taskId])])]).toEqual([3, [
    [1, 'raw', [['inlet', 'writer', 'w']]],
    [2, 'a', [['schedule', 'reader', ''], ['outlet', 'writer', 'w']]],
    [3, 'b', [['schedule', 'reader', ''], ['outlet', 'writer', 'w']]],
  ]]);
  expect((await listAliases(postgres.stores.pool, undefined, [], PAGE)).rows).toEqual([{ aliasId: 1, name: 'z' }]);
});

it('shows what waits as the domain folds it, and which run took what, whatever the batches', async () => {
  const source = { dagId: 'writer', runId: 'w1', taskId: 'w', mapIndex: -1 };
  const first = await journal.updated('a', { extra: { n: 1 }, source });
  await journal.updated('nobody', { by: 'ann' });
  // As in Airflow, of a partition: nothing to a DAG that does not ask for partitions.
  await journal.updated('b', { partitionKey: '2026-11-25' });
  const second = await journal.updated('a', { source });
  await runner(1).catchUp();
  expect(await waiting()).toEqual([2]);
  const third = await journal.updated('c', { aliases: ['z'] });
  const fourth = await journal.updated('b');
  await runner(2).catchUp();
  expect(await waiting()).toEqual([2, 5, 3]);
  await takes('r1', [first, second, third, fourth]);
  const fifth = await journal.updated('c');
  await runner(100).catchUp();
  expect(await waiting()).toEqual([5]);
  const { rows, total } = await listAssetEvents(postgres.stores.pool, { takenBy: { dagId: 'reader', runId: 'r1' } }, [], PAGE);
  expect([total, rows.map(({ uri, extra, partitionKey, sourceTaskId, runs }) => [uri, extra, partitionKey, sourceTaskId, runs.map(({ runId, state }) => [runId, state])])]).toEqual([4, [
    ['a', { n: 1 }, null, 'w', [['r1', 'running']]], ['a', {}, null, 'w', [['r1', 'running']]], ['c', {}, null, null, [['r1', 'running']]], ['b', {}, null, null, [['r1', 'running']]],
  ]]);
  expect((await listAssetEvents(postgres.stores.pool, { sourceRunId: 'w1', ranges: [{ field: 'timestamp', comparison: '>', value: rows[0]?.atMs as number }] }, [], PAGE)).total).toBe(1);
  expect((await listAssetEvents(postgres.stores.pool, { alias: 'z' }, [{ field: 'timestamp', descending: true }], PAGE)).rows.map(({ eventKey }) => eventKey)).toEqual([fifth, third].map((position) => Number(position.split('-')[1])));
  expect(await getAsset(postgres.stores.pool, 5)).toMatchObject({ uri: 'c', aliases: [{ aliasId: 1, name: 'z' }], references: [] });
  await queue({ type: 'AssetQueueCleared', by: 'ann', atMs: journal.tick() });
  await runner(100).catchUp();
  expect(await waiting()).toEqual([]);
});

it('keeps what waits for runs of partitions, each until its own run takes it', async () => {
  const ofDays = (...facts: readonly AssetFact[]) => journal.append(assetQueueStream('byDay'), facts);
  const keys = async () => (await queuedAssetEvents(postgres.stores.pool, { dagId: 'byDay' })).length;
  const partition = { mapper: { kind: 'fanOut', upstream: { kind: 'startOf', unit: 'quarter' }, window: { kind: 'quarter' } } } as const;
  await journal.dag({ ...READER, dagId: 'byDay', schedule: { kind: 'assets', condition: { kind: 'asset', uri: 'p' }, partition } });
  await ofDays({ type: 'AssetScheduleSet', schedule: { condition: { kind: 'asset', uri: 'p' }, partition }, paused: false, atMs: journal.tick() });
  const update = await journal.updated('p', { partitionKey: '2026-02-01T00:00:00' });
  await journal.updated('p');
  await runner(1).catchUp();
  expect(await keys()).toBe(1);
  for (const [index, partitionKey] of ['2026-01', '2026-02', '2026-03'].entries()) {
    await ofDays({ type: 'AssetRunDecided', runId: `p${index}`, upTo: update, updates: 1, partitionKey, atMs: journal.tick() });
    await runner(1).catchUp();
    expect(await keys()).toBe(index < 2 ? 1 : 0);
  }
  await journal.append(dagStream('byDay'), [{ type: 'DagRetired', atMs: journal.tick() }]);
  expect((await listAssetEvents(postgres.stores.pool, {}, [{ field: 'timestamp', descending: true }], PAGE)).rows.slice(0, 2).map(({ uri, partitionKey }) => [uri, partitionKey])).toEqual([['p', null], ['p', '2026-02-01T00:00:00']]);
});

it('parks a queue that cannot be folded, alone, and tells of it; tells what counts for no run', async () => {
  const ofWrong = (...facts: readonly AssetFact[]) => journal.append(assetQueueStream('wrong'), facts);
  const wrong = { mapper: { kind: 'startOf', unit: 'dya' } } as unknown as { mapper: { kind: 'identity' } };
  await journal.dag({ ...READER, dagId: 'wrong' });
  await ofWrong({ type: 'AssetScheduleSet', schedule: { condition: { kind: 'asset', uri: 'q' }, partition: wrong }, paused: false, atMs: journal.tick() });
  await journal.dag({ ...READER, dagId: 'passes' });
  await journal.append(assetQueueStream('passes'), [{ type: 'AssetScheduleSet', schedule: { condition: { kind: 'asset', uri: 'q' }, partition: { mapper: { kind: 'startOf', unit: 'day' } } }, paused: false, atMs: journal.tick() }]);
  await journal.updated('q', { partitionKey: '2026-02-01T00:00:00' });
  await journal.updated('q', { partitionKey: 'soon' });
  await runner(100).catchUp();
  await ofWrong({ type: 'AssetQueuePaused', atMs: journal.tick() });
  await runner(1).catchUp();
  expect((await queuedAssetEvents(postgres.stores.pool, {})).map(({ dagId }) => dagId)).toEqual(['passes']);
  expect((await passedOverUpdates(postgres.stores.pool)).map(({ dagId, passedOver: { updates, uri, partitionKey } }) => [dagId, updates, uri, partitionKey])).toEqual([['passes', 1, 'q', 'soon']]);
  expect((await postgres.stores.pool.query('SELECT stream_id FROM rm.stopped_streams')).rows).toEqual([{ stream_id: assetQueueStream('wrong') }]);
  await journal.append(assetQueueStream('passes'), [{ type: 'AssetQueueCleared', by: 'ann', atMs: journal.tick() }]);
  for (const dagId of ['wrong', 'passes']) await journal.append(dagStream(dagId), [{ type: 'DagRetired', atMs: journal.tick() }]);
  await runner(100).catchUp();
});

it('strikes out what stands in its rows and waits no more by newer rules', async () => {
  const { eventKey, assetId } = (await listAssetEvents(postgres.stores.pool, {}, [], { limit: 1, offset: 0 })).rows[0]!;
  const update = { uri: 'a', extra: {}, partitionKey: 'k', atMs: 0, position: `1-${eventKey}` };
  await postgres.stores.pool.query('INSERT INTO rm.asset_queued_events (dag_id, event_key, asset_id, at_ms, update) VALUES ($1, $2, $3, 0, $4)', ['reader', eventKey, assetId, JSON.stringify(update)]);
  expect(await waiting()).toEqual([assetId]);
  await journal.updated('nobody');
  await runner(100).catchUp();
  expect(await waiting()).toEqual([]);
});

it('reads what a run took where it is kept, and forgets it with the run', async () => {
  const taken = await journal.updated('a');
  await postgres.stores.events.putContent('xcom', 'results/reader/r2/asset-events', new TextEncoder().encode(JSON.stringify([{ uri: 'a', extra: {}, atMs: 0, position: taken }])));
  await journal.run(READER, 'r2', { runType: 'asset_triggered', triggeredBy: 'asset', logicalDateMs: null, dataInterval: null, assetEventsKey: 'results/reader/r2/asset-events' });
  await runner(100).catchUp();
  const ofRun = async () => (await listAssetEvents(postgres.stores.pool, { takenBy: { dagId: 'reader', runId: 'r2' } }, [], PAGE)).rows.map(({ uri }) => uri);
  expect(await ofRun()).toEqual(['a']);
  await journal.append(runStream('reader', 'r2'), [{ type: 'RunSucceeded', atMs: journal.tick() }, { type: 'RunErased', by: 'ann', atMs: journal.tick() }]);
  await runner(100).catchUp();
  expect(await ofRun()).toEqual([]);
  expect((await listAssetEvents(postgres.stores.pool, { assetId: 2 }, [], PAGE)).total).toBe(3);
});

it('follows the newest version, and counts a DAG that is gone for nobody', async () => {
  await journal.dag({ ...WRITER, tasks: [{ taskId: 'w', operator: 'function', upstream: [], outlets: ['a'] }] }, { version: 2 });
  await journal.append(dagStream('reader'), [{ type: 'DagRetired', atMs: journal.tick() }]);
  await runner(1).catchUp();
  const active = await listAssets(postgres.stores.pool, { onlyActive: true }, [], PAGE);
  expect(active.rows.map(({ uri, references }) => [uri, references.length])).toEqual([['a', 1]]);
  expect((await listAssets(postgres.stores.pool, { onlyActive: false, namePattern: 'no%' }, [], PAGE)).rows.map(({ uri }) => uri)).toEqual(['nobody']);
  expect((await listAssets(postgres.stores.pool, { onlyActive: false, dagIds: ['reader'] }, [{ field: 'uri', descending: true }], PAGE)).rows.map(({ uri }) => uri)).toEqual(['b', 'a']);
});

it('makes the same rows when it folds anew', async () => {
  const rows = async (schema: string) => Promise.all(TABLES.map(async (table) => (await postgres.stores.pool.query<{ text: string }>(`SELECT t::text AS text FROM ${schema}.${table} t ORDER BY 1`)).rows));
  await journal.updated('a');
  await runner(100).catchUp();
  const live = await rows('rm');
  expect(live.filter((table) => table.length > 0)).toHaveLength(TABLES.length);
  await rebuildProjection({ pool: postgres.stores.pool, events: postgres.stores.events, schema: 'rm', make: projection, batchSize: 7 });
  expect(await rows('rm')).toEqual(live);
});

it('finds out of its plan what a DAG names that was registered before there were rows of assets', async () => {
  const { pool } = postgres.stores;
  const rows = async () => (await pool.query('SELECT dag_id, task_id, kind, uri FROM rm.asset_references JOIN rm.assets USING (asset_id) ORDER BY 1, 2, 3, 4')).rows;
  const before = await rows();
  expect(before).not.toEqual([]);
  await pool.query('TRUNCATE rm.asset_references, rm.assets');
  const migration = readFileSync(new URL('../../../deploy/migrations/0025_asset_descriptions.sql', import.meta.url), 'utf8');
  const repair = `BEGIN; ${migration.slice(migration.indexOf('DO $$'))} COMMIT`;
  await pool.query(repair);
  expect(await rows()).toEqual(before);
  await pool.query(repair);
  expect(await rows()).toEqual(before);
});
