import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { PartFault } from '../part-fault.ts';

const run = promisify(execFile);

export interface S3ServerOptions {
  /** The server is built into it once, 45 MB. */
  readonly cacheDir: string;
  /** Made when missing. Each folder in it is a bucket. */
  readonly dataDir: string;
  /** Address that it listens at. Default `127.0.0.1`. */
  readonly host?: string;
  readonly log?: (line: string) => void;
}

export interface S3Server {
  /** `http://<host>:<port>` */
  readonly endpoint: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** Resolves when the server is gone. Safe twice. */
  stop(): Promise<void>;
}

const MODULE = 'github.com/versity/versitygw/cmd/versitygw@latest';
const START_PATIENCE_MS = 15_000;

/** Starts a real S3 server (versitygw) on a folder. Fails with `s3.go_missing`, `s3.build_failed` or `s3.start_failed`. */
export async function startS3(options: S3ServerOptions): Promise<S3Server> {
  const program = await ensureBuilt(options);
  mkdirSync(options.dataDir, { recursive: true });
  const [accessKeyId, secretAccessKey] = [`AK${randomBytes(8).toString('hex').toUpperCase()}`, randomBytes(20).toString('hex')];
  const { host = '127.0.0.1' } = options;
  const port = await freePort();
  const child = spawn(program, ['--port', `${host}:${port}`, 'posix', options.dataDir], { stdio: 'ignore', env: { ...process.env, ROOT_ACCESS_KEY: accessKeyId, ROOT_SECRET_KEY: secretAccessKey } });
  const endpoint = `http://${host}:${port}`;
  const stop = (): Promise<void> => ended(child);
  if (!(await becomesReady(child, endpoint))) {
    await stop();
    throw new PartFault('s3.start_failed', `The S3 server did not start on ${options.dataDir}.`, 'Its folder must be on a file system with extended attributes.');
  }
  return { endpoint, accessKeyId, secretAccessKey, stop };
}

async function ensureBuilt({ cacheDir, log }: S3ServerOptions): Promise<string> {
  const program = join(cacheDir, 'versitygw');
  if (existsSync(program)) return program;
  log?.('building the S3 server (once, a minute or two) …');
  mkdirSync(cacheDir, { recursive: true });
  const incoming = mkdtempSync(join(cacheDir, 'build-'));
  try {
    await run('go', ['install', '-trimpath', '-ldflags', '-s -w', MODULE], { env: { ...process.env, CGO_ENABLED: '0', GOBIN: incoming }, maxBuffer: 16 << 20 });
    renameSync(join(incoming, 'versitygw'), program);
  } catch (cause) {
    const { code, stderr } = cause as { code?: string | number; stderr?: string };
    if (code === 'ENOENT') throw new PartFault('s3.go_missing', 'The S3 server is built with Go, and there is no `go` on the PATH.', 'Install it: apt-get install golang', { cause });
    throw new PartFault('s3.build_failed', `The S3 server could not be built: ${stderr?.trim().split('\n').at(-1) ?? String(cause)}`, 'Check that this machine reaches a Go module proxy (`go env GOPROXY`).', { cause });
  } finally {
    rmSync(incoming, { recursive: true, force: true });
  }
  return program;
}

async function becomesReady(child: ChildProcess, endpoint: string): Promise<boolean> {
  for (const deadlineMs = performance.now() + START_PATIENCE_MS; performance.now() < deadlineMs && child.exitCode === null; await delay(20)) {
    if (await fetch(endpoint).then(() => true, () => false)) return true;
  }
  return false;
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  child.kill('SIGTERM');
  await exited;
}

const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
