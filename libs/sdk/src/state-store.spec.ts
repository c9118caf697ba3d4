import { expect, it } from 'vitest';
import { asset, assetAlias } from './asset.ts';
import { dag } from './dag.ts';
import type { TaskContext } from './types.ts';

const ORDERS = asset('s3://lake/orders');
const lines: string[] = [];
const quiet = { log: ({ level, event }: { level: string; event: string }) => void lines.push(`${level} ${event}`) };

it('the next try goes on where the one before has ended, and its clock lets what is kept expire', async () => {
  const d = dag('resuming');
  const load = d.task('load', async (_: {}, { taskState, tryNumber }) => {
    const done = await taskState.get('done', 0);
    await taskState.set('done', done + 1, { retention: 'never' });
    await taskState.set('short', tryNumber, { retention: '1m' });
    if (done < 2) throw new Error('not yet');
    await taskState.delete('nothing');
    return [done, await taskState.get('nothing') ?? null, await taskState.get<number>('short')];
  }, { retries: 2, retryDelay: '1h' })();
  const result = await d.test(quiet);
  expect(result.value(load)).toEqual([2, null, 3]);
  expect(result.taskState(load)).toEqual({ done: 3, short: 3 });
});

it('an entry whose time is over is not there for the next try', async () => {
  const d = dag('forgetting');
  const load = d.task('load', async (_: {}, { taskState }) => {
    if ((await taskState.get('seen')) !== undefined) throw new Error('it should be gone');
    if ((await taskState.get('tries', 0)) === 1) return 'gone';
    await taskState.set('tries', 1);
    await taskState.set('seen', true, { retention: '1m' });
    throw new Error('again');
  }, { retries: 1, retryDelay: '1h' })();
  expect((await d.test(quiet)).value(load)).toBe('gone');
});

it('instances of a mapped task keep apart, and a run of its own keeps nothing of another', async () => {
  const d = dag('mapped', { schedule: '@daily', startDate: '2026-01-01' });
  const each = d.task('each', async ({ n }: { n: number }, { taskState }) => {
    const before = await taskState.get('n', null);
    await taskState.set('n', n);
    return before;
  }).expand({ n: [10, 20] });
  const { runs } = await d.testSchedule({ from: '2026-01-01', to: '2026-01-02', ...quiet });
  expect(runs.map((run) => run.value(each))).toEqual([[], []]);
  expect([runs[1]?.taskState(each, 0), runs[1]?.taskState(each, 1), runs[1]?.taskState(each)]).toEqual([{ n: 10 }, { n: 20 }, {}]);
});

it('what is kept of an asset outlives the run', async () => {
  const d = dag('watermark', { schedule: '@daily', startDate: '2026-01-01' });
  const load = d.task('load', async (_: {}, { assetState, ds }) => {
    const state = assetState(ORDERS);
    const since = await state.get('watermark', 'the beginning');
    await assetState().set('watermark', ds);
    return since;
  }, { inlets: [ORDERS], outlets: [ORDERS] })();
  const { runs } = await d.testSchedule({ from: '2026-01-01', to: '2026-01-03', ...quiet });
  expect(runs.map((run) => run.value(load))).toEqual(['the beginning', '2026-01-01', '2026-01-02']);
  expect(runs[2]?.assetState(ORDERS)).toEqual({ watermark: '2026-01-03' });
  expect((await d.test({ ...quiet, assetState: [{ asset: ORDERS, key: 'watermark', value: 'given' }] })).value(load)).toBe('given');
});

it('clears all of its own and nothing of others', async () => {
  const d = dag('clearing');
  const other = d.task('other', async (_: {}, { taskState }) => taskState.set('k', 1))();
  const own = d.task('own', async (_: {}, { taskState, assetState }) => {
    await Promise.all([taskState.set('a', 1), taskState.set('b', { n: [1] }), assetState().set('c', 1)]);
    await taskState.clear();
  }, { inlets: [ORDERS] })().after(other);
  const result = await d.test(quiet);
  expect([result.taskState(own), result.taskState(other), result.assetState(ORDERS)]).toEqual([{}, { k: 1 }, { c: 1 }]);
});

const refusals: [string, (ctx: TaskContext<{}>) => unknown, string][] = [
  ['null', ({ taskState }) => taskState.set('k', null as never), 'says nothing; delete the key instead'],
  ['NaN', ({ taskState }) => taskState.set('k', { rate: Number.NaN }), 'NaN or Infinity'],
  ['a key without characters', ({ taskState }) => taskState.get(''), 'is no text of 1 to 512 characters'],
  ['over 1 MB', ({ taskState }) => taskState.set('k', '가'.repeat(400_000)), 'of at most 1000000'],
  ['a retention that is no duration', ({ taskState }) => taskState.set('k', 1, { retention: 'a while' as never }), 'retention'],
  ['a retention of ages', ({ taskState }) => taskState.set('k', 1, { retention: '99999999d' }), 'up to 36,500 days'],
  ['an asset that is none of the task', ({ assetState }) => assetState(asset('s3://lake/others')).get('k'), 'add the asset to inlets'],
  ['an asset by its name', ({ assetState }) => assetState('s3://lake/orders' as never), 'give what asset() answered'],
  ['no asset, of two', ({ assetState }) => assetState(), 'has 2 assets'],
];
it.each(refusals)('refuses %s with a sentence', async (_, ask, sentence) => {
  const d = dag('refused');
  const refused = d.task('refused', async (__: {}, ctx) => { await ask(ctx); }, { inlets: [ORDERS], outlets: [asset('s3://lake/returns')] })();
  lines.length = 0;
  const result = await d.test(quiet);
  expect([result.stateOf(refused), lines.join()]).toEqual(['failed', expect.stringContaining(sentence)]);
});

it('warns of a large value, and keeps it', async () => {
  const d = dag('large');
  const large = d.task('large', async (_: {}, { taskState }) => taskState.set('big', 'x'.repeat(70_000)))();
  lines.length = 0;
  const result = await d.test(quiet);
  expect([(result.taskState(large)['big'] as string).length, lines]).toEqual([70_000, [expect.stringMatching(/^warning the state 'big' was kept, though the value is 70002 bytes/)]]);
});

it('an inlet that is an alias opens the state of assets; which of them, the gateway knows', async () => {
  const d = dag('aliased');
  const read = d.task('read', async (_: {}, { assetState }) => assetState(ORDERS).get('k', 'none'), { inlets: [assetAlias('todays')] })();
  expect((await d.test(quiet)).value(read)).toBe('none');
});
