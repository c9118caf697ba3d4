import { readFileSync } from 'node:fs';
import { watcherAttemptId, type AttemptAssigned } from '@dagbook/contracts';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { buildFiles, type BuiltFiles, pack, type Rig, startRig, workOf } from './rig.ts';

let built: BuiltFiles;
let rig: Rig;

beforeAll(async () => {
  built = await buildFiles();
});
afterAll(() => built?.remove());
afterEach(async () => {
  await rig?.close();
});

const bundle = pack(`
import { asset, dag, defer, trigger, poke, watcher, when } from '@dagbook/sdk';
let looks = 0;
const inbox = watcher('inbox', async ({ last, log, variable }) => { log.info('looking after ' + last); return (looks += 1) < 3 ? null : { id: 'c', extra: { region: await variable('region') } }; }, { every: '10ms' });
const d = dag('test', { schedule: when.all(asset('s3://inbox', { watchers: [inbox] })) });
let pokes = 0;
d.task('waits', () => defer(trigger.named('go')), {
  triggers: {
    go: async ({ n }, ctx) => { ctx.log.info('waiting ' + n); await new Promise(() => {}); },
    soon: async ({ n }, ctx) => { console.log('soon ' + n); return { n, pid: process.pid, region: await ctx.variable('region') }; },
    throws: async () => { throw new Error('no such queue'); },
    later: async () => { setTimeout(() => { throw new Error('behind its back'); }, 1); await new Promise(() => {}); },
    dies: async () => { process.kill(process.pid, 'SIGKILL'); await new Promise(() => {}); },
  },
})();
d.sensor('senses', () => ((pokes += 1) % 3 === 0 ? poke.done(pokes) : poke.again()), { every: '10ms', mode: 'deferred' })();
d.task('plain', () => 'ran')();
export default d;
`);

const waiting = (name: string, n: number, epoch = 1): Promise<{ attemptId: string; epoch: number }> =>
  rig.assign({ taskId: 'waits', bundle, epoch, tryNumber: n, work: { kind: 'trigger', trigger: { kind: 'named', name, args: { n } } } });
const hosted = (count: number): Promise<unknown> => rig.wire.until(() => rig.worker.stats().hosted === count, `${count} triggers in the host`);
const chunksWith = (text: string): number => rig.wire.of('LogChunk').filter((chunk) => chunk.text.includes(text)).length;

test('one process hosts 2,000 triggers that take no slot; when it is killed each is lost once, and granted again each fires once', async () => {
  rig = await startRig(built, { slots: 1 });
  rig.api.variables.set('region', 'eu');
  const waits = await Promise.all(Array.from({ length: 2_000 }, (_, n) => waiting('go', n + 1)));
  await rig.wire.until(() => chunksWith('waiting ') === 2_000, 'every trigger to say that it waits');
  expect(rig.worker.stats()).toMatchObject({ hosted: 2_000, running: 0, waiting: 0 });
  const probe = await waiting('soon', 9_000);
  const { pid } = ((await rig.wire.finished(probe)).outcome as unknown as { event: { pid: number } }).event;
  // A process that hosts one takes some 60 MB; 2,000 waits may add 20 KB each.
  expect(Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1])).toBeLessThan(200_000);
  const plain = await rig.assign({ taskId: 'plain', bundle });
  expect((await rig.wire.finished(plain)).outcome).toMatchObject({ kind: 'succeeded', result: { value: 'ran' } });

  process.kill(pid, 'SIGKILL');
  await rig.wire.until(() => rig.wire.of('AttemptLost').length === 2_000, 'the loss of each');
  expect(new Set(rig.wire.of('AttemptLost').map(({ attemptId, epoch, cause }) => `${attemptId}@${epoch} ${cause}`))).toEqual(new Set(waits.map(({ attemptId }) => `${attemptId}@1 runner_died`)));
  await Promise.all(waits.map((_, n) => waiting('soon', n + 1, 2)));
  // What is not acknowledged comes again: attempts are counted, not reports.
  await rig.wire.until(() => new Set(rig.wire.of('AttemptFinished').filter(({ epoch }) => epoch === 2).map(({ attemptId }) => attemptId)).size === 2_000, 'every trigger to fire');
  const fired = rig.wire.of('AttemptFinished').filter(({ epoch }) => epoch === 2);
  expect(new Set(fired.map(({ attemptId, outcome }) => `${attemptId} ${outcome.kind === 'fired' ? JSON.stringify(outcome.event) : outcome.kind}`)).size).toBe(2_000);
  await hosted(0);
}, 60_000);

test('each has its own log, calls and end; what one throws behind its back ends that one', async () => {
  rig = await startRig(built);
  rig.api.variables.set('region', 'eu');
  const still = await waiting('go', 1);
  const soon = await waiting('soon', 2);
  expect((await rig.wire.finished(soon)).outcome).toEqual({ kind: 'fired', event: { n: 2, pid: expect.any(Number) as number, region: 'eu' } });
  expect((await rig.wire.log(soon)).map(({ event }) => event)).toEqual(['soon 2']);
  expect((await rig.wire.finished(await waiting('throws', 3))).outcome).toMatchObject({ kind: 'failed', failure: { code: 'error', message: 'no such queue' } });
  expect((await rig.wire.finished(await waiting('later', 4))).outcome).toMatchObject({ kind: 'failed', failure: { message: expect.stringContaining('behind its back') as string } });
  const senses = await rig.assign({ taskId: 'senses', bundle, work: { kind: 'trigger', trigger: { kind: 'poke' } } });
  expect((await rig.wire.finished(senses)).outcome).toMatchObject({ kind: 'succeeded', result: { value: 3 } });
  expect(rig.worker.stats().hosted).toBe(1);
  await rig.send({ type: 'AttemptRevoked', data: { attemptId: still.attemptId, epoch: still.epoch, reason: 'cleared' } });
  await hosted(0);
  expect(rig.wire.of('AttemptFinished', still)).toEqual([]);
});

test('a host that dies takes what waits in it, and the next trigger has another', async () => {
  rig = await startRig(built);
  rig.api.variables.set('region', 'eu');
  const still = await waiting('go', 1);
  await rig.wire.until(() => chunksWith('waiting 1') === 1, 'the first to wait');
  const killer = await waiting('dies', 2);
  for (const attempt of [still, killer]) expect(await rig.wire.until(() => rig.wire.of('AttemptLost', attempt)[0], 'its loss')).toMatchObject({ cause: 'runner_died' });
  expect((await rig.wire.finished(await waiting('soon', 3))).outcome).toMatchObject({ kind: 'fired', event: { n: 3 } });
});

test('a worker that drains hands its triggers back', async () => {
  rig = await startRig(built);
  const still = await waiting('go', 1);
  await hosted(1);
  await rig.restart();
  expect(rig.wire.of('AttemptLost', still)).toMatchObject([{ cause: 'worker_drained' }]);
});

test('a watcher looks among them, and tells what it saw and after what', async () => {
  rig = await startRig(built);
  rig.api.variables.set('region', 'eu');
  rig.api.bundles.set(bundle.hash, bundle);
  const assigned: AttemptAssigned = {
    attemptId: watcherAttemptId('key'), epoch: 3, token: 'token', lostAfterMs: 30_000,
    work: { ...workOf(bundle.hash), kind: 'watcher', watcher: { dagId: 'test', uri: 's3://inbox', name: 'inbox', last: 'b' } },
  };
  await rig.send({ type: 'AttemptAssigned', data: assigned });
  expect((await rig.wire.finished(assigned)).outcome).toEqual({ kind: 'fired', event: { uri: 's3://inbox', name: 'inbox', updates: [{ id: 'c', extra: { region: 'eu' } }] } });
  expect((await rig.wire.log(assigned)).map(({ event }) => event)).toEqual(['looking after b', 'looking after b', 'looking after b']);
  expect(rig.wire.of('AttemptStarted')).toEqual([]);
});
