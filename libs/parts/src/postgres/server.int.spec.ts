import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type EmbeddedPostgres, startEmbeddedPostgres } from './server.ts';

let folder: string;
let running: EmbeddedPostgres[] = [];
const log: string[] = [];
const settings = { shared_buffers: '16MB' };

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dagbook-postgres-'));
  running = [];
  log.length = 0;
});
afterEach(async () => {
  for (const server of running) await server.stop();
  await rm(folder, { recursive: true, force: true });
});

async function start(dataDir = join(folder, 'data'), port = 0): Promise<EmbeddedPostgres> {
  const server = await startEmbeddedPostgres({ dataDir, port, settings, log: (line) => log.push(line) });
  running.push(server);
  return server;
}

async function query<R extends pg.QueryResultRow>(server: EmbeddedPostgres, text: string): Promise<R[]> {
  const client = new pg.Client({ connectionString: server.url });
  await client.connect();
  try {
    return (await client.query<R>(text)).rows;
  } finally {
    await client.end();
  }
}

/** A Dagbook of its own, which can be killed: starts a server and prints its process id. */
async function startInChild(dataDir: string): Promise<{ child: ChildProcess; postmaster: number }> {
  const door = new URL('./server.ts', import.meta.url).href;
  const script = `const { startEmbeddedPostgres } = await import(${JSON.stringify(door)});
    const server = await startEmbeddedPostgres({ dataDir: ${JSON.stringify(dataDir)}, settings: { shared_buffers: '16MB' } });
    console.log(server.pid);
    setInterval(() => undefined, 60_000);`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [chunk] = (await once(child.stdout, 'data')) as [Buffer];
  return { child, postmaster: Number(chunk.toString()) };
}

async function kill(child: ChildProcess): Promise<void> {
  const gone = once(child, 'exit');
  child.kill('SIGKILL');
  await gone;
}

describe('startEmbeddedPostgres', () => {
  it('initialises an empty folder, keeps what was written, and stops twice', async () => {
    const first = await start();
    const [settled] = await query<{ sync: string; collation: string; major: number }>(
      first,
      `SELECT current_setting('synchronous_commit') AS sync, datlocale AS collation, current_setting('server_version_num')::int / 10000 AS major FROM pg_database WHERE datname = 'dagbook'`,
    );
    expect(settled).toEqual({ sync: 'on', collation: 'C.UTF-8', major: 18 });
    await query(first, 'CREATE TABLE kept AS SELECT 1 AS n');
    await Promise.all([first.stop(), first.stop()]);
    await first.exited;
    await first.stop();
    const second = await start();
    expect(await query(second, 'SELECT n FROM kept')).toEqual([{ n: 1 }]);
  });

  it('refuses strangers: the password lies in the folder, for its owner alone', async () => {
    const server = await start();
    const url = new URL(server.url);
    expect((await readFile(join(folder, 'data', 'password'), 'utf8')).trim()).toBe(url.password);
    url.password = 'wrong';
    const client = new pg.Client({ connectionString: url.href });
    await expect(client.connect()).rejects.toMatchObject({ code: '28P01' });
  });

  it('starts in folders that only their owner may pass through', async () => {
    const closed = join(folder, 'closed');
    await mkdir(closed);
    await chmod(closed, 0o700);
    const server = await start(join(closed, 'data'));
    expect(await query(server, 'SELECT 1 AS n')).toEqual([{ n: 1 }]);
  });

  it('is the only one on its folder, and says who is', async () => {
    await whileRunning(await startInChild(join(folder, 'data')), async ({ child }) => {
      await expect(start()).rejects.toMatchObject({
        code: 'postgres.in_use',
        message: expect.stringContaining(`process ${child.pid}`) as string,
        remedy: expect.stringContaining(`kill ${child.pid}`) as string,
      });
    });
  });

  it('takes over from a killed Dagbook: stops its Postgres and says so', async () => {
    const { child, postmaster } = await startInChild(join(folder, 'data'));
    await kill(child);
    expect(existsSync(`/proc/${postmaster}`)).toBe(true);
    const server = await start();
    expect(server.pid).not.toBe(postmaster);
    expect(log).toContain(`Stopped a Postgres (process ${postmaster}) that a killed process had left behind on this data folder.`);
  });

  it('recovers when Dagbook and Postgres were killed together', async () => {
    const { child, postmaster } = await startInChild(join(folder, 'data'));
    process.kill(postmaster, 'SIGKILL');
    await ended(postmaster);
    await kill(child);
    const server = await start();
    // Ours, when the file of the killed one lies there; Postgres's own, whatever it found.
    expect(log.join('\n')).toMatch(/was killed; it recovers from its log|automatic recovery in progress/);
    expect(await query(server, 'SELECT 1 AS n')).toEqual([{ n: 1 }]);
  });

  it('says when its server dies', async () => {
    const server = await start();
    process.kill(server.pid, 'SIGKILL');
    await server.exited;
    await server.stop();
    const again = await start();
    expect(await query(again, 'SELECT 1 AS n')).toEqual([{ n: 1 }]);
  });

  it('begins again after an interrupted initialisation', async () => {
    await mkdir(join(folder, 'data', 'cluster.initialising', 'base'), { recursive: true });
    const server = await start();
    expect(await query(server, 'SELECT 1 AS n')).toEqual([{ n: 1 }]);
    expect(existsSync(join(folder, 'data', 'cluster.initialising'))).toBe(false);
  });
});

describe('startEmbeddedPostgres refuses, with a sentence and a remedy,', () => {
  const refusal = (code: string, message: string) => ({ name: 'PartFault', code, message: expect.stringContaining(message) as string, remedy: expect.stringMatching(/\w.*\.$/) as string });

  it('a port in use', async () => {
    const taken: Server = createServer();
    await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
    const { port } = taken.address() as { port: number };
    await expect(start(join(folder, 'data'), port)).rejects.toMatchObject(refusal('postgres.port_in_use', `Port ${port}`));
    await new Promise((resolve) => taken.close(resolve));
    const server = await start(join(folder, 'data'), port);
    expect(server.port).toBe(port);
  });

  it('a folder that cannot be made', async () => {
    await writeFile(join(folder, 'file'), '');
    await expect(start(join(folder, 'file', 'data'))).rejects.toMatchObject(refusal('postgres.folder_read_only', 'ENOTDIR'));
    await expect(start('/sys/dagbook')).rejects.toMatchObject(refusal('postgres.folder_read_only', '/sys/dagbook'));
  });

  it('a cluster of another major version', async () => {
    await mkdir(join(folder, 'data', 'cluster'), { recursive: true });
    await writeFile(join(folder, 'data', 'cluster', 'PG_VERSION'), '16\n');
    await expect(start()).rejects.toMatchObject(refusal('postgres.other_version', 'Postgres 16'));
  });

  it('a folder that is no cluster', async () => {
    await mkdir(join(folder, 'data', 'cluster'), { recursive: true });
    await expect(start()).rejects.toMatchObject(refusal('postgres.not_a_cluster', 'PG_VERSION'));
    expect(existsSync(join(folder, 'data', 'owner.pid'))).toBe(false);
  });
});

async function whileRunning(started: { child: ChildProcess; postmaster: number }, work: (started: { child: ChildProcess }) => Promise<void>): Promise<void> {
  try {
    await work(started);
  } finally {
    await kill(started.child);
    process.kill(started.postmaster, 'SIGINT');
    await ended(started.postmaster);
  }
}

/** Resolves when the process has ended (it may be a zombie yet). */
async function ended(pid: number): Promise<void> {
  while (existsSync(`/proc/${pid}/exe`)) await new Promise((resolve) => setImmediate(resolve));
}
