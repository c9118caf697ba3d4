import {
  canonicalJson, emptyAssetQueue, evolveAssetQueue, leavesOf, restoreAssetQueue, snapshotAssetQueue, waitingUpdates, type AssetDefinition, type AssetFact, type AssetQueue, type AssetUpdated, type DagDefinition, type Json, type QueuedUpdate, type RunCreated,
} from '@dagbook/domain';
import { ASSET_QUEUES } from '@dagbook/contracts';
import { formatPosition, toFact, type StoredEvent } from '@dagbook/event-store';
import { recordset, selectRows, type Queryable } from './sql.ts';

/**
 * Assets as rows. Queues of DAGs stay in memory, folded by the domain's own rules; a batch that does not stand is
 * forgotten with them (`reset`), and they are read again.
 */
export class AssetFold {
  readonly #schema: string;
  #queues: Map<string, AssetQueue> | undefined;
  readonly #assets = new Map<string, AssetRow>();
  readonly #aliases = new Map<string, number>();
  #nextAssetId = 1;
  #nextAliasId = 1;
  /** Updates that runs take, of those whose event only names where they are kept. */
  readonly #kept = new Map<string, readonly QueuedUpdate[]>();
  #changes = new AssetChanges();
  /** Queues of these DAGs cannot be folded any further. */
  readonly #parked = new Set<string>();
  /** Those of them that nobody was told of yet. */
  readonly unfoldable = new Set<string>();

  constructor(schema: string) {
    this.#schema = schema;
  }

  reset(): void {
    this.#queues = undefined;
    this.#parked.clear();
    this.unfoldable.clear();
    this.#assets.clear();
    this.#aliases.clear();
    this.#changes = new AssetChanges();
  }

  /** Reads what the batch needs and memory lacks. `definitions`: of the versions that it registers. */
  async prepare(events: readonly StoredEvent[], definitions: readonly DagDefinition[], db: Queryable): Promise<void> {
    this.#changes = new AssetChanges();
    const isAbout = events.some(({ streamId, type }) => streamId.startsWith('asset-') || type === 'RunErased') || definitions.some((definition) => referencesOf(definition).length > 0);
    const keys = events.flatMap(({ type, data }) => (type === 'RunCreated' && typeof (data as { assetEventsKey?: unknown }).assetEventsKey === 'string' ? [(data as { assetEventsKey: string }).assetEventsKey] : []));
    if (this.#queues === undefined && (isAbout || keys.length > 0)) await this.#load(db);
    if (keys.length > 0) {
      const rows = await selectRows<{ key: string; content: Buffer }>(db, `SELECT key, content FROM contents WHERE kind = 'xcom' AND key = ANY ($1)`, [keys]);
      for (const { key, content } of rows) this.#kept.set(key, JSON.parse(new TextDecoder().decode(content)) as readonly QueuedUpdate[]);
    }
    if (!isAbout) return;
    const updates = events.filter(({ type }) => type === 'AssetUpdated').map((event) => toFact<AssetUpdated>(event));
    await this.#loadAssets([...updates.map(({ uri }) => uri), ...definitions.flatMap((definition) => referencesOf(definition).map(({ uri }) => uri))], db);
    await this.#loadAliases([...updates.flatMap(({ aliases = [] }) => aliases), ...definitions.flatMap(aliasesOf)], db);
  }

  /** An event of a stream `asset-…`. */
  fold(event: StoredEvent): void {
    const position = formatPosition(event.position);
    if (event.type === 'AssetUpdated') this.#update(toFact<AssetUpdated>(event), position, Number(event.position.pos));
    else if (event.streamId.startsWith(ASSET_QUEUES)) this.#foldQueue(event.streamId.slice(ASSET_QUEUES.length), event, position);
  }

  /** The newest version of a DAG names these. */
  registered(definition: DagDefinition, atMs: number): void {
    const references = referencesOf(definition).map(({ uri, taskId, kind }): ReferenceRow => ({
      dagId: definition.dagId, taskId, kind, assetId: this.#asset(uri, atMs).assetId, createdAtMs: atMs, updatedAtMs: atMs,
    }));
    for (const described of definition.assets ?? []) this.#describe(described, atMs);
    for (const alias of aliasesOf(definition)) this.#alias(alias);
    this.#changes.references.set(definition.dagId, references);
  }

  created({ dagId, runId, assetEvents, assetEventsKey }: RunCreated): void {
    const updates = assetEvents ?? (assetEventsKey === undefined ? [] : (this.#kept.get(assetEventsKey) ?? []));
    for (const { position } of updates) this.#changes.runs.push({ eventKey: keyOf(position), dagId, runId });
    if (assetEventsKey !== undefined) this.#kept.delete(assetEventsKey);
  }

  erased(run: { readonly dagId: string; readonly runId: string }): void {
    this.#changes.erased.push(run);
  }

  async write(db: Queryable): Promise<void> {
    await this.#changes.write(db, this.#schema, this.#queues ?? new Map());
  }

  #update(update: AssetUpdated, position: string, eventKey: number): void {
    const { uri, extra, aliases = [], partitionKey = null, source, by = null, atMs } = update;
    const asset = this.#asset(uri, atMs);
    Object.assign(asset, { lastEventKey: eventKey, lastEventAtMs: atMs });
    this.#changes.assets.add(asset);
    this.#changes.events.push({
      eventKey, assetId: asset.assetId, extra, partitionKey, sourceDagId: source?.dagId ?? null, sourceRunId: source?.runId ?? null, sourceTaskId: source?.taskId ?? null,
      sourceMapIndex: source?.mapIndex ?? -1, recordedBy: by, atMs,
    });
    for (const alias of aliases) this.#changes.aliasAssets.push({ aliasId: this.#alias(alias), assetId: asset.assetId });
    for (const [dagId, queue] of this.#queues ?? []) {
      const before = queue.passedOver;
      const queued = this.#evolve(dagId, queue, update, position);
      if (queued !== undefined) this.#changes.added.push({ dagId, eventKey, assetId: asset.assetId, atMs, update: withoutExtra(queued) });
      // For which partitions an update waits, and what was learnt of an alias, are part of its state.
      if (aliases.length > 0 || queue.passedOver !== before || (queued !== undefined && queue.schedule?.partition !== undefined)) this.#changes.queues.add(dagId);
    }
  }

  #foldQueue(dagId: string, event: StoredEvent, position: string): void {
    const queues = (this.#queues ??= new Map<string, AssetQueue>());
    if (this.#parked.has(dagId)) return;
    const queue = queues.get(dagId) ?? emptyAssetQueue();
    if (event.version !== queue.version + 1) return;
    queues.set(dagId, queue);
    const before = [...waitingUpdates(queue).keys()];
    this.#evolve(dagId, queue, toFact<AssetFact>(event), position);
    if (this.#parked.has(dagId)) return;
    const left = waitingUpdates(queue);
    const gone = before.filter((waited) => !left.has(waited)).map(keyOf);
    const isGone = new Set(gone);
    this.#changes.added = this.#changes.added.filter((row) => row.dagId !== dagId || !isGone.has(row.eventKey));
    if (gone.length > 0) this.#changes.removed.push({ dagId, eventKeys: gone });
    this.#changes.queues.add(dagId);
  }

  /** One that cannot be folded is parked where it stands, and keeps no other from the feed. */
  #evolve(dagId: string, queue: AssetQueue, fact: AssetFact, position: string): QueuedUpdate | undefined {
    if (this.#parked.has(dagId)) return undefined;
    try {
      return evolveAssetQueue(queue, fact, position);
    } catch {
      this.#parked.add(dagId);
      this.#changes.queues.delete(dagId);
      this.unfoldable.add(dagId);
      return undefined;
    }
  }

  #asset(uri: string, atMs: number): AssetRow {
    let asset = this.#assets.get(uri);
    if (asset === undefined) {
      asset = { assetId: this.#nextAssetId++, uri, createdAtMs: atMs, updatedAtMs: atMs, lastEventKey: null, lastEventAtMs: null, name: null, assetGroup: null, extra: null };
      this.#assets.set(uri, asset);
      this.#changes.assets.add(asset);
    }
    return asset;
  }

  /** The last DAG that says something of the asset is believed. */
  #describe({ uri, name, group, extra }: AssetDefinition, atMs: number): void {
    const asset = this.#asset(uri, atMs);
    const described = { name: name ?? null, assetGroup: group ?? null, extra: extra ?? null };
    if (canonicalJson({ name: asset.name, assetGroup: asset.assetGroup, extra: asset.extra }) === canonicalJson(described)) return;
    Object.assign(asset, described, { updatedAtMs: atMs });
    this.#changes.assets.add(asset);
  }

  #alias(name: string): number {
    let aliasId = this.#aliases.get(name);
    if (aliasId === undefined) {
      aliasId = this.#nextAliasId++;
      this.#aliases.set(name, aliasId);
      this.#changes.aliases.push({ aliasId, name });
    }
    return aliasId;
  }

  async #load(db: Queryable): Promise<void> {
    const queues = await selectRows<{ dagId: string; state: Json }>(db, `SELECT dag_id AS "dagId", state FROM ${this.#schema}.asset_queues`);
    const waiting = await selectRows<{ dagId: string; update: QueuedUpdate }>(db, `SELECT dag_id AS "dagId", update FROM ${this.#schema}.asset_queued_events ORDER BY event_key`);
    const byDag = new Map<string, QueuedUpdate[]>(queues.map(({ dagId }) => [dagId, []]));
    for (const { dagId, update } of waiting) byDag.get(dagId)?.push(update);
    this.#queues = new Map();
    for (const { dagId, state } of queues) this.#restore(dagId, state, byDag.get(dagId) ?? []);
    const [next] = await selectRows<{ asset: number; alias: number }>(db, `SELECT (SELECT coalesce(max(asset_id), 0) + 1 FROM ${this.#schema}.assets) AS asset, (SELECT coalesce(max(alias_id), 0) + 1 FROM ${this.#schema}.asset_aliases) AS alias`);
    this.#nextAssetId = next?.asset ?? 1;
    this.#nextAliasId = next?.alias ?? 1;
  }

  /** What stood in rows and does not wait by the rules of today is struck out. */
  #restore(dagId: string, state: Json, updates: readonly QueuedUpdate[]): void {
    try {
      const queue = restoredQueue(state, updates);
      this.#queues?.set(dagId, queue);
      const left = waitingUpdates(queue);
      const gone = updates.filter(({ position }) => !left.has(position)).map(({ position }) => keyOf(position));
      if (gone.length > 0) this.#changes.removed.push({ dagId, eventKeys: gone });
    } catch {
      this.#parked.add(dagId);
      this.unfoldable.add(dagId);
    }
  }

  async #loadAssets(uris: readonly string[], db: Queryable): Promise<void> {
    const wanted = [...new Set(uris)].filter((uri) => !this.#assets.has(uri));
    if (wanted.length === 0) return;
    const rows = await selectRows<AssetRow>(
      db, `SELECT asset_id AS "assetId", uri, created_at_ms AS "createdAtMs", updated_at_ms AS "updatedAtMs", last_event_key AS "lastEventKey", last_event_at_ms AS "lastEventAtMs", name, asset_group AS "assetGroup", extra FROM ${this.#schema}.assets WHERE uri = ANY ($1)`, [wanted],
    );
    for (const row of rows) this.#assets.set(row.uri, row);
  }

  async #loadAliases(names: readonly string[], db: Queryable): Promise<void> {
    const wanted = [...new Set(names)].filter((name) => !this.#aliases.has(name));
    if (wanted.length === 0) return;
    const rows = await selectRows<{ aliasId: number; name: string }>(db, `SELECT alias_id AS "aliasId", name FROM ${this.#schema}.asset_aliases WHERE name = ANY ($1)`, [wanted]);
    for (const { aliasId, name } of rows) this.#aliases.set(name, aliasId);
  }
}

interface AssetRow {
  readonly assetId: number;
  readonly uri: string;
  readonly createdAtMs: number;
  readonly updatedAtMs: number;
  readonly lastEventKey: number | null;
  readonly lastEventAtMs: number | null;
  readonly name: string | null;
  readonly assetGroup: string | null;
  readonly extra: Json;
}

interface ReferenceRow {
  readonly dagId: string;
  /** Empty: the schedule. Of a watcher: its name. */
  readonly taskId: string;
  readonly kind: 'schedule' | 'inlet' | 'outlet' | 'watcher';
  readonly assetId: number;
  readonly createdAtMs: number;
  readonly updatedAtMs: number;
}

/** What a batch has changed, each row once. */
class AssetChanges {
  readonly assets = new Set<AssetRow>();
  readonly aliases: { readonly aliasId: number; readonly name: string }[] = [];
  readonly aliasAssets: { readonly aliasId: number; readonly assetId: number }[] = [];
  readonly references = new Map<string, readonly ReferenceRow[]>();
  readonly events: object[] = [];
  readonly runs: { readonly eventKey: number; readonly dagId: string; readonly runId: string }[] = [];
  readonly erased: { readonly dagId: string; readonly runId: string }[] = [];
  added: { readonly dagId: string; readonly eventKey: number; readonly assetId: number; readonly atMs: number; readonly update: Json }[] = [];
  readonly removed: { readonly dagId: string; readonly eventKeys: readonly number[] }[] = [];
  readonly queues = new Set<string>();

  async write(db: Queryable, schema: string, queues: ReadonlyMap<string, AssetQueue>): Promise<void> {
    const insert = async (table: string, rows: readonly object[], conflict: string): Promise<void> => {
      if (rows.length > 0) await db.query({ text: `INSERT INTO ${schema}.${table} SELECT * FROM json_populate_recordset(NULL::${schema}.${table}, $1::json) ${conflict}`, values: [recordset(rows)] });
    };
    await insert('assets', [...this.assets], 'ON CONFLICT (asset_id) DO UPDATE SET last_event_key = EXCLUDED.last_event_key, last_event_at_ms = EXCLUDED.last_event_at_ms, updated_at_ms = EXCLUDED.updated_at_ms, name = EXCLUDED.name, asset_group = EXCLUDED.asset_group, extra = EXCLUDED.extra');
    await insert('asset_aliases', this.aliases, 'ON CONFLICT DO NOTHING');
    await insert('asset_alias_assets', this.aliasAssets, 'ON CONFLICT DO NOTHING');
    await this.#writeReferences(db, schema, insert);
    await insert('asset_events', this.events, 'ON CONFLICT DO NOTHING');
    await insert('asset_event_runs', this.runs, 'ON CONFLICT DO NOTHING');
    for (const { dagId, runId } of this.erased) await db.query({ text: `DELETE FROM ${schema}.asset_event_runs WHERE dag_id = $1 AND run_id = $2`, values: [dagId, runId] });
    for (const { dagId, eventKeys } of this.removed) await db.query({ text: `DELETE FROM ${schema}.asset_queued_events WHERE dag_id = $1 AND event_key = ANY ($2::bigint[])`, values: [dagId, [...eventKeys]] });
    await insert('asset_queued_events', this.added, 'ON CONFLICT DO NOTHING');
    const states = [...this.queues].map((dagId) => ({ dagId, state: storedState(queues.get(dagId) as AssetQueue) }));
    await insert('asset_queues', states, 'ON CONFLICT (dag_id) DO UPDATE SET state = EXCLUDED.state');
  }

  async #writeReferences(db: Queryable, schema: string, insert: (table: string, rows: readonly object[], conflict: string) => Promise<void>): Promise<void> {
    if (this.references.size === 0) return;
    const rows = [...this.references.values()].flat();
    await db.query({
      text: `DELETE FROM ${schema}.asset_references t WHERE t.dag_id = ANY ($1) AND NOT EXISTS (
        SELECT FROM json_populate_recordset(NULL::${schema}.asset_references, $2::json) s WHERE (s.dag_id, s.task_id, s.kind, s.asset_id) = (t.dag_id, t.task_id, t.kind, t.asset_id))`,
      values: [[...this.references.keys()], recordset(rows)],
    });
    await insert('asset_references', rows, 'ON CONFLICT (dag_id, task_id, kind, asset_id) DO UPDATE SET updated_at_ms = EXCLUDED.updated_at_ms');
  }
}

/** Each once. */
function referencesOf({ schedule, tasks, watchers = [] }: DagDefinition): readonly { readonly uri: string; readonly taskId: string; readonly kind: ReferenceRow['kind'] }[] {
  const scheduled = schedule.kind === 'assets' || schedule.kind === 'assetsOrTime' ? leavesOf(schedule.condition).flatMap((leaf) => (leaf.kind === 'asset' ? [{ uri: leaf.uri, taskId: '', kind: 'schedule' as const }] : [])) : [];
  return [
    ...scheduled,
    ...watchers.map(({ uri, name }) => ({ uri, taskId: name, kind: 'watcher' as const })),
    ...tasks.flatMap(({ taskId, inlets = [], outlets = [] }) => [
      ...[...new Set(inlets)].map((uri) => ({ uri, taskId, kind: 'inlet' as const })), ...[...new Set(outlets)].map((uri) => ({ uri, taskId, kind: 'outlet' as const })),
    ]),
  ];
}

function aliasesOf({ schedule, tasks }: DagDefinition): readonly string[] {
  const scheduled = schedule.kind === 'assets' || schedule.kind === 'assetsOrTime' ? leavesOf(schedule.condition).flatMap((leaf) => (leaf.kind === 'alias' ? [leaf.name] : [])) : [];
  return [...scheduled, ...tasks.flatMap(({ inletAliases = [], outletAliases = [] }) => [...inletAliases, ...outletAliases])];
}

/** Updates stand in rows of their own; where there are no partitions, all of them wait for the same run. */
function storedState(queue: AssetQueue): Json {
  const state = snapshotAssetQueue(queue, []) as { readonly [member: string]: Json };
  return queue.schedule?.partition === undefined ? { ...state, groups: [] } : state;
}

function restoredQueue(state: Json, updates: readonly QueuedUpdate[]): AssetQueue {
  const stored = state as unknown as { readonly schedule: AssetQueue['schedule'] };
  const groups = stored.schedule?.partition === undefined ? { groups: [['', updates.map(({ position }) => position)]] } : {};
  return restoreAssetQueue({ ...stored, updates, ...groups } as unknown as Json);
}

/** The second half of a position, which alone tells events apart. */
const keyOf = (position: string): number => Number(position.slice(position.indexOf('-') + 1));

const withoutExtra = (update: QueuedUpdate): Json => ({ ...update, extra: {} }) as unknown as Json;
