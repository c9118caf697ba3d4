import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, statSync } from 'node:fs';
import { createServer as createHttpServer, request as ask } from 'node:http';
import { type AddressInfo, connect, createServer as createPlainServer } from 'node:net';
import { dirname, join } from 'node:path';
import { createServer } from 'node:tls';
import { type EngineRig, startEngineRig } from '@dagbook/testkit';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { failureOf, type RigOptions, rigOf } from '../test/rig.ts';
import { docker } from './docker.ts';
import { dockerClean } from './docker-clean.ts';
import { dockerExec } from './docker-exec.ts';
import { removeContainersOf } from './docker-leftover.ts';

let rig: EngineRig;
let host: string;
beforeAll(async () => {
  rig = await startEngineRig();
  host = rig.engine.address;
});
afterAll(() => rig.close());

const onEngine = (options: RigOptions = {}) => rigOf({ connections: { engine: { host } }, ...options });
const run = (fields: object, options: RigOptions = {}) => docker({ connection: 'engine', image: rig.image, ...fields }, onEngine(options).context);
const containers = async (filters: object = {}) => (await rig.docker.listContainers({ all: true, filters: filters as Record<string, string[]> })).map(({ Names }) => Names[0]?.slice(1));

test('the last line of stdout is the result, all output is log, and nothing is left', async () => {
  const { context, lines } = onEngine();
  const fields = { connection: 'engine', image: rig.image, command: 'echo one; echo oops >&2; printf \'{"rows":3}\'' };
  expect(await docker(fields, context)).toBe('{"rows":3}');
  expect(lines.slice(1)).toEqual(expect.arrayContaining(['task.stdout info: one', 'task.stderr error: oops', 'task.stdout info: {"rows":3}']));
  expect(lines[0]).toMatch(/^task\.docker info: container [0-9a-f]{12} of busybox:test has started$/);
  expect(await containers()).toEqual([]);
});

test('values reach the container through its environment and its arguments, never as code', async () => {
  const hostile = '$(touch /tmp/owned); `id` "\'; exit 3 안녕';
  expect(await run({ command: 'printf "%s|%s" "$NAME" "$DAGBOOK_DS"', env: { NAME: hostile } })).toBe(`${hostile}|2026-01-01`);
  expect(await run({ command: ['echo', hostile] })).toBe(hostile);
});

test('mounts, user, folder and limits are what the author said', async () => {
  const folder = join(dirname(host.slice('unix://'.length)), 'mounted');
  mkdirSync(folder);
  const { uid, gid } = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
  expect(await run({ command: 'echo hi > /out/file && pwd', mounts: [{ source: folder, target: '/out' }], user: `${uid}:${gid}`, workingDir: '/tmp', memory: '64m', cpus: 0.5 })).toBe('/tmp');
  expect(readFileSync(join(folder, 'file'), 'utf8')).toBe('hi\n');
  expect(statSync(join(folder, 'file')).uid).toBe(uid);
  expect(await run({ command: 'id -u', user: 'etl' })).toBe('1234');
  expect((await failureOf(run({ command: 'touch /out/no', mounts: [{ source: folder, target: '/out', readOnly: true }] }))).message).toBe('the container ended with exit code 1: touch: /out/no: Read-only file system');
});

test('an exit code fails with the last lines, 99 skips', async () => {
  expect(await failureOf(run({ command: 'for n in $(seq 30); do echo line $n; done; exit 4' }))).toMatchObject({
    code: 'exit_code', message: 'the container ended with exit code 4', retry: true, detail: Array.from({ length: 20 }, (_, line) => `line ${line + 11}`).join('\n'),
  });
  await expect(run({ command: 'exit 99' })).rejects.toMatchObject({ name: 'SkipTask' });
});

test('a line longer than an entry of the engine\'s log stays one line', async () => {
  expect(await run({ command: 'yes abcdefghi | tr -d "\\n" | head -c 100000; echo END' }) === `${'abcdefghi'.repeat(11_112).slice(0, 100_000)}END`).toBe(true);
});

test('running out of memory says so', async () => {
  expect(await failureOf(run({ command: 'dd if=/dev/zero of=/dev/null bs=200M count=1', memory: '16m' }))).toMatchObject({
    code: 'out_of_memory', message: 'the container was killed for using more than its 16m of memory', retry: true,
  });
});

test('an image that is missing, and one whose registry is away', async () => {
  expect(await failureOf(run({ image: 'no/such:1', pull: 'never' }))).toMatchObject({ code: 'bad_input', retry: false, message: `the image no/such:1 is not on the engine at ${host}, and pull is never` });
  expect(await failureOf(run({ image: '127.0.0.1:1/no/such:1' }))).toMatchObject({ code: 'error', retry: true, message: expect.stringContaining('the image 127.0.0.1:1/no/such:1 could not be pulled: ') });
});

test('what cannot be created or started has the engine\'s own reason, and nothing is left', async () => {
  expect(await failureOf(run({ command: ['/no/such/program'] }))).toMatchObject({ code: 'exit_code', message: expect.stringMatching(/^the container ended with exit code 127: .*\/no\/such\/program failed: No such file/), detail: expect.stringContaining('/no/such/program failed: No such file') });
  expect(await failureOf(run({ command: ['/etc/passwd'] }))).toMatchObject({ code: 'exit_code', message: expect.stringMatching(/^the container ended with exit code 126: .*exec \/etc\/passwd failed: Permission denied$/), retry: true });
  for (const user of ['nobody-here', 'etl:nobody-here', '99999999999']) expect(await failureOf(run({ command: 'true', user }))).toMatchObject({ code: 'bad_input', retry: false, message: expect.stringMatching(/^starting a container of busybox:test failed: the Docker engine says (unable to find|uids and gids must)/) });
  expect(await failureOf(run({ command: 'true', network: 'no-such-net' }))).toMatchObject({ code: 'bad_input', retry: false, message: 'starting a container of busybox:test failed: the Docker engine says network no-such-net not found' });
  expect(await failureOf(run({ command: 'true', mounts: [{ source: '/etc/passwd', target: '/etc' }] }))).toMatchObject({ code: 'bad_input', retry: false });
  expect(await failureOf(run({ mounts: [{ source: '/no/such/folder', target: '/x' }] }))).toMatchObject({ code: 'bad_input', message: expect.stringContaining('/no/such/folder') });
  expect(await containers()).toEqual([]);
});

test('an engine that is away is worth a retry', async () => {
  const { context } = rigOf({ connections: { engine: { host: 'unix:///tmp/no-such-engine.sock' } } });
  expect(await failureOf(docker({ connection: 'engine', image: 'x' }, context))).toMatchObject({
    code: 'error', retry: true, message: 'the Docker engine at unix:///tmp/no-such-engine.sock is away (ENOENT), so looking for containers of earlier executions failed',
  });
});

test('an aborted task stops its container with TERM', async () => {
  const abort = new AbortController();
  const { context, lines, waitFor } = onEngine({ abort });
  const running = failureOf(docker({ connection: 'engine', image: rig.image, command: 'trap "echo bye; exit 7" TERM; echo up; while true; do sleep 0.05; done' }, context));
  await waitFor((line) => line === 'task.stdout info: up');
  abort.abort();
  expect(await running).toMatchObject({ code: 'killed', message: 'the container was stopped: the try was cancelled or its time is over' });
  expect(lines.at(-1)).toBe('task.stdout info: bye');
  expect(await containers()).toEqual([]);
});

test('one that does not heed TERM is killed when `stopAfter` is over', async () => {
  const abort = new AbortController();
  const { context, waitFor } = onEngine({ abort });
  const running = failureOf(docker({ connection: 'engine', image: rig.image, command: 'trap "" TERM; echo up; while true; do sleep 0.05; done', stopAfter: '1s' }, context));
  await waitFor((line) => line === 'task.stdout info: up');
  abort.abort();
  expect((await running).code).toBe('killed');
  expect(await containers()).toEqual([]);
});

test('a container that something else kills or removes says so', async () => {
  const ends = { kill: (id: string) => rig.docker.getContainer(id).kill(), remove: (id: string) => rig.docker.getContainer(id).remove({ force: true }) };
  for (const end of Object.values(ends)) {
    const { context, waitFor } = onEngine();
    const running = failureOf(docker({ connection: 'engine', image: rig.image, command: 'echo up; exec sleep 1000' }, context));
    await waitFor((line) => line === 'task.stdout info: up');
    const [found] = await rig.docker.listContainers();
    await end(found?.Id as string);
    // A removal kills first, and either may be what the inspection meets.
    expect(await running).toMatchObject({ code: 'killed', message: expect.stringContaining('by something other than this task') });
  }
});

test('a container is followed again when its engine was restarted, without a line lost or doubled', async () => {
  const { context, lines, waitFor } = onEngine();
  const running = docker({ connection: 'engine', image: rig.image, command: 'n=0; while [ ! -e /tmp/stop ]; do n=$((n+1)); echo $n; [ $n = 400 ] && exit 0; sleep 0.01; done' }, context);
  await waitFor((line) => line === 'task.stdout info: 20');
  await rig.engine.restart();
  expect(await running).toBe('400');
  const said = lines.filter((line) => line.startsWith('task.stdout')).map((line) => Number(line.split(': ')[1]));
  expect(said).toEqual(Array.from({ length: 400 }, (_, index) => index + 1));
});

test('what an earlier execution left behind is removed, and no other\'s', async () => {
  const leftover = async (name: string, labels: object) => {
    const container = await rig.docker.createContainer({ name, Image: rig.image, Cmd: ['/bin/sleep', '1000'], Labels: { 'dagbook.cluster': 'default', 'dagbook.dag': 'd', 'dagbook.run': 'r', 'dagbook.task': 't', 'dagbook.map_index': '-1', 'dagbook.try': '1', ...labels } });
    await container.start();
  };
  await leftover('stale', { 'dagbook.epoch': '3' });
  await leftover('newer', { 'dagbook.epoch': '9' });
  await leftover('later_try', { 'dagbook.epoch': '2', 'dagbook.try': '2' });
  await leftover('other', { 'dagbook.epoch': '3', 'dagbook.task': 'u' });
  const { context, lines } = onEngine({ epoch: 7 });
  expect(await docker({ connection: 'engine', image: rig.image, command: 'echo done' }, context)).toBe('done');
  expect(lines[0]).toMatch(/^task\.docker warning: removing container .* which an earlier execution of this task left behind$/);
  expect((await containers()).sort()).toEqual(['later_try', 'newer', 'other']);
  for (const name of ['newer', 'other', 'later_try']) await rig.docker.getContainer(name).remove({ force: true });
});

test('what a runner could not remove is known as its worker\'s', async () => {
  process.env['DOCKER_HOST'] = host;
  process.env['DAGBOOK_RUNNER'] = '0123abcd-7-2';
  try {
    const { context, waitFor } = onEngine();
    const running = failureOf(docker({ connection: 'engine', image: rig.image, command: 'echo up; exec sleep 1000' }, context));
    await waitFor((line) => line === 'task.stdout info: up');
    expect(await removeContainersOf({ runner: '0123abcd-7-3' })).toEqual([]);
    expect(await removeContainersOf({ worker: '0123abcd', isAlive: (runner) => runner === '0123abcd-7-2' })).toEqual([]);
    expect(await removeContainersOf({ worker: '0123abcd', isAlive: (runner) => runner === '0123abcd-7-3' })).toHaveLength(1);
    expect((await running).code).toBe('killed');
    process.env['DOCKER_HOST'] = 'unix:///tmp/no-such-engine.sock';
    expect(await removeContainersOf({ worker: '0123abcd' })).toEqual([]);
  } finally {
    delete process.env['DOCKER_HOST'];
    delete process.env['DAGBOOK_RUNNER'];
  }
});

test('an engine is reached over TCP with TLS, and only with the right certificates', async () => {
  const folder = join(dirname(host.slice('unix://'.length)), 'tls');
  mkdirSync(folder);
  const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: folder, stdio: 'ignore' });
  openssl('req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', 'ca.key', '-out', 'ca.pem', '-subj', '/CN=test ca', '-days', '2');
  for (const name of ['server', 'client']) {
    openssl('req', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', `${name}.key`, '-out', `${name}.csr`, '-subj', `/CN=${name}`, '-addext', 'subjectAltName=IP:127.0.0.1');
    openssl('x509', '-req', '-in', `${name}.csr`, '-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial', '-copy_extensions', 'copy', '-out', `${name}.pem`, '-days', '2');
  }
  const pem = (name: string): string => readFileSync(join(folder, name), 'utf8');
  const front = createServer({ ca: pem('ca.pem'), cert: pem('server.pem'), key: pem('server.key'), requestCert: true, rejectUnauthorized: true }, (socket) => {
    const engine = connect(host.slice('unix://'.length));
    for (const [from, to] of [[socket, engine], [engine, socket]] as const) from.on('error', () => to.destroy()).pipe(to);
  });
  front.on('tlsClientError', () => undefined);
  await new Promise<void>((resolve) => front.listen(0, '127.0.0.1', resolve));
  try {
    const { port } = front.address() as AddressInfo;
    const through = (extra: Record<string, string>) => rigOf({ connections: { engine: { host: '127.0.0.1', port, extra } } }).context;
    const fields = { connection: 'engine', image: rig.image, command: 'echo safe' };
    expect(await docker(fields, through({ tls_ca_cert: pem('ca.pem'), tls_client_cert: join(folder, 'client.pem'), tls_client_key: join(folder, 'client.key') }))).toBe('safe');
    expect(await failureOf(docker(fields, through({ tls_ca_cert: pem('ca.pem') })))).toMatchObject({ code: 'bad_input', retry: false, message: expect.stringMatching(/^the Docker engine at tcp:.* and this task do not trust each other \(ERR_SSL_[A-Z0-9_]+\), so .* failed: correct tls_ca_cert, tls_client_cert and tls_client_key of the connection$/) });
    expect(await failureOf(docker(fields, through({ tls_client_cert: pem('client.pem'), tls_client_key: pem('client.key') })))).toMatchObject({ code: 'bad_input', message: expect.stringMatching(/do not trust each other \((UNABLE_TO_[A-Z_]+|SELF_SIGNED_CERT_IN_CHAIN)\)/) });
    expect(await failureOf(docker(fields, through({ tls_ca_cert: '/no/such/file' })))).toMatchObject({ code: 'bad_input', message: "the connection 'engine' cannot be used: its extra.tls_ca_cert must be a PEM text, or a file with one on this worker" });
  } finally {
    front.close();
  }
});

test('the address of an engine must be one', async () => {
  for (const address of ['ftp://x', 'npipe:////./pipe', 'http://[', 'unix://']) {
    expect(await failureOf(docker({ connection: 'engine', image: 'x' }, rigOf({ connections: { engine: { host: address } } }).context))).toMatchObject({ code: 'bad_input', retry: false, message: `the address of the Docker engine is "${address}", but must be like unix:///var/run/docker.sock or tcp://host:2376` });
  }
});

test('what a container is given is in no URL, which engines and proxies log', async () => {
  const said: Buffer[] = [];
  const socket = join(dirname(host.slice('unix://'.length)), 'front');
  const front = createPlainServer((from) => {
    const engine = connect(host.slice('unix://'.length));
    from.on('data', (chunk: Buffer) => said.push(chunk));
    for (const [one, other] of [[from, engine], [engine, from]] as const) one.on('error', () => other.destroy()).pipe(other);
  });
  await new Promise<void>((resolve) => front.listen(socket, resolve));
  try {
    const { context } = rigOf({ connections: { engine: { host: `unix://${socket}` } } });
    expect(await docker({ connection: 'engine', image: rig.image, command: 'echo "${#LARGE}"', env: { LARGE: 'x'.repeat(100_000), SECRET: 'hush' } }, context)).toBe('100000');
    const lines = Buffer.concat(said).toString('latin1').split('\r\n').filter((line) => line.endsWith(' HTTP/1.1'));
    expect(lines.find((line) => line.includes('/containers/create'))).toBe('POST /containers/create? HTTP/1.1');
  } finally {
    front.close();
  }
});

test.each([
  [{ memory: '0m' }, "memory is \"0m\", but must be from '6m', which an engine needs for a container, to what the host has"],
  [{ image: '../containers/x' }, 'image is "../containers/x", but must be the name of an image, such as registry:5000/team/etl:1'],
  [{ image: 'etl:1?all=1' }, 'image is "etl:1?all=1", but must be the name of an image, such as registry:5000/team/etl:1'],
  [{ command: ['echo', 'x'.repeat(140_000)] }, `command is "${'x'.repeat(99)}, but must be of at most 131071 bytes, which is what the kernel takes: pass it by a file`],
  [{ command: 'true', env: { A: '안'.repeat(50_000) } }, `env.A is "${'안'.repeat(99)}, but must be of at most 131071 bytes, which is what the kernel takes: pass it by a file`],
  [{ memory: '2 GB' }, "memory is \"2 GB\", but must be a size such as '512m' or '2g'"],
  [{ mounts: [{ source: '/srv/../etc', target: '/x' }] }, "mounts.0.source is \"/srv/../etc\", but must be an absolute path without '..', or the name of a volume"],
  [{ image: '' }, 'image is "", but must be the name of an image'],
  [{ env: { 'A=B': '1' } }, 'env.A=B is "A=B", but must be named by letters, digits and _, not beginning with a digit'],
])('refuses %j', async (fields, message) => {
  expect(await failureOf(run(fields))).toMatchObject({ code: 'bad_input', message: `docker: ${message}`, retry: false });
});

test('a command runs inside a container found by name or by label', async () => {
  const container = await rig.docker.createContainer({ name: 'etl.1', Image: rig.image, Cmd: ['/bin/sleep', '1000'], Labels: { role: 'etl' } });
  await container.start();
  const exec = (fields: object, options: RigOptions = {}) => dockerExec({ connection: 'engine', ...fields }, onEngine(options).context);
  expect(await exec({ container: 'etl.1', command: 'echo "$DAY"', env: { DAY: '2026-01-01' } })).toBe('2026-01-01');
  expect(await exec({ label: 'role=etl', command: ['id', '-u'], user: 'etl' })).toBe('1234');
  expect(await failureOf(exec({ container: 'etl.1', command: 'echo why >&2; exit 3' }))).toMatchObject({ code: 'exit_code', message: 'the command ended with exit code 3: why', detail: 'why' });
  await expect(exec({ container: 'etl.1', command: 'exit 99' })).rejects.toMatchObject({ name: 'SkipTask' });
  expect(await failureOf(exec({ container: 'etlx1', command: 'true' }))).toMatchObject({ code: 'bad_input', message: `no container called etlx1 is running on the engine at ${host}`, retry: true });
  const stopped = await rig.docker.createContainer({ name: 'stopped', Image: rig.image, Cmd: ['true'], Labels: { role: 'rest' } });
  expect(await failureOf(exec({ label: 'role=rest', command: 'true' }))).toMatchObject({ code: 'bad_input', message: `no container with the label role=rest is running on the engine at ${host}: stopped is created`, retry: true });
  await stopped.remove();
  await container.pause();
  expect(await failureOf(exec({ container: 'etl.1', command: 'true' }))).toMatchObject({ code: 'error', message: expect.stringMatching(/is paused, unpause the container before exec$/), retry: true });
  await container.unpause();
  expect((await failureOf(exec({ container: '..', label: 'x', command: 'true' }))).message).toBe('dockerExec: give either container or label');

  const abort = new AbortController();
  const { context, waitFor } = onEngine({ abort });
  const running = failureOf(dockerExec({ connection: 'engine', container: 'etl.1', command: 'echo up; sleep 1000' }, context));
  await waitFor((line) => line === 'task.stdout info: up');
  abort.abort();
  expect(await running).toMatchObject({ code: 'killed', message: 'the command was stopped: the try was cancelled or its time is over' });
  expect((await container.inspect()).State.Running).toBe(true);

  const another = onEngine();
  const cutOff = failureOf(dockerExec({ connection: 'engine', container: 'etl.1', command: 'echo up; sleep 1000' }, another.context));
  await another.waitFor((line) => line === 'task.stdout info: up');
  await container.kill();
  expect(await cutOff).toMatchObject({ code: 'killed', message: 'the container ended while the command ran in it', detail: 'up', retry: true });
  await container.remove({ force: true });
});

test('cleaning passes over what a policy keeps from tasks', async () => {
  for (const name of ['theirs', 'ours']) await rig.docker.createContainer({ name, Image: rig.image, Cmd: ['true'] });
  const { Id: kept } = await rig.docker.getContainer('ours').inspect();
  const socket = join(dirname(host.slice('unix://'.length)), 'policy');
  const policy = createHttpServer((request, response) => {
    if (request.url?.includes(kept) === true) return void response.writeHead(403, { 'content-type': 'application/json' }).end('{"message":"it is not yours"}');
    const { method, url, headers } = request;
    return void request.pipe(ask({ socketPath: host.slice('unix://'.length), method, path: url, headers }, (answer) => answer.pipe(response.writeHead(answer.statusCode ?? 502, answer.headers))));
  });
  await new Promise<void>((resolve) => policy.listen(socket, resolve));
  try {
    const { context, lines } = rigOf({ connections: { engine: { host: `unix://${socket}` } }, nowMs: Date.now() + 2 * 86_400_000 });
    expect(await dockerClean({ connection: 'engine' }, context)).toEqual({ containers: ['theirs'], images: [], freedBytes: 0 });
    expect(lines.toSorted()).toEqual(['task.docker info: passed over: it is not yours', 'task.docker info: removed container theirs']);
  } finally {
    policy.close();
    await rig.docker.getContainer('ours').remove();
  }
});

test('cleaning names what it would remove, and removes only that', async () => {
  const made = async (name: string, labels: Record<string, string>) => {
    const container = await rig.docker.createContainer({ name, Image: rig.image, Cmd: ['true'], Labels: labels });
    await container.start();
    await container.wait();
  };
  await made('old-a', { team: 'data' });
  await made('old-b', { team: 'web' });
  const clean = (fields: object, nowMs: number) => dockerClean({ connection: 'engine', ...fields }, onEngine({ nowMs }).context);
  const tomorrow = Date.now() + 2 * 86_400_000;
  expect(await clean({ labels: 'team=data', dryRun: true }, tomorrow)).toEqual({ containers: ['old-a'], images: [], freedBytes: 0 });
  expect(await clean({}, Date.now())).toEqual({ containers: [], images: [], freedBytes: 0 });
  expect((await containers()).sort()).toEqual(['old-a', 'old-b']);
  expect(await clean({ labels: 'team=data' }, tomorrow)).toEqual({ containers: ['old-a'], images: [], freedBytes: 0 });
  const container = rig.docker.getContainer('old-b');
  const { Id } = (await container.commit({})) as unknown as { Id: string };
  expect(await clean({ images: true }, tomorrow)).toEqual({ containers: ['old-b'], images: [Id], freedBytes: expect.any(Number) });
  expect(await containers()).toEqual([]);
});
