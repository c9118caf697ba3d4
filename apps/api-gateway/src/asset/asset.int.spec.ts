import { readFileSync } from 'node:fs';
import { assetQueueStream } from '@dagbook/contracts';
import type { AssetCondition, DagDefinition } from '@dagbook/domain';
import { formatPosition, type StoredEvent } from '@dagbook/event-store';
import { Journal, withPostgres } from '@dagbook/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { House } from '../../test/house.ts';
import { schemaProblems } from '../../test/schema-check.ts';

const CONDITION: AssetCondition = { kind: 'all', of: [{ kind: 'asset', uri: 's3://a' }, { kind: 'asset', uri: 's3://b' }, { kind: 'alias', name: 'z' }] };
const WRITER: DagDefinition = { dagId: 'writer', timezone: 'UTC', schedule: { kind: 'none' }, tasks: [{ taskId: 'w', operator: 'function', upstream: [], outlets: ['s3://a'], outletAliases: ['z'] }] };
const TWIN: DagDefinition = { ...WRITER, dagId: 'twin', tasks: [{ taskId: 'w', operator: 'function', upstream: [], outlets: ['s3://b'] }, { taskId: 'v', operator: 'function', upstream: [], inlets: ['s3://b'] }] };
const THIRD: DagDefinition = { ...WRITER, dagId: 'third', assets: [{ uri: 's3://b', name: 'rates', group: 'files', extra: { owner: 'ann' } }], tasks: [{ taskId: 'w', operator: 'function', upstream: [], outlets: ['s3://b'] }] };
const READER: DagDefinition = { dagId: 'reader', timezone: 'UTC', schedule: { kind: 'assets', condition: CONDITION }, assets: [{ uri: 's3://a', name: 'orders' }], watchers: [{ uri: 's3://b', name: 'inbox' }], tasks: [{ taskId: 'r', operator: 'function', upstream: [] }] };
const RUN = '/api/v2/dags/reader/dagRuns/r1';

const postgres = withPostgres();
const commands: object[] = [];
let house: House;
let journal: Journal;

beforeAll(async () => {
  house = await House.open(postgres);
  journal = new Journal(postgres.stores.events);
  for (const definition of [WRITER, TWIN, THIRD, READER]) await journal.dag(definition);
  await journal.append(assetQueueStream('reader'), [{ type: 'AssetScheduleSet', schedule: { condition: CONDITION }, paused: false, atMs: journal.tick() }]);
  const taken = [await journal.updated('s3://a', { extra: { rows: 3 }, source: { dagId: 'writer', runId: 'w1', taskId: 'w', mapIndex: -1 } }), await journal.updated('s3://b')];
  await journal.run(READER, 'r1', { runType: 'asset_triggered', triggeredBy: 'asset', logicalDateMs: null, dataInterval: null, assetEvents: taken.map((position) => ({ uri: '', extra: {}, atMs: 0, position })), assetEventsOmitted: 7 });
  await journal.append(assetQueueStream('reader'), [{ type: 'AssetRunDecided', runId: 'r1', upTo: taken[1] as string, updates: 2, atMs: journal.tick() }]);
  await journal.updated('s3://a');
  await house.answerCommands(async (_, body) => {
    commands.push(body);
    switch (body.type) {
      case 'RecordAssetEvent':
        return { kind: 'done', position: await journal.updated(body.uri, { extra: body.extra, by: body.user, ...(body.partitionKey === undefined ? {} : { partitionKey: body.partitionKey }) }) };
      case 'ClearAssetQueue': {
        await journal.append(assetQueueStream('reader'), [{ type: 'AssetQueueCleared', by: body.user, atMs: journal.tick() }]);
        const last = (await postgres.stores.events.read(assetQueueStream('reader'))).at(-1) as StoredEvent;
        return { kind: 'done', position: formatPosition(last.position) };
      }
      case 'TriggerRun':
        await journal.run(WRITER, 'made', { runType: body.runType ?? 'manual', ...(body.partitionKey === undefined ? {} : { partitionKey: body.partitionKey }) });
        await house.caughtUp();
        return { kind: 'done', position: null, result: { runId: 'made' } };
      default:
        return { kind: 'refused', code: 'not_here', message: body.type };
    }
  });
  await house.caughtUp();
});
afterAll(() => house.close());

describe('the shapes of Airflow', () => {
  const contract = JSON.parse(readFileSync(new URL('../../../../test/api-contract/airflow-3.2.1.json', import.meta.url), 'utf8')) as { operations: Record<string, { response: object | null }>; schemas: Record<string, object> };

  it.each([
    ['get_assets', '/api/v2/assets'], ['get_asset', '/api/v2/assets/1'], ['get_asset_aliases', '/api/v2/assets/aliases'], ['get_asset_alias', '/api/v2/assets/aliases/1'], ['get_asset_events', '/api/v2/assets/events'],
    ['get_asset_queued_events', '/api/v2/assets/1/queuedEvents'], ['get_dag_asset_queued_events', '/api/v2/dags/reader/assets/queuedEvents'], ['get_dag_asset_queued_event', '/api/v2/dags/reader/assets/1/queuedEvents'],
    ['get_upstream_asset_events', `${RUN}/upstreamAssetEvents`],
  ])('%s', async (id, path) => {
    const { status, body } = await house.get(path);
    expect(status, JSON.stringify(body)).toBe(200);
    expect(schemaProblems(body, contract.operations[id]?.response ?? {}, contract.schemas)).toEqual([]);
  });
});

describe('assets', () => {
  it('tell who writes, reads and waits for them', async () => {
    expect((await house.get('/api/v2/assets/2')).body).toMatchObject({
      id: 2, uri: 's3://b', name: 'rates', group: 'files', extra: { owner: 'ann' }, watchers: [{ name: 'inbox', trigger_id: 2 }], scheduled_dags: [{ dag_id: 'reader' }], producing_tasks: [{ dag_id: 'third', task_id: 'w' }, { dag_id: 'twin', task_id: 'w' }], consuming_tasks: [{ dag_id: 'twin', task_id: 'v' }],
    });
    const { body } = await house.get('/api/v2/dags/reader/details');
    expect(body.asset_expression).toEqual({ all: [{ asset: { uri: 's3://a', name: 'orders', group: 'asset' } }, { asset: { uri: 's3://b', name: 's3://b', group: 'asset' } }, { alias: { name: 'z', group: 'asset' } }] });
  });

  it.each([
    ['/api/v2/assets?uri_pattern=%25b', ['s3://b']], ['/api/v2/assets?name_pattern=rat%25', ['s3://b']], ['/api/v2/assets?order_by=-name', ['s3://b', 's3://a']], ['/api/v2/assets?dag_ids=twin', ['s3://b']], ['/api/v2/assets?order_by=-uri', ['s3://b', 's3://a']], ['/api/v2/assets?limit=1&offset=1', ['s3://b']],
  ])('%s', async (path, uris) => {
    expect((await house.get(path)).body.assets.map(({ uri }: { uri: string }) => uri)).toEqual(uris);
  });

  it.each([
    ['/api/v2/assets/99', 404], ['/api/v2/assets/aliases/9', 404], ['/api/v2/assets/none', 422], ['/api/v2/assets?order_by=mood', 400], ['/api/v2/dags/none/dagRuns/r1/upstreamAssetEvents', 404], ['/api/v2/dags/reader/assets/2/queuedEvents', 404],
    ['/api/v2/assets/events?timestamp_gte=soon', 422],
  ])('%s is %i', async (path, expected) => {
    expect((await house.get(path)).status).toBe(expected);
  });

  it('list their events with the runs that took them', async () => {
    const { body } = await house.get('/api/v2/assets/events?source_run_id=w1');
    expect(body).toMatchObject({ total_entries: 1, asset_events: [{ asset_id: 1, uri: 's3://a', name: 'orders', group: 'asset', extra: { rows: 3 }, source_dag_id: 'writer', source_task_id: 'w', source_map_index: -1, created_dagruns: [{ dag_id: 'reader', run_id: 'r1', state: 'running' }] }] });
    expect((await house.get(`${RUN}/upstreamAssetEvents`)).body).toMatchObject({ total_entries: 2, omitted_entries: 7 });
    expect((await house.get(`${RUN}/upstreamAssetEvents`)).body.asset_events.map(({ uri }: { uri: string }) => uri)).toEqual(['s3://a', 's3://b']);
  });
});

it('warn of updates that lead to no run of a DAG of partitions', async () => {
  const schedule = { condition: { kind: 'asset', uri: 's3://d' }, partition: { mapper: { kind: 'startOf', unit: 'day' } } } as const;
  await journal.dag({ ...READER, dagId: 'days', schedule: { kind: 'assets', ...schedule } });
  await journal.append(assetQueueStream('days'), [{ type: 'AssetScheduleSet', schedule, paused: false, atMs: journal.tick() }]);
  await journal.updated('s3://d');
  await journal.updated('s3://d', { partitionKey: 'soon' });
  await house.caughtUp();
  const { body } = await house.get('/api/v2/dagWarnings?warning_type=partition%20key');
  expect(body).toMatchObject({
    total_entries: 1,
    dag_warnings: [{ dag_id: 'days', message: '2 updates that the DAG "days" waits for counted for no run of it, the last of s3://d, with the partition key "soon". Its mapper makes no run of that key: correct the key, or the mapper.' }],
  });
  expect((await house.get('/api/v2/dags/days')).body).toMatchObject({ timetable_partitioned: true, timetable_summary: 'Partitioned Asset' });
});

describe('changes', () => {
  it('record an update by id or URI, once for a key, and answer it as queries see it', async () => {
    const ask = (request: object, key: string) => house.ask('POST', '/api/v2/assets/events', { body: request, headers: { 'idempotency-key': key } });
    const first = await ask({ asset_id: 2, extra: { n: 1 }, partition_key: '2026-11-25' }, 'k1');
    expect([first.status, first.body]).toMatchObject([200, { asset_id: 2, uri: 's3://b', extra: { n: 1, from_rest_api: true }, partition_key: '2026-11-25', source_dag_id: null, source_map_index: -1 }]);
    expect((await ask({ asset_id: 2, extra: { n: 1 }, partition_key: '2026-11-25' }, 'k1')).body.id).toBe(first.body.id);
    // Of a partition, so that it starts nobody who waits for the whole.
    expect((await house.get('/api/v2/dags/reader/assets/queuedEvents')).body.total_entries).toBe(1);
    expect((await ask({ uri: 'file:///new' }, 'k2')).body).toMatchObject({ uri: 'file:///new', extra: { from_rest_api: true } });
    expect((await ask({}, 'k3')).status).toBe(422);
    expect((await ask({ asset_id: 77 }, 'k4')).status).toBe(404);
  });

  it('run the one DAG that writes an asset', async () => {
    const { status, body } = await house.ask('POST', '/api/v2/assets/1/materialize', { body: { conf: { day: 1 }, partition_key: 'p' } });
    expect([status, body]).toMatchObject([200, { dag_id: 'writer', dag_run_id: 'made', run_type: 'asset_materialization', partition_key: 'p' }]);
    expect(commands.at(-1)).toMatchObject({ type: 'TriggerRun', runType: 'asset_materialization', conf: { day: 1 }, partitionKey: 'p', triggeredBy: 'rest_api' });
    expect((await house.ask('POST', '/api/v2/assets/2/materialize', { body: {} })).body.detail).toContain('More than one DAG materializes asset');
    expect((await house.ask('POST', '/api/v2/assets/1/materialize', { body: { data_interval_start: '2026-11-25T00:00:00Z' } })).status).toBe(422);
  });

  it('strike out what waits', async () => {
    expect((await house.get('/api/v2/dags/reader/assets/queuedEvents')).body).toMatchObject({ queued_events: [{ asset_id: 1, dag_id: 'reader' }], total_entries: 1 });
    expect((await house.ask('DELETE', '/api/v2/assets/1/queuedEvents?before=2026-11-26T00:00:00Z')).status).toBe(204);
    expect(commands.at(-1)).toEqual({ type: 'ClearAssetQueue', uris: ['s3://a'], beforeMs: Date.UTC(2026, 10, 26), user: 'admin' });
    expect((await house.get('/api/v2/dags/reader/assets/queuedEvents')).body).toEqual({ queued_events: [], total_entries: 0 });
    expect((await house.ask('DELETE', '/api/v2/dags/reader/assets/queuedEvents')).status).toBe(404);
  });
});
