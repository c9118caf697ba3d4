import { randomUUID } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';
import { ApiRefusal, startProduct, type Product } from '../harness/product.ts';
import type { Victim } from './kill-plan.ts';
import { isRunning, processesMarked, type ProcessFacts } from './process-table.ts';
import { holds, until } from './until.ts';

/** Every wait of the protocol shortened, in the proportions that production has. */
const SHORT_TIMES = {
  DAGBOOK_WORKER_RENEW_EVERY_MS: '500',
  DAGBOOK_WORKER_TERM_GRACE_MS: '1000',
  DAGBOOK_WORKER_RESEND_EVERY_MS: '500',
  DAGBOOK_DISPATCHER_CHECK_EVERY_MS: '200',
  DAGBOOK_DISPATCHER_UNREACHABLE_AFTER_MS: '3000',
};
const RETRY_MS = 50;

interface Runtime {
  readonly databaseUrl: string;
  readonly processes: Readonly<Record<string, number>>;
  readonly postgresPid?: number;
  readonly kafkaPid?: number;
}

/** A cluster whose parts can be killed and found again, and which can be asked while they are away. */
export class FaultCluster {
  readonly product: Product;
  readonly folder: string;
  readonly #mark: string;

  private constructor(product: Product, folder: string, mark: string) {
    this.product = product;
    this.folder = folder;
    this.#mark = mark;
  }

  /** Two schedulers, two workers, one of each other service. */
  static async start(): Promise<FaultCluster> {
    const folder = mkdtempSync(join(tmpdir(), 'dagbook-fault-'));
    const mark = `FAULT_RUN=${randomUUID()}`;
    const [name, value] = mark.split('=') as [string, string];
    const product = await startProduct({ shape: 'cluster', dataDir: folder, slots: 16, args: ['--schedulers', '2', '--workers', '2'], env: { ...SHORT_TIMES, [name]: value } });
    return new FaultCluster(product, folder, mark);
  }

  /** Where tasks write what they did. */
  get historyFolder(): string {
    return join(this.folder, 'history');
  }

  get logFolder(): string {
    return join(this.folder, 'log');
  }

  get databaseUrl(): string {
    return this.#runtime().databaseUrl;
  }

  /** Names of the processes of a kind, `worker-1` and so on; the parts have one of their own. */
  namesOf(victim: Victim): readonly string[] {
    if (victim === 'scheduler' || victim === 'worker') return [`${victim}-1`, `${victim}-2`];
    return [victim];
  }

  pidOf(name: string): number | undefined {
    const { processes, postgresPid, kafkaPid } = this.#runtime();
    const pid = name === 'postgres' ? postgresPid : name === 'kafka' ? kafkaPid : processes[name];
    return pid !== undefined && isRunning(pid) ? pid : undefined;
  }

  /** The process of that name, as soon as there is one. */
  async running(name: string): Promise<number> {
    return until(() => this.pidOf(name));
  }

  /** `kill -9`; answers a wait for its successor. */
  async kill(name: string): Promise<() => Promise<number>> {
    const pid = await this.running(name);
    process.kill(pid, 'SIGKILL');
    return () => until(() => {
      const successor = this.pidOf(name);
      return successor === pid ? undefined : successor;
    });
  }

  /** Rows of the journal, asked until the database answers. */
  async query<Row extends pg.QueryResultRow>(sql: string, values: readonly unknown[] = []): Promise<Row[]> {
    for (;;) {
      const client = new pg.Client({ connectionString: this.databaseUrl });
      client.on('error', () => undefined);
      try {
        await client.connect();
        return (await client.query<Row>(sql, [...values])).rows;
      } catch (error) {
        if (!isAway(error)) throw error;
        await pause(RETRY_MS);
      } finally {
        await client.end().catch(() => undefined);
      }
    }
  }

  /** Asks until the API answers, as a careful client does; undefined: it says that this was done already. */
  async ask<T>(method: string, path: string, body?: unknown): Promise<T | undefined> {
    for (;;) {
      try {
        return await this.product.api<T>(method, path, body);
      } catch (error) {
        if (error instanceof ApiRefusal && error.status === 409) return undefined;
        if (error instanceof ApiRefusal && error.status < 500) throw error;
        await pause(RETRY_MS);
      }
    }
  }

  async trigger(dagId: string, runId: string, conf: object = {}): Promise<void> {
    await this.ask('POST', `/api/v2/dags/${dagId}/dagRuns`, { dag_run_id: runId, logical_date: null, conf });
  }

  /** The run's task events, in order. */
  async taskEvents(dagId: string, runId: string): Promise<readonly TaskEvent[]> {
    return this.query<TaskEvent>(
      `SELECT type, data->>'taskId' AS "taskId", (data->>'epoch')::int AS epoch, data->>'worker' AS worker, stored_at_ms::float8 AS "atMs"
       FROM events WHERE stream_id = $1 AND type LIKE 'Task%' ORDER BY version`,
      [`run-${dagId}/${runId}`],
    );
  }

  async ended(dagId: string, runId: string): Promise<string> {
    return until(async () => {
      const [end] = await this.query<{ type: string }>(`SELECT type FROM events WHERE stream_id = $1 AND type IN ('RunSucceeded', 'RunFailed')`, [`run-${dagId}/${runId}`]);
      return end?.type;
    });
  }

  /** Resolves when a task has succeeded since. */
  async tasksGoOn(): Promise<void> {
    const done = async (): Promise<number> => Number((await this.query<{ n: string }>(`SELECT count(*) AS n FROM events WHERE type = 'TaskSucceeded'`))[0]?.n);
    const before = await done();
    await holds(async () => (await done()) > before);
  }

  /** Everything that was started with the cluster and still runs. */
  remains(): ProcessFacts[] {
    return processesMarked(this.#mark);
  }

  /** Stops it and waits until nothing of it runs. */
  async stop(options: { readonly keep?: boolean } = {}): Promise<void> {
    await this.product.stop();
    await holds(() => this.remains().length === 0);
    if (options.keep !== true) rmSync(this.folder, { recursive: true, force: true });
  }

  #runtime(): Runtime {
    return JSON.parse(readFileSync(join(this.folder, 'runtime.json'), 'utf8')) as Runtime;
  }
}

export interface TaskEvent {
  readonly type: string;
  readonly taskId: string;
  readonly epoch: number | null;
  readonly worker: string | null;
  readonly atMs: number;
}

/** Not there, starting or going down: another time it answers. What the server refuses otherwise is a bug of the query. */
const isAway = (error: unknown): boolean => !(error instanceof pg.DatabaseError) || /^(08|53|57P)/.test(error.code ?? '');
