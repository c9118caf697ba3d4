import { callbackAttemptId, type AttemptAssigned } from '@dagbook/contracts';
import type { CallbackCause } from '@dagbook/domain';
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
import { bash, dag, SkipTask } from '@dagbook/sdk';
const d = dag('test', {
  onSuccess: [
    async ({ reason, callbackKey, run, log, conn }) => { log.info(reason + ' ' + callbackKey + ' ' + run.id + ' ' + (await conn('pager')).host); },
    bash({ command: 'echo "{{ reason }} of {{ run_id }} on {{ ds }}"' }),
    () => { process.kill(process.pid, 'SIGKILL'); },
    () => new Promise(() => {}),
  ],
});
d.task('holds', () => new Promise(() => {}), { onExecute: ({ taskId, log }) => log.info('about to run ' + taskId) })();
d.task('bad', () => 1, { onFailure: ({ taskId, tryNumber, mapIndex, failure }) => { console.log(taskId + mapIndex + ' ' + tryNumber + ' ' + failure.code + ' ' + failure.message); throw new Error('no pager'); } })();
export default d;
`);

const SUCCESS: CallbackCause = { kind: 'run', name: 'onSuccess', reason: 'success', failed: [] };

async function called(callback: number, cause: CallbackCause, timeoutMs = 60_000): Promise<AttemptAssigned> {
  rig.api.bundles.set(bundle.hash, bundle);
  const attemptId = callbackAttemptId({ dagId: 'test', runId: 'run-1', callback, tryNumber: 1 });
  const assigned: AttemptAssigned = { attemptId, epoch: 1, token: 'token-1', lostAfterMs: 30_000, work: { ...workOf(bundle.hash), kind: 'callback', timeoutMs, callback: { key: `test/run-1/${callback}`, cause } } };
  await rig.send({ type: 'AttemptAssigned', data: assigned });
  return assigned;
}

test('callbacks run beside what holds every slot, each with its log, and say how they ended', async () => {
  rig = await startRig(built, { slots: 1 });
  rig.api.connections.set('pager', { host: 'pager.example' });
  const holds = await rig.assign({ taskId: 'holds', bundle });
  await rig.wire.until(() => rig.wire.of('LogChunk', holds).some(({ text }) => text.includes('about to run holds')), 'the task to begin');

  const told = await called(1, SUCCESS);
  expect((await rig.wire.finished(told)).outcome).toEqual({ kind: 'succeeded' });
  expect((await rig.wire.log(told)).map(({ event }) => event)).toEqual(['success test/run-1/1 run-1 pager.example']);
  const shell = await called(2, { ...SUCCESS, position: 1 });
  expect((await rig.wire.finished(shell)).outcome).toEqual({ kind: 'succeeded' });
  expect((await rig.wire.log(shell)).map(({ event }) => event)).toEqual(['success of run-1 on 2026-01-01']);

  const bad = await called(3, { kind: 'task', name: 'onFailure', taskId: 'bad', mapIndex: 2, tryNumber: 4, failure: { code: 'killed', message: 'out of patience' } });
  expect((await rig.wire.finished(bad)).outcome).toMatchObject({ kind: 'failed', failure: { code: 'error', message: 'no pager' } });
  expect((await rig.wire.log(bad)).map(({ event }) => event)).toEqual(['bad2 4 killed out of patience', 'The callback failed: no pager']);
  const gone = await called(4, { ...SUCCESS, position: 9 });
  expect((await rig.wire.finished(gone)).outcome).toMatchObject({ kind: 'failed', failure: { code: 'code_missing' }, retry: { action: 'fail' } });

  expect(rig.worker.stats()).toMatchObject({ running: 1, hosted: 0, waiting: 0 });
  expect(rig.wire.of('AttemptStarted').map(({ attemptId }) => attemptId)).toEqual([holds.attemptId]);
});

test('one that takes its process along, or never ends, fails and keeps nothing from the others', async () => {
  rig = await startRig(built, { slots: 1 });
  const [dies, hangs] = await Promise.all([called(1, { ...SUCCESS, position: 2 }), called(2, { ...SUCCESS, position: 3 }, 300)]);
  expect((await rig.wire.finished(dies)).outcome).toMatchObject({ kind: 'failed', failure: { code: 'killed' } });
  expect((await rig.wire.finished(hangs)).outcome).toMatchObject({ kind: 'failed', failure: { code: 'timeout' } });
  const plain = await rig.assign({ taskId: 'bad', bundle });
  expect((await rig.wire.finished(plain)).outcome).toMatchObject({ kind: 'succeeded' });
});
