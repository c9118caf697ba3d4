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
  /** From the start of the process to its first answer, milliseconds. */
  readonly upAfterMs: number;
  api<T>(method: string, path: string, body?: unknown): Promise<T>;
  writeDag(name: string, source: string): Promise<void>;
  /** Resolves when this many runs of the DAG have ended; rejects when one of them has failed. */
  runsEnded(dagId: string, count: number): Promise<void>;
  stop(): Promise<void>;
}

const ROOT = process.env['DAGBOOK_ROOT'] ?? process.cwd();

export interface ProductOptions {
  readonly shape: Shape;
  /** Kept by the caller when given; else a fresh one that goes with the product. */
  readonly dataDir?: string;
  readonly slots?: number;
  readonly args?: readonly string[];
}

export async function startProduct(options: ProductOptions): Promise<Product> {
  const dataDir = options.dataDir ?? mkdtempSync(join(tmpdir(), 'dagbook-bench-'));
  const dags = join(dataDir, 'dags');
  mkdirSync(dags, { recursive: true });
  const startedAt = performance.now();
  const entry = options.shape === 'standalone' ? 'standalone/main.js' : 'cluster/main.js';
  const args = ['--port', '0', '--data', dataDir, '--dags', dags, '--no-demo', '--slots', String(options.slots ?? 64), ...(options.args ?? [])];
  const child = spawn(process.execPath, [join(ROOT, 'dist', entry), ...args], { cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, DAGBOOK_ROOT: ROOT } });
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const runtime = await runtimeOf(child, join(dataDir, 'runtime.json'), () => output);
  const upAfterMs = performance.now() - startedAt;
  const db = new pg.Client({ connectionString: runtime.databaseUrl });
  await db.connect();
  const token = await logIn(runtime.url, readFileSync(join(dataDir, 'admin-password'), 'utf8').trim());
  return new StartedProduct(child, runtime.url, token, dags, db, upAfterMs, options.dataDir === undefined ? dataDir : undefined, () => output);
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

class StartedProduct implements Product {
  readonly pid: number;
  readonly #child: ChildProcess;
  readonly #url: string;
  readonly #token: string;
  readonly #ownedDataDir: string | undefined;
  readonly #output: () => string;
  readonly dags: string;
  readonly db: pg.Client;
  readonly upAfterMs: number;

  constructor(child: ChildProcess, url: string, token: string, dags: string, db: pg.Client, upAfterMs: number, ownedDataDir: string | undefined, output: () => string) {
    this.pid = child.pid as number;
    this.#child = child;
    this.#url = url;
    this.#token = token;
    this.dags = dags;
    this.db = db;
    this.upAfterMs = upAfterMs;
    this.#ownedDataDir = ownedDataDir;
    this.#output = output;
  }

  async api<T>(method: string, path: string, body?: unknown): Promise<T> {
    const response = await fetch(`${this.#url}${path}`, {
      method,
      headers: { authorization: `Bearer ${this.#token}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    if (!response.ok) throw new Error(`${method} ${path} answered ${response.status}: ${await response.text()}\n${this.#output().slice(-2000)}`);
    return (await response.json()) as T;
  }

  async writeDag(name: string, source: string): Promise<void> {
    writeFileSync(join(this.dags, `${name}.ts`), source);
    for (let tries = 0; ; tries++) {
      const response = await fetch(`${this.#url}/api/v2/dags/${name}`, { headers: { authorization: `Bearer ${this.#token}` } });
      if (response.ok) return;
      if (tries > 3_000) throw new Error(`the DAG ${name} did not appear: ${await response.text()}\n${this.#output().slice(-2000)}`);
      await pause(10);
    }
  }

  async runsEnded(dagId: string, count: number): Promise<void> {
    const wanted = `run-${dagId}/`;
    for (;;) {
      const { rows } = await this.db.query<{ type: string; n: string }>(
        `SELECT type, count(*) AS n FROM events WHERE stream_id >= $1 AND stream_id < $2 AND type IN ('RunSucceeded', 'RunFailed') GROUP BY type`,
        [wanted, `run-${dagId}0`],
      );
      const failed = Number(rows.find((row) => row.type === 'RunFailed')?.n ?? 0);
      if (failed > 0) throw new Error(`${failed} runs of ${dagId} failed\n${this.#output().slice(-3000)}`);
      if (Number(rows.find((row) => row.type === 'RunSucceeded')?.n ?? 0) >= count) return;
      if (this.#child.exitCode !== null) throw new Error(`Dagbook exited with ${this.#child.exitCode}:\n${this.#output().slice(-3000)}`);
      await pause(20);
    }
  }

  async stop(): Promise<void> {
    await this.db.end();
    if (this.#child.exitCode === null) {
      this.#child.kill('SIGTERM');
      await once(this.#child, 'exit');
    }
    if (this.#ownedDataDir !== undefined) rmSync(this.#ownedDataDir, { recursive: true, force: true });
  }
}
