import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import type { AttemptAssigned, Message } from '@dagbook/contracts';
import { startEngineRig } from '@dagbook/testkit';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { killGroup, markedProcesses, processFacts, runningProcesses } from '../src/process-group.ts';
import { Predecessor } from '../src/predecessor.ts';
import type { WorkerOptions } from '../src/worker-options.ts';
import { buildFiles, type BuiltFiles, FAST, pack, workOf } from './rig.ts';

let built: BuiltFiles;
let stateDir: string;
const workers: ChildProcess[] = [];

beforeAll(async () => {
  built = await buildFiles({ worker: fileURLToPath(new URL('./worker-process.ts', import.meta.url)) });
});
afterAll(() => built?.remove());
afterEach(() => {
  for (const worker of workers.splice(0)) worker.kill('SIGKILL');
  rmSync(stateDir, { recursive: true, force: true });
});

const bundle = pack(`
import { spawn } from 'node:child_process';
import { dag, bash, docker } from '@dagbook/sdk';
const d = dag('test', {});
d.task('sleeps', bash({ command: 'sleep 1000 & echo up; wait' }))();
const blockOnceUp = async (command, args, options) => {
  const child = spawn(command, args, { ...options, stdio: ['ignore', 'pipe', 'ignore'] });
  await new Promise((resolve) => child.stdout.once('data', resolve));
  console.log('up');
  for (;;) {}
};
d.task('blocks', () => blockOnceUp('/bin/bash', ['-c', "trap '' TERM HUP; sleep 1000 & echo; wait"], {}))();
d.task('escapes', () => blockOnceUp('setsid', ['/bin/bash', '-c', 'sleep 1000 & echo; wait'], { detached: true }))();
d.task('contained', docker({ image: 'busybox:test', command: 'echo up; exec sleep 1000' }))();
d.task('value', () => 42)();
export default d;
`);

const assignment = (taskId: string, lostAfterMs: number): AttemptAssigned => ({
  attemptId: `test/run-1/${taskId}/-1/1`, epoch: 1, token: 'token', lostAfterMs, work: workOf(bundle.hash),
});

interface StartedWorker {
  readonly process: ChildProcess;
  readonly seen: readonly Message[];
  until<T extends Message['type']>(type: T, matches?: (data: Extract<Message, { type: T }>['data']) => boolean): Promise<Extract<Message, { type: T }>['data']>;
}

function startWorkerProcess(taskIds: readonly string[], { lostAfterMs = 300_000, env = {} as Readonly<Record<string, string>> } = {}): StartedWorker {
  const options: WorkerOptions = {
    slotName: 'test-1', queues: ['default'], slots: 8, stateDir, childEntry: built.childEntry, sdkPath: built.sdkPath,
    hostname: 'test', version: '0', childEnv: { PATH: process.env['PATH'] ?? '', ...env }, timing: FAST, warmRunners: 2,
  };
  const worker = spawn(process.execPath, [join(built.folder, 'worker.mjs'), JSON.stringify({ options, bundle, assignments: taskIds.map((taskId) => assignment(taskId, lostAfterMs)) })], {
    stdio: ['ignore', 'inherit', 'pipe', 'pipe'], env: { ...process.env, ...env },
  });
  workers.push(worker);
  const seen: Message[] = [];
  const waiters = new Set<() => void>();
  createInterface({ input: worker.stdio[3] as Readable }).on('line', (line) => {
    seen.push(JSON.parse(line) as Message);
    for (const waiter of waiters) waiter();
  });
  return {
    process: worker,
    seen,
    until: (type, matches = () => true) =>
      new Promise((resolve) => {
        const look = (): void => {
          const found = seen.find((message) => message.type === type && matches(message.data as never));
          if (found === undefined) return;
          waiters.delete(look);
          resolve(found.data as never);
        };
        waiters.add(look);
        look();
      }),
  };
}

/** What runs of a worker's runners: every process whose session one of its children leads. */
const sessionsOf = (workerPid: number): number[] =>
  runningProcesses().filter((facts) => facts.parentPid === workerPid && facts.groupId === facts.pid).map((facts) => facts.pid);
const membersOf = (groups: readonly number[]): number[] =>
  runningProcesses().filter((facts) => groups.includes(facts.groupId)).map((facts) => facts.pid);

test('kill -9 of a worker leaves none of its processes running, not even of tasks that block or ignore signals', async () => {
  stateDir = mkdtempSync(join(tmpdir(), 'dagbook-worker-'));
  const worker = startWorkerProcess(['sleeps', 'blocks', 'escapes']);
  await worker.until('LogChunk', (chunk) => chunk.attemptId.includes('sleeps') && chunk.text.includes('up'));
  await worker.until('LogChunk', (chunk) => chunk.attemptId.includes('blocks') && chunk.text.includes('up'));
  await worker.until('LogChunk', (chunk) => chunk.attemptId.includes('escapes') && chunk.text.includes('up'));
  const groups = sessionsOf(worker.process.pid as number);
  expect(groups).toHaveLength(3);
  // Three runners, their guardians, and what two tasks started in their groups.
  expect(membersOf(groups)).toHaveLength(10);
  const { mark } = new Predecessor(stateDir);
  const escaped = markedProcesses(mark).filter((facts) => !groups.includes(facts.groupId));
  expect(escaped).toHaveLength(2);
  worker.process.kill('SIGKILL');
  await expect.poll(() => markedProcesses(mark), { timeout: 10_000, interval: 10 }).toEqual([]);
  await expect.poll(() => membersOf(groups), { timeout: 10_000, interval: 10 }).toEqual([]);
});

test('a worker that was stopped past lostAfter ends its task as soon as it goes on, and reports no result', async () => {
  stateDir = mkdtempSync(join(tmpdir(), 'dagbook-worker-'));
  const worker = startWorkerProcess(['sleeps'], { lostAfterMs: 1_000 });
  await worker.until('LogChunk', (chunk) => chunk.text.includes('up'));
  const groups = sessionsOf(worker.process.pid as number);
  worker.process.kill('SIGSTOP');
  // oxlint-disable-next-line dagbook/no-sleep -- The time is the fault: stopped for as long as lostAfter.
  await new Promise((resolve) => setTimeout(resolve, 1_000));
  worker.process.kill('SIGCONT');
  expect(await worker.until('AttemptLost')).toMatchObject({ attemptId: 'test/run-1/sleeps/-1/1', epoch: 1, cause: 'lease_expired' });
  expect(worker.seen.filter((message) => message.type === 'AttemptFinished')).toEqual([]);
  expect(runningProcesses().filter((facts) => groups.includes(facts.groupId)).length).toBeLessThanOrEqual(2);
});

test('the next incarnation says that its predecessor is reaped, and brings its unacknowledged report', async () => {
  stateDir = mkdtempSync(join(tmpdir(), 'dagbook-worker-'));
  const first = startWorkerProcess(['value']);
  const report = await first.until('AttemptFinished');
  const before = await first.until('WorkerRenewed');
  await expect.poll(() => readFileSync(join(stateDir, 'reports/final.jsonl'), 'utf8'), { timeout: 10_000 }).toContain('AttemptFinished');
  first.process.kill('SIGKILL');
  await new Promise((resolve) => first.process.once('exit', resolve));
  const second = startWorkerProcess([]);
  const renewal = await second.until('WorkerRenewed');
  expect(renewal.incarnation).not.toBe(before.incarnation);
  expect(renewal).toMatchObject({ predecessorReaped: true, attempts: [{ attemptId: 'test/run-1/value/-1/1', epoch: 1 }] });
  expect(await second.until('AttemptFinished')).toEqual(report);
});

test('a container that a dead worker left is removed before the next incarnation says that it is there', async () => {
  stateDir = mkdtempSync(join(tmpdir(), 'dagbook-worker-'));
  const rig = await startEngineRig();
  try {
    const env = { DOCKER_HOST: rig.engine.address };
    const first = startWorkerProcess(['contained'], { env });
    await first.until('LogChunk', (chunk) => chunk.text.includes('"up"'));
    first.process.kill('SIGKILL');
    await new Promise((resolve) => first.process.once('exit', resolve));
    expect(await rig.docker.listContainers()).toHaveLength(1);
    await startWorkerProcess([], { env }).until('WorkerRenewed');
    expect(await rig.docker.listContainers({ all: true })).toEqual([]);
  } finally {
    await rig.close();
  }
});

test('a second worker on a slot that is taken refuses to start', async () => {
  stateDir = mkdtempSync(join(tmpdir(), 'dagbook-worker-'));
  const first = startWorkerProcess([]);
  await first.until('WorkerRenewed');
  const second = startWorkerProcess([]);
  let said = '';
  (second.process.stderr as Readable).on('data', (chunk: Buffer) => (said += chunk.toString()));
  const code = await new Promise((resolve) => second.process.once('close', resolve));
  expect(code).not.toBe(0);
  expect(said).toContain(`process ${first.process.pid} is a worker on ${stateDir} already`);
});

test('what guardians did not kill is found by its group and killed; a reused number is left alone', async () => {
  stateDir = mkdtempSync(join(tmpdir(), 'dagbook-worker-'));
  const orphan = spawn('/bin/bash', ['-c', "trap '' TERM; sleep 1000"], { detached: true, stdio: 'ignore' });
  const bystander = spawn('sleep', ['1000'], { detached: true, stdio: 'ignore' });
  workers.push(orphan, bystander);
  const [orphanPid, bystanderPid] = [orphan.pid as number, bystander.pid as number];
  const dead = new Predecessor(stateDir);
  dead.claim();
  dead.add(orphanPid, processFacts(orphanPid)?.startTicks ?? '');
  dead.add(bystanderPid, '1');
  const next = new Predecessor(stateDir);
  next.claim();
  expect(await next.reap()).toEqual([orphanPid]);
  expect(runningProcesses().map((facts) => facts.pid)).toContain(bystanderPid);
  expect(membersOf([orphanPid])).toEqual([]);
  expect(readFileSync(join(stateDir, 'groups'), 'utf8')).toBe('');
  await killGroup(bystanderPid);
});
