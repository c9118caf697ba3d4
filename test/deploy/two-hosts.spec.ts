import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { holds, until } from '../fault/until.ts';
import { command } from './host.ts';
import { HOST_USER, TwoHosts } from './two-hosts.ts';

const OUTAGE_MS = 60_000;

const dagSource = (dataA: string, dataB: string): string => `
import { bash, dag, docker } from '@dagbook/sdk';
const d = dag('two_hosts', { schedule: null, maxActiveRuns: 100, maxActiveTasks: 100 });
const told = { retries: 0, lostAfter: '5m' };
d.task('on_a', bash({ command: 'echo "on $(id -u) of a"; echo a > ${dataA}/a-$DAGBOOK_RUN_ID' }), { ...told, queue: 's22' })();
d.task('on_b', bash({ command: 'echo "on $(id -u) of b"; echo b > ${dataB}/b-$DAGBOOK_RUN_ID' }), { ...told, queue: 's21' })();
d.task('in_container', docker({ image: 'dagbook:test', command: ['bash', '-c', 'echo "in $(id -u)"; echo c > ${dataB}/c-$DAGBOOK_RUN_ID'], entrypoint: [], pull: 'never', network: 'none', mounts: [{ source: '${dataB}', target: '${dataB}' }] }), { ...told, queue: 's21' })();
export default d;
`;

const refusedSource = `
import { dag, docker } from '@dagbook/sdk';
const d = dag('refused', { schedule: null });
d.task('grasp', docker({ image: 'dagbook:test', command: ['true'], pull: 'never', mounts: [{ source: '/etc', target: '/host' }] }), { retries: 0, queue: 's21' })();
export default d;
`;

const slowSource = (dataB: string): string => `
import { bash, dag } from '@dagbook/sdk';
import { z } from 'zod';
const d = dag('slow', { schedule: null, maxActiveRuns: 100, maxActiveTasks: 100 });
const slow = [1, 2, 3, 4, 5, 6].map((n) => d.task('t' + n, bash({ command: 'echo begin >> ${dataB}/slow-' + n + '; for i in $(seq 20); do echo "line $i"; sleep 2; done; echo end >> ${dataB}/slow-' + n + '; echo ' + n, output: z.number() }), { retries: 3, lostAfter: '5m', queue: 's21' })());
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
  await until(() => api('GET', `/api/v2/dags/${dagId}`).then(() => true, () => undefined));
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
  await hosts.compose('a', 'up', '--detach');
  await hosts.compose('b', 'up', '--detach');
  await logIn();
});

afterAll(async () => {
  await hosts?.close();
});

describe('two hosts, from the compose files', () => {
  test('every service comes up and is healthy', async () => {
    for (const service of ['postgres', 'kafka', 'scheduler', 'dispatcher', 'log-server', 'api-gateway', 'docker-policy', 'worker']) await holds(async () => (await healthy('a', service)) === 1);
    for (const service of ['docker-policy', 'worker']) await holds(async () => (await healthy('b', service)) === 1);
    expect(await hosts.compose('a', 'exec', '-T', 'api-gateway', 'cat', '/proc/1/comm')).toBe('tini\n');
  });

  test('a task runs on the host whose queue it is in, and what it writes is the host user\'s', async () => {
    await writeDag('two_hosts', dagSource(join(hosts.site('a'), 'data'), join(hosts.site('b'), 'data')));
    await trigger('two_hosts', 'first');
    expect(await ended('two_hosts', 'first')).toBe('success');
    expect(await states('two_hosts', 'first')).toEqual({ on_a: 'success by s22-1 at try 1', on_b: 'success by s21-1 at try 1', in_container: 'success by s21-1 at try 1' });
    const files = [['a', 'a-first'], ['b', 'b-first'], ['b', 'c-first']] as const;
    expect(files.map(([host, file]) => statSync(join(hosts.site(host), 'data', file))).map(({ uid, gid }) => [uid, gid])).toEqual(files.map(() => [HOST_USER, HOST_USER]));
  });

  test('a folder outside the site\'s policy is refused in the task\'s log', async () => {
    await writeDag('refused', refusedSource);
    await trigger('refused', 'first');
    expect(await ended('refused', 'first')).toBe('failed');
    expect(await logOf('refused', 'first', 'grasp')).toMatch(/HostConfig\.Mounts\.Source is .*\/etc.* this folder of the host may not be mounted/);
  });

  test('logs of host B are read through host A after its worker was killed', async () => {
    const [worker = ''] = (await hosts.compose('b', 'ps', '--quiet', 'worker')).split('\n');
    await hosts.b.docker('update', '--restart', 'no', worker);
    await hosts.b.docker('kill', worker);
    expect(await logOf('two_hosts', 'first', 'on_b')).toContain(`on ${HOST_USER} of b`);
    expect(await hosts.compose('a', 'exec', '-T', 'api-gateway', 'sh', '-c', 'dagbook auth login --password-stdin < /run/secrets/admin-password > /dev/null 2>&1; dagbook tasks logs two_hosts first on_b')).toContain(`on ${HOST_USER} of b`);
  });

  test('three workers share a host, each on a slot of its own', async () => {
    await hosts.compose('b', 'up', '--detach', '--scale', 'worker=3');
    await holds(async () => (await healthy('b', 'worker')) === 3);
    expect(readdirSync(join(hosts.site('b'), 'state', 'worker')).sort()).toEqual(['s21-1', 's21-2', 's21-3']);
  });

  test('a cable that is out for a minute: tasks go on, none is lost or doubled, logs and results arrive', async () => {
    const data = join(hosts.site('b'), 'data');
    await writeDag('slow', slowSource(data));
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

  test('Postgres restarted on its host folder, and all of host A made anew from a backup: the history is there', async () => {
    const before = await states('two_hosts', 'first');
    await hosts.compose('a', 'restart', 'postgres');
    await until(() => states('two_hosts', 'first').then((after) => (JSON.stringify(after) === JSON.stringify(before) ? true : undefined), () => undefined));
    await hosts.compose('a', 'down', '--volumes');
    const [state, backup] = [join(hosts.site('a'), 'state'), join(hosts.folder, 'backup.tar')];
    await command('tar', ['-C', state, '-cf', backup, '.']);
    rmSync(state, { recursive: true });
    mkdirSync(state);
    await command('tar', ['-C', state, '-xpf', backup]);
    await hosts.compose('a', 'up', '--detach');
    await logIn();
    expect(await states('two_hosts', 'first')).toEqual(before);
    expect(await logOf('two_hosts', 'first', 'on_b')).toContain(`on ${HOST_USER} of b`);
    await trigger('two_hosts', 'second');
    expect(await ended('two_hosts', 'second')).toBe('success');
  });
});
