import { describe, expect, it } from 'vitest';
import { asset, assetAlias, bash, cron, dag, provideOperators, serialize, when } from './index.ts';
import type { AssetEvent, TaskContext } from './index.ts';

const quiet = { log: () => undefined };
const orders = asset('s3://lake/orders');
const fx = asset('s3://lake/fx');
type Inlets = TaskContext<unknown>['inletEvents'];
type Emit = TaskContext<unknown>['emit'];
const told = (events: readonly AssetEvent[]) => events.map(({ uri, extra }) => [uri, extra]);

describe('assets', () => {
  it.each([
    ['', '1 to 1500 characters'], [' s3://a', 'begins or ends with a blank'], ['s3://a\n', 'begins or ends with a blank'], ['s3://', 'names nothing behind its scheme'], ['1x://a', 'has no scheme'], [`long ${'x'.repeat(1500)}`, '1 to 1500 characters'],
    ['airflow://a', 'keeps for itself'],
  ])('are refused where their name could not be one: %.30j', (uri, rule) => {
    expect(() => asset(uri)).toThrow(rule);
    if (!uri.includes('://')) expect(() => assetAlias(uri)).toThrow('1 to 1500 characters without blanks');
  });

  it('stand in schedules by themselves, through aliases and inside each other', () => {
    const d = dag('d', { schedule: when.all(when.any(orders, assetAlias('todays')), fx) });
    d.empty('t');
    expect(serialize(d).schedule).toEqual({ kind: 'assets', condition: { kind: 'all', of: [{ kind: 'any', of: [{ kind: 'asset', uri: orders.uri }, { kind: 'alias', name: 'todays' }] }, { kind: 'asset', uri: fx.uri }] } });
  });

  it.each([
    ['nothing to wait for', () => when.any(), /there is no asset in it/],
    ['nothing of all', () => serialize(dag('d', { schedule: when.all() })), /"all" of nothing/],
    ['all of a time', () => when.all(orders, cron('0 0 * * *', { timezone: 'UTC' })), /a time cannot stand in when.all/],
    ['a time inside', () => when.all(when.any(orders, cron('0 0 * * *', { timezone: 'UTC' }))), /put all its parts into one when.any/i],
    ['a text', () => when.any('s3://lake/orders' as never), /takes assets, aliases and schedules/],
  ])('are refused as a schedule of %s', (_, build, message) => {
    expect(build).toThrow(message);
  });

  it('are told to the tasks of the run that they make, and what the run itself updates is answered', async () => {
    const mart = asset('dw://mart');
    const d = dag('d', { schedule: when.all(orders) });
    const seen = d.task('seen', async (_, { triggeringAssetEvents, run, emit }) => {
      emit(mart, { rows: triggeringAssetEvents.length });
      return [run.type, triggeringAssetEvents.map(({ extra, source }) => [extra, source?.taskId ?? null])];
    }, { outlets: [mart, fx] })();
    const result = await d.test({ ...quiet, assetEvents: [{ asset: orders, extra: { n: 1 }, source: { dagId: 'up', runId: 'r', taskId: 'load', mapIndex: -1 } }, { asset: orders }] });
    expect(result.value(seen)).toEqual(['asset', [[{ n: 1 }, 'load'], [{}, null]]]);
    expect(told(result.assetEvents)).toEqual([[mart.uri, { rows: 2 }], [fx.uri, {}]]);
    expect(result.assetEvents[0]?.source).toMatchObject({ dagId: 'd', taskId: 'seen', mapIndex: -1 });
  });

  it('reach templates by Airflow\'s names', async () => {
    const commands: unknown[] = [];
    provideOperators({ bash: async (fields) => commands.push(fields) });
    const d = dag('d', { schedule: when.all(orders) });
    d.task('t', bash({ command: 'true', env: { SAID: '{{ (triggering_asset_events.values() | first | first).extra.n }} {{ triggering_asset_events["s3://lake/orders"][0].source_dag_id }} {{ outlets[0].uri }} {{ inlets | length }}' } }), { outlets: [fx] })();
    await d.test({ ...quiet, assetEvents: [{ asset: orders, extra: { n: 7 }, source: { dagId: 'up', runId: 'r', taskId: 'load', mapIndex: -1 } }] });
    provideOperators({});
    expect(commands).toMatchObject([{ env: { SAID: '7 up s3://lake/fx 0' } }]);
  });

  it('may be emitted only where the task says so, and within bounds', async () => {
    const alias = assetAlias('todays');
    const state = async (act: (emit: Emit) => void): Promise<string> => {
      const lines: string[] = [];
      const d = dag('d');
      d.task('t', async (_, { emit }) => act(emit), { outlets: [orders, alias] })();
      const { state: ended } = await d.test({ log: ({ event }) => lines.push(event) });
      return ended === 'success' ? ended : (lines.at(-1) as string);
    };
    expect(await state((emit) => emit(fx, {}, { alias }))).toBe('success');
    expect(await state((emit) => emit(fx))).toMatch(/not one of its outlets: add the asset/);
    expect(await state((emit) => emit(fx, {}, { alias: assetAlias('other') }))).toMatch(/the alias 'other', which is not one of its outlets/);
    expect(await state((emit) => emit(orders, { text: 'x'.repeat(20_000) }))).toMatch(/16384 allowed/);
    expect(await state((emit) => [1, 2, 3].forEach(() => emit(orders, { text: 'x'.repeat(15_000) })))).toMatch(/32768 allowed/);
  });

  it('answer what was updated before to a task that reads them', async () => {
    const alias = assetAlias('todays');
    const d = dag('d');
    const read = d.task('read', async (_, { inletEvents }) => [(await inletEvents(orders, { limit: 2 })).map(({ extra }) => extra['n']), (await inletEvents(alias)).map(({ uri }) => uri)], { inlets: [orders, alias] })();
    const result = await d.test({ ...quiet, inletEvents: [1, 2, 3].map((n) => ({ asset: orders, extra: { n } })).concat([{ asset: fx, extra: { n: 4 }, alias } as never]) });
    expect(result.value(read)).toEqual([[2, 3], [fx.uri]]);
    for (const [act, message] of [[(inletEvents: Inlets) => inletEvents(fx), "'s3://lake/fx', which is not one of its inlets"], [(inletEvents: Inlets) => inletEvents(orders, { limit: 0 }), 'asks for 0 events']] as const) {
      const lines: string[] = [];
      const bad = dag('bad');
      bad.task('read', async (_, { inletEvents }) => (await act(inletEvents)).length, { inlets: [orders] })();
      await bad.test({ log: ({ event }) => lines.push(event) });
      expect(lines.at(-1)).toContain(message);
    }
  });

  it('make the runs of a tested schedule, beside those of its time', async () => {
    const d = dag('d', { schedule: when.any(when.all(orders, fx), cron('0 12 * * *', { timezone: 'UTC' })) });
    d.task('t', async (_, { triggeringAssetEvents }) => triggeringAssetEvents.length)();
    const { runs } = await d.testSchedule({
      ...quiet, from: '2027-01-01', to: '2027-01-02T13:00',
      updates: [{ at: '2027-01-01T08:00', asset: orders }, { at: '2027-01-01T10:00', asset: fx, extra: { n: 1 } }, { at: '2027-01-01T18:00', asset: fx }, { at: '2027-01-02T12:30', asset: orders }, { at: '2027-01-02T12:40', asset: orders }],
    });
    expect(runs.map(({ triggeredBy, runAfter, state }) => [triggeredBy, runAfter, state])).toEqual([
      ['asset', '2027-01-01T10:00:00+00:00', 'success'], ['timetable', '2027-01-01T12:00:00+00:00', 'success'], ['timetable', '2027-01-02T12:00:00+00:00', 'success'], ['asset', '2027-01-02T12:30:00+00:00', 'success'],
    ]);
    const byHand = dag('h');
    byHand.empty('t');
    await expect(byHand.testSchedule({ from: '2027-01-01', to: '2027-01-02', updates: [{ at: '2027-01-01', asset: orders }] })).rejects.toThrow("the schedule of 'h' names no asset");
  });
});

it('says of an asset what its author does, once, and of others nothing', () => {
  const orders = asset('s3://lake/orders', { name: 'orders', group: 'sales', extra: { owner: 'ann' } });
  const d = dag('describes', { schedule: when.any(orders, asset('s3://lake/plain')) });
  d.task('read', async () => {}, { inlets: [orders], outlets: [asset('s3://lake/out', { extra: { hi: 'bye' } })] })();
  expect(serialize(d).assets).toEqual([{ uri: 's3://lake/orders', name: 'orders', group: 'sales', extra: { owner: 'ann' } }, { uri: 's3://lake/out', extra: { hi: 'bye' } }]);
  const again = dag('says_two_things', { schedule: when.any(orders) });
  again.task('other', async () => {}, { outlets: [asset('s3://lake/orders', { name: 'sales' })] })();
  expect(() => serialize(again)).toThrow('an asset has one name, group and extra');
  const bad = dag('named_badly', { schedule: when.any(asset('a', { name: ' ' })) });
  bad.empty('x');
  expect(() => serialize(bad)).toThrow('assets.a.name');
});
