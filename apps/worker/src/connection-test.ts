import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ConnectionTestOutcome, ExecutionApi } from '@dagbook/contracts';
import { type Json, SecretMask, secretsInConnection } from '@dagbook/domain';
import { type Clock, errorAttributes, type Log, WakeableLoop } from '@dagbook/platform';
import { type AsideLoop, type AsideOptions, closedWith, runAside } from './aside.ts';
import type { RunnerProcess } from './runner-process.ts';

const ASK_EVERY_MS = 2_000;
/** Where tests are off, a worker looks rarely whether they are on. */
const ASK_RARELY_MS = 300_000;
const WITHIN_MS = 40_000;

type Fields = { readonly [field: string]: Json };
type Kind = 'sql' | 'http' | 'aws' | 's3' | 'docker' | 'tcp';

const KINDS: { readonly [type: string]: Kind } = { postgres: 'sql', postgresql: 'sql', redshift: 'sql', cockroachdb: 'sql', http: 'http', https: 'http', aws: 'aws', docker: 'docker' };
const PORTS: { readonly [type: string]: number } = { ssh: 22, sftp: 22, ftp: 21, smtp: 587, email: 587, mysql: 3306, mssql: 1433, oracle: 1521, redis: 6379, mongo: 27017, kafka: 9092 };

/** The same operators as a task uses, so that what passes here works there. */
const CODE = `import { connect } from 'node:net';
import { aws, dag, dockerClean, http, sql } from '@dagbook/sdk';
const d = dag('connection_test', {});
const connection = 'tested';
d.task('sql', sql({ connection, sql: 'SELECT 1' }))();
d.task('http', http({ connection, url: '/', method: 'HEAD', within: '30s', expect: Array.from({ length: 400 }, (_, at) => at + 100) }))();
d.task('aws', aws({ connection, args: ['sts', 'get-caller-identity'] }))();
d.task('s3', aws({ connection, args: ['s3api', 'list-buckets', '--query', 'length(Buckets)'] }))();
d.task('docker', dockerClean({ connection, containers: true, labels: 'dagbook.test=none', dryRun: true }))();
d.task('tcp', async (_, { conn }) => {
  const { host, port } = await conn(connection);
  await new Promise((resolve, reject) => {
    const socket = connect({ host, port: Number(port), timeout: 30_000 });
    socket.once('connect', () => resolve(socket.destroy()));
    socket.once('timeout', () => reject(new Error('nothing answers at ' + host + ':' + port + ' within 30 s')));
    socket.once('error', reject);
  });
})();
export default d;
`;

export interface ConnectionTestOptions extends AsideOptions {
  readonly stateDir: string;
  readonly worker: string;
  readonly queues: readonly string[];
  readonly api: Pick<ExecutionApi, 'connectionTest'>;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * Tests connections that people ask about, with what this host can reach, one at a time, in a runner of its own. State: what was
 * tested last, until the gateway has been told.
 */
export function connectionTests(options: ConnectionTestOptions): AsideLoop {
  let done: (ConnectionTestOutcome & { readonly testId: string }) | undefined;
  let askAgainAtMs = 0;
  let runner: RunnerProcess | undefined;
  const loop = new WakeableLoop({
    intervalMs: ASK_EVERY_MS,
    round: async () => {
      while (options.clock.nowMs() >= askAgainAtMs) {
        const answer = await options.api.connectionTest({ worker: options.worker, queues: options.queues, ...(done === undefined ? {} : { done }) });
        done = undefined;
        if (!answer.enabled) askAgainAtMs = options.clock.nowMs() + ASK_RARELY_MS;
        if (answer.test === undefined) return;
        done = { testId: answer.test.testId, ...(await tested(options, answer.test.connection, (spawned) => (runner = spawned))) };
        runner = undefined;
      }
    },
    onError: (error) => options.log.debug('could not ask for connections to test', errorAttributes(error)),
  });
  return closedWith(loop, () => runner);
}

async function tested(options: ConnectionTestOptions, given: Fields, spawned: (runner: RunnerProcess) => void): Promise<ConnectionTestOutcome> {
  const type = textOf(given['conn_type']).toLowerCase();
  const kind = kindOf(type, given);
  const port = given['port'] ?? PORTS[type] ?? null;
  if (kind === 'tcp' && (!given['host'] || port === null)) return { status: false, message: `A connection of type ${type} without a host and a port cannot be tested.` };
  const bundlePath = join(options.stateDir, 'connection-test.mjs');
  writeFileSync(bundlePath, CODE);
  let timer: NodeJS.Timeout | undefined;
  const end = await runAside(options, { bundlePath, dagId: 'connection_test', taskId: kind }, {
    onLine: () => undefined,
    onCall: async ({ id, method }) => (method === 'connection' ? { id, value: kind === 'tcp' ? { ...given, port } : given } : { id, error: { message: 'a test of a connection has nothing else' } }),
    onSpawn: (runner) => {
      spawned(runner);
      timer = setTimeout(() => void runner.terminate(0), WITHIN_MS);
    },
  });
  clearTimeout(timer);
  if (end === undefined) return { status: false, message: `The test did not end within ${WITHIN_MS / 1000} s, or its process died.` };
  if (end.outcome.kind !== 'failed') return { status: true, message: 'Connection successfully tested' };
  const mask = new SecretMask();
  for (const secret of secretsInConnection(given)) mask.add(secret);
  return { status: false, message: mask.mask(end.outcome.failure.message).replaceAll("connection 'tested'", 'this connection') };
}

const textOf = (value: Json | undefined): string => (typeof value === 'string' ? value : JSON.stringify(value ?? ''));

function kindOf(type: string, given: Fields): Kind {
  const kind = Object.hasOwn(KINDS, type) ? (KINDS[type] as Kind) : 'tcp';
  // Who is not AWS has no STS.
  return kind === 'aws' && (textOf(given['extra']) + textOf(given['host'])).includes('://') ? 's3' : kind;
}
