import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startS3 } from '@dagbook/parts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { holds, until } from '../fault/until.ts';
import { HOST_USER, TwoHosts } from './two-hosts.ts';

const OUTAGE_MS = 60_000;

const dagSource = (dataA: string, dataB: string): string => `
import { bash, dag, docker } from '@dagbook/sdk';
const d = dag('two_hosts', { schedule: null, maxActiveRuns: 100, maxActiveTasks: 100 });
const told = { retries: 0, lostAfter: '5m' };
d.task('on_a', bash({ command: 'echo "on $(id -u) of a in $REGION"; echo a > ${dataA}/a-$DAGBOOK_RUN_ID', env: { REGION: '{{ var.value.region }}' } }), { ...told, queue: 's22' })();
d.task('on_b', bash({ command: 'echo "on $(id -u) of b"; echo b > ${dataB}/b-$DAGBOOK_RUN_ID' }), { ...told, queue: 's21' })();
d.task('in_container', docker({ image: 'dagbook:0.1.0', command: ['bash', '-c', 'echo "in $(id -u)"; echo c > ${dataB}/c-$DAGBOOK_RUN_ID'], entrypoint: [], pull: 'never', network: 'none', mounts: [{ source: '${dataB}', target: '${dataB}' }] }), { ...told, queue: 's21' })();
export default d;
`;

/** Links that lead out of the folder, to where the policy's own container has something else and has nothing. */
const linksSource = (dataB: string): string => `
import { bash, dag, docker } from '@dagbook/sdk';
const d = dag('links', { schedule: null });
const made = d.task('make', bash({ command: 'ln -s /root ${dataB}/to-root && ln -s /var/lib/elsewhere ${dataB}/to-nothing' }), { retries: 0, queue: 's21' })();
for (const link of ['to-root', 'to-nothing']) {
  const followed = d.task(link, docker({ image: 'dagbook:0.1.0', command: ['true'], entrypoint: [], pull: 'never', mounts: [{ source: '${dataB}/' + link, target: '/x' }] }), { retries: 0, queue: 's21' })();
  made.before(followed);
}
export default d;
`;

/** Host A has a stopped container of Dagbook's own: that of its migrations. */
const cleanSource = `
import { dag, dockerClean } from '@dagbook/sdk';
const d = dag('clean', { schedule: null });
d.task('clean', dockerClean({ images: true, olderThan: '1ms' }), { retries: 0, queue: 's22' })();
export default d;
`;

const refusedSource = `
import { dag, docker } from '@dagbook/sdk';
const d = dag('refused', { schedule: null });
d.task('grasp', docker({ image: 'dagbook:0.1.0', command: ['true'], pull: 'never', mounts: [{ source: '/etc', target: '/host', readOnly: true }] }), { retries: 0, queue: 's21' })();
export default d;
`;

/** In the site's zone: when it is next due moves with it. */
const nightlySource = `
import { dag } from '@dagbook/sdk';
const d = dag('nightly', { schedule: '0 0 * * *' });
d.empty('x');
export default d;
`;

const slowSource = (dagId: string, dataB: string): string => `
import { bash, dag } from '@dagbook/sdk';
import { z } from 'zod';
const d = dag('${dagId}', { schedule: null, maxActiveRuns: 100, maxActiveTasks: 100 });
const slow = [1, 2, 3, 4, 5, 6].map((n) => d.task('t' + n, bash({ command: 'echo begin >> ${dataB}/${dagId}-' + n + '; for i in $(seq 20); do echo "line $i"; sleep 2; done; echo end >> ${dataB}/${dagId}-' + n + '; echo ' + n, output: z.number() }), { retries: 3, lostAfter: '5m', queue: 's21' })());
d.task('after', bash({ command: 'echo "result $N"', env: { N: slow[5] } }), { queue: 's22' })();
export default d;
`;

interface TaskInstance {
  readonly task_id: string;
  readonly state: string | null;
  readonly hostname: string | null;
  readonly try_number: number;
}

let hosts: TwoHosts;
let token: string;

async function api<T>(method: string, path: string, body?: unknown): Promise<T> {
  const response = await fetch(`${hosts.url}${path}`, { method, headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' }, ...(body === undefined ? {} : { body: JSON.stringify(body) }) });
  if (!response.ok) throw new Error(`${method} ${path} answered ${response.status}: ${await response.text()}`);
  return (await response.json()) as T;
}

async function writeDag(dagId: string, source: string): Promise<void> {
  writeFileSync(join(hosts.site('a'), 'dags', `${dagId}.ts`), source);
  expect(await until(() => api<{ is_paused: boolean }>('GET', `/api/v2/dags/${dagId}`).catch(() => undefined))).toMatchObject({ is_paused: true });
  await api('PATCH', `/api/v2/dags/${dagId}`, { is_paused: false });
}

const trigger = (dagId: string, runId: string): Promise<unknown> => api('POST', `/api/v2/dags/${dagId}/dagRuns`, { dag_run_id: runId, logical_date: null });

const instances = async (dagId: string, runId: string): Promise<readonly TaskInstance[]> => (await api<{ task_instances: TaskInstance[] }>('GET', `/api/v2/dags/${dagId}/dagRuns/${runId}/taskInstances`)).task_instances;

/** The state in which the run has ended. */
const ended = (dagId: string, runId: string): Promise<string> =>
  until(async () => {
    const { state } = await api<{ state: string }>('GET', `/api/v2/dags/${dagId}/dagRuns/${runId}`).catch(() => ({ state: 'unknown' }));
    return ['success', 'failed'].includes(state) ? state : undefined;
  });

const logOf = async (dagId: string, runId: string, taskId: string, tryNumber = 1): Promise<string> => JSON.stringify(await api('GET', `/api/v2/dags/${dagId}/dagRuns/${runId}/taskInstances/${taskId}/logs/${tryNumber}?full_content=true`));

const states = async (dagId: string, runId: string): Promise<Record<string, string>> => Object.fromEntries((await instances(dagId, runId)).map((one) => [one.task_id, `${one.state} by ${one.hostname} at try ${one.try_number}`]));

/** Containers of a service that run and are healthy. */
const healthy = async (host: 'a' | 'b', service: string): Promise<number> =>
  (await hosts[host].docker('ps', '--quiet', '--filter', `label=com.docker.compose.service=${service}`, '--filter', 'health=healthy')).split('\n').filter(Boolean).length;

async function logIn(): Promise<void> {
  token = await until(async () => {
    const response = await fetch(`${hosts.url}/auth/token`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ username: 'admin', password: hosts.adminPassword }) }).catch(() => undefined);
    return response?.status === 201 ? ((await response.json()) as { access_token: string }).access_token : undefined;
  });
}

beforeAll(async () => {
  hosts = await TwoHosts.start();
  for (const [name, own] of [['a', { WORKER_HOST: 's22', WORKER_QUEUES: 's22,default' }], ['b', { WORKER_HOST: 's21', WORKER_QUEUES: 's21' }]] as const) {
    await hosts.printed(name, 'cp .env.example .env');
    hosts.correct(name, own);
    await hosts.printed(name, 'mkdir -p $STATE_DIR/postgres');
  }
  await hosts.printed('a', './make-secrets.sh');
  hosts.shareSecrets();
  writeFileSync(join(hosts.site('a'), 'secrets', 'dags', 'variables.env'), 'region=ap-northeast-2\n');
  for (const name of ['a', 'b'] as const) await hosts.printed(name, UP);
  await logIn();
});

afterAll(async () => {
  await hosts?.close();
});

const UP = 'docker compose -f host-a.yml up -d';
const SERVICES = { a: ['postgres', 'kafka', 'scheduler', 'dispatcher', 'log-server', 'api-gateway', 'docker-policy', 'worker'], b: ['docker-policy', 'worker'] } as const;
const LOG_IN = 'dagbook auth login --password-stdin';

const everythingHealthy = async (): Promise<void> => {
  for (const host of ['a', 'b'] as const) for (const service of SERVICES[host]) await holds(async () => (await healthy(host, service)) >= 1);
};

interface Inspected {
  readonly Config: { readonly User: string; readonly Labels: Readonly<Record<string, string>> };
  readonly HostConfig: { readonly CapDrop: readonly string[] | null; readonly SecurityOpt: readonly string[] | null; readonly Memory: number; readonly PidsLimit: number | null; readonly LogConfig: { readonly Type: string; readonly Config: Readonly<Record<string, string>> }; readonly RestartPolicy: { readonly Name: string }; readonly PortBindings: object | null };
}

const inspected = async (host: 'a' | 'b'): Promise<readonly Inspected[]> => {
  const ids = (await hosts[host].docker('ps', '--quiet')).split('\n').filter(Boolean);
  return JSON.parse(await hosts[host].docker('inspect', ...ids)) as Inspected[];
};

describe('two hosts, by the commands of the runbook', () => {
  test('every service comes up and is healthy, as the host user, within limits, its log rotated', async () => {
    await everythingHealthy();
    // As docker-compose 1.29 says it, and `docker compose`.
    expect(await hosts.printed('a', 'docker compose -f host-a.yml ps -a')).toMatch(/migrate.*(Exit 0|Exited \(0\))/);
    expect(await hosts.compose('a', 'exec', '-T', 'api-gateway', 'sh', '-c', 'cat /proc/1/comm; id -u; id -g')).toBe(`tini\n${HOST_USER}\n${HOST_USER}\n`);
    for (const host of ['a', 'b'] as const) {
      for (const { Config, HostConfig } of await inspected(host)) {
        const name = Config.Labels['com.docker.compose.service'];
        expect([name, HostConfig.Memory > 0, HostConfig.LogConfig, HostConfig.RestartPolicy.Name]).toEqual([name, true, { Type: 'json-file', Config: { 'max-file': '5', 'max-size': '10m' } }, 'always']);
        expect([name, HostConfig.CapDrop, HostConfig.SecurityOpt]).toEqual([name, ['ALL'], ['no-new-privileges:true']]);
        if (name === 'worker') expect(HostConfig.PidsLimit).toBe(4096);
      }
    }
  });

  // And over the cable nobody opens a connection to it, all the while: see `refuseFromOutside`.
  test('nothing of host B is published', async () => {
    expect((await inspected('b')).map(({ HostConfig }) => HostConfig.PortBindings ?? {})).toEqual([{}, {}]);
  });

  test('a task runs on the host whose queue it is in, and what it writes is the host user\'s', async () => {
    await writeDag('two_hosts', dagSource(join(hosts.site('a'), 'data'), join(hosts.site('b'), 'data')));
    await trigger('two_hosts', 'first');
    expect(await ended('two_hosts', 'first')).toBe('success');
    expect(await states('two_hosts', 'first')).toEqual({ on_a: 'success by s22-1 at try 1', on_b: 'success by s21-1 at try 1', in_container: 'success by s21-1 at try 1' });
    expect(await logOf('two_hosts', 'first', 'on_a')).toContain(`on ${HOST_USER} of a in ap-northeast-2`);
    const files = [['a', 'a-first'], ['b', 'b-first'], ['b', 'c-first']] as const;
    expect(files.map(([host, file]) => statSync(join(hosts.site(host), 'data', file))).map(({ uid, gid }) => [uid, gid])).toEqual(files.map(() => [HOST_USER, HOST_USER]));
  });

  test('a folder outside the site\'s policy is refused in the task\'s log; a policy that allows it counts after a restart', async () => {
    await writeDag('refused', refusedSource);
    await trigger('refused', 'first');
    expect(await ended('refused', 'first')).toBe('failed');
    expect(await logOf('refused', 'first', 'grasp')).toMatch(/HostConfig\.Mounts\.Source is .*\/etc.* this folder of the host may not be mounted/);
    writeFileSync(join(hosts.site('b'), 'docker-policy.json'), JSON.stringify({ binds: [join(hosts.site('b'), 'data')], readOnlyBinds: ['/etc'] }));
    await hosts.printed('b', 'restart docker-policy');
    await holds(async () => (await healthy('b', 'docker-policy')) === 1);
    await trigger('refused', 'second');
    expect(await ended('refused', 'second')).toBe('success');
  });

  test('a link out of the allowed folder is refused, wherever it leads', async () => {
    await writeDag('links', linksSource(join(hosts.site('b'), 'data')));
    await trigger('links', 'first');
    expect(await ended('links', 'first')).toBe('failed');
    for (const link of ['to-root', 'to-nothing']) expect(await logOf('links', 'first', link)).toMatch(/where its links lead cannot be seen by docker-policy/);
  });

  test('the command line in the image lists DAGs and reads logs; a service\'s own log and a shell are at hand', async () => {
    await hosts.printed('a', LOG_IN);
    expect(await hosts.printed('a', 'dagbook dags list')).toContain('two_hosts');
    expect(await hosts.printed('a', 'dagbook tasks logs', { dag: 'two_hosts', run: 'first', task: 'on_b' })).toContain(`on ${HOST_USER} of b`);
    expect(await hosts.printed('a', 'logs -f scheduler')).toContain('"event":"up"');
    expect(await hosts.printed('a', 'logs --tail 20 scheduler')).not.toBe('');
    await hosts.printed('a', 'exec scheduler bash');
  });

  test('logs of host B are read through host A after its worker was killed', async () => {
    const [worker = ''] = (await hosts.compose('b', 'ps', '--quiet', 'worker')).split('\n');
    await hosts.b.docker('update', '--restart', 'no', worker);
    await hosts.b.docker('kill', worker);
    expect(await logOf('two_hosts', 'first', 'on_b')).toContain(`on ${HOST_USER} of b`);
    expect(await hosts.printed('a', 'dagbook tasks logs', { dag: 'two_hosts', run: 'first', task: 'on_b' })).toContain(`on ${HOST_USER} of b`);
  });

  test('workers share a host, each on a slot of its own: three, then five, then two', async () => {
    await hosts.compose('b', 'up', '-d', '--scale', 'worker=3');
    await holds(async () => (await healthy('b', 'worker')) === 3);
    await hosts.printed('b', '--scale worker=5');
    await holds(async () => (await healthy('b', 'worker')) === 5);
    expect(readdirSync(join(hosts.site('b'), 'state', 'worker')).sort()).toEqual(['s21-1', 's21-2', 's21-3', 's21-4', 's21-5']);
    await hosts.compose('b', 'up', '-d', '--scale', 'worker=2');
    await holds(async () => (await healthy('b', 'worker')) === 2);
  });

  test('a cable that is out for a minute: tasks go on, none is lost or doubled, logs and results arrive', async () => {
    const data = join(hosts.site('b'), 'data');
    await writeDag('slow', slowSource('slow', data));
    await trigger('slow', 'first');
    const files = [1, 2, 3, 4, 5, 6].map((n) => join(data, `slow-${n}`));
    const slowOnes = async (): Promise<readonly (readonly [string | null, number])[]> => (await instances('slow', 'first')).filter(({ task_id: id }) => id !== 'after').map(({ state, try_number: tries }) => [state, tries]);
    await holds(() => files.every(existsSync));
    await hosts.pullCable(OUTAGE_MS);
    // They take 40 s: they ended while nobody could hear of it.
    expect(files.map((file) => readFileSync(file, 'utf8'))).toEqual(files.map(() => 'begin\nend\n'));
    expect(await slowOnes()).toEqual(files.map(() => ['running', 1]));
    await hosts.putCableBack();
    expect(await ended('slow', 'first')).toBe('success');
    expect(await slowOnes()).toEqual(files.map(() => ['success', 1]));
    expect(files.map((file) => readFileSync(file, 'utf8'))).toEqual(files.map(() => 'begin\nend\n'));
    await holds(async () => (await logOf('slow', 'first', 't6')).includes('line 20'));
    expect(await logOf('slow', 'first', 'after')).toContain('result 6');
  });

  test('an upgrade of host A keeps the runs, and what runs on host B meanwhile; then host B', async () => {
    const before = await states('two_hosts', 'first');
    const data = join(hosts.site('b'), 'data');
    await writeDag('meanwhile', slowSource('meanwhile', data));
    await trigger('meanwhile', 'first');
    await holds(() => [1, 2, 3, 4, 5, 6].every((n) => existsSync(join(data, `meanwhile-${n}`))));
    await hosts.build('0.2.0');
    await hosts.printed('a', './make-secrets.sh');
    await hosts.printed('a', 'DAGBOOK_IMAGE=dagbook:0.2.0');
    await everythingHealthy();
    await logIn();
    expect((await api<{ version: string }>('GET', '/api/v2/version')).version).toBe('0.2.0');
    expect(await states('two_hosts', 'first')).toEqual(before);
    expect(await ended('meanwhile', 'first')).toBe('success');
    expect((await instances('meanwhile', 'first')).map(({ try_number: tries }) => tries)).toEqual([1, 1, 1, 1, 1, 1, 1]);
    await hosts.bring('dagbook:0.2.0');
    await hosts.printed('b', 'DAGBOOK_IMAGE=dagbook:0.2.0');
    await holds(async () => (await healthy('b', 'worker')) >= 1);
    await trigger('two_hosts', 'upgraded');
    expect(await ended('two_hosts', 'upgraded')).toBe('success');
  });

  test('another time zone moves the schedules of DAGs that name none', async () => {
    await writeDag('nightly', nightlySource);
    const nextRun = async (): Promise<string | null> => (await api<{ next_dagrun_run_after: string | null }>('GET', '/api/v2/dags/nightly').catch(() => ({ next_dagrun_run_after: null }))).next_dagrun_run_after;
    await holds(async () => new Date((await nextRun()) ?? 0).getUTCHours() === 15);
    await hosts.printed('a', 'TIMEZONE=Europe/Berlin');
    await everythingHealthy();
    await logIn();
    await holds(async () => new Date((await nextRun()) ?? 0).getUTCHours() === 23);
    expect(await hosts.compose('a', 'exec', '-T', 'scheduler', 'date', '+%Z')).toMatch(/^CES?T\n$/);
  });

  test('a new certificate of host A is taken at once', async () => {
    await hosts.printed('a', 'rm secrets/host-a.pem');
    await hosts.printed('a', 'up -d dispatcher');
    await everythingHealthy();
    await logIn();
    await trigger('two_hosts', 'certified');
    expect(await ended('two_hosts', 'certified')).toBe('success');
  });

  test('Postgres restarted on its host folder, and all of host A made anew from a backup: the history is there', async () => {
    const before = await states('two_hosts', 'first');
    await hosts.compose('a', 'restart', 'postgres');
    await until(() => states('two_hosts', 'first').then((after) => (JSON.stringify(after) === JSON.stringify(before) ? true : undefined), () => undefined));
    await hosts.printed('a', 'docker compose -f host-a.yml down');
    await hosts.printed('a', 'tar -C $STATE_DIR -czpf');
    await hosts.printed('a', UP);
    await logIn();
    expect(await states('two_hosts', 'first')).toEqual(before);
    await hosts.printed('a', 'down --volumes');
    await hosts.printed('a', 'tar -C $STATE_DIR -xzpf', { date: new Date().toISOString().slice(0, 10) });
    await hosts.printed('a', UP);
    await logIn();
    expect(await states('two_hosts', 'first')).toEqual(before);
    await everythingHealthy();
    expect(await logOf('two_hosts', 'first', 'on_b')).toContain(`on ${HOST_USER} of b`);
    await trigger('two_hosts', 'second');
    expect(await ended('two_hosts', 'second')).toBe('success');
  });

  test('stopped containers, nameless images, old runs and old logs are removed', async () => {
    await hosts.b.docker('create', '--label', 'dagbook.dag=gone', '--name', 'stopped', 'dagbook:0.1.0', 'true');
    expect(await hosts.printed('b', 'docker container prune')).toContain('Deleted Containers');
    expect(await hosts.b.docker('ps', '--all', '--quiet', '--filter', 'name=stopped')).toBe('');
    await hosts.printed('b', 'docker image prune');
    await hosts.a.docker('create', '--name', 'stopped', 'dagbook:0.1.0', 'true');
    await writeDag('clean', cleanSource);
    await trigger('clean', 'first');
    expect(await ended('clean', 'first')).toBe('success');
    const cleaned = await logOf('clean', 'first', 'clean');
    expect([/removed container stopped/.test(cleaned), /passed over: the container is .*, but it is Dagbook's own service migrate/.test(cleaned)]).toEqual([true, true]);
    await hosts.printed('a', LOG_IN);
    await hosts.printed('a', 'docker compose -f host-a.yml exec api-gateway dagbook db clean --older-than 90d');
    expect(await hosts.printed('a', '--archive /var/lib/dagbook/archive')).toMatch(/^0 runs /);
    await hosts.compose('a', 'exec', '-T', 'api-gateway', 'dagbook', 'db', 'clean', '--older-than', '0d', '--dag', 'refused', '--archive', '/var/lib/dagbook/archive', '--yes');
    const archived = join(hosts.site('a'), 'state', 'archive', 'refused');
    expect([readdirSync(archived).sort(), statSync(join(archived, 'first.jsonl')).uid]).toEqual([['first.jsonl', 'second.jsonl'], HOST_USER]);
    await hosts.printed('a', '-mtime +90');
    expect(await logOf('two_hosts', 'first', 'on_b')).toContain(`on ${HOST_USER} of b`);
  });

  test('on S3 logs go there when they have ended, and are read from there', async () => {
    const buckets = mkdtempSync(join(tmpdir(), 'dagbook-buckets-'));
    mkdirSync(join(buckets, 'dagbook'));
    const server = await startS3({ cacheDir: join(process.env['DAGBOOK_ROOT'] ?? process.cwd(), '.dagbook/versitygw'), dataDir: buckets, host: hosts.desk });
    try {
      const place = (name: string): string => `s3://dagbook/${name}?endpoint=${server.endpoint}`;
      hosts.set('a', { LOG_STORE: place('logs'), XCOM_STORE: place('xcom'), S3_ACCESS_KEY_ID: server.accessKeyId, S3_SECRET_ACCESS_KEY: server.secretAccessKey });
      await hosts.printed('a', UP);
      await everythingHealthy();
      await logIn();
      await trigger('two_hosts', 'stored');
      expect(await ended('two_hosts', 'stored')).toBe('success');
      const moved = (run: string): boolean => existsSync(join(buckets, 'dagbook/logs/two_hosts', run, 'on_b/-1/1-1.jsonl'));
      await holds(() => moved('first') && moved('stored'));
      await holds(() => !existsSync(join(hosts.site('a'), 'state/logs/two_hosts/stored/on_b')));
      for (const run of ['first', 'stored']) expect(await logOf('two_hosts', run, 'on_b')).toContain(`on ${HOST_USER} of b`);
    } finally {
      await server.stop();
      rmSync(buckets, { recursive: true });
    }
  });

  test('every command of the runbook was run as it is printed', () => {
    expect(hosts.runbook.notAsked).toEqual([]);
  });
});
