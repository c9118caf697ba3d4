import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { silentLog } from '@dagbook/platform';
import { type EngineRig, startEngineRig } from '@dagbook/testkit';
import Docker from 'dockerode';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { PolicyProxy } from './policy-proxy.ts';
import { STRICTEST } from './site-policy.ts';

const run = promisify(execFile);
const folder = mkdtempSync('/tmp/dagbook-policy-');
const data = join(folder, 'data');
const socket = join(folder, 'sock');
let rig: EngineRig;
let proxy: PolicyProxy;
let guarded: Docker;

beforeAll(async () => {
  rig = await startEngineRig();
  mkdirSync(data);
  symlinkSync('/etc', join(data, 'link'));
  proxy = new PolicyProxy({ engineSocket: rig.engine.address.slice('unix://'.length), socket, policy: { ...STRICTEST, binds: [data] }, log: silentLog });
  await proxy.listen();
  guarded = new Docker({ socketPath: socket });
});

afterAll(async () => {
  await proxy.close();
  await rig.close();
  rmSync(folder, { recursive: true, force: true });
});

/** The `docker` command, which sends everything that a container can have. */
const docker = (...args: string[]): Promise<{ stdout: string; stderr: string }> =>
  run('docker', args, { env: { ...process.env, DOCKER_HOST: `unix://${socket}` } }).catch((error: { stdout: string; stderr: string }) => error);

const plain = ['run', '--rm', '--network', 'none'] as const;

test('a container runs, writes to an allowed folder and says so', async () => {
  const { stdout, stderr } = await docker(...plain, '-v', `${data}:/data`, rig.image, 'sh', '-c', 'echo kept > /data/file; echo said');
  expect({ stdout, stderr }).toEqual({ stdout: 'said\n', stderr: '' });
  expect(readFileSync(join(data, 'file'), 'utf8')).toBe('kept\n');
});

test.each([
  [['--privileged'], /HostConfig\.Privileged is true, but a privileged container owns the host/],
  [['--pid', 'host'], /HostConfig\.PidMode is "host"/],
  [['--ipc', 'host'], /HostConfig\.IpcMode is "host"/],
  [['--uts', 'host'], /HostConfig\.UTSMode is "host"/],
  [['--network', 'host'], /HostConfig\.NetworkMode is "host"/],
  [['--device', '/dev/null'], /HostConfig\.Devices is/],
  [['--cap-add', 'SYS_ADMIN'], /may not add the capability SYS_ADMIN/],
  [['--security-opt', 'seccomp=unconfined'], /HostConfig\.SecurityOpt is/],
  [['-v', '/:/host'], /this folder of the host may not be mounted/],
  [['-v', `${data}/link:/host`], /which leads to \/etc, may not be mounted/],
  [['-v', '/var/run/docker.sock:/sock'], /this folder of the host.* may not be mounted/],
  [['--mount', 'type=volume,dst=/host,volume-opt=type=none,volume-opt=o=bind,volume-opt=device=/'], /tasks may not set options of mounts/],
])('docker run %j is refused before the engine hears of it', async (args, sentence) => {
  const { stderr } = await docker('run', '--rm', ...args, rig.image, 'true');
  expect(stderr).toMatch(sentence);
  expect(await rig.docker.listContainers({ all: true })).toEqual([]);
});

const post = (path: string, body: string, contentType = 'application/json'): Promise<number> =>
  new Promise((resolve, reject) => {
    request({ socketPath: socket, path, method: 'POST', headers: { 'content-type': contentType } }, (answer) => resolve(answer.resume().statusCode ?? 0)).on('error', reject).end(body);
  });

test('names in another case and things said twice open no door', async () => {
  const create = (body: string): Promise<number> => post('/containers/create', body);
  expect(await create(`{"Image":"${rig.image}","hostconfig":{"Privileged":true}}`)).toBe(403);
  // An engine takes these for MaskedPaths, Type and ReadOnly, and the last one counts.
  expect(await create(`{"Image":"${rig.image}","Cmd":["true"],"HostConfig":{"ma\u017FkedPaths":[]}}`)).toBe(403);
  expect(await create(`{"Image":"${rig.image}","Cmd":["true"],"HostConfig":{"LogConfig":{"Type":"json-file","type":"syslog"}}}`)).toBe(403);
  expect(await create('[]')).toBe(400);
  expect(await create(`{"Image":"${rig.image}","HostConfig":{"Privileged":true},"HostConfig":{"Init":true},"Cmd":["true"]}`)).toBe(201);
  const [created] = await rig.docker.listContainers({ all: true });
  const container = rig.docker.getContainer(created?.Id ?? '');
  expect((await container.inspect()).HostConfig.Privileged).toBe(false);
  await container.remove();
});

test('no image is imported, however it is asked for, which could take the name of Dagbook\'s own', async () => {
  expect(await post('/images/create?fromImage=&x=?&fromSrc=-&repo=evil', '')).toBe(403);
  // An engine reads a form's fields as if they were the query's.
  expect(await post('/images/create?fromImage=', 'fromSrc=http://127.0.0.1:1/x.tar&repo=evil', 'application/x-www-form-urlencoded')).toBe(403);
  expect((await rig.docker.listImages()).flatMap(({ RepoTags }) => RepoTags)).toEqual([rig.image]);
});

test('a command in a running container: with a terminal\'s stream, and not in Dagbook\'s own', async () => {
  const start = (name: string, labels: Record<string, string>): Promise<Docker.Container> => rig.docker.createContainer({ name, Image: rig.image, Cmd: ['sleep', '60'], Labels: labels, HostConfig: { NetworkMode: 'none' } }).then(async (container) => (await container.start(), container));
  const theirs = await start('theirs', {});
  const ours = await start('ours', { 'dagbook.service': 'postgres' });
  try {
    const execution = await guarded.getContainer('theirs').exec({ Cmd: ['cat'], AttachStdin: true, AttachStdout: true });
    const stream = await execution.start({ hijack: true, stdin: true });
    const said: Buffer[] = [];
    stream.on('data', (chunk: Buffer) => said.push(chunk));
    stream.end('through the stream\n');
    await new Promise((resolve) => stream.once('end', resolve));
    expect(Buffer.concat(said).subarray(8).toString()).toBe('through the stream\n');
    expect((await docker('exec', 'theirs', 'echo', 'hello')).stdout).toBe('hello\n');
    expect((await docker('exec', '--privileged', 'theirs', 'true')).stderr).toMatch(/a privileged command owns the host/);
    for (const args of [['exec', 'ours', 'true'], ['logs', 'ours'], ['rm', '-f', 'ours'], ['inspect', 'ours']]) expect((await docker(...args)).stderr).toMatch(/it is Dagbook's own service postgres/);
    expect((await docker('rmi', '-f', rig.image)).stderr).toMatch(/the image is "busybox:test", but Dagbook's own services run from it/);
    const within = await rig.docker.getContainer('ours').exec({ Cmd: ['id'] });
    await expect(guarded.getExec(within.id).start({})).rejects.toThrow(/Dagbook's own service postgres/);
    expect((await docker('exec', 'nobody', 'true')).stderr).toMatch(/No such container: nobody/);
  } finally {
    await Promise.all([theirs, ours].map((container) => container.remove({ force: true })));
  }
});

test('a container that holds more of the host than tasks may is entered only where the policy names it', async () => {
  const holder = await rig.docker.createContainer({ name: 'holder', Image: rig.image, Cmd: ['sleep', '60'], HostConfig: { NetworkMode: 'none', Binds: ['/etc:/host:ro'] } });
  await holder.start();
  const allowing = new PolicyProxy({ engineSocket: rig.engine.address.slice('unix://'.length), socket: join(folder, 'allowing'), policy: { ...STRICTEST, enter: ['holder'] }, log: silentLog });
  await allowing.listen();
  try {
    expect((await docker('exec', 'holder', 'true')).stderr).toMatch(/may not be entered by tasks: its Mounts\.Source is "\/etc"/);
    expect(await new Docker({ socketPath: join(folder, 'allowing') }).getContainer('holder').exec({ Cmd: ['true'] })).toHaveProperty('id');
  } finally {
    await allowing.close();
    await holder.remove({ force: true });
  }
});

test('an engine that is away says so', async () => {
  const away = new PolicyProxy({ engineSocket: join(folder, 'none'), socket: join(folder, 'away'), policy: STRICTEST, log: silentLog });
  await away.listen();
  await expect(new Docker({ socketPath: join(folder, 'away') }).ping()).rejects.toThrow(/does not answer: connect ENOENT/);
  expect(await away.engineFailure()).toMatch(/does not answer/);
  await away.close();
});
