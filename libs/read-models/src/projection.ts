import type { AttemptEvent, BackfillEvent, DagEvent, FileEvent, RunEvent } from '@dagbook/domain';
import { assetQueueStream, attemptStream, backfillStream, CALLBACK_TASK, dagStream, runStream } from '@dagbook/contracts';
import { toFact, type Position, type StoredEvent } from '@dagbook/event-store';
import { AssetFold } from './fold-asset.ts';
import { BACKFILL_COLUMNS, backfillCreated, foldBackfill, type BackfillRow } from './fold-backfill.ts';
import { countRun, dagRegistered, foldDag, foldFile } from './fold-dag.ts';
import { RunFold } from './fold-run.ts';
import type { PlanCache, PlanView } from './plan-view.ts';
import type { DagRow, DagVersionRow, ImportErrorRow, RunRow, TaskInstanceRow } from './row.ts';
import { DAG_COLUMNS, IMPORT_ERROR_COLUMNS, RUN_COLUMNS, selectList, selectRows, TASK_INSTANCE_COLUMNS, type Queryable } from './sql.ts';
import { stateOfChar } from './state-code.ts';
import { writeChanges } from './write.ts';

/** What one batch changed, for whoever watches: ids only, the rows are read. */
export interface Change {
  readonly position: Position;
  /** DAGs whose own row changed, counters included. */
  readonly dagIds: readonly string[];
  readonly runs: readonly { readonly dagId: string; readonly runId: string; readonly taskIds: readonly string[] }[];
  readonly importErrors: boolean;
}

export interface StoppedStream {
  readonly streamId: string;
  readonly expected: number;
  readonly found: number;
  readonly atMs: number;
}

/**
 * The fold of the whole feed into the read models.
 *
 * State model: rows of active runs and of DAGs stay in memory between batches, because the projection is the only writer
 * of its tables while it holds the projector's lock. `apply` folds a batch and writes it inside the caller's transaction;
 * after the commit the caller says `committed`, after anything else `reset`, and the rows are read again.
 * An event applies only as `version = last + 1`: a lower one is a duplicate and dropped, a higher one stops its stream
 * and raises the alarm, for wrong rows are worse than old ones.
 */
export class ReadModelProjection {
  readonly name = 'read-models';
  readonly #plans: PlanCache;
  readonly #schema: string;
  readonly #maxHeld: number;
  readonly #onStopped: (stopped: StoppedStream) => void;
  readonly #dags = new Map<string, DagRow>();
  readonly #runs = new Map<string, RunFold>();
  readonly #files = new Map<string, ImportErrorRow>();
  readonly #backfills = new Map<string, BackfillRow>();
  readonly #assets: AssetFold;
  #stopped: Set<string> | undefined;

  /** `maxHeld`: task instances of active runs kept in memory between batches, about 0.5 KB each. Default 200,000. */
  constructor(options: { plans: PlanCache; schema?: string; maxHeld?: number; onStopped: (stopped: StoppedStream) => void }) {
    this.#plans = options.plans;
    this.#schema = options.schema ?? 'rm';
    this.#maxHeld = options.maxHeld ?? 200_000;
    this.#onStopped = options.onStopped;
    this.#assets = new AssetFold(this.#schema);
  }

  /** Folds events in feed order and writes what they changed. Fails only when the database does, or a plan is missing. */
  async apply(events: readonly StoredEvent[], db: Queryable): Promise<Change | null> {
    const last = events.at(-1);
    if (last === undefined) return null;
    const batch = new Batch();
    const subjects = events.map((event) => subjectOf(event.streamId));
    await this.#prepare(events, subjects, db);
    for (const [at, event] of events.entries()) this.#fold(event, subjects[at] as Subject, batch);
    const runs = [...batch.runs].map((fold) => fold.takeChanges());
    this.#touch(batch.runs);
    for (const { row } of batch.erased) this.#runs.delete(`${row.dagId}/${row.runId}`);
    await writeChanges(db, this.#schema, {
      dags: [...batch.dags],
      versions: batch.versions,
      files: [...batch.files.values()],
      backfills: [...batch.backfills],
      stopped: batch.stopped,
      runs,
      erased: [...batch.erased].map(({ row }) => row.runKey),
    });
    await this.#assets.write(db);
    for (const stopped of batch.stopped) this.#onStopped(stopped);
    return {
      position: last.position,
      dagIds: [...batch.dags].map((dag) => dag.dagId),
      runs: runs.map((change) => ({
        dagId: change.run.dagId,
        runId: change.run.runId,
        taskIds: [...new Set([...change.instances, ...change.dropped].map((instance) => instance.taskId))],
      })),
      importErrors: batch.files.size > 0,
    };
  }

  /** The batch stands: rows of runs that have ended need not stay in memory, nor more than a bound of the others. */
  committed(): void {
    let held = 0;
    for (const [key, fold] of this.#runs) {
      if (fold.isActive) held += fold.size;
      else this.#runs.delete(key);
    }
    for (const [streamId, row] of this.#backfills) if (row.state !== 'running') this.#backfills.delete(streamId);
    for (const [key, fold] of this.#runs) {
      if (held <= this.#maxHeld) break;
      held -= fold.size;
      this.#runs.delete(key);
    }
  }

  /** The batch does not stand, or another process may have written: everything is read anew. */
  reset(): void {
    this.#dags.clear();
    this.#runs.clear();
    this.#files.clear();
    this.#backfills.clear();
    this.#assets.reset();
    this.#stopped = undefined;
  }

  /** The runs of this batch are the last to be let go. */
  #touch(runs: ReadonlySet<RunFold>): void {
    for (const fold of runs) {
      const key = `${fold.row.dagId}/${fold.row.runId}`;
      this.#runs.delete(key);
      this.#runs.set(key, fold);
    }
  }

  /** Loads, in one query a table, the rows and plans that the batch touches and memory lacks. */
  async #prepare(events: readonly StoredEvent[], subjects: readonly Subject[], db: Queryable): Promise<void> {
    const runKeys = new Set<string>();
    const dagIds = new Set<string>();
    const files = new Set<string>();
    const plans = new Set<string>();
    const backfills = new Set<string>();
    for (const [at, event] of events.entries()) {
      const data = event.data as { readonly planHash?: unknown; readonly file?: unknown };
      if (typeof data.planHash === 'string') plans.add(data.planHash);
      const subject = subjects[at] as Subject;
      if (subject.kind === 'run' || subject.kind === 'attempt') {
        if (!this.#runs.has(subject.key)) runKeys.add(subject.key);
        dagIds.add(subject.dagId);
      } else if (subject.kind === 'dag') dagIds.add(subject.dagId);
      else if (subject.kind === 'backfill') {
        backfills.add(event.streamId);
        dagIds.add(subject.dagId);
      } else if (subject.kind === 'file' && typeof data.file === 'string') files.add(data.file);
    }
    await this.#loadStopped(db);
    await this.#loadDags([...dagIds].filter((dagId) => !this.#dags.has(dagId)), db);
    await this.#loadFiles([...files].filter((file) => !this.#files.has(file)), db);
    await this.#loadBackfills([...backfills].filter((streamId) => !this.#backfills.has(streamId)), db);
    await this.#loadRuns([...runKeys], db);
    for (const hash of plans) if (this.#plans.known(hash) === undefined) await this.#plans.get(hash);
    const registered = events.flatMap(({ type, data }) => (type === 'DagVersionRegistered' ? [this.#plan((data as unknown as { planHash: string }).planHash).definition] : []));
    await this.#assets.prepare(events, registered, db);
  }

  async #loadStopped(db: Queryable): Promise<void> {
    if (this.#stopped !== undefined) return;
    const rows = await selectRows<{ streamId: string }>(db, `SELECT stream_id AS "streamId" FROM ${this.#schema}.stopped_streams`);
    this.#stopped = new Set(rows.map((row) => row.streamId));
  }

  async #loadDags(dagIds: readonly string[], db: Queryable): Promise<void> {
    if (dagIds.length === 0) return;
    const rows = await selectRows<DagRow>(db, `SELECT ${selectList('d', DAG_COLUMNS)} FROM ${this.#schema}.dags d WHERE dag_id = ANY ($1)`, [dagIds]);
    for (const row of rows) this.#dags.set(row.dagId, row);
  }

  async #loadFiles(files: readonly string[], db: Queryable): Promise<void> {
    if (files.length === 0) return;
    const rows = await selectRows<ImportErrorRow>(db, `SELECT ${selectList('f', IMPORT_ERROR_COLUMNS)} FROM ${this.#schema}.import_errors f WHERE file = ANY ($1)`, [files]);
    for (const row of rows) this.#files.set(row.file, row);
  }

  async #loadBackfills(streamIds: readonly string[], db: Queryable): Promise<void> {
    if (streamIds.length === 0) return;
    const parts = streamIds.map((streamId) => streamId.slice(BACKFILL_PREFIX.length).split('/') as [string, string]);
    const rows = await selectRows<BackfillRow>(
      db,
      `SELECT ${selectList('b', BACKFILL_COLUMNS)} FROM unnest($1::text[], $2::text[]) k (dag_id, backfill_id) JOIN ${this.#schema}.backfills b USING (dag_id, backfill_id)`,
      [parts.map(([dagId]) => dagId), parts.map(([, backfillId]) => backfillId)],
    );
    for (const row of rows) this.#backfills.set(backfillStream(row.dagId, row.backfillId), row);
  }

  async #loadRuns(keys: readonly string[], db: Queryable): Promise<void> {
    if (keys.length === 0) return;
    const parts = keys.map((key) => key.split('/') as [string, string]);
    const rows = await selectRows<RunRow>(
      db,
      `SELECT ${selectList('r', RUN_COLUMNS)} FROM unnest($1::text[], $2::text[]) k (dag_id, run_id) JOIN ${this.#schema}.dag_runs r USING (dag_id, run_id)`,
      [parts.map(([dagId]) => dagId), parts.map(([, runId]) => runId)],
    );
    if (rows.length === 0) return;
    const instances = await selectRows<Omit<TaskInstanceRow, 'state'> & { runKey: number; state: string }>(
      db,
      `SELECT t.run_key AS "runKey", ${selectList('t', TASK_INSTANCE_COLUMNS)} FROM ${this.#schema}.task_instances t WHERE run_key = ANY ($1::bigint[])`,
      [rows.map((row) => row.runKey)],
    );
    const byRun = new Map<number, TaskInstanceRow[]>(rows.map((row) => [row.runKey, []]));
    for (const { runKey, ...instance } of instances) byRun.get(runKey)?.push({ ...instance, state: stateOfChar(instance.state) });
    for (const row of rows) {
      const plan = await this.#plans.get(row.planHash);
      this.#runs.set(`${row.dagId}/${row.runId}`, RunFold.loaded(row, plan, byRun.get(row.runKey) ?? []));
    }
  }

  #fold(event: StoredEvent, subject: Subject, batch: Batch): void {
    if (this.#stopped?.has(event.streamId) === true) return;
    switch (subject.kind) {
      case 'run':
        this.#foldRun(subject, event, batch);
        return;
      case 'attempt':
        this.#foldAttempt(subject.key, event, batch);
        return;
      case 'dag':
        this.#foldDag(subject.dagId, event, batch);
        return;
      case 'file':
        this.#foldFile(event, batch);
        return;
      case 'backfill':
        this.#foldBackfill(event, batch);
        return;
      case 'asset':
        this.#assets.fold(event);
        for (const dagId of this.#assets.unfoldable) {
          this.#stopped?.add(assetQueueStream(dagId));
          batch.stopped.push({ streamId: assetQueueStream(dagId), expected: event.version, found: event.version, atMs: event.storedAtMs });
        }
        this.#assets.unfoldable.clear();
        return;
      case 'other':
        return;
    }
  }

  #foldRun(subject: { readonly key: string; readonly dagId: string }, event: StoredEvent, batch: Batch): void {
    const known = this.#runs.get(subject.key);
    if (!this.#admits(event, known?.row.version ?? 0, batch)) return;
    const fact = toFact<RunEvent>(event);
    const dag = this.#dags.get(subject.dagId);
    if (fact.type === 'RunCreated') {
      const fold = RunFold.create(fact, this.#plan(fact.planHash), Number(event.position.pos));
      fold.row.version = event.version;
      this.#runs.set(subject.key, fold);
      batch.runs.add(fold);
      if (fact.runType === 'asset_triggered') this.#assets.created(fact);
      if (dag !== undefined) {
        countRun(dag, null, fold.row.state);
        batch.dags.add(dag);
      }
      return;
    }
    if (known === undefined) return;
    if (fact.type === 'RunErased') return this.#erase(known, dag, batch);
    const before = known.row.state;
    known.apply(fact, fact.type === 'RunReplanned' ? this.#plan(fact.planHash) : undefined);
    known.row.version = event.version;
    batch.runs.add(known);
    if (dag !== undefined && known.row.state !== before) {
      countRun(dag, before, known.row.state);
      batch.dags.add(dag);
    }
  }

  #erase(run: RunFold, dag: DagRow | undefined, batch: Batch): void {
    batch.erased.add(run);
    if (run.row.runType === 'asset_triggered') this.#assets.erased(run.row);
    if (dag === undefined) return;
    countRun(dag, run.row.state, null);
    batch.dags.add(dag);
  }

  #foldAttempt(runKey: string, event: StoredEvent, batch: Batch): void {
    const fact = toFact<AttemptEvent>(event);
    const run = this.#runs.get(runKey);
    if (run === undefined || fact.type !== 'AttemptGranted' || fact.taskId === CALLBACK_TASK) return;
    const gap = run.grant(fact, event.version, fact.worker, fact.atMs);
    if (gap !== null) this.#stop(event, gap.expected, batch);
    else if (run.hasChanges()) batch.runs.add(run);
  }

  #foldDag(dagId: string, event: StoredEvent, batch: Batch): void {
    const known = this.#dags.get(dagId);
    if (!this.#admits(event, known?.version ?? 0, batch)) return;
    const fact = toFact<DagEvent>(event);
    if (fact.type === 'DagVersionRegistered') {
      const { dag, version } = dagRegistered(known, fact, this.#plan(fact.planHash));
      dag.version = event.version;
      this.#dags.set(dagId, dag);
      if (known !== undefined) batch.dags.delete(known);
      batch.dags.add(dag);
      batch.versions.push(version);
      this.#assets.registered(this.#plan(fact.planHash).definition, fact.atMs);
    } else if (known !== undefined) {
      foldDag(known, fact);
      known.version = event.version;
      batch.dags.add(known);
    }
  }

  #foldBackfill(event: StoredEvent, batch: Batch): void {
    const known = this.#backfills.get(event.streamId);
    if (!this.#admits(event, known?.version ?? 0, batch)) return;
    const fact = toFact<BackfillEvent>(event);
    const row = fact.type === 'BackfillCreated' ? backfillCreated(fact, Number(event.position.pos)) : known;
    if (row === undefined) return;
    if (fact.type !== 'BackfillCreated') foldBackfill(row, fact);
    row.version = event.version;
    this.#backfills.set(event.streamId, row);
    batch.backfills.add(row);
    const dag = this.#dags.get(row.dagId);
    if (dag !== undefined) batch.dags.add(dag);
  }

  #foldFile(event: StoredEvent, batch: Batch): void {
    const fact = toFact<FileEvent>(event);
    const known = this.#files.get(fact.file);
    if (!this.#admits(event, known?.version ?? 0, batch)) return;
    const row = foldFile(known, fact, event.version, Number(event.position.pos));
    this.#files.set(fact.file, row);
    batch.files.set(fact.file, row);
  }

  #admits(event: StoredEvent, lastVersion: number, batch: Batch): boolean {
    if (event.version === lastVersion + 1) return true;
    if (event.version > lastVersion + 1) this.#stop(event, lastVersion + 1, batch);
    return false;
  }

  #stop(event: StoredEvent, expected: number, batch: Batch): void {
    this.#stopped?.add(event.streamId);
    batch.stopped.push({ streamId: event.streamId, expected, found: event.version, atMs: event.storedAtMs });
  }

  #plan(hash: string): PlanView {
    const plan = this.#plans.known(hash);
    if (plan === undefined) throw new Error(`invariant: plan ${hash} was not prepared`);
    return plan;
  }
}

/** What a batch has touched. */
class Batch {
  readonly dags = new Set<DagRow>();
  readonly versions: DagVersionRow[] = [];
  readonly runs = new Set<RunFold>();
  readonly erased = new Set<RunFold>();
  readonly files = new Map<string, ImportErrorRow>();
  readonly backfills = new Set<BackfillRow>();
  readonly stopped: StoppedStream[] = [];
}

type Subject =
  | { readonly kind: 'run' | 'attempt'; readonly key: string; readonly dagId: string }
  | { readonly kind: 'dag' | 'backfill'; readonly dagId: string }
  | { readonly kind: 'file' | 'asset' | 'other' };

const RUN_PREFIX = runStream('', '').slice(0, -1);
const DAG_PREFIX = dagStream('');
const ATTEMPT_PREFIX = attemptStream('');
const BACKFILL_PREFIX = backfillStream('', '').slice(0, -1);

function subjectOf(streamId: string): Subject {
  if (streamId.startsWith(RUN_PREFIX)) {
    const key = streamId.slice(RUN_PREFIX.length);
    return { kind: 'run', key, dagId: key.slice(0, key.indexOf('/')) };
  }
  if (streamId.startsWith(ATTEMPT_PREFIX)) {
    const runAt = streamId.indexOf('/', ATTEMPT_PREFIX.length) + 1;
    return { kind: 'attempt', key: streamId.slice(ATTEMPT_PREFIX.length, streamId.indexOf('/', runAt)), dagId: streamId.slice(ATTEMPT_PREFIX.length, runAt - 1) };
  }
  if (streamId.startsWith(DAG_PREFIX)) return { kind: 'dag', dagId: streamId.slice(DAG_PREFIX.length) };
  if (streamId.startsWith(BACKFILL_PREFIX)) return { kind: 'backfill', dagId: streamId.slice(BACKFILL_PREFIX.length, streamId.indexOf('/')) };
  if (streamId.startsWith('file-')) return { kind: 'file' };
  if (streamId.startsWith('asset-')) return { kind: 'asset' };
  return { kind: 'other' };
}
