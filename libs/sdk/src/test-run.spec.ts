import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { bash, dag, defer, mock, poke, provideOperators, runnableOf, SkipTask, sql, trigger } from './index.ts';

const quiet = { log: () => undefined };

describe('the templated fields of a run that is not there', () => {
  const rendered = (declared: unknown, taskId: string, mapIndex = -1, options: object = {}) => runnableOf(declared)?.render(taskId, mapIndex, { ...quiet, ...options });

  it('are those of its date, params and site, and nothing runs', async () => {
    const d = dag('d', { timezone: 'Asia/Seoul', params: z.object({ region: z.string().default('서울') }) });
    const read = d.task('read', async () => { throw new Error('it ran'); })();
    d.task('load', bash({ command: 'load {{ ds }} {{ params.region }} {{ ti.xcom_pull("read", default=0) }}', env: { KEY: '{{ var.value.api_key }}', AT: '{{ conn.db.host }}' } }))().after(read);
    expect(await rendered(d, 'load', -1, { logicalDate: '2027-01-05T09:00', variables: { api_key: 'hunter2hunter2' }, connections: { db: { conn_type: 'postgres', host: 'pg' } } }))
      .toEqual({ command: 'load 2027-01-05 서울 0', env: { KEY: '***', AT: 'pg' } });
    await expect(rendered(d, 'other')).rejects.toThrow("'d' has no task 'other'.");
    expect(await rendered(d, 'read')).toEqual({});
  });

  it('are of one instance of a mapped task', async () => {
    const d = dag('d');
    d.task('load', bash({ command: 'load {{ dag.dag_id }}' })).expand({ cwd: ['/a', '/b'] });
    expect(await rendered(d, 'load', 1)).toEqual({ command: 'load d', cwd: '/b' });
    await expect(rendered(d, 'load')).rejects.toThrow("'load' is mapped: name one instance, load[0].");
    await expect(rendered(d, 'load', 2)).rejects.toThrow("'d' has no task instance load[2].");
  });

  it('may be files beside the DAG, of its own folder first', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'dagbook-render-'));
    try {
      mkdirSync(join(folder, 'team'));
      writeFileSync(join(folder, 'load.sql'), 'SELECT 1');
      writeFileSync(join(folder, 'team', 'load.sql'), "SELECT '{{ ds }}'");
      const d = dag('d');
      d.task('load', sql({ sql: 'load.sql' }))();
      const of = (dagFolder: string) => rendered(d, 'load', -1, { logicalDate: '2027-01-05', folder: { folder, dagFolder, hash: 'h' } });
      expect([await of(join(folder, 'team')), await of(folder)]).toEqual([{ sql: "SELECT '2027-01-05'" }, { sql: 'SELECT 1' }]);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

describe('dag.test', () => {
  afterEach(() => provideOperators({}));

  it('runs the whole DAG: values, states, mapped lists and large results', async () => {
    const d = dag('d', { params: z.object({ prefix: z.string().default('p') }) });
    const keys = d.task('keys', async (_, { params }) => ['a', 'b', 'c'].map((key) => params.prefix + key))();
    const sizes = d.task('size', async ({ key, factor }: { key: string; factor: number }) => ({ key, text: 'x'.repeat(factor) })).partial({ factor: 1000 }).expand({ key: keys });
    const total = d.task('total', async ({ all }: { all: { text: string }[] }) => all.reduce((sum, { text }) => sum + text.length, 0))({ all: sizes });
    const result = await d.test({ ...quiet, params: { prefix: 'q' } });
    expect(result.state).toBe('success');
    expect(result.value(total)).toBe(3000);
    expect(result.value(sizes).map(({ key }) => key)).toEqual(['qa', 'qb', 'qc']);
    expect(result.value(sizes.get(1).get('key'))).toBe('qb');
    expect(result.stateOf(sizes)).toBe('success');
  });

  it('jumps over retries and pokes, and tells the tries apart', async () => {
    const d = dag('d');
    const flaky = d.task('flaky', async (_, { tryNumber }) => {
      if (tryNumber < 3) throw new Error('not yet');
      return tryNumber;
    }, { retries: 2, retryDelay: '1h' })();
    let pokes = 0;
    const counted = async () => ((pokes += 1) % 5 === 0 ? poke.done(pokes) : poke.again());
    const held = d.sensor('held', counted, { every: '1h' })();
    const given = d.sensor('given', counted, { every: '1h', mode: 'reschedule' })();
    const late = d.sensor('late', async () => poke.again(), { every: '1h', timeout: '5h', softFail: true })();
    const result = await d.test(quiet);
    expect([result.value(flaky), result.value(held), result.value(given), result.stateOf(late)]).toEqual([3, 5, 10, 'skipped']);
  });

  it('skips what a branch did not take, and hands onSkip values to the join', async () => {
    const d = dag('d', { params: z.object({ way: z.enum(['left', 'right', 'none']).default('left') }) });
    const decided = d.task('decide', async (_, { params }) => params.way)();
    const left = d.task('left', async () => 1)();
    const right = d.task('right', async () => 2)();
    d.branch(decided, { left, right, none: null });
    const joined = d.task('join', async ({ l, r }: { l: number | null; r: number | null }) => [l, r], { triggerRule: 'none_failed' })({ l: left.onSkip(null), r: right.onSkip(null) });
    const went = async (way: 'left' | 'right' | 'none') => {
      const result = await d.test({ ...quiet, params: { way } });
      return [result.stateOf(left), result.stateOf(right), result.value(joined)];
    };
    expect(await went('left')).toEqual(['success', 'skipped', [1, null]]);
    expect(await went('right')).toEqual(['skipped', 'success', [null, 2]]);
    expect(await went('none')).toEqual(['skipped', 'skipped', [null, null]]);
  });

  it('runs a mapped group depth first: each instance sees its own argument and its own siblings', async () => {
    const d = dag('d');
    const files = d.task('files', async () => [{ name: 'a', size: 1 }, { name: 'b', size: 2 }])();
    const loaded = d.mappedGroup('load', { file: files, way: ['x', 'y'] }, (group, { file, way }) => {
      const read = group.task('read', async ({ name, by }: { name: string; by: string }) => `${name}${by}`)({ name: file.get('name'), by: way });
      const check = group.task('check', async ({ of }: { of: string }) => { if (of === 'ay') throw new SkipTask(); })({ of: read });
      return group.task('store', async ({ text, size }: { text: string; size: number }) => text.repeat(size))({ text: read, size: file.get('size') }).after(check);
    });
    const all = d.task('all', async ({ texts }: { texts: string[] }) => texts)({ texts: loaded });
    const result = await d.test(quiet);
    expect(result.stateOf(all)).toBe('skipped');
    expect(result.value(loaded)).toEqual(['ax', 'bxbx', 'byby']);
  });

  it('repeats a loop until it is told to stop, and hands on what the last iteration taken made', async () => {
    const rounds = async (enough: number) => {
      const d = dag('d');
      const begun = d.task('begun', async () => 1)();
      const doubled = d.loop('double', begun, (iteration, previous) => iteration.task('twice', async ({ n }: { n: number }) => n * 2)({ n: previous }), {
        maxIterations: 4, until: (n) => n >= enough,
      });
      const told = d.task('told', async ({ n }: { n: number }) => n)({ n: doubled });
      const result = await d.test(quiet);
      return [result.state, result.stateOf(doubled), result.stateOf(told), result.stateOf(told) === 'success' ? result.value(told) : null];
    };
    expect(await rounds(2)).toEqual(['success', 'success', 'success', 2]);
    expect(await rounds(5)).toEqual(['success', 'success', 'success', 8]);
    expect(await rounds(16)).toEqual(['success', 'success', 'success', 16]);
    expect(await rounds(17)).toEqual(['failed', 'upstream_failed', 'upstream_failed', null]);
  });

  it('asks whether it is enough once, whatever the DAG says of retries and trigger rules', async () => {
    const d = dag('d', { defaults: { retries: 3, triggerRule: 'none_failed_min_one_success' } });
    let asked = 0;
    const loop = d.loop('l', null, (iteration) => iteration.task('work', async () => 1)(), { maxIterations: 2, until: () => { asked += 1; return false; } });
    const result = await d.test(quiet);
    expect([result.stateOf(loop), asked]).toEqual(['upstream_failed', 2]);
  });

  it('hands on what the last iteration taken made, also when that is nothing', async () => {
    const d = dag('forgetful');
    const loop = d.loop('l', null, (iteration, _, index) => iteration.task('work', async () => (index === 0 ? 'first' : undefined))(), { maxIterations: 4, until: (_, index) => index === 1 });
    const read = d.task('read', async ({ value }: { value: string | undefined }) => value ?? 'nothing')({ value: loop });
    expect((await d.test(quiet)).value(read)).toBe('nothing');
  });

  it('ends a loop with the iteration that fails, and begins none after it', async () => {
    const d = dag('d');
    const begun: number[] = [];
    const loop = d.loop('l', null, (iteration, _, index) =>
      iteration.task('work', async () => { begun.push(index); if (index === 1) throw new Error('broken'); return index; })(), { maxIterations: 3, until: (n) => n > 5 });
    const result = await d.test(quiet);
    expect([result.state, result.stateOf(loop), begun]).toEqual(['failed', 'upstream_failed', [0, 1]]);
  });

  it('defers: the same try goes on with what the trigger brought, earliest first, and none waits in real time', async () => {
    const d = dag('d');
    const order: string[] = [];
    const wait = (id: string, hours: number) =>
      d.task(id, async (_, { resumed, tryNumber }) => {
        if (resumed === undefined) defer(trigger.after(`${hours}h`));
        order.push(id);
        return [resumed.event, tryNumber];
      })();
    const long = wait('long', 30 * 24);
    const short = wait('short', 1);
    const at = d.task('at', async (_, { resumed }) => (resumed === undefined ? defer(trigger.at('2027-01-05T00:30:00Z')) : resumed.event))();
    const named = d.task('named', async (_, { resumed }) => (resumed === undefined ? defer(trigger.named('ready', { order: 7 })) : resumed.event), {
      triggers: { ready: async ({ order: id }: { order: number }, { ds }) => ({ id, ds }) },
    })();
    const result = await d.test({ ...quiet, logicalDate: '2027-01-05' });
    expect([result.value(long), result.value(short), result.value(at), result.value(named)])
      .toEqual([['2027-02-04T00:00:00.000Z', 1], ['2027-01-05T01:00:00.000Z', 1], '2027-01-05T00:30:00.000Z', { id: 7, ds: '2027-01-05' }]);
    expect(order).toEqual(['short', 'long']);
  });

  it('fails what is deferred for too long, or to a trigger that fails or is not there', async () => {
    const d = dag('d');
    const lines: string[] = [];
    d.task('late', async () => defer(trigger.after('2h'), { timeout: '1h' }))();
    d.task('broken', async () => defer(trigger.named('breaks')), { triggers: { breaks: async () => { throw new Error('no host'); } } })();
    d.task('absent', async () => defer(trigger.named('toString')))();
    const result = await d.test({ logicalDate: '2027-01-05', log: ({ task, event }) => lines.push(`${task}: ${event}`) });
    expect(result.state).toBe('failed');
    expect(lines).toEqual(['broken: no host', "absent: the task has no trigger 'toString': name it in the task's triggers"]);
  });

  it('pokes deferred sensors where triggers wait, with their timeout and softFail', async () => {
    const d = dag('d');
    let pokes = 0;
    const found = d.sensor('found', async () => ((pokes += 1) < 4 ? poke.again() : poke.done(pokes)), { every: '1h', mode: 'deferred' })();
    const never = d.sensor('never', async () => poke.again(), { every: '1h', timeout: '5h', mode: 'deferred', retries: 3 })();
    const soft = d.sensor('soft', async () => poke.again(), { every: '1h', timeout: '5h', mode: 'deferred', softFail: true })();
    const result = await d.test(quiet);
    expect([result.value(found), result.stateOf(never), result.stateOf(soft)]).toEqual([4, 'failed', 'skipped']);
  });

  it('puts mocks in place of code: constants, functions, and lists for mapped tasks', async () => {
    const d = dag('d');
    const never = async (): Promise<{ host: string }> => { throw new Error('must not run'); };
    const idle = d.sensor('idle', async () => poke.done(await never()), { every: '1m' })();
    const rows = d.task('rows', async ({ n }: { n: number }) => n).expand({ n: [1, 2] });
    const shown = d.task('shown', async ({ host, all }: { host: string; all: number[] }) => `${host} ${all.join()}`)({ host: idle.get('host'), all: rows });
    const result = await d.test({ ...quiet, mock: [mock(idle, () => ({ host: 'x' })), mock(rows, [7, 8])] });
    expect(result.value(shown)).toBe('x 7,8');
  });

  it('ends as the run would, tells who failed, and has no value for it', async () => {
    const failures: unknown[] = [];
    const d = dag('d', { onFailure: ({ dagId, runId, reason, failed }) => { failures.push({ dagId, runId, reason, failed }); } });
    const bad = d.task('bad', async () => { throw new Error('no'); })();
    const after = d.task('after', async () => 1)().after(bad);
    const skipped = d.task('skipped', async () => { throw new SkipTask(); })();
    const lines: string[] = [];
    const result = await d.test({ logicalDate: '2027-01-05', log: ({ task, level, event }) => lines.push(`${level} ${task} ${event}`) });
    expect([result.state, result.stateOf(bad), result.stateOf(after), result.stateOf(skipped)]).toEqual(['failed', 'failed', 'upstream_failed', 'skipped']);
    expect(() => result.value(after)).toThrow("'after' has no result: it is upstream_failed");
    expect(failures).toEqual([{ dagId: 'd', runId: 'manual__2027-01-05T00:00:00+00:00', reason: 'task_failure', failed: ['bad'] }]);
    expect(lines).toEqual(['error bad no']);
  });

  it('executes operators that the process provides', async () => {
    const d = dag('d');
    const said = d.task('say', bash({ command: 'echo hi' }))();
    expect((await d.test(quiet)).stateOf(said)).toBe('failed');
    provideOperators({ bash: async ({ command }) => `ran ${String(command)}` });
    expect((await d.test(quiet)).value(said)).toBe('ran echo hi');
  });

  it('refuses params that do not fit, and a date that is not one', async () => {
    const d = dag('d', { params: z.object({ n: z.number().default(1) }) });
    d.empty('x');
    await expect(d.test({ params: { n: 'x' as never } })).rejects.toThrow("params do not fit the schema of 'd': n: Invalid input: expected number, received string");
    await expect(d.test({ logicalDate: 'yesterday' })).rejects.toThrow('logicalDate is "yesterday"');
  });
});
