import { describe, expect, it } from 'vitest';
import { asset, dag, runnableOf, serialize, watcher, when, type TaskIo, type TaskRunRequest } from './index.ts';

const URI = 's3://lake/inbox';
const REQUEST: TaskRunRequest = {
  attempt: { dagId: 'd', runId: 'key', taskId: '~watcher', mapIndex: -1, tryNumber: 1 },
  work: {
    kind: 'watcher', watcher: { dagId: 'd', uri: URI, name: 'inbox', last: 'b' }, bundleHash: 'b', maxTries: 1, results: {},
    run: { runType: 'asset_triggered', logicalDateMs: null, dataInterval: null, runAfterMs: 0, conf: {}, params: {} },
  },
};

function dagWatchedBy(...watchers: Parameters<typeof watcher>[]) {
  const d = dag('d', { schedule: when.any(asset(URI, { watchers: watchers.map((one) => watcher(...one)) }), asset('s3://lake/other')) });
  d.empty('load');
  return d;
}

function run(watch: Parameters<typeof watcher>[1], waits: number[] = []) {
  const io = { signal: new AbortController().signal, nowMs: () => 0, log: () => undefined, operators: {}, wait: async (ms: number) => { waits.push(ms); } } as unknown as TaskIo;
  return runnableOf(dagWatchedBy(['inbox', watch, { every: '10s' }]))?.run(REQUEST, io);
}

describe('a watcher', () => {
  it('stands in the definition by its name, for an asset that the schedule waits for', () => {
    const inbox = asset(URI, { watchers: [watcher('a', () => null, { every: '10s' }), watcher('b', () => null, { every: '1m' })] });
    const d = dag('d', { schedule: when.all(when.any(inbox, asset('x')), inbox) });
    d.task('load', async () => 1, { inlets: [asset('y', { watchers: [watcher('c', () => null, { every: '1s' })] })] })();
    expect(serialize(d).watchers).toEqual([{ uri: URI, name: 'a' }, { uri: URI, name: 'b' }]);
    const plain = dag('plain', { schedule: when.all(asset('x')) });
    plain.empty('a');
    expect('watchers' in serialize(plain)).toBe(false);
  });

  it('looks again and again until it sees something, and is told what it saw last', async () => {
    const waits: number[] = [];
    const asked: unknown[] = [];
    const outcome = await run(({ last, uri }) => { asked.push([uri, last]); return asked.length < 3 ? undefined : { id: 'c', extra: { rows: 3 } }; }, waits);
    expect(outcome).toEqual({ kind: 'fired', event: { uri: URI, name: 'inbox', updates: [{ id: 'c', extra: { rows: 3 } }] } });
    expect([asked, waits]).toEqual([[[URI, 'b'], [URI, 'b'], [URI, 'b']], [10_000, 10_000]]);
  });

  it('may tell of several updates, and of one without an id', async () => {
    const outcome = await run(() => [{ id: 'c' }, { extra: { n: 1 } }]);
    expect(outcome).toEqual({ kind: 'fired', event: { uri: URI, name: 'inbox', updates: [{ id: 'c', extra: {} }, { id: expect.stringMatching(/^[0-9a-f-]{36}$/), extra: { n: 1 } }] } });
  });

  it('fails by what it throws', async () => {
    expect(await run(() => { throw new TypeError('no such queue'); })).toMatchObject({ kind: 'failed', failure: { code: 'error', message: 'TypeError: no such queue' } });
  });

  it.each<[string, () => unknown, string]>([
    ['no name', () => watcher('a b', () => null, { every: '1s' }), 'watcher is "a b": a watcher has a name'],
    ['no function', () => watcher('a', 'look' as never, { every: '1s' }), "watcher 'a' is \"string\": what watches is a function"],
    ['no pause', () => watcher('a', () => null, {} as never), "every of watcher 'a' is undefined: a duration is a number with the unit"],
    ['two of a name', () => serialize(dagWatchedBy(['a', () => null, { every: '1s' }], ['a', () => null, { every: '1s' }])), `"a of ${URI}": each watcher of an asset has a name of its own`],
    ['something else', () => { const d = dag('d', { schedule: when.all(asset('x', { watchers: ['inbox' as never] })) }); d.empty('a'); return serialize(d); }, "watchers in the schedule of 'd' is \"string\": a watcher is made by watcher()"],
  ])('is refused with %s', (_, made, told) => {
    expect(made).toThrow(told);
  });
});
