import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import * as v from 'valibot';
import { asset, at, bash, concat, cron, dag, every, externalTaskMarker, s3Key, serialize, when, zip } from './index.ts';

const taskOf = (definition: ReturnType<typeof serialize>, taskId: string) => definition.tasks.find((task) => task.taskId === taskId);

describe('serialize', () => {
  it('leaves every default out', () => {
    const d = dag('plain');
    d.task('only', async () => 1)();
    expect(serialize(d)).toEqual({
      dagId: 'plain', timezone: 'UTC', schedule: { kind: 'none' }, tasks: [{ taskId: 'only', operator: 'function', upstream: [] }],
    });
  });

  it('makes a sensor of an operator that waits, however it is declared', () => {
    const d = dag('waits');
    d.task('keeps', s3Key({ bucket: 'b', key: 'k' }))();
    d.sensor('yields', s3Key({ bucket: 'b', key: 'k' }), { every: '10s', mode: 'reschedule' })();
    expect(serialize(d).tasks).toEqual([
      { taskId: 'keeps', operator: 's3Key', kind: 'sensor', upstream: [], sensor: { everyMs: 60_000, mode: 'poke' } },
      { taskId: 'yields', operator: 's3Key', kind: 'sensor', upstream: [], sensor: { everyMs: 10_000, mode: 'reschedule' } },
    ]);
    expect(() => d.sensor('no', bash({ command: 'true' }) as never, { every: '1s' })).toThrow('an operator that waits');
  });

  it('turns what the author says into milliseconds, instants and plain names', () => {
    const out = asset('s3://lake/out');
    const d = dag('full', {
      schedule: cron('30 6 * * *', { timezone: 'Asia/Seoul' }), startDate: '2027-01-01', endDate: '2027-02-01T00:00:00Z', catchup: true, tags: ['a'], owner: 'team',
      maxActiveRuns: 2, timeout: '1h', defaults: { retries: 2, retryDelay: '5m', retryBackoff: 'exponential' }, onFailure: () => {},
    });
    d.task('one', bash({ command: 'true' }), { timeout: '1.5m', pool: 'dw', queue: 'host-b', outlets: [out], retries: 0 })();
    d.task('two', async () => 1, { pool: { name: 'dw', slots: 4 }, triggerRule: 'all_done' })();
    expect(serialize(d)).toEqual({
      dagId: 'full', timezone: 'Asia/Seoul', schedule: { kind: 'cronTrigger', cron: '30 6 * * *', timezone: 'Asia/Seoul' },
      startDate: '2026-12-31T15:00:00.000Z', endDate: '2027-02-01T00:00:00.000Z', catchup: true, maxActiveRuns: 2, dagrunTimeoutMs: 3_600_000,
      tags: ['a'], owner: 'team', callbacks: ['onFailure'],
      tasks: [
        {
          taskId: 'one', operator: 'bash', upstream: [], retryDelayMs: 300_000, retryBackoff: 2, timeoutMs: 90_000, queue: 'host-b',
          pool: { name: 'dw', slots: 1 }, outlets: ['s3://lake/out'],
        },
        { taskId: 'two', operator: 'function', upstream: [], triggerRule: 'all_done', retries: 2, retryDelayMs: 300_000, retryBackoff: 2, pool: { name: 'dw', slots: 4 } },
      ],
    });
  });

  it('holds runs to deadlines', () => {
    const d = dag('late', {
      timezone: 'Asia/Seoul', rerunWithLatestVersion: true,
      deadlines: [
        { name: 'before work', reference: 'logicalDate', interval: '-30m' }, { reference: 'queuedAt', interval: '2h' }, { reference: { fixed: '2027-01-01T09:00' }, interval: '0s' },
        { reference: 'averageRuntime', interval: '5m' }, { reference: 'averageRuntime', interval: '5m', averageOf: { limit: 20, minRuns: 3 } },
      ],
    });
    d.empty('a');
    const { deadlines, rerunWithLatestVersion } = serialize(d);
    expect([deadlines, rerunWithLatestVersion]).toEqual([[
      { name: 'before work', reference: 'logicalDate', intervalMs: -1_800_000 }, { reference: 'queuedAt', intervalMs: 7_200_000 }, { reference: 'fixed', fixed: '2027-01-01T00:00:00.000Z', intervalMs: 0 },
      { reference: 'averageRuntime', intervalMs: 300_000, averageOf: { limit: 10, minRuns: 10 } }, { reference: 'averageRuntime', intervalMs: 300_000, averageOf: { limit: 20, minRuns: 3 } },
    ], true]);
    const bad = dag('bad', { deadlines: [{ reference: 'startedAt' as 'queuedAt', interval: '1h' }] });
    bad.empty('a');
    expect(() => serialize(bad)).toThrow(/deadlines\[0\]\.reference.*startedAt/);
  });

  it('draws an edge for each result that is passed on, also inside operator fields, and keeps drawn ones after them', () => {
    const d = dag('edges');
    const a = d.task('a', async () => ({ n: 1 }))();
    const b = d.task('b', async () => 'x')();
    const first = d.empty('first').before(b);
    d.task('c', bash({ command: 'echo', env: { N: a.get('n'), B: b } }))().after(first, a);
    const definition = serialize(d);
    expect(taskOf(definition, 'c')).toEqual({ taskId: 'c', operator: 'bash', upstream: ['a', 'b', 'first'], reads: ['a', 'b'] });
    expect(taskOf(definition, 'b')).toEqual({ taskId: 'b', operator: 'function', upstream: ['first'] });
    expect(taskOf(definition, 'first')).toEqual({ taskId: 'first', kind: 'empty', operator: 'empty', upstream: [] });
  });

  it('says how a mapped task multiplies', () => {
    const d = dag('mapped');
    const files = d.task('files', async () => ['a'])();
    const more = d.task('more', async () => ({ list: [1, 2] }))();
    const load = d.task('load', async (_: { key: string; n: number; delimiter: string }) => 1);
    load.partial({ delimiter: ';' }).expand({ key: files.map((key) => key.trim()), n: more.get('list') });
    d.task('pair', async (_: { pair: [string, number]; of: string }) => 1).expand({
      pair: zip<[string, number]>([files, [1]], { fill: null }), of: concat<string>(files, ['z']),
    });
    const kwargs = d.task('kwargs', async (_: { x: number }) => 1).expandKwargs([{ x: 1 }]);
    d.task('sum', async (_: { all: number[] }) => 1)({ all: kwargs });
    const definition = serialize(d);
    expect(taskOf(definition, 'load')).toEqual({
      taskId: 'load', operator: 'function', upstream: ['files', 'more'], reads: ['files', 'more'],
      mapping: {
        kind: 'expand',
        over: [['key', { kind: 'map', source: { kind: 'result', taskId: 'files' }, fn: 0 }], ['n', { kind: 'result', taskId: 'more', path: ['list'] }]],
      },
    });
    expect(taskOf(definition, 'pair')?.mapping).toEqual({
      kind: 'expand',
      over: [
        ['pair', { kind: 'zip', sources: [{ kind: 'result', taskId: 'files' }, { kind: 'literal', value: [1] }], fill: null }],
        ['of', { kind: 'concat', sources: [{ kind: 'result', taskId: 'files' }, { kind: 'literal', value: ['z'] }] }],
      ],
    });
    expect(taskOf(definition, 'kwargs')?.mapping).toEqual({ kind: 'expandKwargs', over: { kind: 'literal', value: [{ x: 1 }] } });
    expect(taskOf(definition, 'sum')?.reads).toEqual(['kwargs']);
  });

  it('says what an external task marker marks, and that it has nothing to execute', () => {
    const d = dag('parent');
    d.task('mark', externalTaskMarker({ dagId: 'child', taskId: 'wait', laterBy: '1h', recursionDepth: 3 }))();
    d.task('plain', externalTaskMarker({ dagId: 'child', taskId: 'wait' }))();
    const definition = serialize(d);
    expect(taskOf(definition, 'mark')).toEqual({ taskId: 'mark', kind: 'empty', operator: 'externalTaskMarker', upstream: [], marks: { dagId: 'child', taskId: 'wait', laterByMs: 3_600_000, depth: 3 } });
    expect(taskOf(definition, 'plain')?.marks).toEqual({ dagId: 'child', taskId: 'wait' });
    const bad = dag('bad');
    bad.task('mark', externalTaskMarker({ dagId: 'a/b', taskId: 'wait', recursionDepth: 0 }))();
    expect(() => serialize(bad)).toThrow(/tasks\.mark\.marks\.dagId is "a\/b"/);
  });

  it('leads edges to the roots of a group and from its leaves, a teardown being no leaf', () => {
    const d = dag('grouped');
    const before = d.empty('before');
    const g = d.group('g', { tooltip: 'hint' });
    const inner = g.group('inner');
    const make = g.setup('make', async () => 1)();
    const work = inner.task('work', async () => 1)().after(make);
    g.teardown('clean', async () => 1)().after(work, make);
    const after = d.empty('after');
    g.after(before);
    after.after(g);
    const definition = serialize(d);
    expect(definition.groups).toEqual([{ groupId: 'g', tooltip: 'hint' }, { groupId: 'g.inner', parentId: 'g' }]);
    expect(definition.tasks).toEqual([
      { taskId: 'before', kind: 'empty', operator: 'empty', upstream: [] },
      { taskId: 'g.make', operator: 'function', upstream: ['before'], groupId: 'g', setup: true },
      { taskId: 'g.inner.work', operator: 'function', upstream: ['g.make'], groupId: 'g.inner' },
      { taskId: 'g.clean', operator: 'function', upstream: ['g.inner.work', 'g.make'], groupId: 'g', teardown: { setups: ['g.make'] } },
      { taskId: 'after', kind: 'empty', operator: 'empty', upstream: ['g.inner.work'] },
    ]);
  });

  it('says how a mapped group multiplies, and draws edges to its roots from what it is mapped over', () => {
    const d = dag('mapped_group');
    const files = d.task('files', async () => ({ list: ['a'] }))();
    const out = d.mappedGroup('g', { file: files.get('list') }, (group, { file }) => {
      const first = group.task('first', async (_: { f: string }) => 1)({ f: file });
      return group.task('second', async (_: { f: string; n: number }) => 2)({ f: file, n: first });
    }, { tooltip: 'per file' });
    d.task('sum', async (_: { all: number[] }) => 1)({ all: out });
    const definition = serialize(d);
    expect(definition.groups).toEqual([{ groupId: 'g', tooltip: 'per file', mapping: { kind: 'expand', over: [['file', { kind: 'result', taskId: 'files', path: ['list'] }]] } }]);
    expect(definition.tasks.slice(1)).toEqual([
      { taskId: 'g.first', operator: 'function', upstream: ['files'], groupId: 'g' },
      { taskId: 'g.second', operator: 'function', upstream: ['g.first'], reads: ['g.first'], groupId: 'g' },
      { taskId: 'sum', operator: 'function', upstream: ['g.second'], reads: ['g.second'] },
    ]);
  });

  it('makes the decider of a branch a branch, with all that follows it directly as targets', () => {
    const d = dag('branching');
    const decided = d.task('decide', async (): Promise<'a' | 'b' | 'none'> => 'a')();
    const a = d.empty('a');
    const group = d.group('b');
    group.empty('inside');
    d.branch(decided, { a, b: group, none: null });
    d.task('reader', async (_: { x: string }) => 1)({ x: decided });
    const definition = serialize(d);
    expect(taskOf(definition, 'decide')).toEqual({ taskId: 'decide', kind: 'branch', operator: 'function', upstream: [], branchTargets: ['a', 'b.inside', 'reader'] });
    expect(taskOf(definition, 'b.inside')?.upstream).toEqual(['decide']);
  });

  it('keeps sensors, short circuits and latest only as the scheduler must know them', () => {
    const d = dag('kinds');
    d.sensor('wait', async () => ({ done: true, value: 1 }), { every: '1m', timeout: '1h', mode: 'reschedule', softFail: true })();
    d.shortCircuit('gate', async () => true, { ignoreDownstreamTriggerRules: false })();
    d.latestOnly('latest');
    expect(serialize(d).tasks).toEqual([
      { taskId: 'wait', kind: 'sensor', operator: 'function', upstream: [], timeoutMs: 3_600_000, sensor: { everyMs: 60_000, mode: 'reschedule', softFail: true } },
      { taskId: 'gate', kind: 'shortCircuit', operator: 'function', upstream: [], ignoreDownstreamTriggerRules: false },
      { taskId: 'latest', kind: 'latestOnly', operator: 'latestOnly', upstream: [] },
    ]);
  });

  it.each([
    ['a preset', '@daily' as const, { kind: 'cronTrigger', cron: '0 0 * * *', timezone: 'Asia/Seoul' }],
    ['a cron string', '0 6 * * MON' as const, { kind: 'cronTrigger', cron: '0 6 * * MON', timezone: 'Asia/Seoul' }],
    ['once', '@once' as const, { kind: 'once' }],
    ['a data interval', cron('0 0 * * *', { timezone: 'Asia/Tokyo', interval: 'data' }), { kind: 'cronDataInterval', cron: '0 0 * * *', timezone: 'Asia/Tokyo' }],
    ['several crons', cron(['0 0 * * *', '0 12 * * *'], { timezone: 'UTC' }), { kind: 'multipleCronTrigger', crons: ['0 0 * * *', '0 12 * * *'], timezone: 'UTC' }],
    ['a delta', every('90m'), { kind: 'deltaTrigger', seconds: 5400 }],
    ['months', every({ months: 1 }, { interval: 'data' }), { kind: 'deltaDataInterval', months: 1 }],
    ['events', at(['2027-01-01T00:00:00Z'], { onlyThese: true }), { kind: 'events', instants: ['2027-01-01T00:00:00Z'], restrictToEvents: true }],
    ['assets', when.all(asset('a'), asset('b')), { kind: 'assets', condition: { kind: 'all', of: [{ kind: 'asset', uri: 'a' }, { kind: 'asset', uri: 'b' }] } }],
    [
      'assets or a time', when.any(when.all(asset('a'), asset('b')), cron('0 9 * * MON', { timezone: 'Asia/Seoul' })),
      {
        kind: 'assetsOrTime', condition: { kind: 'all', of: [{ kind: 'asset', uri: 'a' }, { kind: 'asset', uri: 'b' }] },
        timetable: { kind: 'cronTrigger', cron: '0 9 * * MON', timezone: 'Asia/Seoul' },
      },
    ],
  ])('says %s as a timetable', (_, schedule, timetable) => {
    const d = dag('scheduled', { schedule, timezone: 'Asia/Seoul' });
    expect(serialize(d).schedule).toEqual(timetable);
  });

  it('takes the site default zone for a DAG that names none', () => {
    const d = dag('local', { schedule: '@daily', startDate: '2027-01-01 06:30' });
    expect(serialize(d, { timezone: 'Asia/Seoul' })).toMatchObject({ timezone: 'Asia/Seoul', startDate: '2026-12-31T21:30:00.000Z' });
    expect(serialize(d)).toMatchObject({ timezone: 'UTC', startDate: '2027-01-01T06:30:00.000Z' });
  });

  it('reads a wall clock on both sides of a change of clocks', () => {
    const startOf = (startDate: string) => serialize(dag('dst', { timezone: 'America/New_York', startDate })).startDate;
    expect(startOf('2026-03-08T01:59')).toBe('2026-03-08T06:59:00.000Z');
    expect(startOf('2026-03-08T03:00')).toBe('2026-03-08T07:00:00.000Z');
    expect(startOf('2026-11-01T03:00')).toBe('2026-11-01T08:00:00.000Z');
  });

  it('takes defaults from any Standard Schema, and JSON Schema from those that can say it', () => {
    const zod = dag('zod', { params: z.object({ bucket: z.string().default('lake'), rows: z.number().int() }) });
    expect(serialize(zod).params).toEqual({
      defaults: { bucket: 'lake' },
      schema: {
        type: 'object', required: ['rows'],
        properties: { bucket: { default: 'lake', type: 'string' }, rows: { type: 'integer', minimum: Number.MIN_SAFE_INTEGER, maximum: Number.MAX_SAFE_INTEGER } },
      },
    });
    const valibot = dag('valibot', { params: v.object({ prefix: v.optional(v.string(), 'inbox/') }) });
    expect(serialize(valibot).params).toEqual({ defaults: { prefix: 'inbox/' } });
    const dated = dag('dated', { params: z.object({ day: z.coerce.date().optional(), n: z.number().default(3) }) });
    expect(serialize(dated).params).toEqual({ defaults: { n: 3 } });
  });
});

describe('an author’s mistake', () => {
  const mistakes: [string, () => unknown, { field: string; value: string; rule: RegExp }][] = [
    ['a bad dag id', () => dag('my dag'), { field: 'dagId', value: '"my dag"', rule: /^an id has/ }],
    ['a bad task id', () => dag('d').task('a/b', async () => 1), { field: "taskId in 'd'", value: '"a/b"', rule: /^an id has/ }],
    ['a duplicate task id', () => { const d = dag('d'); d.empty('a'); d.empty('a'); }, { field: "taskId in 'd'", value: '"a"', rule: /id of its own/ }],
    ['a group named as a task', () => { const d = dag('d'); d.empty('a'); d.group('a'); }, { field: "groupId in 'd'", value: '"a"', rule: /id of its own/ }],
    ['a bad duration', () => { const d = dag('d'); d.task('a', async () => 1, { timeout: '5 minutes' as '5m' })(); serialize(d); }, { field: "timeout of task 'a'", value: '"5 minutes"', rule: /^a duration is/ }],
    ['a task that was never called', () => { const d = dag('d'); d.task('a', async () => 1); serialize(d); }, { field: "task in 'd'", value: '"a"', rule: /once it is called/ }],
    ['a result of another DAG', () => { const other = dag('other').empty('x'); dag('d').task('a', async (_: { x: undefined }) => 1)({ x: other }); }, { field: "a reference in 'd'", value: '"other"', rule: /its own DAG/ }],
    ['an edge to another DAG', () => { const other = dag('other').empty('x'); dag('d').empty('a').after(other); }, { field: "a reference in 'd'", value: '"other"', rule: /its own DAG/ }],
    ['an edge to a task not called', () => { const d = dag('d'); d.empty('b').after(d.task('a', async () => 1) as never); }, { field: "an edge in 'd'", value: '"function"', rule: /between tasks/ }],
    ['an unknown zone', () => serialize(dag('d', { timezone: 'Asia/Soul' })), { field: "timezone of 'd'", value: '"Asia/Soul"', rule: /IANA/ }],
    ['a date that is not one', () => serialize(dag('d', { startDate: '2027-02-30' })), { field: "startDate of 'd'", value: '"2027-02-30"', rule: /ISO-8601/ }],
    ['mapping over a number', () => dag('d').task('a', async (_: { n: number }) => 1).expand({ n: 5 as never }), { field: "expand of 'a', argument 'n'", value: '5', rule: /a list or an object/ }],
    ['a task without code', () => dag('d').task('a', undefined as never), { field: "task 'a'", value: '"undefined"', rule: /function or an operator/ }],
    ['the argument of a mapped group outside it', () => { const d = dag('d'); d.mappedGroup('g', { n: [1] }, (group, { n }) => { d.task('out', async (_: { n: number }) => 1)({ n }); return group.empty('x'); }); }, { field: "task 'out'", value: "\"the argument 'n' of group 'g'\"", rule: /known only inside/ }],
    ['a loop within a loop', () => { const d = dag('d'); d.loop('l', null, (group) => group.loop('in', null, (inner) => inner.task('t', async () => 1)(), { maxIterations: 2, until: () => true }), { maxIterations: 2, until: () => true }); }, { field: "loop 'l.0.in'", value: '"inside \'l\'"', rule: /no other loop/ }],
    ['a loop without end', () => { dag('d').loop('l', null, (group) => group.task('t', async () => 1)(), { maxIterations: 101, until: () => false }); }, { field: "maxIterations of loop 'l'", value: '101', rule: /1 to 100/ }],
    ['a loop whose tasks run when skipped', () => { dag('d').loop('l', null, (group) => group.task('t', async () => 1, { triggerRule: 'all_done' })(), { maxIterations: 1, until: () => true }); }, { field: "triggerRule of task 'l.0.t'", value: '"all_done"', rule: /skipped with the iterations/ }],
    ['mapping within a mapped group', () => { const d = dag('d'); d.mappedGroup('g', { n: [[1]] }, (group, { n }) => group.task('in', async (_: { n: number }) => 1).expand({ n })); }, { field: "expand of 'g.in', argument 'n'", value: '"the argument of a mapped group"', rule: /multiplied by the group alone/ }],
    ['a cycle', () => { const d = dag('d'); const a = d.empty('a'); const b = d.empty('b').after(a); a.after(b); serialize(d); }, { field: 'tasks', value: expect.stringMatching(/→/), rule: /is a cycle/ }],
    ['an impossible cron', () => serialize(dag('d', { schedule: '0 0 30 2 *' })), { field: 'schedule.cron', value: '"0 0 30 2 *"', rule: /./ }],
    ['negative retries', () => { const d = dag('d'); d.task('a', async () => 1, { retries: -1 })(); serialize(d); }, { field: 'tasks.a.retries', value: '-1', rule: /whole number/ }],
    ['two crons beside assets', () => when.any(asset('a'), cron('0 0 * * *', { timezone: 'UTC' }), cron('0 1 * * *', { timezone: 'UTC' })), { field: 'schedule', value: '"when.any"', rule: /only one time/ }],
  ];

  it.each(mistakes)('is told with field, value and line: %s', (_, make, { field, value, rule }) => {
    let error: unknown;
    try {
      make();
    } catch (caught) {
      error = caught;
    }
    expect(error).toMatchObject({ name: 'DagDefinitionError', field, value, rule: expect.stringMatching(rule) });
    expect(error).toMatchObject({ site: { url: expect.stringContaining('serialize.spec.ts'), line: expect.any(Number) } });
  });
});
