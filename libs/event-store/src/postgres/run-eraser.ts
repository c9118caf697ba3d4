import type pg from 'pg';
import { retrying } from './connection.ts';

export interface ErasedRun {
  readonly dagId: string;
  readonly runId: string;
}

/** Rows of one statement: while it runs, readers of the feed wait. */
const BATCH_ROWS = 2_000;
const LOCK = `hashtextextended('dagbook erases runs', 0)`;

/**
 * Deletes what is kept of runs that were erased (`RunErased`): events of the run and its attempts, results, rendered fields, states of its tasks, the
 * snapshot, the claim of its logical date. Only once every reader of the feed has passed that event; the event itself goes
 * last, so that whoever comes after a crash finds what is left to do. Each step can be repeated.
 */
export class RunEraser {
  readonly #pool: pg.Pool;
  constructor(pool: pg.Pool) {
    this.#pool = pool;
  }

  /** Runs whose erasure every reader has passed. */
  async pending(): Promise<readonly ErasedRun[]> {
    const text = `SELECT stream_id FROM events WHERE type = 'RunErased' AND (xid, pos) <= (SELECT xid, pos FROM projection_checkpoints ORDER BY xid, pos LIMIT 1) ORDER BY stream_id LIMIT 1000`;
    const { rows } = await retrying('list erased runs', () => this.#pool.query<{ stream_id: string }>(text));
    return rows.map(({ stream_id: streamId }) => {
      const slash = streamId.indexOf('/');
      return { dagId: streamId.slice('run-'.length, slash), runId: streamId.slice(slash + 1) };
    });
  }

  /**
   * Runs `action` while nobody else does, in any process; false: somebody else is at it. An eraser with a list that another has worked through would find, under the id of a
   * run that is gone, one that was made since.
   */
  async alone(action: () => Promise<void>): Promise<boolean> {
    const client = await this.#pool.connect();
    let isKept = false;
    try {
      const { rows } = await client.query<{ held: boolean }>(`SELECT pg_try_advisory_lock(${LOCK}) AS held`);
      isKept = rows[0]?.held !== true;
      if (isKept) return false;
      await action();
      return true;
    } finally {
      // The lock goes with its session: no other end of it is as certain.
      client.release(!isKept);
    }
  }

  async erase({ dagId, runId }: ErasedRun): Promise<void> {
    const run = `${dagId}/${runId}`;
    const below = (prefix: string): readonly [string, string] => [`${prefix}/`, `${prefix}0`];
    await this.#inBatches('DELETE FROM events WHERE (stream_id, version) IN (SELECT stream_id, version FROM events WHERE stream_id >= $1 AND stream_id < $2 ORDER BY stream_id, version LIMIT $3)', below(`attempt-${run}`));
    for (const [kind, prefix] of [['xcom', run], ['xcom', `results/${run}`], ['rendered', run]] as const) {
      await this.#inBatches(`DELETE FROM contents WHERE (kind, key) IN (SELECT kind, key FROM contents WHERE kind = '${kind}' AND key >= $1 AND key < $2 ORDER BY kind, key LIMIT $3)`, below(prefix));
    }
    await this.#run('DELETE FROM task_states WHERE dag_id = $1 AND run_id = $2', [dagId, runId]);
    await this.#run('DELETE FROM snapshots WHERE stream_id = $1', [`run-${run}`]);
    const logicalDateMs = await this.#logicalDateOf(run);
    if (logicalDateMs !== null) await this.#run(`DELETE FROM events WHERE stream_id = $1 AND data ->> 'runId' = $2`, [`claim-${dagId}/${logicalDateMs}`, runId]);
    await this.#inBatches(`DELETE FROM events WHERE (stream_id, version) IN (SELECT stream_id, version FROM events WHERE stream_id = $1 AND type <> $2 ORDER BY version DESC LIMIT $3)`, [`run-${run}`, 'RunErased']);
    await this.#run('DELETE FROM events WHERE stream_id = $1', [`run-${run}`]);
  }

  /** Read here, not by Postgres: it opens no JSON in which some text holds U+0000, and a conf of old may. */
  async #logicalDateOf(run: string): Promise<number | null> {
    const { rows } = await retrying('erase a run', () => this.#pool.query<{ data: string }>('SELECT data::text AS data FROM events WHERE stream_id = $1 AND version = 1', [`run-${run}`]));
    return rows[0] === undefined ? null : ((JSON.parse(rows[0].data) as { readonly logicalDateMs?: number | null }).logicalDateMs ?? null);
  }

  async #inBatches(text: string, values: readonly [string, string]): Promise<void> {
    while ((await this.#run(text, [...values, BATCH_ROWS])) === BATCH_ROWS);
  }

  async #run(text: string, values: readonly unknown[]): Promise<number> {
    return (await retrying('erase a run', () => this.#pool.query(text, [...values]))).rowCount ?? 0;
  }
}
