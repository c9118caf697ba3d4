import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';

export type Shape = 'standalone' | 'cluster';

/** A running Dagbook, started as a user starts it, with a database connection of our own to read the journal by. */
export interface Product {
  readonly pid: number;
  readonly dags: string;
  readonly db: pg.Client;
  readonly url: string;
  /** Of the administrator. */
  readonly token: string;
  readonly dataDir: string;
  /** From the start of the process to its first answer, milliseconds. */
  readonly upAfterMs: number;
  /** All that it printed. */
  output(): string;
  exited(): Promise<number | null>;
  kill(signal: NodeJS.Signals): void;
  api<T>(method: string, path: string, body?: unknown): Promise<T>;
  writeDag(name: string, source: string): Promise<void>;
  /** Resolves when this many runs of the DAG have ended; rejects when one of them has failed. */
  runsEnded(dagId: string, count: number): Promise<void>;
  stop(): Promise<void>;
}

const ROOT = process.env['DAGBOOK_ROOT'] ?? process.cwd();

export interface ProductOptions {
  readonly shape: Shape;
  /** Default: a folder of its own below the data folder. */
  readonly dagsDir?: string;
  /** Default: no demo. */
  readonly demo?: boolean;
  /** Kept by the caller when given; else a fresh one that goes with the product. */
  readonly dataDir?: string;
  readonly slots?: number;
  readonly args?: readonly string[];
  /** Over this process's own environment. */
  readonly env?: Readonly<Record<string, string>>;
}

/** The API answered, and not with success. */
export class ApiRefusal extends Error {
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.name = 'ApiRefusal';
    this.status = status;
  }
}

export async function startProduct(options: ProductOptions): Promise<Product> {
  const dataDir = options.dataDir ?? mkdtempSync(join(tmpdir(), 'dagbook-bench-'));
  const dags = options.dagsDir ?? join(dataDir, 'dags');
  mkdirSync(dags, { recursive: true });
  const startedAt = performance.now();
  const entry = options.shape === 'standalone' ? 'standalone/main.js' : 'cluster/main.js';
  const args = ['--port', '0', '--data', dataDir, '--dags', dags, ...(options.demo === true ? [] : ['--no-demo']), '--slots', String(options.slots ?? 64), ...(options.args ?? [])];
  const child = spawn(process.execPath, [join(ROOT, 'dist', entry), ...args], { cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, DAGBOOK_ROOT: ROOT, ...options.env } });
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const runtime = await runtimeOf(child, join(dataDir, 'runtime.json'), () => output);
  const upAfterMs = performance.now() - startedAt;
  const db = new pg.Client({ connectionString: runtime.databaseUrl });
  // Tests kill databases under this connection; a query that needs it says so itself.
  db.on('error', () => undefined);
  await db.connect();
  const token = await logIn(runtime.url, readFileSync(join(dataDir, 'admin-password'), 'utf8').trim());
  return new StartedProduct({ child, url: runtime.url, token, dags, dataDir, db, upAfterMs, removeData: options.dataDir === undefined, output: () => output });
}

async function runtimeOf(child: ChildProcess, file: string, output: () => string): Promise<{ url: string; databaseUrl: string }> {
  for (;;) {
    if (child.exitCode !== null) throw new Error(`Dagbook exited with ${child.exitCode} before it was up:\n${output()}`);
    if (existsSync(file)) {
      const runtime = JSON.parse(readFileSync(file, 'utf8')) as { pid: number; url: string; databaseUrl: string };
      if (runtime.pid === child.pid) return runtime;
    }
    await pause(2);
  }
}

async function logIn(url: string, password: string): Promise<string> {
  const response = await fetch(`${url}/auth/token`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ username: 'admin', password }) });
  if (response.status !== 201) throw new Error(`login answered ${response.status}: ${await response.text()}`);
  return ((await response.json()) as { access_token: string }).access_token;
}

interface Started {
  readonly child: ChildProcess;
  readonly url: string;
  readonly token: string;
  readonly dags: string;
  readonly dataDir: string;
  readonly db: pg.Client;
  readonly upAfterMs: number;
  readonly removeData: boolean;
  readonly output: () => string;
}

class StartedProduct implements Product {
  readonly #started: Started;

  constructor(started: Started) {
    this.#started = started;
  }

  get pid(): number {
    return this.#started.child.pid as number;
  }
  get url(): string {
    return this.#started.url;
  }
  get token(): string {
    return this.#started.token;
  }
  get dags(): string {
    return this.#started.dags;
  }
  get dataDir(): string {
    return this.#started.dataDir;
  }
  get db(): pg.Client {
    return this.#started.db;
  }
  get upAfterMs(): number {
    return this.#started.upAfterMs;
  }
  output(): string {
    return this.#started.output();
  }
  async exited(): Promise<number | null> {
    const { child } = this.#started;
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    return child.exitCode;
  }
  kill(signal: NodeJS.Signals): void {
    this.#started.child.kill(signal);
  }

  async api<T>(method: string, path: string, body?: unknown): Promise<T> {
    const response = await fetch(`${this.url}${path}`, {
      method,
      headers: { authorization: `Bearer ${this.#started.token}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    if (!response.ok) throw new ApiRefusal(response.status, `${method} ${path} answered ${response.status}: ${await response.text()}\n${this.output().slice(-2000)}`);
    return (await response.json()) as T;
  }

  async writeDag(name: string, source: string): Promise<void> {
    writeFileSync(join(this.dags, `${name}.ts`), source);
    for (let tries = 0; ; tries++) {
      const response = await fetch(`${this.url}/api/v2/dags/${name}`, { headers: { authorization: `Bearer ${this.#started.token}` } });
      if (response.ok) return;
      if (tries > 3_000) throw new Error(`the DAG ${name} did not appear: ${await response.text()}\n${this.output().slice(-2000)}`);
      await pause(10);
    }
  }

  async runsEnded(dagId: string, count: number): Promise<void> {
    // Asks the short list of unfinished runs while there are any: what is measured must not pay for the asking.
    for (;;) {
      const { rows } = await this.db.query<{ open: boolean }>('SELECT EXISTS (SELECT FROM open_runs WHERE dag_id = $1) AS open', [dagId]);
      if (rows[0]?.open === false && (await this.#ended(dagId)) >= count) return;
      if (this.#started.child.exitCode !== null) throw new Error(`Dagbook exited with ${this.#started.child.exitCode}:\n${this.output().slice(-3000)}`);
      await pause(50);
    }
  }

  async #ended(dagId: string): Promise<number> {
    const { rows } = await this.db.query<{ type: string; n: string }>(
      `SELECT type, count(*) AS n FROM events WHERE stream_id >= $1 AND stream_id < $2 AND type IN ('RunSucceeded', 'RunFailed') GROUP BY type`,
      [`run-${dagId}/`, `run-${dagId}0`],
    );
    const of = (type: string): number => Number(rows.find((row) => row.type === type)?.n ?? 0);
    if (of('RunFailed') > 0) throw new Error(`${of('RunFailed')} runs of ${dagId} failed\n${this.output().slice(-3000)}`);
    return of('RunSucceeded');
  }

  async stop(): Promise<void> {
    const { child, db, removeData, dataDir } = this.#started;
    await db.end().catch(() => undefined);
    if (child.exitCode === null && child.signalCode === null) {
      child.kill('SIGTERM');
      await once(child, 'exit');
    }
    if (removeData) rmSync(dataDir, { recursive: true, force: true });
  }
}
