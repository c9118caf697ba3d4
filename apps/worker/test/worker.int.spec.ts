import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { groupMembers } from '../src/process-group.ts';
import { buildFiles, type BuiltFiles, pack, type Rig, startRig } from './rig.ts';

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
import { spawn, execSync } from 'node:child_process';
import { mkdtempSync, rmdirSync } from 'node:fs';
import { dag, bash } from '@dagbook/sdk';
const d = dag('test', {});
const hang = () => new Promise(() => setInterval(() => {}, 1000));

d.task('noop', () => {})();
d.task('value', () => 'forty-two')();
d.task('large', () => 'x'.repeat(5000))();
const huge = d.task('huge', () => Array.from({ length: 50_000 }, (_, n) => ({ n, name: '이름' })))();
d.task('reads_huge', (input) => ({ length: input.rows.length, last: input.rows.at(-1) }))({ rows: huge });
d.task('variable', async (_input, ctx) => ctx.variable('region'))();
d.task('talks', (_input, ctx) => {
  for (let line = 0; line < 300; line += 1) {
    console.log('out ' + line);
    ctx.log.info('log ' + line, { line });
  }
  console.error('안녕 🌦');
  process.stdout.write('no newline');
})();
d.task('inherits', () => {
  console.log('before');
  execSync('echo from the shell; printf unfinished; echo oops >&2', { stdio: 'inherit' });
})();
d.task('long_line', () => console.log('y'.repeat(3 * 1024 * 1024)))();
d.task('fails', () => { throw new Error('the file is empty'); })();
d.task('exits', () => process.exit(3))();
d.task('rejects', async () => { void Promise.reject(new Error('forgotten')); await hang(); })();
d.task('throws_later', async () => { setTimeout(() => { throw new Error('too late'); }, 5); await hang(); })();
d.task('dies', async () => { process.kill(process.pid, 'SIGKILL'); await hang(); })();
d.task('out_of_memory', () => { const all = []; for (;;) all.push(new Array(100000).fill(all.length)); })();
d.task('hangs', async (_input, ctx) => { console.log('waiting'); await hang(); })();
d.task('blocks', () => { console.log('blocking'); for (;;) {} })();
d.task('stubborn', async () => {
  process.on('SIGTERM', () => {});
  spawn('/bin/bash', ['-c', "trap '' TERM; sleep 1000"], { stdio: 'inherit' });
  spawn('setsid', ['sleep', '1000'], { stdio: 'ignore' });
  console.log('started');
  await hang();
})();
d.task('polite', async (_input, ctx) => {
  console.log('waiting');
  await new Promise((resolve) => ctx.signal.addEventListener('abort', resolve));
  console.log('tidied up');
})();
d.task('leaves_timer', () => { setTimeout(() => console.log('from the task before'), 30); })();
d.task('short_wait', () => new Promise((resolve) => setTimeout(resolve, 80)))();
d.task('leaves_rejection', () => { setTimeout(() => Promise.reject(new Error('from the task before')), 30); })();
d.task('leaves_throw', () => { setTimeout(() => { throw new Error('from the task before'); }, 30); })();
d.sensor('blind', () => { for (;;) {} }, { every: '1s', mode: 'poke' })();
d.task('moves', () => { const folder = mkdtempSync('/tmp/dagbook-moves-'); process.chdir(folder); rmdirSync(folder); })();
d.task('folder', () => process.cwd())();
d.task('pid', () => process.pid)();
d.task('secrets', () => Object.keys(process.env).filter((name) => name.startsWith('DAGBOOK_')))();
d.task('shell', bash({ command: 'echo "epoch $DAGBOOK_EPOCH of $DAGBOOK_ATTEMPT_ID"', env: {} }))();
export default d;
`);

/** Waits until a line with this text has come, so that the task is where a test wants it. */
const saidBy = (attempt: { attemptId: string; epoch: number }, text: string): Promise<true> =>
  rig.wire.until(() => rig.wire.of('LogChunk', attempt).some((chunk) => chunk.text.includes(text)) || undefined, `"${text}" in the log`);

const pidOf = async (attempt: { attemptId: string; epoch: number }): Promise<number> =>
  (await rig.wire.until(() => rig.wire.of('AttemptStarted', attempt)[0], 'AttemptStarted')).pid;

describe('a task that ends by itself', () => {
  test('reports its result, and its trailer says that there is no log', async () => {
    rig = await startRig(built);
    const attempt = await rig.assign({ taskId: 'value', bundle });
    const report = await rig.wire.finished(attempt);
    expect(report).toEqual({
      attemptId: 'test/run-1/value/-1/1',
      epoch: 1,
      token: 'token-1',
      worker: 'test-1',
      outcome: { kind: 'succeeded', result: { kind: 'inline', value: 'forty-two' } },
      pid: expect.any(Number) as number,
      startedAtMs: expect.any(Number) as number,
      finishedAtMs: expect.any(Number) as number,
      log: { bytes: 0, lines: 0 },
    });
    expect(rig.wire.of('LogChunk')).toEqual([]);
  });

  test('keeps a large result apart, through the execution API', async () => {
    rig = await startRig(built);
    const report = await rig.wire.finished(await rig.assign({ taskId: 'large', bundle }));
    expect(report.outcome).toMatchObject({ kind: 'succeeded', result: { kind: 'stored', key: 'result-0' } });
    expect(rig.api.results.get('result-0')).toBe('x'.repeat(5000));
  });

  test('hands a result of megabytes over as a file, and a reader finds it in one', async () => {
    rig = await startRig(built);
    const { outcome } = await rig.wire.finished(await rig.assign({ taskId: 'huge', bundle }));
    const [key, content] = [...rig.api.largeResults][0] as [string, Buffer];
    expect(outcome).toMatchObject({ kind: 'succeeded', result: { kind: 'stored', key, bytes: content.length } });
    expect((JSON.parse(content.toString()) as unknown[]).length).toBe(50_000);
    const results = { huge: { mapped: false, state: 'success', result: { kind: 'stored', key, bytes: content.length } } } as const;
    const read = await rig.wire.finished(await rig.assign({ taskId: 'reads_huge', bundle, work: { results } }));
    expect(read.outcome).toMatchObject({ result: { kind: 'inline', value: { length: 50_000, last: { n: 49_999, name: '이름' } } } });
    expect(readdirSync(join(rig.stateDir, 'results')).length).toBe(1);
  });

  test('reads a variable through the worker', async () => {
    rig = await startRig(built);
    rig.api.variables.set('region', 'ap-northeast-2');
    const report = await rig.wire.finished(await rig.assign({ taskId: 'variable', bundle }));
    expect(report.outcome).toMatchObject({ result: { kind: 'inline', value: 'ap-northeast-2' } });
  });

  test('has no variable of Dagbook in its environment but its mark', async () => {
    rig = await startRig(built);
    const report = await rig.wire.finished(await rig.assign({ taskId: 'secrets', bundle }));
    expect(report.outcome).toMatchObject({ result: { kind: 'inline', value: ['DAGBOOK_RUNNER'] } });
  });

  test('runs bash inside the runner, which knows its attempt and epoch', async () => {
    rig = await startRig(built);
    const report = await rig.wire.finished(await rig.assign({ taskId: 'shell', bundle, epoch: 7 }));
    expect(report.outcome).toMatchObject({ result: { kind: 'inline', value: 'epoch 7 of test/run-1/shell/-1/1' } });
  });

  test('a short one is a single report: its start is not said apart', async () => {
    rig = await startRig(built, { timing: { startedHoldMs: 5_000 } });
    await rig.wire.finished(await rig.assign({ taskId: 'noop', bundle }));
    expect(rig.wire.of('AttemptStarted')).toEqual([]);
  });
});

describe('a log', () => {
  test('keeps every line in order, whichever way it was written, and ends with its length', async () => {
    rig = await startRig(built);
    const attempt = await rig.assign({ taskId: 'talks', bundle });
    const report = await rig.wire.finished(attempt);
    const lines = await rig.wire.log(attempt);
    const numbered = Array.from({ length: 300 }, (_, line) => [`out ${line}`, `log ${line}`]).flat();
    expect(lines.map((line) => line['event'])).toEqual([...numbered, '안녕 🌦', 'no newline']);
    expect(lines[1]).toMatchObject({ level: 'info', logger: 'task', line: 0 });
    expect(lines.slice(-2)).toMatchObject([{ level: 'error', logger: 'task.stderr' }, { level: 'info', logger: 'task.stdout' }]);
    expect(report.log.lines).toBe(602);
  });

  test('holds what processes wrote that inherited stdout, though the task ended right after', async () => {
    rig = await startRig(built);
    const attempt = await rig.assign({ taskId: 'inherits', bundle });
    await rig.wire.finished(attempt);
    const events = (await rig.wire.log(attempt)).map((line) => `${String(line['logger'])}: ${String(line['event'])}`);
    expect(events[0]).toBe('task.stdout: before');
    expect(events.slice(1).sort()).toEqual(['task.stderr: oops', 'task.stdout: from the shell', 'task.stdout: unfinished']);
  });

  test('cuts an endless line, with a notice', async () => {
    rig = await startRig(built);
    const attempt = await rig.assign({ taskId: 'long_line', bundle });
    await rig.wire.finished(attempt);
    const [line] = await rig.wire.log(attempt);
    expect(line?.['event']).toMatch(/^y{1048576}… \(the line had 3145728 characters/);
  });

  test('of a failed task ends with what failed and why', async () => {
    rig = await startRig(built);
    const attempt = await rig.assign({ taskId: 'fails', bundle });
    const report = await rig.wire.finished(attempt);
    expect(report.outcome).toMatchObject({ kind: 'failed', failure: { code: 'error', message: 'the file is empty' } });
    expect((await rig.wire.log(attempt)).at(-1)).toMatchObject({ level: 'error', logger: 'dagbook', event: 'The task failed: the file is empty', code: 'error' });
  });

  test('of one task never gets a line of the task that ran in the same process before', async () => {
    rig = await startRig(built, { slots: 1 });
    const first = await rig.assign({ taskId: 'leaves_timer', bundle });
    const second = await rig.assign({ taskId: 'short_wait', bundle });
    const [one, two] = [await rig.wire.finished(first), await rig.wire.finished(second)];
    expect(two.pid).toBe(one.pid);
    expect(two.log).toEqual({ bytes: 0, lines: 0 });
  });

  test('waits on disk while the bus is away, and arrives whole when it is back', async () => {
    rig = await startRig(built);
    rig.wire.up = false;
    const attempt = await rig.assign({ taskId: 'talks', bundle });
    await expect.poll(() => rig.worker.stats().running + rig.worker.stats().waiting).toBe(0);
    expect(rig.wire.of('LogChunk')).toEqual([]);
    rig.wire.up = true;
    expect(await rig.wire.log(attempt)).toHaveLength(602);
    expect((await rig.wire.finished(attempt)).log.lines).toBe(602);
  });
});

test('the stack of a failure names the author\'s files and nothing of Dagbook\'s', async () => {
  rig = await startRig(built);
  const source = "import { dag } from '@dagbook/sdk';\nexport default dag('test', {});\nconst d = (await import('@dagbook/sdk')).dag('mapped', {});\nd.task('fails', () => {\n  throw new Error('here');\n})();\nexport { d };\n";
  const packed = await build({ stdin: { contents: source, sourcefile: 'lib/mapped.ts', loader: 'ts' }, format: 'esm', target: 'node24', sourcemap: 'external', outfile: '/virtual/out/deep.mjs', write: false, absWorkingDir: '/virtual' });
  const [map, code] = [packed.outputFiles.find((file) => file.path.endsWith('.map'))?.text, packed.outputFiles.find((file) => file.path.endsWith('.mjs'))?.text];
  const report = await rig.wire.finished(await rig.assign({ dagId: 'mapped', taskId: 'fails', bundle: { ...pack(code as string), file: 'mapped.ts', sourceMap: map as string } }));
  expect(report.outcome).toMatchObject({ failure: { message: 'here', detail: expect.stringMatching(/^Error: here\n    at .*\(?mapped\.ts:5:9\)?$/) as string } });
});

describe('what a task leaves in its process', () => {
  test.each(['leaves_rejection', 'leaves_throw'])('%s: is not the fault of the next task, and the process goes after it', async (taskId) => {
    rig = await startRig(built, { slots: 1 });
    const [first, second, third] = [await rig.assign({ taskId, bundle }), await rig.assign({ taskId: 'short_wait', bundle }), await rig.assign({ taskId: 'pid', bundle })];
    const [one, two, three] = [await rig.wire.finished(first), await rig.wire.finished(second), await rig.wire.finished(third)];
    expect(two.outcome).toEqual({ kind: 'succeeded' });
    expect(two.pid).toBe(one.pid);
    expect(three.pid).not.toBe(one.pid);
  });

  test('its working folder is put back, though it is gone', async () => {
    rig = await startRig(built, { slots: 1 });
    await rig.wire.finished(await rig.assign({ taskId: 'moves', bundle }));
    const report = await rig.wire.finished(await rig.assign({ taskId: 'folder', bundle }));
    expect(report.outcome).toMatchObject({ result: { kind: 'inline', value: process.cwd() } });
  });
});

describe('a process that ends before its task', () => {
  test.each([
    ['exits', 'error', /called process\.exit\(3\)/],
    ['rejects', 'error', /a promise was rejected and nobody handled it: forgotten/],
    ['throws_later', 'error', /thrown outside the task's promise: too late/],
    ['dies', 'killed', /killed from outside \(SIGKILL\)/],
  ])('%s: fails the task with a sentence, and the next task gets another process', async (taskId, code, message) => {
    rig = await startRig(built);
    const report = await rig.wire.finished(await rig.assign({ taskId, bundle }));
    expect(report.outcome).toMatchObject({ kind: 'failed', failure: { code, message: expect.stringMatching(message) as string } });
    const next = await rig.wire.finished(await rig.assign({ taskId: 'pid', bundle }));
    expect(next.outcome).toMatchObject({ kind: 'succeeded' });
    expect(next.pid).not.toBe(report.pid);
  });

  test('out of memory says so', async () => {
    rig = await startRig(built, { runnerHeapMb: 40 });
    const report = await rig.wire.finished(await rig.assign({ taskId: 'out_of_memory', bundle }));
    expect(report.outcome).toMatchObject({ kind: 'failed', failure: { code: 'out_of_memory' } });
  });
});

describe('files that came with the code', () => {
  const withFiles = pack(`
import { bash, dag, python } from '@dagbook/sdk';
const d = dag('test', {});
d.task('module', python({ module: 'op_script.orders', callable: 'total', input: [1, 2] }))();
d.task('script', bash({ command: 'scripts/greet.sh' }))();
d.task('path', bash({ command: 'cat "$DAGBOOK_BUNDLE_PATH/op_script/orders.py" | wc -l' }))();
export default d;
`);
  const base64 = (text: string) => Buffer.from(text).toString('base64');
  const packed = {
    hash: 'files-1',
    files: [
      { path: 'op_script/orders.py', base64: base64('def total(rows):\n    return sum(rows)\n') },
      { path: 'etl/scripts/greet.sh', base64: base64('echo hello {{ ds }}\n') },
    ],
  };
  const beside = { ...withFiles, file: 'etl/test.ts', filesHash: 'files-1' };

  test.each([['module', 3], ['script', 'hello 2026-01-01'], ['path', '2']])('are there for %s', async (taskId, value) => {
    rig = await startRig(built);
    rig.api.files.set(packed.hash, packed);
    expect((await rig.wire.finished(await rig.assign({ taskId, bundle: beside }))).outcome).toEqual({ kind: 'succeeded', result: { kind: 'inline', value } });
  });

  test('are found again by the next incarnation without the gateway', async () => {
    rig = await startRig(built);
    rig.api.files.set(packed.hash, packed);
    await rig.wire.finished(await rig.assign({ taskId: 'module', bundle: beside }));
    rig.api.files.clear();
    await rig.restart();
    expect((await rig.wire.finished(await rig.assign({ taskId: 'module', bundle: beside, tryNumber: 2 }))).outcome).toEqual({ kind: 'succeeded', result: { kind: 'inline', value: 3 } });
  });
});

describe('code', () => {
  test('that the gateway does not know fails the task', async () => {
    rig = await startRig(built);
    const attempt = await rig.assign({ taskId: 'noop', bundle, work: { bundleHash: 'unknown-hash' } });
    expect((await rig.wire.finished(attempt)).outcome).toMatchObject({ kind: 'failed', failure: { code: 'code_missing' } });
  });

  test('is waited for while the gateway is away', async () => {
    rig = await startRig(built);
    rig.api.away = true;
    const attempt = await rig.assign({ taskId: 'noop', bundle });
    await saidBy(attempt, 'trying again');
    rig.api.away = false;
    expect((await rig.wire.finished(attempt)).outcome).toEqual({ kind: 'succeeded' });
  });

  test('that cannot be evaluated, or lacks the DAG, fails the task with the reason', async () => {
    rig = await startRig(built);
    const broken = await rig.wire.finished(await rig.assign({ taskId: 'a', bundle: pack('throw new Error("no such table");') }));
    expect(broken.outcome).toMatchObject({ failure: { code: 'code_missing', message: 'the DAG\'s code could not be loaded: no such table' } });
    const other = await rig.wire.finished(await rig.assign({ dagId: 'other', taskId: 'a', bundle }));
    expect(other.outcome).toMatchObject({ failure: { code: 'code_missing', message: 'the run\'s code holds no DAG other' } });
  });
});

describe('an assignment that comes again', () => {
  test('while the task runs is answered with its start', async () => {
    rig = await startRig(built);
    const attempt = await rig.assign({ taskId: 'hangs', bundle });
    const pid = await pidOf(attempt);
    await rig.assign({ taskId: 'hangs', bundle });
    const again = await rig.wire.until(() => rig.wire.of('AttemptStarted', attempt)[1], 'a second AttemptStarted');
    expect(again.pid).toBe(pid);
    expect(rig.worker.stats().running).toBe(1);
  });

  test('after its end is answered with the final report, and after the acknowledgement not at all', async () => {
    rig = await startRig(built, { timing: { resendEveryMs: 60_000 } });
    const attempt = await rig.assign({ taskId: 'pid', bundle });
    const first = await rig.wire.finished(attempt);
    await rig.assign({ taskId: 'pid', bundle });
    expect(await rig.wire.finished(attempt, 2)).toEqual(first);
    await rig.acknowledge(attempt);
    await rig.assign({ taskId: 'pid', bundle });
    await rig.wire.finished(await rig.assign({ taskId: 'value', bundle }));
    expect(rig.wire.of('AttemptFinished', attempt)).toHaveLength(2);
  });

  test('of a newer grant ends the older before it begins', async () => {
    rig = await startRig(built);
    const older = await rig.assign({ taskId: 'stubborn', bundle, epoch: 1 });
    const olderPid = await pidOf(older);
    await saidBy(older, 'started');
    const newer = await rig.assign({ taskId: 'stubborn', bundle, epoch: 2 });
    await pidOf(newer);
    expect(groupMembers(olderPid)).toEqual([]);
    expect(rig.wire.of('AttemptFinished', older)).toEqual([]);
  });

  test('of an older grant is ignored', async () => {
    rig = await startRig(built);
    const newer = await rig.assign({ taskId: 'hangs', bundle, epoch: 5 });
    await pidOf(newer);
    const older = await rig.assign({ taskId: 'hangs', bundle, epoch: 4 });
    await rig.wire.finished(await rig.assign({ taskId: 'value', bundle }));
    expect(rig.wire.of('AttemptStarted', older)).toEqual([]);
    expect(rig.worker.stats().running).toBe(1);
  });
});

describe('an end from outside', () => {
  test('a timeout ends a task that blocks its event loop', async () => {
    rig = await startRig(built);
    const attempt = await rig.assign({ taskId: 'blocks', bundle, work: { timeoutMs: 150 } });
    const pid = await pidOf(attempt);
    const report = await rig.wire.finished(attempt);
    expect(report.outcome).toEqual({ kind: 'failed', failure: { code: 'timeout', message: 'the try took longer than its timeout of 0.15 s and was ended' } });
    expect(groupMembers(pid)).toEqual([]);
    expect((await rig.wire.log(attempt)).map((line) => line['event'])).toEqual(['blocking', 'The task failed: the try took longer than its timeout of 0.15 s and was ended']);
  });

  test('a sensor that blocks is ended when its timeout over all tries has passed', async () => {
    rig = await startRig(built);
    const firstStartedAtMs = Date.now() - 3_600_000;
    const report = await rig.wire.finished(await rig.assign({ taskId: 'blind', bundle, work: { timeoutMs: 3_600_000, firstStartedAtMs } }));
    expect(report.outcome).toMatchObject({ kind: 'failed', failure: { code: 'sensor_timeout', message: 'what the sensor waits for has not come within 3600 s' } });
  });

  test('a revocation ends a task that ignores TERM, with all that it started, without a report', async () => {
    rig = await startRig(built, { timing: { revokeGraceMs: 1_000 } });
    const attempt = await rig.assign({ taskId: 'stubborn', bundle });
    const pid = await pidOf(attempt);
    await saidBy(attempt, 'started');
    expect(groupMembers(pid).length).toBeGreaterThanOrEqual(4);
    await rig.send({ type: 'AttemptRevoked', data: { attemptId: attempt.attemptId, epoch: 1, reason: 'marked failed' } });
    await rig.wire.log(attempt);
    expect(groupMembers(pid)).toEqual([]);
    expect(rig.wire.of('AttemptFinished', attempt)).toEqual([]);
    expect((await rig.wire.log(attempt)).at(-1)).toMatchObject({ logger: 'dagbook', event: 'The task was ended: marked failed.' });
  });

  test('a task that listens to its signal may tidy up', async () => {
    rig = await startRig(built, { timing: { revokeGraceMs: 5_000 } });
    const attempt = await rig.assign({ taskId: 'polite', bundle });
    await saidBy(attempt, 'waiting');
    await rig.send({ type: 'AttemptRevoked', data: { attemptId: attempt.attemptId, epoch: 1, reason: 'cleared' } });
    expect((await rig.wire.log(attempt)).map((line) => line['event'])).toEqual(['waiting', 'tidied up', 'The task was ended: cleared.']);
  });

  test('a refusal of a report that this worker never made ends nothing', async () => {
    rig = await startRig(built);
    const attempt = await rig.assign({ taskId: 'hangs', bundle });
    const pid = await pidOf(attempt);
    await rig.send({ type: 'ReportAcknowledged', data: { attemptId: attempt.attemptId, epoch: 1, accepted: false } });
    await rig.wire.finished(await rig.assign({ taskId: 'value', bundle }));
    expect(groupMembers(pid).map((member) => member.pid)).toContain(pid);
    expect(rig.wire.of('AttemptFinished', attempt)).toEqual([]);
  });

  test('a revocation that overtakes its assignment keeps the task from beginning', async () => {
    rig = await startRig(built);
    await rig.send({ type: 'AttemptRevoked', data: { attemptId: 'test/run-1/hangs/-1/1', epoch: 1, reason: 'cleared' } });
    const attempt = await rig.assign({ taskId: 'hangs', bundle });
    await rig.wire.finished(await rig.assign({ taskId: 'value', bundle }));
    expect(rig.wire.of('AttemptStarted', attempt)).toEqual([]);
  });
});

describe('leases', () => {
  test('are renewed with all attempts that run or whose report is not acknowledged', async () => {
    rig = await startRig(built, { timing: { resendEveryMs: 60_000 } });
    const runs = await rig.assign({ taskId: 'hangs', bundle });
    const ended = await rig.assign({ taskId: 'value', bundle });
    await rig.wire.finished(ended);
    const both = [runs, ended].map(({ attemptId, epoch }) => ({ attemptId, epoch }));
    const renewal = await rig.wire.until(() => rig.wire.of('WorkerRenewed').find((one) => one.attempts.length === 2), 'a renewal of both');
    expect(renewal).toMatchObject({ worker: 'test-1', incarnation: rig.worker.incarnation, queues: ['default'], slots: 8, draining: false, attempts: both, predecessorReaped: true });
    await rig.acknowledge(ended);
    await rig.send({ type: 'RenewalGranted', data: { sequence: renewal.sequence, revoked: [] } });
    const next = await rig.wire.until(() => rig.wire.of('WorkerRenewed').find((one) => one.attempts.length === 1 && one.predecessorReaped === undefined), 'a renewal of one');
    expect(next.attempts).toEqual(both.slice(0, 1));
  });

  test('that a renewal found revoked end the task', async () => {
    rig = await startRig(built);
    const attempt = await rig.assign({ taskId: 'hangs', bundle });
    const pid = await pidOf(attempt);
    const renewal = await rig.wire.until(() => rig.wire.of('WorkerRenewed').find((one) => one.attempts.length === 1), 'a renewal');
    await rig.send({ type: 'RenewalGranted', data: { sequence: renewal.sequence, revoked: [{ attemptId: attempt.attemptId, epoch: 1 }] } });
    await rig.wire.log(attempt);
    expect(groupMembers(pid)).toEqual([]);
  });

  test('that nobody renews end the task at half of lostAfter, while granted ones go on', async () => {
    rig = await startRig(built);
    const expires = await rig.assign({ taskId: 'stubborn', bundle, lostAfterMs: 1_000 });
    const stays = await rig.assign({ taskId: 'hangs', bundle, lostAfterMs: 60_000 });
    const pid = await pidOf(expires);
    await saidBy(expires, 'started');
    const lost = await rig.wire.until(() => rig.wire.of('AttemptLost', expires)[0], 'AttemptLost');
    expect(lost).toEqual({ attemptId: expires.attemptId, epoch: 1, token: 'token-1', worker: 'test-1', cause: 'lease_expired' });
    expect(groupMembers(pid)).toEqual([]);
    expect(groupMembers(await pidOf(stays))).not.toEqual([]);
  });

  test('that are granted keep a task alive past lostAfter', async () => {
    rig = await startRig(built);
    const attempt = await rig.assign({ taskId: 'hangs', bundle, lostAfterMs: 400 });
    const sequences = new Set<number>();
    await rig.wire.until(() => {
      for (const renewal of rig.wire.of('WorkerRenewed')) {
        if (renewal.attempts.length === 0 || sequences.has(renewal.sequence)) continue;
        sequences.add(renewal.sequence);
        void rig.send({ type: 'RenewalGranted', data: { sequence: renewal.sequence, revoked: [] } });
      }
      return sequences.size >= 16 || undefined;
    }, '16 renewals of 50 ms each');
    expect(rig.wire.of('AttemptLost', attempt)).toEqual([]);
    expect(rig.worker.stats().running).toBe(1);
  });
});

describe('a final report', () => {
  test('is sent again until it is acknowledged', async () => {
    rig = await startRig(built, { timing: { resendEveryMs: 60 } });
    const attempt = await rig.assign({ taskId: 'value', bundle });
    const third = await rig.wire.finished(attempt, 3);
    expect(third).toEqual(rig.wire.of('AttemptFinished', attempt)[0]);
    await rig.acknowledge(attempt);
    await expect.poll(() => rig.worker.stats().unacknowledgedReports).toBe(0);
  });

  test('outlives the worker process', async () => {
    rig = await startRig(built, { timing: { resendEveryMs: 60_000 } });
    const attempt = await rig.assign({ taskId: 'value', bundle });
    const first = await rig.wire.finished(attempt);
    await rig.restart();
    expect(await rig.wire.finished(attempt, 2)).toEqual(first);
    await rig.acknowledge(attempt);
    await expect.poll(() => rig.worker.stats().unacknowledgedReports).toBe(0);
    await rig.restart();
    await rig.wire.finished(await rig.assign({ taskId: 'noop', bundle }));
    expect(rig.wire.of('AttemptFinished', attempt)).toHaveLength(2);
  });
});

describe('a drain', () => {
  test('takes nothing new, lets what runs finish, hands back the rest, and says that the worker stopped', async () => {
    rig = await startRig(built, { timing: { resendEveryMs: 60_000 } });
    const finishes = await rig.assign({ taskId: 'short_wait', bundle });
    const hangs = await rig.assign({ taskId: 'hangs', bundle });
    const [pid] = [await pidOf(hangs), await pidOf(finishes)];
    const stopped = rig.worker.stop(1_000);
    const late = await rig.assign({ taskId: 'value', bundle });
    await stopped;
    expect((await rig.wire.finished(finishes)).outcome).toEqual({ kind: 'succeeded' });
    expect(rig.wire.of('AttemptLost', hangs)).toMatchObject([{ cause: 'worker_drained' }]);
    expect(rig.wire.of('AttemptLost', late)).toMatchObject([{ cause: 'worker_drained' }]);
    expect(rig.wire.of('WorkerStopped')).toEqual([{ worker: 'test-1', incarnation: rig.worker.incarnation }]);
    expect(groupMembers(pid)).toEqual([]);
  });

  test('that is asked for keeps the worker up, without new work', async () => {
    rig = await startRig(built);
    await rig.send({ type: 'DrainWorker', data: { by: 'admin' } });
    const late = await rig.assign({ taskId: 'value', bundle });
    await rig.wire.until(() => rig.wire.of('AttemptLost', late)[0], 'AttemptLost');
    await rig.wire.until(() => rig.wire.of('WorkerRenewed').find((one) => one.draining), 'a draining renewal');
  });
});

describe('the pool', () => {
  test('serves short tasks with warm processes, and grows when tasks keep waiting', async () => {
    rig = await startRig(built, { slots: 4, timing: { growAfterMs: 100 } });
    const shorts = await Promise.all(Array.from({ length: 20 }, (_, tryNumber) => rig.assign({ taskId: 'pid', bundle, tryNumber })));
    const pids = new Set<number>();
    for (const attempt of shorts) pids.add((await rig.wire.finished(attempt)).pid);
    expect(pids.size).toBeLessThan(4);
    const longs = await Promise.all(Array.from({ length: 6 }, (_, tryNumber) => rig.assign({ taskId: 'hangs', bundle, tryNumber })));
    await rig.wire.until(() => longs.filter((attempt) => rig.wire.of('AttemptStarted', attempt).length > 0).length === 4 || undefined, 'four tasks at a time');
    expect(rig.worker.stats()).toMatchObject({ runners: 4, running: 4, waiting: 2 });
  });

  test('shrinks again when nothing runs', async () => {
    rig = await startRig(built, { slots: 4, timing: { idleRunnerMs: 100 } });
    const attempts = await Promise.all(Array.from({ length: 4 }, (_, tryNumber) => rig.assign({ taskId: 'short_wait', bundle, tryNumber })));
    for (const attempt of attempts) await rig.wire.finished(attempt);
    await expect.poll(() => rig.worker.stats().runners).toBe(1);
  });
});
