import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { openPostgresStores, ProjectionRunner, rebuildProjection, type PostgresStores } from '@dagbook/event-store';
import { PlanCache, ReadModelProjection } from '@dagbook/read-models';
import { DEEP, RETRIES, WIDE } from './dag-source.ts';
import type { FaultCluster } from './fault-cluster.ts';
import { judgeHistory, readHistory, wasted, type Effect } from './history.ts';

const ROOT = process.env['DAGBOOK_ROOT'] ?? process.cwd();
const READ_MODELS = ['dags', 'dag_versions', 'dag_runs', 'task_instances', 'task_tries', 'import_errors', 'stopped_streams'];

export interface Findings {
  /** By invariant; an empty list: it holds. */
  readonly violations: Readonly<Record<string, readonly string[]>>;
  readonly executions: number;
  /** Executions whose result did not count. */
  readonly wasted: number;
  readonly losses: number;
}

/** Checks everything that must hold once the faults have stopped and every run has ended. `runs`: of the lattice DAGs. */
export async function findViolations(cluster: FaultCluster, runs: readonly { readonly dagId: string; readonly runId: string }[]): Promise<Findings> {
  const streams = runs.map(({ dagId, runId }) => `run-${dagId}/${runId}`);
  const effects = await effectsOf(cluster, streams);
  const executions = readHistory(cluster.historyFolder).filter(({ attempt }) => runs.length > 0 && attempt.startsWith('lattice_'));
  const violations = {
    'I1 no task is lost': await ask(cluster, 'lost-task', [streams, WIDE * DEEP]),
    'I2 none counts twice': judgeHistory(executions, effects),
    'I3 tries and ends': await ask(cluster, 'attempts', [streams, RETRIES]),
    'I4 legal transitions': await ask(cluster, 'transitions', [streams]),
    'I5 versions without gap': await ask(cluster, 'streams', []),
    'I6 read models = fold': await readModelDifferences(cluster.databaseUrl),
    'I8 order of tasks': await ask(cluster, 'order', [streams, WIDE]),
    'I11 nothing left': await ask(cluster, 'leftovers', []),
  };
  const [losses] = await cluster.query<{ n: string }>(`SELECT count(*) AS n FROM events WHERE stream_id = ANY ($1) AND type = 'TaskAttemptLost'`, [streams]);
  return { violations, executions: executions.length, wasted: wasted(executions, effects), losses: Number(losses?.n) };
}

async function ask(cluster: FaultCluster, invariant: string, values: readonly unknown[]): Promise<string[]> {
  const sql = readFileSync(join(ROOT, 'test', 'fault', 'invariant', `${invariant}.sql`), 'utf8');
  return (await cluster.query<{ violation: string }>(sql, values)).map((row) => row.violation);
}

/** Ends of executions that the journal took in; a loss is none, for its result was thrown away. */
async function effectsOf(cluster: FaultCluster, streams: readonly string[]): Promise<Effect[]> {
  return cluster.query<{ attempt: string; epoch: number; succeeded: boolean }>(
    `SELECT substr(e.stream_id, 5) || '/' || (data->>'taskId') || '/' || (data->>'mapIndex') || '/' || (data->>'tryNumber') AS attempt, (data->>'epoch')::int AS epoch, type = 'TaskSucceeded' AS succeeded
     FROM events e WHERE stream_id = ANY ($1) AND type IN ('TaskSucceeded', 'TaskFailed', 'TaskRetryScheduled') AND data->>'epoch' IS NOT NULL
       AND NOT EXISTS (SELECT FROM events l WHERE l.stream_id = e.stream_id AND l.version = e.version - 1 AND l.type = 'TaskAttemptLost')`,
    [streams],
  );
}

/** Folds everything anew beside the live rows and compares; the rebuilt rows take the live ones' place. */
async function readModelDifferences(databaseUrl: string): Promise<string[]> {
  const stores = await openPostgresStores({ url: databaseUrl, maxConnections: 2 });
  try {
    const make = (schema: string): ReadModelProjection =>
      new ReadModelProjection({ schema, plans: new PlanCache((hash) => stores.events.getContent('plan', hash)), onStopped: () => undefined });
    // Whoever is first, the gateway's projector or this one: each batch counts once.
    await new ProjectionRunner({ pool: stores.pool, events: stores.events, projection: make('rm') }).catchUp();
    const live = await rowHashes(stores, 'rm');
    await rebuildProjection({ pool: stores.pool, events: stores.events, schema: 'rm', make });
    const folded = await rowHashes(stores, 'rm');
    const stopped = await stores.pool.query<{ stream_id: string }>('SELECT stream_id FROM rm.stopped_streams');
    return [...READ_MODELS.filter((table) => live[table] !== folded[table]).map((table) => `rm.${table} is not the fold of the events`), ...stopped.rows.map((row) => `the projection stopped at ${row.stream_id}`)];
  } finally {
    await stores.close();
  }
}

async function rowHashes(stores: PostgresStores, schema: string): Promise<Record<string, string | null>> {
  const hashes: Record<string, string | null> = {};
  for (const table of READ_MODELS) {
    const { rows } = await stores.pool.query<{ hash: string | null }>(`SELECT md5(string_agg(md5(t::text), '' ORDER BY md5(t::text))) AS hash FROM ${schema}.${table} t`);
    hashes[table] = rows[0]?.hash ?? null;
  }
  return hashes;
}
