import type { Json } from '@dagbook/domain';
import { MAX_RESULT_BYTES, type UpstreamResult, type Work } from '@dagbook/contracts';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { TaskIo, TaskRunRequest } from './index.ts';
import { asset, bash, concat, cron, dag, docker, FailTask, poke, RUNNABLE, runnableOf, SkipTask, zip } from './index.ts';

const RUN: Work['run'] = {
  runType: 'scheduled', logicalDateMs: Date.UTC(2027, 0, 5, 6, 30), dataInterval: { startMs: Date.UTC(2027, 0, 4), endMs: Date.UTC(2027, 0, 5) },
  runAfterMs: Date.UTC(2027, 0, 5), conf: {}, params: {},
};

const inline = (value: Json): UpstreamResult => ({ mapped: false, state: 'success', result: { kind: 'inline', value } });
const skipped: UpstreamResult = { mapped: false, state: 'skipped' };

class Io implements TaskIo {
  readonly signal = new AbortController().signal;
  readonly lines: [string, string, object | undefined][] = [];
  readonly stored = new Map<string, Json>();
  readonly operators: TaskIo['operators'];
  now = Date.UTC(2027, 0, 5, 7);

  constructor(operators: TaskIo['operators'] = {}) {
    this.operators = operators;
  }
  nowMs() {
    return this.now;
  }
  log(level: string, event: string, attributes?: object) {
    this.lines.push([level, event, attributes]);
  }
  async getResult(key: string) {
    return this.stored.get(key) ?? null;
  }
  async putResult(value: Json) {
    const key = `k${this.stored.size}`;
    this.stored.set(key, value);
    return { key, bytes: JSON.stringify(value).length };
  }
  async connection(id: string) {
    return id === 'dw' ? { host: 'db' } : null;
  }
  async variable(key: string) {
    return key === 'known' ? 'value' : null;
  }
  async requestRun(): Promise<never> {
    throw new Error('not part of this test');
  }
  async findRun(): Promise<never> {
    throw new Error('not part of this test');
  }
}

interface Given {
  readonly mapIndex?: number;
  readonly tryNumber?: number;
  readonly results?: Work['results'];
  readonly run?: Partial<Work['run']>;
  readonly work?: Partial<Work>;
  readonly io?: Io;
}

function run(d: object, taskId: string, given: Given = {}) {
  const request: TaskRunRequest = {
    attempt: { dagId: 'd', runId: 'r1', taskId, mapIndex: given.mapIndex ?? -1, tryNumber: given.tryNumber ?? 1 },
    work: { bundleHash: 'h', maxTries: 1, run: { ...RUN, ...given.run }, results: given.results ?? {}, ...given.work },
  };
  const runnable = runnableOf(d);
  if (runnable === undefined) throw new Error('not a DAG');
  return runnable.run(request, given.io ?? new Io());
}

const returned = (value: Json, more: object = {}) => ({ kind: 'succeeded', result: { kind: 'inline', value }, ...more });

describe('a function task', () => {
  it('gets what stood for its arguments: constants, results, members, and lists of them', async () => {
    const d = dag('d');
    const a = d.task('a', async () => ({ n: 1, deep: { s: 'x' } }))();
    const b = d.task('b', async () => 2)();
    d.task('c', async (input: { one: number; two: { list: number[]; text: string }; three: string }) => input)({
      one: a.get('n'), two: { list: [b, 7], text: 'k' }, three: a.get('deep').get('s'),
    });
    const results = { a: inline({ n: 1, deep: { s: 'x' } }), b: inline(2) };
    expect(await run(d, 'c', { results })).toEqual(returned({ one: 1, two: { list: [2, 7], text: 'k' }, three: 'x' }));
  });

  it('sees what its upstream left when that was skipped: the value of onSkip, else undefined', async () => {
    const d = dag('d');
    const a = d.task('a', async () => ({ n: 1 }))();
    d.task('c', async (input: { x: { n: number } | null; y: number | undefined; z: number }) => [input.x, input.y === undefined, input.z])({
      x: a.onSkip(null), y: a.get('n'), z: a.get('n').onSkip(9),
    });
    expect(await run(d, 'c', { results: { a: skipped } })).toEqual(returned([null, true, 9]));
    expect(await run(d, 'c', { results: { a: inline({ n: 4 }) } })).toEqual(returned([{ n: 4 }, false, 4]));
  });

  it('fetches results that are kept apart, and keeps its own apart when it is large', async () => {
    const d = dag('d');
    const a = d.task('a', async () => 'big')();
    d.task('c', async ({ text }: { text: string }) => text + text)({ text: a });
    const io = new Io();
    const text = '한'.repeat(500);
    io.stored.set('key', text);
    expect(await run(d, 'c', { io, results: { a: { mapped: false, state: 'success', result: { kind: 'stored', key: 'key', bytes: 1502 } } } }))
      .toEqual({ kind: 'succeeded', result: { kind: 'stored', key: 'k1', bytes: 1002 } });
    expect(io.stored.get('k1')).toBe(text + text);
  });

  it('refuses a result that is too large to be kept, for good and with its size', async () => {
    const d = dag('d');
    d.task('a', async () => '한'.repeat(MAX_RESULT_BYTES / 3 + 1))();
    const outcome = await run(d, 'a');
    expect(outcome).toMatchObject({ kind: 'failed', failure: { code: 'bad_output', message: "the result of 'a' is 52428803 bytes, and at most 52428800 are kept: write it to storage and return where it lies" }, retry: { action: 'fail' } });
  });

  it('knows its run, in Airflow’s words', async () => {
    const d = dag('d', { timezone: 'Asia/Seoul' });
    d.task('c', async (_, c) => [c.ds, c.dsNodash, c.ts, c.dataInterval.start, c.run, c.tryNumber, c.mapIndex, c.timezone, await c.variable('known'), await c.conn('dw')])();
    expect(await run(d, 'c', { tryNumber: 2, run: { runType: 'asset_triggered', conf: { a: 1 } } })).toMatchObject(returned([
      '2027-01-05', '20270105', '2027-01-05T06:30:00+00:00', '2027-01-04T00:00:00.000Z', { id: 'r1', conf: { a: 1 }, type: 'asset' }, 2, -1, 'Asia/Seoul', 'value', { host: 'db' },
    ]));
  });

  it('knows its day as the time zone of the DAG counts it', async () => {
    const d = dag('d', { timezone: 'Asia/Seoul' });
    d.task('c', async (_, { ds, localDs }) => [ds, localDs])();
    expect(await run(d, 'c', { run: { logicalDateMs: Date.UTC(2027, 0, 4, 15) } })).toEqual(returned(['2027-01-04', '2027-01-05']));
  });

  it('gets params as their schema converts them, and fails for good when they do not fit', async () => {
    const d = dag('d', { params: z.object({ day: z.coerce.date(), n: z.number().default(3) }) });
    d.task('c', async (_, { params }) => [params.day instanceof Date, params.n])();
    expect(await run(d, 'c', { run: { params: { day: '2027-01-05' } } })).toEqual(returned([true, 3]));
    expect(await run(d, 'c', { run: { params: { day: '2027-01-05', n: 'x' } } })).toEqual({
      kind: 'failed', retry: { action: 'fail' },
      failure: { code: 'bad_input', message: "the params of this run do not fit the DAG's schema: n: Invalid input: expected number, received string" },
    });
  });

  it('writes to its log', async () => {
    const d = dag('d');
    d.task('c', async (_, { log }) => { log.info('hello', { rows: 3 }); log.warn('careful'); })();
    const io = new Io();
    expect(await run(d, 'c', { io })).toEqual({ kind: 'succeeded' });
    expect(io.lines).toEqual([['info', 'hello', { rows: 3 }], ['warning', 'careful', undefined]]);
  });

  it('records the assets it updated: those it emitted with their extra, its other outlets without', async () => {
    const [one, two] = [asset('s3://one'), asset('s3://two')];
    const d = dag('d');
    d.task('c', async (_, { emit }) => emit(one, { rows: 1 }), { outlets: [one, two] })();
    d.task('x', async (_, { emit }) => emit(one))();
    expect(await run(d, 'c')).toEqual({ kind: 'succeeded', assetEvents: [{ uri: 's3://one', extra: { rows: 1 } }, { uri: 's3://two', extra: {} }] });
    expect(await run(d, 'x')).toMatchObject({ kind: 'failed', failure: { code: 'bad_output' }, retry: { action: 'fail' } });
  });

  it.each<[string, () => unknown, object]>([
    ['an error', () => { throw new Error('empty extract'); }, { kind: 'failed', failure: { code: 'error', message: 'empty extract', detail: expect.stringContaining('run-task.spec.ts') } }],
    ['an error with a name', () => { throw new TypeError('x is not a function'); }, { kind: 'failed', failure: { code: 'error', message: 'TypeError: x is not a function', detail: expect.any(String) } }],
    ['a thrown text', () => { throw 'oops'; }, { kind: 'failed', failure: { code: 'error', message: 'oops' } }],
    ['SkipTask', () => { throw new SkipTask('nothing today'); }, { kind: 'skipped' }],
    ['FailTask', () => { throw new FailTask('bad key'); }, { kind: 'failed', failure: { code: 'no_retry', message: 'bad key', detail: expect.any(String) }, retry: { action: 'fail' } }],
    ['a result that JSON cannot hold', () => 10n, { kind: 'failed', failure: { code: 'bad_output', message: expect.stringContaining('cannot be written as JSON') } }],
    ['a missing connection', async () => { throw new Error(''); }, { kind: 'failed', failure: { code: 'error', message: 'Error', detail: expect.any(String) } }],
  ])('ends as it should after %s', async (_, body, outcome) => {
    const d = dag('d');
    d.task('c', async () => await body())();
    expect(await run(d, 'c')).toEqual(outcome);
  });

  it('asks its retry policy whether another try is worth it, and asks it nothing when the error has settled that', async () => {
    const d = dag('d');
    const retryPolicy = [{ on: /quota/, action: 'fail' }, { on: 'error', action: 'retry', delay: '2s' }] as const;
    d.task('quota', () => { throw new Error('over quota'); }, { retries: 5, retryPolicy })();
    d.task('other', () => { throw new Error('hiccup'); }, { retries: 5, retryPolicy })();
    d.task('final', () => { throw new FailTask('over quota'); }, { retries: 5, retryPolicy: [{ on: Error, action: 'retry' }] })();
    d.task('skip', () => { throw new SkipTask('none'); }, { retries: 5, retryPolicy: [{ on: Error, action: 'fail' }] })();
    expect(await run(d, 'quota')).toMatchObject({ kind: 'failed', retry: { action: 'fail' } });
    expect(await run(d, 'other')).toMatchObject({ kind: 'failed', retry: { action: 'retry', delayMs: 2_000 } });
    expect(await run(d, 'final')).toMatchObject({ kind: 'failed', retry: { action: 'fail' } });
    expect(await run(d, 'skip')).toEqual({ kind: 'skipped' });
  });

  it('asks a policy that is a function with the number of the try, and logs its reason', async () => {
    const d = dag('d');
    d.task('c', () => { throw new Error('busy'); }, { retries: 2, retryPolicy: async (error, { tryNumber, maxTries, ctx }) => ({ action: 'retry', delay: '3s', reason: `${(error as Error).message} at ${tryNumber} of ${maxTries} of ${ctx.taskId}` }) })();
    d.task('silent', () => { throw new Error('busy'); }, { retries: 2, retryPolicy: () => undefined })();
    d.task('odd', () => { throw new Error('busy'); }, { retries: 2, retryPolicy: () => ({ action: 'later' as never }) })();
    const io = new Io();
    expect(await run(d, 'c', { io })).toMatchObject({ retry: { action: 'retry', delayMs: 3_000 } });
    expect(io.lines.map(([level, event]) => [level, event])).toEqual([['info', expect.stringMatching(/^retry policy: retry in 3s, busy at 1 of \d+ of c$/)]]);
    expect([await run(d, 'silent'), await run(d, 'odd')]).toMatchObject([{ retry: { action: 'default' } }, { retry: { action: 'default' } }]);
  });

  it('says why it failed though its retry policy throws, and lets its own retries decide', async () => {
    const d = dag('d');
    d.task('c', () => { throw new Error('hiccup'); }, { retries: 1, retryPolicy: [{ on: () => { throw new Error('no such member'); }, action: 'fail' }] })();
    const io = new Io();
    expect(await run(d, 'c', { io })).toEqual({ kind: 'failed', failure: { code: 'error', message: 'hiccup', detail: expect.any(String) }, retry: { action: 'default' } });
    expect(io.lines.map(([level, event]) => [level, event])).toEqual([['warning', 'the retry policy threw, and is passed over: no such member']]);
  });

  it('has its result checked and converted by output', async () => {
    const d = dag('d');
    d.task('ok', async () => ({ n: '3' }) as never, { output: z.object({ n: z.coerce.number() }) })();
    d.task('bad', async () => ({}) as never, { output: z.object({ n: z.number() }) })();
    expect(await run(d, 'ok')).toEqual(returned({ n: 3 }));
    expect(await run(d, 'bad')).toMatchObject({ kind: 'failed', failure: { code: 'bad_output', message: "the result of 'bad' does not fit its output schema: n: Invalid input: expected number, received undefined" } });
  });
});

describe('a result that others map over', () => {
  it('is measured when the scheduler cannot see it', async () => {
    const d = dag('d');
    const big = d.task('big', async () => ({ list: Array.from({ length: 600 }, (_, n) => `row ${n}`), rows: { a: 1 } }))();
    const list = d.task('list', async () => Array.from({ length: 700 }, (_, n) => n))();
    d.task('small', async () => [1])();
    d.task('c', async (_: { row: string; n: number }) => 1).expand({ row: big.get('list'), n: list });
    expect(await run(d, 'big')).toMatchObject({ result: { kind: 'stored' }, resultLengths: { list: 600 } });
    expect(await run(d, 'list')).toEqual({ kind: 'succeeded', result: { kind: 'stored', key: 'k0', bytes: 2691 }, resultLength: 700 });
    expect(await run(d, 'small')).toEqual(returned([1]));
  });
});

describe('a mapped task', () => {
  const items = (...values: (Json | undefined)[]): UpstreamResult => ({
    mapped: true, items: values.map((value, mapIndex) => ({ mapIndex, state: 'success', ...(value === undefined ? {} : { result: { kind: 'inline', value } }) })),
  });

  it('gets one combination, the last list turning fastest', async () => {
    const d = dag('d');
    const keys = d.task('keys', async () => ['a', 'b'])();
    d.task('c', async (input: { key: string; n: number; fixed: string }) => input).partial({ fixed: 'f' }).expand({ key: keys, n: [1, 2, 3] });
    const got: Json[] = [];
    for (let mapIndex = 0; mapIndex < 6; mapIndex += 1) {
      const outcome = await run(d, 'c', { mapIndex, results: { keys: inline(['a', 'b']) } });
      if (outcome.kind === 'succeeded' && outcome.result?.kind === 'inline') got.push(outcome.result.value);
    }
    expect(got).toEqual([['a', 1], ['a', 2], ['a', 3], ['b', 1], ['b', 2], ['b', 3]].map(([key, n]) => ({ fixed: 'f', key, n })));
  });

  it('gets pairs of an object, elements of zip and concat, and what map made of an element', async () => {
    const d = dag('d');
    const list = d.task('list', async () => ['a', 'b'])();
    d.task('pairs', async (input: { p: unknown }) => input).expand({ p: { x: 1, y: 2 } as never });
    d.task('zipped', async (input: { p: [string, number] }) => input).expand({ p: zip<[string, number]>([list, [1, 2, 3]], { fill: '-' }) });
    d.task('all', async (input: { p: string }) => input).expand({ p: concat<string>(list, ['z']).map((s) => s.toUpperCase()) });
    d.task('kwargs', async (input: { p: string }) => input).expandKwargs(list.map((p) => ({ p })));
    const results = { list: inline(['a', 'b']) };
    expect(await run(d, 'pairs', { mapIndex: 1 })).toMatchObject(returned({ p: ['y', 2] }));
    expect(await run(d, 'zipped', { mapIndex: 2, results })).toMatchObject(returned({ p: ['-', 3] }));
    expect(await run(d, 'all', { mapIndex: 2, results })).toMatchObject(returned({ p: 'Z' }));
    expect(await run(d, 'kwargs', { mapIndex: 1, results })).toMatchObject(returned({ p: 'b' }));
  });

  it('is read as the list of what its instances returned', async () => {
    const d = dag('d');
    const parts = d.task('part', async ({ n }: { n: number }) => n).expand({ n: [1, 2, 3] });
    d.task('sum', async ({ all }: { all: number[] }) => all)({ all: parts });
    d.task('even', async ({ all }: { all: number[] }) => all)({
      all: parts.map((n) => {
        if (n % 2 === 1) throw new SkipTask();
        return n * 10;
      }),
    });
    expect(await run(d, 'sum', { results: { part: items(1, undefined, 3) } })).toEqual(returned([1, 3]));
    expect(await run(d, 'even', { results: { part: items(1, 2, 4) } })).toEqual(returned([20, 40]));
  });

  it('fails for good over a value that is no list', async () => {
    const d = dag('d');
    const list = d.task('list', async () => ['a'])();
    d.task('c', async (input: { p: string }) => input).expand({ p: list });
    expect(await run(d, 'c', { mapIndex: 0, results: { list: inline(5) } })).toEqual({
      kind: 'failed', retry: { action: 'fail' }, failure: { code: 'bad_input', message: "a mapped task needs a list or an object, but the result of 'list' is a number" },
    });
  });
});

describe('other kinds', () => {
  it('a branch names the tasks it chose, and always what is no case of it', async () => {
    const d = dag('d');
    const decided = d.task('decide', async (): Promise<{ way: 'a' | 'b' | 'none' }> => ({ way: (globalThis as { way?: 'a' }).way ?? 'a' }))();
    const b = d.group('b');
    b.empty('one');
    b.empty('two');
    d.branch(decided.get('way'), { a: d.empty('a'), b, none: null });
    d.task('reader', async (_: { x: object }) => 1)({ x: decided });
    const chosenFor = async (way: string) => {
      Object.assign(globalThis, { way });
      const outcome = await run(d, 'decide');
      return outcome.kind === 'succeeded' ? outcome.chosen : outcome;
    };
    expect(await chosenFor('a')).toEqual(['a', 'reader']);
    expect(await chosenFor('b')).toEqual(['b.one', 'b.two', 'reader']);
    expect(await chosenFor('none')).toEqual(['reader']);
    expect(await chosenFor('c')).toEqual({ kind: 'failed', failure: { code: 'bad_branch', message: "'decide' chose \"c\", which is no case of its branch; there are 'a', 'b', 'none'" } });
  });

  it('a short circuit passes what is true as Python sees it', async () => {
    const d = dag('d');
    d.shortCircuit('empty', async () => [])();
    d.shortCircuit('full', async () => [0])();
    expect(await run(d, 'empty')).toMatchObject({ kind: 'succeeded', passed: false });
    expect(await run(d, 'full')).toMatchObject({ kind: 'succeeded', passed: true });
  });

  it('a sensor waits by giving its slot back, until it is done or its time is up', async () => {
    const d = dag('d');
    let done = false;
    d.sensor('wait', async () => (done ? poke.done({ key: 'x' }) : poke.again()), { every: '1m', timeout: '1h', mode: 'reschedule' })();
    d.sensor('soft', async () => poke.again(), { every: '1m', timeout: '1h', mode: 'reschedule', softFail: true })();
    const io = new Io();
    const work = { timeoutMs: 3_600_000, firstStartedAtMs: io.now - 600_000 };
    const late = { timeoutMs: 3_600_000, firstStartedAtMs: io.now - 3_590_000 };
    expect(await run(d, 'wait', { io, work })).toEqual({ kind: 'rescheduled', nextPokeAtMs: io.now + 60_000 });
    expect(await run(d, 'wait', { io, work: late })).toEqual({ kind: 'failed', failure: { code: 'sensor_timeout', message: "sensor 'wait' waited 1h in vain" }, retry: { action: 'fail' } });
    expect(await run(d, 'soft', { io, work: late })).toEqual({ kind: 'skipped', softFail: true });
    done = true;
    expect(await run(d, 'wait', { io, work: late })).toEqual(returned({ key: 'x' }));
  });

  it('an operator is executed by what the process holds for its kind, with results in its fields', async () => {
    const d = dag('d', { params: z.object({ 'my-key': z.string(), rows: z.number() }) });
    const a = d.task('a', async () => ({ n: 1 }))();
    d.task('c', bash({ command: 'echo', env: { N: a.get('n') } }))();
    const seen: unknown[] = [];
    const io = new Io({
      bash: async (fields, context) => {
        seen.push(fields, context.environment);
        return 'last line';
      },
    });
    expect(await run(d, 'c', { io, results: { a: inline({ n: 1 }) }, run: { params: { 'my-key': 'v', rows: 2 } } })).toEqual(returned('last line'));
    expect(seen).toEqual([
      { command: 'echo', env: { N: 1 } },
      {
        DAGBOOK_DAG_ID: 'd', DAGBOOK_RUN_ID: 'r1', DAGBOOK_TASK_ID: 'c', DAGBOOK_TRY_NUMBER: '1', DAGBOOK_MAP_INDEX: '-1', DAGBOOK_RUN_TYPE: 'scheduled',
        DAGBOOK_TIMEZONE: 'UTC', DAGBOOK_DS: '2027-01-05', DAGBOOK_DS_NODASH: '20270105', DAGBOOK_LOCAL_DS: '2027-01-05', DAGBOOK_TS: '2027-01-05T06:30:00+00:00',
        DAGBOOK_DATA_INTERVAL_START: '2027-01-04T00:00:00+00:00', DAGBOOK_DATA_INTERVAL_END: '2027-01-05T00:00:00+00:00',
        DAGBOOK_PARAM_MY_KEY: 'v', DAGBOOK_PARAM_ROWS: '2',
      },
    ]);
  });

  it('the last line of a command is JSON where its output has a schema', async () => {
    const d = dag('d');
    d.task('c', bash({ command: 'x', output: z.object({ rows: z.number() }) }))();
    expect(await run(d, 'c', { io: new Io({ bash: async () => '{"rows":3}' }) })).toEqual(returned({ rows: 3 }));
    expect(await run(d, 'c', { io: new Io({ bash: async () => 'three' }) })).toMatchObject({ failure: { code: 'bad_output', message: "the last line that 'c' wrote is not JSON: three" } });
  });

  it.each([
    ['of a run that the next interval has overtaken', { dataInterval: { startMs: Date.UTC(2027, 0, 3), endMs: Date.UTC(2027, 0, 4) } }, false],
    ['of the latest interval', {}, true],
    ['of a run that a person started', { runType: 'manual', dataInterval: { startMs: Date.UTC(2026, 0, 3), endMs: Date.UTC(2026, 0, 4) } }, true],
  ])('latest only passes what follows: %s', async (_, run_, passed) => {
    const d = dag('d', { schedule: cron('0 0 * * *', { timezone: 'UTC', interval: 'data' }) });
    d.latestOnly('latest');
    expect(await run(d, 'latest', { run: run_ })).toEqual({ kind: 'succeeded', passed });
  });

  it.each([[Date.UTC(2027, 0, 3), false], [Date.UTC(2027, 0, 4), true]])('latest only updates its outlets, whether or not it passes what follows', async (startMs, passed) => {
    const d = dag('d', { schedule: cron('0 0 * * *', { timezone: 'UTC', interval: 'data' }) });
    d.latestOnly('latest', { outlets: [asset('s3://one')] });
    expect(await run(d, 'latest', { run: { dataInterval: { startMs, endMs: startMs + 86_400_000 } } })).toEqual({ kind: 'succeeded', passed, assetEvents: [{ uri: 's3://one', extra: {} }] });
  });

  it('updates as many assets as its DAG names, however many characters that comes to', async () => {
    const outlets = Array.from({ length: 1_500 }, (_, index) => asset(`a${index}`));
    const d = dag('d');
    d.task('c', () => undefined, { outlets })();
    expect(await run(d, 'c')).toMatchObject({ kind: 'succeeded', assetEvents: expect.objectContaining({ length: 1_500 }) as unknown });
  });

  it('an operator that is only typed so far says so', async () => {
    const d = dag('d');
    d.task('c', docker({ image: 'x' }))();
    expect(await run(d, 'c')).toMatchObject({ kind: 'failed', failure: { code: 'not_supported', message: expect.stringContaining('later release') }, retry: { action: 'fail' } });
  });

  it('a task that the code does not have fails for good', async () => {
    expect(await run(dag('d'), 'gone')).toMatchObject({ kind: 'failed', failure: { code: 'code_missing' }, retry: { action: 'fail' } });
  });
});

it('is found under the symbol that worker and parser look for', () => {
  expect(RUNNABLE in dag('d')).toBe(true);
  expect(Symbol.keyFor(RUNNABLE)).toBe('dagbook.dag');
});

describe('a sensor that looks less and less often', () => {
  const every = { every: '1m', backoff: 'exponential', maxEvery: '5m' } as const;

  it('doubles its pauses up to the longest, while it keeps its slot or is hosted', async () => {
    const looks: number[] = [];
    const io = new (class extends Io {
      async wait(ms: number) {
        this.now += ms;
      }
    })();
    const began = io.now;
    const d = dag('d');
    d.sensor('c', async () => (looks.push((io.now - began) / 60_000) < 6 ? poke.again() : poke.done(0)), every)();
    expect(await run(d, 'c', { io })).toMatchObject({ kind: 'succeeded' });
    expect(looks).toEqual([0, 1, 3, 7, 12, 17]);
  });

  it('goes on doubling over reschedules, told by when it began', async () => {
    const d = dag('d');
    d.sensor('c', async () => poke.again(), { ...every, mode: 'reschedule' })();
    const io = new Io();
    const { attempt, work } = { attempt: { dagId: 'd', runId: 'r', taskId: 'c', mapIndex: -1, tryNumber: 1 }, work: { bundleHash: 'h', maxTries: 1, run: RUN, results: {}, firstStartedAtMs: io.now - 180_000 } };
    expect(await runnableOf(d)?.run({ attempt, work }, io)).toEqual({ kind: 'rescheduled', nextPokeAtMs: io.now + 240_000 });
  });
});
